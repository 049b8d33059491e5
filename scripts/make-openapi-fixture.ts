/**
 * Makes the fixture of the drift test from an OpenAPI document of a server: the routes, parameters and fields, without
 * prose, types and node schemas.
 *
 *     node scripts/make-openapi-fixture.ts <openapi.json> test/fixtures/openapi/<version>.json
 *
 * A value is written as 0 (a plain value), [item] (a list) or { field: value } (an object; a required field ends with "!").
 */
import { readFileSync, writeFileSync } from "node:fs"

type Json = { readonly [key: string]: unknown }
type Shape = 0 | readonly [Shape] | { readonly [field: string]: Shape }

const [, , source, target] = process.argv
if (source === undefined || target === undefined) {
  console.error("usage: make-openapi-fixture.ts <openapi.json> <target.json>")
  process.exit(1)
}
const document = JSON.parse(readFileSync(source, "utf8")) as Json
const schemas = ((document["components"] as Json)["schemas"] ?? {}) as Json

// unions of all nodes or all outputs; their shapes are not part of the HTTP declaration
const tooWide = 150
const maxDepth = 6

const members = (schema: Json): ReadonlyArray<Json> =>
  ((schema["anyOf"] ?? schema["oneOf"] ?? schema["allOf"] ?? []) as ReadonlyArray<Json>).filter((member) =>
    member["type"] !== "null"
  )

const merge = (shapes: ReadonlyArray<Shape>): Shape => {
  const list = shapes.find((shape) => Array.isArray(shape))
  const objects = shapes.filter((shape): shape is { readonly [field: string]: Shape } =>
    shape !== 0 && !Array.isArray(shape)
  )
  if (objects.length === 0) return list ?? 0
  const names = new Set(objects.flatMap((object) => Object.keys(object).map((name) => name.replace(/!$/, ""))))
  const merged: Record<string, Shape> = {}
  for (const name of names) {
    const everywhere = objects.every((object) => Object.hasOwn(object, `${name}!`))
    const values = objects.flatMap((object) =>
      [object[`${name}!`], object[name]].filter((value) => value !== undefined)
    )
    merged[everywhere ? `${name}!` : name] = merge(values)
  }
  return merged
}

const shape = (schema: Json | undefined, depth: number): Shape => {
  if (schema === undefined || depth > maxDepth) return 0
  if (typeof schema["$ref"] === "string") {
    return shape(schemas[schema["$ref"].replace("#/components/schemas/", "")] as Json, depth)
  }
  const union = members(schema)
  if (union.length > tooWide) return 0
  if (union.length > 0) return merge(union.map((member) => shape(member, depth)))
  if (schema["type"] === "array") return [shape(schema["items"] as Json, depth + 1)]
  const properties = schema["properties"] as Json | undefined
  if (properties === undefined) return 0
  const required = new Set((schema["required"] ?? []) as ReadonlyArray<string>)
  return Object.fromEntries(
    Object.entries(properties).map(([name, value]) => [
      required.has(name) ? `${name}!` : name,
      shape(value as Json, depth + 1)
    ])
  )
}

const routes: Record<string, unknown> = {}
for (const [path, operations] of Object.entries(document["paths"] as Json)) {
  for (const [method, operation] of Object.entries(operations as Json)) {
    const { parameters = [], requestBody, responses } = operation as {
      readonly parameters?: ReadonlyArray<Json>
      readonly requestBody?: { readonly required?: boolean; readonly content: Json }
      readonly responses: Json
    }
    const content = Object.entries(requestBody?.content ?? {})[0]
    routes[`${method.toUpperCase()} ${path}`] = {
      parameters: parameters.map((parameter) =>
        `${String(parameter["in"])}:${String(parameter["name"])}${parameter["required"] === true ? "!" : ""}`
      ),
      ...(content === undefined ? undefined : {
        body: {
          type: content[0],
          required: requestBody?.required ?? false,
          shape: shape((content[1] as Json)["schema"] as Json, 0)
        }
      }),
      responses: Object.fromEntries(
        Object.entries(responses).filter(([status]) => status.startsWith("2")).map(([status, response]) => {
          const json = ((response as Json)["content"] as Json | undefined)?.["application/json"] as Json | undefined
          return [status, shape(json?.["schema"] as Json | undefined, 0)]
        })
      )
    }
  }
}
const text = Object.entries(routes).toSorted(([a], [b]) => a < b ? -1 : 1).map(([route, value]) =>
  `  ${JSON.stringify(route)}: ${JSON.stringify(value)}`
)
writeFileSync(target, `{\n${text.join(",\n")}\n}\n`)
console.log(`${target}: ${text.length} routes`)
