// Asking a host that may be away for a while. Only for what may be asked twice: a question, or an append under its key.

import { setTimeout as wait } from "node:timers/promises"
import { backoffLimits, ClientError } from "@tidemark/client"
import { systemClock } from "../clock.ts"
import type { Progress } from "./progress.ts"

/** Without an answer for this long it is given up. */
const minuteMs = 60_000

/** Between two tries at most. */
const pauseMaxMs = 6_000

export class Patience {
  readonly #progress: Progress
  readonly #stop: AbortSignal
  readonly #patienceMs: number
  #away = false

  /** `stop` ends the waiting, too. */
  constructor(progress: Progress, stop: AbortSignal, patienceMs = minuteMs) {
    this.#progress = progress
    this.#stop = stop
    this.#patienceMs = patienceMs
  }

  /** What `ask` gives; asks again, at growing distances, while the host is away or busy. Throws what it threw last. */
  async ask<Value>(ask: () => Promise<Value>): Promise<Value> {
    const since = systemClock.now()
    for (let failures = 1; ; failures++) {
      try {
        const value = await ask()
        if (this.#away) this.#progress.say("the host answers again")
        this.#away = false
        return value
      } catch (error) {
        if (!(error instanceof ClientError) || !mayPass(error) || systemClock.now() - since >= this.#patienceMs) throw error
        if (!this.#away && failures > 1) {
          const how = error.code === "unreachable" ? "does not answer" : "cannot do it now"
          this.#progress.say(`the host ${how} (${error.message}); trying again, nothing is lost`)
          this.#away = true
        }
        const mostMs = Math.min(backoffLimits.backoffMinMs * 2 ** failures, pauseMaxMs)
        await wait(mostMs * (0.5 + Math.random() / 2), undefined, { signal: this.#stop })
      }
    }
  }
}

/** A full disk does not pass by waiting; a host that is away or busy may. */
function mayPass({ code, status = 0 }: ClientError): boolean {
  return code === "unreachable" || status === 429 || (status >= 500 && status !== 507)
}
