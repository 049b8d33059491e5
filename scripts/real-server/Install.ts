/**
 * Installing InvokeAI from PyPI, once per user.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import { cacheFolder, invokeAiVersion, pipPackages, RealServerError, say, withLock } from "./Cache.ts"
import { run } from "./Command.ts"

/** An InvokeAI that can be started. */
export interface Installation {
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

/** Succeeds only if exactly the pinned packages are there. pip installs InvokeAI itself after all that it needs. */
const verify = `import importlib.metadata as m, sys
wanted = [line.split("==") for line in sys.argv[1:]]
wrong = [f"{name}: {m.version(name)} instead of {version}" for name, version in wanted if m.version(name).split("+")[0] != version]
sys.exit("; ".join(wrong) or 0)`

const findPython = Effect.fnUntraced(function*(logFile: string) {
  const seen: Array<string> = []
  for (const name of ["python3.12", "python3.11", "python3", "python"]) {
    const answer = yield* run(name, ["-c", probe], { step: `Trying ${name}`, logFile }).pipe(
      Effect.map((lines) => lines.at(-1)?.trim() ?? ""),
      Effect.catchTag("RealServerError", () => Effect.succeed("not usable"))
    )
    if (answer === "3.11" || answer === "3.12") return name
    seen.push(`${name}: ${answer}`)
  }
  return yield* new RealServerError({
    step: "Looking for Python",
    detail:
      `InvokeAI ${invokeAiVersion} needs Python 3.11 or 3.12 with venv and pip on the PATH (${seen.join(", ")}). ` +
      "On Debian and Ubuntu: apt install python3.11 python3.11-venv"
  })
})

const interpreterOf = (path: Path.Path, folder: string) =>
  process.platform === "win32" ? path.join(folder, "Scripts", "python.exe") : path.join(folder, "bin", "python")

/**
 * Gives the installed InvokeAI, installing it first if need be.
 *
 * A marker file written at the very end tells a finished installation from one that was cut short; the latter is
 * verified and taken over if it is whole, else removed and done again. Two processes never install at once.
 */
export const ensureInstalled = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const cache = yield* cacheFolder
  const folder = path.join(cache, `invokeai-${invokeAiVersion}`)
  const marker = path.join(folder, "installed.json")
  const logFile = path.join(cache, `install-${invokeAiVersion}.log`)
  const installation: Installation = { folder, python: interpreterOf(path, folder), cache }

  const installed = Effect.gen(function*() {
    const text = yield* fs.readFileString(marker)
    const { packages } = yield* Schema.decodeUnknownEffect(Marker)(text)
    return packages.join(" ") === pipPackages.join(" ") && (yield* fs.exists(installation.python))
  }).pipe(Effect.orElseSucceed(() => false))

  const check = Effect.gen(function*() {
    const step = "Verifying the installation"
    yield* run(installation.python, ["-c", verify, ...pipPackages], { step, logFile })
    yield* run(installation.python, ["-m", "pip", "check"], { step, logFile })
  })

  const mark = Effect.gen(function*() {
    const text = yield* Schema.encodeEffect(Marker)({ packages: pipPackages })
    yield* fs.writeFileString(`${marker}.part`, text)
    yield* fs.rename(`${marker}.part`, marker)
  })

  const install = Effect.gen(function*() {
    const python = yield* findPython(logFile)
    yield* say(`installing InvokeAI ${invokeAiVersion} from PyPI into ${folder} (about 7 GB; some minutes, only once)`)
    yield* fs.remove(folder, { recursive: true, force: true })
    yield* run(python, ["-m", "venv", folder], { step: "Making a virtual environment", logFile })
    yield* run(
      installation.python,
      ["-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar", "off", ...pipPackages],
      { step: "Installing InvokeAI", logFile }
    )
    yield* check
  })

  const ensure = Effect.gen(function*() {
    if (yield* installed) return
    const adopted = (yield* fs.exists(installation.python))
      ? yield* say(`verifying what is in ${folder}`).pipe(Effect.andThen(check), Effect.option)
      : Option.none()
    if (Option.isNone(adopted)) yield* install
    yield* mark
  })

  if (!(yield* installed)) yield* withLock(path.join(cache, "install.lock"), ensure)
  yield* say(`InvokeAI ${invokeAiVersion} is in ${folder}`)
  return installation
}).pipe(
  Effect.catchTag(
    ["PlatformError", "SchemaError"],
    (error) => new RealServerError({ step: "Installing InvokeAI", detail: error.message })
  )
)
