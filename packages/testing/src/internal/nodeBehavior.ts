/** How the simulator runs one node: what a node may ask for, and how it fails. */
import type { NodeTemplate } from "@effect-invokeai/core/catalog/NodeCatalog"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type { Raster } from "../Raster.ts"
import type { NodeOutput } from "./graphExecutor.ts"
import type { SeededRandom } from "./seededRandom.ts"
import type { GraphNode } from "./simulatorGraph.ts"

/** A node failed, with the name and the text of the server's exception. */
export class NodeFailure extends Data.TaggedError("NodeFailure")<{
  readonly errorType: string
  readonly errorMessage: string
}> {
  override get message(): string {
    return `${this.errorType}: ${this.errorMessage}`
  }
}

/** A tensor on the simulated server: only its size in pixels and a text that stands for its content. */
export interface Tensor {
  readonly width: number
  readonly height: number
  readonly content: string
}

/** What a running node can ask of the server. */
export interface NodeContext {
  /** The node with its connected inputs filled in. */
  readonly node: GraphNode
  readonly template: NodeTemplate
  readonly random: SeededRandom
  /** Pixels of a stored image; fails with `ImageRecordNotFoundException`. */
  readonly raster: (imageName: string) => Effect.Effect<Raster, NodeFailure>
  /** Width and height of a stored image. */
  readonly imageSize: (imageName: string) => Effect.Effect<readonly [width: number, height: number], NodeFailure>
  /** Stores an image under the node's own board, metadata and intermediate flag; gives its name. */
  readonly saveImage: (raster: Raster, category?: string) => Effect.Effect<string, NodeFailure>
  /** Metadata of a stored image. */
  readonly imageMetadata: (imageName: string) => Effect.Effect<unknown, NodeFailure>
  /** Tells everybody who listens how far the node is. */
  readonly progress: (
    message: string,
    percentage?: number | null,
    image?: { readonly raster: Raster; readonly width: number; readonly height: number }
  ) => Effect.Effect<void>
  /** Loads a model: fails with `UnknownModelException`, sends the load events. */
  readonly loadModel: (model: unknown) => Effect.Effect<void, NodeFailure>
  /** Checks that a model exists. */
  readonly findModel: (key: string) => Effect.Effect<Readonly<Record<string, unknown>>, NodeFailure>
  /** Models that a submodel of the given type belongs to. */
  readonly putTensor: (tensor: Tensor) => string
  readonly putConditioning: (content: string) => string
  readonly tensor: (name: string) => Tensor | undefined
  /** A text that is the same for the same inputs, by content and not by name. */
  readonly fingerprint: string
  /** One step of the node's work; fails with `CanceledException` where the item was canceled. */
  readonly step: Effect.Effect<void, NodeFailure>
}

/** The work of one node type. */
export type NodeBehavior = (context: NodeContext) => Effect.Effect<NodeOutput, NodeFailure>

/** A behavior that needs nothing but the node's own fields. */
export const pure =
  (outputType: string, f: (node: GraphNode) => Readonly<Record<string, unknown>>): NodeBehavior => (context) =>
    Effect.try({
      try: () => ({ output_meta: null, ...f(context.node), type: outputType }),
      catch: (cause) =>
        cause instanceof NodeFailure ? cause : new NodeFailure({ errorType: "ValueError", errorMessage: String(cause) })
    })

/** The failure with the given exception name and text. */
export const failure = (errorType: string, errorMessage: string): NodeFailure =>
  new NodeFailure({ errorType, errorMessage })

/** A number field; 0 where it holds something else. */
export const number = (node: GraphNode, field: string): number => {
  const value = node[field]
  return typeof value === "number" ? value : 0
}

/** A text field; `""` where it holds something else. */
export const text = (node: GraphNode, field: string): string => {
  const value = node[field]
  return typeof value === "string" ? value : ""
}

/** A list field; empty where it holds something else. */
export const list = (node: GraphNode, field: string): ReadonlyArray<unknown> => {
  const value = node[field]
  return Array.isArray(value) ? value : []
}

/** The name inside an image field. */
export const imageName = (value: unknown): string | undefined =>
  typeof value === "object" && value !== null && "image_name" in value && typeof value.image_name === "string"
    ? value.image_name
    : undefined
