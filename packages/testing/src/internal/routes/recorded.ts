/** The routes that the library does not use. */
import * as Effect from "effect/Effect"
import { orReject, route } from "../routeSupport.ts"
import type { Implementations } from "../simulatorApi.ts"
import { json, refusal } from "../SimulatorHttp.ts"
import { endSessions, findUser, mediaCookie, setPassword } from "./auth.ts"
import { addToBoard, removeFromBoards } from "./boards.ts"

/** Routes of recordings. */
export const recorded: Implementations<"recorded"> = {
  mediaCookie: {
    handler: ({ request }) => {
      const token = (request.headers["authorization"] ?? "").replace(/^bearer\s+/i, "")
      return Effect.succeed(json({ success: true }, 200, mediaCookie(token, 86_400)))
    }
  },
  updateUser: route(function*(context) {
    const { display_name: displayName, is_active: isActive, is_admin: isAdmin, password } = context.payload
    const user = yield* findUser(context, context.params.user_id)
    user.displayName = displayName ?? user.displayName
    if (typeof password === "string") setPassword(context, user, password)
    user.isAdmin = isAdmin ?? user.isAdmin
    if (typeof isActive === "boolean" && isActive !== user.isActive) {
      user.isActive = isActive
      if (!isActive) endSessions(context, user)
    }
    user.updatedAt = context.now
    return json(context.world.users.toJson(user))
  }, { adminOnly: true }),
  addBoardImage: route(function*(context) {
    const { board_id: boardId, image_name: name } = context.payload
    return json(yield* addToBoard(context, boardId, [name]), 201)
  }),
  removeBoardImage: route(function*(context) {
    return yield* Effect.succeed(json(removeFromBoards(context, [context.payload.image_name]), 201))
  }),
  modelByAttributes: route(function*(context) {
    const { base, name, type } = context.query
    const found = [...context.world.models.values()].find((model) =>
      model.name === name && model.type === type && model.base === base
    )
    return json(yield* orReject(found, () => refusal(404, "No model found with these attributes")))
  })
}
