// The streams and long polls that are open. A stream is made in the same step in which the driver gives its reader, and
// goes when its response closes: between the two there is no moment at which a client that leaves could leave it behind.

import type { ServerResponse } from "node:http"
import { later, type ReadBudget, type ReaderId, type SessionName } from "@tidemark/kernel"
import { jittered, type Chance } from "./clock.ts"
import type { Engine } from "./engine.ts"
import { EventStream } from "./event-stream.ts"
import type { Limits } from "./limits.ts"
import type { Meter } from "./meter.ts"
import { SharedChunks } from "./shared-chunks.ts"

/** What makes one stream different from another. */
export interface StreamKind {
  /** Ends once it is up to date, or after so many events. */
  readonly finite?: { readonly eventsMax: number }
}

export class OpenStreams {
  readonly #engine: Engine
  readonly #meter: Meter
  readonly #limits: Limits
  readonly #chance: Chance
  readonly #chunks = new SharedChunks()
  readonly #budget: ReadBudget
  readonly #streams = new Map<EventStream, SessionName>()
  readonly #waits = new Map<() => void, SessionName>()
  /** Sessions whose readers are asked to come again, and why. */
  readonly #askedAgain = new Map<SessionName, string>()
  #draining: string | undefined

  constructor(engine: Engine, meter: Meter, limits: Limits, chance: Chance) {
    this.#engine = engine
    this.#meter = meter
    this.#limits = limits
    this.#budget = { events: limits["read-events"], bytes: limits["read-bytes"] }
    this.#chance = chance
  }

  /** Jittered per connection, so that those who were cut together do not come back together. */
  retryMs(): number {
    return jittered(this.#chance, this.#limits.retry, 0.5, 1.5)
  }

  /** A stream that lives no longer than `response`. */
  make(response: ServerResponse, session: SessionName, kind: StreamKind = {}): EventStream {
    const limits = this.#limits
    const connection = {
      session,
      heartbeatMs: limits.heartbeat,
      maxAgeMs: jittered(this.#chance, limits["max-age"], 0.8, 1),
      retryMs: this.retryMs(),
      quietEntriesMax: Math.floor(limits["window-events"] / 4),
      finite: kind.finite !== undefined,
    }
    const eventsMax = kind.finite?.eventsMax ?? Infinity
    const settings = { connection, budget: this.#budget, eventsMax, writeDeadlineMs: limits["write-deadline"] }
    const stream = new EventStream(this.#engine, this.#meter, this.#chunks, settings)
    this.#streams.set(stream, session)
    this.#meter.streams += 1
    stream.whenClosed(() => {
      response.off("close", stream.close)
      if (this.#streams.delete(stream)) this.#meter.streams -= 1
    })
    response.once("close", stream.close)
    const reason = this.#whyNot(session)
    if (response.closed) stream.close()
    else if (reason !== undefined) stream.drain(reason)
    return stream
  }

  /** Calls `done` once: when the reader has something to read, after `waitMs`, or when it is asked to come again. */
  wait(reader: ReaderId, session: SessionName, waitMs: number, done: () => void): () => void {
    const stop = (): void => {
      if (!this.#waits.delete(finish)) return
      this.#engine.schedule(finish, undefined)
      this.#engine.removeReader(reader)
    }
    const finish = (): void => {
      stop()
      done()
    }
    const look = (): void => {
      if (this.#engine.read(reader, this.#budget).type !== "idle") finish()
    }
    this.#waits.set(finish, session)
    this.#engine.schedule(finish, later(this.#engine.now, waitMs))
    this.#engine.addReader(reader, { onReady: look })
    look()
    if (this.#whyNot(session) !== undefined && this.#waits.has(finish)) finish()
    return stop
  }

  /** The host is shutting down. */
  get draining(): boolean {
    return this.#draining !== undefined
  }

  /** Every stream is asked to come back and ends, and so does every one made from now on. */
  drain(reason: string): void {
    this.#draining = reason
    for (const stream of this.#streams.keys()) stream.drain(reason)
    for (const finish of this.#waits.keys()) finish()
  }

  /** Every reader of the session is asked to come back, until `letIn`; whoever asked already is not asked twice. */
  askAgain(session: SessionName, reason: string): void {
    if (this.#askedAgain.has(session)) return
    this.#askedAgain.set(session, reason)
    for (const [stream, of] of this.#streams) if (of === session) stream.drain(reason)
    for (const [finish, of] of this.#waits) if (of === session) finish()
  }

  letIn(session: SessionName): void {
    this.#askedAgain.delete(session)
  }

  /** Those who have not gone are cut off; their cursors are good. */
  cut(session: SessionName): void {
    for (const [stream, of] of this.#streams) if (of === session) stream.close()
  }

  #whyNot(session: SessionName): string | undefined {
    return this.#draining ?? this.#askedAgain.get(session)
  }
}
