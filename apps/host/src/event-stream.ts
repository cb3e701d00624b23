// One event stream on one socket. The protocol's connection machine says what is written and when; here it becomes bytes,
// as fast as the client takes them and no faster: the reader is read only when the socket has drained, so that a slow
// client costs a position and one buffer (L12), and is closed when the socket has not drained by the write deadline (L14).
//
// The bytes go straight to the socket, chunk framing included, so that a batch is encoded once for all of its readers. A
// stream therefore owns its connection (`Connection: close`) and whatever else arrives on it is no request any more.
//
// A client that half-closes and does not read raises `end` on the socket and nothing else; one that just stops reading
// raises nothing at all, and only the deadline tells. Hear all of drain, end, close and the deadline, or streams leak.

import type { ServerResponse } from "node:http"
import type { Socket } from "node:net"
import { earlier, later, type Instant, type ReadBudget, type ReaderId } from "@tidemark/kernel"
import type { SessionInfo } from "@tidemark/driver"
import { encodeBatch, encodeObservation, ServerConnection, sseHeaders } from "@tidemark/protocol"
import type { ConnectionOutput, ConnectionSettings } from "@tidemark/protocol"
import type { Headers } from "./answer.ts"
import type { Engine } from "./engine.ts"
import type { Meter } from "./meter.ts"
import type { Reads } from "./ready-readers.ts"
import { chunkOf, lastChunk, type SharedChunks } from "./shared-chunks.ts"

export interface StreamSettings {
  readonly connection: ConnectionSettings
  readonly budget: ReadBudget
  /** Ends after so many events without being caught up: a page of a finite stream. */
  readonly eventsMax: number
  readonly writeDeadlineMs: number
}

export class EventStream implements Reads {
  readonly #engine: Engine
  readonly #meter: Meter
  readonly #chunks: SharedChunks
  readonly #settings: StreamSettings
  /** One of the settings, and one for all streams: looked at with every read. */
  readonly #readBudget: ReadBudget
  readonly #machine: ServerConnection
  readonly #whenClosed: (() => void)[] = []
  #reader: ReaderId | undefined
  #socket: Socket | undefined
  /** HTTP/1.0 knows no chunks: bytes as they are, and the end of the connection is the end. */
  #chunked = true
  #pumping = false
  #readerReady = false
  #eventsLeft: number
  #upToDate = false
  /** Since when the socket has not drained, or not closed after the end. */
  #stuckSince: Instant | undefined
  #ringAt: Instant | undefined
  #ended = false
  #closed = false

  constructor(engine: Engine, meter: Meter, chunks: SharedChunks, settings: StreamSettings) {
    this.#engine = engine
    this.#meter = meter
    this.#chunks = chunks
    this.#settings = settings
    this.#readBudget = settings.budget
    this.#machine = new ServerConnection(engine.now, settings.connection)
    this.#eventsLeft = settings.eventsMax
  }

  /** Calls `action` once the stream is closed, however that comes; at once where it is. */
  whenClosed(action: () => void): void {
    if (this.#closed) action()
    else this.#whenClosed.push(action)
  }

  /** Writes the headers and what the machine has to say so far. */
  readonly open = (response: ServerResponse, headers: Headers): void => {
    const { socket } = response
    // A client that ended its side while this request waited its turn has said so already, and does not say it again.
    const left = socket !== null && socket.readableEnded && !this.#settings.connection.finite
    if (socket === null || socket.destroyed || left || this.#closed) {
      response.destroy()
      return this.close()
    }
    this.#socket = socket
    this.#chunked = response.req.httpVersion !== "1.0"
    socket.on("drain", this.#onDrain).on("end", this.close).on("close", this.close)
    const framing = this.#chunked ? { "transfer-encoding": "chunked" } : {}
    // The content type goes first: over plain HTTP Chromium takes half a head for a whole one, and gives up without it.
    response.writeHead(200, { ...sseHeaders, ...headers, ...sseHeaders, ...framing, connection: "close" })
    response.flushHeaders()
    response.req.resume()
    this.#pump()
  }

  /** The session is there: from now on this reader's events are written. The reader is the stream's to remove. */
  attach(reader: ReaderId, info: SessionInfo): void {
    if (this.#closed) return this.#engine.removeReader(reader)
    this.#reader = reader
    this.#engine.addReader(reader, this)
    const { session, epoch, head, earliest, revision, model, modelVersion } = info
    this.#machine.handleHello(this.#engine.now, { session, epoch, head, earliest, revision, model, modelVersion })
    this.#pump()
  }

  onReady(): void {
    this.#readerReady = true
    this.#pump()
  }

  /** Asks the client to come back, and ends. */
  readonly drain = (reason: string): void => {
    this.#machine.handleDrain(reason)
    this.#pump()
  }

  /** Cuts the connection and lets go of everything, whatever was under way. */
  readonly close = (): void => {
    if (this.#closed) return
    this.#closed = true
    this.#engine.schedule(this.#onRing, undefined)
    if (this.#reader !== undefined) this.#engine.removeReader(this.#reader)
    this.#socket?.off("drain", this.#onDrain).off("end", this.close).off("close", this.close).destroy()
    for (const action of this.#whenClosed.splice(0)) action()
  }

  readonly #onDrain = (): void => {
    if (!this.#ended) this.#stuckSince = undefined
    this.#pump()
  }

  readonly #onRing = (): void => {
    this.#ringAt = undefined
    const { now } = this.#engine
    if (this.#stuckSince !== undefined && now >= later(this.#stuckSince, this.#settings.writeDeadlineMs)) {
      this.#meter.stalled += 1
      return this.close()
    }
    this.#machine.handleTimeout(now)
    this.#pump()
  }

  /**
   * Writes and reads in turn until the socket is full or there is nothing to do; what is small leaves in one write. What is
   * alone, as a live batch nearly always is, is written straight away: a cork around it costs a microsecond.
   */
  #pump(): void {
    const socket = this.#socket
    if (socket === undefined || this.#pumping || this.#closed) return
    this.#pumping = true
    let left = pumpedBytesMax
    while (this.#stuckSince === undefined) {
      const output = this.#machine.pollOutput()
      if (output !== undefined) left -= this.#write(socket, output)
      else if (left <= 0 || !this.#read()) break
    }
    const goesOn = left <= 0 && this.#mayRead && this.#stuckSince === undefined
    if (goesOn && this.#reader !== undefined) this.#engine.readOnLater(this.#reader)
    if (socket.writableCorked > 0) socket.uncork()
    this.#pumping = false
    // An alarm that is set rings soon enough: only a socket that is stuck can bring its time forward.
    if (this.#ringAt === undefined || this.#stuckSince !== undefined) this.#arm()
  }

  get #mayRead(): boolean {
    return this.#readerReady || this.#machine.wantsRead
  }

  #read(): boolean {
    if (this.#reader === undefined || this.#ended || !this.#mayRead) return false
    if (this.#eventsLeft <= 0 && !this.#upToDate) return this.#endPage()
    this.#readerReady = false
    const outcome = this.#engine.read(this.#reader, this.#budget())
    if (outcome.type === "events") {
      this.#eventsLeft -= outcome.batch.events.length
      this.#upToDate = outcome.upToDate
    }
    const standsAt = outcome.type === "idle" || outcome.type === "gap" ? this.#engine.cursorOf(this.#reader) : undefined
    this.#machine.handleRead(this.#engine.now, outcome, standsAt)
    return true
  }

  #budget(): ReadBudget {
    const budget = this.#readBudget
    if (this.#eventsLeft >= budget.events) return budget
    return { events: Math.max(1, this.#eventsLeft), bytes: budget.bytes }
  }

  /** More follows, but not on this stream: the last event's id is where the next one begins. */
  #endPage(): boolean {
    if (this.#socket !== undefined) this.#end(this.#socket)
    return false
  }

  /** Gives how many bytes it wrote. */
  #write(socket: Socket, output: ConnectionOutput): number {
    if (output.type === "end") {
      this.#end(socket)
      return 0
    }
    const bytes = this.#bytes(output)
    this.#meter.bytesStreamed += bytes.length
    if (output.type === "batch") this.#meter.eventsDelivered += output.batch.events.length
    const more = this.#machine.hasOutput || this.#mayRead
    if (more && bytes.length < corkedBytesMax && socket.writableCorked === 0) socket.cork()
    if (!socket.write(bytes)) {
      // Node says so of every large write, before it knows: mostly the system has taken it all by now.
      if (socket.writableCorked > 0) socket.uncork()
      if (socket.writableLength > 0) this.#stuckSince = this.#engine.now
    }
    return bytes.length
  }

  #end(socket: Socket): void {
    this.#ended = true
    this.#stuckSince = this.#engine.now
    if (this.#chunked) socket.write(lastChunk)
    socket.destroySoon()
  }

  #bytes(output: Exclude<ConnectionOutput, { type: "end" }>): Buffer {
    switch (output.type) {
      case "text":
        return this.#chunked ? chunkOf(output.text) : Buffer.from(output.text)
      case "batch":
        return this.#chunked ? this.#chunks.batch(output.batch) : Buffer.from(encodeBatch(output.batch))
      case "observation":
        return this.#chunked ? this.#chunks.observation(output.observation) : Buffer.from(encodeObservation(output.observation))
    }
  }

  /** The alarm only ever moves forward when it rings, so that a write, which moves the heartbeat, costs nothing here. */
  #arm(): void {
    const stuckUntil = this.#stuckSince === undefined ? undefined : later(this.#stuckSince, this.#settings.writeDeadlineMs)
    const next = earlier(stuckUntil, this.#machine.pollTimeout())
    if (this.#closed || next === undefined || (this.#ringAt !== undefined && this.#ringAt <= next)) return
    this.#ringAt = next
    this.#engine.schedule(this.#onRing, next)
  }
}

/** What is larger is worth a write of its own. */
const corkedBytesMax = 16 * 1024

/** So much for one stream, and then the others have their turn: a full read or two, some 50 µs of writing. */
const pumpedBytesMax = 64 * 1024
