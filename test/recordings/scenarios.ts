/** Which recordings are replayed, and what is left out of them. */
import type { ServerVersion } from "@effect-invokeai/testing/ServerProfile"
import type { SimulatorOptions } from "@effect-invokeai/testing/Simulator"
import { at } from "../simulator/support.ts"
import type { Entry, Exception } from "./replay.ts"

const common = [
  "chain",
  "batch",
  "errors",
  "cancel",
  "images",
  "boards",
  "workflows",
  "retry",
  "pause",
  "poison",
  "cache",
  "meta",
  "dynprompts",
  "bulk",
  "otherqueue"
]

/** The recordings that are replayed, by version. */
export const scenarios: Readonly<Partial<Record<ServerVersion, ReadonlyArray<string>>>> = {
  "6.14.2": [...common, "models", "callwf", "late", "auth", "isolation"],
  "6.13.8": [...common, "auth"],
  "6.8.1": common,
  "6.3.0": common
}

const request = (method: string, path: RegExp) => (entry: Entry): boolean =>
  entry.kind === "http" && entry.method === method && path.test(entry.path)

const earlier = "the recorded server held things of other scenarios"

const exceptions: Readonly<Record<string, ReadonlyArray<Exception>>> = {
  batch: [
    { entry: request("GET", /\/item_ids$/), reason: earlier },
    { entry: request("PUT", /\/prune$/), reason: earlier }
  ],
  meta: [{ entry: request("GET", /\/invocation_cache\/status$/), reason: earlier }],
  images: [{ entry: request("GET", /\/images\/(?:\?|names)/), reason: earlier }, {
    entry: request("GET", /\/intermediates$/),
    reason: earlier
  }, {
    entry: request("DELETE", /\/intermediates$/),
    reason: earlier
  }],
  boards: [{ entry: request("GET", /\/boards\/(?:none\/image_names$|\?(?:all|offset))/), reason: earlier }],
  workflows: [
    {
      entry: request("GET", /\/workflows\/(?:\?(?:page=|per_page=2)|counts_by|tags$)/),
      reason: "the simulator has no default workflows"
    },
    { entry: request("GET", /\/thumbnail$/), reason: "a re-encoded picture, compared by type in its own test" }
  ],
  cancel: [
    {
      entry: (entry) =>
        entry.kind === "http" && /\/i\/\d+(?:\/cancel)?$/.test(entry.path) &&
        Object.keys(at(entry.responseBody, "session", "results") ?? {}).length > 0,
      reason: "how far the item was when it was canceled depends on the speed of the machine"
    },
    {
      entry: (entry) => entry.kind === "event" && entry.event.startsWith("invocation_"),
      reason: "how far the item was when it was canceled depends on the speed of the machine"
    }
  ],
  isolation: [{
    entry: (entry) =>
      entry.kind === "event" && entry.event.startsWith("invocation_") && at(entry.data, "origin") === "iso2",
    reason: "how far the item was when it was canceled depends on the speed of the machine"
  }],
  models: [
    {
      entry: (entry) =>
        entry.kind === "http" && at(entry.responseBody, "status") === "running" && entry.method === "GET",
      reason: "the simulator installs at once"
    },
    {
      entry: (entry) => entry.kind === "event" && entry.event.startsWith("model_load_"),
      reason: "a canceled item loads models too, which these events do not tell apart"
    },
    {
      entry: (entry) =>
        entry.kind === "http" && at(entry.responseBody, "origin") === "t2i-cancel" && entry.path.includes("/i/"),
      reason: "how far the item was when it was canceled depends on the speed of the machine"
    },
    {
      entry: (entry) =>
        entry.kind === "event" && entry.event.startsWith("invocation_") && at(entry.data, "origin") === "t2i-cancel",
      reason: "how far the item was when it was canceled depends on the speed of the machine"
    }
  ],
  poison: [{ entry: request("PUT", /\/clear$/), reason: earlier }, {
    entry: (entry) =>
      entry.kind === "http" && /\/i\/\d+$/.test(entry.path) && at(entry.responseBody, "status") === "pending",
    reason: "the real worker looks again only after a pause"
  }],
  cache: [{ entry: request("GET", /\/invocation_cache\/status$/), reason: earlier }],
  dynprompts: [{
    entry: (entry) => entry.kind === "http" && at(entry.requestBody, "combinatorial") === false,
    reason: "other random numbers"
  }]
}

/** What is left out of a scenario. */
export const exceptionsOf = (_version: ServerVersion, scenario: string): ReadonlyArray<Exception> =>
  exceptions[scenario] ?? []

/** How the simulator begins for a scenario. */
export const settingsOf = (version: ServerVersion, scenario: string): Partial<SimulatorOptions> => ({
  models: [],
  // these were recorded without the UI
  ...(version === "6.14.2" ? {} : { webUi: false }),
  // long enough to be seen running, where the recording looks
  nodeDuration: scenario === "cancel" || scenario === "isolation" ? 150 : scenario === "late" ? 50 : 0,
  ...(scenario === "auth" || scenario === "isolation"
    ? {
      users: [{
        email: "admin@example.com",
        password: version === "6.13.8" ? "Passw0rd123" : "Passw0rd-admin",
        displayName: version === "6.13.8" ? "A" : "Admin",
        isAdmin: true
      }]
    }
    : {})
})
