/** Caches the results of a function by argument, for as long as the argument is reachable. For immutable arguments. */
export const memoized = <A extends object, B>(f: (value: A) => B): (value: A) => B => {
  const known = new WeakMap<A, { readonly result: B }>()
  return (value) => {
    const before = known.get(value)
    if (before !== undefined) return before.result
    const result = f(value)
    known.set(value, { result })
    return result
  }
}
