import { client } from "../Client.ts"
import { runsSuite } from "../suites/Runs.ts"

runsSuite("the only user", client())
