/**
 * Boards by id or name.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { InvokeAiError } from "../../InvokeAiError.ts"
import { Boards } from "../../server/Boards.ts"
import { BoardNotFound, SubmissionError } from "../JobError.ts"

/** A board of another user cannot be written to; a name need not look like an id. */
const isAbsent = (error: InvokeAiError): boolean =>
  error.reason._tag === "NotFound" || error.reason._tag === "Forbidden" || error.reason._tag === "Validation"

/**
 * The id of a board that is named by its id or its exact name. `none` stands for no board.
 *
 * **Errors**
 *
 * `SubmissionError` with the reason `BoardNotFound` if no board matches, or if several have the name.
 *
 * @category operations
 * @since 0.1.0
 */
export const resolveBoard = Effect.fn("BoardName.resolveBoard")(function*(
  board: string
): Effect.fn.Return<string, SubmissionError | InvokeAiError, Boards> {
  if (board === "none") return board
  const boards = yield* Boards
  const byId = yield* boards.get(board).pipe(
    Effect.asSome,
    Effect.catchIf(isAbsent, () => Effect.succeed(Option.none()))
  )
  if (Option.isSome(byId)) return byId.value.board_id
  const all = yield* boards.all({ includeArchived: true })
  const matches = all.filter(({ board_name }) => board_name === board).map(({ board_id }) => board_id)
  const [id, ...others] = matches
  if (id !== undefined && others.length === 0) return id
  const available = matches.length > 0 ? [] : all.map(({ board_name }) => board_name)
  return yield* new SubmissionError({ reason: new BoardNotFound({ board, matches, available }) })
})
