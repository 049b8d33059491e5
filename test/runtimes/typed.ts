/** The same with a module that the packed command generated. */
import { NodeInvokeAi } from "@effect-invokeai/node"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import type * as Thumbnail from "../cli/generated/effect/soft-thumbnail.ts"

const program = Effect.gen(function*() {
  const examples = yield* Config.String("EXAMPLES")
  const module = new URL("typed/soft-thumbnail.ts", import.meta.url).href
  const SoftThumbnail: typeof Thumbnail = yield* Effect.promise(() => import(module))
  const { outputs } = yield* SoftThumbnail.run({ photo: `${examples}/mountain.png`, width: 320 })
  if (outputs.image?.width !== 320) return yield* Effect.die("the image has another size")
  const error = yield* Effect.flip(SoftThumbnail.run({ photo: "a.png" }, {
    workflow: `${examples}/flux-image-to-image.json`
  }))
  if (error._tag !== "WorkflowChanged") return yield* Effect.die("another workflow was accepted")
})

program.pipe(Effect.provide(NodeInvokeAi.layerConfig()), NodeRuntime.runMain)
