// A log behind the port, as far away as the world wants it: it answers late and out of order, fails before or after what
// it was asked took effect, says nothing, or is away. What it did stands on a `FakeDisk`, which other nodes may share.
//
// Changes take effect in the order in which they were submitted; answers come in any order. What was answered, and what a
// read has shown, counts as synced: a crash may lose what came after it and nothing else, unless the world says so.

import type { Durability, LogAnswer, LogRequest, SessionLog } from "@tidemark/driver"
import type { Chance } from "./chance.ts"
import { isChange, type FakeDisk } from "./fake-disk.ts"
import type { Schedule } from "./schedule.ts"

export interface FakeLogSettings {
  /** False: other nodes write to the disk too. */
  readonly sole: boolean
  readonly durability: Durability
  /** Milliseconds from a request to its effect, and from there to the answer: each drawn anew; 0 and 0: a log in the process. */
  readonly delayMs: readonly [number, number]
}

/** How the next change fails: before it took effect, after it, or with an answer that comes when nobody waits any more. */
export type ChangeFault = "before" | "after" | "late"

/** Longer than any host waits. */
const lateMs = 8_000

export class FakeLog implements SessionLog {
  readonly sole: boolean
  readonly keepsEntries: boolean
  readonly appendsInFlightMax = 1
  readonly durability: Durability
  /** Nothing is carried out, and everything is answered `failed`. */
  isAway = false
  /** Pages of history and other reads are late by so much. */
  readsLateMs = 0
  readonly #schedule: Schedule
  readonly #chance: Chance
  readonly #disk: FakeDisk
  readonly #delayMs: readonly [number, number]
  readonly #faults: ChangeFault[] = []
  readonly #listeners: (() => void)[] = []
  #nextChangeAt = 0
  #synced: number
  /** What was asked and not answered. */
  readonly #pending = new Set<(answer: LogAnswer) => void>()

  constructor(schedule: Schedule, chance: Chance, disk: FakeDisk, settings: FakeLogSettings) {
    this.sole = settings.sole
    this.durability = settings.durability
    this.keepsEntries = disk.keepsEntries
    this.#schedule = schedule
    this.#chance = chance
    this.#disk = disk
    this.#delayMs = settings.delayMs
    this.#synced = disk.length
  }

  /** Changes that anybody was told of: a crash keeps these. */
  get synced(): number {
    return this.#synced
  }

  failNext(fault: ChangeFault): void {
    this.#faults.push(fault)
  }

  /** Faults that have not hit a change yet are taken back, and the log answers as it should. */
  heal(): void {
    this.#faults.length = 0
    this.isAway = false
    this.readsLateMs = 0
  }

  whenReopened(listener: () => void): void {
    this.#listeners.push(listener)
  }

  /** The log was opened anew under its users, and may not hold what it held. */
  reopened(): void {
    const pending = [...this.#pending]
    this.#pending.clear()
    for (const answer of pending) this.#schedule.after(0, () => answer(failed("unknown", "the connection to the log was lost")))
    this.#synced = Math.min(this.#synced, this.#disk.length)
    for (const listener of this.#listeners) listener()
  }

  /** The process is gone: what is under way is never answered, and what has not taken effect never does. */
  crash(): void {
    this.#listeners.length = 0
    this.#faults.length = 0
    this.#nextChangeAt = 0
    this.#pending.clear()
    this.#synced = Math.min(this.#synced, this.#disk.length)
  }

  submit(request: LogRequest, answer: (answer: LogAnswer) => void): void {
    const change = isChange(request)
    const delay = this.#delay() + (change ? 0 : this.readsLateMs)
    const effectAt = change ? Math.max(this.#schedule.now + delay, this.#nextChangeAt) : this.#schedule.now + delay
    if (change) this.#nextChangeAt = effectAt
    this.#pending.add(answer)
    this.#schedule.after(effectAt - this.#schedule.now, () => {
      if (!this.#pending.has(answer)) return
      const fault = change ? this.#faults.shift() : undefined
      const given = this.#carryOut(request, fault)
      const { length } = this.#disk
      const reply = (): void => {
        if (!this.#pending.delete(answer)) return
        this.#synced = Math.max(this.#synced, Math.min(length, this.#disk.length))
        answer(given)
      }
      const answersIn = this.#delay() + (fault === "late" ? lateMs : 0)
      // A log within the process does and answers in one step: nothing comes between.
      if (answersIn === 0) reply()
      else this.#schedule.after(answersIn, reply)
    })
  }

  #carryOut(request: LogRequest, fault: ChangeFault | undefined): LogAnswer {
    if (this.isAway) return failed("none", "the log is away")
    if (fault === "before") return failed(this.#chance.flip(0.5) ? "none" : "unknown", "the log failed before it was done")
    const answer = this.#disk.apply(request)
    if (fault === "after") return failed("unknown", "the log failed after it was done")
    return answer.type === "appended" ? { ...answer, durability: this.durability } : answer
  }

  #delay(): number {
    const [least, most] = this.#delayMs
    return least + (most > least ? this.#chance.skewed(most - least) : 0)
  }
}

function failed(effect: "none" | "unknown", detail: string): LogAnswer {
  return { type: "failed", effect, reason: "unavailable", detail }
}
