import { Auth } from "@effect-invokeai/core/server/Auth"
import { Boards } from "@effect-invokeai/core/server/Boards"
import { Images } from "@effect-invokeai/core/server/Images"
import { InvokeAiClient } from "@effect-invokeai/core/server/InvokeAiClient"
import { Models } from "@effect-invokeai/core/server/Models"
import { StylePresets, SystemPrompts, Utilities } from "@effect-invokeai/core/server/Prompts"
import { ServerInfo } from "@effect-invokeai/core/server/ServerInfo"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import { Videos } from "@effect-invokeai/core/server/Videos"
import { WorkflowLibrary } from "@effect-invokeai/core/server/WorkflowLibrary"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Support from "../Support.ts"
import { boardsSuite } from "./Boards.ts"
import { imagesSuite } from "./Images.ts"
import { modelsSuite } from "./Models.ts"
import { promptsSuite } from "./Prompts.ts"
import { queueSuite } from "./Queue.ts"
import { serverInfoSuite } from "./ServerInfo.ts"
import { videosSuite } from "./Videos.ts"
import { workflowLibrarySuite } from "./WorkflowLibrary.ts"

/** All services of the server under test, as one of its accounts or, on a single-user server, without an account. */
export const services = (account?: (typeof Support.accounts)[number]) => {
  const layer = Layer.mergeAll(
    Auth.layer,
    Boards.layer,
    Images.layer,
    Models.layer,
    SessionQueue.layer,
    ServerInfo.layer,
    StylePresets.layer,
    SystemPrompts.layer,
    Utilities.layer,
    Videos.layer,
    WorkflowLibrary.layer
  ).pipe(
    Layer.provideMerge(InvokeAiClient.layer({
      url: Support.url,
      email: account?.email,
      password: account === undefined ? undefined : Redacted.make(account.password)
    })),
    Layer.provide(Support.httpClient)
  )
  // Two accounts in one program must not share services.
  return Layer.suspend(() => Layer.fresh(layer))
}

/** Every method of every service. */
export const servicesSuite = (
  who: string,
  layer: ReturnType<typeof services>,
  options: { readonly admin: boolean }
): void => {
  serverInfoSuite(who, layer, options)
  modelsSuite(who, layer, options)
  boardsSuite(who, layer)
  imagesSuite(who, layer, options)
  videosSuite(who, layer)
  promptsSuite(who, layer, options)
  workflowLibrarySuite(who, layer)
  queueSuite(who, layer, options)
}
