import type { InvokeAiError } from "@effect-invokeai/core/InvokeAiError"
import { Auth } from "@effect-invokeai/core/server/Auth"
import { Boards } from "@effect-invokeai/core/server/Boards"
import { Images } from "@effect-invokeai/core/server/Images"
import { isRedacted, SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import { WorkflowLibrary } from "@effect-invokeai/core/server/WorkflowLibrary"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { randomUUID } from "node:crypto"
import { hasFault } from "../serverFaults.ts"
import { services } from "../suites/services.ts"
import * as Support from "../Support.ts"

const admin = services(Support.accounts[0])
const first = services(Support.accounts[1])
const second = services(Support.accounts[2])

const reason = <A, R>(effect: Effect.Effect<A, InvokeAiError, R>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason._tag)

describe("users of a multi-user server", () => {
  it.live("are created and deleted by the administrator, and change their own name", () =>
    Effect.gen(function*() {
      const auth = yield* Auth
      assert.isTrue((yield* auth.status).multiuser_enabled)
      const account = { email: "passing@example.com", password: Redacted.make("Passing-through-1") }
      const user = yield* auth.createUser({ ...account, display_name: "Passing" })
      assert.isFalse(user.is_admin)
      assert.include((yield* auth.users).map((user) => user.user_id), user.user_id)
      assert.strictEqual((yield* auth.user(user.user_id)).email, account.email)
      assert.strictEqual(yield* reason(auth.user("missing")), "NotFound")
      const theirs = services({ email: account.email, password: Redacted.value(account.password) })
      yield* Effect.gen(function*() {
        const auth = yield* Auth
        const login = yield* auth.login({ ...account, rememberMe: true })
        assert.strictEqual(login.expires_in, 7 * 24 * 60 * 60)
        assert.strictEqual((yield* auth.me).user_id, user.user_id)
        assert.strictEqual((yield* auth.updateMe({ display_name: "Renamed" })).display_name, "Renamed")
        assert.strictEqual(yield* reason(auth.users), "Forbidden")
        assert.strictEqual(
          yield* reason(auth.setup({ email: "second-admin@example.com", password: account.password })),
          "Validation"
        )
        yield* auth.logout
      }).pipe(Effect.provide(theirs))
      yield* auth.deleteUser(user.user_id)
      assert.notInclude((yield* auth.users).map((user) => user.user_id), user.user_id)
      assert.strictEqual(yield* reason(Auth.use((auth) => auth.me).pipe(Effect.provide(theirs))), "Unauthorized")
    }).pipe(Effect.provide(admin)))

  it.live("cannot access another user's resources", () =>
    Effect.gen(function*() {
      const board = yield* Boards.use((boards) => boards.create("private"))
      const image = yield* Images.use((images) =>
        images.upload({ data: Support.picture(16, 16), boardId: board.board_id })
      )
      const workflow = yield* WorkflowLibrary.use((library) =>
        library.create(
          Schema.decodeUnknownSync(Schema.Record(Schema.String, Schema.Unknown))(
            Support.workflowJson("text-only")
          )
        )
      )
      const batchId = randomUUID()
      const { item_ids: [itemId] } = yield* SessionQueue.use((queue) =>
        queue.enqueueBatch({
          batch_id: batchId,
          graph: { id: "secret", nodes: { text: { id: "text", type: "string", value: "a secret" } }, edges: [] }
        })
      )
      yield* SessionQueue.use((queue) => queue.batchStatus(batchId)).pipe(
        Effect.repeat({ until: (status) => status.completed === 1, schedule: Schedule.spaced("100 millis") })
      )

      yield* Effect.gen(function*() {
        const images = yield* Images
        const boards = yield* Boards
        const queue = yield* SessionQueue
        const library = yield* WorkflowLibrary
        const { image_name } = image
        const { board_id } = board
        assert.strictEqual(yield* reason(images.get(image_name)), "Forbidden")
        const file = Stream.runDrain(images.full(image_name))
        yield* hasFault("servesForeignImageFiles")
          ? file
          : Effect.map(reason(file), (tag) => assert.strictEqual(tag, "Forbidden"))
        assert.strictEqual(yield* reason(images.metadata(image_name)), "Forbidden")
        assert.strictEqual(yield* reason(images.delete(image_name)), "Forbidden")
        assert.strictEqual(yield* reason(images.update(image_name, { starred: true })), "Forbidden")
        assert.deepStrictEqual(yield* images.byNames([image_name]), [])
        assert.deepStrictEqual(yield* images.deleteMany([image_name]), { succeeded: [], failed: [image_name] })
        assert.deepStrictEqual(yield* images.star([image_name]), { succeeded: [], failed: [image_name] })
        const { image_names } = yield* images.names()
        assert.strictEqual(image_names.includes(image_name), hasFault("listsForeignImageNames"))

        assert.strictEqual(yield* reason(boards.get(board_id)), "Forbidden")
        assert.strictEqual(yield* reason(boards.delete(board_id)), "Forbidden")
        assert.strictEqual(
          yield* reason(images.upload({ data: Support.picture(8, 8), boardId: board_id })),
          "Forbidden"
        )
        assert.notInclude((yield* boards.all()).map((board) => board.board_id), board_id)

        const seen = yield* queue.item(itemId!)
        assert.isTrue(isRedacted(seen))
        assert.notInclude(JSON.stringify(seen), "a secret")
        assert.strictEqual((yield* queue.batchStatus(batchId)).total, 0)
        assert.strictEqual(yield* reason(queue.cancelItem(itemId!)), "Forbidden")
        assert.strictEqual(yield* reason(queue.deleteItem(itemId!)), "Forbidden")
        assert.strictEqual(yield* queue.cancelByBatchIds([batchId]), 0)

        const foreign = yield* reason(library.get(workflow.workflow_id))
        assert.include(["Forbidden", "NotFound"], foreign)
        assert.include(["Forbidden", "NotFound"], yield* reason(library.delete(workflow.workflow_id)))
      }).pipe(Effect.provide(second))

      assert.isTrue(yield* Images.use((images) => images.exists(image.image_name)))
      yield* Boards.use((boards) => boards.delete(board.board_id, { includeImages: true }))
      yield* WorkflowLibrary.use((library) => library.delete(workflow.workflow_id))
    }).pipe(Effect.provide(first)))
})
