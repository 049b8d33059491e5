/** The package invokeai-py-client from PyPI, in a virtual environment beside that of the server. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import { cacheFolder, say, withLock } from "../../../scripts/real-server/Cache.ts"
import { run } from "../../../scripts/real-server/Command.ts"
import { newestVersion } from "../../../scripts/real-server/Releases.ts"

const requirement = "invokeai-py-client==1.1.1"

/** Its Python, installed on first use. */
const python = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const cache = yield* cacheFolder
  const folder = path.join(cache, requirement.replace("==", "-"))
  const marker = path.join(folder, "installed")
  const logFile = path.join(cache, "install-py-client.log")
  const inFolder = (name: string) =>
    process.platform === "win32" ? path.join(name, "Scripts", "python.exe") : path.join(name, "bin", "python")
  const own = inFolder(folder)
  const install = Effect.gen(function*() {
    if (yield* fs.exists(marker)) return
    yield* say(`installing ${requirement} from PyPI into ${folder}`)
    yield* fs.remove(folder, { recursive: true, force: true })
    const server = inFolder(path.join(cache, `invokeai-${newestVersion}`))
    const base = (yield* fs.exists(server)) ? server : "python3"
    yield* run(base, ["-m", "venv", folder], { step: "Making a virtual environment", logFile })
    yield* run(own, ["-m", "pip", "install", "--no-input", "--disable-pip-version-check", requirement], {
      step: `Installing ${requirement}`,
      logFile
    })
    yield* fs.writeFileString(marker, requirement)
  })
  yield* withLock(path.join(cache, "install-py-client.lock"), install)
  return { command: own, logFile }
})

const Told = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown))

/** What a Python program of this folder told. */
export const runPython = Effect.fnUntraced(function*(program: string, ...args: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { command, logFile } = yield* python
  // the package writes files about failures to the folder in which it runs
  const cwd = yield* fs.makeTempDirectoryScoped({ prefix: "effect-invokeai-python-" })
  const lines = yield* run(command, [path.join(import.meta.dirname, program), ...args], {
    step: `Running ${program}`,
    logFile,
    cwd
  })
  return yield* Schema.decodeUnknownEffect(Told)(lines.at(-1))
}, Effect.scoped)
