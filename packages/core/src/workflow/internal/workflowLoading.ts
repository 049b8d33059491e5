/** Reads workflows from JSON, files, images and the library, and joins them with the node types of a server. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import { CatalogSource, type CatalogUnavailable, type NodeCatalog } from "../../catalog/NodeCatalog.ts"
import { parseJson } from "../../definition/internal/parsing.ts"
import * as Definition from "../../definition/WorkflowDefinition.ts"
import { WorkflowNotFound, WorkflowParseError } from "../../definition/WorkflowFileError.ts"
import * as WorkflowSource from "../../definition/WorkflowSource.ts"
import type { LoadOptions } from "../LoadedWorkflow.ts"
import { type ResourcesUnavailable, WorkflowResources } from "../WorkflowResources.ts"
import { open } from "./bind.ts"
import { type Workflow, WorkflowValue } from "./workflowValue.ts"

/**
 * Joins a definition with the node types of a server: what the other constructors do once they have read the JSON.
 *
 * **When to use**
 *
 * For work without services, with a catalog at hand. Else use `fromFile`, `fromJson`, `fromLibrary`, `fromImage` or
 * `fromPng`.
 *
 * **Details**
 *
 * As the official UI opens the file. Where that is at fault this differs: an object of unknown shape is no value (the UI
 * takes it for a float generator); lists of booleans and videos are kept (the UI loses them); a loop of connectors loses
 * its last edge (the UI keeps it and loses all later edges); ids are plain data, whatever they are. Models which a file
 * names incompletely are kept until `WorkflowBatch.check` or `WorkflowBatch.make` looks them up: by name in files of InvokeAI 3, or as `setInput`
 * was given them. The UI drops such models.
 *
 * @category constructors
 * @since 0.1.0
 */
export const load = (
  definition: Definition.WorkflowDefinition,
  catalog: NodeCatalog,
  options?: LoadOptions
): Workflow => new WorkflowValue(open(definition, catalog, options), [])

/**
 * A workflow from a JSON value or a JSON text, with the node types of the program's server.
 *
 * **Errors**
 *
 * `WorkflowParseError` if it is no workflow; `CatalogUnavailable` if the server's node types cannot be had.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromJson = Effect.fn("Workflow.fromJson")(function*(
  json: unknown
): Effect.fn.Return<Workflow, WorkflowParseError | CatalogUnavailable, CatalogSource> {
  const value = typeof json === "string" ? yield* Effect.fromResult(parseJson(json, "JSON text")) : json
  const definition = yield* Effect.fromResult(Definition.parse(value))
  const source = yield* CatalogSource
  return load(definition, yield* source.get)
})

const named =
  (source: string) => (error: WorkflowParseError | CatalogUnavailable): WorkflowParseError | CatalogUnavailable =>
    error._tag === "WorkflowParseError" && (error.source === undefined || error.source === "JSON text")
      ? new WorkflowParseError({
        source,
        reason: error.reason,
        ...(error.path === undefined ? {} : { path: error.path }),
        cause: error
      })
      : error

/** The JSON of a file. */
const readFile = Effect.fnUntraced(function*(
  path: string
): Effect.fn.Return<unknown, WorkflowNotFound | WorkflowParseError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const bytes = yield* Effect.catch(
    fs.readFile(path),
    Effect.fnUntraced(function*(cause): Effect.fn.Return<never, WorkflowNotFound | WorkflowParseError> {
      if (cause.reason._tag === "NotFound") {
        return yield* new WorkflowNotFound({ source: path, reason: "the file does not exist", cause })
      }
      const info = yield* Effect.option(fs.stat(path))
      const isDirectory = Option.isSome(info) && info.value.type === "Directory"
      const reason = isDirectory
        ? "it is a directory; pass the path of a file"
        : `the file cannot be read: ${cause.message}`
      return yield* new WorkflowParseError({ source: path, reason, cause })
    })
  )
  return yield* Effect.fromResult(parseJson(bytes, path))
})

/**
 * A workflow from a file that the editor saved.
 *
 * **Errors**
 *
 * `WorkflowNotFound` if there is no such file; `WorkflowParseError` if it cannot be read or is no workflow;
 * `CatalogUnavailable` if the server's node types cannot be had.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromFile = Effect.fn("Workflow.fromFile")(function*(
  path: string
): Effect.fn.Return<
  Workflow,
  WorkflowNotFound | WorkflowParseError | CatalogUnavailable,
  CatalogSource | FileSystem.FileSystem
> {
  const json = yield* readFile(path)
  if (typeof json === "string") {
    return yield* new WorkflowParseError({ source: path, reason: "it holds a text, not a workflow" })
  }
  return yield* Effect.mapError(fromJson(json), named(path))
})

type ImageReference = { readonly imageName: string } | { readonly image_name: string }

const fromImageSource = Effect.fnUntraced(function*(
  image: WorkflowSource.ImageSource,
  source: string
): Effect.fn.Return<Workflow, WorkflowNotFound | WorkflowParseError | CatalogUnavailable, CatalogSource> {
  if (image.workflow === undefined || image.workflow === null) {
    return yield* new WorkflowNotFound({
      source,
      reason: image.graph === undefined || image.graph === null
        ? "it was not made by a workflow"
        : "it holds the graph that ran, but no workflow: it was not made in the workflow editor"
    })
  }
  return yield* Effect.mapError(fromJson(image.workflow), named(source))
})

/**
 * The workflow that a PNG image was made with, from the bytes of the image.
 *
 * **When to use**
 *
 * For files of images. For images on the server use `fromImage`, which does not download them.
 *
 * **Details**
 *
 * InvokeAI embeds the workflow in the images that it makes, with the values of that run. The graph and the metadata of
 * an image are had by `WorkflowSource.readPng`.
 *
 * **Errors**
 *
 * `WorkflowNotFound` if the image holds no workflow; `WorkflowParseError` if the bytes are no PNG image or the workflow
 * cannot be read; `CatalogUnavailable` if the server's node types cannot be had.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromPng = Effect.fn("Workflow.fromPng")(function*(
  bytes: Uint8Array
): Effect.fn.Return<Workflow, WorkflowNotFound | WorkflowParseError | CatalogUnavailable, CatalogSource> {
  return yield* fromImageSource(yield* WorkflowSource.readPng(bytes), "the PNG image")
})

/**
 * The workflow that an image on the server was made with. The image is a name, an output, an asset, or an image of `Images`.
 *
 * **Details**
 *
 * Its inputs hold the values of that run, so that one of them can be changed and the rest run again.
 *
 * **Example** (The same again with another prompt)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
 *
 * const again = Workflow.fromImage("4c8c1a3e-image.png").pipe(
 *   Effect.flatMap(Workflow.setInput("prompt", "the same at night"))
 * )
 * ```
 *
 * **Errors**
 *
 * `WorkflowNotFound` if there is no such image on the server or it was not made by a workflow; `WorkflowParseError` if
 * its workflow cannot be read; `ResourcesUnavailable` and `CatalogUnavailable` if the server cannot be asked.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromImage = Effect.fn("Workflow.fromImage")(function*(
  image: string | ImageReference
): Effect.fn.Return<
  Workflow,
  WorkflowNotFound | WorkflowParseError | ResourcesUnavailable | CatalogUnavailable,
  WorkflowResources | CatalogSource
> {
  const name = typeof image === "string" ? image : "imageName" in image ? image.imageName : image.image_name
  const source = `the image '${name}'`
  const resources = yield* WorkflowResources
  const found = yield* resources.imageWorkflow(name)
  if (Option.isNone(found)) {
    return yield* new WorkflowNotFound({ source, reason: "the server has no such image for this user" })
  }
  return yield* fromImageSource(found.value, source)
})

/**
 * A workflow of the server's library, by its id.
 *
 * **Details**
 *
 * `WorkflowLibrary.list` gives the ids, by name, category or tag.
 *
 * **Example** (The first workflow that is called so)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Option from "effect/Option"
 * import * as Stream from "effect/Stream"
 * import { WorkflowLibrary } from "@effect-invokeai/core/server/WorkflowLibrary"
 * import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
 *
 * const program = Effect.gen(function*() {
 *   const library = yield* WorkflowLibrary
 *   const found = yield* Stream.runHead(library.list({ query: "Text to Image - SD1.5" }))
 *   return Option.isNone(found) ? undefined : yield* Workflow.fromLibrary(found.value.workflow_id)
 * })
 * ```
 *
 * **Errors**
 *
 * `WorkflowNotFound` if the library has no workflow with the id for this user; `WorkflowParseError` if it cannot be
 * read; `ResourcesUnavailable` and `CatalogUnavailable` if the server cannot be asked.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromLibrary = Effect.fn("Workflow.fromLibrary")(function*(
  workflowId: string
): Effect.fn.Return<
  Workflow,
  WorkflowNotFound | WorkflowParseError | ResourcesUnavailable | CatalogUnavailable,
  WorkflowResources | CatalogSource
> {
  const source = `the server's library under '${workflowId}'`
  const resources = yield* WorkflowResources
  const json = yield* resources.savedWorkflow(workflowId)
  if (Option.isNone(json)) {
    return yield* new WorkflowNotFound({
      source,
      reason: "no workflow of this user has the id; WorkflowLibrary.list returns the ids"
    })
  }
  return yield* Effect.mapError(fromJson(json.value), named(source))
})
