/**
 * The identity of a Node process, by which locks and temporary files tell whether the process that made them still runs.
 *
 * @since 0.1.0
 */
import {
  type Liveness,
  type ProcessId,
  ProcessIdentity as CoreProcessIdentity
} from "@effect-invokeai/core/job/JobJournal"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { createHash } from "node:crypto"
import * as Fs from "node:fs"
import * as Os from "node:os"
import { unrefTimer } from "./internal/unrefTimer.ts"

const hash = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 16)

const attempt = <A>(read: () => A): Option.Option<A> => Result.getSuccess(Result.try(read))

/** The state and the start time of a Linux process, from `/proc`. The name before them may contain anything. */
const readStat = (pid: number): Option.Option<{ readonly state: string; readonly started: string }> =>
  Option.flatMap(attempt(() => Fs.readFileSync(`/proc/${pid}/stat`, "latin1")), (text) => {
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ")
    const [state] = fields
    const started = fields[19]
    return state === undefined || started === undefined ? Option.none() : Option.some({ state, started })
  })

/** Within which pids are unique: a boot and a container on Linux, a host elsewhere. */
const machineId = (): string =>
  hash(Option.getOrElse(
    attempt(() => Fs.readFileSync("/proc/sys/kernel/random/boot_id", "latin1") + Fs.readlinkSync("/proc/self/ns/pid")),
    () => `${process.platform} ${Os.hostname()}`
  ))

/** Whether there is a process with a pid: false only if that is certain. */
const exists = (pid: number): boolean =>
  Result.match(Result.try(() => process.kill(pid, 0)), {
    onSuccess: () => true,
    onFailure: (error) => !(error instanceof Error && "code" in error && error.code === "ESRCH")
  })

const sleep = (millis: number): Effect.Effect<void> =>
  Effect.callback<void>((resume) => Effect.sync(unrefTimer(() => resume(Effect.void), millis)))

const make = Effect.sync(() => {
  let known: ProcessId | undefined
  const identify = (): ProcessId => ({
    host: Os.hostname(),
    machine: machineId(),
    pid: process.pid,
    started: Option.match(readStat(process.pid), {
      onNone: () => Math.round(performance.timeOrigin).toString(36),
      onSome: ({ started }) => started
    })
  })
  // read on use: most programs have no journal and no ledger
  const own = () => (known ??= identify())
  const livenessOf = ({ machine, pid, started }: Omit<ProcessId, "host">): Liveness => {
    const self = own()
    if (machine !== self.machine || pid < 1) return "unknown"
    if (pid === self.pid) return started === self.started ? "alive" : "dead"
    if (!exists(pid)) return "dead"
    return Option.match(readStat(pid), {
      onNone: () => "unknown",
      onSome: (stat) => stat.started !== started || stat.state === "Z" || stat.state === "X" ? "dead" : "alive"
    })
  }
  return {
    get self() {
      return own()
    },
    sleep,
    liveness: (id: Omit<ProcessId, "host">) => Effect.sync(() => livenessOf(id))
  }
})

/**
 * Identifies this process, and checks other processes on the same machine.
 *
 * **Details**
 *
 * `NodeInvokeAi.layer` provides it; provide it yourself if you use `JobJournal.layerDirectory`, `AssetLedger.layerFile` or
 * `Downloads` without that layer. On Linux, a process is identified by its pid, its start time, the boot and the container. On
 * other systems, a process with the same pid on the same host may be another one, which is then `unknown`.
 *
 * **Gotchas**
 *
 * On macOS and Windows, hosts that share a directory must have different names.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<never> = Layer.effect(CoreProcessIdentity, make)
