import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import { Images } from "@effect-invokeai/core/server/Images"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { createdBoard } from "../boards.ts"
import type { ClientServices } from "../Client.ts"
import * as Support from "../Support.ts"

/** The names in the central directory of a zip file. */
const zipNames = (zip: Buffer): ReadonlyArray<string> => {
  const names: Array<string> = []
  for (
    let at = zip.indexOf("PK\u0001\u0002", 0, "latin1");
    at >= 0;
    at = zip.indexOf("PK\u0001\u0002", at + 4, "latin1")
  ) {
    names.push(zip.toString("utf8", at + 46, at + 46 + zip.readUInt16LE(at + 28)))
  }
  return names
}

/** Zip files that the server makes. */
export const bulkDownloadSuite = (who: string, layer: Layer.Layer<ClientServices>): void =>
  it.layer(layer, { excludeTestServices: true })(`zip files, as ${who}`, (it) => {
    it.effect("contain the requested images, by name or by board", () =>
      Effect.gen(function*() {
        const images = yield* Images
        const zipped = yield* createdBoard("zipped")
        const names = yield* Effect.forEach([1, 2], (shade) =>
          Effect.map(
            images.upload({ data: Support.picture(24, 24, shade), category: "general", boardId: zipped.board_id }),
            (image) => image.image_name
          ))
        for (const what of [{ imageNames: names }, { boardId: zipped.board_id }]) {
          const zip = Buffer.concat(yield* Stream.runCollect(Downloads.zip(what)))
          const entries = zipNames(zip)
          assert.strictEqual(entries.length, 2)
          for (const name of names) assert.isTrue(entries.some((entry) => entry.endsWith(name)), entries.join())
        }
      }).pipe(Effect.scoped))
  })
