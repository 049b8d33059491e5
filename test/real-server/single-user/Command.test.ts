import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import { farmSuite } from "../../cli/farmSuite.ts"
import { subcommandsSuite } from "../../cli/subcommands.ts"
import * as Support from "../Support.ts"

subcommandsSuite("the real server", (use) => Effect.provide(use(Support.url), NodeServices.layer))
farmSuite("the real server", (use) => Effect.provide(use(Support.url), NodeServices.layer))
