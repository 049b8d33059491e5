/** Who may see and change what, on a multi-user server. */
import * as Effect from "effect/Effect"
import type { StoredBoard } from "../galleryStore.ts"
import type { RouteContext } from "../routeSupport.ts"
import { type HttpFailure, refusal } from "../SimulatorHttp.ts"

interface Owned {
  readonly userId: string
  readonly boardId: string | null
}

/** Whether something is the user's own, or the user may act on that of others. */
export const isOwn = (context: RouteContext, userId: string): boolean =>
  !context.world.settings.multiUser || context.user.isAdmin || userId === context.user.userId

/**
 * Whether the server responds to a user in the same way to what is missing and to what belongs to another user, as
 * multi-user servers before 6.14 do.
 */
export const hidesMissing = (context: RouteContext): boolean =>
  context.world.profile.minor < 14 && context.world.settings.multiUser && !context.user.isAdmin

/** Whether the user may see a board. */
export const mayReadBoard = (context: RouteContext, board: StoredBoard): boolean =>
  isOwn(context, board.userId) || board.visibility !== "private"

/** Whether the user may change a board and what is on it. */
export const mayWriteBoard = (context: RouteContext, board: StoredBoard): boolean =>
  isOwn(context, board.userId) || board.visibility === "public"

/** Whether the user may see an image or a video. */
export const mayRead = (context: RouteContext, one: Owned): boolean => {
  if (isOwn(context, one.userId)) return true
  const board = one.boardId === null ? undefined : context.world.gallery.boards.get(one.boardId)
  return board !== undefined && board.visibility !== "private"
}

/** Refuses a board that the user may not see; a board that does not exist passes. */
export const readableBoard = (context: RouteContext, id: string | undefined): Effect.Effect<void, HttpFailure> => {
  const board = context.world.gallery.boards.get(id ?? "")
  return board === undefined || mayReadBoard(context, board)
    ? Effect.void
    : Effect.fail(refusal(403, "Not authorized to access this board"))
}
