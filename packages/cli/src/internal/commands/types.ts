/** `types`: writes a typed module for each workflow, or compares those that exist. */
import * as Snapshot from "@effect-invokeai/core/catalog/Snapshot"
import * as TypedWorkflow from "@effect-invokeai/core/run/TypedWorkflow"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import { globSync } from "node:fs"
import * as CommandResult from "../../CommandResult.ts"
import { outcome, Output } from "../Output.ts"
import * as Server from "../server.ts"
import * as TypedModule from "../typedModule.ts"
import { InvalidArgument } from "../values.ts"

/** Modules are not what `types` would write now. */
export class TypesOutdated extends Data.TaggedError("TypesOutdated")<{
  readonly modules: ReadonlyArray<CommandResult.TypesModule>
}> {
  override get message(): string {
    return [
      `${this.modules.length === 1 ? "A module does" : `${this.modules.length} modules do`} not match ${
        this.modules.length === 1 ? "its workflow" : "their workflows"
      }:`,
      ...this.modules.flatMap(({ changes, path, status, workflow }) => [
        `${path} (from ${workflow}):`,
        ...status === "missing"
          ? ["- the module does not exist"]
          : changes.length === 0
          ? ["- no input or output changed, but the workflow or the module did"]
          : changes.map(({ message }) => `- ${message}`)
      ])
    ].join("\n")
  }
}

/** The workflow files that the arguments name: files, folders and patterns, each file once. */
const filesOf = Effect.fnUntraced(function*(args: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  const found = yield* Effect.forEach(args, (arg) =>
    Effect.gen(function*() {
      const info = yield* Effect.option(fs.stat(arg))
      if (info._tag === "None") {
        const matches = globSync(arg)
        return matches.length === 0
          ? yield* new InvalidArgument({ argument: arg, reason: "no file has this name or matches this pattern" })
          : matches
      }
      if (info.value.type !== "Directory") return [arg]
      const inside = globSync("*.json", { cwd: arg })
      return inside.length === 0
        ? yield* new InvalidArgument({ argument: arg, reason: "the folder contains no .json file" })
        : inside.map((name) => `${arg.replace(/[\\/]+$/, "")}/${name}`)
    }))
  const path = yield* Path.Path
  const unique = new Map(found.flat().map((file) => [path.resolve(file), file]))
  return [...unique].toSorted(([one], [other]) => one < other ? -1 : 1).map(([resolved, file]) => ({ resolved, file }))
})

/** A warning about nodes whose inputs and outputs have no types. */
const unknownNodes = (file: string, types: ReadonlyArray<string>, isOnline: boolean): string =>
  `${file}: the module has no types for inputs and outputs of nodes of ${
    types.length === 1 ? "the unknown type" : "the unknown types"
  } ${types.join(", ")}. ${
    isOnline
      ? "The server does not have these custom nodes either: install them there."
      : "If they are custom nodes, use --online with a server that has them."
  }`

/** What exists at a path; `undefined` if nothing does. */
const read = Effect.fnUntraced(function*(path: string) {
  const fs = yield* FileSystem.FileSystem
  return (yield* fs.exists(path)) ? (yield* fs.readFileString(path)).replaceAll("\r\n", "\n") : undefined
})

/** `types`: writes the modules, or with `--check` compares them. */
export const types = Effect.fn("Command.types")(
  function*({ check, online, out, promise, workflows }: {
    readonly workflows: ReadonlyArray<string>
    readonly out: string
    readonly promise: boolean
    readonly check: boolean
    readonly online: boolean
  }) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const output = yield* Output
    const files = yield* filesOf(workflows)
    const names = TypedModule.moduleNames(files.map(({ resolved }) => resolved.split(path.sep)))
    const modules = yield* Effect.forEach(files, ({ file, resolved }, index) =>
      Effect.gen(function*() {
        const target = path.join(out, `${names[index]}.ts`)
        const { warnings } = yield* Workflow.fromFile(file)
        const unknown = [
          ...new Set(warnings.flatMap((warning) => warning.type === "missingTemplate" ? [warning.nodeType] : []))
        ]
        if (unknown.length > 0) yield* output.note(unknownNodes(file, unknown, online))
        const signature = yield* TypedWorkflow.signature(file)
        const relative = path.relative(path.resolve(out), resolved).split(path.sep).join("/")
        const text = TypedModule.render({ signature, file: relative, isPromise: promise })
        const existing = yield* read(target)
        const before = existing === undefined ? undefined : TypedModule.signatureIn(existing)
        const result: CommandResult.TypesModule = {
          path: target,
          workflow: file,
          status: existing === undefined ? "missing" : existing === text ? "same" : "changed",
          changes: before === undefined ? [] : TypedWorkflow.changes(before, signature)
        }
        return { result, text, isOther: existing !== undefined && before === undefined }
      }))
    const results = modules.map(({ result }) => result)
    if (check) {
      const outdated = results.filter(({ status }) => status !== "same")
      if (outdated.length > 0) return yield* new TypesOutdated({ modules: outdated })
      return yield* outcome(CommandResult.Types, { modules: results }, "Every module matches its workflow.")
    }
    const other = modules.find(({ isOther }) => isOther)
    if (other !== undefined) {
      return yield* new InvalidArgument({
        argument: "--out",
        reason: `${other.result.path} exists, and is no generated module; move it, or choose another folder`
      })
    }
    yield* fs.makeDirectory(out, { recursive: true })
    yield* Effect.forEach(
      modules.filter(({ result }) => result.status !== "same"),
      ({ result, text }) => fs.writeFileString(result.path, text)
    )
    return yield* outcome(
      CommandResult.Types,
      { modules: results },
      results.map(({ changes, path }) => [path].concat(changes.map(({ message }) => `- ${message}`)).join("\n")).join(
        "\n"
      )
    )
  },
  (effect, { online }) => online ? Effect.provide(effect, Server.layer) : Effect.provide(effect, Snapshot.layer)
)
