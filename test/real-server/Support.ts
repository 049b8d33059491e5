/**
 * What the tests against the real server share: where it is, layers with a note of every call, files.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Tracer from "effect/Tracer"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { deflateSync } from "node:zlib"

const required = (name: string): string => {
  const value = process.env[name]
  if (value === undefined || value === "") throw new Error(`${name} is not set: run these tests by pnpm test:server`)
  return value
}

/** The server under test. */
export const url = required("INVOKEAI_TEST_URL")

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

/** The path of one of the repository's workflow files. */
export const workflowFile = (name: string): string =>
  Path.resolve(import.meta.dirname, "../fixtures/workflows", `${name}.json`)

/** A workflow file as JSON. */
export const workflowJson = (name: string): unknown => JSON.parse(Fs.readFileSync(workflowFile(name), "utf8"))

const crcTable = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1
  return value >>> 0
})

const chunk = (type: string, data: Uint8Array): Buffer => {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data])
  let crc = 0xffffffff
  for (const byte of body) crc = crcTable[(crc ^ byte) & 0xff]! ^ (crc >>> 8)
  const framed = Buffer.alloc(body.length + 8)
  framed.writeUInt32BE(data.length, 0)
  body.copy(framed, 4)
  framed.writeUInt32BE((crc ^ 0xffffffff) >>> 0, body.length + 4)
  return framed
}

/** A PNG of the given size: a colour gradient that begins with `shade`, so that two pictures differ. */
export const picture = (width: number, height: number, shade = 0): Uint8Array => {
  const rows = Buffer.alloc((width * 3 + 1) * height)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      rows.set([(shade + x * 2) % 256, (shade + y * 2) % 256, (x + y) % 256], y * (width * 3 + 1) + 1 + x * 3)
    }
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 2, 0, 0, 0], 8)
  return new Uint8Array(Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", new Uint8Array(0))
  ]))
}

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
