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

interface Server {
  readonly simulator: Simulator.Simulator["Service"]
  readonly url: string
}

const thumbnail = example("soft-thumbnail.json")
const flux = example("flux-image-to-image.json")
const mountain = example("mountain.png")
const run = ["run", thumbnail, "--photo", mountain]
const slow = { nodeDuration: "30 seconds" } as const

interface Case {
  /** The tag that the command reports. */
  readonly tag: string
  readonly code: number
  /** `<batch>` is a job that was submitted before, and `<url>` the server. */
  readonly args: ReadonlyArray<string>
  /** What happens on the server before. */
  readonly before?: ((server: Server) => Effect.Effect<unknown>) | undefined
  /** What happens while the job runs. */
  readonly during?: ((server: Server, batchId: string) => Effect.Effect<unknown>) | undefined
  /** Whether the server may still run the job afterwards. */
  readonly mayRun?: boolean | undefined
  /** What the remedy contains. */
  readonly help?: string | undefined
  readonly options?: Simulator.SimulatorOptions | undefined
  readonly faults?: ReadonlyArray<Fault.Fault> | undefined
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly message?: string | RegExp | undefined
}

const unreadable = "0f3a6e2b-1a7e-4a86-9a6b-000000000000"

/** A batch that the server accepts and cannot read back, so that it blocks the queue. */
const enqueueUnreadable = ({ url }: Server) =>
  Effect.promise(() =>
    fetch(new URL("/api/v1/queue/default/enqueue_batch", url), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        batch: {
          batch_id: unreadable,
          graph: {
            id: "graph",
            nodes: { number: { id: "number", type: "integer", value: 1 } },
            edges: []
          },
          data: [[{ node_path: "number", field_name: "value", items: ["many"] }]],
          runs: 1
        }
      })
    })
  )

const uuid = /[0-9a-f]{8}-[0-9a-f-]{27}/.source

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
  { tag: "InvalidArgument", code: 2, args: ["check", "--lock", root], message: "it is a directory, not a file" },
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
    args: [...run, "--timeout", "3 seconds"],
    options: { nodeDuration: "20 seconds" },
    message: new RegExp(`3s \\(batch ${uuid}, status: \\w+\\)`),
    help: "--timeout"
  },
  {
    tag: "SubmissionUnknown",
    code: 4,
    args: run,
    faults: [
      Fault.http({ method: "POST", path: /enqueue_batch/ }, Fault.dropResponse),
      Fault.http({ path: /\/b\/[^/]+\/status/, times: 99 }, Fault.status(403, "not yours"))
    ],
    message: new RegExp(`run \`effect-invokeai attach ${uuid}\` before you run it again`)
  },
  {
    tag: "QueueBlocked",
    code: 4,
    args: ["attach", unreadable],
    before: enqueueUnreadable,
    message: `Run \`effect-invokeai cancel ${unreadable}\` to remove the batch from the queue`
  },
  {
    tag: "BoardNotFound",
    code: 2,
    args: [...run, "--board", "Two"],
    before: ({ simulator }) => Effect.andThen(simulator.addBoard("Two"), simulator.addBoard("Two")),
    message: "2 boards are named \"Two\""
  },
  {
    tag: "BoardNotFound",
    code: 2,
    args: [...run, "--board", "nowhere"],
    before: ({ simulator }) => simulator.addBoard("Landscapes"),
    message: /The boards are "Landscapes"\. Create it in InvokeAI$/
  },
  {
    tag: "JobFailed",
    code: 5,
    args: run,
    before: ({ simulator }) =>
      simulator.whenNode("img_blur", Simulator.failsWith("ValueError", "the radius is too large")),
    message: "the radius is too large"
  },
  {
    tag: "JobCanceled",
    code: 5,
    args: ["attach", "<batch>"],
    options: slow,
    during: ({ url }, batchId) =>
      Effect.map(
        data(CommandResult.Cancel, ["cancel", batchId], { env: { INVOKEAI_URL: url } }),
        (canceled) => assert.strictEqual(canceled.data.canceled.length, 1)
      ),
    message: "by another client"
  },
  {
    tag: "JobLost",
    code: 5,
    args: run,
    options: slow,
    during: ({ simulator }) => simulator.restart({ database: false }),
    message: "it restarted without a database"
  },
  {
    tag: "JobTimeout",
    code: 5,
    args: [...run, "--timeout", "3 seconds"],
    faults: [Fault.http({ method: "POST", path: /enqueue_batch/ }, Fault.delay("30 seconds"))],
    message: new RegExp(`3s \\(batch ${uuid}, status: sending\\)\\. The server has not confirmed the cancellation`),
    help: "effect-invokeai cancel ",
    mayRun: true
  },
  {
    tag: "JobTimeout",
    code: 5,
    args: ["run", thumbnail, "--photo", "<url>slow.png", "--timeout", "500 millis"],
    faults: [Fault.http({ path: /slow/ }, Fault.delay("30 seconds"))],
    message: "500ms (status: unsent). It was not submitted"
  },
  {
    tag: "WorkflowNotReady",
    code: 3,
    args: [...run, "--set", "f0de1904-c726-517a-8f0e-35f42fd445b7.board=nowhere"],
    before: ({ simulator }) => simulator.addBoard("Landscapes"),
    message: /board "nowhere" does not exist on the server\. The boards are "Landscapes" \([0-9a-f-]{36}\)/
  },
  { tag: "JobNotEnded", code: 3, args: ["outputs", "<batch>"], options: slow, help: "effect-invokeai attach <batch>" },
  { tag: "InvalidArgument", code: 2, args: [...run, "--timeout=-3 seconds"], message: "greater than 0" },
  { tag: "WorkflowNotReady", code: 3, args: [...run, "--seed", "99999999999"], message: "between 0 and 4294967295" },
  {
    tag: "DownloadError",
    code: 5,
    args: ["run", thumbnail, "--photo", mountain, "--width", "17000", "--height", "1", "--format", "webp"],
    message: "as webp: Processed image is too large",
    help: "--format png"
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
    faults: [Fault.http({ method: "GET", path: /\/full$/, times: 9 }, Fault.status(404, "gone"))],
    help: "effect-invokeai outputs "
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

/** Errors of the reference with which the command does not fail, and why. */
const elsewhere: Readonly<Record<string, string>> = {
  InputError: "the command reports its reason",
  SubmissionError: "the command reports its reason",
  WorkflowNotCompleted: "the command reports its reason",
  NoSeedInput: "the check of the workflow finds it: WorkflowNotReady",
  InvalidSweep: "no flag makes a sweep",
  WorkflowChanged: "of generated modules; `types --check` fails with TypesOutdated",
  CatalogParseError: "the command reads no document from a file",
  CleanupError: "only with the option `strict`",
  RecordError: "the command has no journal and no ledger",
  InvalidOption: "the flags are checked before: InvalidArgument",
  ImageCodecError: "the cause of a DownloadError",
  BulkDownloadFailed: "no subcommand downloads a ZIP file",
  AmbiguousName: "boards are resolved when a job is submitted: BoardNotFound",
  ClientClosed: "of the promise client",
  ...Object.fromEntries(
    [
      "InvalidRows",
      "NoSuitableServer",
      "RunConflict",
      "RunNotFound",
      "ServerNotFound",
      "StoreInUse",
      "FarmStoreError"
    ].map((tag) => [tag, "the tests of the farm's subcommands provoke it"])
  ),
  RenderFailed: "of durable workflows, which the command does not run",
  UnexpectedError: "of the promise client",
  EventsUnavailable: "jobs are polled, `doctor` has a finding, and it is a warning of `run`"
}

/** Errors after which something stays on the server. */
const keepsImages = new Set(["DownloadError", "SubmissionUnknown"])

/** The name of a function or member of the library, such as `Job.attach`. */
const libraryFunction = /\b[A-Z]\w+\.[a-z]\w+\b|\bjob\.\w+/

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

  for (const each of cases) {
    const { args, code, env, faults = [], message = "", options, tag } = each
    const shown = args.map((arg) => arg.startsWith("/") ? Path.basename(arg) : arg).join(" ")
    it.live(`exits with ${code} and a remedy: ${tag} of ${shown}`, () =>
      withServer(
        { nodeDuration: 0, stepDuration: 0, ...options },
        (server) =>
          withFolder((cwd) =>
            Effect.gen(function*() {
              const { simulator, url } = server
              yield* each.before?.(server) ?? Effect.void
              yield* simulator.inject(...faults)
              const environment = { cwd, env: { INVOKEAI_URL: url, ...env } }
              const needsBatch = args.includes("<batch>")
              const batchId = needsBatch
                ? (yield* data(CommandResult.Run, [...run, "--detach"], environment)).data.batchId
                : ""
              const command = yield* start(
                [...args.map((arg) => arg === "<batch>" ? batchId : arg.replace("<url>", url)), "--json"],
                environment
              )
              if (each.during !== undefined) {
                yield* command.printed("\"type\":")
                yield* each.during(server, batchId)
              }
              const ended = yield* command.ended
              const { result } = parse(Schema.Unknown, ended.stdout)
              assert.isFalse(result.ok, ended.stdout)
              if (result.ok) return
              const found = result.error
              assert.deepStrictEqual([ended.code, found.tag], [code, tag], found.message)
              if (message instanceof RegExp) assert.match(found.message, message)
              else assert.include(found.message, message)
              assert.include(found.help, (each.help ?? "").replace("<batch>", batchId))
              assert.include(ended.stderr, found.help)
              for (const text of [found.message, found.help]) assert.notMatch(text, libraryFunction)
              const { isClean, ...left } = yield* simulator.leftovers
              // the images of a job that completed stay, and so does what a job needs that was detached or may run
              assert.isTrue(isClean || needsBatch || each.mayRun === true || keepsImages.has(tag), JSON.stringify(left))
            })
          )
      ))
  }

  it.live("saves the images of the items that completed, if another item fails", () =>
    withServer(
      { nodeDuration: 0, stepDuration: 0 },
      ({ simulator, url }) =>
        withFolder((cwd) =>
          Effect.gen(function*() {
            yield* simulator.whenNode(
              "save_image",
              (_node, call) => call === 2 ? Simulator.failsWith("OSError", "the disk is full") : Simulator.runsNormally
            )
            const args = [...run, "--runs", "3", "--out", "saved", "--json"]
            const { code, stderr, stdout } = yield* Effect.flatMap(
              start(args, { cwd, env: { INVOKEAI_URL: url } }),
              ({ ended }) => ended
            )
            const { events, result } = parse(Schema.Unknown, stdout)
            assert.deepStrictEqual([code, result.ok ? "" : result.error.tag], [5, "JobFailed"])
            const saved = Fs.readdirSync(Path.join(cwd, "saved"))
            assert.strictEqual(saved.length, 2)
            const downloaded = events.flatMap((event) => event.type === "downloaded" ? [Path.basename(event.path)] : [])
            assert.deepStrictEqual(downloaded.toSorted(), saved.toSorted())
            for (const name of saved) assert.include(stderr, name)
          })
        )
    ))

  it("is provoked to fail with every error of the reference that it can have", () => {
    const reference = Fs.readFileSync(Path.join(root, "docs/reference/errors.md"), "utf8")
    const rows = reference.split("\n").filter((line) => /^\| `\w+`/.test(line)).map((line) => line.split("|")[1] ?? "")
    const tags = rows.flatMap((row) => [...row.matchAll(/`(\w+)`/g)].map((match) => match[1] ?? ""))
    assert.isAbove(tags.length, 30)
    const provoked = new Set(cases.map(({ tag }) => tag))
    for (const tag of tags) {
      assert.isTrue(
        provoked.has(tag) !== Object.hasOwn(elsewhere, tag),
        `${tag} is neither provoked nor impossible, or both`
      )
    }
    // those that the compiler finds in the errors of the subcommands
    for (const tag of Object.keys(Failure.remedies)) {
      if (tags.includes(tag)) assert.isTrue(provoked.has(tag) || Object.hasOwn(elsewhere, tag), tag)
    }
  })
})
