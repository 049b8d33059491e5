import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Path from "effect/Path"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import type * as PlatformError from "effect/PlatformError"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { JobJournal, JournalEntry } from "../JobJournal.ts"

const entryPrefix = "invokeai-job-"
const acceptedPrefix = "invokeai-accepted-"

const toJson = Schema.encodeEffect(Schema.fromJsonString(JournalEntry))
const fromJson = Schema.decodeUnknownResult(JournalEntry)
const parse = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Unknown))

const make = Effect.gen(function*() {
  const store = yield* KeyValueStore.KeyValueStore
  const read = Effect.fnUntraced(function*(batchId: string) {
    const text = yield* store.get(entryPrefix + batchId)
    const json = parse(text ?? "")
    if (Result.isFailure(json)) return Option.none<JournalEntry>()
    const entry = fromJson(json.success)
    if (Result.isFailure(entry)) {
      yield* Effect.logWarning(`The journal's entry of batch ${batchId} cannot be read: ${entry.failure.message}`)
      return Option.none<JournalEntry>()
    }
    const accepted = yield* store.has(acceptedPrefix + batchId)
    return Option.some(accepted ? { ...entry.success, stage: "accepted" as const } : entry.success)
  })
  return JobJournal.of({
    put: (entry) =>
      Effect.gen(function*() {
        const key = entryPrefix + entry.batchId
        if (entry.stage === "sending" || !(yield* store.has(key))) yield* store.set(key, yield* toJson(entry))
        if (entry.stage === "accepted") yield* store.set(acceptedPrefix + entry.batchId, "{}")
      }).pipe(Effect.orDie),
    get: (batchId) => Effect.orDie(read(batchId)),
    remove: (batchId) =>
      Effect.andThen(store.remove(entryPrefix + batchId), store.remove(acceptedPrefix + batchId)).pipe(Effect.orDie),
    entries: Effect.gen(function*() {
      const keys = (yield* store.keys).filter((key) => key.startsWith(entryPrefix))
      const all = yield* Effect.forEach(keys, (key) => read(key.slice(entryPrefix.length)))
      return all.flatMap(Option.toArray)
    }).pipe(Effect.orDie)
  })
})

/** @internal */
export const layer: Layer.Layer<JobJournal, never, KeyValueStore.KeyValueStore> = Layer.effect(JobJournal, make)

/** @internal */
export const layerFolder = (
  directory: string
): Layer.Layer<JobJournal, PlatformError.PlatformError, FileSystem.FileSystem | Path.Path> =>
  layer.pipe(Layer.provide(Layer.fresh(KeyValueStore.layerFileSystem(directory))))
