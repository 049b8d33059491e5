/** What traces, metrics and logs tell of a program, and what they must not tell. */
import * as InvokeAi from "@effect-invokeai/core/InvokeAi"
import * as Job from "@effect-invokeai/core/job/Job"
import { Images } from "@effect-invokeai/core/server/Images"
import { InvokeAiClient } from "@effect-invokeai/core/server/InvokeAiClient"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as Fault from "@effect-invokeai/testing/Fault"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import { Simulator, type SimulatorOptions } from "@effect-invokeai/testing/Simulator"
import { assert, describe, it, vi } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { readFileSync } from "node:fs"
import { inspect } from "node:util"
import * as Metrics from "../../packages/core/src/server/internal/Metrics.ts"
import * as SimulatorEventTransport from "../../packages/testing/src/internal/SimulatorEventTransport.ts"
import * as SimulatorHttpClient from "../../packages/testing/src/internal/SimulatorHttpClient.ts"
import { drive } from "../time.ts"

const load = (name: string) =>
  Workflow.fromJson(readFileSync(new URL(`../fixtures/workflows/${name}.json`, import.meta.url), "utf8"))

interface Observed {
  readonly spans: ReadonlyArray<Tracer.Span>
  readonly logs: ReadonlyArray<string>
  readonly metrics: ReadonlyArray<Metric.Metric.Snapshot>
}

/** Runs a program, and gives what an exporter would get. */
const observed = <A, E>(
  options: SimulatorOptions & { readonly client?: InvokeAi.Options },
  program: Effect.Effect<A, E, InvokeAi.Services | Simulator>
) =>
  Effect.gen(function*() {
    const spans: Array<Tracer.Span> = []
    const logs: Array<string> = []
    const tracer = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      }
    })
    const logger = Logger.make(({ cause, fiber, logLevel, message }) => {
      const annotations = inspect(fiber.getRef(References.CurrentLogAnnotations))
      logs.push(`${logLevel} ${inspect(message, { depth: 6 })} ${annotations} ${Cause.pretty(cause)}`)
    })
    const client = InvokeAi.layer({ ...options.client, url: InvokeAiTest.url }).pipe(
      Layer.provide([SimulatorHttpClient.layer(), SimulatorEventTransport.layer({})]),
      Layer.provideMerge(Layer.fresh(Simulator.layer(options)))
    )
    const registry: Metric.MetricRegistry = new Map()
    const { metrics, result } = yield* drive(
      Effect.gen(function*() {
        const result = yield* Effect.result(program)
        return { result, metrics: yield* Metric.snapshot }
      }).pipe(Effect.provide(client))
    ).pipe(
      Effect.provideService(Metric.MetricRegistry, registry),
      Effect.provide(Logger.layer([logger])),
      Effect.provideService(References.MinimumLogLevel, "All"),
      Effect.withTracer(tracer)
    )
    const seen: Observed = { spans, logs, metrics }
    return { ...seen, result }
  })

const attributesOf = (span: Tracer.Span) => Object.fromEntries(span.attributes)

const parentsOf = (span: Tracer.Span): ReadonlyArray<string> =>
  Option.match(span.parent, {
    onNone: () => [],
    onSome: (parent) => parent._tag === "Span" ? [parent.name, ...parentsOf(parent)] : []
  })

const metricOf = (seen: Observed, id: string, attributes: Readonly<Record<string, string>> = {}) =>
  seen.metrics.find((metric) =>
    metric.id === id && Object.entries(attributes).every(([name, value]) => metric.attributes?.[name] === value)
  )

const countOf = (seen: Observed, id: string, attributes?: Readonly<Record<string, string>>) => {
  const metric = metricOf(seen, id, attributes)
  return metric?.type === "Counter" ? metric.state.count : undefined
}

describe("Observability", () => {
  it.effect("makes a job a span with its items and nodes as children, each with its ids", () =>
    Effect.gen(function*() {
      const seen = yield* observed(
        { nodeDuration: "500 millis" },
        Effect.gen(function*() {
          const job = yield* Job.submit(yield* load("text-only"), { runs: 2 })
          yield* job.await
          return { batchId: job.batchId, ids: job.enqueued!.itemIds }
        }).pipe(Effect.scoped)
      )
      if (seen.result._tag === "Failure") throw seen.result.failure
      const { batchId, ids } = seen.result.success
      const named = (name: string) => seen.spans.filter((span) => span.name === name)
      const [run] = named("Job.run")
      assert.strictEqual(named("Job.run").length, 1)
      assert.deepStrictEqual(attributesOf(run!), { batchId, status: "completed" })
      assert.include(parentsOf(run!), "Job.submit")
      assert.deepStrictEqual(
        named("Job.item").map(attributesOf),
        ids.map((itemId, itemIndex) => ({ batchId, itemId, itemIndex, status: "completed" }))
      )
      const nodes = named("Job.node")
      assert.isAbove(nodes.length, 4)
      const sum = nodes.find((span) => span.attributes.get("nodeLabel") === "Sum")!
      assert.deepInclude(attributesOf(sum), { batchId, itemId: ids[0], nodeType: "add" })
      assert.isString(sum.attributes.get("nodeId"))
      assert.deepStrictEqual(parentsOf(sum).slice(0, 2), ["Job.item", "Job.run"])
      assert.isTrue(seen.spans.every((span) => span.status._tag === "Ended"), "every span has ended")
      const took = (span: Tracer.Span) =>
        span.status._tag === "Ended" ? Number(span.status.endTime - span.status.startTime) / 1e6 : 0
      assert.isAtLeast(took(sum), 500)
      for (
        const name of ["Job.submit", "Job.submitBatch", "Submission.submit", "SessionQueue.enqueueBatch", "Job.await"]
      ) {
        assert.strictEqual(named(name)[0]?.attributes.get("batchId"), batchId, name)
      }
    }))

  it.effect("puts the requests of a job into its trace, including those of a second job", () =>
    Effect.gen(function*() {
      const run = (name: string) =>
        Effect.gen(function*() {
          // its items are read, because only they show the iterations
          const job = yield* Job.submit(yield* load("iterate-and-collect"))
          yield* job.await
          return job.enqueued!.itemIds
        }).pipe(Effect.scoped, Effect.withSpan(name))
      const seen = yield* observed({ nodeDuration: "500 millis" }, Effect.all([run("first"), run("second")]))
      if (seen.result._tag === "Failure") throw seen.result.failure
      for (const [index, ids] of seen.result.success.entries()) {
        const reads = seen.spans.filter((span) =>
          span.name === "SessionQueue.item" && ids.includes(Number(attributesOf(span)["itemId"]))
        )
        assert.isAbove(reads.length, 0)
        for (const read of reads) assert.strictEqual(parentsOf(read).at(-1), ["first", "second"][index])
      }
    }))

  it.effect("creates no spans for items and nodes unless tracing is enabled", () =>
    Effect.gen(function*() {
      const made = vi.spyOn(Tracer.nativeTracer, "span")
      yield* drive(
        Effect.gen(function*() {
          const job = yield* Job.submit(yield* load("text-only"))
          yield* job.await
        }).pipe(Effect.scoped, Effect.provide(InvokeAiTest.layer()))
      )
      const spans = made.mock.calls.map(([options]) => options.name)
      made.mockRestore()
      assert.include(spans, "Job.submit")
      assert.notInclude(spans, "Job.node")
    }))

  it.effect("counts jobs by status, times, bytes, reconnects and retries in metrics", () =>
    Effect.gen(function*() {
      const seen = yield* observed(
        {
          nodeDuration: "1 second",
          faults: [
            Fault.http({ method: "GET", path: "/api/v1/queue/{queue_id}/i/{item_id}" }, Fault.status(503)),
            Fault.event({ nth: 4 }, Fault.disconnect)
          ]
        },
        Effect.gen(function*() {
          const images = yield* Images
          const made = yield* Effect.scoped(Effect.gen(function*() {
            const job = yield* Job.submit(yield* load("iterate-and-collect"))
            return (yield* job.await).outputs
          }))
          const failed = yield* Effect.scoped(Effect.gen(function*() {
            const job = yield* Job.submit(yield* load("division-by-zero"))
            return yield* Effect.flip(job.await)
          }))
          assert.strictEqual(failed.reason._tag, "JobFailed")
          const chunks = yield* Stream.runCollect(images.full(made.finalImages[0]!.imageName))
          const bytes = new Uint8Array(
            yield* Effect.promise(() => new Blob(chunks.map((chunk) => new Uint8Array(chunk))).arrayBuffer())
          )
          yield* images.upload({ data: bytes, fileName: "a.png", category: "user", isIntermediate: false })
          yield* images.upload({ data: Stream.make(bytes), fileName: "b.png", category: "user", isIntermediate: false })
          return bytes.length
        })
      )
      if (seen.result._tag === "Failure") throw seen.result.failure
      const size = seen.result.success
      assert.strictEqual(countOf(seen, "invokeai_jobs_total", { status: "completed" }), 1)
      assert.strictEqual(countOf(seen, "invokeai_jobs_total", { status: "failed" }), 1)
      assert.strictEqual(countOf(seen, "invokeai_download_bytes_total"), size)
      const up = Number(countOf(seen, "invokeai_upload_bytes_total"))
      // The stream is counted with the frame around it.
      assert.isAtLeast(up, 2 * size)
      assert.isBelow(up, 2 * size + 1000)
      assert.strictEqual(countOf(seen, "invokeai_event_reconnects_total"), 1)
      assert.strictEqual(countOf(seen, "invokeai_http_retries_total"), 1)
      const wait = metricOf(seen, "invokeai_job_queue_wait_seconds")
      const ran = metricOf(seen, "invokeai_job_run_seconds")
      assert.strictEqual(wait?.type === "Histogram" ? wait.state.count : 0, 2)
      assert.isAbove(ran?.type === "Histogram" ? ran.state.max : 0, 3)
      const names = Object.values(Metrics).map((metric) => metric.id)
      assert.isTrue(names.every((name) => /^invokeai_[a-z_]+$/.test(name)))
      assert.strictEqual(new Set(names).size, names.length)
    }))

  it.effect("logs failures at suitable levels", () =>
    Effect.gen(function*() {
      const seen = yield* observed(
        {
          nodeDuration: "1 second",
          faults: [Fault.http({ method: "POST", path: "/api/v1/queue/{queue_id}/enqueue_batch" }, Fault.dropRequest)]
        },
        Effect.gen(function*() {
          const job = yield* Job.submit(yield* load("text-only"))
          yield* job.await
          return job.batchId
        }).pipe(Effect.scoped)
      )
      if (seen.result._tag === "Failure") throw seen.result.failure
      const batchId = seen.result.success
      const line = (level: string, text: string) =>
        seen.logs.find((log) => log.startsWith(level) && log.includes(text) && log.includes(batchId))
      assert.isDefined(line("Info", "whether the server received the batch"))
      assert.isDefined(line("Info", "sending it again"))
      assert.isDefined(line("Debug", "The job ended: completed"))
      assert.isFalse(seen.logs.some((log) => log.startsWith("Warn") || log.startsWith("Error")))
    }))

  it.effect("never puts tokens or passwords into spans, logs or metrics", () =>
    Effect.gen(function*() {
      const users = [{ email: "ann@example.com", password: "pass-secret-1" }]
      const tokens: Array<string> = []
      const note = Effect.gen(function*() {
        const client = yield* InvokeAiClient
        const token = yield* client.token
        if (Option.isSome(token)) tokens.push(Redacted.value(token.value))
      })
      const program = Effect.scoped(Effect.gen(function*() {
        const simulator = yield* Simulator
        const queue = yield* SessionQueue
        const images = yield* Images
        const job = yield* Job.submit(yield* load("iterate-and-collect"))
        yield* note
        yield* Effect.sleep("1 second")
        yield* simulator.expireTokens
        yield* simulator.disconnectSockets
        const result = yield* job.await
        yield* Stream.runDrain(images.full(result.outputs.finalImages[0]!.imageName))
        yield* Effect.ignore(queue.item(999))
        yield* Effect.ignore(Job.attach("nothing"))
      }))
      for (
        // What the client is given as a secret, and the server repeats.
        const { leak, ...client } of [
          { email: "ann@example.com", password: Redacted.make("pass-secret-1"), leak: "pass-secret-1" },
          { token: Redacted.make("token-secret-2"), leak: "token-secret-2" }
        ]
      ) {
        const seen = yield* observed(
          {
            users,
            nodeDuration: "500 millis",
            client,
            faults: [
              Fault.http({ method: "GET", path: /\/i\/\d+$/ }, Fault.corruptBody(leak)),
              Fault.http({ method: "POST", path: /enqueue_batch$/ }, Fault.status(502, leak))
            ]
          },
          Effect.gen(function*() {
            const result = yield* Effect.result(program)
            yield* note
            return result
          })
        )
        const texts = [
          ...seen.logs,
          inspect(seen.metrics, { depth: 9 }),
          ...seen.spans.flatMap((span) => [
            span.name,
            inspect(attributesOf(span), { depth: 9 }),
            span.status._tag === "Ended" && Exit.isFailure(span.status.exit)
              ? Cause.pretty(span.status.exit.cause) + inspect(span.status.exit.cause, { depth: 9 })
              : ""
          ])
        ]
        assert.isAbove(seen.spans.length, 5)
        const secrets = [leak, ...tokens]
        for (const text of texts) {
          for (const secret of secrets) assert.notInclude(text, secret)
        }
      }
      // Logged in, logged in again, and the token that was given.
      assert.isAbove(new Set(tokens).size, 2)
    }))
})
