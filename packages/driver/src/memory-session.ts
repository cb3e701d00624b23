// One session of the memory log, from its creation to its deletion: places, keys, close, snapshot. A session that is made
// again after a deletion is another object with another epoch. The order of the checks in `append` is a law (L4).

import { pointOf, timestamp } from "@tidemark/kernel"
import type { Closed, Entry, Epoch, Head, Place, SessionName, Timestamp } from "@tidemark/kernel"
import { meets, sealAll } from "./append-rules.ts"
import { KeyTable, type KeyLimits } from "./key-table.ts"
import { MemoryEntries, type EntryBounds } from "./memory-entries.ts"
import type { AppendOutcome, AppendPart, LogAnswer, RangeBudget, Retention } from "./session-log.ts"
import type { SessionSettings, SessionSummary, Snapshot } from "./session-log.ts"

export interface MemorySessionLimits extends KeyLimits {
  /** Entries held of one session, from 1; those of the kernel's window are among them, and are the same objects. */
  readonly memoryLogEvents: number
  /** UTF-8 bytes of their texts, from 1. */
  readonly memoryLogBytes: number
}

/** Times the limit that the entries after the last saved snapshot may reach before appends are refused. */
const unsavedFactor = 2

export class MemorySession {
  readonly #name: SessionName
  readonly #epoch: Epoch
  readonly #settings: SessionSettings
  readonly #limits: MemorySessionLimits
  /** `undefined`: the session keeps no entries. */
  readonly #bounds: EntryBounds | undefined
  readonly #entries = new MemoryEntries()
  readonly #keys: KeyTable
  /** Its creation's, then its last entry's: no stamp is ever earlier (L16). */
  #lastAt: Timestamp
  #closed: Closed | null = null
  #snapshot: Snapshot | undefined
  /** UTF-8 bytes of the entries after the snapshot. */
  #unsavedBytes = 0

  constructor(
    name: SessionName,
    made: { readonly at: Timestamp; readonly epoch: Epoch; readonly settings: SessionSettings },
    limits: MemorySessionLimits,
    keepsEntries: boolean,
  ) {
    const { events, bytes, ageMs } = boundsOf(made.settings.retention)
    this.#name = name
    this.#epoch = made.epoch
    this.#settings = made.settings
    this.#lastAt = made.at
    this.#limits = limits
    this.#keys = new KeyTable(limits)
    this.#bounds = keepsEntries
      ? { events: Math.min(events, limits.memoryLogEvents), bytes: Math.min(bytes, limits.memoryLogBytes), ageMs }
      : undefined
  }

  get head(): Head {
    return { epoch: this.#epoch, head: this.#entries.head, floor: this.#entries.floor, closed: this.#closed }
  }

  get summary(): SessionSummary {
    return { session: this.#name, head: this.head, settings: this.#settings }
  }

  get held(): { readonly entries: number; readonly bytes: number; readonly keys: number } {
    return { entries: this.#entries.count, bytes: this.#entries.bytes, keys: this.#keys.size }
  }

  /** `now` is the latest time that any request has carried: ages go by it, stamps by this request's `wall`. */
  append(now: Timestamp, wall: Timestamp, part: AppendPart): AppendOutcome {
    const { key, contentHash = "" } = part
    if (key !== undefined) {
      const verdict = this.#keys.check(now, key, contentHash)
      if (verdict.type === "repeated") return { type: "repeated", epoch: this.#epoch, ...verdict.result }
      if (verdict.type !== "new") return verdict
    }
    const before = this.#entries.head
    if (this.#closed !== null) return { type: "closed", closed: this.#closed, at: before, epoch: this.#epoch }
    if (!meets(part.expect, this.#epoch, before)) return { type: "expectation_failed", epoch: this.#epoch, actual: before }
    if (this.#isFull()) return { type: "storage_full", detail: this.#whyFull() }

    const at = timestamp(Math.max(wall, this.#lastAt))
    const entries = sealAll(before, at, part.drafts)
    for (const entry of entries) this.#push(at, entry)
    const first = entries[0].position
    const last = this.#entries.head
    if (key !== undefined) this.#keys.remember(now, key, contentHash, { first, last })
    this.#trim(now)
    return { type: "appended", epoch: this.#epoch, first, last, entries, floor: this.#entries.floor, created: false }
  }

  open(budget: RangeBudget): LogAnswer {
    const floor = this.#entries.floor
    const from = this.#snapshot === undefined || this.#snapshot.point.position < floor.position ? floor : this.#snapshot.point
    const entries = this.#entries.after(from.position, budget)
    return { type: "opened", head: this.head, settings: this.#settings, snapshot: this.#snapshot, entries }
  }

  range(epoch: Epoch, after: Place, budget: RangeBudget): LogAnswer {
    const head = this.head
    if (epoch !== this.#epoch) return { type: "unreadable", reason: "epoch", head }
    if (after.position > head.head.position) return { type: "unreadable", reason: "ahead", head }
    const here = this.#entries.pointAt(after.position)
    if (here === undefined) return { type: "unreadable", reason: "trimmed", head }
    if (after.point !== undefined && after.point.mark !== here.mark) return { type: "unreadable", reason: "diverged", head }
    return { type: "page", after: here, entries: this.#entries.after(after.position, budget), head }
  }

  /** Ignored: another epoch's snapshot, an older one than is held, and one of a place that is not in this log. */
  save(now: Timestamp, epoch: Epoch, snapshot: Snapshot): void {
    const { position, mark } = snapshot.point
    if (epoch !== this.#epoch || position > this.#entries.head.position) return
    if (this.#snapshot !== undefined && position < this.#snapshot.point.position) return
    const here = this.#entries.pointAt(position)
    if (here !== undefined && here.mark !== mark) return
    this.#snapshot = { ...snapshot, point: pointOf(snapshot.point) }
    this.#unsavedBytes = this.#entries.bytesAfter(position)
    this.#trim(now)
  }

  /** Lets go of what `keep` does not say, as far as the snapshot allows; ages count from `at`. */
  trim(epoch: Epoch, keep: Retention, at: Timestamp): LogAnswer {
    if (epoch !== this.#epoch) return { type: "unreadable", reason: "epoch", head: this.head }
    if (this.#snapshot !== undefined) this.#entries.trim(at, boundsOf(keep), this.#snapshot.point.position)
    return { type: "trimmed", head: this.head }
  }

  /** Lets go of what is too old at `now`, in a session that nobody may ever append to again. */
  sweep(now: Timestamp): void {
    this.#keys.sweep(now)
    this.#trim(now)
  }

  #push(at: Timestamp, entry: Entry): void {
    this.#entries.push(at, entry)
    this.#lastAt = at
    this.#unsavedBytes += entry.bytes
    if (entry.type === "close") this.#closed = { reason: entry.reason }
  }

  #trim(now: Timestamp): void {
    const { head } = this.#entries
    if (this.#bounds === undefined) this.#entries.trim(now, nothing, head.position)
    else if (this.#snapshot !== undefined) this.#entries.trim(now, this.#bounds, this.#snapshot.point.position)
  }

  /**
   * Whether entries that no snapshot covers, and that may therefore not be let go of, have used up the session's memory.
   * Asked before an append, so that one may pass the bound by its own size and the next one is refused.
   */
  #isFull(): boolean {
    if (this.#bounds === undefined) return false
    const unsaved = this.#entries.head.position - (this.#snapshot?.point.position ?? 0)
    return unsaved >= unsavedFactor * this.#limits.memoryLogEvents || this.#unsavedBytes >= unsavedFactor * this.#limits.memoryLogBytes
  }

  #whyFull(): string {
    const { memoryLogEvents, memoryLogBytes } = this.#limits
    return (
      `no snapshot was saved for ${unsavedFactor * memoryLogEvents} entries or ${unsavedFactor * memoryLogBytes} bytes; ` +
      "nothing may be trimmed before one is: save one, or raise memory-log-events or memory-log-bytes"
    )
  }
}

/** A bound left out does not exist. */
function boundsOf({ events = Infinity, bytes = Infinity, ageMs = Infinity }: Retention): EntryBounds {
  return { events, bytes, ageMs }
}

const nothing: EntryBounds = { events: 0, bytes: 0, ageMs: 0 }
