// One queue for all deadlines of a machine: a binary heap of keys by time, at most one deadline per key. Deadlines that
// were moved or taken back are passed over when they come up, so that moving one costs a push and nothing else.

import type { Instant } from "./ids.ts"

interface Due<Key> {
  readonly at: Instant
  readonly key: Key
}

export class Deadlines<Key> {
  readonly #heap: Due<Key>[] = []
  readonly #current = new Map<Key, Instant>()

  /** Sets the deadline of `key`, in place of the one it has; `undefined` takes it back. */
  set(key: Key, at: Instant | undefined): void {
    if (this.#current.get(key) === at) return
    if (at === undefined) {
      this.#current.delete(key)
      if (this.#current.size === 0) this.#heap.length = 0
      return
    }
    this.#current.set(key, at)
    this.#push({ at, key })
    if (this.#heap.length > 64 && this.#heap.length > 4 * this.#current.size) this.#rebuild()
  }

  deadlineOf(key: Key): Instant | undefined {
    return this.#current.get(key)
  }

  /** The earliest deadline. */
  next(): Instant | undefined {
    this.#dropStale()
    return this.#heap[0]?.at
  }

  /** Takes one key whose deadline is at or before `now`. */
  take(now: Instant): Key | undefined {
    this.#dropStale()
    const first = this.#heap[0]
    if (first === undefined || first.at > now) return undefined
    this.#pop()
    this.#current.delete(first.key)
    return first.key
  }

  #dropStale(): void {
    for (let first = this.#heap[0]; first !== undefined && this.#current.get(first.key) !== first.at; first = this.#heap[0]) this.#pop()
  }

  #rebuild(): void {
    this.#heap.length = 0
    for (const [key, at] of this.#current) this.#push({ at, key })
  }

  #push(due: Due<Key>): void {
    const heap = this.#heap
    let index = heap.length
    heap.push(due)
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = heap[parent]
      if (above === undefined || above.at <= due.at) break
      heap[index] = above
      index = parent
    }
    heap[index] = due
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let index = 0
    for (;;) {
      const left = 2 * index + 1
      const right = left + 1
      const smaller = (heap[right]?.at ?? Infinity) < (heap[left]?.at ?? Infinity) ? right : left
      const child = heap[smaller]
      if (child === undefined || child.at >= last.at) break
      heap[index] = child
      index = smaller
    }
    heap[index] = last
  }
}
