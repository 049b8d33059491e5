/**
 * Routes of the boards and of the images on them.
 *
 * @since 0.1.0
 */
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as Schema from "effect/Schema"
import { Echoes, echoes } from "../internal/policy.ts"
import { ImageCategory } from "./ImagesApi.ts"
import { oldestRelease, Since, since } from "./Since.ts"
import { nullish, OffsetPage, openLiterals, PathSegment, ServerTimestamp, SQLiteDirection } from "./Wire.ts"

/**
 * Who may see a board (6.13).
 *
 * @since 0.1.0
 * @category schemas
 */
export const BoardVisibility = openLiterals(["private", "shared", "public"])

/**
 * Who may see a board.
 *
 * @since 0.1.0
 * @category models
 */
export type BoardVisibility = typeof BoardVisibility.Type

/**
 * A board: a named collection of images. An image is on one board at most.
 *
 * @since 0.1.0
 * @category schemas
 */
export class BoardDTO extends Schema.Opaque<BoardDTO>()(
  Schema.Struct({
    board_id: Schema.String,
    board_name: Schema.String,
    user_id: nullish(Schema.String),
    created_at: ServerTimestamp,
    updated_at: ServerTimestamp,
    deleted_at: nullish(ServerTimestamp),
    cover_image_name: nullish(Schema.String),
    cover_video_name: nullish(Schema.String),
    archived: Schema.optionalKey(Schema.Boolean),
    board_visibility: nullish(BoardVisibility),
    image_count: Schema.Int,
    video_count: nullish(Schema.Int),
    asset_count: nullish(Schema.Int),
    owner_username: nullish(Schema.String)
  }).annotate({ identifier: "BoardDTO" })
) {}

/**
 * What can be changed of a board. The server rejects any other field. `board_visibility` needs InvokeAI 6.13 or later.
 *
 * @since 0.1.0
 * @category schemas
 */
export class BoardChanges extends Schema.Opaque<BoardChanges>()(
  Schema.Struct({
    board_name: nullish(Schema.String),
    cover_image_name: nullish(Schema.String),
    archived: nullish(Schema.Boolean),
    board_visibility: nullish(BoardVisibility)
  }).annotate({ identifier: "BoardChanges" })
) {}

/**
 * What went with a deleted board: the images that are without a board now, or those that were deleted too.
 *
 * @since 0.1.0
 * @category schemas
 */
export class DeleteBoardResult extends Schema.Opaque<DeleteBoardResult>()(
  Schema.Struct({
    board_id: Schema.String,
    deleted_board_images: Schema.Array(Schema.String),
    deleted_images: Schema.Array(Schema.String),
    deleted_board_videos: nullish(Schema.Array(Schema.String)),
    deleted_videos: nullish(Schema.Array(Schema.String)),
    failed_images: nullish(Schema.Array(Schema.String)),
    failed_videos: nullish(Schema.Array(Schema.String))
  }).annotate({ identifier: "DeleteBoardResult" })
) {}

/**
 * Which images were put on a board.
 *
 * @since 0.1.0
 * @category schemas
 */
export class AddImagesToBoardResult extends Schema.Opaque<AddImagesToBoardResult>()(
  Schema.Struct({
    affected_boards: Schema.optionalKey(Schema.Array(Schema.String)),
    added_images: Schema.Array(Schema.String),
    failed_images: nullish(Schema.Array(Schema.String))
  }).annotate({ identifier: "AddImagesToBoardResult" })
) {}

/**
 * The images that were removed from their boards.
 *
 * @since 0.1.0
 * @category schemas
 */
export class RemoveImagesFromBoardResult extends Schema.Opaque<RemoveImagesFromBoardResult>()(
  Schema.Struct({
    affected_boards: Schema.optionalKey(Schema.Array(Schema.String)),
    removed_images: Schema.Array(Schema.String),
    failed_images: nullish(Schema.Array(Schema.String))
  }).annotate({ identifier: "RemoveImagesFromBoardResult" })
) {}

/**
 * One page of boards.
 *
 * @since 0.1.0
 * @category schemas
 */
export const BoardPage = OffsetPage(BoardDTO).annotate({ identifier: "BoardPage" })

const board = { board_id: PathSegment }

/**
 * `boards/*`.
 *
 * @since 0.1.0
 * @category groups
 */
export class BoardsApi extends HttpApiGroup.make("boards").add(
  HttpApiEndpoint.post("create", "/api/v1/boards/", {
    query: { board_name: Schema.String },
    success: BoardDTO.pipe(HttpApiSchema.status(201))
  }).annotate(Echoes, echoes("query.board_name", "board_name")),
  HttpApiEndpoint.get("list", "/api/v1/boards/", {
    query: {
      order_by: Schema.optionalKey(openLiterals(["created_at", "board_name"])),
      direction: Schema.optionalKey(SQLiteDirection),
      all: Schema.optionalKey(Schema.Boolean),
      offset: Schema.optionalKey(Schema.Int),
      limit: Schema.optionalKey(Schema.Int),
      include_archived: Schema.optionalKey(Schema.Boolean)
    },
    success: Schema.Union([Schema.Array(BoardDTO), BoardPage])
  }),
  HttpApiEndpoint.get("get", "/api/v1/boards/:board_id", { params: board, success: BoardDTO }),
  HttpApiEndpoint.patch("update", "/api/v1/boards/:board_id", {
    params: board,
    payload: BoardChanges,
    success: BoardDTO.pipe(HttpApiSchema.status(201))
  }).annotate(Since, since(oldestRelease, { "payload.board_visibility": "6.13" })),
  HttpApiEndpoint.delete("delete", "/api/v1/boards/:board_id", {
    params: board,
    query: { include_images: Schema.optionalKey(Schema.Boolean) },
    success: DeleteBoardResult
  }),
  HttpApiEndpoint.get("imageNames", "/api/v1/boards/:board_id/image_names", {
    params: board,
    query: {
      categories: Schema.optionalKey(Schema.Array(ImageCategory)),
      is_intermediate: Schema.optionalKey(Schema.Boolean)
    },
    success: Schema.Array(Schema.String)
  })
) {}

/**
 * `board_images/*`.
 *
 * @since 0.1.0
 * @category groups
 */
export class BoardImagesApi extends HttpApiGroup.make("boardImages").add(
  HttpApiEndpoint.post("addMany", "/api/v1/board_images/batch", {
    payload: Schema.Struct({ board_id: Schema.String, image_names: Schema.Array(Schema.String) }),
    success: AddImagesToBoardResult.pipe(HttpApiSchema.status(201))
  }).annotate(Echoes, echoes("payload.image_names", "added_images", "failed_images")),
  HttpApiEndpoint.post("removeMany", "/api/v1/board_images/batch/delete", {
    payload: Schema.Struct({ image_names: Schema.Array(Schema.String) }),
    success: RemoveImagesFromBoardResult.pipe(HttpApiSchema.status(201))
  }).annotate(Echoes, echoes("payload.image_names", "removed_images", "failed_images"))
) {}
