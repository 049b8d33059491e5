import { type DownloadError, type DownloadErrorReason, ImageCodec } from "@effect-invokeai/core/assets/Downloads"
import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import type { InvalidOption } from "@effect-invokeai/core/InvokeAiError"
import type { Images } from "@effect-invokeai/core/server/Images"
import type { Videos } from "@effect-invokeai/core/server/Videos"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Path from "effect/Path"
import * as PlatformError from "effect/PlatformError"
import * as Schedule from "effect/Schedule"
import type { Scope } from "effect/Scope"
import * as Stream from "effect/Stream"
import { png } from "../media.ts"
import { apiError, FakeServer, files, listing } from "./fakes.ts"
import { imageOutput, outputsOf } from "./outputs.ts"

type Needs = Images | Videos | FileSystem.FileSystem | Path.Path

const temporaryFolder = Effect.flatMap(
  FileSystem.FileSystem,
  (fs) => fs.makeTempDirectoryScoped({ prefix: "effect-invokeai-" })
)

/** Runs a test on a fake server and in a folder of its own. */
const inFolder = <A, E>(
  server: FakeServer,
  test: (folder: string, fs: FileSystem.FileSystem) => Effect.Effect<A, E, Needs | Scope>
) =>
  Effect.scoped(Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    return yield* test(yield* temporaryFolder, fs)
  })).pipe(Effect.provide([server.layer, files]))

const soon = Schedule.recurs(3)
const quick = { retry: soon, notFoundRetry: soon } as const

const fails = <A, R>(effect: Effect.Effect<A, DownloadError | InvalidOption, R>, reason: DownloadErrorReason) =>
  Effect.map(Effect.flip(effect), (error) => {
    assert.ok(error._tag === "DownloadError")
    assert.strictEqual(error.reason, reason, error.message)
    return error
  })

describe("Downloads.outputs", () => {
  it.live("writes complete images and sidecars, and returns their sizes", () => {
    const server = new FakeServer()
    const bytes = png(64, 32)
    server.add("a.png", bytes, { board_id: "b-1", session_id: "s-1" }, {
      metadata: { seed: 7, model: { name: "tiny" }, positive_prompt: "hills" },
      graph: { nodes: {} }
    })
    return inFolder(server, (folder, fs) =>
      Effect.gen(function*() {
        const outputs = outputsOf([
          imageOutput("a.png", { nodeLabel: "Save", nodeType: "save_image", width: 64, height: 32 })
        ])
        const result = yield* Downloads.outputs(outputs, {
          directory: `${folder}/new/deep`,
          metadata: true
        })
        assert.deepStrictEqual(result.files.map((file) => [file.kind, file.path, file.written]), [
          ["image", `${folder}/new/deep/a.png`, true],
          ["metadata", `${folder}/new/deep/a.png.json`, true]
        ])
        assert.strictEqual(result.images, 1)
        assert.strictEqual(result.bytes, bytes.length)
        assert.deepStrictEqual(new Uint8Array(yield* fs.readFile(`${folder}/new/deep/a.png`)), bytes)
        const text = yield* fs.readFileString(`${folder}/new/deep/a.png.json`)
        assert.strictEqual(result.files[1]?.size, text.length)
        assert.deepStrictEqual(JSON.parse(text), {
          image_name: "a.png",
          width: 64,
          height: 32,
          created_at: "2026-11-22T12:00:00.000Z",
          board_id: "b-1",
          node: { id: "node-1", label: "Save", type: "save_image", index: 0, iteration: [] },
          item: {
            item_id: 1,
            session_id: "s-1",
            batch_id: "batch-1",
            item_index: 0,
            execution_time: 2.5,
            field_values: [{ node: "noise", field: "seed", value: 7 }]
          },
          inputs: null,
          seed: 7,
          model: { name: "tiny" },
          metadata: { seed: 7, model: { name: "tiny" }, positive_prompt: "hills" },
          graph: { nodes: {} }
        })
        assert.deepStrictEqual(yield* listing(`${folder}/new/deep`), ["a.png", "a.png.json"])
      }))
  })

  it.live("downloads the final images, all images, or those that a function selects", () => {
    const server = new FakeServer()
    for (const name of ["a.png", "b.png"]) server.add(name, png(8, 8))
    const outputs = outputsOf([
      imageOutput("a.png", { isIntermediate: true }),
      imageOutput("b.png"),
      imageOutput("b.png", { nodeId: "node-2" })
    ])
    return inFolder(server, (folder) =>
      Effect.gen(function*() {
        const final = yield* Downloads.outputs(outputs, { directory: `${folder}/final` })
        const all = yield* Downloads.outputs(outputs, { directory: `${folder}/all`, images: "all" })
        const picked = yield* Downloads.outputs(outputs, {
          directory: `${folder}/picked`,
          images: (image) => image.isIntermediate
        })
        assert.deepStrictEqual([final, all, picked].map((result) => result.files.map((file) => file.imageName)), [
          ["b.png"],
          ["a.png", "b.png"],
          ["a.png"]
        ])
      }))
  })

  it.live("names files by a template, and numbers files that would collide", () => {
    const server = new FakeServer()
    for (const name of ["a.png", "b.png", "c.png"]) server.add(name, png(8, 8), {}, { metadata: { seed: 42 } })
    const outputs = outputsOf([
      imageOutput("a.png", { nodeLabel: "../Sky/é" }),
      imageOutput("b.png", { nodeLabel: "../SKY/É", index: 1 }),
      imageOutput("c.png", { nodeLabel: "", nodeType: "save_image", index: 2, itemId: 5 })
    ])
    return inFolder(server, (folder) =>
      Effect.gen(function*() {
        yield* Downloads.outputs(outputs, { directory: folder, template: "{batch}/{label}" })
        yield* Downloads.outputs(outputs, { directory: folder, template: "{index:2} {seed} {item}", concurrency: 1 })
        assert.deepStrictEqual(
          yield* listing(folder),
          [
            "00 7 1.png",
            "01 7 1.png",
            "02 42 5.png",
            "batch-1",
            "batch-1/__SKY_É-2.png",
            "batch-1/__Sky_é.png",
            "batch-1/save_image.png"
          ].toSorted()
        )
      }))
  })

  it.live("never writes outside the directory, whatever the server calls an image", () => {
    const server = new FakeServer()
    const names = ["../../escape.png", "/etc/x.png", "C:\\x.png", "nul.png", `${"n".repeat(300)}.png`, "a\0b.png", ".."]
    for (const name of names) server.add(name, png(8, 8))
    return inFolder(server, (folder, fs) =>
      Effect.gen(function*() {
        yield* fs.makeDirectory(`${folder}/in/side`, { recursive: true })
        const { files } = yield* Downloads.images(names, { directory: `${folder}/in/side` })
        assert.strictEqual(files.length, names.length)
        const here = yield* listing(folder)
        assert.strictEqual(here.filter((file) => !file.startsWith("in/side/")).join(), "in,in/side")
        assert.strictEqual(new Set(files.map((file) => file.path)).size, names.length)
        assert.isTrue(here.every((file) => Buffer.byteLength(file) < 255))
      }))
  })

  it.live("downloads many jobs into a directory per workflow and batch, with totals", () => {
    const server = new FakeServer()
    for (const name of ["a.png", "b.png"]) server.add(name, png(8, 8))
    return inFolder(server, (folder) =>
      Effect.gen(function*() {
        const result = yield* Downloads.many([
          { workflow: "flux/1", outputs: outputsOf([imageOutput("a.png")], { batchId: "x" }) },
          { workflow: "flux/1", outputs: outputsOf([imageOutput("b.png")], { batchId: "y" }) }
        ], { directory: folder, template: "{label}" })
        assert.strictEqual(result.workflows, 2)
        assert.strictEqual(result.images, 2)
        assert.strictEqual(result.bytes, 2 * png(8, 8).length)
        assert.deepStrictEqual(yield* listing(folder), [
          "flux_1",
          "flux_1/x",
          "flux_1/x/Save.png",
          "flux_1/y",
          "flux_1/y/Save.png"
        ])
      }))
  })

  it.live("emits its progress as a stream", () => {
    const server = new FakeServer()
    server.add("a.png", png(8, 8))
    server.add("b.png", png(8, 8))
    return inFolder(server, (folder) =>
      Effect.gen(function*() {
        const events = yield* Stream.runCollect(
          Downloads.outputsProgress(outputsOf([imageOutput("a.png"), imageOutput("b.png")]), {
            directory: folder,
            concurrency: 1
          })
        )
        assert.deepStrictEqual(events.map((event) => [event._tag, event.imageName]), [
          ["Downloading", "a.png"],
          ["Downloaded", "a.png"],
          ["Downloading", "b.png"],
          ["Downloaded", "b.png"]
        ])
        const failure = yield* Downloads.outputsProgress(outputsOf([imageOutput("a.png")]), { directory: folder }).pipe(
          Stream.runDrain,
          Effect.flip
        )
        assert.ok(failure._tag === "DownloadError")
        assert.strictEqual(failure.reason, "FileExists")
      }))
  })
})

describe("Downloads: files that exist", () => {
  const prepared = (
    test: (folder: string, fs: FileSystem.FileSystem, server: FakeServer) => Effect.Effect<void, unknown, Needs | Scope>
  ) => {
    const server = new FakeServer()
    server.add("a.png", png(8, 8))
    return inFolder(
      server,
      (folder, fs) => Effect.andThen(fs.writeFileString(`${folder}/a.png`, "mine"), test(folder, fs, server))
    )
  }

  it.live("are an error by default, before any transfer", () =>
    prepared((folder, fs, server) =>
      Effect.gen(function*() {
        const error = yield* fails(Downloads.image("a.png", { directory: folder }), "FileExists")
        assert.strictEqual(error.path, `${folder}/a.png`)
        assert.deepStrictEqual(server.calls, [])
        assert.strictEqual(yield* fs.readFileString(`${folder}/a.png`), "mine")
        assert.deepStrictEqual(yield* listing(folder), ["a.png"])
      })
    ))

  it.live("are an error even if only the sidecar exists", () =>
    prepared((folder, fs) =>
      Effect.gen(function*() {
        yield* fs.rename(`${folder}/a.png`, `${folder}/a.png.json`)
        yield* fails(Downloads.image("a.png", { directory: folder, metadata: true }), "FileExists")
        assert.deepStrictEqual(yield* listing(folder), ["a.png.json"])
      })
    ))

  it.live("are kept with skip", () =>
    prepared((folder, fs, server) =>
      Effect.gen(function*() {
        const result = yield* Downloads.image("a.png", { directory: folder, ifExists: "skip", metadata: true })
        assert.deepStrictEqual(result, {
          files: [{ kind: "image", path: `${folder}/a.png`, size: 4, imageName: "a.png", written: false }],
          images: 0,
          videos: 0,
          bytes: 0
        })
        assert.strictEqual(yield* fs.readFileString(`${folder}/a.png`), "mine")
        assert.deepStrictEqual(server.calls, [])
      })
    ))

  it.live("that are directories or broken links are an error with skip and with error, before any request", () =>
    prepared((folder, fs, server) =>
      Effect.gen(function*() {
        yield* fs.remove(`${folder}/a.png`)
        for (const existing of ["skip", "error"] as const) {
          yield* fs.makeDirectory(`${folder}/a.png`)
          const directory = yield* fails(
            Downloads.image("a.png", { directory: folder, ifExists: existing }),
            "FileExists"
          )
          assert.include(directory.message, "a folder")
          yield* fs.remove(`${folder}/a.png`, { recursive: true })
          yield* fs.symlink(`${folder}/nothing`, `${folder}/a.png`)
          const link = yield* fails(Downloads.image("a.png", { directory: folder, ifExists: existing }), "FileExists")
          assert.include(link.message, "a link to a file that does not exist")
          yield* fs.remove(`${folder}/a.png`)
        }
        assert.deepStrictEqual(server.calls, [])
        yield* fs.writeFileString(`${folder}/mine.png`, "mine")
        yield* fs.symlink(`${folder}/mine.png`, `${folder}/a.png`)
        const kept = yield* Downloads.image("a.png", { directory: folder, ifExists: "skip" })
        assert.deepStrictEqual(kept.files.map(({ size, written }) => ({ size, written })), [{
          size: 4,
          written: false
        }])
      })
    ))

  it.live("below a directory that accepts no entries are an error immediately", () =>
    prepared((folder, fs) =>
      Effect.gen(function*() {
        const takesNone = FileSystem.make({
          ...fs,
          makeDirectory: (path, options) =>
            options?.recursive === true
              ? Effect.never
              : path.startsWith(`${folder}/proc`)
              ? fs.makeDirectory(`${folder}/nothing/there`)
              : fs.makeDirectory(path)
        })
        yield* fs.makeDirectory(`${folder}/proc`)
        for (const directory of [`${folder}/proc/x`, `${folder}/proc/x/y`]) {
          yield* fails(Downloads.image("a.png", { directory }), "DirectoryMissing").pipe(
            Effect.provideService(FileSystem.FileSystem, takesNone)
          )
        }
      })
    ))

  it.live("are written below a directory that another process creates at the same moment", () =>
    prepared((folder, fs) =>
      Effect.gen(function*() {
        const together = FileSystem.make({
          ...fs,
          makeDirectory: (path, options) =>
            Effect.tapError(fs.makeDirectory(path, options), () => Effect.ignore(fs.makeDirectory(`${folder}/x`)))
        })
        yield* Downloads.image("a.png", { directory: `${folder}/x/y` }).pipe(
          Effect.provideService(FileSystem.FileSystem, together)
        )
        assert.isTrue(yield* fs.exists(`${folder}/x/y/a.png`))
      })
    ))

  it.live("that are directories are kept with overwrite, without a sidecar next to them", () =>
    prepared((folder, fs) =>
      Effect.gen(function*() {
        yield* fs.remove(`${folder}/a.png`)
        yield* fs.makeDirectory(`${folder}/a.png`)
        yield* fails(Downloads.image("a.png", { directory: folder, ifExists: "overwrite", metadata: true }), "File")
        assert.deepStrictEqual(yield* listing(folder), ["a.png"])
      })
    ))

  it.live("that are not regular files and appear during the download are an error with skip", () =>
    prepared((folder, fs, server) =>
      Effect.gen(function*() {
        yield* fs.remove(`${folder}/a.png`)
        server.faults.full = (image) =>
          Stream.fromEffect(Effect.orDie(fs.symlink(`${folder}/nothing`, `${folder}/a.png`))).pipe(
            Stream.drain,
            Stream.concat(Stream.make(image.bytes))
          )
        yield* fails(Downloads.image("a.png", { directory: folder, ifExists: "skip" }), "FileExists")
        assert.deepStrictEqual(yield* listing(folder), ["a.png"])
      })
    ))

  it.live("leave no image without its sidecar with skip", () =>
    prepared((folder, fs) =>
      Effect.gen(function*() {
        yield* fs.remove(`${folder}/a.png`)
        yield* fs.makeDirectory(`${folder}/a.png.json/full`, { recursive: true })
        const options = { directory: folder, ifExists: "skip", metadata: true } as const
        assert.strictEqual((yield* Effect.result(Downloads.image("a.png", options)))._tag, "Failure")
        assert.deepStrictEqual(yield* listing(folder), ["a.png.json", "a.png.json/full"])
      })
    ))

  it.live("keep their names with rename, and sidecars match their images", () =>
    prepared((folder, fs) =>
      Effect.gen(function*() {
        yield* fs.writeFileString(`${folder}/a-2.png.json`, "mine too")
        const options = { directory: folder, ifExists: "rename", metadata: true } as const
        const first = yield* Downloads.image("a.png", options)
        const second = yield* Downloads.image("a.png", options)
        assert.deepStrictEqual([...first.files, ...second.files].map((file) => file.path.slice(folder.length + 1)), [
          "a-3.png",
          "a-3.png.json",
          "a-4.png",
          "a-4.png.json"
        ])
        assert.strictEqual(yield* fs.readFileString(`${folder}/a-2.png.json`), "mine too")
        assert.strictEqual(yield* fs.readFileString(`${folder}/a.png`), "mine")
        assert.isFalse(yield* fs.exists(`${folder}/a-2.png`))
      })
    ))

  it.live("are replaced with overwrite", () =>
    prepared((folder, fs) =>
      Effect.gen(function*() {
        yield* Downloads.image("a.png", { directory: folder, ifExists: "overwrite" })
        assert.deepStrictEqual(new Uint8Array(yield* fs.readFile(`${folder}/a.png`)), png(8, 8))
        assert.deepStrictEqual(yield* listing(folder), ["a.png"])
      })
    ))

  it.live("are never replaced if another process writes them during the download", () => {
    const server = new FakeServer()
    server.add("a.png", png(8, 8))
    return inFolder(server, (folder, fs) =>
      Effect.gen(function*() {
        server.faults.full = (image) =>
          Stream.fromEffect(Effect.orDie(fs.writeFileString(`${folder}/a.png`, "theirs"))).pipe(
            Stream.drain,
            Stream.concat(Stream.make(image.bytes))
          )
        yield* fails(Downloads.image("a.png", { directory: folder, metadata: true }), "FileExists")
        assert.strictEqual(yield* fs.readFileString(`${folder}/a.png`), "theirs")
        assert.deepStrictEqual(yield* listing(folder), ["a.png"])
      }))
  })
})

describe("Downloads: faults of the server", () => {
  const server = () => {
    const fake = new FakeServer()
    fake.add("a.png", png(64, 64))
    return fake
  }
  const cut = (bytes: Uint8Array, at: number) => bytes.subarray(0, at)

  it.live("retry a connection that is cut again and again", () => {
    const fake = server()
    fake.faults.full = (image) => Stream.concat(Stream.make(cut(image.bytes, 60)), Stream.fail(apiError("Transport")))
    return inFolder(fake, (folder) =>
      Effect.gen(function*() {
        const error = yield* fails(Downloads.image("a.png", { directory: folder, ...quick }), "Connection")
        assert.strictEqual(error.cause instanceof Error ? error.cause.name : "", "InvokeAiError")
        assert.strictEqual(fake.calls.filter((call) => call === "full a.png").length, 4)
        assert.deepStrictEqual(yield* listing(folder), [])
      }))
  })

  it.live("retry a connection that is cut once", () => {
    const fake = server()
    let times = 0
    fake.faults.full = (image) =>
      times++ === 0
        ? Stream.concat(Stream.make(cut(image.bytes, 60)), Stream.fail(apiError("Transport")))
        : undefined
    return inFolder(fake, (folder, fs) =>
      Effect.gen(function*() {
        yield* Downloads.image("a.png", { directory: folder, ...quick })
        assert.deepStrictEqual(new Uint8Array(yield* fs.readFile(`${folder}/a.png`)), png(64, 64))
      }))
  })

  it.live.each<readonly [string, number]>([["nothing", 0], ["five bytes", 5], ["the head", 40], ["no end", -12]])(
    "never write a PNG of which %s arrived",
    ([, length]) => {
      const fake = server()
      fake.faults.full = (image) =>
        length === 0 ? Stream.empty : Stream.make(cut(image.bytes, length < 0 ? image.bytes.length + length : length))
      return inFolder(fake, (folder) =>
        Effect.gen(function*() {
          yield* fails(Downloads.image("a.png", { directory: folder, ...quick }), "Truncated")
          yield* fails(Downloads.bytes("a.png", quick), "Truncated")
          yield* fails(Stream.runDrain(Downloads.stream("a.png")), "Truncated")
          assert.deepStrictEqual(yield* listing(folder), [])
        }))
    }
  )

  it.live("never write a PNG with missing or changed bytes between its ends", () => {
    const fake = server()
    const whole = png(64, 64)
    const faulty: ReadonlyArray<readonly [string, Uint8Array]> = [
      ["middle missing", Uint8Array.from([...whole.subarray(0, 60), ...whole.subarray(90)])],
      ["bytes between two chunks missing", Uint8Array.from([...whole.subarray(0, 25), ...whole.subarray(-12)])],
      ["a chunk missing its checksum", Uint8Array.from([...whole.subarray(0, -16), ...whole.subarray(-12)])],
      ["bytes after its end", Uint8Array.from([...whole, 0])],
      ...Array.from(
        { length: whole.length - 24 },
        (_, at): readonly [string, Uint8Array] => [`byte ${at + 24} changed`, whole.with(at + 24, whole[at + 24]! ^ 1)]
      )
    ]
    return inFolder(fake, (folder) =>
      Effect.gen(function*() {
        for (const [name, bytes] of faulty) {
          for (const size of [1, 7, 13, bytes.length]) {
            const pieces = Array.from(
              { length: Math.ceil(bytes.length / size) },
              (_, at) => bytes.subarray(at * size, at * size + size)
            )
            fake.faults.full = () => Stream.fromIterable(pieces)
            const result = yield* Effect.result(Stream.runDrain(Downloads.stream("a.png")))
            assert.strictEqual(result._tag === "Failure" ? result.failure.reason : "none", "Truncated", name)
          }
        }
        fake.faults.full = () => Stream.make(faulty[0]![1])
        yield* fails(Downloads.image("a.png", { directory: folder, ...quick }), "Truncated")
        yield* fails(Downloads.bytes("a.png", quick), "Truncated")
        assert.deepStrictEqual(yield* listing(folder), [])
        fake.faults.full = () => Stream.fromIterable(Array.from(whole, (byte) => Uint8Array.of(byte)))
        assert.deepStrictEqual(yield* Downloads.bytes("a.png", quick), whole)
      }))
  })

  it.live("fail on content that is another image, or not an image", () => {
    const fake = server()
    return inFolder(fake, (folder) =>
      Effect.gen(function*() {
        fake.faults.full = () => Stream.make(png(32, 64))
        const other = yield* fails(Downloads.image("a.png", { directory: folder, ...quick }), "InvalidImage")
        assert.include(other.message, "expected 64x64 pixels, got 32x64")
        yield* fails(
          Downloads.image({ image_name: "a.png", width: 64, height: 64 }, { directory: folder, ...quick }),
          "InvalidImage"
        )
        fake.faults.full = () => Stream.make(new TextEncoder().encode("<!doctype html><title>InvokeAI</title>"))
        const none = yield* fails(Downloads.image("a.png", { directory: folder, ...quick }), "InvalidImage")
        assert.include(none.message, "an HTML page")
        assert.deepStrictEqual(yield* listing(folder), [])
      }))
  })

  it.live("fail on a deleted image, and wait for one that does not exist yet", () => {
    const fake = server()
    let attempts = 0
    return inFolder(fake, (folder) =>
      Effect.gen(function*() {
        yield* fails(Downloads.image("gone.png", { directory: folder, ...quick }), "NotFound")
        fake.faults.full = () => ++attempts < 3 ? Stream.fail(apiError("NotFound", 404)) : undefined
        const { images } = yield* Downloads.image("a.png", { directory: folder, ...quick })
        assert.strictEqual(images, 1)
        assert.strictEqual(attempts, 3)
        fake.faults.full = () => {
          fake.images.delete("a.png")
          return Stream.make(png(64, 64))
        }
        yield* fails(Downloads.image("a.png", { directory: folder, ifExists: "overwrite", ...quick }), "NotFound")
        assert.deepStrictEqual(yield* listing(folder), ["a.png"])
      }))
  })

  it.live("do not retry rejected credentials or a response that stays wrong", () => {
    const fake = server()
    return inFolder(fake, (folder) =>
      Effect.gen(function*() {
        fake.faults.full = () => Stream.fail(apiError("Unauthorized", 401))
        yield* fails(Downloads.image("a.png", { directory: folder, ...quick }), "Forbidden")
        fake.faults.full = () => Stream.fail(apiError("Server", 501))
        yield* fails(Downloads.image("a.png", { directory: folder, ...quick }), "Server")
        assert.strictEqual(fake.calls.filter((call) => call === "full a.png").length, 2)
      }))
  })

  it.live("leave no files after an interruption", () => {
    const fake = server()
    fake.faults.full = (image) => Stream.concat(Stream.make(cut(image.bytes, 60)), Stream.never)
    return inFolder(fake, (folder) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(Downloads.image("a.png", { directory: folder }))
        yield* Effect.repeat(listing(folder), { until: (names) => names.length > 0, schedule: Schedule.spaced(5) })
        yield* Fiber.interrupt(fiber)
        assert.isTrue(Exit.isFailure(yield* Fiber.await(fiber)))
        assert.deepStrictEqual(yield* listing(folder), [])
      }))
  })
})

describe("Downloads: faults of the file system", () => {
  const server = () => {
    const fake = new FakeServer()
    fake.add("a.png", png(64, 64))
    return fake
  }
  const failure = (method: string, code: string) =>
    PlatformError.systemError({
      _tag: "Unknown",
      module: "FileSystem",
      method,
      cause: Object.assign(new Error(`${code}: simulated`), { code })
    })

  /** The real file system, whose files take no more than some bytes. */
  const fullDisk = (capacity: number, code: string) =>
    Layer.effect(
      FileSystem.FileSystem,
      Effect.map(FileSystem.FileSystem, (fs) =>
        FileSystem.FileSystem.of({
          ...fs,
          open: (file, options) =>
            Effect.map(fs.open(file, options), (handle) => {
              let left = capacity
              return new Proxy(handle, {
                get: (target, key) =>
                  key !== "writeAll" ? Reflect.get(target, key, target) : (bytes: Uint8Array) => {
                    left -= bytes.length
                    return left < 0
                      ? Effect.andThen(
                        target.writeAll(bytes.subarray(0, bytes.length + left)),
                        Effect.fail(failure("writeAll", code))
                      )
                      : target.writeAll(bytes)
                  }
              })
            })
        }))
    ).pipe(Layer.provideMerge(files))

  it.live.each(["ENOSPC", "EDQUOT"])("fail on a full disk (%s)", (code) =>
    Effect.scoped(Effect.gen(function*() {
      const folder = yield* temporaryFolder
      const error = yield* fails(
        Downloads.image("a.png", { directory: folder, ...quick }).pipe(Effect.provide(fullDisk(50, code))),
        "DiskFull"
      )
      assert.include(error.message, "the disk is full")
      assert.strictEqual(error.path, `${folder}/a.png`)
      assert.strictEqual(error.cause instanceof Error, true)
      assert.deepStrictEqual(yield* listing(folder), [])
    })).pipe(Effect.provide([server().layer, files])))

  it.live("fail on a missing directory with createDirectory: false, and on a file in its place", () =>
    inFolder(server(), (folder, fs) =>
      Effect.gen(function*() {
        yield* fails(Downloads.image("a.png", { directory: `${folder}/x`, createDirectory: false }), "DirectoryMissing")
        yield* fs.writeFileString(`${folder}/file`, "")
        yield* fails(Downloads.image("a.png", { directory: `${folder}/file` }), "NotADirectory")
        yield* fails(Downloads.image("a.png", { directory: `${folder}/file/below` }), "NotADirectory")
        assert.deepStrictEqual(yield* listing(folder), ["file"])
      })))

  it.live("fail on a read-only directory", () => {
    const readOnly = Layer.effect(
      FileSystem.FileSystem,
      Effect.map(
        FileSystem.FileSystem,
        (fs) => FileSystem.FileSystem.of({ ...fs, open: () => Effect.fail(failure("open", "EROFS")) })
      )
    ).pipe(Layer.provideMerge(files))
    return inFolder(server(), (folder, fs) =>
      Effect.gen(function*() {
        const error = yield* fails(
          Downloads.image("a.png", { directory: folder }).pipe(Effect.provide(readOnly)),
          "Permission"
        )
        assert.strictEqual(error.path, `${folder}/a.png`)
        // The super-user may write anywhere.
        if (process.getuid?.() !== 0) {
          yield* fs.chmod(folder, 0o500)
          yield* fails(Downloads.image("a.png", { directory: folder }), "Permission")
          yield* fs.chmod(folder, 0o700)
        }
        assert.deepStrictEqual(yield* listing(folder), [])
      }))
  })

  it.live("work on a file system without links", () => {
    const noLinks = Layer.effect(
      FileSystem.FileSystem,
      Effect.map(
        FileSystem.FileSystem,
        (fs) => FileSystem.FileSystem.of({ ...fs, link: () => Effect.fail(failure("link", "EPERM")) })
      )
    ).pipe(Layer.provideMerge(files))
    return inFolder(server(), (folder) =>
      Effect.gen(function*() {
        yield* Downloads.image("a.png", { directory: folder })
        yield* fails(Downloads.image({ imageName: "a.png" }, { directory: folder }), "FileExists")
        const renamed = yield* Downloads.image("a.png", { directory: folder, ifExists: "rename" })
        assert.strictEqual(renamed.files[0]?.path, `${folder}/a-2.png`)
        assert.deepStrictEqual(yield* listing(folder), ["a-2.png", "a.png"])
      }).pipe(Effect.provide(noLinks)))
  })

  it.live("fail on an invalid template", () =>
    inFolder(server(), (folder) =>
      Effect.gen(function*() {
        const error = yield* fails(
          Downloads.image("a.png", { directory: folder, template: "{nme}" }),
          "InvalidTemplate"
        )
        assert.include(error.message, "{nme} is not a placeholder")
      })))
})

describe("Downloads: formats", () => {
  it.live("fails before the transfer if a format other than PNG has no ImageCodec", () => {
    const server = new FakeServer()
    server.add("a.png", png(8, 8))
    return inFolder(server, (folder) =>
      Effect.gen(function*() {
        yield* fails(Downloads.image("a.png", { directory: folder, format: "webp" }), "CodecMissing")
        yield* fails(Downloads.bytes("a.png", { format: "jpeg" }), "CodecMissing")
        assert.deepStrictEqual(server.calls, [])
        assert.deepStrictEqual(yield* Downloads.bytes("a.png"), png(8, 8))
      }))
  })

  it.live("writes the output of the codec, with the extension of the format", () => {
    const server = new FakeServer()
    server.add("a.png", png(8, 8))
    const codec = Layer.effect(
      ImageCodec,
      Effect.map(FileSystem.FileSystem, (fs) =>
        ImageCodec.of({
          encode: (bytes, options) => Effect.succeed(new TextEncoder().encode(`${options.format} ${bytes.length}`)),
          encodeFile: (_, to, options) => Effect.orDie(fs.writeFileString(to, `${options.format} ${options.quality}`))
        }))
    )
    return inFolder(server, (folder, fs) =>
      Effect.gen(function*() {
        const result = yield* Downloads.image("a.png", { directory: folder, format: "jpeg", quality: 95 })
        assert.deepStrictEqual(result.files.map((file) => [file.path, file.size]), [[`${folder}/a.jpg`, 7]])
        assert.strictEqual(yield* fs.readFileString(`${folder}/a.jpg`), "jpeg 95")
        const bytes = yield* Downloads.bytes("a.png", { format: "webp" })
        assert.strictEqual(new TextDecoder().decode(bytes), `webp ${png(8, 8).length}`)
        assert.deepStrictEqual(yield* listing(folder), ["a.jpg"])
        assert.isTrue(Option.isSome(yield* Effect.serviceOption(ImageCodec)))
      }).pipe(Effect.provide(codec)))
  })
})
