/** Everything that one simulated server holds, and the events that tell of its changes. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { NodeOverride } from "../NodeOverride.ts"
import type { SeenRequest } from "../SeenRequest.ts"
import type { ServerProfile } from "../ServerProfile.ts"
import type { SimulatorModel } from "../SimulatorModels.ts"
import { type Audience, EventHub } from "./eventHub.ts"
import { FaultScript } from "./faultScript.ts"
import { GalleryStore, type StoredImage } from "./galleryStore.ts"
import type { NodeOutput } from "./graphExecutor.ts"
import { InvocationCache } from "./invocationCache.ts"
import { LibraryStore } from "./libraryStore.ts"
import type { Tensor } from "./nodeBehavior.ts"
import { historyOf, type ItemOwner, type QueueItem, QueueStore } from "./queueStore.ts"
import * as SeededRandom from "./seededRandom.ts"
import type { SimulatorCatalog } from "./SimulatorCatalog.ts"
import type { GraphNode } from "./simulatorGraph.ts"
import * as SimulatorTime from "./simulatorTime.ts"
import * as UserStoreModule from "./userStore.ts"
import type { StoredVideo } from "./videoStore.ts"

/** What a server after 6.14 remembers of an enqueue request. */
interface EnqueueReceipt {
  readonly batch_id: string
  readonly enqueued: number
  readonly requested: number
  readonly item_ids: ReadonlyArray<number>
}

interface StoredReceipt {
  readonly receipt: EnqueueReceipt
  isAcknowledged: boolean
}

/** Settings that stay over a restart. */
interface WorldSettings {
  readonly profile: ServerProfile
  readonly catalog: SimulatorCatalog
  readonly seed: number
  readonly multiUser: boolean
  readonly maxQueueSize: number
  readonly cacheSize: number
  /**
   * How many receipts of enqueue requests that nothing acknowledged a server after 6.14 keeps; undefined for releases
   * without receipts.
   */
  readonly receipts: number | undefined
}

/** A simulated server. */
export class SimulatorWorld {
  readonly settings: WorldSettings
  readonly profile: ServerProfile
  readonly catalog: SimulatorCatalog
  readonly random: SeededRandom.SeededRandom
  readonly hub: EventHub
  readonly faults = new FaultScript()
  readonly requests: Array<SeenRequest> = []
  readonly overrides = new Map<string, { readonly run: NodeOverride; calls: number }>()
  readonly downloads = new Map<string, Uint8Array<ArrayBuffer>>()
  queue: QueueStore
  gallery: GalleryStore
  library: LibraryStore
  users: UserStoreModule.UserStore
  videos = new Map<string, StoredVideo>()
  models = new Map<string, SimulatorModel>()
  /** Names of images that were there from the beginning. */
  readonly preloaded = new Set<string>()
  /** What an installation from a path or address gives. */
  readonly modelSources = new Map<string, SimulatorModel>()
  installJobs: Array<Record<string, unknown>> = []
  tensors = new Map<string, Tensor>()
  /** Receipts of enqueue requests, by their idempotency keys. */
  receipts = new Map<string, StoredReceipt>()
  cache: InvocationCache
  processorStarted = true
  processing = false
  nodeDuration = Duration.zero
  stepDuration = Duration.zero
  /** Until when the server does not respond. */
  downUntil = Number.NEGATIVE_INFINITY
  /** Wakes the processor. */
  wake: () => void = () => {}
  /** Ends the running item immediately, as the end of the server does. */
  abort: () => void = () => {}

  constructor(settings: WorldSettings) {
    this.settings = settings
    this.profile = settings.profile
    this.catalog = settings.catalog
    this.random = SeededRandom.make(settings.seed)
    this.hub = new EventHub(settings.profile)
    this.users = new UserStoreModule.UserStore(settings.profile)
    this.queue = new QueueStore(settings.profile)
    this.gallery = new GalleryStore(settings.profile)
    this.library = new LibraryStore(settings.profile)
    this.cache = new InvocationCache(settings.cacheSize)
  }

  /** Forgets everything that a server without a database file forgets when it stops. */
  forget(): void {
    this.queue = new QueueStore(this.profile)
    this.gallery = new GalleryStore(this.profile)
    this.library = new LibraryStore(this.profile)
    this.models = new Map()
    this.videos = new Map()
    this.installJobs = []
    this.receipts = new Map()
  }

  /** Forgets what every server forgets when it stops. */
  forgetMemory(): void {
    this.tensors = new Map()
    this.cache = new InvocationCache(this.settings.cacheSize)
    this.downloads.clear()
    this.processorStarted = true
  }

  /** The name and address that an item carries. */
  ownerOf(item: QueueItem): ItemOwner {
    const user = item.userId === "system" ? UserStoreModule.system : this.users.users.get(item.userId)
    return { displayName: user?.displayName ?? null, email: user?.email ?? null }
  }

  /** Sends an event. */
  emit(name: string, now: number, payload: Readonly<Record<string, unknown>>, audience: Audience): void {
    this.hub.emit({ name, payload: { timestamp: SimulatorTime.seconds(now), ...payload }, audience })
  }

  private owner(item: QueueItem): Audience {
    return { _tag: "Owner", userId: item.userId, queueId: item.queueId }
  }

  private itemHead(item: QueueItem): Readonly<Record<string, unknown>> {
    return {
      queue_id: item.queueId,
      item_id: item.itemId,
      batch_id: item.batchId,
      origin: item.origin,
      destination: item.destination,
      ...(this.profile.minor >= 12 ? { user_id: item.userId } : {})
    }
  }

  /** Tells that an item has a new status. */
  emitStatus(item: QueueItem, now: number): void {
    const { minor } = this.profile
    this.emit("queue_item_status_changed", now, {
      ...this.itemHead(item),
      status: item.status,
      ...(minor >= 13 ? { status_sequence: item.statusSequence } : {}),
      ...historyOf(item),
      batch_status: this.queue.batchStatus(item.queueId, item.batchId),
      queue_status: this.queue.queueStatus(item.queueId, item.userId),
      session_id: item.sessionId,
      ...(minor < 9 ? { credits: null } : {})
    }, this.owner(item))
  }

  /** Tells something about a node of an item. */
  emitInvocation(
    name: string,
    item: QueueItem,
    node: GraphNode,
    sourceId: string,
    now: number,
    extra: Readonly<Record<string, unknown>> = {}
  ): void {
    const hidden = this.profile.minor >= 14 && (node.type === "iterate" || node.type === "collect")
    this.emit(name, now, {
      ...this.itemHead(item),
      session_id: item.sessionId,
      invocation: hidden ? { ...node, collection: [] } : node,
      invocation_source_id: sourceId,
      ...extra
    }, this.owner(item))
  }

  /** Tells a failure of a node. */
  emitInvocationError(item: QueueItem, node: GraphNode, sourceId: string, now: number): void {
    this.emitInvocation("invocation_error", item, node, sourceId, now, {
      error_type: item.errorType,
      error_message: item.errorMessage,
      error_traceback: item.errorTraceback,
      ...(this.profile.minor < 9 ? { user_id: null, project_id: null } : {})
    })
  }

  /** Waits as long as the disk needs for a file. */
  disk(operation: "read" | "write"): Effect.Effect<void> {
    return Effect.suspend(() => {
      const duration = this.faults.onDisk(operation)
      return Duration.isZero(duration) ? Effect.void : Effect.sleep(duration)
    })
  }

  /** Deletes an image and all cached outputs that name it. */
  deleteImage(image: StoredImage): void {
    this.gallery.images.delete(image.name)
    this.cache.evict(image.name)
  }

  /** Marks an item canceled, and the whole call that it belongs to, and tells so. Final items stay as they are. */
  cancel(item: QueueItem, now: number): void {
    for (const one of this.queue.chainOf(item)) {
      if (this.queue.setStatus(one, "canceled", now)) this.emitStatus(one, now)
    }
  }

  /** The output of an overridden node, if there is one. */
  override(node: GraphNode): ReturnType<NodeOverride> {
    const entry = this.overrides.get(node.type)
    if (entry === undefined) return { _tag: "RunsNormally" }
    entry.calls += 1
    return entry.run(node, entry.calls)
  }

  /** A stable name for the content of a value that names images, tensors or conditionings. */
  contentOf(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((inner) => this.contentOf(inner))
    if (typeof value !== "object" || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => {
        if (typeof inner === "string" && key === "image_name") {
          const image = this.gallery.images.get(inner)
          return [key, image === undefined ? inner : this.pixelsOf(image)]
        }
        if (typeof inner === "string" && key.endsWith("_name")) return [key, this.tensors.get(inner)?.content ?? inner]
        return [key, this.contentOf(inner)]
      })
    )
  }

  private readonly pixelNames = new WeakMap<StoredImage, string>()

  private pixelsOf(image: StoredImage): string {
    const known = this.pixelNames.get(image)
    if (known !== undefined) return known
    let hash = 0x811C9DC5
    for (const byte of image.raster.data) hash = Math.imul(hash ^ byte, 0x01000193)
    const name = `${image.width}x${image.height}:${hash >>> 0}`
    this.pixelNames.set(image, name)
    return name
  }

  /** The text that stands for the inputs of a node. */
  fingerprint(node: GraphNode): string {
    const { board: _board, id: _id, is_intermediate: _kept, metadata: _metadata, use_cache: _cached, ...inputs } = node
    return String(SeededRandom.hashText(JSON.stringify(this.contentOf(inputs))))
  }

  /** Finishes an output with what every output has. */
  complete(type: string, output: Readonly<Record<string, unknown>>): NodeOutput {
    return { output_meta: null, ...output, type: typeof output["type"] === "string" ? output["type"] : type }
  }
}
