/** The routes of boards and of the images on them. */
import * as Effect from "effect/Effect"
import type { StoredBoard, StoredImage } from "../galleryStore.ts"
import {
  bodyNames,
  bodyRecord,
  bodyText,
  flag,
  many,
  optional,
  required,
  type Route,
  route,
  type RouteContext,
  whole
} from "../routeSupport.ts"
import { type HttpFailure, invalid, json, refusal } from "../SimulatorHttp.ts"
import { isOwn, mayReadBoard, mayWriteBoard } from "./permissions.ts"

const maxNameLength = 300

const byId = (id: string) =>
  Effect.fnUntraced(function*(context: RouteContext): Effect.fn.Return<StoredBoard, HttpFailure> {
    const board = context.world.gallery.boards.get(id)
    if (board === undefined) return yield* refusal(404, "Board not found")
    if (!mayReadBoard(context, board)) return yield* refusal(403, "Not authorized to access this board")
    return board
  })

const find = (context: RouteContext): Effect.Effect<StoredBoard, HttpFailure> =>
  byId(context.params["board_id"] ?? "")(context)

/** The board that somebody wants to change; `doing` is the word for it in the refusal. */
const findToChange = Effect.fnUntraced(function*(
  context: RouteContext,
  doing: "update" | "delete"
): Effect.fn.Return<StoredBoard, HttpFailure> {
  const board = context.world.gallery.boards.get(context.params["board_id"] ?? "")
  if (board === undefined) return yield* refusal(404, "Board not found")
  if (!mayWriteBoard(context, board)) return yield* refusal(403, `Not authorized to ${doing} this board`)
  return board
})

const ownerName = (context: RouteContext, board: StoredBoard): string | null =>
  board.userId === "system" ? "System" : context.world.users.users.get(board.userId)?.displayName ?? null

const failedImages = (context: RouteContext): Readonly<Record<string, unknown>> =>
  context.world.profile.minor >= 14 ? { failed_images: [] } : {}

const boardChanges = new Set(["board_name", "cover_image_name", "archived", "board_visibility"])

const remove = (context: RouteContext, names: ReadonlyArray<string>) => {
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

const add = Effect.fnUntraced(function*(
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
  const images: ReadonlyArray<StoredImage> = names.flatMap((name) => {
    const image = gallery.images.get(name)
    return image === undefined ? [] : [image]
  })
  const affected = new Set([boardId, ...images.map((image) => image.boardId ?? "none")])
  for (const image of images) image.boardId = boardId
  return {
    affected_boards: [...affected],
    added_images: images.map((image) => image.name),
    ...failedImages(context)
  }
})

/** All routes of this module. */
export const routes: ReadonlyArray<Route> = [
  route("POST", "/api/v1/boards/", function*(context) {
    const { now, user, world } = context
    const name = yield* required(context, "board_name")
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
  route("GET", "/api/v1/boards/", function*(context) {
    const { gallery } = context.world
    const all = yield* flag(context, "all")
    const offset = yield* whole(context, "offset")
    const limit = yield* whole(context, "limit")
    const archived = yield* flag(context, "include_archived")
    const ascending = optional(context, "direction") === "ASC"
    const byName = optional(context, "order_by") === "board_name"
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
  route("GET", "/api/v1/boards/{board_id}", function*(context) {
    return json(context.world.gallery.boardDto(yield* find(context), null))
  }),
  route("PATCH", "/api/v1/boards/{board_id}", function*(context) {
    const { gallery, profile } = context.world
    const changes = yield* bodyRecord(context)
    const unknown = Object.keys(changes).filter((name) => !boardChanges.has(name))
    if (unknown.length > 0) {
      return yield* invalid(unknown.map((name) => ({
        type: "extra_forbidden",
        loc: ["body", name],
        msg: "Extra inputs are not permitted",
        input: changes[name]
      })))
    }
    const id = context.params["board_id"] ?? ""
    if (!gallery.boards.has(id) && profile.minor < 9) return yield* refusal(500, "Failed to update board")
    const board = yield* findToChange(context, "update")
    if (typeof changes["board_name"] === "string") board.name = changes["board_name"]
    if (typeof changes["archived"] === "boolean") board.archived = changes["archived"]
    if (typeof changes["board_visibility"] === "string") board.visibility = changes["board_visibility"]
    board.updatedAt = context.now
    return json(gallery.boardDto(board, null), 201)
  }),
  route("DELETE", "/api/v1/boards/{board_id}", function*(context) {
    const { gallery, profile } = context.world
    const id = context.params["board_id"] ?? ""
    if (gallery.boards.has(id) || profile.minor >= 9) yield* findToChange(context, "delete")
    const images = gallery.list({ boardId: id })
    const names = images.map((image) => image.name)
    const all = yield* flag(context, "include_images")
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
  route("GET", "/api/v1/boards/{board_id}/image_names", function*(context) {
    const { gallery, profile } = context.world
    const id = context.params["board_id"] ?? ""
    if (id !== "none" && !gallery.boards.has(id)) {
      if (profile.minor < 9) return json([])
      return yield* refusal(404, "Board not found")
    }
    if (id !== "none") yield* find(context)
    const images = gallery.list({
      boardId: id,
      categories: many(context, "categories"),
      isIntermediate: yield* flag(context, "is_intermediate"),
      starredFirst: false,
      ascending: true,
      visible: (image) => isOwn(context, image.userId)
    })
    return json(images.map((image) => image.name))
  }),
  route("POST", "/api/v1/board_images/", function*(context) {
    const body = yield* bodyRecord(context)
    const boardId = yield* bodyText(body, "board_id")
    return json(yield* add(context, boardId, [yield* bodyText(body, "image_name")]), 201)
  }),
  route("DELETE", "/api/v1/board_images/", function*(context) {
    return json(remove(context, [yield* bodyText(yield* bodyRecord(context), "image_name")]), 201)
  }),
  route("POST", "/api/v1/board_images/batch", function*(context) {
    const body = yield* bodyRecord(context)
    const boardId = yield* bodyText(body, "board_id")
    return json(yield* add(context, boardId, yield* bodyNames(context, body, "image_names")), 201)
  }),
  route("POST", "/api/v1/board_images/batch/delete", function*(context) {
    return json(remove(context, yield* bodyNames(context, yield* bodyRecord(context), "image_names")), 201)
  })
]
