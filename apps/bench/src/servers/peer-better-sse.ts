// A peer: better-sse, a channel per session, as its documentation shows. Where it is, is said on the command line, because
// it is no dependency of ours: the bench finds it in a folder of the user's.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { byPath, listenAndSay, takePublished } from "./listening.ts"

/** The part of better-sse that is used here. */
interface BetterSse {
  createChannel(): Channel
  createSession(request: IncomingMessage, response: ServerResponse, options: SessionOptions): Promise<object>
}

interface Channel {
  register(session: object): void
  broadcast(data: unknown, eventName: string, options: { readonly eventId: string }): void
}

interface SessionOptions {
  readonly serializer: (data: unknown) => string
  readonly keepAlive: number | null
}

interface Hub {
  readonly channel: Channel
  position: number
}

/** What is published is JSON already. */
const options: SessionOptions = { serializer: String, keepAlive: null }

const where: string = process.argv[2] ?? "better-sse"
const betterSse: BetterSse = await import(where)
const hubOf = byPath((): Hub => ({ channel: betterSse.createChannel(), position: 0 }))

async function subscribe(request: IncomingMessage, response: ServerResponse, hub: Hub): Promise<void> {
  const session = await betterSse.createSession(request, response, options)
  hub.channel.register(session)
}

function publish(hub: Hub, data: Buffer): number {
  hub.position += 1
  hub.channel.broadcast(data.toString(), "message", { eventId: String(hub.position) })
  return hub.position
}

listenAndSay(
  createServer((request, response) => {
    const [path = "/"] = (request.url ?? "/").split("?")
    const hub = hubOf(path)
    if (request.method === "POST") takePublished(request, response, (data) => publish(hub, data))
    else void subscribe(request, response, hub)
  }),
)
