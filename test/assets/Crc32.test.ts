import { assert, describe, it } from "@effect/vitest"
import { crc32 as native } from "node:zlib"
import { crc32, portable } from "../../packages/core/src/internal/crc32.ts"

describe("crc32", () => {
  it("is the same on every platform, for one chunk and for several", () => {
    const bytes = Uint8Array.from({ length: 1000 }, (_, index) => (index * 7919) % 256)
    for (const sum of [crc32, portable]) {
      assert.strictEqual(sum(bytes), native(bytes))
      assert.strictEqual(sum(bytes.subarray(300), sum(bytes.subarray(0, 300))), native(bytes))
      assert.strictEqual(sum(new Uint8Array(0)), 0)
    }
    assert.notStrictEqual(crc32, portable)
  })
})
