import { assert, describe, it } from "@effect/vitest"
import { disposable, dispose, take } from "../../packages/core/src/internal/chunk.ts"

describe("chunks whose memory is used again", () => {
  it("are used again once they are disposed, and only once", () => {
    const memory = take()
    const chunk = disposable(memory, 10)
    assert.strictEqual(chunk.length, 10)
    dispose(chunk)
    dispose(chunk)
    const [second, third] = [take(), take()]
    assert.strictEqual(second.buffer, memory.buffer)
    assert.notStrictEqual(third.buffer, memory.buffer)
  })

  it("take no memory that is not their own", () => {
    const foreign = take().slice()
    dispose(foreign)
    assert.notStrictEqual(take().buffer, foreign.buffer)
  })
})
