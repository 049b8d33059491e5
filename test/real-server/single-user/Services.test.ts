import { Boards } from "@effect-invokeai/core/server/Boards"
import { Images } from "@effect-invokeai/core/server/Images"
import { InvokeAiClient } from "@effect-invokeai/core/server/InvokeAiClient"
import { Queue } from "@effect-invokeai/core/server/Queue"
import * as Layer from "effect/Layer"
import { boardsSuite } from "../suites/Boards.ts"
import { imagesSuite } from "../suites/Images.ts"
import { queueSuite } from "../suites/Queue.ts"
import * as Support from "../Support.ts"

const services = Layer.mergeAll(Boards.layer, Images.layer, Queue.layer).pipe(
  Layer.provide(InvokeAiClient.layer({ url: Support.url })),
  Layer.provide(Support.httpClient)
)

boardsSuite("the only user", services)
imagesSuite("the only user", services, { admin: true })
queueSuite("the only user", services, { admin: true })
