/** Node templates from the schemas of an OpenAPI document. */
import * as Predicate from "effect/Predicate"
import { getOwn, type JsonObject, setOwn } from "../../internal/json.ts"
import { LazyMap } from "../../internal/LazyMap.ts"
import {
  type FieldBounds,
  type FieldType,
  type InputKind,
  type InputTemplate,
  isStateful,
  type ModelConstraint,
  type NodeTemplate,
  type OutputTemplate,
  titleOf,
  valueBoundNames,
  type ValueBounds
} from "../NodeTemplate.ts"
import { alternatives, isNullSchema, parseFieldType } from "./fieldTypeParser.ts"
import { modelKinds } from "./modelKinds.ts"

/** Node types that the editor does not offer. */
const deniedTypes: ReadonlySet<string> = new Set(["graph", "linear_ui_output"])

const reservedInputs: ReadonlySet<string> = new Set(["id", "type", "use_cache"])

/** The inputs whose values come from a batch, and the outputs that feed them, by node type. */
const batchFields: ReadonlyMap<string, string> = new Map([
  ["float_batch", "floats"],
  ["integer_batch", "integers"],
  ["string_batch", "strings"],
  ["image_batch", "images"],
  ["float_generator", "floats"],
  ["integer_generator", "integers"],
  ["string_generator", "strings"],
  ["image_generator", "images"]
])

const generatorDefaults: ReadonlyMap<string, JsonObject> = new Map<string, JsonObject>([
  ["FloatGeneratorField", { type: "float_generator_arithmetic_sequence", start: 0, step: 0.1, count: 10 }],
  ["IntegerGeneratorField", { type: "integer_generator_arithmetic_sequence", start: 0, step: 1, count: 10 }],
  ["StringGeneratorField", { type: "string_generator_parse_string", input: "foo,bar,baz,qux", splitOn: "," }],
  ["ImageGeneratorField", { type: "image_generator_images_from_board", category: "images" }]
])

const str = (value: unknown): string | undefined => typeof value === "string" ? value : undefined

const strings = (value: unknown): ReadonlyArray<string> | undefined => {
  if (!Array.isArray(value)) {
    return undefined
  }
  const texts = value.filter((item) => typeof item === "string")
  return texts.length === 0 ? undefined : texts
}

const valueBounds = (schema: unknown): ValueBounds | undefined => {
  if (!Predicate.isObject(schema)) {
    return undefined
  }
  const bounds: { -readonly [Key in keyof ValueBounds]: ValueBounds[Key] } = {}
  let any = false
  if (typeof schema["pattern"] === "string") {
    bounds.pattern = schema["pattern"]
    any = true
  }
  for (const name of valueBoundNames) {
    const value = schema[name]
    if (typeof value === "number") {
      bounds[name] = value
      any = true
    }
  }
  return any ? bounds : undefined
}

const none: FieldBounds = {}

const boundsOf = (schema: unknown): FieldBounds => {
  if (!Predicate.isObject(schema)) {
    return none
  }
  const { maxItems, minItems } = schema
  const value = valueBounds(schema)
  const item = schema["items"] === undefined ? undefined : valueBounds(schema["items"])
  if (value === undefined && item === undefined && minItems === undefined && maxItems === undefined) {
    return none
  }
  return {
    ...(value === undefined ? {} : { value }),
    ...(item === undefined ? {} : { item }),
    ...(typeof minItems === "number" ? { minItems } : {}),
    ...(typeof maxItems === "number" ? { maxItems } : {})
  }
}

type MutableBounds = { -readonly [Key in keyof FieldBounds]: FieldBounds[Key] }

/** The bounds of a property and of its alternatives: what the server enforces. */
const enforcedBounds = (property: JsonObject, own: FieldBounds): FieldBounds => {
  const nested = alternatives(property).map(boundsOf).filter((bounds) => bounds !== none)
  if (nested.length === 0) {
    return own
  }
  const all: MutableBounds = {}
  for (const { item, maxItems, minItems, value } of [own, ...nested]) {
    if (value !== undefined) all.value = Object.assign({}, all.value, value)
    if (item !== undefined) all.item = Object.assign({}, all.item, item)
    if (minItems !== undefined) all.minItems = minItems
    if (maxItems !== undefined) all.maxItems = maxItems
  }
  return all
}

const isChoice = (value: unknown): value is string | number | boolean =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean"

const optionsOf = (property: JsonObject): ReadonlyArray<string | number | boolean> | undefined => {
  for (const schema of [property, ...alternatives(property)]) {
    if (!Predicate.isObject(schema)) {
      continue
    }
    if (Array.isArray(schema["enum"])) {
      return schema["enum"].filter(isChoice)
    }
    if (isChoice(schema["const"])) {
      return [schema["const"]]
    }
  }
  return undefined
}

const labelsOf = (labels: unknown): Readonly<Record<string, string>> | undefined => {
  if (!Predicate.isObject(labels)) {
    return undefined
  }
  const found: Record<string, string> = {}
  for (const key of Object.keys(labels)) {
    const label = getOwn(labels, key)
    if (typeof label === "string") {
      setOwn(found, key, label)
    }
  }
  return found
}

const modelsOf = (property: JsonObject, type: FieldType): ModelConstraint | undefined => {
  const kind = modelKinds.get(type.name)
  if (kind !== undefined) {
    return kind
  }
  const base = strings(property["ui_model_base"])
  const modelType = strings(property["ui_model_type"])
  const variant = strings(property["ui_model_variant"])
  const format = strings(property["ui_model_format"])
  const providerId = strings(property["ui_model_provider_id"])
  return base === undefined && modelType === undefined && variant === undefined && format === undefined &&
      providerId === undefined
    ? undefined
    : {
      ...(base === undefined ? {} : { base }),
      ...(modelType === undefined ? {} : { type: modelType }),
      ...(variant === undefined ? {} : { variant }),
      ...(format === undefined ? {} : { format }),
      ...(providerId === undefined ? {} : { providerId })
    }
}

/** The value the editor gives a new node: the schema's default, or else the type's own. */
const defaultOf = (
  property: JsonObject,
  type: FieldType,
  required: boolean,
  options: ReadonlyArray<unknown> | undefined
): unknown => {
  const declared = property["default"]
  const given = declared === undefined || declared === null ? undefined : declared
  if (type.name === "LoRAField") {
    return given ?? []
  }
  if (type.cardinality === "COLLECTION") {
    switch (type.name) {
      case "IntegerField":
      case "FloatField":
      case "StringField":
      case "ImageField":
        return given ?? (required ? [] : undefined)
    }
  }
  switch (type.name) {
    case "IntegerField":
    case "FloatField":
      return given ?? 0
    case "StringField":
      return given ?? ""
    case "BooleanField":
      return given ?? false
    case "EnumField":
      return given ?? options?.[0]
    case "SchedulerField":
      return given ?? "dpmpp_3m_k"
    case "ColorField":
      return given ?? { r: 127, g: 127, b: 127, a: 255 }
    case "BoardField":
      return given ?? "auto"
    default:
      return given ?? generatorDefaults.get(type.name)
  }
}

/** Whether the editor has a control for values of a type. */
const hasControl = (type: FieldType): boolean => isStateful(type) || modelKinds.has(type.name)

const inputKindOf = (property: JsonObject, type: FieldType): InputKind => {
  if (!hasControl(type)) {
    return "connection"
  }
  const input = property["input"]
  return input === "direct" || input === "connection" ? input : "any"
}

const typeOf = (property: JsonObject, batch: boolean): FieldType | undefined => {
  const named = str(property["ui_type"])
  if (named === undefined || named.startsWith("DEPRECATED_")) {
    const type = parseFieldType(property)
    return type === undefined || !batch ? type : { ...type, batch }
  }
  const type: FieldType = { name: named, cardinality: named === "CollectionField" ? "COLLECTION" : "SINGLE", batch }
  const originalType = hasControl({ ...type, cardinality: "SINGLE" }) ? parseFieldType(property) : undefined
  return originalType === undefined || originalType.name === named ? type : { ...type, originalType }
}

const parseInput = (
  nodeType: string,
  name: string,
  property: JsonObject,
  requiredNames: ReadonlySet<unknown>
): InputTemplate | undefined => {
  const type = typeOf(property, batchFields.get(nodeType) === name && nodeType.endsWith("_batch"))
  if (type === undefined) {
    return undefined
  }
  const union = Array.isArray(property["anyOf"]) ? property["anyOf"] : undefined
  const required = property["orig_required"] === true
  const uiBounds = boundsOf(property)
  const options = type.name === "EnumField" || type.name === "SchedulerField" ? optionsOf(property) : undefined
  const order = property["ui_order"]
  const initial = isStateful(type) ? defaultOf(property, type, required, options) : undefined
  const template: { -readonly [K in keyof InputTemplate]: InputTemplate[K] } = {
    name,
    title: str(property["title"]) ?? titleOf(name),
    type,
    input: inputKindOf(property, type),
    required,
    requiredOnEnqueue: requiredNames.has(name),
    nullable: union !== undefined && union.some(isNullSchema),
    bounds: union === undefined ? uiBounds : enforcedBounds(property, uiBounds),
    uiBounds,
    hidden: property["ui_hidden"] === true
  }
  if (typeof property["description"] === "string") template.description = property["description"]
  if (initial !== undefined) template.default = initial
  if (!hasControl(type) && (property["input"] === "any" || property["input"] === "direct")) {
    template.takesJson = true
  }
  if (options !== undefined) template.options = options
  const optionLabels = labelsOf(property["ui_choice_labels"])
  if (optionLabels !== undefined) template.optionLabels = optionLabels
  const models = modelsOf(property, type)
  if (models !== undefined) template.models = models
  if (typeof order === "number") template.order = order
  if (typeof property["ui_component"] === "string") template.component = property["ui_component"]
  return template
}

const parseOutput = (name: string, property: JsonObject, batch: boolean): OutputTemplate | undefined => {
  const type = typeOf(property, batch)
  const description = str(property["description"])
  return type === undefined
    ? undefined
    : {
      name,
      title: str(property["title"]) ?? titleOf(name),
      ...(description === undefined ? {} : { description }),
      type
    }
}

const typeName = (schema: JsonObject): string | undefined => {
  const properties = schema["properties"]
  const type = Predicate.isObject(properties) ? properties["type"] : undefined
  return Predicate.isObject(type) ? str(type["const"]) ?? str(type["default"]) : undefined
}

/** What a document declares of a node type. */
interface NodeSchema {
  readonly type: string
  readonly schema: JsonObject
  readonly properties: JsonObject
  /** The schema of the output object. */
  readonly output: unknown
}

const parseTemplate = ({ output, properties, schema, type }: NodeSchema): NodeTemplate => {
  const requiredNames = new Set<unknown>(Array.isArray(schema["required"]) ? schema["required"] : [])
  const inputs = new Map<string, InputTemplate>()
  const unsupportedInputs: Array<string> = []
  for (const name of Object.keys(properties)) {
    const property = getOwn(properties, name)
    if (
      reservedInputs.has(name) || !Predicate.isObject(property) || property["field_kind"] === undefined ||
      property["ui_type"] === "IsIntermediate" || (type === "iterate" && name === "index")
    ) {
      continue
    }
    const input = parseInput(type, name, property, requiredNames)
    if (input === undefined) {
      unsupportedInputs.push(name)
    } else {
      inputs.set(name, input)
    }
  }
  const outputs = new Map<string, OutputTemplate>()
  if (Predicate.isObject(output) && Predicate.isObject(output["properties"])) {
    for (const name of Object.keys(output["properties"])) {
      const property = getOwn(output["properties"], name)
      if (name === "type" || !Predicate.isObject(property)) {
        continue
      }
      const template = parseOutput(name, property, type.endsWith("_generator") && batchFields.get(type) === name)
      if (template !== undefined) {
        outputs.set(name, template)
      }
    }
  }
  const useCache = properties["use_cache"]
  const description = str(schema["description"])
  return {
    type,
    title: (str(schema["title"]) ?? type).replace(/Invocation$/, ""),
    ...(description === undefined ? {} : { description }),
    version: str(schema["version"]) ?? "",
    category: str(schema["category"]) ?? "other",
    tags: strings(schema["tags"]) ?? [],
    nodePack: str(schema["node_pack"]) ?? "invokeai",
    classification: str(schema["classification"]) ?? "stable",
    outputType: Predicate.isObject(output) ? typeName(output) ?? "" : "",
    useCache: !(Predicate.isObject(useCache) && useCache["default"] === false),
    inputs,
    unsupportedInputs,
    outputs
  }
}

const nodeSchemaOf = (schema: unknown, schemas: JsonObject): NodeSchema | undefined => {
  if (!Predicate.isObject(schema) || schema["class"] !== "invocation") return undefined
  const type = typeName(schema)
  const { output, properties } = schema
  if (type === undefined || deniedTypes.has(type) || !Predicate.isObject(properties)) return undefined
  const ref = Predicate.isObject(output) ? str(output["$ref"]) : undefined
  return {
    type,
    schema,
    properties,
    output: ref === undefined ? undefined : getOwn(schemas, ref.slice(ref.lastIndexOf("/") + 1))
  }
}

/**
 * The node types that the schemas of a document declare. A template is made when it is first asked for, because workflows
 * use few of the types; of the document, only what is needed for the others is kept.
 */
export const parseNodeTemplates = (schemas: JsonObject): ReadonlyMap<string, NodeTemplate> => {
  const templates = new Map<string, () => NodeTemplate>()
  for (const key of Object.keys(schemas)) {
    const node = nodeSchemaOf(getOwn(schemas, key), schemas)
    if (node !== undefined) templates.set(node.type, () => parseTemplate(node))
  }
  return new LazyMap(templates)
}
