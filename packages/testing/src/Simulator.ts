/**
 * An InvokeAI server in memory, for tests and demonstrations.
 *
 * **Details**
 *
 * Responds to requests, expands batches, runs graphs, keeps boards, images, models, workflows and users, and sends events,
 * as a real server of the chosen version does. Deterministic: the same seed, clock and requests return the same bytes.
 * Time comes from `Clock` only. Nothing is generated: nodes that need models return plausible images.
 *
 * `InvokeAiTest.layer` puts it behind the client; `NodeSimulator` serves it on a port.
 *
 * **Example** (Models and style presets for a test)
 *
 * ```ts
 * import { Models } from "@effect-invokeai/core/server/Models"
 * import { Simulator } from "@effect-invokeai/testing/Simulator"
 * import * as SimulatorModels from "@effect-invokeai/testing/SimulatorModels"
 * import * as Effect from "effect/Effect"
 *
 * const model = SimulatorModels.make({ key: "sketch", name: "Sketch", base: "sd-1", type: "lora" })
 *
 * export const prepareModels = Effect.gen(function*() {
 *   const simulator = yield* Simulator
 *   yield* simulator.addModel(model)
 *   yield* simulator.addModelSource("/models/sketch.safetensors", model)
 *   yield* simulator.addStylePreset({ name: "Sketch", preset_data: { positive_prompt: "{prompt}, pencil" } })
 *   const models = yield* Models
 *   return yield* models.install("/models/sketch.safetensors")
 * })
 * ```
 *
 * **Example** (Requests and sockets without a client)
 *
 * ```ts
 * import { Simulator } from "@effect-invokeai/testing/Simulator"
 * import * as Effect from "effect/Effect"
 *
 * export const direct = Effect.gen(function*() {
 *   const simulator = yield* Simulator
 *   const { status } = yield* simulator.handle({
 *     method: "GET",
 *     path: "/api/v1/app/version",
 *     query: new URLSearchParams(),
 *     headers: {},
 *     body: undefined
 *   })
 *   const socket = yield* simulator.connect({ token: undefined, send: () => {}, close: () => {} })
 *   yield* socket.receive("subscribe_queue", { queue_id: "default" })
 *   yield* socket.close
 *   return status
 * })
 * ```
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type * as Fault from "./Fault.ts"
import * as ImageReading from "./internal/imageReading.ts"
import * as Processor from "./internal/processor.ts"
import * as Router from "./internal/router.ts"
import type { SimulatorCatalog } from "./internal/SimulatorCatalog.ts"
import * as SimulatorCatalogModule from "./internal/SimulatorCatalog.ts"
import { ConnectionLost, json, type SimulatorRequest, type SimulatorResponse } from "./internal/SimulatorHttp.ts"
import * as SimulatorHttp from "./internal/SimulatorHttp.ts"
import { SimulatorWorld } from "./internal/simulatorWorld.ts"
import * as UserStore from "./internal/userStore.ts"
import * as VideoStore from "./internal/videoStore.ts"
import type { NodeOverride } from "./NodeOverride.ts"
import * as Raster from "./Raster.ts"
import type { SeenRequest } from "./SeenRequest.ts"
import type { ServerVersion } from "./ServerProfile.ts"
import * as ServerProfile from "./ServerProfile.ts"
import type { SimulatorModel } from "./SimulatorModels.ts"
import * as SimulatorModels from "./SimulatorModels.ts"
import type { SimulatorState } from "./SimulatorState.ts"
import * as SimulatorStateModule from "./SimulatorState.ts"

export type { NodeOverride } from "./NodeOverride.ts"
export type { SeenRequest } from "./SeenRequest.ts"

/**
 * An initial user of a multi-user server.
 *
 * @category models
 * @since 0.1.0
 */
export interface UserOptions {
  /** The email address with which the user logs in. */
  readonly email: string
  /** The password with which the user logs in. */
  readonly password: string
  /** The name that other users see. Default: none. */
  readonly displayName?: string | undefined
  /** Whether the user is an administrator. Default: true for the first user, false for others. */
  readonly isAdmin?: boolean | undefined
}

/**
 * An image on the server: the bytes of a file, or a size, for which an image is generated.
 *
 * @category models
 * @since 0.1.0
 */
export interface ImageOptions {
  /** Defaults to a new name. */
  readonly name?: string | undefined
  /**
   * The content of an image file, which downloads return unchanged, even if it is damaged. Default: a generated image of the
   * given size.
   */
  readonly bytes?: Uint8Array | undefined
  /** In pixels, as the server reports it even if `bytes` differ. Default: that of `bytes`, if they can be read, otherwise 64. */
  readonly width?: number | undefined
  /** In pixels, as the server reports it even if `bytes` differ. Default: that of `bytes`, if they can be read, otherwise 64. */
  readonly height?: number | undefined
  /** A board's id. */
  readonly boardId?: string | undefined
  /** The session that made the image. Default: none. */
  readonly sessionId?: string | undefined
  /** Whether a user has starred the image. Default: `false`. */
  readonly starred?: boolean | undefined
  /** The graph that made the image. Default: none. */
  readonly graph?: unknown
  /** The workflow that made the image. Default: none. */
  readonly workflow?: unknown
  /**
   * The category of the image.
   *
   * @default "user"
   */
  readonly category?: string | undefined
  /**
   * Whether the image is hidden from the gallery.
   *
   * @default false
   */
  readonly isIntermediate?: boolean | undefined
  /** The metadata of the image. Default: none. */
  readonly metadata?: unknown
}

/**
 * A video on the server.
 *
 * @category models
 * @since 0.1.0
 */
export interface VideoOptions {
  /** The content of the file, which downloads return unchanged, even if it is damaged. */
  readonly bytes: Uint8Array
  /** Defaults to a new name. */
  readonly name?: string | undefined
  /** In pixels. Default: that of `bytes`, if they can be read, otherwise 64. */
  readonly width?: number | undefined
  /** In pixels. Default: that of `bytes`, if they can be read, otherwise 64. */
  readonly height?: number | undefined
  /** In seconds. Default: that of `bytes`, if they can be read, otherwise 1. */
  readonly duration?: number | undefined
  /** Whether the video is hidden from the gallery. Default: `false`. */
  readonly isIntermediate?: boolean | undefined
  /** The metadata of the video. Default: none. */
  readonly metadata?: unknown
  /** The graph that made the video. Default: none. */
  readonly graph?: unknown
  /** The workflow that made the video. Default: none. */
  readonly workflow?: unknown
}

/**
 * The initial state of a simulator. Everything has a default.
 *
 * @category models
 * @since 0.1.0
 */
export interface SimulatorOptions {
  /** The version to emulate. Default: `6.14.2`. */
  readonly version?: ServerVersion | undefined
  /** The node types. Default: those of 6.14.2. */
  readonly catalog?: SimulatorCatalog | undefined
  /** Seed of ids and random nodes. Default 1. */
  readonly seed?: number | undefined
  /** Models that are installed. Default: the FLUX models of the example workflow and a small SD1 model. */
  readonly models?: ReadonlyArray<SimulatorModel> | undefined
  /** Boards by name. */
  readonly boards?: ReadonlyArray<string> | undefined
  /** Images that exist. Default: none. */
  readonly images?: ReadonlyArray<ImageOptions> | undefined
  /** Saved workflows, as their JSON. */
  readonly workflows?: ReadonlyArray<Readonly<Record<string, unknown>>> | undefined
  /** Makes it a multi-user server with these users. */
  readonly users?: ReadonlyArray<UserOptions> | undefined
  /** How long a node takes. Default zero. */
  readonly nodeDuration?: Duration.Input | undefined
  /** How long a denoising step (or the main work of another node) takes. Default zero. */
  readonly stepDuration?: Duration.Input | undefined
  /** Maximum number of pending items. Default: 10000. */
  readonly maxQueueSize?: number | undefined
  /**
   * How many receipts the server keeps for enqueue requests with an `idempotency_key`, as servers after 6.14 do.
   * Default: the server has no receipts and ignores the key, as all released versions do.
   */
  readonly receipts?: number | undefined
  /**
   * Whether the InvokeAI UI is installed, as on official servers. With it, requests other than reads of an unknown path get
   * 405, and reads get the page of the UI (from 6.12 on) or 404; without it, all get 404. Default: true.
   */
  readonly webUi?: boolean | undefined
  /** Faults that are injected from the start. Default: none. */
  readonly faults?: ReadonlyArray<Fault.Fault> | undefined
}

/**
 * The server refuses a socket.
 *
 * @category errors
 * @since 0.1.0
 */
export class SocketRefused extends Data.TaggedError("SocketRefused")<{
  readonly message: string
  /** Whether the server responded and rejected the credentials. */
  readonly unauthorized: boolean
}> {}

/**
 * An accepted socket.
 *
 * @category models
 * @since 0.1.0
 */
export interface SimulatorSocket {
  /** Passes an event of the client to the server. */
  readonly receive: (name: string, payload: unknown) => Effect.Effect<void>
  /** Closes the socket, as a client does. */
  readonly close: Effect.Effect<void>
}

/**
 * A node's result, or its failure, or its normal behavior.
 *
 * @category node results
 * @since 0.1.0
 */
export type NodeResult = ReturnType<NodeOverride>

/**
 * The node behaves normally.
 *
 * @category node results
 * @since 0.1.0
 */
export const runsNormally: NodeResult = { _tag: "RunsNormally" }

/**
 * The node returns these output fields. Its output type is added if `type` is missing.
 *
 * **Example** (A node that always returns 42)
 *
 * ```ts
 * import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
 * import * as Simulator from "@effect-invokeai/testing/Simulator"
 *
 * export const fortyTwo = InvokeAiTest.whenNode("add", Simulator.returns({ value: 42 }))
 * ```
 *
 * @category node results
 * @since 0.1.0
 */
export const returns = (output: Readonly<Record<string, unknown>>): NodeResult => ({ _tag: "Output", output })

/**
 * The node fails with an exception of this name and message.
 *
 * **Example** (A node that runs out of memory)
 *
 * ```ts
 * import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
 * import * as Simulator from "@effect-invokeai/testing/Simulator"
 *
 * export const outOfMemory = InvokeAiTest.whenNode(
 *   "flux_denoise",
 *   Simulator.failsWith("OutOfMemoryError", "CUDA out of memory")
 * )
 * ```
 *
 * @category node results
 * @since 0.1.0
 */
export const failsWith = (errorType: string, errorMessage: string): NodeResult => ({
  _tag: "Failure",
  errorType,
  errorMessage
})

/**
 * Lets a node report progress before its result: `steps` steps, each as long as `stepDuration`.
 *
 * **Example** (A progress bar without a model)
 *
 * ```ts
 * import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
 * import * as Simulator from "@effect-invokeai/testing/Simulator"
 *
 * export const slow = InvokeAiTest.whenNode("blank_image", Simulator.inSteps(4))
 * ```
 *
 * @category node results
 * @since 0.1.0
 */
export const inSteps = (steps: number, result: NodeResult = runsNormally): NodeResult => ({ ...result, steps })

const jsonOrNull = (value: unknown): string | null => value === undefined ? null : JSON.stringify(value)

const make = Effect.fnUntraced(function*(options: SimulatorOptions) {
  const profile = ServerProfile.make(options.version ?? "6.14.2")
  const world = new SimulatorWorld({
    profile: { ...profile, webUi: options.webUi ?? profile.webUi },
    catalog: options.catalog ?? (yield* SimulatorCatalogModule.snapshot),
    seed: options.seed ?? 1,
    multiUser: options.users !== undefined,
    maxQueueSize: options.maxQueueSize ?? 10_000,
    cacheSize: 512,
    receipts: options.receipts
  })
  world.nodeDuration = Duration.fromInputUnsafe(options.nodeDuration ?? 0)
  world.stepDuration = Duration.fromInputUnsafe(options.stepDuration ?? 0)
  world.faults.add(options.faults ?? [])
  world.modelSources.set("./tiny-sd1", SimulatorModels.tinySd1)

  let addedUsers: ReadonlyArray<UserStore.SimulatorUser> = []
  const owner = (): string => addedUsers[0]?.userId ?? "system"
  const load = (now: number): void => {
    for (const model of options.models ?? SimulatorModels.defaults) world.models.set(model.key, model)
    for (const name of options.boards ?? []) {
      world.gallery.addBoard({ id: world.random.uuid(), name, userId: owner() }, now)
    }
    for (const image of options.images ?? []) putImage(image, now)
    for (const workflow of options.workflows ?? []) putWorkflow(workflow, now)
  }
  const putImage = (image: ImageOptions, now: number): string => {
    const reading = image.bytes === undefined ? undefined : ImageReading.read(image.bytes)
    const name = image.name ?? `${world.random.uuid()}.png`
    const { height, width } = (image.bytes === undefined ? undefined : ImageReading.size(image.bytes)) ?? {}
    world.preloaded.add(name)
    return world.gallery.add({
      name,
      origin: "external",
      raster: reading?._tag === "Decoded" && (image.width ?? width) === width && (image.height ?? height) === height
        ? reading.raster
        : Raster.painted(image.width ?? width ?? 64, image.height ?? height ?? 64, name),
      category: image.category ?? "user",
      isIntermediate: image.isIntermediate ?? false,
      userId: owner(),
      metadata: jsonOrNull(image.metadata),
      workflow: jsonOrNull(image.workflow),
      graph: jsonOrNull(image.graph),
      sessionId: image.sessionId ?? null,
      boardId: image.boardId ?? null,
      starred: image.starred,
      file: image.bytes
    }, now).name
  }
  const putVideo = (video: VideoOptions, now: number): string => {
    const name = video.name ?? `${world.random.uuid()}.mp4`
    const facts = VideoStore.readMp4(video.bytes)
    world.videos.set(name, {
      name,
      bytes: new Uint8Array(video.bytes),
      width: video.width ?? facts?.width ?? 64,
      height: video.height ?? facts?.height ?? 64,
      duration: video.duration ?? facts?.duration ?? 1,
      fps: facts?.fps ?? null,
      metadata: jsonOrNull(video.metadata),
      workflow: jsonOrNull(video.workflow),
      graph: jsonOrNull(video.graph),
      userId: owner(),
      createdAt: now,
      sessionId: null,
      category: "user",
      isIntermediate: video.isIntermediate ?? false,
      starred: false,
      updatedAt: now,
      boardId: null
    })
    return name
  }
  const putWorkflow = (workflow: Readonly<Record<string, unknown>>, now: number): string => {
    const id = typeof workflow["id"] === "string" ? workflow["id"] : world.random.uuid()
    return world.library.add({ id, userId: owner(), workflow, isPublic: options.users === undefined }, now).id
  }
  const started = yield* Clock.currentTimeMillis
  addedUsers = (options.users ?? []).map((user, index) =>
    world.users.add({
      userId: world.random.uuid(),
      email: user.email,
      password: user.password,
      displayName: user.displayName ?? null,
      isAdmin: user.isAdmin ?? index === 0
    }, started)
  )
  load(started)

  world.hub.deliver = makeDelivery(world)
  yield* Processor.run(world)
  yield* Effect.addFinalizer(() => Effect.sync(() => world.hub.closeWhere(() => true, "transport close")))

  const scope = yield* Effect.scope
  const restart: Controls["restart"] = Effect.fnUntraced(function*(how = {}) {
    const now = yield* Clock.currentTimeMillis
    const up = now + Duration.toMillis(Duration.fromInputUnsafe(how.downFor ?? 0))
    world.downUntil = up
    world.abort()
    world.processing = false
    for (const item of world.queue.where((one) => one.status === "in_progress" || one.status === "waiting")) {
      world.queue.setStatus(item, "canceled", up)
    }
    world.forgetMemory()
    if (how.database === false) {
      world.forget()
      load(up)
    }
    world.hub.closeWhere(() => true, "transport close")
    world.wake()
  })

  let nextSocket = 1

  return Simulator.of({
    version: profile.version,
    handle: (request) => handle(world, { restart, scope }, request),
    connect: Effect.fnUntraced(function*(socket) {
      const now = yield* Clock.currentTimeMillis
      if (world.downUntil > now || world.faults.onConnection()) {
        return yield* new SocketRefused({ message: "websocket error", unauthorized: false })
      }
      const check = options.users === undefined
        ? { user: UserStore.system }
        : world.users.check(socket.token ?? "", now)
      if (!("user" in check)) {
        return yield* new SocketRefused({ message: "Connection rejected by server", unauthorized: true })
      }
      const id = `socket-${nextSocket++}`
      world.hub.connect({
        id,
        userId: check.user.userId,
        isAdmin: check.user.isAdmin,
        send: socket.send,
        close: socket.close
      })
      return {
        receive: (name, payload) => Effect.sync(() => world.hub.receive(id, name, payload)),
        close: Effect.sync(() => world.hub.disconnect(id))
      }
    }),
    state: Effect.sync(() => SimulatorStateModule.snapshot(world)),
    leftovers: Effect.sync(() => SimulatorStateModule.leftovers(world)),
    requests: Effect.sync(() => [...world.requests]),
    events: Effect.sync(() => world.hub.emitted.map(({ name, payload }) => ({ name, payload }))),
    inject: (...faults) => Effect.sync(() => world.faults.add(faults)),
    clearFaults: Effect.sync(() => world.faults.clear()),
    whenNode: (type, result) =>
      Effect.sync(() => {
        world.overrides.set(type, { run: typeof result === "function" ? result : () => result, calls: 0 })
      }),
    setDurations: ({ node, step }) =>
      Effect.sync(() => {
        if (node !== undefined) world.nodeDuration = Duration.fromInputUnsafe(node)
        if (step !== undefined) world.stepDuration = Duration.fromInputUnsafe(step)
      }),
    disconnectSockets: Effect.sync(() => world.hub.closeWhere(() => true, "transport close")),
    restart,
    forgetItems: (test) =>
      Effect.sync(() => {
        for (const item of SimulatorStateModule.snapshot(world).items.filter(test)) {
          world.queue.remove(item.itemId)
        }
      }),
    expireTokens: Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.sync(() => world.users.expireAll(now))),
    addModel: (model) => Effect.sync(() => void world.models.set(model.key, model)),
    addModelSource: (source, model) => Effect.sync(() => void world.modelSources.set(source, model)),
    addBoard: (name) =>
      Effect.map(
        Clock.currentTimeMillis,
        (now) => world.gallery.addBoard({ id: world.random.uuid(), name, userId: owner() }, now).id
      ),
    addImage: (image) => Effect.map(Clock.currentTimeMillis, (now) => putImage(image, now)),
    addVideo: (video) => Effect.map(Clock.currentTimeMillis, (now) => putVideo(video, now)),
    addWorkflow: (workflow) => Effect.map(Clock.currentTimeMillis, (now) => putWorkflow(workflow, now)),
    addStylePreset: (preset) =>
      Effect.sync(() => {
        const id = world.random.uuid()
        world.library.stylePresets.set(id, { type: "user", image: null, ...preset, id })
        return id
      })
  })
})

/** Delivers events through the fault script. Events held back follow after later ones of the same socket. */
const makeDelivery = (world: SimulatorWorld): SimulatorWorld["hub"]["deliver"] => {
  const held = new Map<string, Array<{ after: number; readonly name: string; readonly payload: unknown }>>()
  return (socket, name, payload) => {
    const actions = world.faults.onEvent(name)
    if (actions.some((action) => action._tag === "Disconnect")) {
      world.hub.closeWhere((other) => other.id === socket.id, "transport close")
      return
    }
    const waiting = held.get(socket.id) ?? []
    const [delay] = actions.flatMap((action) => action._tag === "Reorder" ? [action.events] : [])
    if (delay !== undefined) {
      held.set(socket.id, [...waiting, { after: delay, name, payload }])
      return
    }
    if (!actions.some((action) => action._tag === "DropEvent")) {
      socket.send(name, payload)
      if (actions.some((action) => action._tag === "Duplicate")) socket.send(name, payload)
    }
    for (const one of waiting) one.after -= 1
    for (const one of waiting.filter((entry) => entry.after <= 0)) socket.send(one.name, one.payload)
    held.set(socket.id, waiting.filter((entry) => entry.after > 0))
  }
}

/** The effects of faults on the server as a whole. */
interface Controls {
  readonly restart: Simulator["Service"]["restart"]
  /** The scope of requests that outlive their client. */
  readonly scope: Scope.Scope
}

const textDecoder = new TextDecoder()

const jsonTextOf = ({ body, headers }: SimulatorRequest): string | undefined =>
  body instanceof Uint8Array && headers["content-type"]?.includes("json") === true
    ? textDecoder.decode(body)
    : undefined

const rewritten = (response: SimulatorResponse, change: (body: unknown) => unknown): SimulatorResponse =>
  Result.match(Result.try((): unknown => JSON.parse(textDecoder.decode(response.body))), {
    onFailure: () => response,
    onSuccess: (body) => json(change(body), response.status)
  })

const handle = Effect.fnUntraced(function*(
  world: SimulatorWorld,
  controls: Controls,
  request: SimulatorRequest
): Effect.fn.Return<SimulatorResponse, ConnectionLost> {
  const at = yield* Clock.currentTimeMillis
  const note = (status: number | undefined): void => {
    world.requests.push({
      method: request.method,
      path: request.path,
      query: request.query.toString(),
      status,
      body: jsonTextOf(request),
      at
    })
  }
  if (world.downUntil > at) {
    note(undefined)
    return yield* new ConnectionLost({ handled: false })
  }
  const actions = world.faults.onRequest(request.method, request.path)
  const lost = (handled: boolean) => {
    note(undefined)
    return new ConnectionLost({ handled })
  }
  for (const action of actions) {
    if (action._tag === "Delay" && action.side === "before") yield* Effect.sleep(action.duration)
  }
  if (actions.some((action) => action._tag === "DropRequest")) return yield* lost(false)
  for (const action of actions) {
    if (action._tag !== "ArriveLate") continue
    note(undefined)
    const arrival = Effect.suspend(() => Router.answer(world, request))
    yield* Effect.forkIn(Effect.delay(arrival, action.duration), controls.scope)
    return yield* Effect.never
  }
  const replacement = (handled: boolean): SimulatorResponse | undefined => {
    for (const action of actions) {
      if (action._tag === "Status" && action.handled === handled) return json({ detail: action.detail }, action.status)
      if (action._tag === "CorruptBody" && action.handled === handled) {
        return SimulatorHttp.text(action.body, 200, action.contentType)
      }
    }
    return undefined
  }
  const early = replacement(false)
  const answered = early ?? (yield* Router.answer(world, request))
  let response = replacement(true) ?? answered
  for (const action of actions) {
    if (action._tag === "Rewrite") response = rewritten(response, action.change)
  }
  for (const action of actions) {
    if (action._tag !== "Restart") continue
    yield* controls.restart(action)
    return yield* lost(true)
  }
  for (const action of actions) {
    if (action._tag === "Delay" && action.side === "after") yield* Effect.sleep(action.duration)
  }
  if (actions.some((action) => action._tag === "DropResponse")) return yield* lost(true)
  note(response.status)
  for (const action of actions) {
    if (action._tag === "Truncate") response = { ...response, body: response.body.slice(0, action.length) }
    if (action._tag === "InPieces") response = { ...response, pieces: action }
  }
  return response
})

/**
 * The simulated server: its responses, its requests, its state, and fault injection.
 *
 * **Example** (A server with content, which then restarts slowly)
 *
 * ```ts
 * import { returns, Simulator } from "@effect-invokeai/testing/Simulator"
 * import * as Fault from "@effect-invokeai/testing/Fault"
 * import * as Effect from "effect/Effect"
 *
 * export const prepare = Effect.gen(function*() {
 *   const simulator = yield* Simulator
 *   const boardId = yield* simulator.addBoard("samples")
 *   yield* simulator.addImage({ name: "hill.png", boardId })
 *   yield* simulator.addVideo({ name: "cut-off.mp4", bytes: new Uint8Array(100) })
 *   yield* simulator.addWorkflow({ name: "Empty", nodes: [], edges: [] })
 *   yield* simulator.setDurations({ node: "1 second" })
 *   yield* simulator.whenNode("add", returns({ value: 42 }))
 *   yield* simulator.inject(Fault.http({ path: "/api/v1/app/version" }, Fault.status(503)))
 *   yield* simulator.restart({ downFor: "5 seconds" })
 *   yield* simulator.forgetItems((item) => item.status === "completed")
 * })
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class Simulator extends Context.Service<Simulator, {
  /** The emulated version. */
  readonly version: ServerVersion
  /** Responds to a request. Fails if the connection ends without a response. */
  readonly handle: (request: SimulatorRequest) => Effect.Effect<SimulatorResponse, ConnectionLost>
  /** Opens a socket. `send` and `close` are called by the server. */
  readonly connect: (socket: {
    readonly token: string | undefined
    readonly send: (name: string, payload: unknown) => void
    readonly close: (reason: string) => void
  }) => Effect.Effect<SimulatorSocket, SocketRefused>
  /** The current state of the server. */
  readonly state: Effect.Effect<SimulatorState>
  /** The resources that a finished program should have cleaned up: uploads, unfinished items, open sockets. */
  readonly leftovers: Effect.Effect<SimulatorStateModule.Leftovers>
  /** All requests so far, oldest first. */
  readonly requests: Effect.Effect<ReadonlyArray<SeenRequest>>
  /** All events that the server has sent, including those without a subscriber. */
  readonly events: Effect.Effect<ReadonlyArray<{ readonly name: string; readonly payload: unknown }>>
  /** Adds faults. Their occasions are counted from now. */
  readonly inject: (...faults: ReadonlyArray<Fault.Fault>) => Effect.Effect<void>
  /** Removes all faults. */
  readonly clearFaults: Effect.Effect<void>
  /**
   * Sets what nodes of a type do: one result for all, or a function of the node and the number of the call (from 1).
   */
  readonly whenNode: (type: string, result: NodeResult | NodeOverride) => Effect.Effect<void>
  /** Sets how long nodes and steps take from now on. */
  readonly setDurations: (durations: {
    readonly node?: Duration.Input | undefined
    readonly step?: Duration.Input | undefined
  }) => Effect.Effect<void>
  /** Closes all sockets, as a broken network does. */
  readonly disconnectSockets: Effect.Effect<void>
  /**
   * Stops the server and restarts it, immediately or after `downFor`. The running item becomes canceled without an event.
   * With `database: false`, the server loses its data, and item ids start at 1 again.
   */
  readonly restart: (how?: {
    readonly database?: boolean | undefined
    readonly downFor?: Duration.Input | undefined
  }) => Effect.Effect<void>
  /** Makes every token expire now. */
  readonly expireTokens: Effect.Effect<void>
  /** Removes the queue items for which the function returns true, without an event, as a server does that prunes its queue. */
  readonly forgetItems: (test: (item: SimulatorStateModule.ItemState) => boolean) => Effect.Effect<void>
  /** Adds an installed model. */
  readonly addModel: (model: SimulatorModel) => Effect.Effect<void>
  /** Adds a path or URL from which a model can be installed. */
  readonly addModelSource: (source: string, model: SimulatorModel) => Effect.Effect<void>
  /** Adds a board and returns its id. */
  readonly addBoard: (name: string) => Effect.Effect<string>
  /** Adds an image and returns its name. */
  readonly addImage: (image: ImageOptions) => Effect.Effect<string>
  /** Adds a video and returns its name. Servers before 6.14 have no routes for it. */
  readonly addVideo: (video: VideoOptions) => Effect.Effect<string>
  /** Saves a workflow and returns its id. */
  readonly addWorkflow: (workflow: Readonly<Record<string, unknown>>) => Effect.Effect<string>
  /** Saves a style preset and returns its id. */
  readonly addStylePreset: (preset: Readonly<Record<string, unknown>>) => Effect.Effect<string>
}>()("@effect-invokeai/testing/Simulator") {
  /**
   * A simulator that lives as long as the layer's scope.
   *
   * @since 0.1.0
   */
  static readonly layer = (options: SimulatorOptions = {}): Layer.Layer<Simulator> =>
    Layer.effect(Simulator, make(options))
}
