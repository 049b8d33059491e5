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
import { optional, orNotFound } from "./internal/missing.ts"
import { defined } from "./internal/paging.ts"
import { InvokeAiClient } from "./InvokeAiClient.ts"
import type { InvokeAiError } from "./InvokeAiError.ts"

/**
 * Which models a listing has.
 *
 * @since 0.1.0
 * @category models
 */
export interface ModelFilter {
  readonly bases?: ReadonlyArray<BaseModelType> | undefined
  readonly type?: ModelType | undefined
  readonly name?: string | undefined
  readonly format?: string | undefined
}

/**
 * How a model is installed.
 *
 * `inplace` leaves a local file where it is. `accessToken` is for protected downloads. `changes` are set in the record.
 *
 * @since 0.1.0
 * @category models
 */
export interface ModelInstallOptions {
  readonly inplace?: boolean | undefined
  readonly accessToken?: Redacted.Redacted | undefined
  readonly changes?: ModelRecordChanges | undefined
}

/**
 * The models of the server.
 *
 * **Details**
 *
 * Routes are below `/api/v2/models/`.
 *
 * - `list`: `GET `. A type that the server does not know is a `Validation` error.
 * - `get`: `GET i/{key}`. `find` gives `None` for a missing one.
 * - `findByHash`: `GET get_by_hash`, or the list where that route is missing (before 6.13).
 * - `findByName`: a model by its exact name, and its base and type where given; several are an `AmbiguousName`. It reads
 *   the list, because `GET get_by_attrs` picks one of several without a word.
 * - `missing`: `GET missing` (6.13), models whose files are gone.
 * - `update`: `PATCH i/{key}`. `scanFolder`: `GET scan_folder`.
 * - `install`: `POST install` (admin), for a path on the server, a URL or a Hugging Face repository; `Conflict` for a
 *   source that is none of these. `follow`: the states of an installation until it has ended, read once a second.
 *   `installJob`, `installJobs`, `cancelInstall`, `pruneInstalls`: the routes below `install`.
 * - `delete`: `DELETE i/{key}` (admin), with a look whether it is gone where the answer does not say it. Files of models
 *   that were installed in place stay.
 * - `stats`, `emptyCache`: `GET stats`, `POST empty_model_cache`.
 *
 * @since 0.1.0
 * @category services
 */
export class Models extends Context.Service<Models, {
  readonly list: (filter?: ModelFilter) => Effect.Effect<ReadonlyArray<ModelConfig>, InvokeAiError>
  readonly get: (key: string) => Effect.Effect<ModelConfig, InvokeAiError>
  readonly find: (key: string) => Effect.Effect<Option.Option<ModelConfig>, InvokeAiError>
  readonly findByHash: (hash: string) => Effect.Effect<Option.Option<ModelConfig>, InvokeAiError>
  readonly findByName: (
    name: string,
    filter?: { readonly base?: BaseModelType | undefined; readonly type?: ModelType | undefined }
  ) => Effect.Effect<Option.Option<ModelConfig>, InvokeAiError | AmbiguousName>
  readonly missing: Effect.Effect<ReadonlyArray<ModelConfig>, InvokeAiError>
  readonly update: (key: string, changes: ModelRecordChanges) => Effect.Effect<ModelConfig, InvokeAiError>
  readonly scanFolder: (path: string) => Effect.Effect<ReadonlyArray<FoundModel>, InvokeAiError>
  readonly install: (
    source: string,
    options?: ModelInstallOptions
  ) => Effect.Effect<ModelInstallJob, InvokeAiError>
  readonly follow: (
    jobId: number,
    options?: { readonly interval?: Duration.Input | undefined }
  ) => Stream.Stream<ModelInstallJob, InvokeAiError>
  readonly installJob: (jobId: number) => Effect.Effect<ModelInstallJob, InvokeAiError>
  readonly installJobs: Effect.Effect<ReadonlyArray<ModelInstallJob>, InvokeAiError>
  readonly cancelInstall: (jobId: number) => Effect.Effect<void, InvokeAiError>
  readonly pruneInstalls: Effect.Effect<void, InvokeAiError>
  readonly delete: (key: string) => Effect.Effect<void, InvokeAiError>
  readonly stats: Effect.Effect<Option.Option<CacheStats>, InvokeAiError>
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
  // some official servers lose the empty answer of work they have done
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
          Effect.catchIf((error) => error.isUnknownRoute, () => Effect.succeedNone)
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
