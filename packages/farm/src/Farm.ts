/**
 * Runs tens of thousands of items of a workflow on many servers, and survives what happens in the meantime.
 *
 * **When to use**
 *
 * For a list of inputs that takes hours, for several servers, or for several machines. For one result, use `Run`; for a
 * few dozen jobs in one process, `Job.submitAll`.
 *
 * **Example** (A spreadsheet on two servers)
 *
 * ```ts
 * import { Farm } from "@effect-invokeai/farm/Farm"
 * import * as FarmStore from "@effect-invokeai/farm/FarmStore"
 * import * as Rows from "@effect-invokeai/farm/Rows"
 * import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function*() {
 *   const farm = yield* Farm
 *   yield* farm.offer("night", "text-to-image.json", Rows.fromFile("rows.csv"))
 *   const { completed, failed } = yield* Effect.raceFirst(farm.await("night"), farm.work)
 *   yield* Effect.log(`${completed} images, ${failed} failed`)
 * }).pipe(
 *   Effect.provide(Farm.layer({
 *     servers: [{ url: "http://127.0.0.1:9090" }, { url: "http://localhost:9090" }],
 *     store: FarmStore.sqlite({ filename: "night.db" }),
 *     directory: "outputs"
 *   })),
 *   Effect.provide(NodeServices.layer)
 * )
 *
 * const main = () => NodeRuntime.runMain(program)
 * ```
 *
 * @since 0.1.0
 */
import type { DownloadError } from "@effect-invokeai/core/assets/Downloads"
import type { InvalidOption } from "@effect-invokeai/core/InvokeAiError"
import type * as Run from "@effect-invokeai/core/run/Run"
import type * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PersistedQueue from "effect/persistence/PersistedQueue"
import type * as Stream from "effect/Stream"
import type {
  FarmStoreError,
  InvalidRows,
  NoSuitableServer,
  RunConflict,
  RunNotFound,
  ServerNotFound,
  ServerProblem,
  StoreInUse
} from "./FarmError.ts"
import type { FarmOptions, OfferOptions, OfferResult, RowSource, ServerOptions } from "./FarmOptions.ts"
import type { FarmResult } from "./FarmResult.ts"
import type { RunStatus, ServerStatus } from "./FarmStatus.ts"
import { queueStore } from "./internal/control.ts"
import * as Internal from "./internal/farm.ts"

export type * from "./FarmOptions.ts"
export type * from "./FarmStatus.ts"

/**
 * A farm: runs, items, results and servers in a store, which any number of processes share.
 *
 * **Details**
 *
 * `offer` stores the items of a run. `work` runs items, in as many processes as the store allows. Everything else works from
 * every process that has the store.
 *
 * **Example** (Control a run from another process)
 *
 * ```ts
 * import { Farm } from "@effect-invokeai/farm/Farm"
 * import * as Effect from "effect/Effect"
 *
 * export const hurry = Effect.gen(function*() {
 *   const farm = yield* Farm
 *   yield* farm.pause("night")
 *   yield* farm.setPriority("urgent", 10)
 *   yield* farm.await("urgent")
 *   yield* farm.resume("night")
 * })
 *
 * export const repeatFailures = Effect.gen(function*() {
 *   const farm = yield* Farm
 *   const { failed } = yield* farm.status("night")
 *   return failed === 0 ? 0 : yield* farm.retry("night")
 * })
 *
 * export const discard = Effect.gen(function*() {
 *   const farm = yield* Farm
 *   yield* farm.cancel("old")
 *   yield* farm.await("old")
 *   yield* farm.forget("old")
 * })
 * ```
 *
 * **Example** (Results while they arrive, and as a table)
 *
 * ```ts
 * import { Farm } from "@effect-invokeai/farm/Farm"
 * import * as Console from "effect/Console"
 * import * as Effect from "effect/Effect"
 * import * as FileSystem from "effect/FileSystem"
 * import * as Stream from "effect/Stream"
 *
 * export const report = Effect.gen(function*() {
 *   const farm = yield* Farm
 *   const fs = yield* FileSystem.FileSystem
 *   yield* farm.results("night").pipe(
 *     Stream.runForEach(({ error, files, item }) => Console.log(item, files[0]?.path ?? error?.message))
 *   )
 *   yield* farm.table("night", "csv").pipe(Stream.encodeText, Stream.run(fs.sink("results.csv")))
 * })
 * ```
 *
 * **Example** (Replace a server while the farm runs)
 *
 * ```ts
 * import { Farm } from "@effect-invokeai/farm/Farm"
 * import * as Effect from "effect/Effect"
 *
 * export const replace = Effect.gen(function*() {
 *   const farm = yield* Farm
 *   const missing = yield* farm.check("text-to-image.json", ["prompt"])
 *   yield* farm.addServer({ url: "http://localhost:9090", concurrency: 4 })
 *   yield* farm.drainServer("http://localhost:9090")
 *   yield* farm.removeServer("http://localhost:9090")
 *   return missing
 * })
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class Farm extends Context.Service<Farm, {
  /**
   * Adds items to a run, and starts it if it is new.
   *
   * **Details**
   *
   * Every row is checked before the first one is stored. Offering rows again adds only those that the run does not have, so
   * a program that offers and works can be repeated until the run is finished. Needs about 500 bytes of memory per row.
   *
   * **Errors**
   *
   * - `InvalidRows`: all problems of all rows; nothing was stored.
   * - `NoSuitableServer`: every server responds, and none has the models and node types of the workflow.
   * - `RunConflict`: the run exists with another workflow or other options, or was canceled.
   * - `WorkflowNotFound`, `WorkflowParseError`: the workflow cannot be read.
   * - `InvalidOption`, `DownloadError`: an option is invalid, or the directory is unusable.
   * - The error of the stream of rows.
   */
  readonly offer: <E = never, R = never>(
    run: string,
    workflow: Run.RunSource,
    rows: RowSource<E, R>,
    options?: OfferOptions
  ) => Effect.Effect<
    OfferResult,
    | InvalidRows
    | NoSuitableServer
    | RunConflict
    | Workflow.LoadError
    | DownloadError
    | InvalidOption
    | FarmStoreError
    | E,
    R
  >
  /**
   * Says for each server what it lacks to run a workflow. `columns` are the inputs that rows set: models in them are checked
   * with each item.
   */
  readonly check: (
    workflow: Run.RunSource,
    columns?: ReadonlyArray<string>
  ) => Effect.Effect<ReadonlyArray<ServerProblem>, Workflow.LoadError | InvalidOption | FarmStoreError>
  /** Says how far a run is. */
  readonly status: (run: string) => Effect.Effect<RunStatus, RunNotFound | FarmStoreError>
  /** All runs, the newest first. */
  readonly runs: Effect.Effect<ReadonlyArray<RunStatus>, FarmStoreError>
  /** Waits until every item of a run has a result. */
  readonly await: (run: string) => Effect.Effect<RunStatus, RunNotFound | FarmStoreError>
  /** Takes no more items of a run; those that run continue. */
  readonly pause: (run: string) => Effect.Effect<void, RunNotFound | RunConflict | FarmStoreError>
  /** Continues a run that was paused. */
  readonly resume: (run: string) => Effect.Effect<void, RunNotFound | RunConflict | FarmStoreError>
  /**
   * Cancels the items of a run that have no result, also on the servers. Those that run get their result within a few
   * seconds, from the worker that has them. A finished run stays as it is.
   */
  readonly cancel: (run: string) => Effect.Effect<void, RunNotFound | FarmStoreError>
  /** Runs the items of a run that failed again, and returns how many they are. */
  readonly retry: (run: string) => Effect.Effect<number, RunNotFound | RunConflict | FarmStoreError>
  /** Changes the priority of a run: an integer. */
  readonly setPriority: (
    run: string,
    priority: number
  ) => Effect.Effect<void, RunNotFound | InvalidOption | FarmStoreError>
  /** Removes a run, its items and results; jobs that run are canceled. Files stay. */
  readonly forget: (run: string) => Effect.Effect<void, RunNotFound | FarmStoreError>
  /**
   * Emits the results of a run in the order in which items ended: those that there are, then each new one until every item
   * has a result; only those that there are if `live` is false.
   */
  readonly results: (
    run: string,
    options?: { readonly live?: boolean | undefined }
  ) => Stream.Stream<FarmResult, RunNotFound | FarmStoreError>
  /**
   * Emits the text of a table with the results of a run, in the order of its rows. In CSV, times are ISO 8601, columns with
   * inputs begin with `input.`, and several files are separated by line breaks. JSON lines are `FarmResult`s.
   */
  readonly table: (
    run: string,
    format: "csv" | "jsonl"
  ) => Stream.Stream<string, RunNotFound | FarmStoreError>
  /** All servers, by URL. */
  readonly servers: Effect.Effect<ReadonlyArray<ServerStatus>, FarmStoreError>
  /** Adds a server, changes how many items it may have, or ends its draining. */
  readonly addServer: (server: ServerOptions) => Effect.Effect<void, InvalidOption | FarmStoreError>
  /** Gives a server no more items; it finishes those that it has. `addServer` ends that. */
  readonly drainServer: (url: string | URL) => Effect.Effect<void, ServerNotFound | InvalidOption | FarmStoreError>
  /** Drains a server, and forgets it when it has finished its items. */
  readonly removeServer: (url: string | URL) => Effect.Effect<void, ServerNotFound | InvalidOption | FarmStoreError>
  /**
   * Runs items on all servers until it is interrupted. Then it cancels the jobs that run; their items wait for the next
   * worker.
   *
   * **Errors**
   *
   * - `StoreInUse`: another process works on the SQLite file.
   */
  readonly work: Effect.Effect<never, StoreInUse | FarmStoreError>
}>()("@effect-invokeai/farm/Farm") {
  /**
   * A farm on a store, with servers. Nothing runs until `work` does.
   *
   * **Errors**
   *
   * `FarmStoreError` if the store cannot be opened; `InvalidOption` if an option is invalid.
   *
   * @since 0.1.0
   */
  static layer(options: FarmOptions): Layer.Layer<Farm, FarmStoreError | InvalidOption> {
    return Layer.effect(Farm, Internal.make(options)).pipe(
      // Effect builds a layer once, by its identity: another farm of the program must not get the queue of this one
      Layer.provide(Layer.fresh(PersistedQueue.layer.pipe(Layer.provideMerge(queueStore)))),
      Layer.provide(options.store.sql),
      Layer.provide([NodeFileSystem.layer, NodePath.layer])
    )
  }
}
