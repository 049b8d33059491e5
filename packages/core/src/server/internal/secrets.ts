import * as Base64 from "effect/encoding/Base64"

/** What stands in the place of a secret. */
const placeholder = "<redacted>"

/** Shorter secrets would match ordinary words. */
const shortest = 4

/** A server may renew the token with every response; old ones need no protection for long. */
const newest = 8

/** Minimum length of a truncated part of a secret that is removed. */
const longestRemainder = 8

const hex = (value: number, digits: number): string =>
  value.toString(16).padStart(digits, "0").replace(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`)

const letterEscapes: ReadonlyMap<string, string> = new Map([
  ["\b", "b"],
  ["\t", "t"],
  ["\n", "n"],
  ["\f", "f"],
  ["\r", "r"]
])

/** Characters that the URL-safe alphabet of base64 replaces, and the space of URL-encoded forms. */
const substitutes: ReadonlyMap<string, string> = new Map([["+", "-"], ["/", "_"], [" ", "\\+"]])

const utf16 = (char: string): ReadonlyArray<number> =>
  Array.from({ length: char.length }, (_, at) => char.charCodeAt(at))

/** Patterns of a character as it is, escaped as in JSON (up to twice) or Python, and URL-encoded. */
const spellingsOf = (char: string): ReadonlyArray<string> => {
  // All backslashes of a run together: each may be doubled.
  if (char.startsWith("\\")) return [`\\\\{${char.length},${4 * char.length}}`, `(?:%5[cC]){${char.length}}`]
  const units = utf16(char)
  const letter = letterEscapes.get(char)
  const substitute = substitutes.get(char)
  return [
    `\\\\{0,3}${char.replace(/[\^$.*+?()[\]{}|/]/, "\\$&")}`,
    units.map((unit) => `\\\\{1,3}u${hex(unit, 4)}`).join(""),
    Array.from(new TextEncoder().encode(char), (byte) => `%${hex(byte, 2)}`).join(""),
    ...(units.length === 1 && units[0]! < 256 ? [`\\\\{1,3}x${hex(units[0]!, 2)}`] : []),
    ...(letter === undefined ? [] : [`\\\\{1,3}${letter}`]),
    ...(substitute === undefined ? [] : [substitute])
  ]
}

const anyOf = (spellings: ReadonlyArray<string>): string => `(?:${spellings.join("|")})`

/** The base64 encoding of a secret inside a longer string, whose bytes before it shift it by 0, 1 or 2. */
const base64Of = (secret: string): ReadonlyArray<string> => {
  const bytes = new TextEncoder().encode(secret)
  return [0, 1, 2].map((shift) => {
    const shifted = new Uint8Array(shift + bytes.length)
    shifted.set(bytes, shift)
    // The characters at both ends hold bits of the neighbors too.
    return Base64.encode(shifted).slice(Math.ceil(shift * 8 / 6), Math.floor(shifted.length * 8 / 6))
  })
}

type Redact = (text: string) => string

const sticky = new Map<string, RegExp>()

/** Where a pattern ends that begins at a place; -1 if it does not. */
const endOf = (pattern: string, text: string, at: number): number => {
  const made = sticky.get(pattern) ?? new RegExp(pattern, "y")
  sticky.set(pattern, made)
  made.lastIndex = at
  return made.test(text) ? made.lastIndex : -1
}

const cut = "…|\\.{3}|$"

/** Where a secret ends that begins at a place, or the part of it that is there before a cut. */
const matchAt = (
  text: string,
  at: number,
  chars: ReadonlyArray<ReadonlyArray<string>>,
  least: number
): number | undefined => {
  let ends: ReadonlyArray<number> = [at]
  for (const [index, spellings] of chars.entries()) {
    // The start of one spelling may be another: `%25` begins with `%`.
    const next = new Set(ends.flatMap((end) => spellings.map((spelling) => endOf(spelling, text, end))))
    next.delete(-1)
    if (next.size === 0) return index < least ? undefined : ends.find((end) => endOf(cut, text, end) !== -1)
    ends = [...next]
  }
  return Math.max(...ends)
}

/** Replaces one form of a secret, and its parts before and after a truncation. */
const redactionOf = (secret: string): Redact => {
  const chars = (secret.match(/\\+|[^]/gu) ?? []).map(spellingsOf)
  const least = Math.min(longestRemainder, Math.ceil(chars.length / 2))
  // A pattern of a complete token would be too large.
  const head = new RegExp(chars.slice(0, least).map(anyOf).join(""), "g")
  const tail = new RegExp(`(…|\\.{3})[^]{0,64}?${chars.slice(-least).map(anyOf).join("")}`, "g")
  return (text) => {
    let out = ""
    let done = 0
    head.lastIndex = 0
    for (let match = head.exec(text); match !== null; match = head.exec(text)) {
      const end = matchAt(text, match.index, chars, least)
      if (end !== undefined) {
        out += text.slice(done, match.index) + placeholder
        done = end
      }
      head.lastIndex = end ?? match.index + 1
    }
    return (out + text.slice(done)).replace(tail, `$1${placeholder}`)
  }
}

/**
 * Replaces secrets in strings of a server or a transport.
 *
 * - `add`: makes a value with at least four characters a secret. Of those that were added, the newest eight are kept.
 * - `redact`: replaces every secret by `<redacted>`, as it is, escaped as in JSON, URL-encoded, or in base64, and the parts of
 *   it at a truncation.
 *
 * @internal
 */
export interface Secrets {
  readonly add: (secret: string) => void
  readonly redact: (text: string) => string
}

/** @internal */
export const make = (initial: Iterable<string> = []): Secrets => {
  const lasting = [...initial]
  let added: ReadonlyArray<string> = []
  // Created when a string is redacted, because most clients never need it.
  let redactions: ReadonlyArray<Redact> | undefined
  const makeRedactions = (): ReadonlyArray<Redact> =>
    [...new Set([...lasting, ...added])]
      .filter((secret) => secret.length >= shortest)
      // A longer secret may hold a shorter one.
      .toSorted((a, b) => b.length - a.length)
      .flatMap((secret) => [secret].concat(base64Of(secret)))
      .map(redactionOf)
  return {
    add: (secret) => {
      if (added.includes(secret)) return
      added = [...added, secret].slice(-newest)
      redactions = undefined
    },
    redact: (text) => {
      redactions ??= makeRedactions()
      return redactions.reduce((out, redact) => redact(out), text)
    }
  }
}
