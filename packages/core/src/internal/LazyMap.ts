/** A map whose values are made when they are first read. */
export class LazyMap<Key, Value> implements ReadonlyMap<Key, Value> {
  readonly #values: ReadonlyMap<Key, () => Value>

  constructor(values: Iterable<readonly [Key, () => Value]>) {
    this.#values = new Map(Array.from(values, ([key, make]) => [key, once(make)]))
  }

  get size(): number {
    return this.#values.size
  }

  get [Symbol.toStringTag](): string {
    return "LazyMap"
  }

  get(key: Key): Value | undefined {
    return this.#values.get(key)?.()
  }

  has(key: Key): boolean {
    return this.#values.has(key)
  }

  keys(): MapIterator<Key> {
    return this.#values.keys()
  }

  *values(): MapIterator<Value> {
    for (const value of this.#values.values()) yield value()
  }

  *entries(): MapIterator<[Key, Value]> {
    for (const [key, value] of this.#values) yield [key, value()]
  }

  [Symbol.iterator](): MapIterator<[Key, Value]> {
    return this.entries()
  }

  forEach(use: (value: Value, key: Key, map: ReadonlyMap<Key, Value>) => void, self?: unknown): void {
    for (const [key, value] of this) use.call(self, value, key, this)
  }
}

/** Calls `make` once, and lets go of it then, with all that it refers to. */
const once = <A>(make: () => A): () => A => {
  let next = (): A => {
    const value = make()
    next = () => value
    return value
  }
  return () => next()
}
