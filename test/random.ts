/** Random numbers for tests. */

/** Random numbers that repeat with their seed. */
export const randomOf = (seed: number) => {
  let state = (seed * 2_654_435_761 + 1) >>> 0
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return (state >>> 8) / 0x1000000
  }
  return {
    next,
    below: (limit: number) => Math.floor(next() * limit),
    chance: (likelihood: number) => next() < likelihood,
    shuffle: <A>(items: ReadonlyArray<A>): Array<A> => {
      const out = [...items]
      for (let i = out.length - 1; i > 0; i--) {
        const j = Math.floor(next() * (i + 1))
        const kept = out[i]!
        out[i] = out[j]!
        out[j] = kept
      }
      return out
    }
  }
}

export type Random = ReturnType<typeof randomOf>
