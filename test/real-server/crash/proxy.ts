/**
 * A TCP proxy that breaks connections: `proxy.ts <port of the server> <seed>`. Prints its own port, and at the end of its
 * input how often it did what.
 *
 * What becomes of a connection, and when, is decided by the seed and by how manyth it is. Most are harmed, after a few
 * pieces of data; what is sent again meets a new one.
 */
import { connect, createServer, type Socket } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { numbers } from "./processes.ts"

const [upstream = "0", seed = "1"] = process.argv.slice(2)

/**
 * What is done to one direction after some pieces of data, of the next of which a part still passes.
 *
 * - `cut`: both sides are closed after a moment: an end or a reset for the waiting side.
 * - `half-close`: the receiver sees the end of the stream, although the sender continues.
 * - `silence`: nothing more arrives, and neither side notices for some seconds.
 * - `delay`: every piece waits; nothing else happens.
 */
interface Harm {
  readonly kind: "none" | "cut" | "half-close" | "silence" | "delay"
  readonly pieces: number
  readonly part: number
  /** Milliseconds. */
  readonly delay: number
}

const counts: Record<string, number> = {}
let connections = 0

const none: Harm = { kind: "none", pieces: Infinity, part: 1, delay: 0 }

const harmOf = (random: () => number): Harm => {
  const dice = random()
  const pieces = Math.floor(random() * 8)
  const part = Math.max(0, Math.min(1, random() * 2 - 0.5))
  const delay = Math.floor(random() * 150)
  if (dice < 0.4) return { kind: "cut", pieces, part, delay }
  if (dice < 0.6) return { kind: "half-close", pieces, part, delay: 0 }
  if (dice < 0.67) return { kind: "silence", pieces, part, delay: 4_000 }
  if (dice < 0.85) return { kind: "delay", pieces: Infinity, part, delay }
  return none
}

const pump = async (from: Socket, to: Socket, harm: Harm, count: () => void): Promise<void> => {
  let pieces = 0
  for await (const data of from) {
    const bytes = data as Buffer
    if (harm.kind === "delay") await sleep(harm.delay)
    if (pieces++ < harm.pieces) {
      to.write(bytes)
      continue
    }
    count()
    to.write(bytes.subarray(0, Math.floor(harm.part * bytes.length)))
    if (harm.kind === "half-close") {
      to.end()
      for await (const _ of from) if (to.destroyed) break
    } else await sleep(harm.delay)
    from.destroy()
    to.destroy()
    return
  }
  to.end()
}

const server = createServer({ allowHalfOpen: true }, (client) => {
  const random = numbers(Number(seed) * 1_000_003 + connections++)
  const target = connect({ port: Number(upstream), host: "127.0.0.1", allowHalfOpen: true, noDelay: true })
  client.setNoDelay(true)
  const harm = harmOf(random)
  const inReply = random() < 0.6
  const note = () => {
    const name = `${inReply ? "reply" : "request"} ${harm.kind}`
    counts[name] = (counts[name] ?? 0) + 1
  }
  if (harm.kind === "delay") note()
  const gone = () => {
    client.destroy()
    target.destroy()
  }
  client.on("error", gone)
  target.on("error", gone)
  pump(client, target, inReply ? none : harm, note).catch(gone)
  pump(target, client, inReply ? harm : none, note).catch(gone)
})

server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  console.log(`port ${typeof address === "object" && address !== null ? address.port : 0}`)
})
process.on("SIGTERM", () => {
  console.log(`connections ${connections}: ${JSON.stringify(counts)}`)
  process.exit(0)
})
