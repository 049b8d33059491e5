import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Ref from "effect/Ref"
import * as Semaphore from "effect/Semaphore"
import { InvokeAiError, type Unsupported } from "../../InvokeAiError.ts"
import { oldestRelease, Since } from "../api/Since.ts"
import { type Capabilities, capabilitiesFrom, own, type ReadDocument, type ServerDocument } from "../ServerDocument.ts"
import { pathAdvice, withReason } from "./errors.ts"

/** The parts of an endpoint's declaration that its errors need. */
type Endpoint = Pick<HttpApiEndpoint.Top, "method" | "path" | "annotations">

/** Why a URL that responds may be wrong. */
const notInvokeAi = (url: URL, { code, detail }: InvokeAiError): string => {
  const advice = pathAdvice(url, "")
  if (advice !== "") return code === "ERR_HTML" ? detail : `${advice} (${detail})`
  return `it is not an InvokeAI server, or the URL lacks its sub-path; check INVOKEAI_URL (${detail})`
}

/** @internal */
export const make = (url: URL, routes: {
  readonly version: Effect.Effect<{ readonly version: string }, InvokeAiError>
  readonly openApi: Effect.Effect<unknown, InvokeAiError>
}): ServerDocument => {
  const version = routes.version.pipe(
    Effect.map((result) => result.version),
    Effect.mapError((error) =>
      error.reason._tag === "Decode" || error.status === 404 || error.status === 405
        ? withReason(error, { _tag: "Decode" }, notInvokeAi(url, error))
        : error.code === "ECONNREFUSED" || error.code === "ENOTFOUND"
        ? withReason(
          error,
          { _tag: "Transport" },
          `${error.detail}. Is InvokeAI running there, and is the URL right (INVOKEAI_URL)?`
        )
        : error
    )
  )
  const kept = Ref.makeUnsafe(Option.none<ReadDocument>())
  const permits = Semaphore.makeUnsafe(1)
  const read = permits.withPermits(1)(Effect.gen(function*() {
    const current = yield* version
    const before = yield* Ref.get(kept)
    if (Option.isSome(before) && before.value.capabilities.version === current) return before.value
    const document = yield* routes.openApi
    if (own(document, "paths") === undefined) {
      return yield* new InvokeAiError({
        reason: { _tag: "Decode" },
        method: "GET",
        path: "/openapi.json",
        server: url.href,
        status: 200,
        detail: "the response is not an OpenAPI document"
      })
    }
    const now: ReadDocument = { document, capabilities: capabilitiesFrom(document, current) }
    yield* Ref.set(kept, Option.some(now))
    return now
  }))
  return { version, read, known: Ref.get(kept), forget: Ref.set(kept, Option.none()) }
}

/** Major and minor number of a version. */
const numbers = (version: string): readonly [major: number, minor: number] => {
  const [major = 0, minor = 0] = version.split(".").map((part) => Number.parseInt(part, 10) || 0)
  return [major, minor]
}

/** Whether a version is older than a release. Pre-releases count as the release. */
const isBefore = (version: string, release: string | undefined): boolean => {
  if (release === undefined) return false
  const [major, minor] = numbers(version)
  const [otherMajor, otherMinor] = numbers(release)
  return major < otherMajor || (major === otherMajor && minor < otherMinor)
}

/** The path of an endpoint as OpenAPI documents write it. */
const documentedPath = ({ path }: Endpoint): string => path.replace(/:(\w+)/g, "{$1}")

/**
 * Whether a failed response may come from a server without the route. Those respond to reads with 404 or a web page, to
 * changes with 405, and 6.8 to some requests for videos with 422 or 501. A 404 that names what is missing
 * (`NotFound`) comes from the route itself.
 */
const mayLackRoute = ({ reason, status }: InvokeAiError): boolean =>
  reason._tag === "Decode" || (status === 404 && reason._tag !== "NotFound") || status === 405 || status === 422 ||
  status === 501

/** Whether a server has a route. `status` is that of the failed response. */
const lacksRoute = (
  endpoint: Endpoint,
  { hasRoute, version }: Capabilities,
  status: number | undefined
): boolean => {
  const { since } = Context.get(endpoint.annotations, Since)
  return !hasRoute(endpoint.method, documentedPath(endpoint)) ||
    // another route with the same path
    (isBefore(version, since) && (status === 422 || status === 501))
}

const unsupported = (
  endpoint: Endpoint,
  version: string,
  since: string | undefined,
  input?: string
): typeof Unsupported.Type => ({
  _tag: "Unsupported",
  version,
  operation: `${endpoint.method} ${documentedPath(endpoint)}`,
  ...(input === undefined ? undefined : { input }),
  ...(since === undefined ? undefined : { since })
})

/**
 * Turns the failure of a request into `Unsupported` if the server lacks the route; otherwise returns it. Routes that all
 * supported servers have are never looked up. Without the document, the version decides.
 *
 * @internal
 */
export const explain = (
  document: ServerDocument,
  endpoint: Endpoint,
  error: InvokeAiError
): Effect.Effect<InvokeAiError> => {
  const { since } = Context.get(endpoint.annotations, Since)
  if (since === oldestRelease || !mayLackRoute(error)) return Effect.succeed(error)
  const failed = (version: string) => withReason(error, unsupported(endpoint, version, since), error.detail)
  const lacks = ({ capabilities }: ReadDocument) => lacksRoute(endpoint, capabilities, error.status)
  return Effect.flatMap(document.known, (known) =>
    Option.isSome(known) && lacks(known.value)
      ? Effect.succeed(failed(known.value.capabilities.version))
      : document.read.pipe(
        Effect.map((read) => lacks(read) ? failed(read.capabilities.version) : error),
        Effect.catch(() =>
          Effect.map(document.version, (version) => isBefore(version, since) ? failed(version) : error)
        ),
        Effect.orElseSucceed(() => error)
      ))
}

/** Whether a server has an input of a route. `input` is its path in the request. */
const hasInput = (endpoint: Endpoint, capabilities: Capabilities, input: string): boolean => {
  const [where, ...path] = input.split(".")
  const name = path.join(".")
  return where === "payload"
    ? capabilities.hasBodyField(endpoint.method, documentedPath(endpoint), name)
    : capabilities.hasParameter(endpoint.method, documentedPath(endpoint), name)
}

/**
 * Finds an input of a request that the server does not know. Reads the document only if the request has an input that not
 * all supported servers know.
 *
 * @internal
 */
export const ignoredInput = (
  document: ServerDocument,
  endpoint: Endpoint,
  request: unknown
): Effect.Effect<typeof Unsupported.Type | undefined, InvokeAiError> => {
  const { inputs } = Context.get(endpoint.annotations, Since)
  const used = Object.entries(inputs).filter(([input]) => !Predicate.isNullish(own(request, ...input.split("."))))
  if (used.length === 0) return Effect.undefined
  const find = ({ capabilities }: ReadDocument) => {
    const first = used.find(([input]) => !hasInput(endpoint, capabilities, input))
    return first === undefined ? undefined : unsupported(endpoint, capabilities.version, first[1], first[0])
  }
  return Effect.flatMap(document.known, (known) =>
    Option.isSome(known) && find(known.value) === undefined
      ? Effect.undefined
      : Effect.map(document.read, find))
}
