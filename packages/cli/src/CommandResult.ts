/**
 * What `effect-invokeai … --json` prints to standard output: one JSON value per line. Lines with a `type` are `Event`s; the
 * last line is the `Envelope`, with the result of the subcommand or its failure.
 *
 * **Example** (Reading the last line of `effect-invokeai describe … --json`)
 *
 * ```ts run
 * import * as CommandResult from "@effect-invokeai/cli/CommandResult"
 * import * as Schema from "effect/Schema"
 *
 * const decode = Schema.decodeUnknownSync(Schema.fromJsonString(CommandResult.envelope(CommandResult.Text)))
 * const result = decode(`{ "ok": true, "data": { "text": "a workflow" } }`)
 *
 * result.ok ? result.data.text : result.error.help // => "a workflow"
 * ```
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

const maybe = <S extends Schema.Top>(schema: S) => Schema.NullOr(schema)

/**
 * The exit codes of the command.
 *
 * **Details**
 *
 * Code 1 is left for faults of the command itself.
 *
 * @category constants
 * @since 0.1.0
 */
export const ExitCode = {
  /** The subcommand succeeded. */
  ok: 0,
  /** A fault of the command itself. */
  unexpected: 1,
  /** A flag, a file, a name or a value is invalid. Nothing was sent. */
  invalid: 2,
  /** The workflow cannot run as it is, or `doctor` or `check` found something wrong. */
  notReady: 3,
  /** The server is unreachable, or refused a request. */
  server: 4,
  /** The job failed, was canceled, was lost, or took too long; or its images could not be saved. */
  job: 5,
  /** Ctrl-C or SIGTERM. */
  interrupted: 130
} as const

/**
 * Why a subcommand failed.
 *
 * @category schemas
 * @since 0.1.0
 */
export class Failure extends Schema.Opaque<Failure>()(Schema.Struct({
  /** The tag of the error, as in the errors of the library. */
  tag: Schema.String,
  /** What failed, and why. */
  message: Schema.String,
  /** What you can do; `""` if the message says it already. */
  help: Schema.String
})) {}

/**
 * The last line of the output: the result of a subcommand, or its failure.
 *
 * @category schemas
 * @since 0.1.0
 */
export const envelope = <S extends Schema.Top>(data: S) =>
  Schema.Union([
    Schema.Struct({ ok: Schema.Literal(true), data }),
    Schema.Struct({ ok: Schema.Literal(false), error: Failure })
  ])

/**
 * What happens while a subcommand runs.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Event = Schema.Union([
  Schema.Struct({
    /** The server accepted the batch. */
    type: Schema.Literal("submitted"),
    /** The id of the batch, for `attach`, `outputs` and `cancel`. */
    batchId: Schema.String,
    /** How many images or other results the batch makes, as queue items. */
    items: Schema.Int
  }),
  Schema.Struct({
    /** The job progressed. */
    type: Schema.Literal("progress"),
    /** The progress of the whole job from 0 to 1. It never decreases. */
    fraction: Schema.Finite,
    /** How many queue items have ended. */
    finished: Schema.Int,
    /** How many queue items the job has; null while that is unknown. */
    total: maybe(Schema.Int),
    /** The node that runs, by its label or title; null between nodes. */
    node: maybe(Schema.String),
    /** The server's message about the progress of the node; null if it sends none. */
    step: maybe(Schema.String),
    /** The estimated remaining time of the job, in seconds; null if unknown. */
    remainingSeconds: maybe(Schema.Finite)
  }),
  Schema.Struct({
    /** A run of a farm progressed. */
    type: Schema.Literal("run"),
    /** The name of the run. */
    run: Schema.String,
    /** How many items the run has. */
    total: Schema.Int,
    /** How many wait for a server. */
    waiting: Schema.Int,
    /** How many a server has. */
    running: Schema.Int,
    /** How many made their files. */
    completed: Schema.Int,
    /** How many failed for good. */
    failed: Schema.Int,
    /** How many were canceled. */
    canceled: Schema.Int,
    /** Results of the last 60 seconds, per second. */
    perSecond: Schema.Finite,
    /** The expected time until every item has a result, in seconds; null if no item ended lately. */
    remainingSeconds: maybe(Schema.Finite),
    /** How many results are of each server, by URL. */
    servers: Schema.Record(Schema.String, Schema.Int)
  }),
  Schema.Struct({
    /** A file was written. */
    type: Schema.Literal("downloaded"),
    /** The path of the file. */
    path: Schema.String
  }),
  Schema.Struct({
    /** The simulator or another service listens. */
    type: Schema.Literal("listening"),
    /** Its URL. */
    url: Schema.String
  }),
  Schema.Struct({
    /** A model is being installed on the server. */
    type: Schema.Literal("installing"),
    /** The name of the model. */
    model: Schema.String,
    /** What the server is doing, such as `downloading`. */
    status: Schema.String
  }),
  Schema.Struct({
    /** Something that you should know did not stop the subcommand. */
    type: Schema.Literal("warning"),
    /** The warning. */
    message: Schema.String
  })
])

/**
 * What happens while a subcommand runs.
 *
 * @category models
 * @since 0.1.0
 */
export type Event = typeof Event.Type

/**
 * A file that was written.
 *
 * @category schemas
 * @since 0.1.0
 */
export class File extends Schema.Opaque<File>()(Schema.Struct({
  /** The path of the file. */
  path: Schema.String,
  /** The name of the image or video on the server. */
  image: Schema.String,
  /** What the file holds. */
  kind: Schema.Literals(["image", "video", "metadata"]),
  /** In bytes. */
  size: Schema.Int
})) {}

/**
 * An image that a job made.
 *
 * @category schemas
 * @since 0.1.0
 */
export class Image extends Schema.Opaque<Image>()(Schema.Struct({
  /** The name of the image on the server. */
  name: Schema.String,
  /** The id of the node that made it. */
  nodeId: Schema.String,
  /** The label or title of the node. */
  node: Schema.String,
  /** In pixels. */
  width: Schema.Int,
  /** In pixels. */
  height: Schema.Int
})) {}

/**
 * The result of `run`, `attach`, `outputs` and `reproduce`.
 *
 * @category schemas
 * @since 0.1.0
 */
export class Run extends Schema.Opaque<Run>()(Schema.Struct({
  /** The id of the batch on the server. */
  batchId: Schema.String,
  /** `submitted` with `--detach`: the job continues on the server. */
  status: Schema.Literals(["completed", "submitted"]),
  /** The images that the job keeps on the server. */
  images: Schema.Array(Image),
  /** The files that were written. */
  files: Schema.Array(File),
  /** The seeds of `images`, in their order; null for an image without a seed, or whose seed is unknown. */
  seeds: Schema.Array(maybe(Schema.Int)),
  /** How long the job ran on the server, in seconds. */
  elapsedSeconds: Schema.Finite
})) {}

/**
 * An input of a workflow.
 *
 * @category schemas
 * @since 0.1.0
 */
export class Input extends Schema.Opaque<Input>()(Schema.Struct({
  /** The public name of the input, as files of `--values` use it. */
  name: Schema.String,
  /** Its flag of `run`. */
  flag: Schema.String,
  /** `{nodeId}.{fieldName}`, as `--set` accepts it. */
  systemName: Schema.String,
  /** What the editor shows as its name. */
  title: Schema.String,
  /** The author's description, or that of the field; `""` if neither exists. */
  description: Schema.String,
  /** The type of the field, such as `integer` or `image`. */
  type: Schema.String,
  /** Whether the workflow cannot run without a value. */
  required: Schema.Boolean,
  /** A description of the accepted values, with bounds and choices. */
  accepts: Schema.String,
  /** The value in the file, as a string; null if it has none. */
  default: maybe(Schema.String),
  /** The values to choose from; null if it is not a choice. */
  choices: maybe(Schema.Array(Schema.String))
})) {}

/**
 * A field of a node, on the form or not.
 *
 * @category schemas
 * @since 0.1.0
 */
export class Field extends Schema.Opaque<Field>()(Schema.Struct({
  /** `{nodeId}.{fieldName}`, as `--set` accepts it. */
  systemName: Schema.String,
  /** The title of the node. */
  node: Schema.String,
  /** The type of the field, such as `integer` or `image`. */
  type: Schema.String,
  /** A description of the accepted values, with bounds and choices. */
  accepts: Schema.String,
  /** The value in the file, as a string; null if it has none. */
  value: maybe(Schema.String)
})) {}

/**
 * The result of `inputs`.
 *
 * @category schemas
 * @since 0.1.0
 */
export class Inputs extends Schema.Opaque<Inputs>()(Schema.Struct({
  /** The name of the workflow. */
  workflow: Schema.String,
  /** Its inputs in the order of the form. */
  inputs: Schema.Array(Input),
  /** With `--all`, the fields of all nodes that have no connection, in node order; otherwise empty. */
  fields: Schema.Array(Field)
})) {}

/**
 * The result of `check`. If something is wrong, the subcommand fails with `WorkflowNotReady` instead.
 *
 * @category schemas
 * @since 0.1.0
 */
export class Check extends Schema.Opaque<Check>()(Schema.Struct({
  /** Always true: a workflow that is not ready is a failure. */
  ready: Schema.Literal(true),
  /** Whether the models, images and boards of a server were checked. */
  online: Schema.Boolean,
  /** What will be dropped or cannot be kept, as sentences. Known only with a server: empty if `online` is false. */
  warnings: Schema.Array(Schema.String)
})) {}

/**
 * The result of `describe` and `diagram`.
 *
 * @category schemas
 * @since 0.1.0
 */
export class Text extends Schema.Opaque<Text>()(Schema.Struct({
  /** The description, or the diagram in Mermaid's notation. */
  text: Schema.String
})) {}

/**
 * A difference between two workflows.
 *
 * @category schemas
 * @since 0.1.0
 */
export class Change extends Schema.Opaque<Change>()(Schema.Struct({
  /** Whether it was added, removed or changed. */
  kind: Schema.Literals(["added", "removed", "changed"]),
  /** Where: a system name, the id of a node, or a connection. */
  path: Schema.String,
  /** Its name for people. */
  name: Schema.String,
  /** A description of the first workflow at this place; absent if it has nothing there. */
  before: Schema.optionalKey(Schema.String),
  /** A description of the second workflow at this place; absent if it has nothing there. */
  after: Schema.optionalKey(Schema.String)
})) {}

/**
 * The result of `diff`.
 *
 * @category schemas
 * @since 0.1.0
 */
export class Diff extends Schema.Opaque<Diff>()(Schema.Struct({
  /** Whether the workflows are equal. */
  isEmpty: Schema.Boolean,
  /** Inputs of the form. */
  inputs: Schema.Array(Change),
  /** Nodes. */
  nodes: Schema.Array(Change),
  /** Fields off the form. */
  values: Schema.Array(Change),
  /** Connections. */
  connections: Schema.Array(Change),
  /** Model fields that hold another model. */
  models: Schema.Array(Change)
})) {}

/**
 * The result of `cancel`.
 *
 * @category schemas
 * @since 0.1.0
 */
export class Cancel extends Schema.Opaque<Cancel>()(Schema.Struct({
  /** The id of the batch. */
  batchId: Schema.String,
  /** Whether the server has confirmed that no item of the batch is pending or running. */
  confirmed: Schema.Boolean,
  /** The ids of the queue items that are canceled. */
  canceled: Schema.Array(Schema.Int),
  /** The ids of the queue items that had ended before. */
  finished: Schema.Array(Schema.Int),
  /** The ids of the queue items that could not be canceled. */
  remaining: Schema.Array(Schema.Int)
})) {}

/**
 * A model of the server.
 *
 * @category schemas
 * @since 0.1.0
 */
export class Model extends Schema.Opaque<Model>()(Schema.Struct({
  /** The id of the model on this server. */
  key: Schema.String,
  /** The hash of its files, which is the same on every server. */
  hash: Schema.String,
  /** Its name. */
  name: Schema.String,
  /** Its architecture, such as `sdxl`. */
  base: Schema.String,
  /** What it is, such as `main` or `lora`. */
  type: Schema.String,
  /** The format of its files; null if unknown. */
  format: maybe(Schema.String),
  /** The size of its files in bytes; null if unknown. */
  size: maybe(Schema.Finite),
  /** Where the server got it from: a URL, a repository or a path; null if unknown. */
  source: maybe(Schema.String)
})) {}

/**
 * The result of `models`.
 *
 * @category schemas
 * @since 0.1.0
 */
export class Models extends Schema.Opaque<Models>()(Schema.Struct({
  /** The models, by type, base and name. */
  models: Schema.Array(Model)
})) {}

/**
 * The result of `boards`.
 *
 * @category schemas
 * @since 0.1.0
 */
export class Boards extends Schema.Opaque<Boards>()(Schema.Struct({
  /** The boards in the server's order. */
  boards: Schema.Array(Schema.Struct({
    /** The id of the board. */
    id: Schema.String,
    /** Its name. */
    name: Schema.String,
    /** How many images it has. */
    images: Schema.Int,
    /** Whether it is archived. */
    archived: Schema.Boolean
  }))
})) {}

/**
 * The result of `queue`.
 *
 * @category schemas
 * @since 0.1.0
 */
export class Queue extends Schema.Opaque<Queue>()(Schema.Struct({
  /** The id of the queue. */
  queueId: Schema.String,
  /** Whether the server starts pending items. */
  running: Schema.Boolean,
  /** How many items wait. */
  pending: Schema.Int,
  /** How many items run. */
  inProgress: Schema.Int,
  /** How many items completed. */
  completed: Schema.Int,
  /** How many items failed. */
  failed: Schema.Int,
  /** How many items were canceled. */
  canceled: Schema.Int,
  /** The items that wait or run, in the order in which they run. */
  items: Schema.Array(Schema.Struct({
    /** The id of the item. */
    itemId: Schema.Int,
    /** The id of its batch, as `attach` and `cancel` accept it. */
    batchId: Schema.String,
    /** Its status. */
    status: Schema.String,
    /** The program that enqueued it, as it named itself; null if it did not. */
    origin: maybe(Schema.String)
  }))
})) {}

/**
 * A workflow of the server's library.
 *
 * @category schemas
 * @since 0.1.0
 */
export class LibraryEntry extends Schema.Opaque<LibraryEntry>()(Schema.Struct({
  /** The id of the workflow, as `run` accepts it. */
  id: Schema.String,
  /** Its name. */
  name: Schema.String,
  /** `user` or `default`. */
  category: Schema.String,
  /** Its description. */
  description: Schema.String
})) {}

/**
 * The result of `library list`.
 *
 * @category schemas
 * @since 0.1.0
 */
export class LibraryList extends Schema.Opaque<LibraryList>()(Schema.Struct({
  /** The workflows in the server's order. */
  workflows: Schema.Array(LibraryEntry)
})) {}

/**
 * The result of `library get`.
 *
 * @category schemas
 * @since 0.1.0
 */
export class LibraryGet extends Schema.Opaque<LibraryGet>()(Schema.Struct({
  /** The id of the workflow. */
  id: Schema.String,
  /** The file that was written; null if the workflow was printed. */
  path: maybe(Schema.String),
  /** The workflow; null if it was written to a file. */
  workflow: maybe(Schema.Record(Schema.String, Schema.Unknown))
})) {}

/**
 * The result of `library put`.
 *
 * @category schemas
 * @since 0.1.0
 */
export class LibraryPut extends Schema.Opaque<LibraryPut>()(Schema.Struct({
  /** The id of the workflow in the library. */
  id: Schema.String,
  /** Its name. */
  name: Schema.String,
  /** Whether an entry was replaced; otherwise a new one was made. */
  replaced: Schema.Boolean
})) {}

/**
 * A model that a lock file names.
 *
 * @category schemas
 * @since 0.1.0
 */
export class LockedModel extends Schema.Opaque<LockedModel>()(Schema.Struct({
  /** Its name. */
  name: Schema.String,
  /** Its architecture. */
  base: Schema.String,
  /** What it is. */
  type: Schema.String,
  /** The hash of its files, which is the same on every server. */
  hash: Schema.String,
  /** Where the server got it from; null if unknown. `--install` fetches it from there if it is a URL or a repository. */
  source: maybe(Schema.String)
})) {}

/**
 * A lock file: the requirements of a workflow on a server.
 *
 * @category schemas
 * @since 0.1.0
 */
export class Lock extends Schema.Opaque<Lock>()(Schema.Struct({
  /** The version of the format. */
  version: Schema.Literal(1),
  /** The name of the workflow. */
  workflow: Schema.String,
  /** The version of InvokeAI. */
  server: Schema.String,
  /** The versions of the node types, by type. */
  nodes: Schema.Record(Schema.String, Schema.String),
  /** The models. */
  models: Schema.Array(LockedModel)
})) {}

/**
 * The result of `lock`.
 *
 * @category schemas
 * @since 0.1.0
 */
export class LockWritten extends Schema.Opaque<LockWritten>()(Schema.Struct({
  /** The file that was written. */
  path: Schema.String,
  /** Its content. */
  lock: Lock
})) {}

/**
 * Something that a server has otherwise than a lock file says.
 *
 * @category schemas
 * @since 0.1.0
 */
export class LockDifference extends Schema.Opaque<LockDifference>()(Schema.Struct({
  /** The URL of the server. */
  server: Schema.String,
  /** What differs. */
  subject: Schema.Literals(["server", "node", "model"]),
  /** Its name. */
  name: Schema.String,
  /** The difference. */
  message: Schema.String
})) {}

/**
 * The result of `check --lock`. If something differs, the subcommand fails with `LockMismatch`, whose message names every
 * difference.
 *
 * @category schemas
 * @since 0.1.0
 */
export class LockCheck extends Schema.Opaque<LockCheck>()(Schema.Struct({
  /** The URLs of the servers that were compared. */
  servers: Schema.Array(Schema.String),
  /** Always true: a difference is a failure. */
  matches: Schema.Literal(true)
})) {}

/**
 * Something that `doctor` looked at.
 *
 * @category schemas
 * @since 0.1.0
 */
export class Finding extends Schema.Opaque<Finding>()(Schema.Struct({
  /** What was looked at. */
  subject: Schema.Literals(["server", "version", "login", "events", "queue", "models", "disk", "configuration"]),
  /** `error`: no workflow can run. `warning`: some workflows may fail. */
  status: Schema.Literals(["ok", "warning", "error"]),
  /** What was found. */
  message: Schema.String,
  /** What you can do; `""` if everything is as it should be. */
  help: Schema.String
})) {}

/**
 * The result of `doctor`. With an error among the findings its exit code is 3.
 *
 * @category schemas
 * @since 0.1.0
 */
export class Doctor extends Schema.Opaque<Doctor>()(Schema.Struct({
  /** The URL of the server, without credentials. */
  server: Schema.String,
  /** Whether no finding is an error. */
  healthy: Schema.Boolean,
  /** The findings. */
  findings: Schema.Array(Finding)
})) {}

/**
 * A module that `types` writes.
 *
 * @category schemas
 * @since 0.1.0
 */
export class TypesModule extends Schema.Opaque<TypesModule>()(Schema.Struct({
  /** The path of the module. */
  path: Schema.String,
  /** The path of the workflow. */
  workflow: Schema.String,
  /** What was there before: nothing, a module that differs, or the same. */
  status: Schema.Literals(["missing", "changed", "same"]),
  /** The inputs and outputs that differ from those of the module that was there. */
  changes: Schema.Array(Schema.Struct({
    /** Whether it is about an input or an output. */
    subject: Schema.Literals(["input", "output"]),
    /** The public name. */
    name: Schema.String,
    /** What differs. */
    kind: Schema.Literals(["added", "removed", "type", "default", "required"]),
    /** The difference in words. */
    message: Schema.String
  }))
})) {}

/**
 * The result of `types`. With `--check` the subcommand fails with `TypesOutdated` if a module differs; its message names every
 * difference.
 *
 * @category schemas
 * @since 0.1.0
 */
export class Types extends Schema.Opaque<Types>()(Schema.Struct({
  /** The modules, in the order of the paths of their workflows. */
  modules: Schema.Array(TypesModule)
})) {}

/**
 * A run of a farm.
 *
 * @category schemas
 * @since 0.1.0
 */
export class FarmRun extends Schema.Opaque<FarmRun>()(Schema.Struct({
  /** The name of the run. */
  run: Schema.String,
  /** Whether workers take its items, it is paused, it was canceled, or every item has a result. */
  state: Schema.Literals(["running", "paused", "canceled", "finished"]),
  /** Of several runs, items of the one with the highest priority are taken first. */
  priority: Schema.Int,
  /** How many items the run has. */
  total: Schema.Int,
  /** How many wait for a server. */
  waiting: Schema.Int,
  /** How many a server has. */
  running: Schema.Int,
  /** How many made their files. */
  completed: Schema.Int,
  /** How many failed for good. */
  failed: Schema.Int,
  /** How many were canceled. */
  canceled: Schema.Int,
  /** Results of the last 60 seconds, per second. */
  perSecond: Schema.Finite,
  /** The expected time until every item has a result, in seconds; null if no item ended lately. */
  remainingSeconds: maybe(Schema.Finite),
  /** How many results are of each server, by URL. */
  servers: Schema.Record(Schema.String, Schema.Int)
})) {}

/**
 * The result of `batch`, and of `farm pause`, `farm resume`, `farm cancel`, `farm priority` and `retry`.
 *
 * @category schemas
 * @since 0.1.0
 */
export class Batch extends Schema.Opaque<Batch>()(Schema.Struct({
  ...FarmRun.fields,
  /** How many rows were new, or how many items run again. */
  added: Schema.Int,
  /** The folder of the files. */
  directory: Schema.String,
  /** The first failures, at most 20. `report` has all. */
  failures: Schema.Array(Schema.Struct({
    /** The id of the item. */
    item: Schema.String,
    /** The tag of its error. */
    tag: Schema.String,
    /** What failed, and why. */
    message: Schema.String
  }))
})) {}

/**
 * The result of `batch --dry-run`.
 *
 * @category schemas
 * @since 0.1.0
 */
export class BatchPlan extends Schema.Opaque<BatchPlan>()(Schema.Struct({
  /** The name of the run. */
  run: Schema.String,
  /** How many items the rows are. */
  items: Schema.Int,
  /** The servers, and what each lacks; a server without problems would get items. */
  servers: Schema.Array(Schema.Struct({
    /** The URL of the server. */
    url: Schema.String,
    /** Whether the server responded. */
    reachable: Schema.Boolean,
    /** What it lacks, or why it could not be asked. */
    problems: Schema.Array(Schema.String)
  }))
})) {}

/**
 * A server of a farm.
 *
 * @category schemas
 * @since 0.1.0
 */
export class FarmServer extends Schema.Opaque<FarmServer>()(Schema.Struct({
  /** The URL of the server. */
  url: Schema.String,
  /** Whether it gets items, finishes those that it has, or is left alone for a while. */
  state: Schema.Literals(["active", "draining", "failing", "removed"]),
  /** How many items it may have at the same time. */
  concurrency: Schema.Int,
  /** How many items it has. */
  running: Schema.Int,
  /** Why it failed last; null if it does not fail. */
  problem: maybe(Schema.String)
})) {}

/**
 * The result of `status`, and of `farm add`, `farm drain`, `farm remove` and `farm forget`.
 *
 * @category schemas
 * @since 0.1.0
 */
export class FarmStatus extends Schema.Opaque<FarmStatus>()(Schema.Struct({
  /** The runs, the newest first. */
  runs: Schema.Array(FarmRun),
  /** The servers. */
  servers: Schema.Array(FarmServer)
})) {}

/**
 * The result of `report`.
 *
 * @category schemas
 * @since 0.1.0
 */
export class Report extends Schema.Opaque<Report>()(Schema.Struct({
  /** The path of the file. */
  path: Schema.String,
  /** How many results it has. */
  results: Schema.Int
})) {}
