// The kernel's synchronous window behind an interface: it answers a cursor with the entries after it, with a gap, or
// with `behind` where only a log behind the window could tell. A store may be injected; one that throws on append costs a
// hole, never a commit; one that throws when it is read is an error, never a gap (L6).

import { contract } from "./contract.ts"
import type { SessionCursor } from "./cursor.ts"
import type { Entry } from "./entry.ts"
import type { LiveReplayGapReason } from "./gap.ts"
import type { Epoch, Instant, Point, Position, SessionName } from "./ids.ts"
import type { ReadBudget } from "./outcomes.ts"
import { RetainedLog, type WindowLimits } from "./retained-log.ts"

/** The door's answer. `entries` begin right after the cursor; empty together with `upToDate` is proof. */
export type ReplayOutcome =
  | { readonly type: "replayed"; readonly entries: readonly Entry[]; readonly upToDate: boolean }
  | { readonly type: "gap"; readonly reason: LiveReplayGapReason }
  /** Older than the window: whoever stands behind it can tell. */
  | { readonly type: "behind" }

/**
 * Windows of many sessions. Every method is synchronous, does no IO and knows time from its argument. The kernel calls
 * `open` before anything else of a session and `drop` when it leaves; entries are appended densely from `floor`.
 */
export interface LiveReplayStore {
  /** False: doors are answered at the head only, and what is behind the window is `unknown_log`. */
  readonly keepsLog: boolean
  open(session: SessionName, epoch: Epoch, floor: Point): void
  drop(session: SessionName): void
  append(now: Instant, session: SessionName, entry: Entry): void
  /** Lets go of what the bounds no longer allow. */
  trim(now: Instant, session: SessionName): void
  window(session: SessionName): Window
  /** When `trim` will next have something to let go of by age; `undefined`: never. */
  expiresAt(session: SessionName): Instant | undefined
  /** The door: asked with the parsed cursor, only once the window has reached the proof. */
  replayAfter(now: Instant, session: SessionName, cursor: SessionCursor, budget: ReadBudget): ReplayOutcome
  /** Reading on: entries right after `after`; `undefined` when that is not a point of the window or its floor. */
  slice(session: SessionName, after: Point, budget: ReadBudget): readonly Entry[] | undefined
  /** The point at a position inside the window or at its floor. */
  pointAt(session: SessionName, position: Position): Point | undefined
}

/** What a window holds: the entries of `(floor, head]`. */
export interface Window {
  readonly floor: Point
  readonly head: Point
  readonly entries: number
  readonly bytes: number
}

interface Held {
  readonly epoch: Epoch
  readonly log: RetainedLog
}

/** Windows in this process's memory, bounded by count, bytes and age. */
export class InMemoryLiveReplayStore implements LiveReplayStore {
  readonly keepsLog: boolean = true
  readonly #limits: WindowLimits
  readonly #held = new Map<SessionName, Held>()

  constructor(limits: WindowLimits) {
    contract(limits.events >= 1 && limits.bytes >= 1 && limits.ageMs >= 1, "a window holds at least one event, byte and millisecond")
    this.#limits = limits
  }

  open(session: SessionName, epoch: Epoch, floor: Point): void {
    this.#held.set(session, { epoch, log: new RetainedLog(floor) })
  }

  drop(session: SessionName): void {
    this.#held.delete(session)
  }

  append(now: Instant, session: SessionName, entry: Entry): void {
    const { log } = this.#of(session)
    log.append(now, entry)
    log.trim(now, this.#limits)
  }

  trim(now: Instant, session: SessionName): void {
    this.#of(session).log.trim(now, this.#limits)
  }

  window(session: SessionName): Window {
    const { log } = this.#of(session)
    return { floor: log.floor, head: log.head, entries: log.length, bytes: log.bytes }
  }

  expiresAt(session: SessionName): Instant | undefined {
    return this.#of(session).log.expiresAt(this.#limits)
  }

  replayAfter(_now: Instant, session: SessionName, cursor: SessionCursor, budget: ReadBudget): ReplayOutcome {
    const { epoch, log } = this.#of(session)
    const { position, mark } = cursor.point
    if (cursor.epoch !== epoch) return { type: "gap", reason: "epoch" }
    if (position > log.head.position) return { type: "gap", reason: "ahead" }
    if (position < log.floor.position) return this.behindWindow()
    if (log.pointAt(position)?.mark !== mark) return { type: "gap", reason: "diverged" }
    if (!this.opensBehindHead && position < log.head.position) return this.behindWindow()
    const entries = log.after(position, budget)
    return { type: "replayed", entries, upToDate: position + entries.length === log.head.position }
  }

  slice(session: SessionName, after: Point, budget: ReadBudget): readonly Entry[] | undefined {
    const { log } = this.#of(session)
    return log.pointAt(after.position)?.mark === after.mark ? log.after(after.position, budget) : undefined
  }

  pointAt(session: SessionName, position: Position): Point | undefined {
    return this.#of(session).log.pointAt(position)
  }

  /** Whether a cursor behind the head is let in at the door. */
  protected get opensBehindHead(): boolean {
    return true
  }

  protected behindWindow(): ReplayOutcome {
    return { type: "behind" }
  }

  #of(session: SessionName): Held {
    const held = this.#held.get(session)
    contract(held !== undefined, () => `session ${session} was not opened in this store`)
    return held
  }
}

/**
 * For sessions that keep no log: connected readers are fed from the window as ever, but a cursor that is not at the head
 * gets gap `unknown_log`, and so does a reader that falls behind the window.
 */
export class DisabledLiveReplayStore extends InMemoryLiveReplayStore {
  override readonly keepsLog = false

  protected override get opensBehindHead(): boolean {
    return false
  }

  protected override behindWindow(): ReplayOutcome {
    return { type: "gap", reason: "unknown_log" }
  }
}
