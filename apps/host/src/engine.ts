// Binds the driver to Node: a log that answers when it likes, one timer, and connections that are told when their reader is
// ready. The driver's contract is kept in `#turn`, and nowhere else: after every call, answer and timeout all requests are
// submitted, all settled calls handed out, all ready readers listed, and the timer armed.
//
// Whatever comes in (a call, an answer, a reader that leaves) only tells the driver, and asks for a step. A step comes once
// in each round of the event loop, after all that the round brought: sixty appends are then one group for the log, one
// installation in the kernel and one read of each reader (`ready-readers.ts` says which of them wait a little longer).
// During a step the clock stands still, so that a thousand reads do not ask for the time a thousand times.

import { Deadlines, earlier, later } from "@tidemark/kernel"
import type { AppendFailure, CursorText, Instant, KernelStats, ReadBudget, ReaderId, Timestamp } from "@tidemark/kernel"
import type { Call, Driver, DriverReadOutcome, DriverStats, LogAnswer, LogFailed, SessionLog } from "@tidemark/driver"
import type { Clock } from "./clock.ts"
import { ReadyReaders, type Listed, type Reads } from "./ready-readers.ts"
import { Waiter, Waiters, type Waiting } from "./waiters.ts"

export interface EngineParts {
  readonly driver: Driver
  readonly log: SessionLog
  readonly clock: Clock
  /** A call that the log has not answered after this long is given up as failed. */
  readonly logTimeoutMs: number
  /** Between two writes to one reader under load; 0 for none. */
  readonly flushPauseMs: number
  /** An append that was installed although the window or the view could not take it: to be logged. */
  readonly report: (failure: AppendFailure) => void
  /** A bug of ours surfaced where nobody can be answered: the process must not go on. */
  readonly fatal: (error: unknown) => void
}

/** Starts a call on the driver. */
export type Ask<Outcome> = (driver: Driver, now: Instant, at: Timestamp) => Call<Outcome>

export interface AskOptions {
  /** The call may wait for something else than the log, and is not given up. */
  readonly patient?: true
}

const timerMsMax = 2 ** 31 - 1

export class Engine {
  readonly #parts: EngineParts
  /** For the log. */
  readonly #waiters = new Waiters()
  /** For something else than the log: never given up. */
  readonly #patient = new Waiters()
  readonly #ready: ReadyReaders<ReaderId>
  readonly #deadlines = new Deadlines<() => void>()
  #closed = false
  #immediate: NodeJS.Immediate | undefined
  #timer: NodeJS.Timeout | undefined
  #timerAt: Instant | undefined
  /** The time during a step. */
  #heldNow: Instant | undefined
  /** Of the reader whose turn it is: how many events it was given, and whether it has all there are. */
  #given = 0
  #isAtHead = false
  #failures = 0

  constructor(parts: EngineParts) {
    this.#parts = parts
    this.#ready = new ReadyReaders(parts.flushPauseMs, (readers) => this.#flush(readers), (flush) => this.#step(flush))
    parts.log.whenReopened?.(() => this.#tell((driver) => driver.handleReopened(this.now)))
  }

  get now(): Instant {
    return this.#heldNow ?? this.#parts.clock.now()
  }

  /** Answers of the log that were failures, and calls it never answered in time. */
  get logFailures(): number {
    return this.#failures
  }

  /**
   * Asks the driver and calls `done` exactly once, later, unless the answer is taken back before: nobody is told then, and
   * what the call started is undone (an append is not).
   */
  ask<Outcome>(start: Ask<Outcome>, done: (outcome: Outcome | LogFailed) => void, options: AskOptions = {}): () => void {
    const { clock, driver, logTimeoutMs } = this.#parts
    const { now } = this
    const call = start(driver, now, clock.wall())
    const waiters = options.patient === true ? this.#patient : this.#waiters
    const waiter = new Waiter(call, waiters, later(now, logTimeoutMs), done)
    waiters.add(waiter)
    call.waiter = waiter
    this.#soon()
    return () => {
      if (!waiters.remove(waiter)) return
      driver.abandon(this.now, call)
      this.#soon()
    }
  }

  /** From now on `reads` is called, in a flush, whenever the reader became ready. */
  addReader(reader: ReaderId, reads: Reads): void {
    this.#ready.add(reader, reads)
  }

  removeReader(reader: ReaderId): void {
    this.#ready.remove(reader)
    this.#parts.driver.unsubscribe(reader)
    this.#soon()
  }

  /** Outside of a step it asks for one, because reading may make the driver ask the log. */
  read(reader: ReaderId, budget: ReadBudget): DriverReadOutcome {
    if (this.#heldNow === undefined) this.#soon()
    const outcome = this.#parts.driver.read(this.now, reader, budget)
    if (outcome.type === "events") this.#given += outcome.batch.events.length
    this.#isAtHead = (outcome.type === "events" || outcome.type === "idle") && outcome.upToDate
    return outcome
  }

  /** The reader has more to read than it read now, and others are to have their turn before it goes on. */
  readOnLater(reader: ReaderId): void {
    this.#ready.list(this.now, reader)
    this.#soon()
  }

  cursorOf(reader: ReaderId): CursorText | undefined {
    return this.#parts.driver.kernel.cursorOf(reader)
  }

  /** Calls `action` at `at`, once; a later `at` for the same function replaces it, `undefined` takes it back. */
  schedule(action: () => void, at: Instant | undefined): void {
    this.#deadlines.set(action, at)
    if (this.#heldNow === undefined) this.#arm()
  }

  stats(): { readonly driver: DriverStats; readonly kernel: KernelStats } {
    const { driver } = this.#parts
    return { driver: driver.stats(), kernel: driver.kernel.stats() }
  }

  /** Stops all timers; what was not answered by then never is. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    clearImmediate(this.#immediate)
    this.#ready.close()
  }

  #soon(): void {
    if (this.#heldNow !== undefined || this.#closed) return
    this.#immediate ??= setImmediate(() => {
      this.#immediate = undefined
      this.#step(() => this.#ready.flushDue())
    })
  }

  /** A turn, then the flush, then a turn for what it led to. */
  #step(flush: () => void): void {
    if (this.#closed) return
    this.#heldNow = this.#parts.clock.now()
    try {
      this.#turn()
      flush()
      this.#turn()
    } catch (error) {
      this.#parts.fatal(error)
    } finally {
      this.#heldNow = undefined
    }
    if (this.#ready.someAreDue) this.#soon()
    this.#arm()
  }

  /** Handing out an answer may lead to the next call, and submitting to an answer: round until nothing is left. */
  #turn(): void {
    const { driver, report } = this.#parts
    for (let again = true; again; ) {
      const submitted = this.#submitRequests()
      again = this.#settleCalls() || submitted
    }
    for (let failure = driver.kernel.pollFailure(); failure !== undefined; failure = driver.kernel.pollFailure()) report(failure)
    this.#listReady()
  }

  #listReady(): void {
    const { driver } = this.#parts
    for (let reader = driver.pollReady(); reader !== undefined; reader = driver.pollReady()) this.#ready.list(this.now, reader)
  }

  #submitRequests(): boolean {
    const { driver, log } = this.#parts
    let submitted = false
    for (let numbered = driver.pollRequest(); numbered !== undefined; numbered = driver.pollRequest()) {
      const { id, request } = numbered
      submitted = true
      log.submit(request, (answer) => this.#answered(id, answer))
    }
    return submitted
  }

  #answered(id: number, answer: LogAnswer): void {
    if (this.#closed) return
    if (answer.type === "failed") this.#failures += 1
    this.#tell((driver) => driver.handleAnswer(this.now, id, answer))
  }

  /** Tells the driver something that nobody waits for an answer to. */
  #tell(say: (driver: Driver) => void): void {
    try {
      say(this.#parts.driver)
    } catch (error) {
      this.#parts.fatal(error)
    }
    this.#soon()
  }

  #settleCalls(): boolean {
    const { driver } = this.#parts
    let settled = false
    for (let call = driver.pollSettled(); call !== undefined; call = driver.pollSettled()) {
      const { waiter } = call
      call.waiter = undefined
      settled = true
      waiter?.settled()
    }
    return settled
  }

  /** Gives when it was over. */
  #flush(readers: readonly Listed[]): Instant {
    for (const reader of readers) {
      if (reader.gone) continue
      this.#given = 0
      reader.reads.onReady()
      reader.isPaced = this.#isAtHead && this.#given > 1
    }
    return this.#parts.clock.now()
  }

  /** A timer that rings too early does nothing and is armed again, so a deadline that moves back costs nothing. */
  #arm(): void {
    const next = earlier(earlier(this.#parts.driver.pollTimeout(), this.#waiters.oldest?.givenUpAt), this.#deadlines.next())
    if (next === undefined || this.#closed || (this.#timerAt !== undefined && this.#timerAt <= next)) return
    clearTimeout(this.#timer)
    this.#timerAt = next
    this.#timer = setTimeout(() => this.#ring(), Math.min(Math.max(Math.ceil(next - this.now), 1), timerMsMax))
  }

  #ring(): void {
    this.#timerAt = undefined
    this.#step(() => {
      const { now } = this
      for (let action = this.#deadlines.take(now); action !== undefined; action = this.#deadlines.take(now)) action()
      for (let oldest = this.#waiters.oldest; oldest !== undefined && oldest.givenUpAt <= now; oldest = this.#waiters.oldest) this.#giveUp(oldest)
      this.#parts.driver.handleTimeout(now)
    })
  }

  #giveUp(waiter: Waiting): void {
    const { driver, logTimeoutMs } = this.#parts
    this.#failures += 1
    driver.abandon(this.now, waiter.call)
    waiter.fail({ type: "failed", effect: "unknown", reason: "unavailable", detail: `the log has not answered for ${logTimeoutMs} ms` })
  }
}
