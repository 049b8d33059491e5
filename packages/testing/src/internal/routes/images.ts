/** The routes of images. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Raster from "../../Raster.ts"
import { isRecord } from "../fieldValidation.ts"
import type { ImageFilter, StoredImage } from "../galleryStore.ts"
import * as ImageReading from "../imageReading.ts"
import {
  bodyNames,
  bodyRecord,
  flag,
  form,
  formFile,
  many,
  oneOf,
  optional,
  orRefuse,
  reply,
  required,
  type Route,
  route,
  type RouteContext,
  whole
} from "../routeSupport.ts"
import { bytes, type HttpFailure, json, refusal } from "../SimulatorHttp.ts"
import * as Zip from "../zip.ts"
import { mayRead, readableBoard } from "./permissions.ts"

const prefix = "/api/v1/images"
const categories = ["general", "mask", "control", "user", "other"]

const notFound = (context: RouteContext): HttpFailure =>
  refusal(404, context.world.settings.multiUser ? "Image not found" : "Not Found")

const find = Effect.fnUntraced(function*(context: RouteContext): Effect.fn.Return<StoredImage, HttpFailure> {
  const image = yield* orRefuse(
    context.world.gallery.images.get(context.params["image_name"] ?? ""),
    () => notFound(context)
  )
  if (!mayRead(context, image)) return yield* refusal(403, "Not authorized to access this image")
  return image
})

const filterOf = Effect.fnUntraced(function*(context: RouteContext): Effect.fn.Return<ImageFilter, HttpFailure> {
  yield* readableBoard(context, optional(context, "board_id"))
  const direction = yield* oneOf(context, "order_dir", ["ASC", "DESC"])
  return {
    origin: yield* oneOf(context, "image_origin", ["internal", "external"]),
    categories: many(context, "categories"),
    isIntermediate: yield* flag(context, "is_intermediate"),
    boardId: optional(context, "board_id"),
    searchTerm: optional(context, "search_term"),
    starredFirst: yield* flag(context, "starred_first"),
    ascending: direction === "ASC",
    visible: (image) => mayRead(context, image)
  }
})

const failedImages = (context: RouteContext): Readonly<Record<string, unknown>> =>
  context.world.profile.minor >= 14 ? { failed_images: [] } : {}

const boardsOf = (images: ReadonlyArray<StoredImage>): ReadonlyArray<string> => [
  ...new Set(images.map((image) => image.boardId ?? "none"))
]

const named = (context: RouteContext, names: ReadonlyArray<string>): ReadonlyArray<StoredImage> =>
  [...new Set(names)].flatMap((name) => {
    const image = context.world.gallery.images.get(name)
    return image === undefined || !mayRead(context, image) ? [] : [image]
  })

const deleteAll = (context: RouteContext, images: ReadonlyArray<StoredImage>) => {
  const result = {
    affected_boards: boardsOf(images),
    deleted_images: images.map((image) => image.name),
    ...failedImages(context)
  }
  for (const image of images) context.world.deleteImage(image)
  return result
}

const parseJson = (text: string): unknown =>
  Result.getOrElse(Result.try((): unknown => JSON.parse(text)), () => undefined)

const maxResizedPixels = 4096 * 4096

const upload = Effect.fnUntraced(function*(context: RouteContext) {
  const { now, request, user, world } = context
  yield* required(context, "image_category")
  const category = yield* oneOf(context, "image_category", categories)
  yield* required(context, "is_intermediate")
  const isIntermediate = yield* flag(context, "is_intermediate")
  const data = yield* form(context)
  const file = yield* formFile(data, "file")
  const boardId = request.query.get("board_id")
  const board = boardId === null ? undefined : world.gallery.boards.get(boardId)
  if (boardId !== null && board === undefined && world.profile.minor >= 12) {
    return yield* refusal(404, "Board not found")
  }
  if (board !== undefined && world.settings.multiUser && !user.isAdmin && board.userId !== user.userId) {
    return yield* refusal(403, "Not authorized to upload to this board")
  }
  if (!file.type.startsWith("image/")) return yield* refusal(415, "Not an image")
  const reading = ImageReading.read(file.bytes)
  if (reading._tag === "NotAnImage") return yield* refusal(415, "Failed to read image")
  yield* world.disk("write")
  const size = data.get("resize_to")
  const wanted = typeof size === "string" ? parseJson(size) : undefined
  const width = isRecord(wanted) && typeof wanted["width"] === "number" ? wanted["width"] : 0
  const height = isRecord(wanted) && typeof wanted["height"] === "number" ? wanted["height"] : 0
  if (typeof size === "string" && (width < 1 || height < 1 || width * height > maxResizedPixels)) {
    return yield* refusal(400, "Invalid resize_to format or size")
  }
  const isResized = width > 0
  if (reading._tag === "Broken") {
    return yield* refusal(500, isResized ? "Failed to resize image" : "Failed to create image")
  }
  if (reading._tag === "Unstorable" && !isResized) return yield* refusal(500, "Failed to create image")
  const metadata = data.get("metadata")
  const image = world.gallery.add({
    name: `${world.random.uuid()}.png`,
    origin: "external",
    raster: isResized ? Raster.resize(reading.raster, width, height) : reading.raster,
    category: category ?? "general",
    isIntermediate: isIntermediate === true,
    userId: user.userId,
    metadata: typeof metadata === "string" && isRecord(parseJson(metadata)) ? metadata : null,
    sessionId: request.query.get("session_id"),
    boardId: board?.id ?? null
  }, now)
  return json(world.gallery.imageDto(image), 201, { location: world.gallery.urls(image.name).image_url })
})

const startDownload = Effect.fnUntraced(function*(context: RouteContext) {
  const { now, user, world } = context
  const record = yield* bodyRecord(context)
  const boardId = record["board_id"]
  const names = Array.isArray(record["image_names"]) ? yield* bodyNames(context, record, "image_names") : undefined
  if (names === undefined && typeof boardId !== "string") {
    return yield* refusal(400, "No images or board id specified.")
  }
  const hidden = names?.some((name) => {
    const image = world.gallery.images.get(name)
    return image !== undefined && !mayRead(context, image)
  })
  if (hidden === true) return yield* refusal(403, "Not authorized to access this image")
  if (names === undefined) yield* readableBoard(context, String(boardId))
  const images = names === undefined
    ? world.gallery.list({ boardId: String(boardId), isIntermediate: false })
    : named(context, names)
  const id = world.random.uuid()
  const item = `${id}.zip`
  world.downloads.set(item, Zip.pack(images.map((image) => [`${image.category}/${image.name}`, image.bytes()])))
  const event = {
    bulk_download_id: "default",
    bulk_download_item_id: id,
    bulk_download_item_name: item,
    ...(world.profile.minor >= 12 ? { user_id: user.userId } : {})
  }
  world.emit("bulk_download_started", now, event, { _tag: "BulkDownload", id: "default" })
  world.emit("bulk_download_complete", now, event, { _tag: "BulkDownload", id: "default" })
  return json({ response: null, bulk_download_item_name: item }, 202)
})

const cacheControl = (context: RouteContext): string =>
  context.world.settings.multiUser ? "private, no-store" : "max-age=31536000"

const full = Effect.fnUntraced(function*(context: RouteContext) {
  const image = yield* find(context)
  yield* context.world.disk("read")
  return bytes(image.bytes(), {
    "content-type": "image/png",
    "content-disposition": `inline; filename="${image.name}"`,
    "cache-control": cacheControl(context)
  })
})

const setStarred = (starred: boolean): Route =>
  route("POST", `${prefix}/${starred ? "star" : "unstar"}`, function*(context) {
    const images = named(context, yield* bodyNames(context, yield* bodyRecord(context), "image_names"))
    for (const image of images) {
      image.starred = starred
      image.updatedAt = context.now
    }
    return json({
      affected_boards: boardsOf(images),
      [starred ? "starred_images" : "unstarred_images"]: images.map((image) => image.name),
      ...failedImages(context)
    })
  })

/** All routes of this module. */
export const routes: ReadonlyArray<Route> = [
  { method: "POST", path: `${prefix}/upload`, handler: upload },
  route("GET", `${prefix}/`, function*(context) {
    const { gallery, profile } = context.world
    const bounded = profile.minor >= 14
    const offset = (yield* whole(context, "offset", bounded ? { minimum: 0 } : {})) ?? 0
    const limit = (yield* whole(context, "limit", bounded ? { minimum: 0, maximum: 1000 } : {})) ?? 10
    const images = gallery.list(yield* filterOf(context))
    return json({
      limit,
      offset,
      total: images.length,
      items: images.slice(offset, offset + limit).map((image) => gallery.imageDto(image))
    })
  }),
  route("GET", `${prefix}/names`, function*(context) {
    const images = context.world.gallery.list(yield* filterOf(context))
    return json({
      image_names: images.map((image) => image.name),
      starred_count: images.filter((image) => image.starred).length,
      total_count: images.length
    })
  }),
  route("POST", `${prefix}/images_by_names`, function*(context) {
    const names = yield* bodyNames(context, yield* bodyRecord(context), "image_names")
    return json(named(context, names).map((image) => context.world.gallery.imageDto(image)))
  }),
  reply("GET", `${prefix}/intermediates`, (context) => context.world.gallery.list({ isIntermediate: true }).length),
  route("DELETE", `${prefix}/intermediates`, function*(context) {
    if (context.world.settings.multiUser && !context.user.isAdmin) {
      return yield* refusal(403, "Only admins can clear all intermediates")
    }
    const images = context.world.gallery.list({ isIntermediate: true })
    for (const image of images) context.world.deleteImage(image)
    return json(images.length)
  }),
  reply("DELETE", `${prefix}/uncategorized`, (context) =>
    deleteAll(
      context,
      context.world.gallery.list({ boardId: "none", visible: (image) => mayRead(context, image) })
    )),
  route("POST", `${prefix}/delete`, function*(context) {
    return json(
      deleteAll(context, named(context, yield* bodyNames(context, yield* bodyRecord(context), "image_names")))
    )
  }),
  setStarred(true),
  setStarred(false),
  { method: "POST", path: `${prefix}/download`, handler: startDownload },
  route("GET", `${prefix}/download/{bulk_download_item_name}`, function*(context) {
    const name = context.params["bulk_download_item_name"] ?? ""
    const file = yield* orRefuse(context.world.downloads.get(name), () => refusal(404, "Not Found"))
    context.world.downloads.delete(name)
    return bytes(file, {
      "content-type": "application/zip",
      "content-disposition": `attachment; filename="${name}"`,
      "cache-control": cacheControl(context)
    })
  }),
  route("GET", `${prefix}/i/{image_name}`, function*(context) {
    return json(context.world.gallery.imageDto(yield* find(context)))
  }),
  route("PATCH", `${prefix}/i/{image_name}`, function*(context) {
    const image = context.world.gallery.images.get(context.params["image_name"] ?? "")
    if (image === undefined) return yield* refusal(400, "Failed to update image")
    if (!mayRead(context, image)) return yield* refusal(403, "Not authorized to modify this image")
    const changes = yield* bodyRecord(context)
    if (typeof changes["image_category"] === "string") image.category = changes["image_category"]
    if (typeof changes["session_id"] === "string") image.sessionId = changes["session_id"]
    if (typeof changes["is_intermediate"] === "boolean") image.isIntermediate = changes["is_intermediate"]
    if (typeof changes["starred"] === "boolean") image.starred = changes["starred"]
    image.updatedAt = context.now
    return json(context.world.gallery.imageDto(image))
  }),
  route("DELETE", `${prefix}/i/{image_name}`, function*(context) {
    const image = context.world.gallery.images.get(context.params["image_name"] ?? "")
    if (image === undefined) {
      // a user is not told whether the image is missing or somebody else's
      if (context.world.settings.multiUser && !context.user.isAdmin) {
        return yield* refusal(403, "Not authorized to modify this image")
      }
      if (context.world.profile.minor >= 14) return yield* refusal(404, "Image not found")
      return json({ affected_boards: [], deleted_images: [] })
    }
    if (!mayRead(context, image)) return yield* refusal(403, "Not authorized to modify this image")
    return json(deleteAll(context, [image]))
  }),
  route("GET", `${prefix}/i/{image_name}/metadata`, function*(context) {
    const { metadata } = yield* find(context)
    return json(metadata === null ? null : parseJson(metadata))
  }),
  route("GET", `${prefix}/i/{image_name}/workflow`, function*(context) {
    const { graph, workflow } = yield* find(context)
    return json({ workflow, graph })
  }),
  route("GET", `${prefix}/i/{image_name}/urls`, function*(context) {
    const name = context.params["image_name"] ?? ""
    if (context.world.settings.multiUser) yield* find(context)
    return json({ image_name: name, ...context.world.gallery.urls(name) })
  }),
  { method: "GET", path: `${prefix}/i/{image_name}/full`, handler: full, isPublic: false },
  { method: "HEAD", path: `${prefix}/i/{image_name}/full`, handler: full },
  route("GET", `${prefix}/i/{image_name}/thumbnail`, function*(context) {
    const image = yield* find(context)
    yield* context.world.disk("read")
    return bytes(context.world.gallery.thumbnail(image), {
      "content-type": "image/webp",
      "cache-control": cacheControl(context)
    })
  })
]
