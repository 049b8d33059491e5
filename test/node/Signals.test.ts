import * as Fault from "@effect-invokeai/testing/Fault"
import type { Simulator } from "@effect-invokeai/testing/Simulator"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Path from "node:path"
import { root, start, withServer } from "../examples/support.ts"

const fixture = (name: string) => Path.join(import.meta.dirname, "fixtures", `${name}.ts`)

const program = (name: string, mode: string, url: string) =>
  Effect.gen(function*() {
    const running = yield* start(fixture(name), { cwd: root, args: [mode], env: { INVOKEAI_URL: url } })
    yield* running.printed("running")
    return running
  })

const nothingLeft = (simulator: Simulator["Service"]) =>
  Effect.gen(function*() {
    const { images, items } = yield* simulator.state
    assert.deepStrictEqual(images.filter((image) => image.isUpload), [])
    assert.isAtLeast(items.length, 1)
    for (const item of items) assert.strictEqual(item.status, "canceled")
  })

const aMinute = { nodeDuration: "1 minute" } as const

describe.concurrent("a signal to a program with promises", () => {
  for (const mode of ["plain", "finally", "many"]) {
    it.live(
      `cancels its jobs, deletes its uploads and ends it with the conventional exit code (${mode})`,
      () =>
        withServer(aMinute, ({ simulator, url }) =>
          Effect.gen(function*() {
            const running = yield* program("promise-program", mode, url)
            yield* running.interrupt
            const { code, output } = yield* running.ended
            assert.strictEqual(code, 130, output)
            assert.notInclude(output, "completed")
            assert.notInclude(output, "Error")
            yield* nothingLeft(simulator)
          })),
      60_000
    )
  }

  it.live("does the same for SIGTERM", () =>
    withServer(aMinute, ({ simulator, url }) =>
      Effect.gen(function*() {
        const running = yield* program("promise-program", "plain", url)
        yield* running.terminate
        assert.strictEqual((yield* running.ended).code, 143)
        yield* nothingLeft(simulator)
      })), 60_000)

  it.live(
    "leaves the end of the process to other listeners, and rejects pending promises after the cleanup",
    () =>
      withServer(aMinute, ({ simulator, url }) =>
        Effect.gen(function*() {
          const running = yield* program("promise-program", "own-listener", url)
          yield* running.interrupt
          const { code, output } = yield* running.ended
          assert.include(output, "own listener")
          assert.match(output, /rejected with (?:ClientClosed|JobCanceled)/)
          assert.strictEqual(code, 0, output)
          yield* nothingLeft(simulator)
        })),
    60_000
  )

  it.live("ends it immediately if it arrives a second time", () =>
    withServer({
      ...aMinute,
      faults: [Fault.http({ method: "PUT", path: /cancel/ }, Fault.delay("1 minute", "before"))]
    }, ({ url }) =>
      Effect.gen(function*() {
        const running = yield* program("promise-program", "finally", url)
        yield* running.interrupt
        yield* Effect.sleep("500 millis")
        const before = performance.now()
        yield* running.interrupt
        const { code, output } = yield* running.ended
        assert.strictEqual(code, 130, output)
        assert.isBelow(performance.now() - before, 1_000)
        assert.notInclude(output, "closed")
      })), 60_000)

  it.live(
    "is left to Node if the program requests that",
    () =>
      withServer(aMinute, ({ simulator, url }) =>
        Effect.gen(function*() {
          const running = yield* program("promise-program", "off", url)
          yield* running.interrupt
          assert.strictEqual((yield* running.ended).signal, "SIGINT")
          assert.strictEqual((yield* simulator.state).items[0]?.status, "in_progress")
        })),
    60_000
  )
})

describe.concurrent("a signal to a program with effects", () => {
  it.live(
    "cancels its jobs, deletes its uploads and ends it with the conventional exit code",
    () =>
      withServer(aMinute, ({ simulator, url }) =>
        Effect.gen(function*() {
          const running = yield* program("effect-program", "", url)
          yield* running.interrupt
          const { code, output } = yield* running.ended
          assert.strictEqual(code, 130, output)
          assert.notInclude(output, "completed")
          yield* nothingLeft(simulator)
        })),
    60_000
  )
})
