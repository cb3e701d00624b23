// A server that says what its script says, on real sockets. Requests are parsed by node:http; answers are written to the
// socket byte by byte, past it, so that one may be cut within a header, a chunk's length or a character. Sessions are told
// apart by their ids: many laws, and many connections at once, share one server.

import { once } from "node:events"
import { createServer, STATUS_CODES, type IncomingMessage, type Server } from "node:http"
import type { Socket } from "node:net"
import { problem, problemMediaType, sseHeaders, type ProblemName } from "@tidemark/protocol"

/** One request for a session's stream. */
export interface Asked {
  /** The one that counts: the header, else `lastEventId`, else `cursor`; an empty one is none. */
  readonly cursor: string | undefined
  readonly query: URLSearchParams
  /** When it came, in milliseconds of a monotonic clock. */
  readonly at: number
}

export type Answer = (line: Line, asked: Asked) => void

/** A client that comes more often than this within one law will not stop by itself. */
const connectionsMax = 60

/** One session's connections: what they asked, and what they are answered. */
export class ScriptedSession {
  readonly id: string
  readonly asked: Asked[] = []
  readonly lines: Line[] = []
  /** Rejects when the client comes again and again, or sends what no client may. */
  readonly faulted: Promise<never>
  #fault: (error: unknown) => void = () => undefined
  #answers: readonly Answer[] = []

  constructor(id: string) {
    this.id = id
    this.faulted = new Promise((_, reject) => (this.#fault = reject))
    this.faulted.catch(() => undefined) // whoever reads at the time tells it; otherwise nobody has to
  }

  /** One for each connection, in their order; the last one for all that follow. */
  answer(...answers: readonly Answer[]): this {
    this.#answers = answers
    return this
  }

  handle(socket: Socket, asked: Asked): void {
    const line = new Line(socket)
    const answer = this.#answers[Math.min(this.asked.length, this.#answers.length - 1)]
    this.asked.push(asked)
    this.lines.push(line)
    try {
      if (this.asked.length > connectionsMax) throw new Error(`the client connected more than ${connectionsMax} times`)
      answer?.(line, asked)
    } catch (error) {
      line.cut()
      this.#fault(error)
    }
  }
}

/** One connection, from the server's side. */
export class Line {
  readonly #socket: Socket
  /** Resolves when the client or the server has ended it. */
  readonly over: Promise<unknown>

  constructor(socket: Socket) {
    this.#socket = socket.setNoDelay(true)
    this.over = once(socket, "close")
  }

  /** Bytes as they are. */
  send(bytes: Uint8Array | string): void {
    this.#socket.write(bytes)
  }

  /** Bytes, and then what a peer does that ends, or a network that resets. */
  cut(bytes: Uint8Array | string = "", how: "ended" | "reset" = "ended"): void {
    this.#socket.write(bytes, () => {
      if (how === "ended") this.#socket.end()
      else this.#socket.resetAndDestroy()
    })
  }

  /** Bytes one by one, each on its way before the next is sent; then the end. */
  async dribble(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#socket.destroyed; at++) {
      await new Promise<void>((resolve) => this.#socket.write(bytes.subarray(at, at + 1), () => setImmediate(resolve)))
    }
    this.cut()
  }

  /** An answer that is no stream. */
  refuse(name: ProblemName, headers: Readonly<Record<string, string>> = {}): void {
    const body = problem(name, "This is a law's own answer.")
    const text = JSON.stringify(body)
    const length = String(Buffer.byteLength(text))
    this.cut(head(body.status, { "content-type": problemMediaType, "content-length": length, ...headers }) + text)
  }

  /** 204: nothing will ever follow. */
  nothing(): void {
    this.cut(head(204, {}))
  }
}

/** A whole answer up to here, each of `frames` a chunk of its own; `end` for the end of the content, as a stream that is over. */
export function chunked(frames: readonly (string | Uint8Array)[], end = false): Buffer {
  const chunks = frames.map((frame) => {
    const bytes = Buffer.from(frame)
    return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")])
  })
  return Buffer.concat([Buffer.from(head(200, { ...sseHeaders, "transfer-encoding": "chunked" })), ...chunks, Buffer.from(end ? "0\r\n\r\n" : "")])
}

/** The same without chunks: the content ends with the connection. */
export function unframed(frames: readonly string[]): string {
  return head(200, sseHeaders) + frames.join("")
}

function head(status: number, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries({ ...headers, connection: "close" }).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("")}\r\n`
}

export class ScriptedServer {
  readonly #server: Server
  readonly #sessions = new Map<string, ScriptedSession>()

  private constructor() {
    this.#server = createServer((request) => this.#handle(request))
  }

  static async start(): Promise<ScriptedServer> {
    const server = new ScriptedServer()
    server.#server.listen(0, "127.0.0.1")
    await once(server.#server, "listening")
    return server
  }

  get url(): string {
    const address = this.#server.address()
    if (address === null || typeof address === "string") throw new Error("the server listens on a port")
    return `http://127.0.0.1:${address.port}`
  }

  session(id: string): ScriptedSession {
    const session = new ScriptedSession(id)
    this.#sessions.set(id, session)
    return session
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, "close")
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  #handle(request: IncomingMessage): void {
    request.socket.on("error", () => undefined) // the client went away in the middle of an answer
    const { pathname, searchParams: query } = new URL(request.url ?? "/", "http://localhost")
    const [, id = ""] = /^\/v1\/(?:workspaces\/default\/)?sessions\/([^/]+)\/subscribe$/.exec(pathname) ?? []
    const session = this.#sessions.get(id)
    if (session === undefined || request.method !== "GET") return new Line(request.socket).refuse("not-found")
    const cursor = request.headers["last-event-id"]?.toString() || query.get("lastEventId") || query.get("cursor") || undefined
    session.handle(request.socket, { cursor, query, at: performance.now() })
  }
}
