// The one who reads: each answer is of one moment of the data file, on a connection of its own, so that reading waits for no
// commit and no commit for it. What it gives has been committed; in what order it is read proves that nothing is missing.

import { contentHash, idOf, markAfter, unreachable, workspaceOf } from "@tidemark/kernel"
import type { Epoch, Mark, Place, Point, SessionName } from "@tidemark/kernel"
import type { LogRequest, RangeBudget, Snapshot } from "@tidemark/driver"
import type { Database, Statement } from "better-sqlite3"
import { codeOf, DataDamaged, messageOf } from "./faults.ts"
import { floorOf, headOf, nameOf, pointAt, selectSession, settingsOf, summaryOf, type SessionRow } from "./session-rows.ts"
import type { StoredAnswer, StoredEntries } from "./stored-answer.ts"

export type ReadRequest = Extract<LogRequest, { readonly type: "head" | "open" | "range" | "list" }>

type EntryRow = readonly [position: number, mark: number, text: string]

/** Rows that are read by one call at most. */
const rowsMost = 64

interface SnapshotRow {
  readonly position: number
  readonly revision: number
  readonly mark: number
  readonly version: number
  readonly shown: string
  readonly hash: string
}

export class LogReader {
  readonly #database: Database
  readonly #generation: Statement<[], string>
  readonly #find: Statement<[string, string], SessionRow>
  readonly #list: Statement<[string, string, number], SessionRow>
  readonly #point: Statement<[number, number], { position: number; revision: number; mark: number }>
  readonly #entries: Statement<[number, number, number], EntryRow>
  readonly #snapshot: Statement<[number], SnapshotRow>

  constructor(database: Database) {
    this.#database = database
    this.#generation = database.prepare<[], string>("SELECT generation FROM log").pluck()
    this.#find = database.prepare(`${selectSession} WHERE workspace = ? AND id = ?`)
    this.#list = database.prepare(`${selectSession} WHERE workspace = ? AND id > ? ORDER BY id LIMIT ?`)
    this.#point = database.prepare("SELECT position, revision, mark FROM entries WHERE session = ? AND position = ?")
    // No `LIMIT ?`: SQLite plans a statement anew whenever that is bound, which takes as long as reading ten rows.
    const entries = "SELECT position, mark, text FROM entries WHERE session = ? AND position > ? AND position <= ? ORDER BY position"
    this.#entries = database.prepare<[number, number, number], EntryRow>(entries).raw()
    this.#snapshot = database.prepare("SELECT position, revision, mark, version, shown, hash FROM snapshots WHERE session = ?")
  }

  /** Throws what SQLite throws, and `DataDamaged`. */
  answer(request: ReadRequest): StoredAnswer {
    this.#database.exec("BEGIN")
    try {
      const generation = this.#generation.get()
      if (generation === undefined) throw new DataDamaged("the log row is missing")
      return this.#answer(request, generation)
    } catch (error) {
      if (codeOf(error) !== "") throw error
      // Nothing is read here but what was written here: what cannot be it is damage.
      throw new DataDamaged(`what is stored of a session is not what was recorded: ${messageOf(error)}`, error)
    } finally {
      this.#database.exec("ROLLBACK")
    }
  }

  #answer(request: ReadRequest, generation: string): StoredAnswer {
    if (request.type === "list") return this.#page(generation, request.workspace, request.after, request.limit)
    const row = this.#row(request.session)
    if (row === undefined) return { type: "absent" }
    switch (request.type) {
      case "head":
        return { type: "head", head: headOf(generation, row) }
      case "open":
        return this.#open(generation, row, request.budget)
      case "range":
        return this.#range(generation, row, request.epoch, request.after, request.budget)
      default:
        return unreachable(request)
    }
  }

  #row(session: SessionName): SessionRow | undefined {
    return this.#find.get(workspaceOf(session), idOf(session))
  }

  #open(generation: string, row: SessionRow, budget: RangeBudget): StoredAnswer {
    const snapshot = this.#snapshotOf(row)
    const from = snapshot === undefined ? floorOf(row) : snapshot.point
    return { type: "opened", head: headOf(generation, row), settings: settingsOf(row), snapshot, entries: this.#entriesAfter(row, from, budget) }
  }

  #range(generation: string, row: SessionRow, epoch: Epoch, after: Place, budget: RangeBudget): StoredAnswer {
    const head = headOf(generation, row)
    if (epoch !== head.epoch) return { type: "unreadable", reason: "epoch", head }
    if (after.position > row.position) return { type: "unreadable", reason: "ahead", head }
    if (after.position < row.floor_position) return { type: "unreadable", reason: "trimmed", head }
    const here = this.#pointOf(row, after.position)
    if (after.point !== undefined && after.point.mark !== here.mark) return { type: "unreadable", reason: "diverged", head }
    return { type: "page", after: here, entries: this.#entriesAfter(row, here, budget), head }
  }

  #pointOf(row: SessionRow, position: number): Point {
    if (position === row.floor_position) return floorOf(row)
    const point = this.#point.get(row.session, position)
    if (point === undefined) throw new DataDamaged(`entry ${position} of ${nameOf(row)} is missing`)
    return pointAt(point)
  }

  /**
   * At least one where there is one; stops reading at the first that does not fit. SQLite does not notice when a text was
   * changed under it: the marks do, which this log has made of these very texts.
   */
  #entriesAfter(row: SessionRow, from: Point, budget: RangeBudget): StoredEntries {
    const { position, mark: markBefore } = from
    const texts: string[] = []
    const marks: Mark[] = []
    let bytes = 0
    for (const [at, recorded, text] of this.#rowsAfter(row, from, budget)) {
      if (at !== position + texts.length + 1) break
      bytes += Buffer.byteLength(text)
      if (texts.length > 0 && bytes > budget.bytes) return { texts, marks }
      const mark = markAfter(marks.at(-1) ?? markBefore, text)
      if (mark !== recorded) throw new DataDamaged(`entry ${at} of ${nameOf(row)} is not what was recorded`)
      texts.push(text)
      marks.push(mark)
    }
    const complete = texts.length >= budget.events || position + texts.length === row.position
    if (!complete) throw new DataDamaged(`entry ${position + texts.length + 1} of ${nameOf(row)} is missing`)
    return { texts, marks }
  }

  /**
   * Some rows a call, because a call for each costs half as much again: as many as there is room for if they are as long as
   * the session's are on average, so that little is read in vain.
   */
  *#rowsAfter(row: SessionRow, { position }: Point, { events, bytes }: RangeBudget): Generator<EntryRow> {
    const average = (row.total - row.floor_total) / (row.position - row.floor_position)
    const most = Math.max(1, Math.min(rowsMost, Math.ceil(bytes / average)))
    const last = Math.min(row.position, position + Math.max(1, events))
    for (let after: number = position; after < last; after += most) {
      for (const entry of this.#entries.all(row.session, after, Math.min(last, after + most))) yield entry
    }
  }

  #snapshotOf(row: SessionRow): Snapshot | undefined {
    if (row.saved_position === null) return undefined
    const found = this.#snapshot.get(row.session)
    if (found === undefined) throw new DataDamaged(`the snapshot of ${nameOf(row)} is missing`)
    if (contentHash(found.shown) !== found.hash) throw new DataDamaged(`the snapshot of ${nameOf(row)} is not the one that was saved`)
    const shown: Snapshot["shown"] = JSON.parse(found.shown)
    return { point: pointAt(found), modelVersion: found.version, shown }
  }

  #page(generation: string, workspace: string, after: string | undefined, limit: number): StoredAnswer {
    const rows = this.#list.all(workspace, after ?? "", limit + 1)
    const sessions = rows.slice(0, limit).map((row) => summaryOf(generation, row))
    return { type: "listed", sessions, next: rows.length > limit ? rows[limit - 1]?.id : undefined }
  }
}
