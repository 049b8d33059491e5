import * as Digest from "effect/crypto/Digest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { fromPlatform, fromStore, type RecordError } from "../../files/RecordError.ts"
import { layerDigest } from "../../internal/digest.ts"
import * as FileLock from "../../internal/FileLock.ts"
import { systemCode } from "../../internal/fileProblem.ts"
import { makeDirectories } from "../../internal/makeDirectories.ts"
import * as TemporaryFile from "../../internal/TemporaryFile.ts"
import { JobJournal, JournalEntry } from "../JobJournal.ts"

const entryPrefix = "invokeai-job-"
const acceptedPrefix = "invokeai-accepted-"
const indexPrefix = "invokeai-key-"

const EntryJson = Schema.fromJsonString(JournalEntry)
const decode = Schema.decodeUnknownResult(EntryJson)
const encode = Schema.encodeEffect(EntryJson)

/** Where texts are kept. A key is a safe file name. */
interface Store {
  readonly get: (key: string) => Effect.Effect<string | undefined, RecordError>
  readonly set: (key: string, text: string) => Effect.Effect<void, RecordError>
  readonly remove: (key: string) => Effect.Effect<void, RecordError>
  readonly keys: Effect.Effect<ReadonlyArray<string>, RecordError>
}

const make = (store: Store, digest: Digest.Digest["Service"]): JobJournal["Service"] => {
  const reported = new Set<string>()
  const keyOf = (batchId: string) => entryPrefix + encodeURIComponent(batchId)
  const acceptedKeyOf = (batchId: string) => acceptedPrefix + encodeURIComponent(batchId)
  // a key of a job can be longer than the name of a file
  const indexKeyOf = (key: string) =>
    Effect.map(
      Effect.orDie(digest.digestHex(Digest.sha256, new TextEncoder().encode(key))),
      (hash) => indexPrefix + hash
    )
  /** Writes a text once: a crash must not cut short what is there when its job is sent again. */
  const write = (key: string, text: string) =>
    Effect.flatMap(store.get(key), (present) => present === text ? Effect.void : store.set(key, text))
  const read = Effect.fnUntraced(function*(key: string) {
    const text = yield* store.get(key)
    if (text === undefined) return Option.none<JournalEntry>()
    const entry = decode(text)
    // A copy of a file under another name is no job of its own.
    if (Result.isFailure(entry) || keyOf(entry.success.batchId) !== key) {
      if (!reported.has(key)) {
        yield* Effect.logWarning(
          `The job journal's entry ${JSON.stringify(key)} is ignored: it is not a complete entry with that name`
        )
      }
      reported.add(key)
      return Option.none<JournalEntry>()
    }
    const isAccepted = (yield* store.get(acceptedKeyOf(entry.success.batchId))) !== undefined
    return Option.some<JournalEntry>(isAccepted ? { ...entry.success, stage: "accepted" } : entry.success)
  })
  return JobJournal.of({
    put: Effect.fnUntraced(function*(entry) {
      const key = keyOf(entry.batchId)
      if (entry.stage === "sending" || Option.isNone(yield* read(key))) {
        // First: an index without its entry is a job that was not sent, and an entry without its index is never found.
        if (entry.key !== undefined) yield* write(yield* indexKeyOf(entry.key), entry.batchId)
        yield* write(key, yield* Effect.orDie(encode(entry)))
      }
      if (entry.stage === "accepted") yield* store.set(acceptedKeyOf(entry.batchId), "{}")
    }),
    get: (batchId) => read(keyOf(batchId)),
    findByKey: Effect.fnUntraced(function*(key) {
      const batchId = yield* store.get(yield* indexKeyOf(key))
      if (batchId === undefined) return Option.none()
      return Option.filter(yield* read(keyOf(batchId)), (entry) => entry.key === key)
    }),
    remove: Effect.fnUntraced(function*(batchId) {
      const entry = yield* read(keyOf(batchId))
      yield* store.remove(keyOf(batchId))
      yield* store.remove(acceptedKeyOf(batchId))
      const key = Option.getOrUndefined(entry)?.key
      if (key === undefined) return
      const index = yield* indexKeyOf(key)
      // a newer job may have the same key
      if ((yield* store.get(index)) === batchId) yield* store.remove(index)
    }),
    entries: Effect.gen(function*() {
      const keys = yield* store.keys
      const present = new Set(keys)
      // left by a process that was killed between the steps of `remove`
      yield* Effect.forEach(
        keys.filter((key) =>
          key.startsWith(acceptedPrefix) && !present.has(entryPrefix + key.slice(acceptedPrefix.length))
        ),
        store.remove,
        { discard: true }
      )
      const all = yield* Effect.forEach(keys.filter((key) => key.startsWith(entryPrefix)), read)
      return all.flatMap(Option.toArray)
    })
  })
}

/** @internal */
export const layer: Layer.Layer<JobJournal, never, KeyValueStore.KeyValueStore> = Layer.effect(
  JobJournal,
  Effect.gen(function*() {
    const store = yield* KeyValueStore.KeyValueStore
    const failed = (key: string, operation: RecordError["operation"]) =>
      Effect.mapError(fromStore({ record: "journal", path: key }, operation))
    return make({
      get: (key) => store.get(key).pipe(failed(key, "read")),
      set: (key, text) => store.set(key, text).pipe(failed(key, "write")),
      remove: (key) => store.remove(key).pipe(failed(key, "write")),
      keys: store.keys.pipe(failed("", "read"))
    }, yield* Digest.Digest)
  })
).pipe(Layer.provide(layerDigest))

/** @internal */
export const layerDirectory = (
  directory: string
): Layer.Layer<JobJournal, RecordError, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(
    JobJournal,
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const files = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
      const record = { record: "journal", path: directory } as const
      yield* makeDirectories(directory).pipe(Effect.mapError(fromPlatform(record, "open")))
      const lock = yield* FileLock.acquire({ directory, prefix: ".invokeai-", record })
      yield* TemporaryFile.deleteAbandoned(directory)
      const read = Effect.mapError(fromPlatform(record, "read"))
      const write = Effect.mapError(fromPlatform(record, "write"))
      return make({
        get: (key) =>
          fs.readFileString(path.join(directory, key)).pipe(
            Effect.catchIf(
              (error) => error.reason._tag === "NotFound" || systemCode(error) === "EISDIR",
              () => Effect.undefined
            ),
            read
          ),
        set: (key, text) =>
          Effect.andThen(
            lock.check,
            TemporaryFile.replaceText(path.join(directory, key), text).pipe(write, Effect.provideContext(files))
          ),
        remove: (key) => fs.remove(path.join(directory, key), { force: true }).pipe(write),
        keys: fs.readDirectory(directory).pipe(read)
      }, yield* Digest.Digest)
    })
  ).pipe(Layer.provide(layerDigest))
