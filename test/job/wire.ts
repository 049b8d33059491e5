/** Queue items and events as the client decodes them, from the fields that matter to a test. */
import * as Schema from "effect/Schema"
import { fromEvent, fromItem, type ItemSnapshot } from "../../packages/core/src/job/internal/Observation.ts"
import { SessionQueueItem } from "../../packages/core/src/server/api/QueueSchemas.ts"
import { decode } from "../../packages/core/src/server/ServerEvent.ts"

const decodeItem = Schema.decodeUnknownSync(Schema.toCodecJson(SessionQueueItem))

const created = "2026-01-01 00:00:00.000"

/** A queue item that was read. */
export const itemFrom = (fields: Readonly<Record<string, unknown>>): ItemSnapshot =>
  fromItem(decodeItem({
    queue_id: "default",
    session_id: "s",
    session: {},
    priority: 0,
    created_at: created,
    updated_at: created,
    ...fields
  }))

/** What an event says about a batch. */
export const eventFrom = (name: string, payload: unknown) => fromEvent(decode(name, payload))
