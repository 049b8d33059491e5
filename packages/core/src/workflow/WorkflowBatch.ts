/**
 * What is submitted for a workflow: the graph, the values that vary, and the workflow itself to embed in the images.
 *
 * @since 0.1.0
 */
import type { JsonObject } from "../internal/json.ts"
import type { Graph } from "./Graph.ts"
import type { BoardChoice } from "./internal/ink/references.ts"

/**
 * Values for one field of one node.
 *
 * @category models
 * @since 0.1.0
 */
export interface BatchDatum {
  readonly node_path: string
  readonly field_name: string
  readonly items: ReadonlyArray<unknown>
}

/**
 * Batch data: a product of groups, each of which holds data that run side by side.
 *
 * @category models
 * @since 0.1.0
 */
export type BatchData = ReadonlyArray<ReadonlyArray<BatchDatum>>

/**
 * A node of a submitted workflow, for naming its results.
 *
 * @category models
 * @since 0.1.0
 */
export interface SubmittedNode {
  readonly nodeId: string
  readonly type: string
  /** The label that the author gave the node, or else the title of its type. */
  readonly label: string
  /** The title of the node's type. */
  readonly title: string
  /** Whether the results of the node are hidden and meant to be thrown away. */
  readonly isIntermediate: boolean
  /** Where the node says its result goes; `undefined` for nodes without a board. */
  readonly board: BoardChoice | undefined
  /** `type` of the node's result, such as `image_output`. */
  readonly outputType: string
}

/**
 * A workflow ready for submission.
 *
 * **Details**
 *
 * `graph`, `data`, `workflow` and `runs` are what the server's `enqueue_batch` takes. `data` is a list of groups: the
 * values within a group go in step, groups are combined with each other, the last varies fastest. `size` is the number
 * of queue items: `runs` times the lengths of the groups. `warnings` says what was dropped or could not be kept.
 *
 * @category models
 * @since 0.1.0
 */
export interface WorkflowBatch {
  readonly graph: Graph
  readonly data: BatchData
  /** The workflow with the values that were set, without its library id. */
  readonly workflow: JsonObject
  readonly runs: number
  readonly size: number
  readonly warnings: ReadonlyArray<string>
  readonly nodes: ReadonlyMap<string, SubmittedNode>
}

/**
 * The seeds of the runs of a batch.
 *
 * **Details**
 *
 * - `keep`: fields keep their seeds, and random number nodes draw new ones in each run
 * - an integer from 0 to 4294967295: this seed in every run
 * - `random`: a new random seed, the same in every run
 * - `perRun`: a new random seed for each run
 *
 * All but `keep` set each of `Workflow.seedInputs`, apart from those that a sweep or a batch node varies. If they set none,
 * compiling fails with `WorkflowNotReady`.
 *
 * @category models
 * @since 0.1.0
 */
export type SeedPolicy = "keep" | "random" | "perRun" | number

/**
 * How a workflow is compiled.
 *
 * @category models
 * @since 0.1.0
 */
export interface BatchOptions {
  /** How often everything runs; 1 unless given. */
  readonly runs?: number | undefined
  /** Id of the board for kept results whose own board is unset or `auto`; `none` for no board. */
  readonly board?: string | undefined
  /** Id of the board that `auto` means for all nodes, as the editor's auto-add board. */
  readonly autoBoard?: string | undefined
  /** The seeds of the runs; see `SeedPolicy`. Default `keep`. */
  readonly seed?: SeedPolicy | undefined
}
