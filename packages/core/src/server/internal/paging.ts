import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { InvokeAiError } from "../../InvokeAiError.ts"
import type { BulkResult } from "../BulkResult.ts"

/**
 * Maximum number of names or ids in one body, and maximum length of a page (6.14.2).
 *
 * @internal
 */
export const maxChunk = 1000

/** @internal */
export const chunks = <A>(items: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> => {
  const out: Array<ReadonlyArray<A>> = []
  for (let i = 0; i < items.length; i += maxChunk) out.push(items.slice(i, i + maxChunk))
  return out
}

/**
 * Runs `f` for every chunk, one after the other, and joins the results.
 *
 * @internal
 */
export const inChunks = <A, B, E, R>(
  items: ReadonlyArray<A>,
  f: (chunk: ReadonlyArray<A>) => Effect.Effect<ReadonlyArray<B>, E, R>
): Effect.Effect<ReadonlyArray<B>, E, R> =>
  Effect.map(Effect.forEach(chunks(items), (chunk) => f(chunk)), (parts) => parts.flat())

/**
 * Sends names in chunks and returns which of them the server reported as done.
 *
 * Multi-user servers up to 6.13 reject a whole chunk with 403 because of one name, after they have changed those before
 * it. The names of such a chunk are then sent one by one. `isDone` looks up whether a name that is rejected again was
 * changed by the first attempt.
 *
 * @internal
 */
export const bulk = (
  names: ReadonlyArray<string>,
  send: (chunk: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<string>, InvokeAiError>,
  isDone: (name: string) => Effect.Effect<boolean, InvokeAiError> = () => Effect.succeed(false)
): Effect.Effect<BulkResult, InvokeAiError> => {
  const unique = [...new Set(names)]
  const isRejected = (error: InvokeAiError) => error.reason._tag === "Forbidden" && error.fromServer === true
  const sendOne = (name: string) =>
    Effect.catchIf(send([name]), isRejected, () => Effect.map(isDone(name), (done) => done ? [name] : []))
  const sendChunk = (chunk: ReadonlyArray<string>) =>
    Effect.catchIf(send(chunk), isRejected, () =>
      chunk.length === 1
        ? Effect.succeed([])
        : Effect.map(Effect.forEach(chunk, sendOne, { concurrency: 8 }), (parts) => parts.flat()))
  return Effect.map(inChunks(unique, sendChunk), (reported) => {
    const done = new Set(reported)
    return { succeeded: unique.filter((name) => done.has(name)), failed: unique.filter((name) => !done.has(name)) }
  })
}

/**
 * All items of a listing that is read by offset and limit.
 *
 * @internal
 */
export const offsetPages = <A, E>(
  pageSize: number,
  page: (offset: number, limit: number) => Effect.Effect<
    { readonly total: number; readonly items: ReadonlyArray<A> },
    E
  >
): Stream.Stream<A, E> => {
  const limit = Math.max(1, Math.min(maxChunk, Math.trunc(pageSize)))
  return Stream.paginate(0, (offset) =>
    Effect.map(page(offset, limit), ({ items, total }) => {
      const next = offset + items.length
      return [items, items.length === 0 || next >= total ? Option.none<number>() : Option.some(next)] as const
    }))
}

/**
 * Leaves out the fields that have no value, because a query or body must not name them.
 *
 * @internal
 */
export const defined = <A extends object>(
  fields: A
):
  & { [K in keyof A as undefined extends A[K] ? never : K]: A[K] }
  & {
    [K in keyof A as undefined extends A[K] ? K : never]?: Exclude<A[K], undefined>
  } =>
  // only keys whose value is undefined are removed, which is what the type says
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never
