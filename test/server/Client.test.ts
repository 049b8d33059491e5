import { InvokeAiConfig } from "@effect-invokeai/core/InvokeAi"
import { InvokeAiError } from "@effect-invokeai/core/InvokeAiError"
import { InvokeAiClient } from "@effect-invokeai/core/server/InvokeAiClient"
import { ServerInfo } from "@effect-invokeai/core/server/ServerInfo"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as ConfigProvider from "effect/ConfigProvider"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Tracer from "effect/Tracer"
import { inspect } from "node:util"
import { html, imageDto, json, networkError, scriptedHttp, selfDescription, user } from "./scriptedHttp.ts"

const batchStatus = {
  queue_id: "default",
  batch_id: "b",
  pending: 0,
  in_progress: 0,
  completed: 1,
  failed: 0,
  canceled: 0,
  total: 1
}

const version = Effect.flatMap(InvokeAiClient, (client) => client.call((api) => api.app.version({})))
const prune = Effect.flatMap(
  InvokeAiClient,
  (client) => client.call((api) => api.queue.prune({ params: { queue_id: "default" } }))
)
const image = (image_name: string) =>
  Effect.flatMap(InvokeAiClient, (client) => client.call((api) => api.images.get({ params: { image_name } })))

/** Runs with a clock that moves on by itself, so that pauses pass. */
const patiently = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(effect)
    yield* TestClock.adjust("10 minutes")
    return yield* Fiber.join(fiber)
  })

describe("base URL", () => {
  it.effect.each([
    ["http://server.test:9090", "/api/v1/app/version"],
    ["http://server.test/", "/api/v1/app/version"],
    ["https://server.test/invoke", "/invoke/api/v1/app/version"],
    ["https://server.test/invoke/?x=1#y", "/invoke/api/v1/app/version"]
  ])("%s", ([url, path]) => {
    const server = scriptedHttp(() => json({ version: "6.14.2" }))
    return Effect.gen(function*() {
      assert.strictEqual((yield* version).version, "6.14.2")
      assert.strictEqual(server.seen[0]!.path, path)
      assert.strictEqual(server.seen[0]!.url.search, "")
    }).pipe(Effect.provide(server.layer({ url: url! })))
  })

  it.effect.each(["::::", "", "localhost:9090", "ftp://x"])("%s is rejected without a request", (url) => {
    const server = scriptedHttp(() => json({ version: "6.14.2" }))
    return Effect.gen(function*() {
      const error = yield* Effect.flip(version)
      assert.strictEqual(error.reason._tag, "Transport")
      assert.isFalse(error.isRetryable)
      assert.isFalse(error.isAmbiguous)
      assert.include(error.message, "URL")
      assert.strictEqual(server.seen.length, 0)
    }).pipe(Effect.provide(server.layer({ url })))
  })

  it.effect("escapes path parameters, and rejects those that a URL would normalize away", () => {
    const server = scriptedHttp((request) => json(imageDto(decodeURIComponent(request.path.split("/").at(-1)!))))
    return Effect.gen(function*() {
      const dto = yield* image("a/b ?#%.png")
      assert.strictEqual(dto.image_name, "a/b ?#%.png")
      assert.strictEqual(server.seen[0]!.path, "/api/v1/images/i/a%2Fb%20%3F%23%25.png")
      for (const name of ["", ".", ".."]) {
        const error = yield* Effect.flip(image(name))
        assert.strictEqual(error.reason._tag, "Validation")
        assert.isFalse(error.isAmbiguous)
      }
      assert.strictEqual(server.seen.length, 1)
    }).pipe(Effect.provide(server.layer()))
  })
})

describe("A status", () => {
  it.effect.each(
    [
      [400, "Validation"],
      [401, "Unauthorized"],
      [403, "Forbidden"],
      [404, "NotFound"],
      [405, "Server"],
      [409, "Conflict"],
      [415, "Validation"],
      [422, "Validation"],
      [500, "Server"],
      [502, "Server"]
    ] as const
  )("%s becomes %s", ([status, reason]) => {
    const server = scriptedHttp(() => json({ detail: "because" }, { status }))
    return Effect.gen(function*() {
      const error = yield* patiently(Effect.flip(version))
      assert.strictEqual(error.reason._tag, reason)
      assert.strictEqual(error.status, status)
      assert.strictEqual(error.detail, "because")
      assert.strictEqual(error.method, "GET")
      assert.strictEqual(error.path, "/api/v1/app/version")
      assert.include(error.message, "because")
    }).pipe(Effect.provide(server.layer()))
  })

  it.effect("422 lists the problems without the rejected values", () => {
    const secretGraph = "x".repeat(20_000)
    const server = scriptedHttp(() =>
      json({
        detail: Array.from({ length: 80 }, () => ({
          type: "int_parsing",
          loc: ["body", "batch", "graph", 1],
          msg: `not a number ${"y".repeat(9000)}`,
          input: secretGraph,
          ctx: { input: secretGraph }
        }))
      }, { status: 422 })
    )
    return Effect.gen(function*() {
      const error = yield* Effect.flip(prune)
      assert.deepStrictEqual(error.issues[0]?.loc, ["body", "batch", "graph", 1])
      assert.strictEqual(error.issues[0]?.type, "int_parsing")
      assert.strictEqual(error.issues.length, 50)
      assert.isBelow(JSON.stringify(error).length, 30_000)
      assert.notInclude(JSON.stringify(error), "xxxx")
      assert.isBelow(error.message.length, 1000)
      assert.isFalse(error.isAmbiguous)
    }).pipe(Effect.provide(server.layer()))
  })

  it.effect("400 to http on a TLS port suggests a URL that begins with https", () =>
    Effect.gen(function*() {
      const answers = [
        new Response("Client sent an HTTP request to an HTTPS server.\n", { status: 400 }),
        new Response("<html><h1>400 Bad Request</h1>The plain HTTP request was sent to HTTPS port</html>", {
          status: 400,
          headers: { "content-type": "text/html" }
        })
      ]
      for (const answer of answers) {
        const error = yield* Effect.flip(version).pipe(Effect.provide(scriptedHttp(() => answer).layer()))
        assert.include(error.message, "use a URL that begins with https://")
      }
    }))

  it.effect("with plain text or HTML is described", () => {
    const server = scriptedHttp((request) =>
      request.method === "GET" ? html(502) : new Response("Internal Server Error", { status: 500 })
    )
    return Effect.gen(function*() {
      assert.include((yield* Effect.flip(version)).detail, "HTML page")
      assert.strictEqual((yield* Effect.flip(prune)).detail, "Internal Server Error")
    }).pipe(Effect.provide(server.layer({ retries: 0 })))
  })

  it.effect("200 with HTML means an unknown path of an official server", () => {
    const server = scriptedHttp(() => html())
    return Effect.gen(function*() {
      const error = yield* Effect.flip(image("x"))
      assert.strictEqual(error.reason._tag, "Decode")
      assert.isFalse(error.isRetryable)
      assert.strictEqual(server.seen.length, 1)
      assert.strictEqual((yield* Effect.flip(image("a/b"))).reason._tag, "NotFound", "no name has a slash")
      const mutation = yield* Effect.flip(prune)
      assert.strictEqual(mutation.reason._tag, "Decode")
      assert.isTrue(mutation.isAmbiguous)
    }).pipe(Effect.provide(server.layer()))
  })

  it.effect.each([["HTML", () => html()], ["other JSON", () => json({ hello: 1 })]] as const)(
    "200 of a server that is not InvokeAI is a Decode error: %s",
    ([, answer]) => {
      const server = scriptedHttp(answer)
      return Effect.gen(function*() {
        const info = yield* ServerInfo
        const error = yield* Effect.flip(info.version)
        assert.strictEqual(error.reason._tag, "Decode")
        assert.include(error.message, "not an InvokeAI server")
        assert.include(error.message, "http://server.test:9090/")
      }).pipe(Effect.provide(ServerInfo.layer.pipe(Layer.provide(server.layer()))))
    }
  )

  it.effect.each([
    "https://bob:hunter2@x.test/a?token=t#f",
    "//bob:hunter2@x.test/a?token=t",
    "https://x.test/a?token=hunter2"
  ])("302 to %s is shown without user, password, query and fragment", (location) => {
    const server = scriptedHttp(() => new Response(null, { status: 302, headers: { location } }))
    const spans: Array<Tracer.Span> = []
    const tracer = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      }
    })
    return Effect.gen(function*() {
      const error = yield* Effect.flip(version)
      assert.include(error.message, "x.test/a")
      const shown = `${error.message} ${JSON.stringify(spans.flatMap((span) => [...span.attributes].map(String)))}`
      assert.include(shown, "http.response.header.location")
      for (const secret of ["bob", "hunter2", "token"]) assert.notInclude(shown, secret)
    }).pipe(
      Effect.provide(server.layer()),
      Effect.withTracer(tracer),
      Effect.provideService(HttpClient.TracerHeaderFilter, () => true)
    )
  })
})

describe("Retrying", () => {
  it.effect.each(
    [
      ["ECONNREFUSED", networkError("ECONNREFUSED")],
      ["ECONNRESET", networkError("ECONNRESET")],
      ["502", json({}, { status: 502 })],
      ["500", json({ detail: "database is locked" }, { status: 500 })],
      ["truncated JSON", new Response("{\"vers", { headers: { "content-type": "application/json" } })]
    ] as const
  )("repeats reads after %s", ([, failure]) => {
    const server = scriptedHttp((_request, index) =>
      index < 3 ? failure instanceof Response ? failure.clone() : failure : json({ version: "6.14.2" })
    )
    return Effect.gen(function*() {
      assert.strictEqual((yield* patiently(version)).version, "6.14.2")
      assert.strictEqual(server.seen.length, 4)
    }).pipe(Effect.provide(server.layer()))
  })

  it.effect("ends after the last retry, and pauses in between", () => {
    const server = scriptedHttp(() => networkError("ECONNREFUSED"))
    return Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Effect.flip(version))
      yield* TestClock.adjust("50 millis")
      assert.strictEqual(server.seen.length, 1)
      yield* TestClock.adjust("1 minute")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(server.seen.length, 4)
      assert.include(error.message, "ECONNREFUSED")
      assert.include(error.message, "could not be sent")
    }).pipe(Effect.provide(server.layer()))
  })

  it.effect("does not repeat the read of an unreadable item", () => {
    const server = scriptedHttp(() =>
      json({ detail: "Unexpected error: 1 validation error for GraphExecutionState" }, { status: 500 })
    )
    return Effect.gen(function*() {
      const error = yield* Effect.flip(Effect.flatMap(SessionQueue, (queue) => queue.item(1)))
      assert.strictEqual(error.status, 500)
      assert.strictEqual(server.seen.length, 1)
    }).pipe(Effect.provide(SessionQueue.layer.pipe(Layer.provide(server.layer()))))
  })

  it.effect.each(
    [
      ["connection refused", networkError("ECONNREFUSED"), false],
      ["name not found", networkError("ENOTFOUND"), false],
      ["reset", networkError("ECONNRESET"), true],
      ["500", json({ detail: "x" }, { status: 500 }), true],
      ["502", html(502), true],
      ["503", json({}, { status: 503 }), true],
      ["garbage", new Response("<<<", { headers: { "content-type": "application/json" } }), true],
      ["other JSON", json({ hello: 1 }), true],
      ["409", json({ detail: "x" }, { status: 409 }), false],
      ["422", json({ detail: "x" }, { status: 422 }), false],
      ["429", json({ detail: "x" }, { status: 429 }), false],
      ["timeout", "never" as const, true]
    ] as const
  )("sends a change once: %s", ([, answer, ambiguous]) => {
    const server = scriptedHttp(() => answer instanceof Response ? answer.clone() : answer)
    return Effect.gen(function*() {
      const error = yield* patiently(Effect.flip(prune))
      assert.strictEqual(server.seen.length, 1)
      assert.strictEqual(error.isAmbiguous, ambiguous)
    }).pipe(Effect.provide(server.layer()))
  })

  const busy = (status: number, retryAfter: string) => () =>
    json({ detail: "busy" }, { status, headers: { "retry-after": retryAfter } })

  it.effect.each(
    [
      ["seconds", busy(503, "7"), 7000],
      ["a date", busy(429, "Thu, 01 Jan 1970 00:00:12 GMT"), 12_000],
      ["longer than one waits", busy(503, "3600"), 30_000],
      ["nonsense", busy(503, "soon"), 0],
      ["a date that is past", busy(503, "Thu, 01 Jan 1970 00:00:00 GMT"), 0]
    ] as const
  )("waits as long as a busy server requests: %s", ([, answer, millis]) => {
    const server = scriptedHttp((_, index) => index === 0 ? answer() : json({ version: "6.14.2" }))
    return Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(version)
      yield* TestClock.adjust(millis)
      assert.strictEqual(server.seen.length, 1)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(fiber), { version: "6.14.2" })
      assert.strictEqual(server.seen.length, 2)
    }).pipe(Effect.provide(server.layer()))
  })

  it.effect("reports the delay that a busy server requests, even without a retry", () => {
    const server = scriptedHttp(busy(429, "2"))
    return Effect.gen(function*() {
      const error = yield* Effect.flip(prune)
      assert.strictEqual(error.retryAfter, 2000)
      assert.isTrue(error.isRetryable)
      assert.strictEqual(server.seen.length, 1)
    }).pipe(Effect.provide(server.layer()))
  })

  it.effect("repeats cancellations and reads by POST, which are safe", () => {
    const server = scriptedHttp((request, index) =>
      index % 2 === 0
        ? json({}, { status: 503 })
        : request.path.endsWith("cancel_by_batch_ids")
        ? json({ canceled: 2 })
        : json([])
    )
    return Effect.gen(function*() {
      const queue = yield* SessionQueue
      assert.strictEqual(yield* patiently(queue.cancelByBatchIds(["b"])), 2)
      assert.deepStrictEqual(yield* patiently(queue.itemsByIds([1])), [])
      assert.strictEqual(server.seen.length, 4)
    }).pipe(Effect.provide(SessionQueue.layer.pipe(Layer.provide(server.layer()))))
  })

  it.effect("never makes a read ambiguous", () => {
    const server = scriptedHttp(() => json({}, { status: 500 }))
    return Effect.gen(function*() {
      assert.isFalse((yield* Effect.flip(version)).isAmbiguous)
    }).pipe(Effect.provide(server.layer({ retries: 0 })))
  })
})

describe("A response", () => {
  it.effect.each(
    [
      ["no JSON", new Response("<<<", { headers: { "content-type": "application/json" } }), "ERR_BODY"],
      ["a page", html(), "ERR_HTML"]
    ] as const
  )("fails if it is %s", ([, answer, code]) => {
    const server = scriptedHttp(() => answer.clone())
    return Effect.gen(function*() {
      const error = yield* patiently(Effect.flip(version))
      assert.deepInclude(error, { reason: { _tag: "Decode" }, code, method: "GET", path: "/api/v1/app/version" })
    }).pipe(Effect.provide(server.layer()))
  })

  it.effect("is accepted as a queue item, whatever a newer server writes into its details", () => {
    const item = {
      item_id: 7,
      status: "dreaming",
      batch_id: "b",
      queue_id: "default",
      session_id: "s",
      session: { results: { a: ["b"] }, graph: "none" },
      created_at: "2026-11-22 12:34:56.789",
      updated_at: "2026-11-22 12:34:56.789"
    }
    const details = {
      priority: "high",
      origin: 7,
      started_at: "soon",
      error_message: { code: 1 },
      field_values: [{ path: "a" }],
      parent_item_id: "six",
      workflow: "none"
    }
    const server = scriptedHttp(({ path }) => json(path.endsWith("/7") ? { ...item, ...details } : { hello: 1 }))
    return Effect.gen(function*() {
      const queue = yield* SessionQueue
      const time = DateTime.makeUnsafe("2026-11-22T12:34:56.789Z")
      assert.deepStrictEqual(yield* queue.item(7), {
        ...item,
        created_at: time,
        updated_at: time,
        priority: null,
        origin: null,
        started_at: null,
        error_message: null,
        field_values: null,
        parent_item_id: null,
        workflow: null
      })
      const error = yield* Effect.flip(queue.item(8))
      assert.deepInclude(error, { reason: { _tag: "Decode" }, path: "/api/v1/queue/default/i/8" })
      assert.include(error.message, "item_id")
    }).pipe(Effect.provide(SessionQueue.layer.pipe(Layer.provide(server.layer()))))
  })
})

describe("A timeout", () => {
  it.effect("ends a request", () => {
    const server = scriptedHttp(() => "never")
    return Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Effect.flip(prune))
      yield* TestClock.adjust("4 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("2 seconds")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error.reason._tag, "Transport")
      assert.strictEqual(error.code, "ETIMEDOUT")
      assert.include(error.message, "5000 ms")
    }).pipe(Effect.provide(server.layer({ timeout: "5 seconds" })))
  })

  it.effect("does not restart a slow computation, unlike one that fails quickly", () => {
    const hanging = scriptedHttp(() => "never")
    const busy = scriptedHttp((_, index) =>
      index < 2 ? json({ detail: "busy" }, { status: 503 }) : json({ prompts: ["a"], error: null })
    )
    const prompts = Effect.flatMap(
      InvokeAiClient,
      (client) =>
        client.call((api) =>
          api.utilities.dynamicPrompts({ payload: { prompt: "{a|b}", max_prompts: 2, combinatorial: true } })
        )
    )
    return Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(
        Effect.flip(prompts).pipe(Effect.provide(hanging.layer({ timeout: "5 seconds" })))
      )
      yield* TestClock.adjust("6 seconds")
      assert.strictEqual((yield* Fiber.join(fiber)).code, "ETIMEDOUT")
      assert.strictEqual(hanging.seen.length, 1)
      assert.deepStrictEqual((yield* patiently(prompts.pipe(Effect.provide(busy.layer())))).prompts, ["a"])
    })
  })

  it.effect("is longer for enqueueing", () => {
    const server = scriptedHttp(() => "never")
    return Effect.gen(function*() {
      const queue = yield* SessionQueue
      const fiber = yield* Effect.forkChild(Effect.flip(queue.enqueueBatch({ graph: {}, runs: 1 })))
      yield* TestClock.adjust("6 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("5 seconds")
      assert.isTrue((yield* Fiber.join(fiber)).isAmbiguous)
    }).pipe(
      Effect.provide(
        SessionQueue.layer.pipe(Layer.provide(server.layer({ timeout: "5 seconds", transferTimeout: "10 seconds" })))
      )
    )
  })

  it.effect("ends a download that pauses too long", () => {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new Uint8Array([1, 2, 3]))
    })
    const server = scriptedHttp(() => new Response(body, { headers: { "content-type": "image/png" } }))
    return Effect.gen(function*() {
      const client = yield* InvokeAiClient
      const chunks: Array<number> = []
      const fiber = yield* client.bytes(
        (api) => api.images.full({ params: { image_name: "x" }, responseMode: "response-only" }),
        { contentType: ["image/"] }
      ).pipe(
        Stream.runForEach((chunk) => Effect.sync(() => chunks.push(...chunk))),
        Effect.flip,
        Effect.forkChild
      )
      // reading the body leaves the event loop
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 20)))
      yield* TestClock.adjust("61 seconds")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error.code, "ETIMEDOUT")
      assert.strictEqual(error.path, "/api/v1/images/i/x/full")
      assert.deepStrictEqual(chunks, [1, 2, 3])
    }).pipe(Effect.provide(server.layer()))
  })
})

describe("A response body", () => {
  it.effect("is requested without compression for deletions and media", () => {
    const server = scriptedHttp((request) =>
      request.method === "DELETE"
        ? new Response(null, { status: 204 })
        : new Response(new Uint8Array([1]), { headers: { "content-type": "image/png" } })
    )
    return Effect.gen(function*() {
      const client = yield* InvokeAiClient
      yield* client.call((api) => api.models.delete({ params: { key: "k" } }))
      yield* Stream.runDrain(client.bytes(
        (api) => api.images.full({ params: { image_name: "x" }, responseMode: "response-only" }),
        { contentType: ["image/"] }
      ))
      assert.deepStrictEqual(server.seen.map((request) => request.headers["accept-encoding"]), ["identity", "identity"])
    }).pipe(Effect.provide(server.layer()))
  })

  it.effect("is not returned if it has another type", () => {
    const server = scriptedHttp(() => json({ detail: "no image" }))
    return Effect.gen(function*() {
      const client = yield* InvokeAiClient
      const error = yield* client.bytes(
        (api) => api.images.full({ params: { image_name: "x" }, responseMode: "response-only" }),
        { contentType: ["image/"] }
      ).pipe(Stream.runDrain, Effect.flip)
      assert.strictEqual(error.reason._tag, "Decode")
      assert.include(error.message, "application/json")
    }).pipe(Effect.provide(server.layer()))
  })
})

describe("The client's login", () => {
  const login = { email: "a@b.c", password: Redacted.make("pass-secret") }
  const makeServer = (options?: { readonly multiuser?: boolean; readonly refresh?: string }) => {
    let current = "token-1"
    let logins = 0
    const server = scriptedHttp((request) => {
      if (request.path.endsWith("/auth/status")) {
        return json({ setup_required: false, multiuser_enabled: options?.multiuser ?? true })
      }
      if (request.path.endsWith("/auth/login")) {
        const { password } = request.body as { readonly password: string }
        if (password !== "pass-secret") return json({ detail: "Incorrect email or password" }, { status: 401 })
        current = `token-${++logins}`
        return json({ token: current, user, expires_in: 86400 })
      }
      if (options?.multiuser !== false && request.headers["authorization"] !== `Bearer ${current}`) {
        return json({ detail: "Invalid or expired token" }, { status: 401 })
      }
      if (options?.refresh !== undefined && request.method !== "GET") {
        current = options.refresh
        return json({ deleted: 0 }, { headers: { "x-refreshed-token": options.refresh } })
      }
      return request.method === "GET" ? json(batchStatus) : json({ deleted: 0 })
    })
    return { ...server, expire: () => (current = "other"), logins: () => logins }
  }
  const status = Effect.flatMap(
    InvokeAiClient,
    (client) => client.call((api) => api.queue.batchStatus({ params: { queue_id: "default", batch_id: "b" } }))
  )

  it.effect("happens once for many concurrent requests", () => {
    const server = makeServer()
    return Effect.gen(function*() {
      yield* Effect.all(Array.from({ length: 20 }, () => status), { concurrency: "unbounded" })
      assert.strictEqual(server.logins(), 1)
      const client = yield* InvokeAiClient
      assert.strictEqual(Redacted.value(Option.getOrThrow(yield* client.token)), "token-1")
    }).pipe(Effect.provide(server.layer(login)))
  })

  it.effect("happens again once if the token is no longer accepted, even for changes", () => {
    const server = makeServer()
    return Effect.gen(function*() {
      yield* status
      server.expire()
      yield* Effect.all(Array.from({ length: 20 }, () => prune), { concurrency: "unbounded" })
      assert.strictEqual(server.logins(), 2)
    }).pipe(Effect.provide(server.layer(login)))
  })

  it.effect("is not repeated if a second token is rejected", () => {
    const server = scriptedHttp((request) =>
      request.path.endsWith("/auth/status")
        ? json({ setup_required: false, multiuser_enabled: true })
        : request.path.endsWith("/auth/login")
        ? json({ token: "t", user, expires_in: 1 })
        : json({ detail: "User not found or inactive" }, { status: 401 })
    )
    return Effect.gen(function*() {
      const error = yield* Effect.flip(status)
      assert.strictEqual(error.reason._tag, "Unauthorized")
      assert.strictEqual(server.seen.filter((request) => request.path.endsWith("/status")).length > 0, true)
      assert.strictEqual(server.seen.filter((request) => request.path.endsWith("/auth/login")).length, 2)
      assert.strictEqual(server.seen.filter((request) => request.path.includes("/b/b/")).length, 2)
    }).pipe(Effect.provide(server.layer(login)))
  })

  it.effect("names the variables to check if the server rejects it as invalid", () => {
    const server = scriptedHttp((request) =>
      request.path.endsWith("/auth/status")
        ? json({ setup_required: false, multiuser_enabled: true })
        : json({ detail: [{ loc: ["body", "email"], msg: "not an email address", type: "x" }] }, { status: 422 })
    )
    return Effect.gen(function*() {
      const error = yield* Effect.flip(status)
      assert.include(
        error.message,
        "not an email address. Check the email and password (INVOKEAI_EMAIL and INVOKEAI_PASSWORD)"
      )
    }).pipe(Effect.provide(server.layer(login)))
  })

  it.effect("reports a wrong password", () => {
    const server = makeServer()
    return Effect.gen(function*() {
      const error = yield* Effect.flip(status)
      assert.strictEqual(error.reason._tag, "Unauthorized")
      assert.include(error.message, "Incorrect email or password")
      const client = yield* InvokeAiClient
      assert.isTrue(Option.isNone(yield* client.token))
      assert.isFalse(yield* client.renewToken)
    }).pipe(Effect.provide(server.layer({ ...login, password: Redacted.make("wrong") })))
  })

  it.effect("does not happen if only a token is provided, even after a 401", () => {
    const server = makeServer()
    return Effect.gen(function*() {
      const error = yield* Effect.flip(status)
      assert.strictEqual(error.reason._tag, "Unauthorized")
      assert.strictEqual(server.seen.length, 1)
      assert.strictEqual(server.seen[0]!.headers["authorization"], "Bearer given")
    }).pipe(Effect.provide(server.layer({ token: Redacted.make(" given\n") })))
  })

  it.effect("adopts a refreshed token", () => {
    const server = makeServer({ refresh: "token-fresh" })
    return Effect.gen(function*() {
      yield* prune
      yield* status
      assert.strictEqual(server.logins(), 1)
      assert.strictEqual(server.seen.at(-1)!.headers["authorization"], "Bearer token-fresh")
    }).pipe(Effect.provide(server.layer(login)))
  })

  it.effect("does not adopt a token from a rejection", () => {
    const server = scriptedHttp((request) =>
      request.method === "GET"
        ? json(batchStatus)
        : json({ detail: "no" }, { status: 403, headers: { "x-refreshed-token": "token-fresh" } })
    )
    return Effect.gen(function*() {
      assert.strictEqual((yield* Effect.flip(prune)).reason._tag, "Forbidden")
      yield* status
      assert.strictEqual(server.seen.at(-1)!.headers["authorization"], "Bearer given")
    }).pipe(Effect.provide(server.layer({ token: Redacted.make("given") })))
  })

  it.effect("is skipped for a server without user accounts", () => {
    const server = makeServer({ multiuser: false })
    return Effect.gen(function*() {
      yield* status
      yield* status
      assert.strictEqual(server.logins(), 0)
      assert.strictEqual(server.seen.filter((request) => request.path.endsWith("/auth/status")).length, 1)
      assert.isUndefined(server.seen.at(-1)!.headers["authorization"])
    }).pipe(Effect.provide(server.layer(login)))
  })

  const withoutUsers = [
    ["404", () => json({ detail: "Not Found" }, { status: 404 })],
    ["HTML", () => html()]
  ] as const

  it.effect.each(withoutUsers)("is skipped for an old server without the login routes (%s)", ([, respond]) => {
    const server = scriptedHttp((request) =>
      selfDescription("6.11.1", request) ?? (request.path.includes("/auth/") ? respond() : json(batchStatus))
    )
    return Effect.gen(function*() {
      // reading the document needs no login, which would wait for the document
      yield* Effect.flatMap(InvokeAiClient, ({ document }) => document.read)
      assert.isFalse(server.seen.some((request) => request.path.includes("/auth/")))
      assert.strictEqual((yield* status).completed, 1)
      assert.strictEqual((yield* status).completed, 1)
      assert.strictEqual(server.seen.filter((request) => request.path === "/openapi.json").length, 1)
    }).pipe(Effect.provide(server.layer(login)))
  })

  it.effect.each(withoutUsers)(
    "is not skipped because something in front of the server responds (%s)",
    ([, respond]) => {
      const server = scriptedHttp((request) => request.path.includes("/b/") ? json(batchStatus) : respond())
      return Effect.gen(function*() {
        const error = yield* Effect.flip(status)
        assert.strictEqual(error.path, "/api/v1/auth/status")
        assert.notStrictEqual(error.reason._tag, "Unsupported")
        yield* Effect.flip(status)
        assert.isAbove(server.seen.filter((request) => request.path.includes("/auth/")).length, 1, "tries again")
      }).pipe(Effect.provide(server.layer({ ...login, retries: 0 })))
    }
  )
})

describe("Secrets", () => {
  const secrets = ["tok-secret", "pass-secret", "url-secret", "dXNlcjp1cmwtc2VjcmV0", "hf-secret", "fresh-secret"]

  it.effect("never appear in errors, spans or printed values", () => {
    const answersWith = (leak: string) => [
      () => json({ detail: leak }, { status: 500 }),
      () => json({ detail: [{ loc: ["body"], msg: leak, type: "x", input: leak }] }, { status: 422 }),
      () => new Response(leak, { status: 403 }),
      () => json({ detail: leak }, { status: 401 }),
      () => json({ deleted: leak }, { headers: { "x-refreshed-token": "fresh-secret" } }),
      () => new Response(null, { status: 302, headers: { location: `http://x.test/?a=${leak}` } })
    ]
    const spans: Array<Tracer.Span> = []
    const tracer = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      }
    })
    const install = Effect.flatMap(
      InvokeAiClient,
      (client) =>
        client.call((api) =>
          api.models.install({ query: { source: "s", access_token: Redacted.make("hf-secret") }, payload: {} })
        )
    )
    // what the client knows as a secret and the server repeats
    const variants = [
      { options: { token: Redacted.make("tok-secret") }, leak: "tok-secret" },
      { options: { email: "a@b.c", password: Redacted.make("pass-secret") }, leak: "pass-secret" },
      { options: {}, leak: "url-secret dXNlcjp1cmwtc2VjcmV0" }
    ]
    return Effect.gen(function*() {
      const texts: Array<string> = []
      for (const { leak, options } of variants) {
        for (const answer of answersWith(leak)) {
          const server = scriptedHttp(answer)
          const layer = server.layer({ url: "http://user:url-secret@server.test/", retries: 0, ...options })
          const calls = Effect.gen(function*() {
            const client = yield* InvokeAiClient
            const failing: ReadonlyArray<Effect.Effect<unknown, InvokeAiError, InvokeAiClient>> = [
              prune,
              install,
              image("x")
            ]
            for (const call of failing) {
              const result = yield* Effect.result(call)
              if (result._tag === "Failure") {
                texts.push(
                  result.failure.message,
                  JSON.stringify(result.failure),
                  inspect(result.failure, { depth: 9 })
                )
                texts.push(String(result.failure.stack))
              }
            }
            texts.push(inspect(client, { depth: 9 }), client.url.href)
          })
          yield* calls.pipe(
            Effect.provide(layer),
            Effect.provideService(HttpClient.TracerHeaderFilter, (name) => name === "x-refreshed-token"),
            Effect.withTracer(tracer)
          )
        }
      }
      for (const span of spans) {
        texts.push(inspect([...span.attributes]), span.name)
        // a tracer exports how a span failed, not what it gave
        if (span.status._tag === "Ended" && Exit.isFailure(span.status.exit)) {
          texts.push(Cause.pretty(span.status.exit.cause), inspect(span.status.exit.cause, { depth: 6 }))
        }
      }
      assert.isAbove(spans.length, 10)
      assert.isAbove(texts.length, 100)
      for (const text of texts) {
        for (const secret of secrets) assert.notInclude(text, secret)
      }
    })
  })

  it.effect("are removed from the message of a failed connection", () => {
    const server = scriptedHttp(() => networkError("tok-secret"))
    return Effect.gen(function*() {
      const error = yield* Effect.flip(prune)
      assert.include(error.message, "<redacted>")
      assert.notInclude(inspect(error, { depth: 9 }), "tok-secret")
    }).pipe(Effect.provide(server.layer({ token: Redacted.make("tok-secret") })))
  })

  it.effect("are not sent if a token does not fit into a header", () => {
    const server = scriptedHttp(() => json({ version: "6.14.2" }))
    return Effect.gen(function*() {
      const error = yield* Effect.flip(version)
      assert.strictEqual(error.reason._tag, "Unauthorized")
      assert.notInclude(error.message, "t-k")
      assert.strictEqual(server.seen.length, 0)
    }).pipe(Effect.provide(server.layer({ token: Redacted.make("t-k\nsecret") })))
  })

  it.effect("are removed from the server's message, including a download token", () => {
    const server = scriptedHttp(() => json({ detail: "cannot download with hf-secret" }, { status: 424 }))
    return Effect.gen(function*() {
      const client = yield* InvokeAiClient
      const error = yield* Effect.flip(
        client.call((api) =>
          api.models.install({ query: { source: "s", access_token: Redacted.make("hf-secret") }, payload: {} })
        )
      )
      assert.strictEqual(server.seen[0]!.url.searchParams.get("access_token"), "hf-secret")
      assert.strictEqual(error.detail, "cannot download with <redacted>")
    }).pipe(Effect.provide(server.layer()))
  })

  it.effect("in the URL become basic authentication, unless other credentials are provided", () => {
    const server = scriptedHttp(() => json({ version: "6.14.2" }))
    return Effect.gen(function*() {
      yield* version.pipe(Effect.provide(server.layer({ url: "http://user:p%40ss@server.test/" })))
      yield* version.pipe(
        Effect.provide(server.layer({ url: "http://user:pw@server.test/", token: Redacted.make("tok") }))
      )
      assert.deepStrictEqual(server.seen.map((request) => request.headers["authorization"]), [
        `Basic ${btoa("user:p@ss")}`,
        "Bearer tok"
      ])
      assert.strictEqual(server.seen[0]!.url.href, "http://server.test/api/v1/app/version")
    })
  })
})

describe("The configuration", () => {
  it.effect("is read from the environment", () =>
    Effect.gen(function*() {
      const options = yield* InvokeAiConfig
      assert.strictEqual(options.url, "http://x.test/")
      assert.strictEqual(Redacted.value(options.token!), "t")
      assert.strictEqual(options.queueId, "mine")
      assert.isUndefined(options.email)
      assert.strictEqual(options.retries, 1)
    }).pipe(Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({
      INVOKEAI_URL: "http://x.test/",
      INVOKEAI_TOKEN: "t",
      INVOKEAI_QUEUE_ID: "mine",
      INVOKEAI_RETRIES: "1"
    })))))

  it.effect("is optional", () =>
    Effect.gen(function*() {
      const options = yield* InvokeAiConfig
      assert.isTrue(Object.values(options).every((value) => value === undefined))
    }).pipe(Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({})))))
})

describe("A message", () => {
  it("names the first problem and counts the others", () => {
    const error = new InvokeAiError({
      reason: {
        _tag: "Validation",
        issues: [
          { loc: ["body", "a", 0], msg: "m1", type: "t" },
          { loc: ["body"], msg: "m2", type: "t" }
        ]
      },
      method: "POST",
      path: "/p",
      status: 422,
      detail: ""
    })
    assert.strictEqual(error.message, "POST /p was rejected as invalid (422): body.a.0: m1 (and 1 more)")
  })
})

describe("InvokeAiError.reason", () => {
  const fail = (status: number) => Effect.fail(failure(status))
  const failure = (status: number) =>
    new InvokeAiError({
      reason: status === 404 ? { _tag: "NotFound" } : { _tag: "Server" },
      method: "GET",
      path: "/p",
      status,
      detail: ""
    })

  it.effect("is a tagged reason that Effect.catchReason handles, and every other reason stays an error", () =>
    Effect.gen(function*() {
      const handled = (status: number) =>
        fail(status).pipe(
          Effect.catchReason(
            "InvokeAiError",
            "NotFound",
            (reason, error) => Effect.succeed([reason._tag, error.status])
          )
        )
      assert.deepStrictEqual(yield* handled(404), ["NotFound", 404])
      assert.strictEqual((yield* Effect.flip(handled(500))).status, 500)
    }))
})
