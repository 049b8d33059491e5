/** Reading and accepting a batch. */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type { ValidationIssue } from "../fieldValidation.ts"
import * as FieldValidation from "../fieldValidation.ts"
import {
  type BatchDatum,
  combinationCount,
  combinations,
  type FieldValue,
  type QueueItem,
  type SimulatorBatch,
  type Unreadable
} from "../queueStore.ts"
import { bodyField, bodyRecord, type EndpointContext } from "../routeSupport.ts"
import type { SimulatorGraph } from "../simulatorGraph.ts"
import * as SimulatorGraphModule from "../simulatorGraph.ts"
import { type HttpFailure, internalError, invalid, json, refusal, type SimulatorResponse } from "../SimulatorHttp.ts"
import type { SimulatorWorld } from "../simulatorWorld.ts"
import * as WellFormed from "../wellFormed.ts"
import { outermost } from "../workflowCallState.ts"

type Raw = Readonly<Record<string, unknown>>

const valueError = (loc: ReadonlyArray<string | number>, text: string, input: unknown): ValidationIssue => ({
  type: "value_error",
  loc,
  msg: `Value error, ${text}`,
  input,
  ctx: { error: {} }
})

const notExecutable = /_(?:batch|generator)$/

const textOrNull = (value: unknown): string | null => typeof value === "string" ? value : null

const parseData = (raw: unknown): SimulatorBatch["data"] | ReadonlyArray<ValidationIssue> => {
  if (raw === null || raw === undefined) return null
  const loc = ["body", "batch", "data"]
  const issues: Array<ValidationIssue> = []
  const notAList = (at: ReadonlyArray<string | number>, input: unknown): ReadonlyArray<BatchDatum> => {
    issues.push({ type: "list_type", loc: at, msg: "Input should be a valid list", input })
    return []
  }
  if (!Array.isArray(raw)) {
    notAList(loc, raw)
    return issues
  }
  const data = raw.map((group: unknown, outer): ReadonlyArray<BatchDatum> => {
    if (!Array.isArray(group)) return notAList([...loc, outer], group)
    return group.map((datum: unknown, inner) => {
      const record: Raw = Predicate.isObject(datum) ? datum : {}
      const text = (name: string): string => {
        if (typeof record[name] === "string") return record[name]
        issues.push({ type: "missing", loc: [...loc, outer, inner, name], msg: "Field required", input: datum })
        return ""
      }
      const items = record["items"]
      return {
        node_path: text("node_path"),
        field_name: text("field_name"),
        items: Array.isArray(items) ? items : []
      }
    })
  })
  if (issues.length > 0) return issues
  if (data.some((group) => group.some((datum) => datum.items.length !== group[0]?.items.length))) {
    return [valueError(loc, "Zipped batch items must all have the same length", raw)]
  }
  const pairs = data.flat().map((datum) => JSON.stringify([datum.node_path, datum.field_name]))
  if (new Set(pairs).size !== pairs.length) {
    return [valueError(loc, "Each batch data must have unique node_id and field_name", raw)]
  }
  return data
}

const isIssues = (
  value: SimulatorBatch["data"] | ReadonlyArray<ValidationIssue>
): value is ReadonlyArray<ValidationIssue> => value !== null && value.some((entry) => !Array.isArray(entry))

const targetProblem = (world: SimulatorWorld, graph: SimulatorGraph, data: SimulatorBatch["data"]) => {
  for (const datum of (data ?? []).flat()) {
    const node = graph.nodes.get(datum.node_path)
    if (node === undefined) return `Node ${datum.node_path} not found in graph`
    const fields = world.catalog.types.get(node.type)?.fields ?? []
    if (!fields.some((field) => field.name === datum.field_name)) {
      return `Field ${datum.field_name} not found in node ${datum.node_path}`
    }
  }
  return undefined
}

const parseBatch = Effect.fnUntraced(function*(
  world: SimulatorWorld,
  raw: unknown
): Effect.fn.Return<SimulatorBatch, HttpFailure> {
  const at = ["body", "batch"]
  if (!Predicate.isObject(raw)) {
    return yield* invalid([{
      type: "model_attributes_type",
      loc: at,
      msg: "Input should be a valid dictionary or object to extract fields from",
      input: raw
    }])
  }
  const issues: Array<ValidationIssue> = []
  const data = parseData(raw["data"])
  if (isIssues(data)) issues.push(...data)
  let graph: SimulatorGraph | undefined = undefined
  if (Object.hasOwn(raw, "graph")) {
    const parsed = SimulatorGraphModule.parse(world.catalog, raw["graph"], world.random.uuid, [...at, "graph"])
    if ("issues" in parsed) issues.push(...parsed.issues)
    else {
      const problem = SimulatorGraphModule.firstProblem(world.catalog, parsed.graph)
      if (problem === undefined) graph = parsed.graph
      else issues.push(valueError([...at, "graph"], problem, raw["graph"]))
    }
  } else {
    issues.push({ type: "missing", loc: [...at, "graph"], msg: "Field required", input: raw })
  }
  const runs = Object.hasOwn(raw, "runs")
    ? FieldValidation.integer(raw["runs"], [...at, "runs"])
    : { ok: true as const, value: 1 }
  const limited = runs.ok ? FieldValidation.bounded(runs.value, { minimum: 1 }, [...at, "runs"]) : runs
  if (!limited.ok) issues.push(...limited.issues)
  if (issues.length > 0 || graph === undefined || isIssues(data) || !limited.ok) return yield* invalid(issues)
  const problem = targetProblem(world, graph, data)
  if (problem !== undefined) return yield* invalid([valueError(at, problem, raw)])
  if ([...graph.nodes.values()].some((node) => notExecutable.test(node.type))) return yield* internalError
  return {
    batch_id: textOrNull(raw["batch_id"]) ?? world.random.uuid(),
    origin: textOrNull(raw["origin"]),
    destination: textOrNull(raw["destination"]),
    data,
    graph,
    workflow: world.profile.minor < 9 && Predicate.isObject(raw["workflow"])
      ? { is_published: null, ...raw["workflow"] }
      : raw["workflow"] ?? null,
    runs: Number(limited.value)
  }
})

/** The graph with the values of one combination, and why the server cannot read them back, if so. */
const withValues = (world: SimulatorWorld, graph: SimulatorGraph, values: ReadonlyArray<FieldValue>) => {
  const nodes = new Map(graph.nodes)
  let issue: ValidationIssue | undefined = undefined
  for (const { field_name, node_path, value } of values) {
    const node = nodes.get(node_path)
    if (node === undefined) continue
    const field = world.catalog.types.get(node.type)?.fields.find((one) => one.name === field_name)
    const loc = ["graph", "nodes", node_path, node.type, field_name]
    const checked = field === undefined
      ? { ok: true as const, value }
      : SimulatorGraphModule.checkField(field, value, loc)
    if (!checked.ok) issue ??= checked.issues[0]
    const next = { ...node, [field_name]: checked.ok ? checked.value : value }
    if (checked.ok) issue ??= SimulatorGraphModule.combinationIssues(next, loc.slice(0, -1))[0]
    nodes.set(node_path, next)
  }
  const unreadableReason: Unreadable | undefined = WellFormed.storedProblem("list[NodeFieldValue]", values) ??
    (issue === undefined ? undefined : { model: "GraphExecutionState", issue })
  return { graph: { ...graph, nodes }, unreadableReason }
}

/** Enqueues a batch. */
export const enqueueBatch = (
  context: EndpointContext<{ readonly queue_id: string }>
): Effect.Effect<SimulatorResponse, HttpFailure> =>
  Effect.gen(function*() {
    const { now, params, user, world } = context
    const { queue_id: queueId } = params
    const body = yield* bodyRecord(context)
    const rawBatch = yield* bodyField(body, "batch")
    const key = Predicate.isObject(rawBatch) ? textOrNull(rawBatch["idempotency_key"]) : null
    const { receipts: capacity } = world.settings
    const known = key === null ? undefined : world.receipts.get(key)
    if (known !== undefined) return json({ queue_id: queueId, priority: 0, ...known.receipt })
    const open = [...world.receipts.values()].filter(({ isAcknowledged }) => !isAcknowledged)
    if (key !== null && capacity !== undefined && open.length >= capacity) {
      return yield* refusal(429, "Too many receipts that are not acknowledged")
    }
    const batch = yield* parseBatch(world, rawBatch)
    const pending = world.queue.withStatus("pending", queueId)
    const priority = body["prepend"] === true ? Math.max(0, ...pending.map((item) => item.priority)) + 1 : 0
    for (const text of [batch.batch_id, batch.origin, batch.destination]) {
      const problem = WellFormed.encodingError(text ?? "")
      if (problem !== undefined) return yield* refusal(500, `Unexpected error while enqueuing batch: ${problem}`)
    }
    const requested = combinationCount(batch.data) * batch.runs
    // Shared by all items of the batch.
    const unreadable = WellFormed.storedProblem("GraphExecutionState", SimulatorGraphModule.toJson(batch.graph)) ??
      WellFormed.storedProblem("WorkflowWithoutID", batch.workflow)
    const room = Math.max(0, world.settings.maxQueueSize - pending.length)
    const added: Array<QueueItem> = []
    const executionGraphId = world.random.uuid()
    const size = Math.min(requested, room)
    while (added.length < size) {
      for (const values of combinations(batch.data)) {
        if (added.length >= size) break
        const { graph, unreadableReason } = withValues(world, batch.graph, values)
        added.push(world.queue.add({
          queueId,
          batchId: batch.batch_id,
          origin: batch.origin,
          destination: batch.destination,
          sessionId: world.random.uuid(),
          executionGraphId,
          priority,
          userId: user.userId,
          fieldValues: values,
          retriedFrom: null,
          graph,
          workflow: batch.workflow,
          unreadableReason: unreadableReason ?? unreadable,
          place: outermost
        }, now))
      }
    }
    world.emit("batch_enqueued", now, {
      queue_id: queueId,
      batch_id: batch.batch_id,
      enqueued: added.length,
      requested,
      priority,
      origin: batch.origin,
      ...(world.profile.minor >= 12 ? { user_id: user.userId } : {})
    }, { _tag: "Owner", userId: user.userId, queueId })
    if (key !== null && capacity !== undefined) {
      const ids = added.map((item) => item.itemId).toReversed()
      world.receipts.set(key, {
        receipt: { batch_id: batch.batch_id, enqueued: added.length, requested, item_ids: ids },
        isAcknowledged: false
      })
    }
    world.wake()
    // the worker may already run it when the response is sent
    yield* Effect.yieldNow
    return json({
      queue_id: queueId,
      enqueued: added.length,
      requested,
      batch: { ...batch, graph: SimulatorGraphModule.toJson(batch.graph) },
      priority,
      item_ids: world.queue.ofBatch(queueId, batch.batch_id)
        .map((item) => item.itemId).toReversed()
    })
  })
