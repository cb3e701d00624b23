// Looks a data directory over, without changing anything, also beside a host that runs on it; and, when an operator says so,
// gives the log a new generation, so that no cursor from before is believed any more.

import { contentHash, mark, markAfter, type Mark } from "@tidemark/kernel"
import type { Database } from "better-sqlite3"
import { dataPaths, DirectoryLock, holderOf, isReplaced, readCommits } from "./data-directory.ts"
import { openForReading, openForWriting, refuseForeignLog } from "./data-file.ts"
import { codeOf, DataRefused, messageOf } from "./faults.ts"
import { nameOf, selectSession, type SessionRow } from "./session-rows.ts"

export interface Examination {
  readonly data: string
  readonly schema: number
  readonly generation: string
  /** Transactions ever committed. */
  readonly commits: number
  readonly sessions: number
  /** Entries that can be read. */
  readonly entries: number
  /** Of their texts. */
  readonly bytes: number
  /** Of the data file, and how much of it is free for what comes. */
  readonly fileBytes: number
  readonly freeBytes: number
  /** The process that holds the directory, as far as that can be told. */
  readonly holder: number | undefined
  /** Sentences; none: all is well. */
  readonly problems: readonly string[]
}

/** At most so many problems are told; one page that is gone may be thousands of them. */
const problemsMost = 50

/**
 * Reads all of the data file and says what is wrong with it. Throws `DataRefused` when it cannot be read at all.
 * `progress` is called now and then with the entries read so far, of about so many.
 */
export function examine(directory: string, progress: (done: number, all: number) => void = () => undefined): Examination {
  const paths = dataPaths(directory)
  // Before the file: a host that runs counts after it has committed, and would be ahead of what is read here.
  const beside = readCommits(paths)
  refuseForeignLog(paths)
  const database = openForReading(paths)
  const problems: string[] = []
  const found = (problem: string): void => void (problems.length < problemsMost && problems.push(problem))
  try {
    // One moment of the file, however long it takes.
    database.exec("BEGIN")
    for (const line of database.prepare<[], string>(`PRAGMA integrity_check(${problemsMost})`).pluck().all()) if (line !== "ok") found(`SQLite: ${line}`)
    const log = database.prepare<[], { generation: string; commits: number; sessions_made: number }>("SELECT generation, commits, sessions_made FROM log").get()
    if (log === undefined) found("the log row is missing")
    const { generation = "", commits = 0, sessions_made: made = 0 } = log ?? {}
    if (beside !== undefined && isReplaced(beside, { generation, commits })) {
      const counts = `${paths.commits} counts ${beside.commits} commits of generation ${beside.generation}, the data file ${commits} of ${generation}`
      found(`${counts}: the next start begins a new generation`)
    }
    const counted = new SessionCheck(database, made, found, progress).all()
    checkWorkspaces(database, found)
    const pages = (name: string): number => Number(database.pragma(name, { simple: true }))
    return {
      data: paths.data,
      schema: pages("user_version"),
      generation,
      commits,
      ...counted,
      fileBytes: pages("page_count") * pages("page_size"),
      freeBytes: pages("freelist_count") * pages("page_size"),
      holder: holderOf(paths),
      problems,
    }
  } catch (error) {
    if (codeOf(error) === "") throw error
    throw new DataRefused(`${paths.data} is damaged, and cannot be read on: ${[...problems, messageOf(error)].join("; ")}`, error)
  } finally {
    database.close()
  }
}

/** Each session and its entries: dense, marked, and as far as the session's row says. */
class SessionCheck {
  readonly #database: Database
  readonly #sessionsMade: number
  readonly #found: (problem: string) => void
  readonly #progress: (done: number, all: number) => void
  #sessions = 0
  #entries = 0
  #bytes = 0
  #all = 0

  constructor(database: Database, sessionsMade: number, found: (problem: string) => void, progress: (done: number, all: number) => void) {
    this.#database = database
    this.#sessionsMade = sessionsMade
    this.#found = found
    this.#progress = progress
  }

  all(): { readonly sessions: number; readonly entries: number; readonly bytes: number } {
    this.#all = this.#database.prepare<[], number>("SELECT coalesce(sum(position - floor_position), 0) FROM sessions").pluck().get() ?? 0
    for (const row of this.#database.prepare<[], SessionRow>(selectSession).iterate()) this.#one(row)
    return { sessions: this.#sessions, entries: this.#entries, bytes: this.#bytes }
  }

  #one(row: SessionRow): void {
    const wrong = (problem: string): void => this.#found(`session ${nameOf(row)}: ${problem}`)
    this.#sessions += 1
    if (row.session > this.#sessionsMade) wrong(`its number ${row.session} is above the highest that was ever given`)
    const last = this.#entriesOf(row, wrong)
    if (last.position !== row.position) wrong(`its entries end at ${last.position}, and its head is at ${row.position}`)
    else if (last.mark !== row.mark) wrong("the mark of its last entry is not that of its head")
    this.#snapshotOf(row, wrong)
    const keys = this.#count("keys", row.session)
    const producers = this.#count("producers", row.session)
    if (keys !== row.keys || producers !== row.producers) wrong(`it has ${keys} keys and ${producers} producers, and counts ${row.keys} and ${row.producers}`)
  }

  #entriesOf(row: SessionRow, wrong: (problem: string) => void): { readonly position: number; readonly mark: Mark } {
    let before = { position: row.floor_position, mark: mark(row.floor_mark) }
    let told = false
    const tellOnce = (problem: string): void => {
      if (!told) wrong(problem)
      told = true
    }
    const entries = this.#database.prepare<[number, number], { position: number; mark: number; text: string }>(
      "SELECT position, mark, text FROM entries WHERE session = ? AND position > ? ORDER BY position",
    )
    for (const { position, mark: its, text } of entries.iterate(row.session, row.floor_position)) {
      if (position !== before.position + 1) tellOnce(`entry ${before.position + 1} is missing`)
      if (markAfter(before.mark, text) !== its) tellOnce(`entry ${position} is not what was recorded: its mark does not fit its text`)
      before = { position, mark: mark(its) }
      this.#entries += 1
      this.#bytes += Buffer.byteLength(text)
      if (this.#entries % 65_536 === 0) this.#progress(this.#entries, this.#all)
    }
    return before
  }

  #snapshotOf(row: SessionRow, wrong: (problem: string) => void): void {
    const find = this.#database.prepare<[number], { position: number; shown: string; hash: string }>(
      "SELECT position, shown, hash FROM snapshots WHERE session = ?",
    )
    const snapshot = find.get(row.session)
    if ((snapshot?.position ?? null) !== row.saved_position) wrong("its snapshot is not the one that its row names")
    if (row.floor_position > (row.saved_position ?? 0)) wrong("it was trimmed past its snapshot: its view cannot be made any more")
    if (snapshot !== undefined && contentHash(snapshot.shown) !== snapshot.hash) wrong("its snapshot is not what was saved")
  }

  #count(table: "keys" | "producers", session: number): number {
    return this.#database.prepare<[number], number>(`SELECT count(*) FROM ${table} WHERE session = ?`).pluck().get(session) ?? 0
  }
}

function checkWorkspaces(database: Database, found: (problem: string) => void): void {
  const counted = database.prepare("SELECT workspace, count(*) AS sessions FROM sessions GROUP BY workspace ORDER BY workspace").all()
  const kept = database.prepare("SELECT workspace, sessions FROM workspaces ORDER BY workspace").all()
  if (JSON.stringify(counted) !== JSON.stringify(kept)) found("the number of sessions in a workspace is not what the log counts")
}

export interface NewEpoch {
  readonly generation: string
  readonly sessions: number
  /** What else the operator should know of what was found. */
  readonly notices: readonly string[]
}

/**
 * Begins a new generation, for a directory that was restored as a whole: every cursor from before gets gap `epoch`. Gives
 * it. Throws `DataRefused` where a host holds the directory, or it cannot be used.
 */
export function beginNewEpoch(directory: string, token: () => string): NewEpoch {
  const paths = dataPaths(directory)
  openForReading(paths).close()
  const lock = DirectoryLock.take(paths)
  try {
    const { database, commitsFile, commits, notices } = openForWriting(paths, { durability: "full", token })
    try {
      const generation = token()
      database.prepare("UPDATE log SET generation = ?, commits = ?").run(generation, commits + 1)
      commitsFile.write({ generation, commits: commits + 1, moved: commits })
      commitsFile.sync()
      return { generation, notices, sessions: database.prepare<[], number>("SELECT count(*) FROM sessions").pluck().get() ?? 0 }
    } finally {
      database.close()
      commitsFile.close()
    }
  } finally {
    lock.release(paths)
  }
}
