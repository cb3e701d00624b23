// What one writes first: a Node `http` server that keeps its responses in a set and writes every event to each of them, as
// one buffer that was encoded once. `--coalesce` collects the events of a tick and writes them joined; `--direct` puts the
// chunk's framing into the buffer and writes past the response, to the socket: less than that no program on Node can do. A
// ring of past events answers `Last-Event-ID`. Nothing else: no back-pressure, no deadlines, no limits, no epochs, no gaps.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { FaultyStream, parseFault } from "./fault.ts"
import { byPath, listenAndSay, takePublished } from "./listening.ts"

const words = process.argv.slice(2)
const coalesces = words.includes("--coalesce")
const isDirect = words.includes("--direct")
const ringEvents = Number(valueOf("--ring") ?? 2048)
const fault = parseFault(valueOf("--fault") ?? "")

function valueOf(flag: string): string | undefined {
  const at = words.indexOf(flag)
  return at === -1 ? undefined : words[at + 1]
}

abstract class Session {
  readonly responses = new Set<ServerResponse>()
  readonly #ring: Buffer[] = []
  #position = 0

  /** Gives the event's position. */
  publish(data: Buffer): number {
    this.#position += 1
    const frame = Buffer.concat([Buffer.from(`id: ${this.#position}\ndata: `), data, frameEnd])
    this.#ring[this.#position % ringEvents] = frame
    this.write(this.#position, frame)
    return this.#position
  }

  subscribe(response: ServerResponse, after: number): void {
    const replayed: Buffer[] = []
    for (let position = Math.max(after, this.#position - ringEvents) + 1; position <= this.#position; position++) {
      const frame = this.#ring[position % ringEvents]
      if (frame !== undefined) replayed.push(frame)
    }
    this.replay(response, replayed)
    this.responses.add(response)
    response.once("close", () => this.responses.delete(response))
  }

  get position(): number {
    return this.#position
  }

  protected abstract write(position: number, frame: Buffer): void
  protected abstract replay(response: ServerResponse, frames: readonly Buffer[]): void
}

const frameEnd = Buffer.from("\n\n")

/** One write an event and response. */
class PlainSession extends Session {
  readonly #faulty = fault === undefined ? undefined : new FaultyStream(fault)

  protected override write(position: number, frame: Buffer): void {
    if (this.#faulty !== undefined) return this.#writeFaulty(this.#faulty, position, frame)
    for (const response of this.responses) response.write(frame)
  }

  protected override replay(response: ServerResponse, frames: readonly Buffer[]): void {
    for (const frame of frames) response.write(frame)
  }

  #writeFaulty(faulty: FaultyStream, position: number, frame: Buffer): void {
    const [first, ...others] = this.responses
    for (const each of faulty.frames(position, frame)) first?.write(each)
    for (const response of others) response.write(frame)
  }
}

/** One write an event and socket. */
class DirectSession extends PlainSession {
  protected override write(_position: number, frame: Buffer): void {
    const chunk = Buffer.concat([Buffer.from(`${frame.length.toString(16)}\r\n`), frame, chunkEnd])
    for (const { socket } of this.responses) socket?.write(chunk)
  }
}

const chunkEnd = Buffer.from("\r\n")

/** One write a tick and response. */
class CoalescingSession extends Session {
  readonly #faulty = fault === undefined ? undefined : new FaultyStream(fault)
  #pending: Buffer[] = []
  /** What the reader with the planted fault is written. */
  #pendingFaulty: Buffer[] = []

  protected override write(position: number, frame: Buffer): void {
    if (this.#pending.length === 0) setImmediate(() => this.#flush())
    this.#pending.push(frame)
    if (this.#faulty !== undefined) this.#pendingFaulty.push(...this.#faulty.frames(position, frame))
  }

  /** What is pending is in the ring already, and so in what a new response is given. */
  override subscribe(response: ServerResponse, after: number): void {
    if (this.#pending.length > 0) this.#flush()
    super.subscribe(response, after)
  }

  protected override replay(response: ServerResponse, frames: readonly Buffer[]): void {
    if (frames.length > 0) response.write(Buffer.concat(frames))
  }

  #flush(): void {
    if (this.#pending.length === 0) return
    const joined = Buffer.concat(this.#pending)
    this.#pending = []
    let others: Iterable<ServerResponse> = this.responses
    if (this.#faulty !== undefined) {
      const [first, ...rest] = this.responses
      if (this.#pendingFaulty.length > 0) first?.write(Buffer.concat(this.#pendingFaulty))
      this.#pendingFaulty = []
      others = rest
    }
    for (const response of others) response.write(joined)
  }
}

const sessionOf = byPath((): Session => (coalesces ? new CoalescingSession() : isDirect ? new DirectSession() : new PlainSession()))

function subscribe(request: IncomingMessage, response: ServerResponse, session: Session, query: string | undefined): void {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" })
  response.flushHeaders()
  const lastEventId = request.headers["last-event-id"]
  session.subscribe(response, typeof lastEventId === "string" ? Number(lastEventId) : query === "from=start" ? 0 : session.position)
}

const server = createServer((request, response) => {
  const [path = "/", query] = (request.url ?? "/").split("?")
  const session = sessionOf(path)
  if (request.method === "POST") takePublished(request, response, (data) => session.publish(data))
  else subscribe(request, response, session, query)
})

listenAndSay(server)
