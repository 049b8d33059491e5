/**
 * What the routes of the simulated server have in common: reading parameters and bodies with the server's own complaints.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as FieldValidation from "./fieldValidation.ts"
import type { ValidationIssue } from "./fieldValidation.ts"
import { HttpFailure, invalid, json, type SimulatorRequest, type SimulatorResponse } from "./SimulatorHttp.ts"
import type { SimulatorWorld } from "./simulatorWorld.ts"
import type { SimulatorUser } from "./userStore.ts"

/** A request on its way through a route. */
export interface RouteContext {
  readonly world: SimulatorWorld
  readonly request: SimulatorRequest
  readonly params: Readonly<Record<string, string>>
  readonly now: number
  /** Who asks; the system user on single-user servers. */
  readonly user: SimulatorUser
}

/** A route: method, path template, and what it does. */
export interface Route {
  readonly method: string
  /** Parts in braces are parameters. */
  readonly path: string
  readonly handler: (context: RouteContext) => Effect.Effect<SimulatorResponse, HttpFailure>
  /** The first minor release that has the route. */
  readonly since?: number | undefined
  /** Needs no login. */
  readonly isPublic?: boolean | undefined
  /** Needs an administrator. */
  readonly adminOnly?: boolean | undefined
}

/** A route whose handler is a generator. */
export const route = (
  method: string,
  path: string,
  handler: (context: RouteContext) => Generator<Effect.Effect<unknown, HttpFailure>, SimulatorResponse, never>,
  options: Omit<Route, "method" | "path" | "handler"> = {}
): Route => ({ method, path, handler: Effect.fnUntraced(handler), ...options })

/** A route whose answer is known at once, as JSON. */
export const reply = (
  method: string,
  path: string,
  f: (context: RouteContext) => unknown,
  options: Omit<Route, "method" | "path" | "handler"> & { readonly status?: number } = {}
): Route => ({
  method,
  path,
  handler: (context) => Effect.sync(() => json(f(context), options.status)),
  ...options
})

/** Routes that a release has only from a minor version on. A route's own later version stays. */
export const since = (minor: number, routes: ReadonlyArray<Route>): ReadonlyArray<Route> =>
  routes.map((one) => Object.assign({ since: minor }, one))

const fail = (issue: ValidationIssue): Effect.Effect<never, HttpFailure> => Effect.fail(invalid([issue]))

const missing = (loc: ReadonlyArray<string | number>, input: unknown = null): ValidationIssue => ({
  type: "missing",
  loc,
  msg: "Field required",
  input
})

const settle = (checked: FieldValidation.Checked): Effect.Effect<unknown, HttpFailure> =>
  checked.ok ? Effect.succeed(checked.value) : Effect.fail(invalid(checked.issues))

/** A query parameter that must be there. */
export const required = (context: RouteContext, name: string): Effect.Effect<string, HttpFailure> => {
  const value = context.request.query.get(name)
  return value === null ? fail(missing(["query", name])) : Effect.succeed(value)
}

/** A query parameter; `undefined` where it is missing. */
export const optional = (context: RouteContext, name: string): string | undefined =>
  context.request.query.get(name) ?? undefined

/** All values of a repeated query parameter; `undefined` where there are none. */
export const many = (context: RouteContext, name: string): ReadonlyArray<string> | undefined => {
  const values = context.request.query.getAll(name)
  return values.length === 0 ? undefined : values
}

/** A query parameter that is true or false. */
export const flag = (context: RouteContext, name: string): Effect.Effect<boolean | undefined, HttpFailure> => {
  const value = context.request.query.get(name)
  if (value === null) return Effect.succeed(undefined)
  return Effect.map(settle(FieldValidation.boolean(value, ["query", name])), (result) => result === true)
}

/** A query parameter that is a whole number within limits. */
export const whole = (
  context: RouteContext,
  name: string,
  bounds: { readonly minimum?: number; readonly maximum?: number } = {}
): Effect.Effect<number | undefined, HttpFailure> => {
  const value = context.request.query.get(name)
  if (value === null) return Effect.succeed(undefined)
  const loc = ["query", name]
  const checked = FieldValidation.integer(value, loc)
  const limited = checked.ok ? FieldValidation.bounded(checked.value, bounds, loc) : checked
  if (!limited.ok) {
    return Effect.fail(invalid(limited.issues.map((issue) => ({ ...issue, input: value }))))
  }
  return Effect.succeed(Number(limited.value))
}

/** A query parameter that is one of some words. */
export const oneOf = (
  context: RouteContext,
  name: string,
  choices: ReadonlyArray<string>
): Effect.Effect<string | undefined, HttpFailure> => {
  const value = context.request.query.get(name)
  if (value === null) return Effect.succeed(undefined)
  const expected = FieldValidation.listChoices(choices)
  return choices.includes(value)
    ? Effect.succeed(value)
    : fail({ type: "enum", loc: ["query", name], msg: `Input should be ${expected}`, input: value, ctx: { expected } })
}

/** A path parameter that is a whole number. */
export const pathNumber = (context: RouteContext, name: string): Effect.Effect<number, HttpFailure> =>
  Effect.map(settle(FieldValidation.integer(context.params[name] ?? "", ["path", name])), Number)

const textDecoder = new TextDecoder()

/** The body as JSON. */
export const body = (context: RouteContext): Effect.Effect<unknown, HttpFailure> =>
  Effect.suspend(() => {
    const raw = context.request.body
    if (!(raw instanceof Uint8Array) || raw.length === 0) return fail(missing(["body"]))
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
export const bodyRecord = (
  context: RouteContext
): Effect.Effect<Readonly<Record<string, unknown>>, HttpFailure> =>
  Effect.flatMap(body(context), (value) =>
    FieldValidation.isRecord(value) ? Effect.succeed(value) : fail({
      type: "model_attributes_type",
      loc: ["body"],
      msg: "Input should be a valid dictionary or object to extract fields from",
      input: value
    }))

/** A field of the body that must be there. */
export const bodyField = (
  record: Readonly<Record<string, unknown>>,
  name: string
): Effect.Effect<unknown, HttpFailure> =>
  Object.hasOwn(record, name) ? Effect.succeed(record[name]) : fail(missing(["body", name]))

/** A text field of the body that must be there. */
export const bodyText = (
  record: Readonly<Record<string, unknown>>,
  name: string
): Effect.Effect<string, HttpFailure> =>
  Effect.flatMap(bodyField(record, name), (value) =>
    typeof value === "string"
      ? Effect.succeed(value)
      : fail({ type: "string_type", loc: ["body", name], msg: "Input should be a valid string", input: value }))

const maxNames = 1000
const maxNameLength = 255

/** A list of texts in the body. From 6.14 on at most 1000, each of at most 255 characters. */
export const bodyNames = (
  context: RouteContext,
  record: Readonly<Record<string, unknown>>,
  name: string,
  limited = true
): Effect.Effect<ReadonlyArray<string>, HttpFailure> =>
  Effect.flatMap(bodyField(record, name), (value) => {
    const loc = ["body", name]
    if (!Array.isArray(value)) {
      return fail({ type: "list_type", loc, msg: "Input should be a valid list", input: value })
    }
    const capped = limited && context.world.profile.minor >= 14
    if (capped && value.length > maxNames) return fail(tooLong(loc, value, maxNames))
    const issues: Array<ValidationIssue> = []
    const names = value.map((item: unknown, index) => {
      if (typeof item !== "string") {
        issues.push({
          type: "string_type",
          loc: [...loc, index],
          msg: "Input should be a valid string",
          input: item
        })
        return ""
      }
      if (capped && item.length > maxNameLength) {
        issues.push({
          type: "string_too_long",
          loc: [...loc, index],
          msg: `String should have at most ${maxNameLength} characters`,
          input: item,
          ctx: { max_length: maxNameLength }
        })
      }
      return item
    })
    return issues.length > 0 ? Effect.fail(invalid(issues)) : Effect.succeed(names)
  })

/** The complaint about a list with too many entries. */
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

/** A list of whole numbers in the body or a field of it. */
export const numbers = (
  value: unknown,
  loc: ReadonlyArray<string | number>,
  limit: number | undefined
): Effect.Effect<ReadonlyArray<number>, HttpFailure> => {
  if (!Array.isArray(value)) {
    return fail({ type: "list_type", loc, msg: "Input should be a valid list", input: value })
  }
  if (limit !== undefined && value.length > limit) return fail(tooLong(loc, value, limit))
  return Effect.forEach(
    value,
    (item, index) => Effect.map(settle(FieldValidation.integer(item, [...loc, index])), Number)
  )
}

/** The multipart form of an upload; empty where the body is no form. */
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
  if (value === null) return fail(missing(["body", name]))
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

/** A value that is there, or a refusal. */
export const orRefuse = <A>(value: A | undefined, failure: () => HttpFailure): Effect.Effect<A, HttpFailure> =>
  Option.match(Option.fromUndefinedOr(value), { onNone: () => Effect.fail(failure()), onSome: Effect.succeed })
