/**
 * What the library measures.
 *
 * **Details**
 *
 * The metrics are those of `effect/Metric`: any exporter of Effect finds them (`effect/observability/Otlp`,
 * `PrometheusMetrics`), and `Metric.snapshot` reads them. Times are in seconds, sizes in bytes. They cover the whole
 * program; if it uses several servers, `Effect.provideService(Metric.CurrentMetricAttributes, …)` distinguishes them.
 *
 * | name | type | what |
 * | --- | --- | --- |
 * | `invokeai_jobs_total` | counter | jobs that ended, by `status` |
 * | `invokeai_job_queue_wait_seconds` | histogram | from a job's creation to its start, by the server's clock |
 * | `invokeai_job_run_seconds` | histogram | from a job's start to its end, by the server's clock |
 * | `invokeai_upload_bytes_total` | counter | bytes of uploaded files |
 * | `invokeai_download_bytes_total` | counter | bytes of downloaded images, videos and archives |
 * | `invokeai_event_reconnects_total` | counter | how often a lost event connection was opened again |
 * | `invokeai_http_retries_total` | counter | how often a call was repeated after a failure |
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"

/**
 * Jobs that ended. The attribute `status` is `completed`, `failed`, `canceled` or `lost`, or `unknown` for a job that could
 * not be followed to its end.
 *
 * @category metrics
 * @since 0.1.0
 */
export const jobs: Metric.Counter<number> = Metric.counter("invokeai_jobs_total", {
  description: "Jobs that ended, by status",
  incremental: true
})

/** From a twentieth of a second to an hour. */
const boundaries = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600]

/**
 * How long jobs waited: from the creation of the first item to its start, in seconds of the server's clock.
 *
 * @category metrics
 * @since 0.1.0
 */
export const jobQueueWait: Metric.Histogram<number> = Metric.histogram("invokeai_job_queue_wait_seconds", {
  description: "From the creation of a job to its start",
  attributes: { unit: "s" },
  boundaries
})

/**
 * How long jobs ran: from the start of the first item to the end of the last, in seconds of the server's clock.
 *
 * @category metrics
 * @since 0.1.0
 */
export const jobRunTime: Metric.Histogram<number> = Metric.histogram("invokeai_job_run_seconds", {
  description: "From the start of a job to its end",
  attributes: { unit: "s" },
  boundaries
})

/**
 * Bytes of files that were sent: images, videos, workflow thumbnails. Counted when they are sent, whether or not they arrive.
 *
 * @category metrics
 * @since 0.1.0
 */
export const uploadBytes: Metric.Counter<number> = Metric.counter("invokeai_upload_bytes_total", {
  description: "Bytes of uploaded files",
  attributes: { unit: "By" },
  incremental: true
})

/**
 * Bytes of files that were received: images, videos, thumbnails, archives.
 *
 * @category metrics
 * @since 0.1.0
 */
export const downloadBytes: Metric.Counter<number> = Metric.counter("invokeai_download_bytes_total", {
  description: "Bytes of downloaded files",
  attributes: { unit: "By" },
  incremental: true
})

/**
 * How often a lost event connection was opened again.
 *
 * @category metrics
 * @since 0.1.0
 */
export const eventReconnects: Metric.Counter<number> = Metric.counter("invokeai_event_reconnects_total", {
  description: "Event connections that were reopened",
  incremental: true
})

/**
 * How often a call was repeated after a transient failure.
 *
 * @category metrics
 * @since 0.1.0
 */
export const httpRetries: Metric.Counter<number> = Metric.counter("invokeai_http_retries_total", {
  description: "Requests that were retried after a failure",
  incremental: true
})
