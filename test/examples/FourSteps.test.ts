import * as Fault from "@effect-invokeai/testing/Fault"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { root, start, temporaryFolder, withServer } from "./support.ts"

const last = Path.join(root, "examples/04-outputs-and-cleanup.ts")

/** The files below a folder, as paths. */
const filesBelow = (folder: string): ReadonlyArray<string> =>
  Fs.globSync("**/*.{png,json}", { cwd: folder }).map((file) => Path.join(folder, file)).toSorted()

const isUpload = (request: { readonly method: string; readonly path: string }): boolean =>
  request.method === "POST" && request.path.endsWith("/images/upload")

describe("the last of the four steps", () => {
  it.live("runs on the embedded simulator, and prints where the images are", () =>
    Effect.gen(function*() {
      const cwd = yield* temporaryFolder
      const { code, output } = yield* Effect.flatMap(start(last, { cwd }), (program) => program.ended)
      assert.strictEqual(code, 0, output)
      assert.include(output, "Total configurable inputs: 9")
      assert.include(output, "Warning: 2 inputs are named \"prompt\"")
      assert.include(output, "Field validation error: Invalid value for input \"num_steps\"")
      assert.include(output, "All required inputs are set, the workflow is ready for submission")
      assert.include(output, "Final status: completed")
      assert.include(output, "Deleted 1 input asset\n")
      assert.notInclude(output, "\u001b", "no terminal, no escape sequences")
      const files = filesBelow(cwd)
      assert.strictEqual(files.length, 2)
      const [image, metadata] = files
      assert.strictEqual(metadata, `${image}.json`)
      assert.include(output, image!)
      assert.strictEqual(Fs.readFileSync(image!).subarray(1, 4).toString("latin1"), "PNG")
    }), 60_000)

  it.live(
    "runs on a server, and leaves only its result there",
    () =>
      withServer({}, ({ simulator, url }) =>
        Effect.gen(function*() {
          const cwd = yield* temporaryFolder
          const program = yield* start(last, { cwd, env: { INVOKEAI_URL: url } })
          const { code, output } = yield* program.ended
          assert.strictEqual(code, 0, output)
          assert.include(output, `Running on the server at ${url}`)
          assert.deepStrictEqual(yield* simulator.leftovers, {
            uploads: [],
            unfinishedItems: [],
            sockets: 0,
            isClean: true
          })
          const { boards, images, items } = yield* simulator.state
          assert.deepStrictEqual(items, [])
          const [samples] = boards
          assert.strictEqual(samples?.name, "samples")
          assert.deepStrictEqual(
            images.filter((image) => !image.isIntermediate).map((
              { boardId, height, width }
            ) => [boardId, width, height]),
            [[samples?.id ?? null, 1024, 768]]
          )
        })),
    60_000
  )

  it.live(
    "leaves no upload, no running job and no image if it is interrupted halfway",
    () =>
      withServer({ stepDuration: "200 millis" }, ({ simulator, url }) =>
        Effect.gen(function*() {
          const cwd = yield* temporaryFolder
          const program = yield* start(last, { cwd, env: { INVOKEAI_URL: url } })
          yield* program.printed("(flux_denoise)")
          const before = yield* simulator.state
          assert.strictEqual(before.images.filter((image) => image.isUpload).length, 1)
          assert.deepStrictEqual(before.items.map((item) => item.status), ["in_progress"])

          yield* program.interrupt
          const { code, output } = yield* program.ended
          assert.strictEqual(code, 130, output)
          assert.include(output, "Stopped.")
          const { isClean } = yield* simulator.leftovers
          assert.isTrue(isClean)
          const { images, items } = yield* simulator.state
          assert.deepStrictEqual(items.map((item) => item.status), ["canceled"])
          assert.deepStrictEqual(images, [])
          assert.deepStrictEqual(filesBelow(cwd), [])
        })),
    60_000
  )

  it.live("leaves no upload if it is interrupted while it uploads", () =>
    withServer({
      faults: [
        Fault.http({ method: "POST", path: "/api/v1/images/upload" }, Fault.delay("1 second", "after"))
      ]
    }, ({ simulator, url }) =>
      Effect.gen(function*() {
        const cwd = yield* temporaryFolder
        const program = yield* start(last, { cwd, env: { INVOKEAI_URL: url } })
        yield* program.printed("Uploading")
        yield* Effect.sleep("300 millis")
        yield* program.interrupt
        const { code, output } = yield* program.ended
        assert.strictEqual(code, 130, output)
        assert.isTrue((yield* simulator.requests).some(isUpload), "the upload had begun")
        assert.deepStrictEqual((yield* simulator.state).images, [])
      })), 60_000)

  it.live(
    "lists the models that a server lacks before it uploads anything",
    () =>
      withServer({ models: [] }, ({ simulator, url }) =>
        Effect.gen(function*() {
          const cwd = yield* temporaryFolder
          const program = yield* start(last, { cwd, env: { INVOKEAI_URL: url } })
          const { code, output } = yield* program.ended
          assert.strictEqual(code, 1, output)
          assert.include(output, "This server lacks models that the workflow needs")
          for (const name of ["FLUX Dev (Quantized)", "T5 Encoder FLUX", "CLIP-L Encoder", "FLUX VAE"]) {
            assert.include(output, name)
          }
          const requests = yield* simulator.requests
          assert.isAbove(requests.length, 0)
          assert.isFalse(requests.some((request) => request.method !== "GET"), "nothing was changed")
        })),
    60_000
  )

  it.live("fails with one message if the server is unreachable", () =>
    Effect.gen(function*() {
      const cwd = yield* temporaryFolder
      const program = yield* start(last, { cwd, env: { INVOKEAI_URL: "http://127.0.0.1:9/" } })
      const { code, output } = yield* program.ended
      assert.strictEqual(code, 1, output)
      assert.include(output, "127.0.0.1:9")
      assert.notInclude(output, "    at ", "no stack")
    }), 60_000)
})
