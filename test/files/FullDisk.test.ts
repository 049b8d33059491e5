/** The journal and the ledger on a disk that is full, or that cannot be written for another reason, for some time. */
import { AssetLedger, layerFile } from "@effect-invokeai/core/assets/AssetLedger"
import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as Job from "@effect-invokeai/core/job/Job"
import { JobJournal, type RecordError } from "@effect-invokeai/core/job/JobJournal"
import * as JobRecovery from "@effect-invokeai/core/job/JobRecovery"
import * as NodeProcessIdentity from "@effect-invokeai/node/ProcessIdentity"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import { Simulator } from "@effect-invokeai/testing/Simulator"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as PlatformError from "effect/PlatformError"
import { batchOf, withServer } from "../job/server.ts"
import { png } from "../media.ts"

const problems = { ENOSPC: "DiskFull", EROFS: "Permission", EIO: "File" } as const

/** A disk. While it is broken, writing fails, and half of what is written remains. */
const makeDisk = (code: keyof typeof problems) => {
  const disk = { broken: false }
  const layer = Layer.effect(
    FileSystem.FileSystem,
    Effect.map(FileSystem.FileSystem, (fs) => {
      const fail = (method: string, path: string) =>
        PlatformError.systemError({
          _tag: "Unknown",
          module: "FileSystem",
          method,
          pathOrDescriptor: path,
          cause: Object.assign(new Error(code), { code })
        })
      return FileSystem.FileSystem.of({
        ...fs,
        open: (path, options) =>
          Effect.map(fs.open(path, options), (handle) =>
            new Proxy(handle, {
              get: (target, property) =>
                property === "writeAll" && disk.broken
                  ? (bytes: Uint8Array) =>
                    Effect.andThen(
                      target.writeAll(bytes.subarray(0, bytes.length / 2)),
                      Effect.fail(fail("write", path))
                    )
                  : Reflect.get(target, property)
            }))
      })
    })
  ).pipe(Layer.provideMerge(NodeServices.layer))
  return { disk, layer: Layer.merge(layer, NodeProcessIdentity.layer) }
}

const temporaryDirectory = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())

describe("A disk that cannot be written", () => {
  for (const [code, reason] of Object.entries(problems) as ReadonlyArray<[keyof typeof problems, string]>) {
    const { disk, layer } = makeDisk(code)

    it.live(`prevents an upload that cannot be recorded, and not the next one: ${code}`, () => {
      return Effect.gen(function*() {
        disk.broken = false
        const fs = yield* FileSystem.FileSystem
        const file = `${yield* temporaryDirectory}/uploads.jsonl`
        const program = Effect.gen(function*() {
          const { requests } = yield* Simulator
          const uploads = Effect.map(requests, (all) => all.filter(({ path }) => path.endsWith("/upload")).length)
          yield* Assets.uploadBytes(png(1, 1))
          disk.broken = true
          for (const upload of [Assets.uploadBytes(png(1, 2)), Assets.adopt("existing.png")]) {
            const error = yield* Effect.flip(upload)
            assert.ok(error._tag === "UploadError")
            assert.strictEqual(error.reason, "NotRecorded")
            assert.strictEqual((error.cause as RecordError).reason, reason)
            assert.include(error.message, "asset ledger")
          }
          assert.strictEqual(yield* uploads, 1)
          disk.broken = false
          const second = yield* Assets.uploadBytes(png(1, 3))
          assert.strictEqual(yield* uploads, 2)
          // what a process that is killed now leaves
          yield* fs.copyFile(file, `${file}.copy`)
          const left = yield* Effect.scoped(Effect.provide(
            Effect.flatMap(AssetLedger, (ledger) => ledger.previousRecords),
            layerFile(`${file}.copy`)
          ))
          assert.include(left.map((record) => record.image_name), second.imageName)
          disk.broken = true
        })
        const server = InvokeAiTest.layer({ images: [{ name: "existing.png" }] })
        yield* Effect.gen(function*() {
          yield* Effect.scoped(program)
          const { images } = yield* InvokeAiTest.state
          assert.deepStrictEqual(images.map(({ name }) => name), ["existing.png"])
        }).pipe(Effect.provide(server.pipe(Layer.provide(layerFile(file)))))
        disk.broken = false
      }).pipe(Effect.scoped, Effect.provide(layer))
    })

    it.effect(`prevents a job that cannot be recorded, and loses no submitted job: ${code}`, () =>
      Effect.gen(function*() {
        disk.broken = false
        const directory = yield* temporaryDirectory
        const { server } = yield* withServer({}, (server) =>
          Effect.gen(function*() {
            const journal = yield* JobJournal
            disk.broken = true
            const error = yield* Effect.flip(Effect.scoped(Job.submitBatch(batchOf())))
            assert.strictEqual(error._tag, "RecordError")
            if (error._tag === "RecordError") assert.deepStrictEqual([error.reason, error.operation], [reason, "write"])
            assert.strictEqual(server.enqueues.length, 0)
            disk.broken = false
            assert.deepStrictEqual(yield* journal.entries, [])

            // The disk breaks between the two writes; the program fails after the job.
            const failed = yield* Effect.exit(Effect.scoped(Effect.gen(function*() {
              const broken = {
                ...journal,
                put: (entry: Parameters<typeof journal.put>[0]) =>
                  Effect.tap(journal.put(entry), () => Effect.sync(() => disk.broken = true))
              }
              const job = yield* Job.submitBatch(batchOf()).pipe(Effect.provideService(JobJournal, broken))
              yield* job.await
              return yield* Effect.fail("no space for the results")
            })))
            assert.isTrue(Exit.isFailure(failed))
            disk.broken = false
            const [entry] = yield* journal.entries
            assert.strictEqual(entry?.stage, "sending")
            yield* Effect.scoped(Effect.flatMap(JobRecovery.resume(entry!), (job) => job.await))
            // the simulated time of the cleanup can end before a real disk has responded; then it continues in the background
            const left = yield* Effect.repeat(journal.entries, { until: (entries) => entries.length === 0, times: 200 })
            assert.deepStrictEqual(left, [])
          }).pipe(Effect.provide(JobJournal.layerDirectory(`${directory}/jobs`))))
        assert.strictEqual(server.enqueues.length, 1)
      }).pipe(Effect.scoped, Effect.provide(layer)))
  }
})
