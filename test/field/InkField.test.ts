import type { InputTemplate } from "@effect-invokeai/core/catalog/NodeCatalog"
import * as InkField from "@effect-invokeai/core/field/InkField"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { imageOutput } from "../assets/outputs.ts"

const template = (
  name: string,
  more: Partial<Omit<InputTemplate, "type">> & {
    readonly cardinality?: "SINGLE" | "COLLECTION" | "SINGLE_OR_COLLECTION"
  } = {}
): InputTemplate => {
  const { cardinality = "SINGLE", ...rest } = more
  return {
    name: "field",
    title: "Field",
    type: { name, cardinality, batch: false },
    input: "any",
    required: false,
    requiredOnEnqueue: false,
    nullable: false,
    bounds: {},
    uiBounds: {},
    hidden: false,
    ...rest
  }
}

const field = (...args: Parameters<typeof template>) => InkField.fromTemplate(template(...args))

const get = (self: InkField.InkField, input: unknown): unknown =>
  Result.match(InkField.set(self, input), {
    onSuccess: (next) => next.value,
    onFailure: ({ message }) => message
  })

/** What a field makes of inputs: each pair is an input and the value it becomes. */
const accepts = (self: InkField.InkField, pairs: ReadonlyArray<readonly [input: unknown, value: unknown]>) => {
  for (const [input, value] of pairs) assert.deepStrictEqual(get(self, input), value)
}

const refuses = (self: InkField.InkField, expected: string, pairs: ReadonlyArray<readonly [unknown, string]>) => {
  for (const [input, received] of pairs) assert.strictEqual(get(self, input), `expected ${expected}, got ${received}`)
}

describe("Number fields", () => {
  it("accept integers, big integers and decimal strings as integers, and nothing that would lose digits", () => {
    const self = field("IntegerField")
    assert.strictEqual(self._tag, "InkIntegerField")
    accepts(self, [[30, 30], ["30", 30], [" -7 ", -7], ["+4", 4], [12n, 12], [0, 0], [
      9007199254740991,
      9007199254740991
    ]])
    refuses(self, "an integer", [
      [1.5, "1.5"],
      ["1.5", "\"1.5\""],
      ["", "\"\""],
      ["0x10", "\"0x10\""],
      [true, "true"],
      [null, "null"],
      [undefined, "nothing"],
      [Number.NaN, "NaN"],
      [Infinity, "Infinity"],
      [2 ** 53, "9007199254740992"],
      ["9007199254740993", "\"9007199254740993\""],
      [10n ** 400n, `${10n ** 400n}n`],
      [[], "a list of 0 items"],
      [{}, "an empty object"],
      [{ a: 1 }, "an object with a"],
      [() => 1, "a function"]
    ])
  })

  it("accept finite numbers as floats, and decimal strings that a double represents", () => {
    const self = field("FloatField")
    assert.strictEqual(self._tag, "InkFloatField")
    accepts(self, [
      [0.65, 0.65],
      ["0.65", 0.65],
      ["1e-3", 0.001],
      [".5", 0.5],
      ["5.", 5],
      ["100", 100],
      ["-0.10", -0.1],
      [3n, 3]
    ])
    refuses(self, "a number", [
      ["", "\"\""],
      ["abc", "\"abc\""],
      ["1,5", "\"1,5\""],
      ["1e999", "\"1e999\""],
      ["0.12345678901234567890123", "\"0.12345678901234567890123\""],
      [Number.NaN, "NaN"],
      [false, "false"]
    ])
  })

  it("have the bounds of the server, in human-readable messages", () => {
    const width = field("IntegerField", { bounds: { value: { exclusiveMinimum: 0, multipleOf: 8 } } })
    accepts(width, [[512, 512]])
    refuses(width, "an integer greater than 0 and that is a multiple of 8", [[513, "513"], [0, "0"], [-8, "-8"]])
    const start = field("FloatField", { bounds: { value: { minimum: 0, maximum: 1 } } })
    accepts(start, [[0, 0], [1, 1], ["0.5", 0.5]])
    refuses(start, "a number between 0 and 1", [[1.01, "1.01"], [-0.01, "-0.01"]])
    refuses(field("FloatField", { bounds: { value: { exclusiveMaximum: 2 } } }), "a number less than 2", [[2, "2"]])
    accepts(field("FloatField", { bounds: { value: { multipleOf: 0.1 } } }), [[0.3, 0.3], [1.1, 1.1]])
    refuses(field("FloatField", { bounds: { value: { multipleOf: 0.1 } } }), "a number that is a multiple of 0.1", [[
      0.35,
      "0.35"
    ]])
  })

  it("check multiples exactly for integers of any size, and to 1e-9 for other numbers", () => {
    const breaks = (name: string, multipleOf: number, value: unknown) =>
      InkField.problems(field(name, { bounds: { value: { multipleOf } } }), value).length > 0
    for (const value of [8, -16, 8e9, 8e15, 2 ** 53, 18446744073709552000, 1e20, "80"]) {
      assert.isFalse(breaks("IntegerField", 8, value), String(value))
    }
    for (const value of [1, 8e9 + 1, 8e12 + 4, 2 ** 53 + 2, "81", true]) {
      assert.isTrue(breaks("IntegerField", 8, value), String(value))
    }
    // the double 2^60 is sent with the digits 1152921504606847000, which 32 does not divide
    assert.isTrue(breaks("IntegerField", 32, 2 ** 60))
    for (const value of [0.3, 0.30000000001, 1e6 + 0.1, 7]) {
      assert.isFalse(breaks("FloatField", 0.1, value), String(value))
    }
    for (const value of [0.3001, 1e9 + 0.05]) assert.isTrue(breaks("FloatField", 0.1, value), String(value))
    assert.isTrue(breaks("FloatField", 8, 8e9 + 1))
  })

  it("have no bounds that depend on the field name alone", () => {
    for (const name of ["num_steps", "steps", "seed"]) accepts(field("IntegerField", { name }), [[0, 0], [-5, -5]])
  })
})

describe("String, boolean and enum fields", () => {
  it("accept strings, including empty ones, and numbers as strings", () => {
    const self = field("StringField", { bounds: { value: { minLength: 0, maxLength: 3 } } })
    accepts(self, [["", ""], ["abc", "abc"], ["😀😀😀", "😀😀😀"], [5, "5"], [1.5, "1.5"], [12n, "12"]])
    refuses(self, "a string of 0 to 3 characters", [["abcd", "\"abcd\""], [1234, "1234"], [true, "true"]])
    refuses(field("IntegerField"), "an integer", [["x".repeat(100), `"${"x".repeat(57)}..."`]])
  })

  it("check strings against the pattern in the server's document", () => {
    const code = field("StringField", { bounds: { value: { pattern: "^[A-Z]{3}$" } } })
    accepts(code, [["ABC", "ABC"]])
    refuses(code, "a string that matches /^[A-Z]{3}$/", [["abc", "\"abc\""], ["ABC\n", "\"ABC\\n\""]])
    assert.deepStrictEqual(InkField.problems(code, "abc").map(({ code, message }) => [code, message]), [
      ["valueDoesNotMatchPattern", "\"abc\" does not match /^[A-Z]{3}$/"]
    ])
    const items = field("StringField", { cardinality: "COLLECTION", bounds: { item: { pattern: "a" } } })
    accepts(items, [[["a", "bab"], ["a", "bab"]]])
    assert.strictEqual(InkField.problems(items, ["a", "b"]).length, 1)
    // digits outside ASCII count on the server, and it knows syntax that JavaScript does not
    for (
      const [pattern, value] of [["^\\d$", "٣"], ["(?P<a>x)", "y"], ["^\\Aa\\z$", "b"], ["^[[:alpha:]]$", "1"]] as const
    ) {
      accepts(field("StringField", { bounds: { value: { pattern } } }), [[value, value]])
    }
    refuses(field("StringField", { bounds: { value: { pattern: "^\\d$" } } }), "a string that matches /^\\d$/", [[
      "x",
      "\"x\""
    ]])
  })

  it("accept \"true\" and \"false\" as booleans, too", () => {
    const self = field("BooleanField")
    accepts(self, [[true, true], [false, false], ["true", true], ["False", false]])
    refuses(self, "a boolean", [[1, "1"], ["yes", "\"yes\""], [0, "0"], ["", "\"\""]])
  })

  it("accept a choice, its string, or its only label", () => {
    const self = field("EnumField", {
      options: ["none", "a", "b", "c", 256],
      optionLabels: { a: "First", b: "Second", c: "Second", constructor: "None" }
    })
    assert.strictEqual(self._tag, "InkEnumField")
    accepts(self, [["a", "a"], ["First", "a"], [256, 256], ["256", 256], ["none", "none"]])
    refuses(self, "one of none, a, b, c or 256", [["Second", "\"Second\""], ["d", "\"d\""], ["None", "\"None\""], [
      null,
      "null"
    ]])
  })

  it("accept the server's names of schedulers", () => {
    const self = field("SchedulerField", { options: ["euler", "ddim"] })
    assert.strictEqual(self._tag, "InkSchedulerField")
    accepts(self, [["euler", "euler"]])
    refuses(self, "a scheduler: euler or ddim", [["eular", "\"eular\""], [1, "1"]])
    accepts(field("SchedulerField"), [["anything", "anything"]])
  })

  it("accept colors as channels or hexadecimal digits", () => {
    const self = field("ColorField")
    accepts(self, [
      [{ r: 1, g: 2, b: 3, a: 4 }, { r: 1, g: 2, b: 3, a: 4 }],
      [{ r: 1, g: 2, b: 3 }, { r: 1, g: 2, b: 3, a: 255 }],
      ["#fff", { r: 255, g: 255, b: 255, a: 255 }],
      ["#00ff7F", { r: 0, g: 255, b: 127, a: 255 }],
      ["#01020304", { r: 1, g: 2, b: 3, a: 4 }]
    ])
    refuses(self, "a color { r, g, b, a } of integers between 0 and 255, or #rrggbb", [
      [{ r: 256, g: 0, b: 0 }, "an object with r, g, b"],
      [{ r: 0.5, g: 0, b: 0, a: 1 }, "an object with r, g, b, a"],
      ["red", "\"red\""],
      ["#ggg", "\"#ggg\""]
    ])
  })
})

describe("Resource fields", () => {
  class UploadedAsset {
    readonly image_name = "mountain.png"
    readonly width = 64
  }
  class WithGetter {
    get image_name() {
      return "from-getter.png"
    }
  }

  it("accept an image as a name, an asset, an output, the record of a download, or what the API returns", () => {
    const self = field("ImageField")
    accepts(self, [
      ["a.png", { image_name: "a.png" }],
      [{ image_name: "b.png" }, { image_name: "b.png" }],
      [new UploadedAsset(), { image_name: "mountain.png" }],
      [new WithGetter(), { image_name: "from-getter.png" }],
      [imageOutput("output.png"), { image_name: "output.png" }],
      [{ kind: "image", path: "/a/b.png", size: 1, imageName: "c.png", written: true }, { image_name: "c.png" }]
    ])
    refuses(self, "the name of an image, or an object with imageName or image_name", [
      ["", "\"\""],
      [5, "5"],
      [{ image_name: "" }, "an object with image_name"],
      [{ name: "x" }, "an object with name"],
      [
        { kind: "video", path: "/a/b.mp4", size: 1, imageName: "c.mp4", written: true },
        "an object with kind, path, size, imageName, written"
      ]
    ])
    accepts(field("ImageField", { cardinality: "COLLECTION" }), [
      [[imageOutput("a.png"), "b.png"], [{ image_name: "a.png" }, { image_name: "b.png" }]],
      [{ _tag: "InkImageCollectionOutput", collection: [{ image_name: "a.png" }] }, [{ image_name: "a.png" }]]
    ])
    accepts(field("VideoField"), [
      [{ _tag: "InkVideoOutput", videoName: "a.mp4", video: { video_name: "a.mp4" } }, { video_name: "a.mp4" }],
      [{ kind: "video", path: "/a/b.mp4", size: 1, imageName: "c.mp4", written: true }, { video_name: "c.mp4" }]
    ])
  })

  it("reject images that are not on the server, and name the call that uploads them", () => {
    const expected = "the name of an image, or an object with imageName or image_name"
    refuses(field("ImageField"), expected, [
      ["./photo.png", "\"./photo.png\", a path: upload it first with Assets.uploadFile"],
      ["C:\\photos\\a.png", "\"C:\\\\photos\\\\a.png\", a path: upload it first with Assets.uploadFile"],
      [new URL("file:///a.png"), "\"file:///a.png\", a path: upload it first with Assets.uploadFile"],
      [
        "https://example.com/a.png",
        "\"https://example.com/a.png\", a URL: download it, and upload it first with Assets.uploadBytes"
      ],
      ["data:image/png;base64,AAAA", "a data URL: upload its content first with Assets.uploadBytes"],
      [new Uint8Array(3), "its content: upload it first with Assets.uploadBytes"],
      [new Blob([]), "its content: upload it first with Assets.uploadBytes"]
    ])
    refuses(field("ImageField", { cardinality: "COLLECTION" }), "a list of images", [
      [["a.png", "b/c.png"], "a list with \"b/c.png\", a path: upload it first with Assets.uploadFile as item 1"]
    ])
    refuses(field("VideoField"), "the name of a video, or an object with videoName or video_name", [
      ["clips/a.mp4", "\"clips/a.mp4\", a path: upload it first with Videos.upload"]
    ])
  })

  it("accept boards, videos, presets and library workflows", () => {
    accepts(field("BoardField"), [
      ["auto", "auto"],
      ["none", "none"],
      ["some-id", { board_id: "some-id" }],
      [{ board_id: "b", board_name: "samples" }, { board_id: "b" }]
    ])
    accepts(field("VideoField"), [["v.mp4", { video_name: "v.mp4" }], [{ video_name: "w.mp4" }, {
      video_name: "w.mp4"
    }]])
    accepts(field("StylePresetField"), [["p", { style_preset_id: "p" }], [{ id: "q", name: "Q" }, {
      style_preset_id: "q"
    }]])
    accepts(field("SystemPromptField"), [["p", { system_prompt_id: "p" }], [{ id: "q" }, { system_prompt_id: "q" }]])
    accepts(field("SavedWorkflowField"), [["id", "id"], [{ workflow_id: "w", name: "W" }, "w"]])
    refuses(field("BoardField"), "auto, none, the id of a board, or an object with board_id", [
      [{}, "an empty object"],
      [7, "7"]
    ])
  })
})

describe("Model fields", () => {
  const flux = { key: "fe04", hash: "blake3:1", name: "FLUX Dev (Quantized)", base: "flux", type: "main" }

  it("accept a reference with or without hash, a key, a name, or a configuration", () => {
    const self = field("ModelIdentifierField", { models: { type: ["main"], base: ["flux"] } })
    assert.strictEqual(self._tag, "InkModelIdentifierField")
    const { hash: _, ...withoutHash } = flux
    accepts(self, [
      [flux, flux],
      [withoutHash, withoutHash],
      ["fe04", { keyOrName: "fe04" }],
      [{ key: "fe04" }, { key: "fe04" }],
      [{ name: "FLUX Dev (Quantized)" }, { name: "FLUX Dev (Quantized)" }],
      [{ ...flux, path: "/models/flux", format: "checkpoint", description: null }, flux],
      [{ model_name: "flux", base_model: "flux", model_type: "main" }, { name: "flux", base: "flux", type: "main" }],
      [{ ...flux, submodel_type: "vae" }, { ...flux, submodel_type: "vae" }]
    ])
  })

  it("reject other types and bases, and name them", () => {
    const self = field("ModelIdentifierField", { models: { type: ["vae"], base: ["flux", "flux2"] } })
    refuses(self, "a model of type vae for flux or flux2: { key, name, base, type }, a key, or a name", [
      [flux, "FLUX Dev (Quantized) of type main for flux"],
      [{ ...flux, type: "vae", base: "sd-1" }, "FLUX Dev (Quantized) of type vae for sd-1"],
      [{ base: "flux" }, "an object with base"],
      [4, "4"]
    ])
    refuses(
      field("ModelIdentifierField", { models: { type: ["clip_embed"], variant: ["large"] } }),
      "a model of type clip_embed: { key, name, base, type }, a key, or a name",
      [[
        { key: "k", name: "CLIP-G", base: "any", type: "clip_embed", variant: "gigantic" },
        "CLIP-G of type clip_embed for any"
      ]]
    )
  })

  it("have a tag per model type, derived from the types that the server allows, even for old field types", () => {
    const tag = (type: ReadonlyArray<string>, name = "ModelIdentifierField") => field(name, { models: { type } })._tag
    assert.strictEqual(tag(["t5_encoder"], "T5EncoderModelField"), "InkT5EncoderField")
    assert.strictEqual(tag(["clip_embed"]), "InkCLIPEmbedField")
    assert.strictEqual(tag(["vae"], "FluxVAEModelField"), "InkVAEModelField")
    assert.strictEqual(tag(["lora"]), "InkLoRAModelField")
    assert.strictEqual(tag(["controlnet"]), "InkControlNetModelField")
    assert.strictEqual(tag(["ip_adapter"]), "InkIPAdapterModelField")
    assert.strictEqual(tag(["t2i_adapter"]), "InkT2IAdapterModelField")
    assert.strictEqual(tag(["main", "vae"]), "InkModelIdentifierField")
    assert.strictEqual(tag(["from_the_future"]), "InkModelIdentifierField")
    assert.strictEqual(field("ModelIdentifierField")._tag, "InkModelIdentifierField")
  })

  it("accept LoRA weights as numbers or strings, and one LoRA as a list of one", () => {
    const self = field("LoRAField", { cardinality: "SINGLE_OR_COLLECTION" })
    assert.strictEqual(self._tag, "InkLoRACollectionField")
    const lora = { key: "l", name: "Style", base: "flux", type: "lora" }
    accepts(self, [
      [[{ lora, weight: "0.5" }], [{ lora, weight: 0.5 }]],
      [{ lora: "Style", weight: 1 }, [{ lora: { keyOrName: "Style" }, weight: 1 }]],
      [[], []]
    ])
    refuses(self, "a list of LoRAs { lora, weight }", [
      [[{ lora }], "a list with an object with lora as item 0"],
      [[{ lora: { ...lora, type: "main" }, weight: 1 }], "a list with an object with lora, weight as item 0"]
    ])
  })
})

describe("Collection fields", () => {
  it("accept any list, and read it item by item", () => {
    const collection = { cardinality: "COLLECTION" } as const
    accepts(field("IntegerField", collection), [[["1", 2, 3n], [1, 2, 3]], [new Set([1]), [1]], [[], []]])
    accepts(field("FloatField", collection), [[[0.5, "1"], [0.5, 1]]])
    accepts(field("StringField", collection), [[["a", ""], ["a", ""]]])
    accepts(field("BooleanField", collection), [[[true, "false"], [true, false]]])
    accepts(field("ImageField", collection), [[["a", { image_name: "b" }], [{ image_name: "a" }, { image_name: "b" }]]])
    accepts(field("VideoField", collection), [[["a"], [{ video_name: "a" }]]])
    accepts(field("ColorField", collection), [[["#000"], [{ r: 0, g: 0, b: 0, a: 255 }]]])
  })

  it("report which item is invalid, and how many are allowed", () => {
    refuses(field("IntegerField", { cardinality: "COLLECTION" }), "a list of integers", [
      [[1, 1.5], "a list with 1.5 as item 1"],
      ["12", "\"12\""],
      [3, "3"]
    ])
    const bounded = field("StringField", {
      cardinality: "COLLECTION",
      bounds: { minItems: 1, maxItems: 2, item: { maxLength: 2 } }
    })
    refuses(bounded, "a list of 1 to 2 strings of at most 2 characters", [
      [[], "a list of 0 items"],
      [["a", "b", "c"], "a list of 3 items"],
      [["abc"], "a list of 1 item"]
    ])
  })

  it("are fields of one value if they accept one value or several", () => {
    assert.strictEqual(field("FloatField", { cardinality: "SINGLE_OR_COLLECTION" })._tag, "InkFloatField")
    assert.strictEqual(field("ImageField", { cardinality: "SINGLE_OR_COLLECTION" })._tag, "InkImageField")
  })
})

describe("Generators and fields of other types", () => {
  it("fill in omitted values", () => {
    accepts(field("IntegerGeneratorField"), [
      [{ type: "integer_generator_arithmetic_sequence", start: "5" }, {
        type: "integer_generator_arithmetic_sequence",
        start: 5,
        step: 1,
        count: 10
      }],
      [{ type: "integer_generator_random_distribution_uniform", min: 0, max: 9, count: 3, seed: 7 }, {
        type: "integer_generator_random_distribution_uniform",
        min: 0,
        max: 9,
        count: 3,
        seed: 7
      }]
    ])
    accepts(field("FloatGeneratorField"), [
      [{ type: "float_generator_parse_string", input: "1,2" }, {
        type: "float_generator_parse_string",
        input: "1,2",
        splitOn: ","
      }]
    ])
    accepts(field("StringGeneratorField"), [
      [{ type: "string_generator_dynamic_prompts_random", input: "{a|b}", seed: null }, {
        type: "string_generator_dynamic_prompts_random",
        input: "{a|b}",
        count: 10
      }]
    ])
    accepts(field("ImageGeneratorField"), [
      [{ type: "image_generator_images_from_board", board_id: "b" }, {
        type: "image_generator_images_from_board",
        board_id: "b",
        category: "images"
      }]
    ])
    for (
      const bad of [{ type: "float_generator_parse_string" }, { start: 1 }, {}, "x", {
        type: "integer_generator_linear_distribution",
        count: 0
      }]
    ) {
      assert.isTrue(Result.isFailure(InkField.set(field("IntegerGeneratorField"), bad)))
    }
  })

  it("reject values for connections, and accept any JSON value for unknown types", () => {
    refuses(
      field("UNetField", { input: "connection" }),
      "a connection from another node (UNetField has no value of its own)",
      [[1, "1"]]
    )
    const custom = field("MyCustomField")
    accepts(custom, [[{ a: [1, { b: null }] }, { a: [1, { b: null }] }], [null, null]])
    refuses(custom, "a JSON value", [[() => 1, "a function"], [Number.NaN, "NaN"], [[undefined], "a list of 1 item"]])
    const cyclic: Record<string, unknown> = {}
    cyclic["self"] = cyclic
    assert.isTrue(Result.isFailure(InkField.set(custom, cyclic)))
    const own = JSON.parse("{\"__proto__\": 1}") as unknown
    assert.deepStrictEqual(Object.keys(get(custom, own) as object), ["__proto__"])
  })
})

describe("Every field", () => {
  const names = [
    "IntegerField",
    "FloatField",
    "StringField",
    "BooleanField",
    "EnumField",
    "SchedulerField",
    "ColorField",
    "ImageField",
    "VideoField",
    "BoardField",
    "StylePresetField",
    "SystemPromptField",
    "SavedWorkflowField",
    "ModelIdentifierField",
    "LoRAField",
    "FloatGeneratorField",
    "IntegerGeneratorField",
    "StringGeneratorField",
    "ImageGeneratorField"
  ]

  it("is a plain value that its schema decodes", () => {
    for (const name of names) {
      for (const cardinality of ["SINGLE", "COLLECTION"] as const) {
        const self = field(name, { cardinality })
        const again = Schema.decodeUnknownSync(InkField.InkField)(JSON.parse(JSON.stringify(self)))
        assert.deepStrictEqual(again, self)
      }
    }
  })

  it("has the value that the server reads from the file", () => {
    const read = (type: string, stored: unknown, cardinality: "SINGLE" | "COLLECTION" = "SINGLE") =>
      InkField.fromTemplate(template(type, { cardinality }), stored).value
    assert.deepStrictEqual(
      ["12", " 12 ", "1_0", "12.0", "+5", 12.0, true].map((stored) => read("IntegerField", stored)),
      [
        12,
        12,
        10,
        12,
        5,
        12,
        1
      ]
    )
    assert.deepStrictEqual(["1.5", "1e3", ".5", false, 1e300].map((stored) => read("FloatField", stored)), [
      1.5,
      1000,
      0.5,
      0,
      1e300
    ])
    assert.deepStrictEqual([5, 1.5].map((stored) => read("StringField", stored)), ["5", "1.5"])
    assert.deepStrictEqual(["Yes", "off", 1, 0].map((stored) => read("BooleanField", stored)), [
      true,
      false,
      true,
      false
    ])
    assert.deepStrictEqual(read("IntegerField", ["1", 2], "COLLECTION"), [1, 2])
    assert.deepStrictEqual(read("StringField", [1, 2], "COLLECTION"), ["1", "2"])
    for (const stored of ["1.5", "1e3", "", "abc", "1__0", "_1", 1.5, 1e21]) {
      assert.isUndefined(read("IntegerField", stored))
    }
    for (const stored of ["", "abc", "1,5", []]) assert.isUndefined(read("FloatField", stored))
    for (const stored of [2, "maybe", " true "]) assert.isUndefined(read("BooleanField", stored))
  })

  it("has no value if the file has none or one that the server rejects", () => {
    for (const name of names) {
      for (const stored of [undefined, null, () => 0]) {
        assert.isUndefined(InkField.fromTemplate(template(name), stored).value)
      }
    }
    assert.isUndefined(InkField.fromTemplate(template("IntegerField"), 1.5).value)
    assert.isUndefined(InkField.fromTemplate(template("IntegerField"), "1.5").value)
    assert.isUndefined(InkField.fromTemplate(template("StringField"), true).value)
    assert.isUndefined(InkField.fromTemplate(template("ImageField"), "name.png").value)
    assert.isFalse(InkField.accepts(field("IntegerField"), 1.5))
    const steps = template("IntegerField", { bounds: { value: { exclusiveMinimum: 0 } } })
    assert.strictEqual(InkField.fromTemplate(steps, -5).value, -5)
    assert.deepStrictEqual(InkField.problems(InkField.fromTemplate(steps), -5), [{
      code: "collectionNumberLTExclusiveMin",
      source: "server",
      message: "-5 is not greater than 0",
      parameters: { value: -5, exclusiveMinimum: 0 }
    }])
  })

  it("can be cleared", () => {
    const set = Result.getOrThrow(InkField.set(field("IntegerField"), 4))
    assert.strictEqual(set.value, 4)
    assert.deepStrictEqual(InkField.clear(set), field("IntegerField"))
  })

  it("describes its value", () => {
    const shown = (name: string, stored: unknown) => InkField.format(InkField.fromTemplate(template(name), stored))
    assert.strictEqual(
      shown("ModelIdentifierField", { key: "k", hash: "h", name: "FLUX", base: "flux", type: "main" }),
      "FLUX"
    )
    assert.strictEqual(shown("ImageField", { image_name: "a.png" }), "a.png")
    assert.strictEqual(shown("BoardField", "auto"), "auto")
    assert.strictEqual(shown("IntegerField", 20), "20")
    assert.strictEqual(shown("StringField", ""), "")
    assert.isUndefined(shown("IntegerField", undefined))
  })

  it.prop(
    "returns the value that was set",
    [Schema.Int, Schema.Finite, Schema.String, Schema.Boolean],
    ([int, float, text, flag]) =>
      get(field("IntegerField"), int) === int + 0 && get(field("FloatField"), float) === float &&
      (/\p{Surrogate}/u.test(text) || get(field("StringField"), text) === text) &&
      get(field("BooleanField"), flag) === flag &&
      get(field("IntegerField"), String(int)) === int + 0 && get(field("FloatField"), String(float)) === float + 0
  )

  it.prop("never throws, and keeps no input by reference", [Schema.Unknown], ([input]) => {
    for (const name of names) {
      for (const cardinality of ["SINGLE", "COLLECTION"] as const) {
        const next = InkField.set(field(name, { cardinality }), input)
        if (Result.isSuccess(next) && typeof input === "object" && input !== null && next.success.value === input) {
          return false
        }
      }
    }
    return true
  })
})

export const typed: number | undefined =
  (InkField.clear({ _tag: "InkIntegerField", bounds: {} }) as InkField.InkIntegerField).value
