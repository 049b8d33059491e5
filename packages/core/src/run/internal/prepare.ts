/** Opens the workflow of a run, and gives it its values. */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import type { Assets, UploadError } from "../../assets/Assets.ts"
import * as WorkflowBatch from "../../batch/WorkflowBatch.ts"
import { WorkflowNotReady } from "../../batch/WorkflowProblems.ts"
import type { CatalogSource } from "../../catalog/NodeCatalog.ts"
import type { InkField } from "../../field/InkField.ts"
import * as Options from "../../internal/options.ts"
import type { InvalidOption } from "../../InvalidOption.ts"
import type { InputError } from "../../workflow/InputError.ts"
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

/** A workflow whose values were checked. */
export interface Prepared {
  /** The workflow with its values, and the name of some image in place of each that has to be uploaded. */
  readonly checked: Workflow.Workflow
  /** Uploads the images, and returns the workflow with their names. */
  readonly upload: Effect.Effect<
    Workflow.Workflow,
    InputError | UploadError | InvalidOption,
    Assets | FileSystem.FileSystem | Path.Path | Scope.Scope
  >
}

/**
 * The workflow with its values; one that is `undefined` is not given. Everything that is wrong without asking the server is
 * found before an image is uploaded.
 */
export const prepare = Effect.fnUntraced(function*(
  workflow: Workflow.Workflow,
  values: Workflow.InputValues
): Effect.fn.Return<Prepared, InputError | WorkflowNotReady> {
  const named = yield* Effect.forEach(
    Object.entries(values).filter(([, value]) => value !== undefined),
    ([name, value]) => Effect.map(Workflow.getInput(workflow, name), ({ field }) => ({ field, name, value }))
  )
  const withValues = <E, R>(convert: (field: InkField, value: unknown) => Effect.Effect<unknown, E, R>) =>
    Effect.forEach(
      named,
      ({ field, name, value }) => Effect.map(convert(field, value), (each) => [name, each] as const)
    ).pipe(Effect.flatMap((entries) => Workflow.setInputs(workflow, new Map(entries))))
  const checked = yield* withValues(withoutSources)
  const problems = WorkflowBatch.validate(checked)
  if (!problems.isEmpty) return yield* new WorkflowNotReady({ problems: problems.all })
  return { checked, upload: withValues(uploadSources) }
})
