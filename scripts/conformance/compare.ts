/** Deep comparison of JSON values, with the place of the first difference. */
import * as Predicate from "effect/Predicate"

export type Json = Record<string, unknown>

/** What JSON makes of a value: `undefined` is absent. */
export const toJson = (value: unknown): unknown => value === undefined ? undefined : JSON.parse(JSON.stringify(value))

const show = (value: unknown): string => {
  const text = value === undefined ? "nothing" : JSON.stringify(value)
  return text.length > 160 ? `${text.slice(0, 160)}…` : text
}

/** Where two JSON values first differ; objects compare whatever the order of their keys. */
export const difference = (actual: unknown, expected: unknown, path = ""): string | undefined => {
  if (Object.is(actual, expected) || (actual === 0 && expected === 0)) {
    return undefined
  }
  if (Array.isArray(actual) && Array.isArray(expected)) {
    for (let index = 0; index < Math.max(actual.length, expected.length); index++) {
      const found = difference(actual[index], expected[index], `${path}[${index}]`)
      if (found !== undefined) {
        return found
      }
    }
    return undefined
  }
  if (Predicate.isObject(actual) && Predicate.isObject(expected)) {
    for (const key of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
      const found = difference(
        Object.hasOwn(actual, key) ? actual[key] : undefined,
        Object.hasOwn(expected, key) ? expected[key] : undefined,
        `${path}.${key}`
      )
      if (found !== undefined) {
        return found
      }
    }
    return undefined
  }
  return `${path === "" ? "value" : path}: expected ${show(expected)}, got ${show(actual)}`
}

const order = (value: unknown): string =>
  JSON.stringify(
    value,
    (_key, item: unknown) =>
      Predicate.isObject(item)
        ? Object.fromEntries(Object.entries(item).toSorted(([a], [b]) => a < b ? -1 : 1))
        : item
  )

/** The items of a list in an order of their own, for lists that are sets. */
export const asSet = (items: ReadonlyArray<unknown>): ReadonlyArray<unknown> =>
  items.toSorted((first, second) => order(first) < order(second) ? -1 : 1)
