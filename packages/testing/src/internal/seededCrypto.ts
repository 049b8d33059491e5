/**
 * Random numbers and digests that make tests reproducible: seeded numbers, and synchronous digests.
 *
 * **Gotchas**
 *
 * Not secret at all. For tests only.
 */
import * as Digest from "effect/crypto/Digest"
import * as WebCrypto from "effect/crypto/WebCrypto"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import { createHash } from "node:crypto"
import * as SeededRandom from "./seededRandom.ts"

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

const digest = (algorithm: Digest.Algorithm, data: Uint8Array) =>
  createHash(algorithm.name.replace("-", "").toLowerCase()).update(data)

/** Random numbers of `SecureRandom` by a seed, and `Digest` without waiting. */
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

/** The numbers of `Random` by a seed. */
export const layerRandom = (seed: number): Layer.Layer<never> =>
  Layer.suspend(() => {
    const random = SeededRandom.make(seed ^ 0xD1CE)
    return Layer.succeed(Random.Random, {
      nextIntUnsafe: () => Math.floor((random.next() * 2 - 1) * Number.MAX_SAFE_INTEGER),
      nextDoubleUnsafe: random.next
    })
  })
