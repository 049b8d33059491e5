/** Compares what JSON Schema, Effect Schema and `setInputs` accept. */
import * as InkField from "@effect-invokeai/core/field/InkField"
import { assert } from "@effect/vitest"
import { Ajv2020 } from "ajv/dist/2020.js"
import type { JsonSchema } from "effect/JsonSchema"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Random } from "../random.ts"

/** Multiples of decimal fractions are compared as the server does, up to rounding. */
export const makeAjv = () =>
  new Ajv2020({ strict: true, strictRequired: false, allErrors: true, multipleOfPrecision: 9 })

const strange: ReadonlyArray<unknown> = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e21,
  2 ** 53,
  "",
  " ",
  "30",
  "0.65",
  "true",
  "auto",
  "#fff",
  "a/b",
  "photo.png",
  "euler",
  "__proto__",
  [],
  {},
  [null],
  [1, "2"],
  ["a"],
  { image_name: "a.png" },
  { imageName: "a.png", width: 5 },
  { kind: "video", imageName: "a.mp4" },
  { image_name: "a.png", imageName: "a/b" },
  { video_name: "a.mp4" },
  { board_id: "" },
  { board_id: "b" },
  { id: "x" },
  { key: "k" },
  { key: "k", name: "n", base: "sdxl", type: "lora", hash: "h" },
  { key: "k", model_type: "vae" },
  { name: 5, key: " " },
  { r: 1, g: 2, b: 3 },
  { r: 1, g: 2, b: 300, a: 0 },
  [{ lora: "l", weight: 1 }],
  [{ lora: { key: "k", type: "vae" }, weight: 1 }],
  { type: "integer_generator_arithmetic_sequence" },
  { type: "float_generator_parse_string" },
  { type: "string_generator_parse_string", input: "a,b", values: ["a"] },
  { type: "image_generator_images_from_board", category: "assets" }
]

const isObject = (value: unknown): value is Record<string, any> => typeof value === "object" && value !== null

/** A value that a JSON Schema of a field more or less describes: valid, at its bounds, or just beyond them. */
const sample = (schema: JsonSchema, random: Random): unknown => {
  if (Array.isArray(schema["anyOf"]) && schema["type"] === undefined) {
    return sample(schema["anyOf"][random.below(schema["anyOf"].length)], random)
  }
  if (Array.isArray(schema["enum"])) return schema["enum"][random.below(schema["enum"].length)]
  if ("const" in schema) return schema["const"]
  const edges = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"].flatMap((key) =>
    typeof schema[key] === "number" ? [schema[key], schema[key] + 1, schema[key] - 1, schema[key] + 0.5] : []
  )
  switch (schema["type"]) {
    case "integer":
    case "number": {
      const step = typeof schema["multipleOf"] === "number" ? schema["multipleOf"] : 1
      const numbers = [...edges, 0, 1, 7, 0.1, 64 * step, step * 3 + 1]
      return numbers[random.below(numbers.length)]
    }
    case "string": {
      const lengths = [schema["minLength"], schema["maxLength"]].flatMap((length) =>
        typeof length === "number" ? [length, length + 1, Math.max(0, length - 1)] : []
      ).filter((length) => length < 10_000)
      const texts = ["", " ", "a", "ABC", "a b", "a/b", "#a1b2c3", "😀", ...lengths.map((length) => "é".repeat(length))]
      return texts[random.below(texts.length)]
    }
    case "boolean":
      return random.below(2) === 0
    case "null":
      return null
    case "array":
      return Array.from({ length: random.below(4) }, () => sample(schema["items"] as JsonSchema, random))
    case "object": {
      const out: Record<string, unknown> = {}
      for (const [key, member] of Object.entries((schema["properties"] ?? {}) as Record<string, JsonSchema>)) {
        if (random.below(3) > 0) out[key] = random.below(8) === 0 ? strange[random.below(20)] : sample(member, random)
      }
      return out
    }
    default:
      return strange[random.below(strange.length)]
  }
}

/** Values of all sorts for a field: strange ones, and many that its JSON Schema describes. */
export const valuesFor = (field: InkField.InkField, random: Random, count: number): ReadonlyArray<unknown> => {
  const schema = InkField.jsonSchema(field)
  return [...strange, ...Array.from({ length: count }, () => sample(schema, random))]
}

/** Checks for some values that all three agree, and returns how many of them were accepted. */
export const assertAgreement = (field: InkField.InkField, values: ReadonlyArray<unknown>, ajv = makeAjv()): number => {
  const json = InkField.jsonSchema(field)
  const fits = ajv.compile(json)
  const isAccepted = Schema.is(InkField.schema(field))
  let accepted = 0
  for (const value of values) {
    const where = `${field._tag} ${JSON.stringify(json)} ${JSON.stringify(value)}`
    const set = InkField.set(field, value)
    assert.strictEqual(isAccepted(value), Result.isSuccess(set), `schema and set: ${where}`)
    if (fits(value)) assert.isTrue(Result.isSuccess(set), `set accepts what fits the JSON Schema: ${where}`)
    if (Result.isFailure(set)) continue
    accepted++
    assert.isTrue(fits(set.success.value), `what set stores fits the JSON Schema: ${where}`)
  }
  assert.isTrue(isObject(json))
  return accepted
}
