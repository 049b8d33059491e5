/** Strings with half of a surrogate pair: JSON can contain them, UTF-8 cannot. */
import type { Unreadable } from "./queueStore.ts"

const lone = /\p{Surrogate}+/u

/** Whether all strings in a value, keys included, are well-formed Unicode. */
export const isWellFormed = (value: unknown): boolean => {
  if (typeof value === "string") return !lone.test(value)
  if (Array.isArray(value)) return value.every(isWellFormed)
  if (typeof value !== "object" || value === null) return true
  return Object.entries(value).every(([key, inner]) => !lone.test(key) && isWellFormed(inner))
}

/** Python's error for such a string that is encoded as UTF-8, for example for the database; `undefined` if it is valid. */
export const encodingError = (text: string): string | undefined => {
  const found = lone.exec(text)
  if (found === null) return undefined
  // Python counts code points.
  const start = Array.from(text.slice(0, found.index)).length
  const [half] = found
  const code = half.charCodeAt(0).toString(16)
  const which = half.length === 1
    ? `character '\\u${code}' in position ${start}`
    : `characters in position ${start}-${start + half.length - 1}`
  return `'utf-8' codec can't encode ${which}: surrogates not allowed`
}

/** Why the server cannot read back JSON that it has stored; `undefined` if it can. */
export const storedProblem = (model: Unreadable["model"], value: unknown): Unreadable | undefined => {
  if (isWellFormed(value)) return undefined
  const json = JSON.stringify(value)
  const shown = json.length > 50 ? `${json.slice(0, 25)}...${json.slice(-24)}` : json
  return {
    model,
    issue: {
      type: "json_invalid",
      loc: [],
      msg: `Invalid JSON: unexpected end of hex escape at line 1 column ${escapeStart(json) + 7}`,
      input: shown.replaceAll("\\", "\\\\")
    }
  }
}

/** Matches an escaped lone surrogate in JSON: after an even number of other backslashes. */
const escapeStart = (json: string): number => {
  for (const { 0: escape, index } of json.matchAll(/\\(?:u[0-9a-f]{4}|.)/g)) {
    if (/^\\ud[89a-f]/.test(escape)) return index
  }
  return 0
}
