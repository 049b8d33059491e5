/**
 * Writes what became of a run to one HTML file that opens without a network.
 *
 * **Details**
 *
 * Failures come first, with their inputs and errors. If two inputs vary, a grid shows the images by their values. A table
 * says what each server did and how long items took there. The contact sheet has a thumbnail of each image next to its
 * inputs; it leads to the file. Everything can be searched.
 *
 * The page follows the dark mode of the system, and works with a keyboard and with a screen reader.
 *
 * **Example** (The report of some results)
 *
 * ```ts
 * import type { FarmResult } from "@effect-invokeai/farm/FarmResult"
 * import * as Report from "@effect-invokeai/farm/Report"
 * import * as ImageCodec from "@effect-invokeai/node/ImageCodec"
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import * as Effect from "effect/Effect"
 *
 * export const report = (results: ReadonlyArray<FarmResult>) =>
 *   Report.write(results, "report.html").pipe(Effect.provide([ImageCodec.layer, NodeServices.layer]))
 * ```
 *
 * @since 0.1.0
 */
import type { ImageCodec } from "@effect-invokeai/core/assets/Downloads"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import type { FarmFile, FarmResult } from "./FarmResult.ts"
import { documentOf } from "./internal/report/document.ts"
import { gridOf, serversOf, variedInputs } from "./internal/report/statistics.ts"
import { thumbnailOf } from "./internal/report/thumbnails.ts"
import type { ReportItem } from "./ReportItem.ts"

export type { ReportItem, Thumbnail } from "./ReportItem.ts"

/**
 * What a report shows.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReportOptions {
  /** The title. Default: the name of the run. */
  readonly title?: string | undefined
  /**
   * The public names of the inputs whose values are the rows and the columns of the grid. Default: the two inputs that
   * vary, if exactly two do, have up to 40 values each, and most of the combinations have an item.
   */
  readonly grid?: readonly [row: string, column: string] | undefined
}

const rank: Readonly<Record<FarmResult["status"], number>> = { failed: 0, canceled: 1, completed: 2 }

/**
 * Builds the page. The same items and options always give the same page.
 *
 * **Details**
 *
 * Paths of files are relative to the page, absolute, or URLs. Values are shown as text, up to 1,000 characters each;
 * nothing in them is run as HTML.
 *
 * **Example** (A page without thumbnails)
 *
 * ```ts
 * import type { FarmResult } from "@effect-invokeai/farm/FarmResult"
 * import * as Report from "@effect-invokeai/farm/Report"
 *
 * export const page = (results: ReadonlyArray<FarmResult>) => Report.html(results, { title: "Tonight" })
 * ```
 *
 * @category conversions
 * @since 0.1.0
 */
export const html = (items: Iterable<ReportItem>, options: ReportOptions = {}): string => {
  const byIndex = [...items].toSorted((a, b) => a.index - b.index)
  const all = byIndex.toSorted((a, b) => rank[a.status] - rank[b.status])
  return documentOf({
    title: options.title ?? all[0]?.run ?? "Report",
    items: all,
    varied: variedInputs(all),
    servers: serversOf(all),
    grid: gridOf(byIndex, options.grid)
  })
}

/** All thumbnails together take up to this many bytes, before they are encoded as text. */
const thumbnailBytes = 9_000_000

/** A thumbnail has at most this many bytes; below the other number nothing can be seen. */
const largestThumbnail = 16_000
const smallestThumbnail = 2_000

/** How many thumbnails a report has. */
const maxThumbnails = 4_000

/**
 * A report that was written.
 *
 * @category models
 * @since 0.1.0
 */
export interface WrittenReport {
  /** The path of the file. */
  readonly path: string
  /** The size of the file in bytes. */
  readonly bytes: number
  /** How many thumbnails it has. Files that are not images, or that were moved since, have none. */
  readonly thumbnails: number
}

const isUrl = (path: string): boolean => /^https?:\/\//i.test(path)

/**
 * Makes thumbnails of all files, and writes the page. An existing file is replaced as a whole.
 *
 * **Details**
 *
 * Thumbnails are WebP of up to 256 pixels. Their size depends on how many there are: 1,000 images take less than 15 MB. From
 * 4,000 on, further images are links. Links are relative to the page, so that it can be moved together with the files.
 *
 * **Errors**
 *
 * `PlatformError`: the file could not be written.
 *
 * **Example** (Choose the axes of the grid)
 *
 * ```ts
 * import type { FarmResult } from "@effect-invokeai/farm/FarmResult"
 * import * as Report from "@effect-invokeai/farm/Report"
 *
 * export const compare = (results: ReadonlyArray<FarmResult>) =>
 *   Report.write(results, "comparison.html", { title: "Steps and guidance", grid: ["steps", "guidance"] })
 * ```
 *
 * @category operations
 * @since 0.1.0
 */
export const write = Effect.fn("Report.write")(function*(
  results: Iterable<FarmResult>,
  path: string,
  options: ReportOptions = {}
): Effect.fn.Return<WrittenReport, PlatformError, ImageCodec | FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Path.Path
  const target = paths.resolve(path)
  const directory = paths.dirname(target)
  const all = [...results]
  const files = all.reduce((sum, result) => sum + result.files.length, 0)
  const maxBytes = Math.max(
    smallestThumbnail,
    Math.min(largestThumbnail, Math.floor(thumbnailBytes / Math.max(1, files)))
  )
  let started = 0
  let thumbnails = 0
  const make = Effect.fnUntraced(function*(file: FarmFile) {
    if (isUrl(file.path) || started++ >= maxThumbnails) return undefined
    const thumbnail = yield* thumbnailOf(file, paths.resolve(file.path), maxBytes)
    if (thumbnail !== undefined) thumbnails++
    return thumbnail
  })
  const items = yield* Effect.forEach(
    all,
    (result) =>
      Effect.map(Effect.forEach(result.files, make), (made): ReportItem => ({
        ...result,
        files: result.files.map((file) => ({
          ...file,
          path: isUrl(file.path) ? file.path : paths.relative(directory, paths.resolve(file.path))
        })),
        thumbnails: made
      })),
    { concurrency: 4 }
  )
  const page = new TextEncoder().encode(html(items, options))
  yield* fs.makeDirectory(directory, { recursive: true })
  yield* Effect.scoped(Effect.gen(function*() {
    const temporary = yield* fs.makeTempFileScoped({ directory, prefix: ".report-" })
    yield* fs.writeFile(temporary, page)
    yield* fs.rename(temporary, target)
  }))
  return { path: target, bytes: page.length, thumbnails }
})
