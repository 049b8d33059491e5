/**
 * Reads what InvokeAI embeds in the images that it creates.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { parseJson } from "./internal/parsing.ts"
import * as PngChunks from "./internal/pngChunks.ts"
import { WorkflowParseError } from "./WorkflowFileError.ts"

/**
 * What InvokeAI embedded in an image: the workflow it was created with, the graph that ran, and the generation
 * parameters. Each is a JSON value; absent if the image does not contain it.
 *
 * @category models
 * @since 0.1.0
 */
export interface ImageSource {
  /** The workflow that the image was created with. */
  readonly workflow?: unknown
  /** The graph that ran. */
  readonly graph?: unknown
  /** The generation parameters. */
  readonly metadata?: unknown
}

/**
 * Reads what InvokeAI embedded in a PNG image.
 *
 * **Details**
 *
 * PNG images contain the workflow under `invokeai_workflow`, the graph under `invokeai_graph` and the metadata under
 * `invokeai_metadata`, each as JSON. Returns an empty object for an image without them.
 *
 * **Details**
 *
 * `source` is the name of the image in errors.
 *
 * **Errors**
 *
 * `WorkflowParseError` if the bytes are not a PNG image or an embedded text is not JSON.
 *
 * @category constructors
 * @since 0.1.0
 */
export const readPng = Effect.fn("WorkflowSource.readPng")(function*(
  bytes: Uint8Array,
  source = "the PNG image"
): Effect.fn.Return<ImageSource, WorkflowParseError> {
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
