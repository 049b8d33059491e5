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
 * **Example** (The images among the outputs of one node)
 *
 * ```ts
 * import * as Outputs from "@effect-invokeai/core/job/Outputs"
 *
 * export const imagesOf = ({ all }: Outputs.WorkflowOutput, nodeLabel: string) => {
 *   const outputs = all.filter((output) => output.nodeLabel === nodeLabel)
 *   return {
 *     // as in the gallery of the InvokeAI UI
 *     final: Outputs.finalImages(outputs).map(({ imageName }) => imageName),
 *     // including intermediate images
 *     all: Outputs.imageNames(outputs)
 *   }
 * }
 * ```
 *
 * **Example** (Outputs for a test, without a server)
 *
 * ```ts
 * import * as Outputs from "@effect-invokeai/core/job/Outputs"
 * import * as Duration from "effect/Duration"
 *
 * const item = { itemId: 1, sessionId: "session-1", itemIndex: 0 }
 *
 * const origin = Outputs.originOf(
 *   { ...item, nodes: new Map() },
 *   { nodeId: "decode", preparedId: "decode-1", iteration: [], index: 0, submitted: { type: "l2i" } }
 * )
 * const image = Outputs.decode(
 *   { type: "image_output", image: { image_name: "hill.png" }, width: 512, height: 512 },
 *   origin
 * )
 * export const outputs = Outputs.make({
 *   batchId: "batch-1",
 *   status: "completed",
 *   items: [{ ...item, status: "completed", fieldValues: [], executionTime: Duration.seconds(2), outputs: [image] }]
 * })
 * ```
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import { dual } from "effect/Function"
import * as Predicate from "effect/Predicate"
import { type OutputsOf, type OutputType, read } from "./internal/outputs/output.ts"
import { type SeedGraph, seedOf as findSeed } from "./internal/outputs/seed.ts"
import type { SessionResults } from "./internal/outputs/session.ts"
import * as Conditioning from "./outputs/ConditioningOutput.ts"
import * as Media from "./outputs/MediaOutput.ts"
import * as Models from "./outputs/ModelOutput.ts"
import type { FieldData, InkUnknownOutput, OutputNode, OutputOrigin } from "./outputs/OutputOrigin.ts"
import * as Values from "./outputs/ValueOutput.ts"

export type * from "./outputs/ConditioningOutput.ts"
export type * from "./outputs/MediaOutput.ts"
export type * from "./outputs/ModelOutput.ts"
export type * from "./outputs/OutputOrigin.ts"
export type * from "./outputs/ValueOutput.ts"

/**
 * An output that holds or describes images or videos.
 *
 * @category models
 * @since 0.1.0
 */
export type MediaOutput = OutputsOf<typeof Media>

/**
 * An output that steers a denoiser.
 *
 * @category models
 * @since 0.1.0
 */
export type ConditioningOutput = OutputsOf<typeof Conditioning>

/**
 * An output of a node that loads models.
 *
 * @category models
 * @since 0.1.0
 */
export type ModelOutput = OutputsOf<typeof Models>

/**
 * An output that is a plain value.
 *
 * @category models
 * @since 0.1.0
 */
export type ValueOutput = OutputsOf<typeof Values>

/**
 * Any output of a node, distinguished by `_tag`.
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
 * The outputs of one queue item.
 *
 * @category models
 * @since 0.1.0
 */
export interface ItemOutput {
  /** The id of the item in the server's queue. */
  readonly itemId: number
  /** The id of the session in which the server ran the item. */
  readonly sessionId: string
  /** The position of the item in its batch, from 0. */
  readonly itemIndex: number
  /** One of `JobStatus`, or a status that a newer server added. */
  readonly status: string
  /** The values that the batch gave this item. */
  readonly fieldValues: ReadonlyArray<FieldValue>
  /** The time from the start of the item to its end, by the server's clock; zero if one of them is unknown. */
  readonly executionTime: Duration.Duration
  /** The outputs of the item's nodes. */
  readonly outputs: ReadonlyArray<InkOutput>
}

/**
 * A value that a batch put into a field for one queue item.
 *
 * @category models
 * @since 0.1.0
 */
export interface FieldValue {
  /** The id of the node in the workflow. */
  readonly nodeId: string
  /** The name of the field. */
  readonly fieldName: string
  /** The value as the server received it. */
  readonly value: unknown
}

/**
 * The outputs of a job. Lists hold the outputs of all items, in the order of the batch.
 *
 * @category models
 * @since 0.1.0
 */
export interface WorkflowOutput {
  /** The id of the batch on the server. */
  readonly batchId: string
  /** The id of the session of the first item; `items` has those of all. */
  readonly sessionId: string
  /** The ids of the queue items, in the order of the batch. */
  readonly itemIds: ReadonlyArray<number>
  /** The ids of the sessions of the items, in the order of the batch. */
  readonly sessionIds: ReadonlyArray<string>
  /** The status of the job. */
  readonly status: string
  /** The time from the start of the first item to the end of the last, by the server's clock. */
  readonly executionTime: Duration.Duration
  /** The outputs of each queue item, in the order of the batch. */
  readonly items: ReadonlyArray<ItemOutput>
  /** All outputs of all items, in the order of the batch. */
  readonly all: ReadonlyArray<InkOutput>
  /** Every `image_output`, including intermediate ones. */
  readonly images: ReadonlyArray<Media.InkImageOutput>
  /** The images that the InvokeAI UI would show in its gallery. */
  readonly finalImages: ReadonlyArray<Media.InkImageOutput>
  /** The outputs that name a video. */
  readonly videos: ReadonlyArray<InkAnyVideoOutput>
  /** Latents and noise. */
  readonly latents: ReadonlyArray<Media.InkLatentsOutput | Media.InkLatentsMetaOutput | Media.InkNoiseOutput>
  /** The outputs that name an encoded prompt. */
  readonly conditioning: ReadonlyArray<InkAnyConditioningOutput>
  /** Masks. */
  readonly masks: ReadonlyArray<Media.InkMaskOutput>
  /** Integers. */
  readonly integers: ReadonlyArray<Values.InkIntegerOutput>
  /** Floating-point numbers. */
  readonly floats: ReadonlyArray<Values.InkFloatOutput>
  /** Strings. */
  readonly strings: ReadonlyArray<Values.InkStringOutput>
  /** Booleans. */
  readonly booleans: ReadonlyArray<Values.InkBooleanOutput>
  /** Colors. */
  readonly colors: ReadonlyArray<Values.InkColorOutput>
  /** Bounding boxes, single ones and lists of them. */
  readonly boundingBoxes: ReadonlyArray<Media.InkBoundingBoxOutput | Media.InkBoundingBoxCollectionOutput>
  /** The outputs whose value is a list. */
  readonly collections: ReadonlyArray<InkCollectionOutput>
  /** The outputs of nodes that load models. */
  readonly models: ReadonlyArray<ModelOutput>
  /** The outputs of types that this version of the library does not know, or whose fields do not fit their type. */
  readonly unknown: ReadonlyArray<InkUnknownOutput>
}

const families = [Media, Conditioning, Models, Values]

const types: ReadonlyMap<string, OutputType<InkOutput>> = new Map(
  families.flatMap((family) => Object.values(family)).map((type) => [type.type, type])
)

const modelTags: ReadonlySet<string> = new Set(Object.keys(Models))

/**
 * The names of all output types that have their own `Ink…Output`, as the server calls them.
 *
 * @category constants
 * @since 0.1.0
 */
export const outputTypes: ReadonlyArray<string> = [...types.keys()]

/**
 * Turns one output of the server into its `Ink…Output`.
 *
 * **Details**
 *
 * `invocation` is the node as it ran; with it, an image among the node's inputs is distinguished from one that the node created. `seed` returns the seed of an image or video; it is called for these only. Data that does not
 * fit its type becomes an `InkUnknownOutput`; nothing is lost or fails.
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
  const outputType = types.get(type)
  const source = {
    data,
    nodeType: origin.nodeType,
    invocation: invocation ?? null,
    seed: () => seed?.() ?? null
  }
  return (outputType === undefined ? undefined : read(outputType, origin, source)) ??
    { ...origin, _tag: "InkUnknownOutput", type, data }
}

/**
 * What the outputs of a queue item need to know about it.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionContext {
  /** The id of the queue item. */
  readonly itemId: number
  /** The id of the session in which the server ran the item. */
  readonly sessionId: string
  /** The position of the queue item in its batch, from 0. */
  readonly itemIndex: number
  /** Nodes of the workflow by id; where one is missing its label is "". */
  readonly nodes: ReadonlyMap<string, OutputNode>
}

const boardOf = (node: FieldData | undefined): string | null => {
  const board = node?.["board"]
  return Predicate.isObject(board) && typeof board["board_id"] === "string" ? board["board_id"] : null
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
    itemIndex: context.itemIndex,
    iteration: node.iteration,
    index: node.index,
    isIntermediate: node.submitted?.["is_intermediate"] === true,
    boardId: boardOf(node.submitted)
  }
}

/**
 * The outputs of a finished queue item: nodes in the order in which they first finished, the outputs of one node in
 * iteration order.
 *
 * @internal
 */
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

const unique = (images: ReadonlyArray<Media.InkImageOutput>): ReadonlyArray<Media.InkImageOutput> => {
  const seen = new Set<string>()
  return images.filter((image) => {
    if (seen.has(image.imageName)) return false
    seen.add(image.imageName)
    return true
  })
}

/**
 * The images among some outputs that the InvokeAI UI would show in its gallery: not intermediate, made by the node that
 * gave them, each once.
 *
 * @category views
 * @since 0.1.0
 */
export const finalImages = (outputs: ReadonlyArray<InkOutput>): ReadonlyArray<Media.InkImageOutput> =>
  unique(outputs.filter(isTag("InkImageOutput")).filter((image) => !image.isIntermediate && !image.isPassthrough))

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
    else if (Predicate.isObject(value)) {
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
 * **Example** (The outputs of one node)
 *
 * ```ts
 * import * as Outputs from "@effect-invokeai/core/job/Outputs"
 *
 * export const saved = (outputs: Outputs.WorkflowOutput) => Outputs.byNode(outputs, "save")
 * ```
 *
 * @category views
 * @since 0.1.0
 */
export const byNode: {
  /** Returns the outputs of one node of the workflow, by its id, in the order of the batch and of the iterations. */
  (nodeId: string): (self: WorkflowOutput) => ReadonlyArray<InkOutput>
  /** Returns the outputs of one node of the workflow, by its id, in the order of the batch and of the iterations. */
  (self: WorkflowOutput, nodeId: string): ReadonlyArray<InkOutput>
} = dual(
  2,
  (self: WorkflowOutput, nodeId: string): ReadonlyArray<InkOutput> =>
    self.all.filter((output) => output.nodeId === nodeId)
)

/**
 * The outputs of the nodes with a label. Labels need not be unique; the outputs of all nodes that have it are given.
 *
 * **Example** (The images of one node)
 *
 * ```ts
 * import * as Outputs from "@effect-invokeai/core/job/Outputs"
 *
 * export const upscaled = (outputs: Outputs.WorkflowOutput) => Outputs.byLabel(outputs, "Upscaled")
 * ```
 *
 * @category views
 * @since 0.1.0
 */
export const byLabel: {
  /** Returns the outputs of all nodes with a label. Labels need not be unique. */
  (label: string): (self: WorkflowOutput) => ReadonlyArray<InkOutput>
  /** Returns the outputs of all nodes with a label. Labels need not be unique. */
  (self: WorkflowOutput, label: string): ReadonlyArray<InkOutput>
} = dual(
  2,
  (self: WorkflowOutput, label: string): ReadonlyArray<InkOutput> =>
    self.all.filter((output) => output.nodeLabel === label)
)
