/**
 * The client for programs without Effect: promises and `for await`.
 *
 * **Details**
 *
 * This is a thin layer over the same code: a job is submitted exactly once, tracked over lost connections, canceled when
 * it is closed before its end, and uploads are deleted when the client is closed, also on Ctrl-C. Calls reject (or throw)
 * with the same tagged errors, distinguished by `_tag`, or with the reason of their `AbortSignal`; the stack has the line of
 * the caller. `PromiseError` has the errors that only this client has. `client.runEffect` runs any effect of the library.
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
import type { DownloadResult, FormatOptions, OutputsOptions } from "@effect-invokeai/core/assets/Downloads"
import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import * as WorkflowBatch from "@effect-invokeai/core/batch/WorkflowBatch"
import * as EffectInvokeAi from "@effect-invokeai/core/InvokeAi"
import * as EffectJob from "@effect-invokeai/core/job/Job"
import type {
  JobItem,
  JobProgress,
  JobResult,
  JobState,
  JobTiming,
  SubmissionResult
} from "@effect-invokeai/core/job/Job"
import type { JobEvent } from "@effect-invokeai/core/job/JobEvent"
import type { InkOutput, WorkflowOutput } from "@effect-invokeai/core/job/Outputs"
import * as Run from "@effect-invokeai/core/run/Run"
import { ServerInfo } from "@effect-invokeai/core/server/ServerInfo"
import type { InkWorkflowInput } from "@effect-invokeai/core/workflow/InkWorkflowInput"
import * as EffectWorkflow from "@effect-invokeai/core/workflow/Workflow"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { hasProperty, isObject, isPromiseLike } from "effect/Predicate"
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
 * Options for connecting to a server. What is missing is read from the environment: `INVOKEAI_URL`, `INVOKEAI_TOKEN`, …
 * as `NodeInvokeAi.layerConfig` does.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectOptions
  extends SignalOptions, Omit<NodeInvokeAi.Options, "token" | "password" | "handleSignals">
{
  /** The bearer token of a server with users. Default: `INVOKEAI_TOKEN`. */
  readonly token?: string | undefined
  /** The password of the user whose `email` is given. Default: `INVOKEAI_PASSWORD`. */
  readonly password?: string | undefined
}

/**
 * Options of a call that can be aborted: the promise rejects with the signal's reason, and what was started is undone.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallOptions {
  /** Aborts the call. Default: none. */
  readonly signal?: AbortSignal | undefined
}

/**
 * A workflow. Immutable: `set`, `setField` and `check` return a new one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Workflow {
  /** The workflow as the Effect modules of the library know it, for everything that is not here. */
  readonly value: EffectWorkflow.Workflow
  /** The inputs of the workflow's form, with their values. */
  readonly inputs: ReadonlyArray<InkWorkflowInput>
  /**
   * Returns a workflow with other values of inputs, by user name, system name or index.
   *
   * **Errors**
   *
   * - `InputError` with the reason `InputNotFound` or `AmbiguousInputName`: a name matches no input, or several.
   * - `InputError` with the reason `InvalidInputValue`: a value does not fit its input. No value is changed.
   */
  readonly set: {
    (values: EffectWorkflow.InputValues): Workflow
    (values: EffectWorkflow.InputValueMap): Workflow
  }
  /**
   * Returns a workflow with another value of any field, by system name (`{node id}.{field}`).
   *
   * **Errors**
   *
   * - `InputError` with the reason `InputNotFound`: the workflow has no such field.
   * - `InputError` with the reason `InvalidInputValue`: the value does not fit the field.
   */
  readonly setField: (systemName: string, value: unknown) => Workflow
  /** Returns the system names of the inputs that need a value. */
  readonly missingInputs: () => ReadonlyArray<string>
  /**
   * Checks the workflow against the server, as `Client.submit` does first, and resolves to the checked workflow.
   * Rejects with `WorkflowNotReady` if something is wrong.
   */
  readonly check: (options?: CallOptions) => Promise<Workflow>
}

/**
 * A job on the server.
 *
 * @category models
 * @since 0.1.0
 */
export interface Job extends AsyncDisposable {
  /** The id of the batch on the server. `Client.attach` attaches to the job by it. */
  readonly batchId: string
  /** What the server accepted; null for a job that was attached to. */
  readonly enqueued: SubmissionResult | null
  /** Emits everything that happens, from the first event on for every reader. Ends with the job and never fails. */
  readonly events: AsyncIterable<JobEvent>
  /**
   * Emits each output as its node finishes, from the first output on for every reader. Ends with the job and never
   * fails.
   */
  readonly outputStream: AsyncIterable<InkOutput>
  /**
   * Emits how far the job is, and again after each change; a slow reader sees only the newest. The fraction never
   * decreases. Ends with the job and never fails.
   */
  readonly progress: AsyncIterable<JobProgress>
  /** Returns the current state of the job, without a request. */
  readonly state: () => JobState
  /** Returns the queue items that are known so far, in the order of the batch, without a request. */
  readonly items: () => ReadonlyArray<JobItem>
  /** Returns when the job was queued, started and completed, as known so far, without a request. */
  readonly timing: () => JobTiming
  /**
   * Waits for the end of the job, and resolves to its result.
   *
   * **Details**
   *
   * `timeout` is in milliseconds or a duration such as `"10 minutes"`. When it has passed, the job is canceled, or
   * continues if `onTimeout` is `"detach"`. Aborting the call ends only the wait.
   *
   * **Errors**
   *
   * - `WorkflowNotCompleted`, with the reasons
   *   - `JobFailed`, `JobCanceled`, `JobLost`: the job ended without completing; each has the outputs that exist.
   *   - `JobTimeout`: the timeout of the call or of the job has passed.
   *   - `QueueBlocked`: the server cannot read an item of the job.
   * - `InvokeAiError`: the job cannot be tracked any more.
   */
  readonly result: (
    options?: CallOptions & {
      readonly timeout?: Duration.Input | undefined
      readonly onTimeout?: "cancel" | "detach" | undefined
    }
  ) => Promise<JobResult>
  /** Waits for the end of the job, and resolves to its outputs. Rejects as `result` does. */
  readonly outputs: (options?: CallOptions) => Promise<WorkflowOutput>
  /**
   * Cancels the items that have not ended, and waits until the server has done it, at most for `closeTimeout`. Rejects
   * with `InvokeAiError` if the server could not be reached or failed.
   */
  readonly cancel: () => Promise<EffectJob.CancelResult>
  /** Makes closing leave the job alone, from now on. */
  readonly detach: () => void
  /**
   * Cancels a job that has not ended, and deletes the images of one that failed or was canceled, unless `onScopeClose`
   * and `keepOutputs` say otherwise. `await using` calls it, and closing the client closes its jobs.
   */
  readonly close: () => Promise<void>
}

/**
 * Options of a run; see `RunOptions` of `@effect-invokeai/core/run/Run`.
 *
 * @category models
 * @since 0.1.0
 */
export interface RunOptions extends Omit<Run.RunOptions, "onSubmitted" | "onProgress" | "onEvent">, CallOptions {
  /**
   * Called for each change of the progress, and at the end. A promise is awaited: until then, changes are skipped. If it
   * rejects, or the function throws, the job is canceled, and the run rejects with an `UnexpectedError` that has the cause.
   */
  readonly onProgress?: ((progress: JobProgress) => unknown) | undefined
  /** Called for every event of the job, in order, previews of images included. Promises and errors are as in `onProgress`. */
  readonly onEvent?: ((event: JobEvent) => unknown) | undefined
}

/**
 * A client of one server.
 *
 * @category models
 * @since 0.1.0
 */
export interface Client extends AsyncDisposable {
  /** Resolves to the version of the server, for example `"6.14.2"`. Rejects with `InvokeAiError`. */
  readonly version: (options?: CallOptions) => Promise<string>
  /**
   * Opens a workflow from a file (path or `file:` URL), or from the JSON value of one. A workflow of the Effect modules,
   * such as the value of `Workflow.fromPng` or `Workflow.sweep`, is taken as it is. Rejects if the file cannot be read or
   * is not a workflow.
   */
  readonly workflow: (source: string | URL | object, options?: CallOptions) => Promise<Workflow>
  /**
   * Uploads an image file for an input. The image is deleted when the client is closed.
   *
   * **Errors**
   *
   * - `UploadError`: the file cannot be read, or the server does not accept it as an image.
   * - `InvokeAiError`: the server could not be reached or failed.
   */
  readonly uploadFile: (path: string, options?: Assets.UploadFileOptions & CallOptions) => Promise<Assets.Asset>
  /**
   * Uploads an encoded image from memory for an input; `name` is its file name. The image is deleted when the client is
   * closed. Rejects as `uploadFile` does.
   */
  readonly uploadBytes: (
    data: Uint8Array | Blob,
    options?: Assets.UploadOptions & { readonly name?: string | undefined } & CallOptions
  ) => Promise<Assets.Asset>
  /**
   * Submits a workflow, and resolves to its job when the server has accepted it.
   *
   * **Details**
   *
   * Each job is submitted exactly once, even if a response is lost. Aborting the call cancels the job on the server.
   * For the errors see `submit` of `@effect-invokeai/core/job/Job`.
   */
  readonly submit: (workflow: Workflow, options?: EffectJob.SubmitOptions & CallOptions) => Promise<Job>
  /**
   * Submits many workflows, and emits their outcomes in the order in which they end.
   *
   * **Details**
   *
   * At most `concurrency` of them (by default 16) are on the server's queue at the same time. One that fails does not
   * stop the others. Leaving the loop cancels those that have not ended.
   */
  readonly submitAll: (
    workflows: Iterable<Workflow>,
    options?: EffectJob.SubmitAllOptions
  ) => AsyncIterable<EffectJob.Outcome>
  /**
   * Attaches to a job by its batch id: after a `SubmissionUnknown`, after a restart, or from another program.
   *
   * **Details**
   *
   * Closing it leaves the job running, unless `onScopeClose` is `"cancel"`. Rejects with `JobNotFound` if the server has
   * no such batch.
   */
  readonly attach: (batchId: string, options?: EffectJob.AttachOptions & CallOptions) => Promise<Job>
  /**
   * Writes the images and videos of a job to the directory in `options`, and resolves to what was written. Rejects with
   * `DownloadError` or `InvokeAiError`.
   */
  readonly download: (outputs: WorkflowOutput, options: OutputsOptions & CallOptions) => Promise<DownloadResult>
  /**
   * Resolves to the bytes of one image: as stored on the server, or encoded as the `format` in `options`. Rejects with
   * `DownloadError` or `InvokeAiError`.
   */
  readonly image: (image: Downloads.ImageReference, options?: FormatOptions & CallOptions) => Promise<Uint8Array>
  /**
   * Runs a workflow in one call, and resolves to its outputs by name.
   *
   * **Details**
   *
   * Opens the file, uploads the images among the values, submits, waits, downloads to `directory`, and deletes the uploads.
   * The workflow is a path, a `file:` URL, the JSON value of a file, or an opened workflow. Aborting the call cancels the job.
   * For the values and the errors see `run` of `@effect-invokeai/core/run/Run`.
   */
  readonly run: (
    workflow: string | URL | object,
    values?: EffectWorkflow.InputValues,
    options?: RunOptions
  ) => Promise<Run.RunResult>
  /**
   * Runs any effect with the client's services, and resolves to its value. What it acquires is released when the client
   * is closed. Rejects with the error of the effect.
   */
  readonly runEffect: <A, E>(
    effect: Effect.Effect<A, E, NodeInvokeAi.Services | Scope.Scope>,
    options?: CallOptions
  ) => Promise<A>
  /**
   * Closes all jobs, deletes all uploads and closes the connections. `await using` calls it. Closing again does
   * nothing. Other calls reject with `ClientClosed` from then on.
   */
  readonly close: () => Promise<void>
}

/** An `AbortSignal`, that of a polyfill included. */
const signalRule = {
  expected: "an AbortSignal",
  accepts: (value: unknown) =>
    hasProperty(value, "aborted") && hasProperty(value, "addEventListener") &&
    typeof value.addEventListener === "function"
}

/** The options of a call without those of the promise client. The library reports what is not an object of options. */
const withoutSignal = <A extends CallOptions | undefined>(options: A): A => {
  if (!EffectInvokeAi.isOptions(options)) return options
  const { signal: _, ...rest } = options
  return rest
}

const isOwnWorkflow = (workflow: unknown): workflow is Workflow =>
  isObject(workflow) && EffectWorkflow.isWorkflow(workflow["value"])

/** The options of a run with callbacks as effects. */
const runWorkflowOptions = (options: RunOptions | undefined): Run.RunOptions | undefined => {
  // the run reports what is not an object of options, or not a function
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  if (!EffectInvokeAi.isOptions(options)) return options as undefined
  const { onEvent, onProgress, ...rest }: RunOptions = withoutSignal(options)
  const effect = <A>(callback: ((value: A) => unknown) | undefined) =>
    typeof callback === "function"
      ? (value: A) =>
        Effect.suspend(() => {
          const returned = callback(value)
          return isPromiseLike(returned) ? Effect.promise(() => returned) : Effect.void
        })
      : callback
  return {
    ...rest,
    ...(onProgress === undefined ? {} : { onProgress: effect(onProgress) }),
    ...(onEvent === undefined ? {} : { onEvent: effect(onEvent) })
  }
}

/** The workflow of the library. `Job.submit` reports anything else, such as a promise. */
const workflowValue = (workflow: Workflow): EffectWorkflow.Workflow =>
  // a program without types may pass anything
  isOwnWorkflow(workflow) ? workflow.value : workflow

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
  missingInputs: () => EffectWorkflow.missingRequiredInputs(value),
  check: (options) =>
    call("check", () => Effect.map(WorkflowBatch.check(value), (checked) => makeWorkflow(call, checked)), options)
})

const makeJob = (call: Call, job: EffectJob.Job, close: () => Promise<void>): Job => ({
  batchId: job.batchId,
  enqueued: job.enqueued,
  events: Stream.toAsyncIterable(job.events),
  outputStream: Stream.toAsyncIterable(job.outputStream),
  progress: Stream.toAsyncIterable(job.progress),
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
    if (closed === undefined) {
      const signal: unknown = options?.signal
      return signal === undefined || signalRule.accepts(signal)
        ? run(name, effect, options)
        : run(
          name,
          () => Effect.andThen(EffectInvokeAi.checkRules({ signal }, { signal: signalRule }), effect()),
          undefined
        )
    }
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
              : EffectWorkflow.isWorkflow(source)
              ? Effect.succeed(source)
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
    run: (workflow, values, options) =>
      call(
        "run",
        () => Run.run(isOwnWorkflow(workflow) ? workflow.value : workflow, values, runWorkflowOptions(options)),
        options
      ),
    runEffect: (effect, options) => call("run", () => effect, options),
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
  // the layer reports what is not an object of options
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  if (!EffectInvokeAi.isOptions(passed)) return connectTo(NodeInvokeAi.layerConfig(passed as never), {})
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

/** The rules of all options, so that mistakes are reported without a server. */
const runRules = {
  ...Run.runRules,
  signal: signalRule,
  server: { expected: "an object with the options of connect, or a client", accepts: EffectInvokeAi.isOptions }
}

/**
 * Runs a workflow in one call: connects, uploads the images among the values, submits, waits, downloads, and cleans up.
 *
 * **Details**
 *
 * Values are given by public name, label or field name. An image is a path, a URL, a `Uint8Array`, a `Blob`, or an output of
 * an earlier run. `server` has the options of `connect`, or is a client that is connected already and stays open; without
 * it the environment says which server: `INVOKEAI_URL`, `INVOKEAI_TOKEN`, …
 *
 * Uploads are deleted and an unfinished job is canceled when the call ends, also on Ctrl-C.
 *
 * **Errors**
 *
 * Rejects as `connect` and `Client.run` do.
 *
 * **Example** (From a file to images)
 *
 * ```ts
 * import { run } from "@effect-invokeai/node/InvokeAiPromise"
 *
 * const { files } = await run("image-to-image.json", {
 *   prompt: "A serene mountain landscape",
 *   image: "mountain.jpg",
 *   num_steps: 30
 * }, { directory: "outputs" })
 *
 * for (const file of files) console.log(file.path)
 * ```
 *
 * @category operations
 * @since 0.1.0
 */
export const run = (
  workflow: string | URL | object,
  values?: EffectWorkflow.InputValues,
  options: RunOptions & {
    /** How to connect to the server, or a connected client. Default: what the environment says. */
    readonly server?: ConnectOptions | Client | undefined
  } = {}
): Promise<Run.RunResult> =>
  new Promise((resolve) => {
    callSync("run", () => EffectInvokeAi.checkRules(options, runRules))
    const { server = {}, ...rest } = options
    resolve(
      "runEffect" in server
        ? server.run(workflow, values, rest)
        : connect({ ...server, signal: rest.signal }).then((client) =>
          client.run(workflow, values, rest).finally(() => client.close())
        )
    )
  })
