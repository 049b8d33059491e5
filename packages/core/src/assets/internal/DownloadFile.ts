/**
 * One image to one file: transfer, check, conversion, sidecar, name.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import * as Scope from "effect/Scope"
import { makeDirectories } from "../../internal/makeDirectories.ts"
import * as TemporaryFile from "../../internal/TemporaryFile.ts"
import type { InvokeAiError } from "../../InvokeAiError.ts"
import type { ImageDTO } from "../../server/api/ImagesApi.ts"
import type { VideoDTO } from "../../server/api/VideosApi.ts"
import { Images } from "../../server/Images.ts"
import { AssetLedger } from "../AssetLedger.ts"
import { DownloadError, fromApi, fromPlatform } from "../DownloadError.ts"
import type {
  DownloadedFile,
  DownloadOptions,
  DownloadResult,
  FormatOptions,
  ImageReference,
  RetryOptions
} from "../DownloadOptions.ts"
import { type EncodeOptions, ImageCodec, type ImageCodecError, type ImageFormat } from "../ImageCodec.ts"
import * as Sidecar from "../Sidecar.ts"
import * as AtomicFile from "./AtomicFile.ts"
import { plan, type Planned, provenanceOf, segmentsOf, templateOf, type Wanted } from "./DownloadPlan.ts"
import type * as FileName from "./FileName.ts"
import { imageName, type PixelSize, pixelSize, readFile, withRetry } from "./ImageTransfer.ts"
import { readVideo } from "./VideoTransfer.ts"

/** @internal */
export const encodeOptions = (
  options: FormatOptions,
  format: "jpeg" | "webp"
): EncodeOptions => ({ format, quality: Math.round(options.quality ?? 90), metadata: true })

/** @internal */
export const requireCodec = Effect.fnUntraced(
  function*(name: string, format: ImageFormat): Effect.fn.Return<ImageCodec["Service"], DownloadError> {
    const codec = yield* Effect.serviceOption(ImageCodec)
    if (Option.isSome(codec)) return codec.value
    return yield* new DownloadError({ reason: "CodecMissing", imageName: name, detail: format })
  }
)

/** @internal */
export const encodingError = (name: string) => (cause: ImageCodecError) =>
  new DownloadError({ reason: "Encoding", imageName: name, detail: cause.message, cause })

/** @internal */
export const announcedSize = Effect.fnUntraced(
  function*(reference: ImageReference, options: RetryOptions): Effect.fn.Return<PixelSize, DownloadError, Images> {
    const known = pixelSize(reference)
    if (known !== undefined) return known
    const images = yield* Images
    const name = imageName(reference)
    return yield* images.get(name).pipe(
      Effect.mapError((error) => fromApi(name, error)),
      withRetry(options)
    )
  }
)

/** What the downloads of one call share. `scope` closes when all of them have ended. */
interface Shared {
  readonly options: DownloadOptions
  readonly preparedDirectories: Set<string>
  readonly scope: Scope.Scope
}

const makeDirectory = Effect.fnUntraced(
  function*(name: string, directory: string, shared: Shared): Effect.fn.Return<
    void,
    DownloadError,
    FileSystem.FileSystem | Path.Path
  > {
    if (shared.preparedDirectories.has(directory)) return
    const fs = yield* FileSystem.FileSystem
    const toError = Effect.mapError(fromPlatform(name, directory))
    if (shared.options.createDirectory ?? true) {
      yield* makeDirectories(directory).pipe(
        Effect.catchIf((error) => error.reason._tag === "AlreadyExists", () => Effect.void),
        toError
      )
    }
    const info = yield* fs.stat(directory).pipe(toError)
    if (info.type !== "Directory") {
      return yield* new DownloadError({ reason: "NotADirectory", imageName: name, path: directory })
    }
    if (shared.preparedDirectories.has(directory)) return
    shared.preparedDirectories.add(directory)
    const ledger = yield* AssetLedger
    yield* ledger.useDirectory(directory).pipe(Scope.provide(shared.scope))
    yield* TemporaryFile.deleteAbandoned(directory)
  }
)

/** Fails if the first image would get the name of a file that exists. Most names are known only after the job. */
const checkName = Effect.fnUntraced(function*(template: FileName.Template, options: DownloadOptions) {
  const isKnown = template.segments.flat().every((part) => typeof part === "string" || part.placeholder === "workflow")
  if (!isKnown || (options.ifExists ?? "error") !== "error") return
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = path.join(options.directory, ...segmentsOf(template, { workflow: options.workflow }, options))
  if (yield* Effect.orElseSucceed(fs.exists(file), () => false)) {
    return yield* new DownloadError({ reason: "FileExists", imageName: "", path: file })
  }
})

/**
 * Fails with what would make every download with these options fail, before there is anything to download. Creates nothing.
 *
 * @internal
 */
export const checkTarget = Effect.fnUntraced(
  function*(options: DownloadOptions): Effect.fn.Return<void, DownloadError, FileSystem.FileSystem | Path.Path> {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const template = yield* templateOf(options)
    if (options.format !== undefined && options.format !== "png") yield* requireCodec("", options.format)
    const toError = Effect.mapError(fromPlatform("", options.directory))
    for (let directory = path.resolve(options.directory);; directory = path.dirname(directory)) {
      const isTop = directory === path.dirname(directory)
      const info = yield* Effect.asSome(fs.stat(directory)).pipe(
        Effect.catchIf(
          (error) => error.reason._tag === "NotFound" && (options.createDirectory ?? true) && !isTop,
          () => Effect.succeedNone
        ),
        toError
      )
      if (Option.isNone(info)) continue
      if (info.value.type !== "Directory") {
        return yield* new DownloadError({ reason: "NotADirectory", imageName: "", path: options.directory })
      }
      yield* fs.access(directory, { writable: true }).pipe(toError)
      return yield* checkName(template, options)
    }
  }
)

const sidecarText = Effect.fnUntraced(
  function*(planned: Planned, options: DownloadOptions): Effect.fn.Return<string, DownloadError, Images> {
    const source = planned.videoService ?? (yield* Images)
    const name = imageName(planned.reference)
    const settings: Sidecar.SidecarOptions = typeof options.metadata === "object" ? options.metadata : {}
    const get: Effect.Effect<ImageDTO | VideoDTO, InvokeAiError> = source.get(name)
    const dto = yield* get.pipe(Effect.mapError((error) => fromApi(name, error)), withRetry(options))
    const { graph, inputs, metadata, model, seed, workflow } = yield* provenanceOf(planned, options)
    return Sidecar.toText({
      ...("image_name" in dto ? { image_name: name } : { video_name: name, duration: dto.duration }),
      width: dto.width,
      height: dto.height,
      created_at: DateTime.formatIso(dto.created_at),
      board_id: dto.board_id ?? null,
      node: planned.node,
      item: planned.item,
      inputs,
      seed,
      model,
      metadata,
      ...(settings.graph ?? true ? { graph } : undefined),
      ...(settings.workflow ?? false ? { workflow } : undefined)
    })
  }
)

const sizeOf = (fs: FileSystem.FileSystem, file: string) =>
  Effect.map(fs.stat(file), (info) => Number(info.size.toString()))

/** The size of the file that has the name already, if there is one. What is no file is not taken for one. */
const existingSize = Effect.fnUntraced(
  function*(name: string, path: string): Effect.fn.Return<Option.Option<number>, DownloadError, FileSystem.FileSystem> {
    const fs = yield* FileSystem.FileSystem
    const orMissing = <A>(effect: Effect.Effect<A, PlatformError>) =>
      effect.pipe(
        Effect.asSome,
        Effect.catchIf((error) => error.reason._tag === "NotFound", () => Effect.succeedNone),
        Effect.mapError(fromPlatform(name, path))
      )
    if (Option.isNone(yield* orMissing(fs.lstat(path)))) return Option.none()
    const info = yield* orMissing(fs.stat(path))
    if (Option.isSome(info) && info.value.type === "File") return Option.some(Number(info.value.size.toString()))
    const detail = Option.isNone(info)
      ? "a link to a file that does not exist"
      : info.value.type === "Directory"
      ? "a folder"
      : "not a regular file"
    return yield* new DownloadError({ reason: "FileExists", imageName: name, path, detail })
  }
)

const readImage = Effect.fnUntraced(
  function*(planned: Planned, file: string, { onBytes, options, sync, target }: {
    readonly target: string
    readonly options: DownloadOptions
    readonly sync: boolean
    readonly onBytes: (bytes: number) => Effect.Effect<void>
  }): Effect.fn.Return<{ readonly bytes: number }, DownloadError, Images | FileSystem.FileSystem> {
    let created = false
    const expected = pixelSize(planned.reference)
    const size = yield* Effect.suspend(() =>
      readFile(planned.reference, file, {
        flag: created ? "w" : "wx",
        target,
        onOpen: () => created = true,
        expected,
        sync,
        onBytes
      })
    ).pipe(withRetry(options))
    if (expected === undefined) {
      const announced = yield* announcedSize(planned.reference, options)
      if (announced.width !== size.width || announced.height !== size.height) {
        return yield* new DownloadError({
          reason: "InvalidImage",
          imageName: imageName(planned.reference),
          detail: `expected ${announced.width}x${announced.height} pixels, got ${size.width}x${size.height}`
        })
      }
    }
    return size
  }
)

const downloadOne = Effect.fnUntraced(
  function*(planned: Planned, shared: Shared): Effect.fn.Return<
    ReadonlyArray<DownloadedFile>,
    DownloadError,
    Images | FileSystem.FileSystem | Path.Path
  > {
    const { options } = shared
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const name = imageName(planned.reference)
    const target = path.join(options.directory, ...planned.segments)
    const directory = path.dirname(target)
    const existing = options.ifExists ?? "error"
    const kind = planned.videoService === undefined ? "image" : "video"
    const format = kind === "video" ? "png" : options.format ?? "png"
    const sync = options.sync ?? true
    const toError = Effect.mapError(fromPlatform(name, target))
    const withSidecar = options.metadata !== undefined && options.metadata !== false
    const kept = existingSize(name, target).pipe(
      Effect.map(Option.map((size): ReadonlyArray<DownloadedFile> => [
        { kind, path: target, size, imageName: name, written: false }
      ]))
    )

    const codec = format === "png" ? undefined : yield* requireCodec(name, format)
    yield* makeDirectory(name, directory, shared)
    if (existing === "skip") {
      const files = yield* kept
      if (Option.isSome(files)) return files.value
    }
    if (existing === "error") {
      for (const candidate of withSidecar ? [target, `${target}.json`] : [target]) {
        if (Option.isSome(yield* existingSize(name, candidate))) {
          return yield* new DownloadError({ reason: "FileExists", imageName: name, path: candidate })
        }
      }
    }

    return yield* Effect.scoped(Effect.gen(function*() {
      const raw = yield* TemporaryFile.make(directory)
      const onBytes = (bytes: number) =>
        options.onProgress?.({ _tag: "Downloading", imageName: name, bytes }) ?? Effect.void
      const size = yield* planned.videoService === undefined
        ? readImage(planned, raw, { target, options, sync: sync && codec === undefined, onBytes })
        : readVideo(planned.videoService, name, raw, { target, retry: options, sync, onBytes })

      let content = raw
      if (codec !== undefined && format !== "png") {
        content = yield* TemporaryFile.make(directory)
        yield* codec.encodeFile(raw, content, encodeOptions(options, format)).pipe(
          Effect.mapError(encodingError(name))
        )
        if (sync) yield* AtomicFile.sync(content).pipe(toError)
      }
      const sidecar = withSidecar
        ? yield* Effect.flatMap(
          sidecarText(planned, options),
          (text) => TemporaryFile.makeText(directory, text, { sync }).pipe(toError)
        )
        : undefined
      const bytes = codec === undefined ? size.bytes : yield* sizeOf(fs, content).pipe(toError)
      const sidecarBytes = sidecar === undefined ? 0 : yield* sizeOf(fs, sidecar).pipe(toError)
      const placed = yield* AtomicFile.commit(
        [
          ...(sidecar === undefined ? [] : [{ temporary: sidecar, suffix: ".json" }]),
          { temporary: content, suffix: "" }
        ],
        target,
        existing
      ).pipe(toError)
      if (!placed.written) return Option.getOrElse(yield* kept, () => [])
      const files: Array<DownloadedFile> = [
        { kind, path: placed.path, size: bytes, imageName: name, written: true }
      ]
      if (sidecar !== undefined) {
        files.push({
          kind: "metadata",
          path: `${placed.path}.json`,
          size: sidecarBytes,
          imageName: name,
          written: true
        })
      }
      return files
    }))
  }
)

/** @internal */
export const total = (files: ReadonlyArray<DownloadedFile>): DownloadResult => {
  const written = files.filter((file) => file.kind !== "metadata" && file.written)
  return {
    files,
    images: written.filter((file) => file.kind === "image").length,
    videos: written.filter((file) => file.kind === "video").length,
    bytes: written.reduce((sum, file) => sum + file.size, 0)
  }
}

/** @internal */
export const downloadAll = Effect.fnUntraced(
  function*(wanted: ReadonlyArray<Wanted>, options: DownloadOptions): Effect.fn.Return<
    ReadonlyArray<ReadonlyArray<DownloadedFile>>,
    DownloadError,
    Images | FileSystem.FileSystem | Path.Path | Scope.Scope
  > {
    const shared: Shared = { options, preparedDirectories: new Set(), scope: yield* Effect.scope }
    const planned = yield* plan(wanted, options)
    let done = 0
    return yield* Effect.forEach(planned, (each) =>
      downloadOne(each, shared).pipe(
        Effect.tap((files) =>
          Effect.suspend(() => {
            done++
            return options.onProgress?.({
              _tag: "Downloaded",
              imageName: imageName(each.reference),
              files,
              done,
              total: planned.length
            }) ?? Effect.void
          })
        )
      ), { concurrency: options.concurrency ?? 4 })
  },
  (downloads) => Effect.scoped(downloads)
)
