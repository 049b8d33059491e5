import { client } from "../Client.ts"
import { bulkDownloadSuite } from "../suites/BulkDownload.ts"
import { otherRoutesSuite } from "../suites/OtherRoutes.ts"
import * as Support from "../Support.ts"

bulkDownloadSuite("a user", client(Support.accounts[1]))
otherRoutesSuite("a user", client(Support.accounts[1]))
