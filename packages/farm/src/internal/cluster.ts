/**
 * Decides which of several processes feeds which server. Processes find each other in the database alone: they hold advisory
 * locks, and send each other nothing.
 */
import * as MessageStorage from "effect/cluster/MessageStorage"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import * as RunnerHealth from "effect/cluster/RunnerHealth"
import * as Runners from "effect/cluster/Runners"
import * as Sharding from "effect/cluster/Sharding"
import * as ShardingConfig from "effect/cluster/ShardingConfig"
import * as SqlRunnerStorage from "effect/cluster/SqlRunnerStorage"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { hostname } from "node:os"

/** This process as a member of the cluster. */
export const layer: Layer.Layer<Sharding.Sharding, SqlError, SqlClient.SqlClient> = Layer.suspend(() =>
  Sharding.layer.pipe(
    Layer.provide(Runners.layerNoop),
    Layer.provide([MessageStorage.layerNoop, RunnerHealth.layerNoop]),
    Layer.provide(SqlRunnerStorage.layerWith({ prefix: "farm_cluster" })),
    Layer.provide(ShardingConfig.layer({
      // a name: nothing connects to it
      runnerAddress: Option.some(RunnerAddress.make(`${hostname()}/${SecureRandom.uuidV4Unsafe()}`, process.pid)),
      // a farm has tens of servers; each shard is a lock to take and to release. Equal in all processes.
      shardsPerGroup: 60,
      refreshAssignmentsInterval: "1 second",
      shardLockRefreshInterval: "2 seconds",
      shardLockExpiration: "10 seconds"
    }))
  )
)

/** Joins the cluster until the scope closes. Returns what runs an effect in one process of it at a time. */
export const join = Effect.map(
  Layer.build(layer),
  (context) => (name: string, effect: Effect.Effect<never>) =>
    Context.get(context, Sharding.Sharding).registerSingleton(name, effect)
)
