/** The active faults of a simulator. */
import * as Duration from "effect/Duration"
import type { EventAction, Fault, HttpAction } from "../Fault.ts"
import * as SeededRandom from "./seededRandom.ts"

const escapeRegExp = (literal: string): string => literal.replace(/[.*+?^$()|[\]\\]/g, "\\$&")

const matchesPath = (path: string | RegExp, actual: string): boolean =>
  path instanceof RegExp
    ? path.test(actual)
    : new RegExp(`^${escapeRegExp(path).replace(/\{[^}]*\}/g, "[^/]+")}$`).test(actual)

type Counted = Extract<Fault, { readonly nth: number }>
type Random = Extract<Fault, { readonly _tag: "Random" }>

interface RandomFaults {
  readonly fault: Random
  readonly random: SeededRandom.SeededRandom
  left: number
}

/** Counts the occasions of faults, and selects the faults that happen. */
export class FaultScript {
  private readonly waiting: Array<{ readonly fault: Counted; seen: number }> = []
  private readonly randomFaults: Array<RandomFaults> = []

  /** Adds faults. Their occasions are counted from now. */
  add(faults: ReadonlyArray<Fault>): void {
    for (const fault of faults) {
      if (fault._tag === "Random") {
        this.randomFaults.push({ fault, random: SeededRandom.make(fault.seed), left: fault.maxFaults })
      } else this.waiting.push({ fault, seen: 0 })
    }
  }

  /** Removes all faults. */
  clear(): void {
    this.waiting.length = 0
    this.randomFaults.length = 0
  }

  private matching<Tag extends Counted["_tag"]>(
    tag: Tag,
    matches: (fault: Extract<Counted, { readonly _tag: Tag }>) => boolean
  ): ReadonlyArray<Extract<Counted, { readonly _tag: Tag }>> {
    const isTagged = (fault: Counted): fault is Extract<Counted, { readonly _tag: Tag }> => fault._tag === tag
    return this.waiting.flatMap((entry) => {
      if (!isTagged(entry.fault) || !matches(entry.fault)) return []
      entry.seen += 1
      const { nth, times } = entry.fault
      return entry.seen >= nth && entry.seen < nth + times ? [entry.fault] : []
    })
  }

  /** One of the actions at random, or none. */
  private roll<A>(
    matches: (fault: Random) => boolean,
    likelihood: (fault: Random) => number,
    actions: (fault: Random) => ReadonlyArray<A>
  ): ReadonlyArray<A> {
    return this.randomFaults.flatMap((one) => {
      if (one.left <= 0 || !matches(one.fault) || one.random.next() >= likelihood(one.fault)) return []
      const list = actions(one.fault)
      const action = list[Math.floor(one.random.next() * list.length)]
      if (action === undefined) return []
      one.left -= 1
      return [action]
    })
  }

  /** The faults of a request. */
  onRequest(method: string, path: string): ReadonlyArray<HttpAction> {
    const matches = (fault: { readonly method: string | undefined; readonly path: string | RegExp }): boolean =>
      (fault.method === undefined || fault.method === method) && matchesPath(fault.path, path)
    return [
      ...this.matching("Http", matches).map((fault) => fault.action),
      ...this.roll(matches, (fault) => fault.requests, (fault) => fault.requestActions)
    ]
  }

  /** The faults of an event. */
  onEvent(name: string): ReadonlyArray<EventAction> {
    return [
      ...this.matching("Event", (fault) => fault.name === undefined || fault.name === name).map((fault) =>
        fault.action
      ),
      ...this.roll(() => true, (fault) => fault.events, (fault) => fault.eventActions)
    ]
  }

  /** Whether an event connection is refused. */
  onConnection(): boolean {
    return this.matching("Connection", () => true).length > 0
  }

  /** The additional time that a file takes. */
  onDisk(operation: "read" | "write"): Duration.Duration {
    return this.matching("Disk", (fault) => fault.operation === undefined || fault.operation === operation)
      .reduce((sum, fault) => Duration.sum(sum, fault.duration), Duration.zero)
  }
}
