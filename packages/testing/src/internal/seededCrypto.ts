/**
 * Random numbers and digests that make tests reproducible: seeded numbers, and synchronous digests.
 *
 * **Gotchas**
 *
 * Not secure. For tests only.
 */
import * as Digest from "effect/crypto/Digest"
import * as WebCrypto from "effect/crypto/WebCrypto"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import { createHash } from "node:crypto"
import * as SeededRandom from "./seededRandom.ts"

const makeCrypto = (random: SeededRandom.SeededRandom): Crypto => ({
  // digests that do not use `Digest`, and keys, which no test double can provide
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

const digest = (algorithm: Digest.Algorithm, data: Uint8Array) =>
  createHash(algorithm.name.replace("-", "").toLowerCase()).update(data)

/** Seeded random numbers for `SecureRandom`, and a synchronous `Digest`. */
export const layer = (seed: number): Layer.Layer<Digest.Digest> =>
  Layer.suspend(() =>
    Layer.merge(
      WebCrypto.layer(makeCrypto(SeededRandom.make(seed ^ 0x5EED))),
      Layer.succeed(Digest.Digest, {
        digest: (algorithm, data) => Effect.sync(() => new Uint8Array(digest(algorithm, data).digest())),
        digestHex: (algorithm, data) => Effect.sync(() => digest(algorithm, data).digest("hex"))
      })
    )
  )

/** Seeded random numbers for `Random`. */
export const layerRandom = (seed: number): Layer.Layer<never> =>
  Layer.suspend(() => {
    const random = SeededRandom.make(seed ^ 0xD1CE)
    return Layer.succeed(Random.Random, {
      nextIntUnsafe: () => Math.floor((random.next() * 2 - 1) * Number.MAX_SAFE_INTEGER),
      nextDoubleUnsafe: random.next
    })
  })
