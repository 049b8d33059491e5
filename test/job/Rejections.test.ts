import { InvokeAiError, type ValidationIssue } from "@effect-invokeai/core/InvokeAiError"
import { assert, describe, it } from "@effect/vitest"
import { fromError } from "../../packages/core/src/job/internal/enqueueErrors.ts"

const rejection = (ids: ReadonlyArray<string>, issue: Partial<ValidationIssue>) =>
  fromError(
    "batch",
    new InvokeAiError({
      reason: { _tag: "Validation", issues: [{ loc: ["body", "batch"], msg: "", type: "value_error", ...issue }] },
      method: "POST",
      path: "/api/v1/queue/default/enqueue_batch",
      detail: ""
    }),
    new Map(ids.map((id) => [id, { label: `label of ${id}`, type: "add" }]))
  ).problems[0]!

/** Ids that are words of the server's messages, parts of other ids, or look like something else. */
const ids = [
  "1",
  "a",
  "in",
  "node",
  "graph",
  "Edge",
  "field",
  "not",
  "my node",
  "my node (2)",
  "a.b",
  "a.b.c",
  "nodes",
  "it's",
  "__proto__",
  "x".repeat(300),
  "06a1c0de-0000-4000-8000-000000000001"
]

const messages: ReadonlyArray<(id: string) => string> = [
  (id) => `Value error, Node ${id} not found in graph`,
  (id) => `Edge source node ${id} does not exist in the graph`,
  (id) => `Edge destination field value does not exist in node ${id}`,
  (id) => `Invalid iterator node (${id}): Iterator must have a collection input edge`,
  (id) => `Node ids must be unique, found duplicates ['${id}']`,
  (id) => `Edge source and target types do not match (${id}.value -> other.item)`
]

describe("a rejection of the server", () => {
  it("is attributed to the node that its message names, whatever the id looks like", () => {
    for (const id of ids) {
      for (const message of messages) {
        const problem = rejection(ids, { msg: message(id) })
        assert.strictEqual(problem.nodeId, id, message(id))
        assert.strictEqual(problem.nodeLabel, `label of ${id}`)
      }
    }
  })

  it("is attributed to the node of its place", () => {
    for (const id of ids) {
      const problem = rejection(ids, {
        loc: ["body", "batch", "graph", "nodes", id, "add", "a"],
        msg: "Input should be 1"
      })
      assert.deepInclude(problem, { nodeId: id, fieldName: "a", input: `${id}.a` })
    }
  })

  it("is attributed to no node if it does not name one", () => {
    for (
      const msg of [
        "Field a not found in node",
        "Graph contains cycles",
        "Zipped batch items must all have the same length in 1 graph",
        "Edge creates a cycle in the graph (gone.value -> lost.item)"
      ]
    ) {
      assert.strictEqual(rejection(ids, { msg }).nodeId, "", msg)
    }
  })
})
