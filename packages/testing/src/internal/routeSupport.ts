/**
 * What the routes of the simulated server have in common: how they are implemented, and the limits that their schemas do not state.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as FieldValidation from "./fieldValidation.ts"
import type { ValidationIssue } from "./fieldValidation.ts"
import { missing, notAnObject } from "./requestSchema.ts"
import { HttpFailure, invalid, json, type SimulatorRequest, type SimulatorResponse } from "./SimulatorHttp.ts"
import type { SimulatorWorld } from "./simulatorWorld.ts"
import type { SimulatorUser } from "./userStore.ts"

/** A request, and who sent it. */
export interface RouteContext {
  readonly world: SimulatorWorld
  readonly request: SimulatorRequest
  readonly now: number
  /** The user who sent it; the system user on single-user servers. */
  readonly user: SimulatorUser
}

/** A request with its parameters and its JSON body, decoded. */
export interface EndpointContext<Params = unknown, Query = unknown, Payload = unknown> extends RouteContext {
  readonly params: Params
  readonly query: Query
  readonly payload: Payload
}

/** Options of a route that its declaration does not contain. */
export interface RouteOptions {
  /** Whether it needs no credentials. */
  readonly isPublic?: boolean | undefined
  /** Whether it needs an administrator. */
  readonly adminOnly?: boolean | undefined
  /** Whether undeclared fields of the body are rejected. */
  readonly onlyDeclared?: boolean | undefined
  /** Whether the handler reads the JSON body itself. Always true if the body is a form. */
  readonly rawBody?: boolean | undefined
}

/** The implementation of an endpoint. */
export interface Implementation<Context> extends RouteOptions {
  readonly handler: (context: Context) => Effect.Effect<SimulatorResponse, HttpFailure>
}

/** An implementation whose handler is a generator. */
export const route = <Context>(
  handler: (context: Context) => Generator<Effect.Effect<unknown, HttpFailure>, SimulatorResponse, never>,
  options: RouteOptions = {}
): Implementation<Context> => ({ handler: Effect.fnUntraced(handler), ...options })

/** An implementation that returns JSON synchronously. */
export const reply = <Context>(
  f: (context: Context) => unknown,
  options: RouteOptions = {}
): Implementation<Context> => ({
  handler: (context) => Effect.sync(() => json(f(context))),
  ...options
})

const fail = (issue: ValidationIssue): Effect.Effect<never, HttpFailure> => Effect.fail(invalid([issue]))

/** Rejects an integer parameter outside of its bounds. The server quotes the parameter as a string. */
export const within = (
  name: string,
  value: number | undefined,
  bounds: { readonly minimum?: number; readonly maximum?: number }
): Effect.Effect<void, HttpFailure> => {
  if (value === undefined) return Effect.void
  const checked = FieldValidation.bounded(value, bounds, ["query", name])
  return checked.ok
    ? Effect.void
    : Effect.fail(invalid(checked.issues.map((issue) => Object.assign({}, issue, { input: String(value) }))))
}

const textDecoder = new TextDecoder()

/** The body as JSON. */
export const jsonBody = (request: SimulatorRequest): Effect.Effect<unknown, HttpFailure> =>
  Effect.suspend(() => {
    const raw = request.body
    if (!(raw instanceof Uint8Array) || raw.length === 0) return fail(missing(["body"], null))
    const parsed = Result.try((): unknown => JSON.parse(textDecoder.decode(raw)))
    return Result.isSuccess(parsed)
      ? Effect.succeed(parsed.success)
      : fail({
        type: "json_invalid",
        loc: ["body", 0],
        msg: "JSON decode error",
        input: {},
        ctx: { error: "Expecting value" }
      })
  })

/** The body as a JSON object. */
export const bodyRecord = (context: RouteContext): Effect.Effect<Readonly<Record<string, unknown>>, HttpFailure> =>
  Effect.flatMap(
    jsonBody(context.request),
    (value) => Predicate.isObject(value) ? Effect.succeed(value) : fail(notAnObject(["body"], value))
  )

/** A field of the body that is required. */
export const bodyField = (
  record: Readonly<Record<string, unknown>>,
  name: string
): Effect.Effect<unknown, HttpFailure> =>
  Object.hasOwn(record, name) ? Effect.succeed(record[name]) : fail(missing(["body", name], null))

const maxNames = 1000
const maxNameLength = 255

const tooLong = (
  loc: ReadonlyArray<string | number>,
  input: ReadonlyArray<unknown>,
  limit: number
): ValidationIssue => ({
  type: "too_long",
  loc,
  msg: `List should have at most ${limit} items after validation, not ${input.length}`,
  input,
  ctx: { field_type: "List", max_length: limit, actual_length: input.length }
})

/** Rejects a list in the body with more than 1000 items. */
export const withinLength = (field: string, items: ReadonlyArray<unknown>): Effect.Effect<void, HttpFailure> =>
  items.length > maxNames ? fail(tooLong(["body", field], items, maxNames)) : Effect.void

/** Rejects names in the body that are too many or too long for 6.14. */
export const withinNames = (
  context: RouteContext,
  field: string,
  names: ReadonlyArray<string>
): Effect.Effect<void, HttpFailure> =>
  Effect.suspend(() => {
    if (context.world.profile.minor < 14) return Effect.void
    const issues = names.flatMap((name, index): ReadonlyArray<ValidationIssue> =>
      name.length > maxNameLength
        ? [{
          type: "string_too_long",
          loc: ["body", field, index],
          msg: `String should have at most ${maxNameLength} characters`,
          input: name,
          ctx: { max_length: maxNameLength }
        }]
        : []
    )
    return names.length <= maxNames && issues.length > 0
      ? Effect.fail(invalid(issues))
      : withinLength(field, names)
  })

/** The multipart form of an upload; empty if the body is not a form. */
export const form = (context: RouteContext): Effect.Effect<FormData, HttpFailure> =>
  Effect.suspend(() => {
    const { body: raw, headers } = context.request
    if (raw instanceof FormData) return Effect.succeed(raw)
    const type = headers["content-type"] ?? ""
    if (raw === undefined || !type.startsWith("multipart/form-data")) return Effect.succeed(new FormData())
    const bytes = new Uint8Array(raw)
    return Effect.tryPromise({
      try: () => new Response(bytes, { headers: { "content-type": type } }).formData(),
      catch: () => new HttpFailure({ response: json({ detail: "There was an error parsing the body" }, 400) })
    })
  })

/** The file in a form: its type and bytes. */
export const formFile = (
  data: FormData,
  name: string
): Effect.Effect<{ readonly type: string; readonly bytes: Uint8Array }, HttpFailure> => {
  const value = data.get(name)
  if (value === null) return fail(missing(["body", name], null))
  if (typeof value === "string") {
    return fail({
      type: "value_error",
      loc: ["body", name],
      msg: "Value error, Expected UploadFile, received: <class 'str'>",
      input: value,
      ctx: { error: {} }
    })
  }
  return Effect.map(
    Effect.promise(() => value.arrayBuffer()),
    (buffer) => ({ type: value.type, bytes: new Uint8Array(buffer) })
  )
}

/** A value, or a rejection if it is missing. */
export const orReject = <A>(value: A | undefined, failure: () => HttpFailure): Effect.Effect<A, HttpFailure> =>
  Option.match(Option.fromUndefinedOr(value), { onNone: () => Effect.fail(failure()), onSome: Effect.succeed })
