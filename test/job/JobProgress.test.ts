import * as Job from "@effect-invokeai/core/job/Job"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Observation } from "../../packages/core/src/job/internal/Observation.ts"
import { reduce } from "../../packages/core/src/job/internal/reduceJob.ts"
import * as JobProgress from "../../packages/core/src/job/JobProgress.ts"
import * as JobState from "../../packages/core/src/job/JobState.ts"
import { randomOf } from "../random.ts"
import { drive } from "../time.ts"
import { readJson } from "../workflow/support.ts"
import { batchId, disturb, finalReads, makeHistory } from "./histories.ts"

const nodes = new Map([["image", { label: "Picture", type: "blank_image" }]])
const context = { nodeCount: 3, nodes }

/** The progress after each observation; `keep` says which states a reader sees. */
const progressOf = (observations: ReadonlyArray<Observation>, expected: number | null, keep: () => boolean) => {
  let state = JobState.make(batchId, expected)
  let tracked = JobProgress.initial
  const seen: Array<JobProgress.JobProgress> = []
  observations.forEach((observation, index) => {
    state = reduce(state, observation, nodes).state
    if (index < observations.length - 1 && !keep()) return
    tracked = JobProgress.next(tracked, state, index * 1000, context)
    seen.push(tracked.progress)
  })
  return { seen, state }
}

describe("The progress of a job", () => {
  it("never decreases, whatever is lost, duplicated, late or out of order, and ends at 1", () => {
    let steps = 0
    for (let seed = 0; seed < 600; seed++) {
      const random = randomOf(seed)
      const world = makeHistory(random, { sequences: seed % 3 !== 0 })
      const observations = [...disturb(world, random), ...random.shuffle(finalReads(world))]
      const expected = seed % 4 === 0 ? null : world.memberIds.length
      const { seen, state } = progressOf(observations, expected, () => seed % 5 !== 0 || random.chance(0.3))
      seen.forEach((progress, index) => {
        const { estimatedRemaining, finished, fraction, remaining, total } = progress
        const before = seen[index - 1]
        assert.isAtLeast(fraction, before?.fraction ?? 0, `seed ${seed}: fraction`)
        assert.isAtLeast(finished, before?.finished ?? 0, `seed ${seed}: finished`)
        assert.isTrue(fraction >= 0 && fraction <= 1, `seed ${seed}: ${fraction}`)
        if (total !== null) assert.strictEqual(remaining, Math.max(0, total - finished), `seed ${seed}: remaining`)
        if (estimatedRemaining !== null) assert.isAtLeast(Duration.toMillis(estimatedRemaining), 0)
        if (fraction > (before?.fraction ?? 0) && fraction < 1) steps++
      })
      if (JobState.isEnded(state)) {
        assert.deepInclude(
          seen.at(-1)!,
          { fraction: 1, remaining: 0, finished: world.memberIds.length },
          `seed ${seed}`
        )
      }
    }
    assert.isAbove(steps, 500)
  })

  it("counts finished items, and the steps of the node that runs", () => {
    const node = (change: Record<string, unknown>): Observation => ({
      _tag: "Node",
      itemId: 1,
      sessionId: "s",
      nodeId: "image",
      preparedId: "p",
      invocation: { id: "p", type: "blank_image" },
      change
    } as unknown as Observation)
    const facts = (itemId: number, status: string): Observation => ({
      _tag: "Status",
      facts: {
        itemId,
        status,
        sequence: null,
        sessionId: "s",
        createdAt: null,
        updatedAt: null,
        startedAt: null,
        completedAt: null
      },
      settled: status === "completed"
    } as unknown as Observation)
    const { seen } = progressOf(
      [
        { _tag: "Enqueued", itemIds: [1, 2], enqueued: 2, mayHaveDuplicates: false },
        node({ _tag: "Started" }),
        node({ _tag: "Progress", message: "Denoising", fraction: 0.5, preview: null }),
        facts(1, "completed"),
        facts(2, "in_progress")
      ],
      2,
      () => true
    )
    assert.deepStrictEqual(seen.map(({ finished, fraction, remaining }) => [fraction, finished, remaining]), [
      [0, 0, 2],
      [0, 0, 2],
      [0.5 / 3 / 2, 0, 2],
      [0.5, 1, 1],
      [0.5, 1, 1]
    ])
    assert.deepStrictEqual(seen[2]!.node, { nodeId: "image", label: "Picture", message: "Denoising", fraction: 0.5 })
    assert.isNull(seen[1]!.estimatedRemaining)
    // half is done two seconds after the first node began
    assert.deepStrictEqual(seen[3]!.estimatedRemaining, Duration.seconds(2))
  })

  it.effect("is a stream of the job that ends with it", () =>
    drive(
      Effect.gen(function*() {
        const workflow = yield* Workflow.fromJson(readJson("test/fixtures/workflows/text-only.json"))
        const job = yield* Job.submit(workflow, { runs: 3 })
        const seen = yield* Stream.runCollect(job.progress)
        yield* job.await
        assert.deepInclude(seen.at(-1)!, { fraction: 1, total: 3, finished: 3, remaining: 0, node: null })
        assert.isTrue(seen.some(({ fraction }) => fraction > 0 && fraction < 1))
      }).pipe(Effect.scoped, Effect.provide(InvokeAiTest.layer()))
    ))
})
