import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import { JobJournal, type JournalEntry } from "@effect-invokeai/core/job/JobJournal"
import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import type * as ChildProcess from "node:child_process"
import { fileURLToPath } from "node:url"
import { files, listing, temporaryFolder } from "../folders.ts"
import { png } from "../media.ts"
import { imageServer } from "./imageServer.ts"

const picture = png(300, 200, { invokeai_metadata: "{}" }, [10, 20, 30])
const images = (name: string) => name === "a.png" ? picture : null

describe("NodeInvokeAi", () => {
  it.live("transfers images over real connections, uncompressed, and closes them with its scope", () =>
    Effect.scoped(Effect.gen(function*() {
      const server = yield* imageServer({ image: images })
      const scope = yield* Scope.make()
      const services = yield* Layer.buildWithScope(NodeInvokeAi.layer({ url: server.url }), scope)
      yield* Effect.scoped(Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const folder = yield* temporaryFolder
        yield* Downloads.image("a.png", { directory: folder })
        assert.deepStrictEqual(new Uint8Array(yield* fs.readFile(`${folder}/a.png`)), picture)
        const webp = yield* Downloads.image("a.png", { directory: folder, format: "webp" })
        assert.strictEqual(webp.files[0]?.path, `${folder}/a.webp`)
        assert.deepStrictEqual(yield* listing(folder), ["a.png", "a.webp"])

        const before = server.received()
        const asset = yield* Assets.uploadFile(`${folder}/a.png`)
        assert.strictEqual(asset.imageName, "upload-1.png")
        assert.isAbove(server.received() - before, picture.length)
      })).pipe(Effect.provideContext(services))
      assert.deepStrictEqual(
        server.deleted,
        ["upload-1.png"]
      )
      for (const request of server.requests.filter((request) => request.url.endsWith("/full"))) {
        assert.strictEqual(request.headers["accept-encoding"], "identity")
      }
      assert.isAbove(yield* server.openConnections, 0)
      yield* Scope.close(scope, Exit.void)
      yield* Effect.sleep(50)
      assert.strictEqual(yield* server.openConnections, 0)
    })))

  it.live("sends every request with the HttpClient of the program", () =>
    Effect.scoped(Effect.gen(function*() {
      const server = yield* imageServer({ image: images })
      const sent: Array<string> = []
      const httpClient = Layer.effect(
        HttpClient.HttpClient,
        Effect.map(
          HttpClient.HttpClient,
          HttpClient.mapRequest((request) => {
            sent.push(request.method)
            return HttpClientRequest.setHeader(request, "x-program", "mine")
          })
        )
      ).pipe(Layer.provide(FetchHttpClient.layer))
      yield* Effect.scoped(Effect.gen(function*() {
        const folder = yield* temporaryFolder
        const { files } = yield* Downloads.image("a.png", { directory: folder })
        yield* Assets.uploadFile(files[0]?.path ?? "")
      })).pipe(Effect.provide(NodeInvokeAi.layer({ url: server.url, httpClient })))
      assert.deepStrictEqual(sent, server.requests.map((request) => request.method))
      assert.isTrue(server.requests.every((request) => request.headers["x-program"] === "mine"))
      assert.isAtLeast(sent.length, 3)
    })))

  it.live("survives a connection that is cut in the middle of an image", () =>
    Effect.scoped(Effect.gen(function*() {
      const cut = { after: 200, times: 2 }
      const server = yield* imageServer({ image: images, cut })
      yield* Effect.gen(function*() {
        const folder = yield* temporaryFolder
        yield* Downloads.image("a.png", { directory: folder })
        assert.strictEqual(cut.times, 0)
        cut.times = 100
        const error = yield* Effect.flip(Downloads.image("a.png", { directory: `${folder}/second` }))
        assert.ok(error._tag === "DownloadError")
        assert.strictEqual(error.reason, "Connection")
        assert.strictEqual(100 - cut.times, 4)
        assert.deepStrictEqual(yield* listing(folder), ["a.png", "second"])
      }).pipe(Effect.provide(NodeInvokeAi.layer({ url: server.url })))
    })))

  it.live("records uploads in the provided ledger, and finds the leftovers of an earlier process", () =>
    Effect.scoped(Effect.gen(function*() {
      const server = yield* imageServer({ image: images })
      const fs = yield* FileSystem.FileSystem
      const assetLedger = `${yield* temporaryFolder}/assets.jsonl`
      const client = NodeInvokeAi.layer({ url: server.url, assetLedger })
      yield* Effect.scoped(Effect.gen(function*() {
        const asset = yield* Assets.uploadBytes(picture)
        assert.include(yield* fs.readFileString(assetLedger), asset.imageName)
        yield* fs.copyFile(assetLedger, `${assetLedger}.crashed`)
      })).pipe(Effect.provide(client))
      assert.strictEqual((yield* Assets.recover.pipe(Effect.provide(client))).size, 0)

      yield* fs.rename(`${assetLedger}.crashed`, assetLedger)
      const outcomes = yield* Assets.recover.pipe(Effect.provide(client))
      assert.deepStrictEqual([...outcomes], [["upload-1.png", { _tag: "Missing" }]])
    })).pipe(Effect.provide(files)))

  it.live("keeps a journal of jobs in the provided directory", () =>
    Effect.scoped(Effect.gen(function*() {
      const folder = `${yield* temporaryFolder}/state/jobs`
      const client = NodeInvokeAi.layerConfig({ url: "http://127.0.0.1:9", jobJournal: folder })
      const entry: JournalEntry = {
        batchId: "b-1",
        key: "order-1",
        stage: "sending",
        batch: { runs: 1, graph: { nodes: {}, edges: [] } },
        size: 1,
        prepend: false,
        nodes: []
      }
      yield* JobJournal.use((journal) => journal.put(entry)).pipe(Effect.provide(client))
      const entries = yield* JobJournal.use((journal) => journal.entries).pipe(Effect.provide(client))
      assert.deepStrictEqual(entries, [entry])
      assert.isNotEmpty(yield* listing(folder))
    })).pipe(Effect.provide(files)))

  it.live("reads the environment, and prefers options", () =>
    Effect.scoped(Effect.gen(function*() {
      const server = yield* imageServer({ image: images })
      const environment = ConfigProvider.layer(ConfigProvider.fromUnknown({ INVOKEAI_URL: server.url }))
      const bytes = yield* Downloads.bytes("a.png").pipe(
        Effect.provide(NodeInvokeAi.layerConfig().pipe(Layer.provide(environment)))
      )
      assert.deepStrictEqual(bytes, picture)
      const elsewhere = yield* Downloads.bytes("a.png").pipe(
        Effect.provide(
          NodeInvokeAi.layerConfig({ url: "http://127.0.0.1:9", retries: 0 }).pipe(Layer.provide(environment))
        ),
        Effect.flip
      )
      assert(elsewhere._tag === "DownloadError")
      assert.strictEqual(elsewhere.reason, "Connection")
    })), 20_000)

  it.live(
    "lets the process end immediately with open requests, and leaves no upload",
    () =>
      Effect.scoped(Effect.gen(function*() {
        const server = yield* imageServer({ image: images, hang: true })
        const script = fileURLToPath(new URL("./fixtures/upload-and-hang.ts", import.meta.url))
        const child = yield* Effect.acquireRelease(
          Effect.sync(() =>
            spawn(process.execPath, [script], {
              env: { ...process.env, INVOKEAI_URL: server.url },
              stdio: ["ignore", "pipe", "inherit"]
            })
          ),
          (process) => Effect.sync(() => process.kill("SIGKILL"))
        )
        const ended = exitOf(child)
        yield* Effect.callback<void>((resume) => {
          child.stdout.once("data", () => resume(Effect.void))
        })
        const start = performance.now()
        child.kill("SIGINT")
        const code = yield* ended
        assert.strictEqual(code, 130)
        assert.isBelow(performance.now() - start, 3_000)
        assert.deepStrictEqual(
          server.deleted,
          ["upload-1.png"]
        )
      })),
    20_000
  )
})

const exitOf = (child: ChildProcess.ChildProcess) =>
  Effect.callback<number | null>((resume) => {
    if (child.exitCode !== null) resume(Effect.succeed(child.exitCode))
    else child.once("exit", (code) => resume(Effect.succeed(code)))
  })
