/**
 * The results of a job as typed values: what every node of the workflow gave, in which queue item and which iteration.
 *
 * **Details**
 *
 * `WorkflowOutput` has every output in `all` and typed views of them. Each output type of the server has its own
 * `Ink…Output`; what a newer server adds comes as `InkUnknownOutput` with its data.
 *
 * **Example** (Printing the images of a finished job)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import type { Job } from "@effect-invokeai/core/job/Job"
 *
 * const printImages = (job: Job) =>
 *   Effect.gen(function*() {
 *     const outputs = yield* job.outputs
 *     for (const image of outputs.images) {
 *       yield* Effect.log(`${image.imageName} ${image.width}x${image.height} from ${image.nodeId}`)
 *     }
 *   })
 * ```
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import { dual } from "effect/Function"
import * as Predicate from "effect/Predicate"
import { type ConditioningOutput, conditioningOutputShapes } from "./internal/outputs/conditioning.ts"
import type {
  FieldData,
  InkOutputBase,
  InkUnknownOutput,
  OutputOrigin,
  OutputShape
} from "./internal/outputs/fields.ts"
import {
  type InkBoundingBoxCollectionOutput,
  type InkBoundingBoxOutput,
  type InkImageOutput,
  type InkLatentsMetaOutput,
  type InkLatentsOutput,
  type InkMaskOutput,
  type InkNoiseOutput,
  type MediaOutput,
  mediaOutputShapes
} from "./internal/outputs/media.ts"
import { type ModelOutput, modelOutputShapes } from "./internal/outputs/models.ts"
import { type SeedGraph, seedOf as findSeed } from "./internal/outputs/seed.ts"
import { fromSession, type SessionResults } from "./internal/outputs/session.ts"
import {
  type InkBooleanOutput,
  type InkColorOutput,
  type InkFloatOutput,
  type InkIntegerOutput,
  type InkStringOutput,
  type ValueOutput,
  valueOutputShapes
} from "./internal/outputs/values.ts"

export type * from "./internal/outputs/conditioning.ts"
export type * from "./internal/outputs/fields.ts"
export type * from "./internal/outputs/media.ts"
export type * from "./internal/outputs/models.ts"
export type * from "./internal/outputs/values.ts"

/**
 * Any output of a node. `_tag` tells which.
 *
 * @category models
 * @since 0.1.0
 */
export type InkOutput = MediaOutput | ConditioningOutput | ModelOutput | ValueOutput | InkUnknownOutput

/**
 * An output whose value is a list.
 *
 * @category models
 * @since 0.1.0
 */
export type InkCollectionOutput = Extract<InkOutput, { readonly collection: ReadonlyArray<unknown> }>

/**
 * An output that names an encoded prompt.
 *
 * @category models
 * @since 0.1.0
 */
export type InkAnyConditioningOutput = Extract<InkOutput, { readonly conditioningName: string }>

/**
 * An output that names a video.
 *
 * @category models
 * @since 0.1.0
 */
export type InkAnyVideoOutput = Extract<InkOutput, { readonly videoName: string }>

/**
 * What is known of a node of the workflow apart from its results. `label` is the author's, or else the title of its type;
 * `loops` are the ids of the `iterate` nodes around it, the outermost first and itself included, where that is known.
 *
 * @category models
 * @since 0.1.0
 */
export interface OutputNode {
  readonly label: string
  readonly type: string
  readonly loops?: ReadonlyArray<string>
}

/**
 * What one queue item gave.
 *
 * @category models
 * @since 0.1.0
 */
export interface ItemOutput {
  readonly itemId: number
  readonly sessionId: string
  /** The position of the item in its batch, from 0. */
  readonly run: number
  readonly status: string
  /** The values that the batch gave this item. */
  readonly fieldValues: ReadonlyArray<FieldValue>
  readonly executionTime: Duration.Duration
  readonly outputs: ReadonlyArray<InkOutput>
}

/**
 * A value that a batch put into a field for one queue item.
 *
 * @category models
 * @since 0.1.0
 */
export interface FieldValue {
  readonly nodeId: string
  readonly fieldName: string
  readonly value: unknown
}

/**
 * What a job gave.
 *
 * **Details**
 *
 * `sessionId` is the session of the first item; `items` has those of all. `executionTime` is the time from the start of
 * the first item to the end of the last, by the server's clock. Lists hold the outputs of all items, in the order of
 * the batch. `images` has every `image_output`, also intermediate ones; `finalImages` has those that the official UI
 * would show in its gallery.
 *
 * @category models
 * @since 0.1.0
 */
export interface WorkflowOutput {
  readonly batchId: string
  readonly sessionId: string
  readonly itemIds: ReadonlyArray<number>
  readonly sessionIds: ReadonlyArray<string>
  readonly status: string
  readonly executionTime: Duration.Duration
  readonly items: ReadonlyArray<ItemOutput>
  readonly all: ReadonlyArray<InkOutput>
  readonly images: ReadonlyArray<InkImageOutput>
  readonly finalImages: ReadonlyArray<InkImageOutput>
  readonly videos: ReadonlyArray<InkAnyVideoOutput>
  readonly latents: ReadonlyArray<InkLatentsOutput | InkLatentsMetaOutput | InkNoiseOutput>
  readonly conditioning: ReadonlyArray<InkAnyConditioningOutput>
  readonly masks: ReadonlyArray<InkMaskOutput>
  readonly integers: ReadonlyArray<InkIntegerOutput>
  readonly floats: ReadonlyArray<InkFloatOutput>
  readonly strings: ReadonlyArray<InkStringOutput>
  readonly booleans: ReadonlyArray<InkBooleanOutput>
  readonly colors: ReadonlyArray<InkColorOutput>
  readonly boundingBoxes: ReadonlyArray<InkBoundingBoxOutput | InkBoundingBoxCollectionOutput>
  readonly collections: ReadonlyArray<InkCollectionOutput>
  readonly models: ReadonlyArray<ModelOutput>
  readonly unknown: ReadonlyArray<InkUnknownOutput>
}

const families = [mediaOutputShapes, conditioningOutputShapes, modelOutputShapes, valueOutputShapes]

const shapes: ReadonlyMap<string, OutputShape> = new Map(families.flatMap((family) => Object.entries(family)))

const modelTags: ReadonlySet<string> = new Set(Object.values(modelOutputShapes).map(([tag]) => tag))

/**
 * The names of all output types that have their own `Ink…Output`, as the server calls them.
 *
 * @category constants
 * @since 0.1.0
 */
export const outputTypes: ReadonlyArray<string> = [...shapes.keys()]

/** Latent channels of the node types whose number of channels is certain. */
const latentChannels: ReadonlyMap<string, number> = new Map([
  ["denoise_latents", 4],
  ["denoise_latents_meta", 4],
  ["i2l", 4],
  ["noise", 4],
  ["flux_denoise", 16],
  ["flux_denoise_meta", 16],
  ["flux_vae_encode", 16],
  ["sd3_denoise", 16],
  ["sd3_i2l", 16],
  ["cogview4_denoise", 16],
  ["cogview4_i2l", 16]
])

const isData = (value: unknown): value is FieldData => Predicate.isObject(value) && !Array.isArray(value)

const has = (value: unknown, key: string): boolean => isData(value) && typeof value[key] === "string"

const hasNumbers = (value: unknown, keys: ReadonlyArray<string>): boolean =>
  isData(value) && keys.every((key) => typeof value[key] === "number")

const kinds: Readonly<Record<string, (value: unknown) => boolean>> = {
  any: () => true,
  string: Predicate.isString,
  boolean: Predicate.isBoolean,
  number: Predicate.isNumber,
  integer: Predicate.isNumber,
  object: isData,
  image: (value) => has(value, "image_name"),
  video: (value) => has(value, "video_name"),
  latents: (value) => has(value, "latents_name"),
  conditioning: (value) => has(value, "conditioning_name"),
  tensor: (value) => has(value, "tensor_name"),
  color: (value) => hasNumbers(value, ["r", "g", "b", "a"]),
  box: (value) => hasNumbers(value, ["x_min", "x_max", "y_min", "y_max"]),
  model: (value) => has(value, "key") && has(value, "name")
}

const camel = (name: string): string => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())

/** The fields of an output by their names here, or undefined where one is not what it should be. */
const readFields = (data: FieldData, fields: OutputShape[1]): Record<string, unknown> | undefined => {
  const read: Record<string, unknown> = {}
  for (const [name, described] of Object.entries(fields)) {
    const value = Object.hasOwn(data, name) ? data[name] : undefined
    const nullable = described.endsWith("?")
    const kind = nullable ? described.slice(0, -1) : described
    if (value === undefined || value === null) {
      if (!nullable && kind !== "any") return undefined
      read[camel(name)] = null
      continue
    }
    const many = kind.endsWith("[]")
    const check = kinds[many ? kind.slice(0, -2) : kind]
    if (check === undefined) return undefined
    if (many ? !Array.isArray(value) || !value.every(check) : !check(value)) return undefined
    read[camel(name)] = value
    if (kind === "conditioning" && isData(value)) read["conditioningName"] = value["conditioning_name"]
    if (kind === "video" && isData(value)) read["videoName"] = value["video_name"]
    if (kind === "tensor" && isData(value)) read["maskName"] = value["tensor_name"]
    if (kind === "latents" && isData(value)) {
      read["latentsName"] = value["latents_name"]
      read["seed"] = typeof value["seed"] === "number" ? value["seed"] : null
    }
  }
  return read
}

const mentionsImage = (value: unknown, name: string): boolean => {
  if (Array.isArray(value)) return value.some((part) => mentionsImage(part, name))
  if (!isData(value)) return false
  return value["image_name"] === name || Object.values(value).some((part) => mentionsImage(part, name))
}

/** The types whose outputs report a seed. */
const seededTypes: ReadonlySet<string> = new Set([
  "image_output",
  "image_collection_output",
  "video_output",
  "extract_video_range_output"
])

/**
 * Turns one output of the server into its `Ink…Output`.
 *
 * **Details**
 *
 * `invocation` is the node as it ran; where it is given, an image that was among the node's inputs is told apart from
 * one that the node made. `seed` returns the seed of an image or video; it is called for these only. Data that does not fit its type becomes an `InkUnknownOutput`; nothing is lost or fails.
 *
 * @category constructors
 * @since 0.1.0
 */
export const decode = (
  data: FieldData,
  origin: OutputOrigin,
  invocation?: FieldData | null,
  seed?: () => number | null
): InkOutput => {
  const type = typeof data["type"] === "string" ? data["type"] : ""
  const unknown: InkUnknownOutput = { ...origin, _tag: "InkUnknownOutput", type, data }
  const shape = shapes.get(type)
  if (shape === undefined) return unknown
  const fields = readFields(data, shape[1])
  if (fields === undefined) return unknown
  if (type === "image_output") {
    const image = fields["image"]
    if (!isData(image) || typeof image["image_name"] !== "string") return unknown
    delete fields["image"]
    fields["imageName"] = image["image_name"]
    fields["passedThrough"] = isData(invocation) && mentionsImage(invocation, image["image_name"])
  }
  if (seededTypes.has(type)) fields["seed"] = seed?.() ?? null
  if (typeof fields["latentsName"] === "string") {
    const channels = latentChannels.get(origin.nodeType)
    const { height, width } = fields
    if (channels !== undefined && typeof width === "number" && typeof height === "number") {
      fields["shape"] = [1, channels, Math.floor(height / 8), Math.floor(width / 8)]
    }
  }
  const base: InkOutputBase<string> = { ...origin, _tag: shape[0], type, data }
  // The tables of the families state for each tag exactly the fields that its interface has, checked above.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return { ...base, ...fields } as unknown as InkOutput
}

/**
 * What the outputs of a queue item need to know about it.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionContext {
  readonly itemId: number
  readonly sessionId: string
  readonly run: number
  /** Nodes of the workflow by id; where one is missing its label is "". */
  readonly nodes: ReadonlyMap<string, OutputNode>
}

const boardOf = (node: FieldData | undefined): string | null => {
  const board = node?.["board"]
  return isData(board) && typeof board["board_id"] === "string" ? board["board_id"] : null
}

/**
 * Where an output comes from, for one node of the submitted graph.
 *
 * @category constructors
 * @since 0.1.0
 */
export const originOf = (
  context: SessionContext,
  node: {
    readonly nodeId: string
    readonly preparedId: string
    readonly iteration: ReadonlyArray<number> | null
    readonly index: number
    readonly submitted: FieldData | undefined
  }
): OutputOrigin => {
  const known = context.nodes.get(node.nodeId)
  const type = node.submitted?.["type"]
  return {
    nodeId: node.nodeId,
    nodeLabel: known?.label ?? "",
    nodeType: typeof type === "string" ? type : known?.type ?? "",
    preparedId: node.preparedId,
    itemId: context.itemId,
    sessionId: context.sessionId,
    run: context.run,
    iteration: node.iteration,
    index: node.index,
    isIntermediate: node.submitted?.["is_intermediate"] === true,
    boardId: boardOf(node.submitted)
  }
}

/**
 * The outputs of a finished queue item, from its `session`.
 *
 * **Details**
 *
 * Nodes come in the order in which they first finished, the outputs of one node in iteration order.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromItemSession = (session: unknown, context: SessionContext): ReadonlyArray<InkOutput> =>
  fromResults(fromSession(session), context)

/** @internal */
export const fromResults = (results: SessionResults, context: SessionContext): ReadonlyArray<InkOutput> => {
  const counts = new Map<string, number>()
  return results.executed.map((node) => {
    const index = counts.get(node.nodeId) ?? 0
    counts.set(node.nodeId, index + 1)
    const submitted = results.nodes.get(node.nodeId) ?? node.invocation ?? undefined
    const origin = originOf(context, { ...node, index, submitted })
    return decode(node.result, origin, node.invocation, () => results.seedOf(node.preparedId))
  })
}

/** @internal */
export const seedOf = (graph: SeedGraph, nodeId: string): number | null | undefined => findSeed(graph, nodeId)

const isTag = <Tag extends InkOutput["_tag"]>(...tags: ReadonlyArray<Tag>) => {
  const set: ReadonlySet<string> = new Set(tags)
  return (output: InkOutput): output is Extract<InkOutput, { readonly _tag: Tag }> => set.has(output._tag)
}

const isCollection = (output: InkOutput): output is InkCollectionOutput =>
  "collection" in output && Array.isArray(output.collection)

const unique = (images: ReadonlyArray<InkImageOutput>): ReadonlyArray<InkImageOutput> => {
  const seen = new Set<string>()
  return images.filter((image) => {
    if (seen.has(image.imageName)) return false
    seen.add(image.imageName)
    return true
  })
}

/**
 * The images among some outputs that the official UI would show in its gallery: not intermediate, made by the node that
 * gave them, each once.
 *
 * @category views
 * @since 0.1.0
 */
export const finalImages = (outputs: ReadonlyArray<InkOutput>): ReadonlyArray<InkImageOutput> =>
  unique(outputs.filter(isTag("InkImageOutput")).filter((image) => !image.isIntermediate && !image.passedThrough))

/**
 * The names of all images that some outputs mention, however deep in their data, each once.
 *
 * @category views
 * @since 0.1.0
 */
export const imageNames = (outputs: ReadonlyArray<InkOutput>): ReadonlyArray<string> => {
  const found = new Set<string>()
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit)
    else if (isData(value)) {
      if (typeof value["image_name"] === "string") found.add(value["image_name"])
      Object.values(value).forEach(visit)
    }
  }
  for (const output of outputs) visit(output.data)
  return [...found]
}

/**
 * Puts the items of a job together.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly batchId: string
  readonly status: string
  readonly items: ReadonlyArray<ItemOutput>
  readonly executionTime?: Duration.Duration
}): WorkflowOutput => {
  const items = options.items
  const all = items.flatMap((item) => item.outputs)
  return {
    batchId: options.batchId,
    sessionId: items[0]?.sessionId ?? "",
    itemIds: items.map((item) => item.itemId),
    sessionIds: items.map((item) => item.sessionId),
    status: options.status,
    executionTime: options.executionTime ?? Duration.sum(Duration.zero, items[0]?.executionTime ?? Duration.zero),
    items,
    all,
    images: all.filter(isTag("InkImageOutput")),
    finalImages: finalImages(all),
    videos: all.filter((output): output is InkAnyVideoOutput => "videoName" in output),
    latents: all.filter(isTag("InkLatentsOutput", "InkLatentsMetaOutput", "InkNoiseOutput")),
    conditioning: all.filter((output): output is InkAnyConditioningOutput => "conditioningName" in output),
    masks: all.filter(isTag("InkMaskOutput")),
    integers: all.filter(isTag("InkIntegerOutput")),
    floats: all.filter(isTag("InkFloatOutput")),
    strings: all.filter(isTag("InkStringOutput")),
    booleans: all.filter(isTag("InkBooleanOutput")),
    colors: all.filter(isTag("InkColorOutput")),
    boundingBoxes: all.filter(isTag("InkBoundingBoxOutput", "InkBoundingBoxCollectionOutput")),
    collections: all.filter(isCollection),
    models: all.filter((output): output is ModelOutput => modelTags.has(output._tag)),
    unknown: all.filter(isTag("InkUnknownOutput"))
  }
}

/**
 * The outputs of one node of the workflow, in the order of the batch and of the iterations.
 *
 * @category views
 * @since 0.1.0
 */
export const byNode: {
  (nodeId: string): (self: WorkflowOutput) => ReadonlyArray<InkOutput>
  (self: WorkflowOutput, nodeId: string): ReadonlyArray<InkOutput>
} = dual(
  2,
  (self: WorkflowOutput, nodeId: string): ReadonlyArray<InkOutput> =>
    self.all.filter((output) => output.nodeId === nodeId)
)

/**
 * The outputs of the nodes with a label. Labels need not be unique; the outputs of all nodes that have it are given.
 *
 * @category views
 * @since 0.1.0
 */
export const byLabel: {
  (label: string): (self: WorkflowOutput) => ReadonlyArray<InkOutput>
  (self: WorkflowOutput, label: string): ReadonlyArray<InkOutput>
} = dual(
  2,
  (self: WorkflowOutput, label: string): ReadonlyArray<InkOutput> =>
    self.all.filter((output) => output.nodeLabel === label)
)
