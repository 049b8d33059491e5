/**
 * Building blocks of the wire schemas: how InvokeAI writes null, enumerations, timestamps and path parameters.
 *
 * The declaration is open at the wire. Fields that a schema does not name are ignored (or kept, where a user may want
 * them), enumerations accept strings that are not known yet, and a nullable field may be missing.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaTransformation from "effect/SchemaTransformation"

/**
 * A field that may be missing or `null`; both mean "no value".
 *
 * InvokeAI leaves nulls out of some responses (`GET queue/{queue_id}/i/{item_id}`) and writes them in others.
 *
 * @since 0.1.0
 * @category combinators
 */
export const nullish = <S extends Schema.Top>(schema: S): Schema.optionalKey<Schema.NullOr<S>> =>
  Schema.optionalKey(Schema.NullOr(schema))

/**
 * A string type that completes to the known values and accepts any other.
 *
 * @since 0.1.0
 * @category models
 */
export type Open<Known extends string> = Known | (string & {})

/**
 * A string enumeration of the server: the listed values are known, and any other string is also accepted.
 *
 * @since 0.1.0
 * @category combinators
 */
export const openLiterals = <const Known extends ReadonlyArray<string>>(
  known: Known
): Schema.Codec<Open<Known[number]>, string> =>
  Schema.String.annotate({ description: `one of ${known.join(", ")}, or a newer value`, examples: known })

const isAnything = (_value: unknown): _value is unknown => true

/**
 * Any JSON value, which is not described here.
 *
 * It is not validated: responses were parsed as JSON, and requests are written as JSON.
 *
 * @since 0.1.0
 * @category schemas
 */
export const JsonValue: Schema.declare<unknown> = Schema.declare(isAnything, {
  expected: "JSON value",
  toCodecJson: () => undefined
})

const noText = Schema.Literal("").pipe(
  Schema.decodeTo(Schema.Null, SchemaTransformation.transform({ decode: () => null, encode: () => "" as const }))
)

/**
 * A JSON value that the server writes as a string. A string that is not JSON is kept, because it is better shown than
 * lost; an empty string is `null`.
 *
 * @since 0.1.0
 * @category schemas
 */
export const JsonText = Schema.Union([noText, Schema.fromJsonString(JsonValue), Schema.String])

const unexpected = JsonValue.pipe(
  Schema.decodeTo(Schema.Null, SchemaTransformation.transform({ decode: () => null, encode: (): unknown => null }))
)

/**
 * A field that no result depends on: it may be missing, and is `null` if its value does not match the schema.
 *
 * A newer server may change or drop such a field; the rest of the response is still decoded.
 *
 * @since 0.1.0
 * @category combinators
 */
export const detail = <S extends Schema.Top>(schema: S) =>
  Schema.optionalKey(Schema.Union([schema, Schema.Null, unexpected]))

/**
 * A JSON object whose keys are not described here; everything in it is kept. Like `JsonValue` it is not looked into.
 *
 * @since 0.1.0
 * @category schemas
 */
export const JsonObject: Schema.declare<JsonObject> = Schema.declare(Predicate.isObject, {
  expected: "JSON object",
  toCodecJson: () => undefined
})

/**
 * A JSON object whose keys are not described here.
 *
 * @since 0.1.0
 * @category models
 */
export interface JsonObject {
  readonly [key: string]: unknown
}

/**
 * The fields of an object that its schema does not name; they are kept.
 *
 * @since 0.1.0
 * @category schemas
 */
export const OtherFields = Schema.Record(Schema.String, JsonValue)

// how all servers write times, dozens of them for each job
const serverTimestamp = /^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d\.\d{3}$/

// `DateTime` also reads a string without a zone as UTC
const parseTimestamp = (text: string): Option.Option<DateTime.Utc> => {
  if (!serverTimestamp.test(text)) return Option.map(DateTime.make(text.trim().replace(" ", "T")), DateTime.toUtc)
  const time = Date.parse(`${text.slice(0, 10)}T${text.slice(11)}Z`)
  return Number.isNaN(time) ? Option.none() : Option.some(DateTime.makeUnsafe(time))
}

/**
 * A point in time as InvokeAI writes it, decoded to `DateTime.Utc`.
 *
 * **Details**
 *
 * Accepted are `2026-11-22 12:34:56.789` (UTC without a zone, with or without milliseconds, as the database writes it)
 * and ISO 8601 with or without a zone. Without a zone the time is UTC. Encoded as `YYYY-MM-DD HH:MM:SS.mmm`.
 *
 * @since 0.1.0
 * @category schemas
 */
export const ServerTimestamp = Schema.String.pipe(
  Schema.decodeTo(
    Schema.DateTimeUtc,
    SchemaTransformation.transformEffect<DateTime.Utc, string>({
      decode: (text, options) =>
        Option.match(parseTimestamp(text), {
          onNone: () => Effect.fail(new SchemaIssue.InvalidValue({ expected: "a timestamp" }, text, options)),
          onSome: Effect.succeed
        }),
      encode: (time) => Effect.succeed(DateTime.formatIso(time).replace("T", " ").replace("Z", ""))
    })
  )
)

/**
 * A value that may stand in a path: not empty and not a dot segment, which a URL would swallow.
 *
 * Slashes and other reserved characters are allowed; the client escapes them.
 *
 * @since 0.1.0
 * @category schemas
 */
export const PathSegment = Schema.String.check(
  Schema.makeFilter((text) => text !== "" && text !== "." && text !== "..", {
    expected: "a non-empty value other than \".\" and \"..\""
  })
)

/**
 * Sort direction of a listing.
 *
 * The server accepts upper case only.
 *
 * @since 0.1.0
 * @category schemas
 */
export const SQLiteDirection = Schema.Literals(["ASC", "DESC"])

/**
 * Sort direction of a listing.
 *
 * @since 0.1.0
 * @category models
 */
export type SQLiteDirection = typeof SQLiteDirection.Type

/**
 * One page of a listing that is read by offset and limit.
 *
 * @since 0.1.0
 * @category schemas
 */
export const OffsetPage = <S extends Schema.Top>(item: S) =>
  Schema.Struct({
    limit: Schema.Int,
    offset: Schema.Int,
    total: Schema.Int,
    items: Schema.Array(item)
  })
