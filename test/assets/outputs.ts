/**
 * Outputs of a finished job, as `Job.outputs` gives them.
 */
import * as Outputs from "@effect-invokeai/core/job/Outputs"
import type { InkImageOutput } from "@effect-invokeai/core/job/Outputs"
import * as Duration from "effect/Duration"

export const imageOutput = (imageName: string, more: Partial<InkImageOutput> = {}): InkImageOutput => ({
  _tag: "InkImageOutput",
  type: "image_output",
  data: { type: "image_output", image: { image_name: imageName }, width: 8, height: 8 },
  nodeId: "node-1",
  nodeLabel: "Save",
  nodeType: "save_image",
  preparedId: "prepared-1",
  itemId: 1,
  sessionId: "s-1",
  itemIndex: 0,
  iteration: [],
  index: 0,
  isIntermediate: false,
  boardId: null,
  imageName,
  width: 8,
  height: 8,
  isPassthrough: false,
  seed: null,
  ...more
})

export const outputsOf = (
  outputs: ReadonlyArray<Outputs.InkOutput>,
  more: { readonly batchId?: string; readonly itemIds?: ReadonlyArray<number> } = {}
): Outputs.WorkflowOutput =>
  Outputs.make({
    batchId: more.batchId ?? "batch-1",
    status: "completed",
    items: (more.itemIds ?? [1]).map((itemId, itemIndex) => ({
      itemId,
      sessionId: `s-${itemId}`,
      itemIndex,
      status: "completed",
      fieldValues: [{ nodeId: "noise", fieldName: "seed", value: 7 }],
      executionTime: Duration.millis(2500),
      outputs: itemIndex === 0 ? outputs : []
    }))
  })
