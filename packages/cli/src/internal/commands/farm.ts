/** `batch`, `worker`, `status`, `retry`, `report` and `farm`: many items on many servers. */
import type { ImageFormat } from "@effect-invokeai/core/assets/Downloads"
import type * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import { Farm, type OfferOptions, type ServerStatus } from "@effect-invokeai/farm/Farm"
import * as Report from "@effect-invokeai/farm/Report"
import * as Rows from "@effect-invokeai/farm/Rows"
import * as ImageCodec from "@effect-invokeai/node/ImageCodec"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Stream from "effect/Stream"
import * as CommandResult from "../../CommandResult.ts"
import { columns } from "../columns.ts"
import * as FarmConfig from "../farmConfig.ts"
import * as FarmDisplay from "../farmDisplay.ts"
import { outcome, Output } from "../Output.ts"
import * as Server from "../server.ts"
import { durationOf, InvalidArgument, unreadable } from "../values.ts"
import * as WorkflowSource from "../workflowSource.ts"

/** The flags of `batch`. */
export interface BatchInput extends FarmConfig.WorkingInput {
  readonly workflow: string
  readonly rows: string
  readonly servers: ReadonlyArray<string>
  readonly run: Option.Option<string>
  readonly name: Option.Option<string>
  readonly format: Option.Option<ImageFormat>
  readonly sidecar: boolean
  readonly board: Option.Option<string>
  readonly seed: Option.Option<string>
  readonly id: Option.Option<string>
  readonly ignore: ReadonlyArray<string>
  readonly priority: number
  readonly attempts: Option.Option<number>
  readonly timeout: Option.Option<string>
  readonly dryRun: boolean
  readonly detach: boolean
}

const seedOf = Effect.fnUntraced(function*(text: string) {
  if (text === "keep" || text === "random") return text
  if (/^\d+$/.test(text)) return Number(text)
  return yield* new InvalidArgument({ argument: `--seed ${text}`, reason: "expected an integer, random or keep" })
})

const offerOptions = Effect.fnUntraced(
  function*(input: BatchInput): Effect.fn.Return<OfferOptions, InvalidArgument, Path.Path> {
    const path = yield* Path.Path
    return {
      id: Option.getOrUndefined(input.id),
      ignore: input.ignore,
      base: path.dirname(input.rows),
      template: Option.getOrUndefined(input.name),
      format: Option.getOrUndefined(input.format),
      metadata: input.sidecar,
      board: Option.getOrUndefined(input.board),
      seed: Option.isNone(input.seed) ? undefined : yield* seedOf(input.seed.value),
      priority: input.priority,
      maxAttempts: Option.getOrUndefined(input.attempts),
      timeout: Option.isNone(input.timeout) ? undefined : yield* durationOf(input.timeout.value)
    }
  }
)

const runName = Effect.fnUntraced(function*(input: BatchInput) {
  if (Option.isSome(input.run)) return input.run.value
  const path = yield* Path.Path
  return path.basename(input.rows, path.extname(input.rows))
})

/** The file of a workflow is read by the farm; what is on a server is read from the server of the environment. */
const sourceOf = Effect.fnUntraced(function*(workflow: string) {
  const fs = yield* FileSystem.FileSystem
  return (yield* Effect.orElseSucceed(fs.exists(workflow), () => false))
    ? workflow
    : (yield* Effect.provide(WorkflowSource.load(workflow), Server.layer)) satisfies Workflow.Workflow
})

const maxFailures = 20

const batchResult = Effect.fnUntraced(function*(run: string, added: number, directory: string) {
  const farm = yield* Farm
  const status = yield* farm.status(run)
  const failures = status.failed === 0 ? [] : yield* farm.results(run, { live: false }).pipe(
    Stream.filter((result) => result.status === "failed"),
    Stream.take(maxFailures),
    Stream.map(({ error, item }) => ({ item, tag: error?.tag ?? "", message: error?.message ?? "" })),
    Stream.runCollect
  )
  const data: CommandResult.Batch = { ...FarmDisplay.runData(status), added, directory, failures }
  const isEnded = status.state === "finished" || (status.waiting === 0 && status.running === 0)
  const lines = [
    isEnded
      ? `Run ${run}: ${status.completed} of ${status.total} items completed, ${status.failed} failed, ` +
        `${status.canceled} canceled.${directory === "" ? "" : ` Files: ${directory}`}`
      : `Run ${run} (${status.state}): ${FarmDisplay.describeRun(status)}`,
    ...failures.map(({ item, message }) => `- ${item}: ${message.split("\n", 1)[0] ?? ""}`),
    ...(status.failed > failures.length ? [`- and ${status.failed - failures.length} more`] : []),
    ...(status.failed > 0
      ? [
        `\`effect-invokeai retry ${run}\` runs them again; \`effect-invokeai report ${run} --out report.html\` shows all.`
      ]
      : [])
  ]
  const result = yield* outcome(CommandResult.Batch, data, lines.join("\n"))
  return isEnded && status.failed > 0 ? { ...result, exitCode: CommandResult.ExitCode.job } : result
})

const rowsOf = (input: BatchInput) =>
  Rows.fromFile(input.rows).pipe(Stream.mapError(unreadable(`--rows ${input.rows}`)))

const plan = Effect.fnUntraced(function*(input: BatchInput, run: string) {
  const farm = yield* Farm
  const source = yield* sourceOf(input.workflow)
  const offered = yield* Effect.result(farm.offer(run, source, rowsOf(input), yield* offerOptions(input)))
  if (offered._tag === "Failure" && offered.failure._tag !== "NoSuitableServer") return yield* offered.failure
  const servers = (yield* farm.check(source)).toSorted((left, right) => left.url < right.url ? -1 : 1)
  const items = offered._tag === "Success" ? offered.success.added : 0
  const suitable = servers.filter(({ problems, reachable }) => reachable && problems.length === 0)
  const text = [
    offered._tag === "Success" ? `Run ${run}: ${items} items, all valid. Nothing was stored or sent.` : `Run ${run}`,
    ...servers.flatMap(({ problems, reachable, url }) =>
      problems.length === 0
        ? [`${url}: ready`]
        : problems.map((problem) => `${url}: ${reachable ? "lacks: " : ""}${problem}`)
    ),
    ...(suitable.length === 0 ? ["No server can run it now."] : [])
  ]
  const result = yield* outcome(CommandResult.BatchPlan, { run, items, servers }, text.join("\n"))
  return suitable.length === 0 ? { ...result, exitCode: CommandResult.ExitCode.notReady } : result
})

/** The servers that `--server` names, otherwise the one that the variable INVOKEAI_URL names. */
const chosenServers = Effect.fnUntraced(function*(servers: ReadonlyArray<string>) {
  if (servers.length > 0) return servers
  return Option.toArray(yield* Config.option(Config.NonEmptyString("INVOKEAI_URL")))
})

/** Fails before anything runs if the folder of the files cannot be used: that is no fault of a server. */
const checkFolder = Effect.fnUntraced(function*(out: string) {
  const fs = yield* FileSystem.FileSystem
  yield* fs.makeDirectory(out, { recursive: true }).pipe(
    Effect.andThen(fs.access(out, { writable: true })),
    Effect.mapError(({ message }) => new InvalidArgument({ argument: `--out ${out}`, reason: message }))
  )
})

/** `batch`: runs a workflow for each row of a file, on all servers, and continues where an earlier call stopped. */
export const batch = Effect.fn("Command.batch")(function*(input: BatchInput) {
  const output = yield* Output
  const run = yield* runName(input)
  const servers = yield* chosenServers(input.servers)
  if (servers.length === 0 && input.dryRun) {
    return yield* new InvalidArgument({ argument: "--dry-run", reason: "needs --server, the servers to ask" })
  }
  // rows are checked in a store of their own, so that nothing of it remains
  if (input.dryRun) {
    return yield* Effect.provide(plan(input, run), FarmConfig.workingLayer(input, servers, ":memory:"))
  }
  if (!input.detach) yield* checkFolder(input.out)
  return yield* Effect.gen(function*() {
    const farm = yield* Farm
    const source = yield* sourceOf(input.workflow)
    const offered = yield* farm.offer(run, source, rowsOf(input), yield* offerOptions(input))
    yield* output.note(
      `Run ${run}: ${offered.added} new items` + (offered.existing > 0 ? `, ${offered.existing} known` : "")
    )
    for (const { problems, url } of offered.unsuitable) {
      yield* output.note(`${url} gets no items: ${problems.join("; ")}`)
    }
    if (input.detach) return yield* batchResult(run, offered.added, input.out)
    yield* Effect.raceAllFirst([farm.await(run), farm.work, FarmDisplay.show(farm, run)]).pipe(
      Effect.onInterrupt(() => output.note(`Interrupted: the same command continues run ${run}.`))
    )
    return yield* batchResult(run, offered.added, input.out)
  }).pipe(Effect.provide(FarmConfig.workingLayer(input, servers)))
})

/** `worker`: runs items of all runs until it is interrupted. */
export const worker = Effect.fn("Command.worker")(
  function*(input: FarmConfig.WorkingInput & { readonly servers: ReadonlyArray<string> }) {
    const output = yield* Output
    yield* checkFolder(input.out)
    return yield* Effect.gen(function*() {
      const farm = yield* Farm
      const servers = yield* farm.servers
      yield* output.note(
        servers.length === 0
          ? "This farm has no server yet: add one with `effect-invokeai farm add <url>`, or with --server."
          : `Working for ${servers.map(({ url }) => url).join(", ")}. Ctrl-C ends this worker; others continue.`
      )
      return yield* farm.work
    }).pipe(Effect.provide(FarmConfig.workingLayer(input, input.servers)))
  }
)

const serverData = ({ concurrency, problem, running, state, url }: ServerStatus): CommandResult.FarmServer => ({
  url,
  state,
  concurrency,
  running,
  problem: problem ?? null
})

const statusResult = Effect.fnUntraced(function*(run: Option.Option<string>) {
  const farm = yield* Farm
  const runs = Option.isSome(run) ? [yield* farm.status(run.value)] : yield* farm.runs
  const servers = yield* farm.servers
  return yield* outcome(
    CommandResult.FarmStatus,
    { runs: runs.map(FarmDisplay.runData), servers: servers.map(serverData) },
    [
      runs.length === 0 ? "No runs." : columns(runs.map((one) => [one.run, one.state, FarmDisplay.describeRun(one)])),
      servers.length === 0
        ? "No servers."
        : columns(servers.map((server) => [
          server.url,
          server.state,
          `${server.running} of ${server.concurrency} at a time`,
          server.problem?.split("\n", 1)[0] ?? ""
        ]))
    ].join("\n\n")
  )
})

/** `status`: how far runs are, and how the servers are. */
export const status = Effect.fn("Command.status")((
  input: FarmConfig.FarmInput & { readonly run: Option.Option<string> }
) => Effect.provide(statusResult(input.run), FarmConfig.layer(input)))

/** A subcommand that changes a run, and shows it. */
const changing = (
  name: string,
  change: (farm: Farm["Service"], run: string) => ReturnType<Farm["Service"]["retry" | "resume" | "pause" | "cancel"]>
) =>
  Effect.fn(name)((input: FarmConfig.FarmInput & { readonly run: string }) =>
    Effect.gen(function*() {
      const added = yield* change(yield* Farm, input.run)
      return { ...(yield* batchResult(input.run, added ?? 0, "")), exitCode: CommandResult.ExitCode.ok }
    }).pipe(Effect.provide(FarmConfig.layer(input)))
  )

/** `retry`: runs the items of a run that failed again. */
export const retry = changing("Command.retry", (farm, run) => farm.retry(run))

/** `farm pause`: takes no more items of a run. */
export const pause = changing("Command.farm.pause", (farm, run) => farm.pause(run))

/** `farm resume`: continues a run. */
export const resume = changing("Command.farm.resume", (farm, run) => farm.resume(run))

/** `farm cancel`: cancels the items of a run that have no result. */
export const cancel = changing("Command.farm.cancel", (farm, run) => farm.cancel(run))

/** `farm priority`: changes which run comes first. */
export const priority = Effect.fn("Command.farm.priority")((
  input: FarmConfig.FarmInput & { readonly run: string; readonly priority: number }
) =>
  Effect.gen(function*() {
    const farm = yield* Farm
    yield* farm.setPriority(input.run, input.priority)
    return yield* statusResult(Option.some(input.run))
  }).pipe(Effect.provide(FarmConfig.layer(input)))
)

/** `farm forget`: removes a run and its results. */
export const forget = Effect.fn("Command.farm.forget")((input: FarmConfig.FarmInput & { readonly run: string }) =>
  Effect.gen(function*() {
    const farm = yield* Farm
    yield* farm.forget(input.run)
    return yield* statusResult(Option.none())
  }).pipe(Effect.provide(FarmConfig.layer(input)))
)

/** `farm add`, `farm drain` and `farm remove`: changes the servers of a farm. */
export const server = (change: "add" | "drain" | "remove") =>
  Effect.fn(`Command.farm.${change}`)((
    input: FarmConfig.FarmInput & { readonly server: string; readonly concurrency?: Option.Option<number> }
  ) =>
    Effect.gen(function*() {
      const farm = yield* Farm
      const url = yield* FarmConfig.serverUrl(input.server)
      switch (change) {
        case "add":
          yield* farm.addServer({ url, concurrency: Option.getOrUndefined(input.concurrency ?? Option.none()) })
          break
        case "drain":
          yield* farm.drainServer(url)
          break
        case "remove":
          yield* farm.removeServer(url)
      }
      return yield* statusResult(Option.none())
    }).pipe(Effect.provide(change === "add" ? FarmConfig.newLayer(input) : FarmConfig.layer(input)))
  )

/** `report`: writes the results of a run to a file, as a page or as a table. */
export const report = Effect.fn("Command.report")((
  input: FarmConfig.FarmInput & { readonly run: string; readonly out: string }
) =>
  Effect.gen(function*() {
    const farm = yield* Farm
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const { canceled, completed, failed } = yield* farm.status(input.run)
    const table = Effect.fnUntraced(function*(format: "csv" | "jsonl") {
      yield* fs.makeDirectory(path.dirname(input.out), { recursive: true })
      yield* farm.table(input.run, format).pipe(Stream.encodeText, Stream.run(fs.sink(input.out)))
    })
    switch (path.extname(input.out).toLowerCase()) {
      case ".csv":
        yield* table("csv")
        break
      case ".jsonl":
      case ".ndjson":
        yield* table("jsonl")
        break
      case ".html":
      case ".htm": {
        const results = yield* Stream.runCollect(farm.results(input.run, { live: false }))
        yield* Effect.provide(Report.write(results, input.out), ImageCodec.layer)
        break
      }
      default:
        return yield* new InvalidArgument({
          argument: `--out ${input.out}`,
          reason: "expected a name that ends in .html, .csv or .jsonl"
        })
    }
    return yield* outcome(CommandResult.Report, { path: input.out, results: completed + failed + canceled }, input.out)
  }).pipe(Effect.provide(FarmConfig.layer(input)))
)
