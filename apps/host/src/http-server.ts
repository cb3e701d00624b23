// The socket side of the host: one Node server, with every limit set and every error heard from the first moment on, so
// that nothing a client does to a connection ends the process; and the end of it, in order: no new connections, streams
// are asked to come back, requests under way are answered, and after the drain limit what is left is cut.
//
// Requests that are pipelined on one connection take turns: one is begun when the one before it is over. Node would begin
// them all, and hand out responses that have no socket: those never say that the client is gone, and cutting a stream
// under one is an assertion inside Node that ends the process.

import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { Socket } from "node:net"
import type { Duplex } from "node:stream"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import { problem, problemMediaType, type ProblemName } from "@tidemark/protocol"
import { noHeaders } from "./answer.ts"
import { answerPlainly, answerTo, securityHeaders } from "./answering.ts"
import { Exchange } from "./exchange.ts"
import { HotRoutes } from "./hot-routes.ts"
import type { HostParts } from "./host-parts.ts"
import { formatLimit } from "./limits.ts"
import { faultOfOurs } from "./refused.ts"
import type { Router } from "./router.ts"
import { nothingToTakeBack, type TakeBack } from "./settling.ts"

/** `message` is a sentence for the operator. */
export class ListenFailed extends Data.TaggedError("ListenFailed")<{ readonly message: string }> {}

/** Listens until the scope closes, and drains then. Gives the port, which the system chose where 0 was asked for. */
export function listen(parts: HostParts, router: Router): Effect.Effect<number, ListenFailed, Scope.Scope> {
  const { host, port } = parts.config
  return Effect.gen(function* () {
    const runFork = Runtime.runFork(yield* Effect.runtime<never>())
    const connections = new Connections(parts, router, runFork)
    const { address } = yield* NodeHttpServer.make(() => connections.server, { host, port, backlog }).pipe(
      Effect.mapError(({ cause }) => new ListenFailed({ message: listenAdvice(cause, host, port) })),
    )
    // Finalizers run in reverse: the platform's waits for the last connection, so every one must have been ended by then.
    yield* Effect.addFinalizer(() => connections.drain())
    return address._tag === "TcpAddress" ? address.port : port
  })
}

/** Connections that the system may hold until they are accepted (as many as it lets us): those who were cut together come back together. */
const backlog = 4096

type RunFork = (effect: Effect.Effect<void>) => Fiber.RuntimeFiber<void>

/** Connections above the limit that are still told so; more are cut without a word. */
const refusedInWordsMax = 1000

/** Requests that may wait for their turn on one connection; a client that sends more ahead is cut. */
const pipelinedMax = 256

/** A request on its connection, and what is to become of it. */
interface Turn {
  readonly message: IncomingMessage
  readonly response: ServerResponse
  readonly awaitsContinue: boolean
}

/** How long a client whose request could not be parsed has to take the answer. */
const partingMs = 1000

class Connections {
  readonly server: Server
  readonly #parts: HostParts
  readonly #router: Router
  readonly #hotRoutes: HotRoutes
  readonly #runFork: RunFork
  readonly #sockets = new Set<Socket>()
  readonly #overLimit = new WeakSet<Socket>()
  /** Per socket: the request under way, and those behind it. */
  readonly #turns = new WeakMap<Duplex, Turn[]>()

  constructor(parts: HostParts, router: Router, runFork: RunFork) {
    const { limits } = parts.config
    this.#parts = parts
    this.#router = router
    this.#hotRoutes = new HotRoutes(parts)
    this.#runFork = runFork
    this.server = createServer({
      keepAlive: true,
      keepAliveInitialDelay: limits["keep-alive"],
      maxHeaderSize: limits["header-bytes"],
      headersTimeout: limits["header-time"],
      requestTimeout: limits["request-time"],
      connectionsCheckingInterval: Math.min(1000, limits["header-time"]),
      requireHostHeader: false,
    })
    // Node drops headers beyond a count of its own without a word; `header-bytes` bounds them here.
    this.server.maxHeadersCount = 0
    // Accepting may fail, for want of file descriptors say: unheard, that would end the process.
    this.server.on("error", (error) => {
      if (this.server.listening) this.#runFork(Effect.logError("a connection could not be accepted", error))
    })
    this.server.on("connection", (socket) => this.#onConnection(socket))
    this.server.on("request", (message, response) => this.#onRequest(message, response, false))
    this.server.on("checkContinue", (message, response) => this.#onRequest(message, response, true))
    this.server.on("checkExpectation", (message, response) => this.#onRequest(message, response, false))
    this.server.on("clientError", (error, socket) => this.#onClientError(error, socket))
  }

  /** In this order, and never longer than the drain limit. */
  drain(): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      const cut = setTimeout(() => this.server.closeAllConnections(), this.#parts.config.limits.drain)
      this.server.close(() => {
        clearTimeout(cut)
        resume(Effect.void)
      })
      this.#parts.streams.drain("drain")
      this.#parts.recordings.drain()
      this.server.closeIdleConnections()
      // Opened in reserve, as a browser or Node's fetch does, and not a request yet: Node's own count of the idle has none of them.
      for (const socket of this.#sockets) if (socket.bytesRead === 0) socket.destroy()
    })
  }

  #onConnection(socket: Socket): void {
    const { meter, config } = this.#parts
    socket.on("error", ignore)
    meter.connections += 1
    this.#sockets.add(socket)
    socket.once("close", () => {
      meter.connections -= 1
      this.#sockets.delete(socket)
    })
    const above = meter.connections - config.limits.connections
    if (above > refusedInWordsMax) socket.destroy()
    else if (above > 0) this.#overLimit.add(socket)
  }

  #onRequest(message: IncomingMessage, response: ServerResponse, awaitsContinue: boolean): void {
    const { socket } = message
    message.on("error", ignore)
    response.on("error", ignore)
    const turns = this.#turns.get(socket) ?? []
    this.#turns.set(socket, turns)
    turns.push({ message, response, awaitsContinue })
    if (turns.length === 1) this.#begin(turns)
    else if (turns.length > pipelinedMax) socket.destroy()
  }

  /** Answers the first of a connection's requests, and then the next: never one whose connection is over. */
  #begin(turns: Turn[]): void {
    const [turn] = turns
    if (turn === undefined) return
    const { message, response, awaitsContinue } = turn
    const { socket } = message
    this.#parts.meter.requests += 1
    const exchange = new Exchange(message, response, this.#parts.config.limits, awaitsContinue)
    const takeBack = this.#answer(exchange, this.#overLimit.has(socket))
    response.once("close", () => {
      this.#parts.meter.bytesReceived += exchange.bodyBytes
      takeBack()
      turns.shift()
      if (socket.writable) this.#begin(turns)
      else turns.length = 0
    })
  }

  #answer(exchange: Exchange, overLimit: boolean): TakeBack {
    try {
      const taken = overLimit ? undefined : this.#hotRoutes.take(exchange)
      if (taken !== undefined) return taken
    } catch (error) {
      answerPlainly(this.#parts, exchange, { cors: noHeaders, streams: false }, Either.left(faultOfOurs(error)))
      return nothingToTakeBack
    }
    const fiber = this.#runFork(answerTo(this.#parts, this.#router, exchange, overLimit))
    return () => fiber.unsafeInterruptAsFork(FiberId.none)
  }

  /** What could not be parsed, or took too long: answered where nothing else is being written, and closed. */
  #onClientError(error: Error & { readonly code?: string }, socket: Duplex): void {
    const answering = this.#turns.get(socket)?.[0]?.response.headersSent === true
    if (!socket.writable || answering) return void socket.destroy()
    const { name, detail } = this.#clientProblem(error.code)
    this.#parts.meter.refuse(name)
    socket.end(rawAnswer(name, detail))
    setTimeout(() => socket.destroy(), partingMs).unref()
  }

  #clientProblem(code: string | undefined): { readonly name: ProblemName; readonly detail: string } {
    const headerBytes = formatLimit("bytes", this.#parts.config.limits["header-bytes"])
    switch (code) {
      case "HPE_HEADER_OVERFLOW":
        return { name: "header-too-large", detail: `Send fewer or shorter headers: limit header-bytes is ${headerBytes}.` }
      case "ERR_HTTP_REQUEST_TIMEOUT":
        return { name: "bad-request", detail: "Send requests faster, or in parts: limits header-time and request-time were exceeded." }
      default:
        return { name: "bad-request", detail: "This is not HTTP as it should be: check what sends it." }
    }
  }
}

/** A whole response, for where Node has none. */
function rawAnswer(name: ProblemName, detail: string): string {
  const answer = problem(name, detail)
  const body = JSON.stringify(answer)
  const described = { "content-type": problemMediaType, "content-length": Buffer.byteLength(body), connection: "close" }
  const headers = Object.entries({ ...securityHeaders, ...described }).map(([header, value]) => `${header}: ${value}\r\n`)
  return `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status]}\r\n${headers.join("")}\r\n${body}`
}

function ignore(): void {}

function listenAdvice(cause: unknown, host: string, port: number): string {
  switch (cause instanceof Error && "code" in cause ? cause.code : undefined) {
    case "EADDRINUSE":
      return `something listens on ${host}:${port} already: end it, or choose another port with --port`
    case "EACCES":
      return `port ${port} needs rights this process does not have: choose one from 1024 with --port`
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return `${host} is no address of this machine: choose another with --host`
    default:
      return `cannot listen on ${host}:${port}: ${String(cause)}`
  }
}
