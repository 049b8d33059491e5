/**
 * What a simulated server holds, as plain data for assertions.
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
  readonly itemId: number
  readonly queueId: string
  readonly batchId: string
  readonly status: ItemStatus
  readonly origin: string | null
  readonly destination: string | null
  readonly errorType: string | null
}

/**
 * An image.
 *
 * @category models
 * @since 0.1.0
 */
export interface ImageState {
  readonly name: string
  readonly width: number
  readonly height: number
  readonly category: string
  /** Whether it was uploaded. */
  readonly isUpload: boolean
  readonly isIntermediate: boolean
  readonly boardId: string | null
  readonly sessionId: string | null
}

/**
 * Everything at one moment.
 *
 * @category models
 * @since 0.1.0
 */
export interface SimulatorState {
  readonly items: ReadonlyArray<ItemState>
  readonly images: ReadonlyArray<ImageState>
  readonly boards: ReadonlyArray<{ readonly id: string; readonly name: string }>
  readonly workflows: ReadonlyArray<{ readonly id: string; readonly name: string }>
  /** Keys of the installed models. */
  readonly models: ReadonlyArray<string>
  /** How many sockets are open. */
  readonly sockets: number
}

/**
 * What a finished program should have cleaned up.
 *
 * @category models
 * @since 0.1.0
 */
export interface LeftBehind {
  /** Names of uploaded images that still exist. */
  readonly uploads: ReadonlyArray<string>
  /** Ids of items that are neither completed nor failed nor canceled. */
  readonly unfinishedItems: ReadonlyArray<number>
  /** How many sockets are open. */
  readonly sockets: number
  /** Whether nothing of all this is left. */
  readonly isNothing: boolean
}

/**
 * Everything that a server holds now.
 *
 * @internal
 */
export const snapshot = (world: SimulatorWorld): SimulatorState => ({
  items: world.queue.where(() => true).map((item) => ({
    itemId: item.itemId,
    queueId: item.queueId,
    batchId: item.batchId,
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
  sockets: world.hub.size
})

/**
 * What a finished program should have cleaned up on a server.
 *
 * @internal
 */
export const leftBehind = (world: SimulatorWorld): LeftBehind => {
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
    isNothing: uploads.length === 0 && unfinishedItems.length === 0 && sockets === 0
  }
}
