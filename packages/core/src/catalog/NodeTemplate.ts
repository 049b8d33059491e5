/**
 * What one server says about one node type: its inputs with their types, bounds, defaults and choices, and its outputs.
 *
 * **Details**
 *
 * Templates are plain immutable values made from the server's OpenAPI document (see `NodeCatalog`). They mirror what the
 * official UI derives from the same document, and keep besides what the UI drops but the server enforces.
 *
 * @since 0.1.0
 */

/**
 * How many values a field holds.
 *
 * @category models
 * @since 0.1.0
 */
export type Cardinality = "SINGLE" | "COLLECTION" | "SINGLE_OR_COLLECTION"

/**
 * The type of a field: InvokeAI's type name (`IntegerField`, `ImageField`, `UNetField`, …), how many values it holds,
 * and whether those values come from a batch.
 *
 * @category models
 * @since 0.1.0
 */
export interface FieldType {
  readonly name: string
  readonly cardinality: Cardinality
  readonly batch: boolean
  /** What the schema says of a field whose type the server names itself: a `SchedulerField` is an `EnumField`. */
  readonly originalType?: FieldType
}

/**
 * How an input may get its value: typed in or connected (`any`), only typed in (`direct`), only connected (`connection`).
 *
 * @category models
 * @since 0.1.0
 */
export type InputKind = "any" | "direct" | "connection"

/**
 * Limits of a single value.
 *
 * **Details**
 *
 * Numbers: `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum`, `multipleOf`. Strings: `minLength`,
 * `maxLength` (in characters), `pattern` (a regular expression that has to match somewhere in the text).
 *
 * @category models
 * @since 0.1.0
 */
export interface ValueBounds {
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly exclusiveMaximum?: number
  readonly multipleOf?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: string
}

/** The names of the limits of a single value that are numbers. @internal */
export const valueBoundNames = [
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "multipleOf",
  "minLength",
  "maxLength"
] as const satisfies ReadonlyArray<Exclude<keyof ValueBounds, "pattern">>

/**
 * Limits of a field: those of its value, or of each item and of the number of items for collections.
 *
 * @category models
 * @since 0.1.0
 */
export interface FieldBounds {
  readonly value?: ValueBounds
  readonly item?: ValueBounds
  readonly minItems?: number
  readonly maxItems?: number
}

/**
 * Which models a model field accepts. An absent list means any.
 *
 * **Details**
 *
 * One form for both ways in which servers say it: `ui_type` (`T5EncoderModelField`, … up to 6.7) and `ui_model_base`,
 * `ui_model_type`, `ui_model_variant`, `ui_model_format`, `ui_model_provider_id` (later).
 *
 * @category models
 * @since 0.1.0
 */
export interface ModelConstraint {
  readonly base?: ReadonlyArray<string>
  readonly type?: ReadonlyArray<string>
  readonly variant?: ReadonlyArray<string>
  readonly format?: ReadonlyArray<string>
  readonly providerId?: ReadonlyArray<string>
}

/**
 * An input of a node type.
 *
 * @category models
 * @since 0.1.0
 */
export interface InputTemplate {
  readonly name: string
  readonly title: string
  readonly description?: string
  readonly type: FieldType
  readonly input: InputKind
  /**
   * Whether the server takes a value where the editor only takes a connection: the type has no control in the editor,
   * such as one of a node pack, and the server's document has `any` or `direct` as its `input`. Absent where it does not.
   */
  readonly takesJson?: true
  /** The server's `orig_required`: the node cannot run without a value or a connection. */
  readonly required: boolean
  /** True where the enqueue route itself answers 422 when the field is absent (a `direct` required field). */
  readonly requiredOnEnqueue: boolean
  /** Whether `null` is a value of the field. */
  readonly nullable: boolean
  /** The default the official UI gives a new node; absent where it gives none. */
  readonly default?: unknown
  /** All limits that the server enforces, also those that pydantic nests under `anyOf`. */
  readonly bounds: FieldBounds
  /** The limits that the official UI sees: those at the top level of the property. */
  readonly uiBounds: FieldBounds
  /** Choices of an enum field, in the server's order. */
  readonly options?: ReadonlyArray<string | number | boolean>
  /** What the UI shows for a choice, by choice. */
  readonly optionLabels?: Readonly<Record<string, string>>
  readonly models?: ModelConstraint
  readonly hidden: boolean
  readonly order?: number
  readonly component?: string
}

/**
 * An output of a node type.
 *
 * @category models
 * @since 0.1.0
 */
export interface OutputTemplate {
  readonly name: string
  readonly title: string
  readonly description?: string
  readonly type: FieldType
}

/**
 * A node type of a server.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeTemplate {
  readonly type: string
  readonly title: string
  readonly description?: string
  /** Semantic version of the node type, `x.y.z`. */
  readonly version: string
  readonly category: string
  readonly tags: ReadonlyArray<string>
  readonly nodePack: string
  readonly classification: string
  /** `type` of the output object, such as `image_output`. */
  readonly outputType: string
  /** The default of `use_cache`. */
  readonly useCache: boolean
  readonly inputs: ReadonlyMap<string, InputTemplate>
  /**
   * Names of inputs that the editor leaves out because their schema has no field type, such as an object without a name,
   * a tuple, or a union of different types. They take neither values nor connections.
   */
  readonly unsupportedInputs: ReadonlyArray<string>
  readonly outputs: ReadonlyMap<string, OutputTemplate>
}

/**
 * The title of a field whose schema gives it none: `image1` is shown as "Image 1", `cfg_scale` as "Cfg Scale".
 *
 * @category formatting
 * @since 0.1.0
 */
export const titleOf = (name: string): string =>
  (name.match(/\p{Lu}?\p{Ll}+|\p{Lu}+(?!\p{Ll})|\p{N}+|[\p{Lo}\p{Lm}]+/gu) ?? [])
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(" ")

/** Types that hold a value of their own; fields of all other types can only be connected. */
const statefulTypes: ReadonlySet<string> = new Set([
  "IntegerField",
  "FloatField",
  "StringField",
  "BooleanField",
  "EnumField",
  "ImageField",
  "VideoField",
  "BoardField",
  "StylePresetField",
  "SystemPromptField",
  "ModelIdentifierField",
  "ColorField",
  "SchedulerField",
  "SavedWorkflowField",
  "FloatGeneratorField",
  "IntegerGeneratorField",
  "StringGeneratorField",
  "ImageGeneratorField",
  "LoRAMetadataField",
  "ControlNetMetadataField",
  "IPAdapterMetadataField",
  "T2IAdapterMetadataField"
])

/**
 * Whether fields of a type can hold a value of their own. All others get it over a connection.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isStateful = (type: Pick<FieldType, "name" | "cardinality">): boolean =>
  statefulTypes.has(type.name) || (type.name === "LoRAField" && type.cardinality !== "SINGLE")
