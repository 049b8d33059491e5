import { Boards } from "@effect-invokeai/core/server/Boards"
import { Images } from "@effect-invokeai/core/server/Images"
import { InvokeAiClient } from "@effect-invokeai/core/server/InvokeAiClient"
import { Queue } from "@effect-invokeai/core/server/Queue"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { boardsSuite } from "../suites/Boards.ts"
import { imagesSuite } from "../suites/Images.ts"
import { queueSuite } from "../suites/Queue.ts"
import * as Support from "../Support.ts"

const { email, password } = Support.accounts[1]!

const services = Layer.mergeAll(Boards.layer, Images.layer, Queue.layer).pipe(
  Layer.provide(InvokeAiClient.layer({ url: Support.url, email, password: Redacted.make(password) })),
  Layer.provide(Support.httpClient)
)

boardsSuite("a user", services)
imagesSuite("a user", services, { admin: false })
queueSuite("a user", services, { admin: false })
