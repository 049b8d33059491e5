/** Loads the modules of Effect that a program which lists the inputs of a workflow needs, and does nothing with them. */
import { item, printStart } from "./report.ts"

await import("effect/Effect")
await import("effect/Schema")
await import("effect/Config")
await import("@effect/platform-node/NodeFileSystem")
if (item === "server-inputs") {
  await import("effect/http-api/HttpApiClient")
  await import("@effect/platform-node/NodeHttpClient")
}
printStart()
