/** The routes of the workflow library. */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Raster from "../../Raster.ts"
import type { ValidationIssue } from "../fieldValidation.ts"
import * as ImageReading from "../imageReading.ts"
import { categoryOf, isCallable, type StoredWorkflow } from "../libraryStore.ts"
import {
  bodyField,
  bodyRecord,
  type EndpointContext,
  form,
  formFile,
  orReject,
  reply,
  route,
  type RouteContext
} from "../routeSupport.ts"
import type { Implementations } from "../simulatorApi.ts"
import { bytes, type HttpFailure, internalError, invalid, json, refusal } from "../SimulatorHttp.ts"
import * as Webp from "../webp.ts"
import { isOwn } from "./permissions.ts"

const requiredTexts = ["name", "author", "description", "version", "contact", "tags", "notes"]

const mayRead = (context: RouteContext, record: StoredWorkflow): boolean =>
  isOwn(context, record.userId) || record.isPublic || categoryOf(record) === "default"

const find = Effect.fnUntraced(function*(
  context: EndpointContext<{ readonly workflow_id: string }>
): Effect.fn.Return<StoredWorkflow, HttpFailure> {
  const record = yield* orReject(
    context.world.library.workflows.get(context.params.workflow_id),
    () => refusal(404, "Workflow not found")
  )
  if (!mayRead(context, record)) return yield* refusal(403, "Not authorized to access this workflow")
  return record
})

/** The workflow in the body, with the fields that the server keeps. */
const workflowIn = Effect.fnUntraced(function*(
  context: RouteContext,
  needsId: boolean
): Effect.fn.Return<Readonly<Record<string, unknown>>, HttpFailure> {
  const workflow = yield* bodyField(yield* bodyRecord(context), "workflow")
  const at = ["body", "workflow"]
  if (!Predicate.isObject(workflow)) {
    return yield* invalid([{
      type: "model_attributes_type",
      loc: at,
      msg: "Input should be a valid dictionary or object to extract fields from",
      input: workflow
    }])
  }
  const issues: Array<ValidationIssue> = []
  for (const name of requiredTexts) {
    if (!Object.hasOwn(workflow, name)) {
      issues.push({ type: "missing", loc: [...at, name], msg: "Field required", input: workflow })
    } else if (typeof workflow[name] !== "string") {
      issues.push({
        type: "string_type",
        loc: [...at, name],
        msg: "Input should be a valid string",
        input: workflow[name]
      })
    }
  }
  for (const name of ["exposedFields", "meta", "nodes", "edges", ...(needsId ? ["id"] : [])]) {
    if (!Object.hasOwn(workflow, name)) {
      issues.push({ type: "missing", loc: [...at, name], msg: "Field required", input: workflow })
    }
  }
  const meta = workflow["meta"]
  const version = Predicate.isObject(meta) ? meta["version"] : undefined
  if (Predicate.isObject(meta) && (typeof version !== "string" || !/^\d+\.\d+\.\d+/.test(version))) {
    issues.push({
      type: "value_error",
      loc: [...at, "meta", "version"],
      msg: `Value error, Invalid workflow meta version: ${String(version)}`,
      input: version,
      ctx: { error: {} }
    })
  }
  if (issues.length > 0) return yield* invalid(issues)
  const kept = [...requiredTexts, "exposedFields", "meta", "nodes", "edges", "form", ...(needsId ? ["id"] : [])]
  const published = context.world.profile.minor < 9 ? { is_published: null } : {}
  return {
    form: null,
    ...published,
    ...Object.fromEntries(kept.flatMap((name) => name in workflow ? [[name, workflow[name]]] : []))
  }
})

const emitChange = (
  context: RouteContext,
  name: string,
  record: StoredWorkflow,
  extra: Readonly<Record<string, unknown>>
): void => {
  if (context.world.profile.minor < 14) return
  context.world.emit(
    name,
    context.now,
    { workflow_id: record.id, user_id: record.userId, ...extra },
    { _tag: "Everybody" }
  )
}

const tagsOf = (record: StoredWorkflow): string =>
  typeof record.workflow["tags"] === "string" ? record.workflow["tags"] : ""

const nameOf = (record: StoredWorkflow): string =>
  typeof record.workflow["name"] === "string" ? record.workflow["name"] : ""

const descriptionOf = (record: StoredWorkflow): string =>
  typeof record.workflow["description"] === "string" ? record.workflow["description"] : ""

const matching = (
  context: RouteContext,
  categories: ReadonlyArray<string> | undefined,
  tags: ReadonlyArray<string> | undefined
): ReadonlyArray<StoredWorkflow> =>
  [...context.world.library.workflows.values()].filter((record) =>
    mayRead(context, record) &&
    (categories === undefined || categories.includes(categoryOf(record))) &&
    (tags === undefined || tags.some((tag) => tagsOf(record).toLowerCase().includes(tag.trim().toLowerCase())))
  )

const list: Implementations<"workflows">["list"] = route(function*(context) {
  const { library, profile } = context.world
  const {
    categories,
    direction,
    has_been_opened: opened,
    is_public: isPublic,
    order_by: orderBy,
    page = 0,
    per_page: perPage,
    tags
  } = context.query
  const query = context.query.query?.trim().toLowerCase()
  const key = (record: StoredWorkflow): string | number => {
    switch (orderBy) {
      case "created_at":
        return record.createdAt
      case "is_public":
        return record.isPublic ? 1 : 0
      case "updated_at":
        return record.updatedAt
      case "opened_at":
        return record.openedAt ?? 0
      default:
        return nameOf(record).toLowerCase()
    }
  }
  const sign = direction === "DESC" ? -1 : 1
  const callable = profile.minor >= 14 ? context.query.callable : undefined
  const records = [...matching(context, categories, tags)].filter((record) =>
    (opened === undefined || (record.openedAt !== null) === opened) &&
    (isPublic === undefined || record.isPublic === isPublic) &&
    (callable === undefined || isCallable(record) === callable) &&
    (query === undefined ||
      [nameOf(record), tagsOf(record), descriptionOf(record)].some((text) => text.toLowerCase().includes(query)))
  ).toSorted((left, right) => {
    const before = key(left)
    const after = key(right)
    return before === after ? 0 : (before < after ? -1 : 1) * sign
  })
  const size = perPage ?? records.length
  const items = perPage === undefined ? records : records.slice(page * size, (page + 1) * size)
  return json({
    page,
    pages: perPage === undefined ? 1 : Math.ceil(records.length / Math.max(1, size)),
    per_page: size,
    total: records.length,
    items: items.map((record) => library.toListItem(record))
  })
})

/** `workflows/*`. */
export const workflows: Implementations<"workflows"> = {
  list,
  create: route(function*(context) {
    const { library, random, settings } = context.world
    const workflow = yield* workflowIn(context, false)
    if (Predicate.isObject(workflow["meta"]) && workflow["meta"]["category"] === "default") {
      return yield* internalError
    }
    const record = library.add({
      id: random.uuid(),
      userId: context.user.userId,
      workflow,
      isPublic: !settings.multiUser
    }, context.now)
    emitChange(context, "workflow_created", record, { is_public: record.isPublic })
    return json(library.toRecord(record))
  }, { rawBody: true }),
  countsByCategory: reply((context) =>
    Object.fromEntries(
      context.query.categories.map((category) => [category, matching(context, [category], undefined).length])
    )
  ),
  countsByTag: reply((context) => {
    const { categories, tags } = context.query
    return Object.fromEntries(tags.map((tag) => [tag, matching(context, categories, [tag]).length]))
  }),
  tags: reply((context) => {
    const tags = matching(context, context.query.categories, undefined)
      .flatMap((record) => tagsOf(record).split(",").map((tag) => tag.trim()))
    return [...new Set(tags.filter((tag) => tag !== ""))].toSorted()
  }),
  get: route(function*(context) {
    return json(context.world.library.toDetail(yield* find(context)))
  }),
  update: route(function*(context) {
    const { library, settings } = context.world
    const workflow = yield* workflowIn(context, true)
    const record = yield* orReject(
      library.workflows.get(String(workflow["id"])),
      () => refusal(404, "Workflow not found")
    )
    if (settings.multiUser && !context.user.isAdmin && record.userId !== context.user.userId) {
      return yield* refusal(403, "Not authorized to update this workflow")
    }
    record.workflow = workflow
    record.updatedAt = context.now
    emitChange(context, "workflow_updated", record, {
      old_is_public: record.isPublic,
      new_is_public: record.isPublic
    })
    return json(library.toRecord(record))
  }, { rawBody: true }),
  delete: route(function*(context) {
    const { library, profile } = context.world
    const record = library.workflows.get(context.params.workflow_id)
    if (record === undefined) {
      return yield* profile.minor >= 14 ? refusal(404, "Workflow not found") : internalError
    }
    if (categoryOf(record) === "default") return yield* internalError
    if (context.world.settings.multiUser && !context.user.isAdmin && record.userId !== context.user.userId) {
      return yield* refusal(403, "Not authorized to delete this workflow")
    }
    library.workflows.delete(record.id)
    emitChange(context, "workflow_deleted", record, { is_public: record.isPublic })
    return json(null)
  }),
  setPublic: route(function*(context) {
    const record = yield* find(context)
    const { is_public: isPublic } = context.payload
    const before = record.isPublic
    record.isPublic = isPublic
    const tags = tagsOf(record).split(",").map((tag) => tag.trim()).filter((tag) => tag !== "" && tag !== "shared")
    record.workflow = {
      ...record.workflow,
      tags: [...tags, ...(record.isPublic ? ["shared"] : [])].join(", ")
    }
    record.updatedAt = context.now
    emitChange(context, "workflow_updated", record, { old_is_public: before, new_is_public: record.isPublic })
    return json(context.world.library.toRecord(record))
  }),
  setOpened: route(function*(context) {
    const record = yield* find(context)
    record.openedAt = context.now
    return json(null)
  }),
  thumbnail: route(function*(context) {
    const id = context.params.workflow_id
    const thumbnail = context.world.library.workflows.get(id)?.thumbnail
    if (thumbnail === undefined) return yield* internalError
    return bytes(thumbnail, {
      "content-type": "image/png",
      "content-disposition": `inline; filename="${id}.png"`,
      "cache-control": "max-age=31536000"
    })
  }, { isPublic: true }),
  setThumbnail: route(function*(context) {
    const record = yield* find(context)
    const file = yield* formFile(yield* form(context), "image")
    if (!file.type.startsWith("image/")) return yield* refusal(415, "Not an image")
    const reading = ImageReading.read(file.bytes)
    if (reading._tag !== "Decoded") return yield* refusal(415, "Failed to read image")
    const { raster } = reading
    const scale = Math.min(1, 256 / Math.max(raster.width, raster.height))
    record.thumbnail = Webp.encode(
      Raster.resize(
        raster,
        Math.max(1, Math.round(raster.width * scale)),
        Math.max(1, Math.round(raster.height * scale))
      )
    )
    record.thumbnailVersion = context.world.random.uuid()
    return json(null)
  }),
  deleteThumbnail: route(function*(context) {
    const record = yield* find(context)
    record.thumbnail = undefined
    return json(null)
  })
}
