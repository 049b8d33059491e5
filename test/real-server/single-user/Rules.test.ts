import { client } from "../Client.ts"
import { rulesSuite } from "../suites/Rules.ts"

rulesSuite("the only user", client())
