/**
 * Model records of the simulated server.
 *
 * @since 0.1.0
 */

/**
 * A model as the model routes return it: the common fields, and the fields of its type.
 *
 * @category models
 * @since 0.1.0
 */
export interface SimulatorModel {
  /** The key of the model. */
  readonly key: string
  /** The hash of the model's files. */
  readonly hash: string
  /** The name of the model. */
  readonly name: string
  /** The architecture, for example `"flux"`. */
  readonly base: string
  /** The type, for example `"main"`. */
  readonly type: string
  readonly [field: string]: unknown
}

/**
 * Completes a record: other fields have the values of a server without network.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  model:
    & { readonly key: string; readonly name: string; readonly base: string; readonly type: string }
    & Readonly<Record<string, unknown>>
): SimulatorModel => ({
  hash: `blake3:${model.key}`,
  path: `${model.base}/${model.type}/${model.name}`,
  file_size: 1_000_000,
  description: null,
  source: `${model.base}/${model.type}/${model.name}`,
  source_type: "path",
  source_api_response: null,
  source_url: null,
  cover_image: null,
  trigger_phrases: null,
  default_settings: null,
  format: model.type === "main" || model.type === "vae" ? "checkpoint" : "diffusers",
  ...model
})

/**
 * The FLUX models of the example workflow: transformer, T5 encoder, CLIP encoder, VAE.
 *
 * @category constants
 * @since 0.1.0
 */
export const flux: ReadonlyArray<SimulatorModel> = [
  make({
    key: "fe04e4c3-2287-4ba5-8c34-107d3da215ae",
    hash: "blake3:bd1a3d0cb6f0d2f3c0a29d9b7a6b7d0f6c2e4f4b8f7e0d2b9a5c1e3d4f6a7b8c",
    name: "FLUX Dev (Quantized)",
    base: "flux",
    type: "main",
    format: "bnb_quantized_nf4b",
    variant: "dev"
  }),
  make({
    key: "t5-encoder-key-123",
    hash: "blake3:3c1f0a5e7d92b846c0e3a1f5d7b9284c6e0f3a5d7b1c9e2f4a6d8b0c3e5f7a91",
    name: "T5 Encoder FLUX",
    base: "flux",
    type: "t5_encoder",
    format: "bnb_quantized_int8b"
  }),
  make({
    key: "clip-embed-key-456",
    hash: "blake3:5e2d7c9b1a3f4e6d8c0b2a4f6e8d0c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d",
    name: "CLIP-L Encoder",
    base: "flux",
    type: "clip_embed",
    variant: "large"
  }),
  make({
    key: "vae-model-key-789",
    hash: "blake3:8a6c4e2f0d1b3957a5c7e9f1b3d5a7c9e1f3b5d7a9c1e3f5b7d9a1c3e5f7b9d1",
    name: "FLUX VAE",
    base: "flux",
    type: "vae"
  })
]

/**
 * A small Stable Diffusion 1 model.
 *
 * @category constants
 * @since 0.1.0
 */
export const tinySd1: SimulatorModel = make({
  key: "c12527b9-50f4-4cd5-8490-225fe81d5b21",
  hash: "blake3:97698810d693d069be443c69bf3f33afb614f218f596c0e1ee1708eb6d03f62d",
  path: "./tiny-sd1",
  file_size: 32_389_595,
  name: "tiny-sd1",
  source: "./tiny-sd1",
  base: "sd-1",
  type: "main",
  format: "diffusers",
  repo_variant: "",
  prediction_type: "epsilon",
  variant: "normal",
  default_settings: {
    vae: null,
    vae_precision: null,
    scheduler: null,
    steps: null,
    cfg_scale: null,
    cfg_rescale_multiplier: null,
    width: 512,
    height: 512,
    guidance: null,
    cpu_only: null,
    fp8_storage: null
  }
})

/**
 * The default models of a simulator.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults: ReadonlyArray<SimulatorModel> = [...flux, tinySd1]
