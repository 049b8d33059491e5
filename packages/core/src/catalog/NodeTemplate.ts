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
  /** InvokeAI's name of the type, such as `IntegerField`, `ImageField` or `UNetField`. */
  readonly name: string
  /** Whether the field holds one value, a list, or either. */
  readonly cardinality: Cardinality
  /** Whether the values come from a batch, one per item. */
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
 * Limits of a single value: a number or a string. A limit that is absent does not apply.
 *
 * @category models
 * @since 0.1.0
 */
export interface ValueBounds {
  /** Smallest number that is allowed. */
  readonly minimum?: number
  /** Largest number that is allowed. */
  readonly maximum?: number
  /** Number that the value must be greater than. */
  readonly exclusiveMinimum?: number
  /** Number that the value must be less than. */
  readonly exclusiveMaximum?: number
  /** Number that the value must be a multiple of. */
  readonly multipleOf?: number
  /** Minimum number of characters of a string. */
  readonly minLength?: number
  /** Maximum number of characters of a string. */
  readonly maxLength?: number
  /** Regular expression that must match somewhere in a string. */
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
  /** Limits of the value of a field that holds one. */
  readonly value?: ValueBounds
  /** Limits of each item of a list. */
  readonly item?: ValueBounds
  /** Minimum number of items of a list. */
  readonly minItems?: number
  /** Maximum number of items of a list. */
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
  /** Accepted base models, such as `sdxl` or `flux`. */
  readonly base?: ReadonlyArray<string>
  /** Accepted model types, such as `main`, `lora` or `vae`. */
  readonly type?: ReadonlyArray<string>
  /** Accepted variants, such as `inpaint`. */
  readonly variant?: ReadonlyArray<string>
  /** Accepted file formats, such as `checkpoint` or `diffusers`. */
  readonly format?: ReadonlyArray<string>
  /** Accepted providers of models that do not run on the server itself. */
  readonly providerId?: ReadonlyArray<string>
}

/**
 * An input of a node type.
 *
 * @category models
 * @since 0.1.0
 */
export interface InputTemplate {
  /** Name of the field, such as `cfg_scale`. */
  readonly name: string
  /** Name that the official UI shows, such as "Cfg Scale". */
  readonly title: string
  /** What the server says about the field; absent if it says nothing. */
  readonly description?: string
  /** Type of the field. */
  readonly type: FieldType
  /** Whether the field takes a value, a connection, or either. */
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
  /** Which models the field accepts; absent if it does not limit them. */
  readonly models?: ModelConstraint
  /** Whether the official UI hides the field. */
  readonly hidden: boolean
  /** Position among the inputs in the official UI; absent if the server does not state one. */
  readonly order?: number
  /** Control that the official UI uses, such as `textarea`; absent for the usual one of the type. */
  readonly component?: string
}

/**
 * An output of a node type.
 *
 * @category models
 * @since 0.1.0
 */
export interface OutputTemplate {
  /** Name of the field, such as `image`. */
  readonly name: string
  /** Name that the official UI shows, such as "Image". */
  readonly title: string
  /** What the server says about the field; absent if it says nothing. */
  readonly description?: string
  /** Type of the field. */
  readonly type: FieldType
}

/**
 * A node type of a server.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeTemplate {
  /** Name of the node type, such as `flux_denoise`. */
  readonly type: string
  /** Name that the official UI shows. */
  readonly title: string
  /** What the server says about the node type; absent if it says nothing. */
  readonly description?: string
  /** Semantic version of the node type, `x.y.z`. */
  readonly version: string
  /** Category that the official UI lists the node type under. */
  readonly category: string
  /** Words by which the official UI finds the node type. */
  readonly tags: ReadonlyArray<string>
  /** Name of the node pack that the type belongs to; `invokeai` for InvokeAI's own. */
  readonly nodePack: string
  /** Maturity of the node type, such as `stable`, `beta` or `prototype`. */
  readonly classification: string
  /** `type` of the output object, such as `image_output`. */
  readonly outputType: string
  /** The default of `use_cache`. */
  readonly useCache: boolean
  /** The inputs by field name. */
  readonly inputs: ReadonlyMap<string, InputTemplate>
  /**
   * Names of inputs that the editor leaves out because their schema has no field type, such as an object without a name,
   * a tuple, or a union of different types. They take neither values nor connections.
   */
  readonly unsupportedInputs: ReadonlyArray<string>
  /** The outputs by field name. */
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
