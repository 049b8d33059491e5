/** Opens the workflow of a run, and gives it its values. */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Predicate from "effect/Predicate"
import * as WorkflowBatch from "../../batch/WorkflowBatch.ts"
import { WorkflowNotReady } from "../../batch/WorkflowProblems.ts"
import type { CatalogSource } from "../../catalog/NodeCatalog.ts"
import * as Options from "../../internal/options.ts"
import type { InvalidOption } from "../../InvalidOption.ts"
import * as Workflow from "../../workflow/Workflow.ts"
import { uploadSources, withoutSources } from "../ImageSources.ts"

/** Opens the workflow of a run. */
export const open = (source: string | URL | object): Effect.Effect<
  Workflow.Workflow,
  Workflow.LoadError | InvalidOption,
  CatalogSource | FileSystem.FileSystem | Path.Path
> => {
  if (typeof source === "string") return Workflow.fromFile(source)
  if (Workflow.isWorkflow(source)) return Effect.succeed(source)
  const invalid = Options.invalidArgument(
    "workflow",
    "the path or file: URL of a workflow, a workflow, or its JSON",
    source
  )
  if (source instanceof URL) {
    return Path.Path.pipe(
      Effect.flatMap((path) => path.fromFileUrl(source)),
      Effect.mapError(() => invalid),
      Effect.flatMap(Workflow.fromFile)
    )
  }
  return Predicate.isObject(source) && !Predicate.isPromiseLike(source)
    ? Workflow.fromJson(source)
    : Effect.fail(invalid)
}

/**
 * The workflow with its values; one that is `undefined` is not given. Everything that is wrong without asking the server is
 * found before an image is uploaded.
 */
export const prepare = Effect.fnUntraced(function*(workflow: Workflow.Workflow, values: Workflow.InputValues) {
  const named = yield* Effect.forEach(
    Object.entries(values).filter(([, value]) => value !== undefined),
    ([name, value]) => Effect.map(Workflow.getInput(workflow, name), ({ field }) => ({ field, name, value }))
  )
  const checked = yield* Effect.forEach(
    named,
    ({ field, name, value }) => Effect.map(withoutSources(field, value), (each) => [name, each] as const)
  )
  const problems = WorkflowBatch.validate(yield* Workflow.setInputs(workflow, new Map(checked)))
  if (!problems.isEmpty) return yield* new WorkflowNotReady({ problems: problems.all })
  const uploaded = yield* Effect.forEach(
    named,
    ({ field, name, value }) => Effect.map(uploadSources(field, value), (each) => [name, each] as const)
  )
  return yield* Workflow.setInputs(workflow, new Map(uploaded))
})
