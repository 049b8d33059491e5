/**
 * The fields of workflow inputs: one type per field type of the server. Each is a plain value with a tag, its value,
 * and what it accepts.
 *
 * **Details**
 *
 * A field is built from the server's template of the input, so its type, bounds and options are the server's. Setting a
 * field returns a new field, or what was expected. Conversions are lossless: an integer field accepts `"30"` but not
 * 1.5.
 *
 * **Example** (Check and display values)
 *
 * ```ts run
 * import * as InkField from "@effect-invokeai/core/field/InkField"
 * import * as Result from "effect/Result"
 * import * as Schema from "effect/Schema"
 *
 * const steps: InkField.InkIntegerField = { _tag: "InkIntegerField", bounds: { exclusiveMinimum: 0 } }
 *
 * InkField.expected(steps) // => "an integer greater than 0"
 * InkField.accepts(steps, "many") // => false
 * InkField.problems(steps, -1).length // => 1
 * InkField.jsonSchema(steps).type // => "integer"
 * Schema.is(InkField.schema(steps))(30) // => true
 *
 * const thirty = Result.getOrThrow(InkField.set(steps, 30))
 * InkField.format(thirty) // => "30"
 * InkField.format(InkField.clear(thirty)) // => undefined
 * ```
 *
 * @since 0.1.0
 */
import type { JsonSchema } from "effect/JsonSchema"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Transformation from "effect/SchemaTransformation"
import type { InputTemplate } from "../catalog/NodeTemplate.ts"
import { describeReceived } from "../internal/describeReceived.ts"
import { printable } from "../internal/printable.ts"
import { describeIllFormed, illFormedText } from "../internal/wellFormed.ts"
import * as Collections from "./fields/collections.ts"
import * as Generators from "./fields/generators.ts"
import * as Models from "./fields/models.ts"
import * as References from "./fields/references.ts"
import * as Scalars from "./fields/scalars.ts"
import type { InkFieldType, ResourceType } from "./internal/kind.ts"
import type { Problem } from "./Problem.ts"

export * from "./fields/collections.ts"
export * from "./fields/generators.ts"
export { AcceptedModels, isCompleteModel, modelLabel, ModelReference } from "./fields/modelReference.ts"
export { InkModelField } from "./fields/models.ts"
export * from "./fields/references.ts"
export * from "./fields/scalars.ts"
export * from "./ModelField.ts"

/**
 * A field that only accepts a connection from another node. It cannot be set.
 *
 * @category other
 * @since 0.1.0
 */
export class InkConnectionField extends Schema.Opaque<InkConnectionField>()(Schema.TaggedStruct("InkConnectionField", {
  value: Schema.optionalKey(Schema.Undefined),
  type: Schema.String
})) {}

/**
 * A field of a type that this library has no rules for, such as one of a node pack.
 *
 * **Details**
 *
 * Accepts any JSON value and sends it unchanged. The server checks it when the workflow is submitted. The editor has no
 * control for such a field: it only accepts a connection, and drops the value when it opens the saved workflow.
 *
 * @category other
 * @since 0.1.0
 */
export class InkUnknownField extends Schema.Opaque<InkUnknownField>()(Schema.TaggedStruct("InkUnknownField", {
  value: Schema.optionalKey(Schema.Unknown),
  type: Schema.String
})) {}

/**
 * Any field, distinguished by `_tag`.
 *
 * **Details**
 *
 * `value` is absent if the field has no value, or if the file has a value of another type.
 *
 * @category models
 * @since 0.1.0
 */
export const InkField = Schema.Union([
  Scalars.InkIntegerField,
  Scalars.InkFloatField,
  Scalars.InkStringField,
  Scalars.InkBooleanField,
  Scalars.InkEnumField,
  Scalars.InkSchedulerField,
  Scalars.InkColorField,
  References.InkImageField,
  References.InkVideoField,
  References.InkBoardField,
  References.InkStylePresetField,
  References.InkSystemPromptField,
  References.InkSavedWorkflowField,
  ...Models.InkModelField.members,
  Collections.InkIntegerCollectionField,
  Collections.InkFloatCollectionField,
  Collections.InkStringCollectionField,
  Collections.InkBooleanCollectionField,
  Collections.InkImageCollectionField,
  Collections.InkVideoCollectionField,
  Collections.InkColorCollectionField,
  Collections.InkLoRACollectionField,
  Generators.InkFloatGeneratorField,
  Generators.InkIntegerGeneratorField,
  Generators.InkStringGeneratorField,
  Generators.InkImageGeneratorField,
  InkConnectionField,
  InkUnknownField
])

/**
 * Any field, distinguished by `_tag`.
 *
 * @category models
 * @since 0.1.0
 */
export type InkField = typeof InkField.Type

/** Whether a field refers to models. @internal */
export const isModelField = (field: InkField): field is Models.InkModelField | Collections.InkLoRACollectionField =>
  "accepts" in field || field._tag === "InkLoRACollectionField"

const unknownKind: InkFieldType<InkUnknownField> = {
  types: [],
  empty: ({ type }) => ({ _tag: "InkUnknownField", type: type.name }),
  read: (_, stored) => stored,
  coerce: (_, input) => toJson(input, 0),
  expected: () => "a JSON value",
  json: () => ({})
}

const connectionKind: InkFieldType<InkConnectionField> = {
  types: [],
  empty: ({ type }) => ({ _tag: "InkConnectionField", type: type.name }),
  read: () => undefined,
  coerce: () => undefined,
  expected: ({ type }) => `a connection from another node (${type} has no value of its own)`,
  json: () => ({ not: {} })
}

type OtherField = Exclude<InkField, Models.InkModelField>

const kinds: { readonly [Tag in OtherField["_tag"]]: InkFieldType<Extract<OtherField, { readonly _tag: Tag }>> } = {
  InkIntegerField: Scalars.integerKind,
  InkFloatField: Scalars.floatKind,
  InkStringField: Scalars.stringKind,
  InkBooleanField: Scalars.booleanKind,
  InkEnumField: Scalars.enumKind,
  InkSchedulerField: Scalars.schedulerKind,
  InkColorField: Scalars.colorKind,
  InkImageField: References.imageKind,
  InkVideoField: References.videoKind,
  InkBoardField: References.boardKind,
  InkStylePresetField: References.stylePresetKind,
  InkSystemPromptField: References.systemPromptKind,
  InkSavedWorkflowField: References.savedWorkflowKind,
  InkIntegerCollectionField: Collections.integerCollectionKind,
  InkFloatCollectionField: Collections.floatCollectionKind,
  InkStringCollectionField: Collections.stringCollectionKind,
  InkBooleanCollectionField: Collections.booleanCollectionKind,
  InkImageCollectionField: Collections.imageCollectionKind,
  InkVideoCollectionField: Collections.videoCollectionKind,
  InkColorCollectionField: Collections.colorCollectionKind,
  InkLoRACollectionField: Collections.loraCollectionKind,
  InkFloatGeneratorField: Generators.floatGeneratorKind,
  InkIntegerGeneratorField: Generators.integerGeneratorKind,
  InkStringGeneratorField: Generators.stringGeneratorKind,
  InkImageGeneratorField: Generators.imageGeneratorKind,
  InkConnectionField: connectionKind,
  InkUnknownField: unknownKind
}

/** The rules of a field's type. */
const kindOf = <Field extends InkField>(field: Field): InkFieldType<Field> =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the table has the kind of each field under its tag
  ("accepts" in field ? Models.modelKind : kinds[field._tag]) as unknown as InkFieldType<Field>

interface KindOfTemplate {
  readonly empty: (template: InputTemplate) => InkField
}

const kindsByType: ReadonlyMap<string, KindOfTemplate> = new Map(
  [Models.modelKind, ...Object.values(kinds)].flatMap((
    kind: KindOfTemplate & { readonly types: ReadonlyArray<string> }
  ) => kind.types.map((type) => [type, kind] as const))
)

/**
 * The field of an input, without a value. Fields that accept one value or a list are fields of one value, as in the
 * InvokeAI UI. `batch` fields are their collections.
 */
const empty = (template: InputTemplate): InkField => {
  const { cardinality, name } = template.type
  const isCollection = cardinality === "COLLECTION"
  const type = template.models === undefined ? name : "ModelIdentifierField"
  const kind = kindsByType.get(isCollection ? `${name}[]` : type)
  const isConnectionOnly = template.input === "connection" && (kind === undefined || name === "LoRAField")
  if (!isConnectionOnly) return (kind ?? unknownKind).empty(template)
  return (template.takesJson === true ? unknownKind : connectionKind).empty(template)
}

/**
 * The field of an input with the value from a file. A stored value of another type is ignored.
 *
 * **Example** (The field of an input of a node type)
 *
 * ```ts
 * import * as NodeCatalog from "@effect-invokeai/core/catalog/NodeCatalog"
 * import * as InkField from "@effect-invokeai/core/field/InkField"
 * import * as Result from "effect/Result"
 *
 * export const widthField = (openApiDocument: unknown) =>
 *   Result.map(NodeCatalog.fromOpenApi(openApiDocument), ({ templates }) => {
 *     const width = templates.get("noise")?.inputs.get("width")
 *     return width === undefined ? undefined : InkField.fromTemplate(width, 512)
 *   })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromTemplate = (template: InputTemplate, stored?: unknown): InkField => {
  const field = empty(template)
  if (stored === undefined || stored === null) return field
  const value = kindOf(field).read(field, stored)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a field's kind reads the values of just that field
  return value === undefined ? field : Object.assign({}, field, { value }) as InkField
}

const maximumDepth = 100

const toJson = (input: unknown, depth: number): unknown => {
  if (depth > maximumDepth) return undefined
  if (input === null || typeof input === "string" || typeof input === "boolean") return input
  if (typeof input === "number") return Number.isFinite(input) ? input : undefined
  if (Array.isArray(input)) {
    const items = input.map((item) => toJson(item, depth + 1))
    return items.includes(undefined) ? undefined : items
  }
  if (typeof input !== "object") return undefined
  const entries: Array<[string, unknown]> = []
  for (const [key, member] of Object.entries(input)) {
    if (member === undefined) continue
    const value = toJson(member, depth + 1)
    if (value === undefined) return undefined
    entries.push([key, value])
  }
  return Object.fromEntries(entries)
}

/**
 * A value that a field does not accept: a `Problem` with what the field expects and a short description of the value.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkMismatch extends Problem {
  /** What the field expects, and a short description of the received value. */
  readonly parameters: { readonly expected: string; readonly received: string }
}

const mismatch = (expected: string, received: string): InkMismatch => ({
  code: "valueDoesNotFit",
  source: "library",
  message: `expected ${expected}, got ${received}`,
  parameters: { expected, received }
})

/**
 * Sets the value of a field, or returns why the field does not accept it.
 *
 * **Details**
 *
 * Checks the type, the bounds, and that text is well-formed Unicode, but not whether an image or model exists. The
 * given object is copied: the field holds a plain value.
 *
 * **Example** (A number as a string)
 *
 * ```ts run
 * import * as Result from "effect/Result"
 * import * as InkField from "@effect-invokeai/core/field/InkField"
 *
 * const steps: InkField.InkIntegerField = { _tag: "InkIntegerField", bounds: { exclusiveMinimum: 0 } }
 *
 * Result.getOrThrow(InkField.set(steps, "30")).value // => 30
 * Result.isFailure(InkField.set(steps, 1.5)) // => true
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const set = <Field extends InkField>(field: Field, input: unknown): Result.Result<Field, InkMismatch> => {
  const kind = kindOf(field)
  const value = kind.coerce(field, input)
  const illFormed = illFormedText(value)
  if (illFormed !== undefined) {
    return Result.fail(mismatch("well-formed Unicode text", describeIllFormed(illFormed)))
  }
  return value === undefined || (kind.problems?.(field, value) ?? []).length > 0
    ? Result.fail(
      mismatch(printable(kind.expected(field)), printable(kind.describe?.(input) ?? describeReceived(input)))
    )
    : Result.succeed(Object.assign({}, field, { value }))
}

/**
 * The field without a value.
 *
 * @category combinators
 * @since 0.1.0
 */
export const clear = <Field extends InkField>(field: Field): Field => {
  const { value: _value, ...rest } = field
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only the optional `value` is gone
  return rest as Field
}

/**
 * Whether a stored value has the type of the field.
 *
 * @category predicates
 * @since 0.1.0
 */
export const accepts = (field: InkField, stored: unknown): boolean => kindOf(field).read(field, stored) !== undefined

/**
 * The bounds that a stored value exceeds, each as a problem. A value of another type exceeds none; see `accepts`.
 *
 * @category checks
 * @since 0.1.0
 */
export const problems = (field: InkField, stored: unknown): ReadonlyArray<Problem> => {
  const kind = kindOf(field)
  const value = kind.read(field, stored)
  return value === undefined ? [] : kind.problems?.(field, value) ?? []
}

/**
 * The values of a field as JSON Schema 2020-12, with its bounds and choices.
 *
 * **Details**
 *
 * The field accepts every value that fits, except strings with half of a surrogate pair, and every value that it holds
 * fits. What `set` converts, such as `"30"` to 30, is left out. A pattern that JavaScript cannot read is left out.
 *
 * @category conversions
 * @since 0.1.0
 */
export const jsonSchema = (field: InkField): JsonSchema => kindOf(field).json(field)

/**
 * The parts of a JSON Schema for a value other than its type.
 *
 * @category models
 * @since 0.1.0
 */
export interface SchemaAnnotations {
  /** A short name for people. */
  readonly title?: string | undefined
  /** What the value is for. */
  readonly description?: string | undefined
  /** The value that is used if none is given. */
  readonly default?: unknown
}

/**
 * A schema that accepts exactly what `set` accepts. It does not convert: the decoded value is the one that was given.
 * Its JSON Schema is that of `jsonSchema`, with the annotations.
 *
 * @category conversions
 * @since 0.1.0
 */
export const schema = (
  field: InkField,
  { default: value, description, title }: SchemaAnnotations = {}
): Schema.Codec<unknown> => {
  const isAccepted = (input: unknown) =>
    Result.match(set(field, input), { onSuccess: () => true, onFailure: ({ message }) => message })
  const json = Schema.Json.check(Schema.makeFilter<Schema.Json>(isAccepted, {
    toJsonSchema: () => ({
      ...jsonSchema(field),
      ...(title === undefined ? {} : { title }),
      ...(description === undefined ? {} : { description }),
      ...(value === undefined ? {} : { default: value })
    })
  }))
  return Schema.declare((input): input is unknown => input !== undefined, {
    expected: expected(field),
    // values that are not JSON, such as a bigint, have no JSON Schema of their own
    toCodecJson: () => Schema.link<unknown>()(json, Transformation.passthroughSubtype())
  }).check(Schema.makeFilter(isAccepted))
}

/**
 * A human-readable description of what a field accepts: `an integer greater than 0`.
 *
 * @category formatting
 * @since 0.1.0
 */
export const expected = (field: InkField): string => kindOf(field).expected(field)

/**
 * The human-readable value of a field, for lists and logs: the name of a model or image, else the value as JSON, with
 * control characters escaped. `undefined` if there is no value.
 *
 * @category formatting
 * @since 0.1.0
 */
export const format = (field: InkField): string | undefined => {
  const { value } = field
  if (value === undefined) return undefined
  const kind = kindOf(field)
  const text = kind.format === undefined
    ? typeof value === "string" ? value : JSON.stringify(value)
    : kind.format(value)
  return text === undefined ? undefined : printable(text)
}

/** What must exist on the server for the value of a field, except models. @internal */
export const names = (field: InkField): ReadonlyArray<readonly [kind: ResourceType, name: string]> =>
  field.value === undefined ? [] : kindOf(field).names?.(field.value) ?? []

/** Whether the server accepts values of a field as batch data. @internal */
export const isSweepable = (field: InkField): boolean => kindOf(field).isSweepable === true
