// A peer: better-sse, a channel per session, as its documentation shows. Where it is, is said on the command line, because
// it is no dependency of ours: the bench finds it in a folder of the user's.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { listenAndSay } from "./listening.ts"

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
const hubs = new Map<string, Hub>()

function hubOf(path: string): Hub {
  const found = hubs.get(path)
  if (found !== undefined) return found
  const made = { channel: betterSse.createChannel(), position: 0 }
  hubs.set(path, made)
  return made
}

async function subscribe(request: IncomingMessage, response: ServerResponse, hub: Hub): Promise<void> {
  const session = await betterSse.createSession(request, response, options)
  hub.channel.register(session)
}

function publish(request: IncomingMessage, response: ServerResponse, hub: Hub): void {
  let data = ""
  request.setEncoding("utf8").on("data", (text: string) => {
    data += text
  })
  request.on("end", () => {
    hub.position += 1
    hub.channel.broadcast(data, "message", { eventId: String(hub.position) })
    const body = `{"first":${hub.position},"last":${hub.position}}`
    response.writeHead(200, { "content-type": "application/json", "content-length": body.length })
    response.end(body)
  })
}

listenAndSay(
  createServer((request, response) => {
    const [path = "/"] = (request.url ?? "/").split("?")
    if (request.method === "POST") publish(request, response, hubOf(path))
    else void subscribe(request, response, hubOf(path))
  }),
)
