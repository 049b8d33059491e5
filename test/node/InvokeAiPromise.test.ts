import * as Fault from "@effect-invokeai/core/simulator/Fault"
import { Simulator, type SimulatorOptions } from "@effect-invokeai/core/simulator/Simulator"
import * as InvokeAi from "@effect-invokeai/node/InvokeAiPromise"
import { NodeSimulator } from "@effect-invokeai/node/NodeSimulator"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Result from "effect/Result"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"

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

const rejection = async (promise: Promise<unknown>): Promise<{ readonly _tag: string; readonly message: string }> => {
  const outcome = await promise.then(() => undefined, (error: unknown) => error)
  assert.instanceOf(outcome, Error)
  return outcome as Error & { readonly _tag: string }
}

describe("the client for promises", () => {
  it("goes from a file to images, and leaves no upload behind", () =>
    withServer({ nodeDuration: "20 millis" }, async ({ simulator, url }) => {
      const directory = await Fs.mkdtemp(Path.join(Os.tmpdir(), "invokeai-promise-"))
      {
        await using client = await InvokeAi.connect({ url })
        assert.strictEqual(await client.version(), "6.14.2")
        const upload = await client.uploadBytes(await Fs.readFile(png), { name: "mountain.png" })
        assert.strictEqual((await Effect.runPromise(simulator.state)).images.length, 1)
        assert.isAbove((await client.image(upload.image_name)).length, 1000)
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
      assert.isAbove(workflow.missing().length, 0)
      assert.throws(() => workflow.set({ nothing: 1 }), /nothing/)
      try {
        workflow.set({ num_steps: "many" })
        assert.fail("should have thrown")
      } catch (error) {
        assert.strictEqual((error as { readonly _tag: string })._tag, "InvalidInputValue")
      }
      assert.strictEqual((await rejection(client.submit(workflow)))._tag, "WorkflowNotReady")
      assert.strictEqual((await rejection(workflow.check()))._tag, "WorkflowNotReady")
      assert.strictEqual((await rejection(client.workflow("/nowhere.json")))._tag, "WorkflowNotFound")
      assert.strictEqual((await rejection(client.attach("nothing")))._tag, "JobNotFound")
    }))

  it(
    "rejects with the error of the job, and cancels what is closed before its end",
    () =>
      withServer({ nodeDuration: "200 millis" }, async ({ simulator, url }) => {
        await using client = await InvokeAi.connect({ url })
        const failing = await client.submit(await client.workflow(file("division-by-zero")))
        const error = await rejection(failing.result())
        assert.strictEqual(error._tag, "JobFailed")
        assert.include(error.message, "Divide")
        const workflow = await client.workflow(file("iterate-and-collect"))
        {
          await using job = await client.submit(workflow)
          for await (const event of job.events) {
            if (event._tag === "InvocationStarted") break
          }
          assert.strictEqual((await rejection(job.result({ timeout: 10, onTimeout: "detach" })))._tag, "JobTimeout")
        }
        const last = async () => (await Effect.runPromise(simulator.state)).items.at(-1)?.status
        assert.strictEqual(await last(), "canceled")
        const kept = await client.submit(workflow, { onInterrupt: "detach" })
        const { batchId } = kept
        await kept.close()
        const again = await client.attach(batchId)
        assert.strictEqual((await again.result()).status, "completed")
        const open = await client.submit(workflow)
        assert.strictEqual(open.state().batchId, open.batchId)
        await client.close()
        assert.strictEqual(await last(), "canceled")
        assert.deepStrictEqual((await Effect.runPromise(simulator.leftBehind)).uploads, [])
      }),
    30_000
  )

  it("gives a submission up when its signal says so, and leaves nothing running", () =>
    withServer({
      nodeDuration: "1 second",
      faults: [Fault.http({ method: "POST", path: /enqueue_batch$/ }, Fault.delay("500 millis", "after"))]
    }, async ({ simulator, url }) => {
      await using client = await InvokeAi.connect({ url })
      const workflow = await client.workflow(file("text-only"))
      const controller = new AbortController()
      const submission = client.submit(workflow, { signal: controller.signal })
      setTimeout(() => controller.abort(), 200)
      await rejection(submission)
      const { items } = await Effect.runPromise(simulator.state)
      assert.deepStrictEqual(items.map((item) => item.status), ["canceled"])
    }), 30_000)

  it("runs many, and effects of the library", () =>
    withServer({}, async ({ url }) => {
      await using client = await InvokeAi.connect({ url })
      const workflow = await client.workflow(file("text-only"))
      const seen: Array<number> = []
      for await (const outcome of client.submitAll([workflow, workflow, workflow], { concurrency: 2 })) {
        assert.isTrue(Result.isSuccess(outcome.result))
        seen.push(outcome.index)
      }
      assert.deepStrictEqual(seen.toSorted((a, b) => a - b), [0, 1, 2])
      assert.strictEqual(await client.run(Effect.succeed(42)), 42)
    }))

  it("says so when there is no server", async () => {
    const error = await rejection(InvokeAi.connect({ url: "http://127.0.0.1:9", retries: 0 }))
    assert.strictEqual(error._tag, "InvokeAiError")
    const unreadable = await rejection(InvokeAi.connect({ url: "not a url", retries: 0 }))
    assert.strictEqual(unreadable._tag, "InvokeAiError")
  })
})
