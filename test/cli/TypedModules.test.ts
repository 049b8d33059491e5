import * as Babel from "@babel/parser"
import * as CommandResult from "@effect-invokeai/cli/CommandResult"
import * as Run from "@effect-invokeai/core/run/Run"
import type * as TypedWorkflow from "@effect-invokeai/core/run/TypedWorkflow"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as InvokeAi from "@effect-invokeai/node/InvokeAiPromise"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import type * as Simulator from "@effect-invokeai/testing/Simulator"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { withServer } from "../examples/support.ts"
import { drive } from "../time.ts"
import * as Flux from "./generated/effect/flux-image-to-image.ts"
import * as Thumbnail from "./generated/effect/soft-thumbnail.ts"
import * as Texts from "./generated/effect/text-only.ts"
import * as Painting from "./generated/effect/text-to-image.ts"
import * as PromisedThumbnail from "./generated/promise/soft-thumbnail.ts"
import * as PromisedTexts from "./generated/promise/text-only.ts"
import { data, example, failure, invoke, root } from "./support.ts"

const photo = example("mountain.png")
const fixture = (name: string) => Path.join(root, "test/fixtures/workflows", name)
const sources = [
  example("soft-thumbnail.json"),
  example("flux-image-to-image.json"),
  fixture("text-only.json"),
  fixture("text-to-image.json")
]

const temporary: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-invokeai-types-"))),
  (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true }))
)

const read = (path: string) => Fs.readFileSync(path, "utf8")

/** The JSON of a workflow, changed. */
const edited = (path: string, edit: (text: string) => string): Record<string, unknown> => JSON.parse(edit(read(path)))

/** The thumbnail with another default, another label, an input less, and one that is required now. */
const changed = (): Record<string, unknown> => {
  const workflow = edited(
    example("soft-thumbnail.json"),
    (text) =>
      text.replace(`"value": 384`, `"value": 512`).replace(`"label": "softness"`, `"label": "blur"`)
        .replace(/("fieldName": )"height"/, `$1"resample_mode"`)
  )
  return workflow
}

const differences = [
  "the input width had the default \"384\", and now has \"512\"",
  "the input height was removed",
  "the input softness was removed",
  "the input resample_mode was added",
  "the input blur was added"
]

const onSimulator = <A, E>(effect: Effect.Effect<A, E, Run.RunServices | Simulator.Simulator | Scope.Scope>) =>
  drive(
    Effect.andThen(Effect.scoped(effect), InvokeAiTest.assertClean).pipe(
      Effect.provide([InvokeAiTest.layer(), NodeServices.layer])
    )
  )

describe("types", () => {
  it.live("writes the same modules on each run, for effects and for promises", () =>
    Effect.gen(function*() {
      for (const [kind, flags] of [["effect", []], ["promise", ["--promise"]]] as const) {
        const out = Path.join(root, "test/cli/generated", kind)
        const { data: { modules } } = yield* data(CommandResult.Types, [
          "types",
          ...sources,
          "--out",
          out,
          "--check",
          ...flags
        ])
        assert.deepStrictEqual(modules.map(({ status }) => status), ["same", "same", "same", "same"])
      }
    }))

  it.live("accepts folders and patterns, and writes only what differs", () =>
    Effect.scoped(Effect.gen(function*() {
      const cwd = yield* temporary
      Fs.mkdirSync(`${cwd}/workflows`)
      for (const source of sources) Fs.copyFileSync(source, `${cwd}/workflows/${Path.basename(source)}`)
      const run = (source: string) => data(CommandResult.Types, ["types", source, "--out", "src"], { cwd })
      const { data: first } = yield* run("workflows/*.json")
      assert.deepStrictEqual(first.modules.map(({ path, status }) => [path, status]), [
        ["src/flux-image-to-image.ts", "missing"],
        ["src/soft-thumbnail.ts", "missing"],
        ["src/text-only.ts", "missing"],
        ["src/text-to-image.ts", "missing"]
      ])
      Fs.appendFileSync(`${cwd}/src/text-only.ts`, "\n")
      const { data: second } = yield* run("workflows")
      assert.deepStrictEqual(second.modules.map(({ status }) => status), ["same", "same", "changed", "same"])
      assert.isFalse(read(`${cwd}/src/text-only.ts`).endsWith("\n\n"))
    })))

  it.live("fails with --check if a workflow changed, and lists what changed", () =>
    Effect.scoped(Effect.gen(function*() {
      const cwd = yield* temporary
      const file = `${cwd}/soft-thumbnail.json`
      const types = ["types", "soft-thumbnail.json", "--out", "."]
      Fs.copyFileSync(example("soft-thumbnail.json"), file)
      const missing = yield* failure([...types, "--check"], { cwd })
      assert.deepStrictEqual([missing.code, missing.tag], [3, "TypesOutdated"])
      assert.include(missing.message, "soft-thumbnail.ts")
      yield* invoke(types, { cwd })
      // another layout of the JSON is no change
      Fs.writeFileSync(file, JSON.stringify(JSON.parse(read(file)), null, 7))
      yield* data(CommandResult.Types, [...types, "--check"], { cwd })
      Fs.writeFileSync(file, JSON.stringify(changed()))
      const outdated = yield* failure([...types, "--check"], { cwd })
      assert.deepStrictEqual([outdated.code, outdated.tag], [3, "TypesOutdated"])
      for (const message of differences) assert.include(outdated.message, message)
      const { data: { modules: [module] } } = yield* data(CommandResult.Types, types, { cwd })
      assert.deepStrictEqual(module!.changes.map(({ message }) => message), differences)
      yield* data(CommandResult.Types, [...types, "--check"], { cwd })
    })))

  it.live("warns about nodes that the bundled node types do not have, with the way to have them typed", () =>
    Effect.scoped(Effect.gen(function*() {
      const cwd = yield* temporary
      const custom = edited(
        example("soft-thumbnail.json"),
        (text) => text.replaceAll("\"img_blur\"", "\"studio_soften\"")
      )
      Fs.writeFileSync(`${cwd}/custom.json`, JSON.stringify(custom))
      const { stderr } = yield* data(CommandResult.Types, ["types", "custom.json", "--out", "."], { cwd })
      assert.include(stderr, "custom.json")
      assert.include(stderr, "studio_soften")
      assert.include(stderr, "--online")
      const { stderr: silent } = yield* data(
        CommandResult.Types,
        ["types", example("soft-thumbnail.json"), "--out", "."],
        { cwd }
      )
      assert.strictEqual(silent.split("\n").filter((line) => line.includes("unknown type")).length, 0)
    })))

  it.live("leaves a file alone that it did not write", () =>
    Effect.scoped(Effect.gen(function*() {
      const cwd = yield* temporary
      Fs.writeFileSync(`${cwd}/text-only.ts`, "export const mine = 1\n")
      const { code, message } = yield* failure(["types", fixture("text-only.json"), "--out", "."], { cwd })
      assert.strictEqual(code, 2)
      assert.include(message, "text-only.ts")
      assert.strictEqual(read(`${cwd}/text-only.ts`), "export const mine = 1\n")
    })))

  it.live("gives each workflow a valid module of its own, whatever its name and its texts are", () =>
    Effect.scoped(Effect.gen(function*() {
      const cwd = yield* temporary
      const names = [
        "文字转图像",
        "🎨",
        "class",
        "con",
        "3d render",
        "a/same",
        "b/same",
        "same",
        "Ünïcode & more",
        "x".repeat(200)
      ]
      const hostile = "*/ process.exit(1) /*\n@internal\u2028@default ${1} `\u202e \\*/"
      for (const name of names) {
        const path = `${cwd}/${name}.json`
        Fs.mkdirSync(Path.dirname(path), { recursive: true })
        const workflow = edited(example("soft-thumbnail.json"), (text) => text)
        const nodes = workflow["nodes"] as ReadonlyArray<{ data: { inputs: { image: Record<string, string> } } }>
        nodes[0]!.data.inputs.image = { name: "image", label: `${name} ${hostile}`, description: hostile }
        Fs.writeFileSync(path, JSON.stringify({ ...workflow, name, description: hostile }))
      }
      const { data: { modules } } = yield* data(
        CommandResult.Types,
        ["types", ...names.map((name) => `${name}.json`), "--out", "src"],
        { cwd }
      )
      const made = modules.map(({ path }) => Path.basename(path))
      assert.sameMembers(made, [
        "文字转图像.ts",
        "workflow.ts",
        "class.ts",
        "workflow-con.ts",
        "3d-render.ts",
        "a-same.ts",
        "b-same.ts",
        made.find((name) => name.endsWith("-same.ts") && !/^[ab]-/.test(name))!,
        "ünïcode-more.ts",
        `${"x".repeat(60)}.ts`
      ])
      const shape = (text: string) =>
        Babel.parse(text, { sourceType: "module", plugins: ["typescript"] }).program.body.map(({ type }) => type)
      const expected = shape(read(Path.join(root, "test/cli/generated/effect/soft-thumbnail.ts")))
      for (const { path } of modules) {
        const text = read(Path.join(cwd, path))
        assert.deepStrictEqual(shape(text), expected, path)
        assert.notMatch(text, /^ *\* @internal/m)
        assert.notMatch(text, /[\u202e\u2028]/)
      }
      const { data: { modules: again } } = yield* data(
        CommandResult.Types,
        ["types", ...names.map((name) => `${name}.json`).toReversed(), "--out", "src", "--check"],
        { cwd }
      )
      assert.deepStrictEqual(again.map(({ path }) => path), modules.map(({ path }) => path))
    })))

  it.live("opens fifty workflows without a server, in seconds", () =>
    Effect.scoped(Effect.gen(function*() {
      const cwd = yield* temporary
      Fs.mkdirSync(`${cwd}/workflows`)
      for (let index = 0; index < 50; index++) {
        Fs.copyFileSync(sources[index % sources.length]!, `${cwd}/workflows/workflow-${index}.json`)
      }
      const start = performance.now()
      const { code } = yield* invoke(["types", "workflows", "--out", "src"], {
        cwd,
        env: { INVOKEAI_URL: "http://127.0.0.1:9" }
      })
      assert.strictEqual(code, 0)
      assert.isBelow(performance.now() - start, 10_000)
      assert.lengthOf(Fs.readdirSync(`${cwd}/src`), 50)
    })))
})

describe("a generated module", () => {
  it.effect("runs its workflow with typed inputs and outputs", () =>
    onSimulator(Effect.gen(function*() {
      const { outputs } = yield* Thumbnail.run({ photo, width: 32, height: undefined })
      expectTypeOf(outputs).toEqualTypeOf<Thumbnail.Outputs>()
      assert.strictEqual(outputs.image?.width, 32)
      assert.isTrue(Schema.is(Thumbnail.outputSchema)(outputs))
      const texts = yield* Texts.run()
      assert.deepStrictEqual(texts.outputs, { sentence: "Hello, world", sum: 42 })
      const twice = yield* Texts.run({ name: "Ada" }, { runs: 2 })
      expectTypeOf(twice.outputs.sentence).toEqualTypeOf<ReadonlyArray<string>>()
      assert.deepStrictEqual(twice.outputs.sentence, ["Hello, Ada", "Hello, Ada"])
    })))

  it.effect("returns the workflow with its inputs set, images uploaded", () =>
    onSimulator(Effect.gen(function*() {
      const ready = yield* Thumbnail.set({ photo: new Uint8Array(Fs.readFileSync(photo)), width: 48 })
      assert.deepStrictEqual(Workflow.missingRequiredInputs(ready), [])
      const { outputs } = yield* Run.run(ready)
      assert.strictEqual((outputs["image"] as TypedWorkflow.ImageData).width, 48)
    })))

  it.effect("fails with a list of the changes if its workflow does not match any more", () =>
    onSimulator(Effect.gen(function*() {
      const error = yield* Effect.flip(Thumbnail.run({ photo }, { workflow: changed() }))
      assert(error._tag === "WorkflowChanged")
      assert.deepStrictEqual(error.changes.map(({ message }) => message), differences)
      assert.include(error.message, "soft-thumbnail")
      const other = yield* Effect.flip(Thumbnail.set({ photo }, { workflow: fixture("text-only.json") }))
      assert(other._tag === "WorkflowChanged")
      assert.include(other.message, "text-only.json")
      // what has no input or output that differs still fits
      const moved = edited(example("soft-thumbnail.json"), (text) => text.replace("soft-thumbnail", "renamed"))
      const { outputs } = yield* Thumbnail.run({ photo, width: 24 }, { workflow: moved })
      assert.strictEqual(outputs.image?.width, 24)
    })))

  it("has schemas without a server, with titles, bounds and defaults", () => {
    const accepts = Schema.is(Thumbnail.inputSchema)
    assert.isTrue(accepts({ photo: "a.png", width: 64 }))
    for (const invalid of [{}, { photo: "a.png", width: -1 }, { photo: "a.png", widht: 64 }]) {
      assert.isFalse(accepts(invalid), JSON.stringify(invalid))
    }
    const { schema } = Schema.toJsonSchemaDocument(Thumbnail.inputSchema)
    assert.deepInclude((schema as { properties: Record<string, object> }).properties["width"], {
      title: "Width",
      type: "integer",
      default: 384
    })
  })

  it.live("runs its workflow with promises, on a client or with one of its own", () =>
    withServer({ nodeDuration: 0, stepDuration: 0 }, ({ url }) =>
      Effect.promise(async () => {
        const { outputs } = await PromisedTexts.run({ name: "Ada" }, { server: { url: url } })
        expectTypeOf(outputs).toEqualTypeOf<PromisedTexts.Outputs>()
        assert.deepStrictEqual(outputs, { sentence: "Hello, Ada", sum: 42 })
        const client = await InvokeAi.connect({ url: url })
        try {
          const small = await PromisedThumbnail.run({ photo, width: 32 }, { server: client })
          assert.strictEqual(small.outputs.image?.width, 32)
          const job = await client.submit(await PromisedThumbnail.set(client, { photo, width: 16 }))
          assert.strictEqual((await job.outputs()).finalImages.length, 1)
          const error = await PromisedThumbnail.run({ photo }, { server: client, workflow: changed() }).then(
            () => undefined,
            (error: TypedWorkflow.WorkflowChanged) => error
          )
          assert.strictEqual(error?._tag, "WorkflowChanged")
          assert.deepStrictEqual(error?.changes.map(({ message }) => message), differences)
        } finally {
          await client.close()
        }
      })))

  it("rejects what is misspelled, missing or of another type when it is compiled", () => {
    // What is wrong here fails the type check of the tests; the functions are never called.
    const models = {
      t5_encoder_model: { name: "T5" },
      clip_embed_model: "b",
      positive_prompt: "",
      image: { imageName: "d" }
    }
    const programs = [
      // @ts-expect-error -- misspelled
      () => Thumbnail.run({ photo, widht: 32 }),
      // @ts-expect-error -- missing
      () => Thumbnail.run({ width: 32 }),
      // @ts-expect-error -- all are missing
      () => Thumbnail.run(),
      // @ts-expect-error -- mistyped
      () => Thumbnail.run({ photo, width: "32" }),
      // @ts-expect-error -- no image
      () => Thumbnail.set({ photo: 1 }),
      // @ts-expect-error -- not one of the choices
      () => Painting.run({ scheduler: "eulr" }),
      // @ts-expect-error -- misspelled, where no input is required
      () => Texts.run({ nmae: "Ada" }),
      // @ts-expect-error -- a model without anything to find it by
      () => Flux.set({ ...models, vae_model: { base: "any" } }),
      // @ts-expect-error -- no such output
      () => Effect.map(Thumbnail.run({ photo }), ({ outputs }) => outputs.picture),
      // @ts-expect-error -- misspelled, with promises
      () => PromisedTexts.run({ nmae: "Ada" }),
      // @ts-expect-error -- missing, with promises
      () => PromisedThumbnail.run({ width: 32 }),
      () => Painting.run({ scheduler: "euler", model: "tiny-sd1", board: "auto" }),
      () => Flux.run({ ...models, vae_model: { key: "c" } })
    ]
    expectTypeOf<"euler" | "lcm">().toExtend<Painting.Inputs["scheduler"]>()
    assert.lengthOf(programs, 13)
  })
})
