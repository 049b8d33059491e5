/** Reads JSON from a string or from the bytes of a file. If that fails, returns what is wrong and where. */
import * as Result from "effect/Result"

/** Why text is not JSON, as the end of a message such as "Could not read the file: …". */
export interface JsonTextError {
  readonly reason: string
  readonly cause?: unknown
}

const failed = (reason: string, cause?: unknown): Result.Result<never, JsonTextError> =>
  Result.fail(cause === undefined ? { reason } : { reason, cause })

/** Line and column of an offset, both from 1. Columns count UTF-16 units, as editors do. */
const place = (text: string, offset: number): string => {
  const lines = text.slice(0, offset).split(/\r\n|\r|\n/)
  return `line ${lines.length}, column ${(lines[lines.length - 1] ?? "").length + 1}`
}

const show = (text: string, offset: number): string => {
  const point = text.codePointAt(offset) ?? 0
  const isVisible = /^[^\p{C}\p{Z}]$/u.test(String.fromCodePoint(point))
  return isVisible ? `'${String.fromCodePoint(point)}'` : `U+${point.toString(16).toUpperCase().padStart(4, "0")}`
}

interface SyntaxProblem {
  readonly offset: number
  readonly expected: string
}

const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const literal = /true|false|null/y
const escape = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y

const matchEnd = (pattern: RegExp, text: string, offset: number): number | undefined => {
  pattern.lastIndex = offset
  return pattern.test(text) ? pattern.lastIndex : undefined
}

/** The end of a string that starts at an offset, or the error inside it. */
const stringEnd = (text: string, start: number): number | SyntaxProblem => {
  for (let offset = start + 1; offset < text.length;) {
    const code = text.charCodeAt(offset)
    if (code === 0x22) return offset + 1
    if (code < 0x20) return { offset, expected: "the end of the string, or an escape such as \\n" }
    const end = code === 0x5c ? matchEnd(escape, text, offset) : offset + 1
    if (end === undefined) return { offset, expected: "an escape such as \\n or \\u00e9" }
    offset = end
  }
  return { offset: text.length, expected: "the end of the string" }
}

/** The first syntax error in JSON text. JavaScript engines differ in how they report it, or do not. */
const syntaxProblem = (text: string): SyntaxProblem | undefined => {
  const closers: Array<"}" | "]"> = []
  let state: "value" | "firstValue" | "key" | "firstKey" | "colon" | "next" = "value"
  let offset = 0
  for (;;) {
    while (" \t\n\r".includes(text.charAt(offset)) && offset < text.length) offset++
    const character = text.charAt(offset)
    const closer = closers.at(-1)
    if (state === "next" && closer === undefined) {
      return offset === text.length ? undefined : { offset, expected: "the end of the text" }
    }
    const mayClose = state === "next" || state === "firstValue" || state === "firstKey"
    if (mayClose && character !== "" && character === closer) {
      closers.pop()
      state = "next"
      offset++
    } else if (state === "next") {
      if (character !== ",") return { offset, expected: `',' or '${closer}'` }
      state = closer === "}" ? "key" : "value"
      offset++
    } else if (state === "colon") {
      if (character !== ":") return { offset, expected: "':'" }
      state = "value"
      offset++
    } else if (state === "key" || state === "firstKey") {
      if (character !== "\"") return { offset, expected: "a property name in double quotes" }
      const end = stringEnd(text, offset)
      if (typeof end !== "number") return end
      state = "colon"
      offset = end
    } else if (character === "{" || character === "[") {
      closers.push(character === "{" ? "}" : "]")
      state = character === "{" ? "firstKey" : "firstValue"
      offset++
    } else {
      const end = character === "\""
        ? stringEnd(text, offset)
        : matchEnd(number, text, offset) ?? matchEnd(literal, text, offset)
      if (end === undefined) return { offset, expected: "a value" }
      if (typeof end !== "number") return end
      state = "next"
      offset = end
    }
  }
}

/** Recognizes text that is not JSON, such as HTML. */
const otherFormat = (text: string): string | undefined => {
  const start = text.slice(0, 200).trimStart()
  if (start === "") return text.trim() === "" ? "it is empty" : undefined
  if (start.startsWith("<")) return "it is an HTML page or XML, not JSON: download the file itself"
  if (start.startsWith("version https://git-lfs")) {
    return "it is a Git LFS pointer, not the file itself: run `git lfs pull`"
  }
  return /^[\u0089\uFFFD]PNG/.test(start) ? pngReason : undefined
}

const pngReason = "it is a PNG image: use Workflow.fromPng"

/** Reads JSON from a string. A leading byte order mark is ignored. */
export const parse = (source: string): Result.Result<unknown, JsonTextError> => {
  const text = source.startsWith("\uFEFF") ? source.slice(1) : source
  return Result.try({
    try: (): unknown => JSON.parse(text),
    catch: (cause): JsonTextError => {
      const other = otherFormat(text)
      if (other !== undefined) return { reason: other, cause }
      const problem = syntaxProblem(text)
      if (problem === undefined) return { reason: "it is not JSON", cause }
      const found = problem.offset >= text.length
        ? "the text ends too early"
        : `found ${show(text, problem.offset)}`
      return {
        reason: `it is not JSON: expected ${problem.expected}, ${found} (${place(text, problem.offset)})`,
        cause
      }
    }
  })
}

const signatures: ReadonlyArray<readonly [bytes: ReadonlyArray<number | undefined>, reason: string]> = [
  [[0x89, 0x50, 0x4e, 0x47], pngReason],
  [[0xff, 0xd8, 0xff], "it is a JPEG image; InvokeAI only embeds workflows in PNG images"],
  [
    [0x52, 0x49, 0x46, 0x46, undefined, undefined, undefined, undefined, 0x57, 0x45, 0x42, 0x50],
    "it is a WebP image; InvokeAI only embeds workflows in PNG images"
  ],
  [[0x1f, 0x8b], "it is compressed with gzip: decompress it first"],
  [[0x50, 0x4b, 0x03, 0x04], "it is a ZIP archive: extract the file first"],
  [[0xff, 0xfe, 0, 0], "its encoding is UTF-32: save it as UTF-8"],
  [[0, 0, 0xfe, 0xff], "its encoding is UTF-32: save it as UTF-8"]
]

const startsWith = (bytes: Uint8Array, signature: ReadonlyArray<number | undefined>): boolean =>
  signature.every((byte, index) => byte === undefined || bytes[index] === byte)

/** JSON starts with an ASCII character, so a zero byte next to the first one shows the byte order of UTF-16. */
const encodingOf = (bytes: Uint8Array): "utf-8" | "utf-16le" | "utf-16be" => {
  const [first, second] = bytes
  if ((first === 0xff && second === 0xfe) || (first !== 0 && second === 0)) return "utf-16le"
  return (first === 0xfe && second === 0xff) || (first === 0 && second !== undefined && second !== 0)
    ? "utf-16be"
    : "utf-8"
}

/** The position of the first byte that is not UTF-8. */
const encodingProblem = (bytes: Uint8Array): string => {
  const decoded = new TextDecoder().decode(bytes)
  const encoded = new TextEncoder().encode(decoded)
  const mark = startsWith(bytes, [0xef, 0xbb, 0xbf]) ? 3 : 0
  const length = encoded.findIndex((byte, index) => bytes[index + mark] !== byte)
  const before = new TextDecoder().decode(encoded.subarray(0, length))
  return `its encoding is not UTF-8 (${place(before, before.length)}): save it as UTF-8`
}

/** Reads JSON from the bytes of a file in UTF-8 or UTF-16. */
export const parseBytes = (bytes: Uint8Array): Result.Result<unknown, JsonTextError> => {
  const other = signatures.find(([signature]) => startsWith(bytes, signature))
  if (other !== undefined) return failed(other[1])
  const text = Result.try({
    try: () => new TextDecoder(encodingOf(bytes), { fatal: true }).decode(bytes),
    catch: (cause): JsonTextError => ({
      reason: encodingOf(bytes) === "utf-8" ? encodingProblem(bytes) : "its encoding is not valid UTF-16",
      cause
    })
  })
  return Result.flatMap(text, parse)
}
