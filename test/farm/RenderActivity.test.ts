import * as RenderActivity from "@effect-invokeai/farm/RenderActivity"
import * as SqliteClient from "@effect-invokeai/farm/SqliteClient"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import * as Simulator from "@effect-invokeai/testing/Simulator"
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as ClusterWorkflowEngine from "effect/cluster/ClusterWorkflowEngine"
import * as SingleRunner from "effect/cluster/SingleRunner"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Activity from "effect/workflow/Activity"
import * as DurableDeferred from "effect/workflow/DurableDeferred"
import * as Workflow from "effect/workflow/Workflow"
import * as WorkflowEngine from "effect/workflow/WorkflowEngine"

const photo = "examples/mountain.png"

const Order = Workflow.make("Order", {
  payload: { id: Schema.String },
  idempotencyKey: ({ id }) => id,
  success: Schema.Struct({ width: Schema.Number, files: Schema.Array(Schema.String) }),
  error: RenderActivity.RenderFailed
})

const Approval = DurableDeferred.make("Approval")

/** An order renders, waits for its approval, and renders what it made at another size. */
const orders = (directory: string) => {
  const thumbnail = RenderActivity.make("examples/soft-thumbnail.json", { directory })
  return Order.toLayer(Effect.fn(function*({ id }) {
    const first = yield* Activity.retry(thumbnail("first", { photo, width: 64 }), {
      times: 1,
      while: ({ tag }) => tag === "JobFailed"
    })
    yield* DurableDeferred.await(Approval)
    const second = yield* thumbnail(`second ${id}`, { photo: first.images[0], width: 32 })
    return { width: second.images[0]?.width ?? 0, files: [...first.files, ...second.files] }
  }))
}

/** The engine of one process on a database file. */
const engine = (filename: string) =>
  Layer.fresh(ClusterWorkflowEngine.layer.pipe(
    Layer.provideMerge(SingleRunner.layer({ runnerStorage: "memory" })),
    Layer.provide([SqliteClient.layer({ filename }), NodeCrypto.layerDigest])
  ))

const withServer = <A, E>(
  effect: (
    directory: string
  ) => Effect.Effect<
    A,
    E,
    Layer.Success<ReturnType<typeof InvokeAiTest.layer>> | NodeServices.NodeServices | Scope.Scope
  >
) =>
  Effect.scoped(Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    return yield* effect(yield* fs.makeTempDirectoryScoped())
  })).pipe(Effect.provide([InvokeAiTest.layer(), NodeServices.layer]))

/** Does something in a process that ends with it. */
const inProcess = <A, E, R>(directory: string, effect: Effect.Effect<A, E, R>) =>
  Effect.provide(effect, orders(directory).pipe(Layer.provideMerge(engine(`${directory}/orders.db`))))

const approve = (id: string) =>
  Effect.gen(function*() {
    const token = yield* DurableDeferred.tokenFromPayload(Approval, { workflow: Order, payload: { id } })
    yield* DurableDeferred.succeed(Approval, { token, value: undefined })
  })

const statuses = Simulator.Simulator.use((simulator) =>
  Effect.map(simulator.state, ({ items }) => items.map(({ status }) => status))
)

const uploads = Simulator.Simulator.use((simulator) =>
  Effect.map(simulator.state, ({ images }) => images.filter(({ category }) => category === "user").length)
)

const until = <E, R>(condition: Effect.Effect<boolean, E, R>) =>
  condition.pipe(
    Effect.repeat({ until: (done) => done, schedule: Schedule.spaced("20 millis") }),
    Effect.timeout("20 seconds")
  )

describe("RenderActivity", () => {
  it.live(
    "renders each step once, however often its workflow is resumed",
    () =>
      withServer((directory) =>
        Effect.gen(function*() {
          yield* inProcess(
            directory,
            Effect.gen(function*() {
              yield* Order.execute({ id: "a" }, { discard: true })
              yield* until(Effect.map(statuses, (all) => all[0] === "completed"))
              yield* Effect.sleep("200 millis")
            })
          )
          const result = yield* inProcess(directory, Effect.andThen(approve("a"), Order.execute({ id: "a" })))
          assert.strictEqual(result.width, 32)
          assert.strictEqual(result.files.length, 2)
          assert.deepStrictEqual(yield* statuses, ["completed", "completed"])
          assert.strictEqual(yield* uploads, 0)
        })
      ),
    { timeout: 30_000 }
  )

  it.live(
    "leaves its job running when the process stops, and gives its outputs to the next one",
    () =>
      withServer((directory) =>
        Effect.gen(function*() {
          const simulator = yield* Simulator.Simulator
          yield* simulator.setDurations({ node: "600 millis" })
          yield* inProcess(
            directory,
            Effect.gen(function*() {
              yield* Order.execute({ id: "a" }, { discard: true })
              yield* until(Effect.map(statuses, (all) => all.length === 1))
            })
          )
          assert.notInclude(yield* statuses, "canceled")
          const result = yield* inProcess(directory, Effect.andThen(approve("a"), Order.execute({ id: "a" })))
          assert.strictEqual(result.width, 32)
          assert.deepStrictEqual(yield* statuses, ["completed", "completed"])
        })
      ),
    { timeout: 30_000 }
  )

  it.live(
    "cancels its job when the workflow is interrupted, and deletes its uploads",
    () =>
      withServer((directory) =>
        Effect.gen(function*() {
          const simulator = yield* Simulator.Simulator
          yield* simulator.setDurations({ node: "4 seconds" })
          yield* inProcess(
            directory,
            Effect.gen(function*() {
              const executionId = yield* Order.execute({ id: "a" }, { discard: true })
              yield* until(Effect.map(statuses, (all) => all[0] === "in_progress"))
              yield* Order.interrupt(executionId)
              yield* until(Effect.map(statuses, (all) => all[0] === "canceled"))
              yield* until(
                Effect.map(Order.poll(executionId), (result) =>
                  result._tag === "Some" && result.value._tag === "Complete")
              )
            })
          )
          assert.strictEqual(yield* uploads, 0)
        })
      ),
    { timeout: 30_000 }
  )

  it.live(
    "cancels its job when the workflow is interrupted without waiting for it",
    () =>
      withServer((directory) =>
        Effect.gen(function*() {
          const simulator = yield* Simulator.Simulator
          yield* simulator.setDurations({ node: "4 seconds" })
          yield* inProcess(
            directory,
            Effect.gen(function*() {
              const executionId = yield* Order.execute({ id: "a" }, { discard: true })
              yield* until(Effect.map(statuses, (all) => all[0] === "in_progress"))
              yield* WorkflowEngine.WorkflowEngine.use((each) => each.interruptUnsafe(Order, executionId))
              yield* until(Effect.map(statuses, (all) => all[0] === "canceled"))
            })
          )
        })
      ),
    { timeout: 30_000 }
  )

  it.live(
    "fails with the tag of the error, and runs again as another job with Activity.retry",
    () =>
      withServer((directory) =>
        Effect.gen(function*() {
          const simulator = yield* Simulator.Simulator
          yield* simulator.whenNode("img_resize", Simulator.failsWith("OutOfMemoryError", "CUDA out of memory."))
          const error = yield* Effect.flip(inProcess(directory, Order.execute({ id: "a" })))
          assert.strictEqual(error._tag, "RenderFailed")
          assert.deepInclude({ ...error }, { activity: "first", tag: "JobFailed", advice: "elsewhere" })
          assert.include(error.message, "Could not render \"first\": Node \"Resize Image\"")
          assert.deepStrictEqual(yield* statuses, ["failed", "failed"])
        })
      ),
    { timeout: 30_000 }
  )

  it.live(
    "submits another job if a restart of the server canceled it",
    () =>
      withServer((directory) =>
        Effect.gen(function*() {
          const simulator = yield* Simulator.Simulator
          yield* simulator.setDurations({ node: "400 millis" })
          const result = yield* inProcess(
            directory,
            Effect.gen(function*() {
              const fiber = yield* Effect.forkChild(Order.execute({ id: "a" }))
              yield* until(Effect.map(statuses, (all) => all[0] === "in_progress"))
              yield* simulator.restart()
              yield* simulator.setDurations({ node: "1 millis" })
              yield* approve("a")
              return yield* Fiber.join(fiber)
            })
          )
          assert.strictEqual(result.width, 32)
          assert.deepStrictEqual(yield* statuses, ["canceled", "completed", "completed"])
        })
      ),
    { timeout: 30_000 }
  )
})
