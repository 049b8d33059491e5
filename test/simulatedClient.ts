/** Clients of one simulated server, as several processes have them. */
import * as InvokeAi from "@effect-invokeai/core/InvokeAi"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import { Simulator } from "@effect-invokeai/testing/Simulator"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as SimulatorEventTransport from "../packages/testing/src/internal/SimulatorEventTransport.ts"
import * as SimulatorHttpClient from "../packages/testing/src/internal/SimulatorHttpClient.ts"

/** A client of its own of the simulated server. */
export const client = (
  options: Omit<InvokeAi.Options, "url"> = {}
): Layer.Layer<InvokeAi.Services, never, Simulator> =>
  Layer.fresh(
    InvokeAi.layer({ ...options, url: InvokeAiTest.url }).pipe(
      Layer.provide([SimulatorHttpClient.layer(), SimulatorEventTransport.layer({})])
    )
  )

/** Notes the forms of uploads that the simulated server receives, and how many uploads the client aborts. */
export const observeUploads = (
  uploads: { readonly forms: Array<FormData>; aborted: number }
): Layer.Layer<Simulator, never, Simulator> =>
  Layer.effect(
    Simulator,
    Effect.map(Simulator, (simulator) => ({
      ...simulator,
      handle: (request) => {
        const { body, headers, path } = request
        if (path !== "/api/v1/images/upload" || body === undefined) return simulator.handle(request)
        const form = body instanceof FormData
          ? Effect.succeed(body)
          : Effect.promise(() =>
            new Response(new Uint8Array(body), { headers: { "content-type": headers["content-type"] ?? "" } })
              .formData()
          )
        return Effect.andThen(
          Effect.map(form, (received) => uploads.forms.push(received)),
          Effect.onInterrupt(simulator.handle(request), () =>
            Effect.sync(() => {
              uploads.aborted++
            }))
        )
      }
    }))
  )
