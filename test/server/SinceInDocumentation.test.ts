/** The documentation of a method says which release of InvokeAI its routes need. */
import { InvokeAiApi, Since } from "@effect-invokeai/core/server/InvokeAiClient"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import type * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import { readFileSync } from "node:fs"
import { releases as tested } from "../../scripts/real-server/Releases.ts"

/** Where the routes of a service are; their documentation leaves this out. */
const services = {
  ServerInfo: ["ServerInfo", "/api/v1/"],
  Auth: ["Auth", "/api/v1/auth/"],
  SessionQueue: ["SessionQueue", "/api/v1/queue/{queue_id}/"],
  Images: ["Images", "/api/v1/images/"],
  Boards: ["Boards", "/api/v1/boards/"],
  Models: ["Models", "/api/v2/models/"],
  WorkflowLibrary: ["WorkflowLibrary", "/api/v1/workflows/"],
  Utilities: ["Prompts", "/api/v1/utilities/"],
  StylePresets: ["Prompts", "/api/v1/style_presets/"],
  SystemPrompts: ["Prompts", "/api/v1/system_prompts/"],
  Videos: ["Videos", "/api/v1/videos/"]
} as const

const releases: ReadonlyMap<string, string | undefined> = new Map(
  Object.values(InvokeAiApi.groups).flatMap((group) =>
    Object.values(group.endpoints as unknown as Record<string, HttpApiEndpoint.Top>).map((endpoint) =>
      [
        `${endpoint.method} ${endpoint.path.replace(/:(\w+)/g, "{$1}")}`,
        Context.get(endpoint.annotations, Since).since
      ] as const
    )
  )
)

const phrase = (since: string | undefined): string =>
  since === "6.3" ? "" : since === undefined ? " (no release of InvokeAI has it yet)" : ` (InvokeAI ${since} or later)`

/** The methods of a service, each with its comment as one line. */
const methodsOf = (service: string, file: string) => {
  const source = readFileSync(new URL(`../../packages/core/src/server/${file}.ts`, import.meta.url), "utf8")
  const [, rest = ""] = source.split(`export class ${service} extends Context.Service`)
  const [body = ""] = rest.split("}>()(")
  return [...body.matchAll(/\/\*\*([\s\S]*?)\*\/\s*readonly (\w+)/g)].map(([, text = "", name = ""]) => ({
    name,
    comment: text.replace(/\s*\n\s*\* ?/g, " ")
  }))
}

const mentions = Object.entries(services).flatMap(([service, [file, prefix]]) =>
  methodsOf(service, file).flatMap(({ comment, name }) =>
    [...comment.matchAll(/`([A-Z]+) ([^`]*)`( \((?:InvokeAI|no release)[^)]*\))?/g)].map((
      [, method = "", path = "", said = ""]
    ) => ({ service, name, route: `${method} ${path.startsWith("/") ? path : `${prefix}${path}`}`, said }))
  )
)

const page = readFileSync(new URL("../../docs/reference/versions.md", import.meta.url), "utf8")

/** The second number of a release. */
const minor = (release: string): number => release === "none yet" ? Infinity : Number(release.split(".")[1])

describe("The documentation of the services", () => {
  it("names the first release of each route that not all supported releases have", () => {
    const wrong = mentions.filter(({ route, said }) => releases.has(route) && said !== phrase(releases.get(route)))
    assert.deepStrictEqual(wrong, [])
  })

  it("mentions each of these routes", () => {
    const mentioned = new Set(mentions.map(({ route }) => route))
    const newer = [...releases].filter(([, since]) => since !== "6.3").map(([route]) => route)
    assert.isAbove(newer.length, 30)
    assert.deepStrictEqual(newer.filter((route) => !mentioned.has(route)), [])
  })

  it("and the page of versions has a row for each release with the methods that need it", () => {
    // these fall back to what older servers have
    const everywhere = new Set(["Auth.status", "Models.findByHash"])
    const needed = new Map<string, string>()
    for (const { name, route, service } of mentions) {
      const method = `${service}.${name}`
      const release = releases.has(route) ? releases.get(route) ?? "none yet" : "6.3"
      if (!everywhere.has(method) && minor(release) > minor(needed.get(method) ?? "6.3")) needed.set(method, release)
    }
    assert.isAbove(needed.size, 30)
    const rows = new Map(
      [...page.matchAll(/^\| (6\.\d+|none yet) +\| ([^|]*)\|/gm)].map(([, release = "", text = ""]) =>
        [release, new Set([...text.matchAll(/`([\w.]+)`/g)].map(([, name = ""]) => name))] as const
      )
    )
    for (const [method, release] of needed) {
      const [service = ""] = method.split(".")
      const listed = [...rows].filter(([, names]) => names.has(method) || names.has(service)).map(([row]) => row)
      assert.deepStrictEqual(listed, [release], method)
    }
  })

  it("and the page of versions lists the releases that are tested", () => {
    assert.include(page, tested.map(({ version }) => version).join(", "))
    const multiUser = tested.filter(({ hasMultiUser }) => hasMultiUser).map(({ version }) => version).join(", ")
    assert.include(page.replace(/ +/g, " "), `| multi-user as well | ${multiUser} |`)
  })
})
