import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import * as Outputs from "@effect-invokeai/core/job/Outputs"
import * as Fault from "@effect-invokeai/testing/Fault"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import { Simulator } from "@effect-invokeai/testing/Simulator"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { files, listing, temporaryFolder } from "../folders.ts"
import { mp4, png } from "../media.ts"
import { imageOutput, outputsOf } from "./outputs.ts"

const soon = Schedule.recurs(5)
const quick = { retry: soon, notFoundRetry: soon } as const

const fullPath = "/api/v1/videos/i/{video_name}/full"

/** The statuses of the responses with bytes of videos so far: 206 for a download that resumes. */
const statuses = Effect.map(
  Simulator.use((simulator) => simulator.requests),
  (requests) => requests.filter(({ path }) => path.endsWith("/full")).map(({ status }) => status)
)

const read = (file: string) =>
  Effect.map(Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFile(file)), (bytes) => new Uint8Array(bytes))

const videoOutput = (video_name: string, isIntermediate = false) =>
  Outputs.decode({
    type: "video_output",
    video: { video_name },
    width: 8,
    height: 8,
    num_frames: 3,
    fps: 24,
    duration: 0.125
  }, {
    ...imageOutput("x.png", { nodeId: "clip", nodeLabel: "Clip", nodeType: "wan_l2v" }),
    isIntermediate
  })

describe("Downloads.videos", () => {
  it.live.each(["6.3.0", "6.8.1", "6.13.8"] as const)(
    "fails with Unsupported on a server without videos (%s)",
    (version) =>
      Effect.scoped(Effect.gen(function*() {
        const directory = yield* temporaryFolder
        const error = yield* Effect.flip(Downloads.videos(["clip.mp4"], { directory, ...quick }))
        assert(error._tag === "DownloadError")
        assert.strictEqual(error.reason, "Unsupported")
        assert.isFalse(error.isRetryable)
        assert.include(error.message, `InvokeAI ${version} on `)
        assert.include(error.message, "does not have GET /api/v1/videos/i/{video_name}/full: it needs InvokeAI 6.14")
        assert.deepStrictEqual(yield* listing(directory), [])
      })).pipe(Effect.provide([InvokeAiTest.layer({ version }), files]))
  )

  it.live("continue where a connection broke, as often as the retries allow", () =>
    Effect.scoped(Effect.gen(function*() {
      const directory = yield* temporaryFolder
      const simulator = yield* Simulator
      const video = mp4(5000)
      yield* simulator.addVideo({ name: "clip.mp4", bytes: video })
      yield* simulator.inject(Fault.http({ path: fullPath, times: 3 }, Fault.truncate(1001)))
      const seen: Array<number> = []
      const result = yield* Downloads.videos(["clip.mp4"], {
        ...quick,
        directory,
        onProgress: (progress) =>
          Effect.sync(() => {
            if (progress._tag === "Downloading") seen.push(progress.bytes)
          })
      })
      assert.deepStrictEqual(yield* statuses, [200, 206, 206, 206])
      assert.deepStrictEqual(result.files, [
        { kind: "video", path: `${directory}/clip.mp4`, size: video.length, imageName: "clip.mp4", written: true }
      ])
      assert.deepStrictEqual([result.images, result.videos, result.bytes], [0, 1, video.length])
      assert.deepStrictEqual(yield* read(`${directory}/clip.mp4`), video)
      assert.deepStrictEqual(seen.slice(0, 3), [1001, 2002, 3003])
      assert.deepStrictEqual(yield* listing(directory), ["clip.mp4"])
    })).pipe(Effect.provide([InvokeAiTest.layer(), files])))

  it.live("are complete if only the end of the last response was cut off", () => {
    const video = mp4(100)
    return Effect.scoped(Effect.gen(function*() {
      const directory = yield* temporaryFolder
      const simulator = yield* Simulator
      // the server announces more than it has, so the response with all bytes ends as if it were cut off
      yield* simulator.addVideo({ name: "clip.mp4", bytes: Uint8Array.from([...video, 0]) })
      yield* simulator.inject(Fault.http({ path: fullPath }, Fault.truncate(video.length)))
      yield* simulator.inject(Fault.http({ path: fullPath, nth: 2 }, Fault.status(416)))
      const result = yield* Downloads.videos([{ video_name: "clip.mp4" }], { ...quick, directory })
      assert.strictEqual(result.bytes, video.length)
      assert.deepStrictEqual(yield* statuses, [200, 416])
    })).pipe(Effect.provide([InvokeAiTest.layer(), files]))
  })

  it.live("leave no file if they stay incomplete or are missing", () =>
    Effect.scoped(Effect.gen(function*() {
      const directory = yield* temporaryFolder
      const simulator = yield* Simulator
      const video = mp4(100)
      yield* simulator.addVideo({ name: "cut.mp4", bytes: video.subarray(0, 150) })
      yield* simulator.addVideo({ name: "empty.mp4", bytes: video.subarray(0, 0) })
      const once = { retry: Schedule.recurs(0), notFoundRetry: Schedule.recurs(1), directory }
      const reasons = yield* Effect.forEach(
        ["cut.mp4", "empty.mp4", "missing.mp4"],
        (name) =>
          Effect.map(
            Effect.flip(Downloads.videos([name], once)),
            (error) => "reason" in error ? error.reason : error._tag
          )
      )
      assert.deepStrictEqual(reasons, ["Truncated", "Truncated", "NotFound"])
      assert.deepStrictEqual(yield* listing(directory), [])
    })).pipe(Effect.provide([InvokeAiTest.layer(), files])))

  it.live("stay in the directory, whatever the server calls them, and keep other formats unchanged", () =>
    Effect.scoped(Effect.gen(function*() {
      const directory = yield* temporaryFolder
      const simulator = yield* Simulator
      const names = ["..\\..\\up.WEBM", "CON.mp4", "no extension"]
      for (const name of names) yield* simulator.addVideo({ name, bytes: new Uint8Array(20) })
      const result = yield* Downloads.videos(names, { ...quick, directory, metadata: { graph: false } })
      assert.strictEqual(result.videos, 3)
      assert.strictEqual((yield* listing(directory)).length, 6)
      for (const { path } of result.files) assert.isTrue(path.startsWith(`${directory}/`), path)
      assert.deepStrictEqual(
        result.files.filter((file) => file.kind === "video").map(({ path }) => /\.\w+$/.exec(path)?.[0]),
        [".webm", ".mp4", ".mp4"]
      )
      // the routes of a server accept no name with a slash
      const error = yield* Effect.flip(Downloads.videos(["../up.mp4"], { ...quick, directory }))
      assert.strictEqual("reason" in error && error.reason, "NotFound")
      assert.strictEqual((yield* listing(directory)).length, 6)
    })).pipe(Effect.provide([InvokeAiTest.layer(), files])))
})

describe("Downloads.outputs", () => {
  it.live("includes final videos with sidecars, all videos, or no videos", () => {
    const outputs = outputsOf([
      imageOutput("a.png"),
      videoOutput("kept.mp4"),
      videoOutput("kept.mp4"),
      videoOutput("between.mp4", true)
    ])
    return Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* temporaryFolder
      const simulator = yield* Simulator
      yield* simulator.addImage({ name: "a.png", bytes: png(8, 8) })
      for (const name of ["kept.mp4", "between.mp4"]) {
        yield* simulator.addVideo({
          name,
          bytes: mp4(30),
          duration: 1.5,
          graph: { nodes: { sampler: { seed: 5 } } }
        })
      }
      const result = yield* Downloads.outputs(outputs, {
        directory,
        metadata: true,
        template: "{label} {seed}",
        format: "png"
      })
      assert.deepStrictEqual(result.files.map(({ kind, path }) => [kind, path.slice(directory.length + 1)]), [
        ["image", "Save 7.png"],
        ["metadata", "Save 7.png.json"],
        ["video", "Clip 5.mp4"],
        ["metadata", "Clip 5.mp4.json"]
      ])
      assert.deepStrictEqual([result.images, result.videos], [1, 1])
      const sidecar: Record<string, unknown> = JSON.parse(yield* fs.readFileString(`${directory}/Clip 5.mp4.json`))
      assert.strictEqual(sidecar["video_name"], "kept.mp4")
      assert.isFalse("image_name" in sidecar)
      assert.strictEqual(sidecar["duration"], 1.5)
      assert.strictEqual(sidecar["seed"], 5)
      const all = yield* Downloads.outputs(outputs, { directory: `${directory}/all`, videos: "all" })
      const none = yield* Downloads.outputs(outputs, { directory: `${directory}/none`, videos: "none" })
      assert.deepStrictEqual([all.videos, none.videos, none.images], [2, 0, 1])
      const progress = yield* Stream.runCollect(Downloads.outputsProgress(outputs, { directory: `${directory}/p` }))
      assert.deepStrictEqual(
        new Map(progress.flatMap((step) => step._tag === "Downloaded" ? [[step.imageName, step.total]] : [])),
        new Map([["a.png", 2], ["kept.mp4", 2]])
      )
    })).pipe(Effect.provide([InvokeAiTest.layer(), files]))
  })
})
