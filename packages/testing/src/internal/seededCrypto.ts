/**
 * Random numbers and digests for tests that shall run the same way each time: numbers by a seed, digests at once.
 *
 * **Gotchas**
 *
 * Not secret at all. For tests only.
 */
import * as Digest from "effect/crypto/Digest"
import * as WebCrypto from "effect/crypto/WebCrypto"
import * as Effect from "effect/Effect"
import * as Hex from "effect/encoding/Hex"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as SeededRandom from "./seededRandom.ts"

const initial = [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19]

/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
const constants: ReadonlyArray<number> = (() => {
  const primes: Array<number> = []
  for (let candidate = 2; primes.length < 64; candidate++) {
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate)
  }
  return primes.map((prime) => Math.floor((Math.cbrt(prime) % 1) * 0x1_0000_0000) >>> 0)
})()

const rotate = (value: number, by: number): number => (value >>> by) | (value << (32 - by))

const round = (state: Uint32Array, view: DataView, offset: number): void => {
  const words = new Uint32Array(64)
  for (let index = 0; index < 64; index++) {
    if (index < 16) words[index] = view.getUint32(offset + index * 4)
    else {
      const before = words[index - 15] ?? 0
      const last = words[index - 2] ?? 0
      const small = rotate(before, 7) ^ rotate(before, 18) ^ (before >>> 3)
      const large = rotate(last, 17) ^ rotate(last, 19) ^ (last >>> 10)
      words[index] = (words[index - 16] ?? 0) + small + (words[index - 7] ?? 0) + large
    }
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state
  for (let index = 0; index < 64; index++) {
    const choice = (e & f) ^ (~e & g)
    const majority = (a & b) ^ (a & c) ^ (b & c)
    const first = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + choice + (constants[index] ?? 0) +
      (words[index] ?? 0)
    const second = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + majority
    h = g
    g = f
    f = e
    e = (d + first) | 0
    d = c
    c = b
    b = a
    a = (first + second) | 0
  }
  for (const [index, value] of [a, b, c, d, e, f, g, h].entries()) state[index] = (state[index] ?? 0) + value
}

/** SHA-256, at once and without the platform's help. */
export const sha256 = (data: Uint8Array): Uint8Array => {
  const padded = new Uint8Array(Math.ceil((data.length + 9) / 64) * 64)
  padded.set(data)
  padded[data.length] = 0x80
  const view = new DataView(padded.buffer)
  view.setUint32(padded.length - 8, Math.floor(data.length / 0x2000_0000))
  view.setUint32(padded.length - 4, (data.length * 8) >>> 0)
  const state = Uint32Array.from(initial)
  for (let offset = 0; offset < padded.length; offset += 64) round(state, view, offset)
  const result = new Uint8Array(32)
  const out = new DataView(result.buffer)
  for (const [index, value] of state.entries()) out.setUint32(index * 4, value)
  return result
}

const makeCrypto = (random: SeededRandom.SeededRandom): Crypto => ({
  // digests that are not asked of `Digest`, and keys, which no test double can give
  subtle: globalThis.crypto.subtle,
  getRandomValues: (array) => {
    const bytes = ArrayBuffer.isView(array)
      ? new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
      : new Uint8Array()
    for (let index = 0; index < bytes.length; index++) bytes[index] = random.nextUint32() & 0xFF
    return array
  },
  randomUUID: () => {
    const [a = "", b = "", c = "", d = "", e = ""] = random.uuid().split("-")
    return `${a}-${b}-${c}-${d}-${e}`
  }
})

const isSha256 = (algorithm: Digest.Algorithm): boolean => algorithm.name === "SHA-256"

/** Random numbers of `SecureRandom` by a seed, and `Digest` without waiting. */
export const layer = (seed: number): Layer.Layer<Digest.Digest> =>
  Layer.suspend(() => {
    const crypto = makeCrypto(SeededRandom.make(seed ^ 0x5EED))
    const digest = Layer.effect(
      Digest.Digest,
      Effect.map(Digest.Digest, (platform) => {
        const one = (algorithm: Digest.Algorithm, data: Uint8Array): Effect.Effect<Uint8Array> =>
          isSha256(algorithm) ? Effect.sync(() => sha256(data)) : platform.digest(algorithm, data)
        return { digest: one, digestHex: (algorithm, data) => Effect.map(one(algorithm, data), Hex.encode) }
      })
    ).pipe(Layer.provide(Layer.fresh(Digest.layerWebCrypto)))
    return Layer.mergeAll(digest, WebCrypto.layer(crypto))
  })

/** The numbers of `Random` by a seed. */
export const layerRandom = (seed: number): Layer.Layer<never> =>
  Layer.suspend(() => {
    const random = SeededRandom.make(seed ^ 0xD1CE)
    return Layer.succeed(Random.Random, {
      nextIntUnsafe: () => Math.floor((random.next() * 2 - 1) * Number.MAX_SAFE_INTEGER),
      nextDoubleUnsafe: random.next
    })
  })
