/**
 * The events of one job, kept for readers that come late or are slow.
 *
 * **Details**
 *
 * Memory is bounded. Results, ends, errors and warnings are kept for every reader; the job keeps what is in them
 * anyway. Of progress the newest 64 events are kept, with images in the newest 8; of the others (a node or an item
 * began) the newest 4,096. A reader that missed some of these gets one `EventsDropped` in their place; missed progress
 * is not mentioned.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { InvocationProgress, JobEvent } from "../JobEvent.ts"
import { isTerminal } from "./ItemState.ts"
import { Signal } from "./observable.ts"

interface Entry {
  /** The position among all events since the beginning. */
  readonly sequence: number
  /** Undefined where the event was dropped. */
  event: JobEvent | undefined
}

/**
 * How many events a log keeps: of progress, of these with images, and of those that tell that something began.
 *
 * @category models
 * @since 0.1.0
 */
interface EventLogLimits {
  readonly startEvents: number
  readonly progress: number
  readonly previews: number
}

const defaults: EventLogLimits = { startEvents: 4096, progress: 64, previews: 8 }

/** Whether an event only reports the start of something; another event reports the result. */
const isStartEvent = (event: JobEvent): boolean =>
  event._tag === "InvocationStarted" || (event._tag === "ItemStatusChanged" && !isTerminal(event.status))

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
  private readonly progress: Array<Entry> = []
  private readonly startEvents: Array<Entry> = []
  private next = 0
  /** How many events other than progress there were. */
  private nonProgressCount = 0
  /** How many entries hold no event any more. */
  private droppedCount = 0
  private ended = false

  constructor(limits: EventLogLimits = defaults) {
    this.limits = limits
  }

  push(event: JobEvent): void {
    if (this.ended) return
    const entry: Entry = { sequence: this.next++, event }
    this.entries.push(entry)
    if (event._tag === "InvocationProgress") this.pushProgress(entry)
    else {
      this.nonProgressCount++
      if (isStartEvent(event)) {
        this.startEvents.push(entry)
        if (this.startEvents.length > this.limits.startEvents) this.drop(this.startEvents.shift()!)
      }
    }
    this.signal.notify()
  }

  end(): void {
    this.ended = true
    this.signal.notify()
  }

  private pushProgress(entry: Entry): void {
    this.progress.push(entry)
    const stalePreview = this.progress[this.progress.length - 1 - this.limits.previews]
    if (stalePreview?.event?._tag === "InvocationProgress" && stalePreview.event.preview !== null) {
      const bare: InvocationProgress = { ...stalePreview.event, preview: null }
      stalePreview.event = bare
    }
    if (this.progress.length > this.limits.progress) this.drop(this.progress.shift()!)
  }

  private drop(entry: Entry): void {
    entry.event = undefined
    if (++this.droppedCount < 64 || this.droppedCount < this.entries.length / 2) return
    this.entries = this.entries.filter((one) => one.event !== undefined)
    this.droppedCount = 0
  }

  /** The entries from a position on. */
  private since(at: number): ReadonlyArray<Entry> {
    let first = this.entries.length
    while (first > 0 && this.entries[first - 1]!.sequence >= at) first--
    return this.entries.slice(first)
  }

  /** Every event from the first, for each reader; ends with the job. */
  readonly stream: Stream.Stream<JobEvent> = Stream.fromPull(Effect.sync(() => {
    let position = 0
    let seen = 0
    const read = (): ReadonlyArray<JobEvent> => {
      const events: Array<JobEvent> = []
      let missed = this.nonProgressCount - seen
      for (const { event } of this.since(position)) {
        if (event === undefined) continue
        events.push(event)
        if (event._tag !== "InvocationProgress") missed--
      }
      position = this.next
      seen = this.nonProgressCount
      return missed > 0 ? [{ _tag: "EventsDropped", count: missed }, ...events] : events
    }
    const pull: Effect.Effect<readonly [JobEvent, ...Array<JobEvent>], Cause.Done> = Effect.suspend(() => {
      const [first, ...rest] = read()
      if (first !== undefined) return Effect.succeed([first, ...rest] as const)
      return this.ended ? Effect.fail(Cause.Done()) : Effect.andThen(this.signal.wait, pull)
    })
    return pull
  }))
}
