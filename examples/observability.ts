/**
 * Traces, metrics and logs of a job over OTLP: to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names, or to a small one
 * that this program starts and prints. `node examples/observability.ts`
 */
import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import * as Job from "@effect-invokeai/core/job/Job"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as Otlp from "effect/observability/Otlp"
import * as Option from "effect/Option"
import { startCollector } from "./lib/collector.ts"
import { count, exampleFile, run } from "./lib/run.ts"

/** Any program; nothing in it is about observability. */
const thumbnail = Effect.gen(function*() {
  const photo = yield* Assets.uploadFile(exampleFile("mountain.png"))
  const workflow = yield* Workflow.fromFile(exampleFile("soft-thumbnail.json"))
  const ready = yield* workflow.pipe(Workflow.setInputs({ photo, width: 96, height: 64 }))
  const job = yield* Job.submit(ready, { runs: 2 })
  const { outputs } = yield* job.await
  for (const image of outputs.finalImages) yield* Downloads.bytes(image)
  yield* Effect.logInfo(`Downloaded ${count(outputs.finalImages.length, "image")}`).pipe(
    Effect.annotateLogs({ batchId: job.batchId })
  )
}).pipe(Effect.scoped, Effect.withSpan("thumbnail"))

/** Runs the program and exports its telemetry; everything has been sent when this returns. */
export const observed = Effect.gen(function*() {
  const endpoint = yield* Config.option(Config.String("OTEL_EXPORTER_OTLP_ENDPOINT"))
  const collector = Option.isNone(endpoint) ? yield* startCollector : undefined
  const baseUrl = collector?.url ?? Option.getOrElse(endpoint, () => "")
  const exporter = Otlp.layerJson({ baseUrl, resource: { serviceName: "effect-invokeai-example" } }).pipe(
    Layer.provide(FetchHttpClient.layer)
  )
  yield* Effect.provide(thumbnail, exporter)
  if (collector === undefined) return yield* Console.log(`Traces, metrics and logs were sent to ${baseUrl}`)
  yield* Console.log(`\nTraces\n${collector.trace()}`)
  yield* Console.log(`\nMetrics\n${collector.metrics()}`)
  yield* Console.log(`\nLogs: ${count(collector.logCount(), "line")}`)
})

if (import.meta.main) run(observed)
