/**
 * The images of the server.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
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
import {
  confirmed,
  deletion,
  deletionOfMany,
  isRefusedDeletion,
  notDeleted,
  optional,
  orNotFound
} from "./internal/missing.ts"
import { bulk, defined, inChunks, offsetPages } from "./internal/paging.ts"
import { parseProvenance } from "./internal/provenance.ts"
import { form, imageType } from "./internal/upload.ts"
import { InvokeAiClient } from "./InvokeAiClient.ts"
import type { InvokeAiError } from "./InvokeAiError.ts"
import type { UploadData } from "./UploadData.ts"

/**
 * An image to upload.
 *
 * **Details**
 *
 * - `data`: a `Blob` or `File`, bytes, or a stream of bytes. A `Blob` that is backed by a file and a stream are sent at
 *   constant memory.
 * - `size`: how many bytes a stream gives, where that is known. It becomes the request's `Content-Length`, which some proxies
 *   ask for; a stream that gives another number fails then.
 * - `fileName`: has to be there, but the server does not keep it. Default: the name of a `File`, or `image.png`.
 * - `contentType`: has to be `image/*`. Default: the blob's type, or what the file name says, or `image/png`.
 * - `category`: default `user`, which the gallery shows under assets.
 * - `isIntermediate`: default false. Intermediate images are hidden from the gallery and go when intermediates are cleared.
 * - `boardId`: the board to put it on.
 * - `metadata`: any JSON value, kept with the image.
 * - `resizeTo`: size in pixels to scale it to.
 * - `cropVisible`: cut transparent borders off.
 *
 * @since 0.1.0
 * @category models
 */
export interface ImageUpload {
  readonly data: UploadData
  readonly size?: number | undefined
  readonly fileName?: string | undefined
  readonly contentType?: string | undefined
  readonly category?: ImageCategory | undefined
  readonly isIntermediate?: boolean | undefined
  readonly boardId?: string | undefined
  readonly sessionId?: string | undefined
  readonly metadata?: unknown
  readonly resizeTo?: { readonly width: number; readonly height: number } | undefined
  readonly cropVisible?: boolean | undefined
}

/**
 * Which images a listing has. `boardId: "none"` means images without a board; `search` looks in metadata and date.
 *
 * @since 0.1.0
 * @category models
 */
export interface ImageFilter {
  readonly origin?: ResourceOrigin | undefined
  readonly categories?: ReadonlyArray<ImageCategory> | undefined
  readonly isIntermediate?: boolean | undefined
  readonly boardId?: string | undefined
  readonly search?: string | undefined
  readonly order?: SQLiteDirection | undefined
  readonly starredFirst?: boolean | undefined
}

/**
 * The workflow and the graph that made an image, as JSON values; null where the image carries none.
 *
 * @since 0.1.0
 * @category models
 */
export interface ImageProvenance {
  readonly workflow: unknown
  readonly graph: unknown
}

/**
 * The images of the server.
 *
 * **Details**
 *
 * Routes are below `/api/v1/images/`.
 *
 * - `upload`: `POST upload`. Sent once. The server stores every image as PNG. `Validation` (415) for what is no image.
 * - `get`: `GET i/{image_name}`. `find` gives `None` for a missing one.
 * - `list`: all images that match, read page by page. `page` is one page: `GET ` with `offset` and `limit` (at most 1,000).
 * - `names`: `GET names`. `byNames`: `POST images_by_names` in chunks of 1,000; missing ones are left out.
 * - `update`: `PATCH i/{image_name}`; a missing image is a `NotFound`, where the server says 400. `star`, `unstar`: `POST star`, `POST unstar` in chunks of 1,000.
 * - `delete`: `DELETE i/{image_name}`, repeated after transient failures. A missing image is a `NotFound`, also where the server answers 200 or 403; an image
 *   that is still there although the server answered 200 is a `Server` error.
 * - `deleteMany`: `POST delete` in chunks of 1,000, repeated after transient failures; tells which ones are not deleted. `deleteUncategorized`: `DELETE
 *   uncategorized`; up to 6.13 the server does not tell which ones are left. `intermediatesCount`, `clearIntermediates`: `GET`/`DELETE intermediates`.
 * - `metadata`, `workflow`, `urls`: `GET i/{image_name}/…`. `urls` are absolute.
 * - `exists`: `HEAD i/{image_name}/full`.
 * - `full`: `GET i/{image_name}/full`, the PNG. `thumbnail`: `GET i/{image_name}/thumbnail`, a WebP of at most 256 pixels.
 * - `startDownload`: `POST download`, of at most 1,000 images by name; `download`: `GET download/{name}`, which works once. See `BulkDownload`.
 *
 * **Gotchas**
 *
 * The invocation cache can give the same image to several runs, so deleting the outputs of one run may delete those of
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
 * @since 0.1.0
 * @category services
 */
export class Images extends Context.Service<Images, {
  readonly upload: (image: ImageUpload) => Effect.Effect<ImageDTO, InvokeAiError>
  readonly get: (name: string) => Effect.Effect<ImageDTO, InvokeAiError>
  readonly find: (name: string) => Effect.Effect<Option.Option<ImageDTO>, InvokeAiError>
  readonly list: (
    filter?: ImageFilter & { readonly pageSize?: number | undefined }
  ) => Stream.Stream<ImageDTO, InvokeAiError>
  readonly page: (
    filter: ImageFilter & { readonly offset: number; readonly limit: number }
  ) => Effect.Effect<ImagePage, InvokeAiError>
  readonly names: (filter?: ImageFilter) => Effect.Effect<ImageNamesResult, InvokeAiError>
  readonly byNames: (names: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<ImageDTO>, InvokeAiError>
  readonly update: (name: string, changes: ImageRecordChanges) => Effect.Effect<ImageDTO, InvokeAiError>
  readonly star: (names: ReadonlyArray<string>) => Effect.Effect<BulkResult, InvokeAiError>
  readonly unstar: (names: ReadonlyArray<string>) => Effect.Effect<BulkResult, InvokeAiError>
  readonly delete: (name: string) => Effect.Effect<void, InvokeAiError>
  readonly deleteMany: (names: ReadonlyArray<string>) => Effect.Effect<BulkResult, InvokeAiError>
  readonly deleteUncategorized: Effect.Effect<BulkResult, InvokeAiError>
  readonly intermediatesCount: Effect.Effect<number, InvokeAiError>
  readonly clearIntermediates: Effect.Effect<number, InvokeAiError>
  readonly metadata: (name: string) => Effect.Effect<Option.Option<JsonObject>, InvokeAiError>
  readonly workflow: (name: string) => Effect.Effect<ImageProvenance, InvokeAiError>
  readonly urls: (name: string) => Effect.Effect<ImageUrlsDTO, InvokeAiError>
  readonly exists: (name: string) => Effect.Effect<boolean, InvokeAiError>
  readonly full: (name: string) => Stream.Stream<Uint8Array, InvokeAiError>
  readonly thumbnail: (name: string) => Stream.Stream<Uint8Array, InvokeAiError>
  readonly startDownload: (
    what: { readonly imageNames: ReadonlyArray<string> } | { readonly boardId: string }
  ) => Effect.Effect<ImagesDownloaded, InvokeAiError>
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
  const orMissing = (name: string) => (error: InvokeAiError) =>
    confirmed(error, Effect.map(byNames([name]), (found) => found.length === 0))
  const one = <A>(name: string, f: Parameters<typeof call<A>>[0]) => Effect.catch(call(f), orMissing(name))
  const bytesOf = (name: string, f: Parameters<typeof bytes>[0]) =>
    Stream.catch(bytes(f, { contentType: ["image/"] }), (error) => Stream.fromEffect(orMissing(name)(error)))
  const get = Effect.fn("Images.get")((image_name: string) =>
    one(image_name, (api) => api.images.get({ params: { image_name } }))
  )
  const find = Effect.fn("Images.find")((name: string) => optional(get(name)))
  const absolute = (url: string) => new URL(url, server).href

  return Images.of({
    upload: Effect.fn("Images.upload")((image) => {
      const fileName = image.fileName ?? (image.data instanceof File ? image.data.name : "")
      const name = fileName === "" ? "image.png" : fileName
      return call((api) =>
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
    delete: Effect.fn("Images.delete")((image_name) =>
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
    ),
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
          )
      )
    ),
    deleteUncategorized: call((api) => api.images.deleteUncategorized({})).pipe(
      Effect.map((result): BulkResult => ({ done: result.deleted_images, failed: result.failed_images ?? [] })),
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
      Effect.map(one(image_name, (api) => api.images.workflow({ params: { image_name } })), parseProvenance)
    ),
    urls: Effect.fn("Images.urls")((image_name) =>
      Effect.map(one(image_name, (api) => api.images.urls({ params: { image_name } })), (urls) => ({
        ...urls,
        image_url: absolute(urls.image_url),
        thumbnail_url: absolute(urls.thumbnail_url)
      }))
    ),
    exists: Effect.fn("Images.exists")((image_name) =>
      one(image_name, (api) => api.images.fullHead({ params: { image_name } })).pipe(
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
