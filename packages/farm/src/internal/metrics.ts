/** What a farm counts. */
import * as Metric from "effect/Metric"

/** Items that got a result, by run and status. */
export const items = Metric.counter("invokeai_farm_items", {
  description: "Items that got a result, by run and status",
  incremental: true
})

/** Jobs without a result, by tag of the error and server. */
export const failures = Metric.counter("invokeai_farm_failures", {
  description: "Jobs that ended without a result, by error and server",
  incremental: true
})

/** Jobs that a server has now. */
export const inFlight = Metric.gauge("invokeai_farm_in_flight", {
  description: "Items that this process runs on a server, by server"
})

/** How many jobs a server may have. */
export const capacity = Metric.gauge("invokeai_farm_capacity", {
  description: "Items that a server may have at the same time, by server"
})

/** Items without a result. */
export const depth = Metric.gauge("invokeai_farm_queue_depth", {
  description: "Items that wait for a server, by run"
})

/** Consecutive faults of a server. */
export const faults = Metric.gauge("invokeai_farm_server_faults", {
  description: "Consecutive faults of a server; 0 if it is well, by server"
})

/** Time from the start of an item on the server to its result, in milliseconds. */
export const duration = Metric.histogram("invokeai_farm_item_duration_ms", {
  description: "Time from taking an item to its result, in milliseconds, by server",
  boundaries: [100, 300, 1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000]
})
