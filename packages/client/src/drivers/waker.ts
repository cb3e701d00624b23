// Waiting for the first of many things without `Promise.race`, which keeps a reaction on every promise that loses and so
// grows with a stream that never ends. Whoever has news stores it and calls `wake`; one waiter at a time is woken.

import { instant, type Instant } from "@tidemark/kernel"

/** The monotonic clock of the drivers: milliseconds since the page or process began. */
export function now(): Instant {
  return instant(performance.now())
}

/** A longer delay would overflow the platform's timers and fire at once. */
const delayMaxMs = 2 ** 31 - 1

export class Waker {
  #woken = false
  #resolve: (() => void) | undefined

  /** There is news: ends the wait, or the next one if nobody waits now. A property, so that it can be passed on. */
  readonly wake = (): void => {
    this.#woken = true
    this.#resolve?.()
  }

  /** Until somebody wakes, or `until` has come. May also end early. */
  async wait(until: Instant | undefined): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined
    if (!this.#woken) {
      await new Promise<void>((resolve) => {
        this.#resolve = resolve
        if (until !== undefined) timer = setTimeout(resolve, Math.min(Math.max(0, until - now()), delayMaxMs))
      })
    }
    clearTimeout(timer)
    this.#resolve = undefined
    this.#woken = false
  }
}
