/** What can be done wrong with a server, a workflow and files: each gives the error that a program gets. */
import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import * as Job from "@effect-invokeai/core/job/Job"
import { Boards } from "@effect-invokeai/core/server/Boards"

import { ServerInfo } from "@effect-invokeai/core/server/ServerInfo"
import * as Sweep from "@effect-invokeai/core/workflow/Sweep"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import { NodeSimulator } from "@effect-invokeai/testing/NodeSimulator"
import * as SimulatorModels from "@effect-invokeai/testing/SimulatorModels"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import * as Path from "node:path"

export const root = Path.resolve(import.meta.dirname, "../..")
const example = (name: string) => Path.join(root, "examples", name)
const fixture = (name: string) => Path.join(root, "test/fixtures/workflows", `${name}.json`)

/** The URL of a server that responds to everything with a web page. */
export const webServer = Effect.acquireRelease(
  Effect.callback<Http.Server>((resume) => {
    const server = Http.createServer((_, response) => {
      response.setHeader("content-type", "text/html")
      response.end("<html>hello</html>")
    }).listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) =>
    Effect.sync(() => {
      server.closeAllConnections()
      server.close()
    })
).pipe(Effect.map((server) => {
  const address = server.address()
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`
}))

/** A value that a program in JavaScript may pass. */
const wrong = (value: unknown) => value as never

type Failing = Effect.Effect<unknown, { readonly message: string }, NodeInvokeAi.Services | NodeSimulator | Scope.Scope>

const connecting = (options: NodeInvokeAi.Options): Failing =>
  ServerInfo.use((info) => info.version).pipe(Effect.provide(NodeInvokeAi.layer({ retries: 0, ...options })))

const thumbnail = Workflow.fromFile(example("soft-thumbnail.json"))
const text = Workflow.fromFile(fixture("text-only"))
const diffusion = Workflow.fromFile(fixture("sd1-text-to-image"))
const setting = (values: Workflow.InputValues): Failing => Effect.flatMap(thumbnail, Workflow.setInputs(values))

const withPhoto = Effect.gen(function*() {
  const photo = yield* Assets.uploadFile(example("mountain.png"))
  return yield* Effect.flatMap(thumbnail, Workflow.setInputs({ photo }))
})

const outputs = Effect.gen(function*() {
  const job = yield* Job.submit(yield* withPhoto)
  return (yield* job.await).outputs
})

/** A file with some content, in a folder of its own. */
const file = (name: string, content: string) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = Path.join(yield* fs.makeTempDirectoryScoped({ prefix: "effect-invokeai-mistakes-" }), name)
    yield* fs.writeFileString(path, content)
    return path
  })

const loading = (name: string, content: string): Failing => Effect.flatMap(file(name, content), Workflow.fromFile)

/** The simulator's model of a type, for SD 1 or for any base. */
const modelOf = (type: string) =>
  SimulatorModels.defaults.find((model) => model.type === type && (type !== "main" || model.base === "sd-1"))?.name ??
    ""

/** Each mistake by what a program does, and what its message has to say: what is wrong, and what to do. */
export const mistakes: Readonly<Record<string, readonly [failing: Failing, ...says: ReadonlyArray<string>]>> = {
  "has no server": [
    connecting({ url: "http://127.0.0.1:9" }),
    "http://127.0.0.1:9/",
    "Is InvokeAI running there, and is the URL right (INVOKEAI_URL)?"
  ],
  "names a host that does not exist": [
    connecting({ url: "http://invokeai.invalid:9090" }),
    "invokeai.invalid",
    "is the URL right (INVOKEAI_URL)?"
  ],
  "has the URL of another server": [
    Effect.flatMap(webServer, (url) => connecting({ url })),
    "not an InvokeAI server",
    "INVOKEAI_URL"
  ],
  "has a URL without http": [connecting({ url: "localhost:9090" }), "http://127.0.0.1:9090"],
  "has a URL that is incomplete": [
    connecting({ url: "127.0.0.1:9090" }),
    "must begin with http:// or https://",
    "http://127.0.0.1:9090"
  ],
  "has a URL with an invalid port": [connecting({ url: "http://127.0.0.1:99999" }), "invalid port (0 to 65535)"],
  "has the URL of the API": [
    NodeSimulator.use(({ url }) => connecting({ url: `${url.href}api/v1` })),
    "the URL ends in /api/v1",
    "remove that"
  ],
  "loads a workflow that does not exist": [Workflow.fromFile("nope.json"), "nope.json", "does not exist"],
  "loads a directory": [Workflow.fromFile(example("")), "directory"],
  "loads a file that is not JSON": [loading("w.json", "{ \"name\": }"), "w.json", "line 1"],
  "loads an empty file": [loading("w.json", ""), "w.json", "empty"],
  "loads an API graph": [
    loading("w.json", JSON.stringify({ id: "g", nodes: { a: { id: "a", type: "add" } }, edges: [] })),
    "graph",
    "workflow editor"
  ],
  "loads a JSON file of something else": [loading("w.json", "{\"a\": 1}"), "meta.version", "workflow editor"],
  "loads an image file that has no workflow": [
    Workflow.fromFile(example("mountain.png")),
    "mountain.png",
    "not created by a workflow"
  ],
  "loads a workflow of a newer editor": [
    loading("w.json", JSON.stringify({ meta: { version: "9.0.0" }, nodes: [], edges: [] })),
    "w.json",
    "9.0.0",
    "4.0.0",
    "update effect-invokeai"
  ],
  "loads the workflow of an image that has none": [
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      return yield* Workflow.fromPng(yield* fs.readFile(example("mountain.png")))
    }),
    "not created by a workflow"
  ],
  "loads a library entry that does not exist": [Workflow.fromLibrary("nope"), "nope", "WorkflowLibrary.list"],
  "misspells an input": [setting({ widht: 3 }), "\"widht\"", "Did you mean width?"],
  "names an input that nothing resembles": [setting({ zzzzzzzz: 3 }), "\"zzzzzzzz\"", "photo", "softness"],
  "names an input by its title": [setting({ "Resize Image": 3 }), "\"Resize Image\"", "photo"],
  "sets a field that is not on the form": [
    setting({ "de81c154-9b63-5053-9d4c-8da015a0cf0f.blur_type": "box" }),
    "not on the workflow's form",
    "setField"
  ],
  "sets a value of the wrong type": [
    setting({ width: "wide" }),
    "\"width\" (node \"Resize Image\")",
    "an integer",
    "\"wide\""
  ],
  "sets a value out of bounds": [setting({ width: -1 }), "\"width\" (node \"Resize Image\")", "greater than 0", "-1"],
  "sets an effect": [
    setting({ photo: Assets.uploadFile(example("mountain.png")) }),
    "\"photo\" (node \"Resize Image\")",
    "an Effect instead of its result: yield* it first"
  ],
  "sets a promise": [setting({ photo: Promise.resolve("x.png") }), "a Promise instead of its result: await it first"],
  "sets a path as an image": [
    Effect.flatMap(setting({ photo: example("mountain.png") }) as typeof thumbnail, Job.submit),
    "mountain.png",
    "uploadFile"
  ],
  "names an image that the server does not have": [
    Effect.flatMap(setting({ photo: "nope.png" }) as typeof thumbnail, Job.submit),
    "nope.png",
    "does not exist on the server",
    "uploadFile"
  ],
  "forgets an input": [Effect.flatMap(thumbnail, Job.submit), "set the input \"photo\""],
  "names a model that is not installed": [
    diffusion.pipe(
      Effect.flatMap(Workflow.setInputs({ model: "nope" })),
      Effect.flatMap(Job.submit)
    ),
    "nope",
    "is not installed",
    "of type main",
    modelOf("main")
  ],
  "names a model of the wrong type": [
    diffusion.pipe(
      Effect.flatMap(Workflow.setInputs({ model: modelOf("vae") })),
      Effect.flatMap(Job.submit)
    ),
    modelOf("vae"),
    "of type main",
    modelOf("main")
  ],
  "sweeps lists of different lengths": [
    Effect.flatMap(thumbnail, Workflow.sweep(Sweep.zip({ width: [1, 2], height: [1] }))),
    "\"height\" has 1 value,",
    "2"
  ],
  "names a board that does not exist": [
    Effect.flatMap(withPhoto, (ready) => Job.submit(ready, { board: "nope" })),
    "\"nope\"",
    "samples",
    "study",
    "findOrCreate"
  ],
  "reads the outputs too early": [
    Effect.gen(function*() {
      const job = yield* Job.submit(yield* withPhoto)
      return yield* job.outputs
    }),
    "has not ended yet",
    "job.await"
  ],
  "attaches to a job that does not exist": [Job.attach("nope"), "nope", "submit"],
  "uploads a file that does not exist": [Assets.uploadFile("nope.png"), "nope.png", "does not exist"],
  "uploads a directory": [Assets.uploadFile(example("")), "not a regular file"],
  "uploads a text as an image": [
    Assets.uploadFile(example("soft-thumbnail.json")),
    "PNG, JPEG, WebP"
  ],
  "uploads to a board that does not exist": [
    Assets.uploadFile(example("mountain.png"), { board: "nope" }),
    "the board does not exist (\"nope\"",
    "Boards.list"
  ],
  "downloads into a file": [
    Effect.gen(function*() {
      const directory = yield* file("outputs", "")
      return yield* Downloads.outputs(yield* outputs, { directory })
    }),
    "outputs",
    "directory"
  ],
  "downloads with a template of unknown names": [
    Effect.gen(function*() {
      const directory = Path.dirname(yield* file("x", ""))
      return yield* Downloads.outputs(yield* outputs, { directory, template: "{foo}" })
    }),
    "{foo}",
    "{name}"
  ],
  "downloads over existing files": [
    Effect.gen(function*() {
      const directory = Path.dirname(yield* file("x", ""))
      const made = yield* outputs
      yield* Downloads.outputs(made, { directory })
      return yield* Downloads.outputs(made, { directory })
    }),
    "exists",
    "ifExists: \"skip\", \"rename\" or \"overwrite\""
  ],
  "downloads an image that does not exist": [
    Downloads.image("nope.png", { directory: "outputs" }),
    "nope.png",
    "does not exist on the server"
  ],
  "asks for runs that are not a number": [
    Effect.flatMap(text, (ready) => Job.submit(ready, { runs: wrong("many") })),
    "runs",
    "an integer greater than 0",
    "\"many\""
  ],
  "finds a board by a name that two have": [
    Effect.gen(function*() {
      const boards = yield* Boards
      yield* boards.create("twice")
      yield* boards.create("twice")
      return yield* boards.find("twice")
    }),
    "\"twice\"",
    "2 boards are named",
    "Use an id"
  ]
}

/** What a multi-user server says to a program without a login, or with a wrong one. */
export const logins: Readonly<Record<string, NodeInvokeAi.Options>> = {
  "has no login": {},
  "has a wrong token": { token: Redacted.make("wrong") },
  "has a wrong password": { email: "user@example.com", password: Redacted.make("wrong") }
}

export const server = Layer.unwrap(Effect.map(NodeSimulator, ({ url }) => NodeInvokeAi.layer({ url, retries: 0 })))
  .pipe(
    Layer.provideMerge(NodeSimulator.layer({ port: 0, boards: ["samples", "study"], nodeDuration: "50 millis" }))
  )
