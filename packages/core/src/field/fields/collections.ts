/**
 * Fields that hold a list of values.
 *
 * **Details**
 *
 * Each accepts any iterable except a string; items are converted as by the field of a single value. The bounds of the
 * number of items and of each item come from the server.
 *
 * @since 0.1.0
 */
import type { JsonSchema } from "effect/JsonSchema"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { InputTemplate } from "../../catalog/NodeTemplate.ts"
import { describeReceived } from "../../internal/describeReceived.ts"
import {
  describeItemCount,
  describeNumberBounds,
  describeStringBounds,
  floatProblems,
  InkCollectionBounds,
  integerProblems,
  itemCountProblems,
  stringProblems
} from "../internal/bounds.ts"
import * as Json from "../internal/json.ts"
import { coerceFloat, coerceInteger, type InkFieldType } from "../internal/kind.ts"
import { storedBoolean, storedFloat, storedInteger, storedString } from "../internal/storedValue.ts"
import type { Problem } from "../Problem.ts"
import { modelJson, modelLabel, ModelReference, readModel } from "./modelReference.ts"
import {
  coerceImage,
  coerceVideo,
  describeImage,
  describeVideo,
  imageJson,
  ImageName,
  readImage,
  readVideo,
  videoJson,
  VideoName
} from "./references.ts"
import { coerceBoolean, coerceColor, coerceString, colorJson, InkColor } from "./scalars.ts"

/** Integers.
 *
 * @category collections
 * @since 0.1.0
 */
export class InkIntegerCollectionField
  extends Schema.Opaque<InkIntegerCollectionField>()(Schema.TaggedStruct("InkIntegerCollectionField", {
    value: Schema.optionalKey(Schema.Array(Schema.Number)),
    bounds: InkCollectionBounds
  }))
{}

/**
 * Numbers.
 *
 * @category collections
 * @since 0.1.0
 */
export class InkFloatCollectionField
  extends Schema.Opaque<InkFloatCollectionField>()(Schema.TaggedStruct("InkFloatCollectionField", {
    value: Schema.optionalKey(Schema.Array(Schema.Number)),
    bounds: InkCollectionBounds
  }))
{}

/** Strings.
 *
 * @category collections
 * @since 0.1.0
 */
export class InkStringCollectionField
  extends Schema.Opaque<InkStringCollectionField>()(Schema.TaggedStruct("InkStringCollectionField", {
    value: Schema.optionalKey(Schema.Array(Schema.String)),
    bounds: InkCollectionBounds
  }))
{}

/** Booleans.
 *
 * @category collections
 * @since 0.1.0
 */
export class InkBooleanCollectionField
  extends Schema.Opaque<InkBooleanCollectionField>()(Schema.TaggedStruct("InkBooleanCollectionField", {
    value: Schema.optionalKey(Schema.Array(Schema.Boolean)),
    bounds: InkCollectionBounds
  }))
{}

/**
 * Images by name.
 *
 * @category collections
 * @since 0.1.0
 */
export class InkImageCollectionField
  extends Schema.Opaque<InkImageCollectionField>()(Schema.TaggedStruct("InkImageCollectionField", {
    value: Schema.optionalKey(Schema.Array(ImageName)),
    bounds: InkCollectionBounds
  }))
{}

/**
 * Videos by name.
 *
 * @category collections
 * @since 0.1.0
 */
export class InkVideoCollectionField
  extends Schema.Opaque<InkVideoCollectionField>()(Schema.TaggedStruct("InkVideoCollectionField", {
    value: Schema.optionalKey(Schema.Array(VideoName)),
    bounds: InkCollectionBounds
  }))
{}

/** Colors.
 *
 * @category collections
 * @since 0.1.0
 */
export class InkColorCollectionField
  extends Schema.Opaque<InkColorCollectionField>()(Schema.TaggedStruct("InkColorCollectionField", {
    value: Schema.optionalKey(Schema.Array(InkColor)),
    bounds: InkCollectionBounds
  }))
{}

/**
 * A LoRA and its weight.
 *
 * @category collections
 * @since 0.1.0
 */
export class WeightedLoRA extends Schema.Opaque<WeightedLoRA>()(Schema.Struct({
  /** The LoRA. */
  lora: ModelReference,
  /** Weight of the LoRA: 1 is its full strength. */
  weight: Schema.Number
})) {}

/**
 * LoRAs with their weights. The field can be set on servers from 6.14 on.
 *
 * **Details**
 *
 * Accepts a list of `{ lora, weight }`, where `lora` is any form of a model. A single one counts as a list of one.
 *
 * @category collections
 * @since 0.1.0
 */
export class InkLoRACollectionField
  extends Schema.Opaque<InkLoRACollectionField>()(Schema.TaggedStruct("InkLoRACollectionField", {
    value: Schema.optionalKey(Schema.Array(WeightedLoRA)),
    bounds: InkCollectionBounds
  }))
{}

const isIterable = (input: unknown): input is Iterable<unknown> =>
  typeof input === "object" && input !== null && Symbol.iterator in input

/** Maximum number of items, so that an endless iterable is rejected. */
const maximumItems = 1_000_000

const readItems = <A>(input: unknown, item: (input: unknown) => A | undefined): ReadonlyArray<A> | undefined => {
  if (!isIterable(input)) return undefined
  const out: Array<A> = []
  for (const each of input) {
    const value = item(each)
    if (value === undefined || out.length >= maximumItems) return undefined
    out.push(value)
  }
  return out
}

interface CollectionField<A> {
  readonly bounds: Schema.Schema.Type<typeof InkCollectionBounds>
  readonly value?: ReadonlyArray<A>
}

type CollectionKind<Field extends CollectionField<A>, A> = InkFieldType<Field, ReadonlyArray<A>>

const collectionKind = <Field extends CollectionField<A>, A>(options: {
  readonly types: ReadonlyArray<string>
  readonly empty: (template: InputTemplate) => Field
  readonly items: string
  readonly read: (stored: unknown) => A | undefined
  readonly coerce: (input: unknown) => A | undefined
  readonly problems?: (field: Field, value: A) => ReadonlyArray<Problem>
  readonly bounds?: (field: Field) => string
  /** An item as JSON Schema. */
  readonly json: (field: Field) => JsonSchema
  readonly format?: (value: ReadonlyArray<A>) => string
  readonly names?: CollectionKind<Field, A>["names"]
  /** Describes a rejected item, better than `describeReceived`. */
  readonly describe?: (input: unknown) => string | undefined
}): CollectionKind<Field, A> => ({
  types: options.types,
  empty: options.empty,
  ...(options.format === undefined ? {} : { format: options.format }),
  ...(options.names === undefined ? {} : { names: options.names }),
  read: (_, stored) => Array.isArray(stored) ? readItems(stored, options.read) : undefined,
  coerce: (_, input) => readItems(input, options.coerce),
  problems: (field, value) => {
    const count = itemCountProblems(field.bounds, value.length)
    return count.length > 0 || options.problems === undefined
      ? count
      : value.flatMap((item) => options.problems?.(field, item) ?? [])
  },
  expected: (field) =>
    `a list${describeItemCount(field.bounds)} ${describeItemCount(field.bounds) === "" ? "of " : ""}${options.items}${
      options.bounds?.(field) ?? ""
    }`,
  json: (field) => Json.listOf(options.json(field), field.bounds),
  describe: (input) => {
    if (!isIterable(input) || typeof input === "string") return undefined
    let index = 0
    for (const each of input) {
      if (options.coerce(each) === undefined) {
        return `a list with ${options.describe?.(each) ?? describeReceived(each)} as item ${index}`
      }
      if (++index > maximumItems) return `a list of more than ${maximumItems} items`
    }
    return undefined
  }
})

const readObject = <A>(read: (input: unknown) => A | undefined) => (stored: unknown): A | undefined =>
  Predicate.isObject(stored) ? read(stored) : undefined

/** @internal */
export const integerCollectionKind = collectionKind<InkIntegerCollectionField, number>({
  types: ["IntegerField[]"],
  empty: ({ bounds }) => ({ _tag: "InkIntegerCollectionField", bounds }),
  items: "integers",
  read: storedInteger,
  coerce: coerceInteger,
  problems: (field, value) => integerProblems(field.bounds.item, value),
  bounds: (field) => describeNumberBounds(field.bounds.item),
  json: (field) => Json.integer(field.bounds.item)
})

/** @internal */
export const floatCollectionKind = collectionKind<InkFloatCollectionField, number>({
  types: ["FloatField[]"],
  empty: ({ bounds }) => ({ _tag: "InkFloatCollectionField", bounds }),
  items: "numbers",
  read: storedFloat,
  coerce: coerceFloat,
  problems: (field, value) => floatProblems(field.bounds.item, value),
  bounds: (field) => describeNumberBounds(field.bounds.item),
  json: (field) => Json.number(field.bounds.item)
})

/** @internal */
export const stringCollectionKind = collectionKind<InkStringCollectionField, string>({
  types: ["StringField[]"],
  empty: ({ bounds }) => ({ _tag: "InkStringCollectionField", bounds }),
  items: "strings",
  read: storedString,
  coerce: coerceString,
  problems: (field, value) => stringProblems(field.bounds.item, value),
  bounds: (field) => describeStringBounds(field.bounds.item),
  json: (field) => Json.text(field.bounds.item)
})

/** @internal */
export const booleanCollectionKind = collectionKind<InkBooleanCollectionField, boolean>({
  types: ["BooleanField[]"],
  empty: ({ bounds }) => ({ _tag: "InkBooleanCollectionField", bounds }),
  items: "booleans",
  read: storedBoolean,
  coerce: coerceBoolean,
  json: () => ({ type: "boolean" })
})

const images = collectionKind<InkImageCollectionField, ImageName>({
  types: ["ImageField[]"],
  empty: ({ bounds }) => ({ _tag: "InkImageCollectionField", bounds }),
  items: "images",
  read: readImage,
  coerce: coerceImage,
  json: () => imageJson,
  describe: describeImage,
  format: (value) => value.map(({ image_name }) => image_name).join(", "),
  names: (value) => value.map(({ image_name }) => ["image", image_name])
})

/** @internal */
export const imageCollectionKind: InkFieldType<InkImageCollectionField> = {
  ...images,
  // an output that holds several images
  coerce: (field, input) => images.coerce(field, Predicate.isObject(input) ? input["collection"] ?? input : input)
}

/** @internal */
export const videoCollectionKind = collectionKind<InkVideoCollectionField, VideoName>({
  types: ["VideoField[]"],
  empty: ({ bounds }) => ({ _tag: "InkVideoCollectionField", bounds }),
  items: "videos",
  read: readVideo,
  coerce: coerceVideo,
  json: () => videoJson,
  describe: describeVideo,
  format: (value) => value.map(({ video_name }) => video_name).join(", "),
  names: (value) => value.map(({ video_name }) => ["video", video_name])
})

/** @internal */
export const colorCollectionKind = collectionKind<InkColorCollectionField, InkColor>({
  types: ["ColorField[]"],
  empty: ({ bounds }) => ({ _tag: "InkColorCollectionField", bounds }),
  items: "colors",
  read: readObject(coerceColor),
  coerce: coerceColor,
  json: () => colorJson
})

const readLoRA = (input: unknown, weightOf: (input: unknown) => number | undefined): WeightedLoRA | undefined => {
  if (!Predicate.isObject(input)) return undefined
  const lora = readModel(input["lora"])
  const weight = weightOf(input["weight"])
  if (lora === undefined || weight === undefined) return undefined
  return lora.type !== undefined && lora.type !== "lora" ? undefined : { lora, weight }
}

const loras = collectionKind<InkLoRACollectionField, WeightedLoRA>({
  types: ["LoRAField", "LoRAField[]"],
  empty: ({ bounds }) => ({ _tag: "InkLoRACollectionField", bounds }),
  items: "LoRAs { lora, weight }",
  read: (input) => readLoRA(input, storedFloat),
  coerce: (input) => readLoRA(input, coerceFloat),
  json: () => ({
    type: "object",
    properties: { lora: modelJson({ type: ["lora"] }), weight: Json.number() },
    required: ["lora", "weight"]
  }),
  format: (value) => value.map(({ lora, weight }) => `${modelLabel(lora)} (${weight})`).join(", ")
})

/** @internal */
export const loraCollectionKind: InkFieldType<InkLoRACollectionField> = {
  ...loras,
  read: (field, value) => loras.read(field, Predicate.isObject(value) ? [value] : value),
  coerce: (field, input) => loras.coerce(field, isIterable(input) ? input : [input])
}
