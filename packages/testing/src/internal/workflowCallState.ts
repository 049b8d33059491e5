/**
 * The state of calls of saved workflows in queue items (InvokeAI 6.14): the caller, the called items, and their results.
 */

/** One call in the chain from the first caller to the running workflow. */
export interface CallFrame {
  readonly prepared_call_node_id: string
  readonly source_call_node_id: string
  readonly workflow_id: string
  /** 1 for a workflow that is called by the enqueued graph. */
  readonly depth: number
}

/** A call as the session describes it. */
export interface CallExecution extends CallFrame {
  readonly id: string
  readonly parent_session_id: string
  readonly child_session_id: string
  readonly status: "running_child" | "completed" | "failed"
  readonly error_message: string | null
  readonly child_session_ids: ReadonlyArray<string>
  readonly child_item_ids: ReadonlyArray<number>
  readonly expected_child_count: number
  readonly completed_child_item_ids: ReadonlyArray<number>
  readonly aggregated_values: Readonly<Record<string, ReadonlyArray<unknown>>>
  readonly child_outputs: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

/** The call that a child item belongs to, as its session names it. */
interface CallParent extends CallFrame {
  readonly workflow_call_id: string
  readonly parent_session_id: string
}

/** The place of an item among calls. */
export interface CallPlace {
  /** The calls above, outermost first; empty for an enqueued item. */
  readonly stack: ReadonlyArray<CallFrame>
  readonly parent: CallParent | null
  readonly parentItemId: number | null
  /** The enqueued item at the start of the chain. */
  readonly rootItemId: number | null
}

/** The place of an item that was enqueued. */
export const outermost: CallPlace = { stack: [], parent: null, parentItemId: null, rootItemId: null }

/** The maximum depth of calls. */
export const maxDepth = 4

/** The execution after a child of it ended. */
export const withOutput = (
  execution: CallExecution,
  itemId: number,
  values: Readonly<Record<string, unknown>>
): CallExecution => {
  const outputs: CallExecution["child_outputs"] = { ...execution.child_outputs, [itemId]: values }
  return {
    ...execution,
    completed_child_item_ids: [...execution.completed_child_item_ids, itemId],
    child_outputs: outputs,
    aggregated_values: Object.fromEntries(
      Object.keys(values).map((key) => [
        key,
        execution.child_item_ids.flatMap((id) => {
          const output = outputs[id]
          return output === undefined ? [] : [output[key]]
        })
      ])
    )
  }
}

/** The values that the caller receives: those of an only child, or lists of the values of all children. */
export const returned = (execution: CallExecution): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(execution.aggregated_values).map(([key, values]) => [
      key,
      execution.expected_child_count === 1 ? values[0] : values
    ])
  )
