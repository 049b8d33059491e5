/** Arithmetic, and collections of numbers, with Python's rules. */
import * as Effect from "effect/Effect"
import { failure, list, type NodeBehavior, number, pure, text } from "../nodeBehavior.ts"
import type { GraphNode } from "../simulatorGraph.ts"
import * as NumpyRandom from "./numpyRandom.ts"

/** Python rounds halves to the even neighbor. */
const roundHalfEven = (value: number): number => {
  const floor = Math.floor(value)
  const rest = value - floor
  if (rest < 0.5) return floor
  if (rest > 0.5) return floor + 1
  return floor % 2 === 0 ? floor : floor + 1
}

const roundTo = (value: number, decimals: number): number => {
  const short = Number(value.toFixed(Math.max(0, Math.min(100, decimals))))
  if (decimals < 0) return roundHalfEven(value * 10 ** decimals) / 10 ** decimals
  const scaled = value * 10 ** decimals
  return Math.abs(scaled - Math.trunc(scaled)) === 0.5 ? roundHalfEven(scaled) / 10 ** decimals : short
}

const modulo = (left: number, right: number): number => {
  if (right === 0) throw failure("ZeroDivisionError", "integer modulo by zero")
  return left - Math.floor(left / right) * right
}

const divide = (left: number, right: number, of = "division by zero"): number => {
  if (right === 0) throw failure("ZeroDivisionError", of)
  return left / right
}

/** The operations of integers and floats. */
const arithmetic = (operation: string, a: number, b: number): number => {
  switch (operation) {
    case "ADD":
      return a + b
    case "SUB":
      return a - b
    case "MUL":
      return a * b
    case "EXP":
      return a ** b
    case "ABS":
      return Math.abs(a)
    case "MIN":
      return Math.min(a, b)
    default:
      return Math.max(a, b)
  }
}

const integerMath = (node: GraphNode): number => {
  const a = number(node, "a")
  const b = number(node, "b")
  const operation = text(node, "operation")
  if (operation === "DIV") return Math.trunc(divide(a, b))
  return operation === "MOD" ? modulo(a, b) : arithmetic(operation, a, b)
}

const floatMath = (node: GraphNode): number => {
  const a = number(node, "a")
  const b = number(node, "b")
  const operation = text(node, "operation")
  if (operation === "DIV") return divide(a, b, "float division by zero")
  return operation === "SQRT" ? Math.sqrt(a) : arithmetic(operation, a, b)
}

const floatToInteger = (node: GraphNode): number => {
  const multiple = number(node, "multiple")
  const ratio = divide(number(node, "value"), multiple, "float division by zero")
  switch (text(node, "method")) {
    case "Nearest":
      return roundHalfEven(ratio) * multiple
    case "Floor":
      return Math.floor(ratio) * multiple
    case "Ceiling":
      return Math.ceil(ratio) * multiple
    default:
      return Math.trunc(ratio) * multiple
  }
}

const span = (start: number, stop: number, step: number): ReadonlyArray<number> => {
  if (step === 0) throw failure("ValueError", "range() arg 3 must not be zero")
  const length = Math.max(0, Math.ceil((stop - start) / step))
  return Array.from({ length }, (_, index) => start + index * step)
}

const integer = (f: (node: GraphNode) => number): NodeBehavior => pure("integer_output", (node) => ({ value: f(node) }))

const float = (f: (node: GraphNode) => number): NodeBehavior => pure("float_output", (node) => ({ value: f(node) }))

const integers = (f: (node: GraphNode) => ReadonlyArray<number>): NodeBehavior =>
  pure("integer_collection_output", (node) => ({ collection: f(node) }))

/** The behaviors of this module, by node type. */
export const behaviors: ReadonlyMap<string, NodeBehavior> = new Map<string, NodeBehavior>([
  ["add", integer((node) => number(node, "a") + number(node, "b"))],
  ["sub", integer((node) => number(node, "a") - number(node, "b"))],
  ["mul", integer((node) => number(node, "a") * number(node, "b"))],
  ["div", integer((node) => Math.trunc(divide(number(node, "a"), number(node, "b"))))],
  ["integer_math", integer(integerMath)],
  ["float_math", float(floatMath)],
  ["float_to_int", integer(floatToInteger)],
  ["round_float", float((node) => roundTo(number(node, "value"), number(node, "decimals")))],
  ["integer", integer((node) => number(node, "value"))],
  ["float", float((node) => number(node, "value"))],
  ["range", integers((node) => span(number(node, "start"), number(node, "stop"), number(node, "step")))],
  [
    "range_of_size",
    integers((node) => {
      const start = number(node, "start")
      return span(start, start + number(node, "step") * number(node, "size"), number(node, "step"))
    })
  ],
  [
    "random_range",
    integers((node) => {
      const low = number(node, "low")
      const high = number(node, "high")
      if (high <= low) throw failure("ValueError", "low >= high")
      return NumpyRandom.integers(number(node, "seed"), low, high, number(node, "size"))
    })
  ],
  [
    "float_range",
    pure("float_collection_output", (node) => {
      const start = number(node, "start")
      const stop = number(node, "stop")
      const steps = number(node, "steps")
      return {
        collection: Array.from(
          { length: Math.max(0, steps) },
          (_, index) => steps === 1 ? start : start + (stop - start) * index / (steps - 1)
        )
      }
    })
  ],
  ["integer_collection", integers((node) => list(node, "collection").filter((item) => typeof item === "number"))],
  ["float_collection", pure("float_collection_output", (node) => ({ collection: list(node, "collection") }))],
  [
    "rand_int",
    (context) => {
      const low = number(context.node, "low")
      const high = number(context.node, "high")
      return high <= low
        ? Effect.fail(failure("ValueError", "low >= high"))
        : Effect.sync(() => ({
          output_meta: null,
          value: low + Math.floor(context.random.next() * (high - low)),
          type: "integer_output"
        }))
    }
  ],
  [
    "rand_float",
    (context) =>
      Effect.sync(() => {
        const low = number(context.node, "low")
        const value = low + context.random.next() * (number(context.node, "high") - low)
        return { output_meta: null, value: roundTo(value, number(context.node, "decimals")), type: "float_output" }
      })
  ]
])
