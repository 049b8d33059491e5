/** This library's own rules for values: requirements of every run that the server's document does not state. */
import * as Predicate from "effect/Predicate"
import type { InputTemplate } from "../../catalog/NodeTemplate.ts"

/**
 * Inputs that the server's document calls optional although the node fails at run time without them.
 *
 * **Details**
 *
 * `flux_model_loader` 1.1.0 (from 6.14 on; earlier versions require them in the document) takes the T5 encoder, the CLIP embed model and the VAE from the main model only if that is a complete SDNQ pipeline. With any other FLUX model, all three are required.
 */
export const componentInputs: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ["flux_model_loader", new Set(["t5_encoder_model", "clip_embed_model", "vae_model"])]
])

/** The input of such a node that holds the main model. */
export const componentSource = "model"

const pipelineParts = ["transformer", "vae", "text_encoder", "tokenizer", "text_encoder_2", "tokenizer_2"]

/** Whether a main model includes text encoders and VAE. */
export const isSelfContained = (model: {
  readonly format?: string | null | undefined
  readonly submodels?: unknown
}): boolean => {
  const parts = model.submodels
  return model.format === "sdnq_quantized" && Predicate.isObject(parts) &&
    pipelineParts.every((part) => Object.hasOwn(parts, part))
}

/** Whether this library requires an input that the server's document calls optional. */
export const isComponentInput = (nodeType: string, fieldName: string): boolean =>
  componentInputs.get(nodeType)?.has(fieldName) === true

/**
 * The inputs that count the steps of a node, by node type, where the server's document has no minimum for them. Such a
 * node fails at run time with fewer than one step. All other denoising nodes have the minimum in the document.
 */
const stepCounts: ReadonlyMap<string, string> = new Map([
  ["flux_denoise", "num_steps"],
  ["flux_denoise_meta", "num_steps"],
  ["flux2_denoise", "num_steps"]
])

/** The input of a node type with this library's own bounds. */
export const withOwnBounds = (nodeType: string, template: InputTemplate): InputTemplate => {
  if (stepCounts.get(nodeType) !== template.name) return template
  const { exclusiveMinimum, minimum } = template.bounds.value ?? {}
  return (minimum ?? 0) >= 1 || (exclusiveMinimum ?? -1) >= 0
    ? template
    : { ...template, bounds: { ...template.bounds, value: { ...template.bounds.value, exclusiveMinimum: 0 } } }
}
