/** Describes rejected values in messages. */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"

/** Describes any value in a few words, with at most 60 characters of it. */
export const describeReceived = (input: unknown): string => {
  switch (typeof input) {
    case "undefined":
      return "nothing"
    case "string":
      return JSON.stringify(input.length > 60 ? `${input.slice(0, 57)}...` : input)
    case "number":
    case "boolean":
      return String(input)
    case "bigint":
      return `${input}n`
    case "function":
      return "a function"
    case "symbol":
      return "a symbol"
    default:
      break
  }
  if (input === null) return "null"
  if (Effect.isEffect(input)) return "an Effect instead of its result: yield* it first"
  if (Predicate.isPromiseLike(input)) return "a Promise instead of its result: await it first"
  if (Array.isArray(input)) return input.length === 1 ? "a list of 1 item" : `a list of ${input.length} items`
  const keys = Predicate.isObject(input) ? Object.keys(input) : []
  if (keys.length === 0) {
    const type = Predicate.hasProperty(input, "constructor") && typeof input.constructor === "function"
      ? input.constructor.name
      : "Object"
    return type === "Object" || type === "" ? "an empty object" : `an instance of ${type}`
  }
  const shown = keys.slice(0, 5).map((key) => key.length > 20 ? `${key.slice(0, 17)}...` : key).join(", ")
  return `an object with ${shown}${keys.length > 5 ? ", …" : ""}`
}
