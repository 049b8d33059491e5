/** The TypeScript type of each field, as text for generated modules. */
import type * as InkField from "../../field/InkField.ts"

type ValueField = Exclude<InkField.InkField, InkField.InkModelField>

const literals = (options: ReadonlyArray<unknown>, otherwise: ReadonlyArray<string>): ReadonlyArray<string> =>
  options.length === 0 ? otherwise : [...new Set(options.map((option) => JSON.stringify(option)))]

const exported = (name: string) => () => [`TypedWorkflow.${name}`]
const list = (item: string) => () => [`ReadonlyArray<${item}>`]

/** The members of the union that is the type of a field, by its tag. */
const types: {
  readonly [Tag in ValueField["_tag"]]: (
    field: Extract<ValueField, { readonly _tag: Tag }>
  ) => ReadonlyArray<string>
} = {
  InkIntegerField: () => ["number"],
  InkFloatField: () => ["number"],
  InkStringField: () => ["string"],
  InkBooleanField: () => ["boolean"],
  InkEnumField: ({ options }) => literals(options, ["string", "number", "boolean"]),
  InkSchedulerField: ({ options }) => literals(options, ["string"]),
  InkColorField: exported("ColorInput"),
  InkImageField: exported("ImageInput"),
  InkVideoField: exported("VideoInput"),
  InkBoardField: exported("BoardInput"),
  InkStylePresetField: exported("StylePresetInput"),
  InkSystemPromptField: exported("SystemPromptInput"),
  InkSavedWorkflowField: exported("SavedWorkflowInput"),
  InkIntegerCollectionField: list("number"),
  InkFloatCollectionField: list("number"),
  InkStringCollectionField: list("string"),
  InkBooleanCollectionField: list("boolean"),
  InkImageCollectionField: list("TypedWorkflow.ImageInput"),
  InkVideoCollectionField: list("TypedWorkflow.VideoInput"),
  InkColorCollectionField: list("TypedWorkflow.ColorInput"),
  InkLoRACollectionField: list("TypedWorkflow.LoRAInput"),
  InkFloatGeneratorField: exported("FloatGenerator"),
  InkIntegerGeneratorField: exported("IntegerGenerator"),
  InkStringGeneratorField: exported("StringGenerator"),
  InkImageGeneratorField: exported("ImageGenerator"),
  InkConnectionField: () => ["never"],
  InkUnknownField: exported("Json")
}

/** The members of the union that is the type of an input. */
export const inputType = (field: InkField.InkField): ReadonlyArray<string> => {
  if ("accepts" in field) return ["TypedWorkflow.ModelInput"]
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the table has the function of each field under its tag
  const type = types[field._tag] as (field: ValueField) => ReadonlyArray<string>
  return type(field)
}

/** The type of one value of an output. */
const outputTypes = {
  image: "TypedWorkflow.ImageData",
  video: "TypedWorkflow.VideoData",
  integer: "number",
  number: "number",
  string: "string",
  boolean: "boolean",
  color: "TypedWorkflow.ColorData",
  json: "TypedWorkflow.Json"
} as const

/** The type of an output. */
export const outputType = (
  { many, type }: { readonly many: boolean; readonly type: keyof typeof outputTypes }
): string => many ? `ReadonlyArray<${outputTypes[type]}>` : outputTypes[type]
