// Opens a data file: for writing as L5 demands (what was recovered is on disk before the first read is served or position
// assigned), for reading beside whoever writes. What cannot be used is refused, with the file's name and what to do.

import { closeSync, fsyncSync, linkSync, lstatSync, openSync, renameSync, rmSync, statSync } from "node:fs"
import type { Durability } from "@tidemark/driver"
import Database from "better-sqlite3"
import { CommitsFile, isReplaced, makeFile, readCommits, syncDirectory, type Counted, type DataPaths } from "./data-directory.ts"
import { codeOf, DataRefused, isDamage, messageOf } from "./faults.ts"
import { applicationId, migrations, schemaVersion } from "./schema.ts"

/** `full`: an acknowledged append survives a power cut. `normal`: it survives the process. */
export type DurabilityLevel = "full" | "normal"

/** What is said of an append that was acknowledged at this level. */
export function durabilityOf(level: DurabilityLevel): Durability {
  return level === "full" ? "local" : "written"
}

export interface OpenedData {
  readonly database: Database.Database
  readonly commitsFile: CommitsFile
  readonly generation: string
  readonly commits: number
  /** What the operator should know of what was found; not a failure. */
  readonly notices: readonly string[]
}

/** Before 3.51.3 two connections could damage a WAL file (sqlite.org, "WAL-reset bug"). */
const sqliteLeast = [3, 51, 3]

/** How long another connection may keep the file busy while this one opens. */
const busyMsMost = 5000

export interface WritingOptions {
  readonly durability: DurabilityLevel
  /** Draws a fresh generation where one is needed. */
  readonly token: () => string
  /** The log broke off: only a checkpoint tells that the disk takes what it is given. Else a synced log is enough. */
  readonly afterBreak?: boolean
  /** How long others may keep the file busy. */
  readonly busyMs?: number
}

/** The caller holds the directory's lock. */
export function openForWriting(paths: DataPaths, options: WritingOptions): OpenedData {
  const { durability, token, afterBreak = false, busyMs = busyMsMost } = options
  const isNew = isMissing(paths.data)
  const beside = readCommits(paths)
  const notices: string[] = []
  if (beside !== undefined && isUnderForeignLog(paths, beside)) notices.push(setLogAside(paths))
  const database = open(paths, false, busyMs)
  try {
    checkLibrary(database)
    checkOurs(database, paths, isNew)
    settle(database, "full")
    // Before anything is written: what is damaged is left as it is.
    if (versionOf(database) === schemaVersion) probe(database)
    syncNow(database, paths, afterBreak)
    migrate(database, paths)
    settle(database, durability)
    const named = nameGeneration(database, paths, isNew, beside, token)
    syncDirectory(paths.directory)
    return { database, ...named, notices: [...notices, ...named.notices] }
  } catch (error) {
    closeQuietly(database)
    throw refusalOf(paths, error)
  }
}

/** Sees what was committed before each of its transactions began, and changes nothing. */
export function openForReading(paths: DataPaths): Database.Database {
  if (isMissing(paths.data)) throw new DataRefused(`there is no data file ${paths.data}: name the directory of a Tidemark host with --data-dir`)
  const database = open(paths, true, busyMsMost)
  try {
    database.pragma("query_only = ON")
    checkOurs(database, paths, false)
    const version = versionOf(database)
    if (version < schemaVersion) throw new DataRefused(`${paths.data} has schema ${version} of an older release: start \`tidemark serve\` on it once`)
    return database
  } catch (error) {
    closeQuietly(database)
    throw refusalOf(paths, error)
  }
}

/** For tools that only read: what SQLite would show them of such a directory never was. Not where this process has the file open. */
export function refuseForeignLog(paths: DataPaths): void {
  const beside = readCommits(paths)
  if (beside === undefined || !isUnderForeignLog(paths, beside)) return
  const advice = `start the host on it, which keeps that log aside, or move ${paths.wal} away yourself`
  throw new DataRefused(`${paths.data} was put in the place of a newer one, whose write-ahead log is still there: ${advice}`)
}

function isMissing(path: string): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) === 0
}

function open(paths: DataPaths, readonly: boolean, timeout: number): Database.Database {
  try {
    if (lstatSync(paths.data, { throwIfNoEntry: false })?.isSymbolicLink() === true) {
      throw new DataRefused(`${paths.data} is a link, and the directory it leads to may have another host: name that directory with --data-dir`)
    }
    if (!readonly) makeFile(paths.data)
    return new Database(paths.data, { timeout, readonly, fileMustExist: readonly })
  } catch (error) {
    throw refusalOf(paths, error)
  }
}

function checkLibrary(database: Database.Database): void {
  const version = String(database.prepare("SELECT sqlite_version()").pluck().get())
  const parts = version.split(".").map(Number)
  for (const [index, least] of sqliteLeast.entries()) {
    const part = parts[index] ?? 0
    if (part > least) return
    if (part < least) throw new DataRefused(`SQLite ${version} is too old, ${sqliteLeast.join(".")} is the least: run npm ci`)
  }
}

function checkOurs(database: Database.Database, { data }: DataPaths, isNew: boolean): void {
  if (isNew) return
  const id = database.pragma("application_id", { simple: true })
  const version = versionOf(database)
  if (id !== applicationId && !(id === 0 && version === 0 && isEmpty(database))) {
    throw new DataRefused(`${data} is a SQLite database of another program: name another directory with --data-dir`)
  }
  if (version > schemaVersion) {
    throw new DataRefused(`${data} has schema ${version}, and this release knows ${schemaVersion} at most: use the release that wrote it, or a later one`)
  }
}

function isEmpty(database: Database.Database): boolean {
  return database.prepare("SELECT count(*) FROM sqlite_schema").pluck().get() === 0
}

function versionOf(database: Database.Database): number {
  return Number(database.pragma("user_version", { simple: true }))
}

/** Sets what SQLite forgets with each connection, and looks whether it took. */
function settle(database: Database.Database, durability: DurabilityLevel): void {
  const mode = database.pragma("journal_mode = WAL", { simple: true })
  if (mode !== "wal") throw new DataRefused(`SQLite cannot use its write-ahead log there (journal mode ${String(mode)}): use a local disk`)
  database.pragma(`synchronous = ${durability === "full" ? "FULL" : "NORMAL"}`)
  const synchronous = database.pragma("synchronous", { simple: true })
  if (synchronous !== (durability === "full" ? 2 : 1)) throw new DataRefused(`SQLite did not take synchronous=${durability}: it says ${String(synchronous)}`)
  database.pragma("journal_size_limit = 67108864")
  database.pragma("fullfsync = ON")
  database.pragma("checkpoint_fullfsync = ON")
  // Checkpoints are made between commits, where a failure is seen: SQLite's own hides one.
  database.pragma("wal_autocheckpoint = 0")
  database.pragma("cache_size = -16384")
  database.pragma("foreign_keys = OFF")
}

/**
 * A plain open reads the write-ahead log back and syncs nothing: a checkpoint does, or says that it could not. Where another
 * program reads the file at this moment, a sync of the log by itself makes what was recovered as safe.
 */
function syncNow(database: Database.Database, { data, wal }: DataPaths, afterBreak: boolean): void {
  const [result] = database.prepare<[], { busy: number }>("PRAGMA wal_checkpoint(TRUNCATE)").all()
  if (result?.busy === 0) return
  if (afterBreak) throw new DataRefused(`${data} could not be synced, because another program reads it: end that one (a \`tidemark doctor\`, a backup)`)
  // No lock of SQLite's is on this file, so that closing it drops none.
  const file = openSync(wal, "r+")
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/**
 * Whether the data file is older than what its write-ahead log was begun on: a backup that was put in its place after a
 * kill. SQLite would lay the one over the other, and make a file that never was. Read under another name, where no log
 * belongs to it; where that cannot be done, there is no verdict.
 */
function isUnderForeignLog(paths: DataPaths, { moved }: Counted): boolean {
  if (isMissing(paths.wal) || isMissing(paths.data)) return false
  const leftovers = [paths.alone, `${paths.alone}-wal`, `${paths.alone}-shm`]
  const clear = (): void => leftovers.forEach((path) => rmSync(path, { force: true }))
  try {
    clear()
    linkSync(paths.data, paths.alone)
    const database = new Database(paths.alone, { readonly: true })
    try {
      const commits = database.prepare<[], number>("SELECT commits FROM log").pluck().get()
      return commits !== undefined && commits < moved
    } finally {
      database.close()
    }
  } catch (error) {
    if (codeOf(error) === "") throw error
    return false
  } finally {
    clear()
  }
}

/** Kept, and not removed: only the operator knows which of the two was wanted. */
function setLogAside({ data, wal }: DataPaths): string {
  const aside = `${wal}.aside`
  renameSync(wal, aside)
  rmSync(`${data}-shm`, { force: true })
  return `${data} was put in the place of a newer one, whose write-ahead log was still there: that log is kept as ${aside}, and not used`
}

function migrate(database: Database.Database, { data }: DataPaths): void {
  const from = versionOf(database)
  if (from === schemaVersion) return
  try {
    database.exec("BEGIN IMMEDIATE")
    for (const statement of migrations.slice(from).flat()) database.exec(statement)
    database.pragma(`application_id = ${applicationId}`)
    database.pragma(`user_version = ${schemaVersion}`)
    database.exec("COMMIT")
  } catch (error) {
    if (database.inTransaction) database.exec("ROLLBACK")
    // What the disk did is worded as ever.
    if (isOfTheDisk(error)) throw error
    throw new DataRefused(`${data} could not be brought from schema ${from} to ${schemaVersion}: ${messageOf(error)}; nothing was changed`, error)
  }
}

/** Reads both ends of every table, so that a file that lacks whole parts is found before the first request. */
function probe(database: Database.Database): void {
  const tables = database.prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all()
  for (const table of tables) {
    const keys = database.prepare<[], string>(`SELECT name FROM pragma_table_info('${table}') WHERE pk > 0 ORDER BY pk`).pluck().all()
    for (const direction of ["ASC", "DESC"]) {
      database.prepare(`SELECT * FROM ${table} ORDER BY ${keys.map((key) => `${key} ${direction}`).join(", ")} LIMIT 1`).all()
    }
  }
  const problems = database.prepare<[], string>("PRAGMA quick_check('sessions')").pluck().all()
  if (problems[0] !== "ok") throw new Database.SqliteError(problems.join("; "), "SQLITE_CORRUPT")
}

/**
 * Which lifetime of the log this is. A commit counter beside the file that is ahead of it, or of another generation, says
 * that other data was here last: then every epoch is another from now on, without a session row being rewritten (L2).
 */
function nameGeneration(
  database: Database.Database,
  paths: DataPaths,
  isNew: boolean,
  beside: Counted | undefined,
  token: () => string,
): Pick<OpenedData, "commitsFile" | "generation" | "commits" | "notices"> {
  const row = database.prepare<[], { generation: string; commits: number }>("SELECT generation, commits FROM log").get()
  const notices: string[] = []
  let { generation, commits } = row ?? { generation: token(), commits: 0 }
  if (row === undefined) {
    if (!isNew && !isEmptyLog(database)) throw new DataRefused(`${paths.data} has sessions and no log row: it is damaged; restore a backup`)
    database.prepare("INSERT INTO log VALUES (1, ?, 0, 0)").run(generation)
    if (beside !== undefined) notices.push(`${paths.data} is gone or empty, and begins anew: is it the right folder, is its disk there?`)
  } else if (beside !== undefined && isReplaced(beside, row)) {
    generation = token()
    commits = Math.max(commits, beside.commits) + 1
    database.prepare("UPDATE log SET generation = ?, commits = ?").run(generation, commits)
    notices.push(`${paths.data} is older than what was written here last (a backup, perhaps): every cursor gets gap \`epoch\` from now on`)
  } else if (beside === undefined) {
    notices.push(`${paths.commits} is missing or unreadable: if ${paths.data} was restored from a backup, run \`tidemark doctor --new-epoch\``)
  }
  const commitsFile = new CommitsFile(paths)
  commitsFile.write({ generation, commits, moved: row?.commits ?? 0 })
  commitsFile.sync()
  return { commitsFile, generation, commits, notices }
}

function isEmptyLog(database: Database.Database): boolean {
  return database.prepare("SELECT 1 FROM sessions LIMIT 1").get() === undefined
}

function closeQuietly(database: Database.Database): void {
  try {
    database.close()
  } catch (error) {
    // The refusal that led here says more than a close that fails on the same disk.
    if (codeOf(error) === "") throw error
  }
}

export function damaged({ directory, data }: DataPaths, detail: string, cause?: unknown): DataRefused {
  const advice = `See what is left with \`tidemark doctor --data-dir ${directory}\`, and put a backup in its place`
  return new DataRefused(`${data} is damaged (${detail}): nothing was changed. ${advice}`, cause)
}

function refusalOf(paths: DataPaths, error: unknown): DataRefused {
  const { directory, data } = paths
  if (error instanceof DataRefused) return error
  if (isDamage(error)) return damaged(paths, messageOf(error), error)
  const code = codeOf(error)
  if (code === "SQLITE_FULL" || code === "ENOSPC") return new DataRefused(`the disk of ${directory} is full: free some space, then start again`, error)
  if (code === "SQLITE_CANTOPEN") return new DataRefused(`${data} cannot be opened: ${messageOf(error)}; check who may read and write it`, error)
  if (isOfTheDisk(error)) {
    return new DataRefused(`${data} cannot be read or written: ${messageOf(error)} (${code}); check its disk, and free some space if it is full`, error)
  }
  return new DataRefused(`${data} cannot be used: ${messageOf(error)} (${code || "no code"})`, error)
}

function isOfTheDisk(error: unknown): boolean {
  const code = codeOf(error)
  return code.startsWith("SQLITE_IOERR") || ["SQLITE_FULL", "ENOSPC", "EIO"].includes(code)
}
