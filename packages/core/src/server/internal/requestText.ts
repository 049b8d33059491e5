/**
 * Finds halves of surrogate pairs in requests. InvokeAI stores them and cannot read them again: one in a batch stops the
 * queue for every user. A URL cannot hold them at all.
 */
import type * as HttpBody from "effect/http/HttpBody"
import * as Option from "effect/Option"
import { describeIllFormed, illFormedText } from "../../internal/wellFormed.ts"

const describe = (value: unknown): string | undefined => {
  const found = illFormedText(value)
  return found === undefined ? undefined : `the request contains ${describeIllFormed(found)}`
}

const parse = Option.liftThrowable((text: string): unknown => JSON.parse(text))

/** Finds an escaped half of a surrogate pair in JSON; parses the JSON only if it contains one. */
const inJson = (bytes: Uint8Array): string | undefined => {
  // Only such halves are escaped as `\ud800` to `\udfff`. Each backslash belongs to the character after it.
  for (let at = bytes.indexOf(0x5c); at !== -1; at = bytes.indexOf(0x5c, at + 2)) {
    if (bytes[at + 1] === 0x75 && bytes[at + 2] === 0x64 && (bytes[at + 3] ?? 0) >= 0x38) {
      return describe(Option.getOrUndefined(parse(new TextDecoder().decode(bytes))))
    }
  }
  return undefined
}

/** The problem with the strings in the URL of a request. */
export const urlProblem = ({ params, query }: { readonly params?: unknown; readonly query?: unknown }) =>
  describe({ params, query })

/** The problem with the strings in a body: JSON, or the JSON in the parts of a form. */
export const bodyProblem = (body: HttpBody.HttpBody): string | undefined => {
  if (body._tag === "Uint8Array") return body.contentType.startsWith("application/json") ? inJson(body.body) : undefined
  if (body._tag !== "FormData") return undefined
  for (const part of body.formData.values()) {
    const problem = typeof part === "string" ? inJson(new TextEncoder().encode(part)) : undefined
    if (problem !== undefined) return problem
  }
  return undefined
}
