/**
 * Nodes that use models: loaders, encoders, denoising with steps and previews, decoding to images. Every other node
 * type returns its declared outputs.
 *
 * **Details**
 *
 * No model runs. Names, sizes, progress and images are plausible, equal for equal inputs, and visibly different for
 * different ones.
 */
import type { OutputTemplate } from "@effect-invokeai/core/catalog/NodeCatalog"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Raster from "../../Raster.ts"
import type { NodeOutput } from "../graphExecutor.ts"
import { imageName, type NodeBehavior, type NodeContext, type NodeFailure, number } from "../nodeBehavior.ts"

const isModel = (value: unknown): value is Readonly<Record<string, unknown>> & { readonly key: string } =>
  Predicate.isObject(value) && typeof value["key"] === "string" && typeof value["base"] === "string"

const submodel = (model: Readonly<Record<string, unknown>>, type: string): Readonly<Record<string, unknown>> => ({
  ...model,
  submodel_type: type
})

/** The first model among the node's own fields, the preferred ones first. */
const modelOf = (context: NodeContext, ...preferred: ReadonlyArray<string>) => {
  for (const name of [...preferred, ...Object.keys(context.node)]) {
    const value = context.node[name]
    if (isModel(value)) return value
  }
  return undefined
}

const modelFor = (context: NodeContext, ...hints: ReadonlyArray<string>) => {
  const fields = Object.keys(context.node).filter((name) => hints.some((hint) => name.includes(hint)))
  return modelOf(context, ...fields, "model")
}

/** The value of a model output field, built from the models that the node received. */
const modelField = (context: NodeContext, typeName: string): unknown => {
  const passed = [...context.template.inputs.values()].find((field) => field.type.name === typeName)
  if (passed !== undefined && context.node[passed.name] !== undefined) return context.node[passed.name]
  const part = (type: string, ...hints: ReadonlyArray<string>): unknown => {
    const model = modelFor(context, ...hints)
    return model === undefined ? null : submodel(model, type)
  }
  switch (typeName) {
    case "ModelIdentifierField":
      return modelOf(context) ?? null
    case "UNetField":
      return {
        unet: part("unet"),
        scheduler: part("scheduler"),
        loras: [],
        seamless_axes: [],
        freeu_config: null
      }
    case "CLIPField":
      return {
        tokenizer: part("tokenizer", "clip"),
        text_encoder: part("text_encoder", "clip"),
        skipped_layers: 0,
        loras: []
      }
    case "VAEField":
      return { vae: part("vae", "vae"), seamless_axes: [] }
    case "TransformerField":
      return { transformer: part("transformer"), loras: [] }
    case "T5EncoderField":
      return { tokenizer: part("tokenizer_2", "t5"), text_encoder: part("text_encoder_2", "t5"), loras: [] }
    default:
      return typeName.endsWith("EncoderField")
        ? { tokenizer: part("tokenizer", "encoder"), text_encoder: part("text_encoder", "encoder"), loras: [] }
        : null
  }
}

const modelFieldTypes = /^(UNet|CLIP|VAE|\w*Transformer|\w*Encoder|ModelIdentifier)Field$/

interface Size {
  readonly width: number
  readonly height: number
}

/** The size of a node's result: its own width and height, or that of its latents, or of its image. */
const sizeOf = Effect.fnUntraced(function*(context: NodeContext): Effect.fn.Return<Size, NodeFailure> {
  const { node } = context
  for (const value of Object.values(node)) {
    if (Predicate.isObject(value) && typeof value["latents_name"] === "string") {
      const tensor = context.tensor(value["latents_name"])
      if (tensor !== undefined) return { width: tensor.width, height: tensor.height }
    }
  }
  const width = number(node, "width")
  const height = number(node, "height")
  if (width > 0 && height > 0) return { width, height }
  for (const value of Object.values(node)) {
    const name = imageName(value)
    if (name === undefined) continue
    const [wide, high] = yield* context.imageSize(name)
    return { width: wide, height: high }
  }
  return { width: 512, height: 512 }
})

const latentsOutput = (context: NodeContext, size: Size, seed: unknown, type = "latents_output"): NodeOutput => ({
  output_meta: null,
  latents: {
    latents_name: context.putTensor({ ...size, content: context.fingerprint }),
    seed: typeof seed === "number" ? seed : null
  },
  width: size.width,
  height: size.height,
  type
})

const modelsWithin = (value: unknown, types: ReadonlyArray<string>): ReadonlyArray<unknown> => {
  const found: Array<unknown> = []
  for (const type of types) {
    const visit = (inner: unknown): boolean => {
      if (isModel(inner) && inner["submodel_type"] === type) {
        found.push(inner)
        return true
      }
      return Predicate.isObject(inner) && Object.values(inner).some(visit)
    }
    visit(value)
  }
  return found
}

const load = (context: NodeContext, value: unknown, ...types: ReadonlyArray<string>) =>
  Effect.forEach(modelsWithin(value, types), context.loadModel, { discard: true })

const denoise: NodeBehavior = Effect.fnUntraced(function*(context) {
  const { node, template } = context
  yield* load(context, node["unet"], "unet", "scheduler")
  yield* load(context, node["transformer"], "transformer")
  const size = yield* sizeOf(context)
  const steps = Math.max(1, number(node, "steps") || number(node, "num_steps"))
  const preview = Raster.painted(
    Math.max(1, Math.round(size.width / 8)),
    Math.max(1, Math.round(size.height / 8)),
    context.fingerprint
  )
  for (let step = 0; step <= steps; step++) {
    const strength = step / steps
    const raster = Raster.mapPixels(preview, (color, x, y) => {
      const noise = (x * 73 + y * 151 + (x ^ y) * 37) % 256
      const mix = (value: number): number => value * strength + noise * (1 - strength)
      return { r: mix(color.r), g: mix(color.g), b: mix(color.b), a: 255 }
    })
    yield* context.progress("Denoising", strength, { raster, ...size })
    if (step < steps) yield* context.step
  }
  const result = latentsOutput(context, size, null, template.outputType)
  return template.outputs.has("metadata") ? { ...result, metadata: {} } : result
})

const decode: NodeBehavior = Effect.fnUntraced(function*(context) {
  yield* load(context, context.node["vae"], "vae")
  yield* context.progress(context.node.type === "l2i" ? "Running VAE decoder" : "Running VAE")
  const size = yield* sizeOf(context)
  yield* context.step
  const raster = Raster.painted(size.width, size.height, context.fingerprint)
  const name = yield* context.saveImage(raster)
  return { output_meta: null, image: { image_name: name }, ...size, type: "image_output" }
})

const encode: NodeBehavior = Effect.fnUntraced(function*(context) {
  yield* load(context, context.node["vae"], "vae")
  yield* context.progress("Running VAE encoder")
  const size = yield* sizeOf(context)
  yield* context.step
  return latentsOutput(context, size, null)
})

const noise: NodeBehavior = Effect.fnUntraced(function*(context) {
  const size = { width: number(context.node, "width"), height: number(context.node, "height") }
  const seed = number(context.node, "seed")
  return yield* Effect.succeed({
    output_meta: null,
    noise: { latents_name: context.putTensor({ ...size, content: context.fingerprint }), seed },
    ...size,
    type: "noise_output"
  })
})

const promptEncoder: NodeBehavior = Effect.fnUntraced(function*(context) {
  const { node } = context
  yield* load(context, node["t5_encoder"], "text_encoder_2", "tokenizer_2")
  for (const [name, value] of Object.entries(node)) {
    if (name !== "t5_encoder") yield* load(context, value, "text_encoder", "tokenizer")
  }
  yield* context.progress("Building conditioning")
  yield* context.step
  return yield* declared(context)
})

/** A node by its declared outputs: images and tensors are created, models passed on, numbers zero and strings empty. */
const declared: NodeBehavior = Effect.fnUntraced(function*(context) {
  const { node, template } = context
  for (const field of template.inputs.values()) {
    const value = node[field.name]
    if (field.type.name === "ModelIdentifierField" && isModel(value)) yield* context.findModel(value.key)
  }
  const size = yield* sizeOf(context)
  const one = (output: OutputTemplate): Effect.Effect<unknown, NodeFailure> => {
    const { name } = output.type
    const passed = template.inputs.get(output.name)
    if (passed?.type.name === name && node[output.name] !== undefined && name !== "ImageField") {
      return Effect.succeed(node[output.name])
    }
    if (output.type.cardinality === "COLLECTION") return Effect.succeed([])
    if (modelFieldTypes.test(name)) return Effect.succeed(modelField(context, name))
    switch (name) {
      case "ImageField":
        return Effect.map(
          context.saveImage(Raster.painted(size.width, size.height, `${context.fingerprint}:${output.name}`)),
          (image_name) => ({ image_name })
        )
      case "LatentsField":
        return Effect.sync(() => ({
          latents_name: context.putTensor({ ...size, content: context.fingerprint }),
          seed: null
        }))
      case "TensorField":
        return Effect.sync(() => ({ tensor_name: context.putTensor({ ...size, content: context.fingerprint }) }))
      case "DenoiseMaskField":
        return Effect.sync(() => ({
          mask_name: context.putTensor({ ...size, content: context.fingerprint }),
          masked_latents_name: null,
          gradient: false
        }))
      case "IntegerField":
        return Effect.succeed(output.name === "width" ? size.width : output.name === "height" ? size.height : 0)
      case "FloatField":
        return Effect.succeed(0)
      case "StringField":
        return Effect.succeed("")
      case "BooleanField":
        return Effect.succeed(false)
      case "EnumField": {
        // The only value that loaders choose: how many tokens the T5 encoder of a FLUX model accepts.
        const model = node["model"]
        return output.name === "max_seq_len" && isModel(model)
          ? Effect.map(context.findModel(model.key), ({ variant }) => variant === "schnell" ? 256 : 512)
          : Effect.succeed(null)
      }
      case "MetadataField":
        return Effect.succeed({})
      case "ColorField":
        return Effect.succeed({ r: 0, g: 0, b: 0, a: 255 })
      case "BoundingBoxField":
        return Effect.succeed({ x_min: 0, x_max: size.width, y_min: 0, y_max: size.height, score: null })
      default:
        return name.endsWith("ConditioningField")
          ? Effect.sync(() => ({ conditioning_name: context.putConditioning(context.fingerprint), mask: null }))
          : Effect.succeed(null)
    }
  }
  const entries = yield* Effect.forEach(
    [...template.outputs.values()],
    (output) => Effect.map(one(output), (value) => [output.name, value] as const)
  )
  return { output_meta: null, ...Object.fromEntries(entries), type: template.outputType }
})

/** The default behavior of a node type, derived from its declaration. */
export const byDeclaration = (context: NodeContext): NodeBehavior => {
  const { inputs, outputs, type } = context.template
  if (type === "noise") return noise
  if (outputs.has("latents") && (inputs.has("steps") || inputs.has("num_steps"))) return denoise
  const outputType = outputs.get("image")?.type.name
  if (outputType === "ImageField" && inputs.has("vae") && inputs.has("latents")) return decode
  if (outputs.get("latents")?.type.name === "LatentsField" && inputs.has("vae") && inputs.has("image")) return encode
  if ((outputs.get("conditioning")?.type.name ?? "").endsWith("ConditioningField") && inputs.has("prompt")) {
    return promptEncoder
  }
  return declared
}
