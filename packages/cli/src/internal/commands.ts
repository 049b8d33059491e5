/**
 * The subcommands: their arguments, flags and help. The implementation of a subcommand is a separate module, which is loaded when it
 * runs, so that help, completions and invalid arguments cost no more than this module.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { farmCommands } from "./farmCommands.ts"
import { globalFlags, lazily } from "./subcommand.ts"
import type { Loaded } from "./workflowFlags.ts"

/** An empty value, for example of a variable of the shell that is not set, is never what is meant. */
const nonEmpty = (what: string) =>
  [(text: string) => text.trim() !== "", () => `Expected ${what}, got nothing`] as const

const workflow = Argument.String("workflow").pipe(
  Argument.filter(...nonEmpty("a workflow")),
  Argument.withDescription("A workflow file, an image that InvokeAI made, or an id of the server's library")
)
const image = Argument.String("image").pipe(
  Argument.filter(...nonEmpty("an image")),
  Argument.withDescription("The file of an image that InvokeAI made, or the name of an image on the server")
)
const offline = Flag.Boolean("offline").pipe(
  Flag.withDefault(false),
  Flag.withoutNegation,
  Flag.withDescription(
    "Use no server: the node types are those of the InvokeAI that this command knows, without custom nodes"
  )
)

const workflowModule = () => import("./commands/workflow.ts")

const inputsCommand = Command.make(
  "inputs",
  {
    workflow,
    offline,
    all: Flag.Boolean("all").pipe(
      Flag.withDefault(false),
      Flag.withoutNegation,
      Flag.withDescription("List also the fields off the form, which `run --set` can set")
    )
  },
  lazily(() => workflowModule().then((module) => module.inputs))
).pipe(Command.withDescription("List the inputs of a workflow with their types, values and choices"))

const check = Command.make(
  "check",
  {
    workflow: Argument.optional(workflow),
    offline,
    lock: Flag.String("lock").pipe(
      Flag.optional,
      Flag.withMetavar("<file>"),
      Flag.withDescription("Compare the server with a lock file, which `effect-invokeai lock` writes")
    ),
    on: Flag.String("on").pipe(
      Flag.atLeast(0),
      Flag.withMetavar("<server>"),
      Flag.withDescription("With --lock: compare this server of servers.json. Can be repeated")
    ),
    install: Flag.Boolean("install").pipe(
      Flag.withDefault(false),
      Flag.withoutNegation,
      Flag.withDescription("With --lock: install missing models whose source is a URL or a repository")
    )
  },
  lazily(() => workflowModule().then((module) => module.check))
).pipe(
  Command.withDescription("Check whether a workflow can run on the server, by itself with --offline, or a lock file")
)

const lock = Command.make(
  "lock",
  {
    workflow,
    out: Flag.String("out").pipe(
      Flag.filter(...nonEmpty("a file")),
      Flag.optional,
      Flag.withMetavar("<file>"),
      Flag.withDescription("The file to write. Default: the name of the workflow file with .lock.json")
    )
  },
  lazily(() => import("./commands/lock.ts").then((module) => module.lock))
).pipe(Command.withDescription("Record the models, node versions and server version that a workflow needs"))

const doctor = Command.make("doctor", {}, lazily(() => import("./commands/doctor.ts").then((module) => module.handler)))
  .pipe(Command.withDescription("Find out what is wrong with the server or the configuration, and what to do"))

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
  {
    before: Argument.filter(Argument.String("before"), ...nonEmpty("a workflow")),
    after: Argument.filter(Argument.String("after"), ...nonEmpty("a workflow")),
    offline
  },
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
        id: Argument.filter(Argument.String("id"), ...nonEmpty("an id of `effect-invokeai library list`")),
        out: Flag.String("out").pipe(
          Flag.filter(...nonEmpty("a file")),
          Flag.optional,
          Flag.withDescription("The file to write. Default: standard output")
        )
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

const types = Command.make(
  "types",
  {
    workflows: Argument.String("workflows").pipe(
      Argument.atLeast(1),
      Argument.withDescription("Workflow files, folders of them, or patterns such as \"workflows/*.json\"")
    ),
    out: Flag.String("out").pipe(
      Flag.filter(...nonEmpty("a folder")),
      Flag.withMetavar("<folder>"),
      Flag.withDescription("The folder of the modules")
    ),
    promise: Flag.Boolean("promise").pipe(
      Flag.withDefault(false),
      Flag.withoutNegation,
      Flag.withDescription("Write modules with promises instead of effects")
    ),
    check: Flag.Boolean("check").pipe(
      Flag.withDefault(false),
      Flag.withoutNegation,
      Flag.withDescription("Write nothing, and fail if a module does not match its workflow")
    ),
    online: Flag.Boolean("online").pipe(
      Flag.withDefault(false),
      Flag.withoutNegation,
      Flag.withDescription("Take the node types from the server, for workflows with custom nodes")
    )
  },
  lazily(() => import("./commands/types.ts").then((module) => module.types))
).pipe(
  Command.withDescription("Write a typed module for each workflow"),
  Command.withExamples([
    { command: "effect-invokeai types workflows/*.json --out src/workflows" },
    { command: "effect-invokeai types workflows/*.json --out src/workflows --check" }
  ])
)

const saving = {
  out: Flag.String("out").pipe(
    Flag.filter(...nonEmpty("a folder")),
    Flag.withDefault("outputs"),
    Flag.withDescription("The folder of the images")
  ),
  name: Flag.String("name").pipe(
    Flag.optional,
    Flag.withDescription(
      "Template of file names, such as \"{workflow}-{node}-{index}\". Default: the name on the server"
    )
  ),
  format: Flag.Literals("format", ["png", "jpeg", "webp"]).pipe(
    Flag.withDefault("png"),
    Flag.withDescription("The format of the files. png has the workflow in it")
  )
}
const batch = Argument.String("batch").pipe(
  Argument.filter(...nonEmpty("the id of a batch")),
  Argument.withDescription("The id of a batch, as run and queue print it")
)

/** The flags of `run` and `reproduce`, those of the workflow's inputs included. */
const running = (loaded: Loaded | undefined) => ({
  inputs: loaded?.flags ?? {},
  set: Flag.String("set").pipe(
    Flag.atLeast(0),
    Flag.withMetavar("<node.field=value>"),
    Flag.withDescription("Set any field of any node, on the form or not. Can be repeated")
  ),
  values: Flag.String("values").pipe(
    Flag.optional,
    Flag.withMetavar("<file.json>"),
    Flag.withDescription("A JSON file with values by input name. Flags override it")
  ),
  runs: Flag.Int("runs").pipe(Flag.withDefault(1), Flag.withDescription("How many times to run. Default: 1")),
  seed: Flag.String("seed").pipe(
    Flag.optional,
    Flag.withMetavar("<integer|random|perRun|keep>"),
    Flag.withDescription("One seed for all runs, a random one, or one for each run. Default: keep that of the workflow")
  ),
  board: Flag.String("board").pipe(Flag.optional, Flag.withDescription("Name or id of the board of the images")),
  timeout: Flag.String("timeout").pipe(
    Flag.optional,
    Flag.withMetavar("<duration>"),
    Flag.withDescription("Cancel the job after this time, such as \"10 minutes\". Default: none")
  ),
  detach: Flag.Boolean("detach").pipe(
    Flag.withDefault(false),
    Flag.withoutNegation,
    Flag.withDescription("Submit, print the id of the batch, and let the job continue on the server")
  ),
  ...saving
})

const runModule = () => import("./commands/run.ts")

const run = (loaded: Loaded | undefined) =>
  Command.make(
    "run",
    { workflow, ...running(loaded) },
    lazily(() => runModule().then((module) => module.run(loaded?.workflow)))
  ).pipe(
    Command.withDescription(
      "Run a workflow and save its images. `run <workflow> --help` lists the flags of this workflow's inputs"
    ),
    Command.withShortDescription("Run a workflow and save its images"),
    Command.withExamples([
      { command: "effect-invokeai run text-to-image.json --positive-prompt \"a lighthouse\" --runs 4 --seed perRun" },
      { command: "effect-invokeai run photo.json --image photo.png --out results --format webp" }
    ])
  )

const reproduce = (loaded: Loaded | undefined) =>
  Command.make(
    "reproduce",
    { workflow: image, ...running(loaded) },
    lazily(() => import("./commands/reproduce.ts").then((module) => module.reproduce))
  ).pipe(Command.withDescription("Run the workflow of an image that InvokeAI made, with the values of that run"))

const attach = Command.make("attach", { batch, ...saving }, lazily(() => runModule().then((module) => module.attach)))
  .pipe(Command.withDescription("Wait for a job that is on the server, and save its images"))

const outputs = Command.make(
  "outputs",
  { batch, ...saving },
  lazily(() => runModule().then((module) => module.outputs))
).pipe(Command.withDescription("Save the images of a job that has completed"))

const cancel = Command.make("cancel", { batch }, lazily(() => runModule().then((module) => module.cancel))).pipe(
  Command.withDescription("Cancel a job")
)

/** The workflow that an argument names, with the flags of its inputs. */
export const loadWorkflow = (source: string, isForHelp: boolean) =>
  Effect.flatMap(
    Effect.promise(() => import("./workflowFlags.ts")),
    (module) => isForHelp ? module.loadForHelp(source) : module.load(source)
  )

/** The command with all its subcommands; `loaded` is the workflow of `run` or `reproduce`. */
export const root = (loaded: Loaded | undefined) =>
  Command.make("effect-invokeai").pipe(
    Command.withDescription("Run InvokeAI workflows"),
    Command.withSubcommands([
      run(loaded),
      attach,
      outputs,
      cancel,
      reproduce(loaded),
      inputsCommand,
      check,
      lock,
      describe,
      diagram,
      diff,
      models,
      boards,
      queue,
      library,
      types,
      ...farmCommands,
      doctor,
      simulate
    ]),
    Command.withGlobalFlags(globalFlags)
  )
