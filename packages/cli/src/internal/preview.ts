/** The preview image of a running job, in terminals that can show images. */
import * as Effect from "effect/Effect"

/** Something that shows a preview below the bar. */
export interface Preview {
  /** Shows an image, given as a `data:` URL. */
  readonly show: (dataUrl: string) => Effect.Effect<void>
  /** Removes it. */
  readonly end: Effect.Effect<void>
}

export const make: Effect.Effect<Preview> = Effect.succeed({ show: () => Effect.void, end: Effect.void })
