/**
 * Remembers which jobs a program has handed in, so that a program that was killed can find them again.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Batch } from "../server/api/QueueSchemas.ts"
import type { Submission } from "./Submission.ts"

/**
 * A job as the journal has it.
 *
 * **Details**
 *
 * `sending`: written before the request was sent, so the server may or may not have it. `accepted`: the server has it.
 * Jobs that ended and were cleaned up are not in the journal any more.
 *
 * @category models
 * @since 0.1.0
 */
export interface JournalEntry {
  readonly batchId: string
  readonly stage: "sending" | "accepted"
  readonly batch: Batch
  readonly size: number
  readonly prepend: boolean
  readonly nodes: ReadonlyArray<readonly [id: string, label: string, type: string]>
}

/**
 * A store of jobs that must survive the program.
 *
 * **Details**
 *
 * Jobs are journaled where this service is provided, and not otherwise. Writing must be finished when `put` returns. A
 * journal that fails dies: handing a job in without the record that was asked for would not be what was asked for.
 *
 * @category services
 * @since 0.1.0
 */
export class JobJournal extends Context.Service<JobJournal, {
  readonly put: (entry: JournalEntry) => Effect.Effect<void>
  readonly get: (batchId: string) => Effect.Effect<Option.Option<JournalEntry>>
  readonly remove: (batchId: string) => Effect.Effect<void>
  readonly entries: Effect.Effect<ReadonlyArray<JournalEntry>>
}>()("@effect-invokeai/core/job/JobJournal") {}

const withJournal = (f: (journal: JobJournal["Service"]) => Effect.Effect<void>): Effect.Effect<void> =>
  Effect.flatMap(Effect.serviceOption(JobJournal), Option.match({ onNone: () => Effect.void, onSome: f }))

/** @internal */
export const sending = (submission: Submission): Effect.Effect<void> =>
  withJournal((journal) =>
    journal.put({
      batchId: submission.batchId,
      stage: "sending",
      batch: submission.batch,
      size: submission.size,
      prepend: submission.prepend,
      nodes: [...submission.nodes].map(([id, node]) => [id, node.label, node.type])
    })
  )

/** @internal */
export const accepted = (batchId: string): Effect.Effect<void> =>
  withJournal((journal) =>
    Effect.flatMap(
      journal.get(batchId),
      Option.match({
        onNone: () => Effect.void,
        onSome: (entry) => journal.put({ ...entry, stage: "accepted" })
      })
    )
  )

/** @internal */
export const forget = (batchId: string): Effect.Effect<void> => withJournal((journal) => journal.remove(batchId))
