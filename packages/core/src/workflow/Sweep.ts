/**
 * Sweeps: lists of values for inputs, to run a workflow with many combinations as one batch.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as InkField from "../field/InkField.ts"
import { TaggedError } from "../internal/TaggedError.ts"
import type { InkWorkflowInput } from "./InkWorkflowInput.ts"
import type { AmbiguousInputName, InputNotFound, InvalidInputValue } from "./InputError.ts"
import { findField, findInput } from "./internal/inputNames.ts"
import { invalidInputValue } from "./internal/inputs.ts"
import type { SweptInput, Workflow } from "./WorkflowValue.ts"

/**
 * Lists of values by input name, system name or index. A map accepts any name, and preserves the order of names that
 * are numbers.
 *
 * @category models
 * @since 0.1.0
 */
export type SweepValues =
  | Readonly<Record<string, ReadonlyArray<unknown>>>
  | ReadonlyMap<string | number, ReadonlyArray<unknown>>

const isMap = (values: SweepValues): values is ReadonlyMap<string | number, ReadonlyArray<unknown>> =>
  values instanceof Map

const entriesOf = (values: SweepValues): ReadonlyArray<readonly [string | number, ReadonlyArray<unknown>]> =>
  isMap(values) ? [...values] : Object.entries(values)

/**
 * What to vary: a list of groups, each with values by input name.
 *
 * **Details**
 *
 * The lists of a group vary in lockstep and have the same length; groups are combined with each other, the last varies
 * fastest. Inputs are identified by name, system name or index; fields that are not on the form by system name.
 *
 * @category models
 * @since 0.1.0
 */
export type Sweep = ReadonlyArray<SweepValues>

/**
 * The lists of a sweep are invalid or do not match.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidSweep extends TaggedError<InvalidSweep>()("InvalidSweep", {
  /** Why the sweep is invalid. */
  reason: Schema.String
}) {
  override get message(): string {
    return `Invalid sweep: ${this.reason}`
  }
}

/**
 * Varies lists in lockstep: the first run uses the first value of each, and so on.
 *
 * **Example** (Three runs)
 *
 * ```ts
 * import * as Sweep from "@effect-invokeai/core/workflow/Sweep"
 *
 * const sweep = Sweep.zip({ prompt: ["a cat", "a dog", "a bird"], seed: [1, 2, 3] })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const zip = (values: SweepValues): Sweep => [values]

/**
 * Combines every value of each list with every value of the others; the last list varies fastest.
 *
 * **Example** (Six runs)
 *
 * ```ts
 * import * as Sweep from "@effect-invokeai/core/workflow/Sweep"
 *
 * const sweep = Sweep.product({ prompt: ["a cat", "a dog"], num_steps: [10, 20, 30] })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const product = (values: SweepValues): Sweep => entriesOf(values).map((entry) => new Map([entry]))

/**
 * Combines sweeps: every combination of each with every one of the others; the last varies fastest.
 *
 * **Example** (Two prompts, each with three pairs of sizes)
 *
 * ```ts
 * import * as Sweep from "@effect-invokeai/core/workflow/Sweep"
 *
 * const sweep = Sweep.combine(
 *   Sweep.product({ prompt: ["a cat", "a dog"] }),
 *   Sweep.zip({ width: [512, 768, 1024], height: [512, 512, 768] })
 * )
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const combine = (...sweeps: ReadonlyArray<Sweep>): Sweep => sweeps.flat()

type SweepFailure = InputNotFound | AmbiguousInputName | InvalidInputValue | InvalidSweep

const findAny = (
  self: Workflow,
  name: string | number
): Result.Result<InkWorkflowInput, InputNotFound | AmbiguousInputName> => {
  const input = findInput(self, name)
  if (Result.isSuccess(input) || input.failure._tag === "AmbiguousInputName" || typeof name === "number") return input
  const field = findField(self, name)
  return Result.isSuccess(field) ? field : input
}

const datum = (
  input: InkWorkflowInput,
  values: ReadonlyArray<unknown>
): Result.Result<SweptInput, SweepFailure> => {
  if (input.connected) {
    return Result.fail(new InvalidSweep({ reason: `${JSON.stringify(input.systemName)} is connected to another node` }))
  }
  if (!InkField.isSweepable(input.field)) {
    return Result.fail(
      new InvalidSweep({
        reason: `a sweep can vary numbers, strings, booleans, options and images, not ${
          InkField.expected(input.field)
        } (${JSON.stringify(input.systemName)}). Submit the workflow once for each value instead`
      })
    )
  }
  const out: Array<unknown> = []
  for (const [index, value] of values.entries()) {
    const set = InkField.set(input.field, value)
    if (Result.isFailure(set)) {
      const { expected, received } = set.failure.parameters
      return Result.fail(
        invalidInputValue(input, { expected, received: `${received} as value ${index + 1} of ${values.length}` })
      )
    }
    out.push(set.success.value)
  }
  return Result.succeed({ nodeId: input.nodeId, fieldName: input.fieldName, values: out })
}

/** @internal */
export const resolve = (
  self: Workflow,
  sweep: Sweep
): Result.Result<ReadonlyArray<ReadonlyArray<SweptInput>>, SweepFailure> => {
  const groups: Array<ReadonlyArray<SweptInput>> = []
  const seen = new Set(self.sweeps.flat().map(({ fieldName, nodeId }) => JSON.stringify([nodeId, fieldName])))
  for (const group of sweep) {
    const data: Array<SweptInput> = []
    for (const [name, values] of entriesOf(group)) {
      const input = findAny(self, name)
      if (Result.isFailure(input)) return Result.fail(input.failure)
      const key = JSON.stringify([input.success.nodeId, input.success.fieldName])
      if (seen.has(key)) return Result.fail(new InvalidSweep({ reason: `${JSON.stringify(name)} appears twice` }))
      seen.add(key)
      if (values.length === 0) return Result.fail(new InvalidSweep({ reason: `${JSON.stringify(name)} has no values` }))
      const size = data[0]?.values.length ?? values.length
      if (values.length !== size) {
        return Result.fail(
          new InvalidSweep({
            reason: `${JSON.stringify(name)} has ${values.length} value${
              values.length === 1 ? "" : "s"
            }, but the list it is zipped with has ${size}`
          })
        )
      }
      const made = datum(input.success, values)
      if (Result.isFailure(made)) return Result.fail(made.failure)
      data.push(made.success)
    }
    if (data.length > 0) groups.push(data)
  }
  return Result.succeed(groups)
}
