import { client } from "../Client.ts"
import { bulkDownloadSuite } from "../suites/BulkDownload.ts"
import { otherRoutesSuite } from "../suites/OtherRoutes.ts"

bulkDownloadSuite("the only user", client())
otherRoutesSuite("the only user", client())
