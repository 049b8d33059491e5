/**
 * What a report shows of an item.
 *
 * @since 0.1.0
 */
import type { FarmResult } from "./FarmResult.ts"

/**
 * A small copy of an image.
 *
 * @category models
 * @since 0.1.0
 */
export interface Thumbnail {
  /** The image as a `data:` URL. */
  readonly url: string
  /** The width in pixels. */
  readonly width: number
  /** The height in pixels. */
  readonly height: number
}

/**
 * A result with the thumbnails of its files.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReportItem extends FarmResult {
  /** For each file its thumbnail, or `undefined` for none. Default: no thumbnails; the page has links instead. */
  readonly thumbnails?: ReadonlyArray<Thumbnail | undefined> | undefined
}
