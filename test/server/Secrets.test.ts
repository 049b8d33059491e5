import type { InvokeAiOptions } from "@effect-invokeai/core/InvokeAi"
import { InvokeAiClient } from "@effect-invokeai/core/server/InvokeAiClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { json, scriptedHttp } from "./scriptedHttp.ts"

const token = "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyIjoiYW5uIn0.c2lnbmF0dXJl-_x"
const awkward = "pä\"ss\\\\w/o+rd \n😀 %41"

const prune = Effect.flatMap(
  InvokeAiClient,
  (client) => client.call((api) => api.queue.prune({ params: { queue_id: "default" } }))
)

const failureOf = (answer: () => Response, options: InvokeAiOptions) =>
  Effect.flip(prune).pipe(Effect.provide(scriptedHttp(answer).layer({ retries: 0, ...options })))

const base64 = (text: string): string => Buffer.from(text).toString("base64")

/** How servers write a text that they repeat. */
const spellings: ReadonlyArray<readonly [string, (secret: string) => string]> = [
  ["as it is", (secret) => secret],
  ["as JSON", (secret) => JSON.stringify(secret)],
  ["as JSON in JSON", (secret) => JSON.stringify(JSON.stringify(secret))],
  [
    "as JSON in ASCII",
    (secret) =>
      JSON.stringify(secret).replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
  ],
  ["URL-encoded", encodeURIComponent],
  ["URL-encoded in lower case", (secret) => encodeURIComponent(secret).replace(/%../g, (byte) => byte.toLowerCase())],
  ["as a form", (secret) => new URLSearchParams({ secret }).toString()],
  ["in base64", base64],
  ["in base64 after one byte", (secret) => base64(`:${secret}:`)],
  ["in base64 after two bytes", (secret) => base64(`a:${secret}:ab`)],
  ["in URL-safe base64", (secret) => Buffer.from(`user:${secret}`).toString("base64url")]
]

/** The longest part of a secret, in a spelling of it, that a text holds. */
const leaked = (text: string, secret: string): number => {
  let longest = 0
  for (let from = 0; from < secret.length; from++) {
    while (text.includes(secret.slice(from, from + longest + 1)) && from + longest < secret.length) longest++
  }
  return longest
}

describe("a secret that the server repeats", () => {
  for (const [name, spell] of spellings) {
    it.effect(`is replaced ${name}`, () =>
      Effect.gen(function*() {
        for (const secret of [token, awkward]) {
          const options = secret === token
            ? { token: Redacted.make(secret) }
            : { email: "ann@example.com", password: Redacted.make(secret) }
          const spelled = spell(secret)
          const answers = [
            () => json({ detail: `refused: ${spelled}, sorry` }, { status: 403 }),
            () =>
              json({ detail: [{ loc: ["body", spelled], msg: `no ${spelled}`, type: `x_${spelled}` }] }, {
                status: 422
              }),
            () => new Response(`oops ${spelled}`, { status: 500 })
          ]
          for (const answer of answers) {
            const error = yield* failureOf(answer, options)
            for (
              const text of [
                error.message,
                error.detail,
                ...error.issues.flatMap((issue) => [issue.msg, issue.type, issue.loc.join("\n")])
              ]
            ) {
              // Up to three characters of base64 hold bits of a neighbor too.
              assert.isAtMost(leaked(text, spelled.replace(/^"|"$/g, "")), 7, text)
            }
            assert.include(error.message, "<redacted>")
          }
        }
      }))
  }

  it.effect("leaves no part where the error is truncated", () =>
    Effect.gen(function*() {
      for (let before = 330; before <= 400; before++) {
        const padding = "-".repeat(before)
        const answers = [
          () => json({ detail: `${padding}${token}` }, { status: 403 }),
          () =>
            json({ detail: [{ loc: [`${padding.slice(300)}${token}`], msg: `${padding}${token}`, type: "x" }] }, {
              status: 422
            })
        ]
        for (const answer of answers) {
          const error = yield* failureOf(answer, { token: Redacted.make(token) })
          assert.notInclude(JSON.stringify(error), token.slice(0, 4))
        }
      }
    }))

  it.effect("leaves no part where the server truncated it", () =>
    Effect.gen(function*() {
      for (
        const text of [
          `got '${token.slice(0, 25)}...${token.slice(-24)}'`,
          `got ${token.slice(0, 30)}…`,
          token.slice(0, 12)
        ]
      ) {
        const error = yield* failureOf(() => json({ detail: text }, { status: 500 }), { token: Redacted.make(token) })
        assert.notInclude(error.detail, token.slice(0, 8))
        assert.notInclude(error.detail, token.slice(-8))
        assert.include(error.detail, "<redacted>")
      }
    }))

  it.effect("is replaced if it is a number in the location of an issue", () =>
    Effect.gen(function*() {
      const error = yield* failureOf(
        () => json({ detail: [{ loc: ["body", 3, 48_151_623], msg: "wrong", type: "x" }] }, { status: 422 }),
        { email: "ann@example.com", password: Redacted.make("48151623") }
      )
      assert.deepStrictEqual(error.issues[0]?.loc, ["body", 3, "<redacted>"])
    }))

  it.effect("leaves other strings unchanged", () =>
    Effect.gen(function*() {
      const detail = "eyJhbGciOiJIUzI1NiJ8 is \\u0070 100% of \\\\server\\share ... and more"
      const error = yield* failureOf(() => json({ detail }, { status: 403 }), { token: Redacted.make(token) })
      assert.strictEqual(error.detail, detail)
    }))

  it.effect("is replaced immediately after a renewal, however often it is renewed", () => {
    let count = 0
    const renewed = () => `renewed-token-number-${count}-of-many`
    const server = scriptedHttp((request) => {
      if (request.path.endsWith("/prune")) return json({ detail: renewed() }, { status: 403 })
      count++
      return json({ version: "6.14.2" }, { headers: { "x-refreshed-token": renewed() } })
    })
    return Effect.gen(function*() {
      const client = yield* InvokeAiClient
      for (let round = 0; round < 40; round++) yield* client.call((api) => api.app.version({}))
      assert.strictEqual((yield* Effect.flip(prune)).detail, "<redacted>")
    }).pipe(Effect.provide(server.layer({ token: Redacted.make(token) })))
  })
})
