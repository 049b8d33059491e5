/**
 * Declares an output type once: the class that `output` returns is its TypeScript type, and holds what decodes it.
 *
 * **Details**
 *
 * An output is a plain object; its class is never constructed. Each member is declared by the function that reads it, so
 * a member's type is what that function returns.
 */
import * as Predicate from "effect/Predicate"
import { getOwn } from "../../../internal/json.ts"
import type { FieldData, InkOutputBase, OutputOrigin } from "../../outputs/OutputOrigin.ts"

/** What the members of an output are read from. */
export interface OutputSource {
  /** The server's output. */
  readonly data: FieldData
  /** The type of the node that returned it. */
  readonly nodeType: string
  /** The node as it ran, with the values that came over its connections; `null` if it is unknown. */
  readonly invocation: FieldData | null
  /** Finds the seed that the output was made with; `null` if it is unknown. */
  readonly seed: () => number | null
}

/** Reads the member `name` of an output. `undefined` if the server's value does not fit. */
export type Member<out A> = (source: OutputSource, name: string) => A | undefined

type Members = Readonly<Record<string, Member<unknown>>>

type ValuesOf<M extends Members> = { readonly [Name in keyof M]: Exclude<ReturnType<M[Name]>, undefined> }

/** An output type of the server. */
export interface OutputType<out Output extends { readonly _tag: string }> {
  new(_: never): Output
  readonly prototype: Output
  /** The name of the type, as the server has it. */
  readonly type: string
  readonly tag: Output["_tag"]
  readonly members: Members
  /** Members that are absent where their function returns `undefined`. */
  readonly optional: Members
}

/**
 * The class of an output type. Its parameters are the declared members, so that declaration files keep their doc
 * comments.
 */
export interface OutputClass<out Tag extends string, M extends Members, O extends Members>
  extends OutputType<InkOutputBase<Tag> & ValuesOf<M> & Partial<ValuesOf<O>>>
{}

/** The union of the output types that a module declares. Each has to be exported under its tag. */
export type OutputsOf<Module extends { readonly [Name in keyof Module]: OutputType<{ readonly _tag: Name & string }> }> =
  Module[keyof Module]["prototype"]

/** Declares an output type: the server's name of it, its tag, and its members. */
export const output = <const Tag extends string, M extends Members, O extends Members = {}>(
  type: string,
  tag: Tag,
  members: M,
  optional?: O
): OutputClass<Tag, M, O> =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- never constructed; `read` makes the outputs
  Object.assign(function() {}, { type, tag, members, optional: optional ?? {} }) as unknown as OutputClass<Tag, M, O>

/** Reads an output of a type. `undefined` if the server's data does not fit. */
export const read = <Output extends { readonly _tag: string }>(
  outputType: OutputType<Output>,
  origin: OutputOrigin,
  source: OutputSource
): Output | undefined => {
  const values: Record<string, unknown> = {
    ...origin,
    _tag: outputType.tag,
    type: outputType.type,
    data: source.data
  }
  for (const [name, member] of Object.entries(outputType.members)) {
    const value = member(source, name)
    if (value === undefined) return undefined
    values[name] = value
  }
  for (const [name, member] of Object.entries(outputType.optional)) {
    const value = member(source, name)
    if (value !== undefined) values[name] = value
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `output` derived the type from these very members
  return values as unknown as Output
}

/** `numFrames` is `num_frames` on the server. */
const wireName = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

const wireValue = (source: OutputSource, name: string): unknown => getOwn(source.data, wireName(name))

type Guard<A> = (value: unknown) => value is A

/** A value that `is` accepts, as the server has it. */
export const field = <A>(is: Guard<A>): Member<A> => (source, name) => {
  const value = wireValue(source, name)
  return is(value) ? value : undefined
}

/** A value that `is` accepts; `null` if the server has none. */
export const nullable = <A>(is: Guard<A>): Member<A | null> => (source, name) => {
  const value = wireValue(source, name) ?? null
  return value === null || is(value) ? value : undefined
}

/** A list of values that `is` accepts. */
export const list = <A>(is: Guard<A>): Member<ReadonlyArray<A>> => (source, name) => {
  const value = wireValue(source, name)
  return Array.isArray(value) && value.every(is) ? value : undefined
}

/** Reads a member from the server's field `wireName` where the name of the member does not lead to it. */
export const from = <A>(wireName: string, member: Member<A>): Member<A> => (source) => member(source, wireName)

/** The name inside of a reference: `image_name` of the server's field `image`. */
export const nameIn = (fieldName: string, key: string): Member<string> => ({ data }) => {
  const reference = getOwn(data, fieldName)
  const name = Predicate.isObject(reference) ? getOwn(reference, key) : undefined
  return typeof name === "string" ? name : undefined
}

/** Whether a value is a reference with a certain key. Its other keys may differ between servers and are not checked. */
export const isReference = <A>(key: keyof A & string): Guard<A> => (value): value is A =>
  Predicate.isObject(value) && typeof value[key] === "string"

/** Whether a value has a number under each of certain keys. Its other keys are not checked. */
export const hasNumbers = <A>(...keys: ReadonlyArray<keyof A & string>): Guard<A> => (value): value is A =>
  Predicate.isObject(value) && keys.every((key) => typeof value[key] === "number")

/** Any value; `null` if the server has none. */
export const anything: Member<unknown> = (source, name) => wireValue(source, name) ?? null

/** A list of any values. */
export const listOfAnything: Member<ReadonlyArray<unknown>> = list(Predicate.isUnknown)

/** A JSON object. */
export const object: Member<FieldData> = field(Predicate.isObject)

/** A JSON object; `null` if the server has none. */
export const nullableObject: Member<FieldData | null> = nullable(Predicate.isObject)

/** A string. */
export const string: Member<string> = field(Predicate.isString)

/** A boolean. */
export const boolean: Member<boolean> = field(Predicate.isBoolean)

/** A number, an integer or not. */
export const number: Member<number> = field(Predicate.isNumber)

/** The seed that the output was made with. */
export const seed: Member<number | null> = (source) => source.seed()
