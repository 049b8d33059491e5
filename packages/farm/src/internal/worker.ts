/** Feeds servers: takes items from the queues of the runs, and runs as many at a time as a server has room for. */
import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as Cleanup from "@effect-invokeai/core/assets/Cleanup"
import { JobJournal, RecordError } from "@effect-invokeai/core/job/JobJournal"
import * as JobRecovery from "@effect-invokeai/core/job/JobRecovery"
import type { WorkflowOutput } from "@effect-invokeai/core/job/Outputs"
import * as Run from "@effect-invokeai/core/run/Run"
import { ServerInfo } from "@effect-invokeai/core/server/ServerInfo"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import type * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import type * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as FileSystem from "effect/FileSystem"
import type * as Latch from "effect/Latch"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as PersistedQueue from "effect/persistence/PersistedQueue"
import * as RcMap from "effect/RcMap"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import * as Tracer from "effect/Tracer"
import type { FarmFailure, FarmFile } from "../FarmResult.ts"
import * as Db from "./database.ts"
import { decide, isRunError, isStoringError, tagOf } from "./decision.ts"
import * as Files from "./files.ts"
import * as Metrics from "./metrics.ts"
import * as Offering from "./offering.ts"
import { decodeSettings } from "./settings.ts"

/** What the queue of a run holds. */
export const Element = Schema.Struct({ item: Schema.String })

/** How often a feeder looks for work and for changes of its server. */
const pollInterval = "500 millis"

/** The longest time that a failing server is left alone, in milliseconds. */
const maxPause = 30_000

/** How often a feeder deletes what is left of jobs that were given up. */
const tidyInterval = "3 seconds"

/** How often a feeder looks for uploads of killed workers, in milliseconds. */
const recoverInterval = 30_000

/** How many workers an item may take down. */
const maxLosses = 5

/** The item stays in the queue for a while. */
class Postponed extends Data.TaggedError("Postponed")<{ readonly reason: string }> {
  override get message(): string {
    return this.reason
  }
}

/** The files of an item could not be stored. Its job has completed. */
class NotStored extends Data.TaggedError("NotStored")<{ readonly cause: unknown }> {
  override get message(): string {
    return `its files could not be stored: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
}

/** Why the files of an item could not be stored; undefined if that is not why it failed. */
const storingErrorOf = (exit: Exit.Exit<unknown, unknown>): NotStored | undefined => {
  const error = exit._tag === "Failure" ? Option.getOrUndefined(Cause.findErrorOption(exit.cause)) : undefined
  return error instanceof NotStored ? error : isStoringError(error) ? new NotStored({ cause: error }) : undefined
}

/** How often the files of an item are stored again at least, before the item fails because those of others are stored. */
const minStoring = 7

/** How often the files of an item are stored again at most: for a quarter of an hour. */
const maxStoring = 180

/** How long an item waits before its files are stored again, in milliseconds. */
const maxStoringPause = 5000

/** Files that are complete, and where they belong. */
export interface StagedFile {
  readonly path: string
  readonly name: string
}

/** Stores files elsewhere, and returns where. */
export type Save = (
  files: ReadonlyArray<StagedFile>,
  item: { readonly run: string; readonly item: string; readonly inputs: Readonly<Record<string, unknown>> }
) => Effect.Effect<ReadonlyArray<string>, unknown>

/** What all feeders of a process share. */
export interface WorkerOptions {
  readonly db: Db.Database
  readonly clients: RcMap.RcMap<string, Context.Context<NodeInvokeAi.Services>, Error>
  readonly directory: string
  readonly save: Save | undefined
  /** How long a server may be unreachable before its items run elsewhere, in milliseconds. */
  readonly serverTimeout: number
  /** Wakes feeders that wait for work. */
  readonly wake: Latch.Latch
}

interface Suitability {
  readonly workflow: Workflow.Workflow
  readonly missing: ReadonlyArray<string>
  readonly checkedAt: number
}

/** How long a server that lacks something for a run is not asked again, in milliseconds. */
const recheckAfter = 60_000

const retrySchedule = Schedule.min([Schedule.exponential("1 second"), Schedule.spaced("30 seconds")])

/** Statements are repeated while the database restarts. */
const databaseRetry = Schedule.max([Schedule.spaced("1 second"), Schedule.recurs(30)])

/** The queue of a run. The farm itself counts attempts, so the queue never gives an item up. */
export const queueOf = (run: string) =>
  PersistedQueue.make({ name: run, schema: Element, maxAttempts: 1_000_000_000, retrySchedule })

const toTrace = (trace: string | null): Tracer.ExternalSpan | undefined => {
  const [traceId, spanId] = trace?.split("-") ?? []
  return traceId === undefined || spanId === undefined ? undefined : Tracer.externalSpan({ traceId, spanId })
}

/** A journal that lets a job be sent only if no other worker has its item. */
const heldJournal = (db: Db.Database, row: Db.ItemRow): JobJournal["Service"] => {
  const failed = (reason: RecordError["reason"], cause?: unknown) =>
    new RecordError({
      reason,
      record: "journal",
      operation: "write",
      path: "farm_items",
      ...(cause === undefined ? {} : { cause })
    })
  return {
    put: () =>
      db.isHeldWith(row).pipe(
        Effect.mapError((cause) => failed("File", cause)),
        Effect.flatMap((isHeld) => isHeld ? Effect.void : Effect.fail(failed("Locked")))
      ),
    get: () => Effect.succeedNone,
    findByKey: () => Effect.succeedNone,
    remove: () => Effect.void,
    entries: Effect.succeed([])
  }
}

/** Deletes the images of a job whose files are stored. What stays is logged. */
const removeOutputs = (outputs: WorkflowOutput) =>
  Effect.flatMap(
    Cleanup.outputs(outputs),
    ({ failedDeletions }) =>
      Effect.forEach(
        failedDeletions,
        ([name, { message }]) => Effect.logWarning(`${name} was not deleted: ${message}`),
        {
          discard: true
        }
      )
  )

const failureOf = (error: Run.RunError): FarmFailure => ({ tag: tagOf(error), message: error.message.slice(0, 10_000) })

/** Feeders of one process. */
export const make = Effect.fnUntraced(function*(options: WorkerOptions): Effect.fn.Return<
  { readonly feed: (url: string) => Effect.Effect<never, never, Scope.Scope> },
  never,
  PersistedQueue.PersistedQueueFactory | FileSystem.FileSystem | Path.Path | Scope.Scope
> {
  const { clients, db, directory, save, serverTimeout, wake } = options
  const services = yield* Effect.context<
    PersistedQueue.PersistedQueueFactory | FileSystem.FileSystem | Path.Path
  >()
  const path = yield* Path.Path
  // items run on when their server is fed by another process from now on
  const scope = yield* Effect.scope
  const pause = Effect.raceFirst(wake.await, Effect.sleep(pollInterval))

  // runs that are not canceled, so that their jobs are not
  const current = { uids: new Set<string>(), reads: 0 }
  yield* db.runs.pipe(
    Effect.map((runs) => {
      current.uids = new Set(runs.flatMap(({ state, uid }) => state === "canceled" ? [] : [uid]))
      current.reads++
    }),
    Effect.catchCause((cause) => Effect.logWarning("The farm's runs could not be read", cause)),
    Effect.repeat(Schedule.spaced("1 second")),
    Effect.forkScoped
  )
  /** Ends when a run was canceled or forgotten. A run can be newer than what was read last, or is being read. */
  const awaitCanceled = (run: Db.RunRow) =>
    Effect.suspend(() => {
      const enough = current.reads + 2
      return Effect.sleep("500 millis").pipe(
        Effect.repeat({ until: () => current.reads >= enough && !current.uids.has(run.uid) })
      )
    })

  /** Whether the server has a batch. */
  const hasBatch = (client: Context.Context<NodeInvokeAi.Services>, batchId: string) =>
    SessionQueue.use((queue) => queue.batchStatus(batchId)).pipe(
      Effect.map(({ total }) => total > 0),
      Effect.timeout("10 seconds"),
      Effect.provideContext(client)
    )

  const cancelOn = (client: Context.Context<NodeInvokeAi.Services>, batchIds: ReadonlyArray<string>) =>
    SessionQueue.use((queue) => queue.cancelByBatchIds(batchIds)).pipe(Effect.provideContext(client))

  /** Cancels a job of this process, also one that is still being submitted, and waits for its end. */
  const cancelAndAwait = (
    client: Context.Context<NodeInvokeAi.Services>,
    batchId: string,
    running: Fiber.Fiber<unknown, unknown>
  ) =>
    cancelOn(client, [batchId]).pipe(
      Effect.ignore,
      Effect.repeat(Schedule.spaced("500 millis")),
      Effect.raceFirst(Fiber.await(running)),
      Effect.timeoutOption("15 seconds"),
      Effect.andThen(Fiber.interrupt(running))
    )

  /** An item whose job was canceled with the worker waits for another job. */
  const giveBack = (run: Db.RunRow, row: Db.ItemRow, running: Fiber.Fiber<unknown, Run.RunError>) =>
    Effect.flatMap(Fiber.await(running), (exit) => {
      const error = exit._tag === "Failure" ? Option.getOrUndefined(Cause.findErrorOption(exit.cause)) : undefined
      return error !== undefined && tagOf(error) === "JobCanceled"
        ? Effect.ignore(db.release(run, row, { refund: true }))
        : Effect.void
    })

  /** The worker ends while it runs an item. A job that another worker follows since is not canceled. */
  const stop = (
    client: Context.Context<NodeInvokeAi.Services>,
    run: Db.RunRow,
    row: Db.ItemRow,
    running: Fiber.Fiber<unknown, Run.RunError>
  ) =>
    Effect.flatMap(Effect.orElseSucceed(db.isHeldWith(row), () => true), (isHeld) =>
      isHeld
        ? Effect.andThen(
          cancelAndAwait(client, Db.batchIdOf(run, row.item, row.generation), running),
          giveBack(run, row, running)
        )
        : Fiber.interrupt(running))

  /** How many items were stored, and those whose files could not be: how often, and how many others were stored before. */
  const storing = { stored: 0, items: new Map<string, { readonly tries: number; readonly storedBefore: number }>() }
  const publish = (staging: string, files: ReadonlyArray<string>) =>
    Files.publish(directory, staging, files).pipe(Effect.mapError((cause) => new NotStored({ cause })))

  /** Stores the result of an item, and removes what workers have staged for it. */
  const finish: typeof db.finish = (run, row, result, publish) =>
    Effect.uninterruptible(db.finish(run, row, result, publish)).pipe(
      Effect.tap((isRecorded) =>
        isRecorded
          ? Effect.provideContext(Files.removeStaged(directory, Db.itemKeyOf(run, row.item)), services)
          : Effect.void
      )
    )

  const feed = Effect.fnUntraced(function*(url: string): Effect.fn.Return<never, never, Scope.Scope> {
    const suitability = new Map<string, Suitability>()
    const health = { failures: 0, retryAt: 0, isProbed: false }
    let busy = 0
    let isFull = false
    let recoveredAt = 0

    const observe = (capacity: number) =>
      Effect.all([
        Metric.update(Metric.withAttributes(Metrics.inFlight, { server: url }), busy),
        Metric.update(Metric.withAttributes(Metrics.capacity, { server: url }), capacity),
        Metric.update(Metric.withAttributes(Metrics.faults, { server: url }), health.failures)
      ], { discard: true })

    const fault = Effect.fnUntraced(function*(error: unknown) {
      const problem = error instanceof Error ? error.message : String(error)
      const now = yield* Clock.currentTimeMillis
      // several items can fail for the same reason
      if (health.failures > 0 && now < health.retryAt) return
      const wait = Math.min(1000 * 2 ** health.failures, maxPause)
      health.failures++
      health.retryAt = now + wait
      health.isProbed = false
      yield* Effect.logWarning(`${url} is left alone for ${Duration.format(Duration.millis(wait))}: ${problem}`)
      yield* db.markFault(url, { failures: health.failures, now, retryAt: health.retryAt, problem })
    })

    const recovered = Effect.suspend(() => {
      if (health.failures === 0) return Effect.void
      health.failures = 0
      return Effect.andThen(Effect.logInfo(`${url} works again`), db.markWell(url))
    })

    /** Deletes what is left on the server of jobs that were given up. One that cannot be deleted yet delays no other. */
    const removeLeftovers = Effect.fnUntraced(function*(client: Context.Context<NodeInvokeAi.Services>) {
      const abandon = (leftover: Db.Leftover) =>
        JobRecovery.abandon(leftover.batch_id).pipe(
          Effect.as([leftover]),
          Effect.catch(({ message }) =>
            Effect.as(Effect.logWarning(`What batch ${leftover.batch_id} left is not deleted yet: ${message}`), [])
          ),
          Effect.provideContext(client)
        )
      const abandoned = yield* Effect.forEach(yield* db.leftovers(url), abandon, { concurrency: 4 })
      yield* db.markAbandoned(url, abandoned.flat())
    })

    /** Deletes what is left on the server of jobs that were given up, and uploads of killed workers. */
    const tidy = Effect.gen(function*() {
      if (health.failures > 0) return
      const client = yield* RcMap.get(clients, url)
      yield* removeLeftovers(client)
      const now = yield* Clock.currentTimeMillis
      if (now < recoveredAt + recoverInterval) return
      recoveredAt = now
      yield* Effect.provideContext(Assets.recover, client)
    }).pipe(
      Effect.scoped,
      Effect.catchCause((cause) =>
        Cause.hasInterruptsOnly(cause)
          ? Effect.interrupt
          : Effect.logWarning("What jobs left on the server could not be deleted yet", cause)
      )
    )

    /** Asks whether the server is there, and cancels jobs on it that run elsewhere since. */
    const probe = Effect.gen(function*() {
      const client = yield* RcMap.get(clients, url)
      yield* ServerInfo.use((info) => info.refresh).pipe(Effect.provideContext(client))
      yield* ServerInfo.use((info) => info.version).pipe(Effect.timeout("10 seconds"), Effect.provideContext(client))
      yield* removeLeftovers(client)
      recoveredAt = 0
      suitability.clear()
      yield* db.hasten(url)
      health.isProbed = true
    }).pipe(Effect.scoped)

    const suits = Effect.fnUntraced(function*(run: Db.RunRow) {
      const known = suitability.get(run.uid)
      const now = yield* Clock.currentTimeMillis
      if (known !== undefined && (known.missing.length === 0 || now - known.checkedAt < recheckAfter)) return known
      const client = yield* RcMap.get(clients, url)
      const { missing, workflow } = yield* Offering.missingOn(Db.requirementsOf(run)).pipe(
        Effect.provideContext(client)
      )
      if (missing.length > 0) {
        yield* Effect.logInfo(`${url} gets no items of ${run.run}: ${missing.join("; ")}`)
      }
      const found: Suitability = { missing, workflow, checkedAt: now }
      suitability.set(run.uid, found)
      return found
    }, Effect.scoped)

    /**
     * Decides where an item runs: on the server that has its job, or else here. `undefined` if it has a result.
     */
    const assign = Effect.fnUntraced(function*(run: Db.RunRow, item: string, mayClaim: boolean) {
      for (;;) {
        const row = Option.getOrUndefined(yield* db.item(run.run, item))
        if (row === undefined || row.state === "ended") return undefined
        if (row.state === "waiting") {
          if (run.state === "canceled") return { row, target: url, isTakenOver: false }
          const claimed = mayClaim ? yield* db.claim(row, url) : undefined
          if (claimed !== undefined) return { row: claimed, target: url, isTakenOver: false }
          // back to the head of the queue: an item of another worker, of a killed one, or a postponed one has the place
          isFull = true
          yield* db.hasten(url)
          return yield* Effect.interrupt
        }
        const taken = yield* db.takeOver(row)
        if (taken === undefined) continue
        const owner = row.server ?? url
        const isThere = owner === url || (yield* hasJob(run, taken, owner).pipe(Effect.onError(() => survive(taken))))
        if (isThere) return { row: taken, target: owner, isTakenOver: true }
        // it was never submitted there, or that server is gone or was reset
        yield* db.release(run, taken)
      }
    })

    /** Whether another server has the job of an item. One that does not respond for too long counts as gone. */
    const hasJob = Effect.fnUntraced(function*(run: Db.RunRow, row: Db.ItemRow, owner: string) {
      const client = yield* RcMap.get(clients, owner)
      const found = yield* Effect.result(hasBatch(client, Db.batchIdOf(run, row.item, row.generation)))
      if (found._tag === "Success") return found.success
      if (!(yield* db.isGone(owner, serverTimeout))) {
        return yield* new Postponed({ reason: `${owner}, which may have its job, does not respond` })
      }
      yield* Effect.logWarning(`${owner} does not respond: ${row.item} of ${run.run} runs elsewhere`)
      return false
    }, Effect.scoped)

    const survive = (row: Db.ItemRow) => Effect.ignore(Effect.retry(db.survive(row), databaseRetry))

    /** Runs an item that has a server, and stores its result. */
    const render = Effect.fnUntraced(function*(
      run: Db.RunRow,
      row: Db.ItemRow,
      target: string,
      workflow: Workflow.Workflow
    ) {
      const client = yield* RcMap.get(clients, target)
      const settings = decodeSettings(run.settings)
      const { deleteOutputs = false, maxAttempts: _, template, timeout, ...submitting } = settings
      const batchId = Db.batchIdOf(run, row.item, row.generation)
      const inputs = Db.inputsOf(row)
      const itemKey = Db.itemKeyOf(run, row.item)
      const staging = yield* Files.stage(directory, itemKey)
      const running = yield* Run.run(workflow, inputs, {
        ...submitting,
        timeout: timeout === undefined ? undefined : Duration.millis(timeout),
        batchId,
        directory: staging,
        template: Files.templateOf(template, { run: run.run, id: row.item, row: row.position }),
        ifExists: "overwrite",
        // after a failure of the connection the job may still be there
        onScopeClose: "detach"
      }).pipe(
        Effect.provideService(JobJournal, heldJournal(db, row)),
        Effect.provideContext(client),
        Effect.forkDetach
      )
      const result = yield* Fiber.join(running).pipe(
        Effect.onInterrupt(() => stop(client, run, row, running))
      )
      const sizes = new Map(
        result.images.map((
          { height, path, width }
        ) => [path, width === undefined || height === undefined ? {} : { width, height }])
      )
      const staged = result.files.map((file) => ({ path: file.path, name: path.relative(staging, file.path) }))
      const stored = save === undefined
        ? staged.map(({ name }) => path.join(directory, name))
        : yield* save(staged, { run: run.run, item: row.item, inputs }).pipe(
          Effect.mapError((cause) => new NotStored({ cause }))
        )
      const files = result.files.flatMap((file, at): ReadonlyArray<FarmFile> =>
        file.kind === "metadata" ? [] : [{ path: stored[at] ?? file.path, ...sizes.get(file.path) }]
      )
      const { completedAt, startedAt } = result.job.timing
      const millis = Option.map(DateTime.toEpochMillis)
      const isRecorded = yield* finish(run, row, {
        status: "completed",
        files,
        seed: result.job.outputs.finalImages.map(({ seed }) => seed).find((seed) => typeof seed === "number"),
        server: target,
        startedAt: Option.getOrUndefined(millis(startedAt)),
        completedAt: Option.getOrUndefined(millis(completedAt))
      }, save === undefined ? publish(staging, staged.map((file) => file.path)) : Effect.void)
      storing.items.delete(itemKey)
      storing.stored++
      // not before, because without a result they are needed again
      if (deleteOutputs) yield* removeOutputs(result.job.outputs).pipe(Effect.provideContext(client))
      return isRecorded
    }, Effect.scoped)

    const count = (run: Db.RunRow, status: string) =>
      Metric.update(Metric.withAttributes(Metrics.items, { run: run.run, status }), 1)

    const end = (run: Db.RunRow, row: Db.ItemRow, status: "failed" | "canceled", error?: FarmFailure) =>
      finish(run, row, { status, files: [], server: row.server ?? undefined, error }, Effect.void).pipe(
        Effect.retry(databaseRetry),
        Effect.tap((isRecorded) => isRecorded ? count(run, status) : Effect.void)
      )

    /**
     * The files of an item could not be stored. It keeps its place until they are, so that a full disk stops the worker; but it
     * fails if it is the only one. Returns whether to store them again now.
     */
    const notStored = Effect.fnUntraced(function*(run: Db.RunRow, row: Db.ItemRow, error: NotStored) {
      const itemKey = Db.itemKeyOf(run, row.item)
      const { storedBefore, tries } = storing.items.get(itemKey) ?? { tries: 0, storedBefore: storing.stored }
      storing.items.set(itemKey, { tries: tries + 1, storedBefore })
      const isOnlyOne = storing.stored > storedBefore
      const isFull = isStoringError(error.cause) && error.cause.reason === "DiskFull"
      if (tries >= (isOnlyOne ? minStoring : isFull ? Infinity : maxStoring)) {
        storing.items.delete(itemKey)
        const message = `${error.message} (${tries + 1} times)`
        yield* Effect.logWarning("Item failed", message)
        yield* Metric.update(Metric.withAttributes(Metrics.failures, { error: error._tag, server: url }), 1)
        yield* end(run, row, "failed", { tag: error._tag, message: message.slice(0, 10_000) })
        return false
      }
      const pause = Duration.millis(Math.min(1000 * 2 ** tries, maxStoringPause))
      yield* Effect.logWarning(`${error.message}. They are stored again in ${Duration.format(pause)}`)
      yield* Effect.sleep(pause)
      return true
    })

    /** The job of an item failed. */
    const failed = Effect.fnUntraced(function*(
      run: Db.RunRow,
      row: Db.ItemRow,
      isTakenOver: boolean,
      error: Run.RunError
    ): Effect.fn.Return<boolean, Postponed | SqlError> {
      // it was suspended for so long that another worker has the item
      if (!(yield* db.isHeldWith(row))) return yield* new Postponed({ reason: error.message })
      const { isFault, next } = decide(error)
      const { maxAttempts } = decodeSettings(run.settings)
      yield* Metric.update(Metric.withAttributes(Metrics.failures, { error: tagOf(error), server: url }), 1)
      // that of another server is noticed by the one that feeds it
      if (isFault && row.server === url) yield* fault(error)
      // a worker that ended canceled the job: that is no attempt of the item
      const isRefunded = isTakenOver && tagOf(error) === "JobCanceled"
      if (next === "fail" || (next === "again" && row.attempts >= maxAttempts && !isRefunded)) {
        yield* Effect.logWarning("Item failed", error.message)
        return yield* end(run, row, "failed", failureOf(error))
      }
      if (next === "again") yield* db.release(run, row, { refund: isRefunded })
      return yield* new Postponed({ reason: error.message })
    })

    /** Runs an item. Fails with `Postponed` if it stays in the queue. */
    const handle = Effect.fnUntraced(function*(
      run: Db.RunRow,
      item: string,
      mayClaim: boolean,
      onStart: (target: string) => void
    ) {
      const assigned = yield* assign(run, item, mayClaim)
      if (assigned === undefined) return
      const { isTakenOver, row, target } = assigned
      // a worker that is killed does not come to this
      if (isTakenOver) yield* Effect.addFinalizer(() => survive(row))
      onStart(target)
      if (run.state === "canceled") return yield* end(run, row, "canceled")
      if (isTakenOver && row.losses >= maxLosses) {
        const message = `${row.losses + 1} workers ended unexpectedly while they ran this item`
        return yield* end(run, row, "failed", { tag: "WorkerLost", message })
      }
      const { workflow } = yield* suits(run)
      const begun = yield* Clock.currentTimeMillis
      const attempt = Effect.raceFirst(
        Effect.asSome(render(run, row, target, workflow)),
        Effect.as(awaitCanceled(run), Option.none<boolean>())
      ).pipe(Effect.exit)
      let exit = yield* attempt
      for (let unstored = storingErrorOf(exit); unstored !== undefined; unstored = storingErrorOf(exit)) {
        if (!(yield* notStored(run, row, unstored))) return
        exit = yield* attempt
      }
      if (exit._tag === "Success") {
        if (Option.isNone(exit.value)) return yield* end(run, row, "canceled")
        if (target === url) yield* recovered
        if (!exit.value.value) return
        const elapsed = (yield* Clock.currentTimeMillis) - begun
        yield* Metric.update(Metric.withAttributes(Metrics.duration, { server: target }), elapsed)
        return yield* count(run, "completed")
      }
      const error = Cause.findErrorOption(exit.cause)
      if (Option.isSome(error) && isRunError(error.value)) {
        return yield* failed(run, row, isTakenOver, error.value)
      }
      if (Cause.hasInterruptsOnly(exit.cause)) return yield* Effect.failCause(exit.cause)
      // the database failed: the job is still there, and the item is tried again
      yield* fault(Cause.squash(exit.cause))
      return yield* new Postponed({ reason: Cause.pretty(exit.cause) })
    }, Effect.scoped)

    const traced = (run: Db.RunRow, item: string, mayClaim: boolean, onStart: (target: string) => void) =>
      Effect.gen(function*() {
        const row = yield* db.item(run.run, item)
        const parent = Option.isSome(row) ? toTrace(row.value.trace) : undefined
        yield* handle(run, item, mayClaim, onStart).pipe(
          Effect.withSpan("Farm.item", {
            attributes: { run: run.run, item, server: url },
            parent,
            root: parent === undefined
          }),
          Effect.annotateLogs({ run: run.run, item })
        )
      })

    /**
     * Takes one item, and returns when it runs, or when the queue was empty. Without `mayClaim`, only an item that has a place
     * on a server.
     */
    const take = Effect.fnUntraced(function*(run: Db.RunRow, mayClaim: boolean) {
      const queue = yield* queueOf(run.run)
      const started = yield* Deferred.make<void>()
      let isEntered = false
      let isCounted = true
      busy++
      const leave = () => {
        if (isCounted) busy--
        isCounted = false
      }
      const fiber = yield* queue.take(({ item }) => {
        isEntered = true
        return traced(run, item, mayClaim, (target) => {
          // it runs on another server, which has room for it already
          if (target !== url) leave()
          Deferred.doneUnsafe(started, Effect.void)
        })
      }).pipe(
        Effect.catchIf((error) => error instanceof Postponed, ({ reason }) => Effect.logDebug(`Postponed: ${reason}`)),
        Effect.catchCause((cause) =>
          Cause.hasInterruptsOnly(cause) ? Effect.void : Effect.logWarning("An item stays in the queue", cause)
        ),
        Effect.ensuring(Effect.suspend(() => {
          leave()
          Deferred.doneUnsafe(started, Effect.void)
          return wake.release
        })),
        Effect.forkIn(scope)
      )
      const isStarted = yield* Effect.timeoutOption(Deferred.await(started), "2 seconds")
      if (Option.isNone(isStarted)) {
        if (isEntered) yield* Deferred.await(started)
        else yield* Fiber.interrupt(fiber)
      }
    })

    const step = Effect.gen(function*() {
      const server = Option.getOrUndefined(yield* db.server(url))
      yield* observe(server?.capacity ?? 0)
      if (server === undefined) return yield* pause
      const now = yield* Clock.currentTimeMillis
      if (health.failures > 0 && now < health.retryAt) return yield* pause
      if (!health.isProbed) {
        const probed = yield* Effect.result(probe)
        if (probed._tag === "Failure") return yield* fault(probed.failure)
        // the fault of an earlier process is over
        if (health.failures === 0 && server.failing_since !== null) yield* db.markWell(url)
      }
      // after a fault, one item shows whether the server works again
      if (isFull || busy >= (health.failures > 0 ? 1 : server.capacity)) {
        isFull = false
        return yield* pause
      }
      for (const run of yield* db.readyRuns(url)) {
        const suitable = yield* Effect.result(suits(run))
        if (suitable._tag === "Failure") return yield* fault(suitable.failure)
        const mayClaim = server.state === "active" && run.state !== "paused" && suitable.success.missing.length === 0
        if (mayClaim || run.has_place === 1 || run.state === "canceled") return yield* take(run, mayClaim)
      }
      yield* recovered
      return yield* pause
    })

    yield* tidy.pipe(
      Effect.repeat(Schedule.spaced(tidyInterval)),
      Effect.annotateLogs({ server: url }),
      Effect.forkScoped
    )
    return yield* step.pipe(
      Effect.provideContext(services),
      Effect.catchCause((cause) =>
        Cause.hasInterruptsOnly(cause)
          ? Effect.interrupt
          : Effect.andThen(Effect.logWarning(`${url} is not fed for a moment`, cause), Effect.sleep("1 second"))
      ),
      Effect.forever,
      Effect.annotateLogs({ server: url })
    )
  })
  return { feed }
})
