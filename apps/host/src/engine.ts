// Binds the driver to Node: a log that answers when it likes, one timer, and connections that are told when their reader is
// ready. The driver's contract is kept in `#turn`, and nowhere else: after every call, answer and timeout all requests are
// submitted, all settled calls handed out, all ready readers collected, and the timer armed.
//
// A turn may be entered from within itself (a log that answers at once, a waiter that calls again); it then only asks the
// running one for another round. Readers are not read in the turn: they wait for the flush, which comes once per tick and,
// under load, at most every `flushPauseMs`, so that what arrives meanwhile leaves in one write per socket. Whoever a page of
// history came for does not wait: its write is full already, and a pause for each page would be all of its time.

import { Deadlines, earlier, instant, later } from "@tidemark/kernel"
import type { AppendFailure, CursorText, Instant, KernelStats, ReadBudget, ReaderId, Timestamp } from "@tidemark/kernel"
import type { Call, Driver, DriverReadOutcome, DriverStats, LogAnswer, LogFailed, SessionLog } from "@tidemark/driver"
import type { Clock } from "./clock.ts"

export interface EngineParts {
  readonly driver: Driver
  readonly log: SessionLog
  readonly clock: Clock
  /** A call that the log has not answered after this long is given up as failed. */
  readonly logTimeoutMs: number
  /** An append that was installed although the window or the view could not take it: to be logged. */
  readonly report: (failure: AppendFailure) => void
  /** A bug of ours surfaced where nobody can be answered: the process must not go on. */
  readonly fatal: (error: unknown) => void
}

/** Starts a call on the driver. */
export type Ask<Outcome> = (driver: Driver, now: Instant, at: Timestamp) => Call<Outcome>

interface Waiter {
  readonly givenUpAt: Instant
  settle(): void
  giveUp(): void
}

export interface AskOptions {
  /** The call may wait for something else than the log, and is not given up. */
  readonly patient?: true
}

/** Between two flushes under load; the first after quiet goes at once. Measured: half of the CPU of flushing every tick. */
const flushPauseMs = 4

const timerMsMax = 2 ** 31 - 1

export class Engine {
  readonly #parts: EngineParts
  /** In the order they were asked, which is the order in which they are given up. */
  readonly #waiters = new Map<Call<unknown>, Waiter>()
  readonly #patient = new Map<Call<unknown>, Waiter>()
  readonly #readers = new Map<ReaderId, () => void>()
  readonly #deadlines = new Deadlines<() => void>()
  #ready = new Set<ReaderId>()
  /** Those that a page of history came for. */
  #served = new Set<ReaderId>()
  #pageCame = false
  #turning = false
  #again = false
  #closed = false
  #timer: NodeJS.Timeout | undefined
  #timerAt: Instant | undefined
  /** A flush is due (or under way): nobody needs to schedule one. */
  #flushDue = false
  #flushedAt: Instant = instant(0)
  #failures = 0

  constructor(parts: EngineParts) {
    this.#parts = parts
    parts.log.whenReopened?.(() => this.#tell((driver) => driver.handleReopened(this.now)))
  }

  get now(): Instant {
    return this.#parts.clock.now()
  }

  /** Answers of the log that were failures, and calls it never answered in time. */
  get logFailures(): number {
    return this.#failures
  }

  /**
   * Asks the driver and calls `done` exactly once, during this call or later, unless the answer is taken back before:
   * nobody is told then, and what the call started is undone (an append is not).
   */
  ask<Outcome>(start: Ask<Outcome>, done: (outcome: Outcome | LogFailed) => void, options: AskOptions = {}): () => void {
    const { clock, driver, logTimeoutMs } = this.#parts
    const now = clock.now()
    const call = start(driver, now, clock.wall())
    const waiters = options.patient === true ? this.#patient : this.#waiters
    waiters.set(call, {
      givenUpAt: later(now, logTimeoutMs),
      settle: () => {
        if (call.outcome !== undefined) done(call.outcome)
      },
      giveUp: () => {
        this.#failures += 1
        driver.abandon(clock.now(), call)
        done({ type: "failed", effect: "unknown", reason: "unavailable", detail: `the log has not answered for ${logTimeoutMs} ms` })
      },
    })
    this.#turn()
    return () => {
      if (!waiters.delete(call)) return
      driver.abandon(clock.now(), call)
      this.#turn()
    }
  }

  /** From now on `onReady` is called, in a flush, whenever the reader became ready. Read it once without waiting. */
  addReader(reader: ReaderId, onReady: () => void): void {
    this.#readers.set(reader, onReady)
  }

  removeReader(reader: ReaderId): void {
    this.#readers.delete(reader)
    this.#ready.delete(reader)
    this.#served.delete(reader)
    this.#parts.driver.unsubscribe(reader)
    this.#turn()
  }

  /** Reading may make the driver ask the log for history: the turn that submits it comes at the end of the flush. */
  read(reader: ReaderId, budget: ReadBudget): DriverReadOutcome {
    this.#scheduleFlush()
    return this.#parts.driver.read(this.now, reader, budget)
  }

  cursorOf(reader: ReaderId): CursorText | undefined {
    return this.#parts.driver.kernel.cursorOf(reader)
  }

  /** Has the reader's `onReady` called in the next flush, as if it had become ready. */
  wake(reader: ReaderId): void {
    this.#ready.add(reader)
    this.#scheduleFlush()
  }

  /** Calls `action` at `at`, once; a later `at` for the same function replaces it, `undefined` takes it back. */
  schedule(action: () => void, at: Instant | undefined): void {
    this.#deadlines.set(action, at)
    if (!this.#turning) this.#arm()
  }

  stats(): { readonly driver: DriverStats; readonly kernel: KernelStats } {
    const { driver } = this.#parts
    return { driver: driver.stats(), kernel: driver.kernel.stats() }
  }

  /** Stops all timers; what was not answered by then never is. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#waiters.clear()
    this.#patient.clear()
    this.#readers.clear()
  }

  #turn(): void {
    if (this.#closed) return
    this.#again = true
    if (this.#turning) return
    this.#turning = true
    try {
      while (this.#again) {
        this.#again = false
        this.#submitRequests()
        this.#settleCalls()
      }
      const { driver, report } = this.#parts
      for (let failure = driver.kernel.pollFailure(); failure !== undefined; failure = driver.kernel.pollFailure()) report(failure)
      const ready = this.#pageCame ? this.#served : this.#ready
      this.#pageCame = false
      if (ready === this.#served && ready.size === 0) setImmediate(() => this.#flushServed())
      for (let reader = driver.pollReady(); reader !== undefined; reader = driver.pollReady()) ready.add(reader)
    } catch (error) {
      this.#parts.fatal(error)
    } finally {
      this.#turning = false
    }
    if (this.#ready.size > 0) this.#scheduleFlush()
    this.#arm()
  }

  #submitRequests(): void {
    const { driver, log } = this.#parts
    for (let numbered = driver.pollRequest(); numbered !== undefined; numbered = driver.pollRequest()) {
      const { id, request } = numbered
      log.submit(request, (answer) => this.#answered(id, answer))
    }
  }

  #answered(id: number, answer: LogAnswer): void {
    if (this.#closed) return
    if (answer.type === "failed") this.#failures += 1
    if (answer.type === "page") this.#pageCame = true
    this.#tell((driver) => driver.handleAnswer(this.now, id, answer))
  }

  /** Tells the driver something that nobody waits for an answer to. */
  #tell(say: (driver: Driver) => void): void {
    try {
      say(this.#parts.driver)
    } catch (error) {
      this.#parts.fatal(error)
    }
    this.#turn()
  }

  #settleCalls(): void {
    const { driver } = this.#parts
    for (let call = driver.pollSettled(); call !== undefined; call = driver.pollSettled()) {
      const waiter = this.#waiters.get(call) ?? this.#patient.get(call)
      this.#waiters.delete(call)
      this.#patient.delete(call)
      waiter?.settle()
    }
  }

  #scheduleFlush(): void {
    if (this.#flushDue || this.#closed) return
    this.#flushDue = true
    const pauseMs = this.#flushedAt + flushPauseMs - this.now
    if (pauseMs > 0) setTimeout(() => this.#flush(), pauseMs)
    else setImmediate(() => this.#flush())
  }

  #flush(): void {
    if (this.#closed) return
    const ready = this.#ready
    this.#ready = new Set()
    this.#callAll(ready)
    this.#flushDue = false
    if (ready.size > 0) this.#flushedAt = this.now
    this.#turn()
  }

  #flushServed(): void {
    if (this.#closed) return
    const served = this.#served
    this.#served = new Set()
    this.#callAll(served)
    this.#turn()
  }

  #callAll(readers: ReadonlySet<ReaderId>): void {
    try {
      for (const reader of readers) this.#readers.get(reader)?.()
    } catch (error) {
      this.#parts.fatal(error)
    }
  }

  /** A timer that rings too early does nothing and is armed again, so a deadline that moves back costs nothing. */
  #arm(): void {
    const next = earlier(earlier(this.#parts.driver.pollTimeout(), this.#nextGivenUp()), this.#deadlines.next())
    if (next === undefined || this.#closed || (this.#timerAt !== undefined && this.#timerAt <= next)) return
    clearTimeout(this.#timer)
    this.#timerAt = next
    this.#timer = setTimeout(() => this.#ring(), Math.min(Math.max(Math.ceil(next - this.now), 1), timerMsMax))
  }

  #ring(): void {
    this.#timerAt = undefined
    const now = this.now
    try {
      for (let action = this.#deadlines.take(now); action !== undefined; action = this.#deadlines.take(now)) action()
      for (const [call, waiter] of this.#waiters) {
        if (waiter.givenUpAt > now) break
        this.#waiters.delete(call)
        waiter.giveUp()
      }
      this.#parts.driver.handleTimeout(now)
    } catch (error) {
      this.#parts.fatal(error)
    }
    this.#turn()
  }

  #nextGivenUp(): Instant | undefined {
    for (const waiter of this.#waiters.values()) return waiter.givenUpAt
    return undefined
  }
}
