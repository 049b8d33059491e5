/** Finds the installed model that a reference in a workflow refers to. */
import type { ModelConstraint } from "../../catalog/NodeTemplate.ts"
import {
  describeAcceptedModels,
  isCompleteModel,
  modelLabel,
  modelProblems,
  type ModelReference
} from "../../field/fields/modelReference.ts"
import { nameDistance, normalize } from "../../internal/similarity.ts"
import type { InstalledModel } from "../../workflow/WorkflowResources.ts"

/**
 * The result of resolving a reference: one model, none, several candidates, or one that the field does not accept.
 *
 * **Details**
 *
 * `candidates` lists models as `name (base type, key)`. For a missing model, and for one that the field does not accept, they are the installed models that the field accepts, those with a similar name first. For an ambiguous model, they are those that match.
 */
export type ModelResolution =
  | { readonly _tag: "Found"; readonly model: ModelReference; readonly installed: InstalledModel }
  | { readonly _tag: "Missing"; readonly candidates: ReadonlyArray<string> }
  | { readonly _tag: "NotAccepted"; readonly installed: InstalledModel; readonly candidates: ReadonlyArray<string> }
  | { readonly _tag: "Ambiguous"; readonly candidates: ReadonlyArray<string> }

/** Describes a model in one line: name, base, type and key. */
const describeModel = (model: InstalledModel): string => `${model.name} (${model.base} ${model.type}, key ${model.key})`

const identity = (model: InstalledModel, reference: ModelReference): ModelReference => ({
  key: model.key,
  hash: model.hash,
  name: model.name,
  base: model.base,
  type: model.type,
  ...(reference.submodel_type === undefined ? {} : { submodel_type: reference.submodel_type })
})

const isAccepted = (accepts: ModelConstraint) => (model: InstalledModel): boolean =>
  modelProblems(accepts, { ...model }).length === 0

/** Sorts models by the similarity of their names to a requested one, most similar first. */
const bySimilarity = (
  models: ReadonlyArray<InstalledModel>,
  name: string | undefined
): ReadonlyArray<InstalledModel> => {
  if (name === undefined) return models
  const wanted = normalize(name)
  return models
    .map((model) => ({ model, score: nameDistance(wanted, normalize(model.name)) }))
    .toSorted((left, right) => left.score - right.score)
    .map(({ model }) => model)
}

/**
 * Finds the installed model that a reference refers to.
 *
 * **Details**
 *
 * In this order: the model with the key; the one with the hash, which is the same file on any server; those with the
 * name, and with the base and type if the reference has them. A string can be a key or a name. If several match, those
 * that the field accepts take precedence; if more than one remains, the reference is ambiguous. A complete reference
 * whose key is installed is not changed, as in the InvokeAI UI. An incomplete one to a model of another type or base
 * than the field accepts is rejected, because the run would fail.
 */
export const resolve = (
  reference: ModelReference,
  accepts: ModelConstraint,
  models: ReadonlyArray<InstalledModel>
): ModelResolution => {
  const accepted = isAccepted(accepts)
  const name = reference.name ?? reference.keyOrName
  const candidates = (): ReadonlyArray<string> => bySimilarity(models.filter(accepted), name).map(describeModel)
  const found = (installed: InstalledModel): ModelResolution => {
    if (!isCompleteModel(reference)) {
      return accepted(installed)
        ? { _tag: "Found", installed, model: identity(installed, reference) }
        : { _tag: "NotAccepted", installed, candidates: candidates() }
    }
    return {
      _tag: "Found",
      installed,
      model: reference.key === installed.key ? reference : identity(installed, reference)
    }
  }
  const key = reference.key ?? reference.keyOrName
  const byKey = key === undefined ? undefined : models.find((model) => model.key === key)
  if (byKey !== undefined) return found(byKey)
  const narrow = (matches: ReadonlyArray<InstalledModel>): ReadonlyArray<InstalledModel> => {
    const fitting = matches.filter(accepted)
    return fitting.length > 0 ? fitting : matches
  }
  const byHash = reference.hash === undefined ? [] : narrow(models.filter((model) => model.hash === reference.hash))
  const matches = byHash.length > 0
    ? byHash
    : narrow(models.filter((model) =>
      name !== undefined && model.name === name &&
      (reference.base === undefined || model.base === reference.base) &&
      (reference.type === undefined || model.type === reference.type)
    ))
  const [first, second] = matches
  if (first === undefined) return { _tag: "Missing", candidates: candidates() }
  return second === undefined || !accepted(first)
    ? found(first)
    : { _tag: "Ambiguous", candidates: matches.map(describeModel) }
}

/** Describes why a reference could not be resolved. */
export const describeFailure = (
  reference: ModelReference,
  resolution: Exclude<ModelResolution, { readonly _tag: "Found" }>,
  accepts: ModelConstraint
): string => {
  const { candidates } = resolution
  const more = candidates.length > 5 ? `; and ${candidates.length - 5} more` : ""
  const shown = `${candidates.slice(0, 5).join("; ")}${more}`
  const label = modelLabel(reference)
  if (resolution._tag === "Ambiguous") {
    return `multiple models are named ${JSON.stringify(label)}: ${shown}; set one by its key`
  }
  const what = resolution._tag === "Missing"
    ? `the model ${JSON.stringify(label)} is not installed`
    : `the field does not accept model ${describeModel(resolution.installed)}`
  const wanted = describeAcceptedModels(accepts)
  return candidates.length === 0
    ? `${what}; the field accepts ${wanted}, but none is installed`
    : `${what}; the field accepts ${wanted}: ${shown}`
}
