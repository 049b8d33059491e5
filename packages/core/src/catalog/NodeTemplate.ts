/**
 * The description of a node type by one server: its inputs with their types, bounds, defaults and options, and its
 * outputs.
 *
 * **Details**
 *
 * Templates are plain immutable values made from the server's OpenAPI document (see `NodeCatalog`). They mirror what
 * the InvokeAI UI derives from the same document, and also keep what the UI drops but the server enforces.
 *
 * @since 0.1.0
 */

/**
 * Whether a field holds one value, a list, or either.
 *
 * @category models
 * @since 0.1.0
 */
export type Cardinality = "SINGLE" | "COLLECTION" | "SINGLE_OR_COLLECTION"

/**
 * The type of a field: InvokeAI's type name (`IntegerField`, `ImageField`, `UNetField`, …), how many values it holds,
 * and whether the values come from a batch.
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
  /** The type that the schema implies if the server names another one: a `SchedulerField` is an `EnumField`. */
  readonly originalType?: FieldType
}

/**
 * How an input gets its value: as a value or over a connection (`any`), only as a value (`direct`), or only over a
 * connection (`connection`).
 *
 * @category models
 * @since 0.1.0
 */
export type InputKind = "any" | "direct" | "connection"

/**
 * Bounds of a single value: a number or a string. An absent bound does not apply.
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

/** The names of the numeric bounds of a single value. @internal */
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
 * Bounds of a field: of its value, or, for collections, of each item and of the number of items.
 *
 * @category models
 * @since 0.1.0
 */
export interface FieldBounds {
  /** Bounds of the value, for fields of a single value. */
  readonly value?: ValueBounds
  /** Bounds of each item of a list. */
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
 * One form for both notations of servers: `ui_type` (`T5EncoderModelField`, … up to 6.7) and `ui_model_base`,
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
  /** Name that the InvokeAI UI shows, such as "Cfg Scale". */
  readonly title: string
  /** The server's description of the field, if it has one. */
  readonly description?: string
  /** Type of the field. */
  readonly type: FieldType
  /** Whether the field accepts a value, a connection, or either. */
  readonly input: InputKind
  /**
   * Whether the server accepts a value although the editor only accepts a connection: the editor has no control for the
   * type, for example a node pack's, and `input` in the server's document is `any` or `direct`. Otherwise absent.
   */
  readonly takesJson?: true
  /** The server's `orig_required`: the node cannot run without a value or a connection. */
  readonly required: boolean
  /** Whether the enqueue route responds with 422 if the field is absent (a `direct` required field). */
  readonly requiredOnEnqueue: boolean
  /** Whether the field accepts `null`. */
  readonly nullable: boolean
  /** The default that the InvokeAI UI sets in a new node, if any. */
  readonly default?: unknown
  /** All bounds that the server enforces, including those nested under `anyOf`. */
  readonly bounds: FieldBounds
  /** The bounds that the InvokeAI UI enforces: those at the top level of the property. */
  readonly uiBounds: FieldBounds
  /** Options of an enum field, in the server's order. */
  readonly options?: ReadonlyArray<string | number | boolean>
  /** The label that the UI shows for each option, by option. */
  readonly optionLabels?: Readonly<Record<string, string>>
  /** Which models the field accepts; absent if it accepts any. */
  readonly models?: ModelConstraint
  /** Whether the InvokeAI UI hides the field. */
  readonly hidden: boolean
  /** Position among the inputs in the InvokeAI UI; absent if the server does not state one. */
  readonly order?: number
  /** Control that the InvokeAI UI uses, such as `textarea`; absent for the default control of the type. */
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
  /** Name that the InvokeAI UI shows, such as "Image". */
  readonly title: string
  /** The server's description of the field, if it has one. */
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
  /** Name that the InvokeAI UI shows. */
  readonly title: string
  /** The server's description of the node type, if it has one. */
  readonly description?: string
  /** Semantic version of the node type, `x.y.z`. */
  readonly version: string
  /** Category that the InvokeAI UI lists the node type under. */
  readonly category: string
  /** Search words for the node type in the InvokeAI UI. */
  readonly tags: ReadonlyArray<string>
  /** Name of the node pack that the type belongs to; `invokeai` for InvokeAI's own. */
  readonly nodePack: string
  /** Maturity of the node type, such as `stable`, `beta` or `prototype`. */
  readonly classification: string
  /** `type` of the output object, such as `image_output`. */
  readonly outputType: string
  /** Default value of `use_cache`. */
  readonly useCache: boolean
  /** The inputs by field name. */
  readonly inputs: ReadonlyMap<string, InputTemplate>
  /**
   * Names of inputs that the editor leaves out because their schema has no field type, such as an object without a
   * name, a tuple, or a union of different types. They accept neither values nor connections.
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

/** Types whose fields can hold a value; fields of all other types can only be connected. */
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
 * Whether fields of a type can hold a value. All others get it over a connection.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isStateful = (type: Pick<FieldType, "name" | "cardinality">): boolean =>
  statefulTypes.has(type.name) || (type.name === "LoRAField" && type.cardinality !== "SINGLE")
