/** Iteration paths of prepared nodes. */

/** The iteration of each iterator upstream of a prepared node, from the outermost to the innermost. */
export type Path = ReadonlyArray<number>

/** Order of two paths: earlier iterations first, outer before inner. */
export const comparePaths = (left: Path, right: Path): number => {
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0)
    if (difference !== 0) return difference
  }
  return left.length - right.length
}

/** Whether a path lies within another. */
export const startsWith = (path: Path, prefix: Path): boolean =>
  prefix.length <= path.length && prefix.every((part, index) => path[index] === part)

/** Whether two paths are the same. */
export const samePath = (left: Path, right: Path): boolean => left.length === right.length && startsWith(left, right)

/** Every path once, in order. */
export const distinctPaths = (paths: Iterable<Path>): Array<Path> => {
  const seen = new Map<string, Path>()
  for (const path of paths) seen.set(path.join(","), path)
  return [...seen.values()].toSorted(comparePaths)
}

/** Removes every path that another path continues. */
export const deepest = (paths: ReadonlyArray<Path>): Array<Path> =>
  paths.filter((path) => !paths.some((other) => other.length > path.length && startsWith(other, path)))
