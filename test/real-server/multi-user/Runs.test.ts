import { client } from "../Client.ts"
import { runsSuite } from "../suites/Runs.ts"
import * as Support from "../Support.ts"

runsSuite("a user", client(Support.accounts[1]))
