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
import type { InvokeAiError } from "../InvokeAiError.ts"
import { JsonObject, type SQLiteDirection } from "./api/Wire.ts"
import type {
  WorkflowCategory,
  WorkflowListItem,
  WorkflowOrderBy,
  WorkflowPage,
  WorkflowRecord,
  WorkflowRecordWithThumbnail
} from "./api/WorkflowsApi.ts"
import { deletion, optional, orNotFound } from "./internal/notFound.ts"
import { defined } from "./internal/paging.ts"
import { form, imageType } from "./internal/upload.ts"
import { InvokeAiClient } from "./InvokeAiClient.ts"
import type { UploadData } from "./UploadData.ts"

/**
 * Which workflows a listing has, and in which order.
 *
 * **Gotchas**
 *
 * The server matches tags as substrings: the tag `a` matches every workflow with an `a` in its tags.
 *
 * @since 0.1.0
 * @category models
 */
export interface WorkflowFilter {
  /** Only workflows that contain these characters in the fields that the server searches. */
  readonly query?: string | undefined
  /** Only workflows of these categories. */
  readonly categories?: ReadonlyArray<WorkflowCategory> | undefined
  /** Only workflows with one of these tags. */
  readonly tags?: ReadonlyArray<string> | undefined
  /** Only workflows that have been opened (true) or never (false). */
  readonly hasBeenOpened?: boolean | undefined
  /** Only workflows that are shared with all users (true) or not (false). InvokeAI 6.13 or later. */
  readonly isPublic?: boolean | undefined
  /** Only workflows that another workflow can call (true) or cannot (false). InvokeAI 6.14 or later. */
  readonly callable?: boolean | undefined
  /** What to order by. */
  readonly orderBy?: WorkflowOrderBy | undefined
  /** Direction of the order. */
  readonly direction?: SQLiteDirection | undefined
}

/**
 * The workflow library of the server.
 *
 * **Details**
 *
 * Routes are below `/api/v1/workflows/`. Workflows are JSON documents as the InvokeAI UI writes them; the server keeps
 * the fields it knows and drops others.
 *
 * @example
 * ```ts
 * import { WorkflowLibrary } from "@effect-invokeai/core/server/WorkflowLibrary"
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 *
 * const names = Effect.gen(function*() {
 *   const library = yield* WorkflowLibrary
 *   return yield* library.list({ categories: ["user"] }).pipe(
 *     Stream.map((workflow) => workflow.name),
 *     Stream.runCollect
 *   )
 * })
 * ```
 *
 * **Example** (Save, change and delete a workflow)
 *
 * ```ts
 * import { WorkflowLibrary } from "@effect-invokeai/core/server/WorkflowLibrary"
 * import * as Effect from "effect/Effect"
 * import * as Option from "effect/Option"
 * import * as Stream from "effect/Stream"
 *
 * export const copyToLibrary = (file: string, thumbnail: Uint8Array) =>
 *   Effect.gen(function*() {
 *     const library = yield* WorkflowLibrary
 *     const { workflow_id } = yield* library.uploadFile(file)
 *     yield* library.setThumbnail(workflow_id, { data: thumbnail })
 *     const { workflow } = yield* library.get(workflow_id)
 *     yield* library.update(workflow_id, { ...workflow, name: "Poster", tags: "poster" })
 *     yield* library.setPublic(workflow_id, true)
 *     yield* library.setOpened(workflow_id)
 *     yield* library.downloadFile(workflow_id, "poster.json")
 *     const copy = yield* library.create({ ...workflow, name: "Poster (copy)" })
 *     return [workflow_id, copy.workflow_id]
 *   })
 *
 * export const countThumbnailBytes = Effect.gen(function*() {
 *   const library = yield* WorkflowLibrary
 *   const { items } = yield* library.page({ query: "Poster", tags: ["poster"], page: 0, perPage: 1 })
 *   return yield* Effect.forEach(
 *     items,
 *     ({ workflow_id }) => Stream.runFold(library.thumbnail(workflow_id), () => 0, (size, bytes) => size + bytes.length)
 *   )
 * })
 *
 * export const deletePosters = Effect.gen(function*() {
 *   const library = yield* WorkflowLibrary
 *   const posters = yield* Stream.runCollect(library.list({ query: "Poster", categories: ["user"] }))
 *   for (const { thumbnail_url, workflow_id } of posters) {
 *     if (typeof thumbnail_url === "string") yield* library.deleteThumbnail(workflow_id)
 *     if (Option.isSome(yield* library.find(workflow_id))) yield* library.delete(workflow_id)
 *   }
 * })
 * ```
 *
 * **Example** (Count workflows)
 *
 * ```ts
 * import { WorkflowLibrary } from "@effect-invokeai/core/server/WorkflowLibrary"
 * import * as Effect from "effect/Effect"
 *
 * export const counts = Effect.gen(function*() {
 *   const library = yield* WorkflowLibrary
 *   const { user } = yield* library.countsByCategory(["user"])
 *   const tags = yield* library.tags({ categories: ["user"] })
 *   return { user, byTag: yield* library.countsByTag(tags) }
 * })
 * ```
 *
 * @since 0.1.0
 * @category services
 */
export class WorkflowLibrary extends Context.Service<WorkflowLibrary, {
  /**
   * Streams all workflows that match, and reads the pages as the stream is consumed.
   *
   * **Details** `pageSize` is the number of workflows per request (default 100). Route: `GET `.
   */
  readonly list: (
    filter?: WorkflowFilter & { readonly pageSize?: number | undefined }
  ) => Stream.Stream<WorkflowListItem, InvokeAiError>
  /**
   * Reads one page of the workflows that match.
   *
   * **Details** `page` counts from 0; `perPage` is the number of workflows on a page. Route: `GET `.
   */
  readonly page: (
    filter: WorkflowFilter & { readonly page: number; readonly perPage: number }
  ) => Effect.Effect<WorkflowPage, InvokeAiError>
  /**
   * Reads a workflow with its document.
   *
   * **Details** Route: `GET i/{workflow_id}`.
   *
   * **Errors** `InvokeAiError` with the reason `NotFound` if there is no such workflow.
   */
  readonly get: (workflowId: string) => Effect.Effect<WorkflowRecordWithThumbnail, InvokeAiError>
  /** Reads a workflow with its document; `None` if there is no such workflow. Route: `GET i/{workflow_id}`. */
  readonly find: (workflowId: string) => Effect.Effect<Option.Option<WorkflowRecordWithThumbnail>, InvokeAiError>
  /**
   * Saves a new workflow and returns its record.
   *
   * **Details** `workflow` is a JSON document as the InvokeAI UI writes it. Route: `POST `.
   */
  readonly create: (workflow: JsonObject) => Effect.Effect<WorkflowRecord, InvokeAiError>
  /**
   * Replaces the document of a workflow and returns its record.
   *
   * **Details** Writes the id into the document, where the server looks for it. Route: `PATCH i/{workflow_id}`.
   */
  readonly update: (workflowId: string, workflow: JsonObject) => Effect.Effect<WorkflowRecord, InvokeAiError>
  /**
   * Deletes a workflow.
   *
   * **Details** Route: `DELETE i/{workflow_id}`. Repeated after transient failures.
   *
   * **Errors** `InvokeAiError` with the reason `NotFound` if there is no such workflow, on every server version.
   */
  readonly delete: (workflowId: string) => Effect.Effect<void, InvokeAiError>
  /**
   * Shares a workflow with all users, or stops sharing it. Route: `PATCH i/{workflow_id}/is_public` (InvokeAI 6.13 or
   * later).
   */
  readonly setPublic: (workflowId: string, isPublic: boolean) => Effect.Effect<WorkflowRecord, InvokeAiError>
  /** Records that a workflow was opened now. Route: `PUT i/{workflow_id}/opened_at`. */
  readonly setOpened: (workflowId: string) => Effect.Effect<void, InvokeAiError>
  /**
   * Streams the thumbnail of a workflow.
   *
   * **Details** Route: `GET i/{workflow_id}/thumbnail`.
   *
   * **Gotchas** For a workflow without a thumbnail the server responds 500, which is the reason `Server`.
   */
  readonly thumbnail: (workflowId: string) => Stream.Stream<Uint8Array, InvokeAiError>
  /**
   * Uploads the thumbnail of a workflow, in place of the previous one. The file name is `"thumbnail.png"` if not
   * given. Route: `PUT i/{workflow_id}/thumbnail`.
   */
  readonly setThumbnail: (
    workflowId: string,
    image: { readonly data: UploadData; readonly fileName?: string | undefined }
  ) => Effect.Effect<void, InvokeAiError>
  /** Deletes the thumbnail of a workflow. Route: `DELETE i/{workflow_id}/thumbnail`. */
  readonly deleteThumbnail: (workflowId: string) => Effect.Effect<void, InvokeAiError>
  /** Counts workflows by category. Route: `GET counts_by_category`. */
  readonly countsByCategory: (
    categories: ReadonlyArray<WorkflowCategory>
  ) => Effect.Effect<Readonly<Record<string, number>>, InvokeAiError>
  /** Counts workflows by tag, within `categories` if provided. Route: `GET counts_by_tag`. */
  readonly countsByTag: (
    tags: ReadonlyArray<string>,
    options?: { readonly categories?: ReadonlyArray<WorkflowCategory> | undefined }
  ) => Effect.Effect<Readonly<Record<string, number>>, InvokeAiError>
  /** Reads the tags of workflows, within `categories` if provided. Route: `GET tags` (InvokeAI 6.10 or later). */
  readonly tags: (
    options?: { readonly categories?: ReadonlyArray<WorkflowCategory> | undefined }
  ) => Effect.Effect<ReadonlyArray<string>, InvokeAiError>
  /**
   * Saves the workflow of a local JSON file and returns its record.
   *
   * **Errors**
   * - `PlatformError`: the file cannot be read; nothing was sent.
   * - `SchemaError`: the file is not a JSON object; nothing was sent.
   * - `InvokeAiError`: the server could not be reached or rejected the workflow.
   */
  readonly uploadFile: (
    path: string
  ) => Effect.Effect<
    WorkflowRecord,
    InvokeAiError | PlatformError.PlatformError | Schema.SchemaError,
    FileSystem.FileSystem
  >
  /**
   * Writes a workflow to a local JSON file.
   *
   * **Details** Replaces the file at `path` atomically.
   *
   * **Errors**
   * - `InvokeAiError`: the workflow could not be read; no file was written.
   * - `PlatformError`: the file cannot be written.
   */
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
