/** The names of a workflow's nodes, for their results. */
import * as InkField from "../../field/InkField.ts"
import type { LoadedWorkflow, SubmittedNode } from "../LoadedWorkflow.ts"
import { nodeTitle } from "./inputs.ts"

/** The nodes of a workflow by id, for their results. */
export const submittedNodes = (loaded: LoadedWorkflow): ReadonlyMap<string, SubmittedNode> => {
  const out = new Map<string, SubmittedNode>()
  for (const [nodeId, { node, template }] of loaded.nodes) {
    const board = Array.from(template?.inputs.values() ?? []).find((input) => input.type.name === "BoardField")
    const field = board === undefined ? undefined : InkField.fromTemplate(board, node.inputs.get(board.name)?.value)
    out.set(nodeId, {
      nodeId,
      type: node.nodeType,
      label: nodeTitle(node, template),
      title: template?.title ?? node.nodeType,
      isIntermediate: node.isIntermediate,
      board: field?._tag === "InkBoardField" ? field.value ?? "auto" : undefined,
      outputType: template?.outputType ?? ""
    })
  }
  return out
}
