/** A small pseudo-random generator with a seed, so that the simulator's ids and images are the same on every run. */

/** Source of reproducible numbers and ids. */
export interface SeededRandom {
  /** The next number, an integer from 0 to 2^32 - 1. */
  readonly nextUint32: () => number
  /** The next number, from 0 (inclusive) to 1 (exclusive). */
  readonly next: () => number
  /** The next id, in the form of a version 4 UUID. */
  readonly uuid: () => string
}

const hex = (value: number): string => value.toString(16).padStart(8, "0")

/** Makes a generator from a seed (the mulberry32 algorithm). */
export const make = (seed: number): SeededRandom => {
  let state = seed >>> 0
  const nextUint32 = (): number => {
    state = (state + 0x6D2B79F5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (t ^ (t >>> 14)) >>> 0
  }
  return {
    nextUint32,
    next: () => nextUint32() / 0x1_0000_0000,
    uuid: () => {
      const digits = hex(nextUint32()) + hex(nextUint32()) + hex(nextUint32()) + hex(nextUint32())
      const variant = ((parseInt(digits.charAt(16), 16) & 0x3) | 0x8).toString(16)
      return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-${variant}${digits.slice(17, 20)}-${
        digits.slice(20)
      }`
    }
  }
}

/** A 32-bit hash of a string (FNV-1a over its UTF-16 code units). */
export const hashText = (text: string): number => {
  let hash = 0x811C9DC5
  for (let index = 0; index < text.length; index++) {
    hash ^= text.charCodeAt(index)
    hash = Math.imul(hash, 0x01000193)
  }
  return hash >>> 0
}
