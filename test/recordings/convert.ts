/**
 * Makes the transcripts in `test/fixtures/transcripts` from full recordings: what the replay does not look at is left out.
 *
 * `node test/recordings/convert.ts <recordings folder> <version> <scenario>…`
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import { at } from "../simulator/support.ts"
import { type Entry, isPoll } from "./replay.ts"
import { whoAsks, whoListens } from "./who.ts"

const shorten = (value: unknown, key = ""): unknown => {
  if (typeof value === "string") {
    if (key === "error_traceback") return value.trimEnd().split("\n").pop()
    if (key === "dataURL") return value.slice(0, 22)
    if (value.startsWith("<!DOCTYPE html>")) return "<!DOCTYPE html>"
    return value
  }
  if (Array.isArray(value)) return value.map((item) => shorten(item))
  if (typeof value !== "object" || value === null) return value
  if ("$binary" in value) return { $binary: true }
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shorten(inner, name)]))
}

/** Nodes of items that were canceled on the way are left out: how many there are depends on the speed of the machine. */
const isCut = (scenario: string, event: string, data: unknown): boolean =>
  event.startsWith("invocation_") &&
  (scenario === "cancel" || ["t2i-cancel", "iso2"].includes(String(at(data, "origin"))))

const cutSession = (scenario: string, body: unknown): unknown =>
  (scenario === "cancel" || at(body, "origin") === "iso2") && typeof body === "object" && body !== null &&
    Object.keys(at(body, "session", "results") ?? {}).length > 0
    ? { ...body, session: { results: { cut: true } } }
    : body

const convert = (entry: unknown, scenario: string): ReadonlyArray<Entry> => {
  const t = Number(at(entry, "t"))
  if (at(entry, "kind") === "http") {
    const requestBody = at(entry, "requestBody")
    const contentType = at(entry, "responseHeaders", "content-type")
    const http: Entry = {
      kind: "http",
      t,
      method: String(at(entry, "method")),
      path: String(at(entry, "path")),
      ...(requestBody === undefined ? {} : { requestBody }),
      ...whoAsks(scenario, entry),
      status: Number(at(entry, "status")),
      contentType: typeof contentType === "string" ? contentType : "",
      responseBody: cutSession(scenario, shorten(at(entry, "responseBody")))
    }
    return isPoll(http) ? [] : [http]
  }
  const event = String(at(entry, "event"))
  const socket = String(at(entry, "socket"))
  const several = ["late", "auth", "isolation"].includes(scenario)
  switch (several ? at(entry, "kind") : undefined) {
    case "socket-open":
      return [{ kind: "socket", t, socket, does: "open", ...whoListens(scenario, socket) }]
    case "socket-connect-error":
      return [{ kind: "socket", t, socket, does: "refused" }]
    case "socket-emit":
      return [{ kind: "socket", t, socket, does: "emit", event, data: at(entry, "data") }]
    case "socket-close":
      return [{ kind: "socket", t, socket, does: "close" }]
    case "socket-disconnect":
      return at(entry, "reason") === "io server disconnect" ? [{ kind: "socket", t, socket, does: "closed" }] : []
  }
  if (at(entry, "kind") !== "socket-event" || isCut(scenario, event, at(entry, "data"))) return []
  return [{ kind: "event", t, ...(several ? { socket } : {}), event, data: shorten(at(entry, "data")) }]
}

const program = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const [folder = "", version = "", ...scenarios] = process.argv.slice(2)
  const target = path.join(import.meta.dirname, "..", "fixtures", "transcripts", version)
  yield* fs.makeDirectory(target, { recursive: true })
  for (const scenario of scenarios) {
    const recorded: unknown = JSON.parse(yield* fs.readFileString(path.join(folder, version, `${scenario}.json`)))
    const list = at(recorded, "entries")
    const entries = (Array.isArray(list) ? list : []).flatMap((entry) => convert(entry, scenario))
    const lines = entries.map((entry) => JSON.stringify(entry)).join(",\n")
    yield* fs.writeFileString(path.join(target, `${scenario}.json`), `[\n${lines}\n]\n`)
  }
})

NodeRuntime.runMain(program.pipe(Effect.provide(NodeServices.layer)))
