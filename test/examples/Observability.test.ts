import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Http from "node:http"
import type * as Net from "node:net"
import * as Path from "node:path"
import { root, start, temporaryFolder, withServer } from "./support.ts"

const program = Path.join(root, "examples/observability.ts")

describe("The observability example", () => {
  it.live("prints the job with its items and nodes, and the metrics", () =>
    Effect.gen(function*() {
      const cwd = yield* temporaryFolder
      const { code, output } = yield* Effect.flatMap(start(program, { cwd }), (one) => one.ended)
      assert.strictEqual(code, 0, output)
      const lines = output.split("\n")
      const indent = (name: string) => lines.find((line) => line.trimStart().startsWith(`${name} `))?.search(/\S/) ?? -1
      assert.strictEqual(indent("thumbnail"), 0, output)
      assert.isAbove(indent("Job.run"), indent("Job.submit"))
      assert.isAbove(indent("Job.item"), indent("Job.run"))
      assert.isAbove(indent("Job.node"), indent("Job.item"))
      assert.match(
        output,
        /Job\.node \d+ ms batchId=[-0-9a-f]+ itemId=1 nodeId=[-0-9a-f]+ nodeLabel=.* nodeType=img_blur/
      )
      assert.match(output, /invokeai_jobs_total\{status=completed\}: 1\n/)
      assert.match(output, /invokeai_job_run_seconds: 1 times/)
      assert.match(output, /invokeai_upload_bytes_total: 53\d{3}\n/)
      assert.match(output, /invokeai_download_bytes_total: \d+\n/)
      assert.match(output, /Logs: [1-9]\d* lines?/)
    }), 60_000)

  it.live(
    "sends traces, metrics and logs to the collector that the environment names",
    () =>
      withServer({}, ({ url }) =>
        Effect.gen(function*() {
          const cwd = yield* temporaryFolder
          const paths = new Set<string>()
          const collector = yield* Effect.acquireRelease(
            Effect.callback<Http.Server>((resume) => {
              const server = Http.createServer((request, response) => {
                paths.add(String(request.url))
                request.resume().on("end", () => response.end("{}"))
              })
              server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
            }),
            (server) =>
              Effect.sync(() => {
                server.close()
                server.closeAllConnections()
              })
          )
          const { port } = collector.address() as Net.AddressInfo
          const { code, output } = yield* Effect.flatMap(
            start(program, {
              cwd,
              env: { INVOKEAI_URL: url, OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` }
            }),
            (one) => one.ended
          )
          assert.strictEqual(code, 0, output)
          assert.deepStrictEqual([...paths].toSorted(), ["/v1/logs", "/v1/metrics", "/v1/traces"])
        })),
    60_000
  )
})
