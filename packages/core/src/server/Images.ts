/**
 * The images of the server.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { InvokeAiError } from "../InvokeAiError.ts"
import type {
  ImageCategory,
  ImageDTO,
  ImageNamesResult,
  ImagePage,
  ImageRecordChanges,
  ImagesDownloaded,
  ImageUrlsDTO,
  ResourceOrigin
} from "./api/ImagesApi.ts"
import type { JsonObject, SQLiteDirection } from "./api/Wire.ts"
import type { BulkResult } from "./BulkResult.ts"
import { withReason } from "./internal/errors.ts"
import {
  confirmed,
  deletion,
  deletionOfMany,
  isRefusedDeletion,
  notDeleted,
  optional,
  orNotFound
} from "./internal/notFound.ts"
import { bulk, defined, inChunks, offsetPages } from "./internal/paging.ts"
import { form, imageType } from "./internal/upload.ts"
import { InvokeAiClient } from "./InvokeAiClient.ts"
import type { UploadData } from "./UploadData.ts"

export type { BulkResult } from "./BulkResult.ts"
export type { UploadData } from "./UploadData.ts"

/**
 * An image to upload.
 *
 * @since 0.1.0
 * @category models
 */
export interface ImageUpload {
  /**
   * The content: a `Blob` or `File`, bytes, or a stream of bytes. A stream, and a `Blob` that is backed by a file,
   * are sent in constant memory.
   */
  readonly data: UploadData
  /**
   * Number of bytes of a stream, if known. It becomes the `Content-Length` of the request, which some
   * proxies need; a stream with another number of bytes then fails.
   */
  readonly size?: number | undefined
  /**
   * File name in the request; the server needs one but does not keep it.
   *
   * @default the name of a `File`, otherwise `"image.png"`
   */
  readonly fileName?: string | undefined
  /**
   * Media type of the content; must be `image/*`.
   *
   * @default the type of the blob, then the one that the file name says, then `"image/png"`
   */
  readonly contentType?: string | undefined
  /**
   * Category of the image. The gallery shows `"user"` under assets.
   *
   * @default "user"
   */
  readonly category?: ImageCategory | undefined
  /**
   * Whether the image is hidden from the gallery and deleted when intermediates are cleared.
   *
   * @default false
   */
  readonly isIntermediate?: boolean | undefined
  /** Id of the board to put the image on. Without one it is uncategorized. */
  readonly boardId?: string | undefined
  /** Id of the session to record as the origin of the image. */
  readonly sessionId?: string | undefined
  /** Any JSON value; the server keeps it with the image. */
  readonly metadata?: unknown
  /** Size in pixels to which the server scales the image. */
  readonly resizeTo?: { readonly width: number; readonly height: number } | undefined
  /**
   * Whether the server cuts off transparent borders.
   *
   * @default false
   */
  readonly cropVisible?: boolean | undefined
}

/**
 * The conditions that listed images meet, and their order.
 *
 * @since 0.1.0
 * @category models
 */
export interface ImageFilter {
  /** Only images of this origin: made by the server (`"internal"`) or uploaded (`"external"`). */
  readonly origin?: ResourceOrigin | undefined
  /** Only images of these categories. */
  readonly categories?: ReadonlyArray<ImageCategory> | undefined
  /** Only intermediate images (true), or only images that the gallery shows (false). Without it, both. */
  readonly isIntermediate?: boolean | undefined
  /** Only images of this board; `"none"` means uncategorized images. */
  readonly boardId?: string | undefined
  /** Only images whose metadata or date contains these characters. */
  readonly search?: string | undefined
  /** Order by creation time. Without it the server lists newest images first. */
  readonly order?: SQLiteDirection | undefined
  /** Whether starred images come before all others. Without it the server does so. */
  readonly starredFirst?: boolean | undefined
}

/**
 * The workflow and the graph that generated an image, as JSON values; null if the image has none.
 *
 * @since 0.1.0
 * @category models
 */
export interface ImageProvenance {
  /** The workflow as a JSON value; null if there is none. */
  readonly workflow: unknown
  /** The graph as a JSON value; null if there is none. */
  readonly graph: unknown
}

/**
 * The images of the server.
 *
 * **Details**
 *
 * Routes are below `/api/v1/images/`.
 *
 * **Gotchas**
 *
 * The invocation cache can return the same image to several runs, so deleting the outputs of one run may delete those of
 * another.
 *
 * @example
 * ```ts
 * import { Images } from "@effect-invokeai/core/server/Images"
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 *
 * const starredNames = Effect.gen(function*() {
 *   const images = yield* Images
 *   return yield* images.list({ starredFirst: true }).pipe(
 *     Stream.takeWhile((image) => image.starred === true),
 *     Stream.map((image) => image.image_name),
 *     Stream.runCollect
 *   )
 * })
 * ```
 *
 * **Example** (Move images of a board and read what they were made with)
 *
 * ```ts
 * import { Images } from "@effect-invokeai/core/server/Images"
 * import * as Effect from "effect/Effect"
 *
 * export const starAll = (boardId: string) =>
 *   Effect.gen(function*() {
 *     const images = yield* Images
 *     const { image_names } = yield* images.names({ boardId })
 *     yield* images.star(image_names)
 *     return yield* images.byNames(image_names)
 *   })
 *
 * export const describe = (name: string) =>
 *   Effect.gen(function*() {
 *     const images = yield* Images
 *     const image = yield* images.get(name)
 *     const metadata = yield* images.metadata(name)
 *     const { workflow } = yield* images.workflow(name)
 *     const urls = yield* images.urls(name)
 *     return { image, metadata, workflow, urls }
 *   })
 * ```
 *
 * **Example** (Upload, change and delete images)
 *
 * ```ts
 * import { Images } from "@effect-invokeai/core/server/Images"
 * import * as Effect from "effect/Effect"
 * import * as Option from "effect/Option"
 *
 * export const addMask = (png: Uint8Array, previousName: string) =>
 *   Effect.gen(function*() {
 *     const images = yield* Images
 *     const mask = yield* images.upload({ data: png, category: "mask" })
 *     yield* images.star([mask.image_name])
 *     const previous = yield* images.find(previousName)
 *     if (Option.isSome(previous)) yield* images.delete(previousName)
 *     return mask
 *   })
 *
 * export const deleteMasks = Effect.gen(function*() {
 *   const images = yield* Images
 *   const { items } = yield* images.page({ categories: ["mask"], offset: 0, limit: 100 })
 *   const names = items.map((image) => image.image_name)
 *   yield* images.unstar(names)
 *   const { failed } = yield* images.deleteMany(names)
 *   return failed
 * })
 *
 * export const show = (imageName: string) => Images.use((images) => images.update(imageName, { is_intermediate: false }))
 * ```
 *
 * **Example** (Read the bytes of an image)
 *
 * ```ts
 * import { Images } from "@effect-invokeai/core/server/Images"
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 *
 * export const sizes = (imageName: string) =>
 *   Effect.gen(function*() {
 *     const images = yield* Images
 *     if (!(yield* images.exists(imageName))) return undefined
 *     const image = yield* Stream.runFold(images.full(imageName), () => 0, (sum, { length }) => sum + length)
 *     const thumbnail = yield* Stream.runFold(images.thumbnail(imageName), () => 0, (sum, { length }) => sum + length)
 *     return { image, thumbnail }
 *   })
 * ```
 *
 * @since 0.1.0
 * @category services
 */
export class Images extends Context.Service<Images, {
  /**
   * Uploads an image and returns its record. The server stores every image as PNG.
   *
   * **Details** Route: `POST upload`. Sent once, never repeated.
   *
   * **Errors** `InvokeAiError` with the reason `Validation` (415) if the content is not an image; if `isAmbiguous` is
   * true, the image may have been stored.
   */
  readonly upload: (image: ImageUpload) => Effect.Effect<ImageDTO, InvokeAiError>
  /**
   * Reads the record of an image.
   *
   * **Details** Route: `GET i/{image_name}`.
   *
   * **Errors** `InvokeAiError` with the reason `NotFound` if there is no such image.
   */
  readonly get: (name: string) => Effect.Effect<ImageDTO, InvokeAiError>
  /** Reads the record of an image; `None` if there is no such image. Route: `GET i/{image_name}`. */
  readonly find: (name: string) => Effect.Effect<Option.Option<ImageDTO>, InvokeAiError>
  /**
   * Streams all images that match, and reads the pages as the stream is consumed.
   *
   * **Details** `pageSize` is the number of images per request (default 100). Route: `GET `, with `offset` and
   * `limit`.
   */
  readonly list: (
    filter?: ImageFilter & { readonly pageSize?: number | undefined }
  ) => Stream.Stream<ImageDTO, InvokeAiError>
  /**
   * Reads one page of the images that match.
   *
   * **Details** `offset` counts images from 0; `limit` is at most 1,000. Route: `GET `.
   */
  readonly page: (
    filter: ImageFilter & { readonly offset: number; readonly limit: number }
  ) => Effect.Effect<ImagePage, InvokeAiError>
  /** Reads the names of all images that match in one response. Route: `GET names`. */
  readonly names: (filter?: ImageFilter) => Effect.Effect<ImageNamesResult, InvokeAiError>
  /**
   * Reads the records of images. Missing images are left out.
   *
   * **Details** Route: `POST images_by_names`, in requests of at most 1,000 names.
   */
  readonly byNames: (names: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<ImageDTO>, InvokeAiError>
  /**
   * Changes the record of an image and returns it.
   *
   * **Details** Route: `PATCH i/{image_name}`.
   *
   * **Errors** `InvokeAiError` with the reason `NotFound` for a missing image (the server itself responds 400).
   */
  readonly update: (name: string, changes: ImageRecordChanges) => Effect.Effect<ImageDTO, InvokeAiError>
  /**
   * Stars images. Images that it did not work for are in `failed`. Route: `POST star`, in requests of at most 1,000
   * names.
   */
  readonly star: (names: ReadonlyArray<string>) => Effect.Effect<BulkResult, InvokeAiError>
  /**
   * Removes the star of images. Images that it did not work for are in `failed`. Route: `POST unstar`, in requests of
   * at most 1,000 names.
   */
  readonly unstar: (names: ReadonlyArray<string>) => Effect.Effect<BulkResult, InvokeAiError>
  /**
   * Deletes an image.
   *
   * **Details** Route: `DELETE i/{image_name}`. Repeated after transient failures.
   *
   * **Errors** `InvokeAiError` with the reason
   * - `NotFound`: there is no such image, even if the server responds with 200 or 403.
   * - `Server`: the image is still there although the server responded 200.
   */
  readonly delete: (name: string) => Effect.Effect<void, InvokeAiError>
  /**
   * Deletes images. Images that are not deleted are in `failed`.
   *
   * **Details** Route: `POST delete`, in requests of at most 1,000 names. Repeated after transient failures. Multi-user
   * servers up to 6.13 do not say which images of a rejected request they deleted, so each that does not exist afterwards
   * counts as deleted.
   */
  readonly deleteMany: (names: ReadonlyArray<string>) => Effect.Effect<BulkResult, InvokeAiError>
  /**
   * Deletes all images without a board.
   *
   * **Details** Route: `DELETE uncategorized`. Servers up to 6.13 do not report which images are left, so `failed` is
   * empty.
   */
  readonly deleteUncategorized: Effect.Effect<BulkResult, InvokeAiError>
  /** Counts the intermediate images. Route: `GET intermediates`. */
  readonly intermediatesCount: Effect.Effect<number, InvokeAiError>
  /** Deletes all intermediate images and returns how many. Needs an admin on multi-user servers. Route: `DELETE intermediates`. */
  readonly clearIntermediates: Effect.Effect<number, InvokeAiError>
  /** Reads the metadata of an image; `None` if it has none. Route: `GET i/{image_name}/metadata`. */
  readonly metadata: (name: string) => Effect.Effect<Option.Option<JsonObject>, InvokeAiError>
  /** Reads the workflow and the graph that made an image. Route: `GET i/{image_name}/workflow`. */
  readonly workflow: (name: string) => Effect.Effect<ImageProvenance, InvokeAiError>
  /** Reads the absolute URLs of an image and its thumbnail. Route: `GET i/{image_name}/urls`. */
  readonly urls: (name: string) => Effect.Effect<ImageUrlsDTO, InvokeAiError>
  /** Whether the server has the file of an image. Route: `HEAD i/{image_name}/full`. */
  readonly exists: (name: string) => Effect.Effect<boolean, InvokeAiError>
  /**
   * Streams the image as PNG in constant memory.
   *
   * **Details** Route: `GET i/{image_name}/full`. Not repeated once bytes have arrived.
   *
   * **Errors** `InvokeAiError` with the reason `NotFound` if there is no such image.
   */
  readonly full: (name: string) => Stream.Stream<Uint8Array, InvokeAiError>
  /**
   * Streams the thumbnail of an image, a WebP of at most 256 pixels per side. Route: `GET i/{image_name}/thumbnail`.
   */
  readonly thumbnail: (name: string) => Stream.Stream<Uint8Array, InvokeAiError>
  /**
   * Starts to make a zip file of at most 1,000 images, or of a board.
   *
   * **When to use** `Downloads.zip` does this, waits for the file and streams it.
   *
   * **Details** Route: `POST download`. The server sends the event `bulk_download_complete` when the file is ready.
   */
  readonly startDownload: (
    what: { readonly imageNames: ReadonlyArray<string> } | { readonly boardId: string }
  ) => Effect.Effect<ImagesDownloaded, InvokeAiError>
  /**
   * Streams a zip file that is ready. The server deletes the file after it has been read, so this works once. Route:
   * `GET download/{bulk_download_item_name}`.
   */
  readonly download: (bulkDownloadItemName: string) => Stream.Stream<Uint8Array, InvokeAiError>
}>()("@effect-invokeai/core/server/Images") {
  /** The images of the client's server. */
  static readonly layer: Layer.Layer<Images, never, InvokeAiClient> = Layer.effect(
    Images,
    Effect.suspend(() => Effect.map(InvokeAiClient, make))
  )
}

const query = (filter: ImageFilter | undefined) =>
  defined({
    image_origin: filter?.origin,
    categories: filter?.categories,
    is_intermediate: filter?.isIntermediate,
    board_id: filter?.boardId,
    search_term: filter?.search,
    order_dir: filter?.order,
    starred_first: filter?.starredFirst
  })

const make = (client: InvokeAiClient["Service"]): Images["Service"] => {
  const { bytes, call } = client
  const server = client.url.href

  const page: Images["Service"]["page"] = Effect.fn("Images.page")((filter) =>
    call((api) => api.images.list({ query: { ...query(filter), offset: filter.offset, limit: filter.limit } }))
  )
  const byNames: Images["Service"]["byNames"] = Effect.fn("Images.byNames")((names) =>
    inChunks(names, (image_names) => call((api) => api.images.byNames({ payload: { image_names } })))
  )
  const fullHead = (image_name: string) => call((api) => api.images.fullHead({ params: { image_name } }))
  const hasNoFile = (name: string) =>
    Effect.match(fullHead(name), {
      onSuccess: () => false,
      onFailure: ({ fromServer, status }) => status === 404 && fromServer === true
    })
  const orMissing = (name: string) => (error: InvokeAiError) =>
    // up to 6.13, multi-user servers respond with 403 for an image that does not exist, but with 404 for its file
    error.reason._tag === "Forbidden"
      ? Effect.flatMap(hasNoFile(name), (missing) =>
        Effect.fail(missing ? withReason(error, { _tag: "NotFound" }, "Image not found") : error))
      : confirmed(
        error,
        Effect.map(byNames([name]), (found) =>
          found.length === 0)
      )
  const one = <A>(name: string, f: Parameters<typeof call<A>>[0]) => Effect.catch(call(f), orMissing(name))
  const bytesOf = (name: string, f: Parameters<typeof bytes>[0]) =>
    Stream.catch(
      bytes(f, { contentType: ["image/"] }),
      (error) => Stream.fromEffect(orMissing(name)(error))
    )
  const get = Effect.fn("Images.get")((image_name: string) =>
    one(image_name, (api) => api.images.get({ params: { image_name } }))
  )
  const find = Effect.fn("Images.find")((name: string) => optional(get(name)))
  const absolute = (url: string) => new URL(url, server).href

  const remove = Effect.fn("Images.delete")((image_name: string) =>
    deletion(
      client,
      orNotFound(
        Effect.flatMap(
          one(image_name, (api) => api.images.delete({ params: { image_name } })),
          (result) =>
            result.deleted_images.includes(image_name)
              ? Effect.void
              : Effect.fail(notDeleted(server, `/api/v1/images/i/${encodeURIComponent(image_name)}`))
        ),
        find(image_name),
        isRefusedDeletion
      )
    )
  )
  // up to 6.11, servers keep an image for a board that they do not have without a board
  const rejectBoard = (name: string, boardId: string) =>
    Effect.flatMap(Effect.result(remove(name)), (removed) =>
      Effect.fail(
        new InvokeAiError({
          reason: { _tag: Result.isSuccess(removed) ? "NotFound" : "Server" },
          method: "POST",
          path: "/api/v1/images/upload",
          server,
          status: 201,
          detail: `there is no board with the id ${JSON.stringify(boardId)}${
            Result.isSuccess(removed)
              ? ""
              : `, and the image, which the server keeps as ${name}, could not be deleted: ${removed.failure.message}`
          }`
        })
      ))

  return Images.of({
    upload: Effect.fn("Images.upload")((image) => {
      const fileName = image.fileName ?? (image.data instanceof File ? image.data.name : "")
      const name = fileName === "" ? "image.png" : fileName
      const upload = call((api) =>
        api.images.upload({
          query: defined({
            image_category: image.category ?? "user",
            is_intermediate: image.isIntermediate ?? false,
            board_id: image.boardId,
            session_id: image.sessionId,
            crop_visible: image.cropVisible
          }),
          payload: form({
            field: "file",
            data: image.data,
            size: image.size,
            fileName: name,
            contentType: image.contentType ?? imageType(name, image.data),
            parts: {
              metadata: image.metadata === undefined ? undefined : JSON.stringify(image.metadata),
              resize_to: image.resizeTo === undefined ? undefined : JSON.stringify(image.resizeTo)
            }
          })
        })
      )
      const { boardId } = image
      return boardId === undefined || boardId === "none"
        ? upload
        : Effect.tap(upload, (sent) => sent.board_id === null ? rejectBoard(sent.image_name, boardId) : Effect.void)
    }),
    get,
    find,
    list: (filter) =>
      offsetPages(filter?.pageSize ?? 100, (offset, limit) => page({ ...filter, offset, limit })).pipe(
        Stream.withSpan("Images.list")
      ),
    page,
    names: Effect.fn("Images.names")((filter) => call((api) => api.images.names({ query: query(filter) }))),
    byNames,
    update: Effect.fn("Images.update")((image_name, payload) =>
      orNotFound(
        call((api) => api.images.update({ params: { image_name }, payload })),
        find(image_name),
        (error) => error.status === 400 || error.reason._tag === "Forbidden"
      )
    ),
    star: Effect.fn("Images.star")((names) =>
      bulk(
        names,
        (image_names) =>
          Effect.map(call((api) => api.images.star({ payload: { image_names } })), (result) => result.starred_images)
      )
    ),
    unstar: Effect.fn("Images.unstar")((names) =>
      bulk(names, (image_names) =>
        Effect.map(
          call((api) => api.images.unstar({ payload: { image_names } })),
          (result) => result.unstarred_images
        ))
    ),
    delete: remove,
    deleteMany: Effect.fn("Images.deleteMany")((names) =>
      bulk(
        names,
        (image_names) =>
          deletionOfMany(
            client,
            image_names,
            Effect.map(
              call((api) => api.images.deleteMany({ payload: { image_names } })),
              (result) => result.deleted_images
            ),
            Effect.map(byNames(image_names), (images) => images.map((image) => image.image_name))
          ),
        hasNoFile
      )
    ),
    deleteUncategorized: call((api) => api.images.deleteUncategorized({})).pipe(
      Effect.map((result): BulkResult => ({ succeeded: result.deleted_images, failed: result.failed_images ?? [] })),
      Effect.withSpan("Images.deleteUncategorized")
    ),
    intermediatesCount: call((api) => api.images.intermediatesCount({})).pipe(
      Effect.withSpan("Images.intermediatesCount")
    ),
    clearIntermediates: call((api) => api.images.clearIntermediates({})).pipe(
      Effect.withSpan("Images.clearIntermediates")
    ),
    metadata: Effect.fn("Images.metadata")((image_name) =>
      Effect.map(one(image_name, (api) => api.images.metadata({ params: { image_name } })), Option.fromNullishOr)
    ),
    workflow: Effect.fn("Images.workflow")((image_name) =>
      one(image_name, (api) => api.images.workflow({ params: { image_name } }))
    ),
    urls: Effect.fn("Images.urls")((image_name) =>
      Effect.map(one(image_name, (api) => api.images.urls({ params: { image_name } })), (urls) => ({
        ...urls,
        image_url: absolute(urls.image_url),
        thumbnail_url: absolute(urls.thumbnail_url)
      }))
    ),
    exists: Effect.fn("Images.exists")((image_name) =>
      Effect.catch(fullHead(image_name), orMissing(image_name)).pipe(
        Effect.as(true),
        Effect.catchIf((error) => error.reason._tag === "NotFound", () => Effect.succeed(false))
      )
    ),
    full: (image_name) =>
      bytesOf(image_name, (api) => api.images.full({ params: { image_name }, responseMode: "response-only" })).pipe(
        Stream.withSpan("Images.full")
      ),
    thumbnail: (image_name) =>
      bytesOf(image_name, (api) => api.images.thumbnail({ params: { image_name }, responseMode: "response-only" }))
        .pipe(Stream.withSpan("Images.thumbnail")),
    startDownload: Effect.fn("Images.startDownload")((what) =>
      call((api) =>
        api.images.startDownload({
          payload: "boardId" in what ? { board_id: what.boardId } : { image_names: what.imageNames }
        })
      )
    ),
    download: (bulk_download_item_name) =>
      bytes(
        (api) => api.images.download({ params: { bulk_download_item_name }, responseMode: "response-only" }),
        { contentType: ["application/zip", "application/octet-stream", "application/x-zip"] }
      ).pipe(Stream.withSpan("Images.download"))
  })
}
