import { assert, describe, it } from "@effect/vitest"
import type { Fault } from "../../scripts/conformance/faults.ts"
import { casesOf, run } from "../../scripts/conformance/vectors.ts"
import { filesIn, readCatalog, readJsonFile } from "./support.ts"

const vectors = "test/conformance/vectors"

const none: ReadonlySet<never> = new Set()

describe("The vectors of this repository", () => {
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

describe("The comparison", () => {
  const vector = readJsonFile(`${vectors}/connected-literal.json`)

  const changed = (change: (text: string) => string) => {
    const [test] = casesOf("changed", JSON.parse(change(JSON.stringify(vector)))) ?? []
    assert(test !== undefined)
    return run(test, readCatalog(test.version), none)
  }

  it("reports the first difference", () => {
    assert.strictEqual(
      changed((text) => text.replace("\"a\":1,\"b\":2,\"use_cache\"", "\"a\":1,\"b\":3,\"use_cache\"")),
      "graph.nodes.a.b: expected 3, got 2"
    )
    assert.strictEqual(
      changed((text) => text.replace("\"warnings\":[]", "\"warnings\":[{\"message\":\"nodes.missingTemplate\"}]")),
      "warnings[0]: expected {\"message\":\"nodes.missingTemplate\"}, got nothing"
    )
  })

  it("reports a load that should have failed", () => {
    assert.strictEqual(
      changed((text) => text.replace("\"metaVersion\"", "\"error\":\"x\",\"metaVersion\"")),
      "load: expected it to fail, but it was loaded"
    )
  })

  it("skips files that are not vectors", () => {
    assert.strictEqual(casesOf("x", {}), undefined)
    assert.strictEqual(casesOf("x", [1]), undefined)
    assert.strictEqual(casesOf("x", { workflow: {} }), undefined)
  })
})

describe("A known fault of the UI", () => {
  type Expected = Record<string, unknown>

  /** What the comparison says of a vector whose expectation is changed to what the UI does, without and with a fault. */
  const faulty = (file: string, fault: Fault, change: (expected: Expected) => Expected) => {
    const [test] = casesOf(file, readJsonFile(`${vectors}/${file}.json`)) ?? []
    assert(test !== undefined)
    const changed = { ...test, expected: { ...test.expected, value: change(structuredClone(test.expected.value)) } }
    const catalog = readCatalog(test.version)
    return [run(changed, catalog, none), run(changed, catalog, new Set([fault]))]
  }

  const reportedFaults = (results: ReadonlyArray<string | undefined>) => {
    assert(results[0] !== undefined)
    assert.strictEqual(results[1], undefined)
  }

  const node = (expected: Expected, id: string): Record<string, unknown> => {
    const graph = expected["graph"] as { nodes: Record<string, Record<string, unknown>> }
    return graph.nodes[id] ?? {}
  }

  it("turns objects of unknown shape into float generators", () => {
    reportedFaults(faulty("unknown-object", "untypedObject", (expected) => {
      const generator = { type: "float_generator_arithmetic_sequence", start: 0, step: 0.1, count: 10 }
      node(expected, "a")["color"] = generator
      node(expected, "l")["model"] = generator
      return { ...expected, errors: [] }
    }))
  })

  it("loses lists of booleans", () => {
    reportedFaults(faulty("boolean-list", "booleanList", (expected) => {
      delete node(expected, "a")["collection"]
      return expected
    }))
  })

  it("loses lists of videos", () => {
    reportedFaults(faulty("video-list", "videoList", (expected) => {
      const graph = structuredClone(expected["graphAutoBoard"]) as { nodes: Record<string, Record<string, unknown>> }
      delete graph.nodes["v"]?.["videos"]
      return {
        graphAutoBoard: graph,
        disabledReasons: ["Concatenate Videos -> Videos: parameters.invoke.missingInputForField"]
      }
    }))
  })

  it("sends the last of several nodes with one id while the form is shown", () => {
    reportedFaults(faulty("duplicate-ids-in-editor", "duplicateIds", (expected) => {
      const text = JSON.stringify(expected)
      return JSON.parse(text.replaceAll("\"a\":1,\"b\":1,\"use_cache\"", "\"a\":2,\"b\":2,\"use_cache\"")) as Expected
    }))
  })

  it("crashes with nothing to compare, unless fields are shown", () => {
    const crashed = { disabledReasons: ["No nodes in graph"], enqueueRequestBody: null, graphAutoBoard: null }
    reportedFaults(faulty("form-element-twice", "crash", () => ({ ...crashed, formFieldLabels: [] })))
    const [, found] = faulty("form-element-twice", "crash", () => ({ ...crashed, formFieldLabels: ["A"] }))
    assert(found !== undefined)
  })

  it("stops the checks at batch values of another type", () => {
    reportedFaults(faulty("batch-of-another-kind", "batchKind", () => ({
      disabledReasons: ["No nodes in graph"],
      enqueueRequestBody: null,
      graphAutoBoard: null
    })))
  })

  it("names the connector that batch values pass through", () => {
    reportedFaults(faulty("batch-through-connector", "batchThroughConnector", (expected) => ({
      ...expected,
      batchData: [[{ node_path: "c", field_name: "in", items: [1, 2] }]]
    })))
  })

  it("loses every edge after a cycle of connectors", () => {
    reportedFaults(faulty("connector-loop", "connectorLoop", (expected) => {
      Object.assign(node(expected, "b"), { a: 5, b: 6 })
      return {
        ...expected,
        graph: { ...(expected["graph"] as object), edges: [] },
        warnings: [
          { message: "nodes.deletedInvalidEdge", issues: ["nodes.inputMayOnlyHaveOneConnection"] },
          { message: "nodes.deletedInvalidEdge", issues: ["nodes.connectionWouldCreateCycle"] }
        ]
      }
    }))
  })
})
