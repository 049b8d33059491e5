import * as Predicate from "effect/Predicate"

type Crc32 = (bytes: Uint8Array, before?: number) => number

const table: Uint32Array = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index
  for (let bit = 0; bit < 8; bit++) {
    value = (value & 1) === 1 ? 0xEDB88320 ^ (value >>> 1) : value >>> 1
  }
  return value >>> 0
})

/** @internal */
export const portable: Crc32 = (bytes, before = 0) => {
  let crc = before ^ 0xFFFFFFFF
  for (let at = 0; at < bytes.length; at++) {
    crc = table[(crc ^ bytes[at]!) & 0xFF]! ^ (crc >>> 8)
  }
  return (crc ^ 0xFFFFFFFF) >>> 0
}

/** That of Node and Bun, which is more than ten times as fast and makes the check of a download cost next to nothing. */
const builtin = (): Crc32 | undefined => {
  const host: unknown = globalThis
  if (!Predicate.hasProperty(host, "process") || !Predicate.hasProperty(host.process, "getBuiltinModule")) {
    return undefined
  }
  const { getBuiltinModule } = host.process
  const zlib: unknown = Predicate.isFunction(getBuiltinModule) ? getBuiltinModule("node:zlib") : undefined
  // its documented signature
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return Predicate.hasProperty(zlib, "crc32") && Predicate.isFunction(zlib.crc32) ? zlib.crc32 as Crc32 : undefined
}

/**
 * The CRC-32 of PNG and ZIP files. `before` is that of the bytes before these, if there are any.
 *
 * @internal
 */
export const crc32: Crc32 = builtin() ?? portable
