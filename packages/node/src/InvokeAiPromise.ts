/**
 * The client for programs without Effect: promises and `for await`.
 *
 * **Details**
 *
 * This is a thin layer over the same code: a job is submitted exactly once, tracked over lost connections, canceled when
 * it is closed before its end, and uploads are deleted when the client is closed, also on Ctrl-C. Calls reject (or throw)
 * with the same tagged errors, distinguished by `_tag`, or with the reason of their `AbortSignal`; the stack has the line of
 * the caller. `PromiseError` has the errors that only this client has. `client.run` runs any effect of the library.
 *
 * **Example** (From a file to images)
 *
 * ```ts
 * import * as InvokeAi from "@effect-invokeai/node/InvokeAiPromise"
 *
 * const client = await InvokeAi.connect({ url: "http://127.0.0.1:9090" })
 * try {
 *   const workflow = await client.workflow("image-to-image.json")
 *   const photo = await client.uploadFile("mountain.jpg")
 *   const ready = workflow.set({ prompt: "A serene mountain landscape", image: photo, num_steps: 30 })
 *   const job = await client.submit(ready)
 *   for await (const event of job.events) {
 *     if (event._tag === "InvocationProgress") console.log(event.message, event.percentage)
 *   }
 *   const { files } = await client.download(await job.outputs(), { directory: "outputs" })
 *   for (const file of files) console.log(file.path)
 * } finally {
 *   await client.close()
 * }
 * ```
 *
 * @since 0.1.0
 */
import * as Assets from "@effect-invokeai/core/assets/Assets"
import type { DownloadResult, FormatOptions, OutputsOptions } from "@effect-invokeai/core/assets/DownloadOptions"
import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import * as WorkflowBatch from "@effect-invokeai/core/batch/WorkflowBatch"
import * as EffectJob from "@effect-invokeai/core/job/Job"
import type { JobEvent } from "@effect-invokeai/core/job/JobEvent"
import type { JobResult, JobTiming, SessionQueueItem } from "@effect-invokeai/core/job/JobResult"
import type { JobState } from "@effect-invokeai/core/job/JobState"
import type { InkOutput, WorkflowOutput } from "@effect-invokeai/core/job/Outputs"
import type { SubmissionResult } from "@effect-invokeai/core/job/Submission"
import { ServerInfo } from "@effect-invokeai/core/server/ServerInfo"
import type { InkWorkflowInput } from "@effect-invokeai/core/workflow/InkWorkflowInput"
import * as EffectWorkflow from "@effect-invokeai/core/workflow/Workflow"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { isObject } from "effect/Predicate"
import * as Pull from "effect/Pull"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { fileURLToPath } from "node:url"
import * as Rejection from "./internal/rejection.ts"
import * as Signals from "./internal/signals.ts"
import * as NodeInvokeAi from "./NodeInvokeAi.ts"

/**
 * What the client does when the process receives a signal.
 *
 * @category models
 * @since 0.1.0
 */
export interface SignalOptions {
  /**
   * Whether the client closes itself when the process receives SIGINT (Ctrl-C) or SIGTERM: its jobs are canceled, its
   * uploads deleted. Then the process exits with code 130 or 143, unless it has other listeners for the signal. A second
   * signal ends it immediately. Calls that fail because of the signal reject only after the cleanup.
   *
   * @default true
   */
  readonly handleSignals?: boolean | undefined
}

/**
 * How the client reaches its server. What is missing is read from the environment: `INVOKEAI_URL`, `INVOKEAI_TOKEN`, … as
 * `NodeInvokeAi.layerConfig` does.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectOptions
  extends SignalOptions, Omit<NodeInvokeAi.Options, "token" | "password" | "handleSignals">
{
  readonly token?: string | undefined
  readonly password?: string | undefined
}

/**
 * A call that can be aborted: the promise rejects with the signal's reason, and what was started is undone.
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
  readonly set: {
    (values: EffectWorkflow.InputValues): Workflow
    (values: EffectWorkflow.InputValueMap): Workflow
  }
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
  readonly enqueued: SubmissionResult | null
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
 * - `close`, also by `await using`: closes all jobs, deletes all uploads and closes the connections. Closing again does
 *   nothing. Other calls reject with `ClientClosed` from then on.
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

/** The options of a call without those of the promise client. */
const withoutSignal = <A extends CallOptions | undefined>(options: A): A => {
  if (!isObject(options)) return options
  const { signal: _, ...rest } = options
  return rest
}

/** The workflow of the library. `Job.submit` reports anything else, such as a promise. */
const workflowValue = (workflow: Workflow): EffectWorkflow.Workflow =>
  isObject(workflow) && EffectWorkflow.isWorkflow(workflow.value)
    ? workflow.value
    // a program without types may pass anything
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    : workflow as never

const runOptions = (options: CallOptions | undefined): Effect.RunOptions =>
  options?.signal === undefined ? {} : { signal: options.signal }

/** Calls a function at most once, and gives its result to all that ask. */
const once = <A>(f: () => A): () => A => {
  let result: { readonly value: A } | undefined
  return () => (result ??= { value: f() }).value
}

/** Runs what a call needs; rejects with a `ClientClosed` once the client is closed. */
type Call = <A, E>(
  name: string,
  effect: () => Effect.Effect<A, E, NodeInvokeAi.Services | Scope.Scope>,
  options?: CallOptions
) => Promise<A>

/** Runs what needs no server, and throws what it fails with. */
const callSync = <A, E>(call: string, effect: () => Effect.Effect<A, E>): A =>
  Exit.match(Effect.runSyncExit(Effect.suspend(effect)), {
    onSuccess: (value) => value,
    onFailure: (cause) => {
      throw Rejection.fromCause(cause, { call, caller: Rejection.callSite(), abort: undefined, closed: undefined })
    }
  })

const makeWorkflow = (call: Call, value: EffectWorkflow.Workflow): Workflow => ({
  value,
  inputs: value.inputs,
  set: (values: EffectWorkflow.InputValues | EffectWorkflow.InputValueMap) =>
    makeWorkflow(call, callSync("set", () => EffectWorkflow.setInputs(value, values))),
  setField: (name, field) =>
    makeWorkflow(call, callSync("setField", () => EffectWorkflow.setField(value, name, field))),
  missing: () => EffectWorkflow.missingRequiredInputs(value),
  check: (options) =>
    call("check", () => Effect.map(WorkflowBatch.check(value), (checked) => makeWorkflow(call, checked)), options)
})

const makeJob = (call: Call, job: EffectJob.Job, close: () => Promise<void>): Job => ({
  batchId: job.batchId,
  enqueued: job.enqueued,
  events: Stream.toAsyncIterable(job.events),
  outputStream: Stream.toAsyncIterable(job.outputStream),
  state: () => Effect.runSync(job.state),
  items: () => Effect.runSync(job.items),
  timing: () => Effect.runSync(job.timing),
  result: (options) => call("result", () => EffectJob.await(job, withoutSignal(options)), options),
  outputs: (options) => call("outputs", () => Effect.map(job.await, ({ outputs }) => outputs), options),
  cancel: () => call("cancel", () => job.cancel),
  detach: () => Effect.runSync(job.detach),
  close,
  [Symbol.asyncDispose]: close
})

/** The values of a stream whose resources belong to the client's scope. Leaving the loop early releases them as well. */
const iterate = <A, E>(
  call: Call,
  name: string,
  stream: Stream.Stream<A, E, NodeInvokeAi.Services>,
  closeScope: (own: Scope.Closeable) => Promise<void>
): AsyncIterable<A> => ({
  [Symbol.asyncIterator]: () => {
    const open = () =>
      call(name, () =>
        Effect.gen(function*() {
          const own = yield* Scope.fork(yield* Effect.scope)
          return { pull: yield* Scope.provide(Stream.toPull(stream), own), close: once(() => closeScope(own)) }
        }))
    let opened: ReturnType<typeof open> | undefined
    const pulled: Array<A> = []
    const done = (): IteratorResult<A> => ({ done: true, value: undefined })
    const next = (): Promise<IteratorResult<A>> =>
      (opened ??= open()).then(({ close, pull }) => {
        const values = pulled.splice(0, 1)
        if (values.length > 0) return values.map((value) => ({ done: false, value }))[0] ?? done()
        return call(name, () => Pull.catchDone(pull, () => Effect.succeed([]))).then((more) => {
          pulled.push(...more)
          return more.length > 0 ? next() : close().then(done)
        })
      })
    return { next, return: () => Promise.resolve(opened).then((open) => open?.close()).then(done) }
  }
})

const makeClient = (
  runtime: ManagedRuntime.ManagedRuntime<NodeInvokeAi.Services, unknown>,
  { handleSignals = true }: SignalOptions
): Client => {
  const scope = Scope.makeUnsafe()
  let closing: Promise<void> | undefined
  let closed: Rejection.FailedCall["closed"]

  const run = <A, E>(
    name: string,
    effect: () => Effect.Effect<A, E, NodeInvokeAi.Services | Scope.Scope>,
    options: CallOptions | undefined
  ): Promise<A> => {
    const failed = { call: name, caller: Rejection.callSite(), abort: options?.signal }
    const provided = Effect.provideService(Effect.suspend(effect), Scope.Scope, scope)
    return runtime.runPromiseExit(provided, runOptions(options)).then((exit) =>
      Exit.isSuccess(exit)
        ? exit.value
        : Signals.afterCleanup().then(() => Promise.reject(Rejection.fromCause(exit.cause, { ...failed, closed })))
    )
  }
  const call: Call = (name, effect, options) => {
    if (closed === undefined) return run(name, effect, options)
    const error = Rejection.closedError({ call: name, caller: Rejection.callSite(), closed })
    return Signals.afterCleanup().then(() => Promise.reject(error))
  }

  const closeWith = (reason: NonNullable<typeof closed>): Promise<void> => {
    closed ??= reason
    closing ??= Effect.runPromise(Effect.ensuring(Scope.close(scope, Exit.void), runtime.disposeEffect))
      .finally(stopListening)
    return closing
  }
  const stopListening = handleSignals ? Signals.closeOnSignal(closeWith) : () => {}
  const close = () => closeWith("close")

  // Closing the client closes every scope below its own, and interrupts calls that are about to do the same.
  const closeScope = (own: Scope.Closeable): Promise<void> =>
    closing ?? run("close", () => Scope.close(own, Exit.void), undefined).catch((error: unknown) => {
      if (closing === undefined) throw error
      return closing
    })
  // What is given up half way closes its scope; what is done keeps it until it is closed.
  const startJob = <E>(
    name: string,
    make: () => Effect.Effect<EffectJob.Job, E, NodeInvokeAi.Services | Scope.Scope>,
    options: CallOptions | undefined
  ): Promise<Job> =>
    call(
      name,
      () =>
        Effect.uninterruptibleMask((restore) =>
          Effect.gen(function*() {
            const own = yield* Scope.fork(scope)
            const job = yield* restore(Scope.provide(make(), own)).pipe(
              Effect.onError((cause) => Scope.close(own, Exit.failCause(cause)))
            )
            return makeJob(call, job, once(() => closeScope(own)))
          })
        ),
      options
    )
  return {
    version: (options) => call("version", () => Effect.flatMap(ServerInfo, (info) => info.version), options),
    workflow: (source, options) =>
      call(
        "workflow",
        () =>
          Effect.map(
            typeof source === "string"
              ? EffectWorkflow.fromFile(source)
              : source instanceof URL
              ? EffectWorkflow.fromFile(fileURLToPath(source))
              : EffectWorkflow.fromJson(source),
            (value) => makeWorkflow(call, value)
          ),
        options
      ),
    uploadFile: (path, options) => call("uploadFile", () => Assets.uploadFile(path, withoutSignal(options)), options),
    uploadBytes: (data, options) =>
      call("uploadBytes", () => Assets.uploadBytes(data, withoutSignal(options)), options),
    submit: (workflow, options) =>
      startJob("submit", () => EffectJob.submit(workflowValue(workflow), withoutSignal(options)), options),
    submitAll: (workflows, options) =>
      iterate(
        call,
        "submitAll",
        Stream.suspend(() => EffectJob.submitAll(Array.from(workflows, workflowValue), options)),
        closeScope
      ),
    attach: (batchId, options) => startJob("attach", () => EffectJob.attach(batchId, withoutSignal(options)), options),
    download: (outputs, options) => call("download", () => Downloads.outputs(outputs, withoutSignal(options)), options),
    image: (image, options) => call("image", () => Downloads.bytes(image, withoutSignal(options)), options),
    run: (effect, options) => call("run", () => effect, options),
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
export const fromLayer = <E>(layer: Layer.Layer<NodeInvokeAi.Services, E>, options: SignalOptions = {}): Client =>
  makeClient(ManagedRuntime.make(layer), options)

const connectTo = <E>(
  layer: Layer.Layer<NodeInvokeAi.Services, E>,
  { handleSignals, signal }: SignalOptions & CallOptions
): Promise<Client> => {
  const client = fromLayer(layer, { handleSignals })
  return client.version({ signal }).then(
    () => client,
    (error: unknown) =>
      client.close().then(() => {
        throw error
      })
  )
}

/** The layer reports what is not a string. */
const asSecret = (value: string): Redacted.Redacted => Redacted.make(value)

/**
 * Connects to a server and makes sure that it is one.
 *
 * **Errors**
 *
 * Rejects with `InvokeAiError` if there is no InvokeAI server, with an error tagged `ConfigError` if a variable of the
 * environment is invalid, with `InvalidOption` if an option is invalid or unknown, or with `RecordError` if the
 * `assetLedger` cannot be opened or another process uses it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const connect = (options: ConnectOptions & CallOptions = {}): Promise<Client> => {
  const passed: unknown = options
  // the layer reports what is not an object
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  if (!isObject(passed)) return connectTo(NodeInvokeAi.layerConfig(passed as never), {})
  const { handleSignals, password, signal, token, ...rest } = options
  const layer = NodeInvokeAi.layerConfig({
    ...rest,
    // the client has listeners of its own; the layer reports what is not a boolean
    handleSignals: typeof handleSignals === "boolean" || handleSignals === undefined ? false : handleSignals,
    ...(token === undefined ? {} : { token: asSecret(token) }),
    ...(password === undefined ? {} : { password: asSecret(password) })
  })
  return connectTo(layer, { handleSignals, signal })
}
