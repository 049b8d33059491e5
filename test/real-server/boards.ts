import { Boards } from "@effect-invokeai/core/server/Boards"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { hasFault } from "./serverFaults.ts"

/** Creates a board. Where the server reports a failure although it created the board, asserts that and finds the board. */
const create = Effect.fnUntraced(function*(name: string) {
  const boards = yield* Boards
  if (!hasFault("failsAfterCreatingBoards")) return yield* boards.create(name)
  const before = new Set((yield* boards.all()).map((board) => board.board_id))
  const error = yield* Effect.flip(boards.create(name))
  assert.strictEqual(error.reason._tag, "Server")
  assert.include(error.message, "Failed to create board")
  const created = (yield* boards.all()).filter((board) => !before.has(board.board_id))
  assert.deepStrictEqual(created.map((board) => board.board_name), [name])
  return created[0]!
})

/** A board until the scope closes; its images are deleted with it. */
export const createdBoard = (name: string) =>
  Effect.acquireRelease(
    create(name),
    ({ board_id }) => Effect.ignore(Boards.use((boards) => boards.delete(board_id, { includeImages: true })))
  )
