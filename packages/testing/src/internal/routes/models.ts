/** The routes of model records. */
import * as Effect from "effect/Effect"
import type { SimulatorModel } from "../../SimulatorModels.ts"
import * as SimulatorModels from "../../SimulatorModels.ts"
import {
  bodyRecord,
  flag,
  many,
  optional,
  orRefuse,
  pathNumber,
  reply,
  required,
  type Route,
  route,
  type RouteContext
} from "../routeSupport.ts"
import { type HttpFailure, internalError, json, refusal, type SimulatorResponse } from "../SimulatorHttp.ts"

const prefix = "/api/v2/models"

const find = (context: RouteContext): Effect.Effect<SimulatorModel, HttpFailure> =>
  orRefuse(context.world.models.get(context.params["key"] ?? ""), () => refusal(404, "model not found"))

const list = (context: RouteContext): ReadonlyArray<SimulatorModel> => {
  const bases = many(context, "base_models")
  const type = optional(context, "model_type")
  const name = optional(context, "model_name")
  const format = optional(context, "model_format")
  return [...context.world.models.values()].filter((model) =>
    (bases === undefined || bases.includes(model.base)) &&
    (type === undefined || model.type === type) &&
    (name === undefined || model.name === name) &&
    (format === undefined || model["format"] === format)
  ).toSorted((left, right) => {
    const before = `${left.type}\n${left.base}\n${left.name}`
    const after = `${right.type}\n${right.base}\n${right.name}`
    return before < after ? -1 : before > after ? 1 : 0
  })
}

/** Servers whose gzip middleware loses an empty answer say 500 although they did what was asked. */
const noContent = (context: RouteContext): Effect.Effect<SimulatorResponse, HttpFailure> =>
  context.world.profile.minor >= 14 && (context.request.headers["accept-encoding"] ?? "").includes("gzip")
    ? Effect.fail(internalError)
    : Effect.succeed({ status: 204, headers: {}, body: new Uint8Array() })

const emptyConfig = {
  name: null,
  path: null,
  description: null,
  base: null,
  type: null,
  key: null,
  hash: null,
  file_size: null,
  format: null,
  trigger_phrases: null,
  default_settings: null,
  provider_id: null,
  provider_model_id: null,
  capabilities: null,
  cpu_only: null,
  variant: null,
  prediction_type: null,
  upcast_attention: null,
  config_path: null
}

const install = Effect.fnUntraced(function*(context: RouteContext) {
  const { now, world } = context
  const source = yield* required(context, "source")
  const inplace = (yield* flag(context, "inplace")) === true
  const template = world.modelSources.get(source)
  if (template === undefined) return yield* refusal(409, `Unsupported model source: '${source}'`)
  const id = world.installJobs.length
  const reference = /^https?:/.test(source)
    ? { url: source, type: "url" }
    : { path: source, inplace, type: "local" }
  const model = SimulatorModels.make({ ...template, key: world.random.uuid(), path: source, source })
  const job: Record<string, unknown> = {
    id,
    status: "running",
    error_reason: null,
    config_in: { source, source_type: "path", source_api_response: null, source_url: null, ...emptyConfig },
    config_out: null,
    inplace,
    source: reference,
    local_path: source,
    bytes: Number(model["file_size"]),
    total_bytes: Number(model["file_size"]),
    source_metadata: null,
    download_parts: [],
    error: null,
    error_traceback: null
  }
  const answer = json(job, 201)
  world.installJobs.push(job)
  world.emit("model_install_started", now, { id, source: reference }, { _tag: "Everybody" })
  world.models.set(model.key, model)
  job["status"] = "completed"
  job["config_out"] = model
  world.emit("model_install_complete", now, {
    id,
    source: reference,
    key: model.key,
    total_bytes: model["file_size"],
    ...(world.profile.minor >= 13 ? { config: model } : {})
  }, { _tag: "Everybody" })
  return answer
})

const jobOf = Effect.fnUntraced(function*(
  context: RouteContext,
  status: number
): Effect.fn.Return<Record<string, unknown>, HttpFailure> {
  const id = yield* pathNumber(context, "id")
  return yield* orRefuse(
    context.world.installJobs.find((job) => job["id"] === id),
    () => refusal(status, `No job with id ${id} known`)
  )
})

/** All routes of this module. */
export const routes: ReadonlyArray<Route> = [
  reply("GET", `${prefix}/`, (context) => ({ models: list(context) })),
  route("GET", `${prefix}/i/{key}`, function*(context) {
    return json(yield* find(context))
  }),
  route("PATCH", `${prefix}/i/{key}`, function*(context) {
    const model = yield* find(context)
    const changes = yield* bodyRecord(context)
    const next = { ...model, ...Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== null)) }
    context.world.models.set(model.key, next)
    return json(next)
  }, { adminOnly: true }),
  route("DELETE", `${prefix}/i/{key}`, function*(context) {
    const model = yield* find(context)
    context.world.models.delete(model.key)
    return yield* noContent(context)
  }, { adminOnly: true }),
  route("GET", `${prefix}/i/{key}/image`, function*() {
    // what the server answers where a model has no picture
    return yield* refusal(500, "An error occurred while loading the model image")
  }),
  route("GET", `${prefix}/get_by_attrs`, function*(context) {
    const name = yield* required(context, "name")
    const type = yield* required(context, "type")
    const base = yield* required(context, "base")
    const found = [...context.world.models.values()].find((model) =>
      model.name === name && model.type === type && model.base === base
    )
    return json(yield* orRefuse(found, () => refusal(404, "No model found with these attributes")))
  }),
  route("GET", `${prefix}/get_by_hash`, function*(context) {
    const hash = yield* required(context, "hash")
    const found = [...context.world.models.values()].find((model) => model.hash === hash)
    return json(yield* orRefuse(found, () => refusal(404, "No model found with this hash")))
  }, { since: 13 }),
  reply("GET", `${prefix}/missing`, () => ({ models: [] }), { since: 13 }),
  reply("GET", `${prefix}/scan_folder`, ({ request, world }) => {
    const folder = request.query.get("scan_path") ?? ""
    const installed = new Set([...world.models.values()].map((model) => model["path"]))
    return [...world.modelSources.keys()].filter((path) => path === folder || path.startsWith(`${folder}/`))
      .map((path) => ({ path, is_installed: installed.has(path) }))
  }, { adminOnly: true }),
  reply("GET", `${prefix}/stats`, () => null),
  reply("POST", `${prefix}/empty_model_cache`, () => null, { adminOnly: true }),
  { method: "POST", path: `${prefix}/install`, handler: install, adminOnly: true },
  reply("GET", `${prefix}/install`, (context) => context.world.installJobs, { adminOnly: true }),
  route("DELETE", `${prefix}/install`, function*(context) {
    context.world.installJobs = []
    return yield* noContent(context)
  }, { adminOnly: true }),
  route("GET", `${prefix}/install/{id}`, function*(context) {
    return json(yield* jobOf(context, 404))
  }, { adminOnly: true }),
  route("DELETE", `${prefix}/install/{id}`, function*(context) {
    yield* jobOf(context, 415)
    return json(null, 201)
  }, { adminOnly: true })
]
