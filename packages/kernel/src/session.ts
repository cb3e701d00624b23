// One session in memory: where its log stands, the fold up to there, and the window behind it. The kernel's machine
// decides; this file keeps fold, head and window in step, whatever the store does: an append that the store refuses
// still folds, and leaves an empty window at the head instead of a wrong one.

import type { SessionCursor } from "./cursor.ts"
import type { Deadlines } from "./deadlines.ts"
import { pointOf, type Entry } from "./entry.ts"
import { timestamp, type Epoch, type Instant, type Point, type Position, type SessionName, type Timestamp } from "./ids.ts"
import type { LiveReplayStore, ReplayOutcome, Window } from "./live-replay-store.ts"
import type { Fold, SessionModel } from "./model.ts"
import { SessionObservation, type Closed } from "./observation.ts"
import type { Batch, ReadBudget } from "./outcomes.ts"
import type { Filter } from "./filter.ts"
import { ParkedReaders } from "./parked-readers.ts"
import type { Reader } from "./reader-table.ts"

/** Where a session's fold begins. */
export interface SessionBase {
  readonly epoch: Epoch
  readonly point: Point
  readonly fold: Fold
  /** The log's floor. */
  readonly floor: Point
  readonly closed: Closed | null
  /** Where the log is; left out for an own session, and where the base is all of it. */
  readonly opensTo?: number
}

/** The latest observation, and how many were made with it. */
export interface Cut {
  readonly observation: SessionObservation
  readonly number: number
}

/** What went wrong in an append that was installed all the same. */
export type AppendFailure =
  | { readonly type: "append_failed"; readonly session: SessionName; readonly position: Position; readonly error: unknown }
  | { readonly type: "view_failed"; readonly session: SessionName; readonly position: Position; readonly error: unknown }

export class Session {
  readonly name: SessionName
  readonly model: SessionModel
  /** This kernel assigns positions: nothing stands behind the window. */
  readonly own: boolean
  epoch: Epoch
  /** The head, as far as this kernel knows. */
  point: Point
  closed: Closed | null
  /** Where the log was when the session was opened: until this kernel is there, nobody here is up to date. */
  #opensTo: number
  /** The point before the first entry that the log holds; for an own session the window is the log. */
  logFloor: Point
  lastAt: Timestamp = timestamp(0)
  viewFailed = false
  deleted = false
  /** Observations made so far: tells one made after a gap was found from one made before. */
  cuts = 0
  readers = 0
  readonly parked = new ParkedReaders<Reader>()
  /** Waiting for the next observation that may be made. */
  readonly cutWaiters = new Set<Reader>()
  /** Entries up to here could not be recorded, and nothing stands behind the window to tell them. */
  holeEnd: Position | undefined
  readonly #store: LiveReplayStore
  readonly #ages: Deadlines<Session>
  #fold: Fold
  #cut: Cut | undefined
  /** Set while the store holds nothing because it threw: an empty window stands here instead. */
  #lost: Point | undefined
  readonly #batches = new Map<Position, SharedBatch[]>()

  constructor(name: SessionName, model: SessionModel, own: boolean, base: SessionBase, store: LiveReplayStore, ages: Deadlines<Session>) {
    this.name = name
    this.model = model
    this.own = own
    this.#store = store
    this.#ages = ages
    this.epoch = base.epoch
    this.point = base.point
    this.closed = base.closed
    this.logFloor = base.floor
    this.#opensTo = base.opensTo ?? 0
    this.#fold = base.fold
    this.#openWindow()
  }

  /** Starts over from another base: a new epoch, or a stretch of entries this kernel will not see one by one. */
  rebase(base: SessionBase): void {
    this.epoch = base.epoch
    this.point = base.point
    this.closed = base.closed
    this.logFloor = base.floor
    this.#opensTo = base.opensTo ?? 0
    this.#fold = base.fold
    this.viewFailed = false
    this.holeEnd = undefined
    this.#cut = undefined
    this.#batches.clear()
    this.#openWindow()
  }

  /** Folds and installs the entry right after the head. Never fails; what went wrong is said. */
  install(now: Instant, entry: Entry): AppendFailure | undefined {
    const before = this.point
    let failure: AppendFailure | undefined
    if (entry.type === "event") {
      try {
        this.#fold = this.#fold.apply(entry)
      } catch (error) {
        this.viewFailed = true
        failure = { type: "view_failed", session: this.name, position: entry.position, error }
      }
    }
    if (entry.type === "close") this.closed = { reason: entry.reason }
    this.point = entry
    // A map makes itself a new table when it is cleared, even an empty one: 35 ns on top of an install's 70.
    if (this.#batches.size > 0) this.#batches.clear()
    try {
      if (this.#lost !== undefined) {
        this.#store.open(this.name, this.epoch, pointOf(before))
        this.#lost = undefined
      }
      this.#store.append(now, this.name, entry)
      // A deadline that stands may be too early by now, never too late: the oldest entry only gets younger.
      if (this.#ages.deadlineOf(this) === undefined) this.#ages.set(this, this.#store.expiresAt(this.name))
    } catch (error) {
      this.#lose(entry)
      failure = { type: "append_failed", session: this.name, position: entry.position, error }
    }
    return failure
  }

  /** The observation at the head; the same object while the head stands. */
  cut(): SessionObservation {
    if (this.#cut?.observation.point.position !== this.point.position || this.#cut.observation.viewFailed !== this.viewFailed) {
      const observation = new SessionObservation({
        session: this.name,
        epoch: this.epoch,
        point: pointOf(this.point),
        fold: this.#fold,
        closed: this.closed,
        viewFailed: this.viewFailed,
      })
      this.#cut = { observation, number: ++this.cuts }
    }
    return this.#cut.observation
  }

  get lastCut(): Cut | undefined {
    return this.#cut
  }

  /** What the window holds; empty at the head while the store is lost. May throw where the store does. */
  window(): Window {
    if (this.#lost !== undefined) return { floor: this.#lost, head: this.#lost, entries: 0, bytes: 0 }
    return this.#store.window(this.name)
  }

  /** For the figures, which a store that fails must not cost: what it cannot tell is not counted. */
  get held(): Pick<Window, "entries" | "bytes"> {
    try {
      return this.window()
    } catch {
      return { entries: 0, bytes: 0 }
    }
  }

  /** While the store is lost nothing follows the hole yet. */
  get holeIsOpen(): boolean {
    return this.#lost !== undefined && this.holeEnd !== undefined
  }

  pointAt(position: Position): Point | undefined {
    if (this.#lost !== undefined) return position === this.#lost.position ? this.#lost : undefined
    return this.#store.pointAt(this.name, position)
  }

  /** The door (L7): what the window says of a parsed cursor of this session. */
  replayAfter(now: Instant, cursor: SessionCursor): ReplayOutcome {
    if (this.#lost === undefined) return this.#store.replayAfter(now, this.name, cursor, doorBudget)
    if (cursor.epoch !== this.epoch) return { type: "gap", reason: "epoch" }
    if (cursor.point.position > this.#lost.position) return { type: "gap", reason: "ahead" }
    if (cursor.point.position < this.#lost.position) return { type: "behind" }
    if (cursor.point.mark !== this.#lost.mark) return { type: "gap", reason: "diverged" }
    return { type: "replayed", entries: [], upToDate: true }
  }

  /** Whether one of these, given in order, stands where the window has another entry: then they are of another history. */
  contradicts(points: readonly Point[]): boolean {
    for (const { position, mark } of points) {
      if (position > this.point.position) return false
      const known = position === this.point.position ? this.point : this.#knownAt(position)
      if (known !== undefined && known.mark !== mark) return true
    }
    return false
  }

  slice(after: Point, budget: ReadBudget): readonly Entry[] | undefined {
    if (this.#lost !== undefined) return after.mark === this.#lost.mark && after.position === this.#lost.position ? [] : undefined
    return this.#store.slice(this.name, after, budget)
  }

  /** Whether this kernel has come to where the log was when the session was opened. */
  get isOpened(): boolean {
    return this.point.position >= this.#opensTo
  }

  /** The log let go of entries; its floor never goes back. */
  raiseFloor(floor: Point): void {
    if (floor.position > this.logFloor.position) this.logFloor = pointOf(floor)
  }

  trim(now: Instant): void {
    if (this.#lost !== undefined) return
    this.#batches.clear()
    try {
      this.#store.trim(now, this.name)
      this.#ages.set(this, this.#store.expiresAt(this.name))
    } catch {
      // The next append trims as well.
    }
  }

  leave(): void {
    this.#ages.set(this, undefined)
    this.#batches.clear()
    if (this.#lost === undefined) this.#drop()
  }

  /** A batch made for another reader at this very point, with this filter and budget. */
  sharedBatch(after: Point, filter: Filter, budget: ReadBudget): Batch | undefined {
    for (const shared of this.#batches.get(after.position) ?? []) {
      if (shared.batch.after.mark === after.mark && shared.filter === filter.key && sameBudget(shared.budget, budget)) return shared.batch
    }
    return undefined
  }

  share(batch: Batch, filter: Filter, budget: ReadBudget): void {
    // Bounded: readers far apart on a session that stands still would otherwise leave a batch each.
    if (this.#batches.size >= sharedPlacesMax) this.#batches.clear()
    const here = this.#batches.get(batch.after.position)
    const made = { batch, filter: filter.key, budget }
    if (here === undefined) this.#batches.set(batch.after.position, [made])
    else if (here.length < sharedFiltersMax) here.push(made)
  }

  /** As `pointAt`; a store that throws knows nothing now, and whoever reads is told of it then. */
  #knownAt(position: Position): Point | undefined {
    try {
      return this.pointAt(position)
    } catch {
      return undefined
    }
  }

  #openWindow(): void {
    try {
      this.#store.open(this.name, this.epoch, pointOf(this.point))
      this.#lost = undefined
    } catch {
      this.#lose(this.point)
    }
  }

  #lose(at: Point): void {
    this.#lost = pointOf(at)
    this.#ages.set(this, undefined)
    if (this.own) this.holeEnd = at.position
    this.#drop()
  }

  #drop(): void {
    try {
      this.#store.drop(this.name)
    } catch {
      // Nobody asks it for this session any more; `open` starts it over.
    }
  }
}

interface SharedBatch {
  readonly batch: Batch
  readonly filter: string
  readonly budget: ReadBudget
}

function sameBudget(a: ReadBudget, b: ReadBudget): boolean {
  return a.events === b.events && a.bytes === b.bytes
}

/** The door wants a verdict, not entries. */
const doorBudget: ReadBudget = { events: 1, bytes: 1 }

const sharedPlacesMax = 64
const sharedFiltersMax = 8
