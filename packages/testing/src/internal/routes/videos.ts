/** The routes of videos (6.14). The simulator keeps files as they are; it makes none. */
import * as Effect from "effect/Effect"
import * as Raster from "../../Raster.ts"
import {
  bodyNames,
  bodyRecord,
  bodyText,
  flag,
  form,
  formFile,
  many,
  oneOf,
  optional,
  orRefuse,
  required,
  type Route,
  route,
  type RouteContext,
  since,
  whole
} from "../routeSupport.ts"
import { bytes, type HttpFailure, json, refusal } from "../SimulatorHttp.ts"
import * as SimulatorTime from "../simulatorTime.ts"
import type { StoredVideo } from "../videoStore.ts"
import * as VideoStore from "../videoStore.ts"
import * as Webp from "../webp.ts"
import { isOwn, mayRead, mayWriteBoard, readableBoard } from "./permissions.ts"

const prefix = "/api/v1/videos"
const categories = ["general", "mask", "control", "user", "other"]
const notFound = (): HttpFailure => refusal(404, "Video not found")

const stored = (context: RouteContext): Effect.Effect<StoredVideo, HttpFailure> =>
  orRefuse(context.world.videos.get(context.params["video_name"] ?? ""), notFound)

const find = Effect.fnUntraced(function*(context: RouteContext): Effect.fn.Return<StoredVideo, HttpFailure> {
  const video = yield* stored(context)
  if (!mayRead(context, video)) return yield* refusal(403, "Not authorized to access this video")
  return video
})

const findToChange = Effect.fnUntraced(function*(context: RouteContext): Effect.fn.Return<StoredVideo, HttpFailure> {
  const video = yield* stored(context)
  if (!isOwn(context, video.userId)) return yield* refusal(403, "Not authorized to modify this video")
  return video
})

const dto = (video: StoredVideo): Readonly<Record<string, unknown>> => ({
  video_name: video.name,
  video_url: `api/v1/videos/i/${video.name}/full`,
  thumbnail_url: `api/v1/videos/i/${video.name}/thumbnail`,
  video_origin: "external",
  video_category: video.category,
  width: video.width,
  height: video.height,
  duration: video.duration,
  fps: video.fps,
  created_at: SimulatorTime.format(video.createdAt),
  updated_at: SimulatorTime.format(video.updatedAt),
  deleted_at: null,
  is_intermediate: video.isIntermediate,
  session_id: video.sessionId,
  node_id: null,
  starred: video.starred,
  has_workflow: false,
  video_subfolder: "",
  board_id: video.boardId
})

const upload = Effect.fnUntraced(function*(context: RouteContext) {
  const { now, user, world } = context
  yield* required(context, "video_category")
  const category = yield* oneOf(context, "video_category", categories)
  yield* required(context, "is_intermediate")
  const isIntermediate = yield* flag(context, "is_intermediate")
  const boardId = optional(context, "board_id")
  const board = boardId === undefined ? undefined : world.gallery.boards.get(boardId)
  if (boardId !== undefined && board === undefined) return yield* refusal(404, "Board not found")
  if (board !== undefined && !mayWriteBoard(context, board)) {
    return yield* refusal(403, "Not authorized to upload to this board")
  }
  const data = yield* form(context)
  const file = yield* formFile(data, "file")
  const facts = VideoStore.readMp4(file.bytes)
  if (facts === undefined) return yield* refusal(415, "Not an MP4 video file")
  const metadata = data.get("metadata")
  yield* world.disk("write")
  const video: StoredVideo = {
    name: `${world.random.uuid()}.mp4`,
    bytes: new Uint8Array(file.bytes),
    ...facts,
    metadata: typeof metadata === "string" ? metadata : null,
    userId: user.userId,
    createdAt: now,
    sessionId: optional(context, "session_id") ?? null,
    category: category ?? "user",
    isIntermediate: isIntermediate === true,
    starred: false,
    updatedAt: now,
    boardId: boardId ?? null
  }
  world.videos.set(video.name, video)
  return json(dto(video), 201, { location: `api/v1/videos/i/${video.name}/full` })
})

const listed = Effect.fnUntraced(function*(
  context: RouteContext
): Effect.fn.Return<ReadonlyArray<StoredVideo>, HttpFailure> {
  const boardId = optional(context, "board_id")
  yield* readableBoard(context, boardId)
  const wanted = many(context, "categories")
  const origin = yield* oneOf(context, "video_origin", ["internal", "external"])
  const isIntermediate = yield* flag(context, "is_intermediate")
  const starredFirst = yield* flag(context, "starred_first")
  const ascending = (yield* oneOf(context, "order_dir", ["ASC", "DESC"])) === "ASC"
  const term = optional(context, "search_term")
  const videos = [...context.world.videos.values()].filter((video) =>
    mayRead(context, video) && origin !== "internal" &&
    (wanted === undefined || wanted.includes(video.category)) &&
    (isIntermediate === undefined || video.isIntermediate === isIntermediate) &&
    (boardId === undefined || (video.boardId ?? "none") === boardId) &&
    (term === undefined || `${video.metadata ?? ""} ${video.name}`.includes(term))
  )
  const ordered = ascending ? videos : videos.toReversed()
  return starredFirst === false
    ? ordered
    : ordered.toSorted((left, right) => Number(right.starred) - Number(left.starred))
})

const boardOf = (video: StoredVideo): string => video.boardId ?? "none"

/** Does something to each named video that is there and may be changed, and tells of the others. */
const each = Effect.fnUntraced(function*(
  context: RouteContext,
  done: string,
  change: (video: StoredVideo) => void
): Effect.fn.Return<ReturnType<typeof json>, HttpFailure> {
  const names = yield* bodyNames(context, yield* bodyRecord(context), "video_names")
  const found = names.flatMap((name) => {
    const video = context.world.videos.get(name)
    return video !== undefined && isOwn(context, video.userId) ? [video] : []
  })
  const boards = [...new Set(found.map(boardOf))]
  for (const video of found) change(video)
  const known = new Set(found.map((video) => video.name))
  return json({
    affected_boards: boards,
    [done]: found.map((video) => video.name),
    failed_videos: names.filter((name) => !known.has(name))
  })
})

const star = (starred: boolean): Route =>
  route("POST", `${prefix}/${starred ? "star" : "unstar"}`, function*(context) {
    return yield* each(context, starred ? "starred_videos" : "unstarred_videos", (video) => {
      video.starred = starred
      video.updatedAt = context.now
    })
  })

const named = Effect.fnUntraced(function*(
  context: RouteContext,
  body: Readonly<Record<string, unknown>>
): Effect.fn.Return<StoredVideo, HttpFailure> {
  const video = yield* orRefuse(context.world.videos.get(yield* bodyText(body, "video_name")), notFound)
  if (!isOwn(context, video.userId)) return yield* refusal(403, "Not authorized to move this video")
  return video
})

const full = Effect.fnUntraced(function*(context: RouteContext) {
  const video = yield* find(context)
  yield* context.world.disk("read")
  const size = video.bytes.length
  const headers = {
    "content-type": "video/mp4",
    "accept-ranges": "bytes",
    "content-disposition": `inline; filename="${video.name}"`,
    "cache-control": "private, no-store"
  }
  const range = context.request.headers["range"]
  if (range === undefined) return bytes(video.bytes, headers)
  const part = VideoStore.parseRange(range, size)
  if (part === undefined) return bytes(new Uint8Array(), { ...headers, "content-range": `bytes */${size}` }, 416)
  return bytes(video.bytes.slice(part.start, part.end + 1), {
    ...headers,
    "content-range": `bytes ${part.start}-${part.end}/${size}`
  }, 206)
})

/** All routes of this module. */
export const routes: ReadonlyArray<Route> = since(14, [
  { method: "POST", path: `${prefix}/upload`, handler: upload },
  route("GET", `${prefix}/`, function*(context) {
    const offset = (yield* whole(context, "offset", { minimum: 0 })) ?? 0
    const limit = (yield* whole(context, "limit", { minimum: 0, maximum: 1000 })) ?? 10
    const videos = yield* listed(context)
    return json({ limit, offset, total: videos.length, items: videos.slice(offset, offset + limit).map(dto) })
  }),
  route("GET", `${prefix}/names`, function*(context) {
    const videos = yield* listed(context)
    return json({
      video_names: videos.map((video) => video.name),
      starred_count: videos.filter((video) => video.starred).length,
      total_count: videos.length
    })
  }),
  route("POST", `${prefix}/delete`, function*(context) {
    return yield* each(context, "deleted_videos", (video) => void context.world.videos.delete(video.name))
  }),
  star(true),
  star(false),
  route("POST", `${prefix}/board`, function*(context) {
    const body = yield* bodyRecord(context)
    const board = yield* orRefuse(
      context.world.gallery.boards.get(yield* bodyText(body, "board_id")),
      () => refusal(404, "Board not found")
    )
    if (!mayWriteBoard(context, board)) return yield* refusal(403, "Not authorized to modify this board")
    const video = yield* named(context, body)
    const affected = [...new Set([board.id, boardOf(video)])]
    video.boardId = board.id
    return json({ affected_boards: affected, added_videos: [video.name] })
  }),
  route("DELETE", `${prefix}/board`, function*(context) {
    const video = yield* named(context, yield* bodyRecord(context))
    const affected = [...new Set([boardOf(video), "none"])]
    video.boardId = null
    return json({ affected_boards: affected, removed_videos: [video.name] })
  }),
  route("GET", `${prefix}/i/{video_name}`, function*(context) {
    return json(dto(yield* find(context)))
  }),
  route("PATCH", `${prefix}/i/{video_name}`, function*(context) {
    const video = yield* findToChange(context)
    const changes = yield* bodyRecord(context)
    if (typeof changes["video_category"] === "string") video.category = changes["video_category"]
    if (typeof changes["is_intermediate"] === "boolean") video.isIntermediate = changes["is_intermediate"]
    if (typeof changes["starred"] === "boolean") video.starred = changes["starred"]
    if (typeof changes["session_id"] === "string") video.sessionId = changes["session_id"]
    video.updatedAt = context.now
    return json(dto(video))
  }),
  route("DELETE", `${prefix}/i/{video_name}`, function*(context) {
    const video = yield* findToChange(context)
    context.world.videos.delete(video.name)
    return json({ affected_boards: [boardOf(video)], deleted_videos: [video.name], failed_videos: [] })
  }),
  route("GET", `${prefix}/i/{video_name}/metadata`, function*(context) {
    const { metadata } = yield* find(context)
    return json(metadata === null ? null : JSON.parse(metadata))
  }),
  route("GET", `${prefix}/i/{video_name}/workflow`, function*(context) {
    yield* find(context)
    return json({ workflow: null, graph: null })
  }),
  { method: "GET", path: `${prefix}/i/{video_name}/full`, handler: full },
  route("GET", `${prefix}/i/{video_name}/thumbnail`, function*(context) {
    const video = yield* find(context)
    const picture = Raster.painted(Math.min(256, video.width), Math.min(256, video.height), video.name)
    return bytes(Webp.encode(picture), { "content-type": "image/webp", "cache-control": "private, no-store" })
  })
])
