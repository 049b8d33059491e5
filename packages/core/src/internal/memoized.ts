/** Remembers what a function makes of a value, as long as the value lives. For values that never change. */
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
