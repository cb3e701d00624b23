// A peer: an Effect stream, and so a fiber, per subscriber, fed by one hub. It is how one writes live streams in Effect when
// one writes what its documentation shows; the one file of the bench that imports Effect, and the one that may.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { Effect, Fiber, PubSub, Stream } from "effect"
import { listenAndSay } from "./listening.ts"

interface Hub {
  readonly events: PubSub.PubSub<Buffer>
  position: number
}

const hubs = new Map<string, Hub>()

function hubOf(path: string): Hub {
  const found = hubs.get(path)
  if (found !== undefined) return found
  const made = { events: Effect.runSync(PubSub.unbounded<Buffer>()), position: 0 }
  hubs.set(path, made)
  return made
}

/** Goes on when the response can take more. */
function write(response: ServerResponse, frame: Buffer): Effect.Effect<void> {
  return Effect.async((resume) => {
    if (response.write(frame)) return resume(Effect.void)
    response.once("drain", () => resume(Effect.void))
  })
}

function subscribe(response: ServerResponse, hub: Hub): void {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" })
  const stream = Effect.scoped(
    Effect.gen(function* () {
      const events = yield* PubSub.subscribe(hub.events)
      response.flushHeaders()
      yield* Stream.runForEach(Stream.fromQueue(events), (frame) => write(response, frame))
    }),
  )
  const fiber = Effect.runFork(stream)
  response.once("close", () => Effect.runFork(Fiber.interrupt(fiber)))
}

function publish(request: IncomingMessage, response: ServerResponse, hub: Hub): void {
  const chunks: Buffer[] = []
  request.on("data", (chunk: Buffer) => chunks.push(chunk))
  request.on("end", () => {
    hub.position += 1
    const frame = Buffer.concat([Buffer.from(`id: ${hub.position}\ndata: `), ...chunks, Buffer.from("\n\n")])
    Effect.runSync(PubSub.publish(hub.events, frame))
    const body = `{"first":${hub.position},"last":${hub.position}}`
    response.writeHead(200, { "content-type": "application/json", "content-length": body.length })
    response.end(body)
  })
}

listenAndSay(
  createServer((request, response) => {
    const [path = "/"] = (request.url ?? "/").split("?")
    if (request.method === "POST") publish(request, response, hubOf(path))
    else subscribe(response, hubOf(path))
  }),
)
