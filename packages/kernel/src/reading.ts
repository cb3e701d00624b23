// What a reader is told next. Every verdict on a place in a log is made here, from the session, the window and the proof
// alone: entries, gap, observation, behind, idle or the end. A reader changes in no other file but its table.
//
// The one rule to keep: whatever is said moves the place to where the next thing said continues. A place that moves
// without an outcome is a silent loss; an outcome that leaves it is a duplicate.

import { contract, earlier, unreachable } from "./contract.ts"
import { cursorText, type SessionCursor } from "./cursor.ts"
import { Deadlines } from "./deadlines.ts"
import { pointOf, type Entry, type EventEntry } from "./entry.ts"
import type { LiveReplayGap, LiveReplayGapReason } from "./gap.ts"
import { idOf, later, position as asPosition, type CursorText, type Instant, type Point, type ReaderId } from "./ids.ts"
import type { SessionObservation } from "./observation.ts"
import { asking, behindOwnWindow, earliest, StoreThrew, type Entrance } from "./door.ts"
import type { Batch, HistoryPage, ReadBudget, ReaderOptions, ReadOutcome } from "./outcomes.ts"
import { ReaderTable, type PendingGap, type Reader } from "./reader-table.ts"
import { Recent } from "./recent.ts"
import type { Session } from "./session.ts"

export interface ReadingConfig {
  /** `recover=auto`: further behind than this many entries is gap `budget`. */
  readonly recoverEvents: number
  /** Observations made for readers, per session and second. */
  readonly encodesPerSecond: number
  /** A live replay store that threw is read again after this many milliseconds. */
  readonly retryMs: number
}

export class Reading {
  readonly table = new ReaderTable()
  /** Gaps said, by reason. */
  readonly gaps: Record<LiveReplayGapReason, number> = {
    trimmed: 0,
    lagged: 0,
    epoch: 0,
    ahead: 0,
    diverged: 0,
    hole: 0,
    unknown_log: 0,
    budget: 0,
  }
  readonly #config: ReadingConfig
  /** False: what is behind the window is `unknown_log`. */
  readonly #keepsLog: boolean
  /** When readers that wait for an observation may have one. */
  readonly #cuts = new Deadlines<Session>()
  readonly #nextCut = new WeakMap<Session, Instant>()
  /** Batches made from a page of history, by filter, for its other readers. */
  readonly #ofPage = new Recent<readonly Entry[], Map<string, Batch>>(recentPages)
  /** Readers whose store threw. */
  readonly #retries = new Deadlines<Reader>()

  constructor(config: ReadingConfig, keepsLog: boolean) {
    this.#config = config
    this.#keepsLog = keepsLog
  }

  add(session: Session, options: ReaderOptions, entrance: Entrance, cursor: SessionCursor | undefined): Reader {
    const reader = this.table.add(session, options, entrance.place)
    reader.wantsObservation = entrance.wantsObservation
    reader.unverified = entrance.behind
    if (entrance.gap !== undefined) {
      // Named as it came: of its own epoch, and null for a start that named none.
      const requested = cursor === undefined ? null : cursorText(session.name, cursor.epoch, cursor.point)
      reader.gap = { reason: entrance.gap, requested, cutsThen: session.cuts }
    }
    return reader
  }

  read(now: Instant, reader: Reader, budget: ReadBudget): ReadOutcome {
    const { session } = reader
    if (session.deleted) return { type: "ended", reason: "deleted" }
    try {
      if (reader.gap !== undefined) return this.#sayGap(now, reader, reader.gap)
      if (reader.wantsObservation) return this.#giveObservation(now, reader)
      return this.#readOn(now, reader, budget)
    } catch (error) {
      if (!(error instanceof StoreThrew)) throw error
      const retryAt = later(now, this.#config.retryMs)
      this.#retries.set(reader, retryAt)
      return { type: "failed", retryAt }
    }
  }

  /** `undefined`: the page is not about where the reader stands now. */
  history(now: Instant, reader: Reader, page: HistoryPage): ReadOutcome | undefined {
    const { session, place } = reader
    const after = page.type === "page" ? page.after.position : page.after
    if (session.deleted || reader.gap !== undefined || reader.wantsObservation) return undefined
    if (page.head.epoch !== session.epoch || after !== place.position) return undefined
    session.raiseFloor(page.head.floor)
    if (page.type === "unreadable") return this.#foundGap(now, reader, page.reason === "trimmed" ? fellOff(reader) : page.reason)
    if (place.point !== undefined && place.point.mark !== page.after.mark) return this.#foundGap(now, reader, "diverged")
    if (page.entries.length === 0) return undefined
    if (this.#overBudget(reader)) return this.#foundGap(now, reader, "budget")
    const batches = this.#ofPage.get(page.entries)
    const shared = batches?.get(reader.filter.key)
    if (shared !== undefined) return this.#handOver(reader, shared)
    return this.#give(now, reader, page.after, page.entries, (batch) => {
      if (batches === undefined) this.#ofPage.set(page.entries, new Map([[reader.filter.key, batch]]))
      else batches.set(reader.filter.key, batch)
    })
  }

  /** The reader's cursor; `undefined` while nobody has told what stands at its place, or that it is of another history. */
  cursorOf(reader: Reader): CursorText | undefined {
    const { session, place, gap } = reader
    if (place.point === undefined || session.deleted || (gap !== undefined && !compares(gap))) return undefined
    return cursorText(session.name, session.epoch, place.point)
  }

  /** To be said at the next read, before anything else. */
  #pend(reader: Reader, reason: LiveReplayGapReason, hole?: PendingGap["hole"]): void {
    reader.gap = { reason, requested: this.cursorOf(reader) ?? null, cutsThen: reader.session.cuts, ...(hole === undefined ? {} : { hole }) }
  }

  /** Before a session goes on with the history of another epoch: every reader of it is owed a gap. */
  historyChanged(session: Session): void {
    for (const reader of this.table.readersOf(session)) {
      if (reader.gap === undefined || compares(reader.gap)) this.#pend(reader, "epoch")
    }
  }

  /**
   * Before a session goes on with what its log still holds, in this very epoch: readers past the log's head are owed a gap.
   * The others are judged by the mark at their place when they read on; who stands on what is still there has lost nothing.
   */
  historyCut(session: Session, head: Point): void {
    for (const reader of this.table.readersOf(session)) {
      if (reader.place.position > head.position && (reader.gap === undefined || compares(reader.gap))) this.#pend(reader, "ahead")
    }
  }

  wakeAll(session: Session): void {
    for (const reader of this.table.readersOf(session)) this.table.wake(reader)
  }

  /** The session was deleted: its readers are told so, and nothing waits for it any more. */
  sessionLeft(session: Session): void {
    this.#cuts.set(session, undefined)
    session.cutWaiters.clear()
    this.wakeAll(session)
  }

  remove(id: ReaderId): void {
    const reader = this.table.get(id)
    if (reader === undefined) return
    this.#retries.set(reader, undefined)
    reader.session.cutWaiters.delete(reader)
    if (reader.session.cutWaiters.size === 0) this.#cuts.set(reader.session, undefined)
    this.table.remove(id)
  }

  handleTimeout(now: Instant): void {
    for (let session = this.#cuts.take(now); session !== undefined; session = this.#cuts.take(now)) {
      for (const reader of session.cutWaiters) this.table.wake(reader)
      session.cutWaiters.clear()
    }
    for (let reader = this.#retries.take(now); reader !== undefined; reader = this.#retries.take(now)) this.table.wake(reader)
  }

  nextDue(): Instant | undefined {
    return earlier(this.#cuts.next(), this.#retries.next())
  }

  #describe(session: Session, gap: PendingGap, missed: number | null): LiveReplayGap {
    return {
      session: idOf(session.name),
      reason: gap.reason,
      requested: gap.requested,
      latest: cursorText(session.name, session.epoch, session.point),
      earliest: earliest(session),
      head: session.point.position,
      revision: session.point.revision,
      missed,
    }
  }

  #readOn(now: Instant, reader: Reader, budget: ReadBudget): ReadOutcome {
    const { session, place } = reader
    if (place.position >= session.point.position) return this.#atHead(now, reader)
    const known = asking(() => session.pointAt(place.position))
    if (known !== undefined) {
      if (place.point !== undefined && place.point.mark !== known.mark) return this.#foundGap(now, reader, "diverged")
      if (this.#overBudget(reader)) return this.#foundGap(now, reader, "budget")
      const shared = session.sharedBatch(known, reader.filter, budget)
      if (shared !== undefined) return this.#handOver(reader, shared)
      const entries = asking(() => session.slice(known, budget))
      contract(entries?.[0] !== undefined, "a window holds what follows each of its points below the head")
      return this.#give(now, reader, known, entries, (batch) => session.share(batch, reader.filter, budget))
    }
    if (!this.#keepsLog) return this.#foundGap(now, reader, "unknown_log")
    if (session.own) return this.#foundGap(now, reader, behindOwnWindow(session, place.position, fellOff(reader)))
    if (place.position < session.logFloor.position) return this.#foundGap(now, reader, fellOff(reader))
    // A place that nobody has vouched for yet is read first: it may be of another history, which is worse than far behind.
    if (!reader.unverified && this.#overBudget(reader)) return this.#foundGap(now, reader, "budget")
    return { type: "behind", epoch: session.epoch, after: place }
  }

  #overBudget({ recovery, budgetArmed, session, place }: Reader): boolean {
    return recovery === "auto" && budgetArmed && session.point.position - place.position > this.#config.recoverEvents
  }

  #atHead(now: Instant, reader: Reader): ReadOutcome {
    const { session, place } = reader
    if (place.position > session.point.position) {
      // A history page knew of entries that this kernel has not been told of yet: the reader waits, it is not ahead.
      this.table.park(reader)
      return { type: "idle", upToDate: false }
    }
    if (place.point !== undefined && place.point.mark !== session.point.mark) return this.#foundGap(now, reader, "diverged")
    this.#moveTo(reader, pointOf(session.point))
    if (session.closed !== null) return this.#end(reader)
    if (session.isOpened) return this.#upToDate(reader)
    this.table.park(reader) // the log is further than this kernel, and what follows is on its way
    return { type: "idle", upToDate: false }
  }

  #upToDate(reader: Reader): ReadOutcome {
    reader.toldUpToDate = true
    reader.budgetArmed = true
    this.table.park(reader)
    return { type: "idle", upToDate: true }
  }

  #end(reader: Reader): ReadOutcome {
    const { session } = reader
    return { type: "ended", reason: session.closed?.reason ?? "closed", cursor: cursorText(session.name, session.epoch, session.point) }
  }

  /** Gives the entries right after the reader's place, up to a hole or the close, which are said on their own. */
  #give(now: Instant, reader: Reader, after: Point, entries: readonly Entry[], share: (batch: Batch) => void): ReadOutcome {
    const { session } = reader
    const events: EventEntry[] = []
    let through: Entry | undefined
    for (const entry of entries) {
      if (entry.type !== "event") break
      through = entry
      if (reader.filter.passes(entry.kind)) events.push(entry)
    }
    if (through !== undefined) {
      const batch = { session: session.name, epoch: session.epoch, after: pointOf(after), events, through: pointOf(through) }
      share(batch)
      return this.#handOver(reader, batch)
    }
    const first = entries[0]
    contract(first !== undefined && first.type !== "event", "at least one entry is given")
    this.#moveTo(reader, pointOf(after))
    if (first.type === "hole") return this.#foundGap(now, reader, "hole", { through: pointOf(first), count: first.count })
    if (!reader.toldUpToDate) {
      const outcome = this.#upToDate(reader)
      this.table.wake(reader)
      return outcome
    }
    this.#moveTo(reader, pointOf(first))
    return this.#end(reader)
  }

  #handOver(reader: Reader, batch: Batch): ReadOutcome {
    const { session } = reader
    this.#moveTo(reader, batch.through)
    const left = session.point.position - batch.through.position
    // The close entry is no event: a reader right before it has everything, and is woken to be told of the end.
    const upToDate = (left === 0 && session.isOpened) || (left === 1 && session.closed !== null)
    if (upToDate) {
      this.#upToDate(reader)
      if (left === 1) this.table.wake(reader)
    }
    return { type: "events", batch, upToDate }
  }

  /** The one way a reader's place moves: to a bare point (no entry, which it would keep) that log or window has vouched for. */
  #moveTo(reader: Reader, point: Point): void {
    reader.place = { position: point.position, point }
    reader.unverified = false
  }

  #foundGap(now: Instant, reader: Reader, reason: LiveReplayGapReason, hole?: PendingGap["hole"]): ReadOutcome {
    this.#pend(reader, reason, hole)
    contract(reader.gap !== undefined, "a gap was just found")
    return this.#sayGap(now, reader, reader.gap)
  }

  #sayGap(now: Instant, reader: Reader, gap: PendingGap): ReadOutcome {
    return reader.recovery === "rest" ? this.#sayGapAndRest(reader, gap) : this.#sayGapAndObservation(now, reader, gap)
  }

  /** `recover=rest`: no observation; on with what is readable. */
  #sayGapAndRest(reader: Reader, gap: PendingGap): ReadOutcome {
    const { session } = reader
    if (gap.reason === "hole" && gap.hole === undefined && session.holeIsOpen) {
      this.table.park(reader) // the hole has no end yet
      return { type: "idle", upToDate: false }
    }
    const from = reader.place.position
    const to = readableAfter(session, gap)
    const missed = gap.reason === "hole" && gap.hole !== undefined ? (gap.hole.count ?? null) : compares(gap) ? to.position - from : null
    const said = this.#describe(session, gap, missed)
    this.#sayOnce(reader, gap, to)
    return { type: "gap", gap: said }
  }

  #sayGapAndObservation(now: Instant, reader: Reader, gap: PendingGap): ReadOutcome {
    const { session } = reader
    // A cut from before would leave a reader that asked for no more than its budget with more than that again.
    const enough = gap.reason === "budget" ? session.point.position - this.#config.recoverEvents - 1 : 0
    const past = Math.max(gap.hole?.through.position ?? reader.place.position, enough)
    const observation = this.#observation(now, reader, compares(gap) ? { past } : { since: gap.cutsThen })
    if (observation === undefined) return { type: "idle", upToDate: false }
    const skipped = observation.point.position - reader.place.position
    const missed = !compares(gap) || (gap.hole !== undefined && gap.hole.count === undefined) ? null : skipped + (gap.hole?.count ?? 1) - 1
    const said = this.#describe(session, gap, missed)
    this.#sayOnce(reader, gap, observation.point)
    return { type: "gap", gap: said, observation }
  }

  #sayOnce(reader: Reader, gap: PendingGap, to: Point): void {
    this.gaps[gap.reason] += 1
    reader.gap = undefined
    reader.wantsObservation = false
    this.#moveTo(reader, pointOf(to))
    if (gap.reason === "budget") reader.budgetArmed = false
  }

  #giveObservation(now: Instant, reader: Reader): ReadOutcome {
    const observation = this.#observation(now, reader, { past: asPosition(0) })
    if (observation === undefined) return { type: "idle", upToDate: false }
    reader.wantsObservation = false
    this.#moveTo(reader, observation.point)
    return { type: "observation", observation }
  }

  /**
   * An observation this reader can go on from: the latest where it will do, a new one where the rate allows, else none
   * yet, and the reader is woken when one may be made.
   */
  #observation(now: Instant, reader: Reader, wanted: { readonly past: number } | { readonly since: number }): SessionObservation | undefined {
    const { session } = reader
    const last = session.lastCut
    if (last !== undefined) {
      const { point } = last.observation
      if (point.position === session.point.position) return session.cut()
      const will = "past" in wanted ? point.position > wanted.past : last.number > wanted.since
      const floor = asking(() => session.window().floor)
      if (will && floor.position <= point.position) return last.observation
    }
    const allowedAt = this.#nextCut.get(session)
    if (!reader.finite && allowedAt !== undefined && now < allowedAt) {
      session.cutWaiters.add(reader)
      this.#cuts.set(session, allowedAt)
      return undefined
    }
    this.#nextCut.set(session, later(now, 1_000 / this.#config.encodesPerSecond))
    return session.cut()
  }
}

/** Readers of one page read it one after the other; a few pages may be read in turns. */
const recentPages = 16

/** Whether the reader's place and the session's positions are of one history. */
function compares(gap: PendingGap): boolean {
  switch (gap.reason) {
    case "trimmed":
    case "lagged":
    case "hole":
    case "budget":
      return true
    case "epoch":
    case "ahead":
    case "diverged":
    case "unknown_log":
      return false
    default:
      return unreachable(gap.reason)
  }
}

function fellOff(reader: Reader): "trimmed" | "lagged" {
  return reader.unverified ? "trimmed" : "lagged"
}

function readableAfter(session: Session, gap: PendingGap): Point {
  switch (gap.reason) {
    case "hole":
      return gap.hole?.through ?? asking(() => session.window().floor)
    case "trimmed":
    case "lagged":
    case "epoch":
    case "diverged":
      return session.own ? asking(() => session.window().floor) : session.logFloor
    case "ahead":
    case "unknown_log":
    case "budget":
      return session.point
    default:
      return unreachable(gap.reason)
  }
}
