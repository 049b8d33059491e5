/**
 * What InvokeAI writes into the images that it makes.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { parseJson } from "./internal/parsing.ts"
import * as PngChunks from "./internal/pngChunks.ts"
import { WorkflowParseError } from "./WorkflowFileError.ts"

/**
 * What InvokeAI wrote into an image: the workflow it was made with, the graph that ran, and the generation parameters.
 * Each is the JSON value, absent where the image has none.
 *
 * @category models
 * @since 0.1.0
 */
export interface ImageSource {
  /** The workflow that the image was made with. */
  readonly workflow?: unknown
  /** The graph that ran. */
  readonly graph?: unknown
  /** The generation parameters. */
  readonly metadata?: unknown
}

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
    out[part] = yield* Effect.fromResult(parseJson(text, `${source} (${part})`))
  }
  return out
})
