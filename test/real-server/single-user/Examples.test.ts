import * as Job from "@effect-invokeai/core/job/Job"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { fileURLToPath } from "node:url"
import * as WorkflowGraph from "../../../packages/core/src/batch/WorkflowGraph.ts"
import { client } from "../Client.ts"

const file = fileURLToPath(new URL("../../../examples/flux-image-to-image.json", import.meta.url))

it.layer(client(), { excludeTestServices: true })("the FLUX image-to-image example", (it) => {
  it.effect(
    "is a graph that the server accepts, and that fails only because a model is missing",
    () =>
      Effect.gen(function*() {
        const workflow = yield* Workflow.fromFile(file)
        assert.deepStrictEqual(workflow.warnings, [])
        const model = (name: string, type: string) => ({ key: name, hash: name, name, base: "flux", type })
        const ready = yield* workflow.pipe(Workflow.setInputs({
          t5_encoder_model: model("absent-t5", "t5_encoder"),
          clip_embed_model: model("absent-clip", "clip_embed"),
          vae_model: model("absent-vae", "vae"),
          image: "absent.png",
          "01f674f8-b3d1-4df1-acac-6cb8e0bfb63c.prompt": "a mountain"
        }))
        const job = yield* Job.submitBatch({
          graph: WorkflowGraph.build(ready.loaded),
          data: undefined,
          workflow: Workflow.toDefinition(ready),
          runs: 1,
          size: 1,
          nodes: new Map()
        })
        assert.strictEqual(job.enqueued?.enqueued, 1)
        const error = yield* Effect.flip(job.await)
        assert.strictEqual(error.reason._tag, "JobFailed")
        assert.match(error.message, /Unknown model|UnknownModel/)
      }).pipe(Effect.scoped),
    60_000
  )
})
