/** `reproduce`: runs the workflow of an image with the values of that run. */
import * as Provenance from "@effect-invokeai/core/assets/Provenance"
import { WorkflowNotFound } from "@effect-invokeai/core/workflow/Workflow"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import { WorkflowResources } from "@effect-invokeai/core/workflow/WorkflowResources"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import { isObject } from "effect/Predicate"
import * as Schema from "effect/Schema"
import { Output } from "../Output.ts"
import * as Server from "../server.ts"
import { type RunInput, runWorkflow } from "./run.ts"

const parseJson = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Unknown))

/** What an image holds: a file, or an image on the server. */
const sourceOf = Effect.fnUntraced(function*(image: string) {
  const fs = yield* FileSystem.FileSystem
  if (yield* Effect.orElseSucceed(fs.exists(image), () => false)) {
    return yield* Workflow.readPng(yield* fs.readFile(image), image)
  }
  const resources = yield* WorkflowResources
  const found = yield* resources.imageWorkflow(image)
  return Option.isSome(found) ? found.value : yield* new WorkflowNotFound({
    source: `the image '${image}'`,
    reason: "there is no such file, and the server has no such image for this user"
  })
})

/** The nodes of the graph that ran, by id. */
const nodesOf = (graph: unknown): Readonly<Record<string, unknown>> => {
  const parsed = typeof graph === "string" ? Option.getOrUndefined(parseJson(graph)) : graph
  return isObject(parsed) && "nodes" in parsed && isObject(parsed.nodes) ? { ...parsed.nodes } : {}
}

/** The workflow with the values that ran, which differ from those of the workflow in the image if a batch varies them. */
const withValuesOf = Effect.fnUntraced(function*(workflow: Workflow.Workflow, graph: unknown) {
  const nodes = nodesOf(graph)
  let next = workflow
  for (const field of Workflow.fields(workflow)) {
    const node = nodes[field.nodeId]
    if (field.connected || !isObject(node)) continue
    const value: unknown = Object.entries(node).find(([name]) => name === field.fieldName)?.[1]
    if (value === undefined || value === null || Equal.equals(value, field.field.value)) continue
    // a value that the field rejects was derived by the server from the value in the workflow
    next = yield* Effect.orElseSucceed(Workflow.setField(next, field.systemName, value), () => next)
  }
  return next
})

/** `reproduce`. */
export const reproduce = Effect.fn("Command.reproduce")(
  function*(input: RunInput) {
    const output = yield* Output
    const source = yield* sourceOf(input.workflow)
    if (source.workflow === undefined || source.workflow === null) {
      return yield* new WorkflowNotFound({ source: input.workflow, reason: "it was not made by a workflow" })
    }
    const workflow = yield* withValuesOf(yield* Workflow.fromJson(source.workflow), source.graph)
    const { seed } = Provenance.read({ graph: source.graph, workflow: source.workflow })
    if (seed === null && Option.isNone(input.seed) && Workflow.seedInputs(workflow).length > 0) {
      yield* output.note("The image does not say which seed it was made with: use --seed if you know it.")
    }
    return yield* runWorkflow(workflow, input)
  },
  Effect.scoped,
  Effect.provide(Server.layer)
)
