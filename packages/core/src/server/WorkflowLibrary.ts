/**
 * The workflow library of the server.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as Stream from "effect/Stream"
import * as JsonText from "../internal/jsonText.ts"
import * as TemporaryFile from "../internal/TemporaryFile.ts"
import { JsonObject, type SQLiteDirection } from "./api/Wire.ts"
import type {
  WorkflowCategory,
  WorkflowListItem,
  WorkflowOrderBy,
  WorkflowPage,
  WorkflowRecord,
  WorkflowRecordWithThumbnail
} from "./api/WorkflowsApi.ts"
import { deletion, optional, orNotFound } from "./internal/missing.ts"
import { defined } from "./internal/paging.ts"
import { form, imageType } from "./internal/upload.ts"
import { InvokeAiClient } from "./InvokeAiClient.ts"
import type { InvokeAiError } from "./InvokeAiError.ts"
import type { UploadData } from "./UploadData.ts"

/**
 * Which workflows a listing has, and in which order.
 *
 * **Gotchas**
 *
 * The server looks for tags as parts of text: the tag `a` fits every workflow with an `a` in its tags.
 *
 * @since 0.1.0
 * @category models
 */
export interface WorkflowFilter {
  readonly query?: string | undefined
  readonly categories?: ReadonlyArray<WorkflowCategory> | undefined
  readonly tags?: ReadonlyArray<string> | undefined
  readonly hasBeenOpened?: boolean | undefined
  readonly isPublic?: boolean | undefined
  readonly callable?: boolean | undefined
  readonly orderBy?: WorkflowOrderBy | undefined
  readonly direction?: SQLiteDirection | undefined
}

/**
 * The workflow library of the server.
 *
 * **Details**
 *
 * Routes are below `/api/v1/workflows/`. Workflows are JSON documents as the official UI writes them; the server keeps the
 * fields it knows and drops others.
 *
 * - `list`: all that match, read page by page. `page` is one page: `GET ` with `page` (from 0) and `per_page`.
 * - `get`: `GET i/{workflow_id}`. `find` gives `None` for a missing one.
 * - `create`: `POST `. `update`: `PATCH i/{workflow_id}`; the id is written into the document, where the server looks for it.
 * - `delete`: `DELETE i/{workflow_id}`. A missing workflow is a `NotFound` on every version.
 * - `setPublic`: `PATCH i/{workflow_id}/is_public` (6.13). `setOpened`: `PUT i/{workflow_id}/opened_at`.
 * - `thumbnail`, `setThumbnail`, `deleteThumbnail`: `GET`, `PUT`, `DELETE i/{workflow_id}/thumbnail`. A workflow without a
 *   thumbnail answers 500.
 * - `countsByCategory`, `countsByTag`, `tags` (6.13): the `GET` routes of these names.
 * - `uploadFile`, `downloadFile`: from and to a JSON file, which appears whole or not at all and replaces what was there.
 *
 * @since 0.1.0
 * @category services
 */
export class WorkflowLibrary extends Context.Service<WorkflowLibrary, {
  readonly list: (
    filter?: WorkflowFilter & { readonly pageSize?: number | undefined }
  ) => Stream.Stream<WorkflowListItem, InvokeAiError>
  readonly page: (
    filter: WorkflowFilter & { readonly page: number; readonly perPage: number }
  ) => Effect.Effect<WorkflowPage, InvokeAiError>
  readonly get: (workflowId: string) => Effect.Effect<WorkflowRecordWithThumbnail, InvokeAiError>
  readonly find: (workflowId: string) => Effect.Effect<Option.Option<WorkflowRecordWithThumbnail>, InvokeAiError>
  readonly create: (workflow: JsonObject) => Effect.Effect<WorkflowRecord, InvokeAiError>
  readonly update: (workflowId: string, workflow: JsonObject) => Effect.Effect<WorkflowRecord, InvokeAiError>
  readonly delete: (workflowId: string) => Effect.Effect<void, InvokeAiError>
  readonly setPublic: (workflowId: string, isPublic: boolean) => Effect.Effect<WorkflowRecord, InvokeAiError>
  readonly setOpened: (workflowId: string) => Effect.Effect<void, InvokeAiError>
  readonly thumbnail: (workflowId: string) => Stream.Stream<Uint8Array, InvokeAiError>
  readonly setThumbnail: (
    workflowId: string,
    image: { readonly data: UploadData; readonly fileName?: string | undefined }
  ) => Effect.Effect<void, InvokeAiError>
  readonly deleteThumbnail: (workflowId: string) => Effect.Effect<void, InvokeAiError>
  readonly countsByCategory: (
    categories: ReadonlyArray<WorkflowCategory>
  ) => Effect.Effect<Readonly<Record<string, number>>, InvokeAiError>
  readonly countsByTag: (
    tags: ReadonlyArray<string>,
    options?: { readonly categories?: ReadonlyArray<WorkflowCategory> | undefined }
  ) => Effect.Effect<Readonly<Record<string, number>>, InvokeAiError>
  readonly tags: (
    options?: { readonly categories?: ReadonlyArray<WorkflowCategory> | undefined }
  ) => Effect.Effect<ReadonlyArray<string>, InvokeAiError>
  readonly uploadFile: (
    path: string
  ) => Effect.Effect<
    WorkflowRecord,
    InvokeAiError | PlatformError.PlatformError | Schema.SchemaError,
    FileSystem.FileSystem
  >
  readonly downloadFile: (
    workflowId: string,
    path: string
  ) => Effect.Effect<void, InvokeAiError | PlatformError.PlatformError, FileSystem.FileSystem | Path.Path>
}>()("@effect-invokeai/core/server/WorkflowLibrary") {
  /** The workflow library of the client's server. */
  static readonly layer: Layer.Layer<WorkflowLibrary, never, InvokeAiClient> = Layer.effect(
    WorkflowLibrary,
    Effect.suspend(() => Effect.map(InvokeAiClient, make))
  )
}

const decodeBytes = Schema.decodeEffect(
  Schema.Uint8Array.pipe(
    Schema.decodeTo(
      Schema.Unknown,
      SchemaTransformation.transformEffect<unknown, Uint8Array>({
        decode: (bytes) =>
          Effect.mapError(
            Effect.fromResult(JsonText.parseBytes(bytes)),
            ({ reason }) => new SchemaIssue.InvalidValue({ message: reason })
          ),
        encode: (json) => Effect.succeed(new TextEncoder().encode(JSON.stringify(json)))
      })
    )
  )
)

const decodeFile = (bytes: Uint8Array): Effect.Effect<JsonObject, Schema.SchemaError> =>
  Effect.flatMap(decodeBytes(bytes), Schema.decodeUnknownEffect(JsonObject))

const make = (client: InvokeAiClient["Service"]): WorkflowLibrary["Service"] => {
  const { bytes, call } = client

  const page: WorkflowLibrary["Service"]["page"] = Effect.fn("WorkflowLibrary.page")((filter) =>
    call((api) =>
      api.workflows.list({
        query: {
          page: filter.page,
          per_page: filter.perPage,
          ...defined({
            query: filter.query,
            categories: filter.categories,
            tags: filter.tags,
            has_been_opened: filter.hasBeenOpened,
            is_public: filter.isPublic,
            callable: filter.callable,
            order_by: filter.orderBy,
            direction: filter.direction
          })
        }
      })
    )
  )
  const get = Effect.fn("WorkflowLibrary.get")((workflow_id: string) =>
    call((api) => api.workflows.get({ params: { workflow_id } }))
  )
  const find = Effect.fn("WorkflowLibrary.find")((workflowId: string) => optional(get(workflowId)))
  const create = Effect.fn("WorkflowLibrary.create")((workflow: JsonObject) =>
    call((api) => api.workflows.create({ payload: { workflow } }))
  )

  return WorkflowLibrary.of({
    list: (filter) => {
      const perPage = Math.max(1, filter?.pageSize ?? 100)
      return Stream.paginate(
        0,
        (number) =>
          Effect.map(
            page({ ...filter, page: number, perPage }),
            ({ items, pages }) =>
              [items, items.length > 0 && number + 1 < pages ? Option.some(number + 1) : Option.none<number>()] as const
          )
      ).pipe(Stream.withSpan("WorkflowLibrary.list"))
    },
    page,
    get,
    find,
    create,
    update: Effect.fn("WorkflowLibrary.update")((workflow_id, workflow) =>
      call((api) =>
        api.workflows.update({
          params: { workflow_id },
          payload: { workflow: Object.assign({}, workflow, { id: workflow_id }) }
        })
      )
    ),
    delete: Effect.fn("WorkflowLibrary.delete")((workflow_id) =>
      deletion(
        client,
        orNotFound(
          Effect.asVoid(call((api) => api.workflows.delete({ params: { workflow_id } }))),
          find(workflow_id),
          // before 6.14 a missing workflow is a 500, which a failed deletion is as well
          (error) => error.status === 500
        )
      )
    ),
    setPublic: Effect.fn("WorkflowLibrary.setPublic")((workflow_id, is_public) =>
      call((api) => api.workflows.setPublic({ params: { workflow_id }, payload: { is_public } }))
    ),
    setOpened: Effect.fn("WorkflowLibrary.setOpened")((workflow_id) =>
      Effect.asVoid(call((api) => api.workflows.setOpened({ params: { workflow_id } })))
    ),
    thumbnail: (workflow_id) =>
      bytes((api) => api.workflows.thumbnail({ params: { workflow_id }, responseMode: "response-only" }), {
        contentType: ["image/"]
      }).pipe(Stream.withSpan("WorkflowLibrary.thumbnail")),
    setThumbnail: Effect.fn("WorkflowLibrary.setThumbnail")((workflow_id, image) => {
      const fileName = image.fileName ?? "thumbnail.png"
      return Effect.asVoid(call((api) =>
        api.workflows.setThumbnail({
          params: { workflow_id },
          payload: form({
            field: "image",
            data: image.data,
            fileName,
            contentType: imageType(fileName, image.data)
          })
        })
      ))
    }),
    deleteThumbnail: Effect.fn("WorkflowLibrary.deleteThumbnail")((workflow_id) =>
      Effect.asVoid(call((api) => api.workflows.deleteThumbnail({ params: { workflow_id } })))
    ),
    countsByCategory: Effect.fn("WorkflowLibrary.countsByCategory")((categories) =>
      call((api) => api.workflows.countsByCategory({ query: { categories } }))
    ),
    countsByTag: Effect.fn("WorkflowLibrary.countsByTag")((tags, options) =>
      call((api) => api.workflows.countsByTag({ query: { tags, ...defined({ categories: options?.categories }) } }))
    ),
    tags: Effect.fn("WorkflowLibrary.tags")((options) =>
      call((api) => api.workflows.tags({ query: defined({ categories: options?.categories }) }))
    ),
    uploadFile: Effect.fn("WorkflowLibrary.uploadFile")(function*(path) {
      const fs = yield* FileSystem.FileSystem
      return yield* create(yield* decodeFile(yield* fs.readFile(path)))
    }),
    downloadFile: Effect.fn("WorkflowLibrary.downloadFile")(function*(workflowId, path) {
      const record = yield* get(workflowId)
      yield* TemporaryFile.replaceText(path, `${JSON.stringify(record.workflow, null, 2)}\n`)
    })
  })
}
