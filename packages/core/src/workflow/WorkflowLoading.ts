/** Reads workflows from JSON, files and images, and joins them with the node types of a server. */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import { CatalogSource, type CatalogUnavailable, type NodeCatalog } from "../catalog/NodeCatalog.ts"
import * as LoadedWorkflow from "./LoadedWorkflow.ts"
import * as Definition from "./WorkflowDefinition.ts"
import { WorkflowParseError } from "./WorkflowError.ts"
import * as WorkflowSource from "./WorkflowSource.ts"
import { type Workflow, WorkflowValue } from "./WorkflowValue.ts"

/**
 * Joins a definition with the node types of a server.
 *
 * @category constructors
 * @since 0.1.0
 */
export const load = (
  definition: Definition.WorkflowDefinition,
  catalog: NodeCatalog,
  options?: LoadedWorkflow.LoadOptions
): Workflow => new WorkflowValue(LoadedWorkflow.load(definition, catalog, options), [])

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
  const value = typeof json === "string" ? yield* Effect.fromResult(WorkflowSource.parseText(json, "JSON text")) : json
  const definition = yield* Effect.fromResult(Definition.parse(value))
  const source = yield* CatalogSource
  return load(definition, yield* source.get)
})

const named = (source: string) => (error: WorkflowParseError | CatalogUnavailable) =>
  error._tag === "WorkflowParseError" && error.source === undefined
    ? new WorkflowParseError({
      source,
      reason: error.reason,
      ...(error.path === undefined ? {} : { path: error.path }),
      cause: error
    })
    : error

/**
 * A workflow from a file that the editor saved.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromFile = Effect.fn("Workflow.fromFile")(function*(
  path: string
): Effect.fn.Return<Workflow, WorkflowParseError | CatalogUnavailable, CatalogSource | FileSystem.FileSystem> {
  const json = yield* WorkflowSource.readFile(path)
  if (typeof json === "string") {
    return yield* new WorkflowParseError({ source: path, reason: "it holds a text, not a workflow" })
  }
  return yield* Effect.mapError(fromJson(json), named(path))
})

/**
 * The workflow that a PNG image was made with, from the bytes of the image.
 *
 * **Details**
 *
 * InvokeAI embeds it in the images of workflows. The graph and the metadata of an image are had by
 * `WorkflowSource.readPng`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromPng = Effect.fn("Workflow.fromPng")(function*(
  bytes: Uint8Array
): Effect.fn.Return<Workflow, WorkflowParseError | CatalogUnavailable, CatalogSource> {
  const source = yield* WorkflowSource.readPng(bytes)
  if (source.workflow === undefined || source.workflow === null) {
    return yield* new WorkflowParseError({
      source: "the PNG image",
      reason: source.graph === undefined ? "it holds no workflow" : "it holds a graph, but no workflow"
    })
  }
  return yield* Effect.mapError(fromJson(source.workflow), named("the PNG image"))
})
