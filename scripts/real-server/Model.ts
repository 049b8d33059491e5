/**
 * The tiny Stable Diffusion 1 model that stands in for a real one.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import { RealServerError, say, withLock } from "./Cache.ts"
import { run } from "./Command.ts"
import type { Installation } from "./Install.ts"

/** The name under which the server knows the model: the name of its folder. */
export const tinyModelName = "tiny-sd1"

/** Gives the folder of the model, making the model first if need be. It appears whole or not at all. */
export const ensureTinyModel = Effect.fnUntraced(
  function*(installation: Installation) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const script = path.join(import.meta.dirname, "make_tiny_sd1.py")
    const parent = path.join(installation.cache, `models-${installation.release.version}`)
    const folder = path.join(parent, tinyModelName)
    const part = path.join(parent, `${tinyModelName}.part`)
    const make = Effect.gen(function*() {
      if (yield* fs.exists(folder)) return
      yield* say("making the tiny SD 1 model")
      yield* fs.remove(part, { recursive: true, force: true })
      yield* fs.makeDirectory(part, { recursive: true })
      yield* run(installation.python, [script, part], {
        step: "Making the tiny SD 1 model",
        logFile: path.join(installation.cache, "make-tiny-sd1.log"),
        env: { HF_HUB_OFFLINE: "1" }
      })
      yield* fs.rename(part, folder)
    })
    if (!(yield* fs.exists(folder))) yield* withLock(path.join(installation.cache, "model.lock"), make)
    return folder
  },
  Effect.catchTag(
    "PlatformError",
    (error) => new RealServerError({ step: "Making the tiny SD 1 model", detail: error.message })
  )
)
