/**
 * The models of the server.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { durationOption } from "../internal/options.ts"
import type { InvokeAiError } from "../InvokeAiError.ts"
import { AmbiguousName } from "./AmbiguousName.ts"
import type {
  BaseModelType,
  CacheStats,
  FoundModel,
  ModelConfig,
  ModelIdentifierField,
  ModelInstallJob,
  ModelRecordChanges,
  ModelType
} from "./api/ModelsApi.ts"
import { optional, orNotFound } from "./internal/notFound.ts"
import { defined } from "./internal/paging.ts"
import { InvokeAiClient } from "./InvokeAiClient.ts"

export { AmbiguousName } from "./AmbiguousName.ts"

/**
 * Which models a listing has.
 *
 * @since 0.1.0
 * @category models
 */
export interface ModelFilter {
  /** Only models for one of these base models. */
  readonly bases?: ReadonlyArray<BaseModelType> | undefined
  /** Only models of this type. */
  readonly type?: ModelType | undefined
  /** Only models with exactly this name. */
  readonly name?: string | undefined
  /** Only models of this file format, such as `"checkpoint"` or `"diffusers"`. */
  readonly format?: string | undefined
}

/**
 * How a model is installed.
 *
 * @since 0.1.0
 * @category models
 */
export interface ModelInstallOptions {
  /**
   * Whether a local file stays where it is instead of being moved to the models directory.
   *
   * @default false
   */
  readonly inplace?: boolean | undefined
  /** Access token for a protected download. */
  readonly accessToken?: Redacted.Redacted | undefined
  /** Fields of the new model's record, instead of those that the server detects. */
  readonly changes?: ModelRecordChanges | undefined
}

/**
 * The models of the server.
 *
 * **Details**
 *
 * Routes are below `/api/v2/models/`.
 *
 * @example
 * ```ts
 * import { Models } from "@effect-invokeai/core/server/Models"
 * import * as Effect from "effect/Effect"
 *
 * const names = Effect.gen(function*() {
 *   const models = yield* Models
 *   const loras = yield* models.list({ type: "lora" })
 *   return loras.map((model) => model.name)
 * })
 * ```
 *
 * **Example** (Find, change and delete models)
 *
 * ```ts
 * import { Models } from "@effect-invokeai/core/server/Models"
 * import * as Effect from "effect/Effect"
 * import * as Option from "effect/Option"
 *
 * export const keyOf = (name: string) =>
 *   Effect.gen(function*() {
 *     const models = yield* Models
 *     const model = yield* models.findByName(name, { type: "main" })
 *     return Option.map(model, ({ key }) => key)
 *   })
 *
 * export const describeModel = (key: string, description: string) =>
 *   Effect.gen(function*() {
 *     const models = yield* Models
 *     const { hash } = yield* models.update(key, { description })
 *     return { model: yield* models.get(key), sameFiles: yield* models.findByHash(hash) }
 *   })
 *
 * export const deleteModel = (key: string) =>
 *   Effect.gen(function*() {
 *     const models = yield* Models
 *     const model = yield* models.find(key)
 *     if (Option.isSome(model)) yield* models.delete(key)
 *   })
 *
 * export const notInstalled = (folder: string) =>
 *   Effect.gen(function*() {
 *     const models = yield* Models
 *     const found = yield* models.scanFolder(folder)
 *     return found.filter((model) => !model.is_installed).map((model) => model.path)
 *   })
 * ```
 *
 * **Example** (Install a model and wait for it)
 *
 * ```ts
 * import type { Services } from "@effect-invokeai/core/InvokeAi"
 * import { Models } from "@effect-invokeai/core/server/Models"
 * import * as Effect from "effect/Effect"
 * import type * as Layer from "effect/Layer"
 * import * as Stream from "effect/Stream"
 *
 * export const install = (server: Layer.Layer<Services>, source: string) =>
 *   Effect.gen(function*() {
 *     const models = yield* Models
 *     const { id } = yield* models.install(source, { changes: { description: "For posters" } })
 *     yield* models.follow(id, { interval: "500 millis" }).pipe(
 *       Stream.runForEach((job) => Effect.log(`${job.bytes ?? 0} of ${job.total_bytes ?? 0} bytes`)),
 *       Effect.timeout("1 hour"),
 *       Effect.onError(() => Effect.ignore(models.cancelInstall(id)))
 *     )
 *     return yield* models.installJob(id)
 *   }).pipe(Effect.provide(server))
 * ```
 *
 * @since 0.1.0
 * @category services
 */
export class Models extends Context.Service<Models, {
  /**
   * Reads all models that match.
   *
   * **Details** Route: `GET `.
   *
   * **Errors** `InvokeAiError` with the reason `Validation` for a type that the server does not know.
   */
  readonly list: (filter?: ModelFilter) => Effect.Effect<ReadonlyArray<ModelConfig>, InvokeAiError>
  /**
   * Reads a model by its key.
   *
   * **Details** Route: `GET i/{key}`.
   *
   * **Errors** `InvokeAiError` with the reason `NotFound` if there is no such model.
   */
  readonly get: (key: string) => Effect.Effect<ModelConfig, InvokeAiError>
  /** Reads a model by its key; `None` if there is no such model. Route: `GET i/{key}`. */
  readonly find: (key: string) => Effect.Effect<Option.Option<ModelConfig>, InvokeAiError>
  /**
   * Finds a model by its hash; `None` if there is no such model.
   *
   * **Details** Route: `GET get_by_hash` (InvokeAI 6.12 or later), or the list on older servers.
   */
  readonly findByHash: (hash: string) => Effect.Effect<Option.Option<ModelConfig>, InvokeAiError>
  /**
   * Finds a model by its exact name, and its base and type if provided; `None` if there is no such model.
   *
   * **Details** Reads the list, because `GET get_by_attrs` silently returns one of several.
   *
   * **Errors** `AmbiguousName` if several models match.
   */
  readonly findByName: (
    name: string,
    filter?: { readonly base?: BaseModelType | undefined; readonly type?: ModelType | undefined }
  ) => Effect.Effect<Option.Option<ModelConfig>, InvokeAiError | AmbiguousName>
  /** Reads the models whose files are missing. Route: `GET missing` (InvokeAI 6.12 or later). */
  readonly missing: Effect.Effect<ReadonlyArray<ModelConfig>, InvokeAiError>
  /** Changes the record of a model and returns it. Route: `PATCH i/{key}`. */
  readonly update: (key: string, changes: ModelRecordChanges) => Effect.Effect<ModelConfig, InvokeAiError>
  /** Lists the models in a folder of the server, and whether each is installed. Route: `GET scan_folder`. */
  readonly scanFolder: (path: string) => Effect.Effect<ReadonlyArray<FoundModel>, InvokeAiError>
  /**
   * Starts to install a model from a path on the server, a URL or a Hugging Face repository. Needs an admin.
   *
   * **Details** Returns immediately; `follow` waits for the end. Route: `POST install`.
   *
   * **Errors** `InvokeAiError` with the reason `Conflict` if the source has another type.
   */
  readonly install: (
    source: string,
    options?: ModelInstallOptions
  ) => Effect.Effect<ModelInstallJob, InvokeAiError>
  /**
   * Streams the states of an installation until it has ended.
   *
   * **Details** Reads the state every `interval` (default 1 second). An installation that fails ends the stream with
   * the status `error`; the stream itself does not fail.
   */
  readonly follow: (
    jobId: number,
    options?: { readonly interval?: Duration.Input | undefined }
  ) => Stream.Stream<ModelInstallJob, InvokeAiError>
  /** Reads the state of an installation. Route: `GET install/{id}`. */
  readonly installJob: (jobId: number) => Effect.Effect<ModelInstallJob, InvokeAiError>
  /** Reads the states of all installations. Route: `GET install`. */
  readonly installJobs: Effect.Effect<ReadonlyArray<ModelInstallJob>, InvokeAiError>
  /**
   * Cancels an installation.
   *
   * **Details** Route: `DELETE install/{id}`.
   *
   * **Errors** `InvokeAiError` with the reason `NotFound` if there is no such installation.
   */
  readonly cancelInstall: (jobId: number) => Effect.Effect<void, InvokeAiError>
  /** Removes installations that have ended from the list. Route: `DELETE install`. */
  readonly pruneInstalls: Effect.Effect<void, InvokeAiError>
  /**
   * Deletes a model, but keeps the files of a model that was installed in place. Requires an admin.
   *
   * **Details** Route: `DELETE i/{key}`. If the response is lost, checks whether the model still exists.
   */
  readonly delete: (key: string) => Effect.Effect<void, InvokeAiError>
  /** Reads the statistics of the model cache; `None` before the first model was loaded. Route: `GET stats`. */
  readonly stats: Effect.Effect<Option.Option<CacheStats>, InvokeAiError>
  /** Removes all models from the memory of the server. Route: `POST empty_model_cache`. */
  readonly emptyCache: Effect.Effect<void, InvokeAiError>
}>()("@effect-invokeai/core/server/Models") {
  /** The models of the client's server. */
  static readonly layer: Layer.Layer<Models, never, InvokeAiClient> = Layer.effect(
    Models,
    Effect.suspend(() => Effect.map(InvokeAiClient, make))
  )
}

/**
 * The reference to a model as workflows hold it.
 *
 * **Example** (Set the model of a workflow)
 *
 * ```ts
 * import { Models, toIdentifier } from "@effect-invokeai/core/server/Models"
 * import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
 * import * as Effect from "effect/Effect"
 *
 * export const withFirstModel = (workflow: Workflow.Workflow, systemName: string) =>
 *   Effect.gen(function*() {
 *     const models = yield* Models
 *     const [model] = yield* models.list({ bases: ["sd-1"], type: "main" })
 *     if (model === undefined) return workflow
 *     return yield* Workflow.setField(workflow, systemName, toIdentifier(model))
 *   })
 * ```
 *
 * @since 0.1.0
 * @category conversions
 */
export const toIdentifier = (model: ModelConfig): ModelIdentifierField => ({
  key: model.key,
  hash: model.hash,
  name: model.name,
  base: model.base,
  type: model.type
})

/**
 * Whether an installation has ended: `completed`, `error` or `cancelled`.
 *
 * **Example** (Cancel all running installations)
 *
 * ```ts
 * import { isInstallEnded, Models } from "@effect-invokeai/core/server/Models"
 * import * as Effect from "effect/Effect"
 *
 * export const cancelInstalls = Effect.gen(function*() {
 *   const models = yield* Models
 *   const running = (yield* models.installJobs).filter((job) => !isInstallEnded(job))
 *   yield* Effect.forEach(running, (job) => models.cancelInstall(job.id))
 * })
 * ```
 *
 * @since 0.1.0
 * @category predicates
 */
export const isInstallEnded = (job: ModelInstallJob): boolean =>
  job.status === "completed" || job.status === "error" || job.status === "cancelled"

const make = (client: InvokeAiClient["Service"]): Models["Service"] => {
  const { call } = client

  const list = Effect.fn("Models.list")((filter?: ModelFilter) =>
    Effect.map(
      call((api) =>
        api.models.list({
          query: defined({
            base_models: filter?.bases,
            model_type: filter?.type,
            model_name: filter?.name,
            model_format: filter?.format
          })
        })
      ),
      (result) => result.models
    )
  )
  const get = Effect.fn("Models.get")((key: string) => call((api) => api.models.get({ params: { key } })))
  const find = Effect.fn("Models.find")((key: string) => optional(get(key)))
  const installJob = Effect.fn("Models.installJob")((id: number) =>
    call((api) => api.models.installJob({ params: { id } }))
  )
  // some official servers lose the empty response of work they have done
  const verified = (attempt: Effect.Effect<void, InvokeAiError>, isDone: Effect.Effect<boolean, InvokeAiError>) =>
    attempt.pipe(
      Effect.catchIf(
        (error) => error.isAmbiguous,
        (error) => Effect.flatMap(isDone, (done) => done ? Effect.void : Effect.fail(error))
      )
    )

  return Models.of({
    list,
    get,
    find,
    findByHash: Effect.fn("Models.findByHash")((hash) =>
      Effect.flatMap(
        call((api) => api.models.getByHash({ query: { hash } })).pipe(
          Effect.asSome,
          Effect.catchIf(
            ({ reason }) => reason._tag === "NotFound" || reason._tag === "Unsupported",
            () => Effect.succeedNone
          )
        ),
        (found) =>
          Option.isSome(found)
            ? Effect.succeed(found)
            : Effect.map(list(), (models) => Option.fromNullishOr(models.find((model) => model.hash === hash)))
      )
    ),
    findByName: Effect.fn("Models.findByName")(function*(name, filter) {
      const found = (yield* list({ name })).filter((model) =>
        model.name === name &&
        (filter?.base === undefined || model.base === filter.base) &&
        (filter?.type === undefined || model.type === filter.type)
      )
      if (found.length > 1) {
        return yield* new AmbiguousName({
          kind: "model",
          requestedName: name,
          candidates: found.map((model) => ({ id: model.key, description: `${model.type}, ${model.base}` }))
        })
      }
      return Option.fromNullishOr(found[0])
    }),
    missing: call((api) => api.models.missing({})).pipe(
      Effect.map((result) => result.models),
      Effect.withSpan("Models.missing")
    ),
    update: Effect.fn("Models.update")((key, payload) =>
      call((api) => api.models.update({ params: { key }, payload }))
    ),
    scanFolder: Effect.fn("Models.scanFolder")((scan_path) =>
      call((api) => api.models.scanFolder({ query: { scan_path } }))
    ),
    install: Effect.fn("Models.install")((source, options) =>
      call((api) =>
        api.models.install({
          query: { source, ...defined({ inplace: options?.inplace, access_token: options?.accessToken }) },
          payload: options?.changes ?? {}
        })
      )
    ),
    follow: (jobId, options) =>
      Stream.paginate(0, (round) =>
        Effect.delay(
          Effect.map(
            installJob(jobId),
            (job) => [[job], isInstallEnded(job) ? Option.none<number>() : Option.some(round + 1)] as const
          ),
          round === 0 ? Duration.zero : durationOption("interval", options?.interval ?? "1 second")
        )).pipe(Stream.withSpan("Models.follow")),
    installJob,
    installJobs: call((api) => api.models.installJobs({})).pipe(Effect.withSpan("Models.installJobs")),
    cancelInstall: Effect.fn("Models.cancelInstall")((id) =>
      orNotFound(
        Effect.asVoid(call((api) => api.models.cancelInstallJob({ params: { id } }))),
        optional(installJob(id)),
        (error) => error.status === 415
      )
    ),
    pruneInstalls: verified(
      call((api) => api.models.pruneInstallJobs({})),
      Effect.map(call((api) => api.models.installJobs({})), (jobs) => !jobs.some(isInstallEnded))
    ).pipe(Effect.withSpan("Models.pruneInstalls")),
    delete: Effect.fn("Models.delete")((key) =>
      verified(call((api) => api.models.delete({ params: { key } })), Effect.map(find(key), Option.isNone))
    ),
    stats: call((api) => api.models.stats({})).pipe(
      Effect.map(Option.fromNullishOr),
      Effect.withSpan("Models.stats")
    ),
    emptyCache: call((api) => api.models.emptyModelCache({})).pipe(
      Effect.asVoid,
      Effect.withSpan("Models.emptyCache")
    )
  })
}
