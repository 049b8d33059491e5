/** The preview image of a running job, in terminals that can show images. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stdio from "effect/Stdio"
import { Output } from "./Output.ts"

/** Something that shows a preview below the bar. */
export interface Preview {
  /** Shows an image, given as a `data:` URL. */
  readonly show: (dataUrl: string) => Effect.Effect<void>
  /** Removes it. */
  readonly end: Effect.Effect<void>
}

const none: Preview = { show: () => Effect.void, end: Effect.void }

/** The height of the preview, in rows of the terminal. */
const rows = 12

/** The height of a sixel image, in pixels: terminals do not say how high their rows are. */
const sixelHeight = rows * 16

/** How often a new preview is drawn at most, in milliseconds. */
const interval = 500

const decode = Schema.decodeOption(Schema.Uint8ArrayFromBase64)

const bytesOf = (dataUrl: string): Uint8Array | undefined =>
  Option.getOrUndefined(decode(dataUrl.slice(dataUrl.indexOf(",") + 1)))

/** Draws an image at the cursor, and returns what remains to be written. */
type Draw = (image: Uint8Array) => Promise<string>

const drawSixel = (image: Uint8Array): Promise<string> =>
  Promise.all([import("sharp"), import("sixel")]).then(([sharp, sixel]) =>
    sharp.default(image).resize({ height: sixelHeight }).ensureAlpha().raw().toBuffer({ resolveWithObject: true }).then(
      (
        { data, info }
      ) => sixel.image2sixel(new Uint8Array(data), info.width, info.height)
    )
  )

const drawNative = (image: Uint8Array): Promise<string> =>
  import("terminal-image").then((module) => module.default.buffer(image, { height: rows }))

/** How this terminal shows images, if it does. */
const detect: Effect.Effect<Draw | undefined> = Effect.map(
  Effect.promise(() => import("supports-terminal-graphics")),
  ({ default: { stdout } }) => stdout.kitty || stdout.iterm2 ? drawNative : stdout.sixel ? drawSixel : undefined
)

/** A preview, if standard output and standard error are a terminal that shows images. */
export const make: Effect.Effect<Preview, never, Output | Stdio.Stdio> = Effect.gen(function*() {
  const output = yield* Output
  const stdio = yield* Stdio.Stdio
  if (output.isJson || !output.isTerminal || !(yield* stdio.stdoutIsTerminal)) return none
  const draw = yield* detect
  if (draw === undefined) return none
  let shown = 0
  return {
    show: Effect.fnUntraced(function*(dataUrl) {
      const now = yield* Clock.currentTimeMillis
      const image = bytesOf(dataUrl)
      if (now - shown < interval || image === undefined) return
      // room below the bar, so that the image does not scroll it away
      if (shown === 0) yield* output.raw(`${"\n".repeat(rows + 1)}\u001b[${rows + 1}A`)
      shown = now
      yield* output.raw("\u001b7\u001b[1B\r")
      // a preview that cannot be drawn is no reason to stop
      yield* output.raw(yield* Effect.orElseSucceed(Effect.tryPromise(() => draw(image)), () => ""))
      yield* output.raw("\u001b8")
    }),
    // clears the rest of the screen, and the images of kitty's protocol
    end: Effect.suspend(() =>
      shown === 0 ? Effect.void : output.raw("\u001b7\u001b[1B\r\u001b[J\u001b_Ga=d,q=2\u001b\\\u001b8")
    )
  }
})
