import * as CommandResult from "@effect-invokeai/cli/CommandResult"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { withServer } from "../examples/support.ts"
import { data, example, failure, invoke, root, start } from "./support.ts"

const nowhere = { INVOKEAI_URL: "http://127.0.0.1:9", INVOKEAI_RETRIES: "0" }

describe("The command", () => {
  it.live("prints help and version to standard output", () =>
    Effect.gen(function*() {
      for (const args of [["--help"], [], ["library"], ["inputs", "--help"], ["--version"]]) {
        const { code, stderr, stdout } = yield* invoke(args)
        assert.deepStrictEqual([code, stderr], [0, ""], args.join(" "))
        assert.include(stdout, "effect-invokeai")
      }
    }))

  it.live("prints completions for shells that know its subcommands", () =>
    Effect.gen(function*() {
      for (const shell of ["bash", "zsh", "fish", "powershell"]) {
        const { stdout } = yield* invoke(["--completions", shell])
        assert.include(stdout, "library", shell)
        assert.notInclude(stdout, "softness", shell)
      }
    }))

  it.live("prints completions with the flags of a workflow", () =>
    Effect.gen(function*() {
      for (const shell of ["bash", "zsh", "fish", "powershell"]) {
        const args = ["run", example("soft-thumbnail.json"), "--completions", shell]
        const { code, stdout } = yield* invoke(args, { env: nowhere })
        assert.strictEqual(code, 0, shell)
        assert.include(stdout, "softness", shell)
      }
    }))

  it.live("exits with 2 for invalid arguments, and lists valid ones", () =>
    Effect.gen(function*() {
      for (
        const [args, tag, message] of [
          [["modles"], "UnknownSubcommand", "models"],
          [["inputs"], "MissingArgument", "workflow"],
          [["models", "--typ", "main"], "UnrecognizedOption", "--type"],
          [["simulate", "--port", "70000"], "InvalidValue", "65535"],
          [["diff", "a", "b", "c"], "UnexpectedArgument", "c"],
          [["attach", ""], "InvalidValue", "Expected the id of a batch, got nothing"],
          [["run", ""], "InvalidValue", "Expected a workflow, got nothing"],
          [["library", "get", " "], "InvalidValue", "got nothing"],
          [["outputs", "a-batch", "--out", ""], "InvalidValue", "Expected a folder, got nothing"],
          [
            ["types", example("soft-thumbnail.json"), "--out", example("mountain.png")],
            "PlatformError",
            "a part of the path is a file, not a directory"
          ],
          [["inputs", "missing.json"], "WorkflowNotFound", "missing.json"],
          [["inputs", example("mountain.png"), "--offline"], "WorkflowNotFound", "workflow"]
        ] as const
      ) {
        const found = yield* failure(args)
        assert.deepStrictEqual([found.code, found.tag], [2, tag], args.join(" "))
        assert.include(found.message, message)
        assert.include(found.stderr, found.message)
        assert.notStrictEqual(found.help, "")
      }
    }))

  it.live("exits with 4 if the server is unreachable", () =>
    Effect.gen(function*() {
      const found = yield* failure(["models"], { env: nowhere })
      assert.deepStrictEqual([found.code, found.tag], [4, "InvokeAiError"])
      assert.include(found.help, "doctor")
    }))

  it.live("exits with 2 if it could not save files, before it submits a job", () =>
    withServer({}, ({ url }) =>
      Effect.gen(function*() {
        const args = ["run", example("soft-thumbnail.json"), "--photo", example("mountain.png")]
        for (
          const [flags, message] of [
            [["--name", "{nope}"], "--name {nope}: Invalid file name template"],
            [["--out", example("mountain.png")], "a part of the path is a file"]
          ] as const
        ) {
          const found = yield* failure([...args, ...flags], { env: { INVOKEAI_URL: url } })
          assert.deepStrictEqual([found.code, found.tag], [2, "InvalidArgument"])
          assert.include(found.message, message)
          assert.notInclude(found.help, "The images are on the server")
        }
        const { data: queue } = yield* data(CommandResult.Queue, ["queue"], { env: { INVOKEAI_URL: url } })
        assert.deepStrictEqual([queue.pending, queue.inProgress, queue.completed], [0, 0, 0])
      })))

  it.live("has a flag of its own for each input, whatever the labels are", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      const text = yield* fs.readFileString(example("soft-thumbnail.json"))
      const labels: Readonly<Record<string, string>> = { width: "set", height: "input set", radius: "Input Input: set" }
      const labeled = text.replaceAll(
        /"name": "(width|height|radius)",\s*"label": "[^"]*"/g,
        (_, name: string) => `"name": "${name}", "label": "${labels[name]}"`
      )
      yield* fs.writeFileString(`${directory}/workflow.json`, labeled)
      const { data: described } = yield* data(CommandResult.Inputs, [
        "inputs",
        `${directory}/workflow.json`,
        "--offline"
      ])
      assert.deepStrictEqual(
        described.inputs.map(({ flag, name }) => [name, flag]),
        [["photo", "photo"], ["set", "input-input-input-set"], ["input_set", "input-set"], [
          "input_input_set",
          "input-input-set"
        ]]
      )
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.live("lists inputs without a server, with the bundled node types", () =>
    Effect.gen(function*() {
      const flux = example("flux-image-to-image.json")
      const { data: online, stderr } = yield* data(CommandResult.Inputs, ["inputs", flux], { env: nowhere })
      assert.include(stderr, "does not respond")
      const { data: offline, stderr: silent } = yield* data(CommandResult.Inputs, ["inputs", flux, "--offline"])
      assert.deepStrictEqual(offline, online)
      assert.notInclude(silent, "does not respond")
      assert.strictEqual(new Set(offline.inputs.map((input) => input.flag)).size, offline.inputs.length)
    }))

  it.skipIf(!Fs.existsSync("/dev/full"))(
    "exits with 2 if its result cannot be written, and with 0 if a pipe is closed",
    () => {
      const bin = Path.join(root, "packages/cli/src/bin.ts")
      const run = (rest: string) =>
        spawnSync("sh", [
          "-c",
          `"${process.execPath}" "${bin}" inputs "${example("soft-thumbnail.json")}" --offline ${rest}`
        ], {
          encoding: "utf8"
        })
      for (const flags of ["", "--json"]) {
        const { status, stderr } = run(`${flags} > /dev/full`)
        assert.strictEqual(status, 2, stderr)
        assert.include(stderr, "Standard output: the disk is full")
      }
      const { stderr } = run("| true; exit $?")
      assert.strictEqual(stderr, "")
    }
  )

  it.live("lists the fields off the form with --all, by the names that --set accepts", () =>
    Effect.gen(function*() {
      const args = ["inputs", example("soft-thumbnail.json"), "--offline"]
      const { data: form } = yield* data(CommandResult.Inputs, args)
      assert.deepStrictEqual(form.fields, [])
      const { data: all } = yield* data(CommandResult.Inputs, [...args, "--all"])
      assert.deepStrictEqual(all.inputs, form.inputs)
      const names = all.fields.map(({ systemName }) => systemName)
      assert.includeMembers(names, form.inputs.map(({ systemName }) => systemName))
      assert.isTrue(names.some((name) => name.endsWith(".resample_mode")), names.join(" "))
    }))

  it.live("simulates a server until it is interrupted, and exits with 130", () =>
    Effect.scoped(Effect.gen(function*() {
      const command = yield* start(["simulate", "--port", "0", "--json"])
      yield* Effect.sleep("3 seconds")
      yield* command.interrupt
      const { code, stdout } = yield* command.ended
      assert.strictEqual(code, 130)
      assert.match(stdout, /^\{"type":"listening","url":"http:\/\/127\.0\.0\.1:\d+\/"\}\n\{"ok":false/)
    })))
})

describe("Named servers", () => {
  const servers = (content: string) =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const file = yield* fs.makeTempFileScoped()
      yield* fs.writeFileString(file, content)
      return { INVOKEAI_SERVERS: file }
    })

  it.live("are used with --server, without the credentials of the environment", () =>
    withServer(
      { users: [{ email: "ann@example.com", password: "Secret-1", isAdmin: true }] },
      ({ url }) =>
        Effect.gen(function*() {
          const env = {
            ...nowhere,
            INVOKEAI_TOKEN: "of-another-server",
            ...yield* servers(JSON.stringify({
              studio: { INVOKEAI_URL: url, INVOKEAI_EMAIL: "ann@example.com", INVOKEAI_PASSWORD: "Secret-1" },
              anonymous: { INVOKEAI_URL: url }
            }))
          }
          yield* data(CommandResult.Boards, ["boards", "--server", "studio"], { env })
          const refused = yield* failure(["boards", "--server", "anonymous"], { env })
          assert.deepStrictEqual([refused.code, refused.tag], [4, "InvokeAiError"])
          assert.include(refused.help, "INVOKEAI_TOKEN")
          const missing = yield* failure(["boards", "--server", "stdio"], { env })
          assert.deepStrictEqual([missing.code, missing.tag], [2, "ServerNotFound"])
          assert.include(missing.message, "studio, anonymous")
        }).pipe(Effect.provide(NodeServices.layer))
    ))

  it.live("fail without quoting the file if it is invalid", () =>
    Effect.gen(function*() {
      const found = yield* failure(["boards", "--server", "studio"], {
        env: yield* servers("{\"studio\": \"hunter2\"}")
      })
      assert.deepStrictEqual([found.code, found.tag], [2, "ServersFileError"])
      assert.notInclude(found.stderr, "hunter2")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})
