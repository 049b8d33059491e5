/** Checks that everything a workflow refers to exists on the server, and completes its models. */
import * as Effect from "effect/Effect"
import type { InputTemplate, ModelConstraint } from "../../catalog/NodeTemplate.ts"
import type { ModelReference } from "../../field/fields/modelReference.ts"
import * as InkField from "../../field/InkField.ts"
import type { ResourceType } from "../../field/internal/kind.ts"
import { componentSource, isSelfContained } from "../../field/internal/rules.ts"
import type { Problem } from "../../field/Problem.ts"
import type { InvokeAiError } from "../../InvokeAiError.ts"
import { type InstalledModel, type NamedBoard, WorkflowResources } from "../../workflow/WorkflowResources.ts"
import * as ModelResolution from "./modelResolution.ts"
import { type CheckedNode, fieldOf, fieldProblem } from "./nodeChecks.ts"

/** A replacement for a value: the complete reference to a model. */
interface Replacement {
  readonly nodeId: string
  readonly fieldName: string
  readonly value: unknown
}

/**
 * The result of checking against a server: what is missing, the completed models, and the nodes whose main model
 * includes text encoders and VAE.
 */
export interface ResourceCheck {
  readonly problems: ReadonlyArray<Problem>
  readonly replacements: ReadonlyArray<Replacement>
  readonly selfContained: ReadonlySet<string>
}

interface Place {
  readonly target: CheckedNode
  readonly template: InputTemplate
}

interface NamedUse extends Place {
  readonly kind: ResourceType
  readonly name: string
}

interface ModelUse extends Place {
  readonly field: InkField.InkModelField | InkField.InkLoRACollectionField
}

interface Uses {
  readonly named: ReadonlyArray<NamedUse>
  readonly models: ReadonlyArray<ModelUse>
}

const usesOf = (targets: ReadonlyArray<CheckedNode>): Uses => {
  const named: Array<NamedUse> = []
  const models: Array<ModelUse> = []
  for (const target of targets) {
    for (const [fieldName, input] of target.node.inputs) {
      const template = target.inputTemplate(fieldName)
      if (template === undefined || input.value === undefined || input.value === null) continue
      if (target.isConnected(fieldName)) continue
      const field = fieldOf(template, input.value)
      if (InkField.isModelField(field)) models.push({ target, template, field })
      for (const [kind, name] of InkField.names(field)) named.push({ target, template, kind, name })
    }
  }
  return { named, models }
}

const acceptedBy = ({ field }: ModelUse): ModelConstraint => "accepts" in field ? field.accepts : { type: ["lora"] }

const checkModel = (
  use: ModelUse,
  reference: ModelReference,
  models: ReadonlyArray<InstalledModel>
): ModelResolution.ModelResolution => ModelResolution.resolve(reference, acceptedBy(use), models)

const modelCodes = { Missing: "missingModel", Ambiguous: "ambiguousModel", NotAccepted: "modelNotAccepted" } as const

const modelProblem = (
  use: ModelUse,
  reference: ModelReference,
  resolution: Exclude<ModelResolution.ModelResolution, { readonly _tag: "Found" }>
): Problem =>
  fieldProblem(use.target, use.template.name, use.template, {
    code: modelCodes[resolution._tag],
    source: "resource",
    message: ModelResolution.describeFailure(reference, resolution, acceptedBy(use)),
    candidates: resolution.candidates
  })

const checkModels = (uses: ReadonlyArray<ModelUse>, models: ReadonlyArray<InstalledModel>): ResourceCheck => {
  const problems: Array<Problem> = []
  const replacements: Array<Replacement> = []
  const selfContained = new Set<string>()
  for (const use of uses) {
    const { field, target, template } = use
    const place = { nodeId: target.node.id, fieldName: template.name }
    if (field._tag === "InkLoRACollectionField") {
      const loras = (field.value ?? []).map(({ lora, weight }) => {
        const resolution = checkModel(use, lora, models)
        if (resolution._tag === "Found") return { lora: resolution.model, weight }
        problems.push(modelProblem(use, lora, resolution))
        return { lora, weight }
      })
      if (loras.some(({ lora }, index) => lora !== field.value?.[index]?.lora)) {
        replacements.push({ ...place, value: loras })
      }
      continue
    }
    if (field.value === undefined) continue
    const resolution = checkModel(use, field.value, models)
    if (resolution._tag !== "Found") {
      problems.push(modelProblem(use, field.value, resolution))
      continue
    }
    if (resolution.model !== field.value) replacements.push({ ...place, value: resolution.model })
    if (template.name === componentSource && isSelfContained(resolution.installed)) selfContained.add(target.node.id)
  }
  return { problems, replacements, selfContained }
}

/** The server's names are UUIDs, so another name is probably that of a local file that is not there. */
const uploadAdvice = ({ kind, name }: NamedUse): string =>
  /^[0-9a-f]{8}-[0-9a-f-]{27}\./.test(name)
    ? ""
    : kind === "image"
    ? ". If it is a local file, check its path, or upload it with Assets.uploadFile"
    : kind === "video"
    ? ". If it is a local file, upload it first with Videos.upload"
    : ""

/** How many boards a message names. */
const maxBoards = 20

const describeBoards = (boards: ReadonlyArray<NamedBoard>): string => {
  if (boards.length === 0) return "The server has no boards"
  const named = boards.slice(0, maxBoards).map(({ id, name }) => `${JSON.stringify(name)} (${id})`).join(", ")
  return `The boards are ${named}${boards.length > maxBoards ? ` and ${boards.length - maxBoards} more` : ""}`
}

/** The boards that exist, as advice about one that does not; `""` if the server does not list them. @internal */
export const boardAdvice = (resources: WorkflowResources["Service"]): Effect.Effect<string> =>
  Effect.match(Effect.andThen(resources.refresh, resources.boards), {
    onFailure: () => "",
    onSuccess: (boards) => `. ${describeBoards(boards)}`
  })

const namedProblem = (advice: string) => (use: NamedUse): Problem =>
  fieldProblem(use.target, use.template.name, use.template, {
    code: `missing${use.kind.split(" ").map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("")}`,
    source: "resource",
    message: `${use.kind} ${JSON.stringify(use.name)} does not exist on the server${uploadAdvice(use)}${advice}`
  })

const nothing: ResourceCheck = { problems: [], replacements: [], selfContained: new Set() }

/**
 * Checks the models, images, videos, boards and presets of nodes, with at most one request per type.
 *
 * **Details**
 *
 * Values of connected inputs are not checked. Types that the workflow does not refer to need no request.
 */
export const check = Effect.fnUntraced(function*(
  targets: ReadonlyArray<CheckedNode>
): Effect.fn.Return<ResourceCheck, InvokeAiError, WorkflowResources> {
  const uses = usesOf(targets)
  if (uses.models.length + uses.named.length === 0) return nothing
  const resources = yield* WorkflowResources
  const modelCheck = Effect.map(resources.models, (models) => checkModels(uses.models, models))
  const remembered = uses.models.length === 0 ? nothing : yield* modelCheck
  const checked = remembered.problems.length === 0
    ? remembered
    : yield* Effect.andThen(resources.refresh, modelCheck)
  const present: Record<
    ResourceType,
    (names: ReadonlyArray<string>) => Effect.Effect<ReadonlySet<string>, InvokeAiError>
  > = {
    image: resources.existingImages,
    video: resources.existingVideos,
    board: resources.existingBoards,
    "style preset": resources.existingStylePresets,
    "system prompt": resources.existingSystemPrompts
  }
  const problems: Array<Problem> = [...checked.problems]
  for (const kind of ["image", "video", "board", "style preset", "system prompt"] as const) {
    const wanted = uses.named.filter((use) => use.kind === kind)
    if (wanted.length === 0) continue
    const there = yield* present[kind]([...new Set(wanted.map((use) => use.name))])
    const missing = wanted.filter((use) => !there.has(use.name))
    const advice = kind === "board" && missing.length > 0 ? yield* boardAdvice(resources) : ""
    problems.push(...missing.map(namedProblem(advice)))
  }
  return { ...checked, problems }
})
