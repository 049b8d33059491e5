/**
 * Names of files that identify the process that created them.
 *
 * **Details**
 *
 * `<prefix><machine>-<pid>-<started>-<random><suffix>`, or `<prefix><random><suffix>` if the process cannot be identified.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { type ProcessId, ProcessIdentity } from "../files/ProcessIdentity.ts"

const middle = /^(?:([a-z0-9]+)-(\d{1,10})-([a-z0-9]+)-)?[a-z0-9]+$/

/** Returns a new, unique name. @internal */
export const makeName = Effect.fnUntraced(function*(prefix: string, suffix: string): Effect.fn.Return<string> {
  const { self } = yield* ProcessIdentity
  const numbers = [yield* Random.nextInt, yield* Random.nextInt, yield* Random.nextInt]
  const random = numbers.map((each) => (each >>> 0).toString(36)).join("")
  const owner = self === undefined ? "" : `${self.machine}-${self.pid}-${self.started}-`
  return `${prefix}${owner}${random}${suffix}`
})

/**
 * The process in a name from `makeName`; null if the name has none; `undefined` if the name is not from `makeName`.
 *
 * @internal
 */
export const ownerOf = (
  name: string,
  prefix: string,
  suffix: string
): Omit<ProcessId, "host"> | null | undefined => {
  if (!name.startsWith(prefix) || !name.endsWith(suffix)) return undefined
  const match = middle.exec(name.slice(prefix.length, name.length - suffix.length))
  if (match === null) return undefined
  const [, machine, pid, started] = match
  return machine === undefined || pid === undefined || started === undefined
    ? null
    : { machine, pid: Number(pid), started }
}
