/**
 * For tests of programs that use InvokeAI: the complete client, connected to a simulated server in memory.
 *
 * **Example** (A complete test)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
 * import { Boards } from "@effect-invokeai/core/server/Boards"
 * import { Simulator } from "@effect-invokeai/testing/Simulator"
 *
 * export const test = Effect.gen(function*() {
 *   const boards = yield* Boards
 *   yield* boards.create("samples")
 *   const simulator = yield* Simulator
 *   const state = yield* simulator.state
 *   return state.boards.map((board) => board.name)
 * }).pipe(Effect.provide(InvokeAiTest.layer()))
 * ```
 *
 * @since 0.1.0
 */
import * as InvokeAi from "@effect-invokeai/core/InvokeAi"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as SeededCrypto from "./internal/seededCrypto.ts"
import * as SimulatorEventTransport from "./internal/SimulatorEventTransport.ts"
import * as SimulatorHttpClient from "./internal/SimulatorHttpClient.ts"
import { type NodeOverride, type NodeResult, Simulator, type SimulatorOptions } from "./Simulator.ts"
import type { SimulatorState } from "./SimulatorState.ts"

/**
 * The URL of the simulated server.
 *
 * @category constants
 * @since 0.1.0
 */
export const url = "http://invokeai.test"

/**
 * The initial state of the simulated server, and how the client logs in.
 *
 * @category models
 * @since 0.1.0
 */
export interface InvokeAiTestOptions extends SimulatorOptions {
  /** Options of the client, such as `queueId`; the URL is that of the simulated server. */
  readonly client?: Omit<InvokeAi.Options, "url"> | undefined
  /** Pause before a lost event connection is opened again, in the time of the test clock. Default: 1 second. */
  readonly reconnectDelay?: Duration.Input | undefined
}

/**
 * All services of the client, with a simulated server behind them, and the server itself as `Simulator`.
 *
 * **When to use**
 *
 * Instead of `NodeInvokeAi.layer` in tests. Needs no network and no files; starts in milliseconds; every use starts a
 * new server.
 *
 * **Gotchas**
 *
 * Random numbers also depend on `seed`, including those of `Random` in the test, so that tests are reproducible; provide
 * your own `Random` around the program if it needs others. Time is the test clock. Nodes take no time by default; if you
 * set `nodeDuration` or `stepDuration`, adjust the clock.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: InvokeAiTestOptions = {}): Layer.Layer<InvokeAi.Services | Simulator> =>
  InvokeAi.layer({ ...options.client, url }).pipe(
    Layer.provide([
      SeededCrypto.layer(options.seed ?? 1),
      SimulatorHttpClient.layer(),
      SimulatorEventTransport.layer({ reconnectDelay: options.reconnectDelay })
    ]),
    Layer.provideMerge(Layer.fresh(Simulator.layer(options))),
    Layer.provideMerge(SeededCrypto.layerRandom(options.seed ?? 1))
  )

/**
 * Sets what nodes of a type return instead of their normal result: see `Simulator.returns`, `failsWith` and `runsNormally`.
 *
 * **Example** (The second call of a node fails)
 *
 * ```ts
 * import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
 * import * as Simulator from "@effect-invokeai/testing/Simulator"
 *
 * export const outOfMemory = InvokeAiTest.whenNode("flux_denoise", (_node, call) =>
 *   call === 2 ? Simulator.failsWith("OutOfMemoryError", "CUDA out of memory") : Simulator.runsNormally
 * )
 * ```
 *
 * @category faults
 * @since 0.1.0
 */
export const whenNode = (
  type: string,
  result: NodeResult | NodeOverride
): Effect.Effect<void, never, Simulator> => Simulator.use((simulator) => simulator.whenNode(type, result))

/**
 * The current state of the simulated server.
 *
 * @category assertions
 * @since 0.1.0
 */
export const state: Effect.Effect<SimulatorState, never, Simulator> = Simulator.use((simulator) => simulator.state)

/**
 * A program left resources on the server.
 *
 * @category errors
 * @since 0.1.0
 */
export class LeftoversFound extends Data.TaggedError("LeftoversFound")<{
  readonly uploads: ReadonlyArray<string>
  readonly unfinishedItems: ReadonlyArray<number>
}> {
  override get message(): string {
    const list = [
      ...(this.uploads.length > 0 ? [`uploads ${this.uploads.join(", ")}`] : []),
      ...(this.unfinishedItems.length > 0 ? [`unfinished queue items ${this.unfinishedItems.join(", ")}`] : [])
    ]
    return `The program did not clean up. Still on the server: ${list.join("; ")}`
  }
}

/**
 * Fails if a program left uploads or unfinished queue items on the simulated server. Initial images of the server do not
 * count, nor does the event connection, which the client keeps open after the last job; `Simulator.leftovers` reports it.
 *
 * @category assertions
 * @since 0.1.0
 */
export const assertClean: Effect.Effect<void, LeftoversFound, Simulator> = Effect.gen(function*() {
  const simulator = yield* Simulator
  const { unfinishedItems, uploads } = yield* simulator.leftovers
  yield* uploads.length === 0 && unfinishedItems.length === 0
    ? Effect.void
    : Effect.fail(new LeftoversFound({ uploads, unfinishedItems }))
})
