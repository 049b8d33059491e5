import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import { Images } from "@effect-invokeai/core/server/Images"
import { InvokeAiClient } from "@effect-invokeai/core/server/InvokeAiClient"
import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Http from "node:http"
import * as Zlib from "node:zlib"
import { png } from "../media.ts"

/** The length of the chunks in which files are read and written. */
const chunkLength = 512 * 1024

const header = png(64, 64, {}, [1, 2, 3])

/** A PNG with so many bytes between its head and its end, at least 12, each image with other ones. */
const image = (bytes: number, seed: number): Uint8Array => {
  const filler = new Uint8Array(bytes)
  for (let index = 0, state = seed; index < bytes; index++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    filler[index] = state >>> 16
  }
  const chunk = Buffer.from(filler)
  chunk.writeUInt32BE(bytes - 12)
  chunk.write("IDAT", 4, "latin1")
  chunk.writeUInt32BE(Zlib.crc32(chunk.subarray(4, -4)), bytes - 4)
  return Buffer.concat([header.subarray(0, 33), chunk, header.subarray(-12)])
}

/** A server that gives out and takes images, and gives out its document. */
const server = (options: {
  readonly image?: (name: string, response: Http.ServerResponse) => void
  readonly document?: (response: Http.ServerResponse) => void
  readonly upload?: (request: Http.IncomingMessage, answer: (name: string) => void) => void
}) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<Http.Server>((resume) => {
        const dto = (name: string) => ({
          image_name: name,
          image_url: "",
          thumbnail_url: "",
          image_origin: "external",
          image_category: "user",
          width: 64,
          height: 64,
          created_at: "2026-11-22 12:00:00.000",
          updated_at: "2026-11-22 12:00:00.000",
          is_intermediate: true,
          starred: false
        })
        const made = Http.createServer((request, response) => {
          const json = (status: number, body: unknown) =>
            response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body))
          const path = new URL(request.url ?? "/", "http://localhost").pathname
          const [, name = "", full] = /^\/api\/v1\/images\/i\/([^/]+)(\/full)?$/.exec(path) ?? []
          if (path === "/api/v1/images/upload") {
            options.upload?.(request, (uploaded) => json(201, dto(uploaded)))
            return
          }
          request.resume()
          if (path === "/openapi.json") options.document?.(response)
          else if (path === "/api/v1/images/delete") {
            request.on("data", (body: Uint8Array) => {
              const { image_names } = JSON.parse(Buffer.from(body).toString()) as { readonly image_names: unknown }
              json(200, { affected_boards: [], deleted_images: image_names, failed_images: [] })
            })
          } else if (full === undefined) json(200, dto(name))
          else options.image?.(name, response)
        })
        made.listen(0, "127.0.0.1", () => resume(Effect.succeed(made)))
      }),
      (made) =>
        Effect.callback<void>((resume) => {
          made.close(() => resume(Effect.void))
          made.closeAllConnections()
        })
    ),
    (made) => {
      const address = made.address()
      return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`
    }
  )

const temporaryFolder = Effect.flatMap(
  FileSystem.FileSystem,
  (fs) => fs.makeTempDirectoryScoped({ prefix: "effect-invokeai-" })
)

// around the length of a chunk, and of what a socket gives at once
const sizes = [100, 65_491, 65_536, chunkLength - 45, chunkLength - 44, 600_000, 1_000_003, 3 * chunkLength - 45]
const pictures = new Map(sizes.map((size, index) => [`${index}.png`, image(size, index + 1)]))

/** Writes bytes in parts of these lengths, in turn. */
const inParts = (response: Http.ServerResponse, bytes: Uint8Array, lengths: ReadonlyArray<number>) => {
  let turn = 0
  const next = (from: number) => {
    if (from >= bytes.length) return response.end()
    const to = from + lengths[turn++ % lengths.length]!
    response.write(bytes.subarray(from, to), () => setImmediate(() => next(to)))
  }
  next(0)
}

const downloads: ReadonlyArray<readonly [string, (response: Http.ServerResponse, bytes: Uint8Array) => void]> = [
  ["of announced length", (response, bytes) => {
    response.writeHead(200, { "content-type": "image/png", "content-length": bytes.length }).end(bytes)
  }],
  ["of unknown length, in one part", (response, bytes) => {
    response.writeHead(200, { "content-type": "image/png" }).write(bytes)
    response.end()
  }],
  ["of unknown length, in parts of all sizes", (response, bytes) => {
    response.writeHead(200, { "content-type": "image/png" })
    inParts(response, bytes, [70_000, 1, 40_000, 16_384, 3, 65_536])
  }]
]

describe("A download over a real connection", () => {
  for (const [title, answer] of downloads) {
    it.live(`delivers every byte of images ${title}`, () =>
      Effect.scoped(Effect.gen(function*() {
        const url = yield* server({ image: (name, response) => answer(response, pictures.get(name)!) })
        yield* Effect.gen(function*() {
          const fs = yield* FileSystem.FileSystem
          const folder = yield* temporaryFolder
          // three times, so that memory is used again
          for (const round of ["a", "b", "c"]) {
            yield* Downloads.images(pictures.keys(), { directory: `${folder}/${round}`, sync: false })
            for (const [name, bytes] of pictures) {
              const written = yield* fs.readFile(`${folder}/${round}/${name}`)
              assert.isTrue(Buffer.from(bytes).equals(written), `${round}/${name}`)
              const read = yield* Downloads.bytes(name)
              assert.isTrue(Buffer.from(bytes).equals(read), name)
            }
          }
        }).pipe(Effect.provide(NodeInvokeAi.layer({ url })))
      })), 20_000)
  }

  it.live(
    "allocates no more for an image in memory than what arrives, whatever length the server announces",
    () =>
      Effect.scoped(Effect.gen(function*() {
        const bytes = image(100_000, 1)
        const announced = new Map([["known.png", bytes.length], ["absurd.png", 2 ** 50]])
        const url = yield* server({
          image: (name, response) => {
            const length = announced.get(name)
            response.writeHead(200, {
              "content-type": "image/png",
              ...(length === undefined ? {} : { "content-length": length })
            })
            response.write(bytes, () => name === "absurd.png" ? response.destroy() : response.end())
          }
        })
        yield* Effect.gen(function*() {
          for (const name of ["known.png", "unknown.png"]) {
            const read = yield* Downloads.bytes(name)
            assert.isTrue(Buffer.from(bytes).equals(read), name)
            assert.strictEqual(read.buffer.byteLength, bytes.length)
          }
          const error = yield* Effect.flip(Downloads.bytes("absurd.png", { retry: Schedule.recurs(0) }))
          assert.strictEqual("reason" in error && error.reason, "Connection")
        }).pipe(Effect.provide(NodeInvokeAi.layer({ url, retries: 0 })))
      })),
    20_000
  )

  it.live("does not change chunks that a slow consumer keeps", () =>
    Effect.scoped(Effect.gen(function*() {
      const large = [1, 2, 3].map((seed) => image(3_000_000, seed))
      const url = yield* server({
        image: (name, response) => {
          response.writeHead(200, { "content-type": "image/png" })
          // several parts in what the socket gives at once
          inParts(response, large[Number.parseInt(name)]!, [40_000, 9_000, 300, 16_384])
        }
      })
      yield* Effect.gen(function*() {
        const names = large.map((_, index) => `${index}.png`)
        const kept = yield* Effect.forEach(
          names,
          (name) => Stream.runCollect(Stream.tap(Downloads.stream(name), () => Effect.sleep(10))),
          { concurrency: 3 }
        )
        const folder = yield* temporaryFolder
        yield* Downloads.images(names, { directory: folder, sync: false })
        for (const [index, bytes] of large.entries()) {
          assert.isTrue(Buffer.from(bytes).equals(Buffer.concat(kept[index]!)), `${index}`)
        }
      }).pipe(Effect.provide(NodeInvokeAi.layer({ url })))
    })), 20_000)

  it.live(
    "emits disposable chunks, and disposing one does not change the others",
    () =>
      Effect.scoped(Effect.gen(function*() {
        const bytes = image(3_000_000, 1)
        const url = yield* server({
          image: (_, response) => {
            response.writeHead(200, { "content-type": "image/png" })
            inParts(response, bytes, [70_000, 1, 40_000, 16_384, 3, 65_536])
          }
        })
        yield* Effect.gen(function*() {
          const pieces = yield* Stream.runCollect(Downloads.stream("1.png"))
          let disposed = 0
          let offset = 0
          const ends = pieces.map((piece) => offset += piece.length)
          for (const [index, piece] of pieces.entries()) {
            if (index % 2 === 1) continue
            const dispose: unknown = Reflect.get(piece, Symbol.dispose)
            if (typeof dispose !== "function") continue
            Reflect.apply(dispose, piece, [])
            Reflect.apply(dispose, piece, [])
            assert.strictEqual(piece.length, 0)
            disposed++
          }
          assert.isAbove(disposed, 0)
          for (const [index, piece] of pieces.entries()) {
            if (piece.length === 0) continue
            assert.isTrue(
              Buffer.from(piece).equals(bytes.subarray(ends[index]! - piece.length, ends[index])),
              `${index}`
            )
          }
        }).pipe(Effect.provide(NodeInvokeAi.layer({ url })))
      })),
    20_000
  )

  it.live(
    "fails after the idle timeout if its bytes stop, not counting the time of the consumer",
    () =>
      Effect.scoped(Effect.gen(function*() {
        const bytes = image(3_000_000, 1)
        const url = yield* server({
          image: (name, response) => {
            response.writeHead(200, { "content-type": "image/png", "content-length": bytes.length })
            if (name === "stops.png") response.write(bytes.subarray(0, 1_000_000))
            else response.end(bytes)
          }
        })
        yield* Effect.gen(function*() {
          const fs = yield* FileSystem.FileSystem
          const directory = yield* temporaryFolder
          const once = { retry: Schedule.recurs(0) }
          const [elapsed, error] = yield* Effect.timed(
            Effect.flip(Downloads.image("stops.png", { directory, ...once }))
          )
          assert.include(error.message, "300")
          assert.isBelow(Duration.toMillis(elapsed), 3_000)
          assert.deepStrictEqual(yield* fs.readDirectory(directory), [])
          let paused = false
          const length = yield* Downloads.stream("whole.png").pipe(
            Stream.tap(() => {
              if (paused) return Effect.void
              paused = true
              return Effect.sleep(1_000)
            }),
            Stream.runFold(() => 0, (sum, chunk) => sum + chunk.length)
          )
          assert.strictEqual(length, bytes.length)
        }).pipe(Effect.provide(NodeInvokeAi.layer({ url, retries: 0, idleTimeout: 300 })))
      })),
    20_000
  )

  it.live(
    "closes its connection and its file immediately on interruption",
    () =>
      Effect.scoped(Effect.gen(function*() {
        const bytes = image(3_000_000, 1)
        const begun = yield* Deferred.make<void>()
        const closed = yield* Deferred.make<void>()
        const url = yield* server({
          image: (_, response) => {
            response.writeHead(200, { "content-type": "image/png", "content-length": bytes.length })
            response.write(bytes.subarray(0, 2_000_000), () => Deferred.doneUnsafe(begun, Effect.void))
            response.on("close", () => Deferred.doneUnsafe(closed, Effect.void))
          }
        })
        yield* Effect.gen(function*() {
          const fs = yield* FileSystem.FileSystem
          const directory = yield* temporaryFolder
          const fiber = yield* Effect.forkChild(Downloads.image("1.png", { directory }))
          yield* Deferred.await(begun)
          yield* Effect.sleep(100)
          const [elapsed] = yield* Effect.timed(Fiber.interrupt(fiber))
          assert.isBelow(Duration.toMillis(elapsed), 200)
          yield* Effect.timeout(Deferred.await(closed), "200 millis")
          assert.deepStrictEqual(yield* fs.readDirectory(directory), [])
        }).pipe(Effect.provide(NodeInvokeAi.layer({ url })))
      })),
    20_000
  )

  it.live("slows the server down for a slow consumer", () =>
    Effect.scoped(Effect.gen(function*() {
      const bytes = image(60_000_000, 1)
      let written = 0
      const url = yield* server({
        image: (_, response) => {
          response.writeHead(200, { "content-type": "image/png", "content-length": bytes.length })
          const next = (): void => {
            if (written === bytes.length) {
              response.end()
              return
            }
            const part = bytes.subarray(written, written + 1_000_000)
            response.write(part, () => {
              written += part.length
              next()
            })
          }
          next()
        }
      })
      yield* Effect.gen(function*() {
        const first = yield* Deferred.make<void>()
        const goOn = yield* Deferred.make<void>()
        const fiber = yield* Downloads.stream("1.png").pipe(
          Stream.tap(() => Effect.andThen(Deferred.succeed(first, undefined), Deferred.await(goOn))),
          Stream.runFold(() => 0, (sum, chunk) => sum + chunk.length),
          Effect.forkChild
        )
        yield* Deferred.await(first)
        yield* Effect.sleep(300)
        assert.isBelow(written, bytes.length / 2)
        yield* Deferred.succeed(goOn, undefined)
        assert.strictEqual(yield* Fiber.join(fiber), bytes.length)
      }).pipe(Effect.provide(NodeInvokeAi.layer({ url })))
    })), 20_000)
})

describe("A response that is read as a whole", () => {
  // around what waits for a reader, and what a socket gives at once
  const lengths = [1, 1000, 65_000, 65_536, 70_000, 1_000_003]
  const document = (length: number) => ({ paths: {}, filler: "ä".repeat(length) })
  const openApi = Effect.flatMap(InvokeAiClient, (client) => client.call((api) => api.app.openApi({})))
  const layer = (url: string) => NodeInvokeAi.layer({ url, retries: 0 })

  for (const parts of [[10_000_000], [7, 40_000, 1], [16_384]]) {
    it.live(`arrives complete in parts of ${parts.join(", ")}`, () =>
      Effect.scoped(Effect.gen(function*() {
        const waiting = [...lengths]
        const url = yield* server({
          document: (response) => {
            response.writeHead(200, { "content-type": "application/json" })
            inParts(response, Buffer.from(JSON.stringify(document(waiting.shift()!))), parts)
          }
        })
        yield* Effect.gen(function*() {
          for (const length of lengths) assert.deepStrictEqual(yield* openApi, document(length), `${length}`)
        }).pipe(Effect.provide(layer(url)))
      })), 20_000)
  }

  for (const [title, sent] of [["after the head", 0], ["in the middle", 40_000], ["far in", 500_000]] as const) {
    it.live(`fails if it is cut off ${title}, and the next one is read`, () =>
      Effect.scoped(Effect.gen(function*() {
        const bytes = Buffer.from(JSON.stringify(document(1_000_000)))
        let cut = true
        const url = yield* server({
          document: (response) => {
            response.writeHead(200, { "content-type": "application/json", "content-length": bytes.length })
            response.flushHeaders()
            if (!cut) return void response.end(bytes)
            cut = false
            if (sent === 0) setTimeout(() => response.destroy(), 20)
            else response.write(bytes.subarray(0, sent), () => setTimeout(() => response.destroy(), 20))
          }
        })
        yield* Effect.gen(function*() {
          const error = yield* Effect.flip(openApi)
          assert.strictEqual(error.reason._tag, "Transport")
          assert.isTrue(error.isRetryable)
          assert.deepStrictEqual(yield* openApi, document(1_000_000))
        }).pipe(Effect.provide(layer(url)))
      })), 20_000)
  }

  it.live("closes the connection on interruption", () =>
    Effect.scoped(Effect.gen(function*() {
      const closed = yield* Deferred.make<void>()
      const begun = yield* Deferred.make<void>()
      const url = yield* server({
        document: (response) => {
          response.writeHead(200, { "content-type": "application/json" }).write("{", () => {
            Deferred.doneUnsafe(begun, Effect.void)
          })
          response.on("close", () => Deferred.doneUnsafe(closed, Effect.void))
        }
      })
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(openApi)
        yield* Deferred.await(begun)
        yield* Effect.sleep(20)
        yield* Fiber.interrupt(fiber)
        yield* Effect.timeout(Deferred.await(closed), "5 seconds")
      }).pipe(Effect.provide(layer(url)))
    })), 20_000)
})

/** The content of the file in a multipart body. */
const fileOf = (body: Buffer, contentType: string): Buffer => {
  const boundary = /boundary=(.*)$/.exec(contentType)?.[1] ?? ""
  const file = body.indexOf("filename=")
  const start = body.indexOf("\r\n\r\n", file) + 4
  return body.subarray(start, body.indexOf(`\r\n--${boundary}`, start))
}

describe("An upload over a real connection", () => {
  it.live(
    "sends every byte of files with their length, even to a slow server",
    () =>
      Effect.scoped(Effect.gen(function*() {
        // more than the operating system takes without the server
        const files = new Map(
          [12_000_000, 9_000_001, 300, chunkLength].map((size, seed) => [`${seed}.png`, image(size, seed)])
        )
        const bodies: Array<{ readonly file: Buffer; readonly announced: number; readonly came: number }> = []
        const url = yield* server({
          upload: (request, answer) => {
            const parts: Array<Buffer> = []
            setTimeout(() => {
              request.on("data", (part: Buffer) => parts.push(part))
              request.on("end", () => {
                const body = Buffer.concat(parts)
                bodies.push({
                  file: fileOf(body, request.headers["content-type"] ?? ""),
                  announced: Number(request.headers["content-length"]),
                  came: body.length
                })
                answer(`upload-${bodies.length}.png`)
              })
            }, 300)
          }
        })
        yield* Effect.gen(function*() {
          const fs = yield* FileSystem.FileSystem
          const folder = yield* temporaryFolder
          for (const [name, bytes] of files) yield* fs.writeFile(`${folder}/${name}`, bytes)
          for (let round = 0; round < 2; round++) {
            yield* Effect.scoped(Effect.forEach(
              files.keys(),
              (name) => Assets.uploadFile(`${folder}/${name}`),
              { concurrency: 4, discard: true }
            ))
          }
        }).pipe(Effect.provide(NodeInvokeAi.layer({ url })))
        assert.strictEqual(bodies.length, 2 * files.size)
        for (const { announced, came } of bodies) assert.strictEqual(came, announced)
        for (const [name, bytes] of files) {
          assert.strictEqual(bodies.filter(({ file }) => file.equals(bytes)).length, 2, name)
        }
      })),
    20_000
  )

  it.live("stops reading on interruption", () =>
    Effect.scoped(Effect.gen(function*() {
      const begun = yield* Deferred.make<void>()
      const url = yield* server({
        upload: (request) => request.once("data", () => Deferred.doneUnsafe(begun, Effect.void))
      })
      yield* Effect.gen(function*() {
        const images = yield* Images
        let open = 0
        const content = Stream.unwrap(Effect.map(
          Effect.acquireRelease(Effect.sync(() => open++), () => Effect.sync(() => open--)),
          () => Stream.concat(Stream.make(header), Stream.never)
        ))
        const fiber = yield* Effect.forkChild(images.upload({ data: content }))
        yield* Deferred.await(begun)
        assert.strictEqual(open, 1)
        yield* Fiber.interrupt(fiber)
        yield* Effect.sleep(50)
        assert.strictEqual(open, 0)
      }).pipe(Effect.provide(NodeInvokeAi.layer({ url })))
    })))
})
