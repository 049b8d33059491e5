/**
 * Identifies this process, and checks whether another one is still running.
 *
 * **Details**
 *
 * Temporary files and locks carry the identity of the process that made them, so that a later process can delete those
 * of processes that were killed. On Node, `NodeInvokeAi.layer` provides it.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/**
 * A process.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProcessId {
  /** The host name of the machine or container, for messages. */
  readonly host: string
  /**
   * The scope in which pids are unique, as lowercase letters and digits. It differs between containers on one machine.
   */
  readonly machine: string
  /** The process id. */
  readonly pid: number
  /**
   * When the process started, as lowercase letters and digits in any unit. It distinguishes processes that had the same
   * pid one after the other.
   */
  readonly started: string
}

/**
 * Whether a process runs: `unknown` if this process cannot tell, for example because the other one runs in another
 * container or on another machine.
 *
 * @category models
 * @since 0.1.0
 */
export type Liveness = "alive" | "dead" | "unknown"

/**
 * Identifies this process, and checks others.
 *
 * **Details**
 *
 * - `self`: this process, or `undefined` if it cannot be identified. This is the default.
 * - `liveness`: whether a process runs. It must report `dead` only if that is certain.
 * - `sleep`: waits for a number of milliseconds without keeping the process alive. Default: `Effect.sleep`.
 *
 * @category references
 * @since 0.1.0
 */
export const ProcessIdentity = Context.Reference<{
  readonly self: ProcessId | undefined
  readonly liveness: (process: Omit<ProcessId, "host">) => Effect.Effect<Liveness>
  readonly sleep?: ((millis: number) => Effect.Effect<void>) | undefined
}>("@effect-invokeai/core/files/ProcessIdentity", {
  defaultValue: () => ({ self: undefined, liveness: () => Effect.succeed("unknown") })
})
