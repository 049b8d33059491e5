/**
 * Where workflows come from: JSON texts, files, and images that InvokeAI made.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Result from "effect/Result"
import * as PngChunks from "./internal/pngChunks.ts"
import { WorkflowNotFound, WorkflowParseError } from "./WorkflowError.ts"

/**
 * What InvokeAI wrote into an image: the workflow it was made with, the graph that ran, and the generation parameters.
 * Each is the JSON value, absent where the image has none.
 *
 * @category models
 * @since 0.1.0
 */
export interface ImageSource {
  readonly workflow?: unknown
  readonly graph?: unknown
  readonly metadata?: unknown
}

/**
 * Reads a JSON text. A leading byte order mark is ignored.
 *
 * @category constructors
 * @since 0.1.0
 */
export const parseText = (text: string, source: string): Result.Result<unknown, WorkflowParseError> =>
  Result.try({
    try: (): unknown => JSON.parse(text.startsWith("\uFEFF") ? text.slice(1) : text),
    catch: (cause) =>
      new WorkflowParseError({ source, reason: text.trim() === "" ? "it is empty" : "it is not JSON", cause })
  })

/**
 * Reads the JSON text of a file.
 *
 * **Errors**
 *
 * `WorkflowNotFound` if there is no such file; `WorkflowParseError` if it cannot be read or is not JSON. The failure of
 * the file system is the `cause`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const readFile = Effect.fn("WorkflowSource.readFile")(function*(
  path: string
): Effect.fn.Return<unknown, WorkflowNotFound | WorkflowParseError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const text = yield* Effect.mapError(fs.readFileString(path), (cause) =>
    cause.reason._tag === "NotFound"
      ? new WorkflowNotFound({ source: path, reason: "the file does not exist", cause })
      : new WorkflowParseError({ source: path, reason: "the file cannot be read", cause }))
  return yield* Effect.fromResult(parseText(text, path))
})

/**
 * Reads what InvokeAI wrote into a PNG image.
 *
 * **Details**
 *
 * Images hold the workflow under `invokeai_workflow`, the graph under `invokeai_graph` and the metadata under
 * `invokeai_metadata`, each as JSON. An image without them gives an empty object.
 *
 * **Errors**
 *
 * `WorkflowParseError` if the bytes are not a PNG image or one of the texts is not JSON.
 *
 * @category constructors
 * @since 0.1.0
 */
export const readPng = Effect.fn("WorkflowSource.readPng")(function*(
  bytes: Uint8Array
): Effect.fn.Return<ImageSource, WorkflowParseError> {
  const source = "the PNG image"
  const texts = yield* Effect.mapError(
    PngChunks.texts(bytes, [PngChunks.workflowKeyword, PngChunks.graphKeyword, PngChunks.metadataKeyword]),
    (cause) => new WorkflowParseError({ source, reason: cause.reason, cause })
  )
  const out: { workflow?: unknown; graph?: unknown; metadata?: unknown } = {}
  for (const part of ["workflow", "graph", "metadata"] as const) {
    const text = texts.get(`invokeai_${part}`)
    if (text === undefined) continue
    out[part] = yield* Effect.fromResult(parseText(text, `${source} (${part})`))
  }
  return out
})
