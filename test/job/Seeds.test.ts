import * as Provenance from "@effect-invokeai/core/assets/Provenance"
import * as Job from "@effect-invokeai/core/job/Job"
import { Images } from "@effect-invokeai/core/server/Images"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { drive } from "../time.ts"
import { edge, file, input, node, readJson } from "../workflow/support.ts"

type Node = ReturnType<typeof node>
type Edge = ReturnType<typeof edge>

const textToImage = readJson("test/fixtures/workflows/sd1-text-to-image.json") as {
  readonly nodes: ReadonlyArray<Node>
  readonly edges: ReadonlyArray<Edge>
}
const noise = textToImage.nodes.find((each) => each.data.type === "noise")?.id ?? ""
const decode = textToImage.nodes.find((each) => each.data.type === "l2i")?.id ?? ""

/** Text to image with other nodes in front of the seed. */
const withSeedFrom = (nodes: ReadonlyArray<Node>, edges: ReadonlyArray<Edge>) => ({
  ...textToImage,
  nodes: [...textToImage.nodes, ...nodes],
  edges: [...textToImage.edges, ...edges]
})

const random = (id: string) =>
  node(id, "rand_int", "1.0.1", [input("low", 0), input("high", 2147483647)], { useCache: false })

const drawn = withSeedFrom([random("r")], [edge("r", "value", noise, "seed")])

const added = withSeedFrom(
  [random("r"), node("sum", "add", "1.0.1", [input("a", 0), input("b", 5)])],
  [edge("r", "value", "sum", "a"), edge("sum", "value", noise, "seed")]
)

const listed = withSeedFrom(
  [
    node("list", "range", "1.0.0", [input("start", 10), input("stop", 13), input("step", 1)]),
    node("each", "iterate", "1.1.0", [])
  ],
  [edge("list", "collection", "each", "collection"), edge("each", "item", noise, "seed")]
)

const model = { key: "k", hash: "blake3:k", name: "m", base: "sd-1", type: "main" }

const images = (json: unknown, options: Job.SubmitOptions) =>
  Effect.gen(function*() {
    const opened = yield* Workflow.fromJson(json)
    const job = yield* Job.submit(yield* Workflow.setInput(opened, "model", model.key), options)
    return (yield* job.await).outputs
  })

const layer = InvokeAiTest.layer({ models: [{ ...model, format: "diffusers" }] })

describe("the seed of an image output", () => {
  it.effect("is the seed that was set, generated, or generated for the run", () =>
    Effect.gen(function*() {
      const given = yield* images(drawn, { seed: 7 })
      assert.deepStrictEqual(given.finalImages.map(({ seed }) => seed), [7])
      const kept = yield* images(drawn, {})
      assert.deepStrictEqual(
        kept.finalImages.map(({ seed }) => seed),
        kept.integers.filter(({ nodeId }) => nodeId === "r").map(({ value }) => value)
      )
      const runs = yield* images(drawn, { seed: "perRun", runs: 3 })
      assert.deepStrictEqual(
        runs.finalImages.map(({ seed }) => seed),
        runs.items.map((item) => item.fieldValues.find(({ fieldName }) => fieldName === "low")?.value)
      )
      assert.strictEqual(new Set(runs.finalImages.map(({ seed }) => seed)).size, 3)
    }).pipe(Effect.scoped, drive, Effect.provide(layer)))

  it.effect("is the seed that reproduces the image, if other nodes change it in between", () =>
    Effect.gen(function*() {
      const [image] = (yield* images(added, {})).finalImages
      const again = yield* images(added, { seed: image?.seed ?? -1 })
      assert.deepStrictEqual(again.finalImages.map(({ seed }) => seed), [image?.seed])
      assert.deepStrictEqual(again.latents.flatMap(({ seed }) => seed === null ? [] : [seed]), [(image?.seed ?? 0) + 5])
    }).pipe(Effect.scoped, drive, Effect.provide(layer)))

  it.effect("is the seed of its iteration", () =>
    Effect.gen(function*() {
      const { finalImages } = yield* images(listed, {})
      assert.deepStrictEqual(finalImages.map(({ seed }) => seed), [10, 11, 12])
    }).pipe(Effect.scoped, drive, Effect.provide(layer)))

  it.effect("is null if nothing upstream has a seed", () =>
    Effect.gen(function*() {
      const blank = file(
        [node("b", "blank_image", "1.2.2", [input("width", 8), input("height", 8)], { isIntermediate: false })],
        [],
        []
      )
      const job = yield* Job.submit(yield* Workflow.fromJson(blank))
      assert.deepStrictEqual((yield* job.await).outputs.images.map(({ seed }) => seed), [null])
    }).pipe(Effect.scoped, drive, Effect.provide(layer)))

  it.effect("can also be read from an image on the server, if it was set", () =>
    Effect.gen(function*() {
      const [image] = (yield* images(drawn, { seed: 9 })).finalImages
      const source = yield* Images.use((images) => images.workflow(image?.imageName ?? ""))
      assert.strictEqual(Provenance.read(source).seed, 9)
      assert.strictEqual(Provenance.read({ ...source, nodeId: decode }).seed, 9)
    }).pipe(Effect.scoped, drive, Effect.provide(layer)))
})
