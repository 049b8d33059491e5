import * as WorkflowBatch from "@effect-invokeai/core/batch/WorkflowBatch"
import * as InvokeAi from "@effect-invokeai/core/InvokeAi"
import * as Job from "@effect-invokeai/core/job/Job"
import { EventTransport } from "@effect-invokeai/core/server/EventTransport"
import { Images } from "@effect-invokeai/core/server/Images"
import { Models, toIdentifier } from "@effect-invokeai/core/server/Models"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Support from "../Support.ts"

const reads: Array<string> = []

/** A client whose reads of queue items are noted. */
const client = InvokeAi.layer({ url: Support.url }).pipe(
  Layer.provide([
    Layer.effect(
      HttpClient.HttpClient,
      Effect.map(
        HttpClient.HttpClient,
        HttpClient.tap(({ request: { method, url } }) =>
          Effect.sync(() => {
            if (method === "GET" && /\/i\/\d+$/.test(url)) reads.push(url)
          })
        )
      )
    ).pipe(Layer.provide(Support.httpClient)),
    EventTransport.layerSocketIo
  ]),
  Layer.provideMerge(NodeServices.layer)
)

/** Older servers report the states of items only with the items, which a client then reads now and then. */
const hasSummaries = Support.has("POST /api/v1/queue/{queue_id}/item_summaries_by_ids")

const open = (name: string) => Workflow.fromFile(Support.workflowFile(name))

const workflows = Effect.gen(function*() {
  const image = yield* Images.use((images) =>
    images.upload({ data: Support.picture(64, 64), fileName: "a.png", category: "user", isIntermediate: false })
  )
  const model = yield* Models.use((models) => models.findByName(Support.modelName))
  return {
    numbers: yield* open("text-only"),
    blur: yield* Effect.flatMap(
      open("image-blur"),
      Workflow.setInputs({ Picture: { image_name: image.image_name } })
    ),
    batch: yield* open("batch-groups"),
    generated: yield* Effect.flatMap(
      open("sd1-text-to-image"),
      Workflow.setInputs({ model: toIdentifier(Option.getOrThrow(model)), Width: 64, Height: 64, Steps: 1 })
    )
  }
})

it.live("returns from events exactly what reading the items returns", () =>
  Effect.gen(function*() {
    const { batch, blur, generated, numbers } = yield* workflows
    for (
      const [name, workflow, options] of [
        ["numbers", numbers, { runs: 2 }],
        ["blur", blur, {}],
        ["batch", batch, {}],
        ["seeds", generated, { runs: 2, seed: "perRun" }]
      ] as const
    ) {
      reads.length = 0
      yield* Effect.scoped(Effect.gen(function*() {
        const made = yield* WorkflowBatch.make(workflow, options)
        const job = yield* Job.submitBatch(made)
        const result = yield* job.await
        if (hasSummaries) assert.deepStrictEqual(reads, [], name)
        const attached = yield* Job.attach(job.batchId, { nodes: made.nodes })
        assert.deepStrictEqual(result, yield* attached.await, name)
        if (hasSummaries) assert.lengthOf(reads, made.size, name)
      }))
    }
  }).pipe(Effect.provide(client)), { timeout: 60_000 })
