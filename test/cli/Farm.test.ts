import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import { withServer } from "../examples/support.ts"
import { farmSuite } from "./farmSuite.ts"

farmSuite(
  "the simulator",
  (use) => withServer({ nodeDuration: 50, stepDuration: 0 }, ({ url }) => Effect.provide(use(url), NodeServices.layer))
)
