/**
 * Records the submitted jobs of a program, so that it can find them again after it was killed.
 *
 * **When to use**
 *
 * Provide a journal, submit jobs with `JobRecovery.submitOnce`, and restart the program after a crash: running jobs are
 * tracked, jobs that were never accepted are submitted, and nothing runs twice.
 *
 * **Example** (A journal in a folder)
 *
 * ```ts
 * import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
 *
 * export const services = NodeInvokeAi.layerConfig({ assetLedger: "state/uploads.jsonl", jobJournal: "state/jobs" })
 * ```
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Path from "effect/Path"
import type * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { RecordError } from "../files/RecordError.ts"
import { Batch } from "../server/api/QueueSchemas.ts"
import type { Submission } from "./Submission.ts"

export { type Liveness, type ProcessId, ProcessIdentity } from "../files/ProcessIdentity.ts"
export { RecordError, RecordErrorReason } from "../files/RecordError.ts"

/**
 * A job in the journal.
 *
 * **Details**
 *
 * A job leaves the journal when its scope has closed, unless the server may still have or receive something of it, or
 * it completed and the scope failed after that.
 *
 * @category schemas
 * @since 0.1.0
 */
export class JournalEntry extends Schema.Opaque<JournalEntry>()(Schema.Struct({
  /** The id of the batch. */
  batchId: Schema.String,
  /** The name that the program gave the job (`JobOptions.key`). */
  key: Schema.optionalKey(Schema.String),
  /**
   * `sending`: written before the request was sent, so the server may or may not have the job. `accepted`: the server
   * has it.
   */
  stage: Schema.Literals(["sending", "accepted"]),
  /** The batch as it is sent, so that it can be sent again. */
  batch: Batch,
  /** How many queue items the batch makes. */
  size: Schema.Int,
  /** Whether the batch is put in front of the queue. */
  prepend: Schema.Boolean,
  /** The id, label and type of each node of the workflow. */
  nodes: Schema.Array(Schema.Tuple([Schema.String, Schema.String, Schema.String]))
})) {}

// loaded on use: with `KeyValueStore` come Effect's modules for SQL
const stored = Effect.promise(() => import("./internal/storedJournal.ts"))

/**
 * A store of jobs that must survive the program.
 *
 * **Details**
 *
 * Jobs are journaled if this service is provided. A job that cannot be recorded is not submitted: `Job.submit` fails
 * with
 * `RecordError`.
 *
 * **Gotchas**
 *
 * A journal belongs to one server. One in a directory belongs to one running process, which a lock enforces. One in a
 * `KeyValueStore` can be shared by several processes that work on different keys. If two of them may submit the same job at
 * the same moment, use `JobRecovery.attachOrSubmit` instead, which needs no journal.
 *
 * **Example** (Find out whether an order is still being worked on)
 *
 * ```ts
 * import { JobJournal } from "@effect-invokeai/core/job/JobJournal"
 * import * as Effect from "effect/Effect"
 * import * as Option from "effect/Option"
 *
 * export const isOpen = (order: string) =>
 *   JobJournal.use((journal) => Effect.map(journal.findByKey(order), Option.isSome))
 * ```
 *
 * **Example** (Move a job to a journal in a directory)
 *
 * ```ts
 * import { JobJournal } from "@effect-invokeai/core/job/JobJournal"
 * import * as Effect from "effect/Effect"
 * import * as Option from "effect/Option"
 *
 * export const moveTo = (directory: string, batchId: string) =>
 *   Effect.gen(function*() {
 *     const journal = yield* JobJournal
 *     const entry = yield* journal.get(batchId)
 *     if (Option.isNone(entry)) return
 *     yield* JobJournal.use((target) => target.put(entry.value)).pipe(
 *       Effect.provide(JobJournal.layerDirectory(directory))
 *     )
 *     yield* journal.remove(batchId)
 *   })
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class JobJournal extends Context.Service<JobJournal, {
  /**
   * Adds a job, or records that the server accepted it. When it succeeds, the entry survives the process. The same entry comes
   * again before its job is sent again, which does not happen if this fails.
   */
  readonly put: (entry: JournalEntry) => Effect.Effect<void, RecordError>
  /** Returns a job by its batch id, or none if it is not in the journal. */
  readonly get: (batchId: string) => Effect.Effect<Option.Option<JournalEntry>, RecordError>
  /** Returns the job that was submitted under a key (`JobOptions.key`), the newest one if there are several, or none. */
  readonly findByKey: (key: string) => Effect.Effect<Option.Option<JournalEntry>, RecordError>
  /** Removes a job. */
  readonly remove: (batchId: string) => Effect.Effect<void, RecordError>
  /** Returns all jobs. */
  readonly entries: Effect.Effect<ReadonlyArray<JournalEntry>, RecordError>
}>()("@effect-invokeai/core/job/JobJournal") {
  /** Keeps the journal in memory: for tests, and for `JobRecovery.submitOnce` within one process. */
  static readonly layerMemory: Layer.Layer<JobJournal> = Layer.sync(JobJournal, () => {
    const entries = new Map<string, JournalEntry>()
    return {
      put: (entry) => Effect.sync(() => void entries.set(entry.batchId, entry)),
      get: (batchId) => Effect.sync(() => Option.fromUndefinedOr(entries.get(batchId))),
      findByKey: (key) =>
        Effect.sync(() => Option.fromUndefinedOr([...entries.values()].findLast((entry) => entry.key === key))),
      remove: (batchId) => Effect.sync(() => void entries.delete(batchId)),
      entries: Effect.sync(() => [...entries.values()])
    }
  })

  /**
   * Keeps the journal in the `KeyValueStore` of the program.
   *
   * Each job has a key of its own that is written once, before the job is sent, and a second one when it is accepted.
   * So a store whose writes can be cut short by a crash is good enough: a job whose entry is cut short was not sent.
   * A third one leads from the key of the job to its batch id, so that `JobRecovery.submitOnce` reads single keys.
   *
   * The store can be a table that several processes and machines share (`KeyValueStore.layerSql`). Each server needs a
   * table or a prefix (`KeyValueStore.prefix`) of its own.
   */
  static readonly layerKeyValueStore: Layer.Layer<JobJournal, never, KeyValueStore.KeyValueStore> = Layer.unwrap(
    Effect.map(stored, (module) => module.layer)
  )

  /**
   * Keeps the journal in a directory, a file per job. The directory is created if it is missing; other files in it are
   * ignored.
   *
   * Each file is written completely or not at all and is flushed to the disk, so it survives a power cut.
   *
   * While the journal is open, the directory has a file `.invokeai-….lock`, so that no other process uses it. A lock of
   * a process that does not run any more does not count. If it cannot be checked, because that process ran in another
   * container or on another machine, opening takes up to 30 seconds.
   *
   * Fails with `RecordError` if the directory cannot be opened, or if another process uses it.
   */
  static readonly layerDirectory = (
    directory: string
  ): Layer.Layer<JobJournal, RecordError, FileSystem.FileSystem | Path.Path> =>
    Layer.unwrap(Effect.map(stored, (module) => module.layerDirectory(directory)))
}

const accept = (entry: typeof JournalEntry.Type): JournalEntry => ({ ...entry, stage: "accepted" })

const withJournal = (
  f: (journal: JobJournal["Service"]) => Effect.Effect<void, RecordError>
): Effect.Effect<void, RecordError> =>
  Effect.flatMap(Effect.serviceOption(JobJournal), Option.match({ onNone: () => Effect.void, onSome: f }))

// An outdated entry does no harm: the next start of the program asks the server.
const logFailure = Effect.catch((error: RecordError) => Effect.logWarning(error.message))

/** @internal */
export const sending = (submission: Submission, key?: string): Effect.Effect<void, RecordError> =>
  withJournal((journal) =>
    journal.put({
      batchId: submission.batchId,
      ...(key === undefined ? {} : { key }),
      stage: "sending",
      batch: submission.batch,
      size: submission.size,
      prepend: submission.prepend,
      nodes: Array.from(submission.nodes, ([id, node]) => [id, node.label, node.type] as const)
    })
  )

/** @internal */
export const accepted = (batchId: string): Effect.Effect<void> =>
  withJournal((journal) =>
    Effect.flatMap(
      journal.get(batchId),
      Option.match({
        onNone: () => Effect.void,
        onSome: (entry) => journal.put(accept(entry))
      })
    )
  ).pipe(logFailure)

/** @internal */
export const forget = (batchId: string): Effect.Effect<void> =>
  withJournal((journal) => journal.remove(batchId)).pipe(logFailure)

/** The batch of a journaled job. @internal */
export const toSubmission = (entry: JournalEntry): Submission => ({
  batchId: entry.batchId,
  batch: entry.batch,
  size: entry.size,
  prepend: entry.prepend,
  nodes: new Map(entry.nodes.map(([id, label, type]) => [id, { label, type }]))
})

const collectImageNames = (value: unknown, names: Set<string>): void => {
  if (Array.isArray(value)) {
    for (const each of value) collectImageNames(each, names)
  } else if (Predicate.isObject(value)) {
    for (const [key, each] of Object.entries(value)) {
      if (key === "image_name" && typeof each === "string") names.add(each)
      else collectImageNames(each, names)
    }
  }
}

/** The images that journaled jobs were given; none without a journal. @internal */
export const imagesOfJournaledJobs: Effect.Effect<ReadonlySet<string>, RecordError> = Effect.flatMap(
  Effect.serviceOption(JobJournal),
  Option.match({
    onNone: () => Effect.succeed(new Set<string>()),
    onSome: (journal) =>
      Effect.map(journal.entries, (entries) => {
        const names = new Set<string>()
        for (const { batch } of entries) {
          collectImageNames(batch.graph, names)
          collectImageNames(batch.data, names)
        }
        return names
      })
  })
)
