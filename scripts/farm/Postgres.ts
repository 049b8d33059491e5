/**
 * A private Postgres on a free loopback port, with its data in a temporary directory that is removed with the scope.
 *
 * Takes the programs `initdb` and `pg_ctl` from the PATH or from Debian's package `postgresql`, which it installs if it may.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import { RealServerError, say } from "../real-server/Cache.ts"
import { run } from "../real-server/Command.ts"
import { freePort } from "../real-server/Server.ts"

/** A Postgres that accepts connections. */
export interface PostgresInstance {
  /** `postgres://…`, for the database `postgres`. */
  readonly url: string
  /** The directory of its data and its log, `postgres.log`. */
  readonly directory: string
  /** Stops it and starts it again: `immediate` is what a crash would do, `fast` ends all connections first. */
  readonly restart: (mode: "immediate" | "fast") => Effect.Effect<void, RealServerError>
  /** The process id of the postmaster. */
  readonly pid: Effect.Effect<number, RealServerError>
}

const step = "Starting Postgres"
const debianPrograms = "/usr/lib/postgresql"

const findPrograms = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const versions = yield* fs.readDirectory(debianPrograms).pipe(Effect.orElseSucceed((): Array<string> => []))
  const directories = [
    ...versions.toSorted((a, b) => Number(b) - Number(a)).map((version) => path.join(debianPrograms, version, "bin")),
    ...(process.env["PATH"] ?? "").split(":").filter((directory) => directory !== "")
  ]
  for (const directory of directories) {
    if (yield* fs.exists(path.join(directory, "initdb"))) return directory
  }
  return undefined
})

const isRoot = process.getuid?.() === 0

const install = Effect.fnUntraced(function*(logFile: string) {
  const fs = yield* FileSystem.FileSystem
  if (!isRoot || !(yield* fs.exists("/usr/bin/apt-get"))) {
    return yield* new RealServerError({
      step,
      detail: "Postgres is not installed. Install it (on Debian: apt-get install postgresql), and run this again."
    })
  }
  yield* say("Postgres is not installed. Installing Debian's package")
  const options = { step: "Installing Postgres", logFile, env: { DEBIAN_FRONTEND: "noninteractive" } }
  yield* run("apt-get", ["update", "-qq"], options)
  yield* run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "postgresql"], options)
})

/** Starts a Postgres; it stops when the scope closes. */
export const start = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const directory = yield* fs.makeTempDirectoryScoped({ prefix: "effect-invokeai-postgres-" })
  const logFile = path.join(directory, "commands.log")
  const programs = (yield* findPrograms) ?? (yield* Effect.andThen(install(logFile), findPrograms))
  if (programs === undefined) return yield* new RealServerError({ step, detail: "initdb was not found." })
  const data = path.join(directory, "data")
  // Postgres refuses to run as root.
  const [command, asUser] = isRoot
    ? ["setpriv", ["--reuid=postgres", "--regid=postgres", "--init-groups"]] as const
    : ["env", []] as const
  const program = (name: string, args: ReadonlyArray<string>) =>
    run(command, [...asUser, path.join(programs, name), ...args], { step, logFile, cwd: directory })
  if (isRoot) yield* run("chown", ["postgres:postgres", directory], { step, logFile })
  yield* program("initdb", ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"])
  const port = yield* freePort
  const services = yield* Effect.context<ChildProcessSpawner | FileSystem.FileSystem>()
  // Durable against the end of its own processes, which is what tests do to it; not against a power failure.
  const settings = [
    `-p ${port}`,
    "-c listen_addresses=127.0.0.1",
    `-c unix_socket_directories=${directory}`,
    "-c fsync=off"
  ]
  const control = (...args: ReadonlyArray<string>) =>
    program("pg_ctl", [
      ...args,
      "-D",
      data,
      "-w",
      "-l",
      path.join(directory, "postgres.log"),
      "-o",
      [...settings, "-c max_connections=200"].join(" ")
    ])
  yield* Effect.acquireRelease(control("start"), () => Effect.ignore(control("stop", "-m", "immediate")))
  const instance: PostgresInstance = {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    directory,
    restart: (mode) => control("restart", "-m", mode).pipe(Effect.asVoid, Effect.provideContext(services)),
    pid: fs.readFileString(path.join(data, "postmaster.pid")).pipe(
      Effect.map((text) => Number(text.split("\n", 1)[0])),
      Effect.mapError((error) => new RealServerError({ step, detail: error.message }))
    )
  }
  return instance
}).pipe(
  Effect.catchTag("PlatformError", (error) => new RealServerError({ step, detail: error.message }))
)
