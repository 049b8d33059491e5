/** The routes of model records. */
import * as Effect from "effect/Effect"
import type { SimulatorModel } from "../../SimulatorModels.ts"
import * as SimulatorModels from "../../SimulatorModels.ts"
import { type EndpointContext, orReject, reply, route, type RouteContext } from "../routeSupport.ts"
import type { Implementations } from "../simulatorApi.ts"
import { type HttpFailure, internalError, json, refusal, type SimulatorResponse } from "../SimulatorHttp.ts"

const find = (context: EndpointContext<{ readonly key: string }>): Effect.Effect<SimulatorModel, HttpFailure> =>
  orReject(context.world.models.get(context.params.key), () => refusal(404, "model not found"))

const list: Implementations<"models">["list"] = reply(({ query, world }) => {
  const { base_models: bases, model_format: format, model_name: name, model_type: type } = query
  const models = [...world.models.values()].filter((model) =>
    (bases === undefined || bases.includes(model.base)) &&
    (type === undefined || model.type === type) &&
    (name === undefined || model.name === name) &&
    (format === undefined || model["format"] === format)
  ).toSorted((left, right) => {
    const before = `${left.type}\n${left.base}\n${left.name}`
    const after = `${right.type}\n${right.base}\n${right.name}`
    return before < after ? -1 : before > after ? 1 : 0
  })
  return { models }
})

/** Servers whose gzip middleware loses an empty response send 500 although the request succeeded. */
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

const install: Implementations<"models">["install"] = route(function*(context) {
  const { now, query: { inplace = false, source }, world } = context
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
}, { adminOnly: true, rawBody: true })

const jobOf = (
  { params: { id }, world }: EndpointContext<{ readonly id: number }>,
  status: number
): Effect.Effect<Record<string, unknown>, HttpFailure> =>
  orReject(
    world.installJobs.find((job) => job["id"] === id),
    () => refusal(status, `No job with id ${id} known`)
  )

/** `models/*`. */
export const models: Implementations<"models"> = {
  list,
  get: route(function*(context) {
    return json(yield* find(context))
  }),
  update: route(function*(context) {
    const model = yield* find(context)
    const next = {
      ...model,
      ...Object.fromEntries(Object.entries(context.payload).filter(([, value]) => value !== null))
    }
    context.world.models.set(model.key, next)
    return json(next)
  }, { adminOnly: true }),
  delete: route(function*(context) {
    const model = yield* find(context)
    context.world.models.delete(model.key)
    return yield* noContent(context)
  }, { adminOnly: true }),
  getByHash: route(function*(context) {
    const { hash } = context.query
    const found = [...context.world.models.values()].find((model) => model.hash === hash)
    return json(yield* orReject(found, () => refusal(404, "No model found with this hash")))
  }),
  missing: reply(() => ({ models: [] })),
  scanFolder: reply(({ query: { scan_path: folder }, world }) => {
    const installed = new Set([...world.models.values()].map((model) => model["path"]))
    return [...world.modelSources.keys()].filter((path) => path === folder || path.startsWith(`${folder}/`))
      .map((path) => ({ path, is_installed: installed.has(path) }))
  }, { adminOnly: true }),
  stats: reply(() => null),
  emptyModelCache: reply(() => null, { adminOnly: true }),
  install,
  installJobs: reply((context) => context.world.installJobs, { adminOnly: true }),
  pruneInstallJobs: route(function*(context) {
    context.world.installJobs = []
    return yield* noContent(context)
  }, { adminOnly: true }),
  installJob: route(function*(context) {
    return json(yield* jobOf(context, 404))
  }, { adminOnly: true }),
  cancelInstallJob: route(function*(context) {
    yield* jobOf(context, 415)
    return json(null, 201)
  }, { adminOnly: true })
}
