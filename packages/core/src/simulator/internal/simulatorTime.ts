/**
 * Times as the server writes them.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"

/**
 * `YYYY-MM-DD HH:MM:SS.mmm`, UTC without a zone: queue items, images, boards, workflows.
 *
 * @category formatting
 * @since 0.1.0
 */
export const format = (millis: number): string =>
  DateTime.formatIso(DateTime.makeUnsafe(millis)).replace("T", " ").replace("Z", "")

/**
 * ISO 8601 with microseconds: users.
 *
 * @category formatting
 * @since 0.1.0
 */
export const formatIso = (millis: number): string => DateTime.formatIso(DateTime.makeUnsafe(millis)).replace("Z", "000")

/**
 * Whole seconds, the `timestamp` of events.
 *
 * @category formatting
 * @since 0.1.0
 */
export const seconds = (millis: number): number => Math.floor(millis / 1000)
