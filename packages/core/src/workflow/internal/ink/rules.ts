/** This library's own rules for values: what the server's document does not say, but no run can do without. */
import type { InputTemplate, ValueBounds } from "../../../catalog/NodeTemplate.ts"
import { isRecord } from "../../../internal/json.ts"

/**
 * Inputs that a node type's document calls optional although the node fails at run time without them.
 *
 * **Details**
 *
 * `flux_model_loader` 1.1.0 (from 6.14 on; earlier versions require them in the document) takes the T5 encoder, the CLIP
 * embed model and the VAE from the main model only if that is a complete SDNQ pipeline. With any other FLUX model all three have to be chosen.
 */
export const componentInputs: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ["flux_model_loader", new Set(["t5_encoder_model", "clip_embed_model", "vae_model"])]
])

/** The input of such a node that holds the main model. */
export const componentSource = "model"

const pipelineParts = ["transformer", "vae", "text_encoder", "tokenizer", "text_encoder_2", "tokenizer_2"]

/** Whether a main model brings its own text encoders and VAE along. */
export const isSelfContained = (model: {
  readonly format?: string | null | undefined
  readonly submodels?: unknown
}): boolean => {
  const parts = model.submodels
  return model.format === "sdnq_quantized" && isRecord(parts) &&
    pipelineParts.every((part) => Object.hasOwn(parts, part))
}

/** Whether this library requires an input that the server's document calls optional. */
export const isComponentInput = (nodeType: string, fieldName: string): boolean =>
  componentInputs.get(nodeType)?.has(fieldName) === true

/** Names of inputs that count steps. The server gives them no minimum, but no node can run with fewer than one step. */
const stepCounts = new Set(["num_steps", "steps"])

/**
 * Whether the rule for step counts holds for a field: an integer called `num_steps` or `steps` must be greater than 0,
 * also where the server's document gives no minimum.
 */
export const isStepCount = (template: InputTemplate): boolean =>
  template.type.name === "IntegerField" && stepCounts.has(template.name)

/** The limits of a whole number, by the server and by the rule for step counts. */
export const integerBounds = (template: InputTemplate): ValueBounds => {
  const bounds = template.bounds.value ?? {}
  if (!isStepCount(template)) return bounds
  return (bounds.minimum ?? 0) >= 1 || (bounds.exclusiveMinimum ?? -1) >= 0
    ? bounds
    : { ...bounds, exclusiveMinimum: 0 }
}
