/** How long it takes until a test on the simulator can begin: `node test/bench/simulator.ts`. */
import * as Boards from "@effect-invokeai/core/server/Boards"
import * as InvokeAiTest from "@effect-invokeai/core/testing/InvokeAiTest"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

const runs = 200

const once = Effect.gen(function*() {
  const began = performance.now()
  const built = yield* Effect.gen(function*() {
    yield* Boards.Boards
    return performance.now()
  }).pipe(Effect.provide(InvokeAiTest.layer()))
  return { built: built - began, closed: performance.now() - built }
})

const median = (values: ReadonlyArray<number>): string =>
  (values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0).toFixed(2)

const program = Effect.gen(function*() {
  const first = yield* once
  const times = yield* Effect.replicateEffect(once, runs)
  yield* Console.log(
    `InvokeAiTest.layer(): ${median(times.map((one) => one.built))} ms to start, ` +
      `${median(times.map((one) => one.closed))} ms to close (median of ${runs}); ` +
      `the first one, with the node types: ${first.built.toFixed(0)} ms`
  )
})

void Effect.runPromise(program)
