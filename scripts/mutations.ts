/**
 * `pnpm mutations [part of a name]…`: takes the protections out of the client, one at a time, and runs the tests that
 * must notice.
 *
 * Works on a copy of the sources in a temporary folder. Ends with 1 if a mutant survives, if a protection is not where
 * this file looks for it, or if the tests fail without any change. Takes a few minutes.
 */
import { spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { environment, root } from "./lib/run.ts"

interface Mutation {
  /** What is taken away. */
  readonly name: string
  readonly file: string
  /** The text that protects, found exactly once. */
  readonly find: string
  readonly replace: string
  /** Test files of which at least one must fail. */
  readonly tests: ReadonlyArray<string>
}

const job = "packages/core/src/job"
const server = "packages/core/src/server"
const assets = "packages/core/src/assets"

const simulated = "test/job/Simulated.test.ts"
const faults = "test/job/Faults.test.ts"
const jobState = "test/job/JobState.test.ts"
const protections = "test/simulator/Protections.test.ts"

const mutations: ReadonlyArray<Mutation> = [
  {
    name: "an event that arrives twice counts once",
    file: `${job}/internal/ItemState.ts`,
    find: `if (before !== undefined && before.status !== "running") return none`,
    replace: "",
    tests: [jobState, simulated]
  },
  {
    name: "an item is read after a gap in its events",
    file: `${job}/internal/itemChanges.ts`,
    find: "if (submitted === undefined || !state.known || state.mayHaveMissedItems) return change",
    replace: "if (submitted === undefined || !state.known) return change",
    tests: ["test/job/JobCommands.test.ts"]
  },
  {
    name: "an item is read unless each of its nodes has its result",
    file: `${job}/internal/SubmittedBatch.ts`,
    find: "return runs.size === nodes.size && item.nodes.length === nodes.size ? runs : undefined",
    replace: "return runs",
    tests: [jobState, "test/job/EventResults.test.ts"]
  },
  {
    name: "an item is read unless it ran with the values of its batch",
    file: `${job}/internal/SubmittedBatch.ts`,
    find: "if (!fieldValues.every(ranWith)) return undefined",
    replace: "",
    tests: ["test/job/JobCommands.test.ts"]
  },
  {
    name: "a worker that was suspended submits no job for an item that another one has",
    file: "packages/farm/src/internal/worker.ts",
    find: `isHeld ? Effect.void : Effect.fail(failed("Locked"))`,
    replace: "Effect.void",
    tests: ["test/farm/Servers.test.ts"]
  },
  {
    name: "what a job left on a server is deleted when it is given up",
    file: "packages/farm/src/internal/worker.ts",
    find: "JobRecovery.abandon(leftover.batch_id).pipe(",
    replace: "Effect.void.pipe(",
    tests: ["test/farm/Servers.test.ts"]
  },
  {
    name: "a status never goes back",
    file: `${job}/internal/ItemState.ts`,
    find: "const isNewer = (item: ItemState, facts: ItemFacts): boolean => {",
    replace:
      "const isNewer = (item: ItemState, facts: ItemFacts): boolean => {\n  if (facts.status !== \"\") return true",
    tests: [protections]
  },
  {
    name: "a called workflow's items are not the job's",
    file: `${job}/JobState.ts`,
    find:
      `if (item.parentItemId !== null) next = withIndex(item, "child", indexes.get(item.parentItemId) ?? 0)\n    else `,
    replace: "",
    tests: [jobState]
  },
  {
    name: "the queue is subscribed to again after each connect",
    file: `${server}/ServerEvents.ts`,
    find: `hub.emit("subscribe_queue", { queue_id: client.queueId })`,
    replace: `if (!again) hub.emit("subscribe_queue", { queue_id: client.queueId })`,
    tests: ["test/server/Events.test.ts"]
  },
  {
    name: "what is seen in the middle of an event comes after it",
    file: `${job}/internal/trackJobs.ts`,
    find: "waiting.push(observation)",
    replace: "if (waiting.length === 0) return applyObservation(job, observation)\n    waiting.push(observation)",
    tests: ["test/job/Job.test.ts"]
  },
  {
    name: "the state of a job has what its events tell",
    file: `${job}/internal/trackJobs.ts`,
    find: "if (state !== before) feed.states.set(state)",
    replace: "if (state !== before) feed.emit(events)\n    feed.states.set(state)",
    tests: ["test/job/Job.test.ts"]
  },
  {
    name: "that a job was enqueued is reported first",
    file: `${job}/internal/trackedJob.ts`,
    find: `this.pendingEvents !== undefined && event._tag !== "JobEnqueued"`,
    replace: "this.pendingEvents === null",
    tests: ["test/job/Job.test.ts"]
  },
  {
    name: "an answer that is no item does not make a job lost",
    file: `${server}/api/QueueApi.ts`,
    find: "{ params: item, success: SessionQueueItem }),",
    replace: "{ params: item, success: JsonValue }),",
    tests: ["test/server/Client.test.ts"]
  },
  {
    name: "what no event told is asked for (reconcile)",
    file: `${job}/internal/trackJobs.ts`,
    find: "if (jobs.size > 0) yield* sweep",
    replace: "",
    tests: [faults]
  },
  {
    name: "after a lost answer the server is asked for the batch id",
    file: `${job}/Submission.ts`,
    find: "const seen = yield* lookUpBatch(batchId, absentFor, lookupTimeout)",
    replace:
      "const seen = sent > 0 ? { _tag: \"Absent\" as const } : yield* lookUpBatch(batchId, absentFor, lookupTimeout)",
    tests: [faults, simulated]
  },
  {
    name: "a batch that arrived late a second time is canceled",
    file: `${job}/internal/reduceJob.ts`,
    find: `(one) => one.role === "surplus" && one.phase === "open"`,
    replace: "() => false",
    tests: [faults]
  },
  {
    name: "only what may be repeated is sent again",
    file: `${server}/InvokeAiClient.ts`,
    find: "repeatable ? repeatWhile(once, isWorthRepeating) : once,",
    replace: "repeatWhile(once, isWorthRepeating),",
    tests: ["test/server/Client.test.ts", simulated]
  },
  {
    name: "a route that the server lacks is Unsupported",
    file: `${server}/internal/serverDocument.ts`,
    find: "if (since === oldestRelease || !mayLackRoute(error)) return Effect.succeed(error)",
    replace: "return Effect.succeed(error)",
    tests: ["test/server/Unsupported.test.ts"]
  },
  {
    name: "a resource that is missing is not a route that the server lacks",
    file: `${server}/internal/serverDocument.ts`,
    find: "return !hasRoute(endpoint.method, documentedPath(endpoint)) ||",
    replace: "return hasRoute(endpoint.method, documentedPath(endpoint)) ||",
    tests: ["test/server/Unsupported.test.ts"]
  },
  {
    name: "an unfinished route of an older server is not the one of a later release",
    file: `${server}/internal/serverDocument.ts`,
    find: "(isBefore(version, since) && (status === 422 || status === 501))",
    replace: "false",
    tests: ["test/server/Unsupported.test.ts"]
  },
  {
    name: "an input that the server would ignore is not sent",
    file: `${server}/internal/serverDocument.ts`,
    find: "if (used.length === 0) return Effect.undefined",
    replace: "return Effect.undefined",
    tests: ["test/server/Unsupported.test.ts"]
  },
  {
    name: "a deletion is believed only when the server names the image",
    file: `${server}/Images.ts`,
    find: "result.deleted_images.includes(image_name)",
    replace: "result.deleted_images.length >= 0",
    tests: ["test/server/Services.test.ts"]
  },
  {
    name: "a web page is no proof that an image is gone",
    file: `${server}/internal/errors.ts`,
    find: `: failure(call, "Decode", {\n          status,\n          code: "ERR_HTML"`,
    replace: `: failure(call, "NotFound", {\n          status,\n          code: "ERR_HTML"`,
    tests: ["test/server/Services.test.ts"]
  },
  {
    name: "an upload whose answer was lost is found again",
    file: `${assets}/internal/uploadRequests.ts`,
    find: "yield* Effect.timeoutOption(Effect.option(lookup), lookupTimeout)",
    replace: "Option.none()",
    tests: ["test/assets/Assets.test.ts"]
  },
  {
    name: "an image that was starred or moved is kept",
    file: `${assets}/internal/heldImages.ts`,
    find: `: starred === true && !record.starred`,
    replace: ": starred === null",
    tests: ["test/assets/Assets.test.ts"]
  },
  {
    name: "an image that another job's result refers to is left to that job",
    file: `${job}/internal/deleteImages.ts`,
    find: `if (reason === "Retained") yield* options.imageUse.transfer(options.by, [name])`,
    replace: "",
    tests: ["test/assets/OutputsAndCleanup.test.ts"]
  },
  {
    name: "an image without its end is not written",
    file: `${assets}/internal/pngInspector.ts`,
    find: `return this.part === "end" ? undefined :`,
    replace: "return this.length > 0 ? undefined :",
    tests: ["test/assets/Downloads.test.ts"]
  }
]

const wanted = process.argv.slice(2).filter((argument) => argument !== "--")
const chosen = mutations.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)))

const copy = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-invokeai-mutations-"))
process.on("exit", () => Fs.rmSync(copy, { recursive: true, force: true }))
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1))

const isLeftOut = (path: string): boolean => /(?:^|\/)(?:dist|real-server|\.[^/]+|[^/]*\.tsbuildinfo)$/.test(path)

for (const name of ["packages", "test", "examples", "package.json", "pnpm-workspace.yaml", "vitest.config.ts"]) {
  Fs.cpSync(Path.join(root, name), Path.join(copy, name), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !isLeftOut(Path.relative(root, path))
  })
}
for (const name of Fs.readdirSync(root).filter((one) => one.startsWith("tsconfig") && one.endsWith(".json"))) {
  Fs.copyFileSync(Path.join(root, name), Path.join(copy, name))
}
// everything installed is shared, but for the packages of this repository, which come from the copy
const modules = Path.join(copy, "node_modules")
Fs.mkdirSync(modules)
for (const name of Fs.readdirSync(Path.join(root, "node_modules"))) {
  const installed = Path.join(root, "node_modules", name)
  if (name !== "@effect-invokeai") Fs.symlinkSync(installed, Path.join(modules, name))
  else {
    Fs.mkdirSync(Path.join(modules, name))
    for (const one of Fs.readdirSync(installed)) {
      Fs.symlinkSync(Path.join(copy, "packages", one), Path.join(modules, name, one))
    }
  }
}

const vitest = (files: ReadonlyArray<string>): { readonly green: boolean; readonly first: string } => {
  const result = spawnSync(
    process.execPath,
    [Path.join(root, "node_modules/vitest/vitest.mjs"), "run", "--bail=1", "--reporter=tap-flat", ...files],
    { cwd: copy, env: environment({ NO_COLOR: "1" }), encoding: "utf8", timeout: 300_000, killSignal: "SIGKILL" }
  )
  const failed = /^not ok \d+ - (.*?)(?: # time=.*)?$/m.exec(result.stdout)?.[1]
  const timedOut = result.signal !== null ? "no end after 5 minutes" : undefined
  return { green: result.status === 0, first: failed ?? timedOut ?? result.stderr.trim().split("\n")[0] ?? "" }
}

let bad = 0
const report = (verdict: string, name: string, detail: string): void => {
  if (verdict !== "killed" && verdict !== "ok") bad += 1
  console.log(`${verdict.padEnd(9)} ${name}${detail === "" ? "" : `\n          ${detail}`}`)
}

console.log(`Without any change (${chosen.length} mutants follow)`)
const files = [...new Set(chosen.flatMap(({ tests }) => tests))]
const before = vitest(files)
report(before.green ? "ok" : "FAILS", files.join(" "), before.first)
if (before.green) {
  for (const { file, find, name, replace, tests } of chosen) {
    const path = Path.join(copy, file)
    const source = Fs.readFileSync(path, "utf8")
    if (source.split(find).length !== 2) {
      report("STALE", name, `${file} does not contain, exactly once: ${find}`)
      continue
    }
    Fs.writeFileSync(path, source.replace(find, () => replace))
    const after = vitest(tests)
    Fs.writeFileSync(path, source)
    report(after.green ? "SURVIVED" : "killed", name, after.green ? tests.join(" ") : after.first)
  }
}
console.log(`\n${bad === 0 ? "every mutant was noticed" : `${bad} not as it should be`}`)
process.exit(bad === 0 ? 0 : 1)
