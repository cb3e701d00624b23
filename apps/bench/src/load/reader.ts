// One reader of the bench: a socket that is read into one buffer shared by all, and a place that every delivery must move
// on by one. What it was given whole, another reader of the session is recognised by its bytes (`ChunkMemory`): equal
// bytes at an equal place have an equal verdict, so that checking each of a million deliveries costs one comparison.

import { connect, type Socket } from "node:net"
import { ReaderCheck, type SessionCheck } from "./delivery-check.ts"
import { sharedMicros } from "./event-text.ts"
import type { Histogram } from "./histogram.ts"
import { StreamParser, type StreamSink } from "./stream-parser.ts"

/** A chunk that one reader was given and found right. */
interface Known {
  readonly after: number
  readonly through: number
  readonly bytes: Buffer
  readonly stampsUs: readonly number[]
}

const slots = 64

/** The latest right chunks of one session, by the position they begin after. */
export class ChunkMemory {
  readonly #known: (Known | undefined)[] = Array.from({ length: slots })

  find(after: number, bytes: Buffer, from: number, to: number): Known | undefined {
    const known = this.#known[after % slots]
    if (known === undefined || known.after !== after || known.bytes.length !== to - from) return undefined
    return known.bytes.compare(bytes, from, to) === 0 ? known : undefined
  }

  keep(known: Known): void {
    this.#known[known.after % slots] = known
  }
}

/** What all readers of a process share. */
export interface ReaderWorld {
  readonly latency: Histogram
  /** Under way, or wrong: said once for each. */
  wrong(what: string): void
  /** Its place went from `before` to `after`. */
  moved(before: number, after: number): void
}

export interface ReaderSession {
  readonly check: SessionCheck
  /** `undefined` where one reader has the session to itself, or its server gives no positions. */
  readonly memory: ChunkMemory | undefined
}

/** Every socket is read into it, one at a time: Node hands the bytes over before it reads the next one. */
const buffer = Buffer.allocUnsafeSlow(256 * 1024)

export class Reader implements StreamSink {
  readonly #name: string
  readonly #world: ReaderWorld
  readonly #session: ReaderSession
  readonly #check: ReaderCheck
  readonly #saysCaughtUp: boolean
  readonly #parser: StreamParser
  readonly #whenLive: () => void
  #whenAnswered: (() => void) | undefined
  #live = false
  #socket: Socket | undefined
  #nowUs = 0
  /** The stamps of a chunk that may become known. */
  #learning: number[] | undefined
  #learnsAfter = 0

  constructor(name: string, world: ReaderWorld, session: ReaderSession, position: number, saysCaughtUp: boolean, whenLive: () => void) {
    this.#name = name
    this.#world = world
    this.#session = session
    this.#check = new ReaderCheck(session.check, position)
    this.#saysCaughtUp = saysCaughtUp
    this.#parser = new StreamParser(this, session.check.hasPositions)
    this.#whenLive = whenLive
  }

  get position(): number {
    return this.#check.position
  }

  /** `whenAnswered` is called once: when the server's answer begins, or will never come. */
  open(host: string, port: number, request: string, whenAnswered: () => void): void {
    this.#whenAnswered = whenAnswered
    const socket = connect({
      host,
      port,
      noDelay: true,
      onread: {
        buffer,
        callback: (length) => {
          this.#nowUs = sharedMicros()
          this.#parser.feed(buffer, length)
          return true
        },
      },
    })
    this.#socket = socket
    socket.once("connect", () => socket.write(request))
    socket.on("error", (error) => {
      if (this.#socket !== undefined) this.#wrong(`the connection failed: ${error.message}`)
    })
    socket.on("close", () => {
      if (this.#socket !== undefined) this.#wrong(`the connection was closed after position ${this.position}`)
      this.#socket = undefined
      this.#answered()
    })
  }

  /** `reset`: at once, without a farewell that the system would remember for a minute. */
  close(reset: boolean): void {
    const socket = this.#socket
    this.#socket = undefined
    if (reset) socket?.resetAndDestroy()
    else socket?.destroy()
  }

  opened(status: number, head: string): void {
    if (status !== 200) this.#wrong(`the server answered ${status}: ${head.slice(0, 500)}`)
    this.#answered()
    if (status !== 200 || !this.#saysCaughtUp) this.#goLive()
  }

  known(bytes: Buffer, from: number, to: number): boolean {
    const { memory } = this.#session
    if (memory === undefined) return false
    const before = this.#check.position
    const known = memory.find(before, bytes, from, to)
    if (known === undefined) {
      this.#learning = []
      this.#learnsAfter = before
      return false
    }
    this.#check.position = known.through
    for (const stampUs of known.stampsUs) this.#world.latency.record(this.#nowUs - stampUs)
    this.#world.moved(before, known.through)
    return true
  }

  learned(bytes: Buffer, from: number, to: number): void {
    const stampsUs = this.#learning
    this.#learning = undefined
    if (stampsUs === undefined || stampsUs.length === 0) return
    const known = { after: this.#learnsAfter, through: this.#check.position, bytes: Buffer.from(bytes.subarray(from, to)), stampsUs }
    this.#session.memory?.keep(known)
  }

  event(position: number, token: number, stampUs: number): void {
    const before = this.#check.position
    const wrong = this.#check.deliver(position, token)
    this.#world.latency.record(this.#nowUs - stampUs)
    if (wrong !== undefined) {
      this.#learning = undefined
      this.#wrong(wrong)
    }
    this.#learning?.push(stampUs)
    if (this.#check.position !== before) this.#world.moved(before, this.#check.position)
  }

  control(frame: string): void {
    this.#learning = undefined
    if (frame.startsWith("event: caught_up")) return this.#goLive()
    const event = /^event: ?(\w+)/m.exec(frame)?.[1]
    if (event !== undefined && event !== "hello" && event !== "heartbeat") this.#wrong(`the server said: ${frame.slice(0, 500)}`)
  }

  #answered(): void {
    const whenAnswered = this.#whenAnswered
    this.#whenAnswered = undefined
    whenAnswered?.()
  }

  #goLive(): void {
    if (this.#live) return
    this.#live = true
    this.#whenLive()
  }

  #wrong(what: string): void {
    this.#world.wrong(`${this.#name}: ${what}`)
  }
}
