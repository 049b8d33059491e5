import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import { NodeSimulator } from "@effect-invokeai/testing/NodeSimulator"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { logins, mistakes, root, server } from "./support.ts"

it.layer(server, { excludeTestServices: true })("The message says what is wrong and what to do if a program", (it) => {
  for (const [mistake, [failing, ...says]] of Object.entries(mistakes)) {
    it.effect(mistake, () =>
      Effect.gen(function*() {
        const { message } = yield* Effect.flip(Effect.scoped(failing))
        for (const part of says) assert.include(message, part)
        assert.notInclude(message, "undefined")
        assert.notInclude(message, "[object")
      }))
  }
})

const users = NodeSimulator.layer({ users: [{ email: "user@example.com", password: "Passw0rd-user", isAdmin: true }] })

it.layer(users, { excludeTestServices: true })("The message says that credentials are needed if a program", (it) => {
  for (const [mistake, options] of Object.entries(logins)) {
    it.effect(mistake, () =>
      Effect.gen(function*() {
        const { url } = yield* NodeSimulator
        const { message } = yield* Assets.uploadFile(`${root}/examples/mountain.png`).pipe(
          Effect.flip,
          Effect.scoped,
          Effect.provide(NodeInvokeAi.layer({ url, retries: 0, ...options }))
        )
        assert.include(message, "needs valid credentials (401)")
        assert.include(message, "INVOKEAI_TOKEN")
      }))
  }
})
