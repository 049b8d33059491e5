/** Reads the JSON of a workflow, or returns why it is not a workflow. */
import * as Result from "effect/Result"
import * as JsonText from "../../internal/jsonText.ts"
import { WorkflowParseError } from "../WorkflowFileError.ts"

/** Reads JSON from a string or from the bytes of a file. A leading byte order mark is ignored. */
export const parseJson = (
  text: string | Uint8Array,
  source: string
): Result.Result<unknown, WorkflowParseError> =>
  Result.mapError(
    typeof text === "string" ? JsonText.parse(text) : JsonText.parseBytes(text),
    ({ cause, reason }) => new WorkflowParseError({ source, reason, ...(cause === undefined ? {} : { cause }) })
  )

/** A `WorkflowParseError` as the result of reading a document: why, and where in the document. */
export const fail = (reason: string, path?: ReadonlyArray<string>): Result.Result<never, WorkflowParseError> =>
  Result.fail(new WorkflowParseError(path === undefined ? { reason } : { reason, path }))
