/** Checks a value against a declared schema with the server's own conversions and error messages (those of pydantic). */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import * as SchemaParser from "effect/SchemaParser"
import * as FieldValidation from "./fieldValidation.ts"
import type { Checked, ValidationIssue } from "./fieldValidation.ts"

type Loc = ReadonlyArray<string | number>

const pass = (value: unknown): Checked => ({ ok: true, value })

const fail = (...issues: ReadonlyArray<ValidationIssue>): Checked => ({ ok: false, issues })

/** The error of a missing required value. `input` is the object that should have it. */
export const missing = (loc: Loc, input: unknown): ValidationIssue => ({
  type: "missing",
  loc,
  msg: "Field required",
  input
})

/** The error of a value that is not an object. */
export const notAnObject = (loc: Loc, input: unknown): ValidationIssue => ({
  type: "model_attributes_type",
  loc,
  msg: "Input should be a valid dictionary or object to extract fields from",
  input
})

const notInEnum = (choices: ReadonlyArray<string>, value: unknown, loc: Loc): Checked => {
  const expected = FieldValidation.listChoices(choices)
  return fail({ type: "enum", loc, msg: `Input should be ${expected}`, input: value, ctx: { expected } })
}

/** The values of an enumeration. An enumeration that is open in the library lists the current values as examples. */
const choicesOf = (ast: SchemaAST.AST): ReadonlyArray<string> | undefined => {
  if (ast._tag === "String") {
    const examples: unknown = ast.annotations?.["examples"]
    return Array.isArray(examples) ? examples.map(String) : undefined
  }
  if (ast._tag === "Literal") return [String(ast.literal)]
  if (ast._tag !== "Union" || !ast.types.every((type) => type._tag === "Literal")) return undefined
  return ast.types.flatMap((type) => choicesOf(type) ?? [])
}

/** Whether `null` is a value; for other optional fields, it means that the value is missing. */
const acceptsNull = (ast: SchemaAST.AST): boolean =>
  ast._tag === "Null" || ast._tag === "Declaration" || (ast._tag === "Union" && ast.types.some(acceptsNull))

const checkObject = (ast: SchemaAST.Objects, value: unknown, loc: Loc, options: CheckOptions): Checked => {
  if (!Predicate.isObject(value)) return fail(notAnObject(loc, value))
  const issues: Array<ValidationIssue> = []
  const names = new Set(ast.propertySignatures.map(({ name }) => String(name)))
  const checked: Record<string, unknown> = ast.indexSignatures.length > 0 ? { ...value } : {}
  for (const { name: key, type } of ast.propertySignatures) {
    const name = String(key)
    if (!Object.hasOwn(value, name)) {
      // the server reads parameters and the fields of a body one by one, so it has no object to quote
      const input = loc.length === 1 ? null : value
      if (type.context?.isOptional !== true) issues.push(missing([...loc, name], input))
      continue
    }
    if (value[name] === null && type.context?.isOptional === true && !acceptsNull(type)) continue
    const result = check(type, value[name], [...loc, name], {})
    if (result.ok) checked[name] = result.value
    else issues.push(...result.issues)
  }
  if (options.onlyDeclared === true) {
    for (const name of Object.keys(value).filter((key) => !names.has(key))) {
      issues.push({
        type: "extra_forbidden",
        loc: [...loc, name],
        msg: "Extra inputs are not permitted",
        input: value[name]
      })
    }
  }
  return issues.length > 0 ? fail(...issues) : pass(checked)
}

const checkList = (ast: SchemaAST.Arrays, value: unknown, loc: Loc): Checked => {
  if (!Array.isArray(value)) return fail({ type: "list_type", loc, msg: "Input should be a valid list", input: value })
  const [element] = ast.rest
  const results = element === undefined
    ? value.map(pass)
    : value.map((item: unknown, index) => check(element, item, [...loc, index], {}))
  const issues = results.flatMap((result) => result.ok ? [] : result.issues)
  return issues.length > 0 ? fail(...issues) : pass(results.map((result) => result.ok ? result.value : undefined))
}

interface CheckOptions {
  /** Reports undeclared fields. The server ignores them for most routes. */
  readonly onlyDeclared?: boolean | undefined
}

const check = (ast: SchemaAST.AST, value: unknown, loc: Loc, options: CheckOptions): Checked => {
  const choices = choicesOf(ast)
  if (choices !== undefined) {
    return typeof value === "string" && choices.includes(value) ? pass(value) : notInEnum(choices, value, loc)
  }
  switch (ast._tag) {
    case "Objects":
      return checkObject(ast, value, loc, options)
    case "Arrays":
      return checkList(ast, value, loc)
    case "Union": {
      if (value === null && ast.types.some((type) => type._tag === "Null")) return pass(null)
      const results = ast.types.filter((type) => type._tag !== "Null").map((type) => check(type, value, loc, options))
      return results.find((result) => result.ok) ?? results[0] ?? pass(value)
    }
    case "Number":
      return FieldValidation.integer(value, loc)
    case "Boolean":
      return FieldValidation.boolean(value, loc)
    case "String":
      return typeof value === "string"
        ? pass(value)
        : fail({ type: "string_type", loc, msg: "Input should be a valid string", input: value })
    default:
      return SchemaParser.is(Schema.make(ast))(value) ? pass(value) : fail(notAnObject(loc, value))
  }
}

/** The shape of a part of a request. */
export interface RequestSchema {
  /** The names of the fields, and whether a field is a list. */
  readonly fields: ReadonlyMap<string, boolean>
  /** The decoded value, or the server's error. */
  readonly decode: (value: unknown, loc: Loc, options?: CheckOptions) => Checked
}

/** Reads the shape of parameters or of a JSON body from its schema. */
export const fromSchema = (schema: Schema.Top): RequestSchema => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the schemas of the declaration need no services
  const codec = Schema.toCodecJson(Schema.toType(schema)) as Schema.Codec<unknown, unknown>
  const { ast } = Schema.toEncoded(codec)
  const decode = Schema.decodeUnknownResult(codec)
  return {
    fields: new Map(
      ast._tag === "Objects"
        ? ast.propertySignatures.map(({ name, type }) => [String(name), type._tag === "Arrays"])
        : []
    ),
    decode: (value, loc, options = {}) => {
      const checked = check(ast, value, loc, options)
      if (!checked.ok) return checked
      return Result.match(decode(checked.value), {
        onSuccess: pass,
        onFailure: (error) =>
          fail({ type: "value_error", loc, msg: `Value error, ${error.message}`, input: value, ctx: { error: {} } })
      })
    }
  }
}
