/**
 * Routes of the workflow library.
 *
 * @since 0.1.0
 */
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as Schema from "effect/Schema"
import { Idempotent, Transfer } from "../internal/policy.ts"
import { oldestRelease, Since, since } from "./Since.ts"
import { JsonObject, JsonValue, nullish, openLiterals, PathSegment, ServerTimestamp, SQLiteDirection } from "./Wire.ts"

/**
 * The origin of a workflow: created by a user or shipped with the server. Servers up to 6.8 also have `project`.
 *
 * @since 0.1.0
 * @category schemas
 */
export const WorkflowCategory = openLiterals(["user", "default", "project"])

/**
 * Whose workflow it is.
 *
 * @since 0.1.0
 * @category models
 */
export type WorkflowCategory = typeof WorkflowCategory.Type

/**
 * Whether a workflow can be called from another one, and if not, why (6.14).
 *
 * @since 0.1.0
 * @category schemas
 */
export class WorkflowCallCompatibility extends Schema.Opaque<WorkflowCallCompatibility>()(
  Schema.Struct({
    is_callable: Schema.Boolean,
    reason: Schema.optionalKey(Schema.String),
    message: nullish(Schema.String)
  }).annotate({ identifier: "WorkflowCallCompatibility" })
) {}

const recordFields = {
  workflow_id: Schema.String,
  name: Schema.String,
  created_at: ServerTimestamp,
  updated_at: ServerTimestamp,
  opened_at: nullish(ServerTimestamp),
  user_id: nullish(Schema.String),
  is_public: nullish(Schema.Boolean)
} as const

const readFields = {
  thumbnail_url: nullish(Schema.String),
  call_saved_workflow_compatibility: nullish(WorkflowCallCompatibility)
} as const

/**
 * A workflow of the library with its content; `workflow` is the JSON document as the server keeps it.
 *
 * @since 0.1.0
 * @category schemas
 */
export class WorkflowRecord extends Schema.Opaque<WorkflowRecord>()(
  Schema.Struct({ ...recordFields, workflow: JsonObject }).annotate({
    identifier: "WorkflowRecord"
  })
) {}

/**
 * A workflow of the library with its content and its thumbnail, as it is read.
 *
 * @since 0.1.0
 * @category schemas
 */
export class WorkflowRecordWithThumbnail extends Schema.Opaque<WorkflowRecordWithThumbnail>()(
  Schema.Struct({
    ...recordFields,
    ...readFields,
    workflow: JsonObject
  }).annotate({ identifier: "WorkflowRecordWithThumbnail" })
) {}

/**
 * A workflow of the library in a listing, without nodes. `tags` is one string, separated by commas.
 *
 * @since 0.1.0
 * @category schemas
 */
export class WorkflowListItem extends Schema.Opaque<WorkflowListItem>()(
  Schema.Struct({
    ...recordFields,
    ...readFields,
    description: Schema.optionalKey(Schema.String),
    category: Schema.optionalKey(WorkflowCategory),
    tags: nullish(Schema.String)
  }).annotate({ identifier: "WorkflowListItem" })
) {}

/**
 * One page of the library; `page` counts from 0.
 *
 * @since 0.1.0
 * @category schemas
 */
export class WorkflowPage extends Schema.Opaque<WorkflowPage>()(
  Schema.Struct({
    page: Schema.Int,
    pages: Schema.Int,
    per_page: Schema.Int,
    total: Schema.Int,
    items: Schema.Array(WorkflowListItem)
  }).annotate({ identifier: "WorkflowPage" })
) {}

/**
 * What the library can be sorted by.
 *
 * @since 0.1.0
 * @category schemas
 */
export const WorkflowOrderBy = openLiterals(["created_at", "updated_at", "opened_at", "name", "is_public"])

/**
 * What the library can be sorted by.
 *
 * @since 0.1.0
 * @category models
 */
export type WorkflowOrderBy = typeof WorkflowOrderBy.Type

/**
 * The parts of a thumbnail upload: `image`.
 *
 * @since 0.1.0
 * @category schemas
 */
export const ThumbnailBody = Schema.Struct({ image: Schema.Unknown }).annotate({ identifier: "ThumbnailBody" })

const workflow = { workflow_id: PathSegment }
const Body = Schema.Struct({ workflow: JsonObject })
const Counts = Schema.Record(Schema.String, Schema.Int)

const ownership = {
  has_been_opened: Schema.optionalKey(Schema.Boolean),
  is_public: Schema.optionalKey(Schema.Boolean)
} as const

/**
 * `workflows/*`.
 *
 * **Gotchas**
 *
 * An update is directed by the `id` inside the workflow; the server ignores the id in the path.
 *
 * @since 0.1.0
 * @category groups
 */
export class WorkflowsApi extends HttpApiGroup.make("workflows").add(
  HttpApiEndpoint.get("list", "/api/v1/workflows/", {
    query: {
      page: Schema.optionalKey(Schema.Int),
      per_page: Schema.optionalKey(Schema.Int),
      order_by: Schema.optionalKey(WorkflowOrderBy),
      direction: Schema.optionalKey(SQLiteDirection),
      categories: Schema.optionalKey(Schema.Array(WorkflowCategory)),
      tags: Schema.optionalKey(Schema.Array(Schema.String)),
      query: Schema.optionalKey(Schema.String),
      callable: Schema.optionalKey(Schema.Boolean),
      ...ownership
    },
    success: WorkflowPage
  }).annotate(Since, since(oldestRelease, { "query.is_public": "6.13", "query.callable": "6.14" })),
  HttpApiEndpoint.post("create", "/api/v1/workflows/", { payload: Body, success: WorkflowRecord }),
  HttpApiEndpoint.get("countsByCategory", "/api/v1/workflows/counts_by_category", {
    query: { categories: Schema.Array(WorkflowCategory), ...ownership },
    success: Counts
  }).annotate(Since, since(oldestRelease, { "query.is_public": "6.13" })),
  HttpApiEndpoint.get("countsByTag", "/api/v1/workflows/counts_by_tag", {
    query: {
      tags: Schema.Array(Schema.String),
      categories: Schema.optionalKey(Schema.Array(WorkflowCategory)),
      ...ownership
    },
    success: Counts
  }).annotate(Since, since(oldestRelease, { "query.is_public": "6.13" })),
  HttpApiEndpoint.get("tags", "/api/v1/workflows/tags", {
    query: {
      categories: Schema.optionalKey(Schema.Array(WorkflowCategory)),
      is_public: Schema.optionalKey(Schema.Boolean)
    },
    success: Schema.Array(Schema.String)
  }).annotate(Since, since("6.10", { "query.is_public": "6.13" })),
  HttpApiEndpoint.get("get", "/api/v1/workflows/i/:workflow_id", {
    params: workflow,
    success: WorkflowRecordWithThumbnail
  }),
  HttpApiEndpoint.patch("update", "/api/v1/workflows/i/:workflow_id", {
    params: workflow,
    payload: Body,
    success: WorkflowRecord
  }),
  HttpApiEndpoint.delete("delete", "/api/v1/workflows/i/:workflow_id", { params: workflow, success: JsonValue }),
  HttpApiEndpoint.patch("setPublic", "/api/v1/workflows/i/:workflow_id/is_public", {
    params: workflow,
    payload: Schema.Struct({ is_public: Schema.Boolean }),
    success: WorkflowRecord
  }).annotate(Since, since("6.13")),
  HttpApiEndpoint.put("setOpened", "/api/v1/workflows/i/:workflow_id/opened_at", {
    params: workflow,
    success: JsonValue
  }).annotate(Idempotent, true),
  HttpApiEndpoint.get("thumbnail", "/api/v1/workflows/i/:workflow_id/thumbnail", {
    params: workflow,
    success: HttpApiSchema.StreamUint8Array({ contentType: "image/png" })
  }),
  HttpApiEndpoint.put("setThumbnail", "/api/v1/workflows/i/:workflow_id/thumbnail", {
    params: workflow,
    payload: ThumbnailBody.pipe(HttpApiSchema.asMultipartStream()),
    success: JsonValue
  }).annotate(Transfer, true),
  HttpApiEndpoint.delete("deleteThumbnail", "/api/v1/workflows/i/:workflow_id/thumbnail", {
    params: workflow,
    success: JsonValue
  })
) {}
