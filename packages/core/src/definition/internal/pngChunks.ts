/**
 * Reads the text chunks of a PNG file, where InvokeAI stores the workflow, the graph and the metadata of an image.
 *
 * **Details**
 *
 * Reads `tEXt`, `zTXt` and `iTXt` chunks safely from any bytes: lengths are checked before use, compressed texts are
 * unpacked up to a limit, and the rest of the image is ignored.
 */
import * as Bytes from "effect/Bytes"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { TaggedError } from "../../internal/TaggedError.ts"

/** The bytes are not a PNG file, or its text chunks are truncated or corrupt. */
export class PngError extends TaggedError<PngError>()("PngError", { reason: Schema.String }) {
  override get message(): string {
    return `Could not read the PNG image: ${this.reason}`
  }
}

/** Keyword under which InvokeAI stores the workflow of an image, as JSON. */
export const workflowKeyword = "invokeai_workflow"

/** Keyword under which InvokeAI stores the graph that made an image, as JSON. */
export const graphKeyword = "invokeai_graph"

/** Keyword under which InvokeAI stores the generation parameters of an image, as JSON. */
export const metadataKeyword = "invokeai_metadata"

/** Maximum size of an unpacked text, in bytes. The largest workflows have well under one million. */
const maximumText = 64 * 1024 * 1024

const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

interface TextChunk {
  readonly keyword: string
  readonly text: Uint8Array
  readonly compressed: boolean
  readonly encoding: "latin1" | "utf-8"
}

const latin1 = (bytes: Uint8Array): string => {
  let out = ""
  for (let start = 0; start < bytes.length; start += 8192) {
    out += String.fromCharCode(...bytes.subarray(start, start + 8192))
  }
  return out
}

/** Splits at the first zero byte at or after `from`. */
const zeroAt = (bytes: Uint8Array, from: number): number => bytes.indexOf(0, from)

const parseText = (type: string, data: Uint8Array): TextChunk | undefined => {
  const end = zeroAt(data, 0)
  if (end < 1 || end > 79) return undefined
  const keyword = latin1(data.subarray(0, end))
  switch (type) {
    case "tEXt":
      return { keyword, text: data.subarray(end + 1), compressed: false, encoding: "latin1" }
    case "zTXt":
      return data[end + 1] === 0
        ? { keyword, text: data.subarray(end + 2), compressed: true, encoding: "latin1" }
        : undefined
    default: {
      const compressed = data[end + 1] === 1
      if (compressed && data[end + 2] !== 0) return undefined
      const language = zeroAt(data, end + 3)
      const translated = language < 0 ? -1 : zeroAt(data, language + 1)
      return translated < 0
        ? undefined
        : { keyword, text: data.subarray(translated + 1), compressed, encoding: "utf-8" }
    }
  }
}

const textTypes = new Set(["tEXt", "zTXt", "iTXt"])

const textChunks = (bytes: Uint8Array): ReadonlyArray<TextChunk> | string => {
  if (!signature.every((byte, index) => bytes[index] === byte)) return "it does not start with a PNG signature"
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const out: Array<TextChunk> = []
  let offset = signature.length
  while (offset < bytes.length) {
    if (offset + 12 > bytes.length) return "it ends in the middle of a chunk"
    const length = view.getUint32(offset)
    const type = latin1(bytes.subarray(offset + 4, offset + 8))
    if (length > bytes.length - offset - 12) return `chunk ${JSON.stringify(type)} is longer than the file`
    if (type === "IEND") break
    if (textTypes.has(type)) {
      const chunk = parseText(type, bytes.subarray(offset + 8, offset + 8 + length))
      if (chunk !== undefined) out.push(chunk)
    }
    offset += length + 12
  }
  return out
}

const inflate = (bytes: Uint8Array): Effect.Effect<Uint8Array, PngError> =>
  Effect.tryPromise({
    try: () => {
      const writable = new DecompressionStream("deflate")
      const writer = writable.writable.getWriter()
      const written = writer.write(new Uint8Array(bytes)).then(() => writer.close())
      // what is wrong reaches the reader too
      written.catch(() => undefined)
      return collect(writable.readable.getReader(), [], 0).then((text) => written.then(() => text))
    },
    catch: (cause) =>
      new PngError({ reason: cause instanceof PngError ? cause.reason : "a compressed text chunk is corrupt" })
  })

const collect = (
  reader: ReadableStreamDefaultReader<Uint8Array>,
  parts: Array<Uint8Array>,
  size: number
): Promise<Uint8Array> =>
  reader.read().then((next) => {
    if (next.done) return Bytes.concat(parts)
    const total = size + next.value.length
    if (total > maximumText) {
      const error = new PngError({ reason: `a text chunk is larger than ${maximumText} bytes` })
      const fail = () => Promise.reject(error)
      return reader.cancel(error).then(fail, fail)
    }
    parts.push(next.value)
    return collect(reader, parts, total)
  })

const decodeText = (bytes: Uint8Array, encoding: TextChunk["encoding"]): string =>
  encoding === "latin1" ? latin1(bytes) : new TextDecoder().decode(bytes)

/**
 * Reads the texts of a PNG file by keyword. If several have the same keyword, the first one counts.
 *
 * **Details**
 *
 * With `keywords`, only these texts are read, so that others, however large, are not unpacked.
 *
 * **Errors**
 *
 * `PngError` if the bytes are not a PNG file, are truncated, or contain a corrupt compressed text.
 */
export const texts = Effect.fn("PngChunks.texts")(function*(
  bytes: Uint8Array,
  keywords?: ReadonlyArray<string>
): Effect.fn.Return<ReadonlyMap<string, string>, PngError> {
  const chunks = textChunks(bytes)
  if (typeof chunks === "string") return yield* new PngError({ reason: chunks })
  const out = new Map<string, string>()
  for (const chunk of chunks) {
    if (out.has(chunk.keyword) || (keywords !== undefined && !keywords.includes(chunk.keyword))) continue
    const text = chunk.compressed ? yield* inflate(chunk.text) : chunk.text
    out.set(chunk.keyword, decodeText(text, chunk.encoding))
  }
  return out
})
