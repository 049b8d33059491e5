/** Loads the workflow that an argument names. */
import { WorkflowNotFound } from "@effect-invokeai/core/workflow/Workflow"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"

const pngSignature = [0x89, 0x50, 0x4e, 0x47]

const isPng = (bytes: Uint8Array): boolean => pngSignature.every((byte, index) => bytes[index] === byte)

/** Whether a name is that of a file rather than an id: it has a folder or the ending of a workflow file. */
const looksLikeFile = (name: string): boolean => /[\\/]|\.json$/i.test(name)

/** The workflow of a file, of an image that InvokeAI made (a file, or a name on the server), or of the server's library. */
export const load = Effect.fn("WorkflowSource.load")(function*(
  source: string
): Effect.fn.Return<Workflow.Workflow, Workflow.LoadError, Workflow.LoadServices> {
  const fs = yield* FileSystem.FileSystem
  const isFile = yield* Effect.orElseSucceed(fs.exists(source), () => false)
  if (isFile) {
    const bytes = yield* Effect.option(fs.readFile(source))
    return bytes._tag === "Some" && isPng(bytes.value)
      ? yield* Workflow.fromPng(bytes.value)
      : yield* Workflow.fromFile(source)
  }
  if (looksLikeFile(source)) return yield* new WorkflowNotFound({ source, reason: "the file does not exist" })
  return yield* /\.png$/i.test(source) ? Workflow.fromImage(source) : Workflow.fromLibrary(source)
})
