/** Where the examples of the documentation play: a simulator on a port, and a folder with the files that they name. */
import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import * as Job from "@effect-invokeai/core/job/Job"
import { JobJournal } from "@effect-invokeai/core/job/JobJournal"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import { Farm } from "@effect-invokeai/farm/Farm"
import * as FarmStore from "@effect-invokeai/farm/FarmStore"
import * as InvokeAi from "@effect-invokeai/node/InvokeAiPromise"
import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import { NodeSimulator } from "@effect-invokeai/testing/NodeSimulator"
import { Simulator } from "@effect-invokeai/testing/Simulator"
import * as SimulatorModels from "@effect-invokeai/testing/SimulatorModels"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"

const root = Path.resolve(import.meta.dirname, "../..")

const model = SimulatorModels.defaults.find(({ base, type }) => base === "sd-1" && type === "main")!

/** A workflow of test/fixtures with its model set and other labels, so that the names in the examples fit. */
const exported = (file: string, labels: Readonly<Record<string, string>>): string => {
  const text = Fs.readFileSync(Path.join(root, "test/fixtures/workflows", file), "utf8")
  return JSON.stringify(JSON.parse(text, (key, value: unknown) => {
    if (typeof value !== "object" || value === null || !("name" in value) || !("label" in value)) return value
    if (key === "model" && value.name === "model") {
      const { base, hash, key, name, type } = model
      return { ...value, value: { key, hash, name, base, type } }
    }
    return { ...value, label: labels[String(value.label)] ?? value.label }
  }))
}

const textToImage = Fs.readFileSync(Path.join(root, "test/fixtures/workflows/text-to-image.json"), "utf8")
const imageToImage = exported("sd1-image-to-image.json", { Picture: "image", Prompt: "prompt", Steps: "num_steps" })
const labelled = exported("sd1-text-to-image.json", {})

/** All services that an example may ask for. */
const services = Layer.unwrap(Effect.map(NodeSimulator, ({ url }) => NodeInvokeAi.layer({ url }))).pipe(
  Layer.provideMerge(Layer.mergeAll(
    NodeSimulator.layer({ port: 0, boards: ["samples", "study"], nodeDuration: 0, stepDuration: 0 }),
    NodeServices.layer,
    JobJournal.layerMemory
  ))
)

/** A farm with runs that have finished. */
const farm = Layer.unwrap(
  Effect.map(
    NodeSimulator,
    ({ url }) => Farm.layer({ servers: [{ url }], store: FarmStore.sqlite({ filename: ":memory:" }) })
  )
)

/** A folder with the files that examples name is the current one, and the environment names the server. */
const inFolder = (url: URL) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const { INVOKEAI_URL } = process.env
      const before = process.cwd()
      const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-invokeai-documentation-"))
      const link = (from: string, name: string) =>
        Fs.symlinkSync(Path.join(root, "examples", from), Path.join(folder, name))
      link("", "examples")
      link("soft-thumbnail.json", "soft-thumbnail.json")
      for (const name of ["photo.png", "mountain.jpg"]) link("mountain.png", name)
      Fs.writeFileSync(Path.join(folder, "rows.csv"), "id,prompt\none,a lake\ntwo,a lighthouse\n")
      for (const name of ["workflow.json", "text-to-image.json"]) Fs.writeFileSync(Path.join(folder, name), textToImage)
      Fs.writeFileSync(Path.join(folder, "image-to-image.json"), imageToImage)
      process.chdir(folder)
      process.env["INVOKEAI_URL"] = url.href
      return { INVOKEAI_URL, before, folder }
    }),
    ({ INVOKEAI_URL, before, folder }) =>
      Effect.sync(() => {
        process.chdir(before)
        if (INVOKEAI_URL === undefined) delete process.env["INVOKEAI_URL"]
        else process.env["INVOKEAI_URL"] = INVOKEAI_URL
        Fs.rmSync(folder, { recursive: true, force: true })
      })
  )

const prepare = Effect.gen(function*() {
  const { url } = yield* NodeSimulator
  const simulator = yield* Simulator
  yield* inFolder(url)
  const saved: Readonly<Record<string, unknown>> = JSON.parse(textToImage)
  yield* simulator.addWorkflow({ ...saved, name: "Text to Image - SD1.5" })
  const workflow = yield* Workflow.fromJson(textToImage)
  const job = yield* Job.submit(workflow)
  const { outputs } = yield* job.await
  const spent = yield* Effect.flatMap(Job.submit(workflow), (other) => other.await)
  const client = yield* Effect.acquireRelease(
    Effect.promise(() => InvokeAi.connect({ url })),
    (client) => Effect.promise(() => client.close())
  )
  const service = yield* Farm
  for (const run of ["night", "urgent", "old"]) yield* service.offer(run, "text-to-image.json", [{ prompt: run }])
  yield* Effect.raceFirst(Effect.forEach(["night", "urgent", "old"], service.await), service.work)
  const openApi: unknown = JSON.parse(
    Fs.readFileSync(Path.join(root, "test/fixtures/catalogs/6.14.2.json"), "utf8")
  )
  return {
    url: url.href.replace(/\/$/, ""),
    /** The name of an image that `workflow` made. */
    image: outputs.finalImages[0]!.imageName,
    model: model.name,
    openApi,
    textToImage,
    workflow,
    labelled: yield* Workflow.fromJson(labelled),
    flux: yield* Workflow.fromFile("examples/flux-image-to-image.json"),
    job,
    outputs,
    /** Those of another job, for who deletes them. */
    spent: spent.outputs,
    client,
    /** The bytes of `image`. */
    png: yield* Downloads.bytes(outputs.finalImages[0]!),
    fluxPromised: yield* Effect.promise(() => client.workflow("examples/flux-image-to-image.json")),
    promised: yield* Effect.promise(() => client.workflow("text-to-image.json"))
  }
})

/** What examples are called with. */
export class Stage extends Context.Service<Stage, Effect.Success<typeof prepare>>()("test/documentation/Stage") {
  static readonly layer = Layer.effect(Stage, prepare).pipe(
    Layer.provideMerge(farm),
    Layer.provideMerge(services)
  )
}
