// A network that is a queue: each connection carries one request up and the answer's head and bytes down, with delays,
// cuts and silence as the world asks for. Bytes arrive in order or not at all, in chunks of any size; what the client does
// not read stays in the network, and the server sees that its writes are not taken.
//
// The one thing to know: a cut at a byte is exact. The client gets that many bytes and then the end, whatever the server
// had written by then, so that a test can cut a frame wherever it likes.

import type { Problem } from "@tidemark/protocol"
import type { Chance } from "./chance.ts"
import type { Schedule } from "./schedule.ts"

export interface NetworkSettings {
  /** Milliseconds one way: between the first and, now and then, the second. */
  readonly latencyMs: readonly [number, number]
  /** How often a chunk is cut into smaller ones; 0: everything that waits arrives at once. */
  readonly splits: number
  /** Bytes on the way that the server may write before it is told to wait. */
  readonly windowBytes: number
  /** Milliseconds until a server finds out by itself that nobody is at the other end of a silent connection. */
  readonly keepAliveMs: number
}

/** The head of an answer; a refusal carries its problem. */
export interface ResponseHead {
  readonly status: number
  readonly retryAfterMs?: number
  readonly problem?: Problem
}

/** The client's end. */
export interface Receiver {
  /** False: leave what arrives in the network. */
  readonly reads: boolean
  handleResponse(head: ResponseHead): void
  handleBytes(chunk: Uint8Array): void
  /** The answer ended, or the connection did. */
  handleEnd(because: string): void
}

/** The server's end, as long as it is open. */
export interface Sender {
  handleDrain(): void
  /** The client is gone, as far as the server can tell. */
  handleClose(): void
}

/** Who is told of a cut: both ends, one of them, or nobody. */
export type CutKind = "both" | "client" | "server" | "silent"

type Item = { readonly type: "head"; readonly head: ResponseHead } | { readonly type: "bytes"; bytes: Uint8Array } | { readonly type: "end" }

export class FakeConnection {
  readonly #schedule: Schedule
  readonly #chance: Chance
  readonly #settings: NetworkSettings
  readonly #receiver: Receiver
  #sender: Sender | undefined
  readonly #queue: Item[] = []
  #queuedBytes = 0
  #mustDrain = false
  #moving = false
  #clientOpen = true
  #serverOpen = true
  /** Nothing travels any more, and nobody says so. */
  #silent = false
  #cutIn: number | undefined
  #cutKind: CutKind = "both"
  /** Body bytes that the client was given. */
  delivered = 0

  constructor(schedule: Schedule, chance: Chance, settings: NetworkSettings, receiver: Receiver) {
    this.#schedule = schedule
    this.#chance = chance
    this.#settings = settings
    this.#receiver = receiver
  }

  /** Bytes that were written and not taken. */
  get queuedBytes(): number {
    return this.#queuedBytes
  }

  /** Whether the client may still hear of the server. */
  get isOpen(): boolean {
    return this.#clientOpen
  }

  /** The request travels; `arrive` is called at the server unless the connection is cut before. */
  send(arrive: (connection: FakeConnection) => void): void {
    this.#schedule.after(this.#latency(), () => {
      if (!this.#clientOpen || !this.#serverOpen || this.#silent) return
      arrive(this)
    })
  }

  /** The server's end: who is told that the socket drained, or is gone. */
  serve(sender: Sender): void {
    this.#sender = sender
  }

  respond(head: ResponseHead): void {
    this.#put({ type: "head", head })
  }

  /** False: more is on the way than fits; `handleDrain` comes when all of it was taken. */
  write(bytes: Uint8Array): boolean {
    if (!this.#serverOpen) return false
    this.#queuedBytes += bytes.length
    this.#put({ type: "bytes", bytes })
    if (this.#queuedBytes <= this.#settings.windowBytes) return true
    this.#mustDrain = true
    return false
  }

  /** The server ends the answer; what was written still arrives. */
  end(): void {
    this.#put({ type: "end" })
    this.#serverOpen = false
  }

  /** The server drops the connection; what has not arrived when the client hears of it is lost. */
  destroy(because: string): void {
    if (!this.#serverOpen) return
    this.#serverOpen = false
    this.#tellClient(because)
  }

  /** The client drops the connection. */
  leave(): void {
    if (!this.#clientOpen) return
    this.#clientOpen = false
    this.#tellServer()
  }

  /** The client reads again, or wants more. */
  resume(): void {
    this.#move(0)
  }

  /** Cuts the connection once the client was given `bytes` more bytes of the body. */
  cutAfter(bytes: number, kind: CutKind = "both"): void {
    this.#cutIn = bytes
    this.#cutKind = kind
    if (bytes <= 0) this.cut(kind)
  }

  cut(kind: CutKind = "both"): void {
    if (this.#silent || !this.#clientOpen) return
    this.#silent = true
    if (kind === "both" || kind === "client") {
      this.#clientOpen = false
      this.#receiver.handleEnd("the connection was cut")
    }
    if (kind === "both" || kind === "server") {
      this.#schedule.after(this.#latency(), () => this.#closeServer())
    } else this.#schedule.after(this.#settings.keepAliveMs, () => this.#closeServer())
  }

  #put(item: Item): void {
    if (!this.#serverOpen) return
    this.#queue.push(item)
    this.#move(this.#latency())
  }

  #move(ms: number): void {
    if (this.#moving || this.#queue.length === 0 || this.#silent || !this.#clientOpen) return
    this.#moving = true
    this.#schedule.after(ms, () => {
      this.#moving = false
      this.#deliver()
    })
  }

  #deliver(): void {
    while (this.#clientOpen && !this.#silent && this.#receiver.reads) {
      const item = this.#queue[0]
      if (item === undefined) break
      if (item.type === "bytes") {
        this.#deliverBytes(item)
        if (this.#chance.flip(this.#settings.splits)) break
        continue
      }
      this.#queue.shift()
      if (item.type === "head") this.#receiver.handleResponse(item.head)
      else {
        this.#clientOpen = false
        this.#receiver.handleEnd("the answer ended")
      }
    }
    if (this.#queuedBytes === 0 && this.#mustDrain && this.#serverOpen && !this.#silent) {
      this.#mustDrain = false
      this.#sender?.handleDrain()
    }
    if (this.#receiver.reads) this.#move(this.#latency())
  }

  #deliverBytes(item: Extract<Item, { type: "bytes" }>): void {
    const all = item.bytes.length
    const wanted = this.#chance.flip(this.#settings.splits) ? this.#chance.between(1, all) : all
    const some = Math.min(wanted, this.#cutIn ?? all)
    const chunk = some === all ? item.bytes : item.bytes.subarray(0, some)
    if (some === all) this.#queue.shift()
    else item.bytes = item.bytes.subarray(some)
    this.#queuedBytes -= some
    this.delivered += some
    if (some > 0) this.#receiver.handleBytes(chunk)
    if (this.#cutIn === undefined) return
    this.#cutIn -= some
    if (this.#cutIn <= 0) this.cut(this.#cutKind)
  }

  #tellClient(because: string): void {
    this.#schedule.after(this.#latency(), () => {
      if (!this.#clientOpen || this.#silent) return
      this.#clientOpen = false
      this.#receiver.handleEnd(because)
    })
  }

  #tellServer(): void {
    this.#schedule.after(this.#latency(), () => {
      if (!this.#silent) this.#closeServer()
    })
  }

  #closeServer(): void {
    if (!this.#serverOpen) return
    this.#serverOpen = false
    this.#sender?.handleClose()
  }

  #latency(): number {
    const [least, most] = this.#settings.latencyMs
    return least + (most > least ? this.#chance.skewed(most - least) : 0)
  }
}
