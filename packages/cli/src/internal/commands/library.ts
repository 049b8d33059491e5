import { WorkflowLibrary } from "@effect-invokeai/core/server/WorkflowLibrary"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as CommandResult from "../../CommandResult.ts"
import { columns } from "../columns.ts"
import { outcome } from "../Output.ts"
import * as Server from "../server.ts"
import * as WorkflowSource from "../workflowSource.ts"

/** `library list`: the workflows of the server's library. */
export const list = Effect.fn("Command.libraryList")(function*(input: { readonly query: Option.Option<string> }) {
  const library = yield* WorkflowLibrary
  const workflows = yield* library.list(Option.isSome(input.query) ? { query: input.query.value } : {}).pipe(
    Stream.map((entry): CommandResult.LibraryEntry => ({
      id: entry.workflow_id,
      name: entry.name,
      category: entry.category ?? "user",
      description: entry.description ?? ""
    })),
    Stream.runCollect
  )
  return yield* outcome(
    CommandResult.LibraryList,
    { workflows },
    workflows.length === 0 ? "No workflows." : columns(workflows.map((entry) => [entry.id, entry.category, entry.name]))
  )
}, Effect.provide(Server.layer))

/** `library get`: writes a workflow of the library to a file, or prints it. */
export const get = Effect.fn("Command.libraryGet")(function*(input: {
  readonly id: string
  readonly out: Option.Option<string>
}) {
  const library = yield* WorkflowLibrary
  if (Option.isSome(input.out)) {
    yield* library.downloadFile(input.id, input.out.value)
    return yield* outcome(
      CommandResult.LibraryGet,
      { id: input.id, path: input.out.value, workflow: null },
      input.out.value
    )
  }
  const { workflow } = yield* library.get(input.id)
  return yield* outcome(
    CommandResult.LibraryGet,
    { id: input.id, path: null, workflow },
    JSON.stringify(workflow, null, 2)
  )
}, Effect.provide(Server.layer))

/** `library put`: saves a workflow in the library, as a new entry or in place of one. */
export const put = Effect.fn("Command.libraryPut")(function*(input: {
  readonly workflow: string
  readonly replace: Option.Option<string>
}) {
  const library = yield* WorkflowLibrary
  const definition = Workflow.toDefinition(yield* WorkflowSource.load(input.workflow))
  const record = Option.isSome(input.replace)
    ? yield* library.update(input.replace.value, definition)
    : yield* library.create(definition)
  return yield* outcome(
    CommandResult.LibraryPut,
    { id: record.workflow_id, name: record.name, replaced: Option.isSome(input.replace) },
    record.workflow_id
  )
}, Effect.provide(Server.layer))
