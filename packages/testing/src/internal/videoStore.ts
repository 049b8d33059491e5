/** Videos of the simulated server: uploaded files and their metadata. */

/** A stored video. */
export interface StoredVideo {
  readonly name: string
  readonly bytes: Uint8Array<ArrayBuffer>
  /** In pixels. */
  readonly width: number
  /** In pixels. */
  readonly height: number
  /** In seconds. */
  readonly duration: number
  /** Frames per second. */
  readonly fps: number | null
  readonly metadata: string | null
  readonly workflow: string | null
  readonly graph: string | null
  readonly userId: string
  readonly createdAt: number
  sessionId: string | null
  category: string
  isIntermediate: boolean
  starred: boolean
  updatedAt: number
  boardId: string | null
}

const containers = new Set(["moov", "trak", "mdia", "minf", "stbl"])

/** Size, duration and frame rate of an MP4 file; `undefined` if it is not one. */
export const readMp4 = (
  bytes: Uint8Array
): Pick<StoredVideo, "width" | "height" | "duration" | "fps"> | undefined => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const name = (at: number): string => String.fromCharCode(...bytes.subarray(at, at + 4))
  let width = 0
  let height = 0
  let duration = 0
  let frames = 0
  const visit = (start: number, end: number): void => {
    for (let at = start; at + 8 <= end;) {
      const size = view.getUint32(at)
      const next = at + size
      if (size < 8 || next > end) return
      const kind = name(at + 4)
      const body = at + 8
      if (containers.has(kind)) visit(body, next)
      if (kind === "mvhd" && bytes[body] === 0 && size >= 32) {
        duration = view.getUint32(body + 16) / Math.max(1, view.getUint32(body + 12))
      }
      if (kind === "tkhd" && size >= 92) {
        width = Math.max(width, view.getUint16(next - 8))
        height = Math.max(height, view.getUint16(next - 4))
      }
      if (kind === "stsz" && size >= 20) frames = Math.max(frames, view.getUint32(body + 8))
      at = next
    }
  }
  if (bytes.length < 16 || name(4) !== "ftyp") return undefined
  visit(0, bytes.length)
  if (width === 0 || height === 0) return undefined
  return { width, height, duration, fps: duration > 0 && frames > 0 ? frames / duration : null }
}

/** The part of a file that a `Range` header requests, both ends included; `undefined` if the range is invalid. */
export const parseRange = (
  header: string,
  size: number
): { readonly start: number; readonly end: number } | undefined => {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header.trim())
  const [, from = "", to = ""] = match ?? []
  if (match === null || (from === "" && to === "") || size === 0) return undefined
  const start = from === "" ? Math.max(0, size - Number(to)) : Number(from)
  const end = from === "" || to === "" ? size - 1 : Math.min(Number(to), size - 1)
  return start > end || (from === "" && Number(to) === 0) ? undefined : { start, end }
}
