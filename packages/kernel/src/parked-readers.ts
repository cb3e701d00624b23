// The readers of one session that wait for it to go on. All of them are taken out with every event and put back one by one,
// and a `Set` makes itself a new table for that each time: a fifth of what handing over one event cost, and garbage in
// proportion to the readers. A reader therefore knows its own place in a plain array; nobody else changes `parkedAt`.

export interface Parkable {
  /** Its place among the parked; `undefined` while it is not one of them. */
  parkedAt: number | undefined
}

export class ParkedReaders<Reader extends Parkable> {
  #readers: Reader[] = []

  get size(): number {
    return this.#readers.length
  }

  /** Adding twice is adding once. */
  add(reader: Reader): void {
    if (reader.parkedAt !== undefined) return
    reader.parkedAt = this.#readers.length
    this.#readers.push(reader)
  }

  delete(reader: Reader): void {
    const at = reader.parkedAt
    if (at === undefined) return
    reader.parkedAt = undefined
    const last = this.#readers.pop()
    if (last === undefined || last === reader) return
    this.#readers[at] = last
    last.parkedAt = at
  }

  /** All of them, who are parked no longer; in the order they came, but for those that took the place of one who left. */
  takeAll(): readonly Reader[] {
    const taken = this.#readers
    this.#readers = []
    for (const reader of taken) reader.parkedAt = undefined
    return taken
  }
}
