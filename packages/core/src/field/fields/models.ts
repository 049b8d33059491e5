/** All model fields: their union and their rules. */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { ModelConstraint } from "../../catalog/NodeTemplate.ts"
import type { InkFieldType } from "../internal/kind.ts"
import * as ModelField from "../ModelField.ts"
import { describeAcceptedModels, modelJson, modelLabel, modelProblems, readModel } from "./modelReference.ts"

/** The classes of all model fields. Each is exported under its tag. */
const fields = Object.values(
  ModelField satisfies { readonly [Tag in keyof typeof ModelField]: { readonly Type: { readonly _tag: Tag } } }
)

/**
 * Any model field.
 *
 * @category models
 * @since 0.1.0
 */
export const InkModelField = Schema.Union(fields)

/**
 * Any model field.
 *
 * @category models
 * @since 0.1.0
 */
export type InkModelField = typeof InkModelField.Type

/** The tags of model fields, by the type of model that each accepts. */
const tags: ReadonlyMap<string, InkModelField["_tag"]> = new Map(
  fields.map((field) => [field.modelType, field.fields._tag.schema.literal])
)

/** The tag of the field for some models: by their type if all have the same one, else `InkModelIdentifierField`. */
const tagOf = ({ type = [] }: ModelConstraint): InkModelField["_tag"] =>
  (type.length === 1 ? tags.get(type[0] ?? "") : undefined) ?? "InkModelIdentifierField"

/** @internal */
export const modelKind: InkFieldType<InkModelField> = {
  types: ["ModelIdentifierField"],
  empty: ({ models = {} }) => ({ _tag: tagOf(models), accepts: models }),
  format: modelLabel,
  read: (_, stored) => Predicate.isObject(stored) ? readModel(stored) : undefined,
  coerce: (field, input) => {
    const model = readModel(input)
    if (model === undefined || !Predicate.isObject(input)) return model
    const format = input["format"]
    const known = Object.assign({ variant: input["variant"] }, model, typeof format === "string" ? { format } : {})
    return modelProblems(field.accepts, known).length === 0 ? model : undefined
  },
  describe: (input) => {
    const model = Predicate.isObject(input) ? readModel(input) : undefined
    if (model === undefined) return undefined
    const type = model.type === undefined ? "" : ` of type ${model.type}`
    const base = model.base === undefined ? "" : ` for ${model.base}`
    return `${modelLabel(model).slice(0, 60)}${type}${base}`
  },
  expected: (field) => `${describeAcceptedModels(field.accepts)}: { key, name, base, type }, a key, or a name`,
  json: ({ accepts }) => modelJson(accepts)
}
