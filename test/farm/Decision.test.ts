import { UploadError } from "@effect-invokeai/core/assets/Assets"
import { assert, describe, it } from "@effect/vitest"
import { decide } from "../../packages/farm/src/internal/decision.ts"

describe("A farm", () => {
  it("leaves a server alone if an upload to it fails, and not if the URL of an image cannot be read", () => {
    const source = "https://example.com/photo.png"
    assert.deepStrictEqual(decide(new UploadError({ reason: "Connection", source })), { next: "again", isFault: true })
    assert.deepStrictEqual(decide(new UploadError({ reason: "Download", source })), { next: "again", isFault: false })
  })
})
