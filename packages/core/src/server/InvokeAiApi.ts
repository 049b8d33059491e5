/**
 * The one declaration of the server's HTTP interface. The client is derived from it, and the simulator implements it.
 *
 * @since 0.1.0
 */
import * as HttpApi from "effect/http-api/HttpApi"
import { AppApi } from "./api/AppApi.ts"
import { AuthApi } from "./api/AuthApi.ts"
import { BoardImagesApi, BoardsApi } from "./api/BoardsApi.ts"
import { ImagesApi } from "./api/ImagesApi.ts"
import { ModelsApi } from "./api/ModelsApi.ts"
import { StylePresetsApi, SystemPromptsApi, UtilitiesApi } from "./api/PromptsApi.ts"
import { QueueApi } from "./api/QueueApi.ts"
import { VideosApi } from "./api/VideosApi.ts"
import { WorkflowsApi } from "./api/WorkflowsApi.ts"

export { type Availability, Since } from "./api/Since.ts"

/**
 * The routes of InvokeAI that the library uses, with the schemas of their parameters, bodies and responses.
 *
 * **When to use**
 *
 * To implement a server that speaks InvokeAI's protocol, or to reach a route for which no service has a method (through
 * `InvokeAiClient.call`).
 *
 * **Details**
 *
 * Success responses are declared; error responses are not, because their shape does not depend on the route. A handler
 * returns errors as an `HttpServerResponse`. Multipart bodies are declared as streams: the client passes a `FormData`,
 * a handler gets the parts as they arrive.
 *
 * @since 0.1.0
 * @category api
 */
export class InvokeAiApi extends HttpApi.make("invokeai")
  .add(AppApi)
  .add(AuthApi)
  .add(QueueApi)
  .add(ImagesApi)
  .add(BoardsApi)
  .add(BoardImagesApi)
  .add(ModelsApi)
  .add(WorkflowsApi)
  .add(UtilitiesApi)
  .add(StylePresetsApi)
  .add(SystemPromptsApi)
  .add(VideosApi)
{}
