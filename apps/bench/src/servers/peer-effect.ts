// A peer: an Effect stream, and so a fiber, per subscriber, fed by one hub. It is how one writes live streams in Effect when
// one writes what its documentation shows; the one file of the bench that imports Effect, and the one that may.

import { createServer, type ServerResponse } from "node:http"
import { Effect, Fiber, PubSub, Stream } from "effect"
import { byPath, listenAndSay, takePublished } from "./listening.ts"

interface Hub {
  readonly events: PubSub.PubSub<Buffer>
  position: number
}

const hubOf = byPath((): Hub => ({ events: Effect.runSync(PubSub.unbounded<Buffer>()), position: 0 }))

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

function publish(hub: Hub, data: Buffer): number {
  hub.position += 1
  Effect.runSync(PubSub.publish(hub.events, Buffer.concat([Buffer.from(`id: ${hub.position}\ndata: `), data, Buffer.from("\n\n")])))
  return hub.position
}

listenAndSay(
  createServer((request, response) => {
    const [path = "/"] = (request.url ?? "/").split("?")
    const hub = hubOf(path)
    if (request.method === "POST") takePublished(request, response, (data) => publish(hub, data))
    else subscribe(response, hub)
  }),
)
