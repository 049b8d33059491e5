/** Who sent a recorded request and who owned a recorded socket: the recordings leave the tokens out. */
import { at } from "../simulator/support.ts"

/** A user by name; `invalid` for a token that no server gave, `none` for none. */
export type Who = "admin" | "u1" | "u2" | "invalid" | "none"

/** Who asks, from a moment of the scenario `isolation` on, as its notes and answers tell. */
const isolation: ReadonlyArray<readonly [from: number, who: Who]> = [
  [0, "admin"],
  [1600, "u1"],
  [2700, "u2"],
  [2939, "u1"],
  [2940, "u2"],
  [3870, "u1"],
  [3874, "u2"],
  [4477, "u1"],
  [5000, "u2"],
  [5880, "admin"],
  [6729, "invalid"],
  [6742, "u1"],
  [6754, "u2"],
  [6770, "u1"],
  [6772, "invalid"],
  [6842, "u1"],
  [6856, "u2"],
  [8787, "admin"],
  [10301, "u1"],
  [10527, "admin"]
]

const listeners: Readonly<Record<string, Readonly<Record<string, Who>>>> = {
  auth: { s1: "admin", s3: "invalid" },
  isolation: { s1: "admin", s2: "u1", s3: "u2", s4: "invalid", s5: "invalid", s6: "invalid" }
}

/** How a request was authorized. */
export const whoAsks = (
  scenario: string,
  entry: unknown
): { readonly by?: Who; readonly how?: "bearer" | "cookie" | "other scheme" | "old" } => {
  const t = Number(at(entry, "t"))
  const status = at(entry, "status")
  const usesCookie = at(entry, "requestHeaders", "Cookie") !== undefined
  if (at(entry, "auth") !== "bearer" && !usesCookie) return {}
  const how = usesCookie ? "cookie" as const : "bearer" as const
  if (scenario === "auth") {
    return status === 401 ? { by: "invalid", how } : { by: "admin", how }
  }
  if (scenario !== "isolation") return {}
  const by = isolation.findLast(([from]) => from <= t)?.[1] ?? "none"
  const detail = at(entry, "responseBody", "detail")
  // a token that was there before the password changed, and one that is not sent as a bearer token
  if (detail === "User not found or inactive") return { by, how: "old" }
  return { by, how: detail === "Authentication required" && !usesCookie ? "other scheme" : how }
}

/** Who owned a socket. */
export const whoListens = (scenario: string, socket: string): { readonly by?: Who } => {
  const by = listeners[scenario]?.[socket]
  return by === undefined ? {} : { by }
}
