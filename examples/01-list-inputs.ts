/** Use case 1: load a workflow that the editor exported, and list its inputs. `node examples/01-list-inputs.ts` */
import type { InkWorkflowInput } from "@effect-invokeai/core/workflow/InkWorkflowInput"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { exampleFile, run } from "./lib/run.ts"

const print = (input: InkWorkflowInput) => {
  const value = Workflow.formatValue(input)
  return Console.log([
    `\nInput: ${input.userName}`,
    `  System name: ${input.systemName}`,
    `  Type: ${input.field._tag}`,
    `  Required: ${input.required}`,
    ...(value === undefined || value === "" ? [] : [`  Current value: ${value}`])
  ].join("\n"))
}

/** Loads the example workflow and prints its inputs. */
export const listInputs = Effect.gen(function*() {
  const workflow = yield* Workflow.fromFile(exampleFile("flux-image-to-image.json"))

  const { author, description, name, version } = workflow.definition
  yield* Console.log(`Workflow: ${name}\nDescription: ${description}\nVersion: ${version}\nAuthor: ${author}\n`)

  yield* Console.log(`Total configurable inputs: ${workflow.inputs.length}\n${"=".repeat(60)}`)
  yield* Effect.forEach(workflow.inputs, print, { discard: true })

  // Several inputs can share a user name; a system name is unique.
  yield* Workflow.inputsByUserName(workflow).pipe(
    Effect.andThen(Console.log("\nUser names are unique: you can use user names and system names")),
    Effect.catchTag(
      "InputError",
      (error) => Console.log(`\nWarning: ${error.message}\nUse system names for this workflow`)
    )
  )

  const missing = Workflow.missingRequiredInputs(workflow)
  yield* Console.log(`\nRequired inputs without a value: ${missing.join(", ")}`)

  for (const node of Workflow.outputNodes(workflow)) {
    yield* Console.log(`Results are produced by: ${node.label} (${node.type})`)
  }
  return workflow
})

if (import.meta.main) run(listInputs)
