/**
 * Images for the inputs of a workflow: uploaded when needed, deleted when the scope closes.
 *
 * **Details**
 *
 * An upload belongs to the scope it is made in. When that closes, on success, failure and interruption, the image is
 * deleted from the server, unless somebody wants it by now: it was starred, or moved to another board, or the result of
 * a run refers to it (`retain`). A deletion that fails is logged, kept in `leftovers`, and never hides why the program
 * failed.
 *
 * **Example** (An image that exists for one run)
 *
 * ```ts
 * import * as Assets from "@effect-invokeai/core/assets/Assets"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.scoped(Effect.gen(function*() {
 *   const photo = yield* Assets.uploadFile("mountain.jpg")
 *   yield* Effect.log(`uploaded as ${photo.image_name}, ${photo.width}x${photo.height}`)
 * }))
 * ```
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Digest from "effect/crypto/Digest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { ImageUse } from "../job/ImageUse.ts"
import { imagesInUse } from "../job/JobJournal.ts"
import type { ImageDTO } from "../server/api/ImagesApi.ts"
import { Images } from "../server/Images.ts"
import { InvokeAiClient } from "../server/InvokeAiClient.ts"
import type { InvokeAiError } from "../server/InvokeAiError.ts"
import { AssetLedger } from "./AssetLedger.ts"
import * as ImageType from "./ImageType.ts"
import type { Asset, AssetContent, Leftover, UploadFileOptions, UploadOptions, UploadSource } from "./internal/asset.ts"
import { type DeletionOutcome, kept, missing } from "./internal/deletion.ts"
import { HeldImages } from "./internal/heldImages.ts"
import { fromFile, inspect } from "./internal/uploadContent.ts"
import { fromApi, fromPlatform, UploadError } from "./UploadError.ts"

export type { Asset, AssetContent, Leftover, UploadFileOptions, UploadOptions, UploadSource } from "./internal/asset.ts"
export type { DeletionOutcome, KeptReason } from "./internal/deletion.ts"
export { UploadError } from "./UploadError.ts"

interface Slot {
  readonly lock: Semaphore.Semaphore
  asset: Asset | undefined
}

const defaultMaxBytes = 512 * 1024 * 1024
const defaultTimeout: Duration.Input = "10 minutes"
const fingerprint = "invokeai-upload-"

const layerDigest = Layer.unwrap(Effect.map(
  Effect.serviceOption(Digest.Digest),
  Option.match({
    onNone: () => Digest.layerWebCrypto,
    onSome: (digest) => Layer.succeed(Digest.Digest, digest)
  })
))

/**
 * The images that this program put on the server and has to delete again.
 *
 * @category services
 * @since 0.1.0
 */
export class Assets extends Context.Service<Assets, {
  /** Uploads content, once per scope for the same bytes and options, and deletes it when the scope closes. */
  readonly upload: (
    source: UploadSource,
    options?: UploadOptions
  ) => Effect.Effect<Asset, UploadError, Scope.Scope>
  /** Takes over an image that is on the server already: it is deleted when the scope closes. */
  readonly adopt: (imageName: string) => Effect.Effect<Asset, UploadError, Scope.Scope>
  /** What is held now, in the order of the uploads. */
  readonly held: Effect.Effect<ReadonlyArray<Asset>>
  /**
   * Deletes an image that is held, before its scope closes, or tries again one that could not be deleted. `Missing` when
   * it is neither.
   */
  readonly release: (imageName: string) => Effect.Effect<DeletionOutcome>
  /** What could not be deleted so far. */
  readonly leftovers: Effect.Effect<ReadonlyArray<Leftover>>
  /** Which images are needed: the results of followed jobs, and what is retained. */
  readonly imageUse: ImageUse["Service"]
  /**
   * Deletes what an earlier process left on this server, as far as the ledger tells, but for what a job in the
   * `JobJournal` needs. Outcomes by image name.
   */
  readonly recover: Effect.Effect<ReadonlyMap<string, DeletionOutcome>, InvokeAiError>
}>()("@effect-invokeai/core/assets/Assets") {
  /**
   * The service on the server's images. It uses the `AssetLedger` and the `Digest` that are there when the layer is
   * built; without the latter, WebCrypto.
   */
  static readonly layer: Layer.Layer<Assets, never, Images | InvokeAiClient> = Layer.effect(
    Assets,
    Effect.suspend(() => make)
  ).pipe(Layer.provide([layerDigest, SecureRandom.layerWebCrypto, ImageUse.layer]))
}

const make = Effect.gen(function*() {
  const images = yield* Images
  const client = yield* InvokeAiClient
  const ledger = yield* AssetLedger
  const digest = yield* Digest.Digest
  const random = yield* SecureRandom.SecureRandom
  const imageUse = yield* ImageUse
  const server = client.url.href

  const held = new HeldImages(images, imageUse, ledger)
  const slots = new WeakMap<Scope.Scope, Map<string, Slot>>()

  const slotOf = (scope: Scope.Scope, key: string): Slot => {
    const ofScope = slots.get(scope) ?? new Map<string, Slot>()
    slots.set(scope, ofScope)
    const slot = ofScope.get(key) ?? { lock: Semaphore.makeUnsafe(1), asset: undefined }
    ofScope.set(key, slot)
    return slot
  }

  /** The image of an upload whose answer was lost, by the id that was sent along. */
  const find = (id: string): Effect.Effect<Option.Option<ImageDTO>, InvokeAiError> =>
    images.list({ order: "DESC", starredFirst: false }).pipe(
      Stream.take(1000),
      Stream.filter((image) => image.session_id === id),
      Stream.runHead
    )

  // A server that is still busy with the upload stores the image a moment later.
  const findLater = (id: string) =>
    find(id).pipe(
      Effect.flatMap(Effect.fromOption),
      Effect.retry({ schedule: Schedule.spaced("1 second").pipe(Schedule.upTo({ times: 4 })) }),
      Effect.option
    )

  // The process may have been killed a moment ago, with the upload on its way.
  const findLeft = (id: string) =>
    find(id).pipe(
      Effect.repeat({
        until: Option.isSome,
        schedule: Schedule.spaced("1 second").pipe(Schedule.upTo({ times: 1 }))
      })
    )

  const send = (source: UploadSource, { length, type }: AssetContent, id: string, options: UploadOptions) =>
    images.upload({
      data: source.data,
      size: length,
      fileName: `upload.${ImageType.extension(type)}`,
      contentType: ImageType.mediaType(type),
      category: options.category ?? "user",
      isIntermediate: options.isIntermediate ?? options.board === undefined,
      boardId: options.board,
      sessionId: id,
      metadata: options.metadata,
      resizeTo: options.resizeTo
    })

  const upload = Effect.fn("Assets.upload")(
    function*(source: UploadSource, options: UploadOptions = {}): Effect.fn.Return<Asset, UploadError, Scope.Scope> {
      const scope = yield* Effect.scope
      const content = yield* inspect(source, options.maxBytes ?? defaultMaxBytes).pipe(
        Effect.provideService(Digest.Digest, digest)
      )
      const key = JSON.stringify([
        content.hash,
        content.length,
        options.category,
        options.board,
        options.isIntermediate,
        options.metadata,
        options.resizeTo
      ])
      const slot = slotOf(scope, key)
      const acquire = Effect.gen(function*() {
        const id = fingerprint + (yield* random.uuidV4())
        yield* ledger.set({ id, server, board_id: options.board ?? null, starred: false })
        const image = yield* send(source, content, id, options).pipe(
          Effect.mapError((error) => ({
            ambiguous: error.isAmbiguous,
            error: fromApi(source.name, error, "BoardMissing")
          })),
          Effect.timeoutOrElse({
            duration: options.timeout ?? defaultTimeout,
            orElse: () =>
              Effect.fail({ ambiguous: true, error: new UploadError({ reason: "Timeout", source: source.name }) })
          }),
          Effect.catch(({ ambiguous, error }) =>
            Effect.gen(function*() {
              const stored = ambiguous ? yield* findLater(id) : Option.none<ImageDTO>()
              if (Option.isSome(stored)) return stored.value
              if (!ambiguous) yield* ledger.remove(id)
              return yield* error
            })
          )
        )
        return yield* held.hold({
          image_name: image.image_name,
          width: image.width,
          height: image.height,
          board_id: image.board_id ?? null,
          source: source.name,
          content
        }, { id, server, image_name: image.image_name, board_id: image.board_id ?? null, starred: false })
      })
      return yield* slot.lock.withPermit(Effect.suspend(() => {
        const present = slot.asset
        if (present !== undefined && held.has(present.image_name)) return Effect.succeed(present)
        return Effect.acquireRelease(acquire, (asset) => held.letGo(asset.image_name)).pipe(
          Effect.tap((asset) => Effect.sync(() => slot.asset = asset))
        )
      }))
    }
  )

  const adopt = Effect.fn("Assets.adopt")(
    function*(imageName: string): Effect.fn.Return<Asset, UploadError, Scope.Scope> {
      return yield* Effect.acquireRelease(
        Effect.gen(function*() {
          const image = yield* images.get(imageName).pipe(
            Effect.mapError((error) => fromApi(imageName, error, "ImageMissing"))
          )
          const board_id = image.board_id ?? null
          return yield* held.hold({
            image_name: image.image_name,
            width: image.width,
            height: image.height,
            board_id,
            source: imageName,
            content: null
          }, {
            id: fingerprint + (yield* random.uuidV4()),
            server,
            image_name: image.image_name,
            board_id,
            starred: image.starred ?? false
          })
        }),
        (asset) => held.letGo(asset.image_name)
      )
    }
  )

  const recover = Effect.gen(function*() {
    const outcomes = new Map<string, DeletionOutcome>()
    const awaited = yield* imagesInUse
    for (const record of yield* ledger.leftOver) {
      if (record.server !== server) continue
      const name = record.image_name ?? Option.getOrUndefined(
        Option.map(yield* findLeft(record.id), (image) => image.image_name)
      )
      if (name !== undefined && held.has(name)) continue
      if (name !== undefined && awaited.has(name)) {
        outcomes.set(name, kept("Awaited"))
        continue
      }
      const outcome = name === undefined ? missing : yield* held.deleteRecorded(name, record)
      if (name !== undefined) outcomes.set(name, outcome)
      if (outcome._tag !== "Failed") yield* ledger.remove(record.id)
    }
    return outcomes
  }).pipe(Effect.withSpan("Assets.recover"))

  return Assets.of({
    upload,
    adopt,
    held: Effect.sync(() => held.assets),
    release: (imageName) => held.release(imageName).pipe(Effect.withSpan("Assets.release")),
    leftovers: Effect.sync(() => held.leftovers),
    imageUse,
    recover
  })
})

/**
 * Uploads a file, at constant memory whatever its size, and deletes the image when the scope closes.
 *
 * **Details**
 *
 * The format is told from the content, not from the name. Within one scope the same bytes with the same options are
 * uploaded once. Where the answer to an upload is lost, the image is looked up on the server, so that none stays there
 * unnoticed. Fails with `UploadError`; everything that can be checked is checked before anything is sent. Route:
 * `POST /api/v1/images/upload`.
 *
 * @category uploads
 * @since 0.1.0
 */
export const uploadFile = Effect.fn("Assets.uploadFile")(
  function*(file: string, options: UploadFileOptions = {}): Effect.fn.Return<
    Asset,
    UploadError,
    Assets | FileSystem.FileSystem | Path.Path | Scope.Scope
  > {
    const assets = yield* Assets
    const fs = yield* FileSystem.FileSystem
    const toError = Effect.mapError(fromPlatform(file))
    if (options.root !== undefined) {
      const path = yield* Path.Path
      const root = yield* fs.realPath(options.root).pipe(toError)
      const real = yield* fs.realPath(file).pipe(toError)
      const relative = path.relative(root, real)
      if (relative === ".." || relative.startsWith(`..${path.sep}`) || path.isAbsolute(relative)) {
        return yield* new UploadError({ reason: "OutsideRoot", source: file })
      }
    }
    const info = yield* fs.stat(file).pipe(toError)
    if (info.type !== "File") {
      return yield* new UploadError({ reason: "NotAFile", source: file, detail: info.type })
    }
    const length = Number(info.size.toString())
    return yield* assets.upload({ name: file, data: fromFile(fs, file, length), length }, options)
  }
)

/**
 * Uploads bytes, or a `Blob` or `File` (as a browser gives it), and deletes the image when the scope closes.
 *
 * **Details**
 *
 * As `uploadFile`. `name` is only used in messages.
 *
 * @category uploads
 * @since 0.1.0
 */
export const uploadBytes = Effect.fn("Assets.uploadBytes")(
  function*(
    data: Uint8Array | Blob,
    options: UploadOptions & { readonly name?: string | undefined } = {}
  ): Effect.fn.Return<
    Asset,
    UploadError,
    Assets | Scope.Scope
  > {
    const assets = yield* Assets
    return yield* assets.upload({
      name: options.name ?? "bytes",
      data,
      length: data instanceof Uint8Array ? data.length : data.size
    }, options)
  }
)

/**
 * Takes over an image that is on the server already: it is deleted when the scope closes, unless it is starred or moved
 * to another board until then.
 *
 * @category uploads
 * @since 0.1.0
 */
export const adopt = Effect.fn("Assets.adopt")(
  function*(
    image: string | { readonly image_name: string }
  ): Effect.fn.Return<Asset, UploadError, Assets | Scope.Scope> {
    const assets = yield* Assets
    return yield* assets.adopt(typeof image === "string" ? image : image.image_name)
  }
)

/**
 * Keeps images from being deleted by this program as long as the scope is open.
 *
 * **When to use**
 *
 * For images that this program puts somewhere else than into the results of its jobs, which are kept as long as the
 * jobs are followed. `owner` is a name of yours; the id of a batch lets the cleanup of that batch delete them.
 *
 * @category combinators
 * @since 0.1.0
 */
export const retain = Effect.fn("Assets.retain")(
  function*(owner: string, imageNames: Iterable<string>): Effect.fn.Return<void, never, Assets | Scope.Scope> {
    const { imageUse } = yield* Assets
    yield* imageUse.retain(owner, imageNames)
  }
)

/**
 * Deletes what an earlier process left on this server, as far as its ledger (`AssetLedger.layerFile`) tells, and says
 * what became of each image.
 *
 * **Details**
 *
 * Where the program has a `JobJournal`, images that its jobs were given are kept (`Awaited`): take the jobs up first
 * (`JobRecovery`), and call this when they are done.
 *
 * @category combinators
 * @since 0.1.0
 */
export const recover: Effect.Effect<ReadonlyMap<string, DeletionOutcome>, InvokeAiError, Assets> = Effect.flatMap(
  Assets,
  (assets) => assets.recover
)
