import * as Assets from "@effect-invokeai/core/assets/Assets"
import { Boards } from "@effect-invokeai/core/server/Boards"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import { NodeSimulator } from "@effect-invokeai/testing/NodeSimulator"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as Path from "node:path"
import { webServer } from "../errors/support.ts"

const file = Path.resolve(import.meta.dirname, "../../examples/soft-thumbnail.json")
const photo = Path.resolve(import.meta.dirname, "../../examples/mountain.png")

/** What the first line of a program says. */
const firstMessage = (options: NodeInvokeAi.Options) =>
  Workflow.fromFile(file).pipe(
    Effect.flip,
    Effect.map((error) => error.message),
    Effect.scoped,
    Effect.provide(NodeInvokeAi.layer({ retries: 0, ...options }))
  )

describe("the first error message of a program that", () => {
  it.live("has no server", () =>
    Effect.gen(function*() {
      const message = yield* firstMessage({ url: "http://127.0.0.1:9" })
      assert.include(message, "http://127.0.0.1:9/")
      assert.include(message, "Is InvokeAI running there, and is the URL right (INVOKEAI_URL)?")
    }))

  it.live("has the URL of something else", () =>
    Effect.gen(function*() {
      const message = yield* firstMessage({ url: yield* webServer })
      assert.include(message, "it is not an InvokeAI server, or the URL lacks its sub-path")
    }))

  it.live("has the address of a page of the server, whichever call is the first", () =>
    Effect.gen(function*() {
      const url = `${yield* webServer}/docs`
      const advice = "the URL ends in /docs: remove that"
      assert.include(yield* firstMessage({ url }), advice)
      const error = yield* Effect.flip(Boards.use((boards) => Stream.runDrain(boards.list()))).pipe(
        Effect.provide(NodeInvokeAi.layer({ url, retries: 0 }))
      )
      assert.include(error.message, advice)
    }))

  it.live("uses https for a port that has http", () =>
    Effect.gen(function*() {
      const message = yield* firstMessage({ url: (yield* webServer).replace("http:", "https:") })
      assert.include(message, "the server does not speak TLS on this port; use a URL that begins with http://")
      assert.notInclude(message, "SSL")
    }))

  it.live("has an invalid URL", () =>
    Effect.gen(function*() {
      assert.include(yield* firstMessage({ url: "127.0.0.1:9090" }), "expected for example http://127.0.0.1:9090")
      assert.include(yield* firstMessage({ url: "localhost:9090" }), "must begin with http:// or https://")
    }))

  it.live("has no credentials, or wrong ones", () =>
    Effect.gen(function*() {
      const { url } = yield* NodeSimulator
      const login = { email: "user@example.com", password: Redacted.make("wrong") }
      for (const options of [{}, { token: Redacted.make("wrong") }, login]) {
        const error = yield* Assets.uploadFile(photo).pipe(
          Effect.flip,
          Effect.scoped,
          Effect.provide(NodeInvokeAi.layer({ url, ...options }))
        )
        assert.include(error.message, "needs valid credentials (401)")
      }
    }).pipe(Effect.provide(
      NodeSimulator.layer({ users: [{ email: "user@example.com", password: "Passw0rd-user", isAdmin: true }] })
    )))
})
