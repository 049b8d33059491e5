/**
 * MT19937 (Matsumoto and Nishimura, initialization of 2002): the random numbers of the InvokeAI UI's generators for a
 * seed.
 */
export class MersenneTwister {
  readonly #state = new Uint32Array(624)
  #index = 624

  /** The seed is reduced modulo 2^32. */
  constructor(seed: number) {
    const state = this.#state
    let previous = seed >>> 0
    state[0] = previous
    for (let index = 1; index < 624; index++) {
      previous = (Math.imul(1812433253, previous ^ (previous >>> 30)) + index) >>> 0
      state[index] = previous
    }
  }

  /** The next integer from 0 to 2^32 - 1. */
  uint32(): number {
    if (this.#index === 624) {
      this.#refill()
    }
    let word = this.#at(this.#index++)
    word ^= word >>> 11
    word ^= (word << 7) & 0x9d2c5680
    word ^= (word << 15) & 0xefc60000
    return (word ^ (word >>> 18)) >>> 0
  }

  /** The next number from 0 (inclusive) to 1 (exclusive), in steps of 2^-32. */
  random(): number {
    return this.uint32() / 0x100000000
  }

  #at(index: number): number {
    return this.#state[index] ?? 0
  }

  #refill(): void {
    for (let index = 0; index < 624; index++) {
      const mixed = (this.#at(index) & 0x80000000) | (this.#at((index + 1) % 624) & 0x7fffffff)
      this.#state[index] = this.#at((index + 397) % 624) ^ (mixed >>> 1) ^ ((mixed & 1) === 1 ? 0x9908b0df : 0)
    }
    this.#index = 0
  }
}
