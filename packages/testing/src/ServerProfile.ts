/**
 * Which release of InvokeAI the simulator plays, and what that release can do.
 *
 * @since 0.1.0
 */

/**
 * The releases that can be played.
 *
 * @category models
 * @since 0.1.0
 */
export type ServerVersion = "6.3.0" | "6.8.1" | "6.13.8" | "6.14.2"

/**
 * What differs between releases.
 *
 * @internal
 */
export interface ServerProfile {
  readonly version: ServerVersion
  /** The second number of the version. */
  readonly minor: number
  /** Whether the web UI is installed: then unknown paths return its page. */
  readonly webUi: boolean
}

/**
 * The profile of a release.
 *
 * @internal
 */
export const make = (version: ServerVersion): ServerProfile => {
  const minor = Number(version.split(".")[1])
  return { version, minor, webUi: minor >= 14 }
}
