import * as WorkflowBatch from "@effect-invokeai/core/batch/WorkflowBatch"
import { CatalogSource } from "@effect-invokeai/core/catalog/NodeCatalog"
import * as Job from "@effect-invokeai/core/job/Job"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import * as Sweep from "@effect-invokeai/core/workflow/Sweep"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as Layer from "effect/Layer"
import { edge, file, input, node } from "../../workflow/support.ts"
import type { ClientServices } from "../Client.ts"
import { hasFault } from "../serverFaults.ts"
import * as Support from "../Support.ts"

type Node = ReturnType<typeof node>
type Edge = ReturnType<typeof edge>

/** A workflow with its nodes in the server's versions. */
const read = Effect.fnUntraced(function*(nodes: ReadonlyArray<Node>, edges: ReadonlyArray<Edge> = []) {
  const { templates } = yield* Effect.flatMap(CatalogSource, (source) => source.get)
  const current = nodes.map((each) => ({
    ...each,
    data: { ...each.data, isIntermediate: false, version: templates.get(each.data.type)?.version ?? each.data.version }
  }))
  return yield* Workflow.fromJson(file(current, edges, []))
})

/** The status of the server's response to a graph as it is, without a check before. */
const statusOf = Effect.fnUntraced(function*(nodes: ReadonlyArray<Node>, edges: ReadonlyArray<Edge>) {
  const graph = {
    nodes: Object.fromEntries(nodes.map(({ data, id }) => [id, {
      id,
      type: data.type,
      ...Object.fromEntries(Object.entries(data.inputs).map(([name, { value }]) => [name, value]))
    }])),
    edges: edges.map((each) => ({
      source: { node_id: each.source, field: each.sourceHandle },
      destination: { node_id: each.target, field: each.targetHandle }
    }))
  }
  const request = HttpClientRequest.post(`${Support.url}/api/v1/queue/default/enqueue_batch`).pipe(
    HttpClientRequest.bodyJsonUnsafe({ prepend: false, batch: { graph, runs: 1 } })
  )
  return (yield* HttpClient.execute(request)).status
}, Effect.provide(FetchHttpClient.layer))

const values: ReadonlyArray<readonly [type: string, field: string, values: ReadonlyArray<unknown>]> = [
  ["add", "a", [12, "12", " 12 ", "1_0", "12.0", "+5", true, 1e20, 1.5, "1.5", "1e3", "", "abc", 1e21, {
    image_name: "a"
  }]],
  ["float", "value", [1, 1.5, "1.5", "1e3", ".5", true, 1e300, "", "abc", "1,5", { image_name: "a" }]],
  ["string", "value", ["", "a", 5, 1.5, true, { image_name: "a" }]],
  ["boolean", "value", [true, 1, 0, "yes", "Off", "T", 2, 0.5, "maybe", " true "]],
  ["float_math", "operation", ["ADD", "NOPE", 1, true]],
  ["integer_collection", "collection", [[1, 2], [1, 1.5]]],
  ["string_collection", "collection", [["a"], [1, 2]]],
  ["blank_image", "color", [{ r: 1, g: 2, b: 3, a: 255 }, "#fff"]],
  ["noise", "width", [64, "64", 65, 0, -8, 8e9 + 1, 8e15 + 4, 2 ** 53 + 2]],
  ["float_range", "steps", [0, -1]],
  ["core_metadata", "steps", [0]]
]

/** Nothing runs while the scope is open, and nothing that was enqueued is left. */
const paused = Effect.flatMap(
  SessionQueue,
  (queue) => Effect.acquireRelease(queue.pause, () => Effect.ignore(Effect.andThen(queue.clear, queue.resume)))
)

const run = Effect.fnUntraced(function*(workflow: Workflow.Workflow) {
  const job = yield* Job.submit(workflow)
  return yield* job.await
}, Effect.scoped)

/** What the library says of a workflow before it is sent is what the server says when it arrives. */
export const rulesSuite = (who: string, layer: Layer.Layer<ClientServices>): void =>
  it.layer(layer, { excludeTestServices: true })(`rules, as ${who}`, (it) => {
    it.effect("report a value in a file as a problem exactly if the server rejects it", () =>
      Effect.gen(function*() {
        yield* paused
        for (const [type, field, candidates] of values) {
          for (const value of candidates) {
            const nodes = [node("n", type, "1.0.0", [input(field, value)])]
            const found = WorkflowBatch.validate(yield* read(nodes)).all.map(({ message }) => message)
            const status = yield* statusOf(nodes, [])
            const what = `${type}.${field} ${JSON.stringify(value)}: ${status}, ${found.join()}`
            assert.include([200, 201, 422], status, what)
            assert.strictEqual(found.length === 0, status !== 422, what)
          }
        }
      }))

    it.effect("require the same connections of Collect and Iterate nodes as the server", () =>
      Effect.gen(function*() {
        yield* paused
        const { templates } = yield* Effect.flatMap(CatalogSource, (source) => source.get)
        const numbers = node("l", "integer_collection", "1.0.0", [input("collection", [1, 2])])
        const number = node("i", "integer", "1.0.0", [input("value", 1)])
        for (
          const [type, connection] of [
            ["iterate", edge("l", "collection", "n", "collection")],
            ["collect", edge("l", "collection", "n", "collection")],
            ["collect", edge("i", "value", "n", "item")]
          ] as const
        ) {
          // the Collect node of older servers has no collection to connect
          if (!templates.get(type)?.inputs.has(connection.targetHandle)) continue
          const nodes = [numbers, number, node("n", type, "1.0.0", [])]
          for (const edges of [[], [connection]]) {
            const found = WorkflowBatch.validate(yield* read(nodes, edges)).all.map(({ code }) => code)
            assert.deepStrictEqual(found, edges.length === 0 ? ["missingConnection"] : [], type)
            const status = yield* statusOf(nodes, edges)
            const refusal = type === "iterate" && hasFault("failsOnUnconnectedIterate") ? 500 : 422
            assert.include(edges.length === 0 ? [refusal] : [200, 201], status, type)
          }
        }
      }))

    it.effect("convert numbers of batch nodes and of sweeps to strings", () =>
      Effect.gen(function*() {
        const text = node("s", "string", "1.0.0", [input("value", "")])
        const strings = (workflow: Workflow.Workflow) =>
          Effect.map(run(workflow), (result) => result.outputs.strings.map(({ value }) => value).toSorted())
        const batch = (type: string, name: string, items: ReadonlyArray<number>) =>
          Effect.flatMap(
            read(
              [node("b", type, "1.0.0", [input("batch_group_id", "None"), input(name, items)]), text],
              [edge("b", "value", "s", "value")]
            ),
            strings
          )
        assert.deepStrictEqual(yield* batch("integer_batch", "integers", [1, 2]), ["1", "2"])
        assert.deepStrictEqual(yield* batch("float_batch", "floats", [1.5, 2]), ["1.5", "2"])
        const swept = yield* Workflow.sweep(yield* read([text]), Sweep.zip({ "s.value": [3, "four"] }))
        assert.deepStrictEqual(yield* strings(swept), ["3", "four"])
      }))

    it.effect("allow booleans to vary within a batch", () =>
      Effect.gen(function*() {
        const workflow = yield* read([node("n", "boolean", "1.0.0", [input("value", false)])])
        const swept = yield* Workflow.sweep(workflow, Sweep.zip({ "n.value": [true, false, true] }))
        const { outputs } = yield* run(swept)
        assert.deepStrictEqual(outputs.booleans.map(({ value }) => String(value)).toSorted(), ["false", "true", "true"])
      }))

    it.effect("accept a JSON value in a field that the editor only connects", () =>
      Effect.gen(function*() {
        const value = { colors: ["red", "blue"], nested: [1, null] }
        const workflow = yield* read([node("m", "metadata_item", "1.0.0", [input("label", "palette")])])
        const { outputs } = yield* run(yield* Workflow.setField(workflow, "m.value", value))
        assert.include(JSON.stringify(outputs.all), JSON.stringify(value))
      }))

    it.effect("allow step counts of 0 if they are only recorded", () =>
      Effect.gen(function*() {
        const workflow = yield* read([
          node("m", "core_metadata", "1.0.0", [input("steps", 0)]),
          node("r", "float_range", "1.0.0", [input("steps", 0)])
        ])
        const { status } = yield* run(workflow)
        assert.strictEqual(status, "completed")
      }))
  })
