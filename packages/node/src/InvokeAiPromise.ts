/**
 * The client for programs without Effect: promises, `for await` and `await using`.
 *
 * **Details**
 *
 * This is a thin layer over the same code: a job is submitted exactly once, followed over lost connections, canceled when
 * it is closed before its end, and uploads are deleted when the client is closed. What fails rejects (or throws) with the
 * same tagged errors, told apart by `_tag`; each has a message for people. `client.run` runs any effect of the library.
 *
 * **Example** (From a file to images)
 *
 * ```ts
 * import * as InvokeAi from "@effect-invokeai/node/InvokeAiPromise"
 *
 * export const main = async () => {
 *   await using client = await InvokeAi.connect({ url: "http://127.0.0.1:9090" })
 *   const workflow = await client.workflow("image-to-image.json")
 *   const photo = await client.uploadFile("mountain.jpg")
 *   const ready = workflow.set({ prompt: "A serene mountain landscape", image: photo, num_steps: 30 })
 *   await using job = await client.submit(ready)
 *   for await (const event of job.events) {
 *     if (event._tag === "InvocationProgress") console.log(event.message, event.percentage)
 *   }
 *   const { files } = await client.download(await job.outputs(), { directory: "outputs" })
 *   return files.map((file) => file.path)
 * }
 * ```
 *
 * @since 0.1.0
 */
import * as Assets from "@effect-invokeai/core/assets/Assets"
import type { DownloadResult, FormatOptions, OutputsOptions } from "@effect-invokeai/core/assets/DownloadOptions"
import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import * as EffectJob from "@effect-invokeai/core/job/Job"
import type { JobEvent } from "@effect-invokeai/core/job/JobEvent"
import type { JobResult, JobTiming, SessionQueueItem } from "@effect-invokeai/core/job/JobResult"
import type { JobState } from "@effect-invokeai/core/job/JobState"
import type { InkOutput, WorkflowOutput } from "@effect-invokeai/core/job/Outputs"
import type { EnqueueBatchResult } from "@effect-invokeai/core/job/Submission"
import { ServerInfo } from "@effect-invokeai/core/server/ServerInfo"
import type { InkWorkflowInput } from "@effect-invokeai/core/workflow/InkWorkflowInput"
import * as EffectWorkflow from "@effect-invokeai/core/workflow/Workflow"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { fileURLToPath } from "node:url"
import * as NodeInvokeAi from "./NodeInvokeAi.ts"

/**
 * How the client reaches its server. What is missing is read from the environment: `INVOKEAI_URL`, `INVOKEAI_TOKEN`, … as
 * `NodeInvokeAi.layerConfig` does.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectOptions extends Omit<NodeInvokeAi.Options, "token" | "password"> {
  readonly token?: string | undefined
  readonly password?: string | undefined
}

/**
 * A call that can be given up: the promise rejects, and what was begun is undone.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined
}

/**
 * A workflow. Immutable: `set` and the others give a new one.
 *
 * **Details**
 *
 * - `value`: the workflow as the rest of the library knows it, for everything that is not here.
 * - `inputs`: the inputs of its form.
 * - `set`: other values by user name, system name or index. Throws `InputNotFound`, `AmbiguousInputName` or
 *   `InvalidInputValue`.
 * - `setField`: another value for any field, by system name (`{node id}.{field}`).
 * - `missing`: system names of inputs that need a value.
 * - `check`: checks it against the server, as submitting does first. Rejects with `WorkflowNotReady`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Workflow {
  readonly value: EffectWorkflow.Workflow
  readonly inputs: ReadonlyArray<InkWorkflowInput>
  readonly set: (values: EffectWorkflow.InputValues) => Workflow
  readonly setField: (systemName: string, value: unknown) => Workflow
  readonly missing: () => ReadonlyArray<string>
  readonly check: (options?: CallOptions) => Promise<Workflow>
}

/**
 * A job on the server.
 *
 * **Details**
 *
 * - `events`: everything that happens, from the first event on for every reader. Ends with the job and never fails.
 * - `outputStream`: each output as its node finishes.
 * - `result`: waits for the end. Rejects with `JobFailed`, `JobCanceled`, `JobLost`, `JobTimeout`, … The timeout is in
 *   milliseconds or a text such as `"10 minutes"`.
 * - `outputs`: the outputs, once the job has ended; otherwise as `result`.
 * - `cancel`: cancels what has not ended, and waits until the server has done it.
 * - `detach`: from now on closing leaves the job alone.
 * - `close`, also by `await using`: cancels a job that has not ended, and deletes the images of one that failed or was
 *   canceled, unless `onInterrupt` and `keepOutputs` say otherwise. Closing the client closes its jobs.
 *
 * @category models
 * @since 0.1.0
 */
export interface Job extends AsyncDisposable {
  readonly batchId: string
  readonly enqueued: EnqueueBatchResult | null
  readonly events: AsyncIterable<JobEvent>
  readonly outputStream: AsyncIterable<InkOutput>
  readonly state: () => JobState
  readonly items: () => ReadonlyArray<SessionQueueItem>
  readonly timing: () => JobTiming
  readonly result: (
    options?: CallOptions & {
      readonly timeout?: Duration.Input | undefined
      readonly onTimeout?: "cancel" | "detach" | undefined
    }
  ) => Promise<JobResult>
  readonly outputs: (options?: CallOptions) => Promise<WorkflowOutput>
  readonly cancel: () => Promise<EffectJob.CancelResult>
  readonly detach: () => void
  readonly close: () => Promise<void>
}

/**
 * A client of one server.
 *
 * **Details**
 *
 * - `version`: the server's version.
 * - `workflow`: a workflow from a file (path or `file:` URL), or from the JSON value of one.
 * - `uploadFile`, `uploadBytes`: an image for an input. It is deleted when the client is closed.
 * - `submit`, `attach`, `submitAll`: as in `Job` of the library. `submitAll` gives outcomes in the order in which they come.
 * - `download`: writes the images of a job to a folder. `image`: one image in memory.
 * - `run`: runs any effect with the client's services; what it acquires is released when the client is closed.
 * - `close`, also by `await using`: closes all jobs, deletes all uploads and closes the connections.
 *
 * @category models
 * @since 0.1.0
 */
export interface Client extends AsyncDisposable {
  readonly version: (options?: CallOptions) => Promise<string>
  readonly workflow: (source: string | URL | object, options?: CallOptions) => Promise<Workflow>
  readonly uploadFile: (path: string, options?: Assets.UploadFileOptions & CallOptions) => Promise<Assets.Asset>
  readonly uploadBytes: (
    data: Uint8Array | Blob,
    options?: Assets.UploadOptions & { readonly name?: string | undefined } & CallOptions
  ) => Promise<Assets.Asset>
  readonly submit: (workflow: Workflow, options?: EffectJob.SubmitOptions & CallOptions) => Promise<Job>
  readonly submitAll: (
    workflows: Iterable<Workflow>,
    options?: EffectJob.SubmitOptions & { readonly concurrency?: number | undefined }
  ) => AsyncIterable<EffectJob.Outcome>
  readonly attach: (batchId: string, options?: EffectJob.AttachOptions & CallOptions) => Promise<Job>
  readonly download: (outputs: WorkflowOutput, options: OutputsOptions & CallOptions) => Promise<DownloadResult>
  readonly image: (image: Downloads.ImageReference, options?: FormatOptions & CallOptions) => Promise<Uint8Array>
  readonly run: <A, E>(
    effect: Effect.Effect<A, E, NodeInvokeAi.Services | Scope.Scope>,
    options?: CallOptions
  ) => Promise<A>
  readonly close: () => Promise<void>
}

type Run = Client["run"]

const runOptions = (options: CallOptions | undefined): Effect.RunOptions =>
  options?.signal === undefined ? {} : { signal: options.signal }

/** Calls a function at most once, and gives its result to all that ask. */
const once = <A>(f: () => A): () => A => {
  let result: { readonly value: A } | undefined
  return () => (result ??= { value: f() }).value
}

const makeWorkflow = (run: Run, value: EffectWorkflow.Workflow): Workflow => ({
  value,
  inputs: value.inputs,
  set: (values) => makeWorkflow(run, Effect.runSync(EffectWorkflow.setInputs(value, values))),
  setField: (name, field) => makeWorkflow(run, Effect.runSync(EffectWorkflow.setField(value, name, field))),
  missing: () => EffectWorkflow.missingRequiredInputs(value),
  check: (options) => run(Effect.map(EffectWorkflow.check(value), (checked) => makeWorkflow(run, checked)), options)
})

const makeJob = (run: Run, job: EffectJob.Job, scope: Scope.Closeable): Job => {
  const result: Job["result"] = (options) => run(EffectJob.await(job, options ?? {}), options)
  const close = once(() => run(Scope.close(scope, Exit.void)))
  return {
    batchId: job.batchId,
    enqueued: job.enqueued,
    events: Stream.toAsyncIterable(job.events),
    outputStream: Stream.toAsyncIterable(job.outputStream),
    state: () => Effect.runSync(job.state),
    items: () => Effect.runSync(job.items),
    timing: () => Effect.runSync(job.timing),
    result,
    outputs: (options) => run(Effect.map(job.await, ({ outputs }) => outputs), options),
    cancel: () => run(job.cancel),
    detach: () => Effect.runSync(job.detach),
    close,
    [Symbol.asyncDispose]: close
  }
}

const makeClient = (runtime: ManagedRuntime.ManagedRuntime<NodeInvokeAi.Services, unknown>): Client => {
  const scope = Scope.makeUnsafe()
  const run: Run = (effect, options) =>
    runtime.runPromise(Effect.provideService(effect, Scope.Scope, scope), runOptions(options))
  // What is given up half way closes its scope; what is done keeps it until it is closed.
  const inOwnScope = <E>(
    make: Effect.Effect<EffectJob.Job, E, NodeInvokeAi.Services | Scope.Scope>,
    options: CallOptions | undefined
  ): Promise<Job> =>
    run(
      Effect.uninterruptibleMask((restore) =>
        Effect.gen(function*() {
          const own = yield* Scope.fork(scope)
          const job = yield* restore(Scope.provide(make, own)).pipe(
            Effect.onError((cause) => Scope.close(own, Exit.failCause(cause)))
          )
          return makeJob(run, job, own)
        })
      ),
      options
    )
  const close = once(() => Effect.runPromise(Effect.ensuring(Scope.close(scope, Exit.void), runtime.disposeEffect)))
  return {
    version: (options) => run(Effect.flatMap(ServerInfo, (info) => info.version), options),
    workflow: (source, options) =>
      run(
        Effect.map(
          typeof source === "string"
            ? EffectWorkflow.fromFile(source)
            : source instanceof URL
            ? EffectWorkflow.fromFile(fileURLToPath(source))
            : EffectWorkflow.fromJson(source),
          (value) => makeWorkflow(run, value)
        ),
        options
      ),
    uploadFile: (path, options) => run(Assets.uploadFile(path, options), options),
    uploadBytes: (data, options) => run(Assets.uploadBytes(data, options), options),
    submit: (workflow, options) => inOwnScope(EffectJob.submit(workflow.value, options), options),
    submitAll: (workflows, options) =>
      Stream.toAsyncIterable(Stream.unwrap(
        Effect.map(
          runtime.contextEffect,
          (context) =>
            Stream.provideContext(EffectJob.submitAll(Array.from(workflows, ({ value }) => value), options), context)
        )
      )),
    attach: (batchId, options) => inOwnScope(EffectJob.attach(batchId, options), options),
    download: (outputs, options) => run(Downloads.outputs(outputs, options), options),
    image: (image, options) => run(Downloads.bytes(image, options), options),
    run,
    close,
    [Symbol.asyncDispose]: close
  }
}

/**
 * A client with the services of a layer: of `NodeInvokeAi.layer` with options that `connect` does not have, or of a
 * simulated server in tests.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromLayer = <E>(layer: Layer.Layer<NodeInvokeAi.Services, E>): Client =>
  makeClient(ManagedRuntime.make(layer))

/**
 * Connects to a server and makes sure that it is one.
 *
 * **Errors**
 *
 * Rejects with `InvokeAiError` if there is no InvokeAI server, or with a `ConfigError` if the environment is wrong.
 *
 * @category constructors
 * @since 0.1.0
 */
export const connect = (options: ConnectOptions & CallOptions = {}): Promise<Client> => {
  const { password, signal, token, ...rest } = options
  const client = fromLayer(NodeInvokeAi.layerConfig({
    ...rest,
    ...(token === undefined ? {} : { token: Redacted.make(token) }),
    ...(password === undefined ? {} : { password: Redacted.make(password) })
  }))
  return client.version({ signal }).then(
    () => client,
    (error: unknown) =>
      client.close().then(() => {
        throw error
      })
  )
}
