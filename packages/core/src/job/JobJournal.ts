/**
 * Remembers which jobs a program has handed in, so that a program that was killed can find them again.
 *
 * **When to use**
 *
 * Provide a journal, hand jobs in with `JobRecovery.submitOnce`, and start the program again after a crash: what runs is
 * followed, what was never accepted is handed in, nothing twice.
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
import type * as PlatformError from "effect/PlatformError"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { Batch } from "../server/api/QueueSchemas.ts"
import type { Submission } from "./Submission.ts"

/**
 * A job as the journal has it.
 *
 * **Details**
 *
 * `sending`: written before the request was sent, so the server may or may not have it. `accepted`: the server has it.
 * A job leaves the journal when its scope has closed, unless the server may still have or receive something of it, or it
 * completed and the scope failed after that. `key` is the name that the program gave the job,
 * `nodes` are id, label and type of the workflow's nodes, `size` is the number of queue items.
 *
 * @category schemas
 * @since 0.1.0
 */
export const JournalEntry = Schema.Struct({
  batchId: Schema.String,
  key: Schema.optionalKey(Schema.String),
  stage: Schema.Literals(["sending", "accepted"]),
  batch: Batch,
  size: Schema.Int,
  prepend: Schema.Boolean,
  nodes: Schema.Array(Schema.Tuple([Schema.String, Schema.String, Schema.String]))
})

/**
 * A job as the journal has it.
 *
 * @category models
 * @since 0.1.0
 */
export interface JournalEntry extends Schema.Schema.Type<typeof JournalEntry> {}

// loaded on use: with `KeyValueStore` come Effect's modules for SQL
const stored = Effect.promise(() => import("./internal/storedJournal.ts"))

/**
 * A store of jobs that must survive the program.
 *
 * **Details**
 *
 * - `put`: adds a job, or notes that the server accepted it. It must be safe when this returns.
 * - `get`: a job by its batch id.
 * - `remove`: forgets a job.
 * - `entries`: all jobs.
 *
 * Jobs are journaled where this service is provided, and not otherwise. A journal that fails dies: handing a job in
 * without the record that was asked for would not be what was asked for.
 *
 * **Gotchas**
 *
 * A journal belongs to one server and to one running process.
 *
 * @category services
 * @since 0.1.0
 */
export class JobJournal extends Context.Service<JobJournal, {
  readonly put: (entry: JournalEntry) => Effect.Effect<void>
  readonly get: (batchId: string) => Effect.Effect<Option.Option<JournalEntry>>
  readonly remove: (batchId: string) => Effect.Effect<void>
  readonly entries: Effect.Effect<ReadonlyArray<JournalEntry>>
}>()("@effect-invokeai/core/job/JobJournal") {
  /** Keeps the journal in memory: for tests, and for `JobRecovery.submitOnce` within one process. */
  static readonly layerMemory: Layer.Layer<JobJournal> = Layer.sync(JobJournal, () => {
    const entries = new Map<string, JournalEntry>()
    return {
      put: (entry) => Effect.sync(() => void entries.set(entry.batchId, entry)),
      get: (batchId) => Effect.sync(() => Option.fromUndefinedOr(entries.get(batchId))),
      remove: (batchId) => Effect.sync(() => void entries.delete(batchId)),
      entries: Effect.sync(() => [...entries.values()])
    }
  })

  /**
   * Keeps the journal in the `KeyValueStore` of the program.
   *
   * Each job has a key of its own that is written once, before the job is sent, and a second one when it is accepted. So
   * a store whose writes can be cut short by a crash is good enough: a job whose entry is cut short was not sent.
   */
  static readonly layerKeyValueStore: Layer.Layer<JobJournal, never, KeyValueStore.KeyValueStore> = Layer.unwrap(
    Effect.map(stored, (module) => module.layer)
  )

  /**
   * Keeps the journal in a folder, a file per job. The folder is made when it is missing.
   *
   * What is written survives the process, however it ends. It is not flushed to the disk, so it may not survive a power
   * cut; for that use `layerKeyValueStore` on a database.
   */
  static readonly layerFolder = (
    directory: string
  ): Layer.Layer<JobJournal, PlatformError.PlatformError, FileSystem.FileSystem | Path.Path> =>
    Layer.unwrap(Effect.map(stored, (module) => module.layerFolder(directory)))
}

const accept = (entry: typeof JournalEntry.Type): JournalEntry => ({ ...entry, stage: "accepted" })

const withJournal = (f: (journal: JobJournal["Service"]) => Effect.Effect<void>): Effect.Effect<void> =>
  Effect.flatMap(Effect.serviceOption(JobJournal), Option.match({ onNone: () => Effect.void, onSome: f }))

/** @internal */
export const sending = (submission: Submission, key?: string): Effect.Effect<void> =>
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
  )

/** @internal */
export const forget = (batchId: string): Effect.Effect<void> => withJournal((journal) => journal.remove(batchId))

/** What a journaled job hands in. @internal */
export const toSubmission = (entry: JournalEntry): Submission => ({
  batchId: entry.batchId,
  batch: entry.batch,
  size: entry.size,
  prepend: entry.prepend,
  nodes: new Map(entry.nodes.map(([id, label, type]) => [id, { label, type }]))
})

const collectNames = (value: unknown, names: Set<string>): void => {
  if (Array.isArray(value)) {
    for (const each of value) collectNames(each, names)
  } else if (Predicate.isObject(value)) {
    for (const [key, each] of Object.entries(value)) {
      if (key === "image_name" && typeof each === "string") names.add(each)
      else collectNames(each, names)
    }
  }
}

/** The images that journaled jobs were given; none without a journal. @internal */
export const imagesInUse: Effect.Effect<ReadonlySet<string>> = Effect.flatMap(
  Effect.serviceOption(JobJournal),
  Option.match({
    onNone: () => Effect.succeed(new Set<string>()),
    onSome: (journal) =>
      Effect.map(journal.entries, (entries) => {
        const names = new Set<string>()
        for (const { batch } of entries) {
          collectNames(batch.graph, names)
          collectNames(batch.data, names)
        }
        return names
      })
  })
)
