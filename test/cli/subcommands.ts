/** Every subcommand on a server, with its `--json` output validated. Runs on the simulator and on the real server. */
import * as CommandResult from "@effect-invokeai/cli/CommandResult"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type * as Scope from "effect/Scope"
import { data, example, failure, invoke } from "./support.ts"

const thumbnail = example("soft-thumbnail.json")
const mountain = example("mountain.png")

/** The subcommands on a server that `withServer` starts or knows. */
export const subcommandsSuite = (
  server: string,
  withServer: (
    use: (url: string) => Effect.Effect<void, unknown, Scope.Scope | FileSystem.FileSystem>
  ) => Effect.Effect<void, unknown, Scope.Scope | FileSystem.FileSystem>
) => {
  const test = (
    title: string,
    use: (
      env: { readonly INVOKEAI_URL: string }
    ) => Effect.Effect<void, unknown, Scope.Scope | FileSystem.FileSystem>
  ) =>
    it.live(
      title,
      () => withServer((INVOKEAI_URL) => use({ INVOKEAI_URL })).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
      60_000
    )

  describe(`the command on ${server}`, () => {
    test("lists models, boards and the queue", (env) =>
      Effect.gen(function*() {
        const { data: { models } } = yield* data(CommandResult.Models, ["models"], { env })
        assert.isAbove(models.length, 0)
        const type = models[0]!.type
        const { data: filtered } = yield* data(CommandResult.Models, ["models", "--type", type], { env })
        assert.deepStrictEqual(filtered.models, models.filter((model) => model.type === type))
        yield* data(CommandResult.Boards, ["boards", "--archived"], { env })
        const { data: queue } = yield* data(CommandResult.Queue, ["queue"], { env })
        assert.isTrue(queue.running)
      }))

    test("looks at a workflow", (env) =>
      Effect.gen(function*() {
        const { data: inputs } = yield* data(CommandResult.Inputs, ["inputs", thumbnail], { env })
        assert.deepStrictEqual(inputs.inputs.map((input) => input.flag), ["softness", "height", "width", "photo"])
        const { data: described } = yield* data(CommandResult.Text, ["describe", thumbnail], { env })
        assert.include(described.text, "photo")
        const { data: diagram } = yield* data(CommandResult.Text, ["diagram", thumbnail], { env })
        assert.match(diagram.text, /^(flowchart|graph)/)
        const { data: same } = yield* data(CommandResult.Diff, ["diff", thumbnail, thumbnail], { env })
        assert.isTrue(same.isEmpty)
        const { data: other } = yield* data(
          CommandResult.Diff,
          ["diff", thumbnail, example("flux-image-to-image.json")],
          { env }
        )
        assert.isAbove(other.nodes.length, 0)
      }))

    test("runs a workflow and saves its images, also after the command that submitted it has ended", (env) =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const cwd = yield* fs.makeTempDirectoryScoped()
        const run = ["run", thumbnail, "--photo", mountain, "--width", "96", "--height", "64"]
        const { data: made, events } = yield* data(
          CommandResult.Run,
          [
            ...run,
            "--runs",
            "2",
            "--softness",
            "1",
            "--out",
            "made",
            "--name",
            "{workflow}-{index}",
            "--format",
            "webp"
          ],
          { env, cwd }
        )
        assert.deepStrictEqual(made.images.map(({ height, width }) => [width, height]), [[96, 64], [96, 64]])
        assert.deepStrictEqual((yield* fs.readDirectory(`${cwd}/made`)).length, 2)
        assert.isTrue(made.files.every(({ path }) => /^made\/.*\.webp$/.test(path)))
        const fractions = events.flatMap((event) => event.type === "progress" ? [event.fraction] : [])
        assert.deepStrictEqual(fractions, fractions.toSorted((left, right) => left - right))
        assert.deepInclude(events, { type: "submitted", batchId: made.batchId, items: 2 })

        const { data: again } = yield* data(CommandResult.Run, ["outputs", made.batchId, "--out", "again"], {
          env,
          cwd
        })
        assert.deepStrictEqual(again.images.map(({ name }) => name), made.images.map(({ name }) => name))

        yield* fs.writeFileString(`${cwd}/values.json`, JSON.stringify({ photo: mountain, width: 80 }))
        const { data: submitted } = yield* data(
          CommandResult.Run,
          ["run", thumbnail, "--values", "values.json", "--height", "48", "--detach"],
          { env, cwd }
        )
        assert.strictEqual(submitted.status, "submitted")
        const { data: attached } = yield* data(CommandResult.Run, ["attach", submitted.batchId], { env, cwd })
        assert.deepStrictEqual(attached.images.map(({ height, width }) => [width, height]), [[80, 48]])
        const { data: canceled } = yield* data(CommandResult.Cancel, ["cancel", submitted.batchId], { env })
        assert.deepStrictEqual([canceled.canceled, canceled.finished.length], [[], 1])
      }))

    test("documents the inputs of a workflow in the help of run", (env) =>
      Effect.gen(function*() {
        const { stdout } = yield* invoke(["run", thumbnail, "--help"], { env })
        assert.match(stdout, /--width <integer> .*an integer greater than 0.*Default: 384/)
        assert.match(stdout, /--photo <image> .*Required/)
        const { stdout: flux } = yield* invoke(["run", example("flux-image-to-image.json"), "--help"], { env })
        assert.match(flux, /--model <\w+>/)
      }))

    test("says what keeps a workflow from running", (env) =>
      Effect.gen(function*() {
        const found = yield* failure(["check", thumbnail], { env })
        assert.deepStrictEqual([found.code, found.tag], [3, "WorkflowNotReady"])
        assert.include(found.message, "photo")
      }))

    test("puts a workflow into the library, lists it, gets it and replaces it", (env) =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const folder = yield* fs.makeTempDirectoryScoped()
        const { data: { id, name } } = yield* data(CommandResult.LibraryPut, ["library", "put", thumbnail], { env })
        const { data: listed } = yield* data(CommandResult.LibraryList, ["library", "list", "--query", name], { env })
        assert.include(listed.workflows.map((entry) => entry.id), id)
        const { data: printed } = yield* data(CommandResult.LibraryGet, ["library", "get", id], { env })
        const file = `${folder}/workflow.json`
        const { data: written } = yield* data(CommandResult.LibraryGet, ["library", "get", id, "--out", file], { env })
        assert.deepStrictEqual(JSON.parse(yield* fs.readFileString(written.path ?? "")), printed.workflow)
        const { data: inputs } = yield* data(CommandResult.Inputs, ["inputs", id], { env })
        assert.strictEqual(inputs.inputs.length, 4)
        const { data: replaced } = yield* data(
          CommandResult.LibraryPut,
          ["library", "put", file, "--replace", id],
          { env }
        )
        assert.deepStrictEqual(replaced, { id, name, replaced: true })
      }))
  })
}
