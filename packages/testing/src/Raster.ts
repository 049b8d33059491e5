/**
 * Images in memory and the simple operations of the image nodes.
 *
 * @since 0.1.0
 */
import * as SeededRandom from "./internal/seededRandom.ts"

/**
 * Pixels, row by row, four bytes each: red, green, blue, alpha.
 *
 * @category models
 * @since 0.1.0
 */
export interface Raster {
  /** Whether its file has an alpha channel even if every pixel is opaque. */
  readonly hasAlpha?: boolean | undefined
  /** In pixels. */
  readonly width: number
  /** In pixels. */
  readonly height: number
  /** The pixels, row by row, four bytes each. */
  readonly data: Uint8Array<ArrayBuffer>
}

/**
 * One color, each channel from 0 to 255.
 *
 * @category models
 * @since 0.1.0
 */
export interface Color {
  /** Red, from 0 to 255. */
  readonly r: number
  /** Green, from 0 to 255. */
  readonly g: number
  /** Blue, from 0 to 255. */
  readonly b: number
  /** Opacity, from 0 (transparent) to 255. */
  readonly a: number
}

/**
 * An image of one color.
 *
 * @internal
 */
export const filled = (width: number, height: number, color: Color): Raster => {
  const data = new Uint8Array(width * height * 4)
  const pixel = ((color.a << 24) | (color.b << 16) | (color.g << 8) | color.r) >>> 0
  if (new Uint8Array(Uint32Array.of(1).buffer)[0] === 1) {
    new Uint32Array(data.buffer).fill(pixel)
  } else {
    for (let index = 0; index < data.length; index += 4) data.set([color.r, color.g, color.b, color.a], index)
  }
  return { width, height, data }
}

/**
 * An image that depends only on a string: smooth colored waves, visibly different for every string.
 *
 * @category constructors
 * @since 0.1.0
 */
export const painted = (width: number, height: number, text: string): Raster => {
  const random = SeededRandom.make(SeededRandom.hashText(text))
  const data = new Uint8Array(width * height * 4)
  const waves = Array.from({ length: 3 }, () => ({
    base: 60 + random.next() * 120,
    size: 40 + random.next() * 60,
    fx: (1 + Math.floor(random.next() * 4)) * Math.PI * 2 / Math.max(1, width),
    fy: (1 + Math.floor(random.next() * 4)) * Math.PI * 2 / Math.max(1, height),
    phase: random.next() * Math.PI * 2
  }))
  const columns = waves.map((wave) =>
    Float64Array.from({ length: width }, (_, x) => Math.sin(x * wave.fx + wave.phase))
  )
  const rows = waves.map((wave) => Float64Array.from({ length: height }, (_, y) => Math.cos(y * wave.fy + wave.phase)))
  for (let y = 0, index = 0; y < height; y++) {
    for (let x = 0; x < width; x++, index += 4) {
      for (let part = 0; part < 3; part++) {
        const wave = waves[part]
        const value = wave === undefined
          ? 0
          : wave.base + wave.size * ((columns[part]?.[x] ?? 0) + (rows[part]?.[y] ?? 0)) / 2
        data[index + part] = Math.max(0, Math.min(255, Math.round(value)))
      }
      data[index + 3] = 255
    }
  }
  return { width, height, data }
}

/**
 * The image at another size (nearest pixel).
 *
 * @internal
 */
export const resize = (source: Raster, width: number, height: number): Raster => {
  const data = new Uint8Array(width * height * 4)
  const from = new Uint32Array(source.data.buffer, source.data.byteOffset, source.width * source.height)
  const to = new Uint32Array(data.buffer)
  for (let y = 0; y < height; y++) {
    const sourceRow = Math.min(source.height - 1, Math.floor((y + 0.5) * source.height / height)) * source.width
    for (let x = 0; x < width; x++) {
      to[y * width + x] = from[sourceRow + Math.min(source.width - 1, Math.floor((x + 0.5) * source.width / width))] ??
        0
    }
  }
  return { width, height, data }
}

/**
 * A part of the image, transparent black outside of the image.
 *
 * @internal
 */
export const crop = (source: Raster, x: number, y: number, width: number, height: number): Raster => {
  const data = new Uint8Array(width * height * 4)
  for (let row = 0; row < height; row++) {
    const sourceY = y + row
    if (sourceY < 0 || sourceY >= source.height) continue
    const left = Math.max(0, x)
    const right = Math.min(source.width, x + width)
    if (right <= left) continue
    const start = (sourceY * source.width + left) * 4
    data.set(source.data.subarray(start, start + (right - left) * 4), (row * width + left - x) * 4)
  }
  return { width, height, data }
}

/**
 * The second image pasted over the first at a position, with its own alpha times an optional mask of the same size
 * (white shows, black hides).
 *
 * @internal
 */
export const paste = (base: Raster, over: Raster, x: number, y: number, mask?: Raster): Raster => {
  const data = base.data.slice()
  for (let row = 0; row < over.height; row++) {
    const targetY = y + row
    if (targetY < 0 || targetY >= base.height) continue
    for (let column = 0; column < over.width; column++) {
      const targetX = x + column
      if (targetX < 0 || targetX >= base.width) continue
      const source = (row * over.width + column) * 4
      const target = (targetY * base.width + targetX) * 4
      const shown = mask === undefined ? 1 : (mask.data[source] ?? 0) / 255
      const alpha = (over.data[source + 3] ?? 0) / 255 * shown
      for (let part = 0; part < 3; part++) {
        data[target + part] = Math.round(
          (over.data[source + part] ?? 0) * alpha + (data[target + part] ?? 0) * (1 - alpha)
        )
      }
      data[target + 3] = Math.max(data[target + 3] ?? 0, Math.round(255 * alpha))
    }
  }
  return { width: base.width, height: base.height, data }
}

/**
 * The image with every pixel changed by a function of its four channels.
 *
 * @internal
 */
export const mapPixels = (source: Raster, f: (color: Color, x: number, y: number) => Color): Raster => {
  const data = new Uint8Array(source.data.length)
  for (let pixel = 0, index = 0; index < data.length; pixel++, index += 4) {
    const color = f(
      {
        r: source.data[index] ?? 0,
        g: source.data[index + 1] ?? 0,
        b: source.data[index + 2] ?? 0,
        a: source.data[index + 3] ?? 0
      },
      pixel % source.width,
      Math.floor(pixel / source.width)
    )
    data[index] = Math.max(0, Math.min(255, Math.round(color.r)))
    data[index + 1] = Math.max(0, Math.min(255, Math.round(color.g)))
    data[index + 2] = Math.max(0, Math.min(255, Math.round(color.b)))
    data[index + 3] = Math.max(0, Math.min(255, Math.round(color.a)))
  }
  return { width: source.width, height: source.height, data }
}

/** Whether all pixels are the same, as those of a blank image. */
const isUniform = ({ data }: Raster): boolean => {
  const pixels = new Uint32Array(data.slice(0).buffer)
  return pixels.every((pixel) => pixel === pixels[0])
}

const blurRun = (data: Uint8Array, start: number, step: number, length: number, radius: number, out: Uint8Array) => {
  const size = radius * 2 + 1
  for (let part = 0; part < 4; part++) {
    const at = (index: number): number => data[start + Math.max(0, Math.min(length - 1, index)) * step + part] ?? 0
    let sum = 0
    for (let index = -radius; index <= radius; index++) sum += at(index)
    for (let index = 0; index < length; index++) {
      out[start + index * step + part] = Math.round(sum / size)
      sum += at(index + radius + 1) - at(index - radius)
    }
  }
}

/**
 * The image blurred by a box of the given radius in pixels; edges repeat the outermost pixel.
 *
 * @internal
 */
export const blur = (source: Raster, radius: number): Raster => {
  const reach = Math.min(Math.round(radius), Math.max(source.width, source.height))
  if (reach < 1 || isUniform(source)) return source
  const rows = new Uint8Array(source.data.length)
  for (let y = 0; y < source.height; y++) {
    blurRun(source.data, y * source.width * 4, 4, source.width, reach, rows)
  }
  const data = new Uint8Array(source.data.length)
  for (let x = 0; x < source.width; x++) blurRun(rows, x * 4, source.width * 4, source.height, reach, data)
  return { width: source.width, height: source.height, data }
}
