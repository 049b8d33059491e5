import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Metric from "effect/Metric"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import type { UploadData } from "../UploadData.ts"
import * as Metrics from "./Metrics.ts"

interface StreamedFile {
  readonly field: string
  readonly fileName: string
  readonly contentType: string
  readonly stream: Stream.Stream<Uint8Array, unknown>
  readonly size: number | undefined
}

/** The files of forms that are streams, which `FormData` itself cannot hold. */
const streamedFiles = new WeakMap<FormData, StreamedFile>()

/**
 * A form with one file. A `Blob` is read when it is sent; a stream is read while it is sent, and never buffered as a
 * whole.
 *
 * @internal
 */
export const form = (options: {
  readonly field: string
  readonly data: UploadData
  readonly size?: number | undefined
  readonly fileName: string
  readonly contentType: string
  readonly parts?: Readonly<Record<string, string | undefined>>
}): FormData => {
  const { contentType, data, field, fileName } = options
  const formData = new FormData()
  for (const [name, value] of Object.entries(options.parts ?? {})) {
    if (value !== undefined) formData.append(name, value)
  }
  if (Stream.isStream(data)) {
    streamedFiles.set(formData, { field, fileName, contentType, stream: data, size: options.size })
  } else if (data instanceof Blob) {
    formData.append(field, data.type === contentType ? data : data.slice(0, data.size, contentType), fileName)
  } else {
    // a copy, because a Uint8Array may be a view of a shared buffer, which a Blob does not accept
    formData.append(field, new Blob([new Uint8Array(data)], { type: contentType }), fileName)
  }
  return formData
}

const quote = (text: string): string =>
  text.replace(/[\r\n"]/g, (char) => char === "\"" ? "%22" : char === "\r" ? "%0D" : "%0A")

/**
 * Replaces the body of a form that has a streamed file by the multipart stream. Other requests are not changed.
 *
 * @internal
 */
export const withStreamedBody = (
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<HttpClientRequest.HttpClientRequest> => {
  if (request.body._tag !== "FormData") return Effect.succeed(request)
  const { formData } = request.body
  const file = streamedFiles.get(formData)
  if (file === undefined) return Effect.succeed(request)
  return Effect.map(Effect.all([Random.nextInt, Random.nextInt]), ([a, b]) => {
    const boundary = `----effect-invokeai-${Math.abs(a).toString(36)}${Math.abs(b).toString(36)}`
    const encode = (text: string) => new TextEncoder().encode(text)
    const parts = [...formData.entries()].map(([name, value]) =>
      encode(
        `--${boundary}\r\nContent-Disposition: form-data; name="${quote(name)}"\r\n\r\n${
          typeof value === "string" ? value : ""
        }\r\n`
      )
    )
    const head = encode(
      `--${boundary}\r\nContent-Disposition: form-data; name="${quote(file.field)}"; filename="${
        quote(file.fileName)
      }"\r\nContent-Type: ${file.contentType}\r\n\r\n`
    )
    const tail = encode(`\r\n--${boundary}--\r\n`)
    const body = Stream.fromIterable([...parts, head]).pipe(
      Stream.concat(file.stream),
      Stream.concat(Stream.make(tail))
    )
    const length = file.size === undefined
      ? undefined
      : [...parts, head, tail].reduce((sum, part) => sum + part.length, file.size)
    return HttpClientRequest.setBody(
      request,
      HttpBody.stream(body, `multipart/form-data; boundary=${boundary}`, length)
    )
  })
}

/**
 * Counts the bytes of the files of a form. Other requests are not changed.
 *
 * @internal
 */
export const measured = (
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<HttpClientRequest.HttpClientRequest> => {
  const { body } = request
  if (body._tag === "FormData") {
    const files = [...body.formData.values()].filter((value) => typeof value !== "string")
    return Effect.as(Metric.update(Metrics.uploadBytes, files.reduce((sum, file) => sum + file.size, 0)), request)
  }
  if (body._tag !== "Stream" || !body.contentType.startsWith("multipart/")) return Effect.succeed(request)
  return Effect.contextWith((context: Context.Context<never>) => {
    const counted = Stream.map(body.stream, (chunk) => {
      Metrics.uploadBytes.updateUnsafe(chunk.length, context)
      return chunk
    })
    return Effect.succeed(
      HttpClientRequest.setBody(request, HttpBody.stream(counted, body.contentType, body.contentLength))
    )
  })
}

const imageTypes: ReadonlyMap<string, string> = new Map([
  ["png", "image/png"],
  ["jpg", "image/jpeg"],
  ["jpeg", "image/jpeg"],
  ["webp", "image/webp"],
  ["gif", "image/gif"],
  ["bmp", "image/bmp"],
  ["tif", "image/tiff"],
  ["tiff", "image/tiff"],
  ["avif", "image/avif"]
])

/**
 * The content type of an uploaded image: the server accepts only `image/*`, and then checks the content.
 *
 * @internal
 */
export const imageType = (fileName: string, data: UploadData, fallback = "image/png"): string => {
  if (data instanceof Blob && data.type.startsWith("image/")) return data.type
  return imageTypes.get(/\.([a-z0-9]+)$/i.exec(fileName)?.[1]?.toLowerCase() ?? "") ?? fallback
}
