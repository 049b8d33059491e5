/**
 * Calls of saved workflows (InvokeAI 6.14): the caller waits while the called workflow runs as separate items, then
 * continues, or fails with them.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as CalledWorkflow from "./calledWorkflow.ts"
import type { NodeOutput } from "./graphExecutor.ts"
import { categoryOf } from "./libraryStore.ts"
import { failure, NodeFailure } from "./nodeBehavior.ts"
import type { QueueItem } from "./queueStore.ts"
import * as QueueStore from "./queueStore.ts"
import type { GraphNode } from "./simulatorGraph.ts"
import type { SimulatorWorld } from "./simulatorWorld.ts"
import * as WorkflowCallState from "./workflowCallState.ts"

/** The node type that calls. */
export const nodeType = "call_saved_workflow"

const select = (world: SimulatorWorld, item: QueueItem, id: string): Readonly<Record<string, unknown>> => {
  if (id === "") throw failure("ValueError", "A saved workflow must be selected before executing call_saved_workflow.")
  const record = world.library.workflows.get(id)
  if (record === undefined) throw failure("ValueError", `The selected saved workflow '${id}' could not be found.`)
  const isAllowed = !world.settings.multiUser || record.isPublic || record.userId === item.userId ||
    categoryOf(record) === "default" || world.users.users.get(item.userId)?.isAdmin === true
  if (!isAllowed) {
    throw failure("ValueError", `The selected saved workflow '${id}' is not accessible to this user.`)
  }
  return record.workflow
}

const asFailure = (cause: unknown): NodeFailure =>
  cause instanceof NodeFailure ? cause : failure("RuntimeError", String(cause))

const crowded = (type: string): NodeFailure =>
  failure(type, "call_saved_workflow exceeds remaining queue capacity for child workflow executions")

const begin = (world: SimulatorWorld, item: QueueItem, node: GraphNode, sourceId: string, now: number): void => {
  const workflowId = typeof node["workflow_id"] === "string" ? node["workflow_id"] : ""
  const workflow = select(world, item, workflowId)
  const pending = world.queue.withStatus("pending", item.queueId).length
  const room = world.settings.maxQueueSize - pending
  if (room <= 0) throw crowded("ValueError")
  const depth = item.place.stack.length + 1
  if (depth > WorkflowCallState.maxDepth) {
    throw failure(
      "ValueError",
      `Maximum workflow call depth exceeded (${WorkflowCallState.maxDepth}) for workflow '${workflowId}'`
    )
  }
  const frame = { prepared_call_node_id: node.id, source_call_node_id: sourceId, workflow_id: workflowId, depth }
  const connected = Object.entries(node).filter(([name]) => CalledWorkflow.isInputName(name))
  const inputs = {
    ...(Predicate.isObject(node["workflow_inputs"]) ? node["workflow_inputs"] : {}),
    ...Object.fromEntries(connected)
  }
  const graphs = CalledWorkflow.graphsOf(world.catalog, workflow, inputs, world.random.uuid)
  if (graphs.length > room) throw crowded("TooManySessionsError")
  const callId = world.random.uuid()
  const place: WorkflowCallState.CallPlace = {
    stack: [...item.place.stack, frame],
    parent: { workflow_call_id: callId, parent_session_id: item.sessionId, ...frame },
    parentItemId: item.itemId,
    rootItemId: item.place.rootItemId ?? item.itemId
  }
  item.session = item.executor?.toJson()
  const children = graphs.map(({ fieldValues, graph }) => {
    const child = world.queue.add({
      queueId: item.queueId,
      batchId: item.batchId,
      origin: item.origin,
      destination: item.destination,
      sessionId: world.random.uuid(),
      executionGraphId: world.random.uuid(),
      priority: item.priority,
      userId: item.userId,
      fieldValues,
      retriedFrom: null,
      graph,
      workflow: null,
      unreadableReason: undefined,
      place
    }, now)
    world.emitStatus(child, now)
    return child
  })
  const sessionIds = children.map((child) => child.sessionId)
  const [only] = children
  item.waiting = {
    node,
    execution: {
      id: callId,
      parent_session_id: item.sessionId,
      child_session_id: sessionIds[0] ?? "",
      ...frame,
      status: "running_child",
      error_message: null,
      child_session_ids: sessionIds,
      child_item_ids: children.map((child) => child.itemId),
      expected_child_count: children.length,
      completed_child_item_ids: [],
      aggregated_values: {},
      child_outputs: {}
    },
    frame,
    childSession: only === undefined || children.length > 1 ? null : world.queue.sessionJson(only)
  }
  if (world.queue.setStatus(item, "waiting", now)) world.emitStatus(item, now)
}

/** Starts a call: the item waits, and its children are in the queue. Fails if the server rejects the call. */
export const call = (
  world: SimulatorWorld,
  item: QueueItem,
  node: GraphNode,
  sourceId: string,
  now: number
): Effect.Effect<void, NodeFailure> =>
  Effect.try({ try: () => begin(world, item, node, sourceId, now), catch: asFailure })

const outputOf = (child: QueueItem): Readonly<Record<string, unknown>> => {
  const source = [...child.graph.nodes.values()].find((node) => node.type === "workflow_return")
  const prepared = child.session?.source_prepared_mapping[source?.id ?? ""] ?? []
  const output = child.session?.results[prepared[0] ?? ""]
  if (prepared.length !== 1) {
    throw failure(
      "ValueError",
      "The selected saved workflow produced an unsupported number of workflow_return executions."
    )
  }
  if (!Predicate.isObject(output?.["values"])) {
    throw failure("ValueError", "The selected saved workflow did not produce a valid workflow_return output.")
  }
  return output["values"]
}

const endWaiting = (
  item: QueueItem,
  execution: WorkflowCallState.CallExecution,
  status: "completed" | "failed",
  error: string | null
): void => {
  item.callHistory.push({ ...execution, status, error_message: error })
  item.waiting = undefined
}

const failCaller = (
  world: SimulatorWorld,
  caller: QueueItem,
  child: QueueItem,
  message: string,
  now: number
): void => {
  const { waiting } = caller
  if (waiting === undefined) return
  for (const id of waiting.execution.child_item_ids) {
    const other = world.queue.get(id)
    if (other !== undefined && other !== child) world.cancel(other, now)
  }
  endWaiting(caller, waiting.execution, "failed", message)
  caller.executor?.fail(waiting.node.id, `ValueError: ${message}`)
  caller.session = caller.executor?.toJson()
  caller.errorType = "ValueError"
  caller.errorMessage = message
  caller.errorTraceback = message
  if (world.queue.setStatus(caller, "failed", now)) world.emitStatus(caller, now)
  world.emitInvocationError(caller, waiting.node, waiting.frame.source_call_node_id, now)
  settle(world, caller, now)
}

const resumeCaller = (world: SimulatorWorld, caller: QueueItem, child: QueueItem, now: number): void => {
  const { waiting } = caller
  if (waiting === undefined) return
  const values = outputOf(child)
  const [known] = Object.values(waiting.execution.child_outputs)
  const keys = (record: Readonly<Record<string, unknown>>): string => Object.keys(record).toSorted().join()
  if (known !== undefined && keys(known) !== keys(values)) {
    throw failure("ValueError", "Batched child workflows returned different workflow return keys.")
  }
  const execution = WorkflowCallState.withOutput(waiting.execution, child.itemId, values)
  if (execution.completed_child_item_ids.length < execution.expected_child_count) {
    caller.waiting = { ...waiting, execution }
    return
  }
  const output: NodeOutput = {
    output_meta: null,
    values: WorkflowCallState.returned(execution),
    type: "workflow_return_output"
  }
  endWaiting(caller, execution, "completed", null)
  caller.executor?.complete(waiting.node.id, output)
  caller.session = caller.executor?.toJson()
  world.emitInvocation("invocation_complete", caller, waiting.node, waiting.frame.source_call_node_id, now, {
    result: output
  })
  const isDone = caller.executor?.isComplete === true
  if (world.queue.setStatus(caller, isDone ? "completed" : "pending", now)) world.emitStatus(caller, now)
  if (isDone) settle(world, caller, now)
}

/** Notifies the caller of an item that the item has ended. Does nothing for an item without a caller. */
export const settle = (world: SimulatorWorld, child: QueueItem, now: number): void => {
  const caller = child.place.parentItemId === null ? undefined : world.queue.get(child.place.parentItemId)
  if (caller === undefined || QueueStore.isTerminal(caller.status)) return
  if (child.status === "canceled") world.cancel(caller, now)
  if (child.status === "failed") {
    const text = child.errorMessage ??
      `The selected saved workflow '${caller.waiting?.frame.workflow_id ?? ""}' failed during child execution.`
    failCaller(world, caller, child, text, now)
  }
  if (child.status !== "completed") return
  const resumed = Result.try({ try: () => resumeCaller(world, caller, child, now), catch: asFailure })
  if (Result.isFailure(resumed)) failCaller(world, caller, child, resumed.failure.errorMessage, now)
}
