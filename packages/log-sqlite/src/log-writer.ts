// The one who writes: answers a group of requests in one transaction, and between groups lets go of what may go. It is
// synchronous and knows no thread; what it says has been committed when it returns.

import { contentHash, contract, epoch, idOf, pointOf, timestamp, unreachable, workspaceOf } from "@tidemark/kernel"
import type { Entry, SessionName, Timestamp } from "@tidemark/kernel"
import { checkPart, firstAppend, meets, sealAll } from "@tidemark/driver"
import type { AppendPart, Durability, KeyLimits, LogRequest, SessionSettings } from "@tidemark/driver"
import type { Statement } from "better-sqlite3"
import { KeyRows } from "./key-rows.ts"
import { codeOf } from "./faults.ts"
import { epochOf, floorOf, headOf, pointAt, SessionRows, summaryOf, type SessionRow } from "./session-rows.ts"
import { stored, type StoredAnswer, type StoredOutcome } from "./stored-answer.ts"
import { LogBroken, Transactions, type TransactionsParts } from "./transactions.ts"
import { Trimming } from "./trimming.ts"

export interface SqliteLogLimits extends KeyLimits {
  /** From 1. */
  readonly sessionsPerWorkspace: number
  /** Bytes of the disk that are left free: below, nothing is appended. */
  readonly diskFree: number
}

export type WriteRequest = Extract<LogRequest, { readonly type: "append" | "create" | "delete" | "save" | "trim" }>

export interface WriterParts extends TransactionsParts {
  readonly durability: Durability
  readonly limits: SqliteLogLimits
  /** Free bytes on the disk of the data file. */
  readonly free: () => number
  /** A fresh random token of 1–22 characters of `A–Z a–z 0–9 _ -`. */
  readonly token: () => string
}

export class LogWriter {
  readonly #parts: WriterParts
  readonly #transactions: Transactions
  readonly #rows: SessionRows
  readonly #keys: KeyRows
  readonly #trimming: Trimming
  readonly #insertEntry: Statement<EntryCell[]>
  readonly #insertEntries: Statement<EntryCell[]>
  readonly #madeSessions: Statement<[], number>
  readonly #setMadeSessions: Statement<[number]>
  readonly #sessionsOf: Statement<[string], number>
  readonly #setSessionsOf: Statement<[string, number]>
  readonly #dropWorkspace: Statement<[string]>
  readonly #markAt: Statement<[number, number], number>
  readonly #saveSnapshot: Statement<[number, number, number, number, number, string, string]>
  readonly #doom: Statement<[number]>
  readonly #dropSnapshot: Statement<[number]>
  /** The latest time that a request has carried. */
  #now = timestamp(0)

  constructor(parts: WriterParts) {
    const { database } = parts
    this.#parts = parts
    this.#transactions = new Transactions(parts)
    this.#rows = new SessionRows(database)
    this.#keys = new KeyRows(database, parts.limits, this.#rows)
    this.#trimming = new Trimming(database, this.#rows, this.#keys)
    this.#insertEntry = database.prepare(insertingEntries(1))
    this.#insertEntries = database.prepare(insertingEntries(rowsAtOnce))
    this.#madeSessions = database.prepare<[], number>("SELECT sessions_made FROM log").pluck()
    this.#setMadeSessions = database.prepare("UPDATE log SET sessions_made = ?")
    this.#sessionsOf = database.prepare<[string], number>("SELECT sessions FROM workspaces WHERE workspace = ?").pluck()
    this.#setSessionsOf = database.prepare("INSERT OR REPLACE INTO workspaces (workspace, sessions) VALUES (?, ?)")
    this.#dropWorkspace = database.prepare("DELETE FROM workspaces WHERE workspace = ?")
    this.#markAt = database.prepare<[number, number], number>("SELECT mark FROM entries WHERE session = ? AND position = ?").pluck()
    const snapshot = "session, position, revision, mark, version, shown, hash"
    this.#saveSnapshot = database.prepare(`INSERT OR REPLACE INTO snapshots (${snapshot}) VALUES (?, ?, ?, ?, ?, ?, ?)`)
    this.#doom = database.prepare("INSERT INTO doomed (session) VALUES (?)")
    this.#dropSnapshot = database.prepare("DELETE FROM snapshots WHERE session = ?")
  }

  /** One answer for each request, in order. Throws `LogBroken`, which says whether any of it may have happened. */
  answer(requests: readonly WriteRequest[]): readonly StoredAnswer[] {
    for (const request of requests) if (request.type === "append") for (const part of request.parts) checkPart(part)
    const full = this.#whyFull(requests)
    try {
      return this.#transact(() => requests.map((request) => (full !== undefined && needsRoom(request) ? diskFull(full) : this.#answer(request))))
    } catch (error) {
      if (error instanceof LogBroken || codeOf(error) !== "SQLITE_FULL") throw error
      return requests.map(() => diskFull("the disk of the data directory is full: free some space there"))
    }
  }

  /** Does a little of what can wait, and gives whether there is more to do now. Throws `LogBroken` as `answer` does. */
  maintain(): boolean {
    const more = this.#trimming.isDue && this.#quietly(() => this.#trimming.step())
    this.#transactions.checkpointIfDue()
    return more
  }

  /** Looks at a few sessions for what has become too old at `now`. */
  sweep(now: Timestamp): void {
    this.#advance(now)
    this.#quietly(() => this.#trimming.look(this.#now))
  }

  #quietly(work: () => boolean): boolean {
    try {
      return this.#transact(work)
    } catch (error) {
      if (error instanceof LogBroken || codeOf(error) !== "SQLITE_FULL") throw error
      return false
    }
  }

  #transact<Result>(work: () => Result): Result {
    try {
      return this.#transactions.run(() => {
        const result = work()
        this.#rows.flush()
        return result
      })
    } finally {
      this.#rows.forget()
    }
  }

  #whyFull(requests: readonly WriteRequest[]): string | undefined {
    const { limits, free } = this.#parts
    if (!requests.some(needsRoom)) return undefined
    const left = free()
    if (left >= limits.diskFree || left + this.#freePages() >= limits.diskFree) return undefined
    return (
      `the disk of the data directory has ${mebibytes(left)} MiB left, and disk-free keeps ${mebibytes(limits.diskFree)} MiB: ` +
      "free some space there, delete or trim sessions, or lower that limit"
    )
  }

  /** Bytes of the data file that nothing is in: what is recorded next goes there first. */
  #freePages(): number {
    const pragma = (name: string): number => Number(this.#parts.database.pragma(name, { simple: true }))
    return pragma("freelist_count") * pragma("page_size")
  }

  #answer(request: WriteRequest): StoredAnswer {
    switch (request.type) {
      case "append":
        this.#advance(request.at)
        return { type: "appended", outcomes: request.parts.map((part) => this.#append(request.at, part)), durability: this.#parts.durability }
      case "create":
        this.#advance(request.at)
        return this.#createIfAbsent(request.at, request.session, request.settings)
      case "delete":
        return this.#delete(request.session)
      case "save":
        return this.#save(request)
      case "trim":
        this.#advance(request.at)
        return this.#trim(request)
      default:
        return unreachable(request)
    }
  }

  #append(wall: Timestamp, part: AppendPart): StoredOutcome {
    const { generation } = this.#parts
    const row = this.#rows.find(part.session)
    if (row === undefined) return this.#appendFirst(wall, part)
    const { key, contentHash = "" } = part
    if (key !== undefined) {
      const verdict = this.#keys.check(this.#now, row, key, contentHash)
      if (verdict.type === "repeated") return { type: "repeated", epoch: epochOf(generation, row), ...verdict.result }
      if (verdict.type !== "new") return verdict
    }
    const before = pointAt(row)
    const itsEpoch = epochOf(generation, row)
    if (row.closed !== null) return { type: "closed", closed: { reason: row.closed }, at: before, epoch: itsEpoch }
    if (!meets(part.expect, itsEpoch, before)) return { type: "expectation_failed", epoch: itsEpoch, actual: before }

    const at = timestamp(Math.max(wall, row.last_at))
    const entries = sealAll(before, at, part.drafts)
    this.#push(row, at, entries)
    const result = { first: entries[0].position, last: pointOf(entries.at(-1) ?? entries[0]) }
    if (key !== undefined) this.#keys.remember(this.#now, row, key, contentHash, result)
    this.#rows.changed(row)
    this.#trimming.retain(this.#now, row)
    return { type: "appended", epoch: itsEpoch, ...result, entries: stored(entries), floor: floorOf(row), created: false }
  }

  #appendFirst(wall: Timestamp, part: AppendPart): StoredOutcome {
    const first = firstAppend(part)
    if (first.type !== "makes") return first
    if (this.#isFull(part.session)) return { type: "full", limit: this.#parts.limits.sessionsPerWorkspace }
    this.#make(wall, part.session, first.settings)
    const outcome = this.#append(wall, part)
    contract(outcome.type === "appended", () => `the first append of a session answered ${outcome.type}`)
    return { ...outcome, created: true }
  }

  #push(row: SessionRow, at: Timestamp, entries: readonly Entry[]): void {
    const cells: EntryCell[] = []
    for (const entry of entries) {
      row.position = entry.position
      row.revision = entry.revision
      row.mark = entry.mark
      row.total += entry.bytes
      row.last_at = at
      if (entry.type === "close") row.closed = entry.reason
      cells.push(row.session, entry.position, entry.revision, entry.mark, at, row.total, entry.text)
    }
    const [one, some] = [columns.length, columns.length * rowsAtOnce]
    let done = 0
    for (; done + some <= cells.length; done += some) this.#insertEntries.run(...cells.slice(done, done + some))
    for (; done < cells.length; done += one) this.#insertEntry.run(...cells.slice(done, done + one))
  }

  #createIfAbsent(at: Timestamp, session: SessionName, settings: SessionSettings): StoredAnswer {
    const { generation, limits } = this.#parts
    const found = this.#rows.find(session)
    if (found !== undefined) return { type: "created", created: false, summary: summaryOf(generation, found) }
    if (this.#isFull(session)) return { type: "full", limit: limits.sessionsPerWorkspace }
    return { type: "created", created: true, summary: summaryOf(generation, this.#make(at, session, settings)) }
  }

  #isFull(session: SessionName): boolean {
    return (this.#sessionsOf.get(workspaceOf(session)) ?? 0) >= this.#parts.limits.sessionsPerWorkspace
  }

  #make(at: Timestamp, name: SessionName, { model, retention, metadata }: SessionSettings): SessionRow {
    const session = (this.#madeSessions.get() ?? 0) + 1
    this.#setMadeSessions.run(session)
    const workspace = workspaceOf(name)
    this.#setSessionsOf.run(workspace, (this.#sessionsOf.get(workspace) ?? 0) + 1)
    // Drawn here and checked at once: an incarnation that is no half of an epoch would make the session unreadable.
    const incarnation = this.#parts.token()
    epoch(this.#parts.generation, incarnation)
    const row: SessionRow = {
      ...{ session, workspace, id: idOf(name), incarnation, model, metadata: JSON.stringify(metadata) },
      ...{ keep_events: retention.events ?? null, keep_bytes: retention.bytes ?? null, keep_ms: retention.ageMs ?? null },
      ...{ position: 0, revision: 0, mark: 0, total: 0, last_at: at, closed: null },
      ...{ floor_position: 0, floor_revision: 0, floor_mark: 0, floor_total: 0, cleared: 0 },
      ...{ saved_position: null, saved_version: null, keys: 0, producers: 0 },
    }
    this.#rows.insert(row)
    return row
  }

  #delete(session: SessionName): StoredAnswer {
    const row = this.#rows.find(session)
    if (row === undefined) return { type: "absent" }
    this.#rows.remove(row)
    this.#dropSnapshot.run(row.session)
    this.#doom.run(row.session)
    const left = (this.#sessionsOf.get(row.workspace) ?? 1) - 1
    if (left === 0) this.#dropWorkspace.run(row.workspace)
    else this.#setSessionsOf.run(row.workspace, left)
    this.#trimming.doomed()
    return { type: "deleted" }
  }

  /** Ignored: another epoch's snapshot, an older one than is held, and one of a place that is not in this log. */
  #save({ session, epoch: its, snapshot }: Extract<WriteRequest, { type: "save" }>): StoredAnswer {
    const { generation } = this.#parts
    const row = this.#rows.find(session)
    if (row === undefined) return { type: "absent" }
    const { point, modelVersion, shown } = snapshot
    const stands = its === epochOf(generation, row) && point.position <= row.position && point.position >= (row.saved_position ?? 0)
    if (stands && (this.#markOf(row, point.position) ?? point.mark) === point.mark) {
      const text = JSON.stringify(shown)
      this.#saveSnapshot.run(row.session, point.position, point.revision, point.mark, modelVersion, text, contentHash(text))
      this.#rows.saved(row, point.position, modelVersion)
      this.#trimming.retain(this.#now, row)
    }
    return { type: "saved", head: headOf(generation, row) }
  }

  #trim({ session, epoch: its, keep, at }: Extract<WriteRequest, { type: "trim" }>): StoredAnswer {
    const { generation } = this.#parts
    const row = this.#rows.find(session)
    if (row === undefined) return { type: "absent" }
    const head = headOf(generation, row)
    if (its !== head.epoch) return { type: "unreadable", reason: "epoch", head }
    this.#trimming.trim(at, row, keep)
    return { type: "trimmed", head: headOf(generation, row) }
  }

  /** The mark at a place that the log still knows; `undefined` behind the floor. */
  #markOf(row: SessionRow, position: number): number | undefined {
    if (position === row.floor_position) return row.floor_mark
    if (position === row.position) return row.mark
    return position < row.floor_position ? undefined : this.#markAt.get(row.session, position)
  }

  #advance(at: Timestamp): void {
    if (at > this.#now) this.#now = at
  }
}

type EntryCell = number | string

const columns = ["session", "position", "revision", "mark", "at", "total", "text"]

/** Entries that one statement inserts, where there are so many: a call for each takes 1.36 µs an entry, this 1.0. */
const rowsAtOnce = 10

function insertingEntries(rows: number): string {
  const values = `(${columns.map(() => "?").join(", ")})`
  return `INSERT INTO entries (${columns.join(", ")}) VALUES ${Array.from({ length: rows }, () => values).join(", ")}`
}

/** Snapshots do not: without them nothing could be trimmed, and no room be made. */
function needsRoom(request: WriteRequest): boolean {
  return request.type === "append" || request.type === "create"
}

function diskFull(detail: string): StoredAnswer {
  return { type: "failed", effect: "none", reason: "storage_full", detail }
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 1024 / 1024)
}
