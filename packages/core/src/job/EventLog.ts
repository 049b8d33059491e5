/**
 * The events of one job, kept for readers that come late or are slow.
 *
 * **Details**
 *
 * Memory is bounded. Of progress events the newest 64 are kept, of all others the newest 4,096; a reader that missed
 * others gets one `EventsDropped` in their place. Missed progress is not mentioned. Pictures are kept in the newest 8
 * progress events only.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { InvocationProgress, JobEvent } from "./JobEvent.ts"

/** Wakes everybody who waits, now. */
class Signal {
  private waiting = new Set<() => void>()

  readonly wait: Effect.Effect<void> = Effect.callback<void>((resume) => {
    const wake = () => resume(Effect.void)
    this.waiting.add(wake)
    return Effect.sync(() => this.waiting.delete(wake))
  })

  notify(): void {
    const woken = this.waiting
    this.waiting = new Set()
    for (const wake of woken) wake()
  }
}

/**
 * A value that changes. Readers see the newest value and may miss values between.
 *
 * @category models
 * @since 0.1.0
 */
export class Changing<A> {
  private readonly signal = new Signal()
  private version = 0
  private ended = false
  private value: A

  constructor(value: A) {
    this.value = value
  }

  get current(): A {
    return this.value
  }

  set(value: A): void {
    this.value = value
    this.version++
    this.signal.notify()
  }

  end(): void {
    this.ended = true
    this.signal.notify()
  }

  /** The present value, then the newest one after each change; ends after the last. */
  readonly stream: Stream.Stream<A> = Stream.fromPull(Effect.sync(() => {
    let seen = -1
    const pull: Effect.Effect<readonly [A], Cause.Done> = Effect.suspend(() => {
      if (seen !== this.version) {
        seen = this.version
        return Effect.succeed([this.value] as const)
      }
      return this.ended ? Effect.fail(Cause.Done()) : Effect.andThen(this.signal.wait, pull)
    })
    return pull
  }))
}

/**
 * A list that only grows, read from its beginning by any number of readers.
 *
 * @category models
 * @since 0.1.0
 */
export class Growing<A> {
  private readonly signal = new Signal()
  private readonly items: Array<A> = []
  private ended = false

  get current(): ReadonlyArray<A> {
    return this.items
  }

  push(item: A): void {
    this.items.push(item)
    this.signal.notify()
  }

  end(): void {
    this.ended = true
    this.signal.notify()
  }

  readonly stream: Stream.Stream<A> = Stream.fromPull(Effect.sync(() => {
    let next = 0
    const pull: Effect.Effect<readonly [A, ...Array<A>], Cause.Done> = Effect.suspend(() => {
      const [first, ...rest] = this.items.slice(next)
      if (first !== undefined) {
        next = this.items.length
        return Effect.succeed([first, ...rest] as const)
      }
      return this.ended ? Effect.fail(Cause.Done()) : Effect.andThen(this.signal.wait, pull)
    })
    return pull
  }))
}

interface Entry {
  /** How many events other than progress came before this one. */
  readonly before: number
  event: JobEvent | undefined
}

/**
 * How many events a log keeps.
 *
 * @category models
 * @since 0.1.0
 */
export interface EventLogLimits {
  readonly events: number
  readonly progress: number
  readonly previews: number
}

const defaults: EventLogLimits = { events: 4096, progress: 64, previews: 8 }

/**
 * The events of one job.
 *
 * @category models
 * @since 0.1.0
 */
export class EventLog {
  private readonly signal = new Signal()
  private readonly limits: EventLogLimits
  private entries: Array<Entry> = []
  /** How many entries at the front of the array are dropped already. */
  private head = 0
  /** The position of the first entry of the array since the beginning. */
  private offset = 0
  private kept = 0
  private told = 0
  private droppedBefore = 0
  private progress: Array<Entry> = []
  private ended = false

  constructor(limits: EventLogLimits = defaults) {
    this.limits = limits
  }

  push(event: JobEvent): void {
    if (this.ended) return
    const entry: Entry = { before: this.told, event }
    this.entries.push(entry)
    if (event._tag === "InvocationProgress") this.pushProgress(entry)
    else {
      this.told++
      this.kept++
    }
    this.trim()
    this.signal.notify()
  }

  end(): void {
    this.ended = true
    this.signal.notify()
  }

  private pushProgress(entry: Entry): void {
    this.progress.push(entry)
    const blurred = this.progress[this.progress.length - 1 - this.limits.previews]
    if (blurred?.event?._tag === "InvocationProgress" && blurred.event.preview !== null) {
      const bare: InvocationProgress = { ...blurred.event, preview: null }
      blurred.event = bare
    }
    if (this.progress.length > this.limits.progress) this.progress.shift()!.event = undefined
  }

  private trim(): void {
    while (this.head < this.entries.length) {
      const entry = this.entries[this.head]!
      const crowded = this.kept > this.limits.events || this.entries.length - this.head > this.limits.events * 2
      if (!crowded && entry.event !== undefined) break
      if (entry.event !== undefined && entry.event._tag !== "InvocationProgress") {
        this.kept--
        this.droppedBefore = entry.before + 1
      }
      this.head++
    }
    if (this.head > 64 && this.head > this.entries.length / 2) {
      this.entries = this.entries.slice(this.head)
      this.offset += this.head
      this.head = 0
    }
  }

  /** Every event from the first, for each reader; ends with the job. */
  readonly stream: Stream.Stream<JobEvent> = Stream.fromPull(Effect.sync(() => {
    let position = 0
    let seen = 0
    const read = (): ReadonlyArray<JobEvent> => {
      const events: Array<JobEvent> = []
      if (this.droppedBefore > seen) {
        events.push({ _tag: "EventsDropped", count: this.droppedBefore - seen })
        seen = this.droppedBefore
      }
      for (const entry of this.entries.slice(Math.max(this.head, position - this.offset))) {
        if (entry.event === undefined) continue
        events.push(entry.event)
        if (entry.event._tag !== "InvocationProgress") seen = entry.before + 1
      }
      position = this.offset + this.entries.length
      return events
    }
    const pull: Effect.Effect<readonly [JobEvent, ...Array<JobEvent>], Cause.Done> = Effect.suspend(() => {
      const [first, ...rest] = read()
      if (first !== undefined) return Effect.succeed([first, ...rest] as const)
      return this.ended ? Effect.fail(Cause.Done()) : Effect.andThen(this.signal.wait, pull)
    })
    return pull
  }))
}
