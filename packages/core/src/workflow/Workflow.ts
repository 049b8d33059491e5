/**
 * A workflow made in InvokeAI's workflow editor, as a value: load it, list its inputs, and set them. `WorkflowBatch`
 * checks it and builds what is submitted.
 *
 * **Details**
 *
 * Values are immutable: setting an input returns a new workflow, so many fibers can submit the same workflow
 * concurrently. This module only accesses a server through `CatalogSource` (the node types) and `WorkflowResources`
 * (models, images, boards).
 *
 * **Example** (From a file to a batch)
 *
 * ```ts
 * import * as WorkflowBatch from "@effect-invokeai/core/batch/WorkflowBatch"
 * import * as Effect from "effect/Effect"
 * import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
 *
 * const program = Effect.gen(function*() {
 *   const workflow = yield* Workflow.fromFile("text-to-image.json")
 *   const ready = yield* workflow.pipe(Workflow.setInputs({ prompt: "a lighthouse", num_steps: "30" }))
 *   return yield* WorkflowBatch.make(ready, { runs: 4, seed: "perRun" })
 * })
 * ```
 *
 * **Example** (Look into a workflow)
 *
 * ```ts
 * import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
 * import * as Effect from "effect/Effect"
 *
 * export const inspect = (workflow: Workflow.Workflow) =>
 *   Effect.gen(function*() {
 *     const prompt = yield* Workflow.getInput(workflow, 0)
 *     return {
 *       prompt: prompt.userName,
 *       value: Workflow.formatValue(prompt),
 *       missing: Workflow.missingRequiredInputs(workflow),
 *       seeds: Workflow.seedInputs(workflow).map((input) => input.systemName),
 *       outputs: Workflow.outputNodes(workflow).map((node) => node.label),
 *       fields: Workflow.fields(workflow).length,
 *       bySystemName: Workflow.inputsBySystemName(workflow),
 *       text: Workflow.describe(workflow),
 *       diagram: Workflow.toMermaid(workflow)
 *     }
 *   })
 * ```
 *
 * **Example** (Change a workflow, and compare the result with it)
 *
 * ```ts
 * import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
 * import * as Effect from "effect/Effect"
 *
 * export const variant = Effect.fn(function*(original: Workflow.Workflow) {
 *   const changed = yield* Workflow.setSeed(original, 7)
 *   return {
 *     file: Workflow.toDefinition(Workflow.copyAs(changed, "Lighthouse")),
 *     items: Workflow.sweepSize(changed, 4),
 *     differences: Workflow.diff(original, changed)
 *   }
 * })
 * ```
 *
 * **Example** (Set inputs, and fields that are not on the form)
 *
 * ```ts
 * import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
 * import * as Effect from "effect/Effect"
 *
 * export const prepare = Effect.fn(function*(json: unknown) {
 *   const workflow = yield* Workflow.fromJson(json)
 *   const [seed] = Workflow.seedInputs(workflow)
 *   if (seed === undefined) return workflow
 *   // Any field of any node has a system name, `{nodeId}.{fieldName}`.
 *   const onCpu = yield* Workflow.getField(workflow, `${seed.nodeId}.use_cpu`)
 *   return yield* workflow.pipe(
 *     Workflow.setInput("prompt", "a lighthouse"),
 *     Effect.flatMap(Workflow.setField(onCpu.systemName, true)),
 *     Effect.flatMap(Workflow.clearInput("negative_prompt"))
 *   )
 * })
 * ```
 *
 * **Example** (Show the inputs of the workflow in an image file)
 *
 * ```ts
 * import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
 * import * as Effect from "effect/Effect"
 *
 * export const inputsOf = Effect.fn(function*(png: Uint8Array) {
 *   const workflow = yield* Workflow.fromPng(png)
 *   const inputs = yield* Workflow.inputsByUserName(workflow)
 *   return { names: [...inputs.keys()], form: Workflow.form(workflow) }
 * })
 * ```
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Function from "effect/Function"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { CatalogSource, type NodeCatalog } from "../catalog/NodeCatalog.ts"
import { parseJson } from "../definition/internal/parsing.ts"
import * as Definition from "../definition/WorkflowDefinition.ts"
import { WorkflowNotFound, WorkflowParseError } from "../definition/WorkflowFileError.ts"
import * as WorkflowSource from "../definition/WorkflowSource.ts"
import * as InkField from "../field/InkField.ts"
import { describeReceived } from "../internal/describeReceived.ts"
import { invalidArgument, isNamedValues } from "../internal/options.ts"
import type { InvokeAiError } from "../InvokeAiError.ts"
import * as Diff from "./Diff.ts"
import * as InkForm from "./InkForm.ts"
import { type InkWorkflowInput, systemName } from "./InkWorkflowInput.ts"
import { InputError, type InputErrorReason, type InvalidInputValue, NoSeedInput } from "./InputError.ts"
import { open } from "./internal/bind.ts"
import * as Describe from "./internal/describe.ts"
import { withValue } from "./internal/edit.ts"
import * as InputNames from "./internal/inputNames.ts"
import * as Inputs from "./internal/inputs.ts"
import { isExecutable } from "./internal/nodeTypes.ts"
import * as Seeds from "./internal/seeds.ts"
import { submittedNodes } from "./internal/submittedNodes.ts"
import { toFile } from "./internal/toFile.ts"
import type { LoadedWorkflow, LoadOptions, SubmittedNode } from "./LoadedWorkflow.ts"
import * as Sweep from "./Sweep.ts"
import { WorkflowResources } from "./WorkflowResources.ts"
import { type Workflow, WorkflowValue } from "./WorkflowValue.ts"

export { WorkflowNotFound, WorkflowParseError } from "../definition/WorkflowFileError.ts"
export { type ImageSource, readPng } from "../definition/WorkflowSource.ts"
export type * from "./InkForm.ts"
export type { FormField, LoadedNode, LoadedWorkflow, LoadOptions, LoadWarning } from "./LoadedWorkflow.ts"
export { isWorkflow, type SeedPolicy, type SweptInput, type Workflow } from "./WorkflowValue.ts"

/**
 * Joins a definition with the node types of a server. The other constructors use it after reading the JSON.
 *
 * **When to use**
 *
 * To work without services, with a catalog. Otherwise use `fromFile`, `fromJson`, `fromLibrary`, `fromImage` or
 * `fromPng`.
 *
 * **Details**
 *
 * Opens the file like the InvokeAI UI, except for the UI's faults: an object of unknown shape is dropped (the UI takes
 * it for a float generator); lists of booleans and videos are kept (the UI loses them); a cycle of connectors loses its
 * last edge (the UI keeps it and loses all later edges); any id is plain data. Incomplete references to models, from
 * files of InvokeAI 3 or from `setInput`, are kept until `WorkflowBatch.check` or `WorkflowBatch.make` looks them up.
 * The UI drops such models.
 *
 * **Example** (Load a workflow without a server)
 *
 * ```ts
 * import * as NodeCatalog from "@effect-invokeai/core/catalog/NodeCatalog"
 * import * as WorkflowDefinition from "@effect-invokeai/core/definition/WorkflowDefinition"
 * import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
 * import * as Result from "effect/Result"
 *
 * export const open = (json: unknown, openApiDocument: unknown) =>
 *   Result.gen(function*() {
 *     const definition = yield* WorkflowDefinition.parse(json)
 *     const catalog = yield* NodeCatalog.fromOpenApi(openApiDocument, { version: "6.14.2" })
 *     return Workflow.load(definition, catalog)
 *   })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const load = (
  definition: Definition.WorkflowDefinition,
  catalog: NodeCatalog,
  options?: LoadOptions
): Workflow => new WorkflowValue(open(definition, catalog, options), [])

/**
 * Loads a workflow from a JSON value or JSON text, with the node types of the program's server.
 *
 * **Errors**
 *
 * `WorkflowParseError` if it is no workflow; `InvokeAiError` if the server's node types could not be loaded.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromJson = Effect.fn("Workflow.fromJson")(function*(
  json: unknown
): Effect.fn.Return<Workflow, WorkflowParseError | InvokeAiError, CatalogSource> {
  const value = typeof json === "string" ? yield* Effect.fromResult(parseJson(json, "JSON text")) : json
  const definition = yield* Effect.fromResult(Definition.parse(value))
  const source = yield* CatalogSource
  return load(definition, yield* source.get)
})

const named = (source: string) => (error: WorkflowParseError | InvokeAiError): WorkflowParseError | InvokeAiError =>
  error._tag === "WorkflowParseError" && (error.source === undefined || error.source === "JSON text")
    ? new WorkflowParseError({
      source,
      reason: error.reason,
      ...(error.path === undefined ? {} : { path: error.path }),
      cause: error
    })
    : error

const pngSignature = [0x89, 0x50, 0x4e, 0x47]

const readFile = Effect.fnUntraced(function*(
  path: string
): Effect.fn.Return<Uint8Array, WorkflowNotFound | WorkflowParseError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  return yield* Effect.catch(
    fs.readFile(path),
    Effect.fnUntraced(function*(cause): Effect.fn.Return<never, WorkflowNotFound | WorkflowParseError> {
      if (cause.reason._tag === "NotFound") {
        return yield* new WorkflowNotFound({ source: path, reason: "the file does not exist", cause })
      }
      const info = yield* Effect.option(fs.stat(path))
      const isDirectory = Option.isSome(info) && info.value.type === "Directory"
      const reason = isDirectory
        ? "it is a directory; pass the path of a file"
        : `could not read the file: ${cause.message}`
      return yield* new WorkflowParseError({ source: path, reason, cause })
    })
  )
})

/**
 * Loads a workflow from a file that the editor saved, or from a PNG file that InvokeAI made.
 *
 * **Details**
 *
 * The workflow of an image has the values of that run.
 *
 * **Errors**
 *
 * `WorkflowNotFound` if the file does not exist or is an image without a workflow; `WorkflowParseError` if it could not be read or is not a workflow;
 * `InvokeAiError` if the server's node types could not be loaded.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromFile = Effect.fn("Workflow.fromFile")(function*(
  path: string
): Effect.fn.Return<
  Workflow,
  WorkflowNotFound | WorkflowParseError | InvokeAiError,
  CatalogSource | FileSystem.FileSystem
> {
  const bytes = yield* readFile(path)
  if (pngSignature.every((byte, index) => bytes[index] === byte)) {
    return yield* fromImageSource(yield* WorkflowSource.readPng(bytes, path), path)
  }
  const json = yield* Effect.fromResult(parseJson(bytes, path))
  if (typeof json === "string") {
    return yield* new WorkflowParseError({ source: path, reason: "it contains a JSON string, not a workflow" })
  }
  return yield* Effect.mapError(fromJson(json), named(path))
})

type ImageReference = { readonly imageName: string } | { readonly image_name: string }

const fromImageSource = Effect.fnUntraced(function*(
  image: WorkflowSource.ImageSource,
  source: string
): Effect.fn.Return<Workflow, WorkflowNotFound | WorkflowParseError | InvokeAiError, CatalogSource> {
  if (image.workflow === undefined || image.workflow === null) {
    return yield* new WorkflowNotFound({
      source,
      reason: image.graph === undefined || image.graph === null
        ? "it was not created by a workflow"
        : "it contains the graph that ran but no workflow: it was not created in the workflow editor"
    })
  }
  return yield* Effect.mapError(fromJson(image.workflow), named(source))
})

/**
 * Loads the workflow that a PNG image was created with, from the bytes of the image.
 *
 * **When to use**
 *
 * For image files. For images on the server, use `fromImage`, which does not download them.
 *
 * **Details**
 *
 * InvokeAI embeds the workflow in the images that it creates, with the values of that run. To read the graph and the
 * metadata of an image, use `readPng`.
 *
 * **Errors**
 *
 * `WorkflowNotFound` if the image contains no workflow; `WorkflowParseError` if the bytes are not a PNG image or the workflow could not be read; `InvokeAiError` if the server's node types could not be loaded.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromPng = Effect.fn("Workflow.fromPng")(function*(
  bytes: Uint8Array
): Effect.fn.Return<Workflow, WorkflowNotFound | WorkflowParseError | InvokeAiError, CatalogSource> {
  return yield* fromImageSource(yield* WorkflowSource.readPng(bytes), "the PNG image")
})

/**
 * Loads the workflow that an image on the server was created with. The image is a name, an output, an asset, or an
 * image of `Images`.
 *
 * **Details**
 *
 * Its inputs have the values of that run, so you can change one of them and run the rest again.
 *
 * **Example** (The same again with another prompt)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
 *
 * const again = Workflow.fromImage("4c8c1a3e-image.png").pipe(
 *   Effect.flatMap(Workflow.setInput("prompt", "the same at night"))
 * )
 * ```
 *
 * **Errors**
 *
 * `WorkflowNotFound` if the image does not exist on the server or was not created by a workflow; `WorkflowParseError` if its workflow could not be read; `InvokeAiError` if the server could not be reached.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromImage = Effect.fn("Workflow.fromImage")(function*(
  image: string | ImageReference
): Effect.fn.Return<
  Workflow,
  WorkflowNotFound | WorkflowParseError | InvokeAiError,
  WorkflowResources | CatalogSource
> {
  const name = typeof image === "string" ? image : "imageName" in image ? image.imageName : image.image_name
  const source = `image ${JSON.stringify(name)}`
  const resources = yield* WorkflowResources
  const found = yield* resources.imageWorkflow(name)
  if (Option.isNone(found)) {
    return yield* new WorkflowNotFound({ source, reason: "the image does not exist, or belongs to another user" })
  }
  return yield* fromImageSource(found.value, source)
})

/**
 * Loads a workflow from the server's library, by its id.
 *
 * **Details**
 *
 * `WorkflowLibrary.list` returns the ids, by name, category or tag.
 *
 * **Example** (The first workflow with a name)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Option from "effect/Option"
 * import * as Stream from "effect/Stream"
 * import { WorkflowLibrary } from "@effect-invokeai/core/server/WorkflowLibrary"
 * import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
 *
 * const program = Effect.gen(function*() {
 *   const library = yield* WorkflowLibrary
 *   const found = yield* Stream.runHead(library.list({ query: "Text to Image - SD1.5" }))
 *   return Option.isNone(found) ? undefined : yield* Workflow.fromLibrary(found.value.workflow_id)
 * })
 * ```
 *
 * **Errors**
 *
 * `WorkflowNotFound` if the library has no workflow with the id for this user; `WorkflowParseError` if it cannot be
 * read; `InvokeAiError` if the server could not be reached.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromLibrary = Effect.fn("Workflow.fromLibrary")(function*(
  workflowId: string
): Effect.fn.Return<
  Workflow,
  WorkflowNotFound | WorkflowParseError | InvokeAiError,
  WorkflowResources | CatalogSource
> {
  const source = `the server's library (id ${JSON.stringify(workflowId)})`
  const resources = yield* WorkflowResources
  const json = yield* resources.savedWorkflow(workflowId)
  if (Option.isNone(json)) {
    return yield* new WorkflowNotFound({
      source,
      reason: "no workflow of this user has this id; list the ids with WorkflowLibrary.list"
    })
  }
  return yield* Effect.mapError(fromJson(json.value), named(source))
})

/**
 * The errors of loading a workflow with any of `fromFile`, `fromJson`, `fromPng`, `fromImage` or
 * `fromLibrary`.
 *
 * @category models
 * @since 0.1.0
 */
export type LoadError = WorkflowNotFound | WorkflowParseError | InvokeAiError

/**
 * The services that loading a workflow needs. `InvokeAi.Services` includes them, except for the
 * file system, which `NodeInvokeAi.Services` has.
 *
 * @category models
 * @since 0.1.0
 */
export type LoadServices = CatalogSource | WorkflowResources | FileSystem.FileSystem

/**
 * Values by public name, user name, system name or index.
 *
 * @category models
 * @since 0.1.0
 */
export type InputValues = Readonly<Record<string, unknown>>

/**
 * Values by public name, user name, system name or index, for names that an object cannot have, such as `__proto__`.
 *
 * @category models
 * @since 0.1.0
 */
export type InputValueMap = ReadonlyMap<string | number, unknown>

const withLoaded = (self: Workflow, loaded: LoadedWorkflow): Workflow => new WorkflowValue(loaded, self.sweeps)

/**
 * The form as a tree of containers, headings, texts, dividers and fields with their inputs, for programs that display
 * it.
 *
 * @category getters
 * @since 0.1.0
 */
export const form = (self: Workflow): InkForm.InkForm | undefined => InkForm.make(self)

/**
 * The inputs by system name. A field that is on the form twice appears once.
 *
 * @category getters
 * @since 0.1.0
 */
export const inputsBySystemName = (self: Workflow): ReadonlyMap<string, InkWorkflowInput> =>
  new Map(self.inputs.toReversed().map((input) => [input.systemName, input]))

const failInput = (reason: InputErrorReason): Effect.Effect<never, InputError> =>
  Effect.fail(new InputError({ reason }))

const fromInputResult = <A>(result: Result.Result<A, InputErrorReason>): Effect.Effect<A, InputError> =>
  Effect.fromResult(Result.mapError(result, (reason) => new InputError({ reason })))

/**
 * The inputs by name, if every name belongs to one field only.
 *
 * **Errors**
 *
 * `InputError`, whose reason `AmbiguousInputName` names the nodes that share a name. System names always work.
 *
 * @category getters
 * @since 0.1.0
 */
export const inputsByUserName = (
  self: Workflow
): Effect.Effect<ReadonlyMap<string, InkWorkflowInput>, InputError> => {
  const out = new Map<string, InkWorkflowInput>()
  for (const input of self.inputs) {
    const known = out.get(input.userName)
    if (known === undefined) out.set(input.userName, input)
    else if (known.systemName !== input.systemName) {
      return failInput(
        InputNames.ambiguous(input.userName, self.inputs.filter((other) => other.userName === input.userName))
      )
    }
  }
  return Effect.succeed(out)
}

/**
 * An input by system name, public name, user name or index, in this order.
 *
 * @category getters
 * @since 0.1.0
 */
export const getInput: {
  /**
   * Returns an input by system name, public name, user name or index, in this order. Fails with `InputError`, whose
   * reason is `InputNotFound`, which has similar names, or `AmbiguousInputName` if several inputs have the name.
   */
  (
    name: string | number
  ): (self: Workflow) => Effect.Effect<InkWorkflowInput, InputError>
  /**
   * Returns an input by system name, public name, user name or index, in this order. Fails with `InputError`, whose
   * reason is `InputNotFound`, which has similar names, or `AmbiguousInputName` if several inputs have the name.
   */
  (
    self: Workflow,
    name: string | number
  ): Effect.Effect<InkWorkflowInput, InputError>
} = Function.dual(2, (self: Workflow, name: string | number) => fromInputResult(InputNames.findInput(self, name)))

/**
 * Returns any field of any node by system name, on the form or not. Its `index` is -1.
 *
 * @category getters
 * @since 0.1.0
 */
export const getField: {
  /**
   * Returns any field of any node by system name, on the form or not. Its `index` is -1. Fails with `InputError`, whose
   * reason is `InputNotFound`, which has similar names.
   */
  (systemName: string): (self: Workflow) => Effect.Effect<InkWorkflowInput, InputError>
  /**
   * Returns any field of any node by system name, on the form or not. Its `index` is -1. Fails with `InputError`, whose
   * reason is `InputNotFound`, which has similar names.
   */
  (self: Workflow, systemName: string): Effect.Effect<InkWorkflowInput, InputError>
} = Function.dual(
  2,
  (self: Workflow, systemName: string) => fromInputResult(InputNames.findField(self, systemName))
)

/**
 * All fields of all nodes that can hold a value, on the form or not, in node order.
 *
 * @category getters
 * @since 0.1.0
 */
export const fields = (self: Workflow): ReadonlyArray<InkWorkflowInput> => Inputs.allFields(self.loaded)

const assign = (
  loaded: LoadedWorkflow,
  input: InkWorkflowInput,
  value: unknown
): Result.Result<LoadedWorkflow, InvalidInputValue> =>
  Result.map(
    Inputs.valueFor(loaded, input, value),
    (stored) => withValue(loaded, input.nodeId, input.fieldName, stored)
  )

/**
 * The workflow with another value for an input, named by public name, user name, system name or index.
 *
 * **Details**
 *
 * The value is checked immediately against the type and the bounds of the field; see the Ink fields for the accepted
 * forms. Whether an image or a model exists is checked before submitting.
 *
 * **Errors**
 *
 * `InputError`, with the reasons
 * - `InvalidInputValue`: the field does not accept the value, or is connected to another node.
 * - `InputNotFound`: no input has the name; the reason has similar names.
 * - `AmbiguousInputName`: several inputs have the name.
 *
 * @category combinators
 * @since 0.1.0
 */
export const setInput: {
  /**
   * Returns the workflow with another value for an input, named by public name, user name, system name or index.
   *
   * Fails with `InputError`, whose reason is `InvalidInputValue` if the field does not accept the value or is connected
   * to another node, `InputNotFound`, which has similar names, or `AmbiguousInputName` if several inputs have the name.
   */
  (
    name: string | number,
    value: unknown
  ): (self: Workflow) => Effect.Effect<Workflow, InputError>
  /**
   * Returns the workflow with another value for an input, named by public name, user name, system name or index.
   *
   * Fails with `InputError`, whose reason is `InvalidInputValue` if the field does not accept the value or is connected
   * to another node, `InputNotFound`, which has similar names, or `AmbiguousInputName` if several inputs have the name.
   */
  (
    self: Workflow,
    name: string | number,
    value: unknown
  ): Effect.Effect<Workflow, InputError>
} = Function.dual(
  3,
  (self: Workflow, name: string | number, value: unknown) => setInputs(self, new Map([[name, value]]))
)

const notValues = (values: unknown): Effect.Effect<never> =>
  Effect.die(invalidArgument("values", "an object or a Map with values by input name", values))

/**
 * Returns the workflow with other values for several inputs: all of them or, if one is invalid, none.
 *
 * **Errors**
 *
 * Those of `setInput`. Two names of one input, such as its name and its index, are an `InvalidInputValue`.
 *
 * **Example** (By name and by index)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
 *
 * declare const workflow: Workflow.Workflow
 * const set = workflow.pipe(Workflow.setInputs({ prompt: "a lighthouse", 6: "30" }))
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const setInputs: {
  /**
   * Returns the workflow with other values for several inputs: all of them or, if one is invalid, none.
   *
   * Fails as `setInput` does, and with `InvalidInputValue` if two names belong to one input, such as its name and its
   * index.
   */
  (
    values: InputValues
  ): (self: Workflow) => Effect.Effect<Workflow, InputError>
  // separate overloads: with a union, editors would complete the members of a map inside `setInputs({ … })`
  /**
   * Returns the workflow with other values for several inputs: all of them or, if one is invalid, none.
   *
   * Fails as `setInput` does, and with `InvalidInputValue` if two names belong to one input, such as its name and its
   * index.
   */
  (
    values: InputValues | InputValueMap
  ): (self: Workflow) => Effect.Effect<Workflow, InputError>
  /**
   * Returns the workflow with other values for several inputs: all of them or, if one is invalid, none.
   *
   * Fails as `setInput` does, and with `InvalidInputValue` if two names belong to one input, such as its name and its
   * index.
   */
  (
    self: Workflow,
    values: InputValues
  ): Effect.Effect<Workflow, InputError>
  /**
   * Returns the workflow with other values for several inputs: all of them or, if one is invalid, none.
   *
   * Fails as `setInput` does, and with `InvalidInputValue` if two names belong to one input, such as its name and its
   * index.
   */
  (
    self: Workflow,
    values: InputValues | InputValueMap
  ): Effect.Effect<Workflow, InputError>
} = Function.dual(
  2,
  (self: Workflow, values: InputValues | InputValueMap) =>
    !isMap(values) && !isNamedValues(values) ? notValues(values) : fromInputResult(
      Result.gen(function*() {
        let loaded = self.loaded
        const entries: Iterable<readonly [string | number, unknown]> = isMap(values)
          ? values
          : Object.entries(values)
        const named = new Map<string, string | number>()
        for (const [name, value] of entries) {
          const input = yield* InputNames.findInput(self, name)
          const other = named.get(input.systemName)
          if (other !== undefined) yield* Result.fail(Inputs.namedTwice(input, [other, name], value))
          named.set(input.systemName, name)
          loaded = yield* assign(loaded, input, value)
        }
        return withLoaded(self, loaded)
      })
    )
)

const isMap = (values: InputValues | InputValueMap): values is InputValueMap => values instanceof Map

/**
 * Returns the workflow with another value for any field of any node, by system name, on the form or not.
 *
 * @category combinators
 * @since 0.1.0
 */
export const setField: {
  /**
   * Returns the workflow with another value for any field of any node, by system name, on the form or not.
   *
   * Fails with `InputError`, whose reason is `InvalidInputValue` if the field does not accept the value or is connected
   * to another node, or `InputNotFound`, which has similar names.
   */
  (
    systemName: string,
    value: unknown
  ): (self: Workflow) => Effect.Effect<Workflow, InputError>
  /**
   * Returns the workflow with another value for any field of any node, by system name, on the form or not.
   *
   * Fails with `InputError`, whose reason is `InvalidInputValue` if the field does not accept the value or is connected
   * to another node, or `InputNotFound`, which has similar names.
   */
  (self: Workflow, systemName: string, value: unknown): Effect.Effect<Workflow, InputError>
} = Function.dual(3, (self: Workflow, systemName: string, value: unknown) =>
  fromInputResult(
    Result.gen(function*() {
      const input = yield* InputNames.findField(self, systemName)
      return withLoaded(self, yield* assign(self.loaded, input, value))
    })
  ))

/**
 * Returns the workflow with one input cleared.
 *
 * @category combinators
 * @since 0.1.0
 */
export const clearInput: {
  /**
   * Returns the workflow with one input cleared. Fails with `InputError`, whose reason is `InputNotFound`, or
   * `AmbiguousInputName` if several inputs have the name.
   */
  (name: string | number): (self: Workflow) => Effect.Effect<Workflow, InputError>
  /**
   * Returns the workflow with one input cleared. Fails with `InputError`, whose reason is `InputNotFound`, or
   * `AmbiguousInputName` if several inputs have the name.
   */
  (self: Workflow, name: string | number): Effect.Effect<Workflow, InputError>
} = Function.dual(
  2,
  (self: Workflow, name: string | number) =>
    Effect.map(
      getInput(self, name),
      (input) => withLoaded(self, withValue(self.loaded, input.nodeId, input.fieldName, undefined))
    )
)

/**
 * Sets one seed in each of `seedInputs`, so that the workflow generates the same images every time it runs.
 *
 * **Details**
 *
 * A node that draws a random integer gets `low: seed, high: seed + 1`, which leaves only the seed. If other nodes
 * provide these bounds, their connections are removed. `WorkflowBatch.make` and `Job.submit` do the same for one
 * submission with their option `seed`.
 *
 * **Errors**
 *
 * `InputError`, with the reasons
 * - `InvalidInputValue`: the seed is not an integer from 0 to 4294967295, or exceeds the maximum of one of the fields.
 * - `NoSeedInput`: the workflow has no seed to set.
 *
 * @category combinators
 * @since 0.1.0
 */
export const setSeed: {
  /**
   * Returns the workflow with one seed in each of `seedInputs`, so that it generates the same images every time it
   * runs.
   *
   * Fails with `InputError`, whose reason is `InvalidInputValue` if the seed is not an integer from 0 to 4294967295 or
   * exceeds the maximum of one of the fields, or `NoSeedInput` if the workflow has no seed to set.
   */
  (seed: number): (self: Workflow) => Effect.Effect<Workflow, InputError>
  /**
   * Returns the workflow with one seed in each of `seedInputs`, so that it generates the same images every time it
   * runs.
   *
   * Fails with `InputError`, whose reason is `InvalidInputValue` if the seed is not an integer from 0 to 4294967295 or
   * exceeds the maximum of one of the fields, or `NoSeedInput` if the workflow has no seed to set.
   */
  (self: Workflow, seed: number): Effect.Effect<Workflow, InputError>
} = Function.dual(
  2,
  (self: Workflow, seed: number) =>
    Effect.suspend((): Effect.Effect<Workflow, InputError> => {
      const targets = Seeds.seedTargets(self.loaded)
      const maximum = Seeds.maximumOf(targets)
      const [first] = seedInputs(self)
      if (first === undefined) return failInput(new NoSeedInput())
      if (!Number.isSafeInteger(seed) || seed < 0 || seed > maximum) {
        const expected = `an integer between 0 and ${maximum}`
        return failInput(Inputs.invalidInputValue(first, { expected, received: describeReceived(seed) }))
      }
      return Effect.succeed(withLoaded(self, Seeds.withSeed(self.loaded, targets, seed)))
    })
)

/**
 * The inputs that `setSeed` and the option `seed` set, in node order.
 *
 * **Details**
 *
 * - unconnected integer fields named `seed` or `…_seed`, of nodes that run
 * - the `low` of each node that draws a random number (`rand_int`, `rand_float`) and whose value goes into such a
 *   field, directly or through other nodes. A node whose bounds vary within a batch is left out
 *
 * @category getters
 * @since 0.1.0
 */
export const seedInputs = (self: Workflow): ReadonlyArray<InkWorkflowInput> =>
  Seeds.seedTargets(self.loaded).flatMap(({ fieldName, nodeId }) => {
    const node = self.loaded.nodes.get(nodeId)
    return node === undefined ? [] : [Inputs.inputOf(self.loaded, node, fieldName)]
  })

/**
 * Returns the workflow with more inputs that vary within a batch.
 *
 * **Details**
 *
 * Each value is checked now. The server accepts numbers, strings, booleans, options, schedulers, images and videos as
 * varying values; for models and other things, submit the workflow once for each. `size` returns the number of queue
 * items.
 *
 * **Example** (Prompts and steps)
 *
 * ```ts
 * import * as Sweep from "@effect-invokeai/core/workflow/Sweep"
 * import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
 *
 * declare const workflow: Workflow.Workflow
 * const varied = workflow.pipe(Workflow.sweep(Sweep.product({ prompt: ["a cat", "a dog"], num_steps: [10, 20] })))
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const sweep: {
  /**
   * Returns the workflow with more inputs that vary within a batch. Each value is checked now.
   *
   * Fails with `InvalidSweep` if the lists are invalid or do not match, and as `setInput` does.
   */
  (
    sweep: Sweep.Sweep
  ): (
    self: Workflow
  ) => Effect.Effect<Workflow, InputError | Sweep.InvalidSweep>
  /**
   * Returns the workflow with more inputs that vary within a batch. Each value is checked now.
   *
   * Fails with `InvalidSweep` if the lists are invalid or do not match, and as `setInput` does.
   */
  (
    self: Workflow,
    sweep: Sweep.Sweep
  ): Effect.Effect<Workflow, InputError | Sweep.InvalidSweep>
} = Function.dual(2, (self: Workflow, sweep: Sweep.Sweep) =>
  Effect.fromResult(
    Result.map(
      Result.mapError(
        Sweep.resolve(self, sweep),
        (error) => error._tag === "InvalidSweep" ? error : new InputError({ reason: error })
      ),
      (groups): Workflow => new WorkflowValue(self.loaded, [...self.sweeps, ...groups])
    )
  ))

/**
 * The number of queue items from the sweeps of a workflow, times the runs. Does not include the workflow's own batch
 * nodes; `WorkflowBatch.size` does.
 *
 * @category getters
 * @since 0.1.0
 */
export const sweepSize = (self: Workflow, runs = 1): number =>
  self.sweeps.reduce((size, group) => size * (group[0]?.values.length ?? 1), runs)

/**
 * The system names of required inputs without a value, in form order. An empty string is a value.
 *
 * @category getters
 * @since 0.1.0
 */
export const missingRequiredInputs = (self: Workflow): ReadonlyArray<string> => {
  const swept = new Set(
    self.sweeps.flat().map(({ fieldName, nodeId }) => systemName(nodeId, fieldName))
  )
  return [
    ...new Set(
      self.inputs
        .filter((input) => Inputs.isMissing(input) && !swept.has(input.systemName))
        .map((input) => input.systemName)
    )
  ]
}

/**
 * The nodes whose results are kept: those that are not intermediate, and those with a board. Each with its board.
 *
 * @category getters
 * @since 0.1.0
 */
export const outputNodes = (self: Workflow): ReadonlyArray<SubmittedNode> =>
  Array.from(submittedNodes(self.loaded).values()).filter((node) => {
    return isExecutable(node.type) && node.outputType !== "" &&
      (!node.isIntermediate || typeof node.board === "object")
  })

/**
 * Returns the workflow as a JSON value that the editor can open, with the values that were set.
 *
 * **Details**
 *
 * Everything else is as it was in the file: positions, notes, unknown keys. The schema version is
 * the one that the editor of the workflow's server opens: 3.0.0 before 6.13, 4.0.0 since then. 3.0.0 has no connectors,
 * so direct edges replace them there.
 *
 * **Gotchas**
 *
 * A model that was set only by name or key is not complete. This library keeps it when it reads the file again, but the
 * editor accepts only complete models: call `check` first.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toDefinition = (self: Workflow): Definition.JsonObject => toFile(self.loaded)

/**
 * Returns a copy of the workflow with another name, like the editor's _Save As_: without the id of the library entry
 * that it came from, and of the category `user`.
 *
 * **When to use**
 *
 * Before saving a workflow that came from the library. The server does not save workflows of the category `default`,
 * which the ones shipped with InvokeAI have.
 *
 * @category combinators
 * @since 0.1.0
 */
export const copyAs: {
  /**
   * Returns a copy of the workflow with another name, without the id of the library entry that it came from, and of the
   * category `user`.
   */
  (name: string): (self: Workflow) => Workflow
  /**
   * Returns a copy of the workflow with another name, without the id of the library entry that it came from, and of the
   * category `user`.
   */
  (self: Workflow, name: string): Workflow
} = Function.dual(2, (self: Workflow, name: string): Workflow =>
  withLoaded(self, {
    ...self.loaded,
    definition: { ...self.definition, id: undefined, category: "user", name }
  }))

/**
 * Describes the workflow as text: its inputs with their values, what is missing, its results and warnings.
 *
 * @category formatting
 * @since 0.1.0
 */
export const describe = (self: Workflow): string => Describe.describe(self.loaded, self.inputs, outputNodes(self))

/**
 * Returns the nodes and connections as a Mermaid flowchart.
 *
 * @category formatting
 * @since 0.1.0
 */
export const toMermaid = (self: Workflow): string => Describe.toMermaid(self.loaded)

/**
 * Returns the differences between two workflows; `Diff.format` formats them as text.
 *
 * @category getters
 * @since 0.1.0
 */
export const diff: {
  /**
   * Returns the differences between two workflows, from the first to the second. `Diff.format` formats them as text.
   */
  (that: Workflow): (self: Workflow) => Diff.WorkflowDiff
  /**
   * Returns the differences between two workflows, from the first to the second. `Diff.format` formats them as text.
   */
  (self: Workflow, that: Workflow): Diff.WorkflowDiff
} = Function.dual(2, (self: Workflow, that: Workflow) => Diff.diff(self, that))

/**
 * The human-readable value of an input: the name of a model or image, else the value itself. `undefined` if there is
 * none.
 *
 * @category formatting
 * @since 0.1.0
 */
export const formatValue = (input: InkWorkflowInput): string | undefined => InkField.format(input.field)
