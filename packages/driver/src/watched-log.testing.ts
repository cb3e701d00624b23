// A memory log that tells what it was asked, may be away for a while, and may stand for one that other processes write to
// as well. For the tests of this package.

import type { LogAnswer, LogRequest, SessionLog } from "./session-log.ts"
import { memoryLog } from "./world.testing.ts"

export class WatchedLog implements SessionLog {
  readonly sole: boolean
  readonly keepsEntries = true
  readonly appendsInFlightMax = 1
  readonly durability = "memory"
  /** Fails everything, without effect. */
  away = false
  #asked: LogRequest[] = []
  #log = memoryLog()

  constructor(sole: boolean) {
    this.sole = sole
  }

  submit(request: LogRequest, answer: (answer: LogAnswer) => void): void {
    this.#asked.push(request)
    if (this.away) answer({ type: "failed", effect: "none", reason: "unavailable", detail: "away" })
    else this.#log.submit(request, answer)
  }

  /** Another log is here from now on, with nothing in it; its sessions are of other epochs. */
  replace(): void {
    this.#log = memoryLog("other")
  }

  /** The log lost everything, and its sessions, made again in their order, are of the epochs that they were of. */
  goBack(): void {
    this.#log = memoryLog()
  }

  /** What it was asked since this was called last. */
  asked(): readonly LogRequest[] {
    return this.#asked.splice(0)
  }
}

/** Requests by what they ask; of an append the drafts of each part, of a range the place. */
export function inWords(requests: readonly LogRequest[]): readonly string[] {
  return requests.map((request) => {
    if (request.type === "append") return `append ${request.parts.map(({ drafts }) => drafts.length).join("+")}`
    return request.type === "range" ? `range after ${request.after.position}` : request.type
  })
}
