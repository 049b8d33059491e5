/** `doctor`: problems that can keep workflows from running, and their remedies. */
import type { InvokeAiError } from "@effect-invokeai/core/InvokeAiError"
import { Auth } from "@effect-invokeai/core/server/Auth"
import { InvokeAiApi, Since } from "@effect-invokeai/core/server/InvokeAiClient"
import { Models } from "@effect-invokeai/core/server/Models"
import { ServerEvents } from "@effect-invokeai/core/server/ServerEvents"
import { type Capabilities, ServerInfo } from "@effect-invokeai/core/server/ServerInfo"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { statfs } from "node:fs/promises"
import * as CommandResult from "../../CommandResult.ts"
import * as Failure from "../failure.ts"
import { outcome } from "../Output.ts"
import * as Servers from "../servers.ts"

type Finding = CommandResult.Finding
type Subject = Finding["subject"]

const ok = (subject: Subject, message: string): Finding => ({ subject, status: "ok", message, help: "" })
const warning = (subject: Subject, message: string, help: string): Finding => ({
  subject,
  status: "warning",
  message,
  help
})
const error = (subject: Subject, message: string, help: string): Finding => ({
  subject,
  status: "error",
  message,
  help
})

/** A request that failed as a finding. */
const failed = (subject: Subject) => (cause: InvokeAiError): Effect.Effect<ReadonlyArray<Finding>> => {
  const isRefused = cause.reason._tag === "Unauthorized" || cause.reason._tag === "Forbidden"
  return Effect.succeed([
    isRefused
      ? error("login", cause.message, Failure.ofError(cause).failure.help)
      : error(subject, cause.message, "Look into the log of the server.")
  ])
}

/** How much of the disk should be free, in bytes. */
const enough = 1e9

const oldest = [6, 3] as const
const newest = [6, 14] as const

type Release = readonly [major: number, minor: number]

/** Whether a version is older than a release. */
const isBefore = (version: string) => {
  const [major = 0, minor = 0] = version.split(".").map((part) => Number.parseInt(part, 10))
  return (release: Release): boolean => major < release[0] || (major === release[0] && minor < release[1])
}

const releaseOf = (since: string): Release => {
  const [major = 0, minor = 0] = since.split(".").map(Number)
  return [major, minor]
}

/** What later releases have and the server lacks: a group of routes, or single ones of it, by release. */
const missingRoutes = ({ hasRoute, version }: Capabilities): string => {
  const before = isBefore(version)
  const byRelease = new Map<string, Array<string>>()
  for (const group of Object.values(InvokeAiApi.groups)) {
    const endpoints = Object.entries<Pick<HttpApiEndpoint.Top, "annotations" | "method" | "path">>(group.endpoints)
    const missing = endpoints.flatMap(([id, { annotations, method, path }]) => {
      const { since } = Context.get(annotations, Since)
      // all supported releases have the others
      if (since === undefined || !isBefore(oldest.join("."))(releaseOf(since))) return []
      const lacks = before(releaseOf(since)) || !hasRoute(method, path.replace(/:(\w+)/g, "{$1}"))
      return lacks ? [{ id, since }] : []
    })
    const [first] = missing
    const isWhole = first !== undefined && missing.length === endpoints.length &&
      missing.every(({ since }) => since === first.since)
    const names = isWhole
      ? [{ name: group.identifier, since: first.since }]
      : missing.map(({ id, since }) => ({ name: `${group.identifier}.${id}`, since }))
    for (const { name, since } of names) byRelease.set(since, [...byRelease.get(since) ?? [], name])
  }
  return [...byRelease].toSorted(([a], [b]) => releaseOf(a)[1] - releaseOf(b)[1])
    .map(([since, names]) => `${names.join(", ")} (InvokeAI ${since})`).join("; ")
}

const checkCapabilities = Effect.gen(function*() {
  const info = yield* ServerInfo
  const missing = missingRoutes(yield* info.capabilities)
  return missing === "" ? [] : [ok("version", `Not in this version: ${missing}.`)]
}).pipe(Effect.catch(failed("version")))

const checkVersion = (version: string): Finding => {
  const before = isBefore(version)
  if (before(oldest)) {
    return error("version", `InvokeAI ${version} is too old.`, `Update InvokeAI to ${oldest.join(".")} or later.`)
  }
  return before([newest[0], newest[1] + 1])
    ? ok("version", `InvokeAI ${version}`)
    : warning(
      "version",
      `InvokeAI ${version} is newer than ${newest.join(".")}, with which this command was tested.`,
      "If something fails, look for a newer effect-invokeai."
    )
}

const checkLogin = Effect.gen(function*() {
  const auth = yield* Auth
  const status = yield* auth.status
  if (!status.multiuser_enabled) return [ok("login", "No login needed.")]
  if (status.setup_required) {
    return [error("login", "The server has no administrator yet.", "Open its page in a browser and create one.")]
  }
  const user = yield* auth.me
  return [ok("login", `Logged in as ${user.email}${user.is_admin ? ", an administrator" : ""}.`)]
}).pipe(Effect.catch(failed("login")))

const checkEvents = Effect.gen(function*() {
  const events = yield* ServerEvents
  const messages = yield* events.subscribe
  const first = yield* messages.pipe(
    Stream.filter((message) => message._tag === "Connected" || message._tag === "Unavailable"),
    Stream.runHead,
    Effect.timeoutOption("5 seconds"),
    Effect.map(Option.flatten)
  )
  if (Option.isSome(first) && first.value._tag === "Connected") return [ok("events", "The event connection works.")]
  const error = Option.isSome(first) && first.value._tag === "Unavailable" ? first.value.error : undefined
  return [
    warning(
      "events",
      `The event connection does not work: ${error?.message ?? "no response"}`,
      error?.unauthorized === true
        ? Failure.unauthorized
        : "Jobs run, but progress is polled. A proxy has to pass WebSocket connections to /ws/socket.io."
    )
  ]
}).pipe(Effect.scoped)

const checkQueue = Effect.gen(function*() {
  const service = yield* SessionQueue
  const { processor, queue } = yield* service.status
  const counts = `${queue.in_progress} running, ${queue.pending} waiting`
  if (!processor.is_started) {
    return [error("queue", `The queue is paused (${counts}).`, "Resume it in InvokeAI's queue panel.")]
  }
  if (queue.pending > 0 && queue.in_progress === 0 && processor.is_processing) {
    return [
      warning(
        "queue",
        `The server prepares or leaves an item, and ${queue.pending} wait.`,
        "Wait. If nothing changes for minutes, restart the server."
      )
    ]
  }
  return [ok("queue", `Queue ${service.queueId}: ${counts}.`)]
}).pipe(Effect.catch(failed("queue")))

const checkModels = Effect.gen(function*() {
  const service = yield* Models
  const models = yield* service.list()
  const count = models.length === 1 ? "1 model" : `${models.length} models`
  const findings = [
    models.some((model) => model.type === "main")
      ? ok("models", `${count}.`)
      : warning("models", `${count}, none of which makes images.`, "Install a main model in InvokeAI's model manager.")
  ]
  const missing = yield* Effect.catchReason(service.missing, "InvokeAiError", "Unsupported", () => Effect.succeed([]))
  if (missing.length > 0) {
    findings.push(warning(
      "models",
      `The files of ${missing.length} models are missing: ${missing.slice(0, 5).map((model) => model.name).join(", ")}`,
      "Install them again, or remove them in InvokeAI's model manager."
    ))
  }
  return findings
}).pipe(Effect.catch(failed("models")))

const checkDisk = Effect.gen(function*() {
  const free = yield* Effect.option(Effect.tryPromise(() => statfs(".")))
  if (Option.isNone(free)) return [warning("disk", "The free space of this folder is unknown.", "")]
  const bytes = free.value.bavail * free.value.bsize
  const text = `${(bytes / 1e9).toFixed(1)} GB free in this folder.`
  return [
    bytes < enough
      ? warning("disk", text, "Free some space, or save images elsewhere with --out.")
      : ok("disk", text)
  ]
})

const checkConfiguration = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const file = yield* Servers.filePath
  const info = yield* Effect.option(fs.stat(file))
  if (Option.isNone(info)) return []
  // on Windows files have no such mode
  return process.platform !== "win32" && (info.value.mode & 0o077) !== 0
    ? [warning("configuration", `Other users can read ${file}.`, `Run: chmod 600 ${file}`)]
    : [ok("configuration", `Servers are in ${file}.`)]
})

const checkServer = Effect.gen(function*() {
  const info = yield* ServerInfo
  const version = yield* info.version
  const findings = yield* Effect.all([checkCapabilities, checkLogin, checkEvents, checkQueue, checkModels], {
    concurrency: 4
  })
  return [ok("server", `The server at ${info.url.href} responds.`), checkVersion(version), ...findings.flat()]
}).pipe(
  Effect.catch((cause) =>
    Effect.succeed([
      error(
        "server",
        cause.message,
        cause.reason._tag === "Transport"
          ? "Start InvokeAI, or set INVOKEAI_URL to its address, such as http://127.0.0.1:9090."
          : "Is this the address of InvokeAI, and not of something else? Look at INVOKEAI_URL and the log of the server."
      )
    ])
  )
)

const marks = { ok: "✓", warning: "!", error: "✗" }

const format = (findings: ReadonlyArray<Finding>): string =>
  findings.map(({ help, message, status, subject }) =>
    `${marks[status]} ${subject.padEnd(13)} ${message}${help === "" ? "" : `\n${" ".repeat(16)}${help}`}`
  ).join("\n")

/** `doctor`. */
export const handler = Effect.fn("Command.doctor")(function*() {
  const info = yield* ServerInfo
  const found = yield* Effect.all([checkServer, checkDisk, checkConfiguration])
  // a refused login is reported once
  const findings = found.flat().filter((finding, index, all) =>
    all.findIndex((other) => other.subject === finding.subject && other.help === finding.help && other.help !== "") ===
      index || finding.help === ""
  )
  const errors = findings.filter((finding) => finding.status === "error")
  const result = yield* outcome(
    CommandResult.Doctor,
    { server: info.url.href, healthy: errors.length === 0, findings },
    format(findings)
  )
  const exitCode = errors.length === 0
    ? CommandResult.ExitCode.ok
    : errors.some((finding) => finding.subject === "server" || finding.subject === "login")
    ? CommandResult.ExitCode.server
    : CommandResult.ExitCode.notReady
  return { ...result, exitCode }
}, Effect.provide(NodeInvokeAi.layerConfig({ retries: 0, timeout: "10 seconds" })))
