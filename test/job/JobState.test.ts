import type { JobEvent } from "@effect-invokeai/core/job/JobEvent"
import type { InkOutput } from "@effect-invokeai/core/job/Outputs"
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import { isTerminal, type ItemState } from "../../packages/core/src/job/internal/ItemState.ts"
import type { Observation } from "../../packages/core/src/job/internal/Observation.ts"
import { reduce } from "../../packages/core/src/job/internal/reduceJob.ts"
import * as SubmittedBatch from "../../packages/core/src/job/internal/SubmittedBatch.ts"
import { outputsOf } from "../../packages/core/src/job/JobResult.ts"
import * as JobState from "../../packages/core/src/job/JobState.ts"
import { randomOf } from "../random.ts"
import { batchId, disturb, finalReads, makeHistory, plainGraph } from "./histories.ts"
import { itemFrom } from "./wire.ts"

const labels = new Map([["image", { label: "Picture", type: "blank_image" }]])

const run = (
  observations: ReadonlyArray<Observation>,
  expected: number,
  submitted?: SubmittedBatch.SubmittedBatch
) => {
  let state = JobState.make(batchId, expected)
  const events: Array<JobEvent> = []
  const steps: Array<JobState.JobState> = [state]
  for (const observation of observations) {
    const step = reduce(state, observation, labels, submitted)
    state = step.state
    events.push(...step.events)
    steps.push(state)
  }
  return { state, events, steps }
}

const rank = { open: 0, ended: 1, settled: 2, lost: 2 }

const completions = (events: ReadonlyArray<JobEvent>) =>
  events.filter((event) => event._tag === "InvocationComplete").map((event) => `${event.itemId} ${event.preparedId}`)

describe("JobState", () => {
  it("ends the same whatever is lost, duplicated, late or out of order", () => {
    for (let seed = 0; seed < 600; seed++) {
      const random = randomOf(seed)
      const world = makeHistory(random, { sequences: seed % 3 !== 0 })
      const size = world.memberIds.length
      const perfect = run([world.enqueued, ...world.events, ...finalReads(world)], size)
      assert.isTrue(JobState.isEnded(perfect.state), `seed ${seed}: the perfect stream ends`)
      const disturbed = run([...disturb(world, random), ...random.shuffle(finalReads(world))], size)
      assert.isTrue(JobState.isEnded(disturbed.state), `seed ${seed}: ends`)
      const comparable = (state: JobState.JobState) => ({
        status: JobState.status(state),
        results: JobState.results(state),
        outputs: outputsOf(state)
      })
      assert.deepStrictEqual(comparable(disturbed.state), comparable(perfect.state), `seed ${seed}`)
    }
  })

  it("settles an item from its events exactly as reading it would, whatever is lost, duplicated, late or out of order", () => {
    const submitted = SubmittedBatch.make({ graph: plainGraph, data: null })
    let settledInOrder = 0
    for (let seed = 0; seed < 600; seed++) {
      const random = randomOf(seed + 70_000)
      const world = makeHistory(random, { sequences: seed % 3 !== 0, plain: true })
      const size = world.memberIds.length
      const inOrder = seed % 2 === 0
      const observations = inOrder
        // Lost and duplicated, but not late.
        ? [
          world.enqueued,
          ...world.events.flatMap((one) => random.chance(0.05) ? [] : random.chance(0.3) ? [one, one] : [one])
        ]
        : disturb(world, random).filter((one) => one._tag !== "ItemRead")
      const sorted = (outputs: ReadonlyArray<InkOutput>) =>
        inOrder ? outputs : outputs.toSorted((a, b) => a.preparedId.localeCompare(b.preparedId))
      // Only reading tells whether an item was read, and events may be reported to readers later.
      const comparable = (item: ItemState) => ({ ...item, read: true, reported: null, outputs: sorted(item.outputs) })
      const { state } = run(observations, size, submitted)
      const perfect = run([world.enqueued, ...finalReads(world)], size).state
      for (const item of JobState.items(state).filter((one) => one.phase === "settled")) {
        if (inOrder) settledInOrder++
        const about = `seed ${seed} item ${item.itemId}`
        assert.deepStrictEqual(comparable(item), comparable(JobState.getItem(perfect, item.itemId)!), about)
      }
      const { state: end } = run([...observations, ...random.shuffle(finalReads(world))], size, submitted)
      assert.isTrue(JobState.isEnded(end), `seed ${seed}`)
      assert.deepStrictEqual(
        JobState.results(end).map(comparable),
        JobState.results(perfect).map(comparable),
        `seed ${seed}`
      )
    }
    assert.isAbove(settledInOrder, 100)
  })

  it("never returns to an earlier status", () => {
    for (let seed = 0; seed < 300; seed++) {
      const random = randomOf(seed + 5000)
      const world = makeHistory(random, { sequences: seed % 2 === 0 })
      const { steps } = run([...disturb(world, random), ...finalReads(world)], world.memberIds.length)
      for (let i = 1; i < steps.length; i++) {
        for (const before of JobState.items(steps[i - 1]!)) {
          const after = JobState.getItem(steps[i]!, before.itemId)!
          assert.isAtLeast(rank[after.phase], rank[before.phase], `seed ${seed} step ${i}`)
          if (before.phase === "settled") assert.strictEqual(after.status, before.status)
          if (before.status === "canceled") assert.strictEqual(after.status, "canceled", `seed ${seed} step ${i}`)
          if (JobState.isEnded(steps[i - 1]!)) assert.isTrue(JobState.isEnded(steps[i]!))
        }
      }
    }
  })

  it("reports each finished node exactly once, including those whose events were lost", () => {
    for (let seed = 0; seed < 300; seed++) {
      const random = randomOf(seed + 9000)
      const world = makeHistory(random, { sequences: true })
      const size = world.memberIds.length
      const { events, state } = run([...disturb(world, random), ...finalReads(world)], size)
      const expected = JobState.results(state).flatMap((item) =>
        item.outputs.map((output) => `${item.itemId} ${output.preparedId}`)
      )
      assert.deepStrictEqual(completions(events).toSorted(), expected.toSorted(), `seed ${seed}`)
    }
  })

  it("reports start, nodes and end of every item in this order, whatever is lost, duplicated, late or out of order", () => {
    for (let seed = 0; seed < 600; seed++) {
      const random = randomOf(seed + 20_000)
      const world = makeHistory(random, { sequences: seed % 3 !== 0 })
      const size = world.memberIds.length
      const observations = seed % 5 === 0
        // Nothing but polling: some items are seen while they run, and all at their end.
        ? [world.enqueued, ...random.shuffle(world.allIds).map((id) => world.statusAt(random.below(9), id))]
        : disturb(world, random)
      const { events, state } = run([...observations, ...random.shuffle(finalReads(world))], size)
      assert.isTrue(JobState.isEnded(state), `seed ${seed}`)
      for (const item of JobState.results(state)) {
        const own = events.filter((event) => "itemId" in event && event.itemId === item.itemId)
        const statuses = own.filter((event) => event._tag === "ItemStatusChanged")
        const about = `seed ${seed} item ${item.itemId}: ${own.map((event) => event._tag).join(" ")}`
        assert.strictEqual(statuses.at(-1)?.status, item.status, about)
        assert.strictEqual(own.at(-1), statuses.at(-1), about)
        assert.strictEqual(statuses.filter(({ status }) => isTerminal(status)).length, 1, about)
        for (const [index, { previous, status }] of statuses.entries()) {
          assert.strictEqual(previous, index === 0 ? previous : statuses[index - 1]!.status, about)
          assert.notStrictEqual(previous, status, about)
        }
        const begin = own.findIndex((event) => event._tag === "ItemStatusChanged" && event.status === "in_progress")
        const nodes = new Map<string, "running" | "done">()
        for (const [index, event] of own.entries()) {
          if (!("preparedId" in event)) continue
          assert.isTrue(begin !== -1 && begin < index, about)
          const before = nodes.get(event.preparedId)
          assert.strictEqual(before, event._tag === "InvocationStarted" ? undefined : "running", about)
          const isDone = event._tag === "InvocationComplete" || event._tag === "InvocationError"
          nodes.set(event.preparedId, isDone ? "done" : "running")
        }
      }
    }
  })

  it("reports results found by polling in the order of the nodes", () => {
    for (let seed = 0; seed < 100; seed++) {
      const world = makeHistory(randomOf(seed), { sequences: true })
      const { events, state } = run([world.enqueued, ...finalReads(world)], world.memberIds.length)
      const expected = JobState.items(state).filter((item) => item.role === "member").flatMap((item) =>
        item.outputs.map((output) => `${item.itemId} ${output.preparedId}`)
      )
      assert.deepStrictEqual(completions(events), expected)
    }
  })

  it("keeps a canceled item canceled if a late event says completed", () => {
    const world = makeHistory(randomOf(1), { sequences: true })
    const id = world.memberIds[0]!
    const facts = (status: string, sequence: number) => ({
      itemId: id,
      status,
      sequence,
      sessionId: null,
      createdAt: null,
      updatedAt: null,
      startedAt: null,
      completedAt: null,
      errorType: null,
      errorMessage: null,
      errorTraceback: null
    })
    const { state } = run([
      { _tag: "Enqueued", itemIds: [id], enqueued: 1 },
      { _tag: "Status", facts: facts("canceled", 3) },
      { _tag: "Status", facts: facts("completed", 2) },
      { _tag: "Status", facts: facts("in_progress", 9) }
    ], 1)
    assert.strictEqual(JobState.items(state)[0]!.status, "canceled")
    assert.strictEqual(JobState.items(state)[0]!.phase, "ended")
  })

  it("treats neither waiting nor an unknown status of a newer server as terminal", () => {
    for (const status of ["waiting", "paused_by_moon"]) {
      const item = itemFrom({ item_id: 1, batch_id: batchId, status, session_id: "s", session: {} })
      const { events, state } = run([
        { _tag: "Enqueued", itemIds: [1], enqueued: 1 },
        { _tag: "ItemRead", item }
      ], 1)
      assert.isFalse(JobState.isEnded(state))
      assert.strictEqual(JobState.items(state)[0]!.status, status)
      assert.deepInclude(events.at(-1), { _tag: "ItemStatusChanged", status })
    }
    assert.isFalse(isTerminal("waiting"))
  })

  it("excludes child items from the results, and waits for a retry", () => {
    const item = (id: number, status: string, more: object = {}): Observation => ({
      _tag: "ItemRead",
      item: itemFrom({ item_id: id, batch_id: batchId, status, session_id: `s${id}`, session: {}, ...more })
    })
    const first = run([
      { _tag: "Enqueued", itemIds: [1], enqueued: 1 },
      item(2, "completed", { parent_item_id: 1 }),
      { _tag: "Listed", items: [{ itemId: 1, parentItemId: null, retriedFromItemId: null }] },
      item(3, "pending", { retried_from_item_id: 1 }),
      item(1, "failed", { error_type: "E", error_message: "m" })
    ], 1)
    assert.deepStrictEqual(JobState.items(first.state).map((one) => one.role), ["member", "child", "retry"])
    assert.isFalse(JobState.isEnded(first.state))
    const second = reduce(first.state, item(3, "completed", { retried_from_item_id: 1 }), labels).state
    assert.isTrue(JobState.isEnded(second))
    assert.strictEqual(JobState.status(second), "completed")
    assert.deepStrictEqual(JobState.results(second).map((one) => one.itemId), [3])
  })

  it("does not wait for items that were deleted before they could be read", () => {
    const member = (itemId: number, parentItemId: number | null = null) => ({
      itemId,
      parentItemId,
      retriedFromItemId: undefined
    })
    const end = (item_id: number, more: object = {}): Observation => ({
      _tag: "ItemRead",
      item: itemFrom({ item_id, batch_id: batchId, status: "completed", session_id: "s", session: {}, ...more })
    })
    // Two of four are there, and two children of the others.
    const { state } = run([
      { _tag: "Listed", items: [member(1), member(4), member(5, 2), member(6, 3)] },
      end(1),
      end(4)
    ], 4)
    assert.isTrue(JobState.isEnded(state))
    assert.deepStrictEqual(JobState.results(state).map((item) => item.itemId), [1, 4])
  })

  it("distinguishes extra items from its own", () => {
    const item = (id: number): Observation => ({
      _tag: "ItemRead",
      item: itemFrom({ item_id: id, batch_id: batchId, status: "completed", session_id: `s${id}`, session: {} })
    })
    const { state } = run([{ _tag: "Enqueued", itemIds: [4, 3, 2, 1], enqueued: 2 }, item(1), item(2)], 2)
    assert.deepStrictEqual(JobState.unread(state), [3, 4])
    assert.isFalse(JobState.isEnded(state))
    const { state: read } = run([
      { _tag: "Enqueued", itemIds: [4, 3, 2, 1], enqueued: 2 },
      item(1),
      item(2),
      item(3),
      item(4)
    ], 2)
    assert.deepStrictEqual(JobState.items(read).map((one) => one.role), ["member", "member", "surplus", "surplus"])
    assert.isTrue(JobState.isEnded(read))
    assert.deepStrictEqual(JobState.results(read).map((one) => one.itemId), [1, 2])
  })

  it("names the node that failed", () => {
    for (let seed = 0; seed < 200; seed++) {
      const world = makeHistory(randomOf(seed), { sequences: true })
      const { state } = run([world.enqueued, ...finalReads(world)], world.memberIds.length)
      for (const one of JobState.results(state)) {
        if (one.status !== "failed") continue
        assert.deepInclude(one.error, {
          nodeId: "image",
          nodeLabel: "Picture",
          nodeType: "blank_image",
          errorType: "ZeroDivisionError",
          message: "division by zero"
        })
      }
    }
  })

  it("copies little if a batch has many items", () => {
    const size = 1000
    const itemIds = Array.from({ length: size }, (_, index) => index * 3 + 5)
    const { state } = run([{ _tag: "Enqueued", itemIds, enqueued: size }], size)
    for (const itemId of [5, 8, 1502, 3002]) {
      const item = itemFrom({ item_id: itemId, batch_id: batchId, status: "completed", session_id: "s", session: {} })
      const next = reduce(state, { _tag: "ItemRead", item }, labels).state
      assert.strictEqual(JobState.getItem(next, itemId)?.status, "completed")
      assert.strictEqual(next.pages.filter((page, index) => page !== state.pages[index]).length, 1)
      assert.isTrue(next.pages.every((page) => page.length > 0 && page.length <= 64))
      assert.deepStrictEqual(JobState.items(next).map((one) => one.itemId), itemIds)
    }
    // What is not there is not found, at the ends and between.
    for (const itemId of [0, 6, 3003, 9999]) assert.isUndefined(JobState.getItem(state, itemId))
  })

  it("is plain data", () => {
    const world = makeHistory(randomOf(3), { sequences: true })
    const { state } = run([world.enqueued, ...world.events], world.memberIds.length)
    const revived: unknown = JSON.parse(
      JSON.stringify(state),
      (name, value) => name.endsWith("At") && typeof value === "string" ? DateTime.makeUnsafe(value) : value
    )
    assert.deepStrictEqual(revived, state)
  })
})
