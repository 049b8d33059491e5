/** Image nodes: create, copy, resize, crop, paste, blur and recolor. */
import * as Effect from "effect/Effect"
import * as Raster from "../../Raster.ts"
import type { NodeOutput } from "../graphExecutor.ts"
import {
  failure,
  imageName,
  type NodeBehavior,
  type NodeContext,
  type NodeFailure,
  number,
  text
} from "../nodeBehavior.ts"

const output = (name: string, width: number, height: number): NodeOutput => ({
  output_meta: null,
  image: { image_name: name },
  width,
  height,
  type: "image_output"
})

/** Nodes whose results have an alpha channel, whatever their input. */
const withAlpha = new Set(["img_blur", "img_crop", "img_pad_crop", "img_paste"])

/** Stores an image and returns the output that names it. */
const saved = (context: NodeContext, raster: Raster.Raster, category?: string) =>
  Effect.map(
    context.saveImage(withAlpha.has(context.node.type) ? { ...raster, hasAlpha: true } : raster, category),
    (name) => output(name, raster.width, raster.height)
  )

const input = (context: NodeContext, field = "image"): Effect.Effect<Raster.Raster, NodeFailure> => {
  const name = imageName(context.node[field])
  return name === undefined
    ? Effect.fail(failure("AttributeError", "'NoneType' object has no attribute 'image_name'"))
    : context.raster(name)
}

const sized = (width: number, height: number): Effect.Effect<void, NodeFailure> =>
  width > 0 && height > 0 ? Effect.void : Effect.fail(failure("ValueError", "height and width must be > 0"))

const change = (
  f: (source: Raster.Raster, context: NodeContext) => Raster.Raster,
  options: { readonly field?: string; readonly category?: string } = {}
): NodeBehavior =>
(context) =>
  Effect.flatMap(input(context, options.field), (source) => saved(context, f(source, context), options.category))

const recolor = (f: (color: Raster.Color, context: NodeContext) => Raster.Color, field?: string): NodeBehavior =>
  change(
    (source, context) => Raster.mapPixels(source, (color) => f(color, context)),
    field === undefined ? {} : { field }
  )

const gray = (value: number, a = 255): Raster.Color => ({ r: value, g: value, b: value, a })

const luminance = (color: Raster.Color): number => color.r * 0.299 + color.g * 0.587 + color.b * 0.114

const isColor = (value: unknown): value is Raster.Color =>
  typeof value === "object" && value !== null && "r" in value && "g" in value && "b" in value && "a" in value

const colorOf = (value: unknown): Raster.Color => isColor(value) ? value : { r: 0, g: 0, b: 0, a: 255 }

const blank: NodeBehavior = (context) => {
  const width = number(context.node, "width")
  const height = number(context.node, "height")
  const color = colorOf(context.node["color"])
  return Effect.flatMap(
    sized(width, height),
    () =>
      saved(
        context,
        Raster.filled(width, height, text(context.node, "mode") === "RGBA" ? color : { ...color, a: 255 })
      )
  )
}

const resize: NodeBehavior = Effect.fnUntraced(function*(context) {
  const width = number(context.node, "width")
  const height = number(context.node, "height")
  const source = yield* input(context)
  yield* sized(width, height)
  return yield* saved(context, Raster.resize(source, width, height))
})

const scale: NodeBehavior = Effect.fnUntraced(function*(context) {
  const source = yield* input(context)
  const factor = number(context.node, "scale_factor")
  const width = Math.trunc(source.width * factor)
  const height = Math.trunc(source.height * factor)
  yield* sized(width, height)
  return yield* saved(context, Raster.resize(source, width, height))
})

const paste: NodeBehavior = Effect.fnUntraced(function*(context) {
  const { node } = context
  const base = yield* input(context, "base_image")
  const over = yield* input(context)
  const maskName = imageName(node["mask"])
  const mask = maskName === undefined ? undefined : Raster.mapPixels(
    yield* context.raster(maskName),
    (color) => gray(255 - luminance(color))
  )
  const x = number(node, "x")
  const y = number(node, "y")
  const left = Math.min(0, x)
  const top = Math.min(0, y)
  const width = Math.max(base.width, over.width + x) - left
  const height = Math.max(base.height, over.height + y) - top
  const canvas = Raster.crop(base, left, top, width, height)
  const whole = Raster.paste(canvas, over, Math.max(0, x), Math.max(0, y), mask)
  const result = node["crop"] === true ? Raster.crop(whole, -left, -top, base.width, base.height) : whole
  return yield* saved(context, result)
})

const multiply: NodeBehavior = Effect.fnUntraced(function*(context) {
  const first = yield* input(context, "image1")
  const second = yield* input(context, "image2")
  const width = Math.min(first.width, second.width)
  const height = Math.min(first.height, second.height)
  const over = Raster.crop(second, 0, 0, width, height)
  const at = (index: number): number => (over.data[index] ?? 0) / 255
  return yield* saved(
    context,
    Raster.mapPixels(Raster.crop(first, 0, 0, width, height), (color, x, y) => {
      const index = (y * width + x) * 4
      return {
        r: color.r * at(index),
        g: color.g * at(index + 1),
        b: color.b * at(index + 2),
        a: color.a * at(index + 3)
      }
    })
  )
})

/** Returns the stored image itself, not a copy. */
const show: NodeBehavior = Effect.fnUntraced(function*(context) {
  const name = imageName(context.node["image"]) ?? ""
  const [width, height] = yield* context.imageSize(name)
  return output(name, width, height)
})

const channelOf = (color: Raster.Color, channel: string): number =>
  channel.startsWith("R") ? color.r : channel.startsWith("G") ? color.g : channel.startsWith("B") ? color.b : color.a

const infill: NodeBehavior = change((source, context) => {
  const color = isColor(context.node["color"]) ? context.node["color"] : gray(127)
  return Raster.mapPixels(source, (pixel) => pixel.a === 0 ? { ...color, a: 255 } : { ...pixel, a: 255 })
})

const idealSize: NodeBehavior = (context) =>
  Effect.sync(() => {
    const { node } = context
    const width = number(node, "width")
    const height = number(node, "height")
    const multiplier = number(node, "multiplier")
    const unet = JSON.stringify(node["unet"] ?? null)
    const dimension = unet.includes("\"sdxl\"") ? 1024 : unet.includes("\"sd-2\"") ? 768 : 512
    const aspect = width / Math.max(1, height)
    const least = Math.floor(dimension * 0.5)
    const [wide, high] = aspect > 1
      ? [
        Math.max(least, Math.sqrt(dimension * dimension / aspect)) * aspect,
        Math.max(least, Math.sqrt(dimension * dimension / aspect))
      ]
      : [
        Math.max(least, Math.sqrt(dimension * dimension * aspect)),
        Math.max(least, Math.sqrt(dimension * dimension * aspect)) / Math.max(aspect, 1e-9)
      ]
    const trim = (value: number): number => Math.floor(value * multiplier) - Math.floor(value * multiplier) % 8
    return { output_meta: null, width: trim(wide), height: trim(high), type: "ideal_size_output" }
  })

/** The behaviors of this module, by node type. */
export const behaviors: ReadonlyMap<string, NodeBehavior> = new Map<string, NodeBehavior>([
  ["blank_image", blank],
  ["image", show],
  ["show_image", show],
  ["save_image", change((source) => source)],
  ["canvas_output", change((source) => source)],
  ["img_resize", resize],
  ["img_scale", scale],
  [
    "img_crop",
    Effect.fnUntraced(function*(context) {
      const { node } = context
      const source = yield* input(context)
      const width = number(node, "width")
      const height = number(node, "height")
      yield* sized(width, height)
      return yield* saved(context, Raster.crop(source, number(node, "x"), number(node, "y"), width, height))
    })
  ],
  [
    "img_pad_crop",
    Effect.fnUntraced(function*(context) {
      const { node } = context
      const source = yield* input(context)
      const left = number(node, "left")
      const top = number(node, "top")
      const width = source.width + left + number(node, "right")
      const height = source.height + top + number(node, "bottom")
      yield* sized(width, height)
      return yield* saved(context, Raster.crop(source, -left, -top, width, height))
    })
  ],
  ["img_paste", paste],
  ["img_mul", multiply],
  ["img_blur", change((source, context) => Raster.blur(source, number(context.node, "radius")))],
  ["img_chan", recolor((color, context) => gray(channelOf(color, text(context.node, "channel"))))],
  [
    "img_conv",
    recolor((color, context) => {
      const mode = text(context.node, "mode")
      return mode === "L" || mode === "1" || mode === "I" || mode === "F"
        ? gray(luminance(color))
        : mode === "RGB" || mode === "CMYK"
        ? { ...color, a: 255 }
        : color
    })
  ],
  [
    "img_lerp",
    recolor((color, { node }) => {
      const low = number(node, "min")
      const scaleBy = (value: number): number => value / 255 * (number(node, "max") - low) + low
      return { r: scaleBy(color.r), g: scaleBy(color.g), b: scaleBy(color.b), a: color.a }
    })
  ],
  [
    "img_ilerp",
    recolor((color, { node }) => {
      const low = number(node, "min")
      const width = Math.max(1e-9, number(node, "max") - low)
      const stretch = (value: number): number => Math.min(1, Math.max(value - low, 0) / width) * 255
      return { r: stretch(color.r), g: stretch(color.g), b: stretch(color.b), a: color.a }
    })
  ],
  [
    "img_channel_offset",
    recolor((color, { node }) => {
      const offset = number(node, "offset")
      return { ...color, r: color.r + offset, g: color.g + offset, b: color.b + offset }
    })
  ],
  [
    "img_channel_multiply",
    recolor((color, { node }) => {
      const factor = number(node, "scale")
      return { ...color, r: color.r * factor, g: color.g * factor, b: color.b * factor }
    })
  ],
  [
    "tomask",
    change(
      (source, context) =>
        Raster.mapPixels(source, (color) => gray(context.node["invert"] === true ? 255 - color.a : color.a)),
      { category: "mask" }
    )
  ],
  ["infill_rgba", infill],
  ["infill_tile", infill],
  ["infill_cv2", infill],
  ["infill_lama", infill],
  ["infill_patchmatch", infill],
  ["ideal_size", idealSize]
])
