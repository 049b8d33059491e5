/** Users and tokens of the simulated server. */
import * as Base64Url from "effect/encoding/Base64Url"
import type { ServerProfile } from "../ServerProfile.ts"
import * as SeededRandom from "./seededRandom.ts"
import * as SimulatorTime from "./simulatorTime.ts"

/** A user. */
export interface SimulatorUser {
  readonly userId: string
  readonly email: string
  readonly createdAt: number
  displayName: string | null
  password: string
  isAdmin: boolean
  isActive: boolean
  updatedAt: number
  lastLoginAt: number | null
  tokenEpoch: number
}

/** The user of single-user servers. */
export const system: SimulatorUser = {
  userId: "system",
  email: "system@system.invokeai",
  createdAt: 0,
  displayName: "System",
  password: "",
  isAdmin: true,
  isActive: true,
  updatedAt: 0,
  lastLoginAt: null,
  tokenEpoch: 0
}

/** The claims of a token. */
type TokenCheck =
  | { readonly _tag: "Valid"; readonly user: SimulatorUser; readonly rememberMe: boolean; readonly expiresAt: number }
  | { readonly _tag: "Invalid" }
  | { readonly _tag: "Inactive" }

interface Issued {
  readonly userId: string
  readonly rememberMe: boolean
  readonly epoch: number
  expiresAt: number
}

const day = 86_400_000

/** All users and their tokens. */
export class UserStore {
  private readonly profile: ServerProfile
  readonly users = new Map<string, SimulatorUser>()
  private readonly tokens = new Map<string, Issued>()

  constructor(profile: ServerProfile) {
    this.profile = profile
  }

  /** Adds a user. */
  add(
    options: Pick<SimulatorUser, "userId" | "email" | "displayName" | "password" | "isAdmin">,
    now: number
  ): SimulatorUser {
    const user = {
      ...options,
      createdAt: now,
      isActive: true,
      updatedAt: now,
      lastLoginAt: null,
      tokenEpoch: 0
    }
    this.users.set(user.userId, user)
    return user
  }

  /** The user with an email address. */
  byEmail(email: string): SimulatorUser | undefined {
    return [...this.users.values()].find((user) => user.email === email)
  }

  /** Issues a new token for a user. */
  issue(user: SimulatorUser, rememberMe: boolean, now: number): { readonly token: string; readonly expiresIn: number } {
    const lifetime = rememberMe ? 7 * day : day
    const payload = {
      user_id: user.userId,
      email: user.email,
      is_admin: user.isAdmin,
      remember_me: rememberMe,
      token_epoch: user.tokenEpoch,
      exp: SimulatorTime.seconds(now + lifetime),
      serial: this.tokens.size
    }
    const head = Base64Url.encode(JSON.stringify({ alg: "HS256", typ: "JWT" }))
    const body = Base64Url.encode(JSON.stringify(payload))
    const token = `${head}.${body}.${Base64Url.encode(String(SeededRandom.hashText(body)))}`
    this.tokens.set(token, { userId: user.userId, rememberMe, epoch: user.tokenEpoch, expiresAt: now + lifetime })
    return { token, expiresIn: lifetime / 1000 }
  }

  /** The claims of a token at a time. */
  check(token: string, now: number): TokenCheck {
    const issued = this.tokens.get(token)
    if (issued === undefined || issued.expiresAt <= now) return { _tag: "Invalid" }
    const user = this.users.get(issued.userId)
    if (user === undefined || !user.isActive || user.tokenEpoch !== issued.epoch) return { _tag: "Inactive" }
    return { _tag: "Valid", user, rememberMe: issued.rememberMe, expiresAt: issued.expiresAt }
  }

  /** Makes every token expire now. */
  expireAll(now: number): void {
    for (const issued of this.tokens.values()) issued.expiresAt = Math.min(issued.expiresAt, now)
  }

  /** The user as the routes return it. */
  toJson(user: SimulatorUser): Readonly<Record<string, unknown>> {
    return {
      user_id: user.userId,
      email: user.email,
      display_name: user.displayName,
      is_admin: user.isAdmin,
      is_active: user.isActive,
      created_at: SimulatorTime.formatIso(user.createdAt),
      updated_at: SimulatorTime.formatIso(user.updatedAt),
      last_login_at: user.lastLoginAt === null ? null : `${SimulatorTime.formatIso(user.lastLoginAt)}Z`,
      ...(this.profile.minor >= 14 ? { token_epoch: user.tokenEpoch } : {})
    }
  }
}
