// Which readers have something to read, and when that is: in the step that they became ready in, or, under load, a pause after
// they were read last, so that what arrives meanwhile leaves in one write per socket. A write costs what thirty events in it
// cost: with the pause a delivery to one of 1,000 readers costs half of what it costs without.
//
// Load is each reader's own: that its last read brought it to the head with more than one event. Where each event still gets
// through before the next one comes, waiting would only make it late; and who is not at the head yet has full writes anyway.
// The pause begins at the end of a flush, because one to thousands of readers takes longer than the pause itself, and the
// loop must come to its publishers between. All who are paced are read when the first one's pause is over.

import type { Instant } from "@tidemark/kernel"

/** Whoever reads for a reader. */
export interface Reads {
  /** Reads it, once, without waiting. */
  onReady(): void
}

/** A reader's place in the lists. */
export interface Listed {
  readonly reads: Reads
  listed: boolean
  gone: boolean
  /** It is under load. */
  isPaced: boolean
  flush: Flush
}

/** One for all who were read in it: when it ended is known last. */
interface Flush {
  endedAt: number
}

const never: Flush = { endedAt: -Infinity }

export class ReadyReaders<Reader> {
  readonly #flush: (readers: readonly Listed[]) => Instant
  readonly #step: (flush: () => void) => void
  readonly #pauseMs: number
  readonly #readers = new Map<Reader, Listed>()
  #due: Listed[] = []
  #paced: Listed[] = []
  #timer: NodeJS.Timeout | undefined

  /** `flush` reads all that it is given, and says when it had; `step` is where the paced ones are flushed. */
  constructor(pauseMs: number, flush: (readers: readonly Listed[]) => Instant, step: (flush: () => void) => void) {
    this.#pauseMs = pauseMs
    this.#flush = flush
    this.#step = step
  }

  get someAreDue(): boolean {
    return this.#due.length > 0
  }

  add(reader: Reader, reads: Reads): void {
    this.#readers.set(reader, { reads, listed: false, gone: false, isPaced: false, flush: never })
  }

  /** It is not read any more, whatever list it is in. */
  remove(reader: Reader): void {
    const listed = this.#readers.get(reader)
    if (listed === undefined) return
    listed.gone = true
    this.#readers.delete(reader)
  }

  /** The reader has something to read. */
  list(now: Instant, reader: Reader): void {
    const listed = this.#readers.get(reader)
    if (listed === undefined || listed.listed) return
    listed.listed = true
    const dueAt = listed.flush.endedAt + this.#pauseMs
    if (!listed.isPaced || this.#pauseMs === 0 || dueAt <= now) {
      this.#due.push(listed)
      return
    }
    this.#paced.push(listed)
    this.#timer ??= setTimeout(() => this.#step(() => this.#flushPaced()), Math.min(this.#pauseMs, Math.max(1, dueAt - now)))
  }

  /** Those that wait for nothing. What becomes due meanwhile is due the next time. */
  flushDue(): void {
    const due = this.#due
    this.#due = []
    this.#run(due)
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#readers.clear()
  }

  #flushPaced(): void {
    this.#timer = undefined
    const paced = this.#paced
    this.#paced = []
    this.#run(paced)
  }

  #run(readers: readonly Listed[]): void {
    if (readers.length === 0) return
    const flush: Flush = { endedAt: 0 }
    for (const reader of readers) {
      reader.listed = false
      reader.flush = flush
    }
    flush.endedAt = this.#flush(readers)
  }
}
