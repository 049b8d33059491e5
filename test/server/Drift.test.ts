import { InvokeAiApi, Since } from "@effect-invokeai/core/server/InvokeAiClient"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import type * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as OpenApi from "effect/http-api/OpenApi"
import type * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import { readFileSync } from "node:fs"

/** 0 is a plain value, [item] a list, else an object; a required field ends with "!". */
type Shape = 0 | readonly [Shape] | { readonly [field: string]: Shape }

interface Documented {
  readonly parameters: ReadonlyArray<string>
  readonly body?: { readonly type: string; readonly required: boolean; readonly shape: Shape }
  readonly responses: Readonly<Record<string, Shape>>
}

const versions = ["6.3.0", "6.8.1", "6.11.1", "6.13.8", "6.14.2"] as const
const newest = "6.14.2"
const documents = new Map(versions.map((version) => [
  version,
  new Map(Object.entries(
    JSON.parse(
      readFileSync(new URL(`../fixtures/openapi/${version}.json`, import.meta.url), "utf8")
    ) as Record<string, Documented>
  ))
]))

const shapeOf = (ast: SchemaAST.AST): Shape => {
  const encoded = SchemaAST.toEncoded(ast)
  if (SchemaAST.isObjects(encoded)) {
    return Object.fromEntries(encoded.propertySignatures.map((property) => [
      `${String(property.name)}${SchemaAST.isOptional(property.type) ? "" : "!"}`,
      shapeOf(property.type)
    ]))
  }
  if (SchemaAST.isArrays(encoded)) return [encoded.rest[0] === undefined ? 0 : shapeOf(encoded.rest[0])]
  if (SchemaAST.isUnion(encoded)) {
    const shapes = encoded.types.map(shapeOf).filter((shape) => shape !== 0)
    return shapes.length === 0 ? 0 : Object.assign({}, ...shapes.filter((shape) => !Array.isArray(shape)), {}) as Shape
  }
  return 0
}

const isObject = (shape: Shape | undefined): shape is { readonly [field: string]: Shape } =>
  shape !== undefined && shape !== 0 && !Array.isArray(shape)

const plain = (field: string): string => field.replace(/!$/, "")

const valueOf = (shape: { readonly [field: string]: Shape }, name: string): Shape | undefined =>
  shape[name] ?? shape[`${name}!`]

// what the library declares although the newest document does not have it
const knownDifferences = new Set([
  // the document says that the answer is a record; the server sends null
  "PUT /api/v1/workflows/i/{workflow_id}/thumbnail",
  "DELETE /api/v1/workflows/i/{workflow_id}/thumbnail"
])

// the document leaves out the parameter of this path
const undocumentedParameters = new Set(["PATCH /api/v1/workflows/i/{workflow_id} path:workflow_id!"])

// 6.8 had placeholders of routes for videos, with other names
const isPlaceholder = (version: string, route: string): boolean =>
  version === "6.8.1" && route.includes("/api/v1/videos/")

const endpoints = Object.values(InvokeAiApi.groups).flatMap((group) =>
  Object.values(group.endpoints as unknown as Record<string, HttpApiEndpoint.Top>).map((endpoint) => ({
    route: `${endpoint.method} ${endpoint.path.replace(/:([a-z_]+)/g, "{$1}")}`,
    endpoint
  }))
).filter(({ route }) => route !== "GET /openapi.json")

const availability = (endpoint: HttpApiEndpoint.Top) => Context.get(endpoint.annotations, Since)

/** The fields that no release has, as the problems that they are. */
const unreleased = new Set(
  endpoints.flatMap(({ endpoint, route }) =>
    Object.entries(availability(endpoint).inputs).filter(([, since]) => since === undefined).map(([input]) =>
      `${route} ${input.replace(/^payload/, "body")} does not exist`
    )
  )
)

/** Whether a version has what a release introduced. */
const has = (version: string, since: string | undefined): boolean =>
  since !== undefined && Number(since.split(".")[1]) <= Number(version.split(".")[1])

const fieldAt = (shape: Shape | undefined, [name, ...rest]: ReadonlyArray<string>): boolean => {
  if (name === undefined) return true
  const field = isObject(shape) ? valueOf(shape, name) : undefined
  return field !== undefined && fieldAt(field, rest)
}

const parametersOf = (endpoint: HttpApiEndpoint.Top): ReadonlyArray<string> => {
  const names = (schema: Schema.Top | undefined, where: string) => {
    const shape = schema === undefined ? {} : shapeOf(schema.ast)
    return isObject(shape) ? Object.keys(shape).map((name) => `${where}:${name}`) : []
  }
  return [...names(endpoint.params, "path"), ...names(endpoint.query, "query")]
}

const bodyOf = (endpoint: HttpApiEndpoint.Top): Shape | undefined => {
  const schemas = [...endpoint.payload.values()].flatMap((payload) => payload.schemas)
  return schemas[0] === undefined ? undefined : shapeOf(schemas[0].ast)
}

/** Every declared field exists in the document, and what the document promises always is what the client relies on. */
const compareResponse = (
  declared: Shape,
  documented: Shape,
  path: string,
  problems: Array<string>,
  unknownFields: boolean
): void => {
  if (Array.isArray(declared) && Array.isArray(documented)) {
    return compareResponse(declared[0], documented[0], `${path}[]`, problems, unknownFields)
  }
  if (!isObject(declared) || !isObject(documented)) return
  for (const [field, shape] of Object.entries(declared)) {
    const there = valueOf(documented, plain(field))
    if (there === undefined) {
      if (unknownFields || field.endsWith("!")) problems.push(`${path}.${plain(field)} does not exist`)
    } else {
      compareResponse(shape, there, `${path}.${plain(field)}`, problems, unknownFields)
    }
  }
}

const compareBody = (declared: Shape, documented: Shape, path: string, problems: Array<string>): void => {
  if (Array.isArray(declared) && Array.isArray(documented)) {
    return compareBody(declared[0], documented[0], `${path}[]`, problems)
  }
  if (!isObject(declared) || !isObject(documented)) return
  for (const field of Object.keys(documented)) {
    if (field.endsWith("!") && Object.keys(declared).length > 0 && valueOf(declared, plain(field)) === undefined) {
      problems.push(`${path}.${plain(field)} is required by the server, but not declared`)
    }
  }
  for (const [field, shape] of Object.entries(declared)) {
    const there = valueOf(documented, plain(field))
    if (there !== undefined) compareBody(shape, there, `${path}.${plain(field)}`, problems)
  }
}

const ownDocument = OpenApi.fromApi(InvokeAiApi)

const statusOf = (endpoint: HttpApiEndpoint.Top): string => {
  const path = endpoint.path.replace(/:([a-z_]+)/g, "{$1}") as `/${string}`
  const operations = ownDocument.paths[path] as unknown as Record<string, { readonly responses: object }>
  return Object.keys(operations[endpoint.method.toLowerCase()]!.responses).find((status) => status.startsWith("2"))!
}

const responseOf = (endpoint: HttpApiEndpoint.Top, documented: Documented) => {
  const [schema] = [...endpoint.success]
  if (schema === undefined || "contentTypes" in schema) return undefined
  const status = statusOf(endpoint)
  return { status, declared: shapeOf(schema.ast), documented: documented.responses[status] }
}

describe("The declaration of the server's API", () => {
  it("has at least a hundred routes, all of which the newest server has", () => {
    assert.isAbove(endpoints.length, 100)
    const missing = endpoints.filter(({ route }) => !documents.get(newest)!.has(route))
    assert.deepStrictEqual(missing.filter(({ endpoint }) => availability(endpoint).since !== undefined), [])
  })

  it.each(versions)("agrees with the document of %s on parameters, bodies and responses", (version) => {
    const document = documents.get(version)!
    const problems: Array<string> = []
    let compared = 0
    for (const { endpoint, route } of endpoints) {
      const documented = document.get(route)
      // older servers lack some routes
      if (documented === undefined || isPlaceholder(version, route)) continue
      compared++
      const declared = parametersOf(endpoint)
      for (const parameter of documented.parameters) {
        if (parameter.endsWith("!") && !declared.some((own) => plain(own) === plain(parameter))) {
          problems.push(`${route} requires ${parameter}, which is not declared`)
        }
      }
      if (version === newest) {
        for (const parameter of declared) {
          const isKnown = documented.parameters.some((name) => plain(name) === plain(parameter))
          if (!isKnown && !undocumentedParameters.has(`${route} ${parameter}`)) {
            problems.push(`${route} does not have the parameter ${parameter}`)
          }
        }
      }
      const body = bodyOf(endpoint)
      if (documented.body?.required === true && body === undefined) problems.push(`${route} needs a body`)
      if (body !== undefined && documented.body !== undefined) {
        compareBody(body, documented.body.shape, `${route} body`, problems)
        if (version === newest) compareResponse(body, documented.body.shape, `${route} body`, problems, true)
      }
      const response = responseOf(endpoint, documented)
      if (response !== undefined && !knownDifferences.has(route)) {
        if (response.documented === undefined) problems.push(`${route} does not answer with ${response.status}`)
        else compareResponse(response.declared, response.documented, route, problems, version === newest)
      }
    }
    assert.deepStrictEqual(problems.filter((problem) => !unreleased.has(problem)), [])
    assert.isAbove(compared, version === "6.3.0" ? 60 : 65)
  })

  it.each(versions)("names the first release of each route and input that not all releases have (%s)", (version) => {
    const document = documents.get(version)!
    for (const { endpoint, route } of endpoints) {
      const { inputs, since } = availability(endpoint)
      const documented = isPlaceholder(version, route) ? undefined : document.get(route)
      assert.strictEqual(documented !== undefined, has(version, since), route)
      if (documented === undefined) continue
      for (const [input, release] of Object.entries(inputs)) {
        const [where, ...path] = input.split(".")
        const isThere = where === "query"
          ? documented.parameters.some((parameter) => plain(parameter) === `query:${path.join(".")}`)
          : fieldAt(documented.body?.shape, path)
        assert.strictEqual(isThere, has(version, release), `${route} ${input}`)
      }
    }
  })

  it("names each parameter and field that an older server does not know", () => {
    const problems = new Set<string>()
    for (const { endpoint, route } of endpoints) {
      const { inputs } = availability(endpoint)
      const body = bodyOf(endpoint)
      for (const version of versions) {
        const documented = isPlaceholder(version, route) ? undefined : documents.get(version)!.get(route)
        if (documented === undefined) continue
        const unknown: Array<string> = []
        if (body !== undefined && documented.body !== undefined) {
          compareResponse(body, documented.body.shape, "payload", unknown, true)
        }
        const used = [
          ...parametersOf(endpoint).map(plain).filter((name) =>
            name.startsWith("query:") && !documented.parameters.some((parameter) => plain(parameter) === name)
          ).map((name) => name.replace(":", ".")),
          ...unknown.map((problem) => problem.replace(" does not exist", "").replaceAll("[]", ""))
        ]
        for (const input of used) {
          if (!Object.hasOwn(inputs, input)) problems.add(`${route} ${input}`)
        }
      }
    }
    assert.deepStrictEqual([...problems], [])
  })

  it("does not agree with a document if it is wrong", () => {
    const problems: Array<string> = []
    compareResponse(
      { "item_idx!": 0, list: [{ "a!": 0 }] },
      { "item_id!": 0, list: [{ "b!": 0 }] },
      "x",
      problems,
      false
    )
    compareBody({ a: 0 }, { "b!": 0 }, "y", problems)
    assert.deepStrictEqual(problems, [
      "x.item_idx does not exist",
      "x.list[].a does not exist",
      "y.b is required by the server, but not declared"
    ])
  })
})
