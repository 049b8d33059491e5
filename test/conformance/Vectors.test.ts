import { assert, describe, it } from "@effect/vitest"
import { casesOf, run } from "../../scripts/conformance/vectors.ts"
import { filesIn, readCatalog, readJsonFile } from "./support.ts"

const vectors = "test/conformance/vectors"

const none: ReadonlySet<never> = new Set()

describe("own vectors", () => {
  for (const file of filesIn(vectors)) {
    it(file.slice(vectors.length + 1, -".json".length), () => {
      const cases = casesOf(file, readJsonFile(file)) ?? []
      assert.isAbove(cases.length, 0)
      for (const test of cases) {
        assert.strictEqual(run(test, readCatalog(test.version), none), undefined)
      }
    })
  }
})

describe("the comparison", () => {
  const vector = readJsonFile(`${vectors}/connected-literal.json`)

  const changed = (change: (text: string) => string) => {
    const [test] = casesOf("changed", JSON.parse(change(JSON.stringify(vector)))) ?? []
    assert(test !== undefined)
    return run(test, readCatalog(test.version), none)
  }

  it("names the first difference", () => {
    assert.strictEqual(
      changed((text) => text.replace("\"a\":1,\"b\":2,\"use_cache\"", "\"a\":1,\"b\":3,\"use_cache\"")),
      "graph.nodes.a.b: expected 3, got 2"
    )
    assert.strictEqual(
      changed((text) => text.replace("\"warnings\":[]", "\"warnings\":[{\"message\":\"nodes.missingTemplate\"}]")),
      "warnings[0]: expected {\"message\":\"nodes.missingTemplate\"}, got nothing"
    )
  })

  it("sees a load that should have failed", () => {
    assert.strictEqual(
      changed((text) => text.replace("\"metaVersion\"", "\"error\":\"x\",\"metaVersion\"")),
      "load: expected it to fail, but it was loaded"
    )
  })

  it("passes over files that are no vectors", () => {
    assert.strictEqual(casesOf("x", {}), undefined)
    assert.strictEqual(casesOf("x", [1]), undefined)
    assert.strictEqual(casesOf("x", { workflow: {} }), undefined)
  })
})
