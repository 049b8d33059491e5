/**
 * Starting the real server, with an empty root of its own, and stopping it again.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Path from "effect/Path"
import * as ChildProcess from "effect/process/ChildProcess"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { createServer } from "node:net"
import { RealServerError, say } from "./Cache.ts"
import { cleanEnvironment } from "./Command.ts"
import type { Installation } from "./Install.ts"
import type { Release } from "./Releases.ts"

/** How the server is set up. */
export interface ServerOptions {
  /** `memory` (the default) forgets everything when the server stops; `file` keeps it in the server's root. */
  readonly database?: "memory" | "file"
  /** With `true` every request needs a token; an administrator and two users are made. */
  readonly multiuser?: boolean
  /** With `false` the server does not collect garbage before each item, so that the cost of a client is visible. */
  readonly collectGarbage?: boolean
  /** The folder of a diffusers model to install, in place. */
  readonly model?: string
  /** The server's root folder; without it a temporary one that is removed with the scope. */
  readonly root?: string
  /** The port to listen on; without it any free one. */
  readonly port?: number
}

/** Someone who may log in to a multi-user server. */
export interface Account {
  readonly email: string
  readonly password: string
}

/** A server that answers. */
export interface RunningServer {
  readonly url: string
  readonly pid: number
  readonly root: string
  readonly version: string
  /** On a multi-user server: the administrator, then two users. */
  readonly accounts: ReadonlyArray<Account>
}

/** Who is made on a multi-user server. The passwords guard nothing but a server that lives as long as a test run. */
const accounts: ReadonlyArray<Account> = ["admin", "first", "second"].map((name) => ({
  email: `${name}@example.com`,
  password: `Test-password-${name}-1`
}))

const running = /Invoke running on (https?:\/\/[^\s/]+:\d+)/

const keptLines = 40

/** A port of the loopback interface that is free now. */
export const freePort = Effect.callback<number, RealServerError>((resume) => {
  const fail = (error: Error) =>
    resume(Effect.fail(new RealServerError({ step: "Looking for a free port", detail: error.message })))
  const server = createServer().once("error", fail)
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    server.close(() => resume(Effect.succeed(port)))
  })
})

const configuration = (port: number, release: Release, options: ServerOptions) =>
  [
    `schema_version: ${release.configSchema}`,
    "host: 127.0.0.1",
    `port: ${port}`,
    "device: cpu",
    "precision: float32",
    "patchmatch: false",
    `use_memory_db: ${options.database !== "file"}`,
    ...(options.multiuser === true ? ["multiuser: true"] : []),
    ""
  ].join("\n")

const Version = Schema.Struct({ version: Schema.String })
const Login = Schema.Struct({ token: Schema.String })
const InstallJob = Schema.Struct({
  id: Schema.Int,
  status: Schema.String,
  error_reason: Schema.optional(Schema.NullOr(Schema.String))
})

const request = <A>(step: string, schema: Schema.Decoder<A>, request: HttpClientRequest.HttpClientRequest) =>
  HttpClient.execute(request).pipe(
    Effect.flatMap(HttpClientResponse.filterStatusOk),
    Effect.flatMap(HttpClientResponse.schemaBodyJson(schema)),
    Effect.timeout("60 seconds"),
    Effect.mapError((error) => new RealServerError({ step, detail: error.message }))
  )

const post = (url: string, body: unknown) => HttpClientRequest.post(url).pipe(HttpClientRequest.bodyJsonUnsafe(body))

const makeAccounts = Effect.fnUntraced(function*(url: string) {
  const [admin, ...users] = accounts
  if (admin === undefined) return undefined
  const step = "Making the accounts"
  yield* request(step, Schema.Unknown, post(`${url}/api/v1/auth/setup`, { ...admin, display_name: "Administrator" }))
  const { token } = yield* request(step, Login, post(`${url}/api/v1/auth/login`, admin))
  for (const user of users) {
    const body = { ...user, display_name: user.email, is_admin: false }
    yield* request(
      step,
      Schema.Unknown,
      post(`${url}/api/v1/auth/users`, body).pipe(HttpClientRequest.bearerToken(Redacted.make(token)))
    )
  }
  return token
})

const installModel = Effect.fnUntraced(function*(url: string, folder: string, token: string | undefined) {
  const step = `Installing the model ${folder}`
  const authorize = token === undefined
    ? (request: HttpClientRequest.HttpClientRequest) => request
    : HttpClientRequest.bearerToken(Redacted.make(token))
  const base = `${url}/api/v2/models/install`
  const started = yield* request(
    step,
    InstallJob,
    post(base, {}).pipe(HttpClientRequest.setUrlParams({ source: folder, inplace: "true" }), authorize)
  )
  const job = yield* request(step, InstallJob, authorize(HttpClientRequest.get(`${base}/${started.id}`))).pipe(
    Effect.repeat({
      while: (job) => !["completed", "error", "cancelled"].includes(job.status),
      schedule: Schedule.spaced("200 millis")
    }),
    Effect.timeoutOrElse({
      duration: "60 seconds",
      orElse: () => Effect.fail(new RealServerError({ step, detail: "not done after 60 s" }))
    })
  )
  if (job.status !== "completed") {
    yield* new RealServerError({ step, detail: `${job.status} ${job.error_reason ?? ""}` })
  }
})

/**
 * Starts the server and waits until it answers. It stops with the scope: a polite signal to it and its children first,
 * then, after ten seconds, one that cannot be ignored. Should this process be killed, the server notices and stops.
 */
export const start = Effect.fnUntraced(
  function*(installation: Installation, options: ServerOptions = {}) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const root = options.root ?? (yield* fs.makeTempDirectoryScoped({ prefix: "effect-invokeai-server-" }))
    const port = options.port ?? (yield* freePort)
    yield* fs.writeFileString(path.join(root, "invokeai.yaml"), configuration(port, installation.release, options))
    const logFile = path.join(root, "server.log")
    yield* say(`starting the server on port ${port} (about 15 seconds)`)

    const handle = yield* ChildProcess.make(
      installation.python,
      [path.join(import.meta.dirname, "run_server.py"), "--root", root],
      {
        cwd: root,
        env: cleanEnvironment({
          HF_HUB_OFFLINE: "1",
          PYTHONUNBUFFERED: "1",
          WITHOUT_GC: options.collectGarbage === false ? "1" : undefined,
          TEMPORARY_ROOT: options.root === undefined ? root : undefined
        }),
        extendEnv: false,
        // An open pipe that is never written to: it closes when this process ends, and then the server stops.
        stdin: { stream: "pipe", endOnDone: false },
        forceKillAfter: "10 seconds"
      }
    )
    const address = yield* Deferred.make<string, RealServerError>()
    const lines: Array<string> = []
    const died = (detail: string) =>
      new RealServerError({ step: "Starting the server", detail: `${detail}. Its last lines:\n${lines.join("\n")}` })
    yield* handle.all.pipe(
      Stream.decodeText,
      Stream.splitLines,
      Stream.runForEach((line) => {
        lines.push(line)
        if (lines.length > keptLines) lines.shift()
        const match = running.exec(line)
        return fs.writeFileString(logFile, `${line}\n`, { flag: "a" }).pipe(
          Effect.andThen(match?.[1] === undefined ? Effect.void : Deferred.succeed(address, match[1]))
        )
      }),
      Effect.ignore,
      Effect.andThen(Effect.suspend(() => Deferred.fail(address, died("it ended by itself")))),
      Effect.forkScoped
    )
    const url = yield* Deferred.await(address).pipe(
      Effect.timeoutOrElse({
        duration: "5 minutes",
        orElse: () => Effect.suspend(() => Effect.fail(died("no answer")))
      })
    )
    const { version } = yield* request(
      "Asking the server for its version",
      Version,
      HttpClientRequest.get(`${url}/api/v1/app/version`)
    ).pipe(Effect.retry({ schedule: Schedule.spaced("250 millis"), times: 120 }))
    const token = options.multiuser === true ? yield* makeAccounts(url) : undefined
    if (options.model !== undefined) yield* installModel(url, options.model, token)
    yield* say(`InvokeAI ${version} answers on ${url}${options.multiuser === true ? " (multi-user)" : ""}`)
    const server: RunningServer = {
      url,
      pid: handle.pid,
      root,
      version,
      accounts: options.multiuser === true ? accounts : []
    }
    return server
  },
  Effect.catchTag(
    "PlatformError",
    (error) => new RealServerError({ step: "Starting the server", detail: error.message })
  )
)
