/** Options that programs without types may get wrong. The functions throw, so call them inside of an effect. */
import * as Duration from "effect/Duration"
import * as Formatter from "effect/Formatter"
import * as Option from "effect/Option"
import { InvalidOption } from "../InvalidOption.ts"

const maxReceived = 60

const invalid = (option: string, expected: string, value: unknown): InvalidOption => {
  const received = Formatter.format(value)
  return new InvalidOption({
    option,
    expected,
    received: received.length > maxReceived ? `${received.slice(0, maxReceived)}…` : received
  })
}

/** The duration that an option stands for. Throws `InvalidOption`. */
export const durationOption = (option: string, value: Duration.Input): Duration.Duration =>
  Option.getOrThrowWith(
    Duration.fromInput(value),
    () => invalid(option, "milliseconds, or a number and a unit such as \"30 seconds\" or \"10 minutes\"", value)
  )

/** Makes sure that an option is missing or has one of some values. Throws `InvalidOption`. */
export const checkChoice = <A extends string>(
  option: string,
  choices: ReadonlyArray<A>,
  value: A | undefined
): void => {
  if (value === undefined || choices.includes(value)) return
  const quoted = choices.map((choice) => `"${choice}"`)
  throw invalid(option, `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`, value)
}
