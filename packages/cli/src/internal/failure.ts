/** What the command says and exits with when something fails. */
import * as Cause from "effect/Cause"
import * as CliError from "effect/cli/CliError"
import { hasProperty, isTagged } from "effect/Predicate"
import * as CommandResult from "../CommandResult.ts"

/** How a subcommand failed, and with which code it exits. */
export interface Failed {
  readonly failure: CommandResult.Failure
  readonly exitCode: number
}

const { invalid, job, notReady, server, unexpected } = CommandResult.ExitCode

const askServer = "`effect-invokeai doctor` finds out what is wrong with the server or the configuration."
const seeInputs = "`effect-invokeai inputs <workflow>` lists the inputs with their types, bounds and choices."
const lookLater = (verb: string) => `\`effect-invokeai ${verb} <batch>\``

/** The exit code and the remedy by the tag of an error. The remedy is `""` if the message contains it. */
const remedies: Readonly<Record<string, readonly [exitCode: number, help: string]>> = {
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
  WorkflowNotFound: [
    invalid,
    "Pass the path of a workflow file, of an image that InvokeAI made, or an id of `effect-invokeai library list`. " +
    "It comes before the flags of its inputs."
  ],
  WorkflowParseError: [invalid, "Pass a file that InvokeAI's workflow editor saved, or an image that InvokeAI made."],
  InputError: [invalid, seeInputs],
  InputNotFound: [invalid, seeInputs],
  AmbiguousInputName: [invalid, seeInputs],
  InvalidInputValue: [invalid, seeInputs],
  InvalidSweep: [invalid, ""],
  NoSeedInput: [invalid, "Leave out --seed, or set a field with `--set node.field=value`."],
  InvalidOption: [invalid, "`--help` lists the flags with what they accept."],
  ConfigError: [invalid, "The guide to configuration in the README lists the variables with what they accept."],
  SchemaError: [invalid, ""],
  PlatformError: [invalid, "Check the path and its permissions."],
  CatalogParseError: [invalid, "Save /openapi.json again from the server."],
  BoardNotFound: [invalid, "`effect-invokeai boards` lists the boards."],
  AmbiguousName: [invalid, "Use an id: `effect-invokeai boards --json` and `effect-invokeai models --json` have them."],
  JobNotFound: [invalid, "`effect-invokeai queue` lists the batches that wait or run."],
  WorkflowNotCompleted: [job, ""],
  JobNotEnded: [notReady, `${lookLater("attach")} waits for the end of the job.`],
  WorkflowNotReady: [notReady, seeInputs],
  LockMismatch: [notReady, ""],
  WorkflowChanged: [invalid, "`effect-invokeai types` writes its module again."],
  TypesOutdated: [notReady, "The same command without --check writes them again."],
  EventsUnavailable: [server, askServer],
  InvokeAiError: [server, askServer],
  BulkDownloadFailed: [server, ""],
  SubmissionError: [server, askServer],
  SubmissionRejected: [server, "`effect-invokeai check <workflow>` compares the workflow with the server."],
  SubmissionIncomplete: [server, "Use fewer --runs, or wait until the queue is shorter."],
  SubmissionUnknown: [server, `${lookLater("attach")} finds out whether the server has the job.`],
  QueueBlocked: [server, `${lookLater("cancel")} removes the batch that blocks the queue.`],
  NodeSimulatorError: [server, "Choose another port with --port, or leave it out for a free one."],
  RecordError: [invalid, ""],
  UploadError: [invalid, ""],
  JobFailed: [job, ""],
  JobCanceled: [job, ""],
  JobLost: [job, ""],
  JobTimeout: [job, "Give it longer with --timeout, for example `--timeout \"10 minutes\"`."],
  DownloadError: [job, `The images are on the server: ${lookLater("outputs")} downloads them.`],
  CleanupError: [job, ""],
  ImageCodecError: [job, "Use --format png, which needs no codec."],
  InstallFailed: [job, ""]
}

/** What you can do about a refusal of the server, by its reason: those that are about the arguments and not the server. */
const refusals: Readonly<Record<string, readonly [exitCode: number, help: string]>> = {
  NotFound: [invalid, "Check the id or the name: the server has no such thing for this user."],
  Forbidden: [server, "Log in as a user who may do this."],
  Conflict: [server, "Try again later."]
}

const unauthorized =
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

/** The reason of an error that stands for several, otherwise the error. */
const specific = (error: unknown): unknown =>
  hasProperty(error, "reason") && remedies[tagOf(error.reason)] !== undefined ? error.reason : error

/** What an error says, and its exit code. */
export const ofError = (error: unknown): Failed => {
  if (CliError.isCliError(error) && error._tag === "ShowHelp") {
    const [first] = error.errors
    return first === undefined
      ? { failure: { tag: "ShowHelp", message: "", help: "" }, exitCode: CommandResult.ExitCode.ok }
      : ofError(first)
  }
  const tag = tagOf(specific(error))
  const message = hasProperty(error, "message") && typeof error.message === "string" ? error.message : String(error)
  const reason = hasProperty(error, "reason") ? tagOf(error.reason) : ""
  const [exitCode, help] = (tag === "InvokeAiError" ? refusals[reason] : undefined) ?? remedies[tag] ??
    [unexpected, "This is a fault of effect-invokeai: please report it."]
  if (isLoginRejected(error)) return { failure: { tag, message, help: unauthorized }, exitCode: server }
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
