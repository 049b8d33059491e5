/**
 * Checks that a response belongs to its request. A broken proxy, cache or server can respond to one request with the
 * response to another one.
 */
import * as Context from "effect/Context"
import type * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Predicate from "effect/Predicate"
import { type Echo, Echoes } from "./policy.ts"

type Scalar = string | number

const isScalar = (value: unknown): value is Scalar => typeof value === "string" || typeof value === "number"

/** All strings and numbers at a path. */
const valuesAt = (value: unknown, path: ReadonlyArray<string>): ReadonlyArray<Scalar> => {
  if (Array.isArray(value)) return value.flatMap((each) => valuesAt(each, path))
  const [name, ...rest] = path
  if (name === undefined) return isScalar(value) ? [value] : []
  return Predicate.isObject(value) ? valuesAt(value[name], rest) : []
}

const fileName = /(?:^|;)\s*filename="([^"]*)"/i

/** The identifying part of a response: its JSON, or the file name in the headers if it is read as bytes. */
const contentOf = (response: unknown): unknown => {
  if (!Predicate.hasProperty(response, HttpClientResponse.TypeId)) return response
  const [disposition = ""] = valuesAt(response, ["headers", "content-disposition"])
  return { filename: fileName.exec(String(disposition))?.[1] }
}

/**
 * Finds the part of a response that belongs to another request; undefined if the response belongs to its request.
 *
 * @internal
 */
export const mismatchOf = (
  endpoint: HttpApiEndpoint.Top
): (request: unknown, response: unknown) => string | undefined => {
  const parameters = [...endpoint.path.matchAll(/:(\w+)/g)].map(([, name = ""]): Echo => ({
    request: `params.${name}`,
    response: name
  }))
  const repetitions = [...parameters, ...Context.get(endpoint.annotations, Echoes)].map(({ request, response }) => ({
    request: request.split("."),
    response: response.split("."),
    name: response
  }))
  return (request, response) => {
    const content = contentOf(response)
    for (const repetition of repetitions) {
      const found = valuesAt(content, repetition.response)
      if (found.length === 0) continue
      const asked = new Set(valuesAt(request, repetition.request).map(String))
      const other = asked.size === 0 ? undefined : found.find((value) => !asked.has(String(value)))
      if (other !== undefined) {
        return `the response belongs to another request: its ${repetition.name} is ${JSON.stringify(other)}`
      }
    }
    return undefined
  }
}
