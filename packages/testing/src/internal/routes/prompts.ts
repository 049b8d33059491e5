/** The routes of style presets, system prompts and prompt utilities. */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as DynamicPrompts from "../nodes/dynamicPrompts.ts"
import { type EndpointContext, form, orReject, reply, route, type RouteContext } from "../routeSupport.ts"
import type { Implementations } from "../simulatorApi.ts"
import { type HttpFailure, json, refusal } from "../SimulatorHttp.ts"

type Preset = Readonly<Record<string, unknown>>

/** The common fields of both types of presets. */
const presets = <Id extends string>(
  store: "stylePresets" | "systemPrompts",
  idName: Id,
  title: string,
  complete: (body: Preset) => Preset
) => {
  type PresetContext = EndpointContext<Readonly<Record<Id, string>>>
  const find = (context: PresetContext): Effect.Effect<Preset, HttpFailure> =>
    orReject(context.world.library[store].get(context.params[idName]), () => refusal(404, `${title} not found`))
  return {
    list: reply((context: RouteContext) => [...context.world.library[store].values()]),
    get: route(function*(context: PresetContext) {
      return json(yield* find(context))
    }),
    delete: route(function*(context: PresetContext) {
      yield* find(context)
      context.world.library[store].delete(context.params[idName])
      return json(null)
    }),
    add: (context: RouteContext, body: Preset) => {
      const id = context.world.random.uuid()
      const preset = { ...complete(body), id }
      context.world.library[store].set(id, preset)
      return json(preset)
    },
    change: Effect.fnUntraced(function*(context: PresetContext, body: Preset) {
      const known = yield* find(context)
      const preset = { ...known, ...complete({ ...known, ...body }) }
      context.world.library[store].set(context.params[idName], preset)
      return json(preset)
    })
  }
}

/** The content of a style preset: the `data` part of a form, which is JSON. */
const dataPart = Effect.fnUntraced(function*(context: RouteContext): Effect.fn.Return<Preset, HttpFailure> {
  const data = (yield* form(context)).get("data")
  const parsed = Result.try((): unknown => JSON.parse(typeof data === "string" ? data : "{}"))
  return Result.isSuccess(parsed) && Predicate.isObject(parsed.success) ? parsed.success : {}
})

const style = presets("stylePresets", "style_preset_id", "Style preset", (body) => ({
  name: body["name"] ?? "",
  preset_data: body["preset_data"] ?? {
    positive_prompt: body["positive_prompt"] ?? "",
    negative_prompt: body["negative_prompt"] ?? ""
  },
  type: body["type"] ?? "user",
  image: null
}))

const prompt = presets("systemPrompts", "system_prompt_id", "System prompt", (body) => ({
  name: body["name"] ?? "",
  content: body["content"] ?? "",
  is_public: body["is_public"] ?? false
}))

/** `style_presets/*`. */
export const stylePresets: Implementations<"stylePresets"> = {
  list: style.list,
  get: style.get,
  delete: style.delete,
  create: route(function*(context) {
    return style.add(context, yield* dataPart(context))
  }),
  update: route(function*(context) {
    return yield* style.change(context, yield* dataPart(context))
  })
}

/** `system_prompts/*`, from 6.14 on. */
export const systemPrompts: Implementations<"systemPrompts"> = {
  list: prompt.list,
  get: prompt.get,
  delete: prompt.delete,
  create: { handler: (context) => Effect.sync(() => prompt.add(context, context.payload)) },
  update: { handler: (context) => prompt.change(context, context.payload) }
}

/** `utilities/*`. */
export const utilities: Implementations<"utilities"> = {
  dynamicPrompts: reply(({ payload }) =>
    DynamicPrompts.expand(payload.prompt, {
      maxPrompts: payload.max_prompts ?? 1000,
      combinatorial: payload.combinatorial ?? true,
      seed: payload.seed ?? 0
    })
  ),
  expandPrompt: route(function*({ payload, world }) {
    if (!world.models.has(payload.model_key)) return yield* refusal(404, "Model not found")
    return json({ expanded_prompt: `${payload.prompt}, in detail`, error: null })
  }),
  imageToPrompt: route(function*({ payload, world }) {
    const image = world.gallery.images.get(payload.image_name)
    if (image === undefined) return yield* refusal(404, "Image not found")
    if (!world.models.has(payload.model_key)) return yield* refusal(404, "Model not found")
    return json({ prompt: `a picture of ${image.width} by ${image.height} pixels`, error: null })
  })
}
