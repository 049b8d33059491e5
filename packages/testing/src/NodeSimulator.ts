/**
 * The simulated InvokeAI server on a port, with real HTTP and real Socket.IO, for programs in any language.
 *
 * **When to use**
 *
 * To try a program, or to test one that runs in another process. Tests in the same process are faster and simpler with
 * `InvokeAiTest.layer`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { Server, type Socket } from "socket.io"
import type { SimulatorRequest, SimulatorResponse } from "./internal/SimulatorHttp.ts"
import * as SimulatorHttp from "./internal/SimulatorHttp.ts"
import { pathOf } from "./internal/SimulatorHttpClient.ts"
import * as Simulator from "./Simulator.ts"

/**
 * Where the simulator listens, and its initial state.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeSimulatorOptions extends Simulator.SimulatorOptions {
  /** Default: a free port. */
  readonly port?: number | undefined
  /** Default `127.0.0.1`. */
  readonly host?: string | undefined
  /** A sub-path under which the server runs, such as `/invoke`. Default: `/`. */
  readonly basePath?: string | undefined
  /**
   * Which web pages may use it, like `allow_origins` of a server: origins such as `http://localhost:5173`, or `*`.
   * Default: none, so browsers block pages of other origins.
   */
  readonly allowOrigins?: ReadonlyArray<string> | undefined
}

/**
 * The port cannot be opened.
 *
 * @category errors
 * @since 0.1.0
 */
export class NodeSimulatorError extends Data.TaggedError("NodeSimulatorError")<{
  readonly host: string
  readonly port: number
  readonly cause: unknown
}> {
  override get message(): string {
    const reason = this.cause instanceof Error ? this.cause.message : String(this.cause)
    return `The simulator could not listen on ${this.host}:${this.port}: ${reason}`
  }
}

const headersOf = (request: IncomingMessage): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(request.headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(", ") : value]]
    )
  )

const read = (request: IncomingMessage): Effect.Effect<Uint8Array | undefined> =>
  Effect.callback((resume) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => void chunks.push(chunk))
    request.on("end", () =>
      resume(Effect.succeed(chunks.length === 0 ? undefined : new Uint8Array(Buffer.concat(chunks)))))
    request.on("error", () =>
      resume(Effect.succeed(undefined)))
  })

const write = Effect.fnUntraced(function*(response: ServerResponse, answer: SimulatorResponse, withBody: boolean) {
  response.writeHead(answer.status, answer.headers)
  if (!withBody || SimulatorHttp.arrivesWhole(answer)) {
    return yield* Effect.sync(() => void response.end(withBody ? answer.body : undefined))
  }
  yield* Stream.runForEach(
    SimulatorHttp.piecesOf(answer),
    (piece) => Effect.callback<void>((resume) => void response.write(piece, () => resume(Effect.void)))
  ).pipe(
    Effect.matchEffect({
      // truncated
      onFailure: () => Effect.sync(() => void response.destroy()),
      onSuccess: () => Effect.sync(() => void response.end())
    })
  )
})

/** The headers that a browser requires before it shows a response to a page of another origin. */
const corsHeaders = (
  request: IncomingMessage,
  allowed: ReadonlyArray<string>
): Readonly<Record<string, string>> | undefined => {
  const origin = request.headers.origin
  if (origin === undefined || !(allowed.includes("*") || allowed.includes(origin))) return undefined
  return {
    "access-control-allow-origin": origin,
    "access-control-allow-credentials": "true",
    "access-control-allow-methods": "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT",
    "access-control-allow-headers": request.headers["access-control-request-headers"] ?? "",
    "access-control-max-age": "600",
    vary: "Origin"
  }
}

const tokenOf = (socket: Socket): string | undefined => {
  const auth: unknown = socket.handshake.auth["token"]
  if (typeof auth === "string") return auth
  return /^bearer\s+(.+)$/i.exec(socket.handshake.headers.authorization ?? "")?.[1]
}

const make = Effect.fnUntraced(function*(options: NodeSimulatorOptions) {
  const simulator = yield* Simulator.Simulator
  const host = options.host ?? "127.0.0.1"
  const port = options.port ?? 0
  const base = (options.basePath ?? "/").replace(/\/+$/, "")
  const origins = options.allowOrigins ?? []
  const run = yield* FiberSet.makeRuntime()

  const answer = Effect.fnUntraced(function*(request: IncomingMessage, response: ServerResponse) {
    const target = request.url ?? "/"
    // A path that begins with two slashes is not a host.
    const url = URL.parse(target.startsWith("/") ? `http://simulator${target}` : target)
    if (url === null) {
      return yield* Effect.sync(() => void response.writeHead(400).end("Invalid HTTP request received."))
    }
    const method = request.method ?? "GET"
    const cors = corsHeaders(request, origins)
    if (cors !== undefined && method === "OPTIONS" && "access-control-request-method" in request.headers) {
      return yield* Effect.sync(() => void response.writeHead(200, cors).end())
    }
    const asked: SimulatorRequest = {
      method,
      path: pathOf(url, options.basePath),
      query: url.searchParams,
      headers: headersOf(request),
      body: yield* read(request)
    }
    yield* simulator.handle(asked).pipe(
      Effect.matchEffect({
        onSuccess: (result) =>
          write(response, { ...result, headers: { ...result.headers, ...cors } }, method !== "HEAD"),
        onFailure: () => Effect.sync(() => void response.destroy())
      })
    )
  })

  const server = createServer((request, response) => {
    run(
      answer(request, response).pipe(
        // The client gets a response to every failure.
        Effect.catchCause((cause) =>
          Effect.logError("The simulator could not respond", cause).pipe(
            Effect.andThen(Effect.sync(() => {
              if (!response.headersSent) response.writeHead(500).end("Internal Server Error")
              else response.destroy()
            }))
          )
        )
      )
    )
  })
  const sockets = new Server(server, { path: `${base}/ws/socket.io`, serveClient: false, cors: { origin: "*" } })

  sockets.use((socket, next) => {
    let waiting: Array<readonly [name: string, payload: unknown]> | undefined = []
    const attempt = simulator.connect({
      token: tokenOf(socket),
      send: (name, payload) => {
        if (waiting === undefined) socket.emit(name, payload)
        else waiting.push([name, payload])
      },
      close: (reason) => {
        if (reason === "io server disconnect") socket.disconnect(true)
        else socket.conn.close()
      }
    })
    run(attempt.pipe(Effect.match({
      onFailure: (refused) => next(new Error(refused.message)),
      onSuccess: (accepted) => {
        socket.onAny((name: string, payload: unknown) => void run(accepted.receive(name, payload)))
        socket.on("disconnect", () => void run(accepted.close))
        socket.data = {
          begin: () => {
            for (const [name, payload] of waiting ?? []) socket.emit(name, payload)
            waiting = undefined
          }
        }
        next()
      }
    })))
  })
  sockets.on("connection", (socket) => {
    const begin: unknown = socket.data.begin
    if (typeof begin === "function") begin()
  })

  yield* Effect.acquireRelease(
    Effect.callback<void, NodeSimulatorError>((resume) => {
      server.once("error", (cause) => resume(Effect.fail(new NodeSimulatorError({ host, port, cause }))))
      server.listen(port, host, () => resume(Effect.void))
    }),
    () =>
      Effect.callback<void>((resume) => {
        void sockets.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )
  const address = server.address()
  const bound = typeof address === "object" && address !== null ? address.port : port
  const shownHost = host.includes(":") ? `[${host}]` : host
  return NodeSimulator.of({ url: new URL(`http://${shownHost}:${bound}${base}/`) })
})

/**
 * A simulator that listens on a port.
 *
 * **Example** (A server for another program)
 *
 * ```ts
 * import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
 * import { NodeSimulator } from "@effect-invokeai/testing/NodeSimulator"
 * import * as Console from "effect/Console"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function*() {
 *   const { url } = yield* NodeSimulator
 *   yield* Console.log(`listening on ${url}`)
 *   return yield* Effect.never
 * })
 *
 * NodeRuntime.runMain(program.pipe(Effect.provide(NodeSimulator.layer({ port: 9090 }))))
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class NodeSimulator extends Context.Service<NodeSimulator, {
  /** Base URL, ending with a slash. */
  readonly url: URL
}>()("@effect-invokeai/testing/NodeSimulator") {
  /**
   * Starts a simulator and serves it. Everything is closed with the layer's scope.
   *
   * **Details**
   *
   * By default, a node takes 20 ms and a denoising step 40 ms, so that progress is visible.
   *
   * @since 0.1.0
   */
  static readonly layer = (
    options: NodeSimulatorOptions = {}
  ): Layer.Layer<NodeSimulator | Simulator.Simulator, NodeSimulatorError> =>
    Layer.effect(NodeSimulator, make(options)).pipe(
      Layer.provideMerge(
        Layer.fresh(Simulator.Simulator.layer({ nodeDuration: "20 millis", stepDuration: "40 millis", ...options }))
      )
    )
}
