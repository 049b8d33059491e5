/**
 * A server with nothing but images, in memory, with injected faults.
 */
import * as Assets from "@effect-invokeai/core/assets/Assets"
import { InvokeAiError, type InvokeAiErrorReason } from "@effect-invokeai/core/InvokeAiError"
import { Images, type ImageUpload } from "@effect-invokeai/core/server/Images"
import { InvokeAiClient } from "@effect-invokeai/core/server/InvokeAiClient"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import { Videos } from "@effect-invokeai/core/server/Videos"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { ImageDTO } from "../../packages/core/src/server/api/ImagesApi.ts"

const contentOf = (data: ImageUpload["data"]): Effect.Effect<Uint8Array> => {
  if (data instanceof Uint8Array) return Effect.succeed(data)
  if (data instanceof Blob) return Effect.map(Effect.promise(() => data.arrayBuffer()), (all) => new Uint8Array(all))
  const stream: Stream.Stream<Uint8Array, unknown> = data
  return Effect.map(Effect.orDie(Stream.runCollect(stream)), (all) => new Uint8Array(Buffer.concat(all)))
}

export const apiError = (
  reason: Exclude<InvokeAiErrorReason["_tag"], "Unsupported">,
  status?: number,
  method = "GET"
): InvokeAiError =>
  new InvokeAiError({
    reason: { _tag: reason },
    method,
    path: "/api/v1/images",
    detail: "",
    ...(status === undefined ? {} : { status, fromServer: true })
  })

/** The error of a route that the version of the server lacks. */
export const unsupported = (method: string, path: string): InvokeAiError =>
  new InvokeAiError({
    reason: { _tag: "Unsupported", version: "6.13.8", operation: `${method} ${path}`, since: "6.14" },
    method,
    path,
    status: 405,
    detail: "Method Not Allowed"
  })

export interface StoredImage {
  readonly dto: ImageDTO
  readonly bytes: Uint8Array
  readonly metadata?: Record<string, unknown> | undefined
  readonly graph?: unknown
  readonly workflow?: unknown
}

/** How to misbehave. Each effect stands in for the answer, as long as it is there. */
export interface Faults {
  full?: ((image: StoredImage) => Stream.Stream<Uint8Array, InvokeAiError> | undefined) | undefined
  upload?: ((store: Effect.Effect<ImageDTO>) => Effect.Effect<ImageDTO, InvokeAiError>) | undefined
  find?: ((name: string) => Effect.Effect<never, InvokeAiError> | undefined) | undefined
  list?: (() => Effect.Effect<never, InvokeAiError> | undefined) | undefined
  delete?: ((name: string) => Effect.Effect<void, InvokeAiError> | undefined) | undefined
}

export class FakeServer {
  readonly images = new Map<string, StoredImage>()
  readonly uploads: Array<ImageUpload & { readonly bytes: Uint8Array }> = []
  readonly calls: Array<string> = []
  readonly faults: Faults = {}
  private count = 0

  add(
    name: string,
    bytes: Uint8Array,
    more: Partial<ImageDTO> = {},
    extra: { metadata?: Record<string, unknown>; graph?: unknown; workflow?: unknown } = {}
  ): ImageDTO {
    const view = new DataView(bytes.buffer, bytes.byteOffset)
    const isPng = bytes.length >= 24 && bytes[0] === 0x89
    const now = DateTime.makeUnsafe("2026-11-22T12:00:00Z")
    const dto: ImageDTO = {
      image_name: name,
      image_url: `api/v1/images/i/${name}/full`,
      thumbnail_url: `api/v1/images/i/${name}/thumbnail`,
      image_origin: "internal",
      image_category: "general",
      width: isPng ? view.getUint32(16) : 8,
      height: isPng ? view.getUint32(20) : 8,
      created_at: now,
      updated_at: now,
      is_intermediate: false,
      starred: false,
      ...more
    }
    this.images.set(name, { dto, bytes, ...extra })
    return dto
  }

  change(name: string, changes: Partial<ImageDTO>): void {
    const image = this.images.get(name)
    if (image !== undefined) this.images.set(name, { ...image, dto: Object.assign({}, image.dto, changes) })
  }

  private find(name: string): Effect.Effect<StoredImage, InvokeAiError> {
    return Effect.suspend(() => {
      const image = this.images.get(name)
      return image === undefined ? Effect.fail(apiError("NotFound", 404)) : Effect.succeed(image)
    })
  }

  readonly service: Partial<Images["Service"]> = {
    get: (name) => {
      this.calls.push(`get ${name}`)
      return Effect.map(this.find(name), ({ dto }) => dto)
    },
    find: (name) =>
      Effect.suspend(() =>
        this.faults.find?.(name) ??
          Effect.succeed(Option.map(Option.fromNullishOr(this.images.get(name)), ({ dto }) => dto))
      ),
    exists: (name) => Effect.sync(() => this.images.has(name)),
    byNames: (names) =>
      Effect.sync(() => names.flatMap((name) => this.images.has(name) ? [this.images.get(name)!.dto] : [])),
    list: () =>
      Stream.suspend(() => {
        const fault = this.faults.list?.()
        return fault === undefined
          ? Stream.fromIterable(Array.from(this.images.values(), ({ dto }) => dto).toReversed())
          : Stream.fromEffect(fault)
      }),
    metadata: (name) => Effect.map(this.find(name), ({ metadata }) => Option.fromNullishOr(metadata)),
    workflow: (name) =>
      Effect.map(this.find(name), ({ graph, workflow }) => ({ workflow: workflow ?? null, graph: graph ?? null })),
    full: (name) =>
      Stream.unwrap(Effect.map(this.find(name), (image) => {
        this.calls.push(`full ${name}`)
        const half = Math.ceil(image.bytes.length / 2)
        return this.faults.full?.(image) ??
          Stream.make(image.bytes.subarray(0, 5), image.bytes.subarray(5, half), image.bytes.subarray(half))
      })),
    deleteMany: (names) =>
      Effect.gen({ self: this }, function*() {
        const done: Array<string> = []
        for (const name of names) {
          this.calls.push(`delete ${name}`)
          const fault = this.faults.delete?.(name)
          if (fault !== undefined) yield* fault
          else if (this.images.delete(name)) done.push(name)
        }
        return { succeeded: done, failed: names.filter((name) => !done.includes(name)) }
      }),
    upload: (image) =>
      Effect.gen({ self: this }, function*() {
        const { data } = image
        const bytes = yield* contentOf(data)
        const store = Effect.sync(() => {
          this.uploads.push({ ...image, bytes })
          this.count++
          return this.add(`upload-${this.count}.png`, bytes, {
            image_origin: "external",
            image_category: image.category ?? "user",
            is_intermediate: image.isIntermediate ?? false,
            board_id: image.boardId ?? null,
            session_id: image.sessionId ?? null
          })
        })
        return yield* this.faults.upload?.(store) ?? store
      })
  }

  get layer(): Layer.Layer<Images | Videos | Assets.Assets> {
    return Assets.Assets.layer.pipe(
      Layer.provideMerge(Layer.mock(Images, this.service)),
      Layer.merge(Layer.mock(Videos, {})),
      Layer.provide(Layer.mock(SessionQueue, { queueId: "default" })),
      Layer.provide(
        Layer.mock(InvokeAiClient, {
          url: new URL("http://invoke.test/"),
          queueId: "default",
          redact: (text) => text,
          document: {
            version: Effect.succeed("6.14.2"),
            read: Effect.die("the document is not read"),
            known: Effect.succeedNone,
            forget: Effect.void
          }
        })
      )
    )
  }
}
