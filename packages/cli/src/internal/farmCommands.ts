/** The subcommands of a farm: their arguments, flags and help. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import { lazily, Servers } from "./subcommand.ts"

const farmModule = () => import("./commands/farm.ts")

const state = Flag.String("state").pipe(
  Flag.withMetavar("<file.db|postgres://…>"),
  Flag.withFallbackConfig(Config.String("INVOKEAI_STATE")),
  Flag.withDescription(
    "Where the farm is kept: a SQLite file, or the URL of a Postgres database. Default: the variable INVOKEAI_STATE"
  )
)
const run = Argument.String("run").pipe(Argument.withDescription("The name of a run"))
const working = {
  state,
  out: Flag.String("out").pipe(Flag.withDefault("outputs"), Flag.withDescription("The folder of the files")),
  concurrency: Flag.Int("concurrency").pipe(
    Flag.optional,
    Flag.withDescription("How many items each --server may have at the same time. Default: 2")
  )
}

/** Adds the values of `--server`. */
const withServers =
  <Input, A, E, R>(handler: (input: Input & { readonly servers: ReadonlyArray<string> }) => Effect.Effect<A, E, R>) =>
  (input: Input) => Effect.flatMap(Servers, (servers) => handler({ ...input, servers }))

const batch = Command.make(
  "batch",
  {
    workflow: Argument.String("workflow").pipe(
      Argument.withDescription("A workflow file, an image that InvokeAI made, or an id of the server's library")
    ),
    rows: Flag.String("rows").pipe(
      Flag.withMetavar("<file>"),
      Flag.withDescription("A table with a row for each item: .csv, .tsv, or .jsonl. Columns are the names of inputs")
    ),
    run: Flag.String("run").pipe(
      Flag.optional,
      Flag.withDescription("The name of the run. Default: the name of the file with the rows")
    ),
    name: Flag.String("name").pipe(
      Flag.optional,
      Flag.withDescription("Template of file names. Default: \"{run}/{id}\"")
    ),
    format: Flag.Literals("format", ["png", "jpeg", "webp"]).pipe(
      Flag.optional,
      Flag.withDescription("The format of the files. Default: png, which has the workflow in it")
    ),
    sidecar: Flag.Boolean("sidecar").pipe(
      Flag.withDefault(false),
      Flag.withoutNegation,
      Flag.withDescription("Write a JSON file with inputs, seed and workflow next to each file")
    ),
    board: Flag.String("board").pipe(Flag.optional, Flag.withDescription("Name or id of the board of the images")),
    seed: Flag.String("seed").pipe(
      Flag.optional,
      Flag.withMetavar("<integer|random|keep>"),
      Flag.withDescription("The seed of rows that have none. Default: keep that of the workflow")
    ),
    id: Flag.String("id").pipe(
      Flag.optional,
      Flag.withMetavar("<column>"),
      Flag.withDescription("The column with the ids of items. Default: `id`, otherwise an id of the row's content")
    ),
    ignore: Flag.String("ignore").pipe(
      Flag.atLeast(0),
      Flag.withMetavar("<column>"),
      Flag.withDescription("A column that is not an input. Can be repeated")
    ),
    priority: Flag.Int("priority").pipe(
      Flag.withDefault(0),
      Flag.withDescription("Items of the run with the highest priority come first. Default: 0")
    ),
    attempts: Flag.Int("attempts").pipe(
      Flag.optional,
      Flag.withDescription("How many times an item is submitted at most. Default: 5")
    ),
    timeout: Flag.String("timeout").pipe(
      Flag.optional,
      Flag.withMetavar("<duration>"),
      Flag.withDescription("Cancel an item after this time, such as \"10 minutes\". Default: none")
    ),
    dryRun: Flag.Boolean("dry-run").pipe(
      Flag.withDefault(false),
      Flag.withoutNegation,
      Flag.withDescription("Check the rows and the servers, and store and send nothing")
    ),
    detach: Flag.Boolean("detach").pipe(
      Flag.withDefault(false),
      Flag.withoutNegation,
      Flag.withDescription("Store the items for workers, and run none here")
    ),
    ...working
  },
  withServers(lazily(() => farmModule().then((module) => module.batch)))
).pipe(
  Command.withDescription(
    "Run a workflow for each row of a table, on several servers. The same command continues a run"
  ),
  Command.withExamples([
    {
      command: "effect-invokeai batch text-to-image.json --rows rows.csv --server http://10.0.0.11:9090 " +
        "--server http://10.0.0.12:9090 --state night.db"
    }
  ])
)

const worker = Command.make(
  "worker",
  working,
  withServers(lazily(() => farmModule().then((module) => module.worker)))
).pipe(Command.withDescription("Run items of all runs of a farm, until Ctrl-C"))

const status = Command.make(
  "status",
  { run: Argument.optional(run), state },
  lazily(() => farmModule().then((module) => module.status))
).pipe(Command.withDescription("Show the runs and the servers of a farm"))

const retry = Command.make("retry", { run, state }, lazily(() => farmModule().then((module) => module.retry))).pipe(
  Command.withDescription("Run the items of a run that failed again")
)

const report = Command.make(
  "report",
  {
    run,
    state,
    out: Flag.String("out").pipe(
      Flag.withMetavar("<file>"),
      Flag.withDescription("The file to write: a page if it ends in .html, a table if in .csv or .jsonl")
    )
  },
  lazily(() => farmModule().then((module) => module.report))
).pipe(Command.withDescription("Write the results of a run to a page or a table"))

const server = Argument.String("server").pipe(
  Argument.withDescription("The URL of a server, or its name in servers.json")
)

const farm = Command.make("farm").pipe(
  Command.withDescription("Control the runs and the servers of a farm"),
  Command.withSubcommands([
    Command.make("pause", { run, state }, lazily(() => farmModule().then((module) => module.pause))).pipe(
      Command.withDescription("Take no more items of a run; those that run continue")
    ),
    Command.make("resume", { run, state }, lazily(() => farmModule().then((module) => module.resume))).pipe(
      Command.withDescription("Continue a run")
    ),
    Command.make("cancel", { run, state }, lazily(() => farmModule().then((module) => module.cancel))).pipe(
      Command.withDescription("Cancel the items of a run that have no result, on the servers too")
    ),
    Command.make("forget", { run, state }, lazily(() => farmModule().then((module) => module.forget))).pipe(
      Command.withDescription("Remove a run and its results. Files stay")
    ),
    Command.make(
      "priority",
      { run, priority: Argument.Int("priority"), state },
      lazily(() => farmModule().then((module) => module.priority))
    ).pipe(Command.withDescription("Change which run comes first: that with the highest integer")),
    Command.make(
      "add",
      {
        server,
        concurrency: Flag.Int("concurrency").pipe(
          Flag.optional,
          Flag.withDescription("How many items the server may have at the same time. Default: 2")
        ),
        state
      },
      lazily(() => farmModule().then((module) => module.server("add")))
    ).pipe(Command.withDescription("Add a server, or give items to a drained one again")),
    Command.make("drain", { server, state }, lazily(() => farmModule().then((module) => module.server("drain")))).pipe(
      Command.withDescription("Give a server no more items; it finishes those that it has")
    ),
    Command.make("remove", { server, state }, lazily(() => farmModule().then((module) => module.server("remove"))))
      .pipe(Command.withDescription("Drain a server, and forget it then"))
  ])
)

/** The subcommands of a farm. */
export const farmCommands = [batch, worker, status, retry, report, farm] as const
