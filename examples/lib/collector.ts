/** A small OpenTelemetry collector: takes OTLP over HTTP as JSON, and shows what came. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import type * as Net from "node:net"

interface Attribute {
  readonly key: string
  readonly value: Readonly<Record<string, unknown>>
}

interface Span {
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: ReadonlyArray<Attribute>
}

interface Point {
  readonly attributes: ReadonlyArray<Attribute>
  readonly asDouble?: number
  readonly asInt?: string | number
  readonly count?: string | number
  readonly sum?: number
}

interface Metric {
  readonly name: string
  readonly sum?: { readonly dataPoints: ReadonlyArray<Point> }
  readonly histogram?: { readonly dataPoints: ReadonlyArray<Point> }
}

interface Received {
  readonly resourceSpans?: ReadonlyArray<{
    readonly scopeSpans: ReadonlyArray<{ readonly spans: ReadonlyArray<Span> }>
  }>
  readonly resourceMetrics?: ReadonlyArray<{
    readonly scopeMetrics: ReadonlyArray<{ readonly metrics: ReadonlyArray<Metric> }>
  }>
  readonly resourceLogs?: ReadonlyArray<{
    readonly scopeLogs: ReadonlyArray<{ readonly logRecords: ReadonlyArray<unknown> }>
  }>
}

/** A running collector. */
export interface Collector {
  readonly url: string
  /** The spans as a tree, with the attributes of the library. */
  readonly trace: () => string
  /** The metrics of the library. */
  readonly metrics: () => string
  readonly logCount: () => number
}

const shown = new Set(["batchId", "itemId", "nodeId", "nodeLabel", "nodeType", "status"])

const attributesOf = (attributes: ReadonlyArray<Attribute>, keep: (key: string) => boolean): string =>
  attributes.filter(({ key }) => keep(key)).map(({ key, value }) => `${key}=${Object.values(value).join()}`).join(" ")

const millis = (span: Span): number =>
  Number((BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)) / 1_000n) / 1000

const treeOf = (spans: ReadonlyArray<Span>): string => {
  const known = new Set(spans.map((span) => span.spanId))
  const lines: Array<string> = []
  const add = (parent: string | undefined, depth: number): void => {
    const children = spans.filter((span) =>
      span.parentSpanId === parent || (parent === undefined && !known.has(span.parentSpanId ?? ""))
    )
    for (const span of children.toSorted((a, b) => (a.startTimeUnixNano < b.startTimeUnixNano ? -1 : 1))) {
      const attributes = attributesOf(span.attributes, (key) => shown.has(key))
      lines.push(`${"  ".repeat(depth)}${span.name} ${millis(span).toFixed(0)} ms ${attributes}`.trimEnd())
      add(span.spanId, depth + 1)
    }
  }
  add(undefined, 0)
  return lines.join("\n")
}

const pointText = (name: string, point: Point): string => {
  const labels = attributesOf(point.attributes, (key) => key !== "unit")
  const value = point.count === undefined
    ? String(point.asDouble ?? point.asInt)
    : `${point.count} times, ${(point.sum ?? 0).toFixed(2)} in all`
  return `${name}${labels === "" ? "" : `{${labels}}`}: ${value}`
}

/** Starts a collector on a free port; it stops with the scope. */
export const startCollector: Effect.Effect<Collector, never, Scope.Scope> = Effect.acquireRelease(
  Effect.callback<{ readonly server: Http.Server; readonly collector: Collector }>((resume) => {
    const spans: Array<Span> = []
    const metrics = new Map<string, Metric>()
    let logs = 0
    const take = (received: Received): void => {
      for (const { scopeSpans } of received.resourceSpans ?? []) spans.push(...scopeSpans.flatMap((one) => one.spans))
      for (const { scopeMetrics } of received.resourceMetrics ?? []) {
        // Each export has the values so far, so the newest one counts.
        for (const metric of scopeMetrics.flatMap((one) => one.metrics)) metrics.set(metric.name, metric)
      }
      for (const { scopeLogs } of received.resourceLogs ?? []) logs += scopeLogs.flatMap((one) => one.logRecords).length
    }
    const server = Http.createServer((request, response) => {
      const chunks: Array<Buffer> = []
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("end", () => {
        take(JSON.parse(Buffer.concat(chunks).toString()) as Received)
        response.setHeader("content-type", "application/json").end("{}")
      })
    })
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as Net.AddressInfo
      resume(Effect.succeed({
        server,
        collector: {
          url: `http://127.0.0.1:${port}`,
          trace: () => treeOf(spans),
          metrics: () =>
            [...metrics.values()].filter(({ name }) => name.startsWith("invokeai_")).flatMap((metric) =>
              (metric.sum ?? metric.histogram)?.dataPoints.map((point) => pointText(metric.name, point)) ?? []
            ).toSorted().join("\n"),
          logCount: () => logs
        }
      }))
    })
  }),
  ({ server }) =>
    Effect.callback<void>((resume) => {
      server.close(() => resume(Effect.void))
      server.closeAllConnections()
    })
).pipe(Effect.map(({ collector }) => collector))
