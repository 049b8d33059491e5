/**
 * What workflows need to know of a server, asked from the live server.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { CatalogSource, fromOpenApi, type NodeCatalog } from "../../catalog/NodeCatalog.ts"
import { InvokeAiError } from "../../InvokeAiError.ts"
import { Boards } from "../../server/Boards.ts"
import { Images } from "../../server/Images.ts"
import { Models } from "../../server/Models.ts"
import { StylePresets, SystemPrompts, Utilities } from "../../server/Prompts.ts"
import { ServerInfo } from "../../server/ServerInfo.ts"
import { Videos } from "../../server/Videos.ts"
import { WorkflowLibrary } from "../../server/WorkflowLibrary.ts"
import { WorkflowResources } from "../../workflow/WorkflowResources.ts"

/** How many things are looked up one by one at the same time. */
const concurrency = 8

/** What the UI shows as images, and what it shows as assets. */
const categories = {
  images: ["general"],
  assets: ["control", "mask", "user", "other"]
} as const

/** How long the models and boards of the server are remembered. */
const memory = Duration.seconds(5)

const remembered = <A>(read: Effect.Effect<A, InvokeAiError>) =>
  Effect.cachedInvalidateWithTTL(read, (exit) => Exit.isSuccess(exit) ? memory : Duration.zero)

type ExistenceCheck = (ids: ReadonlyArray<string>) => Effect.Effect<ReadonlySet<string>, InvokeAiError>

const filterExisting = (
  lookUp: (id: string) => Effect.Effect<boolean, InvokeAiError>
): ExistenceCheck =>
(ids) =>
  Effect.filter([...new Set(ids)], lookUp, { concurrency }).pipe(
    Effect.map((found) => new Set(found))
  )

/** A foreign or missing thing cannot be used; every other failure says nothing about it. */
const noneIfMissing = <A>(find: Effect.Effect<A, InvokeAiError>): Effect.Effect<Option.Option<A>, InvokeAiError> =>
  find.pipe(
    Effect.asSome,
    Effect.catchIf(
      (error) =>
        error.reason._tag === "NotFound" || error.reason._tag === "Forbidden" || error.reason._tag === "Validation",
      () => Effect.succeed(Option.none())
    )
  )

const exists = <A>(find: Effect.Effect<A, InvokeAiError>): Effect.Effect<boolean, InvokeAiError> =>
  Effect.map(noneIfMissing(find), Option.isSome)

const inList = (
  list: Effect.Effect<ReadonlyArray<{ readonly id: string }>, InvokeAiError>
): ExistenceCheck =>
(ids) =>
  list.pipe(
    Effect.map((all) => {
      const known = new Set(all.map((one) => one.id))
      return new Set(ids.filter((id) => known.has(id)))
    })
  )

/**
 * The server as workflows see it.
 *
 * **Details**
 *
 * Everything is asked when it is needed. Only the lists of models and of boards are remembered, for 5 seconds; what is
 * missing from them is looked up again, and whether a board exists is always asked.
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
    const [allModels, forgetModels] = yield* remembered(models.list())
    const [allBoards, forgetBoards] = yield* remembered(
      Effect.map(
        boards.all({ includeArchived: true }),
        (all) => all.map(({ board_id, board_name }) => ({ id: board_id, name: board_name }))
      )
    )
    return WorkflowResources.of({
      refresh: Effect.andThen(forgetModels, forgetBoards),
      models: allModels,
      existingImages: (names) =>
        images.byNames([...new Set(names)]).pipe(
          Effect.map((found) => new Set(found.map((image) => image.image_name)))
        ),
      existingVideos: filterExisting((name) => exists(videos.get(name))),
      existingBoards: filterExisting((id) => exists(boards.get(id))),
      boards: allBoards,
      existingStylePresets: inList(stylePresets.list),
      existingSystemPrompts: inList(systemPrompts.list),
      dynamicPrompts: ({ combinatorial, maxPrompts, prompt, seed }) =>
        utilities.dynamicPrompts({
          prompt,
          max_prompts: maxPrompts,
          combinatorial,
          ...(seed === undefined ? {} : { seed })
        }).pipe(
          Effect.map((answer) => typeof answer.error === "string" && answer.error !== "" ? [] : answer.prompts)
        ),
      boardImageNames: (boardId, category) =>
        boards.imageNames(boardId, { categories: categories[category], isIntermediate: false }),
      savedWorkflow: (id) => noneIfMissing(Effect.map(library.get(id), (record): unknown => record.workflow)),
      imageWorkflow: (name) => noneIfMissing(images.workflow(name))
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
      const catalog = yield* Effect.fromResult(fromOpenApi(document, { version })).pipe(
        Effect.mapError((error) =>
          new InvokeAiError({
            reason: { _tag: "Decode" },
            method: "GET",
            path: "/openapi.json",
            detail: error.reason
          })
        )
      )
      kept = { document, catalog }
      return catalog
    }).pipe(
      Effect.withSpan("CatalogSource.get")
    )
    return CatalogSource.of({ get })
  })
)
