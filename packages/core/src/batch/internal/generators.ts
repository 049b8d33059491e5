/**
 * Computes the values of generator nodes. Mirrors the InvokeAI UI, including its random numbers for a seed.
 */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import { readGenerator } from "../../field/internal/generatorRules.ts"
import type { JsonObject } from "../../internal/json.ts"
import { MersenneTwister } from "../../internal/mersenneTwister.ts"
import type { BoardImageCategory, DynamicPrompt } from "../../workflow/WorkflowResources.ts"

/** A generator whose values only the server knows: a dynamic prompt to expand, or the images of a board. */
export type ServerGenerator =
  | { readonly type: "dynamicPrompts"; readonly prompt: DynamicPrompt }
  | { readonly type: "boardImages"; readonly boardId: string; readonly category: BoardImageCategory }

/** The result of a generator: its values, or what to load from the server, or why it failed. */
export type Generated =
  | { readonly _tag: "Values"; readonly values: ReadonlyArray<unknown> }
  | { readonly _tag: "Server"; readonly generator: ServerGenerator }
  | { readonly _tag: "Invalid"; readonly reason: string }

/** The maximum number of values of a generator: 1 000 000. The server's queue accepts far fewer. */
const maxValues = 1_000_000

const values = (list: ReadonlyArray<unknown>): Generated => ({ _tag: "Values", values: list })

const invalid = (reason: string): Generated => ({ _tag: "Invalid", reason })

const num = (value: JsonObject, name: string): number => Number(value[name])

const count = (generator: JsonObject, make: (index: number) => number): Generated => {
  const length = num(generator, "count")
  return length > maxValues
    ? invalid(`${length} values exceed the limit of ${maxValues}`)
    : values(Array.from({ length: Math.max(0, length) }, (_, index) => make(index)))
}

/**
 * Reads the separator like the inside of a JSON string, so that `\n` is a line break; if that fails, it is used
 * unchanged.
 */
const separator = (splitOn: string): string => {
  const parsed = Option.liftThrowable((text: string): unknown => JSON.parse(`"${text}"`))(splitOn)
  return Option.isSome(parsed) && typeof parsed.value === "string" ? parsed.value : splitOn
}

const split = (generator: JsonObject): ReadonlyArray<string> => {
  const input = String(generator["input"])
  const splitOn = String(generator["splitOn"])
  return splitOn === "" ? [input] : input.split(separator(splitOn))
}

const numbers = (generator: JsonObject, parse: (text: string) => number): Generated =>
  values(
    split(generator).map((text) => text.trim()).filter((text) => text !== "").map(parse).filter((value) =>
      !Number.isNaN(value)
    )
  )

/** Numbers from 0 to 1: from a seed, or from the given source. */
const randomOf = (generator: JsonObject, unseeded: () => number): () => number => {
  const seed = generator["seed"]
  if (typeof seed !== "number") {
    return unseeded
  }
  const twister = new MersenneTwister(seed)
  return () => twister.random()
}

/** Computes the values of a generator.
 *
 * **Details**
 *
 * `random` returns numbers (0 inclusive, 1 exclusive) for generators without a seed. Numbers come from an arithmetic sequence (one number if the step is 0), a linear distribution, a uniform random distribution or a string; strings come from a string (parts are not trimmed, empty ones are dropped). `values` of a float generator replace computed ones.
 */
export const resolve = (value: unknown, random: () => number): Generated => {
  const given = Predicate.isObject(value) ? value : {}
  const generator = readGenerator(String(given["type"]), given)
  if (generator === undefined) {
    return invalid("no generator is selected")
  }
  const type = String(generator["type"])
  if (type.startsWith("float_generator") && Array.isArray(generator["values"])) {
    return values(generator["values"])
  }
  const start = num(generator, "start")
  const range = num(generator, "end") - start
  const step = num(generator, "step")
  const min = num(generator, "min")
  const max = num(generator, "max")
  const total = num(generator, "count")
  switch (type) {
    case "float_generator_arithmetic_sequence":
    case "integer_generator_arithmetic_sequence":
      return step === 0 ? values([start]) : count(generator, (index) => start + index * step)
    case "float_generator_linear_distribution":
      return total === 1 ? values([start]) : count(generator, (index) => start + range * (index / (total - 1)))
    case "integer_generator_linear_distribution":
      return total === 1
        ? values([start])
        : count(generator, (index) => start + Math.round(range * (index / (total - 1))))
    case "float_generator_random_distribution_uniform": {
      const next = randomOf(generator, random)
      return count(generator, () => next() * (max - min) + min)
    }
    case "integer_generator_random_distribution_uniform": {
      const next = randomOf(generator, random)
      return count(generator, () => Math.floor(next() * (max - min + 1)) + min)
    }
    case "float_generator_parse_string":
      return numbers(generator, Number.parseFloat)
    case "integer_generator_parse_string":
      return numbers(generator, (text) => Number.parseInt(text, 10))
    case "string_generator_parse_string":
      return values(split(generator).filter((text) => text !== ""))
    case "string_generator_dynamic_prompts_combinatorial":
      return {
        _tag: "Server",
        generator: {
          type: "dynamicPrompts",
          prompt: { prompt: String(generator["input"]), maxPrompts: num(generator, "maxPrompts"), combinatorial: true }
        }
      }
    case "string_generator_dynamic_prompts_random": {
      const seed = generator["seed"]
      return {
        _tag: "Server",
        generator: {
          type: "dynamicPrompts",
          prompt: {
            prompt: String(generator["input"]),
            maxPrompts: total,
            combinatorial: false,
            ...(typeof seed === "number" ? { seed } : {})
          }
        }
      }
    }
    default: {
      const boardId = generator["board_id"]
      return typeof boardId === "string" && boardId !== ""
        ? {
          _tag: "Server",
          generator: {
            type: "boardImages",
            boardId,
            category: generator["category"] === "assets" ? "assets" : "images"
          }
        }
        : values([])
    }
  }
}
