/** The integers that numpy's default generator returns for a seed, so that `random_range` is exact. */
const mask32 = 0xFFFFFFFFn
const mask64 = 0xFFFFFFFFFFFFFFFFn
const mask128 = (1n << 128n) - 1n
const multiplier = (2549297995355413924n << 64n) | 4865540595714422341n

/** Mixes a seed into a pool of four words, and generates the requested number of words (the SeedSequence algorithm). */
const seedWords = (seed: bigint, count: number): ReadonlyArray<number> => {
  const entropy: Array<number> = []
  for (let rest = seed; rest > 0n || entropy.length === 0; rest >>= 32n) entropy.push(Number(rest & mask32))
  let hashConstant = 0x43b0d7e5
  const hashMix = (input: number): number => {
    let value = (input ^ hashConstant) >>> 0
    hashConstant = Math.imul(hashConstant, 0x931e8875) >>> 0
    value = Math.imul(value, hashConstant) >>> 0
    return (value ^ (value >>> 16)) >>> 0
  }
  const mix = (left: number, right: number): number => {
    const result = (Math.imul(left, 0xca01f9dd) - Math.imul(right, 0x4973f715)) >>> 0
    return (result ^ (result >>> 16)) >>> 0
  }
  const pool = Array.from({ length: 4 }, (_, index) => hashMix(entropy[index] ?? 0))
  for (let source = 0; source < 4; source++) {
    for (let target = 0; target < 4; target++) {
      if (source !== target) pool[target] = mix(pool[target] ?? 0, hashMix(pool[source] ?? 0))
    }
  }
  for (let source = 4; source < entropy.length; source++) {
    for (let target = 0; target < 4; target++) {
      pool[target] = mix(pool[target] ?? 0, hashMix(entropy[source] ?? 0))
    }
  }
  let outputConstant = 0x8b51f9dd
  return Array.from({ length: count }, (_, index) => {
    let value = ((pool[index % 4] ?? 0) ^ outputConstant) >>> 0
    outputConstant = Math.imul(outputConstant, 0x58f38ded) >>> 0
    value = Math.imul(value, outputConstant) >>> 0
    return (value ^ (value >>> 16)) >>> 0
  })
}

/** The PCG64 generator with the XSL-RR output function. */
const pcg64 = (seed: bigint) => {
  const words = seedWords(seed, 8).map(BigInt)
  const long = (index: number): bigint => (words[index * 2] ?? 0n) | ((words[index * 2 + 1] ?? 0n) << 32n)
  const initialState = (long(0) << 64n) | long(1)
  const increment = ((((long(2) << 64n) | long(3)) << 1n) | 1n) & mask128
  let state = 0n
  const advance = (): void => {
    state = (state * multiplier + increment) & mask128
  }
  advance()
  state = (state + initialState) & mask128
  advance()
  let spare: number | undefined = undefined
  const next64 = (): bigint => {
    advance()
    const value = (state >> 64n) ^ (state & mask64)
    const rotation = state >> 122n
    return ((value >> rotation) | (value << (64n - rotation))) & mask64
  }
  const next32 = (): number => {
    if (spare !== undefined) {
      const value = spare
      spare = undefined
      return value
    }
    const value = next64()
    spare = Number(value >> 32n)
    return Number(value & mask32)
  }
  return { next32, next64 }
}

/**
 * `size` integers from `low` (inclusive) to `high` (exclusive), as
 * `numpy.random.default_rng(seed).integers(low, high, size)` returns them.
 */
export const integers = (seed: number, low: number, high: number, size: number): ReadonlyArray<number> => {
  const generator = pcg64(BigInt(seed))
  const range = BigInt(high) - 1n - BigInt(low)
  const one = (): bigint => {
    if (range === 0n) return 0n
    if (range === mask32) return BigInt(generator.next32())
    if (range < mask32) {
      const exclusive = range + 1n
      let product = BigInt(generator.next32()) * exclusive
      if ((product & mask32) < exclusive) {
        const threshold = (mask32 - range) % exclusive
        while ((product & mask32) < threshold) product = BigInt(generator.next32()) * exclusive
      }
      return product >> 32n
    }
    const exclusive = range + 1n
    let product = generator.next64() * exclusive
    if ((product & mask64) < exclusive) {
      const threshold = (mask64 - range) % exclusive
      while ((product & mask64) < threshold) product = generator.next64() * exclusive
    }
    return product >> 64n
  }
  return Array.from({ length: size }, () => Number(BigInt(low) + one()))
}
