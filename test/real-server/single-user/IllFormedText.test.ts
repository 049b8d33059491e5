import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as IllFormedText from "../../illFormedText.ts"
import * as Support from "../Support.ts"

const send = (method: string, path: string, body?: unknown) =>
  Effect.gen(function*() {
    const request = HttpClientRequest.make(method === "GET" ? "GET" : method === "PUT" ? "PUT" : "POST")(
      Support.url + path
    )
    const response = yield* HttpClient.execute(
      body === undefined ? request : HttpClientRequest.bodyJsonUnsafe(request, body)
    )
    return { status: response.status, text: yield* response.text }
  })

it.layer(Support.httpClient, { excludeTestServices: true })("half of a surrogate pair", (it) => {
  for (const { batch, model, where } of IllFormedText.unreadable) {
    it.effect(`is an internal error in ${where}, and its item blocks the queue until it is canceled`, () =>
      Effect.gen(function*() {
        const observed = yield* IllFormedText.observe(send, batch, Effect.sleep("2 seconds"))
        assert.deepStrictEqual(
          observed,
          IllFormedText.expected(model, Support.has("POST /api/v1/queue/{queue_id}/item_summaries_by_ids"))
        )
      }))
  }

  it.effect("is an error that leaves no items where the database stores text", () =>
    Effect.gen(function*() {
      for (const { batch } of IllFormedText.rejected) {
        assert.deepStrictEqual(yield* IllFormedText.reject(send, batch), IllFormedText.rejection)
      }
    }))
})
