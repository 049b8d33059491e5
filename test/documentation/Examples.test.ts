/**
 * Runs every example that is a module of its own: evaluates it on a simulator, then runs its effects, builds its layers and
 * calls its functions, with the arguments below. (Those marked `run` and `test` are tests themselves.)
 */
import * as SqliteClient from "@effect-invokeai/farm/SqliteClient"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import { Simulator } from "@effect-invokeai/testing/Simulator"
import * as SimulatorModels from "@effect-invokeai/testing/SimulatorModels"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { afterAll, beforeAll, vi } from "vitest"
import { type Example, examples, nameOf } from "../../scripts/lib/examples.ts"
import { Stage } from "./stage.ts"

type Given = Stage["Service"]

const password = Redacted.make("Passw0rd!")

/** A server with users, and a client that is logged in as its admin. */
const multiUser = InvokeAiTest.layer({
  users: [{ email: "admin@example.com", password: "Passw0rd!" }, { email: "b@example.com", password: "Passw0rd!" }],
  client: { email: "admin@example.com", password }
})

const modelSource = "/models/sketch.safetensors"

/** A server that can install a model from `modelSource`. */
const withModelSource = Layer.effectDiscard(Simulator.use((simulator) =>
  simulator.addModelSource(
    modelSource,
    SimulatorModels.make({ key: "sketch", name: "Sketch", base: "sd-1", type: "lora" })
  )
)).pipe(Layer.provideMerge(InvokeAiTest.layer()))

/** What the functions of the examples are called with, by the end of their file's path. */
const calls: Readonly<Record<string, (stage: Given) => ReadonlyArray<unknown>>> = {
  "guides/browser.md show": ({ textToImage }) => [new File([textToImage], "text-to-image.json")],
  "guides/crash-recovery.md prepare": () => [{ id: "1", photo: "mountain.jpg", prompt: "a lake" }],
  "guides/crash-recovery.md handle": () => [{ id: "2", photo: "mountain.jpg", prompt: "a lake" }],
  "guides/crash-recovery.md program": () => [[{ id: "3", photo: "mountain.jpg", prompt: "a lake" }]],
  "guides/crash-recovery.md work": ({ workflow }) => [{ run: "run", id: 1 }, Effect.succeed(workflow)],
  "guides/crash-recovery.md main": () => [["4", "5"].map((id) => ({ id, photo: "mountain.jpg", prompt: "a lake" }))],
  "guides/custom-nodes.md palettes": () => [{
    unknown: [{ type: "palette_output", data: { type: "palette_output", colors: ["red"] } }, {
      type: "other",
      data: {}
    }]
  }],
  "catalog/Snapshot.ts inputsOf": ({ textToImage }) => [JSON.parse(textToImage)],
  "guides/effect.md run": () => ["text-to-image.json"],
  "guides/promises.md run": ({ client, promised }) => [client, promised],
  "guides/promises.md withinAMinute": ({ client, promised }) => [client, promised],
  "guides/promises.md runAll": ({ client, promised }) => [client, promised, ["a cat", "a dog"]],
  "guides/promises.md makeBoard": ({ client }) => [client],
  "guides/promises.md listModels": ({ client }) => [client],
  "guides/running-many.md show": ({ job }) => [job],
  "guides/workflows.md prepare": ({ flux }) => [flux],
  "guides/workflows.md prepareWithPromises": ({ client, fluxPromised }) => [client, fluxPromised],
  "guides/workflows.md varied": ({ client, png }) => [client, png],
  "guides/workflows.md report": ({ flux }) => [flux],
  "guides/workflows.md study": ({ labelled }) => [labelled],
  "guides/workflows.md compare": ({ model, workflow }) => [workflow, [model, model]],
  "guides/workflows.md keep": ({ image, workflow }) => [image, workflow],
  "reference/errors.md render": ({ workflow }) => [workflow],
  "assets/Assets.ts size": ({ png }) => [png],
  "assets/Cleanup.ts early": ({ image }) => [image],
  "assets/Downloads.ts download": ({ image }) => [image],
  "assets/Cleanup.ts tidy": ({ spent }) => [spent],
  "assets/Downloads.ts withProgress": ({ outputs }) => [outputs],
  "assets/Downloads.ts save": ({ outputs }) => [outputs],
  "assets/Provenance.ts seed": ({ image }) => [image],
  "core/README.md render": () => ["text-to-image.json", "a lighthouse"],
  "job/Job.ts runAll": ({ workflow }) => [[workflow]],
  "job/Job.ts waitFor": ({ job }) => [job.batchId],
  "job/Job.ts run": ({ workflow }) => [workflow],
  "workflow/InputError.ts withSteps": ({ flux }) => [flux, 30],
  "job/JobError.ts outputs": ({ job }) => [job],
  "job/JobError.ts submit": ({ workflow }) => [workflow],
  "assets/AssetLedger.ts servicesOn": () => [SqliteClient.layer({ filename: ":memory:" })],
  "reference/errors.md patiently": () => [Effect.void],
  "run/RetryAdvice.ts runOnOneOf": () => [Effect.void, Effect.void],
  "farm/src/RenderActivity.ts orders": () => ["text-to-image.json"],
  "farm/src/RenderActivity.ts sketches": () => ["text-to-image.json"],
  "farm/src/FarmStore.ts storeAt": () => [password],
  "guides/farm.md storeAt": () => [password],
  "farm/src/Report.ts report": () => [[]],
  "farm/src/Report.ts page": () => [[]],
  "farm/src/Report.ts compare": () => [[]],
  "job/JobJournal.ts isOpen": () => ["order-1"],
  "job/JobRecovery.ts repaint": () => ["item-1", "mountain.jpg"],
  "job/JobRecovery.ts giveUp": () => ["item-7"],
  "job/JobRecovery.ts render": () => ["order-1", "a lighthouse"],
  "job/Outputs.ts saved": ({ outputs }) => [outputs],
  "job/Outputs.ts upscaled": ({ outputs }) => [outputs],
  "job/Outputs.ts printImages": ({ job }) => [job],
  "assets/Assets.ts borrow": ({ spent }) => [spent.images[0]?.imageName, []],
  "assets/Assets.ts measure": ({ png }) => [png],
  "assets/Cleanup.ts tidyAll": ({ spent }) => [[spent]],
  "assets/Downloads.ts countBytes": ({ image }) => [image],
  "assets/Downloads.ts saveVideos": ({ outputs }) => [outputs],
  "assets/Downloads.ts saveAll": ({ outputs }) => [new Map([["a lake", outputs]])],
  "batch/WorkflowBatch.ts report": ({ workflow }) => [workflow],
  "batch/WorkflowBatch.ts submitTwice": ({ workflow }) => [workflow],
  "batch/WorkflowProblems.ts printProblems": ({ flux }) => [flux],
  "job/Job.ts runTwice": ({ workflow }) => [workflow],
  "job/Job.ts unblock": () => ["missing"],
  "job/JobJournal.ts moveTo": ({ job }) => ["journal", job.batchId],
  "job/Outputs.ts imagesOf": ({ outputs }) => [outputs, ""],
  "workflow/Workflow.ts prepare": ({ textToImage }) => [textToImage],
  "workflow/Workflow.ts inputsOf": ({ png }) => [png],
  "workflow/Workflow.ts open": ({ openApi, textToImage }) => [JSON.parse(textToImage), openApi],
  "workflow/Diff.ts printChanges": ({ flux, workflow }) => [workflow, flux],
  "workflow/InkWorkflowInput.ts widthOf": ({ workflow }) => [workflow, "efa1d546-dc86-55d7-ae6f-358a977abc51"],
  "field/InkField.ts widthField": ({ openApi }) => [openApi],
  "server/Auth.ts setUp": () => [InvokeAiTest.layer({ users: [] }), password],
  "server/Auth.ts addUser": () => [multiUser, "new@example.com", password],
  "server/Auth.ts deleteOthers": () => [multiUser],
  "server/Models.ts install": () => [withModelSource, modelSource],
  "server/SessionQueue.ts enqueueDrafts": ({ workflow }) => [workflow],
  "server/SessionQueue.ts enqueue": ({ workflow }) => [InvokeAiTest.layer({ receipts: 10 }), workflow, "order-1"],
  "server/Boards.ts idOf": () => ["samples"],
  "server/Boards.ts putAside": ({ image }) => [image],
  "server/Images.ts addMask": ({ png }) => [png, "missing.png"],
  "server/Images.ts show": ({ image }) => [image],
  "server/Images.ts sizes": ({ image }) => [image],
  "server/Models.ts keyOf": ({ model }) => [model],
  "server/Models.ts describeModel": () => ["fe04e4c3-2287-4ba5-8c34-107d3da215ae", "For posters"],
  "server/Models.ts deleteModel": () => ["missing"],
  "server/Models.ts notInstalled": () => ["/models"],
  "server/Models.ts withFirstModel": ({ workflow }) => [workflow, "70409606-3b1c-5f9d-952c-81f970bd5363.model"],
  "server/ServerDocument.ts hasVideos": ({ openApi }) => [openApi],
  "server/WorkflowLibrary.ts copyToLibrary": ({ png }) => ["text-to-image.json", png],
  "server/Images.ts starAll": () => ["none"],
  "server/Images.ts describe": ({ image }) => [image],
  "server/Prompts.ts prompts": () => ["a {red|blue} ball"],
  "server/Prompts.ts presetNamed": () => ["Sketch"],
  "server/Prompts.ts save": () => ["short", "Write briefly."],
  "server/SessionQueue.ts retryFailed": ({ job }) => [job.batchId],
  "server/SessionQueue.ts cancel": ({ job }) => [job.batchId],
  "run/ImageSources.ts check": ({ workflow }) => [workflow, "prompt", "a lake"],
  "run/ImageSources.ts withPhoto": ({ workflow }) => [workflow, "prompt", "a lake"],
  "workflow/Workflow.ts inspect": ({ flux }) => [flux],
  "workflow/Workflow.ts variant": ({ flux }) => [flux],
  "src/Fault.ts bad": () => [1],
  "definition/WorkflowDefinition.ts nodeTypes": ({ textToImage }) => [JSON.parse(textToImage)]
}

/** What runs until it is stopped. */
const endless = [
  "server/EventTransport.ts printEvents",
  "guides/testing.md serve",
  "src/NodeSimulator.ts program",
  "src/NodeSimulator.ts runMain",
  "server/ServerEvents.ts printProgress",
  "guides/farm.md worker"
]

/** What the examples declare without a value. */
const declared: Readonly<Record<string, (stage: Given) => unknown>> = {
  "guides/workflows.md workflow": ({ flux }) => flux,
  "guides/workflows.md file": ({ textToImage }) => textToImage,
  "guides/workflows.md openApiDocument": ({ openApi }) => openApi,
  "catalog/NodeCatalog.ts document": ({ openApi }) => openApi,
  workflow: ({ workflow }) => workflow
}

const find = <A>(table: Readonly<Record<string, A>>, example: Example, name: string): A | undefined =>
  Object.entries(table).find(([key]) => `${example.file} ${name}`.endsWith(key))?.[1]

declare global {
  /** What an executed module finds: the values that it only declares, and what runs its main program. */
  var given: { readonly declared: (name: string) => unknown; readonly runMain: (effect: unknown) => void }
}

/** The module with its constants exported, its server replaced by the stage's, and its declared values filled in. */
const executable = (example: Example, { image, url }: Given): string =>
  example.code
    .replaceAll(/^const (\w+) =/gm, "export const $1 =")
    .replaceAll(/^declare const (\w+):.*$/gm, `const $1 = globalThis.given.declared("$1")`)
    .replace(/^import \* as NodeRuntime from .*$/m, "const NodeRuntime = globalThis.given")
    .replaceAll(/http:\/\/(localhost|127\.0\.0\.1):9090/g, url)
    .replaceAll("port: 9090", "port: 0")
    .replaceAll(/"[0-9a-f]{8}-[-0-9a-f]*(image)?\.png"/g, JSON.stringify(image))

const folder = Path.join(import.meta.dirname, "../../.doctest/executed")

const isEffect = (value: unknown): value is Effect.Effect<unknown, unknown, Scope.Scope> => Effect.isEffect(value)
const isLayer = (value: unknown): value is Layer.Layer<never, unknown> => Layer.isLayer(value)

/** Runs what an example exports, or what its functions give. */
const perform: (
  example: Example,
  given: Given,
  name: string,
  value: unknown
) => Effect.Effect<void, unknown, Scope.Scope> = Effect.fnUntraced(function*(example, given, name, value) {
  if (isEffect(value)) {
    if (!endless.some((key) => `${example.file} ${name}`.endsWith(key))) return void (yield* value)
    const ended = yield* Effect.timeoutOption(value, "300 millis")
    return assert.isTrue(Option.isNone(ended), `${name} runs until it is stopped`)
  }
  if (isLayer(value)) return void (yield* Layer.build(value))
  if (Predicate.isPromise(value)) return yield* perform(example, given, name, yield* Effect.promise(() => value))
  if (typeof value !== "function") return
  const make: (...args: ReadonlyArray<unknown>) => unknown = value as never // an example's, called as it wants
  const args = find(calls, example, name)
  assert.isTrue(args !== undefined || make.length === 0, `add the arguments of ${name} to test/documentation`)
  yield* perform(example, given, name, make(...(args?.(given) ?? [])))
})

const run = Effect.fnUntraced(function*(example: Example) {
  const given = yield* Stage
  const mains: Array<unknown> = []
  globalThis.given = {
    declared: (name) => {
      const value = find(declared, example, name)
      assert.isDefined(value, `add the value of ${name} to test/documentation`)
      return value?.(given)
    },
    runMain: (effect) => void mains.push(effect)
  }
  Fs.mkdirSync(folder, { recursive: true })
  const file = Path.join(folder, `${nameOf(example)}.ts`)
  Fs.writeFileSync(file, executable(example, given))
  const module: Readonly<Record<string, unknown>> = yield* Effect.promise(() => import(/* @vite-ignore */ file))
  for (const [name, value] of Object.entries(module)) yield* Effect.scoped(perform(example, given, name, value))
  for (const main of mains) yield* Effect.scoped(perform(example, given, "runMain", main))
})

beforeAll(() => {
  for (const method of ["log", "error"] as const) vi.spyOn(console, method).mockImplementation(() => {})
})
afterAll(() => void vi.restoreAllMocks())

it.layer(Stage.layer, { excludeTestServices: true })("An example of the documentation runs", (it) => {
  for (const example of examples.filter(({ kind }) => kind === "module")) {
    it.effect(`${example.file}:${example.line}`, () => run(example))
  }
})
