import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import * as WorkflowBatch from "@effect-invokeai/core/batch/WorkflowBatch"
import { InvokeAiConfig } from "@effect-invokeai/core/InvokeAi"
import * as Job from "@effect-invokeai/core/job/Job"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as InvokeAi from "@effect-invokeai/node/InvokeAiPromise"
import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import { NodeSimulator } from "@effect-invokeai/testing/NodeSimulator"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Path from "node:path"

const root = Path.resolve(import.meta.dirname, "../..")
const file = Path.join(root, "test/fixtures/workflows/text-only.json")
const photo = Path.join(root, "examples/mountain.png")

/** What a program without types may pass. */
const wrong = (value: unknown) => value as never

const server = Layer.unwrap(Effect.map(NodeSimulator, ({ url }) => NodeInvokeAi.layer({ url, retries: 0 }))).pipe(
  Layer.provideMerge(NodeSimulator.layer({ port: 0 }))
)

const rejection = (promise: Promise<unknown>): Promise<Error & { readonly _tag?: string }> =>
  promise.then(
    () => assert.fail("the call did not reject"),
    (error: Error) => error
  )

it.layer(server, { excludeTestServices: true })("an option with an invalid value fails as InvalidOption", (it) => {
  const submit = (options: Job.SubmitOptions) =>
    Effect.flatMap(Workflow.fromFile(file), (workflow) => Job.submit(workflow, options))
  const cases: Readonly<
    Record<
      string,
      readonly [Effect.Effect<unknown, unknown, NodeInvokeAi.Services | Scope.Scope>, ReadonlyArray<string>]
    >
  > = {
    "format of a download": [
      Downloads.bytes("a.png", { format: wrong("gif") }),
      ["\"format\"", "\"png\", \"jpeg\" or \"webp\"", "\"gif\""]
    ],
    "quality of a download": [
      Downloads.bytes("a.png", { format: "jpeg", quality: 900 }),
      ["\"quality\"", "from 1 to 100", "900"]
    ],
    "ifExists of a download": [
      Downloads.image("a.png", { directory: "never-created", ifExists: wrong("replace") }),
      ["\"ifExists\"", "\"overwrite\"", "\"replace\""]
    ],
    "directory that is missing": [Downloads.image("a.png", wrong({})), [
      "\"directory\"",
      "a non-empty string",
      "nothing"
    ]],
    "concurrency of a download": [
      Downloads.image("a.png", { directory: "never-created", concurrency: 0 }),
      ["\"concurrency\"", "at least 1", "0"]
    ],
    "negative timeout of a job": [submit({ timeout: -1 }), ["\"timeout\"", "at least 0", "-1"]],
    "negative timeout of an upload": [
      Assets.uploadFile(photo, { timeout: "-1 seconds" }),
      ["\"timeout\"", "greater than 0", "\"-1 seconds\""]
    ],
    "number of attempts": [submit({ maxAttempts: 0 }), ["\"maxAttempts\"", "at least 1", "0"]],
    "misspelled name": [
      submit(wrong({ onTimout: "detach" })),
      ["Unknown option \"onTimout\"", "\"detach\"", "Did you mean \"onTimeout\"?", "keepOutputs"]
    ]
  }
  for (const [name, [effect, says]] of Object.entries(cases)) {
    it.effect(name, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Effect.scoped(effect)) as Effect.Effect<Error & { readonly _tag: string }>
        assert.strictEqual(error._tag, "InvalidOption")
        for (const part of says) assert.include(error.message, part)
        assert.isFalse(yield* (yield* FileSystem.FileSystem).exists("never-created"))
      }))
  }
})

describe("the promise client", () => {
  const withClient = (test: (client: InvokeAi.Client, url: string) => Promise<void>) =>
    Effect.runPromise(
      Effect.scoped(Effect.gen(function*() {
        const { url } = yield* NodeSimulator
        yield* Effect.promise(async () => {
          await using client = await InvokeAi.connect({ url, handleSignals: false })
          await test(client, url.href)
        })
      })).pipe(Effect.provide(NodeSimulator.layer({ port: 0 })))
    )

  it("rejects unknown option names, and lists similar ones", () =>
    withClient(async (client, url) => {
      const workflow = await client.workflow(file)
      const misspelled = await rejection(client.submit(workflow, wrong({ bord: "x" })))
      assert.strictEqual(misspelled._tag, "InvalidOption")
      assert.include(misspelled.message, "Did you mean \"board\"?")
      for (
        const call of [
          () => InvokeAi.connect(wrong({ utl: url })),
          () => InvokeAi.connect(wrong({ url, assetLegder: "x" })),
          () => client.attach("x", wrong({ sise: 1 })),
          () => client.uploadFile(photo, wrong({ bord: "x" })),
          () => client.uploadBytes(new Uint8Array(), wrong({ nam: "x" })),
          () => client.download(wrong({}), wrong({ directory: "x", tempalte: "x" })),
          () => client.image("x", wrong({ formt: "png" }))
        ]
      ) {
        const error = await rejection(call())
        assert.strictEqual(error._tag, "InvalidOption", error.message)
        assert.include(error.message, "Did you mean")
      }
      for await (const { result } of client.submitAll([workflow], wrong({ concurency: 3 }))) {
        assert.include(result._tag === "Failure" ? result.failure.message : "", "Did you mean \"concurrency\"?")
      }
    }), 20_000)

  it("rejects invalid connection options, and does not show secrets", () =>
    withClient(async (_, url) => {
      const options: ReadonlyArray<readonly [object, string]> = [
        [{ token: 5 }, "token"],
        [{ password: 5, email: "a@b.test" }, "password"],
        [{ tokn: "s3cret" }, "tokn"],
        [{ retries: -1 }, "retries"],
        [{ timeout: 0 }, "timeout"],
        [{ maxResponseSize: "1 kilo" }, "maxResponseSize"],
        [{ handleSignals: "no" }, "handleSignals"],
        [{ tracking: { idle: -1 } }, "idle"],
        [{ email: "a@b.test" }, "INVOKEAI_PASSWORD"],
        [{ password: "s3cret" }, "INVOKEAI_EMAIL"]
      ]
      for (const [option, name] of options) {
        const error = await rejection(InvokeAi.connect(wrong({ url, ...option })))
        assert.strictEqual(error._tag, "InvalidOption", error.message)
        assert.include(error.message, name)
        assert.notInclude(error.message, "s3cret")
      }
      assert.include((await rejection(InvokeAi.connect(wrong(url)))).message, "an object with options")
    }), 20_000)

  it(
    "rejects options and values that are a Map, a URL or a signal, which have no values by name",
    () =>
      withClient(async (client, url) => {
        const workflow = await client.workflow(file)
        const closed = new URL("http://127.0.0.1:1")
        const { signal } = new AbortController()
        const cases: ReadonlyArray<readonly [() => Promise<unknown>, string]> = [
          [
            () => InvokeAi.connect(wrong(closed)),
            "\"options\": expected an object with options, got an instance of URL"
          ],
          [() => InvokeAi.connect(wrong(new Map([["url", url]]))), "an instance of Map"],
          [() => InvokeAi.run(file, {}, wrong({ server: closed })), "\"server\": expected an object"],
          [() => InvokeAi.run(file, {}, wrong({ server: url })), "\"server\": expected an object"],
          [() => InvokeAi.run(file, {}, wrong(signal)), "an instance of AbortSignal"],
          [() => InvokeAi.run(file, {}, wrong(null)), "got null"],
          [
            () => InvokeAi.run(file, {}, wrong({ signal: new AbortController() })),
            "\"signal\": expected an AbortSignal"
          ],
          [() => client.run(file, {}, wrong(signal)), "an instance of AbortSignal"],
          [() => client.run(file, {}, wrong(null)), "got null"],
          [() => client.run(file, wrong(new Map([["prompt", "x"]]))), "\"values\""],
          [() => client.submit(workflow, wrong(signal)), "an instance of AbortSignal"],
          [() => client.version(wrong({ signal: { aborted: true } })), "\"signal\": expected an AbortSignal"],
          [() => Promise.resolve().then(() => workflow.set(wrong(new Set(["prompt"])))), "an instance of Set"]
        ]
        for (const [call, says] of cases) {
          const error = await rejection(call())
          assert.strictEqual(error._tag, "InvalidOption", error.message)
          assert.include(error.message, says)
        }
        assert.isTrue(WorkflowBatch.validate(workflow.set(Object.create(null)).value).isEmpty)
      }),
    20_000
  )

  it("names what was passed instead of a workflow", () =>
    withClient(async (client) => {
      const loading = client.workflow(file)
      const cases: ReadonlyArray<readonly [unknown, string]> = [
        [loading, "a Promise instead of its result: await it first"],
        ["workflow.json", "\"workflow.json\""],
        [undefined, "nothing"],
        [Workflow.fromFile(file), "an Effect instead of its result: yield* it first"]
      ]
      for (const [value, says] of cases) {
        const error = await rejection(client.submit(wrong(value)))
        assert.strictEqual(error._tag, "InvalidOption")
        assert.include(error.message, "Invalid argument \"workflow\": expected a workflow")
        assert.include(error.message, says)
        assert.include(error.message, "client.workflow")
      }
      await loading
    }), 20_000)
})

describe("an invalid environment variable", () => {
  const invalid: Readonly<Record<string, string>> = {
    INVOKEAI_TIMEOUT: "10 mins",
    INVOKEAI_TRANSFER_TIMEOUT: "0 seconds",
    INVOKEAI_IDLE_TIMEOUT: "-1 seconds",
    INVOKEAI_CLOSE_TIMEOUT: "soon",
    INVOKEAI_MAX_RESPONSE_SIZE: "1 kilo",
    INVOKEAI_RETRIES: "abc"
  }
  for (
    const [name, value] of [...Object.entries(invalid), ["INVOKEAI_RETRIES", "-1"]] as ReadonlyArray<[string, string]>
  ) {
    it.effect(`is a ConfigError with its name, its value and the accepted values: ${name}=${value}`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(InvokeAiConfig.parse(ConfigProvider.fromUnknown({ [name]: value })))
        assert.strictEqual(error._tag, "ConfigError")
        assert.include(error.message, `environment variable ${name}: expected `)
        assert.include(error.message, `, got ${JSON.stringify(value)}`)
        assert.match(error.message, /such as "(?:30 seconds|64 MiB)"|an integer of at least 0/)
      }))
  }

  it.effect("keeps its default if it is empty", () =>
    Effect.gen(function*() {
      const options = yield* InvokeAiConfig.parse(
        ConfigProvider.fromUnknown({ INVOKEAI_TIMEOUT: "", INVOKEAI_RETRIES: "2" })
      )
      assert.isUndefined(options.timeout)
      assert.strictEqual(options.retries, 2)
    }))

  it.effect("is a ConfigError at startup if an email has no password", () =>
    Effect.gen(function*() {
      const layer = NodeInvokeAi.layerConfig().pipe(
        Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ INVOKEAI_EMAIL: "a@b.test" })))
      )
      const cause = yield* Effect.flip(Effect.sandbox(Effect.scoped(Layer.build(layer))))
      assert.include(String(cause), "INVOKEAI_PASSWORD")
    }))
})
