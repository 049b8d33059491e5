import { Farm } from "@effect-invokeai/farm/Farm"
import * as Simulator from "@effect-invokeai/testing/Simulator"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as References from "effect/References"
import type * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import { readdirSync } from "node:fs"
import { finish, photo, stage, thumbnail } from "./support.ts"

const one = "http://one:9090"

const test = <A, E>(effect: Effect.Effect<A, E, Scope.Scope | NodeServices.NodeServices>) =>
  effect.pipe(Effect.scoped, Effect.provide(NodeServices.layer))

describe("observability of a farm", () => {
  it.live("continues the trace of the program that offered an item in the process that runs it", () =>
    test(Effect.gen(function*() {
      const { farm } = yield* stage({ [one]: {} })
      const spans: Array<Tracer.Span> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          spans.push(span)
          return span
        }
      })
      yield* Farm.use((farm) => farm.offer("night", thumbnail, [{ id: "a", photo, width: 16 }])).pipe(
        Effect.withSpan("request"),
        Effect.provide(farm()),
        Effect.withTracer(tracer)
      )
      yield* finish("night").pipe(Effect.provide(farm()), Effect.withTracer(tracer))
      const request = spans.find(({ name }) => name === "request")
      const item = spans.find(({ name }) => name === "Farm.item")
      assert.isDefined(request)
      assert.strictEqual(item?.traceId, request?.traceId)
      assert.deepStrictEqual(item?.attributes.get("item"), "a")
      const run = spans.find(({ name }) => name === "Run.run")
      assert.strictEqual(run?.traceId, request?.traceId)
    })))

  it.live("counts results, failures and what waits, and logs with run and item", () =>
    test(Effect.gen(function*() {
      const { farm, simulator } = yield* stage({ [one]: {} })
      yield* simulator(one).whenNode("img_blur", (_node, call) =>
        call === 1 ? Simulator.failsWith("ValueError", "radius") : Simulator.runsNormally)
      const logged: Array<unknown> = []
      const logger = Logger.make<unknown, void>(({ fiber }) => {
        logged.push(fiber.getRef(References.CurrentLogAnnotations))
      })
      yield* Effect.gen(function*() {
        const farm = yield* Farm
        yield* farm.offer("metrics", thumbnail, [16, 32, 48].map((width) => ({ id: `i${width}`, photo, width })))
        yield* finish("metrics")
      }).pipe(Effect.provide(farm()), Effect.provide(Logger.layer([logger])))
      const snapshot = yield* Metric.snapshot
      const value = (id: string, attributes: Readonly<Record<string, string>>) =>
        snapshot.find((metric) =>
          metric.id === id &&
          Object.entries(attributes).every(([key, expected]) =>
            metric.attributes?.[key] === expected
          )
        )?.state
      assert.deepInclude(value("invokeai_farm_items", { run: "metrics", status: "completed" }), { count: 2 })
      assert.deepInclude(value("invokeai_farm_items", { run: "metrics", status: "failed" }), { count: 1 })
      assert.deepInclude(value("invokeai_farm_failures", { error: "JobFailed", server: one }), { count: 1 })
      assert.isDefined(value("invokeai_farm_queue_depth", { run: "metrics" }))
      assert.deepInclude(value("invokeai_farm_capacity", { server: one }), { value: 2 })
      assert.deepInclude(logged, { server: one, run: "metrics", item: "i16" })
    })))

  it.live("removes a finished run after its retention, and keeps its files", () =>
    test(Effect.gen(function*() {
      const { directory, farm } = yield* stage({ [one]: {} })
      yield* Effect.provide(
        Farm.use((farm) => Effect.andThen(farm.offer("night", thumbnail, [{ photo, width: 16 }]), finish("night"))),
        farm()
      )
      yield* Effect.gen(function*() {
        const farm = yield* Farm
        yield* farm.offer("waiting", thumbnail, [{ photo, width: 32 }])
        yield* farm.pause("waiting")
        const worker = yield* Effect.forkScoped(farm.work)
        yield* Effect.repeat(farm.runs, { until: (runs) => runs.length === 1 })
        assert.deepStrictEqual((yield* farm.runs).map(({ run }) => run), ["waiting"])
        yield* Fiber.interrupt(worker)
      }).pipe(Effect.scoped, Effect.provide(farm({ retention: "1 millis" })))
      assert.lengthOf(readdirSync(`${directory}/out/night`), 1)
    })))
})
