// The one queue everything in a fake world waits in, and the clock that it is. Time stands still while something happens
// and jumps to what is due next; what is due at the same time happens in the order it was asked for. There is no other
// source of order in a world, which is why the same seed gives the same run.

import { instant, type Instant } from "@tidemark/kernel"

/** Something that will happen; `cancelled` things are passed over. */
export interface Scheduled {
  readonly at: number
  cancelled: boolean
}

interface Entry extends Scheduled {
  readonly order: number
  readonly action: () => void
}

export class Schedule {
  readonly #heap: Entry[] = []
  #now = 0
  #order = 0
  #steps = 0

  /** Milliseconds since the world began. */
  get now(): Instant {
    return instant(this.#now)
  }

  /** Things that have happened. */
  get steps(): number {
    return this.#steps
  }

  /** Calls `action` `ms` from now; 0 is after everything that was asked for before it. */
  after(ms: number, action: () => void): Scheduled {
    const entry: Entry = { at: this.#now + Math.max(0, ms), order: this.#order++, action, cancelled: false }
    this.#push(entry)
    return entry
  }

  /** When the next thing is due; `undefined`: nothing will ever happen. */
  get nextAt(): number | undefined {
    while (this.#heap[0]?.cancelled === true) this.#pop()
    return this.#heap[0]?.at
  }

  /** Lets the next thing happen, unless it is due after `until`; whether something did. */
  step(until = Infinity): boolean {
    const at = this.nextAt
    if (at === undefined || at > until) return false
    const entry = this.#pop()
    if (entry === undefined) return false
    this.#now = Math.max(this.#now, entry.at)
    this.#steps += 1
    entry.action()
    return true
  }

  /** Lets everything happen that is due within `ms`, and moves the clock on to then. */
  run(ms: number): void {
    const until = this.#now + ms
    while (this.step(until));
    this.#now = Math.max(this.#now, until)
  }

  /** Moves the clock as a machine that was asleep finds it: what was due meanwhile happens late, in its order. */
  sleep(ms: number): void {
    this.#now += ms
  }

  #push(entry: Entry): void {
    const heap = this.#heap
    let index = heap.length
    heap.push(entry)
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = heap[parent]
      if (above === undefined || isBefore(above, entry)) break
      heap[index] = above
      index = parent
    }
    heap[index] = entry
  }

  #pop(): Entry | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return first
    let index = 0
    for (;;) {
      const left = 2 * index + 1
      const [one, other] = [heap[left], heap[left + 1]]
      const right = one !== undefined && other !== undefined && isBefore(other, one)
      const child = right ? other : one
      if (child === undefined || isBefore(last, child)) break
      heap[index] = child
      index = right ? left + 1 : left
    }
    heap[index] = last
    return first
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
