/**
 * What the tests against the real server share: where it is, layers with a note of every call, files.
 */
import { InvokeAiError } from "@effect-invokeai/core/InvokeAiError"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { assert } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Tracer from "effect/Tracer"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { newestVersion } from "../../scripts/real-server/Releases.ts"

export { picture } from "../media.ts"

const required = (name: string): string => {
  const value = process.env[name]
  if (value === undefined || value === "") throw new Error(`${name} is not set: run these tests by pnpm test:server`)
  return value
}

/** The server under test. */
export const url = required("INVOKEAI_TEST_URL")

/** The version of the server under test. */
export const version = required("INVOKEAI_TEST_VERSION")

/** Whether it is the newest release, which everything in the repository that names no version is about. */
export const isNewest = version === newestVersion

const minorOf = (version: string) => Number(version.split(".")[1])

/** Whether the server is InvokeAI 6 of this minor version or a later one: `since("6.14")`. */
export const since = (first: string): boolean => minorOf(version) >= minorOf(first)

const routes = new Set(
  Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Array(Schema.String)))(
    required("INVOKEAI_TEST_ROUTES")
  )
)

/** Whether the server's own document has a route: `has("GET /api/v1/videos/names")`. */
export const has = (route: string): boolean => routes.has(route)

/** Asserts that each call fails because the server lacks what it needs, and that the error names the server's version. */
export const unsupported = <E, R>(
  ...calls: ReadonlyArray<Effect.Effect<unknown, E, R>>
): Effect.Effect<void, never, R> =>
  Effect.forEach(calls, (call, index) =>
    Effect.map(Effect.exit(call), (exit) => {
      const error = exit._tag === "Failure" ? Cause.squash(exit.cause) : undefined
      const what = `call ${index + 1} of ${calls.length}: ${error instanceof Error ? error.message : "no error"}`
      assert(error instanceof InvokeAiError, what)
      assert.strictEqual(error.reason._tag, "Unsupported", what)
      assert.include(error.message, version)
    }), { discard: true })

/**
 * Runs a test if the server has a route. On other servers runs the counterpart: each of the calls fails with
 * `Unsupported`.
 */
export const needs = <A, E, R, E2, R2>(
  route: string,
  test: Effect.Effect<A, E, R>,
  ...calls: readonly [Effect.Effect<unknown, E2, R2>, ...ReadonlyArray<Effect.Effect<unknown, E2, R2>>]
): Effect.Effect<void, E, R | R2> => has(route) ? Effect.asVoid(test) : unsupported(...calls)

/** Number of workflows that the server ships. */
export const shippedWorkflows = Number(required("INVOKEAI_TEST_SHIPPED"))

/** The name of the tiny SD 1 model that is installed on it. */
export const modelName = required("INVOKEAI_TEST_MODEL")

/** The folder of the workflows that the server's wheel ships. */
export const defaultWorkflows = required("INVOKEAI_TEST_DEFAULT_WORKFLOWS")

const Accounts = Schema.fromJsonString(
  Schema.Array(Schema.Struct({ email: Schema.String, password: Schema.String }))
)

/** The logins of a multi-user server: an administrator, then two users. */
export const accounts = Schema.decodeUnknownSync(Accounts)(required("INVOKEAI_TEST_ACCOUNTS"))

const callsFile = required("INVOKEAI_TEST_CALLS")

/** The names of the operations that a call belongs to, from the innermost on: the library gives each a span. */
const operations = Effect.map(Effect.serviceOption(Tracer.ParentSpan), (found) => {
  const names: Array<string> = []
  for (let at = found; at._tag === "Some" && at.value._tag === "Span"; at = at.value.parent) names.push(at.value.name)
  return names
})

const note = (method: string, path: string, status: number) =>
  Effect.map(
    operations,
    (by) => Fs.appendFileSync(callsFile, `${JSON.stringify({ method, path, status, by })}\n`)
  )

/** An `HttpClient` that notes each call: method, path, status and who asked, for the table at the end of the run. */
export const httpClient = Layer.effect(
  HttpClient.HttpClient,
  Effect.map(HttpClient.HttpClient, (client) =>
    client.pipe(
      HttpClient.tap((response) =>
        note(response.request.method, new URL(response.request.url).pathname, response.status)
      )
    ))
).pipe(Layer.provide(NodeHttpClient.layerUndici))

/** A tracer: with one, the library creates spans for its own operations too, so that the table has them. */
export const tracer = Layer.succeed(
  Tracer.Tracer,
  Tracer.make({ span: (options) => Tracer.nativeTracer.span(options) })
)

/** The path of one of the repository's workflow files. */
export const workflowFile = (name: string): string =>
  Path.resolve(import.meta.dirname, "../fixtures/workflows", `${name}.json`)

/** A workflow file as JSON. */
export const workflowJson = (name: string): unknown => JSON.parse(Fs.readFileSync(workflowFile(name), "utf8"))

/** Width and height of a PNG. */
export const pngSize = (png: Uint8Array): { readonly width: number; readonly height: number } => {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength)
  return { width: view.getUint32(16), height: view.getUint32(20) }
}

/** The packed pixels of a PNG, without the texts beside them. */
export const pixels = (png: Uint8Array): Buffer => {
  const file = Buffer.from(png)
  const parts: Array<Buffer> = []
  for (let at = 8; at + 8 <= file.length; at += file.readUInt32BE(at) + 12) {
    if (file.toString("latin1", at + 4, at + 8) === "IDAT") {
      parts.push(file.subarray(at + 8, at + 8 + file.readUInt32BE(at)))
    }
  }
  return Buffer.concat(parts)
}
