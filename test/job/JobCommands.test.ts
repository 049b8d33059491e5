/** What a job's state asks of the server, and when it is certain enough to end. */
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import type { Observation } from "../../packages/core/src/job/internal/Observation.ts"
import { type Command, reduce as reduceJob, type Transition } from "../../packages/core/src/job/internal/reduceJob.ts"
import * as SubmittedBatch from "../../packages/core/src/job/internal/SubmittedBatch.ts"
import * as JobState from "../../packages/core/src/job/JobState.ts"
import { randomOf } from "../random.ts"
import { batchId, disturb, finalReads, type History, makeHistory, plainGraph } from "./histories.ts"

const nodes = new Map([["image", { label: "Picture", type: "blank_image" }]])

const reduce = (state: JobState.JobState, observation: Observation) => reduceJob(state, observation, nodes)

const reduceAll = (state: JobState.JobState, observations: ReadonlyArray<Observation>) =>
  observations.reduce((state, observation) => reduce(state, observation).state, state)

const enqueued = (world: History, mayHaveDuplicates: boolean): Observation => ({
  _tag: "Enqueued",
  itemIds: [...world.memberIds].toReversed(),
  enqueued: world.memberIds.length,
  mayHaveDuplicates
})

const tags = (commands: ReadonlyArray<Command>) => commands.map((command) => command._tag)

const facts = (itemId: number, status: string) => ({
  itemId,
  status,
  sequence: null,
  sessionId: null,
  createdAt: null,
  updatedAt: null,
  startedAt: null,
  completedAt: null,
  errorType: null,
  errorMessage: null,
  errorTraceback: null
})

const one = reduceAll(JobState.make(batchId, 2), [{ _tag: "Enqueued", itemIds: [2, 1], enqueued: 2 }])

describe("a job", () => {
  it("requests a recount before it ends exactly if items may be missing, whatever is lost, duplicated, late or out of order", () => {
    for (let seed = 0; seed < 500; seed++) {
      const random = randomOf(seed + 40_000)
      const world = makeHistory(random, { sequences: seed % 3 !== 0 })
      const missed = random.chance(0.4)
      const twice = random.chance(0.3)
      const observations = disturb({ ...world, enqueued: enqueued(world, twice) }, random)
      if (missed) {
        observations.splice(random.below(observations.length + 1), 0, { _tag: "EventConnection", isUp: false })
      }
      // A recount from before the items ended says nothing about their retries.
      observations.unshift({ _tag: "Recounted" })
      const before = reduceAll(JobState.make(batchId, world.memberIds.length), observations)
      const reads = random.shuffle(finalReads(world))
      const { commands, state } = reads.reduce<Transition>(
        (last, read) => reduce(last.state, read),
        { state: before, events: [], commands: [] }
      )
      const status = JobState.status(state)
      const expected = missed || twice || status === "failed" || status === "canceled"
      assert.isTrue(JobState.isEnded(state), `seed ${seed}`)
      assert.strictEqual(state.needsRecount, expected, `seed ${seed}: ${status}`)
      assert.strictEqual(JobState.isDone(state), !expected, `seed ${seed}`)
      assert.strictEqual(tags(commands).includes("Recount"), expected, `seed ${seed}`)
      // After the recount nothing that comes late asks for another one.
      let done = reduce(state, { _tag: "Recounted" }).state
      for (const late of random.shuffle([...world.events, ...reads])) {
        assert.isTrue(JobState.isDone(done), `seed ${seed}`)
        const next = reduce(done, late)
        assert.notInclude(tags(next.commands), "Recount", `seed ${seed}`)
        done = next.state
      }
    }
  })

  it("ends by its own commands, polls and recounts, however many of them fail", () => {
    for (let seed = 0; seed < 300; seed++) {
      const random = randomOf(seed + 60_000)
      const world = makeHistory(random, { sequences: seed % 2 === 0 })
      const size = world.memberIds.length
      const end = world.events.length
      let state = JobState.make(batchId, size)
      const commands: Array<Command> = []
      const failures = new Map<number, number>()
      const observe = (observation: Observation) => {
        const next = reduce(state, observation)
        state = next.state
        commands.push(...next.commands)
      }
      const read = (itemId: number) => {
        const failed = failures.get(itemId) ?? 0
        if (failed < 4 && random.chance(0.3)) {
          failures.set(itemId, failed + 1)
          observe(
            random.chance(0.5)
              ? { _tag: "ReadFailed", itemId, at: failed }
              : { _tag: "ItemNotFound", itemId, batchTotal: world.allIds.length, isOtherItem: false }
          )
        } else observe(world.readAt(end, itemId))
      }
      for (const observation of disturb({ ...world, enqueued: enqueued(world, random.chance(0.5)) }, random)) {
        observe(observation)
      }
      for (let step = 0; !JobState.isDone(state); step++) {
        assert.isBelow(step, 1000, `seed ${seed}: does not end`)
        const [command] = commands.splice(random.below(commands.length), 1)
        if (command === undefined) {
          // The sweep: what has to be read, and what is open.
          const sweep = [...JobState.unread(state), ...JobState.openItems(state).map((item) => item.itemId)]
          assert.isTrue(sweep.length > 0, `seed ${seed}: has nothing to ask`)
          for (const itemId of sweep) read(itemId)
        } else if (command._tag === "ReadItem") read(command.itemId)
        else if (command._tag === "Recount") {
          const items = world.allIds.flatMap((id) => {
            const seen = world.readAt(end, id)
            return seen._tag === "ItemRead" ? [seen.item] : []
          })
          observe({ _tag: "Listed", items })
          observe({ _tag: "Recounted" })
        } else assert.fail(`seed ${seed}: no item is extra`)
      }
      const perfect = reduceAll(JobState.make(batchId, size), [world.enqueued, ...world.events, ...finalReads(world)])
      const comparable = (end: JobState.JobState) =>
        JobState.results(end).map(({ itemId, outputs, status }) => ({
          itemId,
          status,
          // A canceled item gets the results of its last nodes a moment after it was canceled.
          outputs: status === "canceled" ? [] : outputs
        }))
      assert.deepStrictEqual(comparable(state), comparable(perfect), `seed ${seed}`)
      assert.isTrue(JobState.results(state).every((item) => state.unreadableSince[item.itemId] === undefined))
    }
  })

  it("reads each item that ended or whose role is unknown, and cancels extra items", () => {
    const known = reduce(JobState.make(batchId, 1), { _tag: "Enqueued", itemIds: [2, 1], enqueued: 1 })
    assert.deepStrictEqual(known.commands, [{ _tag: "ReadItem", itemId: 2 }])
    const extra = reduce(known.state, {
      _tag: "ItemRead",
      item: {
        ...facts(2, "pending"),
        batchId,
        parentItemId: null,
        retriedFromItemId: null,
        fieldValues: [],
        session: {}
      }
    })
    assert.deepStrictEqual(extra.commands, [{ _tag: "CancelExtraItems", itemIds: [2] }])
    assert.deepStrictEqual(extra.events.flatMap((event) => event._tag === "JobWarning" ? [event.reason] : []), [
      "ExtraItems"
    ])
    const ended = reduce(extra.state, { _tag: "Status", facts: facts(1, "completed") })
    assert.deepStrictEqual(ended.commands, [{ _tag: "ReadItem", itemId: 1 }])
  })

  it("reads a running item without a known session, because the session identifies its images", () => {
    const running = { ...facts(1, "in_progress"), startedAt: DateTime.makeUnsafe("2026-01-01T00:00:00.000Z") }
    assert.deepStrictEqual(reduce(one, { _tag: "Status", facts: running }).commands, [{ _tag: "ReadItem", itemId: 1 }])
    const known = { ...running, sessionId: "session" }
    assert.deepStrictEqual(reduce(one, { _tag: "Status", facts: known }).commands, [])
  })

  it("requests a recount when an event mentions more items than are known", () => {
    const status = (batchTotal: number): Observation => ({ _tag: "Status", facts: facts(1, "pending"), batchTotal })
    assert.deepStrictEqual(reduce(one, status(2)).commands, [])
    const more = reduce(one, status(3))
    assert.deepStrictEqual(more.commands, [{ _tag: "Recount" }])
    const counted = reduce(more.state, { _tag: "Recounted" }).state
    assert.deepStrictEqual(reduce(counted, status(3)).commands, [])
    assert.isTrue(counted.mayHaveMissedItems)
  })

  it("considers an item lost only if the server certainly does not have it", () => {
    const missing = (batchTotal: number, isOtherItem = false): Observation => ({
      _tag: "ItemNotFound",
      itemId: 1,
      batchTotal,
      isOtherItem
    })
    const phase = (observations: ReadonlyArray<Observation>) => JobState.getItem(reduceAll(one, observations), 1)?.phase
    assert.strictEqual(phase(Array.from({ length: 4 }, () => missing(2))), "open")
    assert.strictEqual(phase(Array.from({ length: 5 }, () => missing(2))), "lost")
    assert.strictEqual(phase([missing(1)]), "lost")
    assert.strictEqual(phase([missing(2, true)]), "lost")
  })

  it("does not count a failed request as a sign of life", () => {
    const failed = reduce(one, { _tag: "ReadFailed", itemId: 1, at: 5 })
    assert.deepStrictEqual(failed.state.unreadableSince, { 1: 5 })
    assert.deepStrictEqual(failed.commands, [])
    assert.isFalse(JobState.isProgress(one, failed.state))
    const again = reduce(failed.state, { _tag: "ReadFailed", itemId: 1, at: 9 })
    assert.deepStrictEqual(again.state.unreadableSince, { 1: 5 })
    const missing = reduce(again.state, { _tag: "ItemNotFound", itemId: 1, batchTotal: 2, isOtherItem: false })
    assert.deepStrictEqual(missing.state.unreadableSince, {})
    assert.isFalse(JobState.isProgress(again.state, missing.state))
  })

  it("emits each warning once", () => {
    const warning: Observation = { _tag: "Warned", reason: "WorkerBusy", message: "busy" }
    const first = reduce(one, warning)
    assert.deepStrictEqual(first.events, [
      { _tag: "JobWarning", reason: "WorkerBusy", message: "busy", itemIds: [] }
    ])
    assert.deepStrictEqual(reduce(first.state, warning).events, [])
  })

  it("misses no event before it has been submitted", () => {
    const down: Observation = { _tag: "EventConnection", isUp: false }
    const up: Observation = { _tag: "EventConnection", isUp: true }
    assert.isFalse(reduceAll(JobState.make(batchId, 1), [down, up]).mayHaveMissedItems)
    assert.isTrue(reduceAll(one, [down, up]).mayHaveMissedItems)
  })

  it("reads a completed item exactly if its events do not show every result with certainty", () => {
    const submitted = SubmittedBatch.make({ graph: plainGraph, data: null })
    const gap: Observation = { _tag: "EventConnection", isUp: false }
    const isRead = (observations: ReadonlyArray<Observation>, batch = submitted) =>
      observations.reduce<{ readonly state: JobState.JobState; readonly read: boolean }>(
        ({ read, state }, observation) => {
          const next = reduceJob(state, observation, nodes, batch)
          return { state: next.state, read: read || tags(next.commands).includes("ReadItem") }
        },
        { state: JobState.make(batchId, 1), read: false }
      ).read
    let seen = 0
    for (let seed = 0; seed < 300; seed++) {
      const random = randomOf(seed)
      const world = makeHistory(random, { sequences: true, plain: true })
      const isSimple = world.allIds.length === 1 && JobState.status(
            reduceAll(JobState.make(batchId, 1), [world.enqueued, ...finalReads(world)])
          ) === "completed"
      if (!isSimple) continue
      seen++
      const all = [world.enqueued, ...world.events]
      assert.isFalse(isRead(all), `seed ${seed}`)
      assert.isFalse(isRead([...world.events, world.enqueued]), `seed ${seed}: events before the response`)
      // Not before the batch was submitted: nothing is missed then.
      const at = 1 + random.below(world.events.length - 1)
      assert.isTrue(isRead(all.toSpliced(at, 0, gap)), `seed ${seed}: a gap`)
      assert.isTrue(
        isRead(all.toSpliced(at, 0, gap, { _tag: "EventConnection", isUp: true })),
        `seed ${seed}: a short gap`
      )
      for (const [index, event] of all.entries()) {
        if (event._tag !== "Node" || event.change._tag !== "Complete") continue
        assert.isTrue(isRead(all.toSpliced(index, 1)), `seed ${seed}: a lost result`)
      }
      const other = { ...plainGraph, nodes: { ...plainGraph.nodes, other: { id: "other", type: "integer" } } }
      assert.isTrue(isRead(all, SubmittedBatch.make({ graph: other, data: null })), `seed ${seed}: another node`)
      const data = [[{ node_path: "sum", field_name: "string_left", items: ["not this"] }]]
      assert.isTrue(isRead(all, SubmittedBatch.make({ graph: plainGraph, data })), `seed ${seed}: another value`)
      const loop = { ...plainGraph, nodes: { ...plainGraph.nodes, range: { id: "range", type: "iterate" } } }
      assert.isTrue(isRead(all, SubmittedBatch.make({ graph: loop, data: null })), `seed ${seed}: an iteration`)
    }
    assert.isAbove(seen, 10)
  })
})
