/** A ledger in a table, with one row for each upload. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import { fromStore, type RecordError } from "../../files/RecordError.ts"
import { AssetRecord, type Ledger } from "../AssetLedger.ts"

const RecordJson = Schema.fromJsonString(AssetRecord)
const encode = Schema.encodeEffect(RecordJson)
const decode = Schema.decodeUnknownResult(RecordJson)

const logFailure = Effect.catch((error: RecordError) => Effect.logWarning(error.message))

/** The records of rows. A row of a newer version that cannot be read belongs to the processes of that version. */
const recordsIn = (rows: ReadonlyArray<{ readonly record: string }>): ReadonlyArray<AssetRecord> =>
  rows.flatMap(({ record }) => {
    const decoded = decode(record)
    return Result.isSuccess(decoded) ? [decoded.success] : []
  })

/** @internal */
export const make = Effect.fnUntraced(
  function*(name: string): Effect.fn.Return<Ledger, RecordError, SqlClient.SqlClient> {
    const sql = (yield* SqlClient.SqlClient).withoutTransforms()
    const table = sql(name)
    const failed = (operation: RecordError["operation"]) =>
      Effect.mapError(fromStore({ record: "ledger", path: name }, operation))
    yield* sql`
      CREATE TABLE IF NOT EXISTS ${table} (
        batch_id VARCHAR(128) NOT NULL,
        id VARCHAR(128) NOT NULL,
        record TEXT NOT NULL,
        PRIMARY KEY (batch_id, id)
      )
    `.pipe(
      // of two processes that create it at the same moment, Postgres fails one
      Effect.retry({ times: 2 }),
      failed("open")
    )
    /** The batches of the uploads of this process, to find their rows by the whole key. */
    const batches = new Map<string, string>()
    return {
      set: (record) =>
        record.batch_id === undefined ? Effect.void : Effect.gen(function*() {
          const { batch_id = "", id } = record
          const json = yield* Effect.orDie(encode(record))
          yield* sql`
            INSERT INTO ${table} (batch_id, id, record) VALUES (${batch_id}, ${id}, ${json})
            ON CONFLICT (batch_id, id) DO UPDATE SET record = excluded.record
          `
          batches.set(id, batch_id)
        }).pipe(failed("write")),
      remove: (id) =>
        Effect.suspend(() => {
          const batchId = batches.get(id)
          batches.delete(id)
          // those of other processes are few
          const isOfBatch = batchId === undefined ? sql`1 = 1` : sql`batch_id = ${batchId}`
          return sql`DELETE FROM ${table} WHERE ${isOfBatch} AND id = ${id}`.pipe(failed("write"))
        }).pipe(Effect.asVoid, logFailure),
      abandon: () => Effect.void,
      previousRecords: sql<{ readonly record: string }>`SELECT record FROM ${table}`.pipe(
        Effect.map(recordsIn),
        failed("read")
      ),
      recordsOf: (batchId) =>
        sql<{ readonly record: string }>`SELECT record FROM ${table} WHERE batch_id = ${batchId}`.pipe(
          Effect.map(recordsIn),
          failed("read")
        ),
      isShared: true,
      useDirectory: () => Effect.void,
      deleteTemporaryFiles: Effect.void
    }
  }
)
