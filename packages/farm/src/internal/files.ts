/**
 * The files of an item: downloaded into a directory of their own, and moved to their names together with the result, so that
 * each name is complete or absent, and belongs to the result that was recorded.
 */
import * as Run from "@effect-invokeai/core/run/Run"
import * as Clock from "effect/Clock"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"

/** The directory below that of the outputs in which downloads are complete before they get their names. */
const stagingName = ".farm"

/** The placeholders of a farm's template, in addition to those of `Downloads`. */
export interface ItemNames {
  readonly run: string
  readonly id: string
  readonly row: number
}

/** Fills the placeholders that are the farm's own. Their values are checked names, without braces and separators. */
export const templateOf = (template: string, { id, row, run }: ItemNames): string =>
  template.replaceAll("{run}", run).replaceAll("{id}", id).replaceAll(
    /\{row(?::([1-9][0-9]?))?\}/g,
    (_, width: string | undefined) => String(row).padStart(Number(width ?? 0), "0")
  )

/** Whether two items would get different names. */
export const isDistinct = (template: string): boolean => /\{(id|row|name|batch)(:\d+)?\}/.test(template)

/** Fails if a template or the directory is unusable. */
export const checkTemplate = (directory: string, template: string) =>
  Run.checkDownloads({ directory, template: templateOf(template, { run: "run", id: "id", row: 0 }) })

/** A new directory for the downloads of an item, which is removed with the scope. */
export const stage = Effect.fnUntraced(function*(directory: string, itemKey: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const unique = SecureRandom.uuidV4Unsafe().slice(0, 8)
  const staging = path.join(directory, stagingName, `${itemKey}-${unique}`)
  yield* Effect.addFinalizer(() => Effect.ignore(fs.remove(staging, { recursive: true, force: true })))
  return staging
})

/** Where a staged file belongs. */
export const finalPath = (path: Path.Path, directory: string, staging: string, file: string): string =>
  path.join(directory, path.relative(staging, file))

/** Moves staged files to their names. What a killed worker left there belongs to no result, and is replaced. */
export const publish = Effect.fnUntraced(function*(directory: string, staging: string, staged: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  for (const file of staged) {
    const target = finalPath(path, directory, staging, file)
    yield* fs.makeDirectory(path.dirname(target), { recursive: true })
    yield* fs.rename(file, target)
  }
})

/** Removes what workers have staged of an item that has a result. */
export const removeStaged = Effect.fnUntraced(function*(directory: string, itemKey: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const root = path.join(directory, stagingName)
  const names = yield* Effect.orElseSucceed(fs.readDirectory(root), () => [])
  yield* Effect.forEach(
    names.filter((name) => name.startsWith(`${itemKey}-`)),
    (name) => Effect.ignore(fs.remove(path.join(root, name), { recursive: true, force: true })),
    { discard: true }
  )
})

/** No download takes as long. */
const maxAge = Duration.days(1)

/** Removes what was staged so long ago that its worker was killed just after it stored the result. */
export const removeOld = Effect.fnUntraced(function*(directory: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const root = path.join(directory, stagingName)
  const oldest = (yield* Clock.currentTimeMillis) - Duration.toMillis(maxAge)
  for (const name of yield* Effect.orElseSucceed(fs.readDirectory(root), () => [])) {
    const { mtime } = yield* Effect.orElseSucceed(
      fs.stat(path.join(root, name)),
      () => ({ mtime: Option.none<Date>() })
    )
    if (Option.exists(mtime, (time) => time.getTime() < oldest)) {
      yield* Effect.ignore(fs.remove(path.join(root, name), { recursive: true, force: true }))
    }
  }
})

/** Removes the directory of downloads if it is empty. */
export const removeEmpty = Effect.fnUntraced(function*(directory: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const root = path.join(directory, stagingName)
  const names = yield* Effect.option(fs.readDirectory(root))
  if (Option.isSome(names) && names.value.length === 0) yield* Effect.ignore(fs.remove(root, { recursive: true }))
})
