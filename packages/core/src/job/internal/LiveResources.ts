/**
 * What workflows need to know of a server, asked from the live server.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { CatalogSource, CatalogUnavailable, fromOpenApi, type NodeCatalog } from "../../catalog/NodeCatalog.ts"
import { Boards } from "../../server/Boards.ts"
import { Images } from "../../server/Images.ts"
import type { InvokeAiError } from "../../server/InvokeAiError.ts"
import { Models } from "../../server/Models.ts"
import { StylePresets, SystemPrompts, Utilities } from "../../server/Prompts.ts"
import { ServerInfo } from "../../server/ServerInfo.ts"
import { Videos } from "../../server/Videos.ts"
import { WorkflowLibrary } from "../../server/WorkflowLibrary.ts"
import { ResourcesUnavailable, WorkflowResources } from "../../workflow/WorkflowResources.ts"

/** How many things are looked up one by one at the same time. */
const concurrency = 8

const unavailable = (operation: string) => (cause: InvokeAiError) => new ResourcesUnavailable({ operation, cause })

/** What the UI shows as images, and what it shows as assets. */
const categories = {
  images: ["general"],
  assets: ["control", "mask", "user", "other"]
} as const

type Presence = (ids: ReadonlyArray<string>) => Effect.Effect<ReadonlySet<string>, ResourcesUnavailable>

const presentAmong = (
  operation: string,
  lookUp: (id: string) => Effect.Effect<boolean, InvokeAiError>
): Presence =>
(ids) =>
  Effect.filter([...new Set(ids)], lookUp, { concurrency }).pipe(
    Effect.map((found) => new Set(found)),
    Effect.mapError(unavailable(operation))
  )

/** A foreign or missing thing cannot be used; every other failure says nothing about it. */
const ifThere = <A>(find: Effect.Effect<A, InvokeAiError>): Effect.Effect<Option.Option<A>, InvokeAiError> =>
  find.pipe(
    Effect.asSome,
    Effect.catchIf(
      (error) =>
        error.reason._tag === "NotFound" || error.reason._tag === "Forbidden" || error.reason._tag === "Validation",
      () => Effect.succeed(Option.none())
    )
  )

const exists = <A>(find: Effect.Effect<A, InvokeAiError>): Effect.Effect<boolean, InvokeAiError> =>
  Effect.map(ifThere(find), Option.isSome)

const inList = (
  operation: string,
  list: Effect.Effect<ReadonlyArray<{ readonly id: string }>, InvokeAiError>
): Presence =>
(ids) =>
  list.pipe(
    Effect.map((all) => {
      const known = new Set(all.map((one) => one.id))
      return new Set(ids.filter((id) => known.has(id)))
    }),
    Effect.mapError(unavailable(operation))
  )

/**
 * The server as workflows see it.
 *
 * **Details**
 *
 * Everything is asked when it is needed and nothing is kept, so a check sees what is on the server at that moment.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<
  WorkflowResources,
  never,
  Models | Images | Videos | Boards | StylePresets | SystemPrompts | Utilities | WorkflowLibrary
> = Layer.effect(
  WorkflowResources,
  Effect.gen(function*() {
    const models = yield* Models
    const images = yield* Images
    const videos = yield* Videos
    const boards = yield* Boards
    const stylePresets = yield* StylePresets
    const systemPrompts = yield* SystemPrompts
    const utilities = yield* Utilities
    const library = yield* WorkflowLibrary
    return WorkflowResources.of({
      models: Effect.mapError(models.list(), unavailable("installed models")),
      existingImages: (names) =>
        images.byNames([...new Set(names)]).pipe(
          Effect.map((found) => new Set(found.map((image) => image.image_name))),
          Effect.mapError(unavailable("images"))
        ),
      existingVideos: presentAmong("videos", (name) => exists(videos.get(name))),
      existingBoards: presentAmong("boards", (id) => exists(boards.get(id))),
      existingStylePresets: inList("style presets", stylePresets.list),
      existingSystemPrompts: inList("system prompts", systemPrompts.list),
      dynamicPrompts: ({ combinatorial, maxPrompts, prompt, seed }) =>
        utilities.dynamicPrompts({
          prompt,
          max_prompts: maxPrompts,
          combinatorial,
          ...(seed === undefined ? {} : { seed })
        }).pipe(
          Effect.map((answer) => typeof answer.error === "string" && answer.error !== "" ? [] : answer.prompts),
          Effect.mapError(unavailable("dynamic prompts"))
        ),
      boardImageNames: (boardId, category) =>
        boards.imageNames(boardId, { categories: categories[category], isIntermediate: false }).pipe(
          Effect.mapError(unavailable("images of a board"))
        ),
      savedWorkflow: (id) =>
        ifThere(Effect.map(library.get(id), (record): unknown => record.workflow)).pipe(
          Effect.mapError(unavailable("saved workflows"))
        ),
      imageWorkflow: (name) =>
        ifThere(images.workflow(name)).pipe(
          Effect.mapError(unavailable("the workflow of an image"))
        )
    })
  })
)

/**
 * The node types of the live server.
 *
 * **Details**
 *
 * Read from `GET /openapi.json` (about 2 MB) on first use and kept. Each use asks for the server's version; when it has
 * changed the document is read again. After installing nodes on a server of the same version, use
 * `ServerInfo.refresh`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerCatalog: Layer.Layer<CatalogSource, never, ServerInfo> = Layer.effect(
  CatalogSource,
  Effect.gen(function*() {
    const info = yield* ServerInfo
    let kept: { readonly document: unknown; readonly catalog: NodeCatalog } | undefined
    const get = Effect.gen(function*() {
      const document = yield* info.openApiDocument
      if (kept !== undefined && kept.document === document) return kept.catalog
      const { version } = yield* info.capabilities
      const catalog = yield* Effect.fromResult(fromOpenApi(document, { version }))
      kept = { document, catalog }
      return catalog
    }).pipe(
      Effect.mapError((cause) => new CatalogUnavailable({ reason: cause.message, cause })),
      Effect.withSpan("CatalogSource.get")
    )
    return CatalogSource.of({ get })
  })
)
