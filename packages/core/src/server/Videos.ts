/**
 * The videos of the server (InvokeAI 6.14 or later).
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { InvokeAiError } from "../InvokeAiError.ts"
import type { ImageCategory, ResourceOrigin } from "./api/ImagesApi.ts"
import type { VideoDTO, VideoNamesResult, VideoPage, VideoRecordChanges } from "./api/VideosApi.ts"
import type { JsonObject, SQLiteDirection } from "./api/Wire.ts"
import type { BulkResult } from "./BulkResult.ts"
import type { ImageProvenance } from "./Images.ts"
import { confirmed, deletion, isRefusedDeletion, notDeleted, optional, orNotFound } from "./internal/notFound.ts"
import { bulk, defined, offsetPages } from "./internal/paging.ts"
import { form } from "./internal/upload.ts"
import { type BytesOptions, InvokeAiClient } from "./InvokeAiClient.ts"
import type { UploadData } from "./UploadData.ts"

/**
 * A video to upload.
 *
 * @since 0.1.0
 * @category models
 */
export interface VideoUpload {
  /**
   * The content: a `Blob` or `File`, bytes, or a stream of bytes. A stream, and a `Blob` that is backed by a file,
   * are sent in constant memory.
   */
  readonly data: UploadData
  /**
   * File name in the request.
   *
   * @default the name of a `File`, otherwise `"video.mp4"`
   */
  readonly fileName?: string | undefined
  /**
   * Media type of the content.
   *
   * @default the type of the blob, otherwise `"video/mp4"`
   */
  readonly contentType?: string | undefined
  /**
   * Category of the video. The gallery shows `"user"` under assets.
   *
   * @default "user"
   */
  readonly category?: ImageCategory | undefined
  /**
   * Whether the video is hidden from the gallery.
   *
   * @default false
   */
  readonly isIntermediate?: boolean | undefined
  /** Id of the board to put the video on. Without one it is uncategorized. */
  readonly boardId?: string | undefined
  /** Any JSON value; the server keeps it with the video. */
  readonly metadata?: unknown
}

/**
 * The conditions that listed videos meet, and their order.
 *
 * @since 0.1.0
 * @category models
 */
export interface VideoFilter {
  /** Only videos of this origin: made by the server (`"internal"`) or uploaded (`"external"`). */
  readonly origin?: ResourceOrigin | undefined
  /** Only videos of these categories. */
  readonly categories?: ReadonlyArray<ImageCategory> | undefined
  /** Only intermediate videos (true), or only videos that the gallery shows (false). Without it, both. */
  readonly isIntermediate?: boolean | undefined
  /** Only videos of this board; `"none"` means uncategorized videos. */
  readonly boardId?: string | undefined
  /** Only videos whose metadata or date contains these characters. */
  readonly search?: string | undefined
  /** Order by creation time. Without it the server lists newest videos first. */
  readonly order?: SQLiteDirection | undefined
  /** Whether starred videos come before all others. Without it the server does so. */
  readonly starredFirst?: boolean | undefined
}

/**
 * The videos of the server (InvokeAI 6.14 or later).
 *
 * **Details**
 *
 * Routes are below `/api/v1/videos/`.
 *
 * @since 0.1.0
 * @category services
 */
export class Videos extends Context.Service<Videos, {
  /**
   * Uploads a video and returns its record.
   *
   * **Details** Route: `POST upload` (InvokeAI 6.14 or later). Sent once, never repeated.
   */
  readonly upload: (video: VideoUpload) => Effect.Effect<VideoDTO, InvokeAiError>
  /**
   * Reads the record of a video.
   *
   * **Details** Route: `GET i/{video_name}` (InvokeAI 6.14 or later).
   *
   * **Errors** `InvokeAiError` with the reason `NotFound` if there is no such video.
   */
  readonly get: (name: string) => Effect.Effect<VideoDTO, InvokeAiError>
  /**
   * Reads the record of a video; `None` if there is no such video. Route: `GET i/{video_name}` (InvokeAI 6.14 or
   * later).
   */
  readonly find: (name: string) => Effect.Effect<Option.Option<VideoDTO>, InvokeAiError>
  /**
   * Streams all videos that match, and reads the pages as the stream is consumed.
   *
   * **Details** `pageSize` is the number of videos per request (default 100). Route: `GET ` (InvokeAI 6.14 or later),
   * with `offset` and `limit`.
   */
  readonly list: (
    filter?: VideoFilter & { readonly pageSize?: number | undefined }
  ) => Stream.Stream<VideoDTO, InvokeAiError>
  /**
   * Reads one page of the videos that match.
   *
   * **Details** `offset` counts videos from 0; `limit` is at most 1,000. Route: `GET ` (InvokeAI 6.14 or later).
   */
  readonly page: (
    filter: VideoFilter & { readonly offset: number; readonly limit: number }
  ) => Effect.Effect<VideoPage, InvokeAiError>
  /** Reads the names of all videos that match in one response. Route: `GET names` (InvokeAI 6.14 or later). */
  readonly names: (filter?: VideoFilter) => Effect.Effect<VideoNamesResult, InvokeAiError>
  /**
   * Changes the record of a video and returns it.
   *
   * **Details** Route: `PATCH i/{video_name}` (InvokeAI 6.14 or later).
   *
   * **Errors** `InvokeAiError` with the reason `NotFound` for a missing video (the server itself responds 400).
   */
  readonly update: (name: string, changes: VideoRecordChanges) => Effect.Effect<VideoDTO, InvokeAiError>
  /** Stars videos. Videos that it did not work for are in `failed`. Route: `POST star` (InvokeAI 6.14 or later). */
  readonly star: (names: ReadonlyArray<string>) => Effect.Effect<BulkResult, InvokeAiError>
  /**
   * Removes the star of videos. Videos that it did not work for are in `failed`. Route: `POST unstar` (InvokeAI 6.14
   * or later).
   */
  readonly unstar: (names: ReadonlyArray<string>) => Effect.Effect<BulkResult, InvokeAiError>
  /**
   * Deletes a video.
   *
   * **Details** Route: `DELETE i/{video_name}` (InvokeAI 6.14 or later).
   *
   * **Errors** `InvokeAiError` with the reason
   * - `NotFound`: there is no such video, even if the server responds with 200 or 403.
   * - `Server`: the video is still there although the server responded 200.
   */
  readonly delete: (name: string) => Effect.Effect<void, InvokeAiError>
  /** Deletes videos. Videos that are not deleted are in `failed`. Route: `POST delete` (InvokeAI 6.14 or later). */
  readonly deleteMany: (names: ReadonlyArray<string>) => Effect.Effect<BulkResult, InvokeAiError>
  /** Moves a video to a board. Route: `POST board` (InvokeAI 6.14 or later). */
  readonly addToBoard: (boardId: string, name: string) => Effect.Effect<void, InvokeAiError>
  /** Removes a video from its board. Route: `DELETE board` (InvokeAI 6.14 or later). */
  readonly removeFromBoard: (name: string) => Effect.Effect<void, InvokeAiError>
  /**
   * Reads the metadata of a video; `None` if it has none. Route: `GET i/{video_name}/metadata` (InvokeAI 6.14 or
   * later).
   */
  readonly metadata: (name: string) => Effect.Effect<Option.Option<JsonObject>, InvokeAiError>
  /**
   * Reads the workflow and the graph that made a video. Route: `GET i/{video_name}/workflow` (InvokeAI 6.14 or later).
   */
  readonly workflow: (name: string) => Effect.Effect<ImageProvenance, InvokeAiError>
  /**
   * Streams a video in constant memory.
   *
   * **Details** `from` is the byte to begin at, counted from 0 (default 0), to resume a download. Route:
   * `GET i/{video_name}/full` (InvokeAI 6.14 or later).
   */
  readonly full: (
    name: string,
    options?: { readonly from?: number | undefined }
  ) => Stream.Stream<Uint8Array, InvokeAiError>
  /** Streams the thumbnail of a video, a WebP. Route: `GET i/{video_name}/thumbnail` (InvokeAI 6.14 or later). */
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
      one(video_name, (api) => api.videos.workflow({ params: { video_name } }))
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
