import * as InvokeAi from "@effect-invokeai/core/InvokeAi"
import * as Job from "@effect-invokeai/core/job/Job"
import { EventTransport } from "@effect-invokeai/core/server/EventTransport"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Layer from "effect/Layer"
import { randomUUID } from "node:crypto"
import { type Handler, isEnqueue, proxied, respond, rewrite } from "../../job/proxied.ts"
import * as Support from "../Support.ts"

const batch = (field: "string" | "integer", items: ReadonlyArray<number | string>): Job.JobBatch => ({
  graph: {
    id: randomUUID(),
    nodes: { n: { id: "n", type: field, value: field === "string" ? "" : 1, use_cache: false } },
    edges: []
  },
  data: [[{ node_path: "n", field_name: "value", items }]],
  workflow: null,
  runs: 1,
  size: items.length,
  nodes: new Map([["n", { label: "Value", type: field }]])
})

/** A server that sends no events, so that the queue is polled and items are read. */
const silent = Layer.succeed(EventTransport, { connect: () => Effect.succeed({ emit: () => {} }) })

const through = (handle: Handler, transport = EventTransport.layerSocketIo) =>
  InvokeAi.layer({ url: Support.url, tracking: { blockedAfter: "2 seconds" } }).pipe(
    Layer.provide([Layer.provide(proxied(handle), Support.httpClient), transport]),
    Layer.provideMerge(NodeServices.layer)
  )

/** Half of a surrogate pair, as a program without this library sends it. */
const withHalf = (request: HttpClientRequest.HttpClientRequest): HttpClientRequest.HttpClientRequest => {
  if (request.body._tag !== "Uint8Array") throw new Error("the batch is not bytes")
  const text = new TextDecoder().decode(request.body.body).replaceAll("HALF", "\\ud83d")
  return HttpClientRequest.bodyText(request, text, "application/json")
}

const count = (batchId: string) =>
  SessionQueue.use((queue) => Effect.map(queue.batchStatus(batchId), ({ completed, total }) => ({ completed, total })))

describe("On the real server", () => {
  it.live("a 500 of a proxy that passes the request on later causes no second batch", () => {
    let requests = 0
    const handle: Handler = (request, forward) => {
      if (!isEnqueue(request)) return undefined
      requests++
      return Effect.andThen(
        Effect.forkDetach(Effect.ignore(Effect.delay(forward, "2 seconds"))),
        respond(request, 500, "<html>Internal error</html>", "text/html")
      )
    }
    return Effect.gen(function*() {
      const job = yield* Job.submitBatch(batch("integer", [1, 2]))
      assert.strictEqual((yield* job.await).status, "completed")
      assert.deepStrictEqual(yield* count(job.batchId), { completed: 2, total: 2 })
      assert.strictEqual(requests, 1)
    }).pipe(Effect.scoped, Effect.provide(through(handle)))
  })

  it.live("a batch id of the caller is submitted once, also by several processes at the same moment", () => {
    const direct = through(() => undefined)
    const submit = (batchId: string, items: ReadonlyArray<number>) =>
      Job.submitBatch(batch("integer", items), { batchId }).pipe(
        Effect.flatMap((job) => job.await),
        Effect.map((result) => [result.status, result.items.map((item) => item.itemId)] as const),
        Effect.scoped,
        Effect.provide(Layer.fresh(direct))
      )
    return Effect.gen(function*() {
      const batchId = `item_7.${randomUUID()}`
      const first = yield* submit(batchId, [1, 2])
      assert.deepStrictEqual(yield* submit(batchId, [1, 2]), first)
      assert.deepStrictEqual(yield* count(batchId), { completed: 2, total: 2 })

      const contested = randomUUID()
      const results = yield* Effect.all(Array.from({ length: 4 }, () => submit(contested, [1])), {
        concurrency: "unbounded"
      })
      for (const result of results) assert.deepStrictEqual(result, results[0])
    }).pipe(Effect.provide(direct))
  })

  it.live("every id that is accepted can be looked up and canceled", () =>
    Effect.gen(function*() {
      for (const batchId of ["a", `0.${"x".repeat(126)}`, `A-b_c.${randomUUID()}..`]) {
        yield* Effect.scoped(Effect.flatMap(Job.submitBatch(batch("integer", [1]), { batchId }), (job) => job.await))
        assert.strictEqual((yield* count(batchId)).total, 1, batchId)
      }
    }).pipe(Effect.provide(through(() => undefined))))

  it.live("a lost response to the enqueue request delays the job by seconds only", () =>
    Effect.gen(function*() {
      const [time, job] = yield* Effect.timed(Job.submitBatch(batch("integer", [1, 2])))
      assert.isBelow(Duration.toMillis(time), 6000)
      assert.isTrue(job.enqueued?.recovered)
      assert.strictEqual((yield* job.await).status, "completed")
      assert.deepStrictEqual(yield* count(job.batchId), { completed: 2, total: 2 })
    }).pipe(
      Effect.scoped,
      Effect.provide(
        through((request, forward) => isEnqueue(request) ? Effect.andThen(forward, Effect.never) : undefined)
      )
    ))

  it.live("a response about another batch or item is not accepted", () => {
    let reads = 0
    const handle: Handler = (request, forward) =>
      isEnqueue(request)
        ? rewrite(request, forward, (body) =>
          JSON.parse(JSON.stringify(body).replaceAll(/"batch_id":"[^"]*"/g, "\"batch_id\":\"another\"")))
        : /\/i\/\d+$/.test(request.url) && reads++ === 0
        ? rewrite(request, forward, (body) =>
          JSON.parse(JSON.stringify(body).replace(/"item_id":\d+/, "\"item_id\":1000000")))
        : undefined
    return Effect.gen(function*() {
      const job = yield* Job.submitBatch(batch("integer", [1]))
      assert.isTrue(job.enqueued?.recovered)
      assert.strictEqual((yield* job.await).status, "completed")
      assert.deepStrictEqual(yield* count(job.batchId), { completed: 1, total: 1 })
      assert.isAtLeast(reads, 2)
    }).pipe(Effect.scoped, Effect.provide(through(handle, silent)))
  })

  it.live("a batch that the server accepted and cannot read is removed, and others continue", () =>
    Effect.gen(function*() {
      const client = yield* HttpClient.HttpClient
      const handle: Handler = (request) => isEnqueue(request) ? client.execute(withHalf(request)) : undefined
      yield* Effect.gen(function*() {
        const error = yield* Effect.flip(Effect.scoped(Job.submitBatch(batch("string", ["whole", "HALF"]))))
        assert(error._tag === "SubmissionError")
        assert.deepInclude(error.reason, { _tag: "QueueBlocked", own: true, removed: true })
        const queue = yield* SessionQueue
        assert(error._tag === "SubmissionError")
        if (error.reason._tag === "QueueBlocked") {
          assert.strictEqual((yield* queue.batchStatus(error.reason.batchId)).total, 0)
        }
        const next = yield* Effect.scoped(Effect.flatMap(Job.submitBatch(batch("integer", [3])), (job) => job.await))
        assert.strictEqual(next.status, "completed")
        yield* queue.listAll()
      }).pipe(Effect.provide(through(handle)))
    }).pipe(Effect.provide(Support.httpClient)))
})
