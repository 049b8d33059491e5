/**
 * The same as `benchQueue.ts` with the queue pg-boss: `node benchPgBoss.ts <its module> <postgres://…> <items>` prints a line of
 * JSON with seconds, for inserting jobs and for fetching and completing them.
 */
import { pathToFileURL } from "node:url"

/** The part of pg-boss that is used. */
interface Boss {
  readonly start: () => Promise<unknown>
  readonly stop: (options: { readonly graceful: boolean }) => Promise<void>
  readonly createQueue: (name: string) => Promise<void>
  readonly insert: (name: string, jobs: ReadonlyArray<{ readonly data: object }>) => Promise<unknown>
  readonly fetch: (
    name: string,
    options: { readonly batchSize: number }
  ) => Promise<ReadonlyArray<{ readonly id: string }>>
  readonly complete: (name: string, id: string) => Promise<unknown>
}

const [module = "", url = "", items = "0"] = process.argv.slice(2)
// not a dependency of this repository, so nothing knows its types
const { PgBoss } = await import(pathToFileURL(module).href) as { readonly PgBoss: new(url: string) => Boss }
const count = Number(items)
const pageSize = 500
const atATime = 16

const boss = new PgBoss(url)
await boss.start()
await boss.createQueue("bench")
const begun = performance.now()
for (let from = 0; from < count; from += pageSize) {
  const page = Array.from({ length: Math.min(pageSize, count - from) }, (_, index) => ({
    data: { id: `item-${from + index}`, width: 64, height: 64 }
  }))
  await boss.insert("bench", page)
}
const inserted = performance.now()
let left = count
while (left > 0) {
  const jobs = await boss.fetch("bench", { batchSize: atATime })
  await Promise.all(jobs.map(({ id }) => boss.complete("bench", id)))
  left -= jobs.length
}
console.log(JSON.stringify({
  offer: (inserted - begun) / 1000,
  take: (performance.now() - inserted) / 1000
}))
await boss.stop({ graceful: false })
