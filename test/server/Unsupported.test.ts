/** What a version of InvokeAI lacks is one typed error, whatever the server responds. */
import type { InvokeAiError } from "@effect-invokeai/core/InvokeAiError"
import { Auth } from "@effect-invokeai/core/server/Auth"
import { Boards } from "@effect-invokeai/core/server/Boards"
import { Images } from "@effect-invokeai/core/server/Images"
import { InvokeAiClient } from "@effect-invokeai/core/server/InvokeAiClient"
import { Models } from "@effect-invokeai/core/server/Models"
import { SystemPrompts } from "@effect-invokeai/core/server/Prompts"
import { ServerInfo } from "@effect-invokeai/core/server/ServerInfo"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import { Videos } from "@effect-invokeai/core/server/Videos"
import { WorkflowLibrary } from "@effect-invokeai/core/server/WorkflowLibrary"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { newerCalls } from "./newerCalls.ts"
import { html, json, networkError, scriptedHttp, type ScriptedResponse, type Seen } from "./scriptedHttp.ts"

const minor = (version: string): number => Number(version.split(".")[1])

const versions = ["6.3.0", "6.8.1", "6.13.8", "6.14.2"] as const

describe.each([true, false])("A route that the version lacks (with the UI: %s)", (webUi) => {
  it.effect.each(versions)(
    "is an Unsupported error that names version, operation and release on %s",
    (version) =>
      Effect.gen(function*() {
        const lacking = (yield* newerCalls).filter(({ since }) => since === undefined || minor(since) > minor(version))
        assert.isAbove(lacking.length, 1)
        for (const { call, operation, since } of lacking) {
          const error = yield* Effect.flip(call)
          assert.strictEqual(error.reason._tag, "Unsupported", `${operation}: ${error.message}`)
          if (error.reason._tag !== "Unsupported") continue
          assert.strictEqual(error.reason.version, version)
          assert.strictEqual(error.reason.operation, operation)
          assert.strictEqual(error.reason.since, since)
          assert.isUndefined(error.reason.input)
          assert.isFalse(error.isRetryable, operation)
          assert.isFalse(error.isAmbiguous, operation)
        }
      }).pipe(Effect.provide(InvokeAiTest.layer({ version, webUi })))
  )
})

it.effect("The message of an Unsupported error says what is missing where, and since when InvokeAI has it", () =>
  Effect.gen(function*() {
    const error = yield* Effect.flip(Videos.use((videos) => videos.upload({ data: new Uint8Array([1]) })))
    assert.match(
      error.message,
      /^InvokeAI 6\.8\.1 on http:\S+ does not have POST \/api\/v1\/videos\/upload: it needs InvokeAI 6\.14 or later$/
    )
    const filter = { callable: true }
    const parameter = yield* Effect.flip(Stream.runDrain(yield* WorkflowLibrary.useSync((it) => it.list(filter))))
    assert.include(parameter.message, "does not have the parameter \"callable\" of GET /api/v1/workflows/: it needs")
    const receipt = yield* Effect.flip(SessionQueue.use((queue) => queue.enqueueReceipt("key")))
    assert.include(receipt.message, "no release has it yet")
  }).pipe(Effect.provide(InvokeAiTest.layer({ version: "6.8.1" }))))

describe("A missing resource", () => {
  const looks = Effect.gen(function*() {
    const videos = yield* Videos
    const list: ReadonlyArray<Effect.Effect<unknown, InvokeAiError>> = [
      (yield* Images).get("x.png"),
      (yield* Boards).get("x"),
      (yield* WorkflowLibrary).get("x"),
      (yield* Models).get("x"),
      (yield* SessionQueue).item(7),
      videos.get("x.mp4"),
      videos.metadata("x.mp4"),
      (yield* SystemPrompts).get("x")
    ]
    return list
  })

  it.effect("stays NotFound on a server with the routes", () =>
    Effect.gen(function*() {
      for (const look of yield* looks) {
        const error = yield* Effect.flip(look)
        assert.strictEqual(error.reason._tag, "NotFound", error.message)
      }
      assert.isTrue(Option.isNone(yield* Videos.use((videos) => videos.find("x.mp4"))))
    }).pipe(Effect.provide(InvokeAiTest.layer())))

  it.effect("stays NotFound on an older server, if that has the route", () =>
    Effect.gen(function*() {
      for (const look of (yield* looks).slice(0, 5)) {
        const error = yield* Effect.flip(look)
        assert.strictEqual(error.reason._tag, "NotFound", error.message)
      }
    }).pipe(Effect.provide(InvokeAiTest.layer({ version: "6.8.1" }))))
})

describe("An input that the version does not know", () => {
  it.effect("fails before anything is sent", () =>
    Effect.gen(function*() {
      const boards = yield* Boards
      const library = yield* WorkflowLibrary
      const queue = yield* SessionQueue
      const { board_id } = yield* boards.create("study")
      const graph = { id: "g", nodes: { a: { id: "a", type: "integer" } }, edges: [] }
      const attempts: ReadonlyArray<readonly [string, string | undefined, Effect.Effect<unknown, InvokeAiError>]> = [
        ["query.callable", "6.14", library.page({ page: 0, perPage: 10, callable: true })],
        ["query.is_public", "6.13", library.page({ page: 0, perPage: 10, isPublic: false })],
        ["payload.board_visibility", "6.13", boards.update(board_id, { board_visibility: "public" })],
        ["payload.batch.idempotency_key", undefined, queue.enqueueBatch({ graph, idempotency_key: "k" })]
      ]
      for (const [input, since, attempt] of attempts) {
        const { isAmbiguous, reason, sent } = yield* Effect.flip(attempt)
        assert(reason._tag === "Unsupported", input)
        assert.deepStrictEqual([reason.input, reason.since, sent, isAmbiguous], [input, since, false, false])
      }
      assert.strictEqual((yield* queue.status).queue.total, 0)
      // without them, the same calls work
      yield* library.page({ page: 0, perPage: 10 })
      yield* boards.update(board_id, { board_name: "other", board_visibility: null })
      yield* queue.enqueueBatch({ graph })
    }).pipe(Effect.provide(InvokeAiTest.layer({ version: "6.8.1" }))))

  it.effect("is sent to a server that has it", () =>
    Effect.gen(function*() {
      const library = yield* WorkflowLibrary
      yield* library.page({ page: 0, perPage: 10, callable: true, isPublic: false })
      const queue = yield* SessionQueue
      const graph = { id: "g", nodes: { a: { id: "a", type: "integer" } }, edges: [] }
      const { batch } = yield* queue.enqueueBatch({ graph, idempotency_key: "k" })
      assert.strictEqual(Option.getOrThrow(yield* queue.enqueueReceipt("k")).batch_id, batch?.batch_id)
    }).pipe(Effect.provide(InvokeAiTest.layer({ receipts: 10 }))))
})

describe("The document of the server", () => {
  const services = Layer.mergeAll(Images.layer, Models.layer, SessionQueue.layer, SystemPrompts.layer, ServerInfo.layer)
  const script = (respond: (request: Seen) => ScriptedResponse) => {
    const { layer, seen } = scriptedHttp(respond)
    return {
      count: (path: string) => seen.filter((request) => request.path === path).length,
      layer: services.pipe(Layer.provideMerge(layer({ retries: 0 })))
    }
  }
  const version = "/api/v1/app/version"
  const document = "/openapi.json"
  const unknown = () => json({ detail: "Not Found" }, { status: 404 })

  it.effect("is read once for all failures and for ServerInfo", () => {
    const { count, layer } = script(({ path }) =>
      path === version ? json({ version: "6.11.1" }) : path === document ? json({ paths: {} }) : unknown()
    )
    return Effect.gen(function*() {
      const models = yield* Models
      const prompts = yield* SystemPrompts
      const failures = yield* Effect.all(
        [Effect.flip(models.missing), Effect.flip(prompts.list), Effect.flip(models.missing)],
        { concurrency: 3 }
      )
      assert.deepStrictEqual(failures.map((error) => error.reason._tag), ["Unsupported", "Unsupported", "Unsupported"])
      assert.strictEqual((yield* ServerInfo.use((info) => info.capabilities)).version, "6.11.1")
      assert.strictEqual(count(document), 1)
      const before = count(version)
      yield* Effect.flip(prompts.list)
      assert.strictEqual(count(version), before, "what is known is not asked for again")
    }).pipe(Effect.provide(layer))
  })

  it.effect("is not read for a failure of a route that all versions have, nor for the server's own NotFound", () => {
    const { count, layer } = script(({ path }) =>
      path.includes("system_prompts") ? json({ detail: "System prompt not found" }, { status: 404 }) : unknown()
    )
    return Effect.gen(function*() {
      yield* Effect.flip(Models.use((models) => models.get("x")))
      yield* Effect.flip(SessionQueue.use((queue) => queue.status))
      assert.strictEqual(
        (yield* Effect.flip(SystemPrompts.use((prompts) => prompts.get("x")))).reason._tag,
        "NotFound"
      )
      assert.strictEqual(count(document) + count(version), 0)
    }).pipe(Effect.provide(layer))
  })

  it.effect("decides, and not the version, where a newer server lacks a route", () => {
    const { layer } = script(({ path }) =>
      path === version ? json({ version: "6.15.0" }) : path === document ? json({ paths: {} }) : html()
    )
    return Effect.gen(function*() {
      const { reason } = yield* Effect.flip(SystemPrompts.use((prompts) => prompts.list))
      assert.deepStrictEqual(reason, {
        _tag: "Unsupported",
        version: "6.15.0",
        operation: "GET /api/v1/system_prompts/",
        since: "6.14"
      })
    }).pipe(Effect.provide(layer))
  })

  it.effect("decides, and not the version, where an older server has a route", () => {
    const { layer } = script(({ path }) =>
      path === version
        ? json({ version: "6.13.9" })
        : path === document
        ? json({ paths: { "/api/v1/system_prompts/i/{system_prompt_id}": { get: {} } } })
        : unknown()
    )
    return Effect.gen(function*() {
      const { reason } = yield* Effect.flip(SystemPrompts.use((prompts) => prompts.get("x")))
      assert.strictEqual(reason._tag, "Server")
    }).pipe(Effect.provide(layer))
  })

  it.effect.each([["6.13.8", "Unsupported"], ["6.14.2", "Server"]] as const)(
    "is replaced by the version if it cannot be read (%s)",
    ([number, tag]) => {
      const { layer } = script(({ path }) =>
        path === version ? json({ version: number }) : path === document ? networkError("ECONNRESET") : unknown()
      )
      return Effect.gen(function*() {
        assert.strictEqual((yield* Effect.flip(SystemPrompts.use((prompts) => prompts.list))).reason._tag, tag)
      }).pipe(Effect.provide(layer))
    }
  )

  it.effect("leaves a failure as it is if the server does not say its version", () => {
    const { layer } = script(unknown)
    return Effect.gen(function*() {
      const error = yield* Effect.flip(SystemPrompts.use((prompts) => prompts.list))
      assert.strictEqual(error.reason._tag, "Server")
      assert.strictEqual(error.path, "/api/v1/system_prompts/")
    }).pipe(Effect.provide(layer))
  })
})

it.effect("Routes of users are available with user accounts, and Unsupported before 6.12", () =>
  Effect.gen(function*() {
    const client = yield* InvokeAiClient
    assert.isFalse(yield* client.renewToken)
    assert.deepStrictEqual(yield* Auth.use((auth) => auth.status), { setup_required: false, multiuser_enabled: false })
    const error = yield* Effect.flip(Auth.use((auth) => auth.me))
    assert.include(error.message, "does not have GET /api/v1/auth/me: it needs InvokeAI 6.12 or later")
  }).pipe(Effect.provide(InvokeAiTest.layer({
    version: "6.8.1",
    client: { email: "a@example.com", password: Redacted.make("Password-1") }
  }))))
