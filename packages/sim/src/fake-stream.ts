// One event stream of a fake host: the protocol's connection machine on a fake connection. A reader is read only when the
// connection has drained, and is closed when that takes longer than the write deadline (L12, L14).

import type { SessionInfo } from "@tidemark/driver"
import { earlier, later, type Instant, type ReadBudget, type ReaderId, type SessionName } from "@tidemark/kernel"
import { encodeBatch, encodeObservation, ServerConnection, type ConnectionOutput } from "@tidemark/protocol"
import type { FakeConnection, Sender } from "./fake-network.ts"
import type { FakeHost } from "./fake-host.ts"
import type { Scheduled } from "./schedule.ts"

/** Milliseconds; `budget` is of one read. */
export interface StreamTimes {
  readonly heartbeatMs: number
  readonly maxAgeMs: number
  readonly retryMs: number
  readonly writeDeadlineMs: number
  readonly quietEntriesMax: number
  readonly budget: ReadBudget
}

const encoder = new TextEncoder()

export class FakeStream implements Sender {
  readonly #host: FakeHost
  readonly #connection: FakeConnection
  readonly #machine: ServerConnection
  readonly #whenClosed: () => void
  #reader: ReaderId | undefined
  #isReady = false
  #stuckSince: Instant | undefined
  #timer: Scheduled | undefined
  #closed = false

  constructor(host: FakeHost, connection: FakeConnection, session: SessionName, finite: boolean, whenClosed: () => void) {
    const { heartbeatMs, maxAgeMs, retryMs, quietEntriesMax } = host.times
    this.#host = host
    this.#connection = connection
    this.#whenClosed = whenClosed
    const jittered = { maxAgeMs: host.chance.between(Math.ceil(maxAgeMs * 0.8), maxAgeMs), retryMs: host.chance.between(Math.ceil(retryMs / 2), retryMs * 2) }
    this.#machine = new ServerConnection(host.now, { session, heartbeatMs, quietEntriesMax, finite, ...jittered })
    host.addStream(this)
    connection.serve(this)
    connection.respond({ status: 200 })
    this.#pump()
  }

  /** Bytes that were written and that the client has not taken. */
  get bufferedBytes(): number {
    return this.#connection.queuedBytes
  }

  /** Since when the client has not taken what was written; `undefined`: it takes it. */
  get stuckSince(): Instant | undefined {
    return this.#stuckSince
  }

  attach(reader: ReaderId, info: SessionInfo): void {
    if (this.#closed) return this.#host.removeReader(reader)
    this.#reader = reader
    this.#host.addReader(reader, this)
    const { session, epoch, head, earliest, revision, model, modelVersion } = info
    this.#machine.handleHello(this.#host.now, { session, epoch, head, earliest, revision, model, modelVersion })
    this.#pump()
  }

  /** The reader has something to read. */
  ready(): void {
    this.#isReady = true
    this.#pump()
  }

  drain(reason: string): void {
    this.#machine.handleDrain(reason)
    this.#pump()
  }

  handleDrain(): void {
    this.#stuckSince = undefined
    this.#pump()
  }

  handleClose(): void {
    this.#close()
  }

  /** With the process: nothing is undone, because nothing is there any more. */
  kill(because: string): void {
    this.#closed = true
    if (this.#timer !== undefined) this.#timer.cancelled = true
    this.#connection.destroy(because)
  }

  #close(): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#timer !== undefined) this.#timer.cancelled = true
    this.#host.removeStream(this)
    if (this.#reader !== undefined) this.#host.removeReader(this.#reader)
    this.#whenClosed()
  }

  #pump(): void {
    while (!this.#closed && this.#stuckSince === undefined) {
      const output = this.#machine.pollOutput()
      if (output?.type === "end") {
        this.#connection.end()
        return this.#close()
      }
      if (output !== undefined) {
        if (!this.#connection.write(bytesOf(output))) this.#stuckSince = this.#host.now
      } else if (!this.#read()) break
    }
    this.#arm()
  }

  #read(): boolean {
    if (this.#reader === undefined || !(this.#isReady || this.#machine.wantsRead)) return false
    this.#isReady = false
    const given = this.#host.read(this.#reader)
    if (given === undefined) return false
    this.#machine.handleRead(this.#host.now, given.outcome, given.cursor)
    return true
  }

  #arm(): void {
    if (this.#closed) return
    const deadline = this.#stuckSince === undefined ? undefined : later(this.#stuckSince, this.#host.times.writeDeadlineMs)
    const next = earlier(deadline, this.#machine.pollTimeout())
    if (this.#timer !== undefined) this.#timer.cancelled = true
    if (next === undefined) return
    this.#timer = this.#host.schedule.after(Math.max(1, Math.ceil(next - this.#host.now)), () => this.#ring())
  }

  #ring(): void {
    if (this.#stuckSince !== undefined && this.#host.now >= later(this.#stuckSince, this.#host.times.writeDeadlineMs)) {
      this.#connection.destroy("the write deadline has passed")
      return this.#close()
    }
    this.#machine.handleTimeout(this.#host.now)
    this.#pump()
  }
}

function bytesOf(output: Exclude<ConnectionOutput, { type: "end" }>): Uint8Array {
  switch (output.type) {
    case "text":
      return encoder.encode(output.text)
    case "batch":
      return encoder.encode(encodeBatch(output.batch))
    case "observation":
      return encoder.encode(encodeObservation(output.observation))
  }
}
