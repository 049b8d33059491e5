/** Temporary files of downloads, after the process that wrote them was killed. */
import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import { ProcessIdentity } from "@effect-invokeai/core/job/JobJournal"
import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { listing } from "../folders.ts"
import { png } from "../media.ts"
import { imageServer } from "../node/imageServer.ts"

const temporaryDirectory = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())

const picture = png(300, 200)

/** A process that is killed in the middle of a download into a directory. */
const killedDownload = Effect.fnUntraced(function*(url: string, state: string, directory: string) {
  const script = fileURLToPath(new URL("./fixtures/download.ts", import.meta.url))
  const child = spawn(process.execPath, [script, url, state, directory], { stdio: ["ignore", "ignore", "inherit"] })
  const ended = once(child, "close")
  const hasBegun = Effect.map(
    Effect.orElseSucceed(listing(directory), (): ReadonlyArray<string> => []),
    (names) => names.length > 0
  )
  yield* Effect.repeat(hasBegun, { until: (begun) => begun, schedule: Schedule.spaced(20) }).pipe(
    Effect.timeout("20 seconds"),
    Effect.ensuring(Effect.promise(() => {
      child.kill("SIGKILL")
      return ended
    }))
  )
})

describe("A temporary file of a killed process", () => {
  const afterwards = {
    "the next download into the directory": (url: string, _: string, directory: string) =>
      Effect.asVoid(Effect.provide(Downloads.image("a.png", { directory }), NodeInvokeAi.layer({ url }))),
    "Assets.recover": (url: string, state: string) =>
      Effect.asVoid(
        Effect.provide(Assets.recover, NodeInvokeAi.layer({ url, assetLedger: `${state}/uploads.jsonl` }))
      )
  }
  for (const [name, clean] of Object.entries(afterwards)) {
    it.live(`is deleted by ${name}`, () =>
      Effect.gen(function*() {
        const stalling = yield* imageServer({ image: () => picture, stall: 100 })
        const working = yield* imageServer({ image: () => picture })
        const state = yield* temporaryDirectory
        const directory = `${yield* temporaryDirectory}/deep/outputs`
        yield* killedDownload(stalling.url, state, directory)
        const [left = ""] = yield* listing(directory)
        assert.match(left, /^\.invokeai-[a-z0-9]+-\d+-[a-z0-9]+-[a-z0-9]+\.part$/)
        yield* clean(working.url, state, directory)
        assert.notInclude(yield* listing(directory), left)
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)), 30_000)
  }

  it.live("is distinguished from those of running processes, of processes elsewhere, and from other files", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* temporaryDirectory
      const kept = [
        ".invokeai-m-2-1-alive.part",
        ".invokeai-m-3-1-elsewhere.part",
        ".invokeai-withoutprocess.part",
        ".invokeai-m-1-1-dead.part.txt",
        ".invokeai-m-x-1-other.part",
        "invokeai-m-1-1-dead.part"
      ]
      const deleted = [".invokeai-m-1-1-dead.part", ".invokeai-m-3-1-old.part", ".invokeai-oldwithoutprocess.part"]
      for (const name of [...kept, ...deleted]) yield* fs.writeFileString(`${directory}/${name}`, "")
      const longAgo = new Date("2026-01-01")
      for (const name of [...deleted, kept[0]]) yield* fs.utimes(`${directory}/${name}`, longAgo, longAgo)
      const identity = Layer.succeed(ProcessIdentity, {
        self: { host: "here", machine: "m", pid: 4, started: "1" },
        liveness: ({ pid }) => Effect.succeed(pid === 1 ? "dead" : pid === 2 ? "alive" : "unknown")
      })
      yield* Effect.provide(Downloads.image("a.png", { directory }), [
        InvokeAiTest.layer({ images: [{ name: "a.png" }] }),
        identity
      ])
      assert.deepStrictEqual([...yield* listing(directory)].toSorted(), [...kept, "a.png"].toSorted())
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})
