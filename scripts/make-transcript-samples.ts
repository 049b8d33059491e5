/**
 * Makes small samples from recordings of a real server: one answer of each route and status, and a few events of each name.
 *
 *     node scripts/make-transcript-samples.ts <folder of one version's recordings> test/fixtures/transcripts/samples/<version>.json
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs"

interface Entry {
  readonly kind: string
  readonly method?: string
  readonly path?: string
  readonly status?: number
  readonly event?: string
  readonly data?: { readonly status?: string }
}

const [, , source, target] = process.argv
if (source === undefined || target === undefined) {
  console.error("usage: make-transcript-samples.ts <recordings> <target.json>")
  process.exit(1)
}

const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?:\.png)?/g
const maxSize = 12_000

const keyOf = (entry: Entry): string | undefined => {
  if (entry.kind === "http") {
    const path = entry.path!.replace(/\?.*$/, "").replace(uuid, "*").replace(/\/i\/\d+/, "/i/*").replace(
      /queue\/[^/]+/,
      "queue/*"
    )
    return `${entry.method} ${path} ${entry.status}`
  }
  return entry.kind === "socket-event" ? `${entry.event} ${entry.data?.status ?? ""}` : undefined
}

const size = (entry: Entry): number => JSON.stringify(entry).length
const shorten = (text: string): string => text.replace(/(data:image\/[a-z]+;base64,)[A-Za-z0-9+/=]+/g, "$1AAAA")

const samples = new Map<string, Entry>()
for (const file of readdirSync(source).toSorted()) {
  const { entries } = JSON.parse(shorten(readFileSync(`${source}/${file}`, "utf8"))) as {
    readonly entries: ReadonlyArray<Entry>
  }
  for (const entry of entries) {
    const key = keyOf(entry)
    if (key === undefined || size(entry) > maxSize) continue
    const before = samples.get(key)
    // the longest one has the most fields
    if (before === undefined || size(entry) > size(before)) samples.set(key, entry)
  }
}
const lines = [...samples.values()].map((entry) => `  ${JSON.stringify(entry)}`)
writeFileSync(target, `[\n${lines.join(",\n")}\n]\n`)
console.log(`${target}: ${lines.length} samples`)
