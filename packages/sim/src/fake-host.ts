// A host without IO: kernel, driver and the server's half of the protocol, bound to fake log and fake network the way a
// real host binds them. It can be killed and started again; what was not on the disk is then gone, as it would be.
//
// The one thing to know before changing it: whatever touches the driver ends with `#wake()`, or requests stay unsent,
// calls unanswered and readers unread until something else happens.

import { Driver, type Call, type DriverConfig } from "@tidemark/driver"
import { contract, Kernel, timestamp } from "@tidemark/kernel"
import type { Instant, KernelConfig, KernelStats, LiveReplayStore, ReaderId, Timestamp } from "@tidemark/kernel"
import type { AppendCallOutcome, DriverReadOutcome, DriverStats, LogFailed, SubscribeCallOutcome } from "@tidemark/driver"
import type { Chance } from "./chance.ts"
import type { FakeConnection } from "./fake-network.ts"
import type { FakeLog } from "./fake-log.ts"
import type { FakeStream, StreamTimes } from "./fake-stream.ts"
import { answerRequest, type FakeRequest } from "./fake-routes.ts"
import type { Schedule, Scheduled } from "./schedule.ts"

export interface FakeHostSettings {
  readonly kernel: KernelConfig
  readonly driver: DriverConfig
  readonly stream: StreamTimes
  /** A call the log has not answered for so long is given up, its outcome unknown. */
  readonly logTimeoutMs: number
  /** A fresh window for each start, instead of the kernel's own. */
  readonly store?: () => LiveReplayStore
  /** Instead of a plain kernel: one that records, say. */
  readonly makeKernel?: (config: KernelConfig, parts: { readonly liveReplayStore?: LiveReplayStore }) => Kernel
}

/** Told what a host does, for whoever examines it. */
export interface HostWatcher {
  /** `reader` was read; `before` is the cursor it had. */
  read?(reader: ReaderId, outcome: DriverReadOutcome): void
  /** A request that came over the network was answered. */
  answered?(request: FakeRequest, outcome: SubscribeCallOutcome | AppendCallOutcome): void
}

/** The world's time of day as this host sees it. */
export type WallClock = () => number

export class FakeHost {
  readonly log: FakeLog
  readonly schedule: Schedule
  readonly #chance: Chance
  readonly #wall: WallClock
  readonly #watcher: HostWatcher
  readonly #streams = new Set<FakeStream>()
  readonly #waiting = new Map<Call<unknown>, () => void>()
  readonly #onReady = new Map<ReaderId, FakeStream>()
  #settings: FakeHostSettings
  #driver: Driver | undefined
  #turnDue = false
  #timer: Scheduled | undefined
  /** Raised by each start: what an earlier life has asked for is not its business. */
  #life = 0

  constructor(schedule: Schedule, chance: Chance, log: FakeLog, settings: FakeHostSettings, wall: WallClock, watcher: HostWatcher = {}) {
    this.log = log
    this.schedule = schedule
    this.#chance = chance
    this.#settings = settings
    this.#wall = wall
    this.#watcher = watcher
    this.start()
  }

  get isUp(): boolean {
    return this.#driver !== undefined
  }

  get now(): Instant {
    return this.schedule.now
  }

  get chance(): Chance {
    return this.#chance
  }

  get times(): StreamTimes {
    return this.#settings.stream
  }

  get streams(): number {
    return this.#streams.size
  }

  /** Bytes that wait in this host for clients that do not take them. */
  get bufferedBytes(): number {
    let bytes = 0
    for (const stream of this.#streams) bytes += stream.bufferedBytes
    return bytes
  }

  /** Milliseconds for which the slowest client has taken nothing of what waits for it. */
  get stuckForMs(): number {
    let most = 0
    for (const { stuckSince } of this.#streams) if (stuckSince !== undefined) most = Math.max(most, this.now - stuckSince)
    return most
  }

  stats(): { readonly driver: DriverStats; readonly kernel: KernelStats } | undefined {
    return this.#driver === undefined ? undefined : { driver: this.#driver.stats(), kernel: this.#driver.kernel.stats() }
  }

  /** A fresh process on what the disk holds; with `kernel`, another release. */
  start(kernel: KernelConfig = this.#settings.kernel): void {
    if (this.#driver !== undefined) return
    this.#life += 1
    this.#settings = { ...this.#settings, kernel }
    const life = this.#life
    const store = this.#settings.store?.()
    const { makeKernel = (config, parts) => new Kernel(config, parts) } = this.#settings
    this.#driver = new Driver(this.#settings.driver, makeKernel(kernel, store === undefined ? {} : { liveReplayStore: store }), this.log)
    this.log.whenReopened(() => {
      if (life !== this.#life) return
      this.#driver?.handleReopened(this.now)
      this.#wake()
    })
  }

  /** The process is gone in the middle of whatever it did. Whether its peers hear of it is the network's affair. */
  kill(because = "the host is gone"): void {
    this.#driver = undefined
    this.#life += 1
    this.log.crash()
    this.#waiting.clear()
    this.#onReady.clear()
    if (this.#timer !== undefined) this.#timer.cancelled = true
    this.#turnDue = false
    for (const stream of [...this.#streams]) stream.kill(because)
    this.#streams.clear()
  }

  /** Streams are told to come again. */
  drain(reason: string): void {
    for (const stream of [...this.#streams]) stream.drain(reason)
  }

  /** A request arrived. */
  accept(request: FakeRequest, connection: FakeConnection): void {
    if (this.#driver === undefined) connection.destroy("nobody listens")
    else answerRequest(this, request, connection)
  }

  /** Asks the driver; `then` is called once, unless the process is gone by then. */
  ask<Outcome>(begin: (driver: Driver, now: Instant, at: Timestamp) => Call<Outcome>, then: (outcome: Outcome | LogFailed) => void): (() => void) | undefined {
    const driver = this.#driver
    if (driver === undefined) return undefined
    const life = this.#life
    const call = begin(driver, this.now, timestamp(Math.max(0, Math.floor(this.#wall()))))
    const giveUp = this.schedule.after(this.#settings.logTimeoutMs, () => {
      if (life !== this.#life || !this.#waiting.delete(call)) return
      driver.abandon(this.now, call)
      this.#wake()
      then({ type: "failed", effect: "unknown", reason: "unavailable", detail: "the log has not answered in time" })
    })
    this.#waiting.set(call, () => {
      giveUp.cancelled = true
      if (call.outcome !== undefined) then(call.outcome)
    })
    this.#wake()
    return () => {
      if (life !== this.#life || !this.#waiting.delete(call)) return
      giveUp.cancelled = true
      driver.abandon(this.now, call)
      this.#wake()
    }
  }

  /** Asks for a reader that may have to wait for its session: nobody gives up on it but the client. */
  askPatiently<Outcome>(begin: (driver: Driver, now: Instant) => Call<Outcome>, then: (outcome: Outcome) => void): () => void {
    const driver = this.#driver
    const life = this.#life
    if (driver === undefined) return () => {}
    const call = begin(driver, this.now)
    this.#waiting.set(call, () => {
      if (call.outcome !== undefined) then(call.outcome)
    })
    this.#wake()
    return () => {
      if (life !== this.#life || !this.#waiting.delete(call)) return
      driver.abandon(this.now, call)
      this.#wake()
    }
  }

  /** Somebody says that the log knows more of a session. */
  tell(say: (driver: Driver, now: Instant) => void): void {
    if (this.#driver === undefined) return
    say(this.#driver, this.now)
    this.#wake()
  }

  /** For whoever examines this host: what a request of the network was answered. */
  note(request: FakeRequest, outcome: SubscribeCallOutcome | AppendCallOutcome): void {
    this.#watcher.answered?.(request, outcome)
  }

  addStream(stream: FakeStream): void {
    this.#streams.add(stream)
  }

  removeStream(stream: FakeStream): void {
    this.#streams.delete(stream)
  }

  addReader(reader: ReaderId, stream: FakeStream): void {
    this.#onReady.set(reader, stream)
  }

  removeReader(reader: ReaderId): void {
    this.#onReady.delete(reader)
    this.#driver?.unsubscribe(reader)
    this.#wake()
  }

  read(reader: ReaderId): { readonly outcome: DriverReadOutcome; readonly cursor: ReturnType<Kernel["cursorOf"]> } | undefined {
    const driver = this.#driver
    if (driver === undefined) return undefined
    const outcome = driver.read(this.now, reader, this.times.budget)
    this.#watcher.read?.(reader, outcome)
    this.#wake()
    return { outcome, cursor: driver.kernel.cursorOf(reader) }
  }

  /** Asks for a turn: soon, and one for all who ask. */
  #wake(): void {
    if (this.#turnDue) return
    this.#turnDue = true
    const life = this.#life
    this.schedule.after(0, () => {
      if (life !== this.#life) return
      this.#turnDue = false
      this.#turn()
    })
  }

  /** The driver's contract: submit all requests, settle all calls, read the readers that are ready, arm one timer. */
  #turn(): void {
    const driver = this.#driver
    if (driver === undefined) return
    const life = this.#life
    let requests = 0
    for (let numbered = driver.pollRequest(); numbered !== undefined; numbered = driver.pollRequest()) {
      const { id, request } = numbered
      requests += 1
      contract(requests <= requestsMost, () => `the driver spins: ${JSON.stringify(request)}`)
      this.log.submit(request, (answer) => {
        if (life !== this.#life) return
        driver.handleAnswer(this.now, id, answer)
        this.#wake()
      })
    }
    for (let call = driver.pollSettled(); call !== undefined; call = driver.pollSettled()) {
      const waiting = this.#waiting.get(call)
      this.#waiting.delete(call)
      waiting?.()
      if (life !== this.#life) return
    }
    for (let reader = driver.pollReady(); reader !== undefined; reader = driver.pollReady()) this.#onReady.get(reader)?.ready()
    this.#arm(driver)
  }

  #arm(driver: Driver): void {
    const next = driver.pollTimeout()
    if (this.#timer !== undefined) this.#timer.cancelled = true
    this.#timer = undefined
    if (next === undefined) return
    this.#timer = this.schedule.after(Math.max(1, Math.ceil(next - this.now)), () => {
      this.#timer = undefined
      driver.handleTimeout(this.now)
      this.#wake()
    })
  }
}

/** In one turn: a driver that asks for more than this is asking the same thing over and over. */
const requestsMost = 10_000
