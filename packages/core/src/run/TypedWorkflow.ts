/**
 * A workflow whose inputs and outputs have TypeScript types: what the modules are made of that `effect-invokeai types` writes.
 *
 * **Details**
 *
 * A generated module names the file of its workflow, and has a `Signature`: what the types say about the workflow. Schemas
 * follow from it without a server. When the workflow is opened, it is compared with the signature, unless the file is
 * unchanged.
 *
 * @since 0.1.0
 */
import * as Digest from "effect/crypto/Digest"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { UploadError } from "../assets/Assets.ts"
import type { WorkflowNotReady } from "../batch/WorkflowProblems.ts"
import type { CatalogSource } from "../catalog/NodeCatalog.ts"
import * as InkField from "../field/InkField.ts"
import { layerDigest } from "../internal/digest.ts"
import { TaggedError } from "../internal/TaggedError.ts"
import type { InvalidOption } from "../InvalidOption.ts"
import type { InputError } from "../workflow/InputError.ts"
import { inputsSchema, outputsSchema } from "../workflow/internal/interfaceSchemas.ts"
import { outputSchema } from "../workflow/OutputData.ts"
import * as Workflow from "../workflow/Workflow.ts"
import * as WorkflowInterface from "../workflow/WorkflowInterface.ts"
import * as InputTypes from "./internal/inputTypes.ts"
import { open, prepare } from "./internal/prepare.ts"
import * as Run from "./Run.ts"

export type * from "./TypedValue.ts"

/**
 * What the types say about a workflow.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Signature = Schema.Struct({
  /** The name of the workflow; `""` if it has none. */
  name: Schema.String,
  /** What its author says about the workflow; absent if nothing is said. */
  description: Schema.optionalKey(Schema.String),
  /** The SHA-256 of the workflow's JSON without white space, in hex; `""` if it was no file. */
  hash: Schema.String,
  /** The inputs, in form order. */
  inputs: Schema.Array(Schema.Struct({
    /** The public name. */
    name: Schema.String,
    /** The name that the editor shows. */
    title: Schema.String,
    /** What the input is for; absent if nothing is said. */
    description: Schema.optionalKey(Schema.String),
    /** Whether the workflow cannot run without a value for the input. */
    required: Schema.Boolean,
    /** The type of the input, with its bounds, its choices, and the default as its value. */
    field: InkField.InkField
  })),
  /** The outputs, in node order. */
  outputs: Schema.Array(Schema.Struct({
    /** The public name. */
    name: Schema.String,
    /** The type of one value. */
    type: Schema.Literals(["image", "video", "integer", "number", "string", "boolean", "color", "json"]),
    /** Whether the output is a list. */
    many: Schema.Boolean
  }))
})

/**
 * What the types say about a workflow.
 *
 * @category models
 * @since 0.1.0
 */
export type Signature = typeof Signature.Type

/**
 * A difference between what the types say about a workflow and the workflow.
 *
 * @category schemas
 * @since 0.1.0
 */
export const SignatureChange = Schema.Struct({
  /** Whether it is about an input or an output. */
  subject: Schema.Literals(["input", "output"]),
  /** The public name. */
  name: Schema.String,
  /** What differs: whether it is there, its type, its default, or whether it is required. */
  kind: Schema.Literals(["added", "removed", "type", "default", "required"]),
  /** The difference in words, with the values before and after. */
  message: Schema.String
})

/**
 * A difference between what the types say about a workflow and the workflow.
 *
 * @category models
 * @since 0.1.0
 */
export type SignatureChange = typeof SignatureChange.Type

/**
 * The workflow is not the one that its types were generated from: inputs or outputs differ. Generate the types again.
 *
 * @category errors
 * @since 0.1.0
 */
export class WorkflowChanged extends TaggedError<WorkflowChanged>()("WorkflowChanged", {
  /** The path of the workflow, or its name. */
  workflow: Schema.String,
  /** What differs. */
  changes: Schema.Array(SignatureChange)
}) {
  override get message(): string {
    return [
      `The workflow ${this.workflow} does not match its types:`,
      ...this.changes.map(({ message }) => `- ${message}`),
      "Generate the types again with effect-invokeai types"
    ].join("\n")
  }
}

/** The path of a workflow that is a file. */
const pathOf = (source: Run.RunSource): Effect.Effect<string | undefined, never, Path.Path> =>
  typeof source === "string"
    ? Effect.succeed(source)
    : source instanceof URL
    ? Path.Path.pipe(
      Effect.flatMap((path) => path.fromFileUrl(source)),
      Effect.orElseSucceed(() => undefined)
    )
    : Effect.undefined

/** The hash of a workflow's JSON; `""` for an opened workflow. */
const hashOf = Effect.fnUntraced(
  function*(source: Run.RunSource) {
    if (Workflow.isWorkflow(source)) return ""
    const path = yield* pathOf(source)
    const fs = yield* FileSystem.FileSystem
    const text = path === undefined
      ? JSON.stringify(source)
      : JSON.stringify(JSON.parse(yield* fs.readFileString(path)))
    const { digestHex } = yield* Digest.Digest
    return yield* digestHex(Digest.sha256, new TextEncoder().encode(text))
    // it has been opened: only a file that was replaced since cannot be read
  },
  Effect.provide(layerDigest),
  Effect.orDie
)

const signatureOf = (workflow: Workflow.Workflow, hash: string): Signature => {
  const self = WorkflowInterface.make(workflow)
  return {
    name: self.name,
    ...(self.description === "" ? {} : { description: self.description }),
    hash,
    inputs: self.inputs.map(({ default: value, description, field, name, required, title }) => ({
      name,
      title,
      ...(description === "" ? {} : { description }),
      required,
      field: value === undefined ? InkField.clear(field) : field
    })),
    outputs: self.outputs.map(({ many, name, type }) => ({ name, type, many }))
  }
}

/**
 * Opens a workflow, and returns what types can say about it.
 *
 * **Errors**
 *
 * Those of `Workflow.fromFile` and `Workflow.fromJson`, and `InvalidOption` if `source` is no workflow.
 *
 * **Example** (What a file takes)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as TypedWorkflow from "@effect-invokeai/core/run/TypedWorkflow"
 *
 * const program = Effect.map(
 *   TypedWorkflow.signature("text-to-image.json"),
 *   ({ inputs }) => inputs.map(({ field, name }) => `${name}: ${TypedWorkflow.inputType(field).join(" | ")}`)
 * )
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const signature = Effect.fn("TypedWorkflow.signature")(function*(
  source: Run.RunSource
): Effect.fn.Return<
  Signature,
  Workflow.LoadError | InvalidOption,
  CatalogSource | FileSystem.FileSystem | Path.Path
> {
  return signatureOf(yield* open(source), yield* hashOf(source))
})

/**
 * The type of an input in TypeScript, as the members of a union: `["number"]`, `["\"nearest\"", "\"bicubic\""]`,
 * `["TypedWorkflow.ImageInput"]`.
 *
 * **Example** (The choices of an enum)
 *
 * ```ts run
 * import * as TypedWorkflow from "@effect-invokeai/core/run/TypedWorkflow"
 *
 * TypedWorkflow.inputType({ _tag: "InkEnumField", options: ["box", 2] }) // => ["\"box\"", "2"]
 * ```
 *
 * @category conversions
 * @since 0.1.0
 */
export const inputType = (field: InkField.InkField): ReadonlyArray<string> => InputTypes.inputType(field)

/**
 * The type of an output in TypeScript: `"number"`, `"ReadonlyArray<TypedWorkflow.ImageData>"`.
 *
 * **Example** (A list of texts)
 *
 * ```ts run
 * import * as TypedWorkflow from "@effect-invokeai/core/run/TypedWorkflow"
 *
 * TypedWorkflow.outputType({ name: "lines", type: "string", many: true }) // => "ReadonlyArray<string>"
 * ```
 *
 * @category conversions
 * @since 0.1.0
 */
export const outputType = (output: Signature["outputs"][number]): string => InputTypes.outputType(output)

type SignatureInput = Signature["inputs"][number]

const defaultOf = ({ field }: SignatureInput): string => {
  const text = InkField.format(field)
  return text === undefined ? "none" : JSON.stringify(text.length > 60 ? `${text.slice(0, 59)}…` : text)
}

const inputChanges = (
  before: SignatureInput,
  after: SignatureInput
): ReadonlyArray<readonly [SignatureChange["kind"], string]> => {
  const [was, is] = [before, after].map(({ field }) => inputType(field).join(" | "))
  const isOtherDefault = !Equal.equals(before.field.value, after.field.value)
  return [
    ...(was === is ? [] : [["type", `had the type ${was}, and now has ${is}`] as const]),
    ...(before.required === after.required
      ? isOtherDefault
        ? [["default", `had the default ${defaultOf(before)}, and now has ${defaultOf(after)}`] as const]
        : []
      : [["required", after.required ? "is now required" : "is no longer required"] as const])
  ]
}

const outputChanges = (
  before: Signature["outputs"][number],
  after: Signature["outputs"][number]
): ReadonlyArray<readonly [SignatureChange["kind"], string]> => {
  const [was, is] = [outputType(before), outputType(after)]
  return was === is ? [] : [["type", `had the type ${was}, and now has ${is}`]]
}

const compare = <A extends { readonly name: string }>(
  subject: SignatureChange["subject"],
  before: ReadonlyArray<A>,
  after: ReadonlyArray<A>,
  changesOf: (before: A, after: A) => ReadonlyArray<readonly [SignatureChange["kind"], string]>
): ReadonlyArray<SignatureChange> => {
  const change = (name: string) => ([kind, text]: readonly [SignatureChange["kind"], string]): SignatureChange => ({
    subject,
    name,
    kind,
    message: `the ${subject} ${name} ${text}`
  })
  const now = new Map(after.map((each) => [each.name, each]))
  const known = new Set(before.map(({ name }) => name))
  return [
    ...before.flatMap((each) => {
      const same = now.get(each.name)
      return (same === undefined ? [["removed", "was removed"] as const] : changesOf(each, same)).map(change(each.name))
    }),
    ...after.filter(({ name }) => !known.has(name)).map(({ name }) => change(name)(["added", "was added"]))
  ]
}

/**
 * What differs between two signatures in a way that types show: inputs and outputs that were added or removed, or have
 * another type, and inputs that have another default, or are required now.
 *
 * **Example** (An input that is gone)
 *
 * ```ts run
 * import * as TypedWorkflow from "@effect-invokeai/core/run/TypedWorkflow"
 *
 * const before: TypedWorkflow.Signature = {
 *   name: "Greeting",
 *   hash: "",
 *   inputs: [{ name: "who", title: "Who", required: true, field: { _tag: "InkStringField", bounds: {} } }],
 *   outputs: []
 * }
 *
 * TypedWorkflow.changes(before, { ...before, inputs: [] })[0]?.message // => "the input who was removed"
 * ```
 *
 * @category comparing
 * @since 0.1.0
 */
export const changes = (before: Signature, after: Signature): ReadonlyArray<SignatureChange> => [
  ...compare("input", before.inputs, after.inputs, inputChanges),
  ...compare("output", before.outputs, after.outputs, outputChanges)
]

/** A list, unless it is one already. */
type ListOf<A> = A extends ReadonlyArray<unknown> ? A : ReadonlyArray<A>

/**
 * The outputs of several runs in one batch: each is a list. For a number of runs that is only known when the program runs,
 * each is one value or a list.
 *
 * @category models
 * @since 0.1.0
 */
export type OutputsOf<Outputs, Runs extends number> = [Runs] extends [1] ? Outputs
  : number extends Runs ? { readonly [Name in keyof Outputs]: Outputs[Name] | ListOf<NonNullable<Outputs[Name]>> }
  : { readonly [Name in keyof Outputs]-?: ListOf<NonNullable<Outputs[Name]>> }

/**
 * What a typed run made.
 *
 * @category models
 * @since 0.1.0
 */
export interface TypedResult<Outputs> extends Omit<Run.RunResult, "outputs"> {
  /** The outputs by public name, as plain data. One whose node did not run is absent, or an empty list. */
  readonly outputs: Outputs
}

/**
 * The workflow of a call, if it is not the file that the types were generated from.
 *
 * @category models
 * @since 0.1.0
 */
export interface SourceOptions {
  /**
   * Where the workflow is, such as its JSON in a bundle, or another path. Default: the file that the types were generated
   * from, by its place relative to the generated module.
   */
  readonly workflow?: Run.RunSource | undefined
}

/**
 * Options of a typed run.
 *
 * @category models
 * @since 0.1.0
 */
export interface TypedRunOptions<Runs extends number = number> extends Omit<Run.RunOptions, "runs">, SourceOptions {
  /** How many times the workflow runs: from 2 on, each output is a list. Default: 1. */
  readonly runs?: Runs | undefined
}

/**
 * The arguments of a function with inputs and options. The inputs can be left out if none is required.
 *
 * @category models
 * @since 0.1.0
 */
export type Arguments<Inputs, Options> = {} extends Inputs ? [inputs?: Inputs, options?: Options]
  : [inputs: Inputs, options?: Options]

/**
 * Why `TypedWorkflow.set` failed.
 *
 * @category errors
 * @since 0.1.0
 */
export type SetError =
  | Workflow.LoadError
  | InputError
  | UploadError
  | WorkflowNotReady
  | InvalidOption
  | WorkflowChanged

/**
 * A workflow with types for its inputs and outputs.
 *
 * **Example** (Types for a workflow that has no generated module)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as TypedWorkflow from "@effect-invokeai/core/run/TypedWorkflow"
 *
 * interface Inputs {
 *   readonly prompt: string
 *   readonly image: TypedWorkflow.ImageInput
 * }
 *
 * interface Outputs {
 *   readonly image?: TypedWorkflow.ImageData | undefined
 * }
 *
 * const program = Effect.gen(function*() {
 *   const file = "image-to-image.json"
 *   const workflow = TypedWorkflow.make<Inputs, Outputs>(file, yield* TypedWorkflow.signature(file))
 *   const { definition } = yield* workflow.open()
 *   const ready = yield* workflow.set({ prompt: "a lake", image: "mountain.jpg" })
 *   const { outputs } = yield* workflow.run({ prompt: "a lake", image: "mountain.jpg" })
 *   return { name: definition.name, inputs: ready.inputs, width: outputs.image?.width }
 * })
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export interface TypedWorkflow<Inputs extends object, Outputs extends object> {
  /** What the types say about the workflow. */
  readonly signature: Signature
  /** The values of the inputs as JSON: images are names on the server. */
  readonly inputSchema: Schema.Codec<Inputs>
  /** The outputs of one run as JSON. */
  readonly outputSchema: Schema.Codec<Outputs>
  /** Opens the workflow. Fails with `WorkflowChanged` if it does not match its types. */
  readonly open: (
    options?: SourceOptions
  ) => Effect.Effect<
    Workflow.Workflow,
    Workflow.LoadError | InvalidOption | WorkflowChanged,
    CatalogSource | FileSystem.FileSystem | Path.Path
  >
  /**
   * Runs the workflow, and returns its outputs by name. Fails as `Run.run` does, and with `WorkflowChanged` if the workflow
   * does not match its types.
   */
  readonly run: <const Runs extends number = 1>(
    ...args: Arguments<Inputs, TypedRunOptions<Runs>>
  ) => Effect.Effect<TypedResult<OutputsOf<Outputs, Runs>>, Run.RunError | WorkflowChanged, Run.RunServices>
  /**
   * Returns the workflow with its inputs set, ready for `Job.submit`. Images are uploaded, and deleted when the scope
   * closes. Fails with `WorkflowChanged` if the workflow does not match its types.
   */
  readonly set: (
    ...args: Arguments<Inputs, SourceOptions>
  ) => Effect.Effect<Workflow.Workflow, SetError, Run.RunServices | Scope.Scope>
}

const opened = Effect.fnUntraced(function*(source: Run.RunSource, expected: Signature) {
  const workflow = yield* open(source)
  const hash = yield* hashOf(source)
  if (hash !== "" && hash === expected.hash) return workflow
  const differences = changes(expected, signatureOf(workflow, hash))
  if (differences.length === 0) return workflow
  return yield* new WorkflowChanged({
    workflow: (yield* pathOf(source)) ?? (expected.name === "" ? "without a name" : JSON.stringify(expected.name)),
    changes: differences
  })
})

/**
 * A workflow with the types of a generated module.
 *
 * **Details**
 *
 * The compiler does not compare the types with the signature: generated modules have both from the same workflow.
 *
 * **Example** (What a generated module contains)
 *
 * ```ts
 * import * as TypedWorkflow from "@effect-invokeai/core/run/TypedWorkflow"
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
  signature: Signature
): TypedWorkflow<Inputs, Outputs> => {
  const inputSchema = inputsSchema(signature.inputs.map(({ description, field, name, required, title }) => ({
    name,
    required,
    schema: InkField.schema(field, { title, description, default: field.value })
  })))
  const outputSchemas = outputsSchema(
    signature.outputs.map(({ many, name, type }) => ({ name, many, schema: outputSchema(type, many) }))
  )
  const open = Effect.fn("TypedWorkflow.open")(({ workflow: source = file }: SourceOptions = {}) =>
    opened(source, signature)
  )
  const run = Effect.fn("TypedWorkflow.run")(function*(
    inputs: Workflow.InputValues = {},
    { workflow, ...options }: TypedRunOptions = {}
  ) {
    return yield* Run.run(yield* open({ workflow }), inputs, options)
  })
  const set = Effect.fn("TypedWorkflow.set")(function*(inputs: Workflow.InputValues = {}, options?: SourceOptions) {
    const { upload } = yield* prepare(yield* open(options), inputs)
    return yield* upload
  })
  const self = { signature, inputSchema, outputSchema: outputSchemas, open, run, set }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the types are those of the signature
  return self as unknown as TypedWorkflow<Inputs, Outputs>
}
