/**
 * The videos of the server (6.14).
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { ImageCategory, ResourceOrigin } from "./api/ImagesApi.ts"
import type { VideoDTO, VideoNamesResult, VideoPage, VideoRecordChanges } from "./api/VideosApi.ts"
import type { JsonObject, SQLiteDirection } from "./api/Wire.ts"
import type { BulkResult } from "./BulkResult.ts"
import type { ImageProvenance } from "./Images.ts"
import { confirmed, deletion, isRefusedDeletion, notDeleted, optional, orNotFound } from "./internal/missing.ts"
import { bulk, defined, offsetPages } from "./internal/paging.ts"
import { parseProvenance } from "./internal/provenance.ts"
import { form } from "./internal/upload.ts"
import { type BytesOptions, InvokeAiClient } from "./InvokeAiClient.ts"
import type { InvokeAiError } from "./InvokeAiError.ts"
import type { UploadData } from "./UploadData.ts"

/**
 * A video to upload. `category` is `user` if not given; `contentType` is the blob's type or `video/mp4`.
 *
 * @since 0.1.0
 * @category models
 */
export interface VideoUpload {
  readonly data: UploadData
  readonly fileName?: string | undefined
  readonly contentType?: string | undefined
  readonly category?: ImageCategory | undefined
  readonly isIntermediate?: boolean | undefined
  readonly boardId?: string | undefined
  readonly metadata?: unknown
}

/**
 * Which videos a listing has. `boardId: "none"` means videos without a board.
 *
 * @since 0.1.0
 * @category models
 */
export interface VideoFilter {
  readonly origin?: ResourceOrigin | undefined
  readonly categories?: ReadonlyArray<ImageCategory> | undefined
  readonly isIntermediate?: boolean | undefined
  readonly boardId?: string | undefined
  readonly search?: string | undefined
  readonly order?: SQLiteDirection | undefined
  readonly starredFirst?: boolean | undefined
}

/**
 * The videos of the server (6.14).
 *
 * **Details**
 *
 * Routes are below `/api/v1/videos/`.
 *
 * - `upload`: `POST upload`. `get`: `GET i/{video_name}`. `find` gives `None` for a missing one.
 * - `list`: all videos that match, read page by page. `page` is one page: `GET `. `names`: `GET names`.
 * - `update`: `PATCH i/{video_name}`; a missing video is a `NotFound`, where the server says 400. `star`, `unstar`: `POST star`, `POST unstar`.
 * - `delete`: `DELETE i/{video_name}`. A missing video is a `NotFound`, also where the server answers 200 or 403; a video
 *   that is still there although the server answered 200 is a `Server` error. `deleteMany`: `POST delete`; tells which
 *   ones are not deleted.
 * - `addToBoard`, `removeFromBoard`: `POST board`, `DELETE board`.
 * - `metadata`, `workflow`: `GET i/{video_name}/…`. The second gives the workflow and the graph that made the video.
 * - `full`: `GET i/{video_name}/full`; `from` is the byte to begin at, to resume a download. `thumbnail`: a WebP.
 *
 * @since 0.1.0
 * @category services
 */
export class Videos extends Context.Service<Videos, {
  readonly upload: (video: VideoUpload) => Effect.Effect<VideoDTO, InvokeAiError>
  readonly get: (name: string) => Effect.Effect<VideoDTO, InvokeAiError>
  readonly find: (name: string) => Effect.Effect<Option.Option<VideoDTO>, InvokeAiError>
  readonly list: (
    filter?: VideoFilter & { readonly pageSize?: number | undefined }
  ) => Stream.Stream<VideoDTO, InvokeAiError>
  readonly page: (
    filter: VideoFilter & { readonly offset: number; readonly limit: number }
  ) => Effect.Effect<VideoPage, InvokeAiError>
  readonly names: (filter?: VideoFilter) => Effect.Effect<VideoNamesResult, InvokeAiError>
  readonly update: (name: string, changes: VideoRecordChanges) => Effect.Effect<VideoDTO, InvokeAiError>
  readonly star: (names: ReadonlyArray<string>) => Effect.Effect<BulkResult, InvokeAiError>
  readonly unstar: (names: ReadonlyArray<string>) => Effect.Effect<BulkResult, InvokeAiError>
  readonly delete: (name: string) => Effect.Effect<void, InvokeAiError>
  readonly deleteMany: (names: ReadonlyArray<string>) => Effect.Effect<BulkResult, InvokeAiError>
  readonly addToBoard: (boardId: string, name: string) => Effect.Effect<void, InvokeAiError>
  readonly removeFromBoard: (name: string) => Effect.Effect<void, InvokeAiError>
  readonly metadata: (name: string) => Effect.Effect<Option.Option<JsonObject>, InvokeAiError>
  readonly workflow: (name: string) => Effect.Effect<ImageProvenance, InvokeAiError>
  readonly full: (
    name: string,
    options?: { readonly from?: number | undefined }
  ) => Stream.Stream<Uint8Array, InvokeAiError>
  readonly thumbnail: (name: string) => Stream.Stream<Uint8Array, InvokeAiError>
}>()("@effect-invokeai/core/server/Videos") {
  /** The videos of the client's server. */
  static readonly layer: Layer.Layer<Videos, never, InvokeAiClient> = Layer.effect(
    Videos,
    Effect.suspend(() => Effect.map(InvokeAiClient, make))
  )
}

const query = (filter: VideoFilter | undefined) =>
  defined({
    video_origin: filter?.origin,
    categories: filter?.categories,
    is_intermediate: filter?.isIntermediate,
    board_id: filter?.boardId,
    search_term: filter?.search,
    order_dir: filter?.order,
    starred_first: filter?.starredFirst
  })

const make = (client: InvokeAiClient["Service"]): Videos["Service"] => {
  const { bytes, call } = client
  const server = client.url.href
  const page: Videos["Service"]["page"] = Effect.fn("Videos.page")((filter) =>
    call((api) => api.videos.list({ query: { ...query(filter), offset: filter.offset, limit: filter.limit } }))
  )
  const orMissing = (name: string) => (error: InvokeAiError) =>
    confirmed(
      error,
      Effect.map(call((api) => api.videos.names({ query: {} })), ({ video_names }) => !video_names.includes(name))
    )
  const one = <A>(name: string, f: Parameters<typeof call<A>>[0]) => Effect.catch(call(f), orMissing(name))
  const bytesOf = (name: string, f: Parameters<typeof bytes>[0], options: BytesOptions) =>
    Stream.catch(bytes(f, options), (error) => Stream.fromEffect(orMissing(name)(error)))
  const get = Effect.fn("Videos.get")((video_name: string) =>
    one(video_name, (api) => api.videos.get({ params: { video_name } }))
  )
  const find = Effect.fn("Videos.find")((name: string) => optional(get(name)))

  return Videos.of({
    upload: Effect.fn("Videos.upload")((video) => {
      const type = video.data instanceof Blob && video.data.type.startsWith("video/") ? video.data.type : "video/mp4"
      const ownName = video.data instanceof File ? video.data.name : ""
      return call((api) =>
        api.videos.upload({
          query: {
            video_category: video.category ?? "user",
            is_intermediate: video.isIntermediate ?? false,
            ...defined({ board_id: video.boardId })
          },
          payload: form({
            field: "file",
            data: video.data,
            fileName: video.fileName ?? (ownName === "" ? "video.mp4" : ownName),
            contentType: video.contentType ?? type,
            parts: { metadata: video.metadata === undefined ? undefined : JSON.stringify(video.metadata) }
          })
        })
      )
    }),
    get,
    find,
    list: (filter) =>
      offsetPages(filter?.pageSize ?? 100, (offset, limit) => page({ ...filter, offset, limit })).pipe(
        Stream.withSpan("Videos.list")
      ),
    page,
    names: Effect.fn("Videos.names")((filter) => call((api) => api.videos.names({ query: query(filter) }))),
    update: Effect.fn("Videos.update")((video_name, payload) =>
      orNotFound(
        call((api) => api.videos.update({ params: { video_name }, payload })),
        find(video_name),
        (error) => error.status === 400 || error.reason._tag === "Forbidden"
      )
    ),
    star: Effect.fn("Videos.star")((names) =>
      bulk(
        names,
        (video_names) =>
          Effect.map(call((api) => api.videos.star({ payload: { video_names } })), (result) => result.starred_videos)
      )
    ),
    unstar: Effect.fn("Videos.unstar")((names) =>
      bulk(names, (video_names) =>
        Effect.map(
          call((api) => api.videos.unstar({ payload: { video_names } })),
          (result) => result.unstarred_videos
        ))
    ),
    delete: Effect.fn("Videos.delete")((video_name) =>
      deletion(
        client,
        orNotFound(
          Effect.flatMap(
            one(video_name, (api) => api.videos.delete({ params: { video_name } })),
            (result) =>
              result.deleted_videos.includes(video_name)
                ? Effect.void
                : Effect.fail(notDeleted(server, `/api/v1/videos/i/${encodeURIComponent(video_name)}`))
          ),
          find(video_name),
          isRefusedDeletion
        )
      )
    ),
    deleteMany: Effect.fn("Videos.deleteMany")((names) =>
      bulk(names, (video_names) =>
        Effect.map(
          call((api) => api.videos.deleteMany({ payload: { video_names } })),
          (result) => result.deleted_videos
        ))
    ),
    addToBoard: Effect.fn("Videos.addToBoard")((board_id, video_name) =>
      Effect.asVoid(call((api) => api.videos.addToBoard({ payload: { board_id, video_name } })))
    ),
    removeFromBoard: Effect.fn("Videos.removeFromBoard")((video_name) =>
      orNotFound(
        Effect.asVoid(call((api) => api.videos.removeFromBoard({ payload: { video_name } }))),
        find(video_name),
        (error) => error.reason._tag === "Forbidden"
      )
    ),
    metadata: Effect.fn("Videos.metadata")((video_name) =>
      Effect.map(one(video_name, (api) => api.videos.metadata({ params: { video_name } })), Option.fromNullishOr)
    ),
    workflow: Effect.fn("Videos.workflow")((video_name) =>
      Effect.map(one(video_name, (api) => api.videos.workflow({ params: { video_name } })), parseProvenance)
    ),
    full: (video_name, options) =>
      bytesOf(video_name, (api) =>
        api.videos.full({
          params: { video_name },
          headers: options?.from === undefined ? {} : { range: `bytes=${options.from}-` },
          responseMode: "response-only"
        }), { contentType: ["video/"], from: options?.from }).pipe(Stream.withSpan("Videos.full")),
    thumbnail: (video_name) =>
      bytesOf(video_name, (api) => api.videos.thumbnail({ params: { video_name }, responseMode: "response-only" }), {
        contentType: ["image/"]
      }).pipe(Stream.withSpan("Videos.thumbnail"))
  })
}
