/**
 * The subcommands: their arguments, flags and help. What a subcommand does is in a module of its own, which is loaded when it
 * runs, so that help, completions and invalid arguments cost no more than this module.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type Outcome, Output } from "./Output.ts"
import * as Servers from "./servers.ts"

/** `--json`, which `main.ts` reads before anything else. */
const Json = GlobalFlag.Setting("json")({
  flag: Flag.Boolean("json").pipe(
    Flag.withDefault(false),
    Flag.withoutNegation,
    Flag.withDescription("Print JSON lines to standard output: events, then the result or the error")
  )
})

/** `--server`. */
const Server = GlobalFlag.Setting("server")({
  flag: Flag.String("server").pipe(
    Flag.optional,
    Flag.withDescription("Name of a server in servers.json, instead of the one that INVOKEAI_URL names")
  )
})

/** Runs a handler of a module that is loaded now, with the chosen server, and writes its outcome. */
const lazily = <Input, E, R>(
  load: () => Promise<(input: Input) => Effect.Effect<Outcome, E, R>>
) =>
(input: Input) =>
  Effect.gen(function*() {
    const server = yield* Server
    const output = yield* Output
    const handler = yield* Effect.promise(load)
    const config = Option.isSome(server)
      ? yield* Servers.withServer(server.value)
      : yield* ConfigProvider.ConfigProvider
    const outcome = yield* Effect.provideService(handler(input), ConfigProvider.ConfigProvider, config)
    yield* output.result(outcome)
  })

const workflow = Argument.String("workflow").pipe(
  Argument.withDescription("A workflow file, an image that InvokeAI made, or an id of the server's library")
)
const offline = Flag.Boolean("offline").pipe(
  Flag.withDefault(false),
  Flag.withoutNegation,
  Flag.withDescription("Use no server: the node types are those of InvokeAI 6.14.2, without custom nodes")
)

const workflowModule = () => import("./commands/workflow.ts")

const inputs = Command.make(
  "inputs",
  { workflow, offline },
  lazily(() => workflowModule().then((module) => module.inputs))
).pipe(Command.withDescription("List the inputs of a workflow with their types, values and choices"))

const check = Command.make(
  "check",
  { workflow, offline },
  lazily(() => workflowModule().then((module) => module.check))
).pipe(Command.withDescription("Check whether a workflow can run on the server, or by itself with --offline"))

const describe = Command.make(
  "describe",
  { workflow, offline },
  lazily(() => workflowModule().then((module) => module.describe))
).pipe(Command.withDescription("Describe a workflow: inputs, nodes, models and outputs"))

const diagram = Command.make(
  "diagram",
  { workflow, offline },
  lazily(() => workflowModule().then((module) => module.diagram))
).pipe(Command.withDescription("Print the nodes and connections of a workflow as a Mermaid diagram"))

const diff = Command.make(
  "diff",
  { before: Argument.String("before"), after: Argument.String("after"), offline },
  lazily(() => workflowModule().then((module) => module.diff))
).pipe(Command.withDescription("List the differences between two workflows"))

const models = Command.make(
  "models",
  {
    type: Flag.String("type").pipe(
      Flag.optional,
      Flag.withDescription("Only models of this type, such as main or lora")
    ),
    base: Flag.String("base").pipe(
      Flag.optional,
      Flag.withDescription("Only models of this architecture, such as sdxl")
    ),
    name: Flag.String("name").pipe(Flag.optional, Flag.withDescription("Only models with this text in their name"))
  },
  lazily(() => import("./commands/models.ts").then((module) => module.handler))
).pipe(Command.withDescription("List the models of the server"))

const boards = Command.make(
  "boards",
  {
    archived: Flag.Boolean("archived").pipe(
      Flag.withDefault(false),
      Flag.withoutNegation,
      Flag.withDescription("Archived boards too")
    )
  },
  lazily(() => import("./commands/boards.ts").then((module) => module.handler))
).pipe(Command.withDescription("List the boards of the server"))

const queue = Command.make("queue", {}, lazily(() => import("./commands/queue.ts").then((module) => module.handler)))
  .pipe(Command.withDescription("Show what waits and what runs on the server"))

const libraryModule = () => import("./commands/library.ts")

const library = Command.make("library").pipe(
  Command.withDescription("List, get and put workflows of the server's library"),
  Command.withSubcommands([
    Command.make(
      "list",
      {
        query: Flag.String("query").pipe(Flag.optional, Flag.withDescription("Only workflows with this text"))
      },
      lazily(() => libraryModule().then((module) => module.list))
    ).pipe(Command.withDescription("List the workflows with their ids")),
    Command.make(
      "get",
      {
        id: Argument.String("id"),
        out: Flag.String("out").pipe(Flag.optional, Flag.withDescription("The file to write. Default: standard output"))
      },
      lazily(() => libraryModule().then((module) => module.get))
    ).pipe(Command.withDescription("Write a workflow to a file, or print it")),
    Command.make(
      "put",
      {
        workflow,
        replace: Flag.String("replace").pipe(
          Flag.optional,
          Flag.withDescription("The id of the entry to replace. Default: a new entry")
        )
      },
      lazily(() => libraryModule().then((module) => module.put))
    ).pipe(Command.withDescription("Save a workflow in the library, and print its id"))
  ])
)

const simulate = Command.make(
  "simulate",
  {
    port: Flag.Int("port").pipe(
      Flag.filter((port) => port >= 0 && port <= 65_535, () => "Expected a number from 0 to 65535"),
      Flag.optional,
      Flag.withDescription("The port. Default: 9090, or a free one if that is taken")
    )
  },
  lazily(() => import("./commands/simulate.ts").then((module) => module.handler))
).pipe(Command.withDescription("Serve a simulated InvokeAI, for trying things out without a GPU"))

/** The command with all its subcommands. */
export const root = Command.make("effect-invokeai").pipe(
  Command.withDescription("Run InvokeAI workflows"),
  Command.withSubcommands([inputs, check, describe, diagram, diff, models, boards, queue, library, simulate]),
  Command.withGlobalFlags([Json, Server])
)
