import * as Png from "@effect-invokeai/testing/Png"
import { Simulator } from "@effect-invokeai/testing/Simulator"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { at, graph, outputsOf, run, send, valuesOf } from "./support.ts"

const test = (name: string, effect: Effect.Effect<void, unknown, Simulator>) =>
  it.effect(name, () => effect.pipe(Effect.provide(Simulator.layer())))

describe("the simulator's graph executor", () => {
  test(
    "runs every node once per iteration, and collects in the order of the iterations",
    Effect.gen(function*() {
      const item = yield* run(graph(
        {
          numbers: { type: "range", start: 0, stop: 3 },
          each: { type: "iterate" },
          double: { type: "mul", b: 2 },
          all: { type: "collect" }
        },
        "numbers.collection -> each.collection",
        "each.item -> double.a",
        "double.value -> all.item"
      ))
      assert.strictEqual(at(item, "status"), "completed")
      assert.deepStrictEqual(valuesOf(item, "double"), [0, 2, 4])
      assert.deepStrictEqual(valuesOf(item, "all", "collection"), [[0, 2, 4]])
      assert.deepStrictEqual(at(item, "session", "executed_history"), ["numbers", "each", "double", "all"])
    })
  )

  test(
    "runs every combination of nested iterations, and collects the inner one only",
    Effect.gen(function*() {
      const item = yield* run(graph(
        {
          outer: { type: "range", start: 1, stop: 3 },
          each: { type: "iterate" },
          inner: { type: "range_of_size", size: 2, step: 1 },
          every: { type: "iterate" },
          sum: { type: "integer_math", operation: "MUL" },
          row: { type: "collect" }
        },
        "outer.collection -> each.collection",
        "each.item -> inner.start",
        "inner.collection -> every.collection",
        "each.item -> sum.a",
        "every.item -> sum.b",
        "sum.value -> row.item"
      ))
      assert.strictEqual(at(item, "status"), "completed")
      assert.deepStrictEqual(valuesOf(item, "sum"), [1, 2, 4, 6])
      assert.deepStrictEqual(valuesOf(item, "row", "collection"), [[1, 2], [4, 6]])
    })
  )

  test(
    "runs every combination of two independent iterators",
    Effect.gen(function*() {
      const item = yield* run(graph(
        {
          a: { type: "range", start: 1, stop: 3 },
          b: { type: "range", start: 10, stop: 30, step: 10 },
          eachA: { type: "iterate" },
          eachB: { type: "iterate" },
          sum: { type: "add" },
          all: { type: "collect" }
        },
        "a.collection -> eachA.collection",
        "b.collection -> eachB.collection",
        "eachA.item -> sum.a",
        "eachB.item -> sum.b",
        "sum.value -> all.item"
      ))
      assert.deepStrictEqual(valuesOf(item, "sum"), [11, 21, 12, 22])
    })
  )

  test(
    "runs only the branch that an if node chooses",
    Effect.gen(function*() {
      const item = yield* run(graph(
        {
          yes: { type: "add", a: 1, b: 1 },
          no: { type: "div", a: 1, b: 0 },
          choose: { type: "if", condition: true }
        },
        "yes.value -> choose.true_input",
        "no.value -> choose.false_input"
      ))
      assert.strictEqual(at(item, "status"), "completed")
      assert.deepStrictEqual(valuesOf(item, "choose"), [2])
      assert.deepStrictEqual(outputsOf(item, "no"), [])
    })
  )

  test(
    "runs nothing after an empty iteration, and completes the item",
    Effect.gen(function*() {
      const item = yield* run(graph(
        { none: { type: "integer_collection" }, each: { type: "iterate" }, next: { type: "add" } },
        "none.collection -> each.collection",
        "each.item -> next.a"
      ))
      assert.strictEqual(at(item, "status"), "completed")
      assert.deepStrictEqual(outputsOf(item, "next"), [])
    })
  )

  test(
    "calculates as Python does: division truncates, the remainder has the divisor's sign, halves round to even",
    Effect.gen(function*() {
      const item = yield* run(graph({
        divided: { type: "div", a: -7, b: 2 },
        rest: { type: "integer_math", operation: "MOD", a: -7, b: 3 },
        power: { type: "integer_math", operation: "EXP", a: 2, b: 10 },
        nearest: { type: "float_to_int", value: 2.5, multiple: 1, method: "Nearest" },
        steps: { type: "range", start: 10, stop: 20, step: 4 },
        spread: { type: "float_range", start: 0, stop: 1, steps: 3 },
        drawn: { type: "random_range", low: 0, high: 100, size: 8, seed: 123 }
      }))
      assert.deepStrictEqual(valuesOf(item, "divided"), [-3])
      assert.deepStrictEqual(valuesOf(item, "rest"), [2])
      assert.deepStrictEqual(valuesOf(item, "power"), [1024])
      assert.deepStrictEqual(valuesOf(item, "nearest"), [2])
      assert.deepStrictEqual(valuesOf(item, "steps", "collection"), [[10, 14, 18]])
      assert.deepStrictEqual(valuesOf(item, "spread", "collection"), [[0, 0.5, 1]])
      // numpy.random.default_rng(123).integers(0, 100, 8)
      assert.deepStrictEqual(valuesOf(item, "drawn", "collection"), [[1, 68, 59, 5, 90, 22, 25, 18]])
    })
  )

  test(
    "joins strings, replaces case-insensitively or by pattern, and splits",
    Effect.gen(function*() {
      const item = yield* run(graph({
        joined: { type: "string_join_three", string_left: "a", string_middle: "b", string_right: "c" },
        plain: { type: "string_replace", string: "A Cat.", search_string: "cat.", replace_string: "dog" },
        pattern: {
          type: "string_replace",
          string: "x1y2",
          search_string: "([a-z])(\\d)",
          replace_string: "\\2\\1",
          use_regex: true
        },
        split: { type: "string_split", string: "a-b-c", delimiter: "-" },
        signs: { type: "string_split_neg", string: "good [bad] fine" }
      }))
      assert.deepStrictEqual(valuesOf(item, "joined"), ["abc"])
      assert.deepStrictEqual(valuesOf(item, "plain"), ["A dog"])
      assert.deepStrictEqual(valuesOf(item, "pattern"), ["1x2y"])
      assert.deepStrictEqual(valuesOf(item, "split", "string_2"), ["b-c"])
      assert.deepStrictEqual(valuesOf(item, "signs", "negative_string"), [" bad"])
    })
  )

  test(
    "checks a value that a connection delivers, and fails the item with the node and the field",
    Effect.gen(function*() {
      const item = yield* run(graph(
        { zero: { type: "integer", value: 0 }, divided: { type: "integer_math", operation: "DIV", a: 1 } },
        "zero.value -> divided.b"
      ))
      assert.strictEqual(at(item, "status"), "failed")
      assert.strictEqual(at(item, "error_type"), "NodeInputError")
      assert.match(String(at(item, "error_message")), /has invalid incoming input for b$/)
    })
  )

  test(
    "makes images of the requested size, different for different inputs, with the same bytes for the same inputs",
    Effect.gen(function*() {
      const simulator = yield* Simulator
      const model = { key: "x", hash: "h", name: "x", base: "sd-1", type: "main" }
      yield* simulator.addModel(model)
      const picture = Effect.fnUntraced(function*(seed: number) {
        const item = yield* run(graph(
          {
            loader: { type: "main_model_loader", model },
            prompt: { type: "compel", prompt: "a cat" },
            noise: { type: "noise", width: 128, height: 64, seed },
            denoise: { type: "denoise_latents", steps: 2 },
            image: { type: "l2i" }
          },
          "loader.clip -> prompt.clip",
          "loader.unet -> denoise.unet",
          "prompt.conditioning -> denoise.positive_conditioning",
          "prompt.conditioning -> denoise.negative_conditioning",
          "noise.noise -> denoise.noise",
          "denoise.latents -> image.latents",
          "loader.vae -> image.vae"
        ))
        assert.strictEqual(at(item, "status"), "completed", JSON.stringify(at(item, "error_message")))
        assert.deepStrictEqual([valuesOf(item, "image", "width"), valuesOf(item, "image", "height")], [[128], [64]])
        return String(at(valuesOf(item, "image", "image"), 0, "image_name"))
      })
      const names = [yield* picture(1), yield* picture(2), yield* picture(1)]
      assert.strictEqual(new Set(names).size, 3)
      const [first, other, same] = yield* Effect.forEach(
        names,
        (name) => Effect.map(send("GET", `/api/v1/images/i/${name}/full`), ({ bytes }) => Png.decode(bytes))
      )
      assert.deepStrictEqual([first?.width, first?.height], [128, 64])
      assert.deepStrictEqual(first?.data, same?.data)
      assert.notDeepEqual(first?.data, other?.data)
    })
  )
})
