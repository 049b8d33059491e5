/**
 * The fields of workflow inputs: one type per field type of the server, each a plain value with a tag, the value it holds,
 * and what it accepts.
 *
 * **Details**
 *
 * A field is made from the server's template of the input, so its type, bounds and choices are the server's. Setting a
 * field gives a new field or says what was expected. Conversions are lossless: `"30"` is 30 for an integer, 1.5 is not.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { InputTemplate, ValueBounds } from "../catalog/NodeTemplate.ts"
import * as Collections from "./internal/ink/collections.ts"
import * as Generators from "./internal/ink/generators.ts"
import { describeReceived, type InkKind, type InkRefusal, type InkViolation } from "./internal/ink/kind.ts"
import { modelLabel } from "./internal/ink/modelReference.ts"
import * as Models from "./internal/ink/models.ts"
import * as References from "./internal/ink/references.ts"
import * as Scalars from "./internal/ink/scalars.ts"

export * from "./internal/ink/collections.ts"
export * from "./internal/ink/generators.ts"
export type { InkRefusal, InkViolation } from "./internal/ink/kind.ts"
export { AcceptedModels, isCompleteModel, modelLabel, ModelReference } from "./internal/ink/modelReference.ts"
export * from "./internal/ink/models.ts"
export * from "./internal/ink/references.ts"
export * from "./internal/ink/scalars.ts"

/**
 * A field that gets its value from another node only. It cannot be set.
 *
 * @category other
 * @since 0.1.0
 */
export const InkConnectionField = Schema.TaggedStruct("InkConnectionField", {
  value: Schema.optionalKey(Schema.Undefined),
  type: Schema.String
})

/**
 * A field that gets its value from another node only.
 *
 * @category other
 * @since 0.1.0
 */
export interface InkConnectionField extends Schema.Schema.Type<typeof InkConnectionField> {}

/**
 * A field of a type that this library has no rules for, such as one of a custom node. Any JSON value is taken as it is.
 *
 * @category other
 * @since 0.1.0
 */
export const InkUnknownField = Schema.TaggedStruct("InkUnknownField", {
  value: Schema.optionalKey(Schema.Unknown),
  type: Schema.String
})

/**
 * A field of a type that this library has no rules for, such as one of a custom node.
 *
 * @category other
 * @since 0.1.0
 */
export interface InkUnknownField extends Schema.Schema.Type<typeof InkUnknownField> {}

/**
 * Any field, told apart by `_tag`.
 *
 * **Details**
 *
 * `value` is absent while the field has none, and also when the file holds a value of another type.
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
 * Any field, told apart by `_tag`.
 *
 * @category models
 * @since 0.1.0
 */
export type InkField =
  | Scalars.InkIntegerField
  | Scalars.InkFloatField
  | Scalars.InkStringField
  | Scalars.InkBooleanField
  | Scalars.InkEnumField
  | Scalars.InkSchedulerField
  | Scalars.InkColorField
  | References.InkImageField
  | References.InkVideoField
  | References.InkBoardField
  | References.InkStylePresetField
  | References.InkSystemPromptField
  | References.InkSavedWorkflowField
  | Models.InkModelField
  | Collections.InkIntegerCollectionField
  | Collections.InkFloatCollectionField
  | Collections.InkStringCollectionField
  | Collections.InkBooleanCollectionField
  | Collections.InkImageCollectionField
  | Collections.InkVideoCollectionField
  | Collections.InkColorCollectionField
  | Collections.InkLoRACollectionField
  | Generators.InkFloatGeneratorField
  | Generators.InkIntegerGeneratorField
  | Generators.InkStringGeneratorField
  | Generators.InkImageGeneratorField
  | InkConnectionField
  | InkUnknownField

/** Whether a field names models. @internal */
export const holdsModels = (field: InkField): field is Models.InkModelField | Collections.InkLoRACollectionField =>
  "accepts" in field || field._tag === "InkLoRACollectionField"

/** Names of inputs that count steps. The server gives them no minimum, but no node can run with fewer than one step. */
const stepCounts = new Set(["num_steps", "steps"])

/**
 * Whether this library's own rule for step counts holds for a field: an integer called `num_steps` or `steps` must be
 * greater than 0, also where the server's document gives no minimum.
 *
 * @internal
 */
export const isStepCount = (template: InputTemplate): boolean =>
  template.type.name === "IntegerField" && stepCounts.has(template.name)

const numberBounds = (template: InputTemplate): ValueBounds => {
  const bounds = template.bounds.value ?? {}
  if (!isStepCount(template)) return bounds
  return (bounds.minimum ?? 0) >= 1 || (bounds.exclusiveMinimum ?? -1) >= 0
    ? bounds
    : { ...bounds, exclusiveMinimum: 0 }
}

/**
 * The field of an input, without a value. Fields that may hold one value or several are fields of one value, as in the
 * official UI. `batch` fields are their collections.
 */
const empty = (template: InputTemplate): InkField => {
  const name = template.type.name
  const many = template.type.cardinality === "COLLECTION"
  const bounds = template.bounds
  if (!many && (template.models !== undefined || name === "ModelIdentifierField")) {
    return { _tag: Models.modelFieldTag(template.models), accepts: template.models ?? {} }
  }
  switch (name) {
    case "IntegerField":
      return many
        ? { _tag: "InkIntegerCollectionField", bounds }
        : { _tag: "InkIntegerField", bounds: numberBounds(template) }
    case "FloatField":
      return many ? { _tag: "InkFloatCollectionField", bounds } : { _tag: "InkFloatField", bounds: bounds.value ?? {} }
    case "StringField":
      return many
        ? { _tag: "InkStringCollectionField", bounds }
        : { _tag: "InkStringField", bounds: bounds.value ?? {} }
    case "BooleanField":
      return many ? { _tag: "InkBooleanCollectionField", bounds } : { _tag: "InkBooleanField" }
    case "ImageField":
      return many ? { _tag: "InkImageCollectionField", bounds } : { _tag: "InkImageField" }
    case "VideoField":
      return many ? { _tag: "InkVideoCollectionField", bounds } : { _tag: "InkVideoField" }
    case "ColorField":
      return many ? { _tag: "InkColorCollectionField", bounds } : { _tag: "InkColorField" }
    case "LoRAField":
      return template.input === "connection"
        ? { _tag: "InkConnectionField", type: name }
        : { _tag: "InkLoRACollectionField", bounds }
    default:
      return many ? other(template) : emptySingle(template)
  }
}

const emptySingle = (template: InputTemplate): InkField => {
  switch (template.type.name) {
    case "EnumField":
      return {
        _tag: "InkEnumField",
        options: template.options ?? [],
        ...(template.optionLabels === undefined ? {} : { optionLabels: template.optionLabels })
      }
    case "SchedulerField":
      return { _tag: "InkSchedulerField", options: (template.options ?? []).map(String) }
    case "BoardField":
      return { _tag: "InkBoardField" }
    case "StylePresetField":
      return { _tag: "InkStylePresetField" }
    case "SystemPromptField":
      return { _tag: "InkSystemPromptField" }
    case "SavedWorkflowField":
      return { _tag: "InkSavedWorkflowField" }
    case "FloatGeneratorField":
      return { _tag: "InkFloatGeneratorField" }
    case "IntegerGeneratorField":
      return { _tag: "InkIntegerGeneratorField" }
    case "StringGeneratorField":
      return { _tag: "InkStringGeneratorField" }
    case "ImageGeneratorField":
      return { _tag: "InkImageGeneratorField" }
    default:
      return other(template)
  }
}

const other = (template: InputTemplate): InkField => ({
  _tag: template.input === "connection" ? "InkConnectionField" : "InkUnknownField",
  type: template.type.name
})

/**
 * The field of an input with the value that a file holds for it. A stored value of another type is no value.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromTemplate = (template: InputTemplate, stored?: unknown): InkField => {
  const field = empty(template)
  if (stored === undefined || stored === null) return field
  const value = withKind(field, (kind, field) => kind.read(field, stored))
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a field's kind reads the values of just that field
  return value === undefined ? field : Object.assign({}, field, { value }) as InkField
}

const unknownKind: InkKind<InkUnknownField, unknown> = {
  read: (_, stored) => stored,
  coerce: (_, input) => toJson(input, 0),
  violations: () => [],
  expected: () => "a JSON value"
}

const connectionKind: InkKind<InkConnectionField, undefined> = {
  read: () => undefined,
  coerce: () => undefined,
  violations: () => [],
  expected: (field) => `a connection from another node (${field.type} has no value of its own)`
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

const withKind = <A>(
  field: InkField,
  use: <Field extends InkField, Value>(kind: InkKind<Field, Value>, field: Field) => A
): A => {
  switch (field._tag) {
    case "InkIntegerField":
      return use(Scalars.integerKind, field)
    case "InkFloatField":
      return use(Scalars.floatKind, field)
    case "InkStringField":
      return use(Scalars.stringKind, field)
    case "InkBooleanField":
      return use(Scalars.booleanKind, field)
    case "InkEnumField":
      return use(Scalars.enumKind, field)
    case "InkSchedulerField":
      return use(Scalars.schedulerKind, field)
    case "InkColorField":
      return use(Scalars.colorKind, field)
    case "InkImageField":
      return use(References.imageKind, field)
    case "InkVideoField":
      return use(References.videoKind, field)
    case "InkBoardField":
      return use(References.boardKind, field)
    case "InkStylePresetField":
      return use(References.stylePresetKind, field)
    case "InkSystemPromptField":
      return use(References.systemPromptKind, field)
    case "InkSavedWorkflowField":
      return use(References.savedWorkflowKind, field)
    case "InkIntegerCollectionField":
      return use(Collections.integerCollectionKind, field)
    case "InkFloatCollectionField":
      return use(Collections.floatCollectionKind, field)
    case "InkStringCollectionField":
      return use(Collections.stringCollectionKind, field)
    case "InkBooleanCollectionField":
      return use(Collections.booleanCollectionKind, field)
    case "InkImageCollectionField":
      return use(Collections.imageCollectionKind, field)
    case "InkVideoCollectionField":
      return use(Collections.videoCollectionKind, field)
    case "InkColorCollectionField":
      return use(Collections.colorCollectionKind, field)
    case "InkLoRACollectionField":
      return use(Collections.loraCollectionKind, field)
    case "InkFloatGeneratorField":
      return use(Generators.floatGeneratorKind, field)
    case "InkIntegerGeneratorField":
      return use(Generators.integerGeneratorKind, field)
    case "InkStringGeneratorField":
      return use(Generators.stringGeneratorKind, field)
    case "InkImageGeneratorField":
      return use(Generators.imageGeneratorKind, field)
    case "InkConnectionField":
      return use(connectionKind, field)
    case "InkUnknownField":
      return use(unknownKind, field)
    default:
      return use(Models.modelKind, field)
  }
}

/**
 * The field with another value, or why it does not take it.
 *
 * **Details**
 *
 * Type and limits are checked at once; whether an image or model exists is not. The given object is never kept: the
 * field holds a plain value of its own.
 *
 * **Example** (A text as a number)
 *
 * ```ts run
 * import * as Result from "effect/Result"
 * import * as InkField from "@effect-invokeai/core/workflow/InkField"
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
export const set = <Field extends InkField>(field: Field, input: unknown): Result.Result<Field, InkRefusal> =>
  withKind<Result.Result<Field, InkRefusal>>(field, (kind, self) => {
    const value = kind.coerce(self, input)
    if (value === undefined || kind.violations(self, value).length > 0) {
      return Result.fail({ expected: kind.expected(self), received: kind.describe?.(input) ?? describeReceived(input) })
    }
    return Result.succeed(Object.assign({}, field, { value }))
  })

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
export const accepts = (field: InkField, stored: unknown): boolean =>
  withKind(field, (kind, self) => kind.read(self, stored) !== undefined)

/**
 * The limits that a stored value breaks. A value of another type breaks none; see `accepts`.
 *
 * @category checks
 * @since 0.1.0
 */
export const violations = (field: InkField, stored: unknown): ReadonlyArray<InkViolation> =>
  withKind(field, (kind, self) => {
    const value = kind.read(self, stored)
    return value === undefined ? [] : kind.violations(self, value)
  })

/**
 * What a field takes, in words: `an integer greater than 0`.
 *
 * @category formatting
 * @since 0.1.0
 */
export const expected = (field: InkField): string => withKind(field, (kind, self) => kind.expected(self))

/**
 * The value of a field in words, for lists and logs: the name of a model or image, else the value as JSON. `undefined`
 * while there is none.
 *
 * @category formatting
 * @since 0.1.0
 */
export const format = (field: InkField): string | undefined => {
  const value = field.value
  if (value === undefined) return undefined
  if ("accepts" in field) return field.value === undefined ? undefined : modelLabel(field.value)
  switch (field._tag) {
    case "InkImageField":
      return field.value?.image_name
    case "InkVideoField":
      return field.value?.video_name
    case "InkBoardField":
      return typeof field.value === "string" ? field.value : field.value?.board_id
    case "InkStylePresetField":
      return field.value?.style_preset_id
    case "InkSystemPromptField":
      return field.value?.system_prompt_id
    case "InkImageCollectionField":
      return field.value?.map((image) => image.image_name).join(", ")
    case "InkVideoCollectionField":
      return field.value?.map((video) => video.video_name).join(", ")
    case "InkLoRACollectionField":
      return field.value?.map(({ lora, weight }) => `${modelLabel(lora)} (${weight})`).join(", ")
    default:
      return typeof value === "string" ? value : JSON.stringify(value)
  }
}
