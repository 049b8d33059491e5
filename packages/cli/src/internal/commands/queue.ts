import type { InvokeAiError } from "@effect-invokeai/core/InvokeAiError"
import { isRedacted, SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Order from "effect/Order"
import * as Stream from "effect/Stream"
import * as CommandResult from "../../CommandResult.ts"
import { columns } from "../columns.ts"
import { outcome } from "../Output.ts"
import * as Server from "../server.ts"

interface Item {
  readonly item_id: number
  readonly batch_id: string
  readonly status: string
  readonly origin?: string | null
}

const isActive = (status: string): boolean => status === "pending" || status === "in_progress" || status === "waiting"

/** `queue`: pending and running items. */
export const handler = Effect.fn("Command.queue")(function*() {
  const service = yield* SessionQueue
  const { processor, queue } = yield* service.status
  const all: Stream.Stream<Item, InvokeAiError> = service.summaries({ order: "ASC" })
  const items = Stream.catchIf(
    all,
    ({ reason }) => reason._tag === "Unsupported",
    // older servers list items only with their sessions
    () => Stream.fromIterableEffect(Effect.map(service.listAll(), Arr.sortWith((item) => item.item_id, Order.Number)))
  )
  const active = queue.pending + queue.in_progress + (queue.waiting ?? 0) === 0
    ? []
    : yield* Stream.filter(items, (item) => isActive(item.status)).pipe(
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
    items: active
  }
  const counts =
    `${data.inProgress} running, ${data.pending} waiting, ${data.completed} completed, ${data.failed} failed, ` +
    `${data.canceled} canceled`
  return yield* outcome(
    CommandResult.Queue,
    data,
    [
      `Queue ${data.queueId}${data.running ? "" : " (paused)"}: ${counts}`,
      ...(active.length === 0 ? [] : [columns(active.map((item) => [
        String(item.itemId),
        item.status,
        isRedacted({ batch_id: item.batchId }) ? "of another user" : item.batchId,
        item.origin ?? ""
      ]))])
    ].join("\n")
  )
}, Effect.provide(Server.layer))
