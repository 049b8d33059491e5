/**
 * A reference to a model in a workflow: complete, or with parts that must be looked up on the server.
 *
 * @since 0.1.0
 */
import type { JsonSchema } from "effect/JsonSchema"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { ModelConstraint } from "../../catalog/NodeTemplate.ts"
import * as Json from "../internal/json.ts"
import { describeChoices, readName } from "../internal/kind.ts"
import type { Problem } from "../Problem.ts"

/**
 * A reference to a model, complete or not.
 *
 * **Details**
 *
 * The server needs `key`, `hash`, `name`, `base` and `type`. Missing parts are looked up on the server before
 * submitting. At least one of `key`, `name`, `hash` and `keyOrName` is present.
 *
 * @category models
 * @since 0.1.0
 */
export class ModelReference extends Schema.Opaque<ModelReference>()(Schema.Struct({
  /** The key of the model on the server. */
  key: Schema.optionalKey(Schema.String),
  /** The hash of the model's files, as the server computed it. */
  hash: Schema.optionalKey(Schema.String),
  /** The name of the model. */
  name: Schema.optionalKey(Schema.String),
  /** The architecture, for example `"sdxl"`. */
  base: Schema.optionalKey(Schema.String),
  /** The type, for example `"main"` or `"lora"`. */
  type: Schema.optionalKey(Schema.String),
  /** The part of the model, for example `"vae"`; null for the whole model. */
  submodel_type: Schema.optionalKey(Schema.NullOr(Schema.String)),
  /** The key or the name of the model, if it is not known which. */
  keyOrName: Schema.optionalKey(Schema.String)
})) {}

/**
 * The models that a field accepts, as a schema. The same shape as the catalog's `ModelConstraint`.
 *
 * @category models
 * @since 0.1.0
 */
export const AcceptedModels = Schema.Struct({
  /** The architectures that the field accepts. Absent: any. */
  base: Schema.optionalKey(Schema.Array(Schema.String)),
  /** The types of model that the field accepts. Absent: any. */
  type: Schema.optionalKey(Schema.Array(Schema.String)),
  /** The variants that the field accepts. Absent: any. */
  variant: Schema.optionalKey(Schema.Array(Schema.String)),
  /** The file formats that the field accepts. Absent: any. */
  format: Schema.optionalKey(Schema.Array(Schema.String)),
  /** The providers of external models that the field accepts. Absent: any. */
  providerId: Schema.optionalKey(Schema.Array(Schema.String))
})

/**
 * Whether a reference has all parts that the server needs.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isCompleteModel = (
  model: ModelReference
): model is ModelReference & Required<Pick<ModelReference, "key" | "hash" | "name" | "base" | "type">> =>
  model.key !== undefined && model.hash !== undefined && model.name !== undefined && model.base !== undefined &&
  model.type !== undefined

/**
 * The label of a model in messages: its name, or else its key.
 *
 * @category formatting
 * @since 0.1.0
 */
export const modelLabel = (model: ModelReference): string =>
  model.name ?? model.keyOrName ?? model.key ?? model.hash ?? "a model"

/** Reads a model in any accepted form, including `{ model_name, base_model, model_type }` of InvokeAI 3. @internal */
export const readModel = (input: unknown): ModelReference | undefined => {
  if (typeof input === "string") return input.trim() === "" ? undefined : { keyOrName: input }
  if (!Predicate.isObject(input)) return undefined
  const key = readName(input, "key")
  const hash = readName(input, "hash")
  const name = readName(input, "name") ?? readName(input, "model_name")
  const keyOrName = readName(input, "keyOrName")
  if (key === undefined && name === undefined && hash === undefined && keyOrName === undefined) return undefined
  const base = readName(input, "base") ?? readName(input, "base_model")
  const type = readName(input, "type") ?? readName(input, "model_type")
  const submodel = input["submodel_type"]
  return {
    ...(key === undefined ? {} : { key }),
    ...(hash === undefined ? {} : { hash }),
    ...(name === undefined ? {} : { name }),
    ...(base === undefined ? {} : { base }),
    ...(type === undefined ? {} : { type }),
    ...(typeof submodel === "string" || submodel === null ? { submodel_type: submodel } : {}),
    ...(keyOrName === undefined ? {} : { keyOrName })
  }
}

/**
 * Which constraints of a model field a model violates, judged by what is known about the model.
 *
 * **Details**
 *
 * Accepts the models that the InvokeAI UI offers for a field. The server itself accepts any model and fails when it
 * runs.
 *
 * @category checks
 * @since 0.1.0
 */
export const modelProblems = (
  accepts: ModelConstraint,
  model: ModelReference & { readonly format?: string | null | undefined; readonly variant?: unknown }
): ReadonlyArray<Problem> => {
  const out: Array<Problem> = []
  const check = (what: string, value: unknown, allowed: ReadonlyArray<string> | undefined) => {
    if (typeof value !== "string" || allowed === undefined || allowed.length === 0 || allowed.includes(value)) return
    out.push({
      code: `model${what}NotAccepted`,
      source: "server",
      message: `${modelLabel(model)} has the ${what.toLowerCase()} ${value}, not ${describeChoices(allowed)}`,
      parameters: { value }
    })
  }
  check("Type", model.type, accepts.type)
  check("Base", model.base, accepts.base)
  check("Format", model.format, accepts.format)
  check("Variant", model.variant, accepts.variant)
  return out
}

/**
 * Describes which models a field accepts.
 *
 * @category formatting
 * @since 0.1.0
 */
export const describeAcceptedModels = (accepts: ModelConstraint): string => {
  const parts = [
    accepts.type === undefined || accepts.type.length === 0 ? undefined : `of type ${describeChoices(accepts.type)}`,
    accepts.base === undefined || accepts.base.length === 0 ? undefined : `for ${describeChoices(accepts.base)}`
  ].filter((part) => part !== undefined)
  return parts.length === 0 ? "a model" : `a model ${parts.join(" ")}`
}

/** A model that a field accepts, as JSON Schema. @internal */
export const modelJson = ({ base, format, type, variant }: ModelConstraint): JsonSchema => {
  const bases = Json.choice(base, Json.nonBlank)
  const types = Json.choice(type, Json.nonBlank)
  const reference = Json.named(Json.nonBlank, "key", "name", "hash", "keyOrName", "model_name")
  return Json.either(Json.nonBlank, {
    ...reference,
    properties: {
      ...Object.fromEntries(["key", "name", "hash", "keyOrName", "model_name"].map((key) => [key, Json.nonBlank])),
      base: bases,
      base_model: bases,
      type: types,
      model_type: types,
      ...(format === undefined || format.length === 0 ? {} : { format: Json.choice([...format, null], {}) }),
      ...(variant === undefined || variant.length === 0 ? {} : { variant: Json.choice([...variant, null], {}) })
    }
  })
}
