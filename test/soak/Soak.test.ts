import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import * as Job from "@effect-invokeai/core/job/Job"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as Fault from "@effect-invokeai/testing/Fault"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import * as Png from "@effect-invokeai/testing/Png"
import * as Raster from "@effect-invokeai/testing/Raster"
import { Simulator } from "@effect-invokeai/testing/Simulator"
import { assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { readFileSync } from "node:fs"
import * as SimulatorCatalog from "../../packages/testing/src/internal/SimulatorCatalog.ts"
import { tagOf } from "../tagOf.ts"
import { drive } from "../time.ts"

/** How many seeds are tried, and where they begin: `SOAK_SEEDS=500 SOAK_FROM=1000 npx vitest run test/soak`. */
const seeds = Number(process.env["SOAK_SEEDS"] ?? 40)
const first = Number(process.env["SOAK_FROM"] ?? 1)

const versions = ["6.14.2", "6.13.8", "6.8.1", "6.3.0"] as const

const load = (name: string) =>
  Workflow.fromJson(readFileSync(new URL(`../fixtures/workflows/${name}.json`, import.meta.url), "utf8"))

const picture = (seed: number) => Png.encode(Raster.painted(24 + seed % 8, 16, `picture ${seed}`))

/** Errors that say that the server could not do its part; any other is a mistake of the client. */
const honest = new Set([
  "InvokeAiError",
  "SubmissionUnknown",
  "UploadError",
  "DownloadError",
  "JobLost"
])

interface Outcome {
  readonly name: string
  /** What came, in a form that can be compared; or the tag of the error. */
  readonly result: unknown
}

const iterate = Effect.gen(function*() {
  const job = yield* Job.submit(yield* load("iterate-and-collect"))
  const { outputs } = yield* job.await
  return outputs.finalImages.map((image) => image.width)
})

const batch = Effect.gen(function*() {
  const job = yield* Job.submit(yield* load("batch-groups"))
  const { items } = yield* job.await
  return items.map((item) =>
    item.outputs.some((output) =>
      output._tag === "InkImageOutput" &&
      output.width === item.fieldValues.find((one) => one.fieldName === "width")?.value
    )
  )
})

const change = (seed: number) =>
  Effect.gen(function*() {
    const photo = yield* Assets.uploadBytes(picture(seed), { name: "photo.png" })
    const ready = yield* Workflow.setInputs(yield* load("image-blur"), { Picture: photo })
    const job = yield* Job.submit(ready)
    const { outputs } = yield* job.await
    return yield* Effect.forEach(outputs.finalImages, (image) =>
      Effect.map(Downloads.bytes(image), (bytes) => {
        const view = new DataView(bytes.buffer, bytes.byteOffset)
        return [view.getUint32(16), view.getUint32(20)]
      }))
  })

const outcomeOf = <A, E extends { readonly _tag: string }, R>(name: string, program: Effect.Effect<A, E, R>) =>
  Effect.scoped(program).pipe(
    Effect.match({
      onSuccess: (result): Outcome => ({ name, result }),
      onFailure: (error): Outcome => ({ name, result: tagOf(error) })
    })
  )

/** Three programs at once: iterations, a batch of six, and a picture that is uploaded, changed and downloaded. */
const programs = (seed: number) =>
  Effect.all([outcomeOf("iterate", iterate), outcomeOf("batch", batch), outcomeOf("picture", change(seed))], {
    concurrency: "unbounded"
  })

const right: Readonly<Record<string, unknown>> = {
  iterate: [32, 64, 96],
  batch: Array.from({ length: 6 }, () => true),
  picture: [[96, 96]]
}

const soak = (seed: number) =>
  drive(
    Effect.gen(function*() {
      const simulator = yield* Simulator
      const outcomes = yield* programs(seed)
      // a request whose answer was late may still be on its way
      yield* Effect.sleep("3 minutes")
      // an image that could not be deleted is reported, and can be deleted later
      yield* simulator.clearFaults
      const assets = yield* Assets.Assets
      for (const { imageName } of yield* assets.leftovers) yield* assets.release(imageName)
      const { items } = yield* simulator.state
      const { unfinishedItems, uploads } = yield* simulator.leftovers
      const requests = (yield* simulator.requests).map((one) => `${one.at} ${one.method} ${one.path} ${one.status}`)
      const log = [...requests, ...items.map((one) => JSON.stringify(one)), JSON.stringify(yield* simulator.events)]
      return { outcomes, items, unfinishedItems, uploads, log }
    }).pipe(Effect.provide(InvokeAiTest.layer({
      version: versions[seed % versions.length],
      seed,
      nodeDuration: "40 millis",
      faults: [
        Fault.random(seed, { requests: 0.15, events: 0.15, maxFaults: 30 }),
        Fault.slowDisk("200 millis", { nth: 2, times: 10 })
      ]
    })))
  ).pipe(Effect.provide(TestClock.layer()))

// loading the node types takes real time, which would be time of the test clock too
beforeAll(() => Effect.runPromise(SimulatorCatalog.snapshot))

describe("Jobs under random faults", () => {
  it.effect(
    `return the right outputs or the real error, run once, and leave nothing (${seeds} seeds)`,
    () =>
      Effect.gen(function*() {
        let succeeded = 0
        for (let seed = first; seed < first + seeds; seed++) {
          const { items, outcomes, unfinishedItems, uploads } = yield* soak(seed)
          for (const { name, result } of outcomes) {
            const what = `seed ${seed}, ${name}: ${JSON.stringify(result)}`
            if (typeof result === "string") assert.isTrue(honest.has(result), what)
            else assert.deepStrictEqual(result, right[name], what)
            if (typeof result !== "string") succeeded += 1
          }
          assert.deepStrictEqual(unfinishedItems, [], `seed ${seed}: unfinished items`)
          assert.deepStrictEqual(uploads, [], `seed ${seed}: uploads`)
          // what ran to its end ran once: no batch has more completed items than it was made of
          const batches = new Map<string, number>()
          for (const item of items) {
            if (item.status === "completed") batches.set(item.batchId, (batches.get(item.batchId) ?? 0) + 1)
          }
          assert.isAtMost(batches.size, 3, `seed ${seed}: batches`)
          for (const [id, count] of batches) assert.include([1, 6], count, `seed ${seed}: batch ${id}`)
        }
        // faults come to an end, and the client goes on until it knows
        assert.isAbove(succeeded, seeds * 2)
      }),
    { timeout: 300_000 }
  )

  it.effect("are reproducible with the same seed", () =>
    Effect.gen(function*() {
      for (const seed of [3, 8]) {
        const one = yield* soak(seed)
        const other = yield* soak(seed)
        assert.deepStrictEqual(other.outcomes, one.outcomes)
        assert.deepStrictEqual(other.log, one.log)
      }
    }), { timeout: 60_000 })
})
