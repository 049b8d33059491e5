/** The routes of boards and of the images on boards. */
import * as Effect from "effect/Effect"
import type { StoredBoard, StoredImage } from "../galleryStore.ts"
import { type EndpointContext, route, type RouteContext, withinNames } from "../routeSupport.ts"
import type { Implementations } from "../simulatorApi.ts"
import { type HttpFailure, invalid, json, refusal } from "../SimulatorHttp.ts"
import { hidesMissing, isOwn, mayReadBoard, mayWriteBoard } from "./permissions.ts"

const maxNameLength = 300

type BoardContext = EndpointContext<{ readonly board_id: string }>

const find = Effect.fnUntraced(function*(context: BoardContext): Effect.fn.Return<StoredBoard, HttpFailure> {
  const board = context.world.gallery.boards.get(context.params.board_id)
  if (board === undefined) return yield* refusal(404, "Board not found")
  if (!mayReadBoard(context, board)) return yield* refusal(403, "Not authorized to access this board")
  return board
})

/** The board to change; `doing` is the verb in the error message. */
const findToChange = Effect.fnUntraced(function*(
  context: BoardContext,
  doing: "update" | "delete"
): Effect.fn.Return<StoredBoard, HttpFailure> {
  const board = context.world.gallery.boards.get(context.params.board_id)
  if (board === undefined) return yield* refusal(404, "Board not found")
  if (!mayWriteBoard(context, board)) return yield* refusal(403, `Not authorized to ${doing} this board`)
  return board
})

const ownerName = (context: RouteContext, board: StoredBoard): string | null =>
  board.userId === "system" ? "System" : context.world.users.users.get(board.userId)?.displayName ?? null

const failedImages = (context: RouteContext): Readonly<Record<string, unknown>> =>
  context.world.profile.minor >= 14 ? { failed_images: [] } : {}

/** Removes images from their boards. */
export const removeFromBoards = (context: RouteContext, names: ReadonlyArray<string>) => {
  const images = names.flatMap((name) => {
    const image = context.world.gallery.images.get(name)
    return image === undefined ? [] : [image]
  })
  const boards = new Set(["none", ...images.flatMap((image) => image.boardId === null ? [] : [image.boardId])])
  for (const image of images) image.boardId = null
  return {
    affected_boards: [...boards],
    removed_images: images.map((image) => image.name),
    ...failedImages(context)
  }
}

/** Adds images to a board. */
export const addToBoard = Effect.fnUntraced(function*(
  context: RouteContext,
  boardId: string,
  names: ReadonlyArray<string>
): Effect.fn.Return<unknown, HttpFailure> {
  const { gallery, profile } = context.world
  const board = gallery.boards.get(boardId)
  if (board === undefined) {
    return yield* profile.minor < 9
      ? refusal(500, "Failed to add image to board")
      : refusal(404, "Board not found")
  }
  if (!mayWriteBoard(context, board)) return yield* refusal(403, "Not authorized to modify this board")
  const isMovable = (image: StoredImage | undefined) => image !== undefined && isOwn(context, image.userId)
  const stopsAt = hidesMissing(context) ? names.findIndex((name) => !isMovable(gallery.images.get(name))) : -1
  const images: ReadonlyArray<StoredImage> = names.slice(0, stopsAt < 0 ? undefined : stopsAt).flatMap((name) => {
    const image = gallery.images.get(name)
    return image === undefined ? [] : [image]
  })
  const affected = new Set([boardId, ...images.map((image) => image.boardId ?? "none")])
  for (const image of images) image.boardId = boardId
  if (stopsAt >= 0) return yield* refusal(403, "Not authorized to move this image")
  return {
    affected_boards: [...affected],
    added_images: images.map((image) => image.name),
    ...failedImages(context)
  }
})

/** `boards/*`. */
export const boards: Implementations<"boards"> = {
  create: route(function*(context) {
    const { now, user, world } = context
    const { board_name: name } = context.query
    if (Array.from(name).length > maxNameLength) {
      return yield* invalid([{
        type: "string_too_long",
        loc: ["query", "board_name"],
        msg: `String should have at most ${maxNameLength} characters`,
        input: name,
        ctx: { max_length: maxNameLength }
      }])
    }
    const board = world.gallery.addBoard({ id: world.random.uuid(), name, userId: user.userId }, now)
    return json(world.gallery.boardDto(board, null), 201)
  }),
  list: route(function*(context) {
    const { gallery } = context.world
    const { all, direction, include_archived: archived, limit, offset, order_by: orderBy } = context.query
    const ascending = direction === "ASC"
    const byName = orderBy === "board_name"
    const boards = [...gallery.boards.values()].filter((board) =>
      mayReadBoard(context, board) && (archived === true || !board.archived)
    ).toSorted((left, right) => {
      const order = byName
        ? left.name.toLowerCase() < right.name.toLowerCase() ? -1 : 1
        : left.createdAt - right.createdAt
      return ascending ? order : -order
    }).map((board) => gallery.boardDto(board, ownerName(context, board)))
    if (all === true) return json(boards)
    if (offset === undefined || limit === undefined) {
      return yield* refusal(400, "Invalid request: Must provide either 'all' or both 'offset' and 'limit'")
    }
    return json({ limit, offset, total: boards.length, items: boards.slice(offset, offset + limit) })
  }),
  get: route(function*(context) {
    return json(context.world.gallery.boardDto(yield* find(context), null))
  }),
  update: route(function*(context) {
    const { gallery, profile } = context.world
    const { archived, board_name: name, board_visibility: visibility } = context.payload
    const id = context.params.board_id
    if (!gallery.boards.has(id) && profile.minor < 9) return yield* refusal(500, "Failed to update board")
    const board = yield* findToChange(context, "update")
    board.name = name ?? board.name
    board.archived = archived ?? board.archived
    board.visibility = visibility ?? board.visibility
    board.updatedAt = context.now
    return json(gallery.boardDto(board, null), 201)
  }, { onlyDeclared: true }),
  delete: route(function*(context) {
    const { gallery, profile } = context.world
    const id = context.params.board_id
    if (gallery.boards.has(id) || profile.minor >= 9) yield* findToChange(context, "delete")
    const images = gallery.list({ boardId: id })
    const names = images.map((image) => image.name)
    const { include_images: all } = context.query
    const videos = [...context.world.videos.values()].filter((video) => video.boardId === id)
    const videoNames = videos.map((video) => video.name)
    for (const video of videos) {
      video.boardId = null
      if (all === true) context.world.videos.delete(video.name)
    }
    for (const image of images) {
      image.boardId = null
      if (all === true) context.world.deleteImage(image)
    }
    gallery.boards.delete(id)
    return json({
      board_id: id,
      deleted_board_images: all === true ? [] : names,
      deleted_images: all === true ? names : [],
      ...(profile.minor >= 14
        ? {
          deleted_board_videos: all === true ? [] : videoNames,
          deleted_videos: all === true ? videoNames : [],
          failed_images: [],
          failed_videos: []
        }
        : {})
    })
  }),
  imageNames: route(function*(context) {
    const { gallery, profile } = context.world
    const id = context.params.board_id
    if (id !== "none" && !gallery.boards.has(id)) {
      if (profile.minor < 9) return json([])
      return yield* refusal(404, "Board not found")
    }
    if (id !== "none") yield* find(context)
    const images = gallery.list({
      boardId: id,
      categories: context.query.categories,
      isIntermediate: context.query.is_intermediate,
      starredFirst: false,
      ascending: true,
      visible: (image) => isOwn(context, image.userId)
    })
    return json(images.map((image) => image.name))
  })
}

/** `board_images/*`. */
export const boardImages: Implementations<"boardImages"> = {
  addMany: route(function*(context) {
    const { board_id: boardId, image_names: names } = context.payload
    yield* withinNames(context, "image_names", names)
    return json(yield* addToBoard(context, boardId, names), 201)
  }),
  removeMany: route(function*(context) {
    const { image_names: names } = context.payload
    yield* withinNames(context, "image_names", names)
    return json(removeFromBoards(context, names), 201)
  })
}
