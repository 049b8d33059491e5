/**
 * Boards by id or name.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { WorkflowNotReady } from "../../batch/WorkflowProblems.ts"
import type { InvokeAiError } from "../../InvokeAiError.ts"
import { Boards } from "../../server/Boards.ts"
import { WorkflowResources } from "../../workflow/WorkflowResources.ts"
import { BoardNotFound, SubmissionError } from "../JobError.ts"

/** A board of another user cannot be written to; a name need not look like an id. */
const isAbsent = (error: InvokeAiError): boolean =>
  error.reason._tag === "NotFound" || error.reason._tag === "Forbidden" || error.reason._tag === "Validation"

/** The boards with an id or an exact name. The id decides. */
const matching = Effect.fnUntraced(function*(board: string) {
  const { boards } = yield* WorkflowResources
  const all = yield* boards
  const byId = all.filter(({ id }) => id === board)
  return { all, matches: (byId.length > 0 ? byId : all.filter(({ name }) => name === board)).map(({ id }) => id) }
})

/**
 * The id of a board that is named by its id or its exact name. `none` stands for no board.
 *
 * **Errors**
 *
 * `SubmissionError` with the reason `BoardNotFound` if no board matches, or if several have the name.
 */
const resolveBoard = Effect.fn("BoardName.resolveBoard")(function*(
  board: string
): Effect.fn.Return<string, SubmissionError | InvokeAiError, Boards | WorkflowResources> {
  if (board === "none") return board
  const [remembered, ...rememberedOthers] = (yield* matching(board)).matches
  if (remembered !== undefined && rememberedOthers.length === 0) return remembered
  const { refresh } = yield* WorkflowResources
  const { all, matches } = yield* Effect.andThen(refresh, matching(board))
  const [id, ...others] = matches
  if (id !== undefined && others.length === 0) return id
  // The server need not list every board that it has.
  const unlisted = id === undefined
    ? yield* Boards.use((boards) => boards.get(board)).pipe(
      Effect.asSome,
      Effect.catchIf(isAbsent, () => Effect.succeed(Option.none()))
    )
    : Option.none()
  if (Option.isSome(unlisted)) return unlisted.value.board_id
  const available = matches.length > 0 ? [] : all.map(({ name }) => name)
  return yield* new SubmissionError({ reason: new BoardNotFound({ board, matches, available }) })
})

const lacksBoard = (error: WorkflowNotReady): boolean =>
  error.problems.some(({ code, nodeId }) => code === "missingBoard" && nodeId === undefined)

/**
 * Builds a batch for a board that is named by its id or its exact name; the builder checks that it exists. A board that was
 * deleted a moment ago is looked up again.
 *
 * @internal
 */
export const withBoard = <A, R>(
  board: string | undefined,
  build: (boardId: string | undefined) => Effect.Effect<A, WorkflowNotReady | InvokeAiError, R>
): Effect.Effect<A, SubmissionError | WorkflowNotReady | InvokeAiError, R | Boards | WorkflowResources> => {
  if (board === undefined) return build(undefined)
  const attempt = Effect.flatMap(resolveBoard(board), build)
  return Effect.catchTag(
    attempt,
    "WorkflowNotReady",
    (error) =>
      lacksBoard(error)
        ? WorkflowResources.use(({ refresh }) => Effect.andThen(refresh, attempt))
        : Effect.fail(error)
  )
}
