// Letting go: where a session's floor moves to, and the rows behind it, a few at a time. The floor moves in one step, which
// is cheap however much goes; the rows follow in small transactions of their own, so that no publisher waits for them.
//
// What is to be done is in the data file itself (`cleared` behind the floor, `doomed`): after a crash it is found again by
// looking at all sessions in turn, which also finds what has become too old in sessions that nobody touches.

import type { SessionName, Timestamp } from "@tidemark/kernel"
import type { Retention } from "@tidemark/driver"
import type { Database, Statement } from "better-sqlite3"
import type { KeyRows } from "./key-rows.ts"
import { DataDamaged } from "./faults.ts"
import { nameOf, retentionOf, type SessionRow, type SessionRows } from "./session-rows.ts"

interface EntryRow {
  readonly position: number
  readonly revision: number
  readonly mark: number
  readonly at: number
  readonly total: number
}

/** Rows removed by one step. */
const stepRows = 512
/** Sessions looked at by one look. */
const lookSessions = 200

export class Trimming {
  readonly #rows: SessionRows
  readonly #keys: KeyRows
  readonly #entry: Statement<[number, number], EntryRow>
  readonly #clear: Statement<[number, number]>
  readonly #doomedSession: Statement<[], number>
  readonly #doomedEntries: Statement<[number, number, number]>
  readonly #doomedKeys: Statement<[number, number, number]>
  readonly #doomedProducers: Statement<[number, number, number]>
  readonly #doomedResults: Statement<[number, number, number]>
  readonly #undoom: Statement<[number]>
  /** Sessions that may have something to let go of, and the number of each, because a name may come to mean another. */
  readonly #due = new Map<SessionName, number>()
  #hasDoomed = true
  #lookedUpTo = 0

  constructor(database: Database, rows: SessionRows, keys: KeyRows) {
    this.#rows = rows
    this.#keys = keys
    this.#entry = database.prepare("SELECT position, revision, mark, at, total FROM entries WHERE session = ? AND position = ?")
    this.#clear = database.prepare("DELETE FROM entries WHERE session = ? AND position <= ?")
    this.#doomedSession = database.prepare<[], number>("SELECT session FROM doomed LIMIT 1").pluck()
    const some = (table: string, key: string) => {
      const oldest = `SELECT ${key} FROM ${table} WHERE session = ? LIMIT ?`
      return database.prepare<[number, number, number]>(`DELETE FROM ${table} WHERE session = ? AND (${key}) IN (${oldest})`)
    }
    this.#doomedEntries = some("entries", "position")
    this.#doomedKeys = some("keys", "key")
    this.#doomedProducers = some("producers", "producer")
    this.#doomedResults = some("results", "producer, n")
    this.#undoom = database.prepare("DELETE FROM doomed WHERE session = ?")
  }

  get isDue(): boolean {
    return this.#hasDoomed || this.#due.size > 0
  }

  /** Keeps the session to its own retention: its floor moves now, the rows follow. */
  retain(now: Timestamp, row: SessionRow): void {
    if (row.saved_position === null) return
    if (row.keep_events !== null || row.keep_bytes !== null || row.keep_ms !== null) this.trim(now, row, retentionOf(row))
  }

  /** A session was deleted. */
  doomed(): void {
    this.#hasDoomed = true
  }

  /** Moves the floor to where `keep` wants it, at once. */
  trim(now: Timestamp, row: SessionRow, keep: Retention): void {
    const last = this.#lastToGo(now, row, keep)
    if (last === undefined) return
    row.floor_position = last.position
    row.floor_revision = last.revision
    row.floor_mark = last.mark
    row.floor_total = last.total
    this.#rows.changed(row)
    this.#due.set(nameOf(row), row.session)
  }

  /** A little work, in a transaction of the caller's. Gives whether there is more. */
  step(): boolean {
    let room = stepRows
    for (const [name, session] of this.#due) {
      if (room === 0) return true
      this.#due.delete(name)
      const row = this.#rows.find(name)
      if (row === undefined || row.session !== session) continue
      const rows = Math.min(room, row.floor_position - row.cleared)
      room -= rows
      row.cleared += rows
      this.#clear.run(row.session, row.cleared)
      this.#rows.changed(row)
      if (row.cleared < row.floor_position) this.#due.set(name, session)
    }
    if (room > 0) this.#removeDoomed()
    return this.isDue
  }

  /** Looks at the next sessions in turn for what is too old, or was left by a crash. Gives whether a step has work. */
  look(now: Timestamp): boolean {
    const rows = this.#rows.from(this.#lookedUpTo, lookSessions)
    for (const row of rows) {
      this.#keys.sweep(now, row)
      if (row.cleared < row.floor_position) this.#due.set(nameOf(row), row.session)
      this.retain(now, row)
    }
    this.#lookedUpTo = rows.length < lookSessions ? 0 : (rows.at(-1)?.session ?? 0)
    return this.isDue
  }

  #removeDoomed(): void {
    const session = this.#doomedSession.get()
    this.#hasDoomed = session !== undefined
    if (session === undefined) return
    const removals = [this.#doomedEntries, this.#doomedKeys, this.#doomedProducers, this.#doomedResults]
    if (removals.every((removal) => removal.run(session, session, stepRows).changes === 0)) this.#undoom.run(session)
  }

  /** The entry after which `keep` begins, but none after the last snapshot; `undefined`: the floor stays where it is. */
  #lastToGo(now: Timestamp, row: SessionRow, keep: Retention): EntryRow | undefined {
    const { events = Infinity, bytes = Infinity, ageMs = Infinity } = keep
    const most = row.saved_position ?? 0
    const goesAt = (position: number): boolean => {
      if (position <= row.position - events) return true
      if (!Number.isFinite(bytes) && !Number.isFinite(ageMs)) return false
      const before = position - 1 === row.floor_position ? row.floor_total : this.#entryAt(row, position - 1).total
      return row.total - before > bytes || now - this.#entryAt(row, position).at > ageMs
    }
    // Those that go are all up to some place, as a rule not far: double the stride from the floor on, then halve.
    let goes = row.floor_position
    let stays = goes + 1
    for (let stride = 1; stays <= most && goesAt(stays); stride *= 2) {
      goes = stays
      stays = Math.min(most + 1, stays + stride)
    }
    while (stays - goes > 1) {
      const middle = Math.floor((stays + goes) / 2)
      if (goesAt(middle)) goes = middle
      else stays = middle
    }
    return this.#above(row, goes)
  }

  #above(row: SessionRow, position: number): EntryRow | undefined {
    return position > row.floor_position ? this.#entryAt(row, position) : undefined
  }

  #entryAt(row: SessionRow, position: number): EntryRow {
    const entry = this.#entry.get(row.session, position)
    if (entry === undefined) throw new DataDamaged(`entry ${position} of ${nameOf(row)} is missing`)
    return entry
  }
}
