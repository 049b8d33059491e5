import { NodeSimulator, type NodeSimulatorOptions } from "@effect-invokeai/testing/NodeSimulator"
import { Simulator, type SimulatorOptions } from "@effect-invokeai/testing/Simulator"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { afterAll, beforeAll } from "vitest"
import { type Bundle, bundle, type Page, serve } from "./support.ts"

const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-invokeai-page-"))
let built: Bundle
let page: Page

beforeAll(async () => {
  built = await bundle(folder)
  page = await serve(folder)
}, 120_000)

afterAll(() => {
  page.close()
  Fs.rmSync(folder, { recursive: true, force: true })
})

/** Opens the page on a simulator, and gives what it reports and what is left on the server. */
const openOn = (
  options: Omit<NodeSimulatorOptions, "allowOrigins"> & SimulatorOptions,
  allowed: ReadonlyArray<string>,
  query: Readonly<Record<string, string>> = {}
) =>
  Effect.gen(function*() {
    const { url } = yield* NodeSimulator
    const simulator = yield* Simulator
    const report = yield* Effect.promise(() => page.open({ server: url.href, ...query }))
    return { report, requests: yield* simulator.requests, left: yield* simulator.leftovers }
  }).pipe(Effect.scoped, Effect.provide(NodeSimulator.layer({ ...options, allowOrigins: allowed })))

describe("a page in Chromium", () => {
  it("is bundled without Node modules", () => {
    assert.deepStrictEqual(built.warnings, [])
    for (const { name } of built.files) {
      assert.notMatch(Fs.readFileSync(Path.join(folder, name), "utf8"), /["']node:|__vite-browser-external/, name)
    }
    for (const { bytes, gzip, name } of built.files) {
      console.log(`${name}: ${Math.round(bytes / 1024)} kB, ${Math.round(gzip / 1024)} kB with gzip`)
    }
  })

  it.live(
    "lists inputs, submits, subscribes to the events and shows the image, also with a generated module",
    () =>
      Effect.gen(function*() {
        const { left, report } = yield* openOn({}, [page.origin])
        assert.strictEqual(report.error, "")
        assert.deepStrictEqual(report.inputs, [
          "photo InkImageField",
          "width InkIntegerField",
          "height InkIntegerField",
          "softness InkFloatField"
        ])
        assert.include(report.events, "InvocationComplete")
        assert.deepStrictEqual(report.image, [96, 64])
        assert.deepStrictEqual(report.typed, ["80 x 56"])
        assert.deepStrictEqual(report.pixel, [0xc0, 0x20, 0x20, 255])
        assert.deepStrictEqual(left.uploads, [])
        assert.deepStrictEqual(left.unfinishedItems, [])
      }),
    90_000
  )

  it.live("reports an InvokeAiError when the server does not allow its origin", () =>
    Effect.gen(function*() {
      const { report } = yield* openOn({}, ["http://elsewhere.test"])
      assert.include(report.error, "InvokeAiError")
      assert.include(report.error, "allow_origins")
      assert.deepStrictEqual(report.events, [])
    }), 90_000)
})
