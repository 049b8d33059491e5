/** Images and boards of the simulated server. */
import * as Png from "../Png.ts"
import * as Raster from "../Raster.ts"
import type { ServerProfile } from "../ServerProfile.ts"
import * as SimulatorTime from "./simulatorTime.ts"
import * as Webp from "./webp.ts"

/** A stored image. */
export interface StoredImage {
  readonly name: string
  readonly origin: "internal" | "external"
  readonly width: number
  readonly height: number
  readonly raster: Raster.Raster
  /** Whether the file could be written. */
  readonly hasFile: boolean
  /** The PNG file, encoded when it is first requested. */
  readonly bytes: () => Uint8Array<ArrayBuffer>
  readonly metadata: string | null
  readonly workflow: string | null
  readonly graph: string | null
  readonly nodeId: string | null
  readonly userId: string
  readonly createdAt: number
  /** The position of the image among those of the same millisecond. */
  readonly order: number
  category: string
  sessionId: string | null
  isIntermediate: boolean
  starred: boolean
  updatedAt: number
  boardId: string | null
}

/** A board. */
export interface StoredBoard {
  readonly id: string
  readonly userId: string
  readonly createdAt: number
  name: string
  archived: boolean
  visibility: string
  updatedAt: number
}

/** Which images a list shows. */
export interface ImageFilter {
  readonly origin?: string | undefined
  readonly categories?: ReadonlyArray<string> | undefined
  readonly isIntermediate?: boolean | undefined
  /** A board's id, or `none` for uncategorized images. */
  readonly boardId?: string | undefined
  readonly searchTerm?: string | undefined
  readonly starredFirst?: boolean | undefined
  readonly ascending?: boolean | undefined
  readonly visible?: ((image: StoredImage) => boolean) | undefined
}

const thumbnailSize = 256

/** All images and boards. */
export class GalleryStore {
  private readonly profile: ServerProfile
  private nextOrder = 0
  readonly images = new Map<string, StoredImage>()
  readonly boards = new Map<string, StoredBoard>()

  constructor(profile: ServerProfile) {
    this.profile = profile
  }

  /** Stores an image, by default as a PNG file with its text chunks. */
  add(
    options: Pick<StoredImage, "name" | "origin" | "raster" | "category" | "isIntermediate" | "userId"> & {
      readonly metadata?: string | null | undefined
      readonly workflow?: string | null | undefined
      readonly graph?: string | null | undefined
      readonly sessionId?: string | null | undefined
      readonly nodeId?: string | null | undefined
      readonly boardId?: string | null | undefined
      readonly starred?: boolean | undefined
      /** The file, if it is not the encoded raster. */
      readonly file?: Uint8Array | undefined
      readonly hasFile?: boolean | undefined
    },
    now: number
  ): StoredImage {
    const { graph = null, metadata = null, raster, workflow = null } = options
    let encoded = options.file === undefined ? undefined : new Uint8Array(options.file)
    const image: StoredImage = {
      name: options.name,
      origin: options.origin,
      width: raster.width,
      height: raster.height,
      raster,
      hasFile: options.hasFile ?? true,
      bytes: () =>
        encoded ??= Png.encode(raster, {
          ...(metadata === null ? {} : { invokeai_metadata: metadata }),
          ...(workflow === null ? {} : { invokeai_workflow: workflow }),
          ...(graph === null ? {} : { invokeai_graph: graph })
        }),
      metadata,
      workflow,
      graph,
      nodeId: options.nodeId ?? null,
      userId: options.userId,
      createdAt: now,
      order: this.nextOrder++,
      category: options.category,
      sessionId: options.sessionId ?? null,
      isIntermediate: options.isIntermediate,
      starred: options.starred ?? false,
      updatedAt: now,
      boardId: options.boardId ?? null
    }
    this.images.set(image.name, image)
    return image
  }

  /** The smaller image of the thumbnail route. */
  thumbnail(image: StoredImage): Uint8Array<ArrayBuffer> {
    const scale = Math.min(1, thumbnailSize / Math.max(image.width, image.height))
    const width = Math.max(1, Math.round(image.width * scale))
    const height = Math.max(1, Math.round(image.height * scale))
    return Webp.encode(scale === 1 ? image.raster : Raster.resize(image.raster, width, height))
  }

  /** Adds a board. */
  addBoard(options: { readonly id: string; readonly name: string; readonly userId: string }, now: number): StoredBoard {
    const board = { ...options, createdAt: now, updatedAt: now, archived: false, visibility: "private" }
    this.boards.set(board.id, board)
    return board
  }

  /** Images that match a filter, newest first by default. */
  list(filter: ImageFilter): ReadonlyArray<StoredImage> {
    const direction = filter.ascending === true ? 1 : -1
    return [...this.images.values()].filter((image) =>
      (filter.visible?.(image) ?? true) &&
      (filter.origin === undefined || image.origin === filter.origin) &&
      (filter.categories === undefined || filter.categories.includes(image.category)) &&
      (filter.isIntermediate === undefined || image.isIntermediate === filter.isIntermediate) &&
      (filter.boardId === undefined || (image.boardId ?? "none") === filter.boardId) &&
      (filter.searchTerm === undefined || `${image.metadata ?? ""} ${image.name}`.includes(filter.searchTerm))
    ).toSorted((left, right) => {
      if (filter.starredFirst !== false && left.starred !== right.starred) return left.starred ? -1 : 1
      return (left.createdAt - right.createdAt || left.order - right.order) * direction
    })
  }

  /** The image as the routes return it. */
  imageDto(image: StoredImage): Readonly<Record<string, unknown>> {
    return {
      image_name: image.name,
      ...this.urls(image.name),
      image_origin: image.origin,
      image_category: image.category,
      width: image.width,
      height: image.height,
      created_at: SimulatorTime.format(image.createdAt),
      updated_at: SimulatorTime.format(image.updatedAt),
      deleted_at: null,
      is_intermediate: image.isIntermediate,
      session_id: image.sessionId,
      node_id: image.nodeId,
      starred: image.starred,
      has_workflow: image.workflow !== null,
      ...(this.profile.minor >= 13 ? { image_subfolder: "" } : {}),
      board_id: image.boardId
    }
  }

  /** The URLs of an image, relative to the server's root. */
  urls(name: string): { readonly image_url: string; readonly thumbnail_url: string } {
    return { image_url: `api/v1/images/i/${name}/full`, thumbnail_url: `api/v1/images/i/${name}/thumbnail` }
  }

  /** The board as the routes return it. */
  boardDto(board: StoredBoard, ownerName: string | null): Readonly<Record<string, unknown>> {
    const { minor } = this.profile
    const images = this.list({ boardId: board.id, isIntermediate: false })
    const general = images.filter((image) => image.category === "general").length
    return {
      board_id: board.id,
      board_name: board.name,
      ...(minor >= 12 ? { user_id: board.userId } : {}),
      created_at: SimulatorTime.format(board.createdAt),
      updated_at: SimulatorTime.format(board.updatedAt),
      deleted_at: null,
      cover_image_name: images[0]?.name ?? null,
      archived: board.archived,
      ...(minor >= 13 ? { board_visibility: board.visibility } : { is_private: ownerName === null ? null : false }),
      ...(minor >= 14 ? { cover_video_name: null } : {}),
      image_count: minor >= 8 ? general : images.length,
      ...(minor >= 14 || minor === 8 ? { video_count: 0 } : {}),
      ...(minor >= 8 ? { asset_count: images.length - general } : {}),
      ...(minor >= 12 ? { owner_username: ownerName } : {})
    }
  }
}
