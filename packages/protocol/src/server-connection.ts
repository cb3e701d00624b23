// One stream, seen from the server: what is said on it, in which order, and when it is silent for too long. It holds no
// events and no socket: reads go in, output comes out, and the caller writes it.
//
// The order it keeps: prime, `hello` once the session is there, then what reads give; `caught_up` once, with the first
// read that is up to date; `closed` never before `caught_up`, unless the session was deleted. Every frame that moves the
// reader carries the cursor it moves to, and nothing else carries one. After `end` nothing follows, whatever is handed in.

import { contract, cursorText, earlier, later, parseCursor, unreachable } from "@tidemark/kernel"
import type { Batch, CursorText, Epoch, Instant, Point, ReadOutcome, SessionName, SessionObservation, Timed } from "@tidemark/kernel"
import { caughtUpFrame, closedFrame, gapFrame, heartbeatFrame, helloFrame, primeFrame, reconnectFrame } from "./sse-encoder.ts"
import type { Hello } from "./wire.ts"

/** All times are whole milliseconds above 0. */
export interface ConnectionSettings {
  readonly session: SessionName
  /** The longest silence. */
  readonly heartbeatMs: number
  /** Already jittered. */
  readonly maxAgeMs: number
  /** Already jittered: `retry`, and `afterMs` of a reconnect. */
  readonly retryMs: number
  /** Entries that a filter may hide since the last id before one is sent; from 1, a quarter of the window. */
  readonly quietEntriesMax: number
  /** Ends once it is up to date (resume over SSE), instead of going live. */
  readonly finite: boolean
}

export type ConnectionOutput =
  /** Write these frames. */
  | { readonly type: "text"; readonly text: string }
  /** Write this batch: `encodeBatch`, once for all readers that were given it. */
  | { readonly type: "batch"; readonly batch: Batch }
  /** Write this observation: `encodeObservation`, once for all readers that were given it. */
  | { readonly type: "observation"; readonly observation: SessionObservation }
  /** Nothing follows: end the response once what was written is flushed. */
  | { readonly type: "end" }

type Phase =
  /** No session yet. */
  | "waiting"
  /** Hello was said, `caught_up` was not. */
  | "replaying"
  | "live"
  /** Finite and caught up: one more read tells whether the session is closed. */
  | "finishing"
  | "ended"

/** Where the reader stands, as far as it was told. */
interface Standing {
  readonly epoch: Epoch
  readonly point: Point
}

export class ServerConnection implements Timed {
  readonly #settings: ConnectionSettings
  /** Two of the settings: with every batch, a thousand connections would fetch theirs from memory only to look at these. */
  readonly #heartbeatMs: number
  readonly #quietEntriesMax: number
  readonly #output: ConnectionOutput[] = []
  readonly #endsAt: Instant
  #phase: Phase = "waiting"
  #wantsRead = false
  #heartbeatAt: Instant
  #standing: Standing | undefined
  /** The position of the last id that was sent; entries after it pass unseen. `undefined`: they do from the next batch on. */
  #lastIdAt: number | undefined

  /** Has output at once, so that the headers leave. */
  constructor(now: Instant, settings: ConnectionSettings) {
    for (const amount of [settings.heartbeatMs, settings.maxAgeMs, settings.retryMs, settings.quietEntriesMax]) {
      contract(Number.isSafeInteger(amount) && amount > 0, () => `a connection's settings are whole numbers above 0, not ${amount}`)
    }
    this.#settings = settings
    this.#heartbeatMs = settings.heartbeatMs
    this.#quietEntriesMax = settings.quietEntriesMax
    this.#endsAt = later(now, settings.maxAgeMs)
    this.#heartbeatAt = later(now, settings.heartbeatMs)
    this.#write(now, primeFrame(settings.retryMs))
  }

  /** The session is there: at once, or later with `missing=wait`. Once, and before the first read. */
  handleHello(now: Instant, hello: Omit<Hello, "heartbeatMs" | "maxAgeMs">): void {
    if (this.#phase === "ended") return
    contract(this.#phase === "waiting", "hello is said once")
    const { heartbeatMs, maxAgeMs } = this.#settings
    this.#write(now, helloFrame({ ...hello, heartbeatMs, maxAgeMs }))
    this.#phase = "replaying"
    this.#wantsRead = true
  }

  /**
   * What a read gave. `cursor` is where the reader stands after it, the kernel's `cursorOf`; it is looked at for `idle`
   * and for a gap without observation only, so that nobody need make one for a batch.
   */
  handleRead(now: Instant, outcome: Exclude<ReadOutcome, { type: "behind" }>, cursor: CursorText | undefined): void {
    if (this.#phase === "ended") return
    contract(this.#phase !== "waiting", "reads follow hello")
    if (outcome.type === "ended") return this.#handleEnded(now, outcome)
    if (this.#phase === "finishing") return this.#end()
    switch (outcome.type) {
      case "events":
        this.#handleBatch(now, outcome.batch)
        this.#wantsRead = !outcome.upToDate || this.#catchUp(now) === "finishing"
        this.#showHidden(now)
        return
      case "observation":
        this.#handleObservation(now, outcome.observation)
        this.#wantsRead = true
        return
      case "gap":
        this.#write(now, gapFrame(outcome.gap))
        this.#lastIdAt = undefined
        if (outcome.observation === undefined) this.#standing = this.#standingOf(cursor)
        else this.#handleObservation(now, outcome.observation)
        this.#wantsRead = true
        return
      case "idle":
        this.#standing ??= this.#standingOf(cursor)
        this.#wantsRead = outcome.upToDate && this.#catchUp(now) === "finishing"
        return
      case "failed":
        this.#wantsRead = false
        return
      default:
        return unreachable(outcome)
    }
  }

  /** Whether to read again as soon as what was output is written; if not, wait until the reader is ready. */
  get wantsRead(): boolean {
    return this.#wantsRead
  }

  /** The server wants this connection to be opened again: drain, revoked access, … */
  handleDrain(reason: string): void {
    if (this.#phase === "ended") return
    this.#output.push({ type: "text", text: reconnectFrame({ afterMs: this.#settings.retryMs, reason }) })
    this.#end()
  }

  handleTimeout(now: Instant): void {
    if (this.#phase === "ended") return
    if (now >= this.#endsAt) return this.handleDrain("max_age")
    if (now < this.#heartbeatAt) return
    // Output that nobody fetched is a socket that does not drain: one more heartbeat would only pile up behind it.
    if (this.#output.length > 0) this.#heartbeatAt = later(now, this.#settings.heartbeatMs)
    else this.#writeHeartbeat(now)
  }

  pollTimeout(): Instant | undefined {
    return this.#phase === "ended" ? undefined : earlier(this.#heartbeatAt, this.#endsAt)
  }

  /** Whether `pollOutput` has something to give. */
  get hasOutput(): boolean {
    return this.#output.length > 0
  }

  pollOutput(): ConnectionOutput | undefined {
    return this.#output.shift()
  }

  #handleBatch(now: Instant, batch: Batch): void {
    const last = batch.events.at(-1)
    if (last !== undefined) this.#push(now, { type: "batch", batch })
    this.#standing = { epoch: batch.epoch, point: batch.through }
    this.#lastIdAt = last?.position ?? this.#lastIdAt ?? batch.after.position
  }

  /** A filter that hides much must not let the reader's cursor fall off the window (L15). */
  #showHidden(now: Instant): void {
    const hidden = (this.#standing?.point.position ?? 0) - (this.#lastIdAt ?? 0)
    if (hidden >= this.#quietEntriesMax) this.#writeHeartbeat(now)
  }

  #handleObservation(now: Instant, observation: SessionObservation): void {
    this.#push(now, { type: "observation", observation })
    this.#standing = { epoch: observation.epoch, point: observation.point }
  }

  #handleEnded(now: Instant, outcome: Extract<ReadOutcome, { type: "ended" }>): void {
    if (outcome.cursor !== undefined) {
      this.#standing = this.#standingOf(outcome.cursor)
      this.#catchUp(now)
    }
    this.#write(now, closedFrame({ reason: outcome.reason }, outcome.cursor))
    this.#end()
  }

  /** Says so the first time, and never again; the phase the connection is in then. */
  #catchUp(now: Instant): Phase {
    if (this.#phase !== "replaying") return this.#phase
    const standing = this.#standing
    contract(standing !== undefined, "a reader that is up to date has a cursor")
    this.#write(now, caughtUpFrame({ position: standing.point.position }, this.#cursorAt(standing)))
    this.#lastIdAt = standing.point.position
    this.#phase = this.#settings.finite ? "finishing" : "live"
    return this.#phase
  }

  #writeHeartbeat(now: Instant): void {
    const standing = this.#standing
    this.#write(now, heartbeatFrame(standing === undefined ? undefined : this.#cursorAt(standing)))
    this.#lastIdAt = standing?.point.position
  }

  #end(): void {
    this.#output.push({ type: "end" })
    this.#phase = "ended"
    this.#wantsRead = false
  }

  #write(now: Instant, text: string): void {
    this.#push(now, { type: "text", text })
  }

  #push(now: Instant, output: ConnectionOutput): void {
    this.#output.push(output)
    this.#heartbeatAt = later(now, this.#heartbeatMs)
  }

  #cursorAt(standing: Standing): CursorText {
    return cursorText(this.#settings.session, standing.epoch, standing.point)
  }

  #standingOf(cursor: CursorText | undefined): Standing | undefined {
    if (cursor === undefined) return undefined
    const parsed = parseCursor(this.#settings.session, cursor)
    contract(parsed.type === "cursor", () => `a reader's own cursor is one of its session: ${cursor}`)
    return { epoch: parsed.cursor.epoch, point: parsed.cursor.point }
  }
}
