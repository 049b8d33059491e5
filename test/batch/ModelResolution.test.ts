import { assert, describe, it } from "@effect/vitest"
import * as ModelResolution from "../../packages/core/src/batch/internal/modelResolution.ts"

const model = (key: string, name: string, type: string, base: string, hash = `blake3:${key}`) => ({
  key,
  hash,
  name,
  base,
  type
})

const installed = [
  model("1", "shared", "main", "flux"),
  model("2", "shared", "vae", "flux"),
  model("3", "shared", "vae", "sd-1"),
  model("4", "other", "vae", "flux"),
  model("name of 1", "key-like", "vae", "flux")
]

const vae = { type: ["vae"], base: ["flux"] }

const keyOf = (...args: Parameters<typeof ModelResolution.resolve>) => {
  const resolution = ModelResolution.resolve(...args)
  return resolution._tag === "Found" ? resolution.model.key : [resolution._tag, ...resolution.candidates]
}

describe("ModelResolution.resolve", () => {
  it("prefers the key, then the hash, then the name", () => {
    assert.strictEqual(keyOf({ key: "4", hash: "blake3:2", name: "shared" }, vae, installed), "4")
    assert.strictEqual(keyOf({ key: "gone", hash: "blake3:2", name: "other" }, vae, installed), "2")
    assert.strictEqual(keyOf({ key: "gone", hash: "gone", name: "other" }, vae, installed), "4")
    assert.strictEqual(keyOf({ keyOrName: "name of 1" }, vae, installed), "name of 1")
    assert.strictEqual(keyOf({ keyOrName: "other" }, vae, installed), "4")
  })

  it("selects the model that the field accepts if several share the name", () => {
    assert.strictEqual(keyOf({ name: "shared" }, vae, installed), "2")
    assert.strictEqual(keyOf({ name: "shared", type: "vae", base: "sd-1" }, { type: ["vae"] }, installed), "3")
    assert.deepStrictEqual(keyOf({ name: "shared" }, {}, installed), [
      "Ambiguous",
      "shared (flux main, key 1)",
      "shared (flux vae, key 2)",
      "shared (sd-1 vae, key 3)"
    ])
  })

  it("lists the models that the field accepts if nothing matches", () => {
    const resolution = ModelResolution.resolve({ name: "gone" }, vae, installed)
    assert.strictEqual(resolution._tag, "Missing")
    if (resolution._tag === "Found") return
    assert.strictEqual(
      ModelResolution.describeFailure({ name: "gone" }, resolution, vae),
      "the model \"gone\" is not installed; the field accepts a model of type vae for flux: other (flux vae, key 4); shared (flux vae, key 2); " +
        "key-like (flux vae, key name of 1)"
    )
  })

  it("rejects models that the field does not accept, unless the file is complete", () => {
    assert.deepStrictEqual(keyOf({ keyOrName: "1" }, vae, installed), [
      "NotAccepted",
      "shared (flux vae, key 2)",
      "other (flux vae, key 4)",
      "key-like (flux vae, key name of 1)"
    ])
    const resolution = ModelResolution.resolve({ hash: "blake3:3" }, { type: ["lora"] }, installed)
    assert.strictEqual(
      resolution._tag === "NotAccepted" &&
        ModelResolution.describeFailure({ hash: "blake3:3" }, resolution, { type: ["lora"] }),
      "the field does not accept model shared (sd-1 vae, key 3); the field accepts a model of type lora, but none is installed"
    )
    assert.deepStrictEqual(keyOf({ name: "shared" }, { type: ["lora"] }, installed), ["NotAccepted"])
    const complete = { key: "3", hash: "blake3:3", name: "shared", base: "sd-1", type: "vae" }
    assert.strictEqual(keyOf(complete, vae, installed), "3")
  })

  it("keeps a complete reference unchanged, and completes any other", () => {
    const complete = { key: "2", hash: "h", name: "old name", base: "flux", type: "vae", submodel_type: null }
    const kept = ModelResolution.resolve(complete, vae, installed)
    assert.strictEqual(kept._tag === "Found" && kept.model, complete)
    const made = ModelResolution.resolve({ key: "2", name: "old name", submodel_type: "vae" }, vae, installed)
    assert.deepStrictEqual(made._tag === "Found" && made.model, {
      key: "2",
      hash: "blake3:2",
      name: "shared",
      base: "flux",
      type: "vae",
      submodel_type: "vae"
    })
  })
})
