import * as InvokeAi from "@effect-invokeai/core/InvokeAi"
import * as Job from "@effect-invokeai/core/job/Job"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import { Simulator, type SimulatorOptions } from "@effect-invokeai/testing/Simulator"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { readFileSync } from "node:fs"
import * as SimulatorEventTransport from "../../packages/testing/src/internal/SimulatorEventTransport.ts"
import * as SimulatorHttpClient from "../../packages/testing/src/internal/SimulatorHttpClient.ts"
import { tagOf } from "../tagOf.ts"
import { drive } from "../time.ts"
import { type Handler, isEnqueue, proxied, respond, rewrite } from "./proxied.ts"

const batch: Job.JobBatch = {
  graph: { id: "g", nodes: { n: { id: "n", type: "integer", value: 1, use_cache: false } }, edges: [] },
  data: [[{ node_path: "n", field_name: "value", items: [1, 2] }]],
  workflow: null,
  runs: 1,
  size: 2,
  nodes: new Map([["n", { label: "Count", type: "integer" }]])
}

interface Setting {
  readonly handle: Handler
  readonly simulator?: SimulatorOptions
  readonly options?: InvokeAi.Options
}

const withProxy = <A, E>(
  { handle, options, simulator }: Setting,
  program: Effect.Effect<A, E, InvokeAi.Services | Simulator>
) =>
  drive(Effect.provide(
    program,
    InvokeAi.layer({ url: InvokeAiTest.url, ...options }).pipe(
      Layer.provide([
        Layer.provide(proxied(handle), SimulatorHttpClient.layer()),
        SimulatorEventTransport.layer({})
      ]),
      Layer.provideMerge(Simulator.layer(simulator ?? {}))
    )
  ))

/** How many items the server has of each batch. */
const itemsByBatch = Effect.gen(function*() {
  const { items } = yield* (yield* Simulator).state
  const counts = new Map<string, number>()
  for (const item of items) counts.set(item.batchId, (counts.get(item.batchId) ?? 0) + 1)
  return [...counts.values()]
})

/** Responses to an enqueue request that are not certainly InvokeAI's own refusal. */
const foreign: ReadonlyArray<readonly [status: number, body: string, contentType: string]> = [
  [500, "<html><body>Internal error</body></html>", "text/html"],
  [500, "Internal Server Error", "text/plain; charset=utf-8"],
  [500, "{\"error\":\"upstream\"}", "application/json"],
  [500, "{\"detail\":\"Unexpected error while enqueuing batch\"}", "application/json"],
  [500, "", "text/plain"],
  [502, "<html>Bad Gateway</html>", "text/html"],
  [504, "<html>Gateway Timeout</html>", "text/html"],
  [200, "<html>Please log in</html>", "text/html"],
  [200, "{\"status\":\"ok\"}", "application/json"],
  [302, "", "text/plain"],
  [400, "Bad Request", "text/plain"],
  [403, "<html>Forbidden</html>", "text/html"],
  [404, "<html>Not Found</html>", "text/html"],
  [409, "{\"message\":\"conflict\"}", "application/json"],
  [413, "<html>Too Large</html>", "text/html"],
  [422, "{\"errors\":[]}", "application/json"],
  [429, "slow down", "text/plain"]
]

describe("A batch whose enqueue request got a response that is not the server's own", () => {
  it.effect("is not sent again while the request may still arrive, and runs once", () =>
    Effect.gen(function*() {
      for (const [status, body, contentType] of foreign) {
        const name = `${status} ${body}`
        let requests = 0
        const handle: Handler = (request, forward) => {
          if (!isEnqueue(request)) return undefined
          requests++
          // The proxy responds at once, and passes the request on when its server has time for it.
          return Effect.andThen(
            Effect.forkDetach(Effect.ignore(Effect.delay(forward, "12 seconds"))),
            respond(request, status, body, contentType)
          )
        }
        yield* withProxy(
          { handle },
          Effect.gen(function*() {
            const job = yield* Job.submitBatch(batch)
            assert.strictEqual((yield* job.await).status, "completed", name)
            assert.isTrue(job.enqueued?.recovered, name)
            assert.deepStrictEqual(yield* itemsByBatch, [2], name)
          }).pipe(Effect.scoped)
        )
        assert.strictEqual(requests, 1, name)
      }
    }))

  it.effect("is sent again if it did not arrive and a second request may help", () =>
    Effect.gen(function*() {
      for (const [status, body, contentType] of foreign) {
        const name = `${status} ${body}`
        const helps = status < 300 || status >= 500 || status === 429
        let requests = 0
        const handle: Handler = (request) =>
          isEnqueue(request) && ++requests === 1 ? respond(request, status, body, contentType) : undefined
        yield* withProxy(
          { handle },
          Effect.gen(function*() {
            const submitted = yield* Effect.result(Job.submitBatch(batch))
            if (submitted._tag === "Failure") {
              assert.isFalse(helps, name)
              assert.deepInclude(submitted.failure, { _tag: "InvokeAiError", status }, name)
            } else {
              assert.isTrue(helps, name)
              assert.strictEqual((yield* submitted.success.await).status, "completed", name)
            }
            assert.deepStrictEqual(yield* itemsByBatch, helps ? [2] : [], name)
          }).pipe(Effect.scoped)
        )
        assert.strictEqual(requests, helps ? 2 : 1, name)
      }
    }))

  it.effect("is not sent a second time with a new login", () =>
    Effect.gen(function*() {
      let requests = 0
      const handle: Handler = (request, forward) => {
        if (!isEnqueue(request) || ++requests > 1) return undefined
        return Effect.andThen(forward, respond(request, 401, "<html>Log in</html>", "text/html"))
      }
      yield* withProxy(
        {
          handle,
          simulator: { users: [{ email: "ann@example.com", password: "correct horse" }] },
          options: { email: "ann@example.com", password: Redacted.make("correct horse") }
        },
        Effect.gen(function*() {
          const job = yield* Job.submitBatch(batch)
          assert.strictEqual((yield* job.await).status, "completed")
          assert.deepStrictEqual(yield* itemsByBatch, [2])
        }).pipe(Effect.scoped)
      )
      assert.strictEqual(requests, 1)
    }))

  it.effect("fails immediately if the server itself rejected it", () =>
    Effect.gen(function*() {
      for (const status of [400, 401, 403, 404, 405, 409, 413, 422]) {
        let requests = 0
        const handle: Handler = (request) => {
          if (!isEnqueue(request)) return undefined
          requests++
          return respond(request, status, "{\"detail\":\"no\"}", "application/json")
        }
        yield* withProxy(
          { handle },
          Effect.gen(function*() {
            const began = yield* Clock.currentTimeMillis
            const error = yield* Effect.flip(Effect.scoped(Job.submitBatch(batch)))
            assert.include(["InvokeAiError", "SubmissionRejected"], tagOf(error))
            assert.isBelow((yield* Clock.currentTimeMillis) - began, 200)
          })
        )
        assert.strictEqual(requests, 1)
      }
    }))
})

describe("A batch whose enqueue response is missing", () => {
  const silent: Handler = (request, forward) => isEnqueue(request) ? Effect.andThen(forward, Effect.never) : undefined

  it.effect("is found by its events, and returned before its request times out", () =>
    withProxy(
      { handle: silent, simulator: { nodeDuration: "10 millis" } },
      Effect.gen(function*() {
        const began = yield* Clock.currentTimeMillis
        const job = yield* Job.submitBatch(batch)
        assert.isBelow((yield* Clock.currentTimeMillis) - began, 5000)
        assert.deepInclude(job.enqueued, { recovered: true, itemsConfirmed: true, enqueued: 2 })
        assert.strictEqual((yield* job.await).status, "completed")
        assert.deepStrictEqual(yield* itemsByBatch, [2])
      }).pipe(Effect.scoped)
    ))

  it.effect("is found by polling if none of its items runs yet", () =>
    withProxy(
      { handle: silent },
      Effect.gen(function*() {
        const queue = yield* SessionQueue
        yield* queue.pause
        const began = yield* Clock.currentTimeMillis
        const job = yield* Job.submitBatch(batch)
        assert.isBelow((yield* Clock.currentTimeMillis) - began, 5000)
        yield* queue.resume
        assert.strictEqual((yield* job.await).status, "completed")
        assert.deepStrictEqual(yield* itemsByBatch, [2])
      }).pipe(Effect.scoped)
    ))

  it.effect("is awaited if the server does not have it yet", () =>
    withProxy(
      {
        handle: (request, forward) => isEnqueue(request) ? Effect.delay(forward, "2 minutes") : undefined
      },
      Effect.gen(function*() {
        const job = yield* Job.submitBatch(batch)
        assert.isFalse(job.enqueued?.recovered)
        assert.strictEqual((yield* job.await).status, "completed")
        assert.deepStrictEqual(yield* itemsByBatch, [2])
      }).pipe(Effect.scoped)
    ))
})

/** What 6.14.2 does where the values of an item are not readable: the row stays, and every list with it fails. */
const unreadable = (isUnreadable: (itemId: number) => boolean): Handler => (request, forward) => {
  const one = /\/i\/(\d+)$/.exec(request.url)
  if (one !== null && isUnreadable(Number(one[1]))) {
    const detail = "Unexpected error while fetching queue item: 1 validation error for list[NodeFieldValue]"
    return respond(request, 500, JSON.stringify({ detail }), "application/json")
  }
  const isGone = Effect.map(Effect.flatMap(forward, (response) => response.text), (text) => text === "[]")
  if (request.url.endsWith("/item_summaries_by_ids") || request.url.endsWith("/list_all")) {
    return Effect.flatMap(isGone, (gone) =>
      gone
        ? respond(request, 200, "[]", "application/json")
        : respond(request, 500, "{\"detail\":\"Failed to get queue item summaries\"}", "application/json"))
  }
  return request.url.endsWith("/items_by_ids")
    ? rewrite(
      request,
      forward,
      (items) =>
        Array.isArray(items) ? items.filter((item: { readonly item_id: number }) => !isUnreadable(item.item_id)) : items
    )
    : undefined
}

const lostResponse: Handler = (request, forward) =>
  isEnqueue(request)
    ? Effect.andThen(forward, respond(request, 500, "Internal Server Error", "text/plain; charset=utf-8"))
    : undefined

describe("A batch that the server accepted and cannot read", () => {
  it.effect("is removed from the queue, and the error reports that", () =>
    withProxy(
      {
        handle: (request, forward) =>
          lostResponse(request, forward) ?? unreadable((itemId) => itemId === 2)(request, forward)
      },
      Effect.gen(function*() {
        const error = yield* Effect.flip(Effect.scoped(Job.submitBatch(batch)))
        assert(error._tag === "SubmissionError")
        assert.deepInclude(error.reason, { _tag: "QueueBlocked", own: true, removed: true })
        assert.include(error.message, "The batch was removed from the queue")
        assert.deepStrictEqual(yield* itemsByBatch, [])
      })
    ))

  it.effect("is removed when the scope closes if that failed before", () => {
    let failures = 0
    return withProxy(
      {
        handle: (request, forward) =>
          lostResponse(request, forward) ??
            (request.url.endsWith("/cancel_by_batch_ids") && failures < 200
              ? respond(request, 503, String(++failures), "text/plain")
              : unreadable((itemId) => itemId === 2)(request, forward))
      },
      Effect.gen(function*() {
        yield* Effect.scoped(Effect.gen(function*() {
          const error = yield* Effect.flip(Job.submitBatch(batch, { onScopeClose: "detach" }))
          assert.strictEqual(tagOf(error), "QueueBlocked")
          assert.include(error.message, "Job.unblockQueue(")
          assert.deepStrictEqual(yield* itemsByBatch, [2])
          failures = 200
        }))
        assert.deepStrictEqual(yield* itemsByBatch, [])
      })
    )
  })

  it.effect("does not keep other jobs from finding and tracking their batches", () =>
    withProxy(
      {
        handle: (request, forward) =>
          lostResponse(request, forward) ?? unreadable((itemId) => itemId > 2)(request, forward),
        simulator: { nodeDuration: "10 seconds" }
      },
      Effect.gen(function*() {
        const job = yield* Job.submitBatch(batch)
        assert.deepInclude(job.enqueued, { recovered: true, itemIds: [1, 2] })
        // Another program's.
        yield* SessionQueue.use((queue) =>
          Effect.ignore(queue.enqueueBatch({ batch_id: "b", graph: batch.graph, data: batch.data ?? null, runs: 1 }))
        )
        assert.strictEqual((yield* job.await).status, "completed")
      }).pipe(Effect.scoped)
    ))
})

describe("The timeout of a job", () => {
  const limit = { timeout: "10 seconds" } as const
  const late = (effect: Effect.Effect<Job.Job, Job.SubmitError, InvokeAi.Services | Scope.Scope>) =>
    Effect.gen(function*() {
      const began = yield* Clock.currentTimeMillis
      const error = yield* Effect.flip(effect)
      assert.isAtLeast((yield* Clock.currentTimeMillis) - began, 10_000)
      assert.isBelow((yield* Clock.currentTimeMillis) - began, 11_000)
      if (error._tag !== "WorkflowNotCompleted" || error.reason._tag !== "JobTimeout") return yield* Effect.die(error)
      return error.reason
    })

  it.effect("starts with the call of submit, and includes it", () =>
    withProxy(
      { handle: (request) => isEnqueue(request) ? Effect.never : undefined },
      Effect.gen(function*() {
        const error = yield* late(Job.submitBatch(batch, limit))
        assert.deepInclude(error, { status: "sending", canceled: false, onTimeout: "cancel" })
        assert.include(error.message, "has not confirmed")
      }).pipe(Effect.scoped)
    ))

  it.effect("cancels a batch that arrived although its response is missing", () =>
    withProxy(
      {
        handle: (request, forward) =>
          isEnqueue(request)
            ? Effect.andThen(forward, Effect.never)
            : request.url.includes("/b/") && request.method === "GET" && !canceling
            ? Effect.never
            : Effect.suspend(() => {
              canceling ||= request.url.endsWith("/cancel_by_batch_ids")
              return forward
            }),
        simulator: { nodeDuration: "1 minute" }
      },
      Effect.gen(function*() {
        canceling = false
        const error = yield* late(Job.submitBatch(batch, limit))
        assert.isTrue(error.canceled)
        const { items } = yield* (yield* Simulator).state
        assert.deepStrictEqual(items.map((item) => item.status), ["canceled", "canceled"])
      }).pipe(Effect.scoped)
    ))
  let canceling = false

  it.effect("sends nothing after it has passed", () =>
    withProxy(
      {
        handle: (request, forward) =>
          isEnqueue(request)
            ? Effect.andThen(
              Effect.forkDetach(Effect.ignore(Effect.delay(forward, "12 seconds"))),
              respond(request, 502, "", "text/plain")
            )
            : undefined,
        simulator: { nodeDuration: "1 minute" }
      },
      Effect.gen(function*() {
        const error = yield* Effect.scoped(late(Job.submitBatch(batch, limit)))
        assert.isFalse(error.canceled)
        yield* Effect.sleep("1 minute")
        const { items } = yield* (yield* Simulator).state
        assert.deepStrictEqual(items.map((item) => item.status), ["canceled", "canceled"])
      })
    ))

  it.effect("reports that nothing was sent if it passes earlier", () =>
    withProxy(
      { handle: (request) => request.url.includes("/api/v1/boards") ? Effect.never : undefined },
      Effect.gen(function*() {
        const workflow = yield* Workflow.fromJson(
          readFileSync(new URL("../fixtures/workflows/text-only.json", import.meta.url), "utf8")
        )
        const error = yield* late(Job.submit(workflow, { ...limit, board: "Results" }))
        assert.deepInclude(error, { status: "unsent", canceled: true })
        assert.include(error.message, "It was not submitted")
      }).pipe(Effect.scoped)
    ))

  it.effect("is shared by submit and await", () =>
    withProxy(
      {
        handle: (request, forward) => isEnqueue(request) ? Effect.delay(forward, "6 seconds") : undefined,
        simulator: { nodeDuration: "1 minute" }
      },
      Effect.gen(function*() {
        const error = yield* late(
          Effect.flatMap(Job.submitBatch(batch, limit), (job) =>
            job.await.pipe(
              Effect.catchIf((error) => error.reason._tag !== "JobTimeout", Effect.die),
              Effect.as(job)
            ))
        )
        assert.isTrue(error.canceled)
      }).pipe(Effect.scoped)
    ))

  it.effect("does not discard the result of a job that has ended", () =>
    withProxy(
      { handle: () => undefined },
      Effect.gen(function*() {
        const job = yield* Job.submitBatch(batch, limit)
        yield* job.await
        yield* Effect.sleep("1 minute")
        assert.strictEqual((yield* job.await).status, "completed")
      }).pipe(Effect.scoped)
    ))
})

describe("A lookup", () => {
  it.effect("ends in time if the server accepts requests and does not respond", () =>
    withProxy(
      {
        handle: (request) =>
          isEnqueue(request)
            ? respond(request, 502, "", "text/plain")
            : request.url.includes("/b/")
            ? Effect.never
            : undefined
      },
      Effect.gen(function*() {
        const began = yield* Clock.currentTimeMillis
        const error = yield* Effect.flip(Effect.scoped(Job.submitBatch(batch, { lookupTimeout: "10 seconds" })))
        assert(error._tag === "SubmissionError")
        assert.strictEqual(error.reason._tag, "SubmissionUnknown")
        assert.isBelow((yield* Clock.currentTimeMillis) - began, 11_000)
      })
    ))
})
