/** The implementation of `Workflow`: a loaded workflow with its inputs, and the values that vary within a batch. */
import * as Inspectable from "effect/Inspectable"
import * as Pipeable from "effect/Pipeable"
import type { WorkflowDefinition } from "../definition/WorkflowDefinition.ts"
import * as InkField from "../field/InkField.ts"
import type { InkWorkflowInput } from "./InkWorkflowInput.ts"
import { inputOf, unambiguousNames } from "./internal/inputs.ts"
import { withPublicNames } from "./internal/publicNames.ts"
import type { LoadedWorkflow, LoadWarning } from "./LoadedWorkflow.ts"

/** @internal */
export const TypeId = "~@effect-invokeai/core/workflow/Workflow"

/**
 * A workflow, joined with the node types of a server.
 *
 * @category models
 * @since 0.1.0
 */
export interface Workflow extends Pipeable.Pipeable {
  readonly [TypeId]: typeof TypeId
  /** The workflow file, migrated and repaired, with the values that were set: name, author, nodes, form, … */
  readonly definition: WorkflowDefinition
  /** The inputs in form order, with their current values. */
  readonly inputs: ReadonlyArray<InkWorkflowInput>
  /** What loading changed or could not resolve. */
  readonly warnings: ReadonlyArray<LoadWarning>
  /** The workflow with the templates of its nodes, for everything that this module does not provide. */
  readonly loaded: LoadedWorkflow
  /** Inputs that vary within a batch, by `sweep`. */
  readonly sweeps: ReadonlyArray<ReadonlyArray<SweptInput>>
}

/**
 * The values of one input in a sweep, in the server's form.
 *
 * @category models
 * @since 0.1.0
 */
export interface SweptInput {
  /** The id of the node. */
  readonly nodeId: string
  /** The name of the field. */
  readonly fieldName: string
  /** The values, one for each position in the group. */
  readonly values: ReadonlyArray<unknown>
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
 * All except `keep` set each of `Workflow.seedInputs` that no sweep or batch node varies. If there are none, building
 * the batch fails with `WorkflowNotReady`.
 *
 * @category models
 * @since 0.1.0
 */
export type SeedPolicy = "keep" | "random" | "perRun" | number

/** @internal */
export class WorkflowValue extends Pipeable.Class implements Workflow {
  readonly [TypeId] = TypeId
  readonly loaded: LoadedWorkflow
  readonly sweeps: ReadonlyArray<ReadonlyArray<SweptInput>>
  #inputs: ReadonlyArray<InkWorkflowInput> | undefined

  constructor(loaded: LoadedWorkflow, sweeps: ReadonlyArray<ReadonlyArray<SweptInput>>) {
    super()
    this.loaded = loaded
    this.sweeps = sweeps
  }

  get definition(): WorkflowDefinition {
    return this.loaded.definition
  }

  get warnings(): ReadonlyArray<LoadWarning> {
    return this.loaded.warnings
  }

  get inputs(): ReadonlyArray<InkWorkflowInput> {
    this.#inputs ??= withPublicNames(
      this.loaded,
      this.loaded.formFields.map((field) => inputOf(this.loaded, field.node, field.fieldName, field))
    )
    return this.#inputs
  }

  toJSON(): unknown {
    return { _id: "Workflow", name: this.definition.name, inputs: this.inputs, sweeps: this.sweeps }
  }

  /** The output of `console.log`: the values by name, not the nodes of the file. */
  [Inspectable.NodeInspectSymbol](): unknown {
    const names = unambiguousNames(this.inputs)
    return {
      _id: "Workflow",
      name: this.definition.name,
      inputs: Object.fromEntries(this.inputs.map((input) => [names.get(input) ?? "", InkField.format(input.field)])),
      sweeps: this.sweeps
    }
  }
}

/**
 * Whether a value is a workflow.
 *
 * @category guards
 * @since 0.1.0
 */
export const isWorkflow = (u: unknown): u is Workflow => typeof u === "object" && u !== null && TypeId in u
