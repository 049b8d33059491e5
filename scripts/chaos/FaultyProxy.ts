/**
 * An HTTP proxy that harms a share of all requests, WebSocket upgrades included. A seed decides which, and how.
 */
import * as Effect from "effect/Effect"
import * as Http from "node:http"
import * as Net from "node:net"
import { setTimeout as sleep } from "node:timers/promises"

/**
 * The kinds of faults. `delay` and `truncated` always reach the server; each of the others does in half of the cases, so
 * that the same failure can mean both that the server acted and that it did not.
 *
 * - `reset`: the connection is closed without a response.
 * - `500`, `502`, `503`, `429`: a response that the proxy made, in HTML; the last two with `Retry-After: 1`.
 * - `html`: a page with status 200.
 * - `delay`: request and response each arrive up to half a second late.
 * - `hang`: no response, and the connection stays open.
 * - `truncated`: the response breaks off in the middle.
 */
export const faultKinds = ["reset", "500", "502", "503", "429", "html", "delay", "hang", "truncated"] as const

export type FaultKind = typeof faultKinds[number]

export interface FaultyProxy {
  readonly url: string
  /** How many requests came, and how many of them were harmed in which way. */
  readonly counts: { requests: number; readonly faults: Map<string, number> }
  /** Runs an action at the n-th moment from now: each request has one when it arrives, is answered, and is passed back. */
  readonly atMoment: (n: number, action: () => void) => void
}

interface Fault {
  readonly kind: FaultKind
  readonly isForwarded: boolean
  /** Milliseconds. */
  readonly delay: number
}

interface Answer {
  readonly status: number
  readonly headers: Http.IncomingHttpHeaders
  readonly body: Buffer
}

const statuses: Readonly<Partial<Record<FaultKind, number>>> = { 500: 500, 502: 502, 503: 503, 429: 429, html: 200 }

const madeByProxy = (
  kind: FaultKind
): { readonly status: number; readonly head: Record<string, string>; readonly body: string } | undefined => {
  const status = statuses[kind]
  if (status === undefined) return undefined
  const title = `${status} ${Http.STATUS_CODES[status]}`
  return {
    status,
    head: { "content-type": "text/html", ...(status === 503 || status === 429 ? { "retry-after": "1" } : {}) },
    body: `<html><head><title>${title}</title></head><body><center><h1>${title}</h1></center></body></html>\n`
  }
}

const hopByHop = new Set(["connection", "keep-alive", "transfer-encoding", "content-length", "upgrade"])

const endToEnd = (headers: Http.IncomingHttpHeaders): Http.OutgoingHttpHeaders =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !hopByHop.has(name)))

const read = async (message: Http.IncomingMessage): Promise<Buffer> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of message) chunks.push(chunk as Buffer) // a message without an encoding yields buffers
  return Buffer.concat(chunks)
}

/** Starts the proxy in front of a port of this machine; it ends with the scope. */
export const make = Effect.fnUntraced(
  function*(options: { readonly port: number; readonly rate: number; readonly random: () => number }) {
    const { random, rate } = options
    const counts = { requests: 0, faults: new Map<string, number>() }
    const sockets = new Set<Net.Socket>()
    const agent = new Http.Agent({ keepAlive: true })
    let moments = 0
    let due: { readonly at: number; readonly action: () => void } | undefined = undefined

    const moment = () => {
      moments++
      if (due === undefined || moments < due.at) return
      const { action } = due
      due = undefined
      action()
    }

    const nextFault = (): Fault | undefined => {
      counts.requests++
      const harmed = random() < rate
      const kind = faultKinds[Math.floor(random() * faultKinds.length)]!
      const isForwarded = random() < 0.5 || kind === "delay" || kind === "truncated"
      const delay = Math.floor(random() * 500)
      if (!harmed) return undefined
      const name = kind === "delay" || kind === "truncated" ? kind : `${kind} ${isForwarded ? "after" : "before"}`
      counts.faults.set(name, (counts.faults.get(name) ?? 0) + 1)
      return { kind, isForwarded, delay }
    }

    const forward = (request: Http.IncomingMessage, body: Buffer): Promise<Answer> =>
      new Promise((resolve, reject) => {
        const upstream = Http.request({
          agent,
          host: "127.0.0.1",
          port: options.port,
          method: request.method,
          path: request.url,
          headers: { ...endToEnd(request.headers), "content-length": body.length }
        }, (response) => {
          read(response).then(
            (answer) => resolve({ status: response.statusCode ?? 502, headers: response.headers, body: answer }),
            reject
          )
        })
        upstream.once("error", reject)
        upstream.end(body)
      })

    const respond = (response: Http.ServerResponse, answer: Answer, withBody: boolean, length: number) => {
      response.writeHead(answer.status, {
        ...endToEnd(answer.headers),
        ...(answer.status === 204
          ? {}
          : { "content-length": withBody ? answer.body.length : answer.headers["content-length"] })
      })
      if (length >= answer.body.length) response.end(withBody ? answer.body : undefined)
      else response.write(answer.body.subarray(0, length), () => response.destroy())
    }

    const handle = async (request: Http.IncomingMessage, response: Http.ServerResponse): Promise<void> => {
      const fault = nextFault()
      const body = await read(request)
      moment()
      if (fault?.kind === "delay") await sleep(fault.delay)
      const answer = fault === undefined || fault.isForwarded ? await forward(request, body) : undefined
      moment()
      if (fault?.kind === "delay") await sleep(fault.delay)
      if (fault?.kind === "hang") return
      if (fault?.kind === "reset") {
        request.socket.resetAndDestroy()
        return
      }
      const made = fault === undefined ? undefined : madeByProxy(fault.kind)
      if (made !== undefined) response.writeHead(made.status, made.head).end(made.body)
      else if (answer !== undefined) {
        const isHead = request.method === "HEAD"
        const isCut = fault?.kind === "truncated" && !isHead && answer.body.length > 0
        respond(response, answer, !isHead, isCut ? Math.floor(answer.body.length / 2) : Infinity)
      }
      moment()
    }

    const upgrade = async (request: Http.IncomingMessage, client: Net.Socket, head: Buffer): Promise<void> => {
      const fault = nextFault()
      moment()
      if (fault?.kind === "hang") return
      if (fault?.kind === "reset") {
        client.resetAndDestroy()
        return
      }
      const made = fault === undefined ? undefined : madeByProxy(fault.kind)
      if (made !== undefined) {
        const headers = Object.entries({
          ...made.head,
          "content-length": String(made.body.length),
          connection: "close"
        })
        client.end(
          `HTTP/1.1 ${made.status} ${Http.STATUS_CODES[made.status]}\r\n` +
            `${headers.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n${made.body}`
        )
        return
      }
      if (fault?.kind === "delay") await sleep(fault.delay)
      const target = Net.connect(options.port, "127.0.0.1")
      sockets.add(target)
      const closeBoth = () => {
        client.destroy()
        target.destroy()
        sockets.delete(target)
      }
      for (const socket of [client, target]) socket.on("error", closeBoth).on("close", closeBoth)
      const lines = [`${request.method} ${request.url} HTTP/1.1`]
      for (let index = 0; index < request.rawHeaders.length; index += 2) {
        lines.push(`${request.rawHeaders[index]}: ${request.rawHeaders[index + 1]}`)
      }
      target.write(`${lines.join("\r\n")}\r\n\r\n`)
      target.write(head)
      client.pipe(target).pipe(client)
      if (fault?.kind === "truncated") await sleep(4 * fault.delay).then(closeBoth)
    }

    const server = Http.createServer((request, response) => {
      response.on("error", () => response.destroy())
      // The client is gone, or the server is: in both cases there is no one to serve.
      handle(request, response).catch(() => request.socket.destroy())
    })
    server.on("connection", (socket) => {
      sockets.add(socket)
      socket.on("error", () => socket.destroy()).on("close", () => sockets.delete(socket))
    })
    server.on("upgrade", (request, socket: Net.Socket, head) => {
      upgrade(request, socket, head).catch(() => socket.destroy())
    })
    yield* Effect.acquireRelease(
      Effect.promise(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))),
      () =>
        Effect.sync(() => {
          agent.destroy()
          server.close()
          for (const socket of sockets) socket.destroy()
        })
    )
    const address = server.address()
    const proxy: FaultyProxy = {
      url: `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`,
      counts,
      atMoment: (n, action) => {
        due = { at: moments + n, action }
      }
    }
    return proxy
  }
)
