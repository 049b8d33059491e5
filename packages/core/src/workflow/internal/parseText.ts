/** JSON texts. */
import * as Result from "effect/Result"
import { WorkflowParseError } from "../WorkflowError.ts"

/** Reads a JSON text. A leading byte order mark is ignored. */
export const parseText = (text: string, source: string): Result.Result<unknown, WorkflowParseError> =>
  Result.try({
    try: (): unknown => JSON.parse(text.startsWith("\uFEFF") ? text.slice(1) : text),
    catch: (cause) =>
      new WorkflowParseError({ source, reason: text.trim() === "" ? "it is empty" : "it is not JSON", cause })
  })
