/**
 * The differences between two workflows: inputs, nodes, connections and models.
 *
 * @since 0.1.0
 */
import * as Equal from "effect/Equal"
import * as InkField from "../field/InkField.ts"
import { printableLine } from "../internal/printable.ts"
import type { InkWorkflowInput } from "./InkWorkflowInput.ts"
import { allFields, nodeTitle } from "./internal/inputs.ts"
import type { LoadedNode, LoadedWorkflow } from "./LoadedWorkflow.ts"
import type { Workflow } from "./WorkflowValue.ts"

/**
 * One difference between two workflows.
 *
 * @category models
 * @since 0.1.0
 */
export interface Change {
  /** Whether it was added, removed or changed. */
  readonly kind: "added" | "removed" | "changed"
  /** The location: a system name, a node's id, or a connection. */
  readonly path: string
  /** The human-readable name: an input's name, a node's title. */
  readonly name: string
  /** The human-readable value in the first workflow, if any. */
  readonly before?: string
  /** The human-readable value in the second workflow, if any. */
  readonly after?: string
}

/**
 * The differences between two workflows, from the first to the second.
 *
 * @category models
 * @since 0.1.0
 */
export interface WorkflowDiff {
  /** Whether there are no differences. */
  readonly isEmpty: boolean
  /** Inputs of the form that were added or removed, or have another name or value. */
  readonly inputs: ReadonlyArray<Change>
  /** Nodes that were added or removed, or have another type, version, label or flag. */
  readonly nodes: ReadonlyArray<Change>
  /** Fields off the form that have another value. */
  readonly values: ReadonlyArray<Change>
  /** Connections that were added or removed. */
  readonly connections: ReadonlyArray<Change>
  /** Model fields, on the form or not, that hold another model. */
  readonly models: ReadonlyArray<Change>
}

interface Entry {
  readonly name: string
  readonly text: string | undefined
  readonly data: unknown
}

const compare = (before: ReadonlyMap<string, Entry>, after: ReadonlyMap<string, Entry>): ReadonlyArray<Change> => {
  const changes: Array<Change> = []
  for (const [path, old] of before) {
    const now = after.get(path)
    if (now !== undefined && Equal.equals(old.data, now.data)) continue
    changes.push({
      kind: now === undefined ? "removed" : "changed",
      path,
      name: (now ?? old).name,
      ...(old.text === undefined ? {} : { before: old.text }),
      ...(now?.text === undefined ? {} : { after: now.text })
    })
  }
  for (const [path, now] of after) {
    if (before.has(path)) continue
    changes.push({ kind: "added", path, name: now.name, ...(now.text === undefined ? {} : { after: now.text }) })
  }
  return changes
}

const valueText = (input: InkWorkflowInput): string | undefined =>
  InkField.format(input.field) ?? (input.stored === undefined || input.stored === null
    ? undefined
    : JSON.stringify(input.stored))

const valueEntries = (inputs: ReadonlyArray<InkWorkflowInput>): ReadonlyMap<string, Entry> =>
  new Map(inputs.map((input) => [
    input.systemName,
    { name: input.userName, text: valueText(input), data: input.stored ?? null }
  ]))

const inputEntries = (inputs: ReadonlyArray<InkWorkflowInput>): ReadonlyMap<string, Entry> =>
  new Map(inputs.map((input) => [
    input.systemName,
    { name: input.userName, text: valueText(input), data: [input.userName, input.field._tag, input.stored ?? null] }
  ]))

const nodeEntry = ({ node, template }: LoadedNode): Entry => {
  const flags = [node.isIntermediate ? "intermediate" : "kept", node.useCache ? "cached" : "not cached"]
  return {
    name: nodeTitle(node, template),
    text: `${node.nodeType} ${node.version}, ${flags.join(", ")}`,
    data: [node.nodeType, node.version, node.label, node.isIntermediate, node.useCache]
  }
}

const nodeEntries = (loaded: LoadedWorkflow): ReadonlyMap<string, Entry> =>
  new Map(Array.from(loaded.nodes, ([nodeId, node]) => [nodeId, nodeEntry(node)]))

const edgeEntries = (loaded: LoadedWorkflow): ReadonlyMap<string, Entry> =>
  new Map(loaded.edges.map((edge) => {
    const path = `${edge.source}.${edge.sourceHandle} to ${edge.target}.${edge.targetHandle}`
    return [path, { name: path, text: undefined, data: true }]
  }))

/** @internal */
export const diff = (before: Workflow, after: Workflow): WorkflowDiff => {
  const onForm = (self: Workflow) => new Set(self.inputs.map((input) => input.systemName))
  const formBefore = onForm(before)
  const formAfter = onForm(after)
  const fieldsBefore = allFields(before.loaded)
  const fieldsAfter = allFields(after.loaded)
  const isOffForm = (input: InkWorkflowInput): boolean =>
    !formBefore.has(input.systemName) && !formAfter.has(input.systemName) &&
    before.loaded.nodes.has(input.nodeId) && after.loaded.nodes.has(input.nodeId)
  const parts = {
    inputs: compare(inputEntries(before.inputs), inputEntries(after.inputs)),
    nodes: compare(nodeEntries(before.loaded), nodeEntries(after.loaded)),
    values: compare(valueEntries(fieldsBefore.filter(isOffForm)), valueEntries(fieldsAfter.filter(isOffForm))),
    connections: compare(edgeEntries(before.loaded), edgeEntries(after.loaded)),
    models: compare(
      valueEntries(fieldsBefore.filter(({ field }) => InkField.isModelField(field))),
      valueEntries(fieldsAfter.filter(({ field }) => InkField.isModelField(field)))
    )
  }
  return { isEmpty: Object.values(parts).every((changes) => changes.length === 0), ...parts }
}

const signs = { added: "+", removed: "-", changed: "~" } as const

const formatChange = (change: Change): string => {
  const before = change.before ?? "nothing"
  const after = change.after ?? "nothing"
  const values = change.kind === "changed"
    ? `: ${before} to ${after}`
    : change.before === undefined && change.after === undefined
    ? ""
    : `: ${change.before ?? change.after}`
  return printableLine(
    `  ${signs[change.kind]} ${change.name === change.path ? change.path : `${change.name} (${change.path})`}${values}`
  )
}

/**
 * Formats a difference as text, one line per change.
 *
 * **Example** (Print what changed between two workflows)
 *
 * ```ts
 * import * as Diff from "@effect-invokeai/core/workflow/Diff"
 * import type { Workflow } from "@effect-invokeai/core/workflow/Workflow"
 * import * as Console from "effect/Console"
 *
 * export const printChanges = (before: Workflow, after: Workflow) =>
 *   Console.log(Diff.format(Diff.diff(before, after)))
 * ```
 *
 * @category formatting
 * @since 0.1.0
 */
export const format = (diff: WorkflowDiff): string => {
  if (diff.isEmpty) return "The workflows are the same."
  const lines: Array<string> = []
  for (const part of ["inputs", "nodes", "values", "connections", "models"] as const) {
    if (diff[part].length === 0) continue
    lines.push(`${part.charAt(0).toUpperCase()}${part.slice(1)}:`)
    for (const change of diff[part]) lines.push(formatChange(change))
  }
  return lines.join("\n")
}
