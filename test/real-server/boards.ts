import { Boards } from "@effect-invokeai/core/server/Boards"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { hasFault } from "./serverFaults.ts"

/** A board until the scope closes; its images are deleted with it. */
export const createdBoard = (name: string) =>
  Effect.acquireRelease(
    Boards.use((boards) => boards.create(name)),
    ({ board_id }) => Effect.ignore(Boards.use((boards) => boards.delete(board_id, { includeImages: true })))
  )

/** Asserts how a server fails that cannot create a board. */
export const failedBoard = Effect.fnUntraced(function*(name: string) {
  const error = yield* Effect.flip(Boards.use((boards) => boards.create(name)))
  assert.strictEqual(error.reason._tag, "Server")
  assert.include(error.message, "Failed to create board")
})

/** A board, or `undefined` on a server that cannot create one: what needs no board is tested there too. */
export const boardIfPossible = (name: string) =>
  hasFault("createsNoBoards") ? Effect.as(failedBoard(name), undefined) : createdBoard(name)
