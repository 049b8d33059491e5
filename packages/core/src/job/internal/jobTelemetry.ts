/**
 * What traces, metrics and logs learn of a job.
 *
 * **Details**
 *
 * A job is a span `Job.run` with the `batchId`, from when it is followed to its end; below it are its items (`Job.item`
 * with `itemId`, from start to end) and their nodes (`Job.node` with `nodeId`, `nodeType` and `preparedId`). They are
 * made from events, so the times are those of their arrival; a node that was found by polling has no duration. Nothing
 * is made where no tracer is set.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import * as Metrics from "../../server/internal/Metrics.ts"
import type { JobEvent, NodeReference } from "../JobEvent.ts"
import { timingOf } from "../JobResult.ts"
import * as JobState from "../JobState.ts"
import { isTerminal } from "./ItemState.ts"
import type { JobTelemetry } from "./trackedJob.ts"

type Attributes = Readonly<Record<string, string | number>>

/** The spans of one job. */
class Spans {
  readonly root: Tracer.Span
  private readonly open = new Map<string, Tracer.Span>()
  private readonly tracer: Tracer.Tracer
  private readonly clock: Clock.Clock
  private readonly batchId: string

  constructor(tracer: Tracer.Tracer, clock: Clock.Clock, batchId: string, parent: Option.Option<Tracer.AnySpan>) {
    this.tracer = tracer
    this.clock = clock
    this.batchId = batchId
    this.root = this.begin("", "Job.run", parent, {})
  }

  private begin(key: string, name: string, parent: Option.Option<Tracer.AnySpan>, attributes: Attributes): Tracer.Span {
    const span = this.tracer.span({
      name,
      parent,
      annotations: Context.empty(),
      links: [],
      startTime: this.clock.currentTimeNanosUnsafe(),
      kind: "internal",
      root: Option.isNone(parent),
      sampled: Option.match(parent, { onNone: () => true, onSome: (one) => one.sampled })
    })
    span.attribute("batchId", this.batchId)
    for (const [name, value] of Object.entries(attributes)) span.attribute(name, value)
    this.open.set(key, span)
    return span
  }

  private child(key: string, name: string, parentKey: string, attributes: Attributes): void {
    if (this.open.has(key)) return
    this.begin(key, name, Option.some(this.open.get(parentKey) ?? this.root), attributes)
  }

  private end(key: string, exit: Exit.Exit<unknown, unknown>, attributes: Attributes = {}): void {
    const span = this.open.get(key)
    if (span === undefined) return
    this.open.delete(key)
    for (const [name, value] of Object.entries(attributes)) span.attribute(name, value)
    span.end(this.clock.currentTimeNanosUnsafe(), exit)
  }

  onJobEvent(event: JobEvent): void {
    switch (event._tag) {
      case "ItemStatusChanged": {
        const key = `item ${event.itemId}`
        if (event.status === "in_progress") {
          this.child(key, "Job.item", "", { itemId: event.itemId, itemIndex: event.itemIndex })
        } else if (isTerminal(event.status)) {
          this.end(key, event.status === "failed" ? Exit.fail(event.status) : Exit.void, { status: event.status })
        }
        return
      }
      case "InvocationStarted":
        return this.child(`node ${event.preparedId}`, "Job.node", `item ${event.itemId}`, nodeAttributes(event))
      case "InvocationComplete":
        return this.end(`node ${event.preparedId}`, Exit.void)
      case "InvocationError":
        return this.end(`node ${event.preparedId}`, Exit.fail(event.errorType))
      default:
        return
    }
  }

  ended(status: string, exit: Exit.Exit<unknown, unknown>): void {
    for (const key of [...this.open.keys()].toReversed()) {
      if (key === "") this.end(key, exit, { status })
      else this.end(key, Exit.void)
    }
  }
}

const nodeAttributes = (about: NodeReference): Attributes => ({
  itemId: about.itemId,
  nodeId: about.nodeId,
  nodeLabel: about.nodeLabel,
  nodeType: about.nodeType,
  preparedId: about.preparedId
})

const statusOf = (state: JobState.JobState): string => JobState.isEnded(state) ? JobState.status(state) : "unknown"

/** Builds the telemetry of a job from the caller's tracer, metrics and loggers. @internal */
export const make = (batchId: string): Effect.Effect<JobTelemetry> =>
  Effect.withFiber((fiber) => Effect.succeed(telemetryOf(batchId, fiber)))

const telemetryOf = (batchId: string, fiber: Fiber.Fiber<unknown, unknown>): JobTelemetry => {
  const { context } = fiber
  const parent = Option.filter(
    Context.getOption(context, Tracer.ParentSpan),
    (span) => !Context.get(span.annotations, Tracer.DisablePropagation)
  )
  const tracer = fiber.getRef(Tracer.Tracer)
  // the spans of Effect's default tracer are not exported
  const spans = tracer === Tracer.nativeTracer
    ? undefined
    : new Spans(tracer, fiber.getRef(Clock.Clock), batchId, parent)
  const log = (effect: Effect.Effect<void>) => void Effect.runForkWith(context)(effect)
  return {
    span: spans?.root,
    onJobEvent: (event) => {
      spans?.onJobEvent(event)
      // The tracker says once for all jobs that there are no events.
      if (event._tag === "JobWarning" && event.reason !== "EventsUnavailable") {
        const about = { batchId, ...(event.itemIds.length === 0 ? {} : { itemIds: event.itemIds.join(",") }) }
        log(Effect.annotateLogs(Effect.logWarning(event.message), about))
      }
    },
    ended: (state, exit) => {
      const status = statusOf(state)
      Metric.withAttributes(Metrics.jobs, { status }).updateUnsafe(1, context)
      const timing = timingOf(state)
      if (Option.isSome(timing.startedAt)) {
        Metrics.jobQueueWait.updateUnsafe(Duration.toSeconds(timing.queuedFor), context)
        if (Option.isSome(timing.completedAt)) {
          Metrics.jobRunTime.updateUnsafe(Duration.toSeconds(timing.elapsed), context)
        }
      }
      spans?.ended(status, Exit.isSuccess(exit) && status !== "failed" ? Exit.void : Exit.fail(status))
      log(Effect.annotateLogs(Effect.logDebug(`The job ended: ${status}`), { batchId, status }))
    }
  }
}
