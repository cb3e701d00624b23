// Driver and log bound to Node: turns, one timer, and a stream for each reader. Nothing here knows a route; what is HTTP
// about it is that a stream is written to a `ServerResponse`.
//
// The one thing to know before changing it: whatever touches the driver ends with `#wake()`, or requests stay unsent,
// calls unanswered and readers unread until something else happens.

import type { ServerResponse } from "node:http"
import type { Call, Driver, SessionLog, SubscribeCallOutcome } from "@tidemark/driver"
import { Deadlines, earlier, instant, type ReaderId, type SessionName, type Instant } from "@tidemark/kernel"
import { encodeBatch, encodeObservation, ServerConnection, sseHeaders, type ConnectionOutput } from "@tidemark/protocol"

export type Subscribed = Extract<SubscribeCallOutcome, { type: "subscribed" }>

/** Events and bytes of one read: what a client that stops reading leaves in this process's memory, and not more. */
const budget = { events: 64, bytes: 65_536 }
const heartbeatMs = 15_000

export class Engine {
  readonly #driver: Driver
  readonly #log: SessionLog
  readonly #waiting = new Map<Call<unknown>, () => void>()
  readonly #onReady = new Map<ReaderId, () => void>()
  readonly #deadlines = new Deadlines<() => void>()
  #turnDue = false
  #timer: NodeJS.Timeout | undefined

  constructor(driver: Driver, log: SessionLog) {
    this.#driver = driver
    this.#log = log
  }

  /** Makes a call on the driver and waits for its outcome. */
  async ask<Outcome>(start: (driver: Driver, now: Instant) => Call<Outcome>): Promise<Outcome> {
    const call = start(this.#driver, now())
    this.#wake()
    while (call.outcome === undefined) await new Promise<void>((resolve) => this.#waiting.set(call, resolve))
    this.#waiting.delete(call)
    return call.outcome
  }

  /** Answers with the reader's events, until the client leaves or the session is closed. */
  stream(response: ServerResponse, session: SessionName, { reader, hello }: Subscribed): void {
    const driver = this.#driver
    const retryMs = 250 + Math.floor(500 * Math.random()) // not all at once
    const connection = new ServerConnection(now(), { session, heartbeatMs, maxAgeMs: 600_000, retryMs, quietEntriesMax: 512, finite: false })
    const { epoch, head, earliest, revision, model, modelVersion } = hello
    connection.handleHello(now(), { session: hello.session, epoch, head, earliest, revision, model, modelVersion })
    let ready = false

    const pump = (): void => {
      connection.handleTimeout(now())
      while (!response.writableNeedDrain) {
        const output = connection.pollOutput()
        if (output !== undefined) write(response, output)
        else if (ready || connection.wantsRead) {
          ready = false
          connection.handleRead(now(), driver.read(now(), reader, budget), driver.kernel.cursorOf(reader))
        } else break
      }
      this.#deadlines.set(pump, connection.pollTimeout())
      this.#wake()
    }
    const leave = (): void => {
      if (!this.#onReady.delete(reader)) return
      this.#deadlines.set(pump, undefined)
      driver.unsubscribe(reader)
      response.destroy()
      this.#wake()
    }
    this.#onReady.set(reader, () => {
      ready = true
      pump()
    })
    response.writeHead(200, sseHeaders).on("drain", pump).once("close", leave)
    // A client that half-closes and reads nothing raises only `end`; one that just stops reading raises only a timeout.
    response.socket?.once("end", leave).setTimeout(3 * heartbeatMs, leave)
    if (response.closed) leave()
    else pump()
  }

  /** Asks for a turn: soon, and one for all who ask. */
  #wake(): void {
    if (!this.#turnDue) setImmediate(() => this.#turn())
    this.#turnDue = true
  }

  /** The driver's contract: submit all requests, settle all calls, read the readers that are ready, arm one timer. */
  #turn(): void {
    const driver = this.#driver
    this.#turnDue = false
    for (let numbered = driver.pollRequest(); numbered !== undefined; numbered = driver.pollRequest()) {
      const { id, request } = numbered
      this.#log.submit(request, (answer) => {
        driver.handleAnswer(now(), id, answer)
        this.#wake()
      })
    }
    for (let call = driver.pollSettled(); call !== undefined; call = driver.pollSettled()) this.#waiting.get(call)?.()
    for (let reader = driver.pollReady(); reader !== undefined; reader = driver.pollReady()) this.#onReady.get(reader)?.()
    const next = earlier(driver.pollTimeout(), this.#deadlines.next())
    clearTimeout(this.#timer)
    if (next !== undefined) this.#timer = setTimeout(() => this.#ring(), Math.max(1, next - now()))
  }

  #ring(): void {
    this.#driver.handleTimeout(now())
    for (let due = this.#deadlines.take(now()); due !== undefined; due = this.#deadlines.take(now())) due()
    this.#wake()
  }
}

function write(response: ServerResponse, output: ConnectionOutput): void {
  if (output.type === "end") response.end()
  else if (output.type === "text") response.write(output.text)
  else response.write(output.type === "batch" ? encodeBatch(output.batch) : encodeObservation(output.observation))
}

function now(): Instant {
  return instant(performance.now())
}
