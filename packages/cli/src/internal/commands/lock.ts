/** `lock` and `check --lock`: records and compares the requirements of a workflow on a server. */
import { CatalogSource } from "@effect-invokeai/core/catalog/NodeCatalog"
import { isInstallEnded, Models } from "@effect-invokeai/core/server/Models"
import { ServerInfo } from "@effect-invokeai/core/server/ServerInfo"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as CommandResult from "../../CommandResult.ts"
import { outcome, Output } from "../Output.ts"
import * as Server from "../server.ts"
import * as Servers from "../servers.ts"
import { InvalidArgument, unreadable } from "../values.ts"
import * as WorkflowSource from "../workflowSource.ts"

/** What a server has differs from the lock file. */
export class LockMismatch extends Data.TaggedError("LockMismatch")<{
  readonly differences: ReadonlyArray<CommandResult.LockDifference>
}> {
  override get message(): string {
    const count = this.differences.length
    return [
      `The lock file does not match (${count} difference${count === 1 ? "" : "s"}):`,
      ...this.differences.map((difference) => `- ${difference.server}: ${difference.message}`)
    ].join("\n")
  }
}

/** A model of the lock file could not be installed. */
export class InstallFailed extends Data.TaggedError("InstallFailed")<{
  readonly model: string
  readonly reason: string
}> {
  override get message(): string {
    return `Could not install the model ${this.model}: ${this.reason}`
  }
}

const LockFile = Schema.fromJsonString(CommandResult.Lock)

interface Named {
  readonly key?: string | undefined
  readonly hash?: string | undefined
  readonly name?: string | undefined
  readonly keyOrName?: string | undefined
}

/** The models that the fields of a workflow hold. */
const modelsOf = (workflow: Workflow.Workflow): ReadonlyArray<Named> =>
  Workflow.fields(workflow).flatMap(({ connected, field }): ReadonlyArray<Named> => {
    if (connected) return []
    if (field._tag === "InkLoRACollectionField") return (field.value ?? []).map(({ lora }) => lora)
    return "accepts" in field && field.value !== undefined ? [field.value] : []
  })

/** What a workflow needs of the server that it is opened with. */
const lockOf = Effect.fnUntraced(function*(workflow: Workflow.Workflow) {
  const service = yield* Models
  const info = yield* ServerInfo
  const installed = yield* service.list()
  const models = new Map<string, CommandResult.LockedModel>()
  for (const wanted of modelsOf(workflow)) {
    const found = installed.find((model) => model.key === wanted.key) ??
      installed.find((model) => model.hash === wanted.hash) ??
      installed.find((model) => model.name === (wanted.name ?? wanted.keyOrName) || model.key === wanted.keyOrName)
    if (found === undefined) {
      return yield* new InvalidArgument({
        argument: "lock",
        reason: `the server does not have the model ${
          wanted.name ?? wanted.keyOrName ?? wanted.key ?? wanted.hash ?? ""
        }; lock the workflow on a server on which it runs`
      })
    }
    models.set(found.hash, {
      name: found.name,
      base: found.base,
      type: found.type,
      hash: found.hash,
      source: found.source ?? null
    })
  }
  const nodes = new Map<string, string>()
  for (const { node, template } of workflow.loaded.nodes.values()) {
    nodes.set(node.nodeType, template?.version ?? node.version)
  }
  const lock: CommandResult.Lock = {
    version: 1,
    workflow: workflow.definition.name,
    server: yield* info.version,
    nodes: Object.fromEntries([...nodes].toSorted(([one], [other]) => one < other ? -1 : 1)),
    models: [...models.values()].toSorted((one, other) => one.name < other.name ? -1 : 1)
  }
  return lock
})

/** `lock`: writes the lock file of a workflow. */
export const lock = Effect.fn("Command.lock")(function*(input: {
  readonly workflow: string
  readonly out: Option.Option<string>
}) {
  const fs = yield* FileSystem.FileSystem
  const content = yield* lockOf(yield* WorkflowSource.load(input.workflow))
  const path = Option.getOrElse(input.out, () => `${input.workflow.replace(/\.json$/, "")}.lock.json`)
  yield* fs.writeFileString(path, `${JSON.stringify(content, null, 2)}\n`)
  return yield* outcome(CommandResult.LockWritten, { path, lock: content }, path)
}, Effect.provide(Server.layer))

const readLock = Effect.fnUntraced(function*(path: string) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* Effect.mapError(
    fs.readFileString(path),
    unreadable(`--lock ${path}`)
  )
  return yield* Effect.mapError(
    Schema.decodeUnknownEffect(LockFile)(text),
    () =>
      new InvalidArgument({
        argument: `--lock ${path}`,
        reason: "it is not a lock file; `effect-invokeai lock` writes one"
      })
  )
})

/** Installs a model from its source, and waits for the end. */
const install = Effect.fnUntraced(function*(model: CommandResult.LockedModel, source: string) {
  const service = yield* Models
  const output = yield* Output
  yield* output.note(`Installing ${model.name} from ${source}`)
  const job = yield* service.install(source)
  const last = yield* service.follow(job.id).pipe(
    Stream.changesWith((one, other) => one.status === other.status),
    Stream.tap((state) => output.event({ type: "installing", model: model.name, status: state.status ?? "waiting" })),
    Stream.takeUntil(isInstallEnded),
    Stream.runLast
  )
  if (Option.isSome(last) && last.value.status === "completed") return
  const reason = Option.isSome(last) ? last.value.error ?? last.value.error_reason ?? last.value.status : undefined
  return yield* new InstallFailed({ model: model.name, reason: reason ?? "the server does not say why" })
})

/** Whether any server can install a model from its source: a URL, or a repository on Hugging Face, but no local path. */
const isFetchable = (source: string): boolean => /^(https?:\/\/|[\w-][\w.-]*\/[\w.-]+(::|$))/.test(source)

/** What a server has that differs from a lock file; missing models are installed first, if that is wanted. */
const differencesOn = Effect.fnUntraced(function*(lock: CommandResult.Lock, isInstalling: boolean) {
  const service = yield* Models
  const info = yield* ServerInfo
  const source = yield* CatalogSource
  const catalog = yield* source.get
  const server = info.url.href
  const differences: Array<CommandResult.LockDifference> = []
  const version = yield* info.version
  if (version !== lock.server) {
    differences.push({
      server,
      subject: "server",
      name: "InvokeAI",
      message: `InvokeAI is ${version}, locked is ${lock.server}`
    })
  }
  for (const [type, locked] of Object.entries(lock.nodes)) {
    const found = catalog.templates.get(type)?.version
    if (found === locked) continue
    differences.push({
      server,
      subject: "node",
      name: type,
      message: found === undefined
        ? `the node type ${type} is missing`
        : `the node type ${type} is ${found}, locked is ${locked}`
    })
  }
  const before = isInstalling ? yield* service.list() : []
  for (const model of isInstalling ? lock.models : []) {
    if (before.some((other) => other.hash === model.hash) || model.source === null || !isFetchable(model.source)) {
      continue
    }
    yield* install(model, model.source)
  }
  const installed = yield* service.list()
  for (const model of lock.models) {
    if (installed.some((other) => other.hash === model.hash)) continue
    const other = installed.find((one) => one.name === model.name && one.type === model.type && one.base === model.base)
    differences.push({
      server,
      subject: "model",
      name: model.name,
      message: other === undefined
        ? `the model ${model.name} (${model.type}, ${model.base}) is missing${
          model.source === null ? "" : `; its source is ${model.source}`
        }`
        : `the model ${model.name} has the hash ${other.hash}, locked is ${model.hash}`
    })
  }
  return { server, differences }
})

/** `check --lock`: compares one or more servers with a lock file. */
export const compare = Effect.fn("Command.checkLock")(function*(input: {
  readonly lock: string
  readonly on: ReadonlyArray<string>
  readonly install: boolean
}) {
  const lock = yield* readLock(input.lock)
  const own = yield* ConfigProvider.ConfigProvider
  const configs = input.on.length === 0 ? [own] : yield* Effect.forEach(input.on, Servers.withServer)
  const results = yield* Effect.forEach(configs, (config) =>
    differencesOn(lock, input.install).pipe(
      Effect.provide(Server.layer),
      Effect.provideService(ConfigProvider.ConfigProvider, config)
    ))
  const differences = results.flatMap((result) => result.differences)
  if (differences.length > 0) return yield* new LockMismatch({ differences })
  const servers = results.map((result) => result.server)
  return yield* outcome(
    CommandResult.LockCheck,
    { servers, matches: true },
    `Matches the lock file: ${servers.join(", ")}`
  )
})
