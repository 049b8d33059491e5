/** Farms on SQLite with simulated servers in memory. */
import * as AssetLedger from "@effect-invokeai/core/assets/AssetLedger"
import { Farm, type FarmOptions } from "@effect-invokeai/farm/Farm"
import * as FarmStore from "@effect-invokeai/farm/FarmStore"
import * as NodeImageCodec from "@effect-invokeai/node/ImageCodec"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import { Simulator } from "@effect-invokeai/testing/Simulator"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import { client } from "../simulatedClient.ts"

export const photo = new URL("../../examples/mountain.png", import.meta.url).pathname
/** Inputs: `photo`, `width`, `softness`. */
export const thumbnail = new URL("../../examples/soft-thumbnail.json", import.meta.url).pathname

/** Inputs: a prompt; needs a model. */
export const withModel = new URL("../fixtures/workflows/sd1-text-to-image.json", import.meta.url).pathname
export const textOnly = new URL("../fixtures/workflows/text-only.json", import.meta.url).pathname

/** Simulated servers, by URL. */
export type Servers = Readonly<Record<string, InvokeAiTest.InvokeAiTestOptions>>

/** What a test has. */
export interface Stage {
  /** A directory that is removed at the end. */
  readonly directory: string
  /** The simulator behind a URL. */
  readonly simulator: (url: string) => Simulator["Service"]
  /** A farm in the store of this test; each call is another process. */
  readonly farm: (options?: Partial<FarmOptions>) => Layer.Layer<Farm>
}

/** Starts simulated servers. */
export const stage = Effect.fnUntraced(function*(servers: Servers) {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* fs.makeTempDirectoryScoped()
  const simulators = new Map<string, Context.Context<Simulator>>()
  for (const [url, options] of Object.entries(servers)) {
    simulators.set(url, yield* Layer.build(Layer.fresh(Simulator.layer(options))))
  }
  const simulatorOf = (url: string) => {
    const found = simulators.get(url)
    if (found === undefined) throw new Error(`no server ${url}`)
    return found
  }
  const made: Stage = {
    directory,
    simulator: (url) => Context.get(simulatorOf(url), Simulator),
    farm: (options = {}) =>
      Farm.layer({
        servers: Object.keys(servers).map((url) => ({ url })),
        store: FarmStore.sqlite({ filename: `${directory}/farm.db` }),
        directory: `${directory}/out`,
        connect: (url) =>
          Layer.mergeAll(client(servers[url]?.client), NodeImageCodec.layer, NodeServices.layer).pipe(
            Layer.provide(Layer.succeedContext(simulatorOf(url)))
          ),
        ...options
      }).pipe(Layer.orDie)
  }
  return made
})

/** Runs items until the run is finished. */
export const finish = (run: string) => Farm.use((farm) => Effect.raceFirst(farm.await(run), farm.work))

/** The database of a stage, beside the farm. */
export const databaseOf = (directory: string) => FarmStore.sqlite({ filename: `${directory}/farm.db` }).sql

/** Records that a killed worker uploaded an image for a batch. */
export const recordUpload = (directory: string, imageName: string, batchId: string) =>
  Effect.gen(function*() {
    const ledger = yield* AssetLedger.AssetLedger
    yield* ledger.set({
      id: "killed",
      server: new URL(InvokeAiTest.url).href,
      image_name: imageName,
      board_id: null,
      starred: false,
      batch_id: batchId,
      recorded_at: yield* Clock.currentTimeMillis
    })
  }).pipe(Effect.provide(AssetLedger.layerSql({ table: "farm_uploads" }).pipe(Layer.provide(databaseOf(directory)))))
