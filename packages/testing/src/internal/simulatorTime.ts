/** Times as the server writes them. */
import * as DateTime from "effect/DateTime"

/** `YYYY-MM-DD HH:MM:SS.mmm`, UTC without a zone: queue items, images, boards, workflows. */
export const format = (millis: number): string =>
  DateTime.formatIso(DateTime.makeUnsafe(millis)).replace("T", " ").replace("Z", "")

/** ISO 8601 with microseconds: users. */
export const formatIso = (millis: number): string => DateTime.formatIso(DateTime.makeUnsafe(millis)).replace("Z", "000")

/** Whole seconds, the `timestamp` of events. */
export const seconds = (millis: number): number => Math.floor(millis / 1000)
