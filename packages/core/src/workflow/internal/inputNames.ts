/** Finds inputs by name. */
import * as Result from "effect/Result"
import { nameDistance, normalize } from "../../internal/similarity.ts"
import type { InkWorkflowInput } from "../InkWorkflowInput.ts"
import { AmbiguousInputName, InputNotFound } from "../InputError.ts"
import type { Workflow } from "../WorkflowValue.ts"
import { allFields, inputOf, unambiguousNames } from "./inputs.ts"

/**
 * Up to three names of inputs similar to a given one, the most similar first.
 *
 * Compares with user names, field names, labels and system names, whatever their case, blanks and underscores. An input
 * is named by its user name if that belongs to one input only, else by its public name.
 */
const nearMatches = (inputs: ReadonlyArray<InkWorkflowInput>, name: string): ReadonlyArray<string> => {
  const wanted = normalize(name)
  if (wanted === "") return []
  const usable = unambiguousNames(inputs)
  const score = (input: InkWorkflowInput): number =>
    Math.min(
      ...[input.userName, input.publicName ?? "", input.fieldName, input.label, input.systemName].map((other) =>
        nameDistance(wanted, normalize(other))
      )
    )
  const scored = inputs.map((input) => ({ input, score: score(input) }))
  const best = Math.min(0.4, ...scored.map((entry) => entry.score))
  const ranked = scored
    .filter((entry) => entry.score <= (best === 0 ? 0 : Math.min(0.4, best + 0.15)))
    .toSorted((left, right) => left.score - right.score)
    .map(({ input }) => usable.get(input) ?? input.systemName)
  return [...new Set(ranked)].slice(0, 3)
}

/**
 * Up to three system names of fields similar to a given one, the most similar first.
 *
 * If the name starts with a known node's id, the rest is compared with that node's fields; otherwise the last part is
 * compared with all fields.
 */
const nearFields = (fields: ReadonlyArray<InkWorkflowInput>, name: string): ReadonlyArray<string> => {
  const ofNode = fields.filter((field) => name.startsWith(`${field.nodeId}.`))
  const [first] = ofNode
  const wanted = normalize(
    first === undefined ? name.slice(name.lastIndexOf(".") + 1) : name.slice(first.nodeId.length)
  )
  if (wanted === "") return []
  const scored = (first === undefined ? fields : ofNode).map((field) => ({
    field,
    score: Math.min(nameDistance(wanted, normalize(field.fieldName)), nameDistance(wanted, normalize(field.userName)))
  }))
  const limit = scored.some(({ score }) => score === 0) ? 0 : 0.4
  return scored
    .filter(({ score }) => score <= limit)
    .toSorted((left, right) => left.score - right.score)
    .slice(0, 3)
    .map(({ field }) => field.systemName)
}

/** The fields off the form with a given system name or field name. */
const offForm = (self: Workflow, name: string): ReadonlyArray<string> => {
  const named = fieldCalled(self, name)
  if (named !== undefined) return [named.systemName]
  const onForm = new Set(self.inputs.map((input) => input.systemName))
  return allFields(self.loaded)
    .filter((field) => field.fieldName === name && !field.connected && !onForm.has(field.systemName))
    .map((field) => field.systemName)
}

const inputNotFound = (self: Workflow, name: string): InputNotFound => {
  const near = nearMatches(self.inputs, name)
  return new InputNotFound({
    inputName: name,
    wanted: "input",
    suggestions: near,
    available: [...new Set(unambiguousNames(self.inputs).values())],
    hiddenFields: offForm(self, name)
  })
}

const fieldNotFound = (self: Workflow, name: string): InputNotFound =>
  new InputNotFound({
    inputName: name,
    wanted: "field",
    suggestions: nearFields(allFields(self.loaded), name),
    available: [...new Set(unambiguousNames(self.inputs).values())],
    hiddenFields: []
  })

/** The error for a name that several inputs have. */
export const ambiguous = (
  name: string,
  inputs: ReadonlyArray<InkWorkflowInput>
): AmbiguousInputName =>
  new AmbiguousInputName({
    inputName: name,
    nodeIds: [...new Set(inputs.map((input) => input.nodeId))],
    publicNames: [...new Set(inputs.flatMap((input) => input.publicName ?? []))],
    systemNames: [...new Set(inputs.map((input) => input.systemName))]
  })

/** An input by system name, public name, user name or index, in this order. */
export const findInput = (
  self: Workflow,
  name: string | number
): Result.Result<InkWorkflowInput, InputNotFound | AmbiguousInputName> => {
  const inputs = self.inputs
  if (typeof name === "string") {
    const bySystemName = inputs.find((input) => input.systemName === name)
    if (bySystemName !== undefined) return Result.succeed(bySystemName)
    const byPublicName = inputs.find((input) => input.publicName === name)
    if (byPublicName !== undefined) return Result.succeed(byPublicName)
    const byUserName = inputs.filter((input) => input.userName === name)
    const [first] = byUserName
    if (first !== undefined) {
      return byUserName.every((input) => input.systemName === first.systemName)
        ? Result.succeed(first)
        : Result.fail(ambiguous(name, byUserName))
    }
  }
  const byIndex = typeof name === "number" || /^\d{1,9}$/.test(name) ? inputs[Number(name)] : undefined
  if (byIndex !== undefined) return Result.succeed(byIndex)
  return Result.fail(inputNotFound(self, String(name)))
}

/** All ways to split a string into a node's id and the name of one of its fields. */
const splits = (name: string): ReadonlyArray<readonly [nodeId: string, fieldName: string]> => {
  const out: Array<readonly [string, string]> = []
  for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) {
    out.push([name.slice(0, dot), name.slice(dot + 1)])
  }
  return out
}

const fieldCalled = (self: Workflow, name: string): InkWorkflowInput | undefined => {
  for (const [nodeId, fieldName] of splits(name)) {
    const node = self.loaded.nodes.get(nodeId)
    if (node?.inputTemplate(fieldName) !== undefined || node?.node.inputs.has(fieldName) === true) {
      return inputOf(self.loaded, node, fieldName)
    }
  }
  return undefined
}

/** Any field of any node by system name. */
export const findField = (
  self: Workflow,
  name: string
): Result.Result<InkWorkflowInput, InputNotFound> => {
  const field = fieldCalled(self, name)
  return field === undefined ? Result.fail(fieldNotFound(self, name)) : Result.succeed(field)
}
