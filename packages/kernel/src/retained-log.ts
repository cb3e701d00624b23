// A ring of entries above a floor: what one session keeps in memory. Positions are dense, so an entry is found by
// subtraction; the floor is the point before the first entry held, survives total trimming, and only ever moves up.

import { contract } from "./contract.ts"
import { pointOf, type Entry } from "./entry.ts"
import { later, type Instant, type Point } from "./ids.ts"
import type { ReadBudget } from "./outcomes.ts"

/** Bounds of one session's window; at least the last entry stays whatever they say. */
export interface WindowLimits {
  /** Entries, from 1. */
  readonly events: number
  /** UTF-8 bytes of the entries' texts. */
  readonly bytes: number
  /** Since the entry was installed here. */
  readonly ageMs: number
}

interface Slot {
  readonly entry: Entry
  readonly installedAt: Instant
}

export class RetainedLog {
  #floor: Point
  /** Held slots stand in `[#start, #slots.length)`; the part before it is let go of in bulk. */
  #slots: Slot[] = []
  #start = 0
  #bytes = 0

  constructor(floor: Point) {
    this.#floor = pointOf(floor)
  }

  get floor(): Point {
    return this.#floor
  }

  get head(): Point {
    const last = this.#slots.at(-1)
    return last === undefined || this.length === 0 ? this.#floor : last.entry
  }

  get length(): number {
    return this.#slots.length - this.#start
  }

  get bytes(): number {
    return this.#bytes
  }

  /** `entry` must stand right after the head. */
  append(now: Instant, entry: Entry): void {
    contract(entry.position === this.head.position + 1, `entry ${entry.position} does not follow ${this.head.position}`)
    this.#slots.push({ entry, installedAt: now })
    this.#bytes += entry.bytes
  }

  trim(now: Instant, limits: WindowLimits): void {
    while (this.length > 1) {
      const oldest = this.#oldest()
      const tooOld = oldest !== undefined && now - oldest.installedAt > limits.ageMs
      if (!tooOld && this.length <= limits.events && this.#bytes <= limits.bytes) break
      this.#letGo()
    }
    // Moving the rest down costs its length, so it is done when half of the array is free: constant per entry.
    if (this.#start > 32 && this.#start * 2 > this.#slots.length) {
      this.#slots = this.#slots.slice(this.#start)
      this.#start = 0
    }
  }

  /** When the oldest entry is too old; `undefined` while only the last entry is held, which stays. */
  expiresAt(limits: WindowLimits): Instant | undefined {
    const oldest = this.#oldest()
    if (oldest === undefined || this.length <= 1 || !Number.isFinite(limits.ageMs)) return undefined
    return later(oldest.installedAt, limits.ageMs + 1)
  }

  /** The point at `position`: the floor, or an entry held; `undefined` outside. */
  pointAt(position: number): Point | undefined {
    if (position === this.#floor.position) return this.#floor
    return this.#slots[this.#indexOf(position)]?.entry
  }

  /** Entries right after `position` (a point that `pointAt` knows), at least one where there is one. */
  after(position: number, budget: ReadBudget): readonly Entry[] {
    const from = this.#indexOf(position + 1)
    contract(from >= this.#start, `position ${position} is behind the floor ${this.#floor.position}`)
    let to = from
    let bytes = 0
    while (to < this.#slots.length && to - from < budget.events) {
      bytes += this.#slots[to]?.entry.bytes ?? 0
      if (bytes > budget.bytes && to > from) break
      to += 1
    }
    return this.#slots.slice(from, to === from && from < this.#slots.length ? from + 1 : to).map((slot) => slot.entry)
  }

  #oldest(): Slot | undefined {
    return this.#slots[this.#start]
  }

  #indexOf(position: number): number {
    const index = this.#start + position - this.#floor.position - 1
    return index < this.#start ? -1 : index
  }

  #letGo(): void {
    const oldest = this.#oldest()
    contract(oldest !== undefined, "nothing is left to let go of")
    this.#floor = pointOf(oldest.entry)
    this.#bytes -= oldest.entry.bytes
    delete this.#slots[this.#start]
    this.#start += 1
  }
}
