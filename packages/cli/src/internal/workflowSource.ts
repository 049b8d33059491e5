/** Loads the workflow that an argument names. */
import { WorkflowNotFound } from "@effect-invokeai/core/workflow/Workflow"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"

/** Whether a name is that of a file rather than an id: it has a folder or the ending of a workflow file. */
const looksLikeFile = (name: string): boolean => /[\\/]|\.json$/i.test(name)

/** The workflow of a file, of an image that InvokeAI made (a file, or a name on the server), or of the server's library. */
export const load = Effect.fn("WorkflowSource.load")(function*(
  source: string
): Effect.fn.Return<Workflow.Workflow, Workflow.LoadError, Workflow.LoadServices> {
  const fs = yield* FileSystem.FileSystem
  const isFile = yield* Effect.orElseSucceed(fs.exists(source), () => false)
  if (isFile) return yield* Workflow.fromFile(source)
  if (looksLikeFile(source)) return yield* new WorkflowNotFound({ source, reason: "the file does not exist" })
  return yield* /\.png$/i.test(source) ? Workflow.fromImage(source) : Workflow.fromLibrary(source)
})
