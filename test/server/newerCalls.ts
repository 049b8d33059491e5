import type { InvokeAiError } from "@effect-invokeai/core/InvokeAiError"
import { Auth } from "@effect-invokeai/core/server/Auth"
import { Models } from "@effect-invokeai/core/server/Models"
import { SystemPrompts, Utilities } from "@effect-invokeai/core/server/Prompts"
import { ServerInfo } from "@effect-invokeai/core/server/ServerInfo"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import { Videos } from "@effect-invokeai/core/server/Videos"
import { WorkflowLibrary } from "@effect-invokeai/core/server/WorkflowLibrary"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/** One call for each route that not all supported releases have, with the first release and the route. */
export const newerCalls = Effect.gen(function*() {
  const videos = yield* Videos
  const prompts = yield* SystemPrompts
  const utilities = yield* Utilities
  const queue = yield* SessionQueue
  const library = yield* WorkflowLibrary
  const auth = yield* Auth
  const models = yield* Models
  const video = "/api/v1/videos/i/{video_name}"
  const queueRoute = "/api/v1/queue/{queue_id}"
  const bytes = new Uint8Array([1])
  const list: ReadonlyArray<readonly [since: string | undefined, string, Effect.Effect<unknown, InvokeAiError>]> = [
    ["6.14", "POST /api/v1/videos/upload", videos.upload({ data: bytes })],
    ["6.14", `GET ${video}`, videos.get("a.mp4")],
    ["6.14", `GET ${video}`, videos.find("a.mp4")],
    ["6.14", "GET /api/v1/videos/", Stream.runDrain(videos.list())],
    ["6.14", "GET /api/v1/videos/names", videos.names()],
    ["6.14", `PATCH ${video}`, videos.update("a.mp4", { starred: true })],
    ["6.14", "POST /api/v1/videos/star", videos.star(["a.mp4"])],
    ["6.14", "POST /api/v1/videos/unstar", videos.unstar(["a.mp4"])],
    ["6.14", `DELETE ${video}`, videos.delete("a.mp4")],
    ["6.14", "POST /api/v1/videos/delete", videos.deleteMany(["a.mp4"])],
    ["6.14", "POST /api/v1/videos/board", videos.addToBoard("b", "a.mp4")],
    ["6.14", "DELETE /api/v1/videos/board", videos.removeFromBoard("a.mp4")],
    ["6.14", `GET ${video}/metadata`, videos.metadata("a.mp4")],
    ["6.14", `GET ${video}/workflow`, videos.workflow("a.mp4")],
    ["6.14", `GET ${video}/full`, Stream.runDrain(videos.full("a.mp4"))],
    ["6.14", `GET ${video}/thumbnail`, Stream.runDrain(videos.thumbnail("a.mp4"))],
    ["6.14", "GET /api/v1/system_prompts/", prompts.list],
    ["6.14", "POST /api/v1/system_prompts/", prompts.create({ name: "a", content: "b" })],
    ["6.14", "GET /api/v1/system_prompts/i/{system_prompt_id}", prompts.get("x")],
    ["6.14", "DELETE /api/v1/system_prompts/i/{system_prompt_id}", prompts.delete("x")],
    ["6.14", `POST ${queueRoute}/item_summaries_by_ids`, queue.itemSummariesByIds([1])],
    ["6.14", "GET /api/v1/app/generation_device_options", (yield* ServerInfo).generationDevices],
    ["6.13", "POST /api/v1/utilities/expand-prompt", utilities.expandPrompt({ prompt: "a", model_key: "m" })],
    ["6.13", "POST /api/v1/utilities/image-to-prompt", utilities.imageToPrompt({ image_name: "a", model_key: "m" })],
    ["6.13", "PATCH /api/v1/workflows/i/{workflow_id}/is_public", library.setPublic("w", true)],
    ["6.12", "GET /api/v2/models/missing", models.missing],
    ["6.12", "GET /api/v1/auth/me", auth.me],
    ["6.12", "GET /api/v1/auth/users/{user_id}", auth.user("u")],
    ["6.12", "POST /api/v1/auth/logout", auth.logout],
    ["6.12", "DELETE /api/v1/auth/users/{user_id}", auth.deleteUser("u")],
    ["6.10", "GET /api/v1/workflows/tags", library.tags()],
    ["6.7", `GET ${queueRoute}/item_ids`, queue.itemIds()],
    ["6.7", `POST ${queueRoute}/items_by_ids`, queue.itemsByIds([1])],
    [undefined, `GET ${queueRoute}/enqueue_batch/receipt`, queue.enqueueReceipt("key")],
    [undefined, `POST ${queueRoute}/enqueue_batch/acknowledge`, queue.acknowledgeEnqueue("key")]
  ]
  return list.map(([since, operation, call]) => ({ since, operation, call }))
})
