/** Use case 1: load a workflow that the editor exported, and see what can be set. `node examples/01-list-inputs.ts` */
import type { InkWorkflowInput } from "@effect-invokeai/core/workflow/InkWorkflowInput"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { exampleFile, run } from "./lib/run.ts"

const print = (input: InkWorkflowInput) => {
  const value = Workflow.formatValue(input)
  return Console.log([
    `\nInput: ${input.userName}`,
    `  System Name: ${input.systemName}`,
    `  Type: ${input.field._tag}`,
    `  Required: ${input.required ? "True" : "False"}`,
    ...(value === undefined || value === "" ? [] : [`  Current Value: ${value}`])
  ].join("\n"))
}

/** Loads the example workflow and prints its inputs. */
export const listInputs = Effect.gen(function*() {
  const workflow = yield* Workflow.fromFile(exampleFile("flux-image-to-image.json"))

  const { author, description, name, version } = workflow.definition
  yield* Console.log(`Workflow: ${name}\nDescription: ${description}\nVersion: ${version}\nAuthor: ${author}\n`)

  yield* Console.log(`Total configurable inputs: ${workflow.inputs.length}\n${"=".repeat(60)}`)
  yield* Effect.forEach(workflow.inputs, print, { discard: true })

  // A user name may belong to several inputs, a system name belongs to one.
  yield* Workflow.inputsByUserName(workflow).pipe(
    Effect.andThen(Console.log("\nUser names are unique: both kinds of names can be used")),
    Effect.catchTag(
      "AmbiguousInputName",
      (error) => Console.log(`\nWarning: ${error.message}\nMust use system names for this workflow`)
    )
  )

  const missing = Workflow.missingRequiredInputs(workflow)
  yield* Console.log(`\nRequired inputs still needed: ${missing.join(", ")}`)

  for (const node of Workflow.outputNodes(workflow)) {
    yield* Console.log(`Results come from: ${node.label} (${node.type})`)
  }
  return workflow
})

if (import.meta.main) run(listInputs)
