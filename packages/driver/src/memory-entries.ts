// The entries that a memory log holds of one session, above a floor. Positions are dense, so an entry is found by
// subtraction. The floor is a point, not an entry: it survives when nothing is held, and it only moves up (L1).

import { contract, origin, pointOf, type Entry, type Point, type Position, type Timestamp } from "@tidemark/kernel"
import type { RangeBudget } from "./session-log.ts"

/** What may be held; `Infinity` where there is no bound. */
export interface EntryBounds {
  readonly events: number
  /** UTF-8 bytes of the entries' texts. */
  readonly bytes: number
  /** By the entries' `at`. */
  readonly ageMs: number
}

export class MemoryEntries {
  #floor: Point = origin
  #head: Point = origin
  /** What is held stands in `[#start, #entries.length)`; the free part before it is cut off in bulk. */
  #entries: (Entry | undefined)[] = []
  /** The `at` of each of `#entries`. */
  #times: Timestamp[] = []
  #start = 0
  #bytes = 0

  /** The point before the first entry held; the head when none is. */
  get floor(): Point {
    return this.#floor
  }

  get head(): Point {
    return this.#head
  }

  get count(): number {
    return this.#entries.length - this.#start
  }

  get bytes(): number {
    return this.#bytes
  }

  push(at: Timestamp, entry: Entry): void {
    contract(entry.position === this.#head.position + 1, () => `entry ${entry.position} does not follow ${this.#head.position}`)
    this.#entries.push(entry)
    this.#times.push(at)
    this.#bytes += entry.bytes
    this.#head = pointOf(entry)
  }

  /** The floor, or the point of an entry held; `undefined` for any other place. */
  pointAt(position: Position): Point | undefined {
    if (position === this.#floor.position) return this.#floor
    const entry = this.#entryAt(position)
    return entry === undefined ? undefined : pointOf(entry)
  }

  /** The entries right after `position`, which must not be behind the floor: at least one where there is one. */
  after(position: Position, budget: RangeBudget): readonly Entry[] {
    const entries: Entry[] = []
    let bytes = 0
    for (let next = position + 1; ; next++) {
      const entry = this.#entryAt(next)
      if (entry === undefined) return entries
      bytes += entry.bytes
      if (entries.length > 0 && (entries.length >= budget.events || bytes > budget.bytes)) return entries
      entries.push(entry)
    }
  }

  /** UTF-8 bytes of the entries after `position`, which must not be behind the floor. */
  bytesAfter(position: Position): number {
    let bytes = 0
    for (let next = position + 1; next <= this.#head.position; next++) bytes += this.#entryAt(next)?.bytes ?? 0
    return bytes
  }

  /** Lets go of the oldest entries until the rest is within `bounds`, but of none after `last`. */
  trim(now: Timestamp, bounds: EntryBounds, last: Position): void {
    let gone: Entry | undefined
    while (this.#start < this.#entries.length) {
      const oldest = this.#entries[this.#start]
      if (oldest === undefined || oldest.position > last) break
      const age = now - (this.#times[this.#start] ?? now)
      if (this.count <= bounds.events && this.#bytes <= bounds.bytes && age <= bounds.ageMs) break
      this.#bytes -= oldest.bytes
      this.#entries[this.#start] = undefined
      this.#start += 1
      gone = oldest
    }
    if (gone !== undefined) this.#floor = pointOf(gone)
    // Moving the rest down costs its length, and at least as many were let go of since the last time: constant for each.
    if (this.#start > 32 && this.#start * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#start)
      this.#times = this.#times.slice(this.#start)
      this.#start = 0
    }
  }

  #entryAt(position: number): Entry | undefined {
    const offset = position - this.#floor.position - 1
    return offset < 0 ? undefined : this.#entries[this.#start + offset]
  }
}
