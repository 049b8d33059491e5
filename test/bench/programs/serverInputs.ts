/** Lists the inputs of a workflow with the node types of the server, as `docs/guides/fast-start.md` bundles it. */
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import * as Effect from "effect/Effect"
import { printStart, url, workflow } from "./report.ts"

await Effect.runPromise(
  Effect.gen(function*() {
    if ((yield* Workflow.fromFile(workflow)).inputs.length === 0) throw new Error("no inputs")
    printStart()
  }).pipe(Effect.provide(NodeInvokeAi.layer({ url })))
)
