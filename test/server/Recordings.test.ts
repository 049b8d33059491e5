import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { readFileSync } from "node:fs"
import { SessionQueueItem } from "../../packages/core/src/server/api/QueueApi.ts"
import { ServerTimestamp, SQLiteDirection } from "../../packages/core/src/server/api/Wire.ts"
import { decode } from "../../packages/core/src/server/ServerEvent.ts"
import { decodeEntry, decodeEvent, type Entry, routeOf } from "./replay.ts"

const versions = ["6.3.0", "6.8.1", "6.13.8", "6.14.2"] as const

const samples = (version: string): ReadonlyArray<Entry> =>
  JSON.parse(readFileSync(new URL(`../fixtures/transcripts/samples/${version}.json`, import.meta.url), "utf8"))

// recorded calls that the library does not make
const notDeclared = /auth\/media-cookie|auth\/users\/[^/]+$|board_images\/$|models\/get_by_attrs|\/nope$|^\/$/

describe("The recordings of real servers", () => {
  it.effect.each(versions)("are understood: every response of %s", (version) =>
    Effect.gen(function*() {
      let decoded = 0
      for (const entry of samples(version)) {
        if (entry.kind !== "http" || entry.status! >= 300) continue
        const isText = typeof entry.responseBody === "string" &&
          !(entry.responseHeaders?.["content-type"] ?? "").includes("json")
        if (isText) continue
        if (routeOf(entry.method!, entry.path!) === undefined) {
          assert.match(entry.path!, notDeclared)
          continue
        }
        decoded++
        const result = yield* Effect.result(decodeEntry(entry)!)
        assert.strictEqual(result._tag, "Success", `${entry.method} ${entry.path}: ${JSON.stringify(result)}`)
      }
      assert.isAbove(decoded, 40)
    }))

  it.each(versions)("are understood: every event of %s", (version) => {
    const events = samples(version).filter((entry) => entry.kind === "socket-event")
    assert.isAbove(events.length, 10)
    for (const entry of events) {
      const event = decodeEvent(entry)
      assert.strictEqual(event.name, entry.event, JSON.stringify(entry))
    }
  })

  it("are understood whatever a newer server writes into the details of an event", () => {
    const payload = { queue_id: "default", item_id: 1, batch_id: "b", status: "dreaming" }
    const details = { origin: 7, started_at: "soon", error_message: ["a"], batch_status: "good", status_sequence: "3" }
    assert.deepStrictEqual(decode("queue_item_status_changed", { ...payload, ...details }), {
      name: "queue_item_status_changed",
      payload: {
        ...payload,
        origin: null,
        started_at: null,
        error_message: null,
        batch_status: null,
        status_sequence: null
      }
    })
  })

  it.each(["invocation_progress", "invocation_error"] as const)("%s: is understood without its message", (name) => {
    const node = {
      queue_id: "default",
      item_id: 1,
      batch_id: "b",
      session_id: "s",
      invocation: { id: "p", type: "add" },
      invocation_source_id: "n"
    }
    assert.deepStrictEqual(decode(name, node), { name, payload: node })
  })

  it("keep unknown and unexpected events as they are", () => {
    assert.deepStrictEqual(decode("brand_new", { a: 1 }), { name: "unknown", wireName: "brand_new", payload: { a: 1 } })
    assert.deepStrictEqual(decode("batch_enqueued", "what"), {
      name: "unknown",
      wireName: "batch_enqueued",
      payload: "what"
    })
    assert.deepStrictEqual(decode("constructor", {}), { name: "unknown", wireName: "constructor", payload: {} })
  })
})

describe("Timestamps", () => {
  it.each([
    ["2026-11-22 12:34:56.789", "2026-11-22T12:34:56.789Z"],
    ["2026-11-22 12:34:56", "2026-11-22T12:34:56.000Z"],
    ["2026-11-22T12:34:56.789123", "2026-11-22T12:34:56.789Z"],
    ["2026-11-22T12:34:56.654061Z", "2026-11-22T12:34:56.654Z"],
    ["2026-11-22T12:34:56+02:00", "2026-11-22T10:34:56.000Z"]
  ])("%s", (text, iso) => {
    const time = Schema.decodeUnknownSync(ServerTimestamp)(text)
    assert.strictEqual(DateTime.formatIso(time), iso)
    assert.strictEqual(Schema.encodeSync(ServerTimestamp)(time), iso.replace("T", " ").replace("Z", ""))
  })

  it("are UTC if they have no zone, wherever the program runs", () => {
    const before = process.env["TZ"]
    process.env["TZ"] = "America/New_York"
    const time = Schema.decodeUnknownSync(ServerTimestamp)("2026-11-22 12:34:56.789")
    if (before === undefined) delete process.env["TZ"]
    else process.env["TZ"] = before
    assert.strictEqual(DateTime.formatIso(time), "2026-11-22T12:34:56.789Z")
  })

  it("are rejected if they are invalid", () => {
    assert.isTrue(Schema.decodeUnknownResult(ServerTimestamp)("soon")._tag === "Failure")
    assert.isTrue(Schema.decodeUnknownResult(SQLiteDirection)("desc")._tag === "Failure")
  })
})

describe("Queue items", () => {
  const minimal = {
    item_id: 1,
    status: "contemplating",
    batch_id: "b",
    session: { id: "s", results: {}, something_new: { kept: true } }
  }

  it("need only what a job needs, and keep unknown statuses and session fields", () => {
    const item = Schema.decodeUnknownSync(SessionQueueItem)({ ...minimal, new_field: 1 })
    assert.strictEqual(item.status, "contemplating")
    assert.deepStrictEqual(item.session["something_new"], { kept: true })
  })

  it("treat null and absent alike", () => {
    const nulls = Schema.decodeUnknownSync(SessionQueueItem)({
      ...minimal,
      origin: null,
      error_type: null,
      started_at: null,
      workflow: null,
      parent_item_id: null,
      field_values: null
    })
    assert.isNull(nulls.started_at)
    assert.isNull(nulls.workflow)
  })

  it.each(Object.keys(minimal))("fail without %s", (field) => {
    const rest = Object.fromEntries(Object.entries(minimal).filter(([name]) => name !== field))
    assert.strictEqual(Schema.decodeUnknownResult(SessionQueueItem)(rest)._tag, "Failure")
  })
})
