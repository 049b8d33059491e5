import * as WorkflowBatch from "@effect-invokeai/core/batch/WorkflowBatch"
import * as Diff from "@effect-invokeai/core/workflow/Diff"
import * as Sweep from "@effect-invokeai/core/workflow/Sweep"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as PlatformError from "effect/PlatformError"
import * as Schema from "effect/Schema"
import { catalogLayer, edge, file, input, models, node, open, read, readJson, resources } from "./support.ts"

const add = (id: string, a: unknown, b: unknown, labels: readonly [string, string] = ["", ""]) =>
  node(id, "add", "1.0.1", [input("a", a, labels[0]), input("b", b, labels[1])])

const blur = (id: string, image: unknown, more: Record<string, unknown> = {}) =>
  node(id, "img_blur", "1.2.2", [
    input("board", "auto"),
    input("metadata"),
    input("image", image),
    input("radius", 8),
    input("blur_type", "gaussian")
  ], more)

const message = <A, E extends { readonly message: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), (error) => error.message)

describe("Input names", () => {
  const workflow = read(file(
    [
      add("x", 1, 2, ["First number", ""]),
      add("y.z", 3, 4),
      node("s", "string", "1.0.1", [input("value", "hi", "Prompt")])
    ],
    [],
    [["x", "a"], ["y.z", "b"], ["s", "value"], ["x", "b"]]
  ))

  it.effect("are a label or else the field name, a public name, a system name, or an index", () =>
    Effect.gen(function*() {
      const self = yield* workflow
      assert.deepStrictEqual(self.inputs.map(({ userName }) => userName), ["First number", "b", "Prompt", "b"])
      for (const name of ["First number", "first_number", "x.a", 0, "0"]) {
        assert.strictEqual((yield* Workflow.getInput(self, name)).systemName, "x.a")
      }
      assert.strictEqual((yield* Workflow.getInput(self, "y.z.b")).field.value, 4)
    }))

  it.effect("are reported with similar names if they do not exist", () =>
    Effect.gen(function*() {
      const self = yield* workflow
      assert.strictEqual(
        yield* message(Workflow.getInput(self, "promt")),
        "No input is named \"promt\". Did you mean Prompt?"
      )
      assert.strictEqual(
        yield* message(Workflow.setInput(self, "firstnumber", 1)),
        "No input is named \"firstnumber\". Did you mean First number?"
      )
      assert.strictEqual(
        yield* message(Workflow.getInput(self, "zzz")),
        "No input is named \"zzz\". The inputs are: First number, add_integers_b, Prompt, add_integers_b_2"
      )
      assert.strictEqual(
        yield* message(Workflow.getInput(self, 7)),
        "No input has the name or index \"7\". The inputs are: First number, add_integers_b, Prompt, add_integers_b_2"
      )
      const empty = yield* read(file([add("x", 1, 2)], [], []))
      assert.strictEqual(
        yield* message(Workflow.getInput(empty, "c")),
        "No input is named \"c\": the workflow has no inputs on its form"
      )
    }))

  it.effect("are rejected with the nodes that share them if several inputs have the same name", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Workflow.setInput(yield* workflow, "b", 1))
      assert.strictEqual(
        error.message,
        "2 inputs are named \"b\" (nodes: y.z, x). Use add_integers_b or add_integers_b_2, or a system name: y.z.b or x.b"
      )
    }))

  it.effect("identify a field even if it is on the form twice", () =>
    Effect.gen(function*() {
      const self = yield* read(file([add("x", 1, 2)], [], [["x", "a"], ["x", "a"]]))
      assert.deepStrictEqual(self.inputs.map(({ index }) => index), [0, 1])
      assert.deepStrictEqual([...(yield* Workflow.inputsByUserName(self)).keys()], ["a"])
      const set = yield* Workflow.setInput(self, "a", 9)
      assert.deepStrictEqual(set.inputs.map(({ field }) => field.value), [9, 9])
      assert.deepStrictEqual(self.inputs.map(({ field }) => field.value), [1, 1])
    }))

  it.effect("are plain data, whatever they are", () =>
    Effect.gen(function*() {
      const ids = ["__proto__", "constructor", "toString", "12", "a.b", "ü ✓"]
      const json = JSON.parse(JSON.stringify(file(
        ids.map((id) => node(id, "add", "1.0.1", [input("a", 1, "__proto__"), input("b", 2)])),
        [edge("__proto__", "value", "constructor", "a")],
        ids.map((id) => [id, "b"] as const)
      ))) as unknown
      const self = yield* read(json)
      const values = new Map(ids.map((id, index) => [`${id}.b`, index + 10]))
      const set = yield* Workflow.setInputs(self, values)
      assert.deepStrictEqual(
        new Map(set.inputs.map(({ field, systemName }) => [systemName, field.value as number])),
        values
      )
      const batch = yield* WorkflowBatch.make(set).pipe(Effect.provide(resources()))
      assert.deepStrictEqual(new Set(Object.keys(batch.graph.nodes)), new Set(ids))
      assert.deepStrictEqual(new Set(batch.nodes.keys()), new Set(ids))
      assert.isFalse(Object.hasOwn(batch.graph.nodes["constructor"] ?? {}, "a"))
      assert.strictEqual((yield* Workflow.getField(set, "__proto__.a")).userName, "__proto__")
    }))
})

describe("Setting inputs", () => {
  it.effect("sets all or none", () =>
    Effect.gen(function*() {
      const self = yield* open("examples/flux-image-to-image.json")
      const twice = yield* message(Workflow.setInputs(self, { num_steps: 12, 6: 13 }))
      assert.strictEqual(
        twice,
        "Invalid value for input \"num_steps\" (node \"FLUX Denoise\"): expected one value, but \"6\" and \"num_steps\" are names of the same input: use one, " +
          "got 12 as a second value"
      )
      const error = yield* Effect.flip(Workflow.setInputs(self, { num_steps: 12, denoising_start: 2 }))
      assert.strictEqual(
        error.message,
        "Invalid value for input \"denoising_start\" (node \"FLUX Denoise\"): expected a number between 0 and 1, got 2"
      )
      assert.strictEqual((yield* Workflow.getInput(self, "num_steps")).field.value, 20)
    }))

  it.effect("rejects connected inputs", () =>
    Effect.gen(function*() {
      const self = yield* read(file([add("x", 1, 2), add("y", 3, 4)], [edge("x", "value", "y", "a")], [["y", "a"]]))
      assert.isTrue(self.inputs[0]?.connected)
      assert.strictEqual(
        yield* message(Workflow.setInput(self, "a", 5)),
        "Invalid value for input \"a\" (node \"Add Integers\"): expected no value, because it is connected to node \"Add Integers\", got 5"
      )
    }))

  it.effect("changes fields that are not on the form only by an explicit call", () =>
    Effect.gen(function*() {
      const self = yield* read(file([add("x", 1, 2)], [], [["x", "a"]]))
      assert.strictEqual(
        yield* message(Workflow.setInput(self, "x.b", 5)),
        "Field \"x.b\" is not on the workflow's form: use Workflow.setField(\"x.b\", …)"
      )
      const set = yield* Workflow.setField(self, "x.b", "5")
      assert.strictEqual((yield* Workflow.getField(set, "x.b")).field.value, 5)
      assert.strictEqual((yield* Workflow.getField(set, "x.b")).index, -1)
      assert.strictEqual(
        yield* message(Workflow.setInput(self, "b", 5)),
        "No input is named \"b\". Fields with this name that are not on the form: Workflow.setField(\"x.b\", …)"
      )
      assert.strictEqual(
        yield* message(Workflow.setField(self, "x.c", 5)),
        "No field has the system name \"x.c\" ({nodeId}.{fieldName}). Workflow.fields lists all fields"
      )
      assert.strictEqual(
        yield* message(Workflow.setField(self, "b", 5)),
        "No field has the system name \"b\" ({nodeId}.{fieldName}). Did you mean x.b?"
      )
      assert.deepStrictEqual(Workflow.fields(set).map(({ systemName }) => systemName), ["x.a", "x.b"])
    }))

  it.effect("adds a field that the file does not contain", () =>
    Effect.gen(function*() {
      const self = yield* read(file([node("x", "add", "1.0.1", [input("a", 1)])], [], []))
      const set = yield* Workflow.setField(self, "x.b", 7)
      const batch = yield* WorkflowBatch.make(set).pipe(Effect.provide(resources()))
      assert.strictEqual(batch.graph.nodes["x"]?.["b"], 7)
    }))

  it.effect("can clear a value", () =>
    Effect.gen(function*() {
      const self = yield* open("examples/flux-image-to-image.json")
      const cleared = yield* Workflow.clearInput(self, "model")
      assert.isTrue(Workflow.missingRequiredInputs(cleared).includes("f8d9d7c8-9ed7-4bd7-9e42-ab0e89bfac90.model"))
    }))

  it.effect.prop(
    "compiles to the same graph in any order",
    [Schema.Int, Schema.Int, Schema.Int],
    ([a, b, c]) =>
      Effect.gen(function*() {
        const self = yield* read(file([add("x", 1, 2), add("y", 3, 4)], [], [["x", "a"], ["x", "b"], ["y", "a"]]))
        const values = [["x.a", a], ["x.b", b], ["y.a", c]] as const
        const forth = yield* Workflow.setInputs(self, new Map(values))
        const back = yield* Workflow.setInputs(self, new Map(values.toReversed()))
        const graphs = yield* Effect.forEach([forth, back], (each) => WorkflowBatch.make(each)).pipe(
          Effect.provide(resources())
        )
        assert.deepStrictEqual(graphs[0]?.graph, graphs[1]?.graph)
        assert.strictEqual((yield* Workflow.getInput(forth, 0)).field.value, a + 0)
      }),
    { arbitrary: { runs: 30 } }
  )
})

describe("A source", () => {
  const fs = (files: Record<string, string>) =>
    FileSystem.layerNoop({
      readFile: (path) => {
        const text = files[path]
        return text === undefined
          ? Effect.fail(PlatformError.systemError({ _tag: "NotFound", module: "FileSystem", method: "readFile" }))
          : Effect.succeed(new TextEncoder().encode(text))
      }
    })

  it.effect("reports what is wrong with a file", () =>
    Effect.gen(function*() {
      const from = (path: string) => message(Workflow.fromFile(path))
      assert.strictEqual(yield* from("none.json"), "No workflow found in none.json: the file does not exist")
      assert.strictEqual(yield* from("empty.json"), "Could not read the workflow from empty.json: it is empty")
      assert.strictEqual(
        yield* from("bad.json"),
        "Could not read the workflow from bad.json: it is not JSON: expected a property name in double quotes, " +
          "the text ends too early (line 1, column 2)"
      )
      assert.strictEqual(
        yield* from("text.json"),
        "Could not read the workflow from text.json: it contains a JSON string, not a workflow"
      )
      assert.match(yield* from("array.json"), /^Could not read the workflow from array\.json: /)
      assert.match(yield* from("future.json"), /^Could not read the workflow from future\.json: .*9\.0\.0/)
      const good = yield* Workflow.fromFile("good.json")
      assert.strictEqual(good.definition.name, "flux-image-to-image")
    }).pipe(Effect.provide(Layer.merge(
      catalogLayer(),
      fs({
        "empty.json": " ",
        "bad.json": "{",
        "text.json": "\"hello\"",
        "array.json": "[]",
        "future.json": JSON.stringify({ ...file([], [], []), meta: { version: "9.0.0", category: "user" } }),
        "good.json": `\uFEFF${JSON.stringify(readJson("examples/flux-image-to-image.json"))}`
      })
    ))))
})

describe("Checking against a server", () => {
  const image = file([blur("b", { image_name: "gone.png" }, { isIntermediate: false })], [], [["b", "image"]])

  it.effect("lists what is missing there", () =>
    Effect.gen(function*() {
      const self = yield* read(image)
      assert.isTrue(WorkflowBatch.validate(self).isEmpty)
      const error = yield* Effect.flip(WorkflowBatch.make(self, { board: "samples", runs: 0 }))
      assert.strictEqual(
        error.message,
        [
          "The workflow is not ready (3 problems):",
          "- runs: expected an integer greater than 0, got 0",
          "- board \"samples\" does not exist on the server. The server has no boards",
          "- Blur Image -> Image: image \"gone.png\" does not exist on the server. If it is a local file, check its path, or " +
          "upload it with Assets.uploadFile"
        ].join("\n")
      )
    }).pipe(Effect.provide(resources())))

  it.effect("finds models by key, hash, or name, and lists candidates if several match", () =>
    Effect.gen(function*() {
      const self = yield* open("examples/flux-image-to-image.json")
      const set = yield* Workflow.setInputs(self, {
        model: { hash: "blake3:main", name: "renamed there", key: "another key", base: "flux", type: "main" },
        t5_encoder_model: "T5 Encoder FLUX",
        clip_embed_model: "clip-embed-key-456",
        vae_model: { name: "FLUX VAE" },
        image: "a.png",
        "01f674f8-b3d1-4df1-acac-6cb8e0bfb63c.prompt": "x"
      })
      const checked = yield* WorkflowBatch.check(set).pipe(Effect.provide(resources({ images: ["a.png"] })))
      assert.deepStrictEqual(
        checked.inputs.slice(0, 4).map(({ field }) => (field.value as { readonly key?: string }).key),
        [models.flux.key, models.t5.key, models.clip.key, models.vae.key]
      )
      const twins = [{ ...models.vae, key: "one" }, { ...models.vae, key: "two" }]
      const error = yield* Effect.flip(WorkflowBatch.check(set)).pipe(
        Effect.provide(resources({ images: ["a.png"], models: [models.flux, models.clip, ...twins] }))
      )
      assert.strictEqual(error._tag, "WorkflowNotReady")
      assert.deepStrictEqual(
        error._tag === "WorkflowNotReady" && error.problems.map(({ candidates, code }) => [code, candidates]),
        [
          ["missingModel", []],
          ["ambiguousModel", ["FLUX VAE (flux vae, key one)", "FLUX VAE (flux vae, key two)"]]
        ]
      )
      assert.strictEqual(
        error.message,
        [
          "The workflow is not ready (2 problems):",
          "- Main Model - FLUX -> T5 Encoder: the model \"T5 Encoder FLUX\" is not installed; the field accepts " +
          "a model of type t5_encoder, but none is installed",
          "- Main Model - FLUX -> VAE: multiple models are named \"FLUX VAE\": FLUX VAE (flux vae, key one); " +
          "FLUX VAE (flux vae, key two); set one by its key"
        ].join("\n")
      )
    }))

  it.effect("does not require text encoders and VAE if the main model includes them", () =>
    Effect.gen(function*() {
      const self = yield* Workflow.setInputs(yield* open("examples/flux-image-to-image.json"), {
        image: "a.png",
        "01f674f8-b3d1-4df1-acac-6cb8e0bfb63c.prompt": "x"
      })
      const parts = ["transformer", "vae", "text_encoder", "tokenizer", "text_encoder_2", "tokenizer_2"]
      const pipeline = {
        ...models.flux,
        format: "sdnq_quantized",
        submodels: Object.fromEntries(parts.map((part) => [part, {}]))
      }
      yield* WorkflowBatch.make(self).pipe(Effect.provide(resources({ images: ["a.png"], models: [pipeline] })))
      const error = yield* Effect.flip(WorkflowBatch.make(self)).pipe(Effect.provide(resources({ images: ["a.png"] })))
      assert.deepStrictEqual(
        error._tag === "WorkflowNotReady" && error.problems.map(({ code, source }) => [code, source]),
        Array.from({ length: 3 }, () => ["missingComponentModel", "library"])
      )
    }))

  it.effect("sends final images without their own board to the provided board, and changes nothing else", () =>
    Effect.gen(function*() {
      const self = yield* read(file(
        [
          blur("kept", { image_name: "a" }, { isIntermediate: false }),
          blur("hidden", { image_name: "a" }),
          node("own", "img_blur", "1.2.2", [input("board", { board_id: "b2" }), input("image", { image_name: "a" })], {
            isIntermediate: false
          }),
          node("none", "img_blur", "1.2.2", [input("board", "none"), input("image", { image_name: "a" })], {
            isIntermediate: false
          }),
          node("unset", "img_blur", "1.2.2", [input("image", { image_name: "a" })], { isIntermediate: false })
        ],
        [],
        []
      ))
      const { graph, workflow } = yield* WorkflowBatch.make(self, { board: "b1" })
      assert.deepStrictEqual(
        Object.values(graph.nodes).map((each) => [each.id, each["board"]]),
        [["kept", { board_id: "b1" }], ["hidden", undefined], ["own", { board_id: "b2" }], ["none", undefined], [
          "unset",
          { board_id: "b1" }
        ]]
      )
      assert.isFalse(JSON.stringify(workflow).includes("b1"))
      assert.deepStrictEqual(Workflow.outputNodes(self).map(({ board, nodeId }) => [nodeId, board]), [
        ["kept", "auto"],
        ["own", { board_id: "b2" }],
        ["none", "none"],
        ["unset", "auto"]
      ])
    }).pipe(Effect.provide(resources({ images: ["a"], boards: ["b1", "b2"] }))))
})

describe("A batch", () => {
  const math = read(file(
    [
      add("x", 1, 2),
      node("s", "string", "1.0.1", [input("value", "hi")]),
      node("n", "noise", "1.1.0", [input("seed", 5), input("width", 512), input("height", 512), input("use_cpu", true)])
    ],
    [],
    [["x", "a"], ["x", "b"], ["s", "value"], ["n", "width"]]
  ))

  it.effect("varies inputs in lockstep and in all combinations, and its size is known beforehand", () =>
    Effect.gen(function*() {
      const self = yield* Workflow.sweep(
        yield* math,
        Sweep.combine(Sweep.zip({ a: ["1", 2], "x.b": [3, 4] }), Sweep.product({ value: ["p", "q", "r"] }))
      )
      assert.strictEqual(Workflow.sweepSize(self), 6)
      assert.strictEqual(Workflow.sweepSize(self, 2), 12)
      const batch = yield* WorkflowBatch.make(self, { runs: 2 })
      assert.strictEqual(batch.size, 12)
      assert.deepStrictEqual(batch.data, [
        [
          { node_path: "x", field_name: "a", items: [1, 2] },
          { node_path: "x", field_name: "b", items: [3, 4] }
        ],
        [{ node_path: "s", field_name: "value", items: ["p", "q", "r"] }]
      ])
      assert.strictEqual(batch.graph.nodes["x"]?.["a"], 1)
      assert.deepStrictEqual((yield* math).sweeps, [])
    }).pipe(Effect.provide(resources())))

  it.effect("rejects invalid sweeps", () =>
    Effect.gen(function*() {
      const self = yield* math
      const refused = (sweep: Sweep.Sweep) => message(Workflow.sweep(self, sweep))
      assert.strictEqual(
        yield* refused(Sweep.zip({ a: [1, 2], b: [1] })),
        "Invalid sweep: \"b\" has 1 value, but the list it is zipped with has 2"
      )
      assert.strictEqual(yield* refused(Sweep.zip({ a: [] })), "Invalid sweep: \"a\" has no values")
      assert.strictEqual(
        yield* refused(Sweep.product({ a: [1], "x.a": [2] })),
        "Invalid sweep: \"x.a\" appears twice"
      )
      assert.strictEqual(
        yield* refused(Sweep.zip({ width: [512, 513] })),
        "Invalid value for input \"width\" (node \"Create Latent Noise\"): expected an integer greater than 0 and that is a multiple of 8, got 513 as value 2 of 2"
      )
      assert.strictEqual(
        yield* refused(Sweep.zip({ "n.use_cpu": [true, "maybe"] })),
        "Invalid value for input \"use_cpu\" (node \"Create Latent Noise\"): expected a boolean, got \"maybe\" as value 2 of 2"
      )
      assert.strictEqual(yield* refused(Sweep.zip({ valeu: [1] })), "No input is named \"valeu\". Did you mean value?")
    }))

  it.effect("keeps seeds, sets one for all runs, or sets one per run", () =>
    Effect.gen(function*() {
      const self = yield* math
      assert.deepStrictEqual(Workflow.seedInputs(self).map(({ systemName }) => systemName), ["n.seed"])
      const seedOf = (batch: Effect.Success<ReturnType<typeof WorkflowBatch.make>>) => batch.graph.nodes["n"]?.["seed"]
      assert.strictEqual(seedOf(yield* WorkflowBatch.make(self)), 5)
      assert.strictEqual(seedOf(yield* WorkflowBatch.make(self, { seed: 77 })), 77)
      const random = yield* WorkflowBatch.make(self, { seed: "random", runs: 3 })
      assert.isTrue(Number.isSafeInteger(seedOf(random)) && seedOf(random) !== 5)
      assert.deepStrictEqual([random.runs, random.size, random.data], [3, 3, []])
      const perRun = yield* WorkflowBatch.make(self, { seed: "perRun", runs: 3 })
      const items = perRun.data[0]?.[0]?.items ?? []
      assert.deepStrictEqual([perRun.runs, perRun.size, perRun.data.length], [1, 3, 1])
      assert.deepStrictEqual([items.length, new Set(items).size], [3, 3])
      assert.strictEqual(
        yield* message(WorkflowBatch.make(self, { seed: -1 })),
        "The workflow is not ready (1 problem):\n- seed: expected an integer between 0 and 4294967295, got -1"
      )
      assert.strictEqual((yield* Workflow.getField(yield* Workflow.setSeed(self, 9), "n.seed")).field.value, 9)
    }).pipe(Effect.provide(resources())))

  it.effect("checks each value of a batch node against its target field", () =>
    Effect.gen(function*() {
      const self = yield* read(file(
        [
          node("batch", "float_batch", "1.0.0", [input("batch_group_id", "None"), input("floats", [0.5, 1, 3, -1])], {
            label: "Starts"
          }),
          node("d", "flux_denoise", "4.6.0", [input("denoising_start", 0), input("num_steps", 4), input("width", 1024)])
        ],
        [edge("batch", "value", "d", "denoising_start")],
        []
      ))
      const problems = WorkflowBatch.validate(self).all.filter(({ code }) => code === "batchValueDoesNotFit")
      assert.deepStrictEqual(problems.map(({ message, systemName }) => [systemName, message]), [
        ["batch.floats", "value 3 of 4 is invalid for Denoising Start of FLUX Denoise: 3 is greater than 1"],
        ["batch.floats", "value 4 of 4 is invalid for Denoising Start of FLUX Denoise: -1 is less than 0"]
      ])
    }))

  it.effect("requests generated values from the server", () =>
    Effect.gen(function*() {
      const self = yield* read(file(
        [
          node("g", "string_generator", "1.0.0", [
            input("generator", {
              type: "string_generator_dynamic_prompts_combinatorial",
              input: "a {red|blue} house",
              maxPrompts: 10
            })
          ]),
          node("batch", "string_batch", "1.0.0", [input("batch_group_id", "None"), input("strings")]),
          node("s", "string", "1.0.1", [input("value", "")])
        ],
        [edge("g", "strings", "batch", "strings"), edge("batch", "value", "s", "value")],
        []
      ))
      assert.deepStrictEqual(WorkflowBatch.validate(self).all, [])
      const batch = yield* WorkflowBatch.make(self, { runs: 2 }).pipe(
        Effect.provide(resources({ dynamicPrompts: ({ maxPrompts }) => ["a red house", `a blue house ${maxPrompts}`] }))
      )
      assert.deepStrictEqual(batch.data, [[
        { node_path: "s", field_name: "value", items: ["a red house", "a blue house 10"] }
      ]])
      assert.strictEqual(batch.size, 4)
      const error = yield* Effect.flip(WorkflowBatch.make(self)).pipe(
        Effect.provide(resources({ dynamicPrompts: () => [] }))
      )
      assert.strictEqual(error.message, "The workflow is not ready (1 problem):\n- a batch node has no values")
    }))
})

describe("A human-readable description", () => {
  it.effect("summarizes a workflow", () =>
    Effect.gen(function*() {
      const self = yield* read(
        file([add("x", 1, 2, ["First", ""]), blur("b", undefined, { isIntermediate: false })], [], [
          ["x", "a"],
          ["b", "image"]
        ])
      )
      assert.strictEqual(
        Workflow.describe(self),
        [
          "test",
          "",
          "Inputs: 2",
          "  0  first  First  InkIntegerField  optional  1  x.a",
          "  1  image  image  InkImageField    missing      b.image",
          "",
          "Results: 1",
          "  Blur Image (board auto)  img_blur  b",
          "",
          "Nodes: 2, connections: 0"
        ].join("\n")
      )
    }))

  it.effect("draws a workflow as a diagram, whatever its labels are", () =>
    Effect.gen(function*() {
      const first = node("x", "add", "1.0.1", [input("a", 1), input("b", 2)], { label: "say \"hi\"\n<b>#1</b>" })
      const self = yield* read(file([first, add("end", 3, 4)], [edge("x", "value", "end", "a")], []))
      assert.strictEqual(
        Workflow.toMermaid(self),
        [
          "flowchart LR",
          "  n0[\"say #quot;hi#quot; #lt;b#gt;#35;1#lt;/b#gt;\"]",
          "  n1[\"Add Integers\"]",
          "  n0 -->|\"value to a\"| n1"
        ].join("\n")
      )
    }))

  it.effect("lists differences", () =>
    Effect.gen(function*() {
      const before = yield* read(file([add("x", 1, 2), add("y", 3, 4)], [edge("x", "value", "y", "a")], [["x", "a"]]))
      const set = yield* Workflow.setField(yield* Workflow.setInput(before, "a", 5), "y.b", 6)
      assert.isTrue(Workflow.diff(before, before).isEmpty)
      assert.strictEqual(
        Diff.format(Workflow.diff(before, set)),
        ["Inputs:", "  ~ a (x.a): 1 to 5", "Values:", "  ~ b (y.b): 4 to 6"].join("\n")
      )
      const other = yield* read(file([add("x", 1, 2), blur("z", undefined)], [], []))
      const diff = Workflow.diff(before, other)
      assert.deepStrictEqual(diff.nodes.map(({ kind, path }) => [kind, path]), [["removed", "y"], ["added", "z"]])
      assert.deepStrictEqual(diff.connections.map(({ kind, path }) => [kind, path]), [["removed", "x.value to y.a"]])
      const flux = yield* open("examples/flux-image-to-image.json")
      const changed = yield* Workflow.setInput(flux, "vae_model", "other")
      assert.deepStrictEqual(Workflow.diff(flux, changed).models.map(({ after, kind, name }) => [kind, name, after]), [
        ["changed", "vae_model", "other"]
      ])
    }))
})

describe("The saved file", () => {
  const versionOf = (json: unknown) => (json as { readonly meta: { readonly version: string } }).meta.version

  it.effect("has the schema version that the editor of the server opens", () =>
    Effect.gen(function*() {
      for (
        const [server, schema] of [["6.3.0", "3.0.0"], ["6.8.1", "3.0.0"], ["6.13.8", "4.0.0"], ["6.14.2", "4.0.0"]]
      ) {
        const self = yield* open("test/fixtures/workflows/text-only.json", server)
        assert.strictEqual(versionOf(Workflow.toDefinition(self)), schema)
        const { workflow } = yield* WorkflowBatch.make(self)
        assert.strictEqual(versionOf(workflow), schema)
      }
    }).pipe(Effect.provide(resources())))
})

describe("The form as a tree", () => {
  it.effect("has containers, headings, and each field with its input", () =>
    Effect.gen(function*() {
      const self = yield* Effect.flatMap(
        open("examples/flux-image-to-image.json"),
        Workflow.setInput("num_steps", 12)
      )
      const root = Workflow.form(self)
      assert.strictEqual(root?.element.type, "container")
      assert.deepStrictEqual(
        root?.children.map(({ element, input }) =>
          element.type === "heading" ? element.content : [input?.index, input?.field.value]
        ).slice(8, 11),
        ["Strength", [6, 12], [7, 0.7]]
      )
      assert.deepStrictEqual(root?.children.flatMap(({ input }) => input === undefined ? [] : [input]), [
        ...self.inputs
      ])
    }))

  it.effect("contains a field twice that is on it twice, and nests the contents of containers", () =>
    Effect.gen(function*() {
      const element = (id: string, parentId: string | undefined, type: string, data?: unknown) => ({
        id,
        ...(parentId === undefined ? {} : { parentId }),
        type,
        ...(data === undefined ? {} : { data })
      })
      const field = { fieldIdentifier: { nodeId: "x", fieldName: "a" }, showDescription: true }
      const json = file([add("x", 1, 2)], [], [])
      const self = yield* read({
        ...json,
        form: {
          rootElementId: "root",
          elements: {
            root: element("root", undefined, "container", { layout: "column", children: ["row", "line", "second"] }),
            row: element("row", "root", "container", { layout: "row", children: ["first", "text"] }),
            first: element("first", "row", "node-field", field),
            text: element("text", "row", "text", { content: "hello" }),
            line: element("line", "root", "divider"),
            second: element("second", "root", "node-field", field)
          }
        }
      })
      const root = Workflow.form(self)
      const [row, line, second] = root?.children ?? []
      assert.deepStrictEqual(row?.children.map((child) => [child.element.id, child.input?.index]), [
        ["first", 0],
        ["text", undefined]
      ])
      assert.deepStrictEqual([line?.element.type, second?.input?.index], ["divider", 1])
    }))
})
