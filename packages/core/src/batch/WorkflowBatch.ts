/**
 * Builds what is submitted for a workflow: the graph, the values that vary, and the workflow to embed in the images.
 *
 * **Example** (List the problems of a workflow, or build its batch)
 *
 * ```ts
 * import * as WorkflowBatch from "@effect-invokeai/core/batch/WorkflowBatch"
 * import * as WorkflowProblems from "@effect-invokeai/core/batch/WorkflowProblems"
 * import * as Job from "@effect-invokeai/core/job/Job"
 * import type { Workflow } from "@effect-invokeai/core/workflow/Workflow"
 * import * as Effect from "effect/Effect"
 *
 * // Without a server
 * export const report = (workflow: Workflow) => {
 *   const problems = WorkflowBatch.validate(workflow)
 *   return problems.isEmpty ? "ready" : WorkflowProblems.format(problems)
 * }
 *
 * export const submitTwice = (workflow: Workflow) =>
 *   Effect.scoped(Effect.gen(function*() {
 *     const complete = yield* WorkflowBatch.check(workflow)
 *     const batch = yield* WorkflowBatch.make(complete, { runs: 2, seed: "perRun" })
 *     const first = yield* Job.submitBatch(batch)
 *     const second = yield* Job.submitBatch(batch, { prepend: true })
 *     return [yield* first.await, yield* second.await]
 *   }))
 * ```
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import { describeReceived } from "../internal/describeReceived.ts"
import type { JsonObject } from "../internal/json.ts"
import { memoized } from "../internal/memoized.ts"
import { wellFormed, wellFormedText } from "../internal/wellFormed.ts"
import type { InvokeAiError } from "../InvokeAiError.ts"
import { noSeedInput } from "../workflow/InputError.ts"
import { open } from "../workflow/internal/bind.ts"
import { describeWarning } from "../workflow/internal/describe.ts"
import { withValue } from "../workflow/internal/edit.ts"
import { isExecutable } from "../workflow/internal/nodeTypes.ts"
import { newInput } from "../workflow/internal/nodeUpdate.ts"
import { calledWorkflowId } from "../workflow/internal/savedWorkflowInputs.ts"
import * as Seeds from "../workflow/internal/seeds.ts"
import { submittedNodes } from "../workflow/internal/submittedNodes.ts"
import { asRead, toFile } from "../workflow/internal/toFile.ts"
import type { LoadedWorkflow, SubmittedNode } from "../workflow/LoadedWorkflow.ts"
import { WorkflowResources } from "../workflow/WorkflowResources.ts"
import {
  isWorkflow,
  type SeedPolicy,
  type SweptInput,
  type Workflow,
  WorkflowValue
} from "../workflow/WorkflowValue.ts"
import type { BatchData, BatchDatum } from "./BatchData.ts"
import * as Batch from "./internal/batch.ts"
import type { ServerGenerator } from "./internal/generators.ts"
import { checkedNode, checkedNodes, fieldProblem } from "./internal/nodeChecks.ts"
import * as Readiness from "./internal/readiness.ts"
import * as ResourceChecks from "./internal/resourceChecks.ts"
import * as WorkflowGraph from "./WorkflowGraph.ts"
import * as WorkflowProblems from "./WorkflowProblems.ts"

export type { BatchData, BatchDatum } from "./BatchData.ts"

/**
 * A workflow ready for submission: the body of the server's `enqueue_batch`, with its size, warnings and nodes.
 *
 * @category models
 * @since 0.1.0
 */
export interface WorkflowBatch {
  /** The graph that the server runs. */
  readonly graph: WorkflowGraph.WorkflowGraph
  /**
   * Groups of values for fields. The lists of a group vary in lockstep; groups are combined with each other, and the
   * last varies fastest.
   */
  readonly data: BatchData
  /** The workflow with the values that were set, without its library id. */
  readonly workflow: JsonObject
  /** How many times the server runs each combination. */
  readonly runs: number
  /** How many queue items the batch makes: `runs` times the lengths of the groups. */
  readonly size: number
  /** Human-readable warnings about what was dropped or could not be kept. */
  readonly warnings: ReadonlyArray<string>
  /** The nodes of the workflow by id, for the names in events, outputs and errors. */
  readonly nodes: ReadonlyMap<string, SubmittedNode>
}

/**
 * Options for building a batch.
 *
 * @category models
 * @since 0.1.0
 */
export interface BatchOptions {
  /** How many times each combination runs. Default: 1. */
  readonly runs?: number | undefined
  /** Id of the board for kept results whose own board is unset or `auto`; `none` for no board. */
  readonly board?: string | undefined
  /** Id of the board that `auto` refers to in all nodes, like the editor's auto-add board. */
  readonly autoBoard?: string | undefined
  /** The seeds of the runs; see `SeedPolicy`. Default: `keep`. */
  readonly seed?: SeedPolicy | undefined
}

/**
 * Checks a workflow without a server: by the rules of the InvokeAI UI, the stricter ones of the server, and this
 * library's own.
 *
 * **Details**
 *
 * Does not check the sizes of batches whose values only the server can generate, or whether models, images and boards
 * exist; `check` and `make` do that.
 *
 * @category checks
 * @since 0.1.0
 */
export const validate = (self: Workflow): WorkflowProblems.WorkflowProblems => {
  const unknown = new Map(Array.from(Batch.serverGenerators(self.loaded).keys(), (nodeId) => [nodeId, []]))
  const batch = Batch.build(self.loaded, { generated: unknown })
  return WorkflowProblems.make(
    Readiness.problems(self.loaded, batch, { sweeps: self.sweeps, isGenerated: unknown.size === 0 })
  )
}

/**
 * Checks the workflow against the server and completes its models.
 *
 * **Details**
 *
 * A model can be given by key, by hash (so that workflows from another installation find it), or by name, base and
 * type. In the result, every model is complete.
 *
 * **Errors**
 *
 * `WorkflowNotReady` with every problem; for an ambiguous model, with the candidates. `InvokeAiError` if the server could not be reached.
 *
 * @category checks
 * @since 0.1.0
 */
export const check: (
  self: Workflow
) => Effect.Effect<Workflow, WorkflowProblems.WorkflowNotReady | InvokeAiError, WorkflowResources> = Effect.fn(
  "WorkflowBatch.check"
)(function*(self: Workflow) {
  const { loaded, problems } = yield* resolve(self)
  return problems.length > 0
    ? yield* new WorkflowProblems.WorkflowNotReady({ problems })
    : new WorkflowValue(loaded, self.sweeps)
})

const calledWorkflows = (loaded: LoadedWorkflow): ReadonlySet<string> => {
  const ids = new Set<string>()
  for (const { node } of loaded.nodes.values()) {
    const id = calledWorkflowId(node)
    if (typeof id === "string" && id.trim() !== "") ids.add(id)
  }
  return ids
}

/** Adds the inputs of called workflows to the nodes that call them, as the editor does when it opens a file. */
const refreshCalls = Effect.fnUntraced(function*(
  loaded: LoadedWorkflow,
  ids: ReadonlySet<string>
): Effect.fn.Return<LoadedWorkflow, InvokeAiError, WorkflowResources> {
  const resources = yield* WorkflowResources
  const saved = new Map<string, unknown>()
  for (const id of ids) {
    const workflow = yield* resources.savedWorkflow(id)
    if (Option.isSome(workflow)) saved.set(id, workflow.value)
  }
  return open(loaded.definition, loaded.catalog, { savedWorkflows: saved })
})

const missingCalls = (loaded: LoadedWorkflow): ReadonlyArray<WorkflowProblems.Problem> =>
  loaded.warnings.flatMap((warning) => {
    const node = warning.type === "missingSavedWorkflow" ? loaded.nodes.get(warning.nodeId) : undefined
    return node === undefined || warning.type !== "missingSavedWorkflow" ? [] : [
      fieldProblem(checkedNode(loaded, node), "workflow_id", node.inputTemplate("workflow_id"), {
        code: "missingSavedWorkflow",
        source: "resource",
        message: `workflow ${JSON.stringify(warning.workflowId)} is not in the server's library, or could not be read`
      })
    ]
  })

const generate = Effect.fnUntraced(function*(
  generator: ServerGenerator
): Effect.fn.Return<ReadonlyArray<unknown>, InvokeAiError, WorkflowResources> {
  const resources = yield* WorkflowResources
  if (generator.type === "dynamicPrompts") {
    // An ill-formed prompt is a problem of its field: the server could not read it.
    const { prompt } = generator.prompt
    return yield* resources.dynamicPrompts({ ...generator.prompt, prompt: wellFormedText(prompt) })
  }
  const names = yield* resources.boardImageNames(generator.boardId, generator.category)
  return names.map((image_name) => ({ image_name }))
})

const resolveResources = Effect.fnUntraced(function*(loaded: LoadedWorkflow): Effect.fn.Return<
  { readonly loaded: LoadedWorkflow; readonly check: ResourceChecks.ResourceCheck },
  InvokeAiError,
  WorkflowResources
> {
  const check = yield* ResourceChecks.check(checkedNodes(loaded))
  return {
    check,
    loaded: check.replacements.reduce(
      (next, { fieldName, nodeId, value }) => withValue(next, nodeId, fieldName, value),
      loaded
    )
  }
})

/** Images in sweeps are checked like those of the workflow. */
const checkSweptImages = Effect.fnUntraced(function*(
  self: Workflow
): Effect.fn.Return<ReadonlyArray<WorkflowProblems.Problem>, InvokeAiError, WorkflowResources> {
  const targets = self.sweeps.flat().flatMap(({ fieldName, nodeId, values }) => {
    const node = self.loaded.nodes.get(nodeId)
    if (node === undefined) return []
    const target = checkedNode(self.loaded, node)
    return values.map((value) => ({
      ...target,
      node: {
        ...node.node,
        inputs: new Map([[fieldName, { ...newInput(fieldName), value }]])
      }
    }))
  })
  return (yield* ResourceChecks.check(targets)).problems
})

/** A workflow whose models and boards are those of the server where they were found, and its problems. */
interface Resolved {
  readonly loaded: LoadedWorkflow
  readonly batch: Batch.BuiltBatch
  readonly problems: ReadonlyArray<WorkflowProblems.Problem>
}

const resolve = Effect.fnUntraced(function*(
  self: Workflow
): Effect.fn.Return<Resolved, InvokeAiError, WorkflowResources> {
  const first = yield* resolveResources(self.loaded)
  const called = calledWorkflows(first.loaded)
  const { check, loaded } = called.size === 0
    ? first
    : yield* resolveResources(yield* refreshCalls(first.loaded, called))
  const generated = new Map<string, ReadonlyArray<unknown>>()
  for (const [nodeId, generator] of Batch.serverGenerators(loaded)) {
    generated.set(nodeId, yield* generate(generator))
  }
  const random = yield* Random.Random
  const batch = Batch.build(loaded, { generated, random: () => random.nextDoubleUnsafe() })
  const isWaived = ({ code, nodeId }: WorkflowProblems.Problem): boolean =>
    code === "missingComponentModel" && nodeId !== undefined && check.selfContained.has(nodeId)
  const problems = [
    ...Readiness.problems(loaded, batch, { sweeps: self.sweeps }).filter((problem) => !isWaived(problem)),
    ...check.problems,
    ...missingCalls(loaded),
    ...(self.sweeps.length === 0 ? [] : yield* checkSweptImages(self))
  ]
  return { loaded, batch, problems }
})

/** Sends kept results whose board is unset or `auto` to the given board. */
const withBoard = (loaded: LoadedWorkflow, board: string | undefined): LoadedWorkflow => {
  if (board === undefined) return loaded
  let next = loaded
  for (const { node, template } of loaded.nodes.values()) {
    if (node.isIntermediate || !isExecutable(node.nodeType)) continue
    for (const input of template?.inputs.values() ?? []) {
      const value = node.inputs.get(input.name)?.value
      if (input.type.name !== "BoardField" || (value !== undefined && value !== null && value !== "auto")) continue
      next = withValue(next, node.id, input.name, board === "none" ? "none" : { board_id: board })
    }
  }
  return next
}

const seedProblems = (
  seed: unknown,
  targets: ReadonlyArray<Seeds.SeedTarget>
): ReadonlyArray<WorkflowProblems.Problem> => {
  if (seed === undefined || seed === "keep") return []
  const maximum = Seeds.maximumOf(targets)
  if (typeof seed === "number" && (!Number.isSafeInteger(seed) || seed < 0 || seed > maximum)) {
    const message = `seed: expected an integer between 0 and ${maximum}, got ${seed}`
    return [{ code: "seedOutOfRange", source: "server", message }]
  }
  if (typeof seed !== "number" && seed !== "random" && seed !== "perRun") {
    const message = `seed: expected keep, random, perRun, or an integer between 0 and ${maximum}, got ${
      describeReceived(seed)
    }`
    return [{ code: "seedOutOfRange", source: "library", message }]
  }
  return targets.length > 0 ? [] : [{ code: "noSeedInput", source: "library", message: `seed: ${noSeedInput}` }]
}

const optionProblems = Effect.fnUntraced(function*(
  options: BatchOptions | undefined,
  runs: number,
  targets: ReadonlyArray<Seeds.SeedTarget>
): Effect.fn.Return<ReadonlyArray<WorkflowProblems.Problem>, InvokeAiError, WorkflowResources> {
  const out: Array<WorkflowProblems.Problem> = []
  if (!Number.isSafeInteger(runs) || runs < 1) {
    out.push({
      code: "runsOutOfRange",
      source: "server",
      message: `runs: expected an integer greater than 0, got ${describeReceived(runs)}`
    })
  }
  out.push(...seedProblems(options?.seed, targets))
  const boards = [options?.board, options?.autoBoard]
    .flatMap((id) => id === undefined || id === "none" ? [] : [id])
  if (boards.length > 0) {
    const resources = yield* WorkflowResources
    const present = yield* resources.existingBoards(boards)
    const missing = boards.filter((id) => !present.has(id))
    const advice = missing.length === 0 ? "" : yield* ResourceChecks.boardAdvice(resources)
    for (const id of missing) {
      out.push({
        code: "missingBoard",
        source: "resource",
        message: `board ${JSON.stringify(id)} does not exist on the server${advice}`
      })
    }
  }
  return out
})

// Cached, because a program can submit the same workflow many times.
const graphOf = memoized((loaded: LoadedWorkflow) => WorkflowGraph.build(loaded))
const nodesOf = memoized(submittedNodes)
const embeddedWorkflow = memoized((loaded: LoadedWorkflow): JsonObject => {
  const { id: _id, ...workflow } = toFile(asRead(loaded))
  return wellFormed(workflow)
})

/** The batch to submit for a workflow, or all its problems. */
const compile = Effect.fnUntraced(function*(
  self: Workflow,
  options: BatchOptions | undefined
): Effect.fn.Return<WorkflowBatch, WorkflowProblems.WorkflowNotReady | InvokeAiError, WorkflowResources> {
  const { runs = 1, seed = "keep" } = options ?? {}
  const resolved = yield* resolve(self)
  const sweeps = self.sweeps.flat()
  const varied = [...resolved.batch.nodes.flatMap(({ targets }) => targets), ...sweeps]
  const targets = seed === "keep" ?
    [] :
    Seeds.seedTargets(resolved.loaded).filter(({ fields, nodeId }) =>
      !varied.some((other) => other.nodeId === nodeId && fields.some(({ fieldName }) => fieldName === other.fieldName))
    )
  const problems = options === undefined
    ? resolved.problems
    : [...(yield* optionProblems(options, runs, targets)), ...resolved.problems]
  if (problems.length > 0) return yield* new WorkflowProblems.WorkflowNotReady({ problems })
  const seeds = seed === "keep" ? [] : yield* Seeds.seedsOf(seed, targets, runs)
  const seeded = seeds[0] === undefined ? resolved.loaded : Seeds.withSeed(resolved.loaded, targets, seeds[0])
  // the graph must be complete, so swept inputs have their first value
  const loaded = sweeps.reduce(
    (next, { fieldName, nodeId, values }) => withValue(next, nodeId, fieldName, values[0]),
    seeded
  )
  const toData = (group: ReadonlyArray<SweptInput>): ReadonlyArray<BatchDatum> =>
    group.map(({ fieldName, nodeId, values }) => ({ node_path: nodeId, field_name: fieldName, items: values }))
  const perRun = seeds.length > 1
  const data = [
    ...(perRun ? [toData(Seeds.sweptSeeds(targets, seeds))] : []),
    ...self.sweeps.map(toData),
    ...resolved.batch.data
  ]
  const boarded = withBoard(loaded, options?.board)
  return {
    graph: options?.autoBoard === undefined
      ? graphOf(boarded)
      : WorkflowGraph.build(boarded, { autoBoard: options.autoBoard }),
    data,
    workflow: embeddedWorkflow(loaded),
    runs: perRun ? 1 : runs,
    size: Batch.sizeOf(data, perRun ? 1 : runs),
    warnings: [...new Set([...self.warnings, ...loaded.warnings].map(describeWarning))],
    nodes: nodesOf(boarded)
  }
})

/**
 * Checks the whole workflow, then builds the batch to submit.
 *
 * **Details**
 *
 * The graph is the one that the InvokeAI UI would submit. Sweeps come before the workflow's batch nodes in `data`, and
 * vary more slowly. Generators that need the server are evaluated now; random ones without a seed draw new numbers.
 *
 * **Errors**
 *
 * `WorkflowNotReady` with every problem: nothing was changed on the server. `InvokeAiError` if the server could not be reached.
 *
 * @category conversions
 * @since 0.1.0
 */
export const make: {
  /**
   * Checks the whole workflow, then builds the batch to submit.
   *
   * The graph is the one that the InvokeAI UI would submit. Generators that need the server are evaluated now; random
   * ones without a seed draw new numbers. Fails with `WorkflowNotReady`, which has every problem, or with
   * `InvokeAiError` if the server could not be reached. Nothing is changed on the server.
   */
  (
    options?: BatchOptions
  ): (
    self: Workflow
  ) => Effect.Effect<WorkflowBatch, WorkflowProblems.WorkflowNotReady | InvokeAiError, WorkflowResources>
  /**
   * Checks the whole workflow, then builds the batch to submit.
   *
   * The graph is the one that the InvokeAI UI would submit. Generators that need the server are evaluated now; random
   * ones without a seed draw new numbers. Fails with `WorkflowNotReady`, which has every problem, or with
   * `InvokeAiError` if the server could not be reached. Nothing is changed on the server.
   */
  (
    self: Workflow,
    options?: BatchOptions
  ): Effect.Effect<WorkflowBatch, WorkflowProblems.WorkflowNotReady | InvokeAiError, WorkflowResources>
} = dual(
  (args) => isWorkflow(args[0]),
  Effect.fn("WorkflowBatch.make")((self: Workflow, options?: BatchOptions) => compile(self, options))
)
