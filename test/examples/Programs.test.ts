import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Fs from "node:fs"
import { createServer } from "node:net"
import * as Path from "node:path"
import { approvalSurvives } from "./approvalProgram.ts"
import { root, start, temporaryFolder, withServer } from "./support.ts"

const example = (name: string) => Path.join(root, "examples", name)
const mountain = example("mountain.png")

const sizeOf = (png: Buffer) => [png.readUInt32BE(16), png.readUInt32BE(20)]

/** A port that is free now. */
const freePort = Effect.callback<number>((resume) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0)))
  })
})

describe("The use cases", () => {
  for (
    const [name, last] of [
      ["01-list-inputs.ts", "Results are produced by"],
      ["02-set-inputs.ts", "the workflow is ready for submission"],
      ["03-submit-and-follow.ts", "Final status: completed"],
      ["04-outputs-and-cleanup.ts", "Deleted 1 input asset\n"]
    ] as const
  ) {
    it.live(`include ${name}, which runs on its own`, () =>
      Effect.gen(function*() {
        const cwd = yield* temporaryFolder
        const { code, output } = yield* Effect.flatMap(start(example(name), { cwd }), (program) => program.ended)
        assert.strictEqual(code, 0, output)
        assert.include(output, last)
      }), 60_000)
  }
})

describe("The prompt sweep", () => {
  it.live(
    "runs all combinations in one job, and prints them in a table",
    () =>
      withServer({ nodeDuration: 0, stepDuration: 0 }, ({ simulator, url }) =>
        Effect.gen(function*() {
          const cwd = yield* temporaryFolder
          const program = yield* start(example("prompt-sweep.ts"), { cwd, env: { INVOKEAI_URL: url } })
          const { code, output } = yield* program.ended
          assert.strictEqual(code, 0, output)
          const rows = output.split("\n").filter((line) => line.includes("a mountain"))
          assert.deepStrictEqual(
            rows.map((row) => row.split(/ {2,}/).slice(1, 3)),
            [["a mountain at dawn", "0.4"], ["a mountain at dawn", "0.7"], ["a mountain in a storm", "0.4"], [
              "a mountain in a storm",
              "0.7"
            ]]
          )
          for (const row of rows) assert.isTrue(Fs.existsSync(row.split(/ {2,}/).at(-1) ?? ""), row)
          const { isClean } = yield* simulator.leftovers
          assert.isTrue(isClean)
        })),
    60_000
  )
})

describe("The image folder example", () => {
  it.live(
    "processes valid images, and reports invalid ones",
    () =>
      withServer({}, ({ simulator, url }) =>
        Effect.gen(function*() {
          const cwd = yield* temporaryFolder
          Fs.mkdirSync(Path.join(cwd, "photos"))
          for (const name of ["one.png", "two.png"]) Fs.copyFileSync(mountain, Path.join(cwd, "photos", name))
          Fs.writeFileSync(Path.join(cwd, "photos/broken.png"), "no image")
          const program = yield* start(example("image-folder.ts"), {
            cwd,
            args: ["photos", "small"],
            env: { INVOKEAI_URL: url }
          })
          const { code, output } = yield* program.ended
          assert.strictEqual(code, 0, output)
          assert.include(output, "✗ broken.png")
          assert.include(output, "Processed 2 of 3 images")
          assert.deepStrictEqual(Fs.readdirSync(Path.join(cwd, "small")).toSorted(), ["one.png", "two.png"])
          assert.deepStrictEqual(sizeOf(Fs.readFileSync(Path.join(cwd, "small/one.png"))), [240, 160])
          assert.isTrue((yield* simulator.leftovers).isClean)
        })),
    60_000
  )
})

describe("The service", () => {
  const post = (port: number, query = "", body: Uint8Array = Fs.readFileSync(mountain)) =>
    Effect.promise(() =>
      fetch(`http://127.0.0.1:${port}/thumbnails${query}`, { method: "POST", body: new Uint8Array(body) })
    )

  it.live(
    "responds with images or with the client's mistake, and finishes running requests when it is stopped",
    () =>
      withServer({ nodeDuration: "100 millis" }, ({ simulator, url }) =>
        Effect.gen(function*() {
          const cwd = yield* temporaryFolder
          const port = yield* freePort
          const program = yield* start(example("service.ts"), { cwd, env: { INVOKEAI_URL: url, PORT: String(port) } })
          yield* program.printed("Listening on")

          const answer = yield* post(port, "?width=320")
          assert.strictEqual(answer.status, 200)
          const png = Buffer.from(yield* Effect.promise(() => answer.arrayBuffer()))
          assert.deepStrictEqual(sizeOf(png), [320, 256])
          const wrong = yield* post(port, "?width=wide")
          assert.strictEqual(wrong.status, 400)
          assert.include(yield* Effect.promise(() => wrong.text()), "InputError")
          assert.strictEqual((yield* post(port, "", Buffer.from("no image"))).status, 400)

          const running = yield* Effect.forkChild(post(port))
          while ((yield* simulator.state).items.length < 2) yield* Effect.sleep("10 millis")
          yield* program.interrupt
          assert.strictEqual((yield* Fiber.join(running)).status, 200)
          const { code, output } = yield* program.ended
          assert.strictEqual(code, 130, output)
          assert.isTrue((yield* simulator.leftovers).isClean)
        })),
    60_000
  )
})

describe("The crash recovery example", () => {
  it.live("submits each order once", () =>
    Effect.gen(function*() {
      const cwd = yield* temporaryFolder
      const { code, output } = yield* Effect.flatMap(
        start(example("crash-recovery.ts"), { cwd }),
        (program) => program.ended
      )
      assert.strictEqual(code, 0, output)
      assert.include(output, "restarted")
      assert.include(output, "Already done: order-1")
      assert.include(output, "The server ran 3 jobs for 3 orders, and has 0 uploads left.")
      assert.deepStrictEqual(Fs.readdirSync(Path.join(cwd, "outputs")).toSorted(), [
        "order-1.png",
        "order-2.png",
        "order-3.png"
      ])
      assert.deepStrictEqual(Fs.readdirSync(Path.join(cwd, "state/jobs")), [])
    }), 60_000)
})

describe("The order that waits for approval", () => {
  it.live(
    "does every step once on SQLite, even if it is killed while it renders",
    () => approvalSurvives({}),
    120_000
  )
})
