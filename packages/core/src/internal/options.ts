/** Checks options. Each set of options has one table of rules, next to its interface. */
import * as ByteSize from "effect/ByteSize"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { InvalidOption } from "../InvalidOption.ts"
import { describeReceived } from "./describeReceived.ts"
import { nameDistance, normalize } from "./similarity.ts"

/** Which values an option accepts. `undefined` is accepted unless the option is required. */
export interface OptionRule {
  readonly expected: string
  readonly accepts: (value: unknown) => boolean
  readonly isRequired?: boolean
  /** Messages never contain the value. */
  readonly isSecret?: boolean
}

/** One rule for each option of a set. */
export type OptionRules<A> = { readonly [Name in keyof A]-?: OptionRule }

const rule = (expected: string, accepts: (value: unknown) => boolean): OptionRule => ({ expected, accepts })

const toDuration = (value: unknown): Option.Option<Duration.Duration> =>
  // `fromInput` checks what it gets
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  Option.filter(Duration.fromInput(value as Duration.Input), (duration) => !Number.isNaN(Duration.toMillis(duration)))

/** A duration of at least 0. */
export const duration: OptionRule = rule(
  "milliseconds, or a number and a unit such as \"30 seconds\" or \"10 minutes\", at least 0",
  (value) => Option.exists(toDuration(value), (input) => !Duration.isNegative(input))
)

/** A duration greater than 0. */
export const positiveDuration: OptionRule = rule(
  "milliseconds, or a number and a unit such as \"30 seconds\" or \"10 minutes\", greater than 0",
  (value) => Option.exists(toDuration(value), Duration.isPositive)
)

/** One of some strings. */
export const choice = <A extends string>(first: A, ...others: ReadonlyArray<A>): OptionRule => {
  const choices: ReadonlyArray<unknown> = [first, ...others]
  const quoted = choices.map((each) => `"${String(each)}"`)
  const expected = quoted.length === 1 ? quoted.join("") : `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`
  return rule(expected, (value) => choices.includes(value))
}

/** An integer of at least `minimum`. */
export const integer = (minimum: number): OptionRule =>
  rule(
    `an integer of at least ${minimum}`,
    (value) => typeof value === "number" && Number.isInteger(value) && value >= minimum
  )

/** A concurrency: an integer of at least 1, or `Infinity` for no limit. */
export const concurrency: OptionRule = rule(
  "an integer of at least 1, or Infinity",
  (value) => value === Infinity || (typeof value === "number" && Number.isInteger(value) && value >= 1)
)

/** A number within bounds. */
export const between = (minimum: number, maximum: number): OptionRule =>
  rule(
    `a number from ${minimum} to ${maximum}`,
    (value) => typeof value === "number" && value >= minimum && value <= maximum
  )

export const byteSize: OptionRule = rule(
  "a number of bytes, or a number and a unit such as \"64 MiB\", greater than 0",
  // `fromInput` checks what it gets
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  (value) => Option.exists(ByteSize.fromInput(value as ByteSize.Input), (size) => ByteSize.toBigInt(size) > 0n)
)

export const text: OptionRule = rule("a string", (value) => typeof value === "string")

export const nonEmptyText: OptionRule = rule(
  "a non-empty string",
  (value) => typeof value === "string" && value !== ""
)

export const boolean: OptionRule = rule("a boolean", (value) => typeof value === "boolean")

export const functionValue: OptionRule = rule("a function", (value) => typeof value === "function")

export const map: OptionRule = rule("a Map", (value) => value instanceof Map)

/**
 * Whether a value is an object with values by name. `Map`, `URL`, `AbortSignal` and others have their values elsewhere, so
 * reading their properties would ignore all of them.
 */
export const isNamedValues = (value: unknown): value is { [name: PropertyKey]: unknown } => {
  if (!Predicate.isObject(value)) return false
  if (Object.keys(value).length > 0) return true
  const prototype: unknown = Object.getPrototypeOf(value)
  // `Object.prototype` of another realm counts too
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

export const record: OptionRule = rule("an object", isNamedValues)

export const url: OptionRule = rule("a string or a URL", (value) => typeof value === "string" || value instanceof URL)

export const secret: OptionRule = {
  ...rule(
    "a string (in layers: Redacted.make(…))",
    (value) => Redacted.isRedacted(value) && typeof Redacted.value(value) === "string"
  ),
  isSecret: true
}

/** Accepts everything; the value is checked where it is used. */
export const unchecked: OptionRule = rule("a value", () => true)

/** Accepts what either of two rules accepts. */
export const either = (left: OptionRule, right: OptionRule): OptionRule =>
  rule(`${left.expected}, or ${right.expected}`, (value) => left.accepts(value) || right.accepts(value))

/** A rule for a required option. */
export const required = (of: OptionRule): OptionRule => ({ ...of, isRequired: true })

const describe = ({ isSecret }: OptionRule, value: unknown): string => {
  if (isSecret !== true || value === undefined || value === null) return describeReceived(value)
  return `a value of type ${typeof (Redacted.isRedacted(value) ? Redacted.value(value) : value)}`
}

const invalidValue = (option: string, of: OptionRule, value: unknown): InvalidOption =>
  new InvalidOption({ subject: "option", option, expected: of.expected, received: describe(of, value) })

/** The error for an invalid argument of a function. */
export const invalidArgument = (argument: string, expected: string, value: unknown): InvalidOption =>
  new InvalidOption({ subject: "argument", option: argument, expected, received: describeReceived(value) })

const unknownOption = (
  option: string,
  rules: Readonly<Record<string, OptionRule>>,
  value: unknown
): InvalidOption => {
  const names = Object.keys(rules)
  const wanted = normalize(option)
  const scored = names.map((name) => ({ name, distance: nameDistance(wanted, normalize(name)) }))
  const best = Math.min(...scored.map(({ distance }) => distance))
  const near = scored
    .filter(({ distance }) => distance <= Math.min(0.4, best + 0.1))
    .toSorted((left, right) => left.distance - right.distance)
    .slice(0, 3)
    .map(({ name }) => name)
  // the value may be a password under a misspelled name
  const hasSecrets = Object.values(rules).some(({ isSecret }) => isSecret === true)
  return new InvalidOption({
    subject: "option",
    option,
    expected: names.join(", "),
    received: describe({ ...unchecked, isSecret: hasSecrets }, value),
    suggestions: near
  })
}

/** The first invalid value or unknown name among options. */
export const checkResult = <A extends object>(
  options: A | undefined,
  rules: OptionRules<A>
): Result.Result<void, InvalidOption> => {
  const table: Readonly<Record<string, OptionRule>> = rules
  const given: unknown = options ?? (options === undefined ? {} : null)
  if (!isNamedValues(given)) {
    return Result.fail(invalidArgument("options", "an object with options", given))
  }
  for (const [name, value] of Object.entries(given)) {
    const of = Object.hasOwn(table, name) ? table[name] : undefined
    if (of === undefined && value !== undefined) return Result.fail(unknownOption(name, table, value))
    if (of !== undefined && value !== undefined && !of.accepts(value)) return Result.fail(invalidValue(name, of, value))
  }
  for (const [name, of] of Object.entries(table)) {
    if (of.isRequired === true && given[name] === undefined) return Result.fail(invalidValue(name, of, undefined))
  }
  return Result.void
}

/** Fails if a value is not accepted, or if a name is unknown. */
export const check = <A extends object>(
  options: A | undefined,
  rules: OptionRules<A>
): Effect.Effect<void, InvalidOption> => Effect.suspend(() => Effect.fromResult(checkResult(options, rules)))

/** Decodes the duration of an option. Throws `InvalidOption`, so call it inside an effect. */
export const durationOption = (option: string, value: Duration.Input): Duration.Duration =>
  Option.getOrThrowWith(
    Option.filter(toDuration(value), (input) => !Duration.isNegative(input)),
    () => invalidValue(option, duration, value)
  )
