/** The HTTP interface of the simulated server: what the library declares, and what only recordings of servers contain. */
import { InvokeAiApi, Since } from "@effect-invokeai/core/server/InvokeAiClient"
import type * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as Schema from "effect/Schema"
import type { EndpointContext, Implementation } from "./routeSupport.ts"

const BoardImage = Schema.Struct({ board_id: Schema.String, image_name: Schema.String })

/** Routes that the library does not use, but recordings of real servers do. */
class RecordedApi extends HttpApiGroup.make("recorded").add(
  HttpApiEndpoint.post("mediaCookie", "/api/v1/auth/media-cookie", { success: Schema.Unknown })
    .annotate(Since, { since: "6.14", inputs: {} }),
  HttpApiEndpoint.patch("updateUser", "/api/v1/auth/users/:user_id", {
    params: { user_id: Schema.String },
    payload: Schema.Struct({
      display_name: Schema.optionalKey(Schema.NullOr(Schema.String)),
      password: Schema.optionalKey(Schema.NullOr(Schema.String)),
      is_admin: Schema.optionalKey(Schema.NullOr(Schema.Boolean)),
      is_active: Schema.optionalKey(Schema.NullOr(Schema.Boolean))
    }),
    success: Schema.Unknown
  }).annotate(Since, { since: "6.12", inputs: {} }),
  HttpApiEndpoint.post("addBoardImage", "/api/v1/board_images/", { payload: BoardImage, success: Schema.Unknown }),
  HttpApiEndpoint.delete("removeBoardImage", "/api/v1/board_images/", {
    payload: Schema.Struct({ image_name: Schema.String }),
    success: Schema.Unknown
  }),
  HttpApiEndpoint.get("modelByAttributes", "/api/v2/models/get_by_attrs", {
    query: { name: Schema.String, type: Schema.String, base: Schema.String },
    success: Schema.Unknown
  })
) {}

/** The interface that the simulator implements. */
export const SimulatorApi = InvokeAiApi.add(RecordedApi)

type Groups = typeof SimulatorApi extends HttpApi.HttpApi<string, infer Declared> ? Declared : never

type ContextOf<Endpoint> = EndpointContext<
  HttpApiEndpoint.Params<Endpoint>["Type"],
  HttpApiEndpoint.Query<Endpoint>["Type"],
  HttpApiEndpoint.Payload<Endpoint>["Type"]
>

/** An implementation for each endpoint of a group, by its identifier. */
export type Implementations<Group extends HttpApiGroup.Identifier<Groups>> = {
  readonly [
    Id in HttpApiEndpoint.Identifier<HttpApiGroup.Endpoints<HttpApiGroup.WithIdentifier<Groups, Group>>>
  ]: Implementation<
    ContextOf<
      HttpApiEndpoint.WithIdentifier<HttpApiGroup.Endpoints<HttpApiGroup.WithIdentifier<Groups, Group>>, Id>
    >
  >
}

/** An implementation for each endpoint of each group. */
export type ApiImplementations = { readonly [Group in HttpApiGroup.Identifier<Groups>]: Implementations<Group> }
