// An auction that embeds the kernel: the kernel is its log, and time is an argument. Each bid gives the others ten more
// seconds; then the auction is closed. In a server the clock is the process's own, and the time of day is told beside it:
//
//   const clock = { get now() { return instant(performance.now()) }, after: (ms, action) => setTimeout(action, ms) }
//   const auction = new Auction(clock, () => timestamp(Date.now()))
//
// A test hands in the `Schedule` of @tidemark/sim and lets the seconds pass; its bids may well be dated 1970.

import { epoch, everything, jsonText, Kernel, logModel, sessionName, timestamp, type Instant, type ReaderId, type Timestamp } from "@tidemark/kernel"

export interface Clock {
  readonly now: Instant
  after(ms: number, action: () => void): unknown
}

const quietMs = 10_000
const lot = sessionName("default", "lot")

export class Auction {
  readonly #clock: Clock
  readonly #timeOfDay: () => Timestamp
  readonly #kernel: Kernel
  readonly #watchers = new Map<ReaderId, (line: string) => void>()
  #bids = 0

  /** `timeOfDay` dates the bids. Without it they are dated by `clock`, whose 0 is 1970 then: right for a test only. */
  constructor(clock: Clock, timeOfDay = () => timestamp(Math.floor(clock.now))) {
    this.#clock = clock
    this.#timeOfDay = timeOfDay
    const window = { windowEvents: 100, windowBytes: 65_536, windowAgeMs: 3_600_000 }
    this.#kernel = new Kernel({ models: [logModel], ...window, readersPerSession: 100, recoverEvents: 100, encodesPerSecond: 2, retryMs: 100 })
    this.#kernel.createSession(clock.now, lot, { epoch: epoch("auction", "first"), model: "log" })
  }

  bid(name: string, amount: number): void {
    this.#kernel.record(this.#clock.now, this.#timeOfDay(), lot, { kind: "bid", data: jsonText({ name, amount }) })
    this.#give()
    this.#bids += 1
    const bids = this.#bids
    this.#clock.after(quietMs, () => {
      if (bids === this.#bids) this.#close(`sold to ${name} for ${amount}`)
    })
  }

  /** Tells `show` everything after `cursor`, or from the start, and what follows; gives back how to leave: with a cursor. */
  watch(show: (line: string) => void, cursor?: string): () => string | undefined {
    const start = cursor === undefined ? ({ type: "start" } as const) : ({ type: "cursor", cursor } as const)
    const outcome = this.#kernel.subscribe(this.#clock.now, lot, start, { filter: everything, recovery: "events" })
    if (outcome.type !== "subscribed") throw new Error(`no watching: ${outcome.type}`)
    const { reader } = outcome
    this.#watchers.set(reader, show)
    this.#read(reader)
    return () => {
      const kept = this.#kernel.cursorOf(reader)
      this.#watchers.delete(reader)
      this.#kernel.unsubscribe(reader)
      return kept
    }
  }

  #close(reason: string): void {
    this.#kernel.close(this.#clock.now, this.#timeOfDay(), lot, reason)
    this.#give()
  }

  #give(): void {
    for (let reader = this.#kernel.pollReady(); reader !== undefined; reader = this.#kernel.pollReady()) this.#read(reader)
  }

  #read(reader: ReaderId): void {
    const show = this.#watchers.get(reader) ?? (() => {})
    const outcome = this.#kernel.read(this.#clock.now, reader, { events: 64, bytes: 65_536 })
    if (outcome.type === "idle") return
    if (outcome.type === "ended") return show(outcome.reason)
    if (outcome.type === "gap") show(`some bids are not shown: ${outcome.gap.reason}`)
    if (outcome.type === "events") {
      for (const { text } of outcome.batch.events) show(JSON.stringify(JSON.parse(text).data))
    }
    this.#read(reader)
  }
}
