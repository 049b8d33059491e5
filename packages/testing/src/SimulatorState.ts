/**
 * The state of a simulated server, as plain data for assertions.
 *
 * @since 0.1.0
 */
import { isTerminal, type ItemStatus } from "./internal/queueStore.ts"
import type { SimulatorWorld } from "./internal/simulatorWorld.ts"

/**
 * A queue item.
 *
 * @category models
 * @since 0.1.0
 */
export interface ItemState {
  /** The id of the item. */
  readonly itemId: number
  /** The id of the queue that the item is in. */
  readonly queueId: string
  /** The id of the batch that the item belongs to. */
  readonly batchId: string
  /** The id of the item's session, which its images also have. */
  readonly sessionId: string
  /** The status of the item. */
  readonly status: ItemStatus
  /** The origin of the batch; null if it has none. */
  readonly origin: string | null
  /** The destination of the batch; null if it has none. */
  readonly destination: string | null
  /** The name of the exception with which the item failed; null if it did not fail. */
  readonly errorType: string | null
}

/**
 * An image.
 *
 * @category models
 * @since 0.1.0
 */
export interface ImageState {
  /** The name of the image. */
  readonly name: string
  /** In pixels. */
  readonly width: number
  /** In pixels. */
  readonly height: number
  /** The category of the image. */
  readonly category: string
  /** Whether it was uploaded. */
  readonly isUpload: boolean
  /** Whether the image is hidden from the gallery. */
  readonly isIntermediate: boolean
  /** The id of the board that the image is on; null if it is uncategorized. */
  readonly boardId: string | null
  /** The id of the session that created the image, or that its upload named; null if it has none. */
  readonly sessionId: string | null
}

/**
 * A snapshot of the state.
 *
 * @category models
 * @since 0.1.0
 */
export interface SimulatorState {
  /** The queue items. */
  readonly items: ReadonlyArray<ItemState>
  /** The images. */
  readonly images: ReadonlyArray<ImageState>
  /** The boards. */
  readonly boards: ReadonlyArray<{ readonly id: string; readonly name: string }>
  /** The workflows in the library. */
  readonly workflows: ReadonlyArray<{ readonly id: string; readonly name: string }>
  /** Keys of the installed models. */
  readonly models: ReadonlyArray<string>
  /** How many sockets are open. */
  readonly sockets: number
  /** How many sockets were opened so far. */
  readonly socketsOpened: number
}

/**
 * What a finished program should have cleaned up.
 *
 * @category models
 * @since 0.1.0
 */
export interface Leftovers {
  /** Names of uploaded images that still exist. */
  readonly uploads: ReadonlyArray<string>
  /** Ids of items that are neither completed nor failed nor canceled. */
  readonly unfinishedItems: ReadonlyArray<number>
  /** How many sockets are open. */
  readonly sockets: number
  /** Whether the server has no leftovers. */
  readonly isClean: boolean
}

/**
 * The current state of a server.
 *
 * @internal
 */
export const snapshot = (world: SimulatorWorld): SimulatorState => ({
  items: world.queue.where(() => true).map((item) => ({
    itemId: item.itemId,
    queueId: item.queueId,
    batchId: item.batchId,
    sessionId: item.sessionId,
    status: item.status,
    origin: item.origin,
    destination: item.destination,
    errorType: item.errorType
  })),
  images: [...world.gallery.images.values()].map((image) => ({
    name: image.name,
    width: image.width,
    height: image.height,
    category: image.category,
    isUpload: image.origin === "external",
    isIntermediate: image.isIntermediate,
    boardId: image.boardId,
    sessionId: image.sessionId
  })),
  boards: [...world.gallery.boards.values()].map(({ id, name }) => ({ id, name })),
  workflows: [...world.library.workflows.values()].map(({ id, workflow }) => ({
    id,
    name: typeof workflow["name"] === "string" ? workflow["name"] : ""
  })),
  models: [...world.models.keys()],
  sockets: world.hub.size,
  socketsOpened: world.hub.opened
})

/**
 * What a finished program should have cleaned up on a server.
 *
 * @internal
 */
export const leftovers = (world: SimulatorWorld): Leftovers => {
  const uploads = [...world.gallery.images.values()].filter((image) =>
    image.origin === "external" && !world.preloaded.has(image.name)
  )
    .map((image) => image.name)
  const unfinishedItems = world.queue.where((item) => !isTerminal(item.status)).map((item) => item.itemId)
  const sockets = world.hub.size
  return {
    uploads,
    unfinishedItems,
    sockets,
    isClean: uploads.length === 0 && unfinishedItems.length === 0 && sockets === 0
  }
}
