import * as AssetLedger from "@effect-invokeai/core/assets/AssetLedger"
import * as Assets from "@effect-invokeai/core/assets/Assets"
import type { UploadErrorReason } from "@effect-invokeai/core/assets/Assets"
import * as Cleanup from "@effect-invokeai/core/assets/Cleanup"
import { CloseTimeout } from "@effect-invokeai/core/InvokeAi"
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { files, listing, temporaryFolder } from "../folders.ts"
import { png } from "../media.ts"
import { apiError, FakeServer } from "./fakes.ts"

const fails = <A, E, R>(effect: Effect.Effect<A, E, R>, reason: UploadErrorReason) =>
  Effect.map(Effect.flip(effect), (error) => {
    assert(error instanceof Assets.UploadError)
    assert.strictEqual(error.reason, reason, error.message)
    return error
  })

const picture = png(16, 8)

describe("Assets: the life of an upload", () => {
  it.effect("is in use until the scope closes, and is then deleted", () => {
    const server = new FakeServer()
    return Effect.gen(function*() {
      yield* Effect.scoped(Effect.gen(function*() {
        const asset = yield* Assets.uploadBytes(picture, { name: "hill" })
        assert.strictEqual(asset.imageName, "upload-1.png")
        assert.strictEqual(`${asset.width}x${asset.height}`, "16x8")
        assert.strictEqual(asset.content?.type, "png")
        assert.isTrue(server.images.has("upload-1.png"))
        assert.deepStrictEqual((yield* Assets.Assets.use((assets) => assets.held)).map((each) => each.source), ["hill"])
      }))
      assert.strictEqual(server.images.size, 0)
      assert.deepStrictEqual(yield* Assets.Assets.use((assets) => assets.held), [])
    }).pipe(Effect.provide(server.layer))
  })

  it.effect("is deleted after a failure and an interruption, too", () => {
    const server = new FakeServer()
    return Effect.gen(function*() {
      const exit = yield* Assets.uploadBytes(picture).pipe(
        Effect.andThen(Effect.fail("the reason")),
        Effect.scoped,
        Effect.exit
      )
      assert.deepStrictEqual(exit, Exit.fail("the reason"))
      assert.strictEqual(server.images.size, 0)

      const fiber = yield* Effect.forkChild(Effect.scoped(Effect.andThen(Assets.uploadBytes(picture), Effect.never)))
      while (server.images.size === 0) yield* Effect.yieldNow
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(server.images.size, 0)
    }).pipe(Effect.provide(server.layer))
  })

  it.effect("sends the requested options, or the defaults", () => {
    const server = new FakeServer()
    return Effect.gen(function*() {
      yield* Assets.uploadBytes(picture)
      yield* Assets.uploadBytes(picture, {
        board: "b-1",
        category: "mask",
        metadata: { a: 1 },
        resizeTo: { width: 4, height: 2 }
      })
      yield* Assets.uploadBytes(picture, { board: "b-1", isIntermediate: true })
      assert.deepStrictEqual(
        server.uploads.map((each) => [
          each.category,
          each.isIntermediate,
          each.boardId,
          each.metadata,
          each.resizeTo,
          each.contentType,
          each.fileName
        ]),
        [
          ["user", true, undefined, undefined, undefined, "image/png", "upload.png"],
          ["mask", false, "b-1", { a: 1 }, { width: 4, height: 2 }, "image/png", "upload.png"],
          ["user", true, "b-1", undefined, undefined, "image/png", "upload.png"]
        ]
      )
    }).pipe(Effect.scoped, Effect.provide(server.layer))
  })

  it.effect("sends the same bytes once per scope, even from many fibers, and again after an early deletion", () => {
    const server = new FakeServer()
    return Effect.gen(function*() {
      const assets = yield* Assets.Assets
      yield* Effect.scoped(Effect.gen(function*() {
        const all = yield* Effect.forEach([1, 2, 3, 4], () => Assets.uploadBytes(picture), { concurrency: 4 })
        assert.deepStrictEqual(new Set(all.map((asset) => asset.imageName)).size, 1)
        const blob = yield* Assets.uploadBytes(new Blob([new Uint8Array(picture)]))
        assert.strictEqual(blob.imageName, all[0]?.imageName)
        assert.strictEqual(server.uploads.length, 1)
        yield* Assets.uploadBytes(picture, { category: "mask" })
        yield* Assets.uploadBytes(png(16, 9))
        assert.strictEqual(server.uploads.length, 3)
        yield* Effect.scoped(Assets.uploadBytes(picture))
        assert.strictEqual(server.uploads.length, 4)
        assert.strictEqual(server.images.size, 3)

        assert.deepStrictEqual(yield* assets.release(blob.imageName), { _tag: "Deleted" })
        assert.deepStrictEqual(yield* assets.release(blob.imageName), { _tag: "Missing" })
        const again = yield* Assets.uploadBytes(picture)
        assert.notStrictEqual(again.imageName, blob.imageName)
      }))
      assert.strictEqual(server.images.size, 0)
    }).pipe(Effect.provide(server.layer))
  })

  it.effect("keeps images that the user has starred or moved, and images that a result refers to", () => {
    const server = new FakeServer()
    return Effect.scoped(Effect.gen(function*() {
      const outer = yield* Effect.scope
      yield* Effect.scoped(Effect.gen(function*() {
        const starred = yield* Assets.uploadBytes(png(1, 1))
        const moved = yield* Assets.uploadBytes(png(1, 2))
        const used = yield* Assets.uploadBytes(png(1, 3))
        yield* Assets.uploadBytes(png(1, 4), { board: "b-1" })
        yield* Assets.uploadBytes(png(1, 5))
        server.change(starred.imageName, { starred: true })
        server.change(moved.imageName, { board_id: "b-2" })
        yield* Scope.provide(Assets.retain("another run", [used.imageName]), outer)
      }))
      assert.deepStrictEqual([...server.images.keys()], ["upload-1.png", "upload-2.png", "upload-3.png"])
    })).pipe(Effect.provide(server.layer))
  })

  it.effect("adopts existing images, and keeps them by the same rules", () => {
    const server = new FakeServer()
    server.add("theirs.png", picture, { starred: true, board_id: "b-1" })
    server.add("other.png", picture)
    return Effect.gen(function*() {
      yield* Effect.scoped(Effect.gen(function*() {
        const asset = yield* Assets.adopt({ image_name: "theirs.png" })
        assert.strictEqual(asset.content, null)
        yield* Effect.scoped(Assets.adopt("theirs.png"))
        assert.isTrue(server.images.has("theirs.png"), "still adopted by the outer scope")
        yield* Assets.adopt("other.png")
        server.change("other.png", { starred: true })
        yield* fails(Assets.adopt("missing.png"), "ImageMissing")
      }))
      assert.deepStrictEqual([...server.images.keys()], ["other.png"])
    }).pipe(Effect.provide(server.layer))
  })

  it.effect("logs and reports a deletion without effect, and does not hide the failure before it", () => {
    const server = new FakeServer()
    server.faults.delete = () => Effect.fail(apiError("Server", 200, "DELETE"))
    const logged: Array<string> = []
    const logger = Logger.make(({ message }) => {
      logged.push(String(message))
    })
    return Effect.gen(function*() {
      const exit = yield* Assets.uploadBytes(picture).pipe(
        Effect.andThen(Effect.fail("the reason")),
        Effect.scoped,
        Effect.exit
      )
      assert.deepStrictEqual(exit, Exit.fail("the reason"))
      const leftovers = yield* Assets.Assets.use((assets) => assets.leftovers)
      assert.deepStrictEqual(leftovers.map((each) => each.imageName), ["upload-1.png"])
      assert.strictEqual(leftovers[0]?.error._tag, "InvokeAiError")
      assert.include(logged.join("\n"), "upload-1.png could not be deleted")
      server.faults.delete = undefined
      assert.deepStrictEqual((yield* Cleanup.inputs()).deleted, ["upload-1.png"])
      assert.deepStrictEqual(yield* Assets.Assets.use((assets) => assets.leftovers), [])
    }).pipe(Effect.provide([server.layer, Logger.layer([logger])]))
  })

  it.effect("counts a missing image as deleted", () => {
    const server = new FakeServer()
    return Effect.gen(function*() {
      yield* Effect.scoped(Effect.andThen(Assets.uploadBytes(picture), Effect.sync(() => server.images.clear())))
      assert.deepStrictEqual(yield* Assets.Assets.use((assets) => assets.leftovers), [])
    }).pipe(Effect.provide(server.layer))
  })
})

/** Starts an upload and goes on when the server has the request. */
const begin = <A, E>(server: FakeServer, upload: Effect.Effect<A, E, Assets.Assets>) =>
  Effect.gen(function*() {
    const begun = yield* Deferred.make<void>()
    const { upload: fault } = server.faults
    server.faults.upload = (store) => Effect.andThen(Deferred.succeed(begun, undefined), fault?.(store) ?? store)
    const fiber = yield* Effect.forkChild(upload)
    yield* Deferred.await(begun)
    return fiber
  })

describe("Assets: an upload whose response is lost", () => {
  it.effect("finds its image if the connection breaks after the server has stored it", () => {
    const server = new FakeServer()
    server.faults.upload = (store) => Effect.andThen(store, Effect.fail(apiError("Transport", undefined, "POST")))
    return Effect.gen(function*() {
      yield* Effect.scoped(Effect.gen(function*() {
        const asset = yield* Assets.uploadBytes(picture)
        assert.strictEqual(asset.imageName, "upload-1.png")
        assert.strictEqual(server.uploads.length, 1)
      }))
      assert.strictEqual(server.images.size, 0)
    }).pipe(Effect.provide(server.layer))
  })

  it.effect("waits for a server that stores its image a moment later", () => {
    const server = new FakeServer()
    server.faults.upload = (store) =>
      Effect.andThen(
        Effect.forkDetach(Effect.andThen(Effect.sleep("2 seconds"), store)),
        Effect.fail(apiError("Transport", undefined, "POST"))
      )
    return Effect.gen(function*() {
      const fiber = yield* begin(server, Effect.scoped(Assets.uploadBytes(picture)))
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* Fiber.join(fiber)).imageName, "upload-1.png")
      assert.strictEqual(server.images.size, 0)
    }).pipe(Effect.provide(server.layer))
  })

  it.effect("fails if its image is not found", () => {
    const server = new FakeServer()
    server.faults.upload = () => Effect.fail(apiError("Transport", undefined, "POST"))
    return Effect.gen(function*() {
      const fiber = yield* begin(server, fails(Effect.scoped(Assets.uploadBytes(picture)), "Connection"))
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(fiber)
    }).pipe(Effect.provide(server.layer))
  })

  it.effect.each<readonly [UploadErrorReason, ReturnType<typeof apiError>]>([
    ["Rejected", apiError("Validation", 415, "POST")],
    ["BoardMissing", apiError("NotFound", 404, "POST")],
    ["Forbidden", apiError("Unauthorized", 401, "POST")],
    ["Server", apiError("Conflict", 409, "POST")]
  ])("does not retry a rejection: %s", ([reason, error]) => {
    const server = new FakeServer()
    server.faults.upload = () => Effect.fail(error)
    return Effect.gen(function*() {
      const failure = yield* fails(Effect.scoped(Assets.uploadBytes(picture)), reason)
      assert.strictEqual(failure.cause instanceof Error, true)
      assert.deepStrictEqual(server.calls, [])
    }).pipe(Effect.provide(server.layer))
  })
})

describe("Assets: an upload", () => {
  it.live("detects the type of a file by its content, not by its name", () => {
    const server = new FakeServer()
    return Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* temporaryFolder
      yield* fs.writeFile(`${folder}/photo.jpg`, picture)
      const asset = yield* Assets.uploadFile(`${folder}/photo.jpg`)
      assert.strictEqual(asset.source, `${folder}/photo.jpg`)
      assert.strictEqual(asset.content?.type, "png")
      assert.strictEqual(asset.content?.length, picture.length)
      assert.deepStrictEqual(server.uploads[0]?.bytes, picture)
      const bytes = yield* Assets.uploadBytes(picture)
      assert.strictEqual(bytes.imageName, asset.imageName)
    })).pipe(Effect.provide([server.layer, files]))
  })

  it.live("rejects what is not an image or a file, is missing, too large or out of bounds", () => {
    const server = new FakeServer()
    return Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* temporaryFolder
      yield* fs.makeDirectory(`${folder}/root`)
      yield* fs.writeFileString(`${folder}/root/notes.png`, "this is no image")
      yield* fs.writeFile(`${folder}/outside.png`, picture)
      yield* fs.writeFile(`${folder}/root/..inside.png`, picture)
      yield* fs.symlink(`${folder}/outside.png`, `${folder}/root/link.png`)

      const text = yield* fails(Assets.uploadFile(`${folder}/root/notes.png`), "NotAnImage")
      assert.include(text.message, "it looks like text")
      yield* fails(Assets.uploadBytes(new Uint8Array(0)), "NotAnImage")
      yield* fails(Assets.uploadFile(`${folder}/missing.png`), "FileMissing")
      yield* fails(Assets.uploadFile(`${folder}/outside.png/below.png`), "FileMissing")
      yield* fails(Assets.uploadFile(`${folder}/root`), "NotAFile")
      yield* fails(Assets.uploadFile("/dev/null"), "NotAFile")
      yield* fails(Assets.uploadFile(`${folder}/outside.png`, { maxBytes: 20 }), "TooLarge")
      yield* fails(Assets.uploadBytes(picture, { maxBytes: picture.length - 1 }), "TooLarge")
      const root = `${folder}/root`
      yield* fails(Assets.uploadFile(`${folder}/outside.png`, { root }), "OutsideRoot")
      yield* fails(Assets.uploadFile(`${root}/../outside.png`, { root }), "OutsideRoot")
      yield* fails(Assets.uploadFile(`${root}/link.png`, { root }), "OutsideRoot")
      assert.strictEqual(server.uploads.length, 0)
      yield* Assets.uploadFile(`${root}/..inside.png`, { root })
      assert.strictEqual(server.uploads.length, 1)
    })).pipe(Effect.provide([server.layer, files]))
  })

  it.live("reads a stream only up to the limit, even if it announces another length", () => {
    const server = new FakeServer()
    let read = 0
    const endless = Stream.fromIterable([picture]).pipe(
      Stream.concat(Stream.forever(Stream.make(new Uint8Array(1000)))),
      Stream.tap((chunk) => Effect.sync(() => read += chunk.length))
    )
    return Effect.gen(function*() {
      const assets = yield* Assets.Assets
      yield* fails(assets.upload({ name: "endless", data: endless, length: 10 }, { maxBytes: 10_000 }), "TooLarge")
      assert.isAtMost(read, 20_000)
    }).pipe(Effect.scoped, Effect.provide(server.layer))
  })

  it.live("hashes a large file in chunks, and recognizes the same file again", () => {
    const server = new FakeServer()
    return Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* temporaryFolder
      const large = new Uint8Array(3 * 1024 * 1024 + 17)
      large.set(picture)
      yield* fs.writeFile(`${folder}/a.png`, large)
      const first = yield* Assets.uploadFile(`${folder}/a.png`)
      large[large.length - 1] = 1
      yield* fs.writeFile(`${folder}/b.png`, large)
      const second = yield* Assets.uploadFile(`${folder}/b.png`)
      assert.notStrictEqual(first.content?.hash, second.content?.hash)
      assert.strictEqual((yield* Assets.uploadFile(`${folder}/a.png`)).imageName, first.imageName)
      assert.strictEqual(server.uploads.length, 2)
      assert.strictEqual(server.uploads[0]?.bytes.length, large.length)
    })).pipe(Effect.provide([server.layer, files]))
  })
})

describe("Assets: after a crash", () => {
  const withLedger = (server: FakeServer, file: string) => server.layer.pipe(Layer.provide(AssetLedger.layerFile(file)))

  it.live("deletes the images in the ledger of the earlier process", () => {
    const server = new FakeServer()
    return Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* temporaryFolder
      const ledger = `${folder}/state/ledger.jsonl`

      // A process that cannot delete anything at its end.
      server.faults.delete = () => Effect.fail(apiError("Transport", undefined, "DELETE"))
      yield* Effect.gen(function*() {
        yield* Assets.uploadBytes(png(1, 1))
        const starred = yield* Assets.uploadBytes(png(1, 2))
        server.change(starred.imageName, { starred: true })
        yield* Assets.uploadBytes(png(1, 3))
      }).pipe(
        Effect.scoped,
        Effect.provide(withLedger(server, ledger)),
        Effect.provideService(CloseTimeout, "200 millis")
      )
      // It had uploaded one whose name never arrived, and was just writing a note.
      server.add("lost.png", picture, { session_id: "invokeai-upload-x" })
      const line = { set: { id: "invokeai-upload-x", server: "http://invoke.test/", board_id: null, starred: false } }
      const foreign = { set: { ...line.set, id: "y", server: "http://other.test/", image_name: "upload-3.png" } }
      const text = yield* fs.readFileString(ledger)
      yield* fs.writeFileString(ledger, `${text}${JSON.stringify(line)}\n${JSON.stringify(foreign)}\n{"set":{"id`)
      server.faults.delete = undefined
      server.images.delete("upload-3.png")
      server.add("upload-3.png", picture)

      const outcomes = yield* Assets.recover.pipe(Effect.provide(withLedger(server, ledger)))
      assert.deepStrictEqual(Array.from(outcomes, ([name, outcome]) => [name, outcome._tag]), [
        ["upload-1.png", "Deleted"],
        ["upload-3.png", "Deleted"],
        ["lost.png", "Deleted"]
      ])
      assert.deepStrictEqual([...server.images.keys()], ["upload-2.png"])

      const again = yield* Assets.recover.pipe(Effect.provide(withLedger(server, ledger)))
      assert.strictEqual(again.size, 0)
      assert.deepStrictEqual(JSON.parse(yield* fs.readFileString(ledger)), foreign)
      assert.deepStrictEqual(yield* listing(folder), ["state", "state/ledger.jsonl"])
    })).pipe(Effect.provide(files))
  })

  it.live("looks for an upload in flight until the server can no longer receive it", () => {
    const server = new FakeServer()
    return Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* temporaryFolder
      const ledger = `${folder}/ledger.jsonl`
      const now = yield* DateTime.now
      const recorded = (id: string, hours: number) => ({
        id,
        server: "http://invoke.test/",
        board_id: null,
        starred: false,
        recorded_at: DateTime.toEpochMillis(DateTime.subtract(now, { hours }))
      })
      const records = [recorded("in-flight", 0), recorded("lost", 2)]
      yield* fs.writeFileString(ledger, records.map((set) => `${JSON.stringify({ set })}\n`).join(""))
      const recover = Assets.recover.pipe(Effect.provide(withLedger(server, ledger)))

      assert.strictEqual((yield* recover).size, 0)
      // the server receives the request of the killed process, and many other images after it
      server.add("late.png", picture, { session_id: "in-flight", created_at: now })
      for (let index = 0; index < 1500; index++) server.add(`other-${index}.png`, picture, { created_at: now })
      assert.deepStrictEqual([...yield* recover], [["late.png", { _tag: "Deleted" }]])
      assert.strictEqual((yield* recover).size, 0)
      assert.strictEqual(
        (yield* fs.readFileString(ledger)).split("\n").filter((line) => line.includes("\"set\"")).length,
        0
      )
    })).pipe(Effect.provide(files))
  })

  it.live("keeps no record of a deleted image", () => {
    const server = new FakeServer()
    return Effect.scoped(Effect.gen(function*() {
      const folder = yield* temporaryFolder
      const layer = withLedger(server, `${folder}/ledger`)
      yield* Effect.scoped(Assets.uploadBytes(picture)).pipe(Effect.provide(layer))
      server.faults.upload = () => Effect.fail(apiError("Validation", 415, "POST"))
      yield* fails(Effect.scoped(Assets.uploadBytes(picture)).pipe(Effect.provide(layer)), "Rejected")
      const outcomes = yield* Assets.recover.pipe(Effect.provide(layer))
      assert.strictEqual(outcomes.size, 0)
    })).pipe(Effect.provide(files))
  })
})
