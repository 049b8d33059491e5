import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import * as Job from "@effect-invokeai/core/job/Job"
import type { WorkflowOutput } from "@effect-invokeai/core/job/Outputs"
import { Images } from "@effect-invokeai/core/server/Images"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import { assert, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { createHash } from "node:crypto"
import { picture } from "../../media.ts"
import { client } from "../Client.ts"
import * as Support from "../Support.ts"
import { start } from "./processes.ts"

const seeds = [1, 2]

/** A proxy process in front of the server, and its port. */
const proxy = (seed: number) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const script = start("proxy.ts", new URL(Support.url).port, String(seed))
      await script.says(/^port \d+$/)
      const port = script.lines.flatMap((line) => /^port (\d+)$/.exec(line)?.[1] ?? [])[0]
      return { script, url: `http://127.0.0.1:${port}` }
    }),
    ({ script }) =>
      Effect.promise(async () => {
        script.process.kill("SIGTERM")
        await script.ended
        console.log(`seed ${seed}: ${script.lines.at(-1)}`)
      })
  )

/** What does not differ from run to run: no names, no times. */
const shape = (outputs: WorkflowOutput): string =>
  JSON.stringify(outputs.items.map((item) => ({
    itemIndex: item.itemIndex,
    status: item.status,
    values: item.fieldValues.map((value) => [value.fieldName, value.value]),
    outputs: item.outputs.map((output) =>
      JSON.stringify([
        output._tag,
        output.nodeLabel,
        output.iteration,
        "value" in output ? output.value : null,
        output._tag === "InkImageOutput" ? [output.width, output.height] : null
      ])
    ).toSorted()
  })))

const submit = (name: string, origin: string, values: Readonly<Record<string, unknown>> = {}) =>
  Effect.gen(function*() {
    const workflow = yield* Workflow.fromFile(Support.workflowFile(name))
    return yield* Job.submit(yield* Workflow.setInputs(workflow, values), { origin, resendAfter: "1 second" })
  })

const finish = Effect.fnUntraced(function*(job: Job.Job) {
  const streamed = yield* Stream.runCollect(job.outputStream)
  const { outputs } = yield* job.await
  assert.sameMembers(
    streamed.map((output) => `${output.itemId} ${output.preparedId}`),
    outputs.all.map((output) => `${output.itemId} ${output.preparedId}`)
  )
  return outputs
})

/** An upload whose connection broke is not sent again by itself: whether to wait for that is up to the program. */
const upload = (png: Uint8Array) =>
  Assets.uploadBytes(png).pipe(
    Effect.retry({
      while: (error) => error._tag === "UploadError" && (error.reason === "Connection" || error.reason === "Timeout"),
      schedule: Schedule.spaced("200 millis").pipe(Schedule.upTo({ times: 8 }))
    })
  )

type Program = Effect.Effect<string, unknown, NodeInvokeAi.Services>

const programs = (origin: string): ReadonlyArray<Program> => [
  ...[1, 2, 3, 4].map((number) =>
    Effect.flatMap(submit("text-only", origin, { Name: `proxy ${number}`, Number: number, Plus: 40 }), finish).pipe(
      Effect.map(shape),
      Effect.scoped
    )
  ),
  Effect.flatMap(submit("batch-groups", origin), finish).pipe(Effect.map(shape), Effect.scoped),
  Effect.flatMap(submit("iterate-and-collect", origin, { To: 4 }), finish).pipe(Effect.map(shape), Effect.scoped),
  Effect.gen(function*() {
    const photo = yield* upload(picture(64, 48, 9))
    const workflow = yield* Workflow.fromFile(Support.workflowFile("image-blur"))
    const ready = yield* Workflow.setInput(workflow, workflow.inputs[0]!.systemName, photo)
    const job = yield* Job.submit(ready, { origin, resendAfter: "1 second" })
    const outputs = yield* finish(job)
    const png = yield* Downloads.bytes(outputs.finalImages[0]?.imageName ?? "")
    return shape(outputs) + createHash("sha256").update(Support.pixels(png)).digest("hex")
  }).pipe(Effect.scoped),
  Effect.gen(function*() {
    const job = yield* submit("division-by-zero", origin)
    const error = yield* Effect.flip(job.await)
    return error.reason._tag === "JobFailed"
      ? `${error.reason.nodeLabel} ${error.reason.errorType} ${shape(error.reason.outputs)}`
      : error.message
  }).pipe(Effect.scoped),
  Effect.gen(function*() {
    const job = yield* submit("many-blurs", origin)
    yield* job.cancel
    const error = yield* Effect.flip(job.await)
    return `${error._tag} ${error.reason._tag === "JobCanceled" && error.reason.requested}`
  }).pipe(Effect.scoped)
]

const run = (url: string, origin: string) =>
  Effect.all(programs(origin), { concurrency: 5 }).pipe(
    Effect.timed,
    Effect.tap(([time]) => Effect.sync(() => console.log(`${origin}: ${Math.round(Duration.toMillis(time))} ms`))),
    Effect.map(([, results]) => results),
    Effect.provide(NodeInvokeAi.layer({
      url,
      timeout: "3 seconds",
      transferTimeout: "4 seconds",
      idleTimeout: "2 seconds",
      retries: 8
    }))
  )

it.layer(client(), { excludeTestServices: true })(
  "A proxy that cuts, delays, half-closes and stops responding",
  (it) => {
    it.effect("changes no result", () =>
      Effect.gen(function*() {
        const images = yield* Images
        const queue = yield* SessionQueue
        const before = new Set((yield* images.names()).image_names)
        const direct = yield* run(Support.url, `direct-${process.pid}`)
        for (const seed of seeds) {
          const origin = `proxied-${process.pid}-${seed}`
          const proxied = yield* Effect.scoped(Effect.flatMap(proxy(seed), ({ url }) => run(url, origin)))
          assert.deepStrictEqual(proxied, direct, `seed ${seed}`)
          // Nothing ran twice: as many items ended well as without the proxy, and none still waits.
          const items = (yield* queue.listAll()).filter((item) => item.origin === origin)
          const completed = items.filter((item) => item.status === "completed")
          assert.strictEqual(completed.length, 4 + 6 + 1 + 1, `seed ${seed}`)
          assert.strictEqual(new Set(items.map((item) => item.batch_id)).size, 9, `seed ${seed}`)
          assert.isTrue(items.every((item) => item.status !== "pending" && item.status !== "in_progress"))
        }
        const left = (yield* images.names()).image_names.filter((name) => !before.has(name))
        yield* images.deleteMany(left)
      }), 180_000)
  }
)
