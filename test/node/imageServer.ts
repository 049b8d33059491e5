/**
 * A server on a port that has images, and takes them: just enough of InvokeAI's routes for transfers.
 */
import * as Effect from "effect/Effect"
import * as Http from "node:http"

export interface ImageServer {
  readonly url: string
  readonly requests: ReadonlyArray<
    { readonly method: string; readonly url: string; readonly headers: Http.IncomingHttpHeaders }
  >
  /** The names of deleted images. */
  readonly deleted: ReadonlyArray<string>
  /** Bytes of the request bodies so far. */
  readonly received: () => number
  readonly openConnections: Effect.Effect<number>
}

export interface ImageServerOptions {
  /** The content of an image; null for one that does not exist. */
  readonly image: (name: string) => Uint8Array | null
  /** Ends the connection after so many bytes of an image, as often as it says. */
  readonly cut?: { readonly after: number; times: number }
  /** Sends so many bytes of an image, and then nothing more. */
  readonly stall?: number
  /** Leaves requests for images without an answer. */
  readonly hang?: boolean
}

const dto = (name: string, width: number, height: number, sessionId: string | null = null) => ({
  image_name: name,
  image_url: `api/v1/images/i/${name}/full`,
  thumbnail_url: `api/v1/images/i/${name}/thumbnail`,
  image_origin: "external",
  image_category: "user",
  width,
  height,
  created_at: "2026-11-22 12:00:00.000",
  updated_at: "2026-11-22 12:00:00.000",
  is_intermediate: true,
  session_id: sessionId,
  node_id: null,
  starred: false,
  has_workflow: false,
  board_id: null
})

const size = (bytes: Uint8Array): readonly [number, number] => {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  return [view.getUint32(16), view.getUint32(20)]
}

export const imageServer = (options: ImageServerOptions) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<{ readonly server: Http.Server; readonly state: ImageServer }>((resume) => {
        const requests: Array<ImageServer["requests"][number]> = []
        const uploaded = new Set<string>()
        const deleted: Array<string> = []
        let received = 0
        const json = (response: Http.ServerResponse, status: number, body: unknown) => {
          response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body))
        }
        const server = Http.createServer((request, response) => {
          const url = new URL(request.url ?? "/", "http://localhost")
          requests.push({ method: request.method ?? "", url: url.pathname, headers: request.headers })
          if (url.pathname === "/api/v1/images/upload") {
            request.on("data", (chunk: Uint8Array) => received += chunk.length)
            request.on("end", () => {
              const name = `upload-${uploaded.size + 1}.png`
              uploaded.add(name)
              json(response, 201, dto(name, 8, 8, url.searchParams.get("session_id")))
            })
            return
          }
          if (/^\/api\/v1\/images\/(?:images_by_names|delete)$/.test(url.pathname)) {
            let body = ""
            request.on("data", (chunk: Uint8Array) => body += Buffer.from(chunk).toString())
            request.on("end", () => {
              const { image_names: names } = JSON.parse(body) as { readonly image_names: ReadonlyArray<string> }
              if (url.pathname.endsWith("/delete")) {
                const deleted_images = names.filter((name) => uploaded.delete(name))
                deleted.push(...deleted_images)
                return json(response, 200, { affected_boards: ["none"], deleted_images, failed_images: [] })
              }
              json(response, 200, names.filter((name) => uploaded.has(name)).map((name) => dto(name, 8, 8)))
            })
            return
          }
          request.resume()
          const [, name = "", part] = /^\/api\/v1\/images\/i\/([^/]+)(\/full)?$/.exec(url.pathname) ?? []
          if (uploaded.has(name)) return json(response, 200, dto(name, 8, 8))
          if (options.hang === true) return
          const bytes = options.image(name)
          if (bytes === null) return json(response, 404, { detail: "Image not found" })
          if (part === undefined) return json(response, 200, dto(name, ...size(bytes)))
          response.writeHead(200, { "content-type": "image/png", "content-length": bytes.length })
          if (options.stall !== undefined) return void response.write(bytes.subarray(0, options.stall))
          const { cut } = options
          if (cut !== undefined && cut.times > 0) {
            cut.times--
            response.write(bytes.subarray(0, cut.after), () => setTimeout(() => request.socket.destroy(), 20))
            return
          }
          response.end(bytes)
        })
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          const port = typeof address === "object" && address !== null ? address.port : 0
          resume(Effect.succeed({
            server,
            state: {
              url: `http://127.0.0.1:${port}`,
              requests,
              deleted,
              received: () => received,
              openConnections: Effect.callback<number>((done) => {
                server.getConnections((_, count) => done(Effect.succeed(count)))
              })
            }
          }))
        })
      }),
      ({ server }) =>
        Effect.callback<void>((resume) => {
          server.close(() => resume(Effect.void))
          server.closeAllConnections()
        })
    ),
    ({ state }) => state
  )
