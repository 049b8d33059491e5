/**
 * The version of InvokeAI that the simulator emulates, and its capabilities.
 *
 * @since 0.1.0
 */

/**
 * The versions that can be emulated.
 *
 * @category models
 * @since 0.1.0
 */
export type ServerVersion = "6.3.0" | "6.8.1" | "6.13.8" | "6.14.2"

/**
 * The differences between versions.
 *
 * @internal
 */
export interface ServerProfile {
  readonly version: ServerVersion
  /** The second number of the version. */
  readonly minor: number
  /** Whether the InvokeAI UI is installed: then unknown paths return its page. */
  readonly webUi: boolean
}

/**
 * The profile of a version.
 *
 * @internal
 */
export const make = (version: ServerVersion): ServerProfile => {
  const minor = Number(version.split(".")[1])
  return { version, minor, webUi: minor >= 14 }
}
