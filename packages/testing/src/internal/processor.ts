/** The worker of the simulated server: takes one item at a time and runs its graph. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Png from "../Png.ts"
import { GraphExecutor, type NodeOutput, type PreparedNode } from "./graphExecutor.ts"
import * as InvocationCache from "./invocationCache.ts"
import { failure, type NodeContext, NodeFailure } from "./nodeBehavior.ts"
import * as NodeBehaviors from "./nodeBehaviors.ts"
import type { QueueItem } from "./queueStore.ts"
import * as QueueStore from "./queueStore.ts"
import type { SimulatorNodeType } from "./SimulatorCatalog.ts"
import type { GraphNode } from "./simulatorGraph.ts"
import * as SimulatorGraph from "./simulatorGraph.ts"
import type { SimulatorWorld } from "./simulatorWorld.ts"
import * as WorkflowCalls from "./workflowCalls.ts"

const canceled = failure("CanceledException", "")

const pause = (duration: Duration.Duration): Effect.Effect<void> =>
  Duration.isZero(duration) ? Effect.yieldNow : Effect.sleep(duration)

const traceback = (error: NodeFailure): string =>
  `Traceback (most recent call last):\n  File "invokeai/app/services/session_processor/session_processor_default.py", ` +
  `in run_node\n    output = invocation.invoke_internal(context=context, services=self._services)\n` +
  `${error.errorType}: ${error.errorMessage}\n`

const embeddable = (value: unknown): string | null =>
  value === null || value === undefined ? null : JSON.stringify(value)

const makeContext = (
  world: SimulatorWorld,
  item: QueueItem,
  nodeType: SimulatorNodeType,
  node: GraphNode,
  sourceId: string
): NodeContext => {
  const { template } = nodeType
  const image = (name: string) =>
    Effect.suspend(() => {
      const found = world.gallery.images.get(name)
      if (found === undefined) {
        return Effect.fail(
          world.profile.minor < 9
            ? failure("ImageFileNotFoundException", "Image file not found")
            : failure("ImageRecordNotFoundException", "Image record not found")
        )
      }
      const owner = world.users.users.get(item.userId)
      return world.settings.multiUser && found.userId !== item.userId && owner?.isAdmin !== true
        ? Effect.fail(failure("PermissionError", "Queue user is not authorized to access this image"))
        : Effect.succeed(found)
    })
  const progress: NodeContext["progress"] = (message, percentage = null, picture) =>
    Effect.flatMap(
      Clock.currentTimeMillis,
      (now) =>
        Effect.sync(() =>
          world.emitInvocation("invocation_progress", item, node, sourceId, now, {
            message,
            percentage,
            image: picture === undefined ? null : {
              width: picture.width,
              height: picture.height,
              dataURL: `data:image/png;base64,${Base64.encode(Png.encode(picture.raster))}`
            },
            ...(world.profile.minor >= 14 ? { device: null } : {})
          })
        )
    )
  const findModel: NodeContext["findModel"] = (key) =>
    Effect.suspend(() => {
      const model = world.models.get(key)
      return model === undefined
        ? Effect.fail(failure("UnknownModelException", "model not found"))
        : Effect.succeed(model)
    })
  const named = (prefix: string, tensor: { width: number; height: number; content: string }): string => {
    const name = `${prefix}_${world.random.uuid()}`
    world.tensors.set(name, tensor)
    return name
  }
  return {
    node,
    template,
    random: world.random,
    fingerprint: world.fingerprint(node),
    raster: (name) => Effect.map(image(name), (found) => found.raster),
    imageSize: (name) => Effect.map(image(name), (found) => [found.width, found.height] as const),
    imageMetadata: (name) =>
      Effect.map(image(name), (found): unknown => found.metadata === null ? null : JSON.parse(found.metadata)),
    saveImage: Effect.fnUntraced(function*(raster, category = "general") {
      yield* progress("Saving image")
      yield* world.disk("write")
      const now = yield* Clock.currentTimeMillis
      const board = node["board"]
      const wanted = typeof board === "object" && board !== null && "board_id" in board ? String(board.board_id) : ""
      const known = world.gallery.boards.get(wanted)
      const owner = world.users.users.get(item.userId)
      const allowed = !world.settings.multiUser || known === undefined || known.userId === item.userId ||
        owner?.isAdmin === true || known.visibility === "public"
      if (!allowed) {
        return yield* failure("PermissionError", "Queue user is not authorized to save images to this board")
      }
      const stored = world.gallery.add({
        name: `${world.random.uuid()}.png`,
        origin: "internal",
        raster,
        category,
        isIntermediate: node["is_intermediate"] === true,
        userId: item.userId,
        metadata: embeddable(node["metadata"]),
        workflow: embeddable(item.workflow),
        graph: JSON.stringify(SimulatorGraph.toJson(item.graph)),
        sessionId: item.sessionId,
        nodeId: node.id,
        boardId: known?.id ?? null
      }, now)
      return stored.name
    }),
    progress,
    findModel,
    loadModel: Effect.fnUntraced(function*(model) {
      const key = typeof model === "object" && model !== null && "key" in model ? String(model.key) : ""
      const config = yield* findModel(key)
      const type = typeof model === "object" && model !== null && "submodel_type" in model ? model.submodel_type : null
      const label = typeof type === "string" ? `${String(config["name"])} (${type})` : String(config["name"])
      yield* progress(`Loading model ${label}`)
      const now = yield* Clock.currentTimeMillis
      for (const name of ["model_load_started", "model_load_complete"]) {
        world.emit(
          name,
          now,
          { config, submodel_type: type, ...(world.profile.minor >= 14 ? { user_id: item.userId } : {}) },
          world.profile.minor >= 14
            ? { _tag: "Owner", userId: item.userId, queueId: item.queueId }
            : { _tag: "Everybody" }
        )
      }
    }),
    putTensor: (tensor) => named("Tensor", tensor),
    putConditioning: (content) => named("ConditioningFieldData", { width: 0, height: 0, content }),
    tensor: (name) => world.tensors.get(name),
    // a canceled denoising ends at its next step
    step: Effect.andThen(
      Effect.suspend(() => pause(world.stepDuration)),
      Effect.suspend(() => item.status === "canceled" ? Effect.fail(canceled) : Effect.void)
    )
  }
}

/** Converts connected values, as an assignment to the field does on the server. */
const acceptInputs = (
  nodeType: SimulatorNodeType | undefined,
  prepared: PreparedNode
): { readonly node: GraphNode } | { readonly field: string } => {
  const node: Record<string, unknown> & GraphNode = { ...prepared.node }
  for (const field of nodeType?.fields ?? []) {
    const checked = SimulatorGraph.checkField(field, node[field.name], [field.name])
    if (!checked.ok) return { field: field.name }
    if (Object.hasOwn(node, field.name)) node[field.name] = checked.value
  }
  const [issue] = SimulatorGraph.combinationIssues(node, [])
  return issue === undefined ? { node } : { field: String(issue.loc[0]) }
}

const runNode = Effect.fnUntraced(function*(
  world: SimulatorWorld,
  item: QueueItem,
  node: GraphNode,
  sourceId: string
): Effect.fn.Return<NodeOutput, NodeFailure> {
  const nodeType = world.catalog.types.get(node.type)
  if (nodeType === undefined) return yield* failure("KeyError", node.type)
  for (const field of nodeType.fields) {
    if (field.template?.required === true && (node[field.name] ?? null) === null) {
      return yield* failure(
        "MissingInputException",
        `Node ${node.type} missing value or connection for field ${field.name}`
      )
    }
  }
  const overridden = world.override(node)
  const { steps = 0 } = overridden
  if (overridden._tag === "Failure" && steps === 0) {
    return yield* failure(overridden.errorType, overridden.errorMessage)
  }
  const key = InvocationCache.keyOf(node)
  const usesCache = node["use_cache"] === true && overridden._tag === "RunsNormally" && steps === 0
  const cached = usesCache ? world.cache.get(key) : undefined
  if (cached !== undefined) return cached
  const context = makeContext(world, item, nodeType, node, sourceId)
  yield* pause(world.nodeDuration)
  for (let step = 1; step <= steps; step++) {
    yield* context.step
    yield* context.progress(`Step ${step}/${steps}`, step / steps)
  }
  if (overridden._tag === "Failure") return yield* failure(overridden.errorType, overridden.errorMessage)
  const output = overridden._tag === "Output"
    ? world.complete(context.template.outputType, overridden.output)
    : yield* NodeBehaviors.behaviorOf(context)(context)
  if (usesCache) world.cache.put(key, output)
  return output
})

const failItem = (
  world: SimulatorWorld,
  item: QueueItem,
  executor: GraphExecutor,
  node: GraphNode,
  sourceId: string,
  error: NodeFailure,
  now: number
): void => {
  executor.fail(node.id, `${error.errorType}: ${error.errorMessage}`)
  item.session = executor.toJson()
  if (!QueueStore.isTerminal(item.status)) {
    item.errorType = error.errorType
    item.errorMessage = error.errorMessage
    item.errorTraceback = traceback(error)
  }
  if (world.queue.setStatus(item, "failed", now)) world.emitStatus(item, now)
  world.emitInvocationError(item, node, sourceId, now)
}

const runItem = Effect.fnUntraced(function*(world: SimulatorWorld, item: QueueItem) {
  const executor = item.executor ?? new GraphExecutor({
    graph: item.graph,
    newId: world.random.uuid,
    executionGraphId: item.executionGraphId,
    scheduling: world.profile.minor >= 10 ? "byType" : "depthFirst",
    keepsCollections: world.profile.minor < 14,
    typeKey: (type) => world.catalog.types.get(type)?.className ?? type
  })
  item.executor = executor
  for (;;) {
    const prepared = executor.next()
    if (prepared === undefined || item.status !== "in_progress") break
    const nodeType = world.catalog.types.get(prepared.node.type)
    const accepted = acceptInputs(nodeType, prepared)
    const before = yield* Clock.currentTimeMillis
    if (!("node" in accepted)) {
      const { id } = prepared.node
      const error = failure("NodeInputError", `Node ${id} has invalid incoming input for ${accepted.field}`)
      failItem(world, item, executor, prepared.node, prepared.sourceId, error, before)
      break
    }
    const { node } = accepted
    world.emitInvocation("invocation_started", item, node, prepared.sourceId, before)
    const calls = node.type === WorkflowCalls.nodeType && !world.overrides.has(node.type)
    const exit = yield* Effect.exit(
      calls
        ? Effect.as(WorkflowCalls.call(world, item, node, prepared.sourceId, before), undefined)
        : runNode(world, item, node, prepared.sourceId)
    )
    const now = yield* Clock.currentTimeMillis
    if (Exit.isFailure(exit)) {
      const cause = Cause.squash(exit.cause)
      if (cause === canceled) break
      const error = cause instanceof NodeFailure ? cause : failure("RuntimeError", String(cause))
      failItem(world, item, executor, node, prepared.sourceId, error, now)
      break
    }
    // the caller continues when the called workflow has ended
    if (exit.value === undefined) return
    executor.complete(node.id, exit.value)
    world.emitInvocation("invocation_complete", item, node, prepared.sourceId, now, { result: exit.value })
    if (executor.isComplete || QueueStore.isTerminal(item.status)) break
  }
  const now = yield* Clock.currentTimeMillis
  item.session = executor.toJson()
  if (world.queue.setStatus(item, "completed", now)) world.emitStatus(item, now)
  WorkflowCalls.settle(world, item, now)
})

/** Runs items as long as the scope is open. */
export const run = Effect.fnUntraced(function*(world: SimulatorWorld) {
  const latch = yield* Latch.make(false)
  world.wake = () => {
    latch.openUnsafe()
  }
  const loop = Effect.gen(function*() {
    const now = yield* Clock.currentTimeMillis
    if (world.downUntil > now) {
      yield* Effect.sleep(world.downUntil - now)
      return
    }
    const item = world.queue.next()
    // an unreadable item blocks the queue until it is canceled
    if (!world.processorStarted || item === undefined || item.unreadableReason !== undefined) {
      latch.closeUnsafe()
      yield* latch.await
      return
    }
    world.processing = true
    world.queue.setStatus(item, "in_progress", now)
    if (world.profile.minor >= 14) item.device = "cpu"
    world.emitStatus(item, now)
    const fiber = yield* Effect.forkChild(runItem(world, item))
    world.abort = () => fiber.interruptUnsafe()
    yield* Fiber.await(fiber)
    world.processing = false
  })
  yield* Effect.forkScoped(Effect.forever(loop))
})
