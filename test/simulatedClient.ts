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

/** Adds the forms that the simulated server receives to a list. */
export const recordForms = (forms: Array<FormData>): Layer.Layer<Simulator, never, Simulator> =>
  Layer.effect(
    Simulator,
    Effect.map(Simulator, (simulator) => ({
      ...simulator,
      handle: (request) =>
        Effect.promise(async () => {
          const { body, headers } = request
          if (body instanceof FormData) forms.push(body)
          else if (body !== undefined && headers["content-type"]?.startsWith("multipart/") === true) {
            forms.push(
              await new Response(new Uint8Array(body), { headers: { "content-type": headers["content-type"] } })
                .formData()
            )
          }
        }).pipe(Effect.andThen(simulator.handle(request)))
    }))
  )
