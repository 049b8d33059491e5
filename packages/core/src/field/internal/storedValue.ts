/**
 * How the server reads JSON values: it converts some of another type. A value that it converts is not a problem,
 * because the InvokeAI UI sends it unchanged and the node runs.
 */

const integerDigits = /^[+-]?\d+(?:_\d+)*(?:\.0*)?$/
const decimalDigits = /^[+-]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:e[+-]?\d+)?$/i

const numberOf = (text: string, digits: RegExp): number | undefined => {
  const trimmed = text.trim()
  if (!digits.test(trimmed)) return undefined
  const value = Number(trimmed.replaceAll("_", ""))
  return Number.isFinite(value) ? value : undefined
}

/** From this size on, JSON contains the exponent form of a number, which the server does not read as an integer. */
const exponentForm = 1e21

/** The integer that the server reads from an integral number, a decimal string, or a boolean. */
export const storedInteger = (stored: unknown): number | undefined => {
  switch (typeof stored) {
    case "number":
      return Number.isInteger(stored) && Math.abs(stored) < exponentForm ? stored + 0 : undefined
    case "boolean":
      return Number(stored)
    default:
      return typeof stored === "string" ? numberOf(stored, integerDigits) : undefined
  }
}

/** The number that the server reads from a finite number, a decimal string, or a boolean. */
export const storedFloat = (stored: unknown): number | undefined => {
  switch (typeof stored) {
    case "number":
      return Number.isFinite(stored) ? stored : undefined
    case "boolean":
      return Number(stored)
    default:
      return typeof stored === "string" ? numberOf(stored, decimalDigits) : undefined
  }
}

/** The string that the server reads from a string or a finite number. */
export const storedString = (stored: unknown): string | undefined =>
  typeof stored === "string"
    ? stored
    : typeof stored === "number" && Number.isFinite(stored)
    ? String(stored)
    : undefined

const trueWords: ReadonlySet<unknown> = new Set([true, 1, "1", "on", "t", "true", "y", "yes"])
const falseWords: ReadonlySet<unknown> = new Set([false, 0, "0", "off", "f", "false", "n", "no"])

/** The boolean that the server reads from a boolean, 0 or 1, or a word such as `"yes"` or `"off"`. */
export const storedBoolean = (stored: unknown): boolean | undefined => {
  const word = typeof stored === "string" ? stored.toLowerCase() : stored
  return trueWords.has(word) ? true : falseWords.has(word) ? false : undefined
}
