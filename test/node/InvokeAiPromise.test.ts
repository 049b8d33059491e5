import * as Sweep from "@effect-invokeai/core/workflow/Sweep"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as InvokeAi from "@effect-invokeai/node/InvokeAiPromise"
import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import * as Fault from "@effect-invokeai/testing/Fault"
import { NodeSimulator } from "@effect-invokeai/testing/NodeSimulator"
import { Simulator, type SimulatorOptions } from "@effect-invokeai/testing/Simulator"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Result from "effect/Result"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import { tagOf } from "../tagOf.ts"

const file = (name: string) => new URL(`../fixtures/workflows/${name}.json`, import.meta.url)

const png = new URL("../../examples/mountain.png", import.meta.url)

/** A simulated server on a port, for as long as a test runs. */
const withServer = async (
  options: SimulatorOptions,
  test: (server: { readonly url: string; readonly simulator: Simulator["Service"] }) => Promise<void>
) => {
  const runtime = ManagedRuntime.make(NodeSimulator.layer({ port: 0, ...options }))
  try {
    const context = await runtime.context()
    const { url } = Context.get(context, NodeSimulator)
    await test({ url: String(url), simulator: Context.get(context, Simulator) })
  } finally {
    await runtime.dispose()
  }
}

/** What a call rejects with or throws: an error with a tag, and with the line of this file that made the call. */
const rejection = async (call: Promise<unknown> | (() => unknown)): Promise<Error & { readonly _tag: string }> => {
  const outcome = await Promise.resolve(call).then((value) => typeof value === "function" ? value() : value).then(
    () => undefined,
    (error: unknown) => error
  )
  assert.instanceOf(outcome, Error)
  assert.property(outcome, "_tag")
  assert.include(outcome.stack, `${outcome.name}: `)
  assert.match(outcome.stack ?? "", /InvokeAiPromise\.test\.ts:\d+/)
  return outcome as Error & { readonly _tag: string }
}

const thumbnail = new URL("../../examples/soft-thumbnail.json", import.meta.url)

describe("run for promises", () => {
  it("connects, runs a file with the path of an image, downloads, and leaves no upload on the server", () =>
    withServer({}, async ({ simulator, url }) => {
      const directory = await Fs.mkdtemp(Path.join(Os.tmpdir(), "run-"))
      const fractions: Array<number> = []
      const { files, images, outputs } = await InvokeAi.run(thumbnail, { photo: png.pathname, width: 32 }, {
        directory,
        server: { url },
        onProgress: ({ fraction }) => fractions.push(fraction)
      })
      assert.deepStrictEqual(outputs, { image: images[0] })
      assert.strictEqual(images[0]?.width, 32)
      assert.deepStrictEqual(files.map(({ path }) => path), [images[0]!.path])
      assert.isAbove((await Fs.stat(files[0]!.path)).size, 0)
      assert.strictEqual(fractions.at(-1), 1)
      const { images: stored } = await Effect.runPromise(simulator.state)
      assert.lengthOf([...stored.values()].filter(({ category }) => category === "user"), 0)
      await Fs.rm(directory, { recursive: true })
    }))

  it("uses a connected client, and leaves it open", () =>
    withServer({}, async ({ url }) => {
      await using client = await InvokeAi.connect({ url })
      const first = await InvokeAi.run(thumbnail, { photo: png }, { server: client })
      const workflow = await client.workflow(thumbnail)
      const second = await client.run(workflow, { photo: first.images[0], width: 16 })
      assert.strictEqual(second.images[0]?.width, 16)
    }))

  it("rejects with the reason of its signal, and with the errors of its callbacks and options", () =>
    withServer({}, async ({ url }) => {
      await using client = await InvokeAi.connect({ url })
      const controller = new AbortController()
      const aborted = client.run(thumbnail, { photo: png }, {
        signal: controller.signal,
        onEvent: () => controller.abort(new Error("enough"))
      })
      assert.strictEqual(await aborted.then(() => undefined, (error: Error) => error.message), "enough")
      assert.strictEqual(tagOf(await rejection(client.run(thumbnail, { widht: 1 }))), "InputNotFound")
      assert.strictEqual(
        (await rejection(client.run(thumbnail, { photo: png }, { onProgress: "yes" as never })))._tag,
        "InvalidOption"
      )
      const thrown = await rejection(client.run(thumbnail, { photo: png }, {
        onProgress: () => {
          throw new Error("no more paper")
        }
      }))
      assert.strictEqual(thrown._tag, "UnexpectedError")
      assert.include(thrown.message, "no more paper")
      const rejected = await rejection(client.run(thumbnail, { photo: png }, {
        onEvent: async () => {
          await Promise.reject(new Error("the disk is full"))
        }
      }))
      assert.strictEqual(rejected._tag, "UnexpectedError")
      assert.include(rejected.message, "the disk is full")
    }))
})

describe("the client for promises", () => {
  it("submits a workflow that the Effect modules have opened and changed", () =>
    withServer({}, async ({ url }) => {
      await using client = await InvokeAi.connect({ url })
      const { value } = await client.workflow(file("text-to-image"))
      const varied = await client.runEffect(Workflow.sweep(value, Sweep.product({ prompt: ["a cat", "a dog"] })))
      const job = await client.submit(await client.workflow(varied))
      assert.lengthOf((await job.outputs()).finalImages, 2)
    }))

  it("turns a file into images, and leaves no upload on the server", () =>
    withServer({ nodeDuration: "20 millis" }, async ({ simulator, url }) => {
      const directory = await Fs.mkdtemp(Path.join(Os.tmpdir(), "invokeai-promise-"))
      {
        await using client = await InvokeAi.connect({ url })
        assert.strictEqual(await client.version(), "6.14.2")
        const upload = await client.uploadBytes(await Fs.readFile(png), { name: "mountain.png" })
        assert.strictEqual((await Effect.runPromise(simulator.state)).images.length, 1)
        assert.isAbove((await client.image(upload.imageName)).length, 1000)
        const workflow = await client.workflow(file("iterate-and-collect"))
        await using job = await client.submit(workflow)
        const tags: Array<string> = []
        for await (const event of job.events) tags.push(event._tag)
        assert.strictEqual(tags[0], "JobEnqueued")
        assert.strictEqual(tags.at(-1), "ItemStatusChanged")
        const outputs = await job.outputs()
        assert.deepStrictEqual(outputs.finalImages.map((image) => image.width), [32, 64, 96])
        const streamed: Array<string> = []
        for await (const output of job.outputStream) streamed.push(output.preparedId)
        assert.strictEqual(streamed.length, outputs.all.length)
        assert.strictEqual(job.items()[0]?.status, "completed")
        const { files, images } = await client.download(outputs, { directory })
        assert.strictEqual(images, 3)
        for (const one of files) assert.isAbove((await Fs.stat(one.path)).size, 0)
      }
      const { images, items } = await Effect.runPromise(simulator.state)
      assert.isFalse(images.some((image) => image.isUpload))
      assert.isTrue(items.every((item) => item.status === "completed"))
      await Fs.rm(directory, { recursive: true })
    }))

  it("sets inputs without changing the workflow, and throws the tagged errors", () =>
    withServer({}, async ({ url }) => {
      await using client = await InvokeAi.connect({ url })
      const workflow = await client.workflow(new URL("../../examples/flux-image-to-image.json", import.meta.url))
      const steps = workflow.inputs.find((input) => input.userName === "num_steps")!
      const changed = workflow.set({ num_steps: 12 })
      assert.strictEqual(workflow.inputs.find((input) => input.systemName === steps.systemName)?.field.value, 20)
      assert.strictEqual(changed.inputs.find((input) => input.systemName === steps.systemName)?.field.value, 12)
      assert.isAbove(workflow.missingInputs().length, 0)
      assert.throws(() => workflow.set({ nothing: 1 }), /nothing/)
      try {
        workflow.set({ num_steps: "many" })
        assert.fail("should have thrown")
      } catch (error) {
        assert.strictEqual(tagOf(error as { readonly _tag: string }), "InvalidInputValue")
      }
      assert.strictEqual((await rejection(client.submit(workflow)))._tag, "WorkflowNotReady")
      assert.strictEqual((await rejection(workflow.check()))._tag, "WorkflowNotReady")
      assert.strictEqual((await rejection(client.workflow("/nowhere.json")))._tag, "WorkflowNotFound")
      assert.strictEqual((await rejection(client.attach("nothing")))._tag, "JobNotFound")
    }))

  it(
    "rejects with the error of the job, and cancels a job that is closed before it ends",
    () =>
      withServer({ nodeDuration: "200 millis" }, async ({ simulator, url }) => {
        await using client = await InvokeAi.connect({ url })
        const failing = await client.submit(await client.workflow(file("division-by-zero")))
        const error = await rejection(failing.result())
        assert(error._tag === "WorkflowNotCompleted")
        assert.strictEqual(tagOf(error), "JobFailed")
        assert.include(error.message, "Divide")
        const workflow = await client.workflow(file("iterate-and-collect"))
        {
          await using job = await client.submit(workflow)
          for await (const event of job.events) {
            if (event._tag === "InvocationStarted") break
          }
          assert.strictEqual(tagOf(await rejection(job.result({ timeout: 10, onTimeout: "detach" }))), "JobTimeout")
        }
        const last = async () => (await Effect.runPromise(simulator.state)).items.at(-1)?.status
        assert.strictEqual(await last(), "canceled")
        const kept = await client.submit(workflow, { onScopeClose: "detach" })
        const { batchId } = kept
        await kept.close()
        const again = await client.attach(batchId)
        assert.strictEqual((await again.result()).status, "completed")
        const open = await client.submit(workflow)
        assert.strictEqual(open.state().batchId, open.batchId)
        await client.close()
        assert.strictEqual(await last(), "canceled")
        assert.deepStrictEqual((await Effect.runPromise(simulator.leftovers)).uploads, [])
      }),
    30_000
  )

  it("aborts a submission with its signal, and leaves no running job", () =>
    withServer({
      nodeDuration: "1 second",
      faults: [Fault.http({ method: "POST", path: /enqueue_batch$/ }, Fault.delay("500 millis", "after"))]
    }, async ({ simulator, url }) => {
      await using client = await InvokeAi.connect({ url })
      const workflow = await client.workflow(file("text-only"))
      const controller = new AbortController()
      const submission = client.submit(workflow, { signal: controller.signal })
      setTimeout(() => controller.abort(), 200)
      assert.strictEqual(await submission.catch((error: unknown) => error), controller.signal.reason)
      const { items } = await Effect.runPromise(simulator.state)
      assert.deepStrictEqual(items.map((item) => item.status), ["canceled"])
    }), 30_000)

  it("runs many workflows, and effects of the library", () =>
    withServer({}, async ({ url }) => {
      await using client = await InvokeAi.connect({ url })
      const workflow = await client.workflow(file("text-only"))
      const seen: Array<number> = []
      for await (const outcome of client.submitAll([workflow, workflow, workflow], { concurrency: 2 })) {
        assert.isTrue(Result.isSuccess(outcome.result))
        seen.push(outcome.index)
      }
      assert.deepStrictEqual(seen.toSorted((a, b) => a - b), [0, 1, 2])
      assert.strictEqual(await client.runEffect(Effect.succeed(42)), 42)
    }))

  it(
    "rejects with the reason of the abort, whatever its type",
    () =>
      withServer({ nodeDuration: "1 minute" }, async ({ url }) => {
        await using client = await InvokeAi.connect({ url })
        const job = await client.submit(await client.workflow(file("text-only")))
        const before = AbortSignal.abort("not needed any more")
        assert.strictEqual(await job.result({ signal: before }).catch((error: unknown) => error), before.reason)
        const during = AbortSignal.timeout(20)
        assert.strictEqual(await job.result({ signal: during }).catch((error: unknown) => error), during.reason)
        assert.strictEqual(during.reason.name, "TimeoutError")
      }),
    20_000
  )

  it(
    "rejects every call after it is closed, and can be closed again",
    () =>
      withServer({ nodeDuration: "1 minute" }, async ({ url }) => {
        const client = await InvokeAi.connect({ url })
        const workflow = await client.workflow(file("text-only"))
        const job = await client.submit(workflow)
        const pending = rejection(client.runEffect(Effect.never))
        await Promise.all([client.close(), client.close(), job.close()])
        assert.strictEqual((await pending)._tag, "ClientClosed")
        for (
          const call of [
            () => client.version(),
            () => client.workflow(file("text-only")),
            () => client.submit(workflow),
            () => client.attach(job.batchId),
            () => client.submitAll([workflow])[Symbol.asyncIterator]().next(),
            () => job.result(),
            () => job.cancel(),
            () => workflow.check()
          ]
        ) {
          const error = await rejection(call)
          assert.strictEqual(error._tag, "ClientClosed")
          assert.include(error.message, "the client is closed. Close it after the last call, or connect again")
        }
        await job.close()
        await client.close()
        assert.strictEqual(workflow.missingInputs().length, 0)
      }),
    20_000
  )

  it(
    "rejects with a tag for values that the types do not allow, and for defects",
    () =>
      withServer({ nodeDuration: "1 minute" }, async ({ url }) => {
        await using client = await InvokeAi.connect({ url })
        const workflow = await client.workflow(file("text-only"))
        const wrong = (value: string | undefined) => value as never // what a program in JavaScript may pass
        const duration = { timeout: wrong("10 mins") }
        for (
          const call of [
            () => InvokeAi.connect({ url, ...duration }),
            () => client.submit(workflow, duration),
            () => client.submit(workflow, { lookupTimeout: wrong("soon") })
          ]
        ) {
          const error = await rejection(call)
          assert.strictEqual(error._tag, "InvalidOption")
          assert.match(
            error.message,
            /expected milliseconds, or a number and a unit such as .*, got "(?:10 mins|soon)"/
          )
        }
        const choice = await rejection(() => client.submit(workflow, { onTimeout: wrong("stop") }))
        assert.strictEqual(
          choice.message,
          "Invalid option \"onTimeout\": expected \"cancel\" or \"detach\", got \"stop\""
        )
        const seed = await rejection(() => client.submit(workflow, { seed: wrong("rnd") }))
        assert.include(seed.message, "seed: expected keep, random, perRun, or an integer between 0 and")

        const job = await client.submit(workflow)
        assert.strictEqual((await rejection(() => job.result(duration)))._tag, "InvalidOption")
        assert.strictEqual((await rejection(client.runEffect(Effect.die("broken"))))._tag, "UnexpectedError")
        assert.strictEqual((await rejection(client.runEffect(Effect.interrupt)))._tag, "UnexpectedError")
        assert.strictEqual((await rejection(() => client.submit(wrong(undefined))))._tag, "InvalidOption")
        assert.strictEqual((await rejection(() => workflow.set(wrong(undefined))))._tag, "InvalidOption")
        const notAFile = await rejection(() => client.workflow(new URL("http://127.0.0.1/workflow.json")))
        assert.include(notAFile.message, "The URL must be of scheme file")
      }),
    20_000
  )

  it("shows the line of each call, also if two calls reject with the same error", () =>
    withServer({}, async ({ url }) => {
      await using client = await InvokeAi.connect({ url })
      const failing = await client.submit(await client.workflow(file("division-by-zero")))
      const lines = (stack: string | undefined) => stack?.match(/InvokeAiPromise\.test\.ts:\d+/g) ?? []
      const first = lines((await failing.result().catch((error: Error) => error) as Error).stack)
      const second = lines((await failing.outputs().catch((error: Error) => error) as Error).stack)
      assert.strictEqual(first.length, second.length)
      assert.notDeepEqual(first, second)
    }))

  it(
    "can leave a loop over many jobs early, and cancels the remaining jobs when it is closed",
    () =>
      withServer({ nodeDuration: "300 millis" }, async ({ simulator, url }) => {
        const client = await InvokeAi.connect({ url })
        const workflow = await client.workflow(file("text-only"))
        // different values, as the server would take equal nodes from its cache
        const many = [1, 2, 3, 4, 5].map((value) =>
          workflow.setField("061462b6-b15d-577c-94d1-0a53dcb6e793.value", value)
        )
        const statuses = async () => (await Effect.runPromise(simulator.state)).items.map((item) => item.status)
        for await (const outcome of client.submitAll(many.slice(0, 3))) {
          assert.isTrue(Result.isSuccess(outcome.result))
          break
        }
        assert.sameMembers(await statuses(), ["completed", "canceled", "canceled"])
        const pending = rejection(client.submitAll(many.slice(3))[Symbol.asyncIterator]().next())
        while ((await statuses()).length < 5) await new Promise((resolve) => setTimeout(resolve, 20))
        await client.close()
        assert.strictEqual((await pending)._tag, "ClientClosed")
        assert.isFalse((await statuses()).some((status) => status === "pending" || status === "in_progress"))
      }),
    20_000
  )

  it("rejects if the server is unreachable", async () => {
    const error = await rejection(InvokeAi.connect({ url: "http://127.0.0.1:9", retries: 0 }))
    assert.strictEqual(error._tag, "InvokeAiError")
    const unreadable = await rejection(InvokeAi.connect({ url: "not a url", retries: 0 }))
    assert.strictEqual(unreadable._tag, "InvokeAiError")
  })

  it("rejects with an error if a variable of the environment is invalid", () =>
    withServer({}, async ({ url }) => {
      const layer = NodeInvokeAi.layerConfig({ url }).pipe(
        Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ INVOKEAI_TIMEOUT: "10 mins" })))
      )
      await using client = InvokeAi.fromLayer(layer)
      const error = await rejection(client.version())
      assert.strictEqual(error._tag, "ConfigError")
      assert.include(error.message, "INVOKEAI_TIMEOUT")
    }))
})
