// Who waits for the driver's answers, the longest first, so that one look tells who is to be given up next. A list whose
// members hold their neighbours, and not a `Map`: a map that is filled and emptied for every call makes its table anew each
// time, and V8 chains the old tables to the new ones, so that what outlives two collections drags what came after it along.

import type { Instant } from "@tidemark/kernel"
import type { Call, CallWaiter, LogFailed } from "@tidemark/driver"

/** As its list sees it. */
export interface Waiting {
  readonly call: Call<unknown>
  readonly givenUpAt: Instant
  /** Tells it instead of an outcome that never came. */
  fail(failed: LogFailed): void
  older: Waiting | undefined
  younger: Waiting | undefined
  waits: boolean
}

/** One that waits for `call`; told once, or never after it left its list. */
export class Waiter<Outcome> implements Waiting, CallWaiter {
  readonly call: Call<Outcome>
  readonly givenUpAt: Instant
  readonly #waiters: Waiters
  readonly #done: (outcome: Outcome | LogFailed) => void
  older: Waiting | undefined
  younger: Waiting | undefined
  waits = false

  constructor(call: Call<Outcome>, waiters: Waiters, givenUpAt: Instant, done: (outcome: Outcome | LogFailed) => void) {
    this.call = call
    this.givenUpAt = givenUpAt
    this.#waiters = waiters
    this.#done = done
  }

  settled(): void {
    const { outcome } = this.call
    if (outcome !== undefined && this.#waiters.remove(this)) this.#done(outcome)
  }

  fail(failed: LogFailed): void {
    if (this.#waiters.remove(this)) this.#done(failed)
  }
}

export class Waiters {
  #oldest: Waiting | undefined
  #youngest: Waiting | undefined

  get oldest(): Waiting | undefined {
    return this.#oldest
  }

  /** `givenUpAt` is never before that of one added earlier. */
  add(waiter: Waiting): void {
    waiter.waits = true
    waiter.older = this.#youngest
    if (this.#youngest === undefined) this.#oldest = waiter
    else this.#youngest.younger = waiter
    this.#youngest = waiter
  }

  /** Whether it was in the list. */
  remove(waiter: Waiting): boolean {
    if (!waiter.waits) return false
    const { older, younger } = waiter
    if (older === undefined) this.#oldest = younger
    else older.younger = younger
    if (younger === undefined) this.#youngest = older
    else younger.older = older
    waiter.waits = false
    waiter.older = undefined
    waiter.younger = undefined
    return true
  }
}
