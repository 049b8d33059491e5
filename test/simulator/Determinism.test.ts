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
import * as Digest from "effect/crypto/Digest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import * as SeededCrypto from "../../packages/testing/src/internal/seededCrypto.ts"
import * as SimulatorCatalog from "../../packages/testing/src/internal/SimulatorCatalog.ts"
import { drive } from "../time.ts"

const text = readFileSync(new URL("../fixtures/workflows/image-blur.json", import.meta.url), "utf8")
const picture = Png.encode(Raster.painted(20, 10, "picture"))

/** A whole program: upload, run with a fault, events, download; everything that came of it. */
const program = (seed: number) =>
  drive(
    Effect.gen(function*() {
      const simulator = yield* Simulator
      const seen = yield* Effect.scoped(Effect.gen(function*() {
        const photo = yield* Assets.uploadBytes(picture, { name: "photo.png" })
        const ready = yield* Workflow.setInputs(yield* Workflow.fromJson(text), { Picture: photo })
        const job = yield* Job.submit(ready)
        const events = yield* Stream.runCollect(job.events)
        const { outputs } = yield* job.await
        const files = yield* Effect.forEach(outputs.finalImages, (image) => Downloads.bytes(image))
        return { events, files: files.map((bytes) => createHash("sha256").update(bytes).digest("hex")) }
      }))
      return JSON.stringify([seen, yield* simulator.events, yield* simulator.requests, yield* simulator.state])
    }).pipe(Effect.provide(InvokeAiTest.layer({
      seed,
      nodeDuration: "30 millis",
      faults: [
        Fault.http({ path: "/api/v1/queue/{queue_id}/enqueue_batch" }, Fault.dropResponse),
        Fault.event({ nth: 4 }, Fault.disconnect)
      ]
    })))
  ).pipe(Effect.provide(TestClock.layer()))

beforeAll(() => Effect.runPromise(SimulatorCatalog.snapshot))

describe("a test on the simulator", () => {
  it.effect("gets the same bytes, events and requests 100 times", () =>
    Effect.gen(function*() {
      const first = yield* program(1)
      for (let turn = 1; turn < 100; turn++) assert.strictEqual(yield* program(1), first, `run ${turn + 1}`)
      assert.notStrictEqual(yield* program(2), first)
    }), { timeout: 120_000 })

  it("hashes synchronously", () => {
    const hash = (algorithm: Digest.Algorithm) =>
      Effect.flatMap(Digest.Digest, (digest) => digest.digestHex(algorithm, new TextEncoder().encode("abc"))).pipe(
        Effect.provide(SeededCrypto.layer(1)),
        Effect.runSync
      )
    assert.strictEqual(hash(Digest.sha256), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    assert.strictEqual(hash(Digest.md5), "900150983cd24fb0d6963f7d28e17f72")
  })
})
