/** What the command says and exits with when something fails. */
import * as Cause from "effect/Cause"
import * as CliError from "effect/cli/CliError"
import type * as Command from "effect/cli/Command"
import type { PlatformError } from "effect/PlatformError"
import { hasProperty, isTagged } from "effect/Predicate"
import * as CommandResult from "../CommandResult.ts"
import type { root } from "./commands.ts"
import * as FileError from "./fileError.ts"
import * as Wording from "./wording.ts"

/** How a subcommand failed, and with which code it exits. */
export interface Failed {
  readonly failure: CommandResult.Failure
  readonly exitCode: number
}

type Raised = ReturnType<typeof root> extends Command.Command<infer _N, infer _I, infer _C, infer E, infer _R> ? E
  : never

type TagOf<E> = E extends { readonly _tag: infer Tag extends string } ? Tag : never

/** Errors that stand for several: what happened is the reason. */
type Family = Extract<Raised, { readonly _tag: "InputError" | "SubmissionError" | "WorkflowNotCompleted" }>

/** The tags of everything that a subcommand can fail with. */
export type Tag =
  | TagOf<Exclude<Raised, Family>>
  | TagOf<Family["reason"]>
  | Exclude<CliError.CliError["_tag"], "ShowHelp">

const { invalid, job, notReady, server, unexpected } = CommandResult.ExitCode

const askServer = "`effect-invokeai doctor` finds out what is wrong with the server or the configuration."
const seeInputs = "`effect-invokeai inputs <workflow>` lists the inputs with their types, bounds and choices."

/** A subcommand with the batch of an error as its argument. */
const withBatch = (subcommand: string, error: unknown, flags = ""): string =>
  `\`effect-invokeai ${subcommand} ${hasProperty(error, "batchId") ? String(error.batchId) : "<batch>"}${flags}\``

const longer = "Give it longer with --timeout, for example `--timeout \"10 minutes\"`."

/** What to do about a job whose time was over: if the server may still run it, how to cancel it. */
const afterTimeout = (error: unknown): string =>
  hasProperty(error, "canceled") && error.canceled !== true && hasProperty(error, "status") && error.status !== "unsent"
    ? `${withBatch("cancel", error)} cancels it. ${longer}`
    : longer

type Remedy = readonly [exitCode: number, help: string | ((error: unknown) => string)]

/** The exit code and the remedy by the tag of an error. The remedy is `""` if the message contains it. */
export const remedies: Readonly<Record<Tag, Remedy>> = {
  UnrecognizedOption: [invalid, "`--help` lists the flags. The workflow comes before the flags of its inputs."],
  MissingArgument: [invalid, "`--help` shows the arguments."],
  MissingOption: [invalid, "`--help` lists the flags."],
  InvalidValue: [invalid, "`--help` lists the flags with what they accept."],
  UnexpectedArgument: [invalid, "`--help` shows the arguments. Put values with blanks in quotes."],
  UnknownSubcommand: [invalid, "`effect-invokeai --help` lists the subcommands."],
  DuplicateOption: [invalid, ""],
  ValidationError: [invalid, ""],
  UserError: [invalid, ""],
  ServersFileError: [invalid, ""],
  ServerNotFound: [invalid, ""],
  InvalidArgument: [invalid, ""],
  InvalidRows: [invalid, "Nothing was stored or sent. Correct the rows, and run the same command again."],
  RunNotFound: [invalid, "`effect-invokeai status` lists the runs."],
  RunConflict: [invalid, ""],
  NoSuitableServer: [
    notReady,
    (error) =>
      hasProperty(error, "servers") && Array.isArray(error.servers) && error.servers.length === 0
        ? ""
        : "Install what is missing, or name other servers with --server."
  ],
  StoreInUse: [notReady, ""],
  FarmStoreError: [server, "Check --state: the file must be writable, or the database must accept connections."],
  WorkflowNotFound: [
    invalid,
    "Pass the path of a workflow file, of an image that InvokeAI made, or an id of `effect-invokeai library list`. " +
    "It comes before the flags of its inputs."
  ],
  WorkflowParseError: [invalid, "Pass a file that InvokeAI's workflow editor saved, or an image that InvokeAI made."],
  InputNotFound: [invalid, seeInputs],
  AmbiguousInputName: [invalid, seeInputs],
  InvalidInputValue: [invalid, seeInputs],
  NoSeedInput: [invalid, "Leave out --seed, or set a field with `--set node.field=value`."],
  InvalidOption: [invalid, "`--help` lists the flags with what they accept."],
  ConfigError: [invalid, "The guide to configuration in the README lists the variables with what they accept."],
  PlatformError: [invalid, "Check the path and its permissions."],
  BoardNotFound: [invalid, "`effect-invokeai boards` lists the boards."],
  JobNotFound: [invalid, "`effect-invokeai queue` lists the batches that wait or run."],
  JobNotEnded: [notReady, (error) => `${withBatch("attach", error)} waits for the end of the job.`],
  WorkflowNotReady: [notReady, seeInputs],
  LockMismatch: [notReady, ""],
  TypesOutdated: [notReady, "The same command without --check writes them again."],
  InvokeAiError: [server, askServer],
  SubmissionRejected: [server, "`effect-invokeai check <workflow>` compares the workflow with the server."],
  SubmissionIncomplete: [server, "Use fewer --runs, or wait until the queue is shorter."],
  SubmissionUnknown: [server, askServer],
  QueueBlocked: [server, ""],
  NodeSimulatorError: [server, "Choose another port with --port, or leave it out for a free one."],
  RecordError: [invalid, ""],
  UploadError: [invalid, ""],
  JobFailed: [job, ""],
  JobCanceled: [job, ""],
  JobLost: [job, ""],
  JobTimeout: [job, afterTimeout],
  DownloadError: [
    job,
    (error) =>
      hasProperty(error, "cause") && hasProperty(error.cause, "reason") && error.cause.reason === "Encoding"
        ? `Use PNG, which needs no encoder: ${withBatch("outputs", error, " --format png")} downloads the images.`
        : hasProperty(error, "imageName") && error.imageName === ""
        ? "Nothing was sent. Choose another directory with --out, or another template with --name."
        : `The images are on the server: ${withBatch("outputs", error)} downloads them.`
  ],
  InstallFailed: [job, ""]
}

/** What you can do about a refusal of the server, by its reason: those that are about the arguments and not the server. */
const refusals: Readonly<Record<string, readonly [exitCode: number, help: string]>> = {
  NotFound: [invalid, "Check the id or the name: the server has no such thing for this user."],
  Forbidden: [server, "Log in as a user who may do this."],
  Conflict: [server, "Try again later."],
  Unsupported: [server, "Update InvokeAI. `effect-invokeai doctor` lists what its version lacks."]
}

/** What you can do if the server rejects the login. */
export const unauthorized =
  "Set INVOKEAI_TOKEN, or INVOKEAI_EMAIL and INVOKEAI_PASSWORD, or use --server with a server of your file."

/** Whether the server rejected the login, at any depth of causes. */
const isLoginRejected = (error: unknown, depth = 0): boolean => {
  if (depth > 10 || !hasProperty(error, "_tag")) return false
  if (error._tag === "InvokeAiError" && hasProperty(error, "reason") && isTagged(error.reason, "Unauthorized")) {
    return true
  }
  return hasProperty(error, "cause") && isLoginRejected(error.cause, depth + 1)
}

/** Whether an upload failed because of the server. Otherwise it failed because of a local file. */
const isServerFault = (error: unknown): boolean => hasProperty(error, "cause") && isTagged(error.cause, "InvokeAiError")

const tagOf = (error: unknown): string =>
  hasProperty(error, "_tag") && typeof error._tag === "string" ? error._tag : "UnexpectedError"

const isPlatformError = (error: unknown): error is PlatformError => isTagged(error, "PlatformError")

const byTag: ReadonlyMap<string, Remedy> = new Map(Object.entries(remedies))

/** The reason of an error that stands for several, otherwise the error. */
const specific = (error: unknown): unknown =>
  hasProperty(error, "reason") && byTag.has(tagOf(error.reason)) ? error.reason : error

/** What an error says, and its exit code. */
export const ofError = (error: unknown): Failed => {
  if (CliError.isCliError(error) && error._tag === "ShowHelp") {
    const [first] = error.errors
    return first === undefined
      ? { failure: { tag: "ShowHelp", message: "", help: "" }, exitCode: CommandResult.ExitCode.ok }
      : ofError(first)
  }
  const happened = specific(error)
  const tag = tagOf(happened)
  const message = isPlatformError(error)
    ? FileError.describeWithPath(error)
    : Wording.ofCommand(
      hasProperty(error, "message") && typeof error.message === "string" ? error.message : String(error)
    )
  const reason = hasProperty(error, "reason") ? tagOf(error.reason) : ""
  const [exitCode, remedy] = (tag === "InvokeAiError" ? refusals[reason] : undefined) ?? byTag.get(tag) ??
    [unexpected, "This is a fault of effect-invokeai: please report it."]
  if (isLoginRejected(error)) return { failure: { tag, message, help: unauthorized }, exitCode: server }
  const help = typeof remedy === "string" ? remedy : remedy(happened)
  return tag === "UploadError" && isServerFault(error)
    ? { failure: { tag, message, help: askServer }, exitCode: server }
    : { failure: { tag, message, help }, exitCode }
}

/** What a failed effect says, and its exit code. An interruption is that of a signal. */
export const ofCause = (cause: Cause.Cause<unknown>): Failed =>
  Cause.hasInterruptsOnly(cause)
    ? {
      failure: { tag: "Interrupted", message: "Interrupted.", help: "" },
      exitCode: CommandResult.ExitCode.interrupted
    }
    : ofError(Cause.squash(cause))
