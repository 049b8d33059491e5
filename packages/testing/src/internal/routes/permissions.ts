/** Permissions on a multi-user server. */
import * as Effect from "effect/Effect"
import type { StoredBoard } from "../galleryStore.ts"
import type { RouteContext } from "../routeSupport.ts"
import { type HttpFailure, refusal } from "../SimulatorHttp.ts"

interface Owned {
  readonly userId: string
  readonly boardId: string | null
}

/** Whether a resource belongs to the user, or the user may act on those of other users. */
export const isOwn = (context: RouteContext, userId: string): boolean =>
  !context.world.settings.multiUser || context.user.isAdmin || userId === context.user.userId

/**
 * Whether the server responds in the same way to a missing resource and to one that belongs to another user, as
 * multi-user servers before 6.14 do.
 */
export const hidesMissing = (context: RouteContext): boolean =>
  context.world.profile.minor < 14 && context.world.settings.multiUser && !context.user.isAdmin

/** Whether the user may see a board. */
export const mayReadBoard = (context: RouteContext, board: StoredBoard): boolean =>
  isOwn(context, board.userId) || board.visibility !== "private"

/** Whether the user may change a board and its contents. */
export const mayWriteBoard = (context: RouteContext, board: StoredBoard): boolean =>
  isOwn(context, board.userId) || board.visibility === "public"

/** Whether the user may see an image or a video. */
export const mayRead = (context: RouteContext, one: Owned): boolean => {
  if (isOwn(context, one.userId)) return true
  const board = one.boardId === null ? undefined : context.world.gallery.boards.get(one.boardId)
  return board !== undefined && board.visibility !== "private"
}

/** Rejects a board that the user may not see; a missing board passes. */
export const readableBoard = (context: RouteContext, id: string | undefined): Effect.Effect<void, HttpFailure> => {
  const board = context.world.gallery.boards.get(id ?? "")
  return board === undefined || mayReadBoard(context, board)
    ? Effect.void
    : Effect.fail(refusal(403, "Not authorized to access this board"))
}
