/**
 * Images for the inputs of a workflow: uploaded when needed, deleted when the scope closes.
 *
 * **Details**
 *
 * An upload belongs to the scope it is made in. When that closes, on success, failure and interruption, the image is
 * deleted from the server, unless it is still needed: it was starred, or moved to another board, or the result of a run
 * refers to it (`retain`), or a job that stays in the `JobJournal` needs it. A deletion that fails is logged, kept in
 * `leftovers`, and never hides why the program failed. It is repeated while `InvokeAiOptions.closeTimeout` allows it,
 * then in the background with growing pauses, and once more when the layer closes.
 *
 * Interrupting an upload returns immediately. In the background its request gets 2 seconds to finish and is then cut;
 * an image that arrived anyway is looked up and deleted. If none is found, the record of the upload stays in the
 * `AssetLedger`.
 *
 * **Example** (An image that exists for one run)
 *
 * ```ts
 * import * as Assets from "@effect-invokeai/core/assets/Assets"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.scoped(Effect.gen(function*() {
 *   const photo = yield* Assets.uploadFile("mountain.jpg")
 *   yield* Effect.log(`uploaded as ${photo.imageName}, ${photo.width}x${photo.height}`)
 * }))
 * ```
 *
 * **Example** (Delete images of the server with the scope, keep others)
 *
 * ```ts
 * import * as Assets from "@effect-invokeai/core/assets/Assets"
 * import * as Effect from "effect/Effect"
 *
 * export const borrow = (imageName: string, needed: ReadonlyArray<string>) =>
 *   Effect.scoped(Effect.gen(function*() {
 *     // Deleted when the scope closes, unless it is starred or moved to another board until then.
 *     const asset = yield* Assets.adopt(imageName)
 *     // Not deleted by this program while the scope is open.
 *     yield* Assets.retain("report", needed)
 *     return [asset.width, asset.height]
 *   }))
 * ```
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Digest from "effect/crypto/Digest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { RecordError } from "../files/RecordError.ts"
import { Closing } from "../internal/Closing.ts"
import { layerDigest } from "../internal/digest.ts"
import * as Options from "../internal/options.ts"
import type { InvalidOption } from "../InvalidOption.ts"
import type { InvokeAiError } from "../InvokeAiError.ts"
import { kept, missing } from "../job/internal/deleteImages.ts"
import { CurrentBatch, ImageUsage } from "../job/internal/ImageUsage.ts"
import { imagesOfJournaledJobs } from "../job/JobJournal.ts"
import type { ImageDTO } from "../server/api/ImagesApi.ts"
import { Images } from "../server/Images.ts"
import { InvokeAiClient } from "../server/InvokeAiClient.ts"
import { SessionQueue } from "../server/SessionQueue.ts"
import {
  type Asset,
  type DeletionOutcome,
  type Leftover,
  type UploadFileOptions,
  uploadFileRules,
  type UploadOptions,
  uploadRules,
  type UploadSource
} from "./Asset.ts"
import { AssetLedger, type AssetRecord } from "./AssetLedger.ts"
import type { ImageReference } from "./DownloadOptions.ts"
import { HeldImages } from "./internal/heldImages.ts"
import { imageName } from "./internal/ImageTransfer.ts"
import { fromFile, inspect } from "./internal/uploadContent.ts"
import { type NotUploaded, uploadRequests } from "./internal/uploadRequests.ts"
import { fromApi, fromPlatform, notRecorded, UploadError } from "./UploadError.ts"

export type { Asset, AssetContent, Leftover, UploadFileOptions, UploadOptions, UploadSource } from "./Asset.ts"
export type { DeletionOutcome, KeptReason } from "./Asset.ts"
export { UploadError, UploadErrorReason } from "./UploadError.ts"

interface UploadSlot {
  readonly lock: Semaphore.Semaphore
  asset: Asset | undefined
}

const defaultMaxBytes = 512 * 1024 * 1024
const defaultTimeout: Duration.Input = "10 minutes"
const fingerprint = "invokeai-upload-"

/** For how long after its beginning the server may still receive an upload, in milliseconds. */
const maxArrival = 60 * 60 * 1000

/** How long the request of an interrupted upload may take to finish before its connection is cut. */
const uploadGrace: Duration.Input = "2 seconds"

/**
 * The images that this program put on the server and has to delete again.
 *
 * **Example** (Upload a stream, and delete the image before the scope closes)
 *
 * ```ts
 * import { Assets } from "@effect-invokeai/core/assets/Assets"
 * import * as Effect from "effect/Effect"
 *
 * export const measure = (png: Uint8Array) =>
 *   Effect.scoped(Effect.gen(function*() {
 *     const assets = yield* Assets
 *     const uploaded = yield* assets.upload({ name: "drawing", data: png, length: png.length }, { maxBytes: 1_000_000 })
 *     const adopted = yield* assets.adopt(uploaded.imageName)
 *     const outcome = yield* assets.release(uploaded.imageName)
 *     return { size: [adopted.width, adopted.height], outcome: outcome._tag }
 *   }))
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class Assets extends Context.Service<Assets, {
  /** Uploads content, once per scope for the same bytes and options, and deletes it when the scope closes. */
  readonly upload: (
    source: UploadSource,
    options?: UploadOptions
  ) => Effect.Effect<Asset, UploadError | InvalidOption, Scope.Scope>
  /** Takes over an image that is on the server already: it is deleted when the scope closes. */
  readonly adopt: (imageName: string) => Effect.Effect<Asset, UploadError, Scope.Scope>
  /** What is held now, in the order of the uploads. */
  readonly held: Effect.Effect<ReadonlyArray<Asset>>
  /**
   * Deletes an image that is held, before its scope closes, or tries again one that could not be deleted. `Missing`
   * when it is neither.
   */
  readonly release: (imageName: string) => Effect.Effect<DeletionOutcome>
  /** What could not be deleted so far. */
  readonly leftovers: Effect.Effect<ReadonlyArray<Leftover>>
  /** Which images are needed: the results of followed jobs, and what is retained. */
  readonly imageUse: ImageUsage["Service"]
  /**
   * Deletes the uploads of earlier processes that the ledger lists, except those that a job in the `JobJournal` or a batch
   * that has not ended needs. Outcomes by image name.
   */
  readonly recover: Effect.Effect<ReadonlyMap<string, DeletionOutcome>, InvokeAiError | RecordError>
}>()("@effect-invokeai/core/assets/Assets") {
  /**
   * The service on the server's images. It uses the `AssetLedger` and the `Digest` that are there when the layer is
   * built; without the latter, WebCrypto.
   */
  static readonly layer: Layer.Layer<Assets, never, Images | SessionQueue | InvokeAiClient> = Layer.effect(
    Assets,
    Effect.suspend(() => make)
  ).pipe(Layer.provide([layerDigest, SecureRandom.layerWebCrypto, ImageUsage.layer, Closing.layer]))
}

const make = Effect.gen(function*() {
  const images = yield* Images
  const queue = yield* SessionQueue
  const client = yield* InvokeAiClient
  const ledger = yield* AssetLedger
  const digest = yield* Digest.Digest
  const random = yield* SecureRandom.SecureRandom
  const imageUse = yield* ImageUsage
  const server = client.url.href

  // Requests of interrupted uploads are cut when the layer closes, after the last attempts to clean up.
  const requests = yield* FiberSet.make<ImageDTO, NotUploaded>()
  const cleanup = yield* Effect.flatMap(Closing, (closing) => closing.tasks)
  const held = new HeldImages(images, imageUse, ledger, cleanup)
  const slots = new WeakMap<Scope.Scope, Map<string, UploadSlot>>()

  const slotOf = (scope: Scope.Scope, key: string): UploadSlot => {
    const ofScope = slots.get(scope) ?? new Map<string, UploadSlot>()
    slots.set(scope, ofScope)
    const slot = ofScope.get(key) ?? { lock: Semaphore.makeUnsafe(1), asset: undefined }
    ofScope.set(key, slot)
    return slot
  }

  const { findLater, findRecorded, receive } = uploadRequests(images)

  /**
   * Deletes in the background what an upload that has no caller any more leaves on the server. Its request gets a
   * moment to finish. If no image is found, its record stays in the ledger.
   */
  const abandon = (request: Fiber.Fiber<ImageDTO, NotUploaded>, record: AssetRecord) =>
    cleanup.defer({
      subject: `Upload ${record.id}`,
      attempt: Effect.gen(function*() {
        yield* Effect.timeoutOption(Fiber.await(request), uploadGrace)
        yield* Fiber.interrupt(request)
        const exit = yield* Fiber.await(request)
        if (Exit.isFailure(exit)) {
          const stored = Option.map(Exit.findErrorOption(exit), (failure) => failure.stored)
          if (Option.contains(stored, "refused")) return yield* ledger.remove(record.id)
          if (Option.contains(stored, "absent")) return yield* ledger.abandon(record.id)
        }
        const image = Exit.isSuccess(exit) ? Option.some(exit.value) : yield* findLater(record)
        if (Option.isNone(image)) return yield* ledger.abandon(record.id)
        const { board_id = null, image_name } = image.value
        yield* held.deleteOnce(image_name, { id: record.id, server, image_name, board_id, starred: false })
      }),
      request: { method: "GET", path: "/api/v1/images/" }
    })

  const upload = Effect.fn("Assets.upload")(
    function*(source: UploadSource, options: UploadOptions = {}): Effect.fn.Return<
      Asset,
      UploadError | InvalidOption,
      Scope.Scope
    > {
      yield* Options.check(options, uploadRules)
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
      const timeout = Options.durationOption("timeout", options.timeout ?? defaultTimeout)
      const acquire = Effect.uninterruptibleMask((restore) =>
        Effect.gen(function*() {
          const id = fingerprint + (yield* random.uuidV4())
          const recorded_at = yield* Clock.currentTimeMillis
          const batch = yield* CurrentBatch
          const of = batch === undefined ? {} : { batch_id: batch.batchId, recorded_at }
          const origin = { id, server, starred: false, ...of }
          const record: AssetRecord = { ...origin, board_id: options.board ?? null, recorded_at }
          yield* ledger.set(record).pipe(Effect.mapError(notRecorded(source.name)))
          const request = yield* FiberSet.run(requests, Effect.interruptible(receive(source, content, record, options)))
          const image = yield* Effect.timeoutOrElse(Fiber.join(request), {
            duration: timeout,
            orElse: () =>
              Effect.fail<NotUploaded>({
                stored: "unknown",
                error: new UploadError({ reason: "Timeout", source: source.name })
              })
          }).pipe(
            restore,
            Effect.onInterrupt(() => abandon(request, record)),
            Effect.tapError(({ stored }) =>
              stored === "unknown"
                ? abandon(request, record)
                : stored === "refused"
                ? ledger.remove(id)
                : ledger.abandon(id)
            ),
            Effect.mapError(({ error }) => error)
          )
          const asset = yield* held.addHolder({
            imageName: image.image_name,
            width: image.width,
            height: image.height,
            boardId: image.board_id ?? null,
            source: source.name,
            content
          }, { ...origin, image_name: image.image_name, board_id: image.board_id ?? null })
          // with the services of the upload: closing the scope asks its journal
          const context = yield* Effect.context()
          yield* Scope.addFinalizer(scope, Effect.provideContext(held.removeHolder(asset.imageName), context))
          slot.asset = asset
          return asset
        })
      )
      return yield* slot.lock.withPermit(Effect.suspend(() => {
        const present = slot.asset
        if (present !== undefined && held.has(present.imageName)) return Effect.succeed(present)
        return acquire
      }))
    }
  )

  const adopt = Effect.fn("Assets.adopt")(
    function*(imageName: string): Effect.fn.Return<Asset, UploadError, Scope.Scope> {
      const image = yield* images.get(imageName).pipe(
        Effect.mapError((error) => fromApi(imageName, error, "ImageMissing"))
      )
      const board_id = image.board_id ?? null
      const id = fingerprint + (yield* random.uuidV4())
      return yield* Effect.acquireRelease(
        Effect.gen(function*() {
          const record = { id, server, image_name: image.image_name, board_id, starred: image.starred ?? false }
          if (!held.has(image.image_name)) {
            yield* ledger.set(record).pipe(Effect.mapError(notRecorded(imageName)))
          }
          return yield* held.addHolder({
            imageName: image.image_name,
            width: image.width,
            height: image.height,
            boardId: board_id,
            source: imageName,
            content: null
          }, record)
        }),
        (asset) => held.removeHolder(asset.imageName)
      )
    }
  )

  /** What the server has of a batch. */
  const stateOf = Effect.fnUntraced(function*(batchId: string) {
    const { completed, canceled, failed, total } = yield* queue.batchStatus(batchId)
    return total === 0 ? "absent" : completed + canceled + failed < total ? "running" : "ended"
  })

  /** Deletes the images of some records that this process does not hold. Outcomes by image name. */
  const deleteRecorded = Effect.fnUntraced(function*(
    records: ReadonlyArray<AssetRecord>,
    isNeeded: (record: AssetRecord, imageName: string | undefined) => Effect.Effect<boolean, InvokeAiError>
  ) {
    const outcomes = new Map<string, DeletionOutcome>()
    const now = yield* Clock.currentTimeMillis
    const unnamed = records.filter((record) => record.image_name === undefined)
    const found = unnamed.length === 0 ? undefined : yield* findRecorded(unnamed)
    for (const record of records) {
      const name = record.image_name ?? found?.get(record.id)?.image_name
      if (name !== undefined && held.has(name)) continue
      if (name === undefined && now < (record.recorded_at ?? 0) + maxArrival) continue
      if (yield* isNeeded(record, name)) {
        if (name !== undefined) outcomes.set(name, kept("NeededByJob"))
        continue
      }
      const outcome = name === undefined ? missing : yield* held.deleteRecorded(name, record)
      if (name !== undefined) outcomes.set(name, outcome)
      if (outcome._tag !== "Failed") yield* ledger.remove(record.id)
    }
    return outcomes
  })

  const recover = Effect.gen(function*() {
    const awaited = yield* imagesOfJournaledJobs
    const now = yield* Clock.currentTimeMillis
    yield* ledger.deleteTemporaryFiles
    const records = (yield* ledger.previousRecords).filter((record) => record.server === server)
    const ids = new Set(records.flatMap(({ batch_id }) => batch_id === undefined ? [] : [batch_id]))
    const states = new Map(
      yield* Effect.forEach(ids, (id) => Effect.map(stateOf(id), (state) => [id, state] as const), { concurrency: 4 })
    )
    return yield* deleteRecorded(records, ({ batch_id, recorded_at = 0 }, name) =>
      Effect.sync(() => {
        if (name !== undefined && awaited.has(name)) return true
        const state = batch_id === undefined ? "ended" : states.get(batch_id)
        // another process may be about to submit the batch
        return state === "running" || (state === "absent" && ledger.isShared && now < recorded_at + maxArrival)
      }))
  }).pipe(Effect.withSpan("Assets.recover"))

  yield* imageUse.onBatchEnd((batchId) =>
    Effect.gen(function*() {
      const records = (yield* ledger.recordsOf(batchId)).filter((record) => record.server === server)
      if (records.length === 0) return
      const outcomes = yield* deleteRecorded(records, () => Effect.succeed(false))
      for (const outcome of outcomes.values()) if (outcome._tag === "Failed") return yield* outcome.error
    })
  )

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
 * The format is detected from the content, not from the name. Within one scope the same bytes with the same options are
 * uploaded once. Where the response to an upload is lost, the image is looked up on the server, so that none stays there
 * unnoticed. Fails with `UploadError`, or `InvalidOption` for an option with an invalid value or an unknown name;
 * everything that can be checked is checked before anything is sent. Route:
 * `POST /api/v1/images/upload`.
 *
 * @category uploads
 * @since 0.1.0
 */
export const uploadFile = Effect.fn("Assets.uploadFile")(
  function*(file: string, options: UploadFileOptions = {}): Effect.fn.Return<
    Asset,
    UploadError | InvalidOption,
    Assets | FileSystem.FileSystem | Path.Path | Scope.Scope
  > {
    yield* Options.check(options, uploadFileRules)
    const { root: confinedTo, ...uploadOptions } = options
    const assets = yield* Assets
    const fs = yield* FileSystem.FileSystem
    const toError = Effect.mapError(fromPlatform(file))
    if (confinedTo !== undefined) {
      const path = yield* Path.Path
      const root = yield* fs.realPath(confinedTo).pipe(toError)
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
    return yield* assets.upload({ name: file, data: fromFile(fs, file, length), length }, uploadOptions)
  }
)

const uploadBytesRules: Options.OptionRules<Parameters<typeof uploadBytes>[1] & object> = {
  ...uploadRules,
  name: Options.text
}

/**
 * Uploads bytes, or a `Blob` or `File` (as a browser gives it), and deletes the image when the scope closes.
 *
 * **Details**
 *
 * As `uploadFile`. `name` is only used in messages.
 *
 * **Example** (Upload bytes for as long as a scope is open)
 *
 * ```ts
 * import * as Assets from "@effect-invokeai/core/assets/Assets"
 * import * as Effect from "effect/Effect"
 *
 * export const size = (bytes: Uint8Array) =>
 *   Effect.scoped(Effect.map(Assets.uploadBytes(bytes), ({ height, width }) => [width, height]))
 * ```
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
    UploadError | InvalidOption,
    Assets | Scope.Scope
  > {
    yield* Options.check(options, uploadBytesRules)
    const { name = "bytes", ...uploadOptions } = options
    const assets = yield* Assets
    return yield* assets.upload({
      name,
      data,
      length: data instanceof Uint8Array ? data.length : data.size
    }, uploadOptions)
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
    image: ImageReference
  ): Effect.fn.Return<Asset, UploadError, Assets | Scope.Scope> {
    const assets = yield* Assets
    return yield* assets.adopt(imageName(image))
  }
)

/**
 * Keeps images from being deleted by this program as long as the scope is open.
 *
 * **When to use**
 *
 * For images that this program puts somewhere else than into the results of its jobs, which are kept as long as the
 * jobs are followed. `owner` is a name that you choose; the id of a batch lets the cleanup of that batch delete them.
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
 * Deletes the uploads of an earlier process that its ledger (`AssetLedger.layerFile`) lists, and returns
 * what became of each image.
 *
 * **Details**
 *
 * Where the program has a `JobJournal`, images that its jobs were given are kept (`NeededByJob`): take the jobs up
 * first (`JobRecovery`), and call this when they are done.
 *
 * An upload that was in flight, and whose image is not on the server, stays in the ledger for one hour, because the
 * server may still receive it. Also deletes the temporary files that downloads of killed processes left
 * (`.invokeai-….part`).
 *
 * **Errors**
 *
 * `InvokeAiError` if the server cannot be asked, `RecordError` if the journal cannot be read.
 *
 * @category combinators
 * @since 0.1.0
 */
export const recover: Effect.Effect<
  ReadonlyMap<string, DeletionOutcome>,
  InvokeAiError | RecordError,
  Assets
> = Effect.flatMap(Assets, (assets) => assets.recover)
