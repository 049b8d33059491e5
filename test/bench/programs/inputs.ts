/** Lists the inputs of a workflow with the bundled node types, as `docs/guides/fast-start.md` bundles it. */
import * as Snapshot from "@effect-invokeai/core/catalog/Snapshot"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as Effect from "effect/Effect"
import { printStart, workflow } from "./report.ts"

await Effect.runPromise(
  Effect.gen(function*() {
    if ((yield* Workflow.fromFile(workflow)).inputs.length === 0) throw new Error("no inputs")
    printStart()
  }).pipe(Effect.provide([Snapshot.layer, NodeFileSystem.layer, NodePath.layer]))
)
