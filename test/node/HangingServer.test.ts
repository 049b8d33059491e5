/** Ctrl-C in a program whose server accepts connections and never responds. */
import { assert, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"

/** Starts the program; sends the signals when the server has its request. Returns the exit code and the milliseconds. */
const interrupt = async (closeTimeout: number, signals: number, mode = "plain") => {
  const program = spawn(process.execPath, [
    fileURLToPath(new URL("fixtures/hanging-upload.ts", import.meta.url)),
    String(closeTimeout),
    mode
  ], { stdio: ["ignore", "pipe", "inherit"] })
  const ended = new Promise<number | null>((resolve) => program.on("exit", resolve))
  await new Promise<void>((resolve) => {
    program.stdout.on("data", (data: Buffer) => {
      if (data.includes("received")) resolve()
    })
  })
  const began = performance.now()
  for (let sent = 0; sent < signals; sent++) {
    program.kill("SIGINT")
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
  return { code: await ended, millis: performance.now() - began }
}

describe("A program that uploads to a server that never responds", () => {
  it("ends on Ctrl-C as soon as closeTimeout is over", async () => {
    const { code, millis } = await interrupt(1000, 1)
    assert.strictEqual(code, 130)
    assert.isBelow(millis, 4000)
  })

  it("ends immediately on a second Ctrl-C", async () => {
    const { code, millis } = await interrupt(60_000, 2)
    assert.strictEqual(code, 130)
    assert.isBelow(millis, 4000)
  })

  it("leaves signals to its own listeners if it has any", async () => {
    const { code, millis } = await interrupt(3000, 2, "own")
    assert.strictEqual(code, 130)
    assert.isAbove(millis, 2500)
  })
})
