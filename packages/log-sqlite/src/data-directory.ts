// The folder a log lives in: one data file (SQLite adds `-wal` and `-shm` to it while it is open), the lock, and the
// commit counter. Whoever holds the lock may write; anybody may read.

import { closeSync, constants, fsyncSync, mkdirSync, openSync, readFileSync, rmSync, statfsSync, statSync, writeFileSync, writeSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import Database from "better-sqlite3"
import { codeOf, DataRefused, messageOf } from "./faults.ts"

export interface DataPaths {
  readonly directory: string
  readonly data: string
  /** SQLite's write-ahead log of it. */
  readonly wal: string
  /** The data file under another name, under which it has no write-ahead log. */
  readonly alone: string
  readonly lock: string
  readonly holder: string
  readonly commits: string
}

export function dataPaths(directory: string): DataPaths {
  const at = resolve(directory)
  return {
    directory: at,
    data: join(at, "tidemark.db"),
    wal: join(at, "tidemark.db-wal"),
    alone: join(at, "tidemark.alone"),
    lock: join(at, "lock"),
    holder: join(at, "lock.pid"),
    commits: join(at, "commits"),
  }
}

/** Makes the directory where there is none, so that a power cut does not take it back. */
export function makeDirectory({ directory }: DataPaths): void {
  try {
    makeMissing(directory)
  } catch (error) {
    throw new DataRefused(`the data directory ${directory} cannot be made: ${messageOf(error)}; name another with --data-dir`, error)
  }
}

/** Not `recursive: true`: where no folder can be made, as below /proc, Node 20 tries for ever. */
function makeMissing(directory: string): void {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true) return
  const parent = dirname(directory)
  if (parent !== directory) makeMissing(parent)
  mkdirSync(directory, { mode: 0o700 })
  syncDirectory(parent)
}

/**
 * Makes an empty file that only its owner may read, where there is none: SQLite's own would be everybody's to read. One that
 * is there is not opened: closing it again would drop every lock that this process has on it.
 */
export function makeFile(path: string): void {
  try {
    closeSync(openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600))
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error
  }
}

export function syncDirectory(path: string): void {
  const folder = openSync(path, "r")
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

/** Bytes that an ordinary user may still write on the disk of this directory. */
export function freeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory)
  return bavail * bsize
}

/**
 * Held by the one process that may write. It is a lock of SQLite's own on an empty database, since Node offers none: the
 * system drops it when the process ends, however it ends, and reading the data file needs no part of it.
 */
export class DirectoryLock {
  readonly #database: Database.Database

  private constructor(database: Database.Database) {
    this.#database = database
  }

  static take(paths: DataPaths): DirectoryLock {
    let database: Database.Database | undefined
    try {
      makeFile(paths.lock)
      database = new Database(paths.lock, { timeout: 0 })
      database.pragma("journal_mode = MEMORY")
      database.exec("BEGIN IMMEDIATE")
      sayWhoHolds(paths)
      return new DirectoryLock(database)
    } catch (error) {
      database?.close()
      throw lockRefused(paths, error)
    }
  }

  release({ holder }: DataPaths): void {
    rmSync(holder, { force: true })
    this.#database.close()
  }
}

function lockRefused(paths: DataPaths, error: unknown): DataRefused {
  const { directory } = paths
  if (codeOf(error).startsWith("SQLITE_BUSY")) {
    const holder = holderOf(paths)
    const who = holder === undefined ? "another process" : `process ${holder}`
    return new DataRefused(`${who} holds the data directory ${directory}: end it first, or name another directory with --data-dir`, error)
  }
  return new DataRefused(`the data directory ${directory} cannot be written: ${messageOf(error)}; check who may write there`, error)
}

/** For the words of a refusal only: a full disk must not keep the log from being read. */
function sayWhoHolds({ holder }: DataPaths): void {
  try {
    writeFileSync(holder, `${process.pid}\n`, { mode: 0o600 })
  } catch (error) {
    if (codeOf(error) !== "ENOSPC") throw error
  }
}

/** The process that took the lock last and is still there, as far as that can be told; for words only. */
export function holderOf({ holder }: DataPaths): number | undefined {
  try {
    const pid = Number(readFileSync(holder, "latin1"))
    if (!Number.isSafeInteger(pid) || pid < 1) return undefined
    process.kill(pid, 0)
    return pid
  } catch (error) {
    if (["ENOENT", "ESRCH", "EACCES"].includes(codeOf(error))) return undefined
    throw error
  }
}

/** What is known of the data file beside it. */
export interface Counted {
  readonly generation: string
  /** Transactions it has seen. */
  readonly commits: number
  /** As many of them were in the file itself when its write-ahead log was last moved into it completely. */
  readonly moved: number
}

/**
 * The counter beside the data file: written after each transaction, never synced. A data file that has seen fewer than this
 * file says, or is of another generation, is not the one that was written here last.
 */
export class CommitsFile {
  readonly #file: number

  constructor({ commits }: DataPaths) {
    try {
      this.#file = openSync(commits, constants.O_RDWR | constants.O_CREAT, 0o600)
    } catch (error) {
      throw new DataRefused(`${commits} cannot be written: ${messageOf(error)}; check who may write there`, error)
    }
  }

  /** One write of always the same length: no crash of this process leaves half of it. */
  write({ generation, commits, moved }: Counted): void {
    writeSync(this.#file, `${generation} ${commits} ${moved}`.padEnd(lineBytes - 1) + "\n", 0, "latin1")
  }

  sync(): void {
    fsyncSync(this.#file)
  }

  close(): void {
    closeSync(this.#file)
  }
}

const lineBytes = 64

/** `undefined` where there is no counter, or nothing that can be read as one. */
export function readCommits({ commits: path }: DataPaths): Counted | undefined {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined
  const [, generation, commits, moved] = /^([A-Za-z0-9_-]{1,22}) ([0-9]{1,16}) ([0-9]{1,10}) *\n$/.exec(readFileSync(path, "latin1")) ?? []
  if (generation === undefined || commits === undefined || moved === undefined) return undefined
  return { generation, commits: Number(commits), moved: Number(moved) }
}

/** Whether other data was here last than what has this generation and has seen this many transactions. */
export function isReplaced(beside: Counted | undefined, now: Omit<Counted, "moved">): boolean {
  return beside !== undefined && (beside.generation !== now.generation || beside.commits > now.commits)
}
