/**
 * Routes of the videos (6.14).
 *
 * @since 0.1.0
 */
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as Schema from "effect/Schema"
import { Echoes, echoes, Transfer } from "../internal/policy.ts"
import { ImageCategory, ResourceOrigin, WorkflowAndGraph } from "./ImagesApi.ts"
import { Since, since } from "./Since.ts"
import { JsonObject, nullish, OffsetPage, PathSegment, ServerTimestamp, SQLiteDirection } from "./Wire.ts"

/**
 * A video of the server. Sizes are in pixels, `duration` in seconds, `fps` in frames per second.
 *
 * @since 0.1.0
 * @category schemas
 */
export class VideoDTO extends Schema.Opaque<VideoDTO>()(
  Schema.Struct({
    video_name: Schema.String,
    video_url: Schema.String,
    thumbnail_url: Schema.String,
    video_origin: ResourceOrigin,
    video_category: ImageCategory,
    width: Schema.Int,
    height: Schema.Int,
    duration: Schema.Finite,
    fps: nullish(Schema.Finite),
    created_at: ServerTimestamp,
    updated_at: ServerTimestamp,
    deleted_at: nullish(ServerTimestamp),
    is_intermediate: Schema.Boolean,
    session_id: nullish(Schema.String),
    node_id: nullish(Schema.String),
    starred: Schema.optionalKey(Schema.Boolean),
    has_workflow: Schema.optionalKey(Schema.Boolean),
    video_subfolder: nullish(Schema.String),
    board_id: nullish(Schema.String)
  }).annotate({ identifier: "VideoDTO" })
) {}

/**
 * What can be changed of a video.
 *
 * @since 0.1.0
 * @category schemas
 */
export class VideoRecordChanges extends Schema.Opaque<VideoRecordChanges>()(
  Schema.Struct({
    video_category: nullish(ImageCategory),
    session_id: nullish(Schema.String),
    is_intermediate: nullish(Schema.Boolean),
    starred: nullish(Schema.Boolean)
  }).annotate({ identifier: "VideoRecordChanges" })
) {}

/**
 * Which videos were deleted.
 *
 * @since 0.1.0
 * @category schemas
 */
export class DeleteVideosResult extends Schema.Opaque<DeleteVideosResult>()(
  Schema.Struct({
    affected_boards: Schema.optionalKey(Schema.Array(Schema.String)),
    deleted_videos: Schema.Array(Schema.String),
    failed_videos: nullish(Schema.Array(Schema.String))
  }).annotate({ identifier: "DeleteVideosResult" })
) {}

/**
 * Which videos got a star.
 *
 * @since 0.1.0
 * @category schemas
 */
export const StarredVideosResult = Schema.Struct({
  affected_boards: Schema.optionalKey(Schema.Array(Schema.String)),
  starred_videos: Schema.Array(Schema.String),
  failed_videos: nullish(Schema.Array(Schema.String))
}).annotate({ identifier: "StarredVideosResult" })

/**
 * Which videos lost their star.
 *
 * @since 0.1.0
 * @category schemas
 */
export const UnstarredVideosResult = Schema.Struct({
  affected_boards: Schema.optionalKey(Schema.Array(Schema.String)),
  unstarred_videos: Schema.Array(Schema.String),
  failed_videos: nullish(Schema.Array(Schema.String))
}).annotate({ identifier: "UnstarredVideosResult" })

/**
 * Which videos were put on a board.
 *
 * @since 0.1.0
 * @category schemas
 */
export const AddVideosToBoardResult = Schema.Struct({
  affected_boards: Schema.optionalKey(Schema.Array(Schema.String)),
  added_videos: Schema.Array(Schema.String)
}).annotate({ identifier: "AddVideosToBoardResult" })

/**
 * The videos that were removed from their boards.
 *
 * @since 0.1.0
 * @category schemas
 */
export const RemoveVideosFromBoardResult = Schema.Struct({
  affected_boards: Schema.optionalKey(Schema.Array(Schema.String)),
  removed_videos: Schema.Array(Schema.String)
}).annotate({ identifier: "RemoveVideosFromBoardResult" })

/**
 * The names of all videos that match.
 *
 * @since 0.1.0
 * @category schemas
 */
export class VideoNamesResult extends Schema.Opaque<VideoNamesResult>()(
  Schema.Struct({
    video_names: Schema.Array(Schema.String),
    starred_count: Schema.Int,
    total_count: Schema.Int
  }).annotate({ identifier: "VideoNamesResult" })
) {}

/**
 * One page of videos.
 *
 * @since 0.1.0
 * @category schemas
 */
export class VideoPage extends Schema.Opaque<VideoPage>()(OffsetPage(VideoDTO).annotate({ identifier: "VideoPage" })) {}

/**
 * The parts of a video upload: `file` with a file name, `metadata` as JSON text.
 *
 * @since 0.1.0
 * @category schemas
 */
export const UploadVideoBody = Schema.Struct({
  file: Schema.Unknown,
  metadata: Schema.optionalKey(Schema.String)
}).annotate({ identifier: "UploadVideoBody" })

const video = { video_name: PathSegment }

const filters = {
  video_origin: Schema.optionalKey(ResourceOrigin),
  categories: Schema.optionalKey(Schema.Array(ImageCategory)),
  is_intermediate: Schema.optionalKey(Schema.Boolean),
  board_id: Schema.optionalKey(Schema.String),
  order_dir: Schema.optionalKey(SQLiteDirection),
  starred_first: Schema.optionalKey(Schema.Boolean),
  search_term: Schema.optionalKey(Schema.String)
} as const

const VideoNames = Schema.Struct({ video_names: Schema.Array(Schema.String) })

/**
 * `videos/*` (6.14).
 *
 * @since 0.1.0
 * @category groups
 */
export class VideosApi extends HttpApiGroup.make("videos").add(
  HttpApiEndpoint.post("upload", "/api/v1/videos/upload", {
    query: {
      video_category: ImageCategory,
      is_intermediate: Schema.Boolean,
      board_id: Schema.optionalKey(Schema.String),
      session_id: Schema.optionalKey(Schema.String)
    },
    payload: UploadVideoBody.pipe(HttpApiSchema.asMultipartStream()),
    success: VideoDTO.pipe(HttpApiSchema.status(201))
  }).annotate(Transfer, true).annotate(Echoes, echoes("query.session_id", "session_id")),
  HttpApiEndpoint.get("list", "/api/v1/videos/", {
    query: {
      ...filters,
      offset: Schema.optionalKey(Schema.Int),
      limit: Schema.optionalKey(Schema.Int)
    },
    success: VideoPage
  }),
  HttpApiEndpoint.get("names", "/api/v1/videos/names", { query: filters, success: VideoNamesResult }),
  HttpApiEndpoint.post("deleteMany", "/api/v1/videos/delete", { payload: VideoNames, success: DeleteVideosResult })
    .annotate(
      Echoes,
      echoes("payload.video_names", "deleted_videos", "failed_videos")
    ),
  HttpApiEndpoint.post("star", "/api/v1/videos/star", { payload: VideoNames, success: StarredVideosResult }).annotate(
    Echoes,
    echoes("payload.video_names", "starred_videos", "failed_videos")
  ),
  HttpApiEndpoint.post("unstar", "/api/v1/videos/unstar", { payload: VideoNames, success: UnstarredVideosResult })
    .annotate(
      Echoes,
      echoes("payload.video_names", "unstarred_videos", "failed_videos")
    ),
  HttpApiEndpoint.post("addToBoard", "/api/v1/videos/board", {
    payload: Schema.Struct({ board_id: Schema.String, video_name: Schema.String }),
    success: AddVideosToBoardResult
  }).annotate(Echoes, echoes("payload.video_name", "added_videos")),
  HttpApiEndpoint.delete("removeFromBoard", "/api/v1/videos/board", {
    payload: Schema.Struct({ video_name: Schema.String }),
    success: RemoveVideosFromBoardResult
  }).annotate(Echoes, echoes("payload.video_name", "removed_videos")),
  HttpApiEndpoint.get("get", "/api/v1/videos/i/:video_name", { params: video, success: VideoDTO }),
  HttpApiEndpoint.patch("update", "/api/v1/videos/i/:video_name", {
    params: video,
    payload: VideoRecordChanges,
    success: VideoDTO
  }),
  HttpApiEndpoint.delete("delete", "/api/v1/videos/i/:video_name", { params: video, success: DeleteVideosResult })
    .annotate(
      Echoes,
      echoes("params.video_name", "deleted_videos", "failed_videos")
    ),
  HttpApiEndpoint.get("metadata", "/api/v1/videos/i/:video_name/metadata", {
    params: video,
    success: Schema.NullOr(JsonObject)
  }),
  HttpApiEndpoint.get("workflow", "/api/v1/videos/i/:video_name/workflow", {
    params: video,
    success: WorkflowAndGraph
  }),
  HttpApiEndpoint.get("full", "/api/v1/videos/i/:video_name/full", {
    params: video,
    headers: { range: Schema.optionalKey(Schema.String) },
    success: HttpApiSchema.StreamUint8Array({ contentType: "video/mp4" })
  }),
  HttpApiEndpoint.get("thumbnail", "/api/v1/videos/i/:video_name/thumbnail", {
    params: video,
    success: HttpApiSchema.StreamUint8Array({ contentType: "image/webp" })
  })
).annotateEndpoints(Since, since("6.14")) {}
