/**
 * Migrations of workflow documents: 1.0.0 → 2.0.0 → 3.0.0 → 4.0.0, as JSON.
 *
 * **Details**
 *
 * 1.0.0 stores field types as one word (`integer`, `ImageCollection`, `StringPolymorphic`), 2.0.0 as an object; 3.0.0
 * and later do not store them, because they are in the server's node templates. 4.0.0 adds connectors. Only the schema
 * version and what a version no longer has are changed.
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import { getOwn, type JsonObject, setOwn } from "../../internal/json.ts"
import type { WorkflowParseError } from "../WorkflowFileError.ts"
import { fail } from "./parsing.ts"

/** Until 2.0.0, nodes could have a size. */
const isSize = (value: unknown): boolean =>
  value === undefined || value === null || (typeof value === "number" && Number.isFinite(value) && value > 0)

/** Rewrites the invocation nodes of a document; stops at the first failure. */
const mapInvocations = (
  document: JsonObject,
  rewrite: (data: JsonObject, path: ReadonlyArray<string>) => Result.Result<JsonObject, WorkflowParseError>
): Result.Result<JsonObject, WorkflowParseError> => {
  const nodes = document["nodes"]
  if (!Array.isArray(nodes)) {
    return Result.succeed(document)
  }
  const rewritten: Array<unknown> = []
  for (const [index, node] of nodes.entries()) {
    const size = Predicate.isObject(node) ? ["width", "height"].find((name) => !isSize(node[name])) : undefined
    if (size !== undefined) {
      return fail(`the ${size} of a node is not a positive number`, ["nodes", String(index), size])
    }
    if (
      !Predicate.isObject(node) || node["type"] !== "invocation" || !Predicate.isObject(node["data"])
    ) {
      rewritten.push(node)
      continue
    }
    const data = rewrite(node["data"], ["nodes", String(index), "data"])
    if (Result.isFailure(data)) {
      return Result.fail(data.failure)
    }
    rewritten.push({ ...node, data: data.success })
  }
  return Result.succeed({ ...document, nodes: rewritten })
}

const mapFields = (
  data: JsonObject,
  kind: "inputs" | "outputs",
  path: ReadonlyArray<string>,
  rewrite: (field: JsonObject, path: ReadonlyArray<string>) => Result.Result<JsonObject, WorkflowParseError>
): Result.Result<JsonObject, WorkflowParseError> => {
  const fields = data[kind]
  if (!Predicate.isObject(fields)) {
    return fail(`a node has no ${kind}`, [...path, kind])
  }
  const rewritten: Record<string, unknown> = {}
  for (const name of Object.keys(fields)) {
    const field = getOwn(fields, name)
    const fieldPath = [...path, kind, name]
    if (!Predicate.isObject(field)) {
      return fail("a field is not an object", fieldPath)
    }
    const problem = fieldProblem(field, kind === "inputs" ? "input" : "output")
    if (problem !== undefined) {
      return fail(problem, fieldPath)
    }
    const result = rewrite(field, fieldPath)
    if (Result.isFailure(result)) {
      return Result.fail(result.failure)
    }
    setOwn(rewritten, name, result.success)
  }
  return Result.succeed({ ...data, [kind]: rewritten })
}

const isName = (value: unknown): boolean => typeof value === "string" && value.trim() !== ""

/** Until 2.0.0, fields contained their id, kind and type. */
const fieldProblem = (field: JsonObject, kind: "input" | "output"): string | undefined =>
  !isName(field["id"]) || !isName(field["name"])
    ? "a field has no id or no name"
    : field["fieldKind"] !== kind
    ? `a field is not an ${kind}`
    : undefined

// 1.0.0 → 2.0.0

interface FieldTypeV2 {
  readonly name: string
  readonly isCollection: boolean
  readonly isCollectionOrScalar: boolean
}

/** The types of 1.0.0 that do not become the `…Field`, `…Collection` or `…Polymorphic` of the same name. */
const primitiveTypes: ReadonlyMap<string, string> = new Map([
  ["integer", "IntegerField"],
  ["float", "FloatField"],
  ["string", "StringField"],
  ["boolean", "BooleanField"],
  ["enum", "EnumField"],
  ["Scheduler", "SchedulerField"],
  ["Any", "AnyField"],
  ["CollectionItem", "CollectionItemField"],
  ["VaeModelField", "VAEModelField"]
])

const singleTypes: ReadonlySet<string> = new Set([
  "BoardField",
  "ClipField",
  "ColorField",
  "ConditioningField",
  "ControlField",
  "ControlNetModelField",
  "DenoiseMaskField",
  "ImageField",
  "IPAdapterField",
  "IPAdapterModelField",
  "LatentsField",
  "LoRAModelField",
  "MainModelField",
  "MetadataField",
  "MetadataItemField",
  "SDXLMainModelField",
  "SDXLRefinerModelField",
  "T2IAdapterField",
  "T2IAdapterModelField",
  "UNetField",
  "VaeField"
])

const collectionTypes: ReadonlySet<string> = new Set([
  "Boolean",
  "Color",
  "Conditioning",
  "Control",
  "Float",
  "Image",
  "Integer",
  "IPAdapter",
  "Latents",
  "Metadata",
  "MetadataItem",
  "String",
  "T2IAdapter"
])

const polymorphicTypes: ReadonlySet<string> = new Set(
  [...collectionTypes].filter((name) => name !== "Metadata")
)

const fieldTypeFromV1 = (type: unknown): FieldTypeV2 | undefined => {
  if (typeof type !== "string") {
    return undefined
  }
  const primitive = primitiveTypes.get(type)
  if (primitive !== undefined || singleTypes.has(type)) {
    return { name: primitive ?? type, isCollection: false, isCollectionOrScalar: false }
  }
  if (type === "Collection") {
    return { name: "CollectionField", isCollection: true, isCollectionOrScalar: false }
  }
  if (type.endsWith("Collection") && collectionTypes.has(type.slice(0, -"Collection".length))) {
    return { name: `${type.slice(0, -"Collection".length)}Field`, isCollection: true, isCollectionOrScalar: false }
  }
  if (type.endsWith("Polymorphic") && polymorphicTypes.has(type.slice(0, -"Polymorphic".length))) {
    return { name: `${type.slice(0, -"Polymorphic".length)}Field`, isCollection: false, isCollectionOrScalar: true }
  }
  return undefined
}

const isInteger = (value: unknown): boolean => typeof value === "number" && Number.isInteger(value)
const isFiniteNumber = (value: unknown): boolean => typeof value === "number" && Number.isFinite(value)
const isString = (value: unknown): boolean => typeof value === "string"
const isBoolean = (value: unknown): boolean => typeof value === "boolean"
const listOf = (item: (value: unknown) => boolean) => (value: unknown): boolean =>
  Array.isArray(value) && value.every(item)
const hasNames = (...names: ReadonlyArray<string>) => (value: unknown): boolean =>
  Predicate.isObject(value) && names.every((name) => isName(value[name]))
const oneOrMore = (item: (value: unknown) => boolean) => (value: unknown): boolean => item(value) || listOf(item)(value)
const isOneOf = (words: ReadonlySet<string>) => (value: unknown): boolean =>
  typeof value === "string" && words.has(value)

type Check = (value: unknown) => boolean

/** Objects with some parts; those whose names end in `?` may be missing. */
const parts = (checks: Readonly<Record<string, Check>>): Check => (value) =>
  Predicate.isObject(value) &&
  Object.entries(checks).every(([key, check]) => {
    const name = key.replace(/\?$/, "")
    return (key.endsWith("?") && value[name] === undefined) || check(value[name])
  })

const isColor: Check = (value) =>
  Predicate.isObject(value) && ["r", "g", "b", "a"].every((channel) => {
    const part = value[channel]
    return typeof part === "number" && Number.isInteger(part) && part >= 0 && part <= 255
  })

/** The schedulers and model bases that existed until 4.0. */
const isOldScheduler = isOneOf(
  new Set(
    ("euler deis ddim ddpm dpmpp_2s dpmpp_2m dpmpp_2m_sde dpmpp_sde heun kdpm_2 lms pndm unipc euler_k dpmpp_2s_k " +
      "dpmpp_2m_k dpmpp_2m_sde_k dpmpp_sde_k heun_k lms_k euler_a kdpm_2_a lcm").split(" ")
  )
)
const isOldBase = isOneOf(new Set(["any", "sd-1", "sd-2", "sdxl", "sdxl-refiner"]))
const isText: Check = (value) => typeof value === "string" && value !== ""
const isImage = hasNames("image_name")
const isOldModel = parts({ model_name: isName, base_model: isOldBase })
const isOldMainModel = parts({
  model_name: isText,
  base_model: isOldBase,
  model_type: isOneOf(new Set(["main", "onnx"]))
})
const isWeight = oneOrMore(isFiniteNumber)
const isResizeMode = isOneOf(new Set(["just_resize", "crop_resize", "fill_resize", "just_resize_simple"]))
const isControl = parts({
  image: isImage,
  control_model: isOldModel,
  "control_weight?": isWeight,
  "begin_step_percent?": isFiniteNumber,
  "end_step_percent?": isFiniteNumber,
  "control_mode?": isOneOf(new Set(["balanced", "more_prompt", "more_control", "unbalanced"])),
  "resize_mode?": isResizeMode
})
const isIpAdapter = parts({
  image: isImage,
  ip_adapter_model: isOldModel,
  weight: isFiniteNumber,
  "begin_step_percent?": isFiniteNumber,
  "end_step_percent?": isFiniteNumber
})
const isT2iAdapter = parts({
  image: isImage,
  t2i_adapter_model: isOldModel,
  "weight?": isWeight,
  "begin_step_percent?": isFiniteNumber,
  "end_step_percent?": isFiniteNumber,
  "resize_mode?": isResizeMode
})
const isLatents = parts({ latents_name: isName, "seed?": isInteger })
const isConditioning = parts({ conditioning_name: isName })
const isMetadataItem: Check = (value) => Predicate.isObject(value) && typeof value["label"] === "string"

/** 1.0.0 rejected a file with a value of the wrong type in one of these. */
const valuesV1: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ["integer", isInteger],
  ["IntegerCollection", listOf(isInteger)],
  ["IntegerPolymorphic", isInteger],
  ["float", isFiniteNumber],
  ["FloatCollection", listOf(isFiniteNumber)],
  ["FloatPolymorphic", isFiniteNumber],
  ["string", isString],
  ["StringCollection", listOf(isString)],
  ["StringPolymorphic", isString],
  ["boolean", isBoolean],
  ["BooleanCollection", listOf(isBoolean)],
  ["BooleanPolymorphic", isBoolean],
  ["enum", isString],
  ["Scheduler", isOldScheduler],
  ["ImageField", isImage],
  ["ImagePolymorphic", isImage],
  ["ImageCollection", listOf(isImage)],
  ["BoardField", hasNames("board_id")],
  ["MainModelField", isOldMainModel],
  ["SDXLMainModelField", isOldMainModel],
  ["SDXLRefinerModelField", isOldMainModel],
  ["VaeModelField", isOldModel],
  ["LoRAModelField", isOldModel],
  ["ControlNetModelField", isOldModel],
  ["IPAdapterModelField", isOldModel],
  ["T2IAdapterModelField", isOldModel],
  ["Collection", Array.isArray],
  ["ColorField", isColor],
  ["ColorCollection", listOf(isColor)],
  ["ColorPolymorphic", oneOrMore(isColor)],
  ["LatentsField", isLatents],
  ["LatentsCollection", listOf(isLatents)],
  ["LatentsPolymorphic", oneOrMore(isLatents)],
  ["ConditioningField", isConditioning],
  ["ConditioningCollection", listOf(isConditioning)],
  ["ConditioningPolymorphic", oneOrMore(isConditioning)],
  ["DenoiseMaskField", parts({ mask_name: isName, "masked_latents_name?": isName })],
  ["ControlField", isControl],
  ["ControlCollection", listOf(isControl)],
  ["ControlPolymorphic", oneOrMore(isControl)],
  ["IPAdapterField", isIpAdapter],
  ["IPAdapterCollection", listOf(isIpAdapter)],
  ["IPAdapterPolymorphic", oneOrMore(isIpAdapter)],
  ["T2IAdapterField", isT2iAdapter],
  ["T2IAdapterCollection", listOf(isT2iAdapter)],
  ["T2IAdapterPolymorphic", oneOrMore(isT2iAdapter)],
  ["MetadataField", Predicate.isObject],
  ["MetadataCollection", listOf(Predicate.isObject)],
  ["MetadataItemField", isMetadataItem],
  ["MetadataItemCollection", listOf(isMetadataItem)],
  ["MetadataItemPolymorphic", oneOrMore(isMetadataItem)]
])

const textNames = ["name", "author", "description", "version", "contact", "tags", "notes"] as const
const listNames = ["nodes", "edges", "exposedFields"] as const

const retype = (field: JsonObject, path: ReadonlyArray<string>): Result.Result<JsonObject, WorkflowParseError> => {
  const type = fieldTypeFromV1(field["type"])
  if (type === undefined) {
    return fail(`unknown field type ${JSON.stringify(field["type"])}`, [...path, "type"])
  }
  const accepts = valuesV1.get(String(field["type"]))
  return field["value"] !== undefined && accepts !== undefined && !accepts(field["value"])
    ? fail(`the value is not valid for type ${String(field["type"])}`, [...path, "value"])
    : Result.succeed({ ...field, type })
}

/** A document of 1.0.0 in the form of 2.0.0. */
export const fromV1 = (document: JsonObject): Result.Result<JsonObject, WorkflowParseError> => {
  const defaults: Record<string, unknown> = {}
  for (const name of textNames) {
    defaults[name] = document[name] ?? ""
  }
  for (const name of listNames) {
    defaults[name] = document[name] ?? []
  }
  const meta = Predicate.isObject(document["meta"]) ? document["meta"] : {}
  return mapInvocations(
    { ...document, ...defaults, meta: { ...meta, category: "user", version: "2.0.0" } },
    (data, path) => {
      if (!isBoolean(data["embedWorkflow"])) {
        return fail("embedWorkflow of a node is not a boolean", [...path, "embedWorkflow"])
      }
      const { embedWorkflow: _embedWorkflow, ...rest } = data
      const current = {
        ...rest,
        nodePack: "Unknown",
        useCache: data["useCache"] ?? true,
        version: data["version"] === undefined || data["version"] === "" ? "1.0.0" : data["version"]
      }
      return Result.flatMap(
        mapFields(
          current,
          "inputs",
          path,
          (field, fieldPath) =>
            isString(field["label"]) ? retype(field, fieldPath) : fail("a field has no label", fieldPath)
        ),
        (withInputs) => mapFields(withInputs, "outputs", path, retype)
      )
    }
  )
}

// 2.0.0 → 3.0.0

const isLongName: Check = (value) => typeof value === "string" && value.length >= 3
const isModel = parts({ model_name: isLongName, base_model: isOldBase })
const isMainModel = parts({ model_name: isLongName, base_model: isOldBase, model_type: (value) => value === "main" })

/**
 * The types of 2.0.0 whose fields had a value. Values of other types, lists, and values of the wrong type were not
 * kept.
 */
const valuesV2: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ["IntegerField", isInteger],
  ["FloatField", isFiniteNumber],
  ["StringField", isString],
  ["BooleanField", isBoolean],
  ["EnumField", isString],
  ["ImageField", hasNames("image_name")],
  ["BoardField", hasNames("board_id")],
  ["ColorField", isColor],
  ["SchedulerField", isOldScheduler],
  ["MainModelField", isMainModel],
  ["SDXLMainModelField", isMainModel],
  ["SDXLRefinerModelField", isMainModel],
  ["VAEModelField", isModel],
  ["LoRAModelField", isModel],
  ["ControlNetModelField", isModel],
  ["IPAdapterModelField", isModel],
  ["T2IAdapterModelField", isModel]
])

const typeNameV2 = (type: unknown): string | undefined =>
  Predicate.isObject(type) && typeof type["name"] === "string" && type["name"] !== "" &&
    isBoolean(type["isCollection"]) &&
    isBoolean(type["isCollectionOrScalar"])
    ? type["name"]
    : undefined

const noType = (path: ReadonlyArray<string>) => fail("a field has no type", [...path, "type"])

const untype = (field: JsonObject, path: ReadonlyArray<string>): Result.Result<JsonObject, WorkflowParseError> => {
  const type = typeNameV2(field["type"])
  if (type === undefined) {
    return noType(path)
  }
  const { fieldKind: _fieldKind, id: _id, type: _type, value, ...rest } = field
  const label = rest["label"] ?? ""
  if (!isString(label)) {
    return fail("the label of a field is not a string", [...path, "label"])
  }
  const kept = valuesV2.get(type)?.(value) === true
  return Result.succeed({ ...rest, label, ...(kept ? { value } : {}) })
}

/** A document of 2.0.0 in the form of 4.0.0. */
export const fromV2 = (document: JsonObject): Result.Result<JsonObject, WorkflowParseError> => {
  const meta = Predicate.isObject(document["meta"]) ? document["meta"] : {}
  // 3.0.0 introduced forms.
  const { form: _form, ...rest } = document
  return mapInvocations({ ...rest, meta: { ...meta, version: "4.0.0" } }, (data, path) => {
    const checked = mapFields(
      data,
      "outputs",
      path,
      (field, fieldPath) => typeNameV2(field["type"]) === undefined ? noType(fieldPath) : Result.succeed(field)
    )
    if (Result.isFailure(checked)) {
      return checked
    }
    const { nodePack, outputs: _outputs, ...current } = data
    return mapFields(
      nodePack === null ? current : data["nodePack"] === undefined ? current : { ...current, nodePack },
      "inputs",
      path,
      untype
    )
  })
}
