/**
 * What is submitted for a workflow: the graph, the values that vary, and the workflow itself to embed in the images.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import type { JsonObject } from "../internal/json.ts"
import { operation } from "../internal/operation.ts"
import type { SeedPolicy } from "../workflow/internal/seeds.ts"
import { isWorkflow, type Workflow } from "../workflow/internal/workflowValue.ts"
import type { SubmittedNode } from "../workflow/LoadedWorkflow.ts"
import type { ResourcesUnavailable, WorkflowResources } from "../workflow/WorkflowResources.ts"
import type { Graph } from "./Graph.ts"
import * as Compile from "./internal/compile.ts"
import * as WorkflowProblems from "./WorkflowProblems.ts"

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

/**
 * Everything that is wrong with the workflow as far as it can be told without a server: the rules of the official UI,
 * the stricter ones of the server, and this library's own.
 *
 * **Details**
 *
 * The sizes of batches whose values only the server can generate are not checked here, nor whether models, images and
 * boards exist; `check` and `make` do that.
 *
 * @category checks
 * @since 0.1.0
 */
export const validate = (self: Workflow): WorkflowProblems.WorkflowProblems =>
  WorkflowProblems.make(Compile.validate(self))

/**
 * Checks the workflow against the server and completes its models.
 *
 * **Details**
 *
 * A model may be named by key, by hash (so that workflows from another installation find it), or by name, base and type.
 * In the result every model is complete.
 *
 * **Errors**
 *
 * `WorkflowNotReady` with every problem; a model that could be several names them. `ResourcesUnavailable` if the server
 * cannot be asked.
 *
 * @category checks
 * @since 0.1.0
 */
export const check: (
  self: Workflow
) => Effect.Effect<Workflow, WorkflowProblems.WorkflowNotReady | ResourcesUnavailable, WorkflowResources> = Effect.fn(
  "WorkflowBatch.check"
)(
  (self: Workflow) => Compile.check(self)
)

/**
 * Compiles the workflow for submission, after checking all of it.
 *
 * **Details**
 *
 * The graph is what the official UI would submit. Sweeps come before the batch nodes of the workflow in `data`, and vary
 * slower. Generators that need the server are resolved now; random ones without a seed draw new numbers.
 *
 * **Errors**
 *
 * `WorkflowNotReady` with every problem: nothing was changed on the server. `ResourcesUnavailable` if the server cannot
 * be asked.
 *
 * @category conversions
 * @since 0.1.0
 */
export const make: {
  (
    options?: BatchOptions
  ): (
    self: Workflow
  ) => Effect.Effect<WorkflowBatch, WorkflowProblems.WorkflowNotReady | ResourcesUnavailable, WorkflowResources>
  (
    self: Workflow,
    options?: BatchOptions
  ): Effect.Effect<WorkflowBatch, WorkflowProblems.WorkflowNotReady | ResourcesUnavailable, WorkflowResources>
} = dual(
  (args) => isWorkflow(args[0]),
  (self: Workflow, options?: BatchOptions) => operation("WorkflowBatch.make", {})(Compile.compile(self, options))
)
