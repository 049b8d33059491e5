/**
 * Makes the catalogs that the repository carries from OpenAPI documents of InvokeAI servers.
 *
 *     node scripts/make-catalog.ts <openapi.json> <server version> <output.json | output.ts>
 *
 * What is kept is still an OpenAPI document, but facts only: the node types, the objects they put out, and the schemas
 * that those refer to; no descriptions, no routes. An output ending in `.ts` becomes the module of the bundled snapshot.
 */
import * as Predicate from "effect/Predicate"
import { readFileSync, writeFileSync } from "node:fs"
import { titleOf } from "../packages/core/src/catalog/NodeTemplate.ts"

type Json = Record<string, unknown>

const dropped = new Set(["description", "orig_default", "examples"])

/** A schema without prose. Titles that follow from the name are left out. */
const strip = (value: unknown, name?: string): unknown => {
  if (Array.isArray(value)) {
    return value.map((item) => strip(item))
  }
  if (!Predicate.isObject(value)) {
    return value
  }
  const out: Json = {}
  for (const [key, item] of Object.entries(value)) {
    if (
      dropped.has(key) || (key === "title" && (name === undefined || item === titleOf(name))) ||
      (key === "ui_hidden" && item === false) || (key === "orig_required" && item === false)
    ) {
      continue
    }
    out[key] = key === "default" || key === "enum" || key === "ui_choice_labels" ? item : strip(item)
  }
  return out
}

const stripProperties = (properties: unknown): Json => {
  const out: Json = {}
  for (const [name, property] of Object.entries(Predicate.isObject(properties) ? properties : {})) {
    if (name === "id" || name === "is_intermediate" || !Predicate.isObject(property)) {
      continue
    }
    if (name === "use_cache") {
      if (property["default"] === false) {
        out[name] = { default: false }
      }
    } else if (name === "type") {
      out[name] = { const: property["const"] ?? property["default"] }
    } else {
      out[name] = strip(property, name)
    }
  }
  return out
}

const refsOf = (value: unknown, found: Set<string>): void => {
  if (Array.isArray(value)) {
    for (const item of value) refsOf(item, found)
  } else if (Predicate.isObject(value)) {
    for (const [key, item] of Object.entries(value)) {
      if (key === "$ref" && typeof item === "string") {
        found.add(item.slice(item.lastIndexOf("/") + 1))
      } else {
        refsOf(item, found)
      }
    }
  }
}

const kept = ["class", "title", "version", "category", "tags", "node_pack", "classification", "type", "enum", "const"]

const stripSchema = (schema: Json): Json => {
  const out: Json = {}
  for (const key of kept) {
    if (schema[key] !== undefined && !(key === "title" && schema["class"] === undefined)) {
      out[key] = schema[key]
    }
  }
  for (const key of ["anyOf", "oneOf", "allOf", "items", "output", "additionalProperties"]) {
    if (schema[key] !== undefined) {
      out[key] = strip(schema[key])
    }
  }
  if (Predicate.isObject(schema["properties"])) {
    out["properties"] = stripProperties(schema["properties"])
  }
  if (Array.isArray(schema["required"])) {
    const required = schema["required"].filter((item) => item !== "type" && item !== "id" && item !== "output_meta")
    if (required.length > 0) {
      out["required"] = required
    }
  }
  return out
}

const stripDocument = (document: Json, version: string): Json => {
  const components = Predicate.isObject(document["components"]) ? document["components"] : {}
  const schemas = Predicate.isObject(components["schemas"]) ? components["schemas"] : {}
  const out: Json = {}
  const pending = Object.keys(schemas).filter((name) => {
    const schema = schemas[name]
    return Predicate.isObject(schema) && schema["class"] === "invocation"
  })
  // The words for models.
  pending.push("BaseModelType", "ModelType", "SubModelType")
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const schema = schemas[name]
    if (out[name] !== undefined || !Predicate.isObject(schema)) {
      continue
    }
    out[name] = stripSchema(schema)
    const found = new Set<string>()
    refsOf(out[name], found)
    pending.push(...found)
  }
  const sorted = Object.fromEntries(Object.keys(schemas).flatMap((name) => name in out ? [[name, out[name]]] : []))
  return {
    openapi: "3.1.0",
    info: { title: "Invoke - Community Edition", version: "1.0.0" },
    "x-invokeai-version": version,
    paths: {},
    components: { schemas: sorted }
  }
}

const [input, version, output] = process.argv.slice(2)
if (input === undefined || version === undefined || output === undefined) {
  process.stderr.write("usage: make-catalog.ts <openapi.json> <server version> <output.json | output.ts>\n")
  process.exit(2)
}
const parsed: unknown = JSON.parse(readFileSync(input, "utf8"))
const text = JSON.stringify(stripDocument(Predicate.isObject(parsed) ? parsed : {}, version))
if (output.endsWith(".ts")) {
  writeFileSync(
    output,
    [
      `/** The stripped OpenAPI document of ${version} as JSON text. Made by scripts/make-catalog.ts. @internal */`,
      "export const text: string =",
      "  `" + text.replace(/[\\`]|\$\{/g, "\\$&") + "`",
      ""
    ].join("\n")
  )
} else {
  writeFileSync(output, `${text}\n`)
}
