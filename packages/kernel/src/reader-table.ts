// Who reads what, and how far. A reader is a place, a filter and a few flags; it owns no events, so that a reader that
// stopped costs what a quick one does (L12). A reader that reached the head is parked with its session, or listed as
// ready, never both. One that was given entries and not the head is in neither: whoever reads it has promised to read
// on. Change `park` and `wake` together.

import type { Filter } from "./filter.ts"
import type { LiveReplayGapReason } from "./gap.ts"
import { readerId, type CursorText, type Point, type ReaderId } from "./ids.ts"
import type { Place, ReaderOptions, Recovery } from "./outcomes.ts"
import type { Parkable } from "./parked-readers.ts"
import type { Session } from "./session.ts"

/** A gap that was found and not said yet. */
export interface PendingGap {
  readonly reason: LiveReplayGapReason
  /** What the reader had; null where it had no cursor that names a place. */
  readonly requested: CursorText | null
  /** How many observations the session had made when the gap was found. */
  readonly cutsThen: number
  /** A hole entry of the log: where it stands, and how many it stands for where that is known. */
  readonly hole?: { readonly through: Point; readonly count: number | undefined }
}

export interface Reader extends Parkable {
  readonly id: ReaderId
  readonly session: Session
  readonly filter: Filter
  readonly recovery: Recovery
  /** Made for one answer: it never waits for the next observation that may be made. */
  readonly finite: boolean
  /** After the last entry that was given to this reader, or that its filter hid from it. */
  place: Place
  gap: PendingGap | undefined
  /** Begins with an observation that was not given yet. */
  wantsObservation: boolean
  /** Its cursor lies behind the window and the log has not been asked for it yet: to be behind the log's floor is still `trimmed`, and `lagged` later. */
  unverified: boolean
  /** It was told that it is up to date; the close is said only after that (L21). */
  toldUpToDate: boolean
  /** `recover=auto` checks the budget; not again after a gap `budget` until the reader was up to date once. */
  budgetArmed: boolean
  /** In the ready list now; keeps a reader that is woken twice from being listed twice. */
  listed: boolean
  removed: boolean
}

export class ReaderTable {
  readonly #readers = new Map<ReaderId, Reader>()
  #ready: Reader[] = []
  #polled = 0
  #lastId = 0

  get size(): number {
    return this.#readers.size
  }

  /** Listed and not polled yet. */
  get ready(): number {
    return this.#ready.length - this.#polled
  }

  add(session: Session, options: ReaderOptions, place: Place): Reader {
    this.#lastId += 1
    const reader: Reader = {
      id: readerId(this.#lastId),
      session,
      filter: options.filter,
      recovery: options.recovery,
      finite: options.finite === true,
      place,
      gap: undefined,
      wantsObservation: false,
      unverified: false,
      toldUpToDate: false,
      budgetArmed: true,
      listed: false,
      parkedAt: undefined,
      removed: false,
    }
    this.#readers.set(reader.id, reader)
    session.readers += 1
    return reader
  }

  get(id: ReaderId): Reader | undefined {
    return this.#readers.get(id)
  }

  /** All of a session's readers, wherever they wait. Looks at every reader: for what is rare (a new epoch, a deletion). */
  *readersOf(session: Session): Iterable<Reader> {
    for (const reader of this.#readers.values()) if (reader.session === session) yield reader
  }

  remove(id: ReaderId): void {
    const reader = this.#readers.get(id)
    if (reader === undefined) return
    this.#readers.delete(id)
    reader.removed = true
    reader.session.readers -= 1
    reader.session.parked.delete(reader)
  }

  /** Nothing to read now: the reader is woken with its session. */
  park(reader: Reader): void {
    if (!reader.listed && !reader.removed) reader.session.parked.add(reader)
  }

  wake(reader: Reader): void {
    reader.session.parked.delete(reader)
    if (reader.listed || reader.removed) return
    reader.listed = true
    this.#ready.push(reader)
  }

  wakeSession(session: Session): void {
    if (session.parked.size === 0) return
    for (const reader of session.parked.takeAll()) {
      reader.listed = true
      this.#ready.push(reader)
    }
  }

  /** In the order they were woken; `undefined` when nobody is ready. */
  pollReady(): ReaderId | undefined {
    while (this.#polled < this.#ready.length) {
      const reader = this.#ready[this.#polled]
      this.#polled += 1
      if (reader === undefined || reader.removed) continue
      reader.listed = false
      return reader.id
    }
    this.#ready = []
    this.#polled = 0
    return undefined
  }
}
