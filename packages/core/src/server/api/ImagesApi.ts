/**
 * Routes of the images.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as Schema from "effect/Schema"
import { Echoes, echoes, Idempotent, Transfer } from "../internal/policy.ts"
import {
  JsonObject,
  JsonText,
  nullish,
  OffsetPage,
  openLiterals,
  PathSegment,
  ServerTimestamp,
  SQLiteDirection
} from "./Wire.ts"

/**
 * What an image is for. `general` images are outputs, the others count as assets in the gallery.
 *
 * @since 0.1.0
 * @category schemas
 */
export const ImageCategory = openLiterals(["general", "mask", "control", "user", "other"])

/**
 * What an image is for.
 *
 * @since 0.1.0
 * @category models
 */
export type ImageCategory = typeof ImageCategory.Type

/**
 * Where an image comes from: `internal` was made by the server, `external` was uploaded.
 *
 * @since 0.1.0
 * @category schemas
 */
export const ResourceOrigin = openLiterals(["internal", "external"])

/**
 * Where an image comes from.
 *
 * @since 0.1.0
 * @category models
 */
export type ResourceOrigin = typeof ResourceOrigin.Type

/**
 * An image of the server. Sizes are in pixels; the URLs are relative to the server's base URL, without a leading slash.
 *
 * **Gotchas**
 *
 * `session_id` and `node_id` belong to the run that created the file. If a later run gets the image from the invocation
 * cache, they still name the earlier one.
 *
 * @since 0.1.0
 * @category schemas
 */
export class ImageDTO extends Schema.Opaque<ImageDTO>()(
  Schema.Struct({
    image_name: Schema.String,
    image_url: Schema.String,
    thumbnail_url: Schema.String,
    image_origin: ResourceOrigin,
    image_category: ImageCategory,
    width: Schema.Int,
    height: Schema.Int,
    created_at: ServerTimestamp,
    updated_at: ServerTimestamp,
    deleted_at: nullish(ServerTimestamp),
    is_intermediate: Schema.Boolean,
    session_id: nullish(Schema.String),
    node_id: nullish(Schema.String),
    starred: Schema.optionalKey(Schema.Boolean),
    has_workflow: Schema.optionalKey(Schema.Boolean),
    image_subfolder: nullish(Schema.String),
    board_id: nullish(Schema.String)
  }).annotate({ identifier: "ImageDTO" })
) {}

/**
 * Where an image and its thumbnail are found, relative to the server's base URL.
 *
 * @since 0.1.0
 * @category schemas
 */
export class ImageUrlsDTO extends Schema.Opaque<ImageUrlsDTO>()(
  Schema.Struct({
    image_name: Schema.String,
    image_url: Schema.String,
    thumbnail_url: Schema.String
  }).annotate({ identifier: "ImageUrlsDTO" })
) {}

/**
 * What can be changed of an image.
 *
 * @since 0.1.0
 * @category schemas
 */
export class ImageRecordChanges extends Schema.Opaque<ImageRecordChanges>()(
  Schema.Struct({
    image_category: nullish(ImageCategory),
    session_id: nullish(Schema.String),
    is_intermediate: nullish(Schema.Boolean),
    starred: nullish(Schema.Boolean)
  }).annotate({ identifier: "ImageRecordChanges" })
) {}

const embedded = Schema.NullOr(JsonText).pipe(Schema.withDecodingDefaultKey(Effect.succeed(null)))

/**
 * The embedded workflow and graph of an image; null if it has none.
 *
 * @since 0.1.0
 * @category schemas
 */
export class WorkflowAndGraph extends Schema.Opaque<WorkflowAndGraph>()(
  Schema.Struct({
    workflow: embedded,
    graph: embedded
  }).annotate({ identifier: "WorkflowAndGraph" })
) {}

/**
 * The result of a deletion. `affected_boards` contains `"none"` for uncategorized images.
 *
 * @since 0.1.0
 * @category schemas
 */
export class DeleteImagesResult extends Schema.Opaque<DeleteImagesResult>()(
  Schema.Struct({
    affected_boards: Schema.optionalKey(Schema.Array(Schema.String)),
    deleted_images: Schema.Array(Schema.String),
    failed_images: nullish(Schema.Array(Schema.String))
  }).annotate({ identifier: "DeleteImagesResult" })
) {}

/**
 * Which images got a star.
 *
 * @since 0.1.0
 * @category schemas
 */
export const StarredImagesResult = Schema.Struct({
  affected_boards: Schema.optionalKey(Schema.Array(Schema.String)),
  starred_images: Schema.Array(Schema.String),
  failed_images: nullish(Schema.Array(Schema.String))
}).annotate({ identifier: "StarredImagesResult" })

/**
 * Which images lost their star.
 *
 * @since 0.1.0
 * @category schemas
 */
export const UnstarredImagesResult = Schema.Struct({
  affected_boards: Schema.optionalKey(Schema.Array(Schema.String)),
  unstarred_images: Schema.Array(Schema.String),
  failed_images: nullish(Schema.Array(Schema.String))
}).annotate({ identifier: "UnstarredImagesResult" })

/**
 * The names of all images that match, starred ones first if asked.
 *
 * @since 0.1.0
 * @category schemas
 */
export class ImageNamesResult extends Schema.Opaque<ImageNamesResult>()(
  Schema.Struct({
    image_names: Schema.Array(Schema.String),
    starred_count: Schema.Int,
    total_count: Schema.Int
  }).annotate({ identifier: "ImageNamesResult" })
) {}

/**
 * The name of a ZIP file that is created in the background; a socket event reports its completion.
 *
 * @since 0.1.0
 * @category schemas
 */
export class ImagesDownloaded extends Schema.Opaque<ImagesDownloaded>()(
  Schema.Struct({
    response: nullish(Schema.String),
    bulk_download_item_name: nullish(Schema.String)
  }).annotate({ identifier: "ImagesDownloaded" })
) {}

/**
 * One page of images.
 *
 * @since 0.1.0
 * @category schemas
 */
export class ImagePage extends Schema.Opaque<ImagePage>()(OffsetPage(ImageDTO).annotate({ identifier: "ImagePage" })) {}

/**
 * The parts of an image upload: `file` with a file name and an `image/*` type, `metadata` as JSON text, `resize_to` as
 * JSON text of an object with `width` and `height`.
 *
 * @since 0.1.0
 * @category schemas
 */
export const UploadImageBody = Schema.Struct({
  file: Schema.Unknown,
  resize_to: Schema.optionalKey(Schema.String),
  metadata: Schema.optionalKey(Schema.String)
}).annotate({ identifier: "UploadImageBody" })

const image = { image_name: PathSegment }

const filters = {
  image_origin: Schema.optionalKey(ResourceOrigin),
  categories: Schema.optionalKey(Schema.Array(ImageCategory)),
  is_intermediate: Schema.optionalKey(Schema.Boolean),
  board_id: Schema.optionalKey(Schema.String),
  order_dir: Schema.optionalKey(SQLiteDirection),
  starred_first: Schema.optionalKey(Schema.Boolean),
  search_term: Schema.optionalKey(Schema.String)
} as const

const ImageNames = Schema.Struct({ image_names: Schema.Array(Schema.String) })

/**
 * `images/*`.
 *
 * The client passes a `FormData`; a server reads the parts as a stream.
 *
 * @since 0.1.0
 * @category groups
 */
export class ImagesApi extends HttpApiGroup.make("images").add(
  HttpApiEndpoint.post("upload", "/api/v1/images/upload", {
    query: {
      image_category: ImageCategory,
      is_intermediate: Schema.Boolean,
      board_id: Schema.optionalKey(Schema.String),
      session_id: Schema.optionalKey(Schema.String),
      crop_visible: Schema.optionalKey(Schema.Boolean)
    },
    payload: UploadImageBody.pipe(HttpApiSchema.asMultipartStream()),
    success: ImageDTO.pipe(HttpApiSchema.status(201))
  }).annotate(Transfer, true).annotate(Echoes, echoes("query.session_id", "session_id")),
  HttpApiEndpoint.get("list", "/api/v1/images/", {
    query: {
      ...filters,
      offset: Schema.optionalKey(Schema.Int),
      limit: Schema.optionalKey(Schema.Int)
    },
    success: ImagePage
  }),
  HttpApiEndpoint.get("names", "/api/v1/images/names", { query: filters, success: ImageNamesResult }),
  HttpApiEndpoint.post("byNames", "/api/v1/images/images_by_names", {
    payload: ImageNames,
    success: Schema.Array(ImageDTO)
  }).annotate(Idempotent, true).annotate(Echoes, echoes("payload.image_names", "image_name")),
  HttpApiEndpoint.get("intermediatesCount", "/api/v1/images/intermediates", { success: Schema.Int }),
  HttpApiEndpoint.delete("clearIntermediates", "/api/v1/images/intermediates", { success: Schema.Int }),
  HttpApiEndpoint.delete("deleteUncategorized", "/api/v1/images/uncategorized", { success: DeleteImagesResult }),
  HttpApiEndpoint.post("deleteMany", "/api/v1/images/delete", { payload: ImageNames, success: DeleteImagesResult })
    .annotate(
      Echoes,
      echoes("payload.image_names", "deleted_images", "failed_images")
    ),
  HttpApiEndpoint.post("star", "/api/v1/images/star", { payload: ImageNames, success: StarredImagesResult }).annotate(
    Echoes,
    echoes("payload.image_names", "starred_images", "failed_images")
  ),
  HttpApiEndpoint.post("unstar", "/api/v1/images/unstar", { payload: ImageNames, success: UnstarredImagesResult })
    .annotate(
      Echoes,
      echoes("payload.image_names", "unstarred_images", "failed_images")
    ),
  HttpApiEndpoint.post("startDownload", "/api/v1/images/download", {
    payload: Schema.Struct({
      image_names: nullish(Schema.Array(Schema.String)),
      board_id: nullish(Schema.String)
    }),
    success: ImagesDownloaded.pipe(HttpApiSchema.status(202))
  }),
  HttpApiEndpoint.get("download", "/api/v1/images/download/:bulk_download_item_name", {
    params: { bulk_download_item_name: PathSegment },
    success: HttpApiSchema.StreamUint8Array({ contentType: "application/zip" })
  }),
  HttpApiEndpoint.get("get", "/api/v1/images/i/:image_name", { params: image, success: ImageDTO }),
  HttpApiEndpoint.patch("update", "/api/v1/images/i/:image_name", {
    params: image,
    payload: ImageRecordChanges,
    success: ImageDTO
  }),
  HttpApiEndpoint.delete("delete", "/api/v1/images/i/:image_name", { params: image, success: DeleteImagesResult })
    .annotate(
      Echoes,
      echoes("params.image_name", "deleted_images", "failed_images")
    ),
  HttpApiEndpoint.get("metadata", "/api/v1/images/i/:image_name/metadata", {
    params: image,
    success: Schema.NullOr(JsonObject)
  }),
  HttpApiEndpoint.get("workflow", "/api/v1/images/i/:image_name/workflow", {
    params: image,
    success: WorkflowAndGraph
  }),
  HttpApiEndpoint.get("urls", "/api/v1/images/i/:image_name/urls", { params: image, success: ImageUrlsDTO }),
  HttpApiEndpoint.get("full", "/api/v1/images/i/:image_name/full", {
    params: image,
    success: HttpApiSchema.StreamUint8Array({ contentType: "image/png" })
  }).annotate(Echoes, echoes("params.image_name", "filename")),
  HttpApiEndpoint.head("fullHead", "/api/v1/images/i/:image_name/full", {
    params: image,
    success: HttpApiSchema.Empty(200)
  }),
  HttpApiEndpoint.get("thumbnail", "/api/v1/images/i/:image_name/thumbnail", {
    params: image,
    success: HttpApiSchema.StreamUint8Array({ contentType: "image/webp" })
  })
) {}
