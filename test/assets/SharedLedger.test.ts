/** Uploads for jobs that several processes work on, with one ledger in SQL. */
import * as AssetLedger from "@effect-invokeai/core/assets/AssetLedger"
import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as JobRecovery from "@effect-invokeai/core/job/JobRecovery"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as SqliteClient from "@effect-invokeai/farm/SqliteClient"
import * as Fault from "@effect-invokeai/testing/Fault"
import { Simulator, type SimulatorOptions } from "@effect-invokeai/testing/Simulator"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as SqlClient from "effect/sql/SqlClient"
import * as TestClock from "effect/testing/TestClock"
import { readFileSync } from "node:fs"
import { client } from "../simulatedClient.ts"
import { drive } from "../time.ts"

/** What one process has: its own client, and the ledger of all. */
const inProcess = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provide(
    effect,
    Layer.fresh(client().pipe(Layer.provide(AssetLedger.layerSql())))
  )

const services = (options: SimulatorOptions) =>
  Layer.mergeAll(
    Simulator.layer({ nodeDuration: "5 seconds", ...options }),
    SqliteClient.layer({ filename: ":memory:" }),
    NodeServices.layer
  )

const withServer = <A, E>(
  options: SimulatorOptions,
  effect: Effect.Effect<A, E, Simulator | SqlClient.SqlClient | NodeServices.NodeServices>
) => drive(Effect.provide(effect, services(options)))

const photo = readFileSync("examples/mountain.png")

const prepare = Effect.gen(function*() {
  const workflow = yield* Workflow.fromFile("examples/soft-thumbnail.json")
  return yield* Workflow.setInputs(workflow, { photo: yield* Assets.uploadBytes(photo), width: 32 })
})

const submit = (onScopeClose: "cancel" | "detach" = "detach") =>
  JobRecovery.attachOrSubmit("run-1.item-1", prepare, { onScopeClose })

/** Runs the job to its end. */
const finish = inProcess(Effect.scoped(Effect.flatMap(submit(), (job) => job.await)))

/** Begins something and closes nothing, as a killed process does. */
const killed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(Scope.make(), (scope) => inProcess(Scope.provide(Effect.scope.pipe(Effect.andThen(effect)), scope)))

const uploads = Simulator.use((simulator) =>
  Effect.map(simulator.state, (state) => state.images.filter(({ category }) => category === "user").length)
)

const rows = Effect.flatMap(
  SqlClient.SqlClient,
  (sql) => Effect.map(sql<{ n: number }>`SELECT COUNT(*) AS n FROM invokeai_uploads`, ([row]) => row?.n)
)

describe("An upload for a batch id of the caller", () => {
  it.effect("of a killed process is deleted by the process that sees the end of the job", () =>
    withServer(
      {},
      Effect.gen(function*() {
        yield* killed(submit())
        assert.strictEqual(yield* uploads, 1)
        const { status } = yield* finish
        assert.strictEqual(status, "completed")
        assert.strictEqual(yield* uploads, 0)
        assert.strictEqual(yield* rows, 0)
      })
    ))

  it.effect("whose name the killed process never learned is found and deleted too", () =>
    withServer(
      {
        faults: [
          Fault.http({ method: "POST", path: /\/images\/upload$/, nth: 1, times: 1 }, Fault.delay("1 hour", "after"))
        ]
      },
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        yield* Effect.forkIn(inProcess(Scope.provide(submit(), scope)), scope)
        yield* Effect.sleep("2 seconds")
        yield* finish
        assert.strictEqual(yield* uploads, 0)
        assert.strictEqual(yield* rows, 0)
      })
    ))

  it.effect("stays while the job keeps running without its process, and is deleted by the next one", () =>
    withServer(
      {},
      Effect.gen(function*() {
        yield* inProcess(Effect.scoped(submit()))
        assert.strictEqual(yield* uploads, 1)
        const { status } = yield* finish
        assert.strictEqual(status, "completed")
        assert.strictEqual(yield* uploads, 0)
        assert.strictEqual(yield* rows, 0)
      })
    ))

  it.effect("stays if the job is detached later", () =>
    withServer(
      {},
      Effect.gen(function*() {
        yield* inProcess(Effect.scoped(Effect.flatMap(submit("cancel"), (job) => job.detach)))
        assert.strictEqual(yield* uploads, 1)
        assert.strictEqual((yield* finish).status, "completed")
      })
    ))

  it.effect("is deleted with its scope if the job is canceled or was rejected", () =>
    withServer(
      {},
      Effect.gen(function*() {
        yield* inProcess(Effect.scoped(submit("cancel")))
        assert.strictEqual(yield* uploads, 0)
        const simulator = yield* Simulator
        yield* simulator.inject(Fault.http({ method: "POST", path: /enqueue_batch$/ }, Fault.status(403)))
        yield* inProcess(
          Effect.flip(Effect.scoped(JobRecovery.attachOrSubmit("other", prepare, { onScopeClose: "detach" })))
        )
        assert.strictEqual(yield* uploads, 0)
        assert.strictEqual(yield* rows, 0)
      })
    ))

  it.effect("is deleted by recover once its batch has ended, and not while it runs", () =>
    withServer(
      {},
      Effect.gen(function*() {
        yield* killed(submit())
        const first = yield* inProcess(Assets.recover)
        assert.deepStrictEqual([...first.values()], [{ _tag: "Kept", reason: "NeededByJob" }])
        yield* Effect.sleep("1 minute")
        const second = yield* inProcess(Assets.recover)
        assert.deepStrictEqual([...second.values()].map(({ _tag }) => _tag), ["Deleted"])
        assert.strictEqual(yield* uploads, 0)
        assert.strictEqual(yield* rows, 0)
      })
    ))

  it.effect("is deleted by recover one hour after it was made if no process submitted its batch", () =>
    Effect.gen(function*() {
      yield* drive(Effect.gen(function*() {
        yield* killed(Effect.flip(JobRecovery.attachOrSubmit("item", Effect.andThen(prepare, Effect.fail("killed")))))
        const outcomes = yield* inProcess(Assets.recover)
        assert.deepStrictEqual([...outcomes.values()], [{ _tag: "Kept", reason: "NeededByJob" }])
      }))
      yield* TestClock.adjust("1 hour")
      yield* drive(inProcess(Assets.recover))
      assert.strictEqual(yield* uploads, 0)
      assert.strictEqual(yield* rows, 0)
    }).pipe(Effect.provide(services({}))))

  it.effect("is deleted when the job is given up, whether the server has it or not", () =>
    withServer(
      {},
      Effect.gen(function*() {
        yield* killed(submit())
        yield* killed(Effect.flip(JobRecovery.attachOrSubmit("item", Effect.andThen(prepare, Effect.fail("killed")))))
        assert.strictEqual(yield* uploads, 2)
        yield* inProcess(JobRecovery.abandon("item"))
        assert.strictEqual(yield* uploads, 1)
        yield* inProcess(JobRecovery.abandon("run-1.item-1"))
        yield* inProcess(JobRecovery.abandon("run-1.item-1"))
        assert.strictEqual(yield* uploads, 0)
        assert.strictEqual(yield* rows, 0)
        const { items } = yield* Simulator.use((simulator) => simulator.state)
        assert.deepStrictEqual(items.map(({ status }) => status), ["canceled"])
      })
    ))

  it.effect("is not given up silently if the server or the ledger does not respond", () =>
    withServer(
      {},
      Effect.gen(function*() {
        yield* killed(submit())
        const simulator = yield* Simulator
        yield* simulator.inject(
          Fault.http({ method: "PUT", path: /cancel_by_batch_ids$/, times: Infinity }, Fault.status(503))
        )
        const error = yield* inProcess(Effect.flip(JobRecovery.abandon("run-1.item-1")))
        assert.strictEqual(error._tag, "InvokeAiError")
        assert.strictEqual(yield* uploads, 1)
        yield* simulator.clearFaults
        const sql = yield* SqlClient.SqlClient
        const unreadable = yield* inProcess(
          Effect.andThen(sql`DROP TABLE invokeai_uploads`, Effect.flip(JobRecovery.abandon("run-1.item-1")))
        )
        assert.strictEqual(unreadable._tag, "RecordError")
        const invalid = yield* inProcess(Effect.flip(JobRecovery.abandon("../all")))
        assert.strictEqual(invalid._tag, "InvalidOption")
      })
    ))

  it.effect("of other jobs is not recorded, so that no process deletes what another one needs", () =>
    withServer(
      {},
      Effect.gen(function*() {
        yield* killed(prepare)
        assert.strictEqual(yield* rows, 0)
        assert.strictEqual((yield* inProcess(Assets.recover)).size, 0)
        assert.strictEqual(yield* uploads, 1)
      })
    ))
})
