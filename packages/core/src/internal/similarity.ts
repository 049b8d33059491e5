/** The similarity of names. */

/** The number of insertions, deletions, replacements and swaps of neighbors between two strings. */
const distance = (left: string, right: string): number => {
  let before: Array<number> = []
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let row = 1; row <= left.length; row++) {
    const current = [row]
    for (let column = 1; column <= right.length; column++) {
      const same = left[row - 1] === right[column - 1]
      let best = Math.min(
        (previous[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (previous[column - 1] ?? 0) + (same ? 0 : 1)
      )
      if (row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]) {
        best = Math.min(best, (before[column - 2] ?? 0) + 1)
      }
      current.push(best)
    }
    before = previous
    previous = current
  }
  return previous[right.length] ?? 0
}

/** Normalizes a name: without case, spaces and punctuation. */
export const normalize = (name: string): string => name.slice(0, 200).toLowerCase().replace(/[^\p{L}\p{N}]/gu, "")

/** The distance of a name from a requested one, both normalized: 0 for equal names, 1 for entirely different ones. */
export const nameDistance = (wanted: string, other: string): number => {
  if (other === wanted) return 0
  const [short, long] = other.length < wanted.length ? [other, wanted] : [wanted, other]
  if (short.length > 2 && long.includes(short)) return 0.3
  return distance(wanted, other) / Math.max(1, long.length)
}
