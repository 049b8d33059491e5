import { client } from "../Client.ts"
import { useCasesSuite } from "../suites/UseCases.ts"
import * as Support from "../Support.ts"

useCasesSuite("a user", client(Support.accounts[1]))
