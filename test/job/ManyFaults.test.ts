/** Several things that go wrong in one job, by chance: requests, events, and readers who cancel in the middle of an event. */
import * as Job from "@effect-invokeai/core/job/Job"
import * as Fault from "@effect-invokeai/testing/Fault"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type Random, randomOf } from "../random.ts"
import { tagOf } from "../tagOf.ts"
import { batchOf, type FaultName, faultNames, type Operation, type ServerOptions, withServer } from "./server.ts"

const operations: ReadonlyArray<Operation> = [
  "enqueueBatch",
  "batchStatus",
  "item",
  "itemSummariesByIds",
  "cancelByBatchIds"
]
// only a restart of the server loses work
const kinds: ReadonlyArray<FaultName> = [...faultNames.filter((fault) => fault !== "restart"), "late", "answeredLate"]

const pick = <A>(random: Random, from: ReadonlyArray<A>): A => from[random.below(from.length)]!

const optionsOf = (random: Random): ServerOptions => ({
  socket: random.chance(0.8),
  modern: random.chance(0.5),
  duration: pick(random, [200, 1000, 20_000]),
  faults: Array.from({ length: random.below(5) }, () => ({
    on: pick(random, operations),
    call: 1 + random.below(4),
    fault: pick(random, kinds)
  })),
  ...(random.chance(0.5)
    ? {
      events: [
        Fault.random(random.below(2 ** 31), {
          requests: 0,
          events: 0.3,
          eventActions: [Fault.dropEvent],
          maxFaults: 1000
        })
      ]
    }
    : {})
})

const check = Effect.fnUntraced(function*(seed: number) {
  const random = randomOf(seed)
  const options = optionsOf(random)
  const size = 1 + random.below(3)
  /** At which event its reader cancels the job. */
  const cancelAt = random.chance(0.3) ? 1 + random.below(8) : undefined
  const { server, result } = yield* withServer(options, () =>
    Effect.gen(function*() {
      const job = yield* Job.submitBatch(batchOf(size))
      const emitted: Array<string> = []
      yield* Stream.runForEach(job.events, (event) => {
        emitted.push(event._tag)
        return emitted.length === cancelAt ? Effect.ignore(job.cancel) : Effect.void
      })
      return {
        emitted,
        outputs: yield* Effect.result(job.outputs),
        streamed: yield* Stream.runCollect(job.outputStream)
      }
    }).pipe(Effect.result))

  const about = (what: string) =>
    `seed ${seed}, ${size} items, canceled at event ${cancelAt}, ${JSON.stringify(options)}: ${what}`
  const items = server.items
  const done = items.filter((item) => item.status !== "canceled")
  assert.isAtMost(new Set(items.map((item) => item.batchId)).size, 1, about("one batch"))
  assert.isAtMost(done.length, size, about("nothing runs twice"))
  assert.isTrue(done.every((item) => item.status === "completed"), about("nothing is left behind"))
  if (result._tag === "Failure") {
    assert.include(["SubmissionUnknown", "InvokeAiError"], tagOf(result.failure), about(result.failure.message))
    return
  }
  const { outputs, streamed, emitted } = result.success
  assert.strictEqual(emitted.indexOf("JobEnqueued"), 0, about("emitted first"))
  assert.strictEqual(emitted.lastIndexOf("JobEnqueued"), 0, about("emitted once"))
  if (outputs._tag === "Failure") {
    assert.isDefined(cancelAt, about(outputs.failure.message))
    assert.isTrue(
      outputs.failure.reason._tag === "JobCanceled" && outputs.failure.reason.requested,
      about(outputs.failure.message)
    )
    return
  }
  assert.strictEqual(done.length, size, about("the server did it"))
  assert.deepStrictEqual(
    outputs.success.images.map((image) => image.imageName),
    done.map((item) => item.image),
    about("the outputs are those of the server")
  )
  assert.strictEqual(streamed.length, 2 * size, about("each output came once"))
  assert.strictEqual(
    emitted.filter((tag) => tag === "InvocationComplete").length,
    2 * size,
    about("and was emitted once")
  )
})

describe("Many faults at the same time", () => {
  for (let first = 0; first < 300; first += 20) {
    it.effect(
      `change no outcome (seeds from ${first} on)`,
      () => Effect.forEach(Array.from({ length: 20 }, (_, index) => first + index), check, { discard: true }),
      60_000
    )
  }
})
