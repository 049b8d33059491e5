import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Calls from "../../scripts/real-server/Calls.ts"

const routes = [
  { method: "GET", path: "/api/v1/boards/{board_id}" },
  { method: "GET", path: "/api/v1/boards/none" },
  { method: "POST", path: "/api/v1/images/star" }
]
const call = (method: string, path: string, status: number, ...by: ReadonlyArray<string>) =>
  JSON.stringify({ method, path, status, by })
const lines = [
  call("GET", "/api/v1/boards/b-1", 200, "Boards.get", "Boards.delete", "some test"),
  call("GET", "/api/v1/boards/b-2", 404, "Boards.get"),
  call("GET", "/api/v1/boards/none", 200),
  call("POST", "/somewhere", 405, "Images.star")
]

describe("The table of pnpm test:server", () => {
  it.effect("has every method of every service, and every function over them", () =>
    Effect.gen(function*() {
      const methods = yield* Calls.methods
      for (const name of ["Boards.addImages", "Images.full", "SessionQueue.items", "Videos.find", "Auth.user"]) {
        assert.isTrue(methods.has(name), name)
      }
      for (const name of ["Assets.uploadFile", "Downloads.many", "Cleanup.outputs", "Downloads.zip"]) {
        assert.isTrue(methods.has(name), name)
      }
      for (const name of ["SessionQueue.queueId", "Downloads.DownloadError"]) assert.isFalse(methods.has(name), name)
      assert.isAbove(methods.size, 140)
    }))

  it("reports which method called which route, and what was not called", () => {
    const known = new Set(["Boards.get", "Boards.delete", "Images.star", "Images.get"])
    const counts = Calls.count(routes, known, lines)
    const rows = Calls.table([{ name: "single", counts }]).map((row) => row.replaceAll(/ +/g, " "))
    assert.deepStrictEqual(rows, [
      "method route single",
      "(the client itself) GET /api/v1/boards/none 200×1",
      "Boards.get GET /api/v1/boards/{board_id} 200×1 404×1",
      "Images.star POST /somewhere (not in the server's document) 405×1"
    ])
    assert.deepStrictEqual(Calls.untried(known, [{ counts }]), ["Images.get"])
    const missed = Calls.uncalled([{ counts, routes }])
    assert.include(missed, "POST /api/v1/images/star")
    assert.notInclude(missed, "GET /api/v1/boards/{board_id}")
  })
})
