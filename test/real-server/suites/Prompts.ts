import { StylePresets, SystemPrompts, Utilities } from "@effect-invokeai/core/server/Prompts"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { hasFault } from "../serverFaults.ts"
import * as Support from "../Support.ts"

/** Every method of `StylePresets`, `SystemPrompts` and `Utilities`. */
export const promptsSuite = (
  who: string,
  layer: Layer.Layer<StylePresets | SystemPrompts | Utilities>,
  options: { readonly admin: boolean }
): void =>
  it.layer(layer, { excludeTestServices: true })(`prompts, as ${who}`, (it) => {
    it.effect("come from style presets", () =>
      Effect.gen(function*() {
        const presets = yield* StylePresets
        const presetData = { positive_prompt: "{prompt}, in chalk", negative_prompt: "photo" }
        const made = yield* presets.create({
          name: "Chalk",
          presetData,
          image: { data: Support.picture(32, 32) }
        })
        assert.deepStrictEqual(made.preset_data, presetData)
        assert.include((yield* presets.list).map((preset) => preset.id), made.id)
        const changed = yield* presets.update(made.id, { name: "Charcoal", presetData })
        assert.strictEqual(changed.name, "Charcoal")
        assert.strictEqual((yield* presets.get(made.id)).name, "Charcoal")
        yield* presets.delete(made.id)
        assert.strictEqual((yield* Effect.flip(presets.get(made.id))).reason._tag, "NotFound")
      }))

    it.effect("come from system prompts", () =>
      Effect.gen(function*() {
        const prompts = yield* SystemPrompts
        const create = prompts.create({ name: "Short", content: "Answer in one line." })
        yield* Support.needs(
          "POST /api/v1/system_prompts/",
          Effect.gen(function*() {
            const made = yield* create
            assert.include((yield* prompts.list).map((prompt) => prompt.id), made.id)
            const changed = yield* prompts.update(made.id, { content: "Answer in two lines." })
            assert.strictEqual(changed.content, "Answer in two lines.")
            assert.strictEqual((yield* prompts.get(made.id)).name, "Short")
            yield* prompts.delete(made.id)
            assert.strictEqual((yield* Effect.flip(prompts.get(made.id))).reason._tag, "NotFound")
          }),
          create,
          prompts.list,
          prompts.get("id"),
          prompts.update("id", { content: "Answer in two lines." }),
          prompts.delete("id")
        )
      }))

    it.effect("are expanded", () =>
      Effect.gen(function*() {
        const utilities = yield* Utilities
        const { prompts } = yield* utilities.dynamicPrompts({ prompt: "a {red|blue} {cat|dog}", combinatorial: true })
        assert.deepStrictEqual([...prompts].toSorted(), ["a blue cat", "a blue dog", "a red cat", "a red dog"])
        const broken = yield* utilities.dynamicPrompts({ prompt: "a {red|" })
        assert.isString(broken.error)
      }))

    it.effect("need a language model to be rewritten, or made from an image", () =>
      Effect.gen(function*() {
        const utilities = yield* Utilities
        const expand = utilities.expandPrompt({ prompt: "a cat", model_key: "missing" })
        const describe = utilities.imageToPrompt({ image_name: "missing.png", model_key: "missing" })
        yield* Support.needs(
          "POST /api/v1/utilities/expand-prompt",
          Effect.gen(function*() {
            assert.include(["NotFound", "Validation"], (yield* Effect.flip(expand)).reason._tag)
            assert.include(
              !options.admin && hasFault("forbidsMissingImages") ? ["Forbidden"] : ["NotFound", "Validation"],
              (yield* Effect.flip(describe)).reason._tag
            )
          }),
          expand,
          describe
        )
      }))
  })
