/** A client process that works through orders and is killed again and again, and what it must leave behind. */
import { AssetLedger, layerFile } from "@effect-invokeai/core/assets/AssetLedger"
import { JobJournal } from "@effect-invokeai/core/job/JobJournal"
import { Images } from "@effect-invokeai/core/server/Images"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import { type Script, start } from "./processes.ts"

/** How the client runs, and when it is killed. */
export interface OrderOptions {
  /** The server, or a proxy in front of it. */
  readonly url: string
  /** The directory of the client's journal, ledger, notes and downloads. */
  readonly state: string
  /** What the origins of the orders' batches begin with. */
  readonly mark: string
  readonly orders: number
  /** Each order whose number is a multiple of it ends with a failed job; 0 for none. */
  readonly failEvery: number
  readonly kills: number
  /** Numbers from 0 to 1 that decide when the client is killed. */
  readonly random: () => number
  /** Runs an action at the n-th moment from now in the life of a request. Without it, kills are a matter of time. */
  readonly atMoment?: ((n: number, action: () => void) => void) | undefined
  /** Called before each start with how far the run is. */
  readonly onProgress?: ((text: string) => void) | undefined
}

/** What happened to the client. */
export interface OrderRun {
  readonly starts: number
  readonly kills: number
  /** Starts that ended on their own with a failure, which the next start had to repair. */
  readonly failures: number
  /** Whether the last start ended well. */
  readonly isComplete: boolean
  /** What the clients printed, except that they began and ended. */
  readonly log: ReadonlyArray<string>
}

const maxMoments = 60
const maxMillis = 1500
const startsAfterLastKill = 10

const Note = Schema.fromJsonString(Schema.Struct({
  batchId: Schema.String,
  /** Width and height of each result; `null` if the job failed. */
  sizes: Schema.NullOr(Schema.Array(Schema.Array(Schema.Int)))
}))

/** Starts the client until it was killed often enough, each time with more orders, and then until all of them are done. */
export const run = Effect.fnUntraced(function*(options: OrderOptions) {
  const { orders, random } = options
  const log: Array<string> = []
  const counts = { starts: 0, kills: 0, failures: 0 }
  let available = 0
  let isComplete = false
  const begin = (): Script => {
    counts.starts++
    const { failEvery, mark, state, url } = options
    return start("fixtures/client.ts", url, state, mark, String(available), String(failEvery))
  }
  const finish = (script: Script, ended: number | string) => {
    log.push(...script.lines.filter((line) => line !== "ready" && line !== "finished"))
    if (ended === "SIGKILL") counts.kills++
    else if (ended !== 0) counts.failures++
    return ended === 0
  }
  const report = options.onProgress ?? (() => {})
  while (counts.kills < options.kills) {
    report(`${counts.kills} of ${options.kills} kills, ${counts.starts} starts`)
    available = Math.min(orders, Math.max(available, Math.ceil(orders * (counts.kills + 1) / options.kills)))
    const script = begin()
    const kill = () => void script.process.kill("SIGKILL")
    yield* Effect.promise(() => script.says(/^ready$/))
    const byTime = options.atMoment === undefined || random() < 0.3
    if (byTime) setTimeout(kill, random() * maxMillis)
    else options.atMoment(1 + Math.floor(random() * maxMoments), kill)
    const ended = yield* Effect.promise(() => script.ended)
    // The machine was faster than the kill: there is more to do.
    if (finish(script, ended)) {
      if (available === orders) break
      available++
    }
  }
  available = orders
  for (let last = 0; last < startsAfterLastKill && !isComplete; last++) {
    report(`all kills done, ${counts.starts} starts`)
    const script = begin()
    isComplete = finish(script, yield* Effect.promise(() => script.ended))
  }
  return { ...counts, isComplete, log } satisfies OrderRun
})

/** The names of all images on the server, sorted. */
export const allImages = Effect.map(
  Images.use((images) => images.names()),
  ({ image_names }) => [...image_names].toSorted()
)

/**
 * Checks what is left after all orders are done: one check per promise, each with what contradicts it.
 *
 * `imagesBefore` are the images that the server had before the first start.
 */
export const check = Effect.fnUntraced(function*(options: OrderOptions, imagesBefore: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const queue = yield* SessionQueue
  const { failEvery, mark, state } = options
  const items = (yield* queue.listAll()).filter((item) => item.origin?.startsWith(`${mark}-`) === true)
  const batches: Array<string> = []
  const results: Array<string> = []
  for (let order = 0; order < options.orders; order++) {
    const isFailing = failEvery > 0 && order % failEvery === 0
    const own = items.filter((item) => item.origin === `${mark}-${order}`)
    const note = yield* fs.readFileString(path.join(state, `done-${order}.json`)).pipe(
      Effect.flatMap(Schema.decodeUnknownEffect(Note)),
      Effect.orElseSucceed(() => undefined)
    )
    const expected = isFailing ? ["failed"] : ["completed", "completed"]
    const statuses = own.map((item) => item.status)
    const ids = new Set(own.map((item) => item.batch_id))
    if (ids.size !== 1 || statuses.join() !== expected.join() || (note !== undefined && !ids.has(note.batchId))) {
      batches.push(`order ${order}: ${own.map((item) => `${item.batch_id} ${item.status}`).join(", ") || "no batch"}`)
    }
    if (note === undefined) {
      results.push(`order ${order}: not done`)
    } else if (!isFailing) {
      const directory = path.join(state, "outputs", String(order))
      const names = yield* Effect.orElseSucceed(fs.readDirectory(directory), () => [])
      const found: Array<string> = []
      for (const name of names.filter((each) => !each.endsWith(".part"))) {
        const bytes = Buffer.from(yield* fs.readFile(path.join(directory, name)))
        // The last chunk of a PNG is always the same twelve bytes, the type of which is IEND.
        const isWhole = bytes.subarray(-8, -4).toString("latin1") === "IEND"
        found.push(isWhole ? `${bytes.readUInt32BE(16)},${bytes.readUInt32BE(20)}` : `${name} is cut off`)
      }
      const wanted = (note.sizes ?? []).map((size) => size.join())
      if (found.toSorted().join(" ") !== wanted.toSorted().join(" ") || found.length !== 2) {
        results.push(`order ${order}: noted ${wanted.join(" ")}, downloaded ${found.join(" ")}`)
      }
    }
  }
  const { queue: status } = yield* queue.status
  const open = { pending: status.pending, in_progress: status.in_progress, waiting: status.waiting ?? 0 }
  const before = new Set(imagesBefore)
  const left = (yield* allImages).filter((name) => !before.has(name))
  const images = yield* Effect.forEach(
    left,
    (name) =>
      Effect.map(
        Images.use((service) => service.get(name)),
        (image) =>
          `${image.image_origin} ${name} of session ${image.session_id}, made at ${
            DateTime.formatIso(image.created_at)
          }`
      )
  )
  const entries = yield* JobJournal.use((journal) => journal.entries).pipe(
    Effect.provide(JobJournal.layerDirectory(path.join(state, "jobs")).pipe(Layer.provide(NodeServices.layer)))
  )
  const uploads = yield* Effect.flatMap(AssetLedger, (ledger) => ledger.previousRecords).pipe(
    Effect.provide(layerFile(path.join(state, "uploads.jsonl")).pipe(Layer.provide(NodeServices.layer)))
  )
  const files = yield* fs.readDirectory(state, { recursive: true })
  return [
    { promise: "each order has one batch", problems: batches },
    { promise: "each order that did not fail has its complete results on disk", problems: results },
    {
      promise: "nothing waits or runs",
      problems: Object.entries(open).flatMap(([name, count]) => count === 0 ? [] : [`${count} ${name}`])
    },
    {
      promise: "no upload and no result is left on the server",
      problems: images
    },
    { promise: "the journal is empty", problems: entries.map((entry) => `${entry.key} ${entry.stage}`) },
    {
      // The record of an upload that never arrived stays for an hour.
      promise: "the ledger has no image",
      problems: uploads.filter((upload) => upload.image_name !== undefined).map((upload) => JSON.stringify(upload))
    },
    { promise: "no .part file is left", problems: files.filter((name) => name.endsWith(".part")) }
  ]
})
