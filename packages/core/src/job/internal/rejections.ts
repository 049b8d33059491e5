/**
 * Maps what the server says about a refused batch back to the nodes and fields of the workflow.
 *
 * @since 0.1.0
 */
import type { InvokeAiError, ValidationIssue } from "../../server/InvokeAiError.ts"
import { type Rejection, SubmissionRejected } from "../JobError.ts"
import type { OutputNode } from "../Outputs.ts"

/** Messages can hold every node type of the server; this much of one is enough. */
const longest = 300

const shorten = (message: string): string => message.length <= longest ? message : `${message.slice(0, longest)}…`

const quoted = (message: string, nodes: ReadonlyMap<string, OutputNode>): string => {
  for (const id of nodes.keys()) {
    if (message.includes(id)) return id
  }
  return ""
}

const toRejection = (issue: ValidationIssue, nodes: ReadonlyMap<string, OutputNode>): Rejection => {
  const at = issue.loc.indexOf("nodes")
  const path = at === -1 ? [] : issue.loc.slice(at + 1).map(String)
  const nodeId = path[0] ?? quoted(issue.msg, nodes)
  const node = nodes.get(nodeId)
  // After the node id comes its type, as the tag of the union, and then the field.
  const fieldName = (node !== undefined && path[1] !== node.type ? path[1] : path[2]) ?? ""
  return {
    nodeId,
    nodeLabel: node?.label ?? "",
    nodeType: node?.type ?? path[1] ?? "",
    fieldName,
    input: nodeId === "" || fieldName === "" ? "" : `${nodeId}.${fieldName}`,
    message: shorten(issue.msg)
  }
}

/**
 * The error for a batch that the server refused with 422.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromError = (
  batchId: string,
  error: InvokeAiError,
  nodes: ReadonlyMap<string, OutputNode>
): SubmissionRejected => {
  const issues = error.issues ?? []
  const problems = issues.length > 0
    ? issues.map((issue) => toRejection(issue, nodes))
    : [{ nodeId: "", nodeLabel: "", nodeType: "", fieldName: "", input: "", message: shorten(error.detail) }]
  return new SubmissionRejected({ batchId, problems })
}
