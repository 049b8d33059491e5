import * as AssetLedger from "@effect-invokeai/core/assets/AssetLedger"
import * as Assets from "@effect-invokeai/core/assets/Assets"
import type { UploadErrorReason } from "@effect-invokeai/core/assets/Assets"
import * as Cleanup from "@effect-invokeai/core/assets/Cleanup"
import { CloseTimeout } from "@effect-invokeai/core/InvokeAi"
import { Boards } from "@effect-invokeai/core/server/Boards"
import { Images } from "@effect-invokeai/core/server/Images"
import * as Fault from "@effect-invokeai/testing/Fault"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import { Simulator } from "@effect-invokeai/testing/Simulator"
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
import { files, listing, temporaryFolder } from "../folders.ts"
import { png } from "../media.ts"
import { client, observeUploads } from "../simulatedClient.ts"
import { drive } from "../time.ts"

const fails = <A, E, R>(effect: Effect.Effect<A, E, R>, reason: UploadErrorReason) =>
  Effect.map(Effect.flip(effect), (error) => {
    assert(error instanceof Assets.UploadError)
    assert.strictEqual(error.reason, reason, error.message)
    return error
  })

const picture = png(16, 8)

const uploadPath = "/api/v1/images/upload"
const upload = { method: "POST", path: uploadPath }
const deletion = { method: "POST", path: "/api/v1/images/delete", times: Number.POSITIVE_INFINITY }

const inject = (...faults: ReadonlyArray<Fault.Fault>) => Simulator.use((simulator) => simulator.inject(...faults))

/** The names of the images on the server. */
const names = Effect.map(InvokeAiTest.state, (state) => state.images.map((image) => image.name))

/** The uploads that the server has received. */
const uploads = Effect.map(
  Simulator.use((simulator) => simulator.requests),
  (requests) => requests.filter(({ path }) => path === uploadPath)
)

/** Stars images, as a user does. */
const star = (...imageNames: ReadonlyArray<string>) => Images.use((images) => images.star(imageNames))

describe("Assets: the life of an upload", () => {
  it.effect("is in use until the scope closes, and is then deleted", () =>
    Effect.gen(function*() {
      yield* Effect.scoped(Effect.gen(function*() {
        const asset = yield* Assets.uploadBytes(picture, { name: "hill" })
        assert.deepStrictEqual(yield* names, [asset.imageName])
        assert.strictEqual(`${asset.width}x${asset.height}`, "16x8")
        assert.strictEqual(asset.content?.type, "png")
        assert.deepStrictEqual((yield* Assets.Assets.use((assets) => assets.held)).map((each) => each.source), ["hill"])
      }))
      assert.deepStrictEqual(yield* names, [])
      assert.deepStrictEqual(yield* Assets.Assets.use((assets) => assets.held), [])
    }).pipe(Effect.provide(InvokeAiTest.layer())))

  it.effect("is deleted after a failure and an interruption, too", () =>
    Effect.gen(function*() {
      const exit = yield* Assets.uploadBytes(picture).pipe(
        Effect.andThen(Effect.fail("the reason")),
        Effect.scoped,
        Effect.exit
      )
      assert.deepStrictEqual(exit, Exit.fail("the reason"))
      assert.deepStrictEqual(yield* names, [])

      const uploaded = yield* Deferred.make<void>()
      const fiber = yield* Assets.uploadBytes(picture).pipe(
        Effect.andThen(Deferred.succeed(uploaded, undefined)),
        Effect.andThen(Effect.never),
        Effect.scoped,
        Effect.forkChild
      )
      yield* Deferred.await(uploaded)
      assert.strictEqual((yield* names).length, 1)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* names, [])
    }).pipe(Effect.provide(InvokeAiTest.layer())))

  it.effect("sends the requested options, or the defaults", () => {
    const received: { forms: Array<FormData>; aborted: number } = { forms: [], aborted: 0 }
    const simulator = Simulator.layer({})
    return Effect.gen(function*() {
      const board = yield* Simulator.use((simulator) => simulator.addBoard("samples"))
      yield* Assets.uploadBytes(picture)
      yield* Assets.uploadBytes(picture, {
        board,
        category: "mask",
        metadata: { a: 1 },
        resizeTo: { width: 4, height: 2 }
      })
      yield* Assets.uploadBytes(picture, { board, isIntermediate: true })
      const queries = (yield* uploads).map(({ query }) => new URLSearchParams(query))
      assert.deepStrictEqual(
        queries.map((query) => ["image_category", "is_intermediate", "board_id"].map((name) => query.get(name))),
        [["user", "true", null], ["mask", "false", board], ["user", "true", board]]
      )
      assert.deepStrictEqual(
        received.forms.map((form) => [form.get("metadata"), form.get("resize_to")]),
        [[null, null], ["{\"a\":1}", "{\"width\":4,\"height\":2}"], [null, null]]
      )
      assert.deepStrictEqual(
        received.forms.map((form) => form.get("file")).map((file) =>
          file instanceof File ? [file.type, file.name] : file
        ),
        Array.from({ length: 3 }, () => ["image/png", "upload.png"])
      )
      const { images } = yield* InvokeAiTest.state
      assert.deepStrictEqual(
        images.map((image) => [image.category, image.isIntermediate, image.boardId, image.width, image.height]),
        [["user", true, null, 16, 8], ["mask", false, board, 4, 2], ["user", true, board, 16, 8]]
      )
    }).pipe(
      Effect.scoped,
      Effect.provide(client().pipe(Layer.provide(observeUploads(received)), Layer.provideMerge(simulator)))
    )
  })

  it.effect("sends the same bytes once per scope, even from many fibers, and again after an early deletion", () =>
    Effect.gen(function*() {
      const assets = yield* Assets.Assets
      yield* Effect.scoped(Effect.gen(function*() {
        const all = yield* Effect.forEach([1, 2, 3, 4], () => Assets.uploadBytes(picture), { concurrency: 4 })
        assert.deepStrictEqual(new Set(all.map((asset) => asset.imageName)).size, 1)
        const blob = yield* Assets.uploadBytes(new Blob([new Uint8Array(picture)]))
        assert.strictEqual(blob.imageName, all[0]?.imageName)
        assert.strictEqual((yield* uploads).length, 1)
        yield* Assets.uploadBytes(picture, { category: "mask" })
        yield* Assets.uploadBytes(png(16, 9))
        assert.strictEqual((yield* uploads).length, 3)
        yield* Effect.scoped(Assets.uploadBytes(picture))
        assert.strictEqual((yield* uploads).length, 4)
        assert.strictEqual((yield* names).length, 3)

        assert.deepStrictEqual(yield* assets.release(blob.imageName), { _tag: "Deleted" })
        assert.deepStrictEqual(yield* assets.release(blob.imageName), { _tag: "Missing" })
        const again = yield* Assets.uploadBytes(picture)
        assert.notStrictEqual(again.imageName, blob.imageName)
      }))
      assert.deepStrictEqual(yield* names, [])
    }).pipe(Effect.provide(InvokeAiTest.layer())))

  it.effect("keeps images that the user has starred or moved, and images that a result refers to", () =>
    Effect.scoped(Effect.gen(function*() {
      const { addBoard } = yield* Simulator
      const first = yield* addBoard("first")
      const second = yield* addBoard("second")
      const boards = yield* Boards
      const outer = yield* Effect.scope
      const kept = yield* Effect.scoped(Effect.gen(function*() {
        const starred = yield* Assets.uploadBytes(png(1, 1))
        const moved = yield* Assets.uploadBytes(png(1, 2))
        const used = yield* Assets.uploadBytes(png(1, 3))
        yield* Assets.uploadBytes(png(1, 4), { board: first })
        yield* Assets.uploadBytes(png(1, 5))
        yield* star(starred.imageName)
        yield* boards.addImages(second, [moved.imageName])
        yield* Scope.provide(Assets.retain("another run", [used.imageName]), outer)
        return [starred, moved, used].map((asset) => asset.imageName)
      }))
      assert.deepStrictEqual(yield* names, kept)
    })).pipe(Effect.provide(InvokeAiTest.layer())))

  it.effect("adopts existing images, and keeps them by the same rules", () =>
    Effect.gen(function*() {
      const { addBoard, addImage } = yield* Simulator
      yield* addImage({ name: "theirs.png", bytes: picture, starred: true, boardId: yield* addBoard("samples") })
      yield* addImage({ name: "other.png", bytes: picture })
      yield* Effect.scoped(Effect.gen(function*() {
        const asset = yield* Assets.adopt({ image_name: "theirs.png" })
        assert.strictEqual(asset.content, null)
        yield* Effect.scoped(Assets.adopt("theirs.png"))
        assert.include(yield* names, "theirs.png", "still adopted by the outer scope")
        yield* Assets.adopt("other.png")
        yield* star("other.png")
        yield* fails(Assets.adopt("missing.png"), "ImageMissing")
      }))
      assert.deepStrictEqual(yield* names, ["other.png"])
    }).pipe(Effect.provide(InvokeAiTest.layer())))

  it.effect("logs and reports a deletion without effect, and does not hide the failure before it", () => {
    const logged: Array<string> = []
    const logger = Logger.make(({ message }) => {
      logged.push(String(message))
    })
    return Effect.gen(function*() {
      const simulator = yield* Simulator
      yield* inject(Fault.http(
        deletion,
        Fault.corruptBody(JSON.stringify({ affected_boards: [], deleted_images: [], failed_images: [] }), {
          contentType: "application/json"
        })
      ))
      const exit = yield* Assets.uploadBytes(picture).pipe(
        Effect.andThen(Effect.fail("the reason")),
        Effect.scoped,
        Effect.exit
      )
      assert.deepStrictEqual(exit, Exit.fail("the reason"))
      const imageName = (yield* names).join()
      const leftovers = yield* Assets.Assets.use((assets) => assets.leftovers)
      assert.deepStrictEqual(leftovers.map((each) => each.imageName), [imageName])
      assert.strictEqual(leftovers[0]?.error._tag, "InvokeAiError")
      assert.include(logged.join("\n"), `${imageName} could not be deleted`)
      yield* simulator.clearFaults
      assert.deepStrictEqual((yield* Cleanup.inputs()).deleted, [imageName])
      assert.deepStrictEqual(yield* Assets.Assets.use((assets) => assets.leftovers), [])
    }).pipe(Effect.provide([InvokeAiTest.layer(), Logger.layer([logger])]))
  })

  it.effect("counts a missing image as deleted", () =>
    Effect.gen(function*() {
      const images = yield* Images
      yield* Effect.scoped(Effect.flatMap(Assets.uploadBytes(picture), ({ imageName }) => images.delete(imageName)))
      assert.deepStrictEqual(yield* names, [])
      assert.deepStrictEqual(yield* Assets.Assets.use((assets) => assets.leftovers), [])
    }).pipe(Effect.provide(InvokeAiTest.layer())))
})

describe("Assets: an upload whose response is lost", () => {
  it.effect("finds its image if the connection breaks after the server has stored it", () =>
    Effect.gen(function*() {
      yield* inject(Fault.http(upload, Fault.dropResponse))
      yield* Effect.scoped(Effect.gen(function*() {
        const asset = yield* Assets.uploadBytes(picture)
        assert.deepStrictEqual(yield* names, [asset.imageName])
        assert.strictEqual((yield* uploads).length, 1)
      }))
      assert.deepStrictEqual(yield* names, [])
    }).pipe(Effect.provide(InvokeAiTest.layer())))

  it.effect("waits for a server that stores its image a moment later", () =>
    drive(
      Effect.gen(function*() {
        yield* inject(Fault.http(upload, Fault.arriveLate("3 seconds")))
        yield* Effect.scoped(Effect.gen(function*() {
          const asset = yield* Assets.uploadBytes(picture)
          assert.deepStrictEqual(yield* names, [asset.imageName])
        }))
        assert.deepStrictEqual(yield* names, [])
        assert.strictEqual((yield* uploads).length, 1)
      }).pipe(Effect.provide(InvokeAiTest.layer({ client: { transferTimeout: "1 second" } })))
    ))

  it.effect("fails if its image is not found", () =>
    drive(
      Effect.gen(function*() {
        yield* inject(Fault.http(upload, Fault.dropRequest))
        yield* fails(Effect.scoped(Assets.uploadBytes(picture)), "Connection")
      }).pipe(Effect.provide(InvokeAiTest.layer()))
    ))

  it.effect.each<readonly [UploadErrorReason, number]>([
    ["Rejected", 415],
    ["BoardMissing", 404],
    ["Forbidden", 401],
    ["Server", 409]
  ])("does not retry a rejection: %s", ([reason, status]) =>
    Effect.gen(function*() {
      const simulator = yield* Simulator
      yield* inject(Fault.http(upload, Fault.status(status)))
      const failure = yield* fails(Effect.scoped(Assets.uploadBytes(picture)), reason)
      assert.strictEqual(failure.cause instanceof Error, true)
      assert.deepStrictEqual((yield* simulator.requests).map(({ path }) => path), [uploadPath])
    }).pipe(Effect.provide(InvokeAiTest.layer())))
})

/** The bytes of the file in a form. */
const fileOf = (form: FormData | undefined) =>
  Effect.promise(async () => {
    const file = form?.get("file")
    return file instanceof File ? new Uint8Array(await file.arrayBuffer()) : undefined
  })

describe("Assets: an upload", () => {
  it.live("detects the type of a file by its content, not by its name", () => {
    const received: { forms: Array<FormData>; aborted: number } = { forms: [], aborted: 0 }
    const layer = client().pipe(Layer.provide(observeUploads(received)), Layer.provide(Simulator.layer({})))
    return Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* temporaryFolder
      yield* fs.writeFile(`${folder}/photo.jpg`, picture)
      const asset = yield* Assets.uploadFile(`${folder}/photo.jpg`)
      assert.strictEqual(asset.source, `${folder}/photo.jpg`)
      assert.strictEqual(asset.content?.type, "png")
      assert.strictEqual(asset.content?.length, picture.length)
      assert.deepStrictEqual(yield* fileOf(received.forms[0]), picture)
      const bytes = yield* Assets.uploadBytes(picture)
      assert.strictEqual(bytes.imageName, asset.imageName)
    })).pipe(Effect.provide([layer, files]))
  })

  it.live("rejects what is not an image or a file, is missing, too large or out of bounds", () =>
    Effect.scoped(Effect.gen(function*() {
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
      assert.strictEqual((yield* uploads).length, 0)
      yield* Assets.uploadFile(`${root}/..inside.png`, { root })
      assert.strictEqual((yield* uploads).length, 1)
    })).pipe(Effect.provide([InvokeAiTest.layer(), files])))

  it.live("reads a stream only up to the limit, even if it announces another length", () => {
    let read = 0
    const endless = Stream.fromIterable([picture]).pipe(
      Stream.concat(Stream.forever(Stream.make(new Uint8Array(1000)))),
      Stream.tap((chunk) => Effect.sync(() => read += chunk.length))
    )
    return Effect.gen(function*() {
      const assets = yield* Assets.Assets
      yield* fails(assets.upload({ name: "endless", data: endless, length: 10 }, { maxBytes: 10_000 }), "TooLarge")
      assert.isAtMost(read, 20_000)
    }).pipe(Effect.scoped, Effect.provide(InvokeAiTest.layer()))
  })

  it.live("hashes a large file in chunks, and recognizes the same file again", () => {
    const received: { forms: Array<FormData>; aborted: number } = { forms: [], aborted: 0 }
    const layer = client().pipe(Layer.provide(observeUploads(received)), Layer.provide(Simulator.layer({})))
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
      assert.strictEqual(received.forms.length, 2)
      assert.strictEqual((yield* fileOf(received.forms[0]))?.length, large.length)
    })).pipe(Effect.provide([layer, files]))
  })
})

describe("Assets: after a crash", () => {
  /** The client of one process, with its ledger in this file. */
  const withLedger = (file: string) => client({ retries: 0 }).pipe(Layer.provide(AssetLedger.layerFile(file)))

  const server = `${InvokeAiTest.url}/`

  it.live("deletes the images in the ledger of the earlier process", () =>
    Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const simulator = yield* Simulator
      const folder = yield* temporaryFolder
      const ledger = `${folder}/state/ledger.jsonl`

      // A process that cannot delete anything at its end.
      yield* inject(Fault.http(deletion, Fault.dropRequest))
      const [first, starred, third] = yield* Effect.gen(function*() {
        const one = yield* Assets.uploadBytes(png(1, 1))
        const two = yield* Assets.uploadBytes(png(1, 2))
        yield* star(two.imageName)
        const three = yield* Assets.uploadBytes(png(1, 3))
        return [one.imageName, two.imageName, three.imageName] as const
      }).pipe(
        Effect.scoped,
        Effect.provide(withLedger(ledger)),
        Effect.provideService(CloseTimeout, "200 millis")
      )
      assert.deepStrictEqual(yield* names, [first, starred, third])
      // It had uploaded one whose name never arrived, and was just writing a note.
      yield* simulator.addImage({ name: "lost.png", bytes: picture, sessionId: "invokeai-upload-x" })
      const line = { set: { id: "invokeai-upload-x", server, board_id: null, starred: false } }
      const foreign = { set: { ...line.set, id: "y", server: "http://other.test/", image_name: third } }
      const text = yield* fs.readFileString(ledger)
      yield* fs.writeFileString(ledger, `${text}${JSON.stringify(line)}\n${JSON.stringify(foreign)}\n{"set":{"id`)
      yield* simulator.clearFaults

      const outcomes = yield* Assets.recover.pipe(Effect.provide(withLedger(ledger)))
      assert.deepStrictEqual(Array.from(outcomes, ([name, outcome]) => [name, outcome._tag]), [
        [first, "Deleted"],
        [third, "Deleted"],
        ["lost.png", "Deleted"]
      ])
      assert.deepStrictEqual(yield* names, [starred])

      const again = yield* Assets.recover.pipe(Effect.provide(withLedger(ledger)))
      assert.strictEqual(again.size, 0)
      assert.deepStrictEqual(JSON.parse(yield* fs.readFileString(ledger)), foreign)
      assert.deepStrictEqual(yield* listing(folder), ["state", "state/ledger.jsonl"])
    })).pipe(Effect.provide([Simulator.layer({}), files])))

  it.live("looks for an upload in flight until the server can no longer receive it", () =>
    Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const simulator = yield* Simulator
      const folder = yield* temporaryFolder
      const ledger = `${folder}/ledger.jsonl`
      const now = yield* DateTime.now
      const recorded = (id: string, hours: number) => ({
        id,
        server,
        board_id: null,
        starred: false,
        recorded_at: DateTime.toEpochMillis(DateTime.subtract(now, { hours }))
      })
      const records = [recorded("in-flight", 0), recorded("lost", 2)]
      yield* fs.writeFileString(ledger, records.map((set) => `${JSON.stringify({ set })}\n`).join(""))
      const recover = Assets.recover.pipe(Effect.provide(withLedger(ledger)))

      assert.strictEqual((yield* recover).size, 0)
      // the server receives the request of the killed process, and many other images after it
      yield* simulator.addImage({ name: "late.png", bytes: picture, sessionId: "in-flight" })
      yield* Effect.forEach(Array.from({ length: 1500 }), () => simulator.addImage({ width: 1, height: 1 }))
      assert.deepStrictEqual([...yield* recover], [["late.png", { _tag: "Deleted" }]])
      assert.strictEqual((yield* recover).size, 0)
      assert.strictEqual(
        (yield* fs.readFileString(ledger)).split("\n").filter((line) => line.includes("\"set\"")).length,
        0
      )
    })).pipe(Effect.provide([Simulator.layer({}), files])))

  it.live("keeps no record of a deleted image", () =>
    Effect.scoped(Effect.gen(function*() {
      const layer = withLedger(`${yield* temporaryFolder}/ledger`)
      yield* Effect.scoped(Assets.uploadBytes(picture)).pipe(Effect.provide(layer))
      yield* inject(Fault.http(upload, Fault.status(415)))
      yield* fails(Effect.scoped(Assets.uploadBytes(picture)).pipe(Effect.provide(layer)), "Rejected")
      const outcomes = yield* Assets.recover.pipe(Effect.provide(layer))
      assert.strictEqual(outcomes.size, 0)
    })).pipe(Effect.provide([Simulator.layer({}), files])))
})
