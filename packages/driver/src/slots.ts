// What waits for an answer, by the number that the answer will bear. Slots are used again, and a number tells one use of a
// slot from the next: an answer that comes twice, or late, finds nothing.
//
// Not a `Map`: one that is filled and emptied for each request makes its table anew each time, and what outlives two
// collections drags the tables after it along, with all that was in them (see the ADR on the hot path).

interface Slot<Waiting> {
  /** Of the use it is in, or was in last. */
  id: number
  waiting: Waiting | undefined
}

/** Slots at most: memory ends before. */
const slotsMax = 2 ** 24
/** Ids begin anew here: a slot was then used 2^28 times since it had the same one. */
const idEnd = 2 ** 52

export class Slots<Waiting> {
  readonly #slots: Slot<Waiting>[] = []
  readonly #free: Slot<Waiting>[] = []

  /** Filled ones. */
  get size(): number {
    return this.#slots.length - this.#free.length
  }

  /** Gives the id that takes it out again. */
  put(waiting: Waiting): number {
    const slot = this.#free.pop() ?? this.#newSlot()
    slot.id = (slot.id + slotsMax) % idEnd
    slot.waiting = waiting
    return slot.id
  }

  /** Once for each id; `undefined` for one that was taken already, or never given. */
  take(id: number): Waiting | undefined {
    const slot = this.#slots[id % slotsMax]
    if (slot === undefined || slot.id !== id || slot.waiting === undefined) return undefined
    const { waiting } = slot
    slot.waiting = undefined
    this.#free.push(slot)
    return waiting
  }

  takeAll(): Waiting[] {
    return this.#slots.flatMap(({ id }) => this.take(id) ?? [])
  }

  #newSlot(): Slot<Waiting> {
    const slot: Slot<Waiting> = { id: this.#slots.length, waiting: undefined }
    this.#slots.push(slot)
    return slot
  }
}
