import * as CommandResult from "@effect-invokeai/cli/CommandResult"
import * as Fault from "@effect-invokeai/testing/Fault"
import * as Simulator from "@effect-invokeai/testing/Simulator"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Failure from "../../packages/cli/src/internal/failure.ts"
import { withServer } from "../examples/support.ts"
import { data, example, failure, parse, root, start } from "./support.ts"

const thumbnail = example("soft-thumbnail.json")
const flux = example("flux-image-to-image.json")
const mountain = example("mountain.png")
const run = ["run", thumbnail, "--photo", mountain]

interface Case {
  readonly tag: string
  readonly code: number
  readonly args: ReadonlyArray<string>
  readonly options?: Simulator.SimulatorOptions | undefined
  readonly faults?: ReadonlyArray<Fault.Fault> | undefined
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly message?: string | RegExp | undefined
}

const files = {
  "unknown.json": "{\"widht\": 96}",
  "ambiguous.json": "{\"prompt\": \"a lighthouse\"}",
  "no-values.json": "[1]",
  "no-workflow.json": "{\"nodes\": 1}",
  "text.png": "no image"
}

const cases: ReadonlyArray<Case> = [
  { tag: "WorkflowNotFound", code: 2, args: ["run", "missing.json"], message: "missing.json" },
  { tag: "WorkflowNotFound", code: 2, args: ["run", "6e2b1a7e-9f3a-4a86-9a6b-000000000000"] },
  { tag: "WorkflowNotFound", code: 2, args: ["reproduce", "missing.png"], message: "missing.png" },
  { tag: "WorkflowParseError", code: 2, args: ["run", "no-workflow.json"], message: "no-workflow.json" },
  { tag: "InputNotFound", code: 2, args: ["run", thumbnail, "--values", "unknown.json"], message: "width" },
  { tag: "InputNotFound", code: 2, args: ["run", thumbnail, "--set", "a.b=1"], message: "a.b" },
  { tag: "AmbiguousInputName", code: 2, args: ["run", flux, "--values", "ambiguous.json"], message: "prompt" },
  { tag: "InvalidInputValue", code: 2, args: ["run", thumbnail, "--width", "wide"], message: "width" },
  { tag: "InvalidArgument", code: 2, args: ["run", thumbnail, "--values", "no-values.json"] },
  { tag: "InvalidArgument", code: 2, args: ["run", thumbnail, "--set", "width"], message: "node.field=value" },
  { tag: "InvalidArgument", code: 2, args: [...run, "--timeout", "soon"], message: "10 minutes" },
  { tag: "InvalidArgument", code: 2, args: ["run", thumbnail, "--values", "nope.json"], message: /does not exist$/ },
  { tag: "InvalidArgument", code: 2, args: ["check", "--lock", "nope.json"], message: /does not exist$/ },
  { tag: "InvalidArgument", code: 2, args: [...run, "--runs", "0"], message: "--runs 0: expected" },
  { tag: "InvalidArgument", code: 2, args: [...run, "--seed", "abc"], message: "--seed abc: expected" },
  { tag: "UnrecognizedOption", code: 2, args: ["run", thumbnail, "--widht", "3"], message: "--width" },
  { tag: "WorkflowNotReady", code: 3, args: ["run", thumbnail], message: "photo" },
  { tag: "WorkflowNotReady", code: 3, args: [...run, "--seed", "7"], message: "seed" },
  { tag: "InvokeAiError", code: 4, args: run, env: { INVOKEAI_URL: "http://127.0.0.1:9", INVOKEAI_RETRIES: "0" } },
  {
    tag: "InvokeAiError",
    code: 4,
    args: ["check", flux],
    faults: [Fault.http({ path: "/api/v2/models/", times: 9 }, Fault.status(500, "out of order"))],
    env: { INVOKEAI_RETRIES: "0" }
  },
  { tag: "BoardNotFound", code: 2, args: [...run, "--board", "nowhere"], message: "nowhere" },
  {
    tag: "SubmissionRejected",
    code: 4,
    args: run,
    faults: [Fault.http({ method: "POST", path: /enqueue_batch/ }, Fault.status(422, "no", { handled: true }))]
  },
  {
    tag: "SubmissionIncomplete",
    code: 4,
    args: [...run, "--runs", "3"],
    options: { maxQueueSize: 1 },
    message: /1.*3/
  },
  {
    tag: "JobTimeout",
    code: 5,
    args: [...run, "--timeout", "300 millis"],
    options: { nodeDuration: "20 seconds" },
    message: "300ms"
  },
  { tag: "JobNotFound", code: 2, args: ["attach", "6e2b1a7e-9f3a-4a86-9a6b-000000000000"] },
  { tag: "UploadError", code: 2, args: ["run", thumbnail, "--photo", "./missing.png"], message: "missing.png" },
  { tag: "UploadError", code: 2, args: ["run", thumbnail, "--photo", "./text.png"], message: "text.png" },
  {
    tag: "UploadError",
    code: 2,
    args: ["run", thumbnail, "--photo", "http://127.0.0.1:9/photo.png"],
    message: "photo.png"
  },
  {
    tag: "UploadError",
    code: 4,
    args: run,
    faults: [Fault.http({ method: "POST", path: /images\/upload/, times: 9 }, Fault.status(500, "the disk is full"))],
    message: "the disk is full"
  },
  {
    tag: "DownloadError",
    code: 5,
    args: run,
    faults: [Fault.http({ method: "GET", path: /\/full$/, times: 9 }, Fault.status(404, "gone"))]
  },
  { tag: "InvokeAiError", code: 2, args: ["library", "get", "6e2b1a7e-9f3a-4a86-9a6b-000000000000"] },
  { tag: "ConfigError", code: 2, args: ["models"], env: { INVOKEAI_RETRIES: "often" }, message: "INVOKEAI_RETRIES" },
  {
    tag: "InvokeAiError",
    code: 4,
    args: ["models"],
    options: { users: [{ email: "ann@example.com", password: "Secret-1" }] },
    message: "INVOKEAI_TOKEN"
  }
]

const withFolder = <A, E, R>(use: (cwd: string) => Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const cwd = yield* fs.makeTempDirectoryScoped()
    for (const [name, content] of Object.entries(files)) yield* fs.writeFileString(Path.join(cwd, name), content)
    return yield* use(cwd)
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))

describe("The command", () => {
  it.live("uploads nothing if another value is invalid or missing", () =>
    withServer({ nodeDuration: 0, stepDuration: 0 }, ({ simulator, url }) =>
      Effect.gen(function*() {
        const env = { INVOKEAI_URL: url }
        const invalid = yield* failure([...run, "--softness", "-1"], { env })
        assert.strictEqual(invalid.tag, "InvalidInputValue")
        const missing = yield* failure(["run", flux, "--image", mountain], { env })
        assert.strictEqual(missing.tag, "WorkflowNotReady")
        const requests = yield* simulator.requests
        assert.isFalse(requests.some(({ path }) => path.includes("upload")))
      })))

  for (const { args, code, env, faults = [], message = "", options, tag } of cases) {
    const shown = args.map((arg) => arg.startsWith("/") ? Path.basename(arg) : arg).join(" ")
    it.live(`exits with ${code} and a remedy: ${tag} of ${shown}`, () =>
      withServer(
        { nodeDuration: 0, stepDuration: 0, ...options },
        ({ simulator, url }) =>
          withFolder((cwd) =>
            Effect.gen(function*() {
              yield* simulator.inject(...faults)
              const found = yield* failure(args, { cwd, env: { INVOKEAI_URL: url, ...env } })
              assert.deepStrictEqual([found.code, found.tag], [code, tag], found.message)
              if (message instanceof RegExp) assert.match(found.message, message)
              else assert.include(found.message, message)
              assert.include(found.stderr, found.help)
              const { isClean, ...left } = yield* simulator.leftovers
              // the images of a job that completed stay
              assert.isTrue(isClean || tag === "DownloadError", JSON.stringify(left))
            })
          )
      ))
  }

  it.live("exits with 5 and names the node if the job fails", () =>
    withServer({ nodeDuration: 0, stepDuration: 0 }, ({ simulator, url }) =>
      Effect.gen(function*() {
        yield* simulator.whenNode("img_blur", Simulator.failsWith("ValueError", "the radius is too large"))
        const found = yield* failure(run, { env: { INVOKEAI_URL: url } })
        assert.deepStrictEqual([found.code, found.tag], [5, "JobFailed"])
        assert.include(found.message, "the radius is too large")
      })))

  it.live("exits with 5 if another client cancels the job, and has no outputs before", () =>
    withServer({ nodeDuration: "30 seconds" }, ({ url }) =>
      Effect.gen(function*() {
        const env = { INVOKEAI_URL: url }
        const { data: { batchId } } = yield* data(CommandResult.Run, [...run, "--detach"], { env })
        const early = yield* failure(["outputs", batchId], { env })
        assert.deepStrictEqual([early.code, early.tag], [3, "JobNotEnded"])
        assert.include(early.help, "attach")
        const attached = yield* start(["attach", batchId, "--json"], { env })
        yield* Effect.sleep("1500 millis")
        const { data: canceled } = yield* data(CommandResult.Cancel, ["cancel", batchId], { env })
        assert.strictEqual(canceled.canceled.length, 1)
        const { code, stdout } = yield* attached.ended
        const { result } = parse(Schema.Unknown, stdout)
        assert.deepStrictEqual([code, result.ok ? "" : result.error.tag], [5, "JobCanceled"])
      })))

  it("has an exit code and a remedy for every error of the reference", () => {
    const reference = Fs.readFileSync(Path.join(root, "docs/reference/errors.md"), "utf8")
    const rows = reference.split("\n").filter((line) => /^\| `\w+`/.test(line)).map((line) => line.split("|")[1] ?? "")
    const tags = rows.flatMap((row) => [...row.matchAll(/`(\w+)`/g)].map((match) => match[1] ?? ""))
    assert.isAbove(tags.length, 30)
    for (const tag of tags) {
      // of the promise client
      if (tag === "ClientClosed" || tag === "UnexpectedError") continue
      const { exitCode } = Failure.ofError({ _tag: tag, message: "a message" })
      assert.notStrictEqual(exitCode, CommandResult.ExitCode.unexpected, tag)
    }
  })
})
