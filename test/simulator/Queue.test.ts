import {
  failsWith,
  inSteps,
  returns,
  runsNormally,
  Simulator,
  type SimulatorOptions
} from "@effect-invokeai/testing/Simulator"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as IllFormedText from "../illFormedText.ts"
import { at, enqueue, graph, run, send, settle, valuesOf } from "./support.ts"

const test = (
  name: string,
  effect: Effect.Effect<void, unknown, Simulator>,
  options: SimulatorOptions = {}
) => it.effect(name, () => effect.pipe(Effect.provide(Simulator.layer(options))))

const sum = graph({ sum: { type: "add" } })

const datum = (field: string, ...items: ReadonlyArray<unknown>) => ({ node_path: "sum", field_name: field, items })

const sendText = (method: string, path: string, body?: unknown) =>
  Effect.map(send(method, path, body), ({ bytes, status }) => ({ status, text: Buffer.from(bytes).toString() }))

const eventNames = Effect.gen(function*() {
  const simulator = yield* Simulator
  const events = yield* simulator.events
  return events.map(({ name, payload }) =>
    name === "queue_item_status_changed" ? `${name} ${String(at(payload, "status"))}` : name
  )
})

describe("the simulator's queue", () => {
  test(
    "multiplies groups with the last one fastest, zips within a group, and repeats everything for each run",
    Effect.gen(function*() {
      const { body } = yield* enqueue({ graph: sum, runs: 2, data: [[datum("a", 1, 2)], [datum("b", 10, 20)]] })
      assert.strictEqual(at(body, "enqueued"), 8)
      assert.deepStrictEqual(at(body, "item_ids"), [8, 7, 6, 5, 4, 3, 2, 1])
      yield* settle
      const sums = yield* Effect.forEach(
        [1, 2, 3, 4, 5, 6, 7, 8],
        (id) => Effect.map(send("GET", `/api/v1/queue/default/i/${id}`), (item) => valuesOf(item.body, "sum")[0])
      )
      assert.deepStrictEqual(sums, [11, 21, 12, 22, 11, 21, 12, 22])
    })
  )

  test(
    "enqueues no items for an empty list of values",
    Effect.gen(function*() {
      const { body, status } = yield* enqueue({ graph: sum, data: [[datum("a")]] })
      assert.deepStrictEqual([status, at(body, "requested"), at(body, "item_ids")], [200, 0, []])
    })
  )

  test(
    "enqueues items that fit, and drops the others silently",
    Effect.gen(function*() {
      yield* send("PUT", "/api/v1/queue/default/processor/pause")
      const { body } = yield* enqueue({ graph: sum, runs: 5 })
      assert.deepStrictEqual([at(body, "enqueued"), at(body, "requested")], [3, 5])
      const more = yield* enqueue({ graph: sum })
      assert.strictEqual(at(more.body, "enqueued"), 0)
    }),
    { maxQueueSize: 3 }
  )

  test(
    "counts more runs and combinations than fit without creating them",
    Effect.gen(function*() {
      yield* send("PUT", "/api/v1/queue/default/processor/pause")
      const counts = (batch: Readonly<Record<string, unknown>>) =>
        Effect.map(enqueue({ graph: sum, ...batch }), ({ body, status }) => [
          status,
          at(body, "requested"),
          at(body, "enqueued")
        ])
      const list = Array.from({ length: 10_000 }, (_, index) => index)
      assert.deepStrictEqual(yield* counts({ data: [[datum("a")]], runs: 1e9 }), [200, 0, 0])
      assert.deepStrictEqual(yield* counts({ runs: 1e9 }), [200, 1e9, 3])
      yield* send("PUT", "/api/v1/queue/default/clear")
      assert.deepStrictEqual(yield* counts({ data: [[datum("a", ...list)], [datum("b", ...list)]] }), [200, 1e8, 3])
    }),
    { maxQueueSize: 3 }
  )

  for (const { batch, model, where } of IllFormedText.unreadable) {
    test(
      `is blocked by half of a surrogate pair in ${where}, an internal error, until its item is canceled`,
      Effect.gen(function*() {
        const turns = Effect.forEach(Array.from({ length: 50 }), () => Effect.yieldNow, { discard: true })
        assert.deepStrictEqual(
          yield* IllFormedText.observe(sendText, batch, turns),
          IllFormedText.expected(model, true)
        )
      })
    )
  }

  test(
    "rejects half of a surrogate pair where the database stores text, and enqueues nothing",
    Effect.gen(function*() {
      for (const { batch } of IllFormedText.rejected) {
        assert.deepStrictEqual(yield* IllFormedText.reject(sendText, batch), IllFormedText.rejection)
      }
      // The server cannot repeat it in an error either.
      const { status } = yield* enqueue({ graph: graph({ a: { type: "\ud83d" } }) })
      assert.strictEqual(status, 500)
    })
  )

  test(
    "is blocked by a value that does not fit its field, until its batch is canceled",
    Effect.gen(function*() {
      yield* enqueue({ graph: sum, batch_id: "bad", data: [[datum("a", 1.5)]] })
      yield* enqueue({ graph: sum })
      for (let turn = 0; turn < 50; turn++) yield* Effect.yieldNow
      const blocked = yield* send("GET", "/api/v1/queue/default/status")
      assert.strictEqual(at(blocked.body, "queue", "pending"), 2)
      assert.strictEqual((yield* send("GET", "/api/v1/queue/default/i/1")).status, 500)
      assert.strictEqual((yield* send("PUT", "/api/v1/queue/default/i/1/cancel")).status, 500)
      yield* send("PUT", "/api/v1/queue/default/cancel_by_batch_ids", { batch_ids: ["bad"] })
      yield* settle
      const second = yield* send("GET", "/api/v1/queue/default/i/2")
      assert.strictEqual(at(second.body, "status"), "completed")
    })
  )
})

describe("the simulator's events", () => {
  test(
    "report that the last node completes before its item does",
    Effect.gen(function*() {
      yield* run(sum)
      assert.deepStrictEqual(yield* eventNames, [
        "batch_enqueued",
        "queue_item_status_changed in_progress",
        "invocation_started",
        "invocation_complete",
        "queue_item_status_changed completed"
      ])
    })
  )

  test(
    "report that the item fails before the error of its node",
    Effect.gen(function*() {
      const item = yield* run(graph({ bad: { type: "div", a: 1, b: 0 } }))
      assert.strictEqual(at(item, "error_type"), "ZeroDivisionError")
      assert.deepStrictEqual((yield* eventNames).slice(-2), ["queue_item_status_changed failed", "invocation_error"])
    })
  )

  test(
    "report a canceled item immediately, and the node that was running after it",
    Effect.gen(function*() {
      yield* enqueue({ graph: sum })
      yield* TestClock.adjust("1 second")
      yield* send("PUT", "/api/v1/queue/default/i/1/cancel")
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual((yield* eventNames).slice(-2), [
        "queue_item_status_changed canceled",
        "invocation_complete"
      ])
    }),
    { nodeDuration: "10 seconds" }
  )

  test(
    "report all canceled pending items in one event",
    Effect.gen(function*() {
      yield* send("PUT", "/api/v1/queue/default/processor/pause")
      yield* enqueue({ graph: sum, batch_id: "b", runs: 3 })
      const { body } = yield* send("PUT", "/api/v1/queue/default/cancel_by_batch_ids", { batch_ids: ["b"] })
      assert.strictEqual(at(body, "canceled"), 3)
      const simulator = yield* Simulator
      const last = (yield* simulator.events).at(-1)
      assert.strictEqual(last?.name, "queue_items_canceled")
      assert.deepStrictEqual(at(last?.payload, "canceled_item_ids"), [1, 2, 3])
    })
  )

  test(
    "report every denoising step with a preview of an eighth of the size",
    Effect.gen(function*() {
      const model = { key: "m", hash: "h", name: "m", base: "sd-1", type: "main" }
      const simulator = yield* Simulator
      yield* simulator.addModel(model)
      yield* run(graph(
        {
          loader: { type: "main_model_loader", model },
          prompt: { type: "compel", prompt: "a cat" },
          noise: { type: "noise", width: 64, height: 32, seed: 1 },
          denoise: { type: "denoise_latents", steps: 4 }
        },
        "loader.clip -> prompt.clip",
        "loader.unet -> denoise.unet",
        "prompt.conditioning -> denoise.positive_conditioning",
        "prompt.conditioning -> denoise.negative_conditioning",
        "noise.noise -> denoise.noise"
      ))
      const steps = (yield* simulator.events).filter(({ payload }) => at(payload, "message") === "Denoising")
      assert.deepStrictEqual(steps.map(({ payload }) => at(payload, "percentage")), [0, 0.25, 0.5, 0.75, 1])
      assert.deepStrictEqual([at(steps[0]?.payload, "image", "width"), at(steps[0]?.payload, "image", "height")], [
        64,
        32
      ])
      assert.match(String(at(steps[0]?.payload, "image", "dataURL")), /^data:image\/png;base64,/)
    })
  )
})

describe("whenNode", () => {
  test(
    "sets what a node returns, or its failure",
    Effect.gen(function*() {
      const simulator = yield* Simulator
      yield* simulator.whenNode(
        "add",
        (_node, call) => call === 1 ? returns({ value: 42 }) : call === 2 ? runsNormally : failsWith("OSError", "no")
      )
      assert.deepStrictEqual(valuesOf(yield* run(sum), "sum"), [42])
      assert.deepStrictEqual(valuesOf(yield* run(sum), "sum"), [0])
      const failed = yield* run(sum)
      assert.deepStrictEqual([at(failed, "status"), at(failed, "error_type")], ["failed", "OSError"])
    })
  )
})

describe("the simulator's errors", () => {
  test(
    "name the server's exceptions for a missing input, an unknown image and an unknown model",
    Effect.gen(function*() {
      const model = { key: "nope", hash: "h", name: "nope", base: "sd-1", type: "main" }
      const failed = yield* Effect.forEach([
        graph({ a: { type: "img_blur" } }),
        graph({ a: { type: "img_blur", image: { image_name: "missing.png" } } }),
        graph({ a: { type: "main_model_loader", model } })
      ], run)
      assert.deepStrictEqual(failed.map((item) => at(item, "error_type")), [
        "MissingInputException",
        "ImageRecordNotFoundException",
        "UnknownModelException"
      ])
    })
  )

  test(
    "say where a graph is invalid",
    Effect.gen(function*() {
      const places = yield* Effect.forEach(
        [
          graph({ a: { type: "no_such_node" } }),
          graph({ a: { type: "add", a: "zzz" } }),
          graph({ a: { type: "blank_image", board: "auto" } }),
          graph({ a: { type: "add" } }, "a.value -> b.a"),
          graph({ a: { type: "string" }, b: { type: "add" } }, "a.value -> b.a"),
          graph({ a: { type: "range", start: 5, stop: 1 } }),
          graph({ a: { type: "iterate" } })
        ],
        (value) => Effect.map(enqueue({ graph: value }), ({ body, status }) => [status, at(body, "detail", 0, "type")])
      )
      assert.deepStrictEqual(places, [
        [422, "union_tag_invalid"],
        [422, "int_parsing"],
        [422, "model_type"],
        [422, "value_error"],
        [422, "value_error"],
        [422, "value_error"],
        [422, "value_error"]
      ])
    })
  )

  test(
    "treat names that JavaScript reserves like any other name",
    Effect.gen(function*() {
      const { status } = yield* send("POST", "/api/v1/queue/__proto__/enqueue_batch", {
        batch: {
          runs: 1,
          graph: {
            id: "constructor",
            nodes: JSON.parse("{\"__proto__\": {\"id\": \"__proto__\", \"type\": \"add\", \"a\": 1, \"b\": 2}}"),
            edges: []
          }
        }
      })
      assert.strictEqual(status, 200)
      yield* settle
      const item = yield* send("GET", "/api/v1/queue/__proto__/i/1")
      assert.deepStrictEqual(valuesOf(item.body, "__proto__"), [3])
      assert.strictEqual((yield* send("GET", "/api/v1/images/i/constructor")).status, 404)
    })
  )
})

describe("the simulator's receipts", () => {
  const path = "/api/v1/queue/default/enqueue_batch"
  const withKey = (key: string) => enqueue({ graph: sum, idempotency_key: key })

  test(
    "enqueue nothing for a known key, acknowledged or not",
    Effect.gen(function*() {
      const first = yield* withKey("one")
      assert.deepStrictEqual(at((yield* withKey("one")).body, "item_ids"), at(first.body, "item_ids"))
      yield* send("POST", `${path}/acknowledge`, { idempotency_key: "one" })
      yield* withKey("one")
      const receipt = yield* send("GET", `${path}/receipt?idempotency_key=one`)
      assert.deepStrictEqual(at(receipt.body, "item_ids"), at(first.body, "item_ids"))
      assert.strictEqual((yield* send("GET", `${path}/receipt?idempotency_key=two`)).status, 404)
      assert.strictEqual((yield* (yield* Simulator).state).items.length, 1)
    }),
    { receipts: 2 }
  )

  test(
    "reject a key if too many are not acknowledged",
    Effect.gen(function*() {
      yield* withKey("one")
      assert.strictEqual((yield* withKey("two")).status, 429)
      yield* send("POST", `${path}/acknowledge`, { idempotency_key: "one" })
      assert.strictEqual((yield* withKey("two")).status, 200)
    }),
    { receipts: 1 }
  )

  test(
    "are missing in all released versions, which ignore the key",
    Effect.gen(function*() {
      yield* withKey("one")
      yield* withKey("one")
      assert.strictEqual((yield* (yield* Simulator).state).items.length, 2)
      assert.strictEqual((yield* send("POST", `${path}/acknowledge`, { idempotency_key: "one" })).status, 405)
    })
  )
})

describe("a test that controls the simulator's queue", () => {
  test(
    "lets a node report progress in steps before its result",
    Effect.gen(function*() {
      const simulator = yield* Simulator
      yield* simulator.whenNode(
        "add",
        (_node, call) => inSteps(2, call === 2 ? failsWith("ValueError", "no") : runsNormally)
      )
      yield* enqueue({ graph: sum, runs: 2 })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual((yield* simulator.state).items.map((item) => item.status), ["in_progress", "pending"])
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual((yield* simulator.state).items.map((item) => item.status), ["completed", "failed"])
      const progress = (yield* simulator.events).filter(({ name }) => name === "invocation_progress")
      assert.deepStrictEqual(
        progress.map(({ payload }) => [at(payload, "message"), at(payload, "percentage")]),
        [["Step 1/2", 0.5], ["Step 2/2", 1], ["Step 1/2", 0.5], ["Step 2/2", 1]]
      )
    }),
    { stepDuration: "1 second" }
  )

  test(
    "removes items without an event",
    Effect.gen(function*() {
      const simulator = yield* Simulator
      yield* enqueue({ graph: sum, runs: 2 })
      yield* settle
      const events = (yield* simulator.events).length
      yield* simulator.forgetItems(({ itemId }) => itemId === 1)
      assert.deepStrictEqual((yield* simulator.state).items.map((item) => item.itemId), [2])
      assert.strictEqual((yield* simulator.events).length, events)
    })
  )
})
