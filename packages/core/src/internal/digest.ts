/** Hashes with the program's `Digest`, or else with that of the platform. */
import * as Digest from "effect/crypto/Digest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"

/** The `Digest` that is there when the layer is built, or else that of the platform. */
export const layerDigest: Layer.Layer<Digest.Digest> = Layer.unwrap(Effect.map(
  Effect.serviceOption(Digest.Digest),
  Option.match({
    onNone: () => Digest.layerWebCrypto,
    onSome: (digest) => Layer.succeed(Digest.Digest, digest)
  })
))
