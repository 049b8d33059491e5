import { WorkflowLibrary } from "@effect-invokeai/core/server/WorkflowLibrary"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Support from "../Support.ts"

const Json = Schema.Record(Schema.String, Schema.Unknown)
const workflow = Schema.decodeUnknownSync(Json)(Support.workflowJson("text-only"))

const saved = (document: Readonly<Record<string, unknown>>) =>
  Effect.acquireRelease(
    WorkflowLibrary.use((library) => library.create(document)),
    ({ workflow_id }) => Effect.ignore(WorkflowLibrary.use((library) => library.delete(workflow_id)))
  )

/** Every method of `WorkflowLibrary`. */
export const workflowLibrarySuite = (who: string, layer: Layer.Layer<WorkflowLibrary>): void =>
  it.layer(Layer.merge(layer, NodeServices.layer), { excludeTestServices: true })(
    `the workflow library, as ${who}`,
    (it) => {
      it.effect("lists what the server ships", () =>
        Effect.gen(function*() {
          const library = yield* WorkflowLibrary
          const filter = { categories: ["default"], orderBy: "name", direction: "ASC" } as const
          const shipped = yield* Stream.runCollect(library.list({ ...filter, pageSize: 7 }))
          assert.strictEqual(shipped.length, Support.shippedWorkflows)
          assert.strictEqual(new Set(shipped.map((workflow) => workflow.workflow_id)).size, Support.shippedWorkflows)
          const page = yield* library.page({ ...filter, page: 1, perPage: 7 })
          assert.deepStrictEqual(
            page.items.map((workflow) => workflow.workflow_id),
            shipped.slice(7, 14).map((workflow) => workflow.workflow_id)
          )
          assert.strictEqual((yield* library.countsByCategory(["default"]))["default"], Support.shippedWorkflows)
          assert.isAbove((yield* library.countsByTag(["flux"], { categories: ["default"] }))["flux"] ?? 0, 0)
        }))

      it.effect("lists the tags of what the server ships", () =>
        Effect.gen(function*() {
          const tags = (yield* WorkflowLibrary).tags({ categories: ["default"] })
          yield* Support.needs(
            "GET /api/v1/workflows/tags",
            Effect.map(tags, ({ length }) => assert.isAbove(length, 3)),
            tags
          )
        }))

      it.effect("keeps a workflow: created, found, changed, opened, deleted", () =>
        Effect.gen(function*() {
          const library = yield* WorkflowLibrary
          const record = yield* saved({ ...workflow, tags: "odd-tag" })
          const id = record.workflow_id
          assert.strictEqual(record.name, "Text and Numbers")
          const read = yield* library.get(id)
          assert.deepStrictEqual(read.workflow["nodes"], workflow["nodes"])
          assert.deepStrictEqual(read.workflow["form"], workflow["form"])
          assert.include(
            (yield* Stream.runCollect(library.list({ query: "Numbers", categories: ["user"] }))).map((one) =>
              one.workflow_id
            ),
            id
          )
          assert.isAbove((yield* library.countsByCategory(["user"]))["user"] ?? 0, 0)
          assert.strictEqual((yield* library.countsByTag(["odd-tag"], { categories: ["user"] }))["odd-tag"], 1)
          if (Support.has("GET /api/v1/workflows/tags")) {
            assert.include(yield* library.tags({ categories: ["user"] }), "odd-tag")
          }
          const changed = yield* library.update(id, { ...workflow, name: "Another name" })
          assert.strictEqual(changed.name, "Another name")
          yield* library.setOpened(id)
          assert.isDefined((yield* library.get(id)).opened_at)
          yield* library.setThumbnail(id, { data: Support.picture(300, 200) })
          const thumbnail = yield* Stream.runCollect(library.thumbnail(id))
          assert.isAbove(Buffer.concat(thumbnail).length, 0)
          yield* library.deleteThumbnail(id)
          yield* library.delete(id)
          assert.deepStrictEqual(yield* library.find(id), Option.none())
          assert.strictEqual((yield* Effect.flip(library.delete(id))).reason._tag, "NotFound")
        }).pipe(Effect.scoped))

      it.effect("shares a workflow", () =>
        Effect.gen(function*() {
          const library = yield* WorkflowLibrary
          const { workflow_id } = yield* saved(workflow)
          const share = library.setPublic(workflow_id, true)
          yield* Support.needs(
            "PATCH /api/v1/workflows/i/{workflow_id}/is_public",
            Effect.map(share, (record) => assert.isTrue(record.is_public)),
            share
          )
        }).pipe(Effect.scoped))

      it.effect("saves a file and returns it unchanged", () =>
        Effect.gen(function*() {
          const library = yield* WorkflowLibrary
          const fs = yield* FileSystem.FileSystem
          const path = yield* Path.Path
          const folder = yield* fs.makeTempDirectoryScoped({ prefix: "effect-invokeai-library-" })
          const { workflow_id } = yield* library.uploadFile(Support.workflowFile("batch-groups"))
          const file = path.join(folder, "back.json")
          yield* library.downloadFile(workflow_id, file)
          const back = yield* Schema.decodeEffect(Schema.fromJsonString(Json))(yield* fs.readFileString(file))
          const sent = Schema.decodeUnknownSync(Json)(Support.workflowJson("batch-groups"))
          for (const key of ["name", "nodes", "edges", "form", "exposedFields"]) {
            assert.deepStrictEqual(back[key], sent[key], key)
          }
          yield* library.delete(workflow_id)
        }).pipe(Effect.scoped))
    }
  )
