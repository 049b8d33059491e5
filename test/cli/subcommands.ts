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

/** A workflow with one more node, which loads a model. */
export const withModel = (workflow: string, key: string): string => {
  const parsed = JSON.parse(workflow)
  parsed.nodes.push({
    id: "loader",
    type: "invocation",
    position: { x: 0, y: 0 },
    data: {
      id: "loader",
      type: "main_model_loader",
      version: "1.0.4",
      label: "",
      notes: "",
      isOpen: true,
      isIntermediate: true,
      useCache: true,
      inputs: { model: { name: "model", label: "", description: "", value: { key } } }
    }
  })
  return JSON.stringify(parsed)
}

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
        const { data: none, stderr } = yield* data(CommandResult.Models, ["models", "--type", "lroa"], { env })
        assert.deepStrictEqual(none.models, [])
        assert.include(stderr, "No model has the type lroa. Those on the server: ")
        assert.include(stderr, type)
        yield* data(CommandResult.Boards, ["boards", "--archived"], { env })
        const { data: queue } = yield* data(CommandResult.Queue, ["queue"], { env })
        assert.isTrue(queue.running)
      }))

    test("describes a workflow", (env) =>
      Effect.gen(function*() {
        const { data: inputs } = yield* data(CommandResult.Inputs, ["inputs", thumbnail], { env })
        assert.deepStrictEqual(inputs.inputs.map((input) => input.flag), ["photo", "width", "height", "softness"])
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

    test("writes a typed module with the node types of the server, and finds it unchanged", (env) =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const cwd = yield* fs.makeTempDirectoryScoped()
        const types = ["types", thumbnail, "--out", "src", "--online"]
        const { data: written } = yield* data(CommandResult.Types, types, { env, cwd })
        assert.deepStrictEqual(written.modules.map(({ path, status }) => [path, status]), [
          ["src/soft-thumbnail.ts", "missing"]
        ])
        assert.include(
          yield* fs.readFileString(`${cwd}/src/soft-thumbnail.ts`),
          "readonly photo: TypedWorkflow.ImageInput"
        )
        const { data: checked } = yield* data(CommandResult.Types, [...types, "--check"], { env, cwd })
        assert.deepStrictEqual(checked.modules.map(({ status }) => status), ["same"])
      }))

    test("runs a workflow and saves its images, even after the command that submitted it has ended", (env) =>
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

    test("reproduces an image from its file and from its name, with other values if provided", (env) =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const cwd = yield* fs.makeTempDirectoryScoped()
        const run = ["run", thumbnail, "--photo", mountain, "--width", "96", "--height", "64"]
        const { data: made } = yield* data(CommandResult.Run, run, { env, cwd })
        const file = made.files.find(({ kind }) => kind === "image")
        const sizes = (result: CommandResult.Run) => result.images.map(({ height, width }) => [width, height])
        // the photo was deleted after the run
        const missing = yield* failure(["reproduce", file?.path ?? ""], { env, cwd })
        assert.deepStrictEqual([missing.code, missing.tag], [3, "WorkflowNotReady"])
        assert.include(missing.message, "photo")
        const { data: again } = yield* data(
          CommandResult.Run,
          ["reproduce", file?.path ?? "", "--photo", mountain],
          { env, cwd }
        )
        assert.deepStrictEqual(sizes(again), [[96, 64]])
        const { data: smaller } = yield* data(
          CommandResult.Run,
          ["reproduce", file?.image ?? "", "--photo", mountain, "--width", "48"],
          { env, cwd }
        )
        assert.deepStrictEqual(sizes(smaller), [[48, 64]])
      }))

    test("finds nothing wrong with the server", (env) =>
      Effect.gen(function*() {
        const { data: found } = yield* data(CommandResult.Doctor, ["doctor"], { env })
        assert.isTrue(found.healthy, JSON.stringify(found.findings))
        assert.deepStrictEqual(
          [...new Set(found.findings.map(({ subject }) => subject))].toSorted(),
          ["disk", "events", "login", "models", "queue", "server", "version"]
        )
      }))

    test("locks the requirements of a workflow, and reports how a server differs", (env) =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const cwd = yield* fs.makeTempDirectoryScoped()
        const { data: models } = yield* data(CommandResult.Models, ["models", "--type", "main"], { env })
        const model = models.models.find(({ base }) => base === "sd-1")
        yield* fs.writeFileString(
          `${cwd}/workflow.json`,
          withModel(yield* fs.readFileString(thumbnail), model?.key ?? "")
        )
        const { data: written } = yield* data(CommandResult.LockWritten, ["lock", "workflow.json"], { env, cwd })
        assert.deepStrictEqual(written.lock.models.map(({ hash }) => hash), [model?.hash])
        assert.hasAnyKeys(written.lock.nodes, ["img_blur"])
        yield* data(CommandResult.LockCheck, ["check", "--lock", written.path], { env, cwd })
        const other: CommandResult.Lock = {
          ...written.lock,
          server: "6.0.0",
          nodes: { ...written.lock.nodes, img_blur: "0.0.1", teleport: "1.0.0" },
          models: written.lock.models.map((each) => Object.assign({}, each, { hash: "blake3:other" }))
        }
        yield* fs.writeFileString(`${cwd}/other.json`, JSON.stringify(other))
        const found = yield* failure(["check", "--lock", "other.json"], { env, cwd })
        assert.deepStrictEqual([found.code, found.tag], [3, "LockMismatch"])
        for (const name of ["InvokeAI", "img_blur", "teleport", model?.name ?? ""]) assert.include(found.message, name)
      }))

    test("documents the inputs of a workflow in the help of run", (env) =>
      Effect.gen(function*() {
        const { stdout } = yield* invoke(["run", thumbnail, "--help"], { env })
        assert.match(stdout, /--width <integer> .*an integer greater than 0.*Default: 384/)
        assert.match(stdout, /--photo <image> .*Required/)
        const { stdout: flux } = yield* invoke(["run", example("flux-image-to-image.json"), "--help"], { env })
        assert.match(flux, /--model <\w+>/)
      }))

    test("reports why a workflow cannot run", (env) =>
      Effect.gen(function*() {
        const found = yield* failure(["check", thumbnail], { env })
        assert.deepStrictEqual([found.code, found.tag], [3, "WorkflowNotReady"])
        assert.include(found.message, "photo")
      }))

    test("saves a workflow in the library, lists it, gets it and replaces it", (env) =>
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
