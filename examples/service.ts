/**
 * A service that makes thumbnails: `POST /thumbnails?width=320` with an image returns an image. Ctrl-C stops it
 * gracefully: it accepts no new requests, gives running ones ten seconds, and then cancels their jobs on the server.
 *
 *     node examples/service.ts
 *     curl --data-binary @examples/mountain.png 'http://127.0.0.1:8080/thumbnails?width=320' > thumbnail.png
 */
import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import * as Job from "@effect-invokeai/core/job/Job"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { createServer } from "node:http"
import { exampleFile, run } from "./lib/run.ts"

const Query = Schema.Struct({ width: Schema.optionalKey(Schema.String) })

/** The response to a client: 400 for its own mistakes, 502 for failures of the InvokeAI server. */
const toResponse = (error: { readonly _tag: string; readonly message: string }) => {
  const own = ["SchemaError", "HttpServerError", "InputError", "UploadError"].includes(error._tag)
  return HttpServerResponse.jsonUnsafe({ error: error._tag, message: error.message }, { status: own ? 400 : 502 })
}

const thumbnail = (workflow: Workflow.Workflow) =>
  Effect.gen(function*() {
    const request = yield* HttpServerRequest.HttpServerRequest
    const { width = "240" } = yield* HttpServerRequest.schemaSearchParams(Query)
    const photo = yield* Assets.uploadBytes(new Uint8Array(yield* request.arrayBuffer))
    const ready = yield* Workflow.setInputs(workflow, { photo, width })
    // The scope is that of the request: if a client disconnects, its job is canceled.
    const job = yield* Job.submit(ready, { timeout: "2 minutes", keepOutputs: false })
    const { outputs } = yield* job.await
    const [image] = outputs.finalImages
    if (image === undefined) return HttpServerResponse.empty({ status: 502 })
    return HttpServerResponse.uint8Array(yield* Downloads.bytes(image), { contentType: "image/png" })
  }).pipe(
    Effect.scoped,
    Effect.withSpan("thumbnail"),
    Effect.catch((error) => Effect.succeed(toResponse(error)))
  )

/** The service on a port: `PORT`, or 8080. */
export const service = Effect.gen(function*() {
  const port = yield* Config.withDefault(Config.Int("PORT"), 8080)
  const workflow = yield* Workflow.fromFile(exampleFile("soft-thumbnail.json"))
  const routes = Layer.mergeAll(
    HttpRouter.add("POST", "/thumbnails", thumbnail(workflow)),
    HttpRouter.add("GET", "/health", HttpServerResponse.text("ok"))
  )
  const server = NodeHttpServer.layer(() => createServer(), {
    port,
    host: "127.0.0.1",
    gracefulShutdownTimeout: "10 seconds"
  })
  return yield* Layer.launch(HttpRouter.serve(routes).pipe(Layer.provide(server)))
})

if (import.meta.main) run(service)
