/**
 * Text from files, servers and programs, made fit for a terminal: control characters could move its cursor, change its
 * title or hide what else is written.
 */

const named: ReadonlyMap<string, string> = new Map([["\n", "\\n"], ["\r", "\\r"], ["\t", "\\t"]])

const escaped = (character: string): string =>
  named.get(character) ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`

// The control characters of ASCII and Latin-1, line and paragraph separators, and what reverses the direction of text.
const unprintable = /[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu

/** The text with its control characters as escapes such as `\u001b`. Line feeds stay. */
export const printable = (text: string): string =>
  text.replace(unprintable, (character) => character === "\n" ? character : escaped(character))

/** The text as one line: with line feeds as escapes too. */
export const printableLine = (text: string): string => text.replace(unprintable, escaped)
