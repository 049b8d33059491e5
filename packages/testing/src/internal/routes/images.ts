/** The routes of images. */
import * as Bytes from "effect/Bytes"
import * as Effect from "effect/Effect"
import * as Zip from "effect/encoding/Zip"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Raster from "../../Raster.ts"
import type { ImageFilter, StoredImage } from "../galleryStore.ts"
import * as ImageReading from "../imageReading.ts"
import {
  type EndpointContext,
  form,
  formFile,
  type Implementation,
  orReject,
  reply,
  route,
  type RouteContext,
  within,
  withinNames
} from "../routeSupport.ts"
import type { Implementations } from "../simulatorApi.ts"
import { bytes, type HttpFailure, json, refusal } from "../SimulatorHttp.ts"
import { hidesMissing, mayRead, readableBoard } from "./permissions.ts"

type ImageContext = EndpointContext<{ readonly image_name: string }>

type NamesContext = EndpointContext<unknown, unknown, { readonly image_names: ReadonlyArray<string> }>

const notFound = (context: RouteContext): HttpFailure =>
  refusal(404, context.world.settings.multiUser ? "Image not found" : "Not Found")

const find = Effect.fnUntraced(function*(context: ImageContext): Effect.fn.Return<StoredImage, HttpFailure> {
  const forbidden = refusal(403, "Not authorized to access this image")
  const image = yield* orReject(
    context.world.gallery.images.get(context.params.image_name),
    () => hidesMissing(context) ? forbidden : notFound(context)
  )
  if (!mayRead(context, image)) return yield* forbidden
  return image
})

/** The image whose file is requested. Servers before 6.14 check no permission here. */
const findFile = (context: ImageContext): Effect.Effect<StoredImage, HttpFailure> => {
  if (context.world.profile.minor >= 14) return find(context)
  const image = context.world.gallery.images.get(context.params.image_name)
  return orReject(image?.hasFile === true ? image : undefined, () => refusal(404, "Not Found"))
}

const filterOf = Effect.fnUntraced(function*(
  context: EndpointContext<unknown, {
    readonly image_origin?: string
    readonly categories?: ReadonlyArray<string>
    readonly is_intermediate?: boolean
    readonly board_id?: string
    readonly order_dir?: "ASC" | "DESC"
    readonly starred_first?: boolean
    readonly search_term?: string
  }>
): Effect.fn.Return<ImageFilter, HttpFailure> {
  const { query } = context
  yield* readableBoard(context, query.board_id)
  return {
    origin: query.image_origin,
    categories: query.categories,
    isIntermediate: query.is_intermediate,
    boardId: query.board_id,
    searchTerm: query.search_term,
    starredFirst: query.starred_first,
    ascending: query.order_dir === "ASC",
    visible: (image) => mayRead(context, image)
  }
})

const failedImages = (context: RouteContext): Readonly<Record<string, unknown>> =>
  context.world.profile.minor >= 14 ? { failed_images: [] } : {}

const boardsOf = (images: ReadonlyArray<StoredImage>): ReadonlyArray<string> => [
  ...new Set(images.map((image) => image.boardId ?? "none"))
]

const imagesOf = (context: RouteContext, names: ReadonlyArray<string>): ReadonlyArray<StoredImage> =>
  [...new Set(names)].flatMap((name) => {
    const image = context.world.gallery.images.get(name)
    return image === undefined || !mayRead(context, image) ? [] : [image]
  })

/** The images that are named in the body. */
const named = (context: NamesContext): Effect.Effect<ReadonlyArray<StoredImage>, HttpFailure> => {
  const { image_names: names } = context.payload
  return Effect.map(withinNames(context, "image_names", names), () => imagesOf(context, names))
}

/** Changes the named images one by one. A multi-user server before 6.14 stops at the first that the user may not change. */
const changeEach = Effect.fnUntraced(function*(
  context: NamesContext,
  change: (image: StoredImage) => void
): Effect.fn.Return<ReadonlyArray<StoredImage>, HttpFailure> {
  const images = yield* named(context)
  const stopsAt = hidesMissing(context)
    ? context.payload.image_names.findIndex((name) => !images.some((image) => image.name === name))
    : -1
  for (const image of stopsAt < 0 ? images : imagesOf(context, context.payload.image_names.slice(0, stopsAt))) {
    change(image)
  }
  return stopsAt < 0 ? images : yield* refusal(403, "Not authorized to modify this image")
})

const deletion = (context: RouteContext, images: ReadonlyArray<StoredImage>) => ({
  affected_boards: boardsOf(images),
  deleted_images: images.map((image) => image.name),
  ...failedImages(context)
})

const deleteAll = (context: RouteContext, images: ReadonlyArray<StoredImage>) => {
  const result = deletion(context, images)
  for (const image of images) context.world.deleteImage(image)
  return result
}

const parseJson = (text: string): unknown =>
  Result.getOrElse(Result.try((): unknown => JSON.parse(text)), () => undefined)

const maxResizedPixels = 4096 * 4096

const upload: Implementations<"images">["upload"] = route(function*(context) {
  const { now, query, user, world } = context
  const { board_id: boardId, image_category: category, is_intermediate: isIntermediate } = query
  const data = yield* form(context)
  const file = yield* formFile(data, "file")
  const board = boardId === undefined ? undefined : world.gallery.boards.get(boardId)
  if (boardId !== undefined && board === undefined && world.profile.minor >= 12) {
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
  const width = Predicate.isObject(wanted) && typeof wanted["width"] === "number" ? wanted["width"] : 0
  const height = Predicate.isObject(wanted) && typeof wanted["height"] === "number" ? wanted["height"] : 0
  if (typeof size === "string" && (width < 1 || height < 1 || width * height > maxResizedPixels)) {
    return yield* refusal(400, "Invalid resize_to format or size")
  }
  const isResized = width > 0
  if (reading._tag === "Broken" && isResized) return yield* refusal(500, "Failed to resize image")
  const metadata = data.get("metadata")
  const add = (raster: Raster.Raster, hasFile: boolean) =>
    world.gallery.add({
      name: `${world.random.uuid()}.png`,
      origin: "external",
      raster,
      hasFile,
      category,
      isIntermediate,
      userId: user.userId,
      metadata: typeof metadata === "string" && Predicate.isObject(parseJson(metadata)) ? metadata : null,
      sessionId: query.session_id ?? null,
      boardId: board?.id ?? null
    }, now)
  if (reading._tag === "Broken" || (reading._tag === "Unstorable" && !isResized)) {
    // up to 6.13, the record of the image stays
    if (world.profile.minor <= 13) add(Raster.painted(8, 8, ""), false)
    return yield* refusal(500, "Failed to create image")
  }
  const image = add(isResized ? Raster.resize(reading.raster, width, height) : reading.raster, true)
  return json(world.gallery.imageDto(image), 201, { location: world.gallery.urls(image.name).image_url })
})

const startDownload: Implementations<"images">["startDownload"] = route(function*(context) {
  const { now, payload, user, world } = context
  const names = payload.image_names ?? undefined
  const boardId = payload.board_id ?? ""
  if (names === undefined && boardId === "") return yield* refusal(400, "No images or board id specified.")
  if (names !== undefined) yield* withinNames(context, "image_names", names)
  const hidden = names?.some((name) => {
    const image = world.gallery.images.get(name)
    return image !== undefined && !mayRead(context, image)
  })
  if (hidden === true) return yield* refusal(403, "Not authorized to access this image")
  if (names === undefined) yield* readableBoard(context, boardId)
  const images = names === undefined
    ? world.gallery.list({ boardId, isIntermediate: false })
    : imagesOf(context, names)
  const id = world.random.uuid()
  const item = `${id}.zip`
  const files = images.map((image) => Zip.file(`${image.category}/${image.name}`, image.bytes(), { method: "Store" }))
  const archive = yield* Stream.fromIterable(files).pipe(
    Stream.pipeThroughChannel(Zip.encode()),
    Stream.runCollect,
    Effect.orDie
  )
  world.downloads.set(item, Bytes.concat(archive))
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

const full: Implementation<ImageContext> = route(function*(context) {
  const image = yield* findFile(context)
  yield* context.world.disk("read")
  return bytes(image.bytes(), {
    "content-type": "image/png",
    "content-disposition": `inline; filename="${image.name}"`,
    "cache-control": cacheControl(context)
  })
})

const setStarred = (starred: boolean): Implementation<NamesContext> =>
  route(function*(context) {
    const images = yield* changeEach(context, (image) => {
      image.starred = starred
      image.updatedAt = context.now
    })
    return json({
      affected_boards: boardsOf(images),
      [starred ? "starred_images" : "unstarred_images"]: images.map((image) => image.name),
      ...failedImages(context)
    })
  })

/** `images/*`. */
export const images: Implementations<"images"> = {
  upload,
  list: route(function*(context) {
    const { gallery, profile } = context.world
    const bounded = profile.minor >= 14
    const { limit = 10, offset = 0 } = context.query
    yield* within("offset", offset, bounded ? { minimum: 0 } : {})
    yield* within("limit", limit, bounded ? { minimum: 0, maximum: 1000 } : {})
    const images = gallery.list(yield* filterOf(context))
    return json({
      limit,
      offset,
      total: images.length,
      items: images.slice(offset, offset + limit).map((image) => gallery.imageDto(image))
    })
  }),
  names: route(function*(context) {
    const images = context.world.gallery.list(yield* filterOf(context))
    return json({
      image_names: images.map((image) => image.name),
      starred_count: images.filter((image) => image.starred).length,
      total_count: images.length
    })
  }),
  byNames: route(function*(context) {
    return json((yield* named(context)).map((image) => context.world.gallery.imageDto(image)))
  }),
  intermediatesCount: reply((context) => context.world.gallery.list({ isIntermediate: true }).length),
  clearIntermediates: route(function*(context) {
    if (context.world.settings.multiUser && !context.user.isAdmin) {
      return yield* refusal(403, "Only admins can clear all intermediates")
    }
    const images = context.world.gallery.list({ isIntermediate: true })
    for (const image of images) context.world.deleteImage(image)
    return json(images.length)
  }),
  deleteUncategorized: reply((context) =>
    deleteAll(
      context,
      context.world.gallery.list({ boardId: "none", visible: (image) => mayRead(context, image) })
    )
  ),
  deleteMany: route(function*(context) {
    const { world } = context
    return json(deletion(context, yield* changeEach(context, (image) => world.deleteImage(image))))
  }),
  star: setStarred(true),
  unstar: setStarred(false),
  startDownload,
  download: route(function*(context) {
    const name = context.params.bulk_download_item_name
    const file = yield* orReject(context.world.downloads.get(name), () => refusal(404, "Not Found"))
    context.world.downloads.delete(name)
    return bytes(file, {
      "content-type": "application/zip",
      "content-disposition": `attachment; filename="${name}"`,
      "cache-control": cacheControl(context)
    })
  }),
  get: route(function*(context) {
    return json(context.world.gallery.imageDto(yield* find(context)))
  }),
  update: route(function*(context) {
    const image = context.world.gallery.images.get(context.params.image_name)
    const forbidden = refusal(403, "Not authorized to modify this image")
    if (image === undefined) {
      return yield* hidesMissing(context) ? forbidden : refusal(400, "Failed to update image")
    }
    if (!mayRead(context, image)) return yield* forbidden
    const { payload } = context
    image.category = payload.image_category ?? image.category
    image.sessionId = payload.session_id ?? image.sessionId
    image.isIntermediate = payload.is_intermediate ?? image.isIntermediate
    image.starred = payload.starred ?? image.starred
    image.updatedAt = context.now
    return json(context.world.gallery.imageDto(image))
  }),
  delete: route(function*(context) {
    const image = context.world.gallery.images.get(context.params.image_name)
    if (image === undefined) {
      // the response does not reveal whether the image is missing or belongs to another user
      if (context.world.settings.multiUser && !context.user.isAdmin) {
        return yield* refusal(403, "Not authorized to modify this image")
      }
      if (context.world.profile.minor >= 14) return yield* refusal(404, "Image not found")
      return json({ affected_boards: [], deleted_images: [] })
    }
    if (!mayRead(context, image)) return yield* refusal(403, "Not authorized to modify this image")
    return json(deleteAll(context, [image]))
  }),
  metadata: route(function*(context) {
    const { metadata } = yield* find(context)
    return json(metadata === null ? null : parseJson(metadata))
  }),
  workflow: route(function*(context) {
    const { graph, workflow } = yield* find(context)
    return json({ workflow, graph })
  }),
  urls: route(function*(context) {
    const name = context.params.image_name
    if (context.world.settings.multiUser) yield* find(context)
    return json({ image_name: name, ...context.world.gallery.urls(name) })
  }),
  full,
  fullHead: full,
  thumbnail: route(function*(context) {
    const image = yield* findFile(context)
    yield* context.world.disk("read")
    return bytes(context.world.gallery.thumbnail(image), {
      "content-type": "image/webp",
      "cache-control": cacheControl(context)
    })
  })
}
