import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import { withServer } from "../examples/support.ts"
import { subcommandsSuite } from "./subcommands.ts"

subcommandsSuite(
  "the simulator",
  (use) => withServer({ nodeDuration: 0, stepDuration: 0 }, ({ url }) => Effect.provide(use(url), NodeServices.layer))
)
