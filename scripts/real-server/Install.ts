/**
 * Installing InvokeAI from PyPI, once per user.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import { cacheFolder, RealServerError, say, withLock } from "./Cache.ts"
import { run } from "./Command.ts"
import type { Release } from "./Releases.ts"

/** An InvokeAI that can be started. */
export interface Installation {
  readonly release: Release
  /** The virtual environment. */
  readonly folder: string
  /** Its Python interpreter. */
  readonly python: string
  /** The cache folder, in which the test model lives beside the virtual environment. */
  readonly cache: string
}

const Marker = Schema.fromJsonString(Schema.Struct({ packages: Schema.Array(Schema.String) }))

/** Prints `major.minor` if this Python can make a virtual environment with pip in it. */
const probe = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"

/** Succeeds only if exactly the pinned packages are there. */
const verify = `import importlib.metadata as m, sys
wanted = [line.split("==") for line in sys.argv[1:]]
wrong = [f"{name}: {m.version(name)} instead of {version}" for name, version in wanted if m.version(name).split("+")[0] != version]
sys.exit("; ".join(wrong) or 0)`

const findPython = Effect.fnUntraced(function*(logFile: string) {
  const seen: Array<string> = []
  for (const name of ["python3.11", "python3.12", "python3", "python"]) {
    const answer = yield* run(name, ["-c", probe], { step: `Trying ${name}`, logFile }).pipe(
      Effect.map((lines) => lines.at(-1)?.trim() ?? ""),
      Effect.catchTag("RealServerError", () => Effect.succeed("not usable"))
    )
    if (answer === "3.11" || answer === "3.12") return name
    seen.push(`${name}: ${answer}`)
  }
  return yield* new RealServerError({
    step: "Looking for Python",
    detail: `InvokeAI needs Python 3.11 or 3.12 with venv and pip on the PATH (${seen.join(", ")}). ` +
      "On Debian and Ubuntu: apt install python3.11 python3.11-venv"
  })
})

const interpreterOf = (path: Path.Path, folder: string) =>
  process.platform === "win32" ? path.join(folder, "Scripts", "python.exe") : path.join(folder, "bin", "python")

/** The installer: unlike pip it can leave out what was uploaded after a date, and shares files between releases. */
const uvRequirement = "uv==0.13.9"

const installUv = Effect.fnUntraced(function*(python: string, cache: string, logFile: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = path.join(cache, uvRequirement.replace("==", "-"))
  const own = interpreterOf(path, folder)
  const marker = path.join(folder, "installed")
  if (!(yield* fs.exists(marker))) {
    yield* fs.remove(folder, { recursive: true, force: true })
    yield* run(python, ["-m", "venv", folder], { step: "Making a virtual environment for uv", logFile })
    yield* run(own, ["-m", "pip", "install", "--no-input", "--disable-pip-version-check", uvRequirement], {
      step: "Installing uv",
      logFile
    })
    yield* fs.writeFileString(marker, uvRequirement)
  }
  return (args: ReadonlyArray<string>, step: string) =>
    run(own, ["-m", "uv", ...args], {
      step,
      logFile,
      env: { UV_CACHE_DIR: path.join(cache, "uv"), UV_NO_PROGRESS: "1", UV_SYSTEM_CERTS: "1", UV_HTTP_TIMEOUT: "180" }
    })
})

/**
 * Returns the installed release, and installs it first if it is missing.
 *
 * A marker file written at the very end distinguishes a finished installation from one that was cut short. Two processes
 * never install at the same time.
 */
export const ensureInstalled = (release: Release) =>
  Effect.gen(function*() {
    const { newest, packages, version } = release
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const cache = yield* cacheFolder
    const folder = path.join(cache, `invokeai-${version}`)
    const marker = path.join(folder, "installed.json")
    const logFile = path.join(cache, `install-${version}.log`)
    const installation: Installation = { release, folder, python: interpreterOf(path, folder), cache }

    const installed = Effect.gen(function*() {
      const text = yield* fs.readFileString(marker)
      const found = yield* Schema.decodeUnknownEffect(Marker)(text)
      return found.packages.join(" ") === packages.join(" ") && (yield* fs.exists(installation.python))
    }).pipe(Effect.orElseSucceed(() => false))

    const install = Effect.gen(function*() {
      if (yield* installed) return
      const python = yield* findPython(logFile)
      const uv = yield* installUv(python, cache, logFile)
      yield* say(`installing InvokeAI ${version} from PyPI into ${folder} (about 7 GB; some minutes, only once)`)
      yield* fs.remove(folder, { recursive: true, force: true })
      yield* run(python, ["-m", "venv", folder], { step: "Making a virtual environment", logFile })
      yield* uv(
        ["pip", "install", "--python", installation.python, "--exclude-newer", newest, ...packages],
        `Installing InvokeAI ${version}`
      )
      yield* run(installation.python, ["-c", verify, ...packages], { step: "Verifying the installation", logFile })
      yield* uv(["pip", "check", "--python", installation.python], "Verifying the installation")
      const text = yield* Schema.encodeEffect(Marker)({ packages })
      yield* fs.writeFileString(`${marker}.part`, text)
      yield* fs.rename(`${marker}.part`, marker)
    })

    if (!(yield* installed)) yield* withLock(path.join(cache, "install.lock"), install)
    yield* say(`InvokeAI ${version} is in ${folder}`)
    return installation
  }).pipe(
    Effect.catchTag(
      ["PlatformError", "SchemaError"],
      (error) => new RealServerError({ step: `Installing InvokeAI ${release.version}`, detail: error.message })
    )
  )
