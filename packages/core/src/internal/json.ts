import type { JsonObject } from "../JsonObject.ts"

export type { JsonObject } from "../JsonObject.ts"

/** Sets an own property with any name, including `__proto__`. */
export const setOwn = (target: Record<string, unknown>, key: string, value: unknown): void => {
  if (key === "__proto__") {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
  } else {
    target[key] = value
  }
}

/** An own property, never an inherited one. */
export const getOwn = (record: JsonObject, key: string): unknown => Object.hasOwn(record, key) ? record[key] : undefined
