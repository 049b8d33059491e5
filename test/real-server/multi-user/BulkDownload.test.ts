import { client } from "../Client.ts"
import { bulkDownloadSuite } from "../suites/BulkDownload.ts"
import * as Support from "../Support.ts"

bulkDownloadSuite("a user", client(Support.accounts[1]))
