/**
 * The whole client for the server under test, as programs use it, with a note of every call.
 */
import * as InvokeAi from "@effect-invokeai/core/InvokeAi"
import { EventTransport } from "@effect-invokeai/core/server/EventTransport"
import * as NodeImageCodec from "@effect-invokeai/node/ImageCodec"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Support from "./Support.ts"

/** All services, as one of the server's accounts or, on a single-user server, without an account. */
export const client = (account?: (typeof Support.accounts)[number], tracking?: InvokeAi.Options["tracking"]) =>
  Layer.mergeAll(
    InvokeAi.layer({
      url: Support.url,
      tracking,
      email: account?.email,
      password: account === undefined ? undefined : Redacted.make(account.password)
    }).pipe(Layer.provide([Support.httpClient, EventTransport.layerSocketIo])),
    NodeImageCodec.layer,
    Support.tracer
  ).pipe(Layer.provideMerge(NodeServices.layer))

/** Everything that `client` gives. */
export type ClientServices = Layer.Success<ReturnType<typeof client>>
