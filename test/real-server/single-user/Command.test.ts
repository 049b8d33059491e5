import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import { subcommandsSuite } from "../../cli/subcommands.ts"
import * as Support from "../Support.ts"

subcommandsSuite("the real server", (use) => Effect.provide(use(Support.url), NodeServices.layer))
