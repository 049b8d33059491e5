/**
 * An HTTP proxy in front of the server under test that treats each request as currently configured.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { createServer, type IncomingMessage, request as send, type ServerResponse } from "node:http"
import { connect, type Socket } from "node:net"
import * as Support from "../Support.ts"

/**
 * What becomes of a request.
 *
 * - `pass`: it reaches the server, and its response the client.
 * - `drop`: the connection is closed before the server gets the request.
 * - `lose`: the server gets the request, and the connection is closed in place of its response.
 * - `hang`: nothing reaches the server, and no response comes.
 * - `swallow`: the server gets the request, and no response comes.
 * - a status, a content type and a body: the proxy responds itself.
 */
export type Treatment =
  | "pass"
  | "drop"
  | "lose"
  | "hang"
  | "swallow"
  | {
    readonly status: number
    readonly contentType?: string
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: string
  }

export interface Interceptor {
  readonly url: string
  /** Replaces what is done with requests from now on. */
  treat: (request: { readonly method: string; readonly path: string }) => Treatment
  /** For how many milliseconds every request waits before it is treated. */
  delay: number
  /** The requests that came, as method and path. */
  readonly seen: ReadonlyArray<string>
}

const upstream = new URL(Support.url)

const forward = (request: IncomingMessage, response: ServerResponse, treatment: Treatment): void => {
  const outgoing = send({
    host: upstream.hostname,
    port: upstream.port,
    method: request.method,
    path: request.url,
    headers: request.headers
  }, (incoming) => {
    if (treatment === "pass") {
      response.writeHead(incoming.statusCode ?? 502, incoming.headers)
      incoming.pipe(response)
      return
    }
    incoming.resume().on("end", () => {
      if (treatment === "lose") request.socket.destroy()
    })
  })
  outgoing.on("error", () => request.socket.destroy())
  request.pipe(outgoing)
}

/** Starts the proxy. */
export const make: Effect.Effect<Interceptor, never, Scope.Scope> = Effect.gen(function*() {
  const sockets = new Set<Socket>()
  const seen: Array<string> = []
  const interceptor: Interceptor & { url: string } = {
    url: "",
    treat: () => "pass",
    delay: 0,
    seen
  }
  const server = createServer((request, response) => {
    const path = request.url?.replace(/\?.*/, "") ?? ""
    const method = request.method ?? ""
    seen.push(`${method} ${path}`)
    const treatment = interceptor.treat({ method, path })
    if (treatment === "hang") return void request.resume()
    if (treatment === "drop") return void request.socket.destroy()
    if (typeof treatment === "string") {
      return void setTimeout(() => forward(request, response, treatment), interceptor.delay)
    }
    request.resume()
    response.writeHead(treatment.status, { "content-type": treatment.contentType ?? "text/html", ...treatment.headers })
    response.end(treatment.body ?? "<!doctype html><title>A proxy</title>")
  })
  server.on("connection", (socket) => {
    sockets.add(socket)
    socket.on("close", () => sockets.delete(socket))
  })
  // the event connection
  server.on("upgrade", (request, socket, head) => {
    const target = connect(Number(upstream.port), upstream.hostname, () => {
      const headers = Object.entries(request.headers).map(([name, value]) => `${name}: ${String(value)}\r\n`).join("")
      target.write(`${request.method} ${request.url} HTTP/1.1\r\n${headers}\r\n`)
      target.write(head)
      socket.pipe(target).pipe(socket)
    })
    socket.on("error", () => target.destroy())
    socket.on("close", () => target.destroy())
    target.on("error", () => socket.destroy())
  })
  yield* Effect.acquireRelease(
    Effect.promise(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))),
    () =>
      Effect.promise(() =>
        new Promise<void>((resolve) => {
          server.close(() => resolve())
          for (const socket of sockets) socket.destroy()
        })
      )
  )
  const address = server.address()
  interceptor.url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`
  return interceptor
})
