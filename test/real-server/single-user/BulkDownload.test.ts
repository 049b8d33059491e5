import { client } from "../Client.ts"
import { bulkDownloadSuite } from "../suites/BulkDownload.ts"

bulkDownloadSuite("the only user", client())
