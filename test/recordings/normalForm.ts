/**
 * When an answer or event of the simulator is the same as a recorded one.
 *
 * The normal form, in full:
 * - ids (UUIDs, also inside names such as `<uuid>.png` or `Tensor_<uuid>`, and queue item ids) may differ, but one recorded
 *   id always stands for the same id of the simulator, and two different ones never for the same;
 * - times may differ, but not their format;
 * - lists that are sets on the server (`unordered` below) may be in any order, as may the tags that the server lists for an
 *   unknown node type;
 * - of a traceback only the last line counts, of a preview picture only that there is one, of a web page its type;
 * - times and sizes of model files are numbers, whichever;
 * - the totals of a whole queue are left out, because the recorded servers had run other scenarios before.
 */
import * as Predicate from "effect/Predicate"

const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g

const time = /^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?Z?$/

/** Lists whose order means nothing on the server. */
const unordered = new Set([
  "executed",
  "affected_boards",
  "added_images",
  "removed_images",
  "deleted_images",
  "starred_images",
  "unstarred_images"
])

const itemIdKeys = new Set(["item_id", "retried_from_item_id", "parent_item_id", "root_item_id"])
const itemIdLists = new Set([
  "item_ids",
  "retried_item_ids",
  "canceled_item_ids",
  "child_item_ids",
  "completed_child_item_ids",
  "system"
])
/** Objects whose keys are item ids. */
const byItemId = new Set(["child_outputs"])
const ignored = new Set(["timestamp", "bytes", "total_bytes"])
const queueTotals = new Set(["completed", "failed", "canceled", "total"])

/** Pairs of recorded and simulated ids. */
export class Bindings {
  /**
   * Before 6.14 the server keeps prepared nodes in sets: the edges between them, and before 6.9 what a collector gathers,
   * come in any order.
   */
  readonly anyOrder: boolean
  constructor(anyOrder = false) {
    this.anyOrder = anyOrder
  }

  private readonly forward = new Map<string, string>()
  private readonly backward = new Map<string, string>()

  /** Notes that two ids are the same; false if one of them has another partner. */
  bind(recorded: string, actual: string): boolean {
    const known = this.forward.get(recorded)
    const partner = this.backward.get(actual)
    if (known !== undefined || partner !== undefined) return known === actual && partner === recorded
    this.forward.set(recorded, actual)
    this.backward.set(actual, recorded)
    return true
  }

  /** The simulated id of a recorded one, or the recorded one itself. */
  translate(recorded: string): string {
    return this.forward.get(recorded) ?? recorded
  }

  /** A recorded text with all its ids translated. */
  translateText(text: string): string {
    return text.replace(uuid, (id) => this.translate(id))
  }

  /** Whether a recorded id has a partner. */
  knows(recorded: string): boolean {
    return this.forward.has(recorded)
  }
}

const lastLine = (text: string): string => text.trimEnd().split("\n").pop()?.replace(/^[\w.]+\.(?=\w+:)/, "") ?? ""

const sortedWords = (text: string): string =>
  text.split(": ").map((part) => part.split(", ").toSorted().join(", ")).join(": ")

/** Differences between a recorded and a simulated value, each with its path; empty where there are none. */
export const differences = (
  recorded: unknown,
  actual: unknown,
  bindings: Bindings,
  path: ReadonlyArray<string> = []
): ReadonlyArray<string> => {
  const key = path[path.length - 1] ?? ""
  const parent = path[path.length - 2] ?? ""
  const differ = (): ReadonlyArray<string> => [
    `${path.join(".") || "(whole)"}: recorded ${JSON.stringify(recorded)?.slice(0, 160)}, simulated ${
      JSON.stringify(actual)?.slice(0, 160)
    }`
  ]
  if (ignored.has(key)) return typeof recorded === typeof actual ? [] : differ()
  if ((parent === "queue_status" || parent === "queue") && queueTotals.has(key)) {
    return typeof actual === "number" ? [] : differ()
  }
  if (typeof recorded === "number" && typeof actual === "number") {
    if (itemIdKeys.has(key) || itemIdLists.has(parent)) {
      return bindings.bind(`item ${recorded}`, `item ${actual}`) ? [] : differ()
    }
    return Math.abs(recorded - actual) < 1e-9 ? [] : differ()
  }
  if (typeof recorded === "string" && typeof actual === "string") {
    if (key === "error_traceback") return lastLine(recorded) === lastLine(actual) ? [] : differ()
    if (key === "dataURL") return actual.startsWith("data:image/") ? [] : differ()
    if (recorded.startsWith("{") && actual.startsWith("{")) {
      return differences(JSON.parse(recorded), JSON.parse(actual), bindings, [...path, "(JSON)"])
    }
    if (recorded === "<jwt>") return actual !== "" ? [] : differ()
    if (time.test(recorded)) return time.test(actual) ? [] : differ()
    if (recorded.includes("does not match any of the expected tags") || key === "expected_tags") {
      return sortedWords(recorded) === sortedWords(actual) ? [] : differ()
    }
    const left = recorded.match(uuid) ?? []
    const right = actual.match(uuid) ?? []
    const shape = (text: string): string =>
      text.replace(uuid, "<id>").replace(/Queue item with id \d+/, "Queue item with id <id>")
        .replace(/errors\.pydantic\.dev\/[\d.]+\//, "errors.pydantic.dev/")
    if (shape(recorded) !== shape(actual) || left.length !== right.length) return differ()
    return left.every((id, index) => bindings.bind(id, right[index] ?? "")) ? [] : differ()
  }
  if (Array.isArray(recorded) && Array.isArray(actual)) {
    if (recorded.length !== actual.length) return differ()
    if (bindings.anyOrder && (key === "edges" || key === "collection")) {
      const translated = recorded.map((item) => bindings.translateText(JSON.stringify(item))).toSorted()
      return translated.join() === actual.map((item) => JSON.stringify(item)).toSorted().join() ? [] : differ()
    }
    if (!unordered.has(key) && parent !== "source_prepared_mapping") {
      return recorded.flatMap((item, index) => differences(item, actual[index], bindings, [...path, String(index)]))
    }
    const rest = [...actual]
    return [...recorded].toSorted((a, b) => Number(bindings.knows(String(b))) - Number(bindings.knows(String(a))))
      .flatMap((item) => {
        const name = String(item)
        const known = (name.match(uuid) ?? []).every((id) => bindings.knows(id))
        const index = known ? rest.indexOf(bindings.translateText(name)) : 0
        if (index < 0) return differ()
        const [taken] = rest.splice(index, 1)
        return differences(item, taken, bindings, [...path, name])
      })
  }
  if (Predicate.isObject(recorded) && Predicate.isObject(actual)) {
    const names = Object.keys(recorded)
    const others = Object.keys(actual)
    const isId = (name: string): boolean => name.replace(uuid, "") === "" && name !== ""
    if (names.length > 0 && names.every(isId) && others.every(isId)) {
      if (names.length !== others.length) return differ()
      return names.flatMap((name, index) => {
        const partner = bindings.knows(name) ? bindings.translate(name) : others[index] ?? ""
        return bindings.bind(name, partner) && Object.hasOwn(actual, partner)
          ? differences(recorded[name], actual[partner], bindings, [...path, name])
          : differ()
      })
    }
    if (byItemId.has(key)) {
      if (names.length !== others.length) return differ()
      return names.flatMap((name, index) => {
        const other = others[index] ?? ""
        return bindings.bind(`item ${name}`, `item ${other}`)
          ? differences(recorded[name], actual[other], bindings, [...path, name])
          : differ()
      })
    }
    const missing = names.filter((name) => !Object.hasOwn(actual, name))
    const extra = others.filter((name) => !Object.hasOwn(recorded, name))
    return [
      ...missing.map((name) => `${[...path, name].join(".")}: missing in the simulator`),
      ...extra.map((name) => `${[...path, name].join(".")}: not in the recording`),
      ...names.filter((name) => Object.hasOwn(actual, name))
        .flatMap((name) => differences(recorded[name], actual[name], bindings, [...path, name]))
    ]
  }
  return recorded === actual ? [] : differ()
}
