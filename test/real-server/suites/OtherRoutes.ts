import { Images } from "@effect-invokeai/core/server/Images"
import { InvokeAiClient } from "@effect-invokeai/core/server/InvokeAiClient"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { ClientServices } from "../Client.ts"
import * as Support from "../Support.ts"

/** Routes that are declared, but that no service has a method for: through the client itself. */
export const otherRoutesSuite = (who: string, layer: Layer.Layer<ClientServices>): void =>
  it.layer(layer, { excludeTestServices: true })(`routes without a method, as ${who}`, (it) => {
    it.effect("one image on a board and off it", () =>
      Effect.gen(function*() {
        const { call } = yield* InvokeAiClient
        const { board_id } = yield* call((api) => api.boards.create({ query: { board_name: "one by one" } }))
        const { image_name } = yield* Images.use((images) => images.upload({ data: Support.picture(8, 8) }))
        const added = yield* call((api) => api.boardImages.add({ payload: { board_id, image_name } }))
        assert.deepStrictEqual(added.added_images, [image_name])
        const removed = yield* call((api) => api.boardImages.remove({ payload: { image_name } }))
        assert.deepStrictEqual(removed.removed_images, [image_name])
        yield* Images.use((images) => images.delete(image_name))
        yield* call((api) => api.boards.delete({ params: { board_id }, query: {} }))
      }))

    it.effect("a model by its attributes, and its picture", () =>
      Effect.gen(function*() {
        const { call } = yield* InvokeAiClient
        const model = yield* call((api) =>
          api.models.getByAttrs({ query: { name: Support.modelName, type: "main", base: "sd-1" } })
        )
        assert.strictEqual(model.name, Support.modelName)
        // The server answers 500 where there is none.
        const error = yield* Effect.flip(call((api) => api.models.image({ params: { key: model.key } })))
        assert.strictEqual(error.status, 500)
      }))

    it.effect("the workflow of a video", () =>
      Effect.gen(function*() {
        const { call } = yield* InvokeAiClient
        const clip = new FormData()
        const bytes = new Uint8Array(Fs.readFileSync(Path.join(import.meta.dirname, "../clip.mp4")))
        clip.append("file", new File([bytes], "clip.mp4", { type: "video/mp4" }))
        const { video_name } = yield* call((api) =>
          api.videos.upload({ query: { video_category: "general", is_intermediate: false }, payload: clip })
        )
        const { graph, workflow } = yield* call((api) => api.videos.workflow({ params: { video_name } }))
        assert.deepStrictEqual([workflow ?? null, graph ?? null], [null, null])
        yield* call((api) => api.videos.delete({ params: { video_name } }))
      }))
  })
