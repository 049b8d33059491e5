/** Workflows as text and as a diagram. */
import * as InkField from "../../field/InkField.ts"
import { printableLine } from "../../internal/printable.ts"
import type { InkWorkflowInput } from "../InkWorkflowInput.ts"
import type { LoadedWorkflow, LoadWarning, SubmittedNode } from "../LoadedWorkflow.ts"
import { isMissing, nodeTitle } from "./inputs.ts"

const problemTexts: ReadonlyMap<string, string> = new Map([
  ["sourceNodeDoesNotExist", "its source node does not exist"],
  ["targetNodeDoesNotExist", "its target node does not exist"],
  ["sourceNodeFieldDoesNotExist", "its source node has no such output"],
  ["targetNodeFieldDoesNotExist", "its target node has no such input"],
  ["missingTemplate", "the type of a node is unknown"],
  ["cannotConnectToSelf", "a node cannot be connected to itself"],
  ["cannotDuplicateConnection", "the same connection already exists"],
  ["cannotConnectToDirectInput", "the input accepts no connection"],
  ["fieldTypesMustMatch", "the types are not compatible"],
  ["connectionWouldCreateCycle", "it would create a cycle"],
  ["inputMayOnlyHaveOneConnection", "the input already has a connection"]
])

/** Formats a warning of loading as one line. */
export const describeWarning = (warning: LoadWarning): string => printableLine(warningText(warning))

const warningText = (warning: LoadWarning): string => {
  switch (warning.type) {
    case "missingTemplate":
      return `node ${warning.nodeId}: the server has no node type ${JSON.stringify(warning.nodeType)}`
    case "unableToUpdateNode":
      return `node ${warning.nodeId}: saved with ${warning.nodeType} ${warning.version}, but the server has ` +
        `${warning.templateVersion}; the node was not updated`
    case "missingFieldTemplate":
      return `node ${warning.nodeId}: input ${
        JSON.stringify(warning.fieldName)
      } is not sent, because its node type has no input with this name, or one of an unsupported type`
    case "deletedInvalidEdge": {
      const { edge, problems } = warning
      const ends = edge.type === "default"
        ? `${edge.source}.${edge.sourceHandle} to ${edge.target}.${edge.targetHandle}`
        : `${edge.source} to ${edge.target}`
      return `the connection from ${ends} was dropped: ${
        problems.map((problem) => problemTexts.get(problem) ?? problem).join(", ")
      }`
    }
    case "deletedMissingNodeFieldFormElement":
      return `the form contains the field ${warning.nodeId}.${warning.fieldName}, which does not exist`
    case "resetSavedWorkflowInputs":
      return `node ${warning.nodeId}: it was saved with another version of its node type, and the update dropped the values of ${
        warning.fieldNames.join(", ")
      }`
    default:
      return `node ${warning.nodeId}: workflow ${JSON.stringify(warning.workflowId)}, which it calls, could not be read`
  }
}

const table = (rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths: Array<number> = []
  const printed = rows.map((row) => row.map(printableLine))
  for (const row of printed) row.forEach((cell, index) => widths[index] = Math.max(widths[index] ?? 0, cell.length))
  return printed.map((row) => row.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join("  ").trimEnd())
}

const shorten = (text: string, limit: number): string => {
  const line = printableLine(text.replaceAll(/\s+/g, " ").trim())
  return line.length > limit ? `${line.slice(0, limit - 1)}…` : line
}

const describeBoard = (board: SubmittedNode["board"]): string =>
  board === undefined ? "" : typeof board === "string" ? ` (board ${board})` : ` (board ${board.board_id})`

/** Describes a workflow as text. */
export const describe = (
  loaded: LoadedWorkflow,
  inputs: ReadonlyArray<InkWorkflowInput>,
  outputs: ReadonlyArray<SubmittedNode>
): string => {
  const { author, description, name, version } = loaded.definition
  const lines: Array<string> = [
    printableLine(
      [name === "" ? "Untitled workflow" : name, version, author === "" ? "" : `by ${author}`]
        .filter((part) => part !== "")
        .join(" ")
    )
  ]
  if (description.trim() !== "") lines.push(shorten(description, 200))
  lines.push("", `Inputs: ${inputs.length}`)
  lines.push(...table(inputs.map((input) => {
    const value = InkField.format(input.field)
    return [
      `  ${input.index}`,
      input.publicName ?? "",
      input.userName,
      input.field._tag,
      isMissing(input) ? "missing" : input.required ? "required" : "optional",
      input.connected ? "(connected)" : value === undefined ? "" : shorten(value === "" ? "\"\"" : value, 60),
      input.systemName
    ]
  })))
  lines.push("", `Results: ${outputs.length}`)
  lines.push(...table(outputs.map((node) => [`  ${node.label}${describeBoard(node.board)}`, node.type, node.nodeId])))
  lines.push("", `Nodes: ${loaded.nodes.size}, connections: ${loaded.edges.length}`)
  if (loaded.warnings.length > 0) {
    lines.push(
      "",
      `Warnings: ${loaded.warnings.length}`,
      ...loaded.warnings.map((warning) => `  ${describeWarning(warning)}`)
    )
  }
  return lines.join("\n")
}

/** Escapes text for the double quotes of a Mermaid diagram. */
const quote = (text: string): string =>
  `"${
    shorten(text, 80)
      .replaceAll("#", "#35;")
      .replaceAll("\"", "#quot;")
      .replaceAll("<", "#lt;")
      .replaceAll(">", "#gt;")
      .replaceAll("&", "#amp;")
      .replaceAll("`", "#96;")
      .replaceAll("\\", "#92;")
  }"`

/** Returns the nodes and connections as a Mermaid flowchart. */
export const toMermaid = (loaded: LoadedWorkflow): string => {
  const ids = new Map<string, string>()
  const lines = ["flowchart LR"]
  for (const node of loaded.definition.nodes) {
    if (node.type === "notes" || ids.has(node.id)) continue
    const id = `n${ids.size}`
    ids.set(node.id, id)
    const title = node.type === "connector" ? "" : nodeTitle(node, loaded.nodes.get(node.id)?.template)
    lines.push(node.type === "connector" ? `  ${id}((" "))` : `  ${id}[${quote(title)}]`)
  }
  for (const edge of loaded.edges) {
    const source = ids.get(edge.source)
    const target = ids.get(edge.target)
    if (source === undefined || target === undefined) continue
    const label = edge.sourceHandle === edge.targetHandle
      ? edge.sourceHandle
      : `${edge.sourceHandle} to ${edge.targetHandle}`
    lines.push(`  ${source} -->|${quote(label)}| ${target}`)
  }
  return lines.join("\n")
}
