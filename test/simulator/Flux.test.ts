import * as Png from "@effect-invokeai/testing/Png"
import { Simulator } from "@effect-invokeai/testing/Simulator"
import { flux } from "@effect-invokeai/testing/SimulatorModels"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { at, graph, run, send, valuesOf } from "./support.ts"

const identify = (index: number) => {
  const { base, hash, key, name, type } = flux[index] ?? { base: "", hash: "", key: "", name: "", type: "" }
  return { base, hash, key, name, type }
}

/** Image to image with FLUX, as the example workflow compiles. */
const imageToImage = (prompt: string, image: string, board: string) =>
  graph(
    {
      loader: {
        type: "flux_model_loader",
        model: identify(0),
        t5_encoder_model: identify(1),
        clip_embed_model: identify(2),
        vae_model: identify(3)
      },
      text: { type: "flux_text_encoder", prompt },
      resized: { type: "img_resize", image: { image_name: image }, width: 64, height: 48, is_intermediate: true },
      latents: { type: "flux_vae_encode" },
      denoise: { type: "flux_denoise", num_steps: 3, denoising_start: 0.3, seed: 7 },
      decoded: { type: "flux_vae_decode", is_intermediate: true },
      saved: { type: "save_image", is_intermediate: false, board: { board_id: board } },
      width: { type: "add", b: 0 }
    },
    "loader.t5_encoder -> text.t5_encoder",
    "loader.clip -> text.clip",
    "loader.max_seq_len -> text.t5_max_seq_len",
    "loader.transformer -> denoise.transformer",
    "loader.vae -> latents.vae",
    "loader.vae -> decoded.vae",
    "resized.image -> latents.image",
    "resized.width -> denoise.width",
    "resized.height -> denoise.height",
    "latents.latents -> denoise.latents",
    "text.conditioning -> denoise.positive_text_conditioning",
    "denoise.latents -> decoded.latents",
    "decoded.image -> saved.image",
    "saved.width -> width.a"
  )

describe("FLUX image to image", () => {
  it.effect("generates an image on a board from models, with the graph inside the file", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator
      const image = yield* simulator.addImage({ width: 200, height: 100 })
      const board = yield* simulator.addBoard("samples")
      const pictures = yield* Effect.forEach(["a mountain", "a lake"], (prompt) =>
        Effect.gen(function*() {
          const item = yield* run(imageToImage(prompt, image, board))
          assert.strictEqual(at(item, "status"), "completed", String(at(item, "error_message")))
          assert.deepStrictEqual(valuesOf(item, "width"), [64])
          const name = String(at(valuesOf(item, "saved", "image"), 0, "image_name"))
          const dto = yield* send("GET", `/api/v1/images/i/${name}`)
          assert.deepStrictEqual(
            [at(dto.body, "board_id"), at(dto.body, "is_intermediate"), at(dto.body, "width"), at(dto.body, "height")],
            [board, false, 64, 48]
          )
          const embedded = yield* send("GET", `/api/v1/images/i/${name}/workflow`)
          assert.include(String(at(embedded.body, "graph")), prompt)
          return yield* send("GET", `/api/v1/images/i/${name}/full`)
        }))
      const [first, second] = pictures.map(({ bytes }) => Png.decode(bytes))
      assert.notDeepEqual(first?.data, second?.data)
      const messages = (yield* simulator.events).flatMap(({ payload }) => at(payload, "message") ?? [])
      assert.include(messages, "Loading model FLUX Dev (Quantized) (transformer)")
      assert.strictEqual(messages.filter((message) => message === "Denoising").length, 8)
    }).pipe(Effect.provide(Simulator.layer())))

  it.effect("fails the item if a model is not installed", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator
      const image = yield* simulator.addImage({})
      const item = yield* run(imageToImage("a mountain", image, "none"))
      assert.deepStrictEqual([at(item, "status"), at(item, "error_type")], ["failed", "UnknownModelException"])
    }).pipe(Effect.provide(Simulator.layer({ models: flux.slice(0, 3) }))))
})
