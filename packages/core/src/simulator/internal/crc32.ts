const table: Uint32Array = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index
  for (let bit = 0; bit < 8; bit++) {
    value = (value & 1) === 1 ? 0xEDB88320 ^ (value >>> 1) : value >>> 1
  }
  return value >>> 0
})

/** The CRC-32 of PNG and ZIP files. */
export const crc32 = (bytes: Uint8Array): number => {
  let crc = 0xFFFFFFFF
  for (const byte of bytes) {
    crc = (table[(crc ^ byte) & 0xFF] ?? 0) ^ (crc >>> 8)
  }
  return (crc ^ 0xFFFFFFFF) >>> 0
}
