/**
 * The boards of the server.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { InvokeAiError } from "../InvokeAiError.ts"
import { AmbiguousName } from "./AmbiguousName.ts"
import type { BoardChanges, BoardDTO, DeleteBoardResult } from "./api/BoardsApi.ts"
import type { ImageCategory } from "./api/ImagesApi.ts"
import type { BulkResult } from "./BulkResult.ts"
import { bulk, defined, offsetPages } from "./internal/paging.ts"
import { InvokeAiClient } from "./InvokeAiClient.ts"

export { AmbiguousName } from "./AmbiguousName.ts"
export type { BulkResult } from "./BulkResult.ts"

/**
 * The boards of the server.
 *
 * **Details**
 *
 * Routes are below `/api/v1/boards/` and `/api/v1/board_images/`.
 *
 * @example
 * ```ts
 * import { Boards } from "@effect-invokeai/core/server/Boards"
 * import * as Effect from "effect/Effect"
 *
 * const samples = Effect.gen(function*() {
 *   const boards = yield* Boards
 *   const board = yield* boards.findOrCreate("samples")
 *   return yield* boards.imageNames(board.board_id)
 * })
 * ```
 *
 * **Example** (Find, fill and delete a board)
 *
 * ```ts
 * import { Boards } from "@effect-invokeai/core/server/Boards"
 * import * as Effect from "effect/Effect"
 * import * as Option from "effect/Option"
 * import * as Stream from "effect/Stream"
 *
 * export const idOf = (name: string) =>
 *   Effect.gen(function*() {
 *     const boards = yield* Boards
 *     const board = yield* boards.find(name)
 *     return Option.map(board, ({ board_id }) => board_id)
 *   })
 *
 * export const putAside = (imageName: string) =>
 *   Effect.gen(function*() {
 *     const boards = yield* Boards
 *     const { board_id } = yield* boards.create("drafts")
 *     yield* boards.addImages(board_id, [imageName])
 *     yield* boards.update(board_id, { cover_image_name: imageName })
 *     yield* boards.rename(board_id, "drafts of today")
 *     yield* boards.archive(board_id)
 *     return yield* boards.get(board_id)
 *   })
 *
 * export const removeArchived = Effect.gen(function*() {
 *   const boards = yield* Boards
 *   const archived = (yield* boards.all({ includeArchived: true })).filter((board) => board.archived)
 *   for (const { board_id } of archived) {
 *     // The images become uncategorized: they are not deleted with the board.
 *     yield* boards.removeImages(yield* boards.imageNames(board_id))
 *     yield* boards.delete(board_id)
 *   }
 * })
 *
 * export const largest = Effect.gen(function*() {
 *   const boards = yield* Boards
 *   return yield* boards.list().pipe(
 *     Stream.filter((board) => board.image_count > 1000),
 *     Stream.runCollect
 *   )
 * })
 * ```
 *
 * @since 0.1.0
 * @category services
 */
export class Boards extends Context.Service<Boards, {
  /**
   * Streams all boards, and reads the pages as the stream is consumed.
   *
   * **Details** Archived boards are included only with `includeArchived`. `pageSize` is the number of boards per
   * request (default 100). Route: `GET `, with `offset` and `limit`.
   */
  readonly list: (
    options?: { readonly includeArchived?: boolean | undefined; readonly pageSize?: number | undefined }
  ) => Stream.Stream<BoardDTO, InvokeAiError>
  /** Reads all boards in one response. Archived boards are included only with `includeArchived`. Route: `GET `. */
  readonly all: (
    options?: { readonly includeArchived?: boolean | undefined }
  ) => Effect.Effect<ReadonlyArray<BoardDTO>, InvokeAiError>
  /**
   * Reads a board by its id.
   *
   * **Details** Route: `GET {board_id}`.
   *
   * **Errors** `InvokeAiError` with the reason `NotFound` if there is no such board.
   */
  readonly get: (boardId: string) => Effect.Effect<BoardDTO, InvokeAiError>
  /**
   * Finds the board with exactly this name, archived boards included; `None` if there is no such board.
   *
   * **Errors** `AmbiguousName` if several boards have the name.
   */
  readonly find: (name: string) => Effect.Effect<Option.Option<BoardDTO>, InvokeAiError | AmbiguousName>
  /**
   * Creates a board and returns it. Names have at most 300 characters and need not be unique.
   *
   * **Details** Route: `POST `. Sent once, never repeated.
   *
   * **Gotchas** InvokeAI 6.10 and 6.11 create the board and respond with 500. `findOrCreate` returns it there too.
   */
  readonly create: (name: string) => Effect.Effect<BoardDTO, InvokeAiError>
  /**
   * Finds the board with exactly this name, or creates it.
   *
   * **Details** If the server may have created the board although the request failed, it is looked for again.
   *
   * **Errors** `AmbiguousName` if several boards have the name.
   *
   * **Gotchas** Two programs that do this at the same moment create two boards.
   */
  readonly findOrCreate: (name: string) => Effect.Effect<BoardDTO, InvokeAiError | AmbiguousName>
  /** Changes the name, cover image or archived state of a board and returns it. Route: `PATCH {board_id}`. */
  readonly update: (boardId: string, changes: BoardChanges) => Effect.Effect<BoardDTO, InvokeAiError>
  /** Renames a board and returns it. Route: `PATCH {board_id}`. */
  readonly rename: (boardId: string, name: string) => Effect.Effect<BoardDTO, InvokeAiError>
  /**
   * Archives a board, or restores it if `archived` is false (default true), and returns it. Route:
   * `PATCH {board_id}`.
   */
  readonly archive: (boardId: string, archived?: boolean) => Effect.Effect<BoardDTO, InvokeAiError>
  /**
   * Deletes a board. Its images lose their board, or are deleted too with `includeImages` (default false).
   *
   * **Details** Route: `DELETE {board_id}`.
   *
   * **Errors** `InvokeAiError` with the reason `NotFound` if there is no such board, on every server version.
   */
  readonly delete: (
    boardId: string,
    options?: { readonly includeImages?: boolean | undefined }
  ) => Effect.Effect<DeleteBoardResult, InvokeAiError>
  /**
   * Reads the names of the images on a board; the id `"none"` means uncategorized images. Route:
   * `GET {board_id}/image_names`.
   */
  readonly imageNames: (
    boardId: string,
    filter?: {
      readonly categories?: ReadonlyArray<ImageCategory> | undefined
      readonly isIntermediate?: boolean | undefined
    }
  ) => Effect.Effect<ReadonlyArray<string>, InvokeAiError>
  /**
   * Moves images to a board; an image is on one board at most. Images that it did not work for are in `failed`.
   *
   * **Details** Route: `POST board_images/batch`, in requests of at most 1,000 names.
   */
  readonly addImages: (
    boardId: string,
    imageNames: ReadonlyArray<string>
  ) => Effect.Effect<BulkResult, InvokeAiError>
  /**
   * Removes images from their boards. Images that it did not work for are in `failed`.
   *
   * **Details** Route: `POST board_images/batch/delete`, in requests of at most 1,000 names.
   */
  readonly removeImages: (imageNames: ReadonlyArray<string>) => Effect.Effect<BulkResult, InvokeAiError>
}>()("@effect-invokeai/core/server/Boards") {
  /** The boards of the client's server. */
  static readonly layer: Layer.Layer<Boards, never, InvokeAiClient> = Layer.effect(
    Boards,
    Effect.suspend(() => Effect.map(InvokeAiClient, make))
  )
}

const make = (client: InvokeAiClient["Service"]): Boards["Service"] => {
  const { call } = client

  const all: Boards["Service"]["all"] = Effect.fn("Boards.all")((options) =>
    Effect.map(
      call((api) =>
        api.boards.list({ query: { all: true, ...defined({ include_archived: options?.includeArchived }) } })
      ),
      // without `all`, the same route returns a page
      (boards) => "items" in boards ? boards.items : boards
    )
  )
  const get = Effect.fn("Boards.get")((board_id: string) => call((api) => api.boards.get({ params: { board_id } })))
  const find = Effect.fn("Boards.find")(function*(name: string) {
    const found = (yield* all({ includeArchived: true })).filter((board) => board.board_name === name)
    if (found.length > 1) {
      return yield* new AmbiguousName({
        kind: "board",
        requestedName: name,
        candidates: found.map((board) => ({
          id: board.board_id,
          description: `${board.image_count} images${board.archived === true ? ", archived" : ""}`
        }))
      })
    }
    return Option.fromNullishOr(found[0])
  })
  const create = Effect.fn("Boards.create")((board_name: string) =>
    call((api) => api.boards.create({ query: { board_name } }))
  )
  const update = Effect.fn("Boards.update")((board_id: string, payload: BoardChanges) =>
    call((api) => api.boards.update({ params: { board_id }, payload }))
  )
  return Boards.of({
    list: (options) =>
      offsetPages(options?.pageSize ?? 100, (offset, limit) =>
        Effect.map(
          call((api) =>
            api.boards.list({ query: { offset, limit, ...defined({ include_archived: options?.includeArchived }) } })
          ),
          (boards) => "items" in boards ? boards : { items: boards, total: boards.length }
        )).pipe(Stream.withSpan("Boards.list")),
    all,
    get,
    find,
    create,
    findOrCreate: Effect.fn("Boards.findOrCreate")((name) =>
      Effect.gen(function*() {
        const found = yield* find(name)
        if (Option.isSome(found)) return found.value
        return yield* Effect.catchIf(create(name), (error) =>
          error.isAmbiguous, (error) =>
          Effect.flatMap(find(name), (made) =>
            Option.isSome(made) ? Effect.succeed(made.value) : Effect.fail(error)))
      })
    ),
    update,
    rename: Effect.fn("Boards.rename")((boardId, board_name) => update(boardId, { board_name })),
    archive: Effect.fn("Boards.archive")((boardId, archived = true) => update(boardId, { archived })),
    delete: Effect.fn("Boards.delete")(function*(board_id, options) {
      // up to 6.8 the server responds with 200 for a board that is not there
      yield* get(board_id)
      const result = yield* call((api) =>
        api.boards.delete({ params: { board_id }, query: { include_images: options?.includeImages ?? false } })
      )
      const failed = result.failed_images ?? []
      if (options?.includeImages === true && failed.length > 0) {
        return yield* new InvokeAiError({
          reason: { _tag: "Server" },
          method: "DELETE",
          path: `/api/v1/boards/${encodeURIComponent(board_id)}`,
          server: client.url.href,
          status: 200,
          detail: `the board was deleted, but ${failed.length} of its images were not: ${failed.slice(0, 5).join(", ")}`
        })
      }
      return result
    }),
    imageNames: Effect.fn("Boards.imageNames")((board_id, filter) =>
      call((api) =>
        api.boards.imageNames({
          params: { board_id },
          query: defined({ categories: filter?.categories, is_intermediate: filter?.isIntermediate })
        })
      )
    ),
    addImages: Effect.fn("Boards.addImages")((board_id, names) =>
      bulk(names, (image_names) =>
        Effect.map(
          call((api) => api.boardImages.addMany({ payload: { board_id, image_names } })),
          (result) => result.added_images
        ))
    ),
    removeImages: Effect.fn("Boards.removeImages")((names) =>
      bulk(names, (image_names) =>
        Effect.map(
          call((api) => api.boardImages.removeMany({ payload: { image_names } })),
          (result) => result.removed_images
        ))
    )
  })
}
