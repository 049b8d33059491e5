/**
 * An order that waits for a person: render, approve, scale up, publish. `node examples/approval.ts order-1`, and then, as
 * late as you like, `node examples/approval.ts order-1 approve` or `… reject`
 *
 * Every step is done once, however often the program is stopped or killed in between. The state is in `state/orders.db`, or
 * in the Postgres that DATABASE_URL names. Then several processes can run this program at the same time, each with a
 * RUNNER_PORT of its own, and on other machines with their RUNNER_HOST.
 */
import * as RenderActivity from "@effect-invokeai/farm/RenderActivity"
import * as SqliteClient from "@effect-invokeai/farm/SqliteClient"
import * as NodeClusterSocket from "@effect/platform-node/NodeClusterSocket"
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as ClusterWorkflowEngine from "effect/cluster/ClusterWorkflowEngine"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import * as SingleRunner from "effect/cluster/SingleRunner"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Activity from "effect/workflow/Activity"
import * as DurableDeferred from "effect/workflow/DurableDeferred"
import * as Workflow from "effect/workflow/Workflow"
import { exampleFile, run } from "./lib/run.ts"

const Order = Workflow.make("Order", {
  payload: { id: Schema.String },
  // an order is the same order in every process that starts it
  idempotencyKey: ({ id }) => id,
  success: Schema.Struct({ published: Schema.Option(Schema.String) }),
  error: RenderActivity.RenderFailed
})

const Approval = DurableDeferred.make("Approval", { success: Schema.Boolean })

const draft = RenderActivity.make(exampleFile("soft-thumbnail.json"), { directory: "drafts" })
const large = RenderActivity.make(exampleFile("soft-thumbnail.json"), { directory: "large" })

const publish = (id: string, file: string) =>
  Activity.make({
    name: "publish",
    success: Schema.String,
    execute: Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      yield* fs.makeDirectory("published", { recursive: true })
      yield* fs.copyFile(file, `published/${id}.png`)
      return `published/${id}.png`
    }).pipe(Effect.orDie)
  })

const orders = Order.toLayer(Effect.fn(function*({ id }) {
  const { files: [preview = ""] } = yield* draft("draft", { photo: exampleFile("mountain.png"), width: 160 })
  yield* Console.log(`Waiting for approval of ${preview}`)
  const isApproved = yield* DurableDeferred.await(Approval)
  if (!isApproved) return { published: Option.none() }

  const { files: [image = ""] } = yield* large("large", { photo: preview, width: 640, softness: 0 })
  return { published: Option.some(yield* publish(id, image)) }
}))

/** One process on a file, or one of many on Postgres. */
const engine = Layer.unwrap(Effect.gen(function*() {
  const url = yield* Config.option(Config.Redacted("DATABASE_URL"))
  if (Option.isSome(url)) {
    const database = PgClient.layer({ url: url.value })
    const address = RunnerAddress.make(
      yield* Config.String("RUNNER_HOST").pipe(Config.withDefault("127.0.0.1")),
      yield* Config.Port("RUNNER_PORT").pipe(Config.withDefault(34431))
    )
    const runner = NodeClusterSocket.layer({
      // a process that was killed is replaced after 10 seconds
      shardingConfig: {
        runnerAddress: Option.some(address),
        refreshAssignmentsInterval: "1 second",
        entityMessagePollInterval: "2 seconds",
        shardLockRefreshInterval: "2 seconds",
        shardLockExpiration: "10 seconds"
      }
    })
    return ClusterWorkflowEngine.layer.pipe(
      Layer.provide(runner),
      Layer.provide(database)
    )
  }
  const fs = yield* FileSystem.FileSystem
  yield* fs.makeDirectory("state", { recursive: true })
  return ClusterWorkflowEngine.layer.pipe(
    Layer.provide(SingleRunner.layer({
      runnerStorage: "memory",
      shardingConfig: { entityMessagePollInterval: "1 second" }
    })),
    Layer.provide([SqliteClient.layer({ filename: "state/orders.db" }), NodeCrypto.layerDigest])
  )
}))

const program = (id: string, decision: string | undefined) =>
  Effect.gen(function*() {
    const executionId = yield* Order.execute({ id }, { discard: true })
    if (decision !== undefined) {
      const token = DurableDeferred.tokenFromExecutionId(Approval, { workflow: Order, executionId })
      yield* DurableDeferred.succeed(Approval, { token, value: decision === "approve" })
    }
    const isOver = ({ _tag }: Workflow.Result<unknown, unknown>) => _tag === "Complete" || decision === undefined
    const result = yield* Order.poll(executionId).pipe(
      Effect.repeat({ until: Option.exists(isOver), schedule: Schedule.spaced("200 millis") })
    )
    if (Option.isNone(result) || result.value._tag === "Suspended") {
      return yield* Console.log(`Decide with: node examples/approval.ts ${id} approve (or reject)`)
    }
    const { published } = yield* result.value.exit
    yield* Console.log(Option.match(published, { onNone: () => "Rejected", onSome: (file) => `Published ${file}` }))
  })

const [id = "order-1", decision] = process.argv.slice(2)
run(program(id, decision).pipe(Effect.provide(orders.pipe(Layer.provideMerge(engine)))))
