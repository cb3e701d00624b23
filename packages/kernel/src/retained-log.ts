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

export class RetainedLog {
  #floor: Point
  #head: Point
  /** Entries held stand in `[#start, #entries.length)`; the part before it is let go of in bulk. */
  #entries: (Entry | undefined)[] = []
  /** When each of `#entries` was installed: side by side, because an object for the two would be one more that lives as long as its entry. */
  #installedAt: Instant[] = []
  #start = 0
  #bytes = 0

  constructor(floor: Point) {
    this.#floor = pointOf(floor)
    this.#head = this.#floor
  }

  get floor(): Point {
    return this.#floor
  }

  /** The last entry, which is never let go of; the floor before there is one. */
  get head(): Point {
    return this.#head
  }

  get length(): number {
    return this.#entries.length - this.#start
  }

  get bytes(): number {
    return this.#bytes
  }

  /** `entry` must stand right after the head. */
  append(now: Instant, entry: Entry): void {
    contract(entry.position === this.#head.position + 1, () => `entry ${entry.position} does not follow ${this.#head.position}`)
    this.#entries.push(entry)
    this.#installedAt.push(now)
    this.#bytes += entry.bytes
    this.#head = entry
  }

  trim(now: Instant, limits: WindowLimits): void {
    let last: Entry | undefined
    while (this.length > 1) {
      const tooOld = now - (this.#installedAt[this.#start] ?? now) > limits.ageMs
      if (!tooOld && this.length <= limits.events && this.#bytes <= limits.bytes) break
      last = this.#letGo()
    }
    if (last !== undefined) this.#floor = pointOf(last)
    // Moving the rest down costs its length, so it is done when half of the array is free: constant per entry.
    if (this.#start > 32 && this.#start * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#start)
      this.#installedAt = this.#installedAt.slice(this.#start)
      this.#start = 0
    }
  }

  /** When the oldest entry is too old; `undefined` while only the last entry is held, which stays. */
  expiresAt(limits: WindowLimits): Instant | undefined {
    const oldest = this.#installedAt[this.#start]
    if (oldest === undefined || this.length <= 1 || !Number.isFinite(limits.ageMs)) return undefined
    return later(oldest, limits.ageMs + 1)
  }

  /** The point at `position`: the floor, or an entry held; `undefined` outside. */
  pointAt(position: number): Point | undefined {
    if (position === this.#floor.position) return this.#floor
    return this.#entries[this.#indexOf(position)]
  }

  /** Entries right after `position` (a point that `pointAt` knows), at least one where there is one. */
  after(position: number, budget: ReadBudget): readonly Entry[] {
    const from = this.#indexOf(position + 1)
    contract(from >= this.#start, () => `position ${position} is behind the floor ${this.#floor.position}`)
    const entries: Entry[] = []
    let bytes = 0
    for (let index = from; entries.length === 0 || entries.length < budget.events; index++) {
      const entry = this.#entries[index]
      if (entry === undefined) break
      bytes += entry.bytes
      if (bytes > budget.bytes && entries.length > 0) break
      entries.push(entry)
    }
    return entries
  }

  #indexOf(position: number): number {
    const index = this.#start + position - this.#floor.position - 1
    return index < this.#start ? -1 : index
  }

  /** The oldest entry, which is not held any more. The floor does not know it yet. */
  #letGo(): Entry {
    const oldest = this.#entries[this.#start]
    contract(oldest !== undefined, "nothing is left to let go of")
    this.#bytes -= oldest.bytes
    this.#entries[this.#start] = undefined
    this.#start += 1
    return oldest
  }
}
