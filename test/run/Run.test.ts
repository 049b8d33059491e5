import * as Run from "@effect-invokeai/core/run/Run"
import { Images } from "@effect-invokeai/core/server/Images"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as WorkflowInterface from "@effect-invokeai/core/workflow/WorkflowInterface"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import * as Simulator from "@effect-invokeai/testing/Simulator"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { readFileSync } from "node:fs"
import { inspect } from "node:util"
import { tagOf } from "../tagOf.ts"
import { drive } from "../time.ts"

const file = (path: string) => new URL(`../../${path}`, import.meta.url)
const thumbnail = file("examples/soft-thumbnail.json")
const photo = file("examples/mountain.png")
const bytes = new Uint8Array(readFileSync(photo))

const test = <A, E>(
  effect: Effect.Effect<A, E, Run.RunServices | Simulator.Simulator>
) =>
  drive(
    Effect.andThen(effect, InvokeAiTest.assertClean).pipe(
      Effect.provide([InvokeAiTest.layer(), NodeServices.layer])
    )
  )

const uploads = Effect.gen(function*() {
  const images = yield* Images
  return (yield* Stream.runCollect(images.list({ categories: ["user"] }))).length
})

/** Says that it has a gigabyte, and never sends it. */
const huge = () => new Response(new ReadableStream(), { headers: { "content-length": String(1024 ** 3) } })

/** An HTTP client that has one image, and one that is too large. */
const http = HttpClient.make((request, url) =>
  url.href === "https://example.com/photo.png?key=secret"
    ? Effect.succeed(HttpClientResponse.fromWeb(request, new Response(bytes)))
    : url.href === "https://example.com/huge.png"
    ? Effect.succeed(HttpClientResponse.fromWeb(request, huge()))
    : Effect.fail(
      new HttpClientError.HttpClientError({
        reason: new HttpClientError.TransportError({ request, description: "no such host" })
      })
    )
)

describe("run", () => {
  it.effect("returns the outputs of a file by name, and the files that it downloaded", () =>
    test(Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      const result = yield* Run.run(thumbnail, { photo, width: 32, softness: 1 }, { directory, template: "small" })
      const path = `${directory}/small.png`
      assert.deepStrictEqual(result.files.map((each) => each.path), [path])
      assert.isTrue(yield* fs.exists(path))
      const [image] = result.images
      assert.deepInclude(image, { width: 32, path })
      assert.deepStrictEqual(result.outputs, { image })
      const { outputSchema } = WorkflowInterface.make(yield* Workflow.fromJson(readFileSync(thumbnail, "utf8")))
      assert.isTrue(Schema.is(outputSchema)(result.outputs))
      assert.strictEqual(result.job.status, "completed")
    }))))

  it.effect("uploads images of every form, and deletes them when it ends", () =>
    test(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const forms: ReadonlyArray<unknown> = [
        photo,
        photo.pathname,
        photo.href,
        "examples/mountain.png",
        bytes,
        bytes.buffer,
        new Blob([bytes]),
        `data:image/png;base64,${Buffer.from(bytes).toString("base64")}`,
        "https://example.com/photo.png?key=secret",
        new URL("https://example.com/photo.png?key=secret")
      ]
      for (const form of forms) {
        const { outputs } = yield* Run.run(thumbnail, { photo: form, width: 16 }).pipe(
          Effect.provideService(HttpClient.HttpClient, http)
        )
        assert.strictEqual((outputs["image"] as WorkflowInterface.ImageData).width, 16)
        assert.strictEqual(yield* uploads, 0, String(form).slice(0, 40))
      }
      assert.isTrue(yield* fs.exists(photo.pathname))
    })))

  it.effect("accepts an output of an earlier run, its name included", () =>
    test(Effect.gen(function*() {
      const first = yield* Run.run(thumbnail, { photo: bytes, width: 64 })
      const { image } = first.outputs
      const second = yield* Run.run(thumbnail, { photo: image, width: 32 })
      const third = yield* Run.run(thumbnail, { photo: second.images[0]!.imageName, width: 16 })
      assert.strictEqual(third.images[0]!.width, 16)
      const images = yield* Images
      assert.lengthOf(yield* Stream.runCollect(images.list({ isIntermediate: false })), 3)
    })))

  it.effect("under a batch id uploads and submits once, and returns the same outputs to each caller", () =>
    test(Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const simulator = yield* Simulator.Simulator
      const options = { batchId: "thumbnail-7", directory: yield* fs.makeTempDirectoryScoped() }
      const first = yield* Run.run(thumbnail, { photo, width: 32 }, { ...options, template: "first" })
      const second = yield* Run.run(thumbnail, { photo, width: 32 }, { ...options, template: "second" })
      assert.strictEqual(first.batchId, "thumbnail-7")
      assert.strictEqual(second.images[0]!.imageName, first.images[0]!.imageName)
      assert.deepStrictEqual(
        yield* fs.readFile(second.files[0]!.path),
        yield* fs.readFile(first.files[0]!.path)
      )
      const paths = (yield* simulator.requests).map(({ path }) => path)
      assert.lengthOf(paths.filter((path) => path.endsWith("/images/upload")), 1)
      assert.lengthOf(paths.filter((path) => path.endsWith("/enqueue_batch")), 1)
    }))))

  it.effect("under a batch id still checks its values before it attaches", () =>
    test(Effect.gen(function*() {
      yield* Run.run(thumbnail, { photo, width: 32 }, { batchId: "thumbnail-7" })
      const error = yield* Effect.flip(Run.run(thumbnail, { photo, width: -1 }, { batchId: "thumbnail-7" }))
      assert.strictEqual(tagOf(error), "InvalidInputValue")
    })))

  it.effect("lists the values of an output whose node runs several times", () =>
    test(Effect.gen(function*() {
      const stripes = yield* Run.run(file("test/fixtures/workflows/iterate-and-collect.json"))
      assert.deepStrictEqual(
        (stripes.outputs["result"] as ReadonlyArray<WorkflowInterface.ImageData>).map(({ width }) => width),
        [32, 64, 96]
      )
      const texts = yield* Run.run(file("test/fixtures/workflows/text-only.json"), { name: "Ada" })
      assert.deepStrictEqual(texts.outputs, { sentence: "Hello, Ada", sum: 42 })
      const twice = yield* Run.run(file("test/fixtures/workflows/text-only.json"), {}, { runs: 2 })
      assert.deepStrictEqual(twice.outputs, { sentence: ["Hello, world", "Hello, world"], sum: [42, 42] })
    })))

  it.effect("emits its progress and its events until it ends", () =>
    test(Effect.gen(function*() {
      const fractions: Array<number> = []
      const tags = new Set<string>()
      yield* Run.run(thumbnail, { photo: bytes }, {
        runs: 2,
        onProgress: ({ fraction }) => Effect.sync(() => fractions.push(fraction)),
        onEvent: ({ _tag }) => Effect.sync(() => tags.add(_tag))
      })
      assert.strictEqual(fractions.at(-1), 1)
      assert.deepStrictEqual(fractions, fractions.toSorted((a, b) => a - b))
      assert.includeMembers([...tags], ["JobEnqueued", "InvocationStarted", "InvocationComplete", "ItemStatusChanged"])
    })))

  it.effect("reports all problems before it uploads anything", () =>
    test(Effect.gen(function*() {
      const simulator = yield* Simulator.Simulator
      const tagFor = (values: Workflow.InputValues, options?: Run.RunOptions) =>
        Effect.map(Effect.flip(Run.run(thumbnail, values, options)), tagOf)
      assert.strictEqual(yield* tagFor({ photo: bytes, width: -1 }), "InvalidInputValue")
      assert.strictEqual(yield* tagFor({ photo: bytes, widht: 8 }), "InputNotFound")
      assert.strictEqual(yield* tagFor({ width: 8 }), "WorkflowNotReady")
      assert.strictEqual(yield* tagFor({ photo: bytes }, { template: "x" }), "InvalidOption")
      assert.strictEqual(yield* tagFor({ photo: bytes }, { format: "gif" as never, directory: "x" }), "InvalidOption")
      assert.strictEqual(yield* tagFor({ photo: "missing/photo.png" }), "UploadError")
      assert.strictEqual(yield* tagFor({ photo: "data:image/png;base64,?" }), "UploadError")
      const requests = yield* simulator.requests
      assert.isFalse(requests.some(({ path }) => path.endsWith("/upload") || path.endsWith("/enqueue_batch")))
    })))

  it.effect("does not read a URL whose content is announced as too large", () =>
    test(Effect.gen(function*() {
      const error = yield* Effect.flip(
        Run.run(thumbnail, { photo: "https://example.com/huge.png" }).pipe(
          Effect.provideService(HttpClient.HttpClient, http)
        )
      )
      assert(error._tag === "UploadError")
      assert.strictEqual(error.reason, "TooLarge")
    })))

  it.effect("never shows the query or the credentials of a URL in errors or spans", () =>
    test(Effect.gen(function*() {
      const spans: Array<Tracer.Span> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          spans.push(span)
          return span
        }
      })
      const runs = (photo: string) =>
        Run.run(thumbnail, { photo }).pipe(
          Effect.provideService(HttpClient.HttpClient, http),
          Effect.withTracer(tracer)
        )
      const error = yield* Effect.flip(runs("https://user:pass@example.org/a.png?key=secret"))
      assert.include(error.message, "https://example.org/a.png")
      assert.include(error.message, "it contains credentials")
      const unreachable = yield* Effect.flip(runs("https://example.org/b.png?key=secret"))
      assert.include(unreachable.message, "https://example.org/b.png")
      assert.include((yield* Effect.flip(runs("https://"))).message, "it is not a valid URL")
      yield* runs("https://example.com/photo.png?key=secret")
      const shown = [
        inspect([error, unreachable], { depth: 20 }),
        ...spans.map((span) => inspect([...span.attributes], { depth: 20 }))
      ]
      assert.isAbove(shown.length, 2)
      for (const text of shown) {
        assert.notInclude(text, "secret")
        assert.notInclude(text, "pass")
      }
    })))

  it.effect("counts the time that reading an image takes into its timeout, and names the whole timeout", () =>
    test(Effect.gen(function*() {
      const slow = HttpClient.make((request) =>
        Effect.delay(
          Effect.succeed(HttpClientResponse.fromWeb(request, new Response(bytes))),
          "40 seconds"
        )
      )
      const runs = (timeout: string, runs: number) =>
        Run.run(thumbnail, { photo: "https://example.com/photo.png" }, { timeout: timeout as "1 minute", runs }).pipe(
          Effect.provideService(HttpClient.HttpClient, slow),
          Effect.flip
        )
      // while the image is read, and while the job runs that has 5 seconds left
      for (
        const [timeout, count, status] of [["30 seconds", 1, "unsent"], ["45 seconds", 1000, "in_progress"]] as const
      ) {
        const error = yield* runs(timeout, count)
        assert(error._tag === "WorkflowNotCompleted" && error.reason._tag === "JobTimeout", String(error))
        assert.deepStrictEqual([error.reason.timeout, error.reason.status], [
          timeout === "30 seconds" ? 30_000 : 45_000,
          status
        ])
      }
      assert.strictEqual(yield* uploads, 0)
    })))

  it.effect("submits and uploads nothing if its files could not be written", () =>
    test(Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const queue = yield* SessionQueue
      const directory = yield* fs.makeTempDirectoryScoped()
      const taken = `${directory}/taken`
      yield* fs.writeFileString(taken, "")
      yield* fs.writeFileString(`${directory}/same.png`, "")
      const refused: ReadonlyArray<readonly [Run.RunOptions, string]> = [
        [{ directory, template: "{nope}" }, "InvalidTemplate"],
        [{ directory, template: "../above" }, "InvalidTemplate"],
        [{ directory, template: "same" }, "FileExists"],
        [{ directory: taken }, "NotADirectory"],
        [{ directory: `${taken}/below` }, "NotADirectory"],
        [{ directory, format: "webp" }, "CodecMissing"]
      ]
      for (const [options, reason] of refused) {
        const error = yield* Effect.flip(Run.run(thumbnail, { photo }, options))
        assert(error._tag === "DownloadError")
        assert.strictEqual(error.reason, reason)
      }
      assert.strictEqual(yield* uploads, 0)
      assert.strictEqual((yield* queue.status).queue.total, 0)
      assert.deepStrictEqual((yield* fs.readDirectory(directory)).toSorted(), ["same.png", "taken"])
    }))))

  it.effect("deletes uploads and cancels the job if it is interrupted or fails", () =>
    test(Effect.gen(function*() {
      yield* InvokeAiTest.whenNode("img_blur", Simulator.failsWith("ValueError", "the radius is too large"))
      const error = yield* Effect.flip(Run.run(thumbnail, { photo: bytes }))
      assert(error._tag === "WorkflowNotCompleted")
      assert.strictEqual(error.reason._tag, "JobFailed")
      yield* InvokeAiTest.assertClean
      const started = yield* Deferred.make<void>()
      const fiber = yield* Effect.forkChild(
        Run.run(thumbnail, { photo: bytes }, {
          runs: 3,
          onEvent: (event) =>
            event._tag === "InvocationStarted" ? Effect.asVoid(Deferred.succeed(started, undefined)) : Effect.void
        })
      )
      yield* Deferred.await(started)
      yield* Fiber.interrupt(fiber)
    })))
})
