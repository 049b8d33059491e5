/** Results of a run, for tests of what is made of them. */
import type { FarmResult } from "@effect-invokeai/farm/FarmResult"
import * as Png from "@effect-invokeai/testing/Png"

/** The result of an item that completed, with other members where a test says so. */
export const resultOf = (index: number, more: Partial<FarmResult> = {}): FarmResult => ({
  run: "tonight",
  item: `item-${index}`,
  index,
  status: "completed",
  inputs: { prompt: "a lighthouse", steps: 20 },
  files: [{ path: `out/${index}.png`, width: 512, height: 256 }],
  server: "http://gpu-1:9090",
  queuedAt: 0,
  startedAt: index * 1000,
  completedAt: index * 1000 + 900,
  attempts: 1,
  ...more
})

/** The result of an item that failed. */
export const failureOf = (index: number, more: Partial<FarmResult> = {}): FarmResult =>
  resultOf(index, {
    status: "failed",
    files: [],
    error: { tag: "JobFailed", message: "Node \"Denoise\" failed: ValueError: wrong" },
    ...more
  })

/** An image of 512 pixels that compresses badly, another one for each seed. */
export const noise = (seed: number): Uint8Array => {
  const data = new Uint8Array(512 * 512 * 4)
  for (let index = 0, state = seed; index < data.length; index++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7f_ff_ff_ff
    data[index] = index % 4 === 3 ? 255 : state >> 16
  }
  return Png.encode({ width: 512, height: 512, data })
}
