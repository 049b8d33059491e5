/**
 * Lone surrogates, which JavaScript strings can contain but Unicode text cannot: `"🐱".slice(0, 1)` is one. InvokeAI
 * stores them but cannot read them again.
 */
import * as Predicate from "effect/Predicate"
import { setOwn } from "./json.ts"

/**
 * The location of a lone surrogate in a JSON value: the keys that lead to the string, and the zero-based position in
 * it.
 */
export interface IllFormedText {
  readonly path: ReadonlyArray<string>
  readonly position: number
}

// With the flag `u`, only lone surrogates match.
const half = /\p{Surrogate}/u
const halves = /\p{Surrogate}/gu

interface Visited {
  readonly value: unknown
  readonly key: string
  readonly parent: Visited | undefined
}

const pathOf = ({ key, parent }: Visited): ReadonlyArray<string> => {
  const path: Array<string> = []
  for (let at: Visited | undefined = { value: undefined, key, parent }; at?.parent !== undefined; at = at.parent) {
    path.unshift(wellFormedText(at.key))
  }
  return path
}

/** Finds a lone surrogate in a JSON value, including its keys; `undefined` if all text is well-formed. */
export const illFormedText = (value: unknown): IllFormedText | undefined => {
  // Iterative, because values can be thousands of levels deep.
  const waiting: Array<Visited> = [{ value, key: "", parent: undefined }]
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    const position = typeof at.value === "string" ? at.value.search(half) : -1
    const inKey = at.key.search(half)
    if (position !== -1 || inKey !== -1) return { path: pathOf(at), position: Math.max(position, inKey) }
    if (typeof at.value !== "object" || at.value === null) continue
    for (const [key, member] of Object.entries(at.value).toReversed()) waiting.push({ value: member, key, parent: at })
  }
  return undefined
}

/** Replaces lone surrogates in a string with U+FFFD. */
export const wellFormedText = (text: string): string => text.replace(halves, "\uFFFD")

/** Returns a JSON value with well-formed text, including keys; the same object if it already is. */
export const wellFormed = <A>(value: A): A => {
  if (illFormedText(value) === undefined) return value
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only characters of strings change
  return replaced(value) as A
}

const replaced = (value: unknown): unknown => {
  if (typeof value === "string") return wellFormedText(value)
  if (Array.isArray(value)) return value.map(replaced)
  if (!Predicate.isObject(value)) return value
  const out: Record<string, unknown> = {}
  for (const [key, member] of Object.entries(value)) setOwn(out, wellFormedText(key), replaced(member))
  return out
}

/** Describes ill-formed text in messages. */
export const describeIllFormed = ({ path, position }: IllFormedText): string =>
  `half of a surrogate pair at position ${position}${path.length === 0 ? "" : ` of ${path.join(".")}`}` +
  ", which appears when a string is cut inside an emoji"
