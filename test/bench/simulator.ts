/**
 * How long it takes until a test on the simulator can begin, with a first call, and to stop it: `node test/bench/simulator.ts`.
 * Beside it a server by hand: `node:http` on a port with one canned answer, and `fetch`.
 */
import * as Boards from "@effect-invokeai/core/server/Boards"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Http from "node:http"

const runs = 200

/** Milliseconds until the first answer, and from there to the end. */
interface Times {
  readonly started: number
  readonly closed: number
}

const simulator: Effect.Effect<Times, unknown> = Effect.gen(function*() {
  const began = performance.now()
  const answered = yield* Effect.gen(function*() {
    const boards = yield* Boards.Boards
    yield* Stream.runDrain(boards.list())
    return performance.now()
  }).pipe(Effect.provide(InvokeAiTest.layer()))
  return { started: answered - began, closed: performance.now() - answered }
})

const byHand: Effect.Effect<Times> = Effect.promise(async () => {
  const began = performance.now()
  const server = Http.createServer((request, response) => {
    response.setHeader("content-type", "application/json")
    response.end(request.url === "/api/v1/boards/" ? "[]" : "{}")
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  await (await fetch(`http://127.0.0.1:${port}/api/v1/boards/`)).json()
  const answered = performance.now()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  return { started: answered - began, closed: performance.now() - answered }
})

const median = (values: ReadonlyArray<number>): string =>
  (values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0).toFixed(2)

const measure = Effect.fnUntraced(function*(name: string, once: Effect.Effect<Times, unknown>) {
  const first = yield* once
  const times = yield* Effect.replicateEffect(once, runs)
  yield* Console.log(
    `${name}: ${median(times.map(({ started }) => started))} ms to the first answer, ` +
      `${median(times.map(({ closed }) => closed))} ms to close (median of ${runs}); ` +
      `the first one: ${first.started.toFixed(0)} ms`
  )
})

await Effect.runPromise(Effect.andThen(measure("by hand", byHand), measure("InvokeAiTest.layer()", simulator)))
