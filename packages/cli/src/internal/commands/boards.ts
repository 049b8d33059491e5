import { Boards } from "@effect-invokeai/core/server/Boards"
import * as Effect from "effect/Effect"
import * as CommandResult from "../../CommandResult.ts"
import { columns } from "../columns.ts"
import { outcome } from "../Output.ts"
import * as Server from "../server.ts"

/** `boards`: the boards of the server. */
export const handler = Effect.fn("Command.boards")(function*(input: { readonly archived: boolean }) {
  const service = yield* Boards
  const boards = (yield* service.all({ includeArchived: input.archived })).map((board) => ({
    id: board.board_id,
    name: board.board_name,
    images: board.image_count,
    archived: board.archived === true
  }))
  return yield* outcome(
    CommandResult.Boards,
    { boards },
    boards.length === 0
      ? "No boards."
      : columns(boards.map((board) => [
        board.name,
        board.images === 1 ? "1 image" : `${board.images} images`,
        board.archived ? "archived" : "",
        board.id
      ]))
  )
}, Effect.provide(Server.layer))
