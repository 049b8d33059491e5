/**
 * Uploads the images among the values of a run.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import * as FileSystem from "effect/FileSystem"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Assets from "../assets/Assets.ts"
import type { InkField } from "../field/InkField.ts"
import type { InvalidOption } from "../InvalidOption.ts"

/** Where an image comes from that is not on the server yet. */
type Source =
  | { readonly _tag: "Bytes"; readonly data: Uint8Array | Blob }
  | { readonly _tag: "DataUrl"; readonly url: string }
  | { readonly _tag: "Url"; readonly url: string }
  | { readonly _tag: "FileUrl"; readonly url: string }
  | { readonly _tag: "File"; readonly path: string }
  /** A file, or else the name of an image on the server. */
  | { readonly _tag: "Name"; readonly name: string }

const sourceOf = (value: unknown): Source | undefined => {
  if (value instanceof Uint8Array) return { _tag: "Bytes", data: value }
  if (value instanceof ArrayBuffer) return { _tag: "Bytes", data: new Uint8Array(value) }
  if (typeof Blob === "function" && value instanceof Blob) return { _tag: "Bytes", data: value }
  const text = value instanceof URL ? value.href : value
  if (typeof text !== "string" || text.trim() === "") return undefined
  if (/^data:/i.test(text)) return { _tag: "DataUrl", url: text }
  if (/^https?:/i.test(text)) return { _tag: "Url", url: text }
  if (/^file:/i.test(text)) return { _tag: "FileUrl", url: text }
  return /[\\/]/.test(text) ? { _tag: "File", path: text } : { _tag: "Name", name: text }
}

/** A value with something in place of each image that has a source. */
const mapImages = <E, R>(
  field: InkField,
  value: unknown,
  replace: (source: Source) => Effect.Effect<unknown, E, R>
): Effect.Effect<unknown, E, R> => {
  const one = (item: unknown): Effect.Effect<unknown, E, R> => {
    const source = sourceOf(item)
    return source === undefined ? Effect.succeed(item) : replace(source)
  }
  if (field._tag === "InkImageField") return one(value)
  return field._tag === "InkImageCollectionField" && Array.isArray(value)
    ? Effect.forEach(value, one, { concurrency: 4 })
    : Effect.succeed(value)
}

/**
 * The value with the name of some image in place of each that has to be uploaded.
 *
 * **When to use**
 *
 * To check a value before anything is sent.
 *
 * **Example** (A value that is not an image stays as it is)
 *
 * ```ts
 * import * as Run from "@effect-invokeai/core/run/Run"
 * import { getInput, setInput, type Workflow } from "@effect-invokeai/core/workflow/Workflow"
 * import * as Effect from "effect/Effect"
 *
 * export const check = Effect.fn(function*(workflow: Workflow, name: string, value: unknown) {
 *   const { field } = yield* getInput(workflow, name)
 *   yield* setInput(workflow, name, yield* Run.withoutSources(field, value))
 * })
 * ```
 *
 * @category inputs
 * @since 0.1.0
 */
export const withoutSources = (field: InkField, value: unknown): Effect.Effect<unknown> =>
  mapImages(field, value, (source) => Effect.succeed(source._tag === "Name" ? source.name : "upload.png"))

const maxBytes = 512 * 1024 * 1024

/** Maximum time of the download of a URL, the same as that of an upload. */
const timeout = "10 minutes"

/** URLs in messages have no credentials, query or content. */
const shown = (url: string): string =>
  Result.match(Result.try(() => new URL(url)), {
    onFailure: () => "the URL",
    onSuccess: ({ host, pathname, protocol }) =>
      protocol === "data:" ? "the data URL" : `${protocol}//${host}${pathname}`
  })

const fetched = Effect.fnUntraced(function*(url: string): Effect.fn.Return<Uint8Array, Assets.UploadError> {
  const source = shown(url)
  const unreadable = (detail: string) => new Assets.UploadError({ reason: "Download", source, detail })
  const parsed = Option.getOrUndefined(Option.liftThrowable(() => new URL(url))())
  if (parsed === undefined) return yield* unreadable("it is not a valid URL")
  if (parsed.username !== "" || parsed.password !== "") {
    return yield* unreadable("it contains credentials; read it in your program and use its bytes")
  }
  const tooLarge = new Assets.UploadError({ reason: "TooLarge", source, detail: `more than ${maxBytes} bytes` })
  const download = Effect.gen(function*() {
    const client = yield* HttpClient.HttpClient
    const response = yield* HttpClient.filterStatusOk(client).get(url)
    if (Number(response.headers["content-length"]) > maxBytes) return yield* tooLarge
    const chunks: Array<Uint8Array> = []
    let length = 0
    yield* Stream.runForEach(response.stream, (chunk) => {
      length += chunk.length
      chunks.push(chunk)
      return length <= maxBytes ? Effect.void : Effect.fail(tooLarge)
    })
    const bytes = new Uint8Array(length)
    let at = 0
    for (const chunk of chunks) {
      bytes.set(chunk, at)
      at += chunk.length
    }
    return bytes
  }).pipe(
    Effect.scoped,
    // neither the error nor a span of the request is kept: both contain the complete URL, which may contain a key
    Effect.mapError((error) => {
      if (error._tag === "UploadError") return error
      return unreadable(
        error.reason._tag === "StatusCodeError"
          ? `the response has the status ${error.reason.response.status}`
          : "no complete response"
      )
    }),
    Effect.provideService(HttpClient.TracerDisabledWhen, () => true),
    Effect.timeoutOrElse({
      duration: timeout,
      orElse: () =>
        Effect.fail(new Assets.UploadError({ reason: "Timeout", source, detail: "its URL was not read in time" }))
    })
  )
  const own = yield* Effect.serviceOption(HttpClient.HttpClient)
  return yield* Option.match(own, {
    onSome: (client) => Effect.provideService(download, HttpClient.HttpClient, client),
    onNone: () => Effect.provide(download, FetchHttpClient.layer)
  })
})

const decoded = (url: string): Result.Result<Uint8Array, Assets.UploadError> => {
  const content = /^data:[^,]*;base64,(.*)$/is.exec(url)?.[1]
  const bytes = content === undefined ? undefined : Base64.decode(content.replaceAll(/\s/g, ""))
  return bytes === undefined || Result.isFailure(bytes)
    ? Result.fail(
      new Assets.UploadError({ reason: "NotAnImage", source: shown(url), detail: "it is not valid base64" })
    )
    : Result.succeed(bytes.success)
}

const upload = (source: Source): Effect.Effect<
  unknown,
  Assets.UploadError | InvalidOption,
  Assets.Assets | FileSystem.FileSystem | Path.Path | Scope.Scope
> => {
  switch (source._tag) {
    case "Bytes":
      return Assets.uploadBytes(source.data)
    case "DataUrl":
      return Effect.flatMap(
        Effect.fromResult(decoded(source.url)),
        (bytes) => Assets.uploadBytes(bytes, { name: shown(source.url) })
      )
    case "Url":
      return Effect.flatMap(fetched(source.url), (bytes) => Assets.uploadBytes(bytes, { name: shown(source.url) }))
    case "FileUrl":
      return Path.Path.pipe(
        Effect.flatMap((path) => path.fromFileUrl(new URL(source.url))),
        Effect.mapError((cause) => new Assets.UploadError({ reason: "FileMissing", source: source.url, cause })),
        Effect.flatMap((path) => Assets.uploadFile(path))
      )
    case "File":
      return Assets.uploadFile(source.path)
    case "Name":
      return Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const isFile = yield* Effect.orElseSucceed(fs.exists(source.name), () => false)
        return isFile ? yield* Assets.uploadFile(source.name) : source.name
      })
  }
}

/**
 * The value with an uploaded image in place of each path, URL, data URL and content. The images are deleted when the scope
 * closes.
 *
 * **Errors**
 *
 * `UploadError` if an image cannot be read or uploaded.
 *
 * **Example** (An input from a file)
 *
 * ```ts
 * import * as Run from "@effect-invokeai/core/run/Run"
 * import { getInput, setInput, type Workflow } from "@effect-invokeai/core/workflow/Workflow"
 * import * as Effect from "effect/Effect"
 *
 * export const withPhoto = Effect.fn(function*(workflow: Workflow, name: string, path: string) {
 *   const { field } = yield* getInput(workflow, name)
 *   return yield* setInput(workflow, name, yield* Run.uploadSources(field, path))
 * })
 * ```
 *
 * @category inputs
 * @since 0.1.0
 */
export const uploadSources = (field: InkField, value: unknown): Effect.Effect<
  unknown,
  Assets.UploadError | InvalidOption,
  Assets.Assets | FileSystem.FileSystem | Path.Path | Scope.Scope
> => mapImages(field, value, upload)
