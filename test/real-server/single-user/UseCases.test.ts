import { client } from "../Client.ts"
import { useCasesSuite } from "../suites/UseCases.ts"

useCasesSuite("no account", client())
