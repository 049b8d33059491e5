/** The schemas of all inputs and of all outputs of a workflow. */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Transformation from "effect/SchemaTransformation"

type Values = Readonly<Record<string, unknown>>

/** A struct that rejects other keys, whatever the options of the parser are. */
const exactly = (struct: Schema.Codec<Values>): Schema.Codec<Values> => {
  const decode = Schema.decodeUnknownResult(struct)
  return Schema.declare((values): values is Values => Predicate.isObject(values), {
    expected: "an object with values by public name",
    toCodecJson: () => Schema.link<Values>()(struct, Transformation.passthrough())
  }).check(
    Schema.makeFilter((values: Values) =>
      Result.match(decode(values, { onExcessProperty: "error", errors: "all" }), {
        onSuccess: () => undefined,
        onFailure: ({ issue }) => issue
      })
    )
  )
}

/** Values by public name: one for each required input, and no other names. */
export const inputsSchema = (
  inputs: ReadonlyArray<{
    readonly name: string
    readonly required: boolean
    readonly schema: Schema.Codec<unknown>
  }>
): Schema.Codec<Values> =>
  exactly(Schema.Struct(
    Object.fromEntries(inputs.map(({ name, required, schema }) => [
      name,
      required ? schema : Schema.optionalKey(schema)
    ]))
  ))

/** Outputs by public name. Each list is there, perhaps empty; one value is absent if its node did not run. */
export const outputsSchema = (
  outputs: ReadonlyArray<{ readonly name: string; readonly many: boolean; readonly schema: Schema.Codec<unknown> }>
): Schema.Codec<Values> =>
  Schema.Struct(
    Object.fromEntries(outputs.map(({ many, name, schema }) => [name, many ? schema : Schema.optionalKey(schema)]))
  )
