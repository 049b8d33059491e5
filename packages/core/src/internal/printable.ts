/**
 * Makes text from files, servers and programs safe to print on a terminal: control characters could move the cursor,
 * change the title or hide other output.
 */

const named: ReadonlyMap<string, string> = new Map([["\n", "\\n"], ["\r", "\\r"], ["\t", "\\t"]])

const escaped = (character: string): string =>
  named.get(character) ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`

// The control characters of ASCII and Latin-1, line and paragraph separators, and bidirectional controls.
const unprintable = /[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu

/** Escapes control characters, for example as `\u001b`. Line feeds are kept. */
export const printable = (text: string): string =>
  text.replace(unprintable, (character) => character === "\n" ? character : escaped(character))

/** Escapes control characters and line feeds. */
export const printableLine = (text: string): string => text.replace(unprintable, escaped)
