import { isRedacted, SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as CommandResult from "../../CommandResult.ts"
import { columns } from "../columns.ts"
import { outcome } from "../Output.ts"
import * as Server from "../server.ts"

const isActive = (status: string): boolean => status === "pending" || status === "in_progress" || status === "waiting"

/** `queue`: pending and running items. */
export const handler = Effect.fn("Command.queue")(function*() {
  const service = yield* SessionQueue
  const { processor, queue } = yield* service.status
  const items = queue.pending + queue.in_progress + (queue.waiting ?? 0) === 0
    ? []
    : yield* service.summaries({ order: "ASC" }).pipe(
      Stream.filter((item) => isActive(item.status)),
      Stream.map((item) => ({
        itemId: item.item_id,
        batchId: item.batch_id,
        status: item.status,
        origin: item.origin ?? null
      })),
      Stream.runCollect
    )
  const data: CommandResult.Queue = {
    queueId: service.queueId,
    running: processor.is_started,
    pending: queue.pending,
    inProgress: queue.in_progress,
    completed: queue.completed,
    failed: queue.failed,
    canceled: queue.canceled,
    items
  }
  const counts =
    `${data.inProgress} running, ${data.pending} waiting, ${data.completed} completed, ${data.failed} failed, ` +
    `${data.canceled} canceled`
  return yield* outcome(
    CommandResult.Queue,
    data,
    [
      `Queue ${data.queueId}${data.running ? "" : " (paused)"}: ${counts}`,
      ...(items.length === 0 ? [] : [columns(items.map((item) => [
        String(item.itemId),
        item.status,
        isRedacted({ batch_id: item.batchId }) ? "of another user" : item.batchId,
        item.origin ?? ""
      ]))])
    ].join("\n")
  )
}, Effect.provide(Server.layer))
