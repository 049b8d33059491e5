import { Simulator } from "@effect-invokeai/testing/Simulator"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { at, send } from "./support.ts"

const refusals = [
  {
    what: "a path parameter of another type",
    request: ["GET", "/api/v1/queue/default/i/first"],
    issue: { type: "int_parsing", loc: ["path", "item_id"], input: "first" }
  },
  {
    what: "an unknown value of an enumeration",
    request: ["GET", "/api/v1/images/?categories=general&categories=portrait"],
    issue: { type: "enum", loc: ["query", "categories", 1], input: "portrait" }
  },
  {
    what: "a boolean parameter that is not one",
    request: ["GET", "/api/v1/images/names?starred_first=maybe"],
    issue: { type: "bool_parsing", loc: ["query", "starred_first"], input: "maybe" }
  },
  {
    what: "a missing parameter",
    request: ["POST", "/api/v1/boards/"],
    issue: { type: "missing", loc: ["query", "board_name"], input: null }
  },
  {
    what: "a body that is not an object",
    request: ["PATCH", "/api/v1/boards/unknown", ["board"]],
    issue: { type: "model_attributes_type", loc: ["body"], input: ["board"] }
  },
  {
    what: "a missing field of the body",
    request: ["POST", "/api/v1/images/delete", { names: [] }],
    issue: { type: "missing", loc: ["body", "image_names"], input: null }
  },
  {
    what: "an item of another type in a list of the body",
    request: ["PUT", "/api/v1/queue/default/retry_items_by_id", [1, "two"]],
    issue: { type: "int_parsing", loc: ["body", 1], input: "two" }
  },
  {
    what: "a field that the body does not have",
    request: ["PATCH", "/api/v1/boards/unknown", { name: "board" }],
    issue: { type: "extra_forbidden", loc: ["body", "name"], input: "board" }
  }
] as const

describe("the simulator", () => {
  for (const { issue, request: [method, target, body], what } of refusals) {
    it.effect(`rejects ${what} with 422, as the declaration of the route says`, () =>
      Effect.gen(function*() {
        const response = yield* send(method, target, body)
        assert.strictEqual(response.status, 422)
        const { input, loc, type } = Object(at(response.body, "detail", 0))
        assert.deepStrictEqual({ type, loc, input }, issue)
      }).pipe(Effect.provide(Simulator.layer())))
  }
})
