/** Tests of a program that uses the library: no server, no GPU, no waiting. `npx vitest run examples/your-program.test.ts` */
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import * as Simulator from "@effect-invokeai/testing/Simulator"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as TestClock from "effect/testing/TestClock"
import { thumbnail } from "./image-folder.ts"
import { exampleFile } from "./lib/run.ts"

const load = Workflow.fromFile(exampleFile("soft-thumbnail.json"))
const photo = exampleFile("mountain.png")

/** Waits until the simulated server runs an item: reading and sending the photo takes real time. */
const jobRuns = Effect.gen(function*() {
  while ((yield* InvokeAiTest.state).items.every((item) => item.status !== "in_progress")) {
    yield* TestClock.withLive(Effect.sleep("5 millis"))
  }
})

describe("thumbnail", () => {
  it.effect("writes one file, and leaves only the result on the server", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const files = yield* thumbnail(yield* load, photo, folder)
      assert.deepStrictEqual(files, [`${folder}/mountain.png`])
      assert.isTrue(yield* fs.exists(`${folder}/mountain.png`))
      yield* InvokeAiTest.assertClean
    }).pipe(Effect.provide([InvokeAiTest.layer(), NodeServices.layer])))

  it.effect("names the node that failed, and deletes its upload anyway", () =>
    Effect.gen(function*() {
      yield* InvokeAiTest.whenNode("img_blur", Simulator.failsWith("OutOfMemoryError", "no memory left"))
      const error = yield* Effect.flip(thumbnail(yield* load, photo, "nowhere"))
      assert(error._tag === "WorkflowNotCompleted")
      assert.strictEqual(error.reason._tag, "JobFailed")
      assert.include(error.message, "no memory left")
      yield* InvokeAiTest.assertClean
    }).pipe(Effect.provide([InvokeAiTest.layer(), NodeServices.layer])))

  it.effect("times out after five minutes, and cancels the job", () =>
    Effect.gen(function*() {
      const running = yield* Effect.forkChild(Effect.flip(thumbnail(yield* load, photo, "nowhere")))
      yield* jobRuns
      yield* TestClock.adjust("6 minutes") // of the test clock: no real time passes
      const error = yield* Fiber.join(running)
      assert(error._tag === "WorkflowNotCompleted")
      assert.strictEqual(error.reason._tag, "JobTimeout")
      yield* InvokeAiTest.assertClean
    }).pipe(Effect.provide([InvokeAiTest.layer({ nodeDuration: "1 hour" }), NodeServices.layer])))
})
