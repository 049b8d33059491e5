/**
 * Workflows with types for programs without Effect: what the modules are made of that `effect-invokeai types --promise` writes.
 *
 * @since 0.1.0
 */
import type * as Run from "@effect-invokeai/core/run/Run"
import * as Core from "@effect-invokeai/core/run/TypedWorkflow"
import type * as Schema from "effect/Schema"
import * as InvokeAi from "./InvokeAiPromise.ts"

export type {
  Arguments,
  BoardInput,
  ColorData,
  ColorInput,
  FloatGenerator,
  ImageData,
  ImageGenerator,
  ImageInput,
  IntegerGenerator,
  Json,
  LoRAInput,
  ModelInput,
  OutputsOf,
  SavedWorkflowInput,
  Signature,
  SourceOptions,
  StringGenerator,
  StylePresetInput,
  SystemPromptInput,
  TypedResult,
  VideoData,
  VideoInput
} from "@effect-invokeai/core/run/TypedWorkflow"

/**
 * Options of a typed run.
 *
 * @category models
 * @since 0.1.0
 */
export interface TypedRunOptions<Runs extends number = number>
  extends Omit<InvokeAi.RunOptions, "runs">, Core.SourceOptions
{
  /** How many times the workflow runs: from 2 on, each output is a list. Default: 1. */
  readonly runs?: Runs | undefined
  /** How to connect to the server, or a connected client. Default: what the environment says. */
  readonly server?: InvokeAi.ConnectOptions | InvokeAi.Client | undefined
}

/**
 * A workflow with types for its inputs and outputs.
 *
 * @category models
 * @since 0.1.0
 */
export interface TypedWorkflow<Inputs extends object, Outputs extends object> {
  /** What the types say about the workflow. */
  readonly signature: Core.Signature
  /** The values of the inputs as JSON: images are names on the server. */
  readonly inputSchema: Schema.Codec<Inputs>
  /** The outputs of one run as JSON. */
  readonly outputSchema: Schema.Codec<Outputs>
  /**
   * Runs the workflow, and resolves to its outputs by name. Rejects as `InvokeAiPromise.run` does, and with
   * `WorkflowChanged` if the workflow does not match its types.
   */
  readonly run: <const Runs extends number = 1>(
    ...args: Core.Arguments<Inputs, TypedRunOptions<Runs>>
  ) => Promise<Core.TypedResult<Core.OutputsOf<Outputs, Runs>>>
  /**
   * Resolves to the workflow with its inputs set, ready for `client.submit`. Images are uploaded, and deleted when the client
   * is closed. Rejects with `WorkflowChanged` if the workflow does not match its types.
   */
  readonly set: (
    client: InvokeAi.Client,
    ...args: Core.Arguments<Inputs, Core.SourceOptions & InvokeAi.CallOptions>
  ) => Promise<InvokeAi.Workflow>
}

/**
 * A workflow with the types of a generated module.
 *
 * **Example** (What a generated module contains)
 *
 * ```ts
 * import * as TypedWorkflow from "@effect-invokeai/node/TypedWorkflowPromise"
 *
 * interface Inputs {
 *   readonly who: string
 * }
 *
 * interface Outputs {
 *   readonly sentence?: string | undefined
 * }
 *
 * const greeting = TypedWorkflow.make<Inputs, Outputs>(new URL("greeting.json", import.meta.url), {
 *   name: "Greeting",
 *   hash: "",
 *   inputs: [{ name: "who", title: "Who", required: true, field: { _tag: "InkStringField", bounds: {} } }],
 *   outputs: [{ name: "sentence", type: "string", many: false }]
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <Inputs extends object, Outputs extends object>(
  file: Run.RunSource,
  signature: Core.Signature
): TypedWorkflow<Inputs, Outputs> => {
  const workflow = Core.make<Readonly<Record<string, unknown>>, Outputs>(file, signature)
  const runOn = (
    client: InvokeAi.Client,
    inputs: Readonly<Record<string, unknown>> | undefined,
    { workflow: source, ...options }: Omit<TypedRunOptions, "server">
  ) =>
    client.runEffect(workflow.open({ workflow: source }), { signal: options.signal }).then((opened) =>
      client.run(opened, inputs, options)
    )
  const run = (inputs?: Readonly<Record<string, unknown>>, { server = {}, ...options }: TypedRunOptions = {}) =>
    "runEffect" in server ?
      runOn(server, inputs, options) :
      InvokeAi.connect({ ...server, signal: options.signal }).then(
        (client) => runOn(client, inputs, options).finally(() => client.close())
      )
  const set = (
    client: InvokeAi.Client,
    inputs?: Readonly<Record<string, unknown>>,
    { signal, ...options }: Core.SourceOptions & InvokeAi.CallOptions = {}
  ) => client.runEffect(workflow.set(inputs, options), { signal }).then((ready) => client.workflow(ready, { signal }))
  const { inputSchema, outputSchema } = workflow
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the types are those of the signature
  return { signature, inputSchema, outputSchema, run, set } as unknown as TypedWorkflow<Inputs, Outputs>
}
