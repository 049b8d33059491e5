/** Deletions through a connection and a proxy that fail now and then. */
import { Images } from "@effect-invokeai/core/server/Images"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import { Videos } from "@effect-invokeai/core/server/Videos"
import { WorkflowLibrary } from "@effect-invokeai/core/server/WorkflowLibrary"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { drive } from "../time.ts"
import { html, imageDto, json, networkError, scriptedHttp, type ScriptedResponse } from "./scriptedHttp.ts"

const services = Layer.mergeAll(Images.layer, SessionQueue.layer, Videos.layer, WorkflowLibrary.layer)

/** A server that responds to the first deletions as told, and carries out those that `done` names. */
const withFailures = (
  failures: ReadonlyArray<{ readonly response: () => ScriptedResponse; readonly done: boolean }>
) => {
  const things = new Set(["a", "b"])
  let deletions = 0
  const server = scriptedHttp(({ body, method, path }) => {
    const name = path.split("/").at(-1) ?? ""
    const names = body !== null && typeof body === "object" && "image_names" in body
      ? body.image_names as Array<string>
      : []
    if (path.endsWith("/images_by_names")) return json(names.filter((one) => things.has(one)).map(imageDto))
    if (path.endsWith("/videos/names")) {
      return json({ video_names: [...things], starred_count: 0, total_count: things.size })
    }
    const isMany = path.endsWith("/images/delete")
    if (method === "GET") {
      return things.has(name) ? json(imageDto(name)) : json({ detail: "not found" }, { status: 404 })
    }
    const failure = failures[deletions++]
    const deleted = (isMany ? names : [name]).filter((one) =>
      failure?.done === false ? things.has(one) : things.delete(one)
    )
    if (failure !== undefined) return failure.response()
    if (deleted.length === 0 && !isMany) return json({ detail: "not found" }, { status: 404 })
    return json({ deleted_images: deleted, deleted_videos: deleted, failed_images: [], affected_boards: [] })
  })
  return { things, deletions: () => deletions, layer: services.pipe(Layer.provide(server.layer({ retries: 2 }))) }
}

const transient: ReadonlyArray<readonly [string, () => ScriptedResponse]> = [
  ["503", () => new Response("busy", { status: 503 })],
  ["502", () => new Response("bad gateway", { status: 502 })],
  ["429", () => new Response("slow down", { status: 429 })],
  ["500", () => new Response("Internal Server Error", { status: 500 })],
  ["a dropped connection", () => networkError("ECONNRESET")],
  ["a web page with status 200", () => html()]
]

const operations = {
  "Images.delete": Effect.flatMap(Images, (images) => images.delete("a")),
  "Videos.delete": Effect.flatMap(Videos, (videos) => videos.delete("a")),
  "WorkflowLibrary.delete": Effect.flatMap(WorkflowLibrary, (library) => library.delete("a")),
  "Images.deleteMany": Effect.flatMap(
    Images,
    (images) =>
      Effect.map(images.deleteMany(["a"]), (result) => assert.deepStrictEqual(result, { succeeded: ["a"], failed: [] }))
  )
}

describe("Deleting", () => {
  for (const [operation, effect] of Object.entries(operations)) {
    for (const [failure, response] of transient) {
      for (const done of [false, true]) {
        // a 429 says that nothing was done, and old servers respond with 500 for a missing workflow
        if (done && (failure === "429" || (failure === "500" && operation.startsWith("Workflow")))) continue
        it.effect(`${operation} succeeds after ${failure} ${done ? "that hides a deletion" : "in its place"}`, () => {
          const server = withFailures([{ response, done }])
          return drive(
            Effect.gen(function*() {
              yield* effect
              assert.isFalse(server.things.has("a"))
            }).pipe(Effect.provide(server.layer))
          )
        })
      }
    }
  }

  it.effect("fails for a missing resource, without a retry", () => {
    const server = withFailures([])
    return Effect.gen(function*() {
      const error = yield* Effect.flip((yield* Images).delete("missing"))
      assert.strictEqual(error.reason._tag, "NotFound")
      assert.strictEqual(server.deletions(), 1)
    }).pipe(Effect.provide(server.layer))
  })

  it.effect("gives up after the configured number of retries", () => {
    const server = withFailures(Array.from({ length: 9 }, () => ({
      response: () => new Response("busy", { status: 503 }),
      done: false
    })))
    return drive(
      Effect.gen(function*() {
        const error = yield* Effect.flip((yield* Images).delete("a"))
        assert.strictEqual(error.status, 503)
        assert.strictEqual(server.deletions(), 3)
      }).pipe(Effect.provide(server.layer))
    )
  })

  it.effect("retries the deletion of a queue item", () => {
    let requests = 0
    const server = scriptedHttp(() =>
      ++requests === 1 ? networkError("ECONNRESET") : json({ detail: "no" }, { status: 404 })
    )
    return drive(
      Effect.gen(function*() {
        yield* (yield* SessionQueue).deleteItem(7)
        assert.strictEqual(requests, 2)
      }).pipe(Effect.provide(services.pipe(Layer.provide(server.layer()))))
    )
  })
})
