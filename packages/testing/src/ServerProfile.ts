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
  /** Whether the InvokeAI UI is installed, which handles unknown paths. */
  readonly webUi: boolean
  /** Whether the UI responds to reads of unknown paths with its page, and not with 404. */
  readonly hasPageForUnknownPaths: boolean
  /** Whether the server has the routes of an unfinished feature for videos, which is unrelated to the one of 6.14. */
  readonly hasVideoPlaceholders: boolean
}

/**
 * The second number of a version.
 *
 * @internal
 */
export const minorOf = (version: string): number => Number(version.split(".")[1])

/**
 * The profile of a version.
 *
 * @internal
 */
export const make = (version: ServerVersion): ServerProfile => {
  const minor = minorOf(version)
  return {
    version,
    minor,
    webUi: true,
    hasPageForUnknownPaths: minor >= 12,
    hasVideoPlaceholders: minor === 8
  }
}
