/**
 * Values in memory that any number of subscribers observe, each at its own pace.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/** Wakes everybody who waits, now. @internal */
export class Signal {
  private waiting = new Set<() => void>()

  readonly wait: Effect.Effect<void> = Effect.callback<void>((resume) => {
    const wake = () => resume(Effect.void)
    this.waiting.add(wake)
    return Effect.sync(() => this.waiting.delete(wake))
  })

  notify(): void {
    const woken = this.waiting
    this.waiting = new Set()
    for (const wake of woken) wake()
  }
}

/**
 * A value that changes. Readers see the newest value and may miss values between.
 *
 * @category models
 * @since 0.1.0
 */
export class ObservableValue<A> {
  private readonly signal = new Signal()
  private version = 0
  private ended = false
  private value: A

  constructor(value: A) {
    this.value = value
  }

  get current(): A {
    return this.value
  }

  /** Changes the value. Readers see it when they are notified. */
  set(value: A): void {
    this.value = value
    this.version++
  }

  notify(): void {
    this.signal.notify()
  }

  end(): void {
    this.ended = true
    this.signal.notify()
  }

  /** The present value, then the newest one after each change; ends after the last. */
  readonly stream: Stream.Stream<A> = Stream.fromPull(Effect.sync(() => {
    let seen = -1
    const pull: Effect.Effect<readonly [A], Cause.Done> = Effect.suspend(() => {
      if (seen !== this.version) {
        seen = this.version
        return Effect.succeed([this.value] as const)
      }
      return this.ended ? Effect.fail(Cause.Done()) : Effect.andThen(this.signal.wait, pull)
    })
    return pull
  }))
}

/**
 * A list that only grows, read from its beginning by any number of subscribers.
 *
 * @category models
 * @since 0.1.0
 */
export class ReplayList<A> {
  private readonly signal = new Signal()
  private readonly items: Array<A> = []
  private ended = false

  get current(): ReadonlyArray<A> {
    return this.items
  }

  push(item: A): void {
    this.items.push(item)
    this.signal.notify()
  }

  end(): void {
    this.ended = true
    this.signal.notify()
  }

  readonly stream: Stream.Stream<A> = Stream.fromPull(Effect.sync(() => {
    let next = 0
    const pull: Effect.Effect<readonly [A, ...Array<A>], Cause.Done> = Effect.suspend(() => {
      const [first, ...rest] = this.items.slice(next)
      if (first !== undefined) {
        next = this.items.length
        return Effect.succeed([first, ...rest] as const)
      }
      return this.ended ? Effect.fail(Cause.Done()) : Effect.andThen(this.signal.wait, pull)
    })
    return pull
  }))
}
