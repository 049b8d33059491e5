/** A page that lists the inputs of a workflow, runs it with a picture that it draws itself, and shows the result. */
import { Assets, Downloads, InvokeAi, Job, Workflow } from "@effect-invokeai/core"
import { EventTransport } from "@effect-invokeai/core/server/EventTransport"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as SoftThumbnail from "../../cli/generated/effect/soft-thumbnail.ts"

const here = new URL(location.href)
const server = here.searchParams.get("server") ?? "http://127.0.0.1:9090"
const token = here.searchParams.get("token")

const element = <E extends HTMLElement>(id: string, kind: new() => E): E => {
  const found = document.getElementById(id)
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`)
  return found
}

const line = (list: string, text: string) =>
  Effect.sync(() => {
    element(list, HTMLElement).appendChild(document.createElement("li")).textContent = text
  })

/** A red image, like a file that a user chose. */
const picture = Effect.callback<Blob>((resume) => {
  const canvas = document.createElement("canvas")
  canvas.width = 300
  canvas.height = 200
  const context = canvas.getContext("2d")
  if (context !== null) {
    context.fillStyle = "#c02020"
    context.fillRect(0, 0, 300, 200)
  }
  canvas.toBlob((blob) => {
    if (blob !== null) resume(Effect.succeed(blob))
  })
})

const file = Effect.promise(() => fetch("./workflow.json").then((file) => file.text()))

const program = Effect.gen(function*() {
  const workflow = yield* Workflow.fromJson(yield* file)
  for (const input of workflow.inputs) yield* line("inputs", `${input.userName} ${input.field._tag}`)

  const photo = yield* Assets.uploadBytes(yield* picture)
  const job = yield* Job.submit(yield* Workflow.setInputs(workflow, { photo, width: 96, height: 64 }))
  yield* Stream.runForEach(job.events, (event) => line("events", event._tag))
  const { outputs } = yield* job.await

  const image = element("result", HTMLImageElement)
  for (const output of outputs.finalImages) {
    const bytes = yield* Downloads.bytes(output)
    image.src = URL.createObjectURL(new Blob([new Uint8Array(bytes)], { type: "image/png" }))
    yield* Effect.promise(() => image.decode())
  }
}).pipe(Effect.scoped)

/** The same with a generated module. */
const typed = Effect.gen(function*() {
  const { outputs } = yield* SoftThumbnail.run({ photo: yield* picture, width: 80, height: 56 }, {
    workflow: yield* Workflow.fromJson(yield* file)
  })
  yield* line("typed", `${outputs.image?.width} x ${outputs.image?.height}`)
}).pipe(Effect.provide([FileSystem.layerNoop({}), Path.layer]))

const services = InvokeAi.layer({ url: server, token: token === null ? undefined : Redacted.make(token) }).pipe(
  Layer.provide([FetchHttpClient.layer, EventTransport.layerSocketIo])
)

/** The page tells the server that it came from how it went. */
const report = Effect.promise(() => {
  const image = element("result", HTMLImageElement)
  const canvas = document.createElement("canvas")
  const context = canvas.getContext("2d")
  context?.drawImage(image, 0, 0)
  return fetch("./report", {
    method: "POST",
    body: JSON.stringify({
      inputs: [...element("inputs", HTMLElement).children].map((item) => item.textContent),
      events: [...element("events", HTMLElement).children].map((item) => item.textContent),
      typed: [...element("typed", HTMLElement).children].map((item) => item.textContent),
      image: [image.naturalWidth, image.naturalHeight],
      pixel: [...(context?.getImageData(40, 30, 1, 1).data ?? [])],
      error: element("error", HTMLElement).textContent
    })
  })
})

void Effect.andThen(program, typed).pipe(
  Effect.provide(services),
  Effect.catchCause((cause) =>
    Effect.sync(() => {
      element("error", HTMLElement).textContent = String(cause)
    })
  ),
  Effect.andThen(report),
  Effect.runPromise
)
