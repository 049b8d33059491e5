/**
 * Maps what the server says about a refused batch back to the nodes and fields of the workflow.
 *
 * @since 0.1.0
 */
import type { InvokeAiError, ValidationIssue } from "../../InvokeAiError.ts"
import { type Rejection, SubmissionRejected } from "../JobError.ts"
import type { OutputNode } from "../Outputs.ts"

/** Messages can hold every node type of the server; this much of one is enough. */
const maxMessageLength = 300

const shorten = (message: string): string =>
  message.length <= maxMessageLength ? message : `${message.slice(0, maxMessageLength)}…`

/** Where the server's messages name nodes: `node a`, `node (a)`, `['a', 'b']`, and `a.field -> b.field`. */
const mentions = /\bnode \(?|['"]|\(|-> /gi

/** What can follow the id of a node in a message, and is no part of it. */
const isEnd = (next: string): boolean => next === "" || /[\s'"(),.:;\]]/.test(next)

/** The node that a message names. An id can be any text, even a word of the message, so only its place tells. */
const namedIn = (message: string, nodes: ReadonlyMap<string, OutputNode>): string => {
  const longestFirst = [...nodes.keys()].filter((id) => id !== "").toSorted((a, b) => b.length - a.length)
  for (const mention of message.matchAll(mentions)) {
    const at = mention.index + mention[0].length
    const isField = mention[0] === "(" || mention[0] === "-> "
    const found = longestFirst.find((id) => {
      const next = message.charAt(at + id.length)
      return message.startsWith(id, at) && (isField ? next === "." : isEnd(next))
    })
    if (found !== undefined) return found
  }
  return ""
}

const toRejection = (issue: ValidationIssue, nodes: ReadonlyMap<string, OutputNode>): Rejection => {
  const at = issue.loc.indexOf("nodes")
  const path = at === -1 ? [] : issue.loc.slice(at + 1).map(String)
  const nodeId = path[0] ?? namedIn(issue.msg, nodes)
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
  const issues = error.issues
  const problems = issues.length > 0
    ? issues.map((issue) => toRejection(issue, nodes))
    : [{ nodeId: "", nodeLabel: "", nodeType: "", fieldName: "", input: "", message: shorten(error.detail) }]
  return new SubmissionRejected({ batchId, problems })
}
