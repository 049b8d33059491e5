/** Use case 2: set the inputs of a workflow, and check it. `node examples/02-set-inputs.ts` */
import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as WorkflowBatch from "@effect-invokeai/core/batch/WorkflowBatch"
import { Models } from "@effect-invokeai/core/server/Models"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { listInputs } from "./01-list-inputs.ts"
import { exampleFile, run } from "./lib/run.ts"

const loader = "f8d9d7c8-9ed7-4bd7-9e42-ab0e89bfac90"
const encoder = "01f674f8-b3d1-4df1-acac-6cb8e0bfb63c"
const picture = "2981a67c-480f-4237-9384-26b68dbf912b"
const denoise = "9c773392-5647-4f2b-958e-9da1707b6e6a"

/** The models that the workflow needs on the server. The name is only a preference; any model of the type works. */
const requirements = [
  { field: "model", name: "FLUX Dev (Quantized)", bases: ["flux"], type: "main" },
  { field: "t5_encoder_model", name: "T5 Encoder FLUX", bases: ["flux", "any"], type: "t5_encoder" },
  { field: "clip_embed_model", name: "CLIP-L Encoder", bases: ["flux", "any"], type: "clip_embed" },
  { field: "vae_model", name: "FLUX VAE", bases: ["flux"], type: "vae" }
]

/** The server lacks models that the workflow needs. */
export class ModelsMissing extends Schema.TaggedError<ModelsMissing>()("ModelsMissing", {
  models: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `This server lacks models that the workflow needs:\n${this.models.map((model) => `  - ${model}`).join("\n")}`
  }
}

/** The models of this server for the four model inputs, by system name. */
export const findModels = Effect.gen(function*() {
  const models = yield* Models
  const installed = yield* models.list()
  const missing: Array<string> = []
  const values = new Map<string, unknown>()
  for (const { bases, field, name, type } of requirements) {
    const suitable = installed.filter((model) => model.type === type && bases.includes(model.base))
    const model = suitable.find((model) => model.name === name) ?? suitable[0]
    if (model === undefined) missing.push(`a ${bases.join(" or ")} model of type ${type}, for example "${name}"`)
    else values.set(`${loader}.${field}`, { key: model.key, name: model.name, base: model.base, type: model.type })
  }
  if (missing.length > 0) return yield* new ModelsMissing({ models: missing })
  return values
})

/** Sets all inputs of the example workflow. The uploaded image is deleted when the scope closes. */
export const setInputs = Effect.fn("setInputs")(function*(workflow: Workflow.Workflow) {
  const models = yield* findModels

  yield* Console.log("Uploading examples/mountain.png …")
  const photo = yield* Assets.uploadFile(exampleFile("mountain.png"))

  const configured = yield* workflow.pipe(
    Workflow.setInputs(models),
    Effect.flatMap(Workflow.setInputs({
      [`${encoder}.prompt`]: "A serene mountain landscape at sunset, photorealistic, high detail",
      [`${picture}.image`]: photo,
      [`${denoise}.num_steps`]: "30", // numeric strings are converted
      [`${denoise}.denoising_start`]: 0.65
    }))
  )

  // An invalid value fails immediately, and does not change the workflow.
  yield* configured.pipe(
    Workflow.setInput(`${denoise}.num_steps`, -5),
    Effect.catchTag("InputError", (error) => Console.log(`Field validation error: ${error.message}`))
  )

  const problems = WorkflowBatch.validate(configured)
  for (const [input, messages] of problems.inputs) yield* Console.log(`  ${input}: ${messages.join(", ")}`)
  for (const message of problems.workflow) yield* Console.log(`  ${message}`)
  if (problems.isEmpty) yield* Console.log("All inputs are valid")

  const missing = Workflow.missingRequiredInputs(configured)
  yield* Console.log(
    missing.length === 0
      ? "All required inputs are set, the workflow is ready for submission"
      : `Required inputs without a value: ${missing.join(", ")}`
  )
  return configured
})

if (import.meta.main) run(Effect.flatMap(listInputs, setInputs))
