// The client's machine: one session, one stream at a time, a cursor, and what to do when the stream ends. It knows no
// socket, clock, chance or promise: the fetch driver, a WebSocket and the simulator bind the same one.
//
// The contract:
//
// 1. `now` never goes back. Facts (`handleResponse`, `handleBytes`, `handleEnd`) are about the connection polled last.
// 2. After any call: poll `pollItem` until `undefined`, each item followed by `handleTaken` once its consumer is done with
//    it; then `pollConnect`; drop the connection when `connectionWanted` is false; arm one timer from `pollTimeout`.
// 3. Read from the connection only when `pollItem` said `undefined`: what is not read stays in the network, and a slow
//    consumer slows its own stream and nothing else.
//
// The cursor moves only with frames that carry one, and counts (`cursor`) only once the item was taken. A frame is
// interpreted when its item is polled, so what was received and not yet given is simply asked for again.

import { contract, earlier, later } from "@tidemark/kernel"
import type { Closed, Instant, LiveReplayGap, ObservationJson, SessionEvent, Timed } from "@tidemark/kernel"
import { decodeFrame, SseDecoder, type Frame, type Hello, type SseItem } from "@tidemark/protocol"
import { backoffLimits, backoffMs, wishMaxMs, type BackoffLimits } from "./backoff.ts"
import { ClientError, describeRefusal, isTemporary, refused, type Refusal } from "./client-error.ts"
import { Continuity, type Verdict } from "./continuity.ts"

/** Where to begin without a cursor. */
export type From = "observation" | "start" | "now" | `tail:${number}`

/** What the consumer is given. `cursor`: where a resume after this item goes on; absent while there is none. */
export type ReplayItem = (
  | { readonly type: "observation"; readonly observation: ObservationJson }
  | { readonly type: "event"; readonly event: SessionEvent }
  | { readonly type: "gap"; readonly gap: LiveReplayGap }
  /** What was recorded before the connection has been given; from here on it is live. Once per connection. */
  | { readonly type: "caught_up"; readonly position: number }
  | StatusItem
  /** The end. The reason is empty where the session was found closed and nobody said why. */
  | { readonly type: "closed"; readonly closed: Closed }
) & { readonly cursor?: string }

export interface StatusItem {
  readonly type: "status"
  /** `waiting`: connected, and the session is not there yet (`missing=wait`). */
  readonly status: "connecting" | "waiting" | "live" | "reconnecting"
  /** Failures in a row; 0 on a connection that holds. */
  readonly attempt: number
  /** Until the next connection; with `reconnecting`. */
  readonly retryInMs?: number
  /** Why the last connection ended; with `reconnecting`. */
  readonly because?: string
  /** The host's own reason, where it asked for the reconnect itself: it is there. With `reconnecting`. */
  readonly asked?: string
}

/** Milliseconds. */
export interface ReplayTiming extends BackoffLimits {
  /** A connection that lived this long and gave a frame ends the row of failures. */
  readonly healthyMs: number
  /** Without any byte for this long the connection is given up; after `hello`, three of its heartbeats. */
  readonly watchdogMs: number
  /** With `missing=wait`: without `hello` for this long after the answer, the session is taken not to be there. */
  readonly waitingMs: number
}

export const replayTiming: ReplayTiming = { ...backoffLimits, healthyMs: 10_000, watchdogMs: 45_000, waitingMs: 500 }

/** Bytes of one frame. An observation of the log model has at most some 2 MiB. */
const frameBytesMax = 16 * 2 ** 20

export interface ReplaySettings {
  readonly session: string
  readonly cursor: string | undefined
  readonly from: From
  readonly recover: "events" | "auto" | "rest"
  /** A filter hides events. */
  readonly filtered: boolean
  /** Wait for a session that is not there. */
  readonly waits: boolean
  /** A state is folded from what is given: every gap must come with an observation. */
  readonly folds: boolean
  /** Go on after the first caught-up. */
  readonly follow: boolean
  readonly timing: ReplayTiming
}

/** A stream to open: at the cursor, or without one as `from` says. */
export type ConnectRequest = { readonly cursor: string; readonly from?: never } | { readonly cursor?: never; readonly from: From }

/** The head of the answer. `eventStream`: the content type is `text/event-stream`. */
export interface StreamResponse extends Refusal {
  readonly eventStream: boolean
}

interface Connection {
  readonly request: ConnectRequest
  /** In [0, 1): how long to wait when this connection fails. */
  readonly chance: number
  readonly decoder: SseDecoder
  openedAt: Instant | undefined
  /** The last sign of life, or when we began to listen again. */
  quietSince: Instant
  frames: boolean
  live: boolean
  saidWaiting: boolean
  tooLong: boolean
  hello: Hello | undefined
  /** What the server said about coming back. */
  reconnect: { readonly afterMs: number; readonly reason: string } | undefined
}

export class ReplayClient implements Timed {
  readonly #settings: ReplaySettings
  readonly #continuity: Continuity
  #connection: Connection | undefined
  #connectAt: Instant
  #from: From
  #failures = 0
  #retryMs = 0
  #everOpen = false
  #given: string | undefined
  #taken: string | undefined
  #untaken: ReplayItem | undefined
  #next: ReplayItem | undefined = { type: "status", status: "connecting", attempt: 0 }
  #hello: Hello | undefined
  #ended: { readonly failure: ClientError | undefined } | undefined

  constructor(now: Instant, settings: ReplaySettings) {
    this.#settings = settings
    this.#continuity = new Continuity(settings.filtered)
    this.#from = settings.from
    this.#given = settings.cursor
    this.#taken = settings.cursor
    this.#connectAt = now
  }

  /** Of the last item that was taken: what to keep for the next run. */
  get cursor(): string | undefined {
    return this.#taken
  }

  /** The last one received. */
  get hello(): Hello | undefined {
    return this.#hello
  }

  /** Nothing follows; with `failure`, because trying again cannot mend it. */
  get ended(): { readonly failure: ClientError | undefined } | undefined {
    return this.#ended
  }

  /** False: drop the connection that was polled last, if it is still there. */
  get connectionWanted(): boolean {
    return this.#connection !== undefined
  }

  /** The stream to open now, if any; handed out once. `chance` in [0, 1) decides how long to wait should it fail. */
  pollConnect(now: Instant, chance: number): ConnectRequest | undefined {
    if (this.#ended !== undefined || this.#connection !== undefined || now < this.#connectAt) return undefined
    const request: ConnectRequest = this.#given === undefined ? { from: this.#from } : { cursor: this.#given }
    const unnumbered = this.#from === "observation" || this.#from === "start" ? this.#from : "elsewhere"
    this.#continuity.handleConnection(this.#given === undefined ? unnumbered : "cursor")
    this.#connection = {
      request,
      chance,
      decoder: new SseDecoder({ lineBytesMax: frameBytesMax, blockBytesMax: frameBytesMax }),
      openedAt: undefined,
      quietSince: now,
      frames: false,
      live: false,
      saidWaiting: false,
      tooLong: false,
      hello: undefined,
      reconnect: undefined,
    }
    return request
  }

  /** The head of the answer came. */
  handleResponse(now: Instant, response: StreamResponse): void {
    const connection = this.#connection
    if (connection === undefined) return
    connection.quietSince = now
    const { status } = response
    if (status === 200 && response.eventStream) {
      connection.openedAt = now
      this.#everOpen = true
    } else if (status === 204) {
      this.#connection = undefined
      this.#next = { type: "closed", closed: { reason: "" } }
    } else if (isTemporary(status) || (status === 404 && this.#settings.waits)) {
      this.#lose(now, describeRefusal(response), response.retryAfterMs)
    } else if (status >= 200 && status < 300) {
      const because = `the answer (${status}) is no event stream`
      if (this.#everOpen) this.#lose(now, because)
      else this.#end(new ClientError("not-tidemark", `${because}; check the address`, response))
    } else this.#end(refused(response))
  }

  /** The next bytes of the body, however cut. */
  handleBytes(now: Instant, chunk: Uint8Array): void {
    const connection = this.#connection
    if (connection === undefined) return
    connection.quietSince = now
    if (connection.decoder.push(chunk) === "too_long") connection.tooLong = true
  }

  /** The connection ended, or could not be made. A block it was cut in is lost with it and will be sent again. */
  handleEnd(now: Instant, because: string): void {
    this.#lose(now, because)
  }

  /** The consumer is done with the item polled last: its cursor counts. */
  handleTaken(now: Instant): void {
    const item = this.#untaken
    if (item === undefined) return
    this.#untaken = undefined
    this.#taken = this.#given
    if (this.#connection !== undefined) this.#connection.quietSince = now
    if (item.type === "closed" || (item.type === "caught_up" && !this.#settings.follow)) this.#end(undefined)
  }

  /** The next item; `undefined`: nothing before the next fact or timeout. */
  pollItem(now: Instant): ReplayItem | undefined {
    contract(this.#untaken === undefined, "the item before is taken before the next is polled")
    while (this.#next === undefined) {
      const connection = this.#connection
      if (connection === undefined) return undefined
      const item = connection.decoder.pollItem()
      if (item !== undefined) this.#interpret(now, connection, item)
      else if (connection.tooLong) this.#lose(now, `a frame is longer than ${frameBytesMax} bytes`)
      else return undefined
    }
    const item = this.#next
    this.#next = item.type === "caught_up" ? this.#live() : undefined
    this.#untaken = this.#given === undefined ? item : { ...item, cursor: this.#given }
    return this.#untaken
  }

  handleTimeout(now: Instant): void {
    const connection = this.#connection
    if (connection === undefined || this.#untaken !== undefined) return
    const waitingAt = this.#waitingAt(connection)
    if (waitingAt !== undefined && now >= waitingAt) {
      connection.saidWaiting = true
      this.#next = { type: "status", status: "waiting", attempt: this.#failures }
    }
    const quietMs = this.#quietMaxMs(connection)
    if (now >= later(connection.quietSince, quietMs)) this.#lose(now, `nothing was heard for ${quietMs} ms`)
  }

  /** When to call `handleTimeout` and `pollConnect`. Never while an item waits to be taken: a slow consumer is no dead host. */
  pollTimeout(): Instant | undefined {
    if (this.#ended !== undefined || this.#untaken !== undefined) return undefined
    const connection = this.#connection
    if (connection === undefined) return this.#connectAt
    return earlier(this.#waitingAt(connection), later(connection.quietSince, this.#quietMaxMs(connection)))
  }

  #interpret(now: Instant, connection: Connection, item: SseItem): void {
    if (item.type === "retry") this.#retryMs = Math.min(item.ms, wishMaxMs)
    if (item.type !== "event") return
    const decoded = decodeFrame(item.block)
    if (decoded.type === "malformed") this.#violated(now, decoded.reason)
    else if (decoded.type === "frame") this.#handleFrame(now, connection, decoded.frame)
  }

  #handleFrame(now: Instant, connection: Connection, frame: Frame): void {
    connection.frames = true
    switch (frame.type) {
      case "hello":
        return this.#handleHello(now, connection, frame.data)
      case "reconnect":
        connection.reconnect = frame.data
        return
      case "heartbeat":
        if (frame.id === undefined || connection.hello === undefined) return
        if (this.#continuity.handleHeartbeat(frame.id !== this.#given) === "stands") return
        this.#given = frame.id
        this.#taken = frame.id
        return
    }
    if (connection.hello === undefined) return this.#violated(now, `${frame.type} came before hello`)
    const continuity = this.#continuity
    switch (frame.type) {
      case "event":
        return this.#give(now, continuity.handleEvent(frame.data.position), { type: "event", event: frame.data }, frame.id)
      case "observation":
        return this.#give(now, continuity.handleObservation(frame.data), { type: "observation", observation: frame.data }, frame.id)
      case "caught_up": {
        const { position } = frame.data
        return this.#give(now, continuity.handleCaughtUp(position), { type: "caught_up", position }, frame.id)
      }
      case "closed":
        return this.#give(now, continuity.handleClosed(frame.id !== undefined), { type: "closed", closed: frame.data }, frame.id)
      case "gap":
        return this.#handleGap(now, connection, frame.data)
    }
  }

  #handleHello(now: Instant, connection: Connection, hello: Hello): void {
    if (hello.session !== this.#settings.session) return this.#violated(now, `hello is of session ${JSON.stringify(hello.session)}`)
    if (connection.hello === undefined) this.#continuity.handleHello(hello.epoch)
    connection.hello = hello
    this.#hello = hello
  }

  #handleGap(now: Instant, connection: Connection, gap: LiveReplayGap): void {
    // A reader made by `start` or `tail` goes on with what is readable, whatever `recover` says.
    const from = connection.request.from ?? "observation"
    const observed = this.#settings.recover !== "rest" && from !== "start" && !from.startsWith("tail:")
    this.#give(now, this.#continuity.handleGap(gap, observed), { type: "gap", gap }, undefined)
    if (!this.#settings.folds || observed || this.#connection === undefined) return
    // Without an observation there is nothing to fold on: come again in a way that is given one.
    if (this.#given === undefined) this.#from = "observation"
    this.#connection = undefined
    this.#connectAt = now
  }

  #give(now: Instant, verdict: Verdict, item: ReplayItem, id: string | undefined): void {
    if (typeof verdict === "object") return this.#violated(now, verdict.wrong)
    if (verdict === "moves") this.#given = id
    this.#next = item
  }

  #live(): ReplayItem | undefined {
    const connection = this.#connection
    if (connection === undefined || connection.live) return undefined
    connection.live = true
    return { type: "status", status: "live", attempt: 0 }
  }

  #waitingAt(connection: Connection): Instant | undefined {
    const { openedAt, hello, saidWaiting } = connection
    if (!this.#settings.waits || saidWaiting || hello !== undefined || openedAt === undefined) return undefined
    return later(openedAt, this.#settings.timing.waitingMs)
  }

  #quietMaxMs(connection: Connection): number {
    const { hello } = connection
    return hello === undefined ? this.#settings.timing.watchdogMs : 3 * hello.heartbeatMs
  }

  #violated(now: Instant, reason: string): void {
    this.#lose(now, `protocol violation: ${reason}`)
  }

  /** The connection is over; the next one waits its turn. */
  #lose(now: Instant, because: string, wishMs?: number): void {
    const connection = this.#connection
    if (connection === undefined) return
    const { timing } = this.#settings
    const livedMs = connection.openedAt === undefined ? 0 : connection.quietSince - connection.openedAt
    // A gap from which nothing came is no health, however long it lasted.
    if (connection.frames && livedMs >= timing.healthyMs && !this.#continuity.gapOpen) this.#failures = 0
    this.#failures += 1
    const drawn = backoffMs(timing, this.#failures, connection.chance, this.#retryMs)
    const wished = connection.reconnect?.afterMs ?? wishMs
    const retryInMs = wished === undefined ? drawn : Math.max(Math.min(wished, wishMaxMs), this.#failures > 1 ? drawn : 0)
    const said = connection.reconnect === undefined ? because : `${connection.reconnect.reason} (${because})`
    this.#connection = undefined
    this.#connectAt = later(now, retryInMs)
    this.#next = {
      type: "status",
      status: "reconnecting",
      attempt: this.#failures,
      retryInMs,
      because: this.#continuity.gapOpen ? `${said}; nothing came after the gap` : said,
      ...(connection.reconnect === undefined ? {} : { asked: connection.reconnect.reason }),
    }
  }

  #end(failure: ClientError | undefined): void {
    this.#connection = undefined
    this.#next = undefined
    this.#ended = { failure }
  }
}
