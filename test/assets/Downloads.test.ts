import { type DownloadError, type DownloadErrorReason, ImageCodec } from "@effect-invokeai/core/assets/Downloads"
import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import type { InvalidOption } from "@effect-invokeai/core/InvokeAiError"
import { Images } from "@effect-invokeai/core/server/Images"
import type { Videos } from "@effect-invokeai/core/server/Videos"
import * as Fault from "@effect-invokeai/testing/Fault"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import { type ImageOptions, Simulator } from "@effect-invokeai/testing/Simulator"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
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
import * as TestClock from "effect/testing/TestClock"
import { files, listing, temporaryFolder } from "../folders.ts"
import { png } from "../media.ts"
import { imageOutput, outputsOf } from "./outputs.ts"

type Needs = Images | Simulator | Videos | FileSystem.FileSystem | Path.Path

/** Runs a test on a server with these images and in a folder of its own. */
const inFolder = <A, E>(
  images: ReadonlyArray<ImageOptions>,
  test: (folder: string, fs: FileSystem.FileSystem) => Effect.Effect<A, E, Needs | Scope>
) =>
  Effect.scoped(Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    return yield* test(yield* temporaryFolder, fs)
  })).pipe(Effect.provide([InvokeAiTest.layer({ images }), files]))

const sample = { name: "a.png", bytes: png(8, 8) }

/** The paths of all requests so far. */
const requests = Effect.map(
  Simulator.use((simulator) => simulator.requests),
  (all) => all.map(({ path }) => path)
)

const soon = Schedule.recurs(3)
const quick = { retry: soon, notFoundRetry: soon } as const

const fails = <A, R>(effect: Effect.Effect<A, DownloadError | InvalidOption, R>, reason: DownloadErrorReason) =>
  Effect.map(Effect.flip(effect), (error) => {
    assert.ok(error._tag === "DownloadError")
    assert.strictEqual(error.reason, reason, error.message)
    return error
  })

describe("Downloads.outputs", () => {
  it.effect("writes complete images and sidecars, and returns their sizes", () => {
    const bytes = png(64, 32)
    return inFolder([], (folder, fs) =>
      Effect.gen(function*() {
        const simulator = yield* Simulator
        const boardId = yield* simulator.addBoard("samples")
        yield* TestClock.setTime(Date.UTC(2026, 10, 22, 12))
        yield* simulator.addImage({
          name: "a.png",
          bytes,
          boardId,
          sessionId: "s-1",
          metadata: { seed: 7, model: { name: "tiny" }, positive_prompt: "hills" },
          graph: { nodes: {} }
        })
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
          board_id: boardId,
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
    const images = ["a.png", "b.png"].map((name) => ({ name, bytes: png(8, 8) }))
    const outputs = outputsOf([
      imageOutput("a.png", { isIntermediate: true }),
      imageOutput("b.png"),
      imageOutput("b.png", { nodeId: "node-2" })
    ])
    return inFolder(images, (folder) =>
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
    const images = ["a.png", "b.png", "c.png"].map((name) => ({ name, bytes: png(8, 8), metadata: { seed: 42 } }))
    const outputs = outputsOf([
      imageOutput("a.png", { nodeLabel: "../Sky/é" }),
      imageOutput("b.png", { nodeLabel: "../SKY/É", index: 1 }),
      imageOutput("c.png", { nodeLabel: "", nodeType: "save_image", index: 2, itemId: 5 })
    ])
    return inFolder(images, (folder) =>
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
    const names = ["../../escape.png", "/etc/x.png", "C:\\x.png", "nul.png", `${"n".repeat(300)}.png`, "a\0b.png", ".."]
    return inFolder([sample], (folder, fs) =>
      Effect.gen(function*() {
        yield* fs.makeDirectory(`${folder}/in/side`, { recursive: true })
        const images = yield* Images
        // a server that has an image under every name
        const { files } = yield* Downloads.images(names, { directory: `${folder}/in/side` }).pipe(
          Effect.provideService(Images, { ...images, get: () => images.get("a.png"), full: () => images.full("a.png") })
        )
        assert.strictEqual(files.length, names.length)
        const here = yield* listing(folder)
        assert.strictEqual(here.filter((file) => !file.startsWith("in/side/")).join(), "in,in/side")
        assert.strictEqual(new Set(files.map((file) => file.path)).size, names.length)
        assert.isTrue(here.every((file) => Buffer.byteLength(file) < 255))
      }))
  })

  it.live("downloads many jobs into a directory per workflow and batch, with totals", () => {
    const images = ["a.png", "b.png"].map((name) => ({ name, bytes: png(8, 8) }))
    return inFolder(images, (folder) =>
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
    const images = ["a.png", "b.png"].map((name) => ({ name, bytes: png(8, 8) }))
    return inFolder(images, (folder) =>
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
    test: (folder: string, fs: FileSystem.FileSystem) => Effect.Effect<void, unknown, Needs | Scope>
  ) =>
    inFolder([sample], (folder, fs) => Effect.andThen(fs.writeFileString(`${folder}/a.png`, "mine"), test(folder, fs)))

  it.live("are an error by default, before any transfer", () =>
    prepared((folder, fs) =>
      Effect.gen(function*() {
        const error = yield* fails(Downloads.image("a.png", { directory: folder }), "FileExists")
        assert.strictEqual(error.path, `${folder}/a.png`)
        assert.deepStrictEqual(yield* requests, [])
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
    prepared((folder, fs) =>
      Effect.gen(function*() {
        const result = yield* Downloads.image("a.png", { directory: folder, ifExists: "skip", metadata: true })
        assert.deepStrictEqual(result, {
          files: [{ kind: "image", path: `${folder}/a.png`, size: 4, imageName: "a.png", written: false }],
          images: 0,
          videos: 0,
          bytes: 0
        })
        assert.strictEqual(yield* fs.readFileString(`${folder}/a.png`), "mine")
        assert.deepStrictEqual(yield* requests, [])
      })
    ))

  it.live("that are directories or broken links are an error with skip and with error, before any request", () =>
    prepared((folder, fs) =>
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
        assert.deepStrictEqual(yield* requests, [])
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
    prepared((folder, fs) =>
      Effect.gen(function*() {
        yield* fs.remove(`${folder}/a.png`)
        const onProgress = () => Effect.orDie(fs.symlink(`${folder}/nothing`, `${folder}/a.png`))
        yield* fails(Downloads.image("a.png", { directory: folder, ifExists: "skip", onProgress }), "FileExists")
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

  it.live("are never replaced if another process writes them during the download", () =>
    inFolder([sample], (folder, fs) =>
      Effect.gen(function*() {
        const onProgress = () => Effect.orDie(fs.writeFileString(`${folder}/a.png`, "theirs"))
        yield* fails(Downloads.image("a.png", { directory: folder, metadata: true, onProgress }), "FileExists")
        assert.strictEqual(yield* fs.readFileString(`${folder}/a.png`), "theirs")
        assert.deepStrictEqual(yield* listing(folder), ["a.png"])
      })))
})

describe("Downloads: faults of the server", () => {
  const whole = png(64, 64)
  const images = [{ name: "a.png", bytes: whole }]
  const full = { method: "GET", path: "/api/v1/images/i/{image_name}/full" }
  const always = { ...full, times: Number.POSITIVE_INFINITY }
  const inject = (...faults: ReadonlyArray<Fault.Fault>) => Simulator.use((simulator) => simulator.inject(...faults))

  /** The server has an image of 64 times 64 pixels, whose file has these bytes. */
  const storeFile = (bytes: Uint8Array) =>
    Simulator.use((simulator) => simulator.addImage({ name: "a.png", bytes, width: 64, height: 64 }))

  /** How often the file of the image was requested. */
  const transfers = Effect.map(
    requests,
    (paths) => paths.filter((path) => path === "/api/v1/images/i/a.png/full").length
  )

  it.live("retry a connection that is cut again and again", () =>
    inFolder(images, (folder) =>
      Effect.gen(function*() {
        yield* inject(Fault.http(always, Fault.truncate(60)))
        const error = yield* fails(Downloads.image("a.png", { directory: folder, ...quick }), "Connection")
        assert.strictEqual(error.cause instanceof Error ? error.cause.name : "", "InvokeAiError")
        assert.strictEqual(yield* transfers, 4)
        assert.deepStrictEqual(yield* listing(folder), [])
      })))

  it.live("retry a connection that is cut once", () =>
    inFolder(images, (folder, fs) =>
      Effect.gen(function*() {
        yield* inject(Fault.http(full, Fault.truncate(60)))
        yield* Downloads.image("a.png", { directory: folder, ...quick })
        assert.deepStrictEqual(new Uint8Array(yield* fs.readFile(`${folder}/a.png`)), whole)
        assert.strictEqual(yield* transfers, 2)
      })))

  it.live.each<readonly [string, number]>([["nothing", 0], ["five bytes", 5], ["the head", 40], ["no end", -12]])(
    "never write a PNG of which %s arrived",
    ([, length]) =>
      inFolder([], (folder) =>
        Effect.gen(function*() {
          yield* storeFile(whole.subarray(0, length < 0 ? whole.length + length : length))
          yield* fails(Downloads.image("a.png", { directory: folder, ...quick }), "Truncated")
          yield* fails(Downloads.bytes("a.png", quick), "Truncated")
          yield* fails(Stream.runDrain(Downloads.stream("a.png")), "Truncated")
          assert.deepStrictEqual(yield* listing(folder), [])
        }))
  )

  it.live("never write a PNG with missing or changed bytes between its ends", () => {
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
    return inFolder(images, (folder) =>
      Effect.gen(function*() {
        const simulator = yield* Simulator
        yield* inject(Fault.http({ ...full, nth: 2 }, Fault.inPieces(1)))
        assert.deepStrictEqual(yield* Downloads.bytes("a.png", quick), whole)
        assert.deepStrictEqual(yield* Downloads.bytes("a.png", quick), whole)
        for (const [name, bytes] of faulty) {
          yield* storeFile(bytes)
          for (const size of [1, 7, 13, bytes.length]) {
            yield* simulator.clearFaults
            yield* inject(Fault.http(full, Fault.inPieces(size)))
            const result = yield* Effect.result(Stream.runDrain(Downloads.stream("a.png")))
            assert.strictEqual(result._tag === "Failure" ? result.failure.reason : "none", "Truncated", name)
          }
        }
        yield* storeFile(faulty[0]![1])
        yield* fails(Downloads.image("a.png", { directory: folder, ...quick }), "Truncated")
        yield* fails(Downloads.bytes("a.png", quick), "Truncated")
        assert.deepStrictEqual(yield* listing(folder), [])
      }))
  })

  it.live("fail on content that is another image, or not an image", () =>
    inFolder([], (folder) =>
      Effect.gen(function*() {
        yield* storeFile(png(32, 64))
        const other = yield* fails(Downloads.image("a.png", { directory: folder, ...quick }), "InvalidImage")
        assert.include(other.message, "expected 64x64 pixels, got 32x64")
        yield* fails(
          Downloads.image({ image_name: "a.png", width: 64, height: 64 }, { directory: folder, ...quick }),
          "InvalidImage"
        )
        yield* storeFile(new TextEncoder().encode("<!doctype html><title>InvokeAI</title>"))
        const none = yield* fails(Downloads.image("a.png", { directory: folder, ...quick }), "InvalidImage")
        assert.include(none.message, "an HTML page")
        assert.deepStrictEqual(yield* listing(folder), [])
      })))

  it.live("fail on a deleted image, and wait for one that does not exist yet", () =>
    inFolder(images, (folder) =>
      Effect.gen(function*() {
        yield* fails(Downloads.image("gone.png", { directory: folder, ...quick }), "NotFound")
        yield* inject(Fault.http({ ...full, times: 2 }, Fault.status(404)))
        const result = yield* Downloads.image("a.png", { directory: folder, ...quick })
        assert.strictEqual(result.images, 1)
        assert.strictEqual(yield* transfers, 3)
        const { delete: remove } = yield* Images
        const options = {
          directory: folder,
          ifExists: "overwrite",
          onProgress: () => Effect.orDie(remove("a.png")),
          ...quick
        } as const
        yield* fails(Downloads.image("a.png", options), "NotFound")
        assert.deepStrictEqual(yield* listing(folder), ["a.png"])
      })))

  it.live("do not retry rejected credentials or a response that stays wrong", () =>
    inFolder(images, (folder) =>
      Effect.gen(function*() {
        yield* inject(Fault.http(full, Fault.status(401)), Fault.http({ ...full, nth: 2 }, Fault.status(501)))
        yield* fails(Downloads.image("a.png", { directory: folder, ...quick }), "Forbidden")
        yield* fails(Downloads.image("a.png", { directory: folder, ...quick }), "Server")
        assert.strictEqual(yield* transfers, 2)
      })))

  it.live("leave no files after an interruption", () =>
    inFolder(images, (folder) =>
      Effect.gen(function*() {
        yield* inject(Fault.http(full, Fault.inPieces(60, "1 hour")))
        const arrived = yield* Deferred.make<void>()
        const onProgress = () => Effect.asVoid(Deferred.succeed(arrived, undefined))
        const fiber = yield* Effect.forkChild(Downloads.image("a.png", { directory: folder, onProgress }))
        yield* Deferred.await(arrived)
        assert.strictEqual((yield* listing(folder)).length, 1)
        yield* Fiber.interrupt(fiber)
        assert.isTrue(Exit.isFailure(yield* Fiber.await(fiber)))
        assert.deepStrictEqual(yield* listing(folder), [])
      })))
})

describe("Downloads: faults of the file system", () => {
  const images = [{ name: "a.png", bytes: png(64, 64) }]
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
    })).pipe(Effect.provide([InvokeAiTest.layer({ images }), files])))

  it.live("fail on a missing directory with createDirectory: false, and on a file in its place", () =>
    inFolder(images, (folder, fs) =>
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
    return inFolder(images, (folder, fs) =>
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
    return inFolder(images, (folder) =>
      Effect.gen(function*() {
        yield* Downloads.image("a.png", { directory: folder })
        yield* fails(Downloads.image({ imageName: "a.png" }, { directory: folder }), "FileExists")
        const renamed = yield* Downloads.image("a.png", { directory: folder, ifExists: "rename" })
        assert.strictEqual(renamed.files[0]?.path, `${folder}/a-2.png`)
        assert.deepStrictEqual(yield* listing(folder), ["a-2.png", "a.png"])
      }).pipe(Effect.provide(noLinks)))
  })

  it.live("fail on an invalid template", () =>
    inFolder(images, (folder) =>
      Effect.gen(function*() {
        const error = yield* fails(
          Downloads.image("a.png", { directory: folder, template: "{nme}" }),
          "InvalidTemplate"
        )
        assert.include(error.message, "{nme} is not a placeholder")
      })))
})

describe("Downloads: formats", () => {
  it.live("fails before the transfer if a format other than PNG has no ImageCodec", () =>
    inFolder([sample], (folder) =>
      Effect.gen(function*() {
        yield* fails(Downloads.image("a.png", { directory: folder, format: "webp" }), "CodecMissing")
        yield* fails(Downloads.bytes("a.png", { format: "jpeg" }), "CodecMissing")
        assert.deepStrictEqual(yield* requests, [])
        assert.deepStrictEqual(yield* Downloads.bytes("a.png"), png(8, 8))
      })))

  it.live("writes the output of the codec, with the extension of the format", () => {
    const codec = Layer.effect(
      ImageCodec,
      Effect.map(FileSystem.FileSystem, (fs) =>
        ImageCodec.of({
          encode: (bytes, options) => Effect.succeed(new TextEncoder().encode(`${options.format} ${bytes.length}`)),
          encodeFile: (_, to, options) => Effect.orDie(fs.writeFileString(to, `${options.format} ${options.quality}`))
        }))
    )
    return inFolder([sample], (folder, fs) =>
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
