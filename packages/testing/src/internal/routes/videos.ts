/** The routes of videos (6.14). The simulator stores files unchanged; it does not generate videos. */
import * as Effect from "effect/Effect"
import * as Raster from "../../Raster.ts"
import {
  type EndpointContext,
  form,
  formFile,
  type Implementation,
  orReject,
  route,
  type RouteContext,
  within,
  withinNames
} from "../routeSupport.ts"
import type { Implementations } from "../simulatorApi.ts"
import { bytes, type HttpFailure, json, refusal } from "../SimulatorHttp.ts"
import * as SimulatorTime from "../simulatorTime.ts"
import type { StoredVideo } from "../videoStore.ts"
import * as VideoStore from "../videoStore.ts"
import * as Webp from "../webp.ts"
import { isOwn, mayRead, mayWriteBoard, readableBoard } from "./permissions.ts"

type VideoContext = EndpointContext<{ readonly video_name: string }>

const notFound = (): HttpFailure => refusal(404, "Video not found")

const stored = (context: VideoContext): Effect.Effect<StoredVideo, HttpFailure> =>
  orReject(context.world.videos.get(context.params.video_name), notFound)

const find = Effect.fnUntraced(function*(context: VideoContext): Effect.fn.Return<StoredVideo, HttpFailure> {
  const video = yield* stored(context)
  if (!mayRead(context, video)) return yield* refusal(403, "Not authorized to access this video")
  return video
})

const findToChange = Effect.fnUntraced(function*(context: VideoContext): Effect.fn.Return<StoredVideo, HttpFailure> {
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
  has_workflow: video.workflow !== null,
  video_subfolder: "",
  board_id: video.boardId
})

const upload: Implementations<"videos">["upload"] = route(function*(context) {
  const { now, query, user, world } = context
  const { board_id: boardId, is_intermediate: isIntermediate, video_category: category } = query
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
    workflow: null,
    graph: null,
    userId: user.userId,
    createdAt: now,
    sessionId: query.session_id ?? null,
    category,
    isIntermediate,
    starred: false,
    updatedAt: now,
    boardId: boardId ?? null
  }
  world.videos.set(video.name, video)
  return json(dto(video), 201, { location: `api/v1/videos/i/${video.name}/full` })
})

const listed = Effect.fnUntraced(function*(
  context: EndpointContext<unknown, {
    readonly video_origin?: string
    readonly categories?: ReadonlyArray<string>
    readonly is_intermediate?: boolean
    readonly board_id?: string
    readonly order_dir?: "ASC" | "DESC"
    readonly starred_first?: boolean
    readonly search_term?: string
  }>
): Effect.fn.Return<ReadonlyArray<StoredVideo>, HttpFailure> {
  const {
    board_id: boardId,
    categories: wanted,
    is_intermediate: isIntermediate,
    order_dir: direction,
    search_term: term,
    starred_first: starredFirst,
    video_origin: origin
  } = context.query
  yield* readableBoard(context, boardId)
  const videos = [...context.world.videos.values()].filter((video) =>
    mayRead(context, video) && origin !== "internal" &&
    (wanted === undefined || wanted.includes(video.category)) &&
    (isIntermediate === undefined || video.isIntermediate === isIntermediate) &&
    (boardId === undefined || (video.boardId ?? "none") === boardId) &&
    (term === undefined || `${video.metadata ?? ""} ${video.name}`.includes(term))
  )
  const ordered = direction === "ASC" ? videos : videos.toReversed()
  return starredFirst === false
    ? ordered
    : ordered.toSorted((left, right) => Number(right.starred) - Number(left.starred))
})

const boardOf = (video: StoredVideo): string => video.boardId ?? "none"

type NamesContext = EndpointContext<unknown, unknown, { readonly video_names: ReadonlyArray<string> }>

/** Applies a function to each named video that exists and that the user may change, and reports the others. */
const each = Effect.fnUntraced(function*(
  context: NamesContext,
  done: string,
  change: (video: StoredVideo) => void
): Effect.fn.Return<ReturnType<typeof json>, HttpFailure> {
  const { video_names: names } = context.payload
  yield* withinNames(context, "video_names", names)
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

const star = (starred: boolean): Implementation<NamesContext> =>
  route(function*(context) {
    return yield* each(context, starred ? "starred_videos" : "unstarred_videos", (video) => {
      video.starred = starred
      video.updatedAt = context.now
    })
  })

const named = Effect.fnUntraced(function*(
  context: RouteContext,
  name: string
): Effect.fn.Return<StoredVideo, HttpFailure> {
  const video = yield* orReject(context.world.videos.get(name), notFound)
  if (!isOwn(context, video.userId)) return yield* refusal(403, "Not authorized to move this video")
  return video
})

const full: Implementation<VideoContext> = route(function*(context) {
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

/** `videos/*`. */
export const videos: Implementations<"videos"> = {
  upload,
  list: route(function*(context) {
    const { limit = 10, offset = 0 } = context.query
    yield* within("offset", offset, { minimum: 0 })
    yield* within("limit", limit, { minimum: 0, maximum: 1000 })
    const videos = yield* listed(context)
    return json({ limit, offset, total: videos.length, items: videos.slice(offset, offset + limit).map(dto) })
  }),
  names: route(function*(context) {
    const videos = yield* listed(context)
    return json({
      video_names: videos.map((video) => video.name),
      starred_count: videos.filter((video) => video.starred).length,
      total_count: videos.length
    })
  }),
  deleteMany: route(function*(context) {
    return yield* each(context, "deleted_videos", (video) => void context.world.videos.delete(video.name))
  }),
  star: star(true),
  unstar: star(false),
  addToBoard: route(function*(context) {
    const { board_id: boardId, video_name: name } = context.payload
    const board = yield* orReject(
      context.world.gallery.boards.get(boardId),
      () => refusal(404, "Board not found")
    )
    if (!mayWriteBoard(context, board)) return yield* refusal(403, "Not authorized to modify this board")
    const video = yield* named(context, name)
    const affected = [...new Set([board.id, boardOf(video)])]
    video.boardId = board.id
    return json({ affected_boards: affected, added_videos: [video.name] })
  }),
  removeFromBoard: route(function*(context) {
    const video = yield* named(context, context.payload.video_name)
    const affected = [...new Set([boardOf(video), "none"])]
    video.boardId = null
    return json({ affected_boards: affected, removed_videos: [video.name] })
  }),
  get: route(function*(context) {
    return json(dto(yield* find(context)))
  }),
  update: route(function*(context) {
    const video = yield* findToChange(context)
    const { payload } = context
    video.category = payload.video_category ?? video.category
    video.isIntermediate = payload.is_intermediate ?? video.isIntermediate
    video.starred = payload.starred ?? video.starred
    video.sessionId = payload.session_id ?? video.sessionId
    video.updatedAt = context.now
    return json(dto(video))
  }),
  delete: route(function*(context) {
    const video = yield* findToChange(context)
    context.world.videos.delete(video.name)
    return json({ affected_boards: [boardOf(video)], deleted_videos: [video.name], failed_videos: [] })
  }),
  metadata: route(function*(context) {
    const { metadata } = yield* find(context)
    return json(metadata === null ? null : JSON.parse(metadata))
  }),
  workflow: route(function*(context) {
    const { graph, workflow } = yield* find(context)
    return json({ workflow, graph })
  }),
  full,
  thumbnail: route(function*(context) {
    const video = yield* find(context)
    const picture = Raster.painted(Math.min(256, video.width), Math.min(256, video.height), video.name)
    return bytes(Webp.encode(picture), { "content-type": "image/webp", "cache-control": "private, no-store" })
  })
}
