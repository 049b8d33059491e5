/**
 * A simulated InvokeAI in a process of its own, which can be killed:
 * `node scripts/farm/simulatorProcess.ts <port> <log> [node duration in ms]`. Prints one line when it accepts connections.
 *
 * Appends a line to the log for each batch that it accepts and each item that ends, before any client hears of it, so that
 * the log is complete even if the process is killed.
 */
import { NodeSimulator } from "@effect-invokeai/testing/NodeSimulator"
import { Simulator } from "@effect-invokeai/testing/Simulator"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { appendFileSync } from "node:fs"

/** A line of the log. */
export const LogLine = Schema.Struct({
  /** Milliseconds since 1970. */
  at: Schema.Number,
  /** The process id of the server. */
  pid: Schema.Int,
  event: Schema.Literals(["enqueued", "in_progress", "completed", "failed", "canceled"]),
  batchId: Schema.String
})
/** A line of the log. */
export type LogLine = typeof LogLine.Type

const Payload = Schema.Struct({ batch_id: Schema.String, status: Schema.optionalKey(Schema.String) })
const readPayload = Schema.decodeUnknownOption(Payload)
const isLogged = Schema.is(LogLine.fields.event)

const serve = (port: number, log: string) =>
  Effect.gen(function*() {
    const simulator = yield* Simulator
    const record = (name: string, payload: unknown): void => {
      const read = readPayload(payload)
      if (read._tag === "None") return
      const event = name === "batch_enqueued" ? "enqueued" : read.value.status
      if (!isLogged(event)) return
      const line: LogLine = { at: Date.now(), pid: process.pid, event, batchId: read.value.batch_id }
      appendFileSync(log, `${JSON.stringify(line)}\n`)
    }
    const socket = yield* simulator.connect({ token: undefined, send: record, close: () => {} })
    yield* socket.receive("subscribe_queue", { queue_id: "default" })
    const { url } = yield* NodeSimulator
    yield* Console.log(`ready ${url.href} ${port}`)
    return yield* Effect.never
  })

if (import.meta.main) {
  const [port = "0", log = "/dev/null", duration = "1000"] = process.argv.slice(2)
  NodeRuntime.runMain(
    serve(Number(port), log).pipe(
      Effect.provide(NodeSimulator.layer({
        port: Number(port),
        // another process must not give its images the same names
        seed: process.pid,
        nodeDuration: `${Number(duration)} millis`,
        stepDuration: 0
      }))
    )
  )
}
