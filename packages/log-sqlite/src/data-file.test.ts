// What a data directory is opened as, and refused as: fresh, as it was left, replaced by a backup, of another release, not
// ours, damaged, held by somebody else.

import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { origin, pointOf, sessionName } from "@tidemark/kernel"
import Database from "better-sqlite3"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { ask, event, part, start } from "./asking.testing.ts"
import { CommitsFile, dataPaths, DirectoryLock, makeDirectory, readCommits, type DataPaths } from "./data-directory.ts"
import { openForReading, openForWriting, type DurabilityLevel, type OpenedData } from "./data-file.ts"
import { DirectoryReader } from "./directory-reader.ts"
import { examine } from "./doctor.ts"
import { freshDirectory, InlineLog } from "./inline-log.testing.ts"
import { DataRefused } from "./faults.ts"
import { applicationId, schemaVersion } from "./schema.ts"

const ada = sessionName("lab", "ada")
let directory = ""
let paths: DataPaths
let remove = (): void => undefined
let drawn = 0
const token = (): string => `t${drawn++}`

beforeEach(() => {
  ;({ directory, remove } = freshDirectory())
  paths = dataPaths(directory)
  drawn = 0
})
afterEach(() => remove())

function opened<Result>(durability: DurabilityLevel, look: (data: OpenedData) => Result): Result {
  const data = openForWriting(paths, { durability, token })
  try {
    return look(data)
  } finally {
    data.database.close()
    data.commitsFile.close()
  }
}

/** Opens the log, appends `count` events to ada, and leaves it as a clean end does. */
function appended(count: number) {
  const log = new InlineLog(directory, token)
  for (let n = 0; n < count; n++) ask(log, { type: "append", at: start, parts: [part(ada, [event(n)])] })
  const head = ask(log, { type: "head", session: ada })
  log.close()
  if (head.type !== "head") throw new Error(head.type)
  return head.head
}

function refused(what: () => unknown): string {
  try {
    what()
  } catch (error) {
    if (error instanceof DataRefused) return error.message
    throw error
  }
  throw new Error("it was not refused")
}

describe("as it was left", () => {
  test("a fresh file is ours, of the present schema, in WAL mode, and synced as far as was asked for", () => {
    const names = ["application_id", "user_version", "journal_mode", "synchronous"]
    const settings = (durability: DurabilityLevel) => opened(durability, ({ database }) => names.map((name) => database.pragma(name, { simple: true })))
    expect(settings("full")).toEqual([applicationId, schemaVersion, "wal", 2])
    expect(settings("normal")).toEqual([applicationId, schemaVersion, "wal", 1])
  })

  test("L2 a clean end and a new start keep the generation, and say nothing", () => {
    const before = appended(3)
    expect(opened("full", ({ generation, notices }) => [generation, notices])).toEqual([before.epoch.split(".")[0], []])
    expect(appended(1)).toMatchObject({ epoch: before.epoch, head: { position: 4 } })
  })

  test("L5 what a killed process left in the write-ahead log is in the data file, and synced, before the log is used", () => {
    const log = new InlineLog(directory, token)
    ask(log, { type: "append", at: start, parts: [part(ada, [event("kept")])] })
    // As after `kill -9`: the files as they are now, without the close that would move the log into the data file.
    const left = freshDirectory()
    for (const name of readdirSync(directory)) if (!name.endsWith("-shm")) copyFileSync(join(directory, name), join(left.directory, name))
    log.close()
    expect(statSync(dataPaths(left.directory).data).size).toBeLessThan(statSync(paths.data).size)
    const data = openForWriting(dataPaths(left.directory), { durability: "full", token })
    expect(statSync(`${dataPaths(left.directory).data}-wal`).size).toBe(0)
    expect(data.database.prepare("SELECT count(*) FROM entries").pluck().get()).toBe(1)
    data.database.close()
    data.commitsFile.close()
    left.remove()
  })

  test("a transaction is counted in the data file and beside it", () => {
    appended(3)
    const commits = opened("full", ({ commits }) => commits)
    expect([commits, readCommits(paths)?.commits]).toEqual([3, 3])
  })
})

describe("replaced", () => {
  test("L2 a data file that has seen fewer commits than were counted beside it is another lifetime of the log", () => {
    const before = appended(2)
    copyFileSync(paths.data, join(directory, "backup"))
    appended(3)
    copyFileSync(join(directory, "backup"), paths.data)
    const [notices] = opened("full", (data) => [data.notices])
    expect(notices).toEqual([expect.stringContaining("is older than what was written here last")])
    const after = appended(0)
    expect(after.epoch).not.toBe(before.epoch)
    expect(after.epoch.split(".")[1]).toBe(before.epoch.split(".")[1])
    expect(after.head).toEqual(before.head)
    expect(opened("full", (data) => data.notices)).toEqual([])
  })

  test("L2 an older data file under the write-ahead log of a newer one is not mixed with it: that log is put aside", () => {
    const before = appended(2)
    copyFileSync(paths.data, join(directory, "backup"))
    const log = new InlineLog(directory, token)
    const fill = () => ask(log, { type: "append", at: start, parts: [part(ada, Array.from({ length: 300 }, () => event("x".repeat(3000))))] })
    for (let n = 0; n < 8; n++) {
      fill()
      log.writer.maintain()
    }
    fill()
    // As after `kill -9`, with the backup put in place.
    const killed = freshDirectory()
    for (const name of readdirSync(directory)) if (!name.endsWith("-shm")) copyFileSync(join(directory, name), join(killed.directory, name))
    log.close()
    const there = dataPaths(killed.directory)
    copyFileSync(join(directory, "backup"), there.data)
    expect(refused(() => examine(killed.directory))).toContain("whose write-ahead log is still there: start the host on it")
    expect(refused(() => new DirectoryReader(killed.directory))).toContain("whose write-ahead log is still there")
    const data = openForWriting(there, { durability: "full", token })
    expect(data.notices).toEqual([expect.stringContaining("that log is kept as"), expect.stringContaining("is older than what was written here last")])
    expect(data.generation).not.toBe(before.epoch.split(".")[0])
    expect(data.database.prepare("SELECT count(*) FROM entries").pluck().get()).toBe(2)
    expect(readdirSync(killed.directory).filter((name) => name.includes("aside") || name.includes("alone"))).toEqual(["tidemark.db-wal.aside"])
    data.database.close()
    data.commitsFile.close()
    expect(examine(killed.directory).problems).toEqual([])
    killed.remove()
  })

  test("L5 the write-ahead log of a killed process is its data file's own, wherever the checkpoints stood", () => {
    for (const rounds of [0, 1, 5]) {
      const { directory: folder, remove: away } = freshDirectory()
      const log = new InlineLog(folder, token)
      for (let n = 0; n <= rounds; n++) {
        ask(log, { type: "append", at: start, parts: [part(ada, Array.from({ length: 300 }, () => event("x".repeat(3000))))] })
        if (n < rounds) log.writer.maintain()
      }
      const killed = freshDirectory()
      for (const name of readdirSync(folder)) if (!name.endsWith("-shm")) copyFileSync(join(folder, name), join(killed.directory, name))
      log.close()
      const data = openForWriting(dataPaths(killed.directory), { durability: "full", token })
      expect(data.notices).toEqual([])
      expect(data.database.prepare("SELECT count(*) FROM entries").pluck().get()).toBe(300 * (rounds + 1))
      data.database.close()
      data.commitsFile.close()
      away()
      killed.remove()
    }
  })

  test("a data file that is gone, with its counter still there, begins anew, and the operator is asked whether that is right", () => {
    const before = appended(2)
    rmSync(paths.data)
    expect(opened("full", ({ notices, generation }) => [notices, generation === before.epoch.split(".")[0]])).toEqual([
      [expect.stringContaining("is gone or empty, and begins anew")],
      false,
    ])
  })

  test("L2 a counter of another generation says the same, however little it counts", () => {
    const before = appended(2)
    const file = new CommitsFile(paths)
    file.write({ generation: "another", commits: 1, moved: 0 })
    file.close()
    expect(appended(0).epoch).not.toBe(before.epoch)
  })

  test("L2 a counter behind the data, as a power cut may leave it, says nothing", () => {
    const before = appended(5)
    const file = new CommitsFile(paths)
    file.write({ generation: before.epoch.split(".")[0] ?? "", commits: 3, moved: 0 })
    file.close()
    expect(appended(1).epoch).toBe(before.epoch)
  })

  test.each(["missing", "empty", "torn"])("a counter that is %s is written anew, and the operator is told what to do after a restore", (how) => {
    const before = appended(2)
    if (how === "missing") rmSync(paths.commits)
    if (how === "empty") truncateSync(paths.commits)
    if (how === "torn") truncateSync(paths.commits, 7)
    expect(opened("full", ({ notices }) => notices)).toEqual([expect.stringContaining("tidemark doctor --new-epoch")])
    expect(opened("full", ({ notices }) => notices)).toEqual([])
    expect(appended(1).epoch).toBe(before.epoch)
  })

  test("L2 a directory restored as a whole keeps its epoch, and the marks tell what was written since apart", () => {
    const before = appended(2)
    const backup = freshDirectory()
    for (const name of readdirSync(directory)) copyFileSync(join(directory, name), join(backup.directory, name))
    const lost = appended(2)
    const log = new InlineLog(backup.directory, token)
    const after = { position: lost.head.position, point: lost.head }
    const range = () => ask(log, { type: "range", session: ada, epoch: before.epoch, after, budget: { events: 9, bytes: 999 } })
    expect(range()).toMatchObject({ type: "unreadable", reason: "ahead" })
    ask(log, { type: "append", at: start, parts: [part(ada, [event("other"), event("other"), event("other")])] })
    expect(range()).toMatchObject({ type: "unreadable", reason: "diverged" })
    log.close()
    backup.remove()
  })
})

describe("refused, with the file's name and what to do", () => {
  test("a file of a newer release is left as it is", () => {
    appended(1)
    const database = new Database(paths.data)
    database.pragma(`user_version = ${schemaVersion + 1}`)
    database.close()
    const before = readFileSync(paths.data)
    const said = `${paths.data} has schema ${schemaVersion + 1}, and this release knows ${schemaVersion} at most`
    expect(refused(() => opened("full", () => undefined))).toContain(said)
    expect(refused(() => openForReading(paths))).toContain(said)
    expect(readFileSync(paths.data).equals(before)).toBe(true)
  })

  test("a database of another program", () => {
    const database = new Database(paths.data)
    database.exec("CREATE TABLE theirs (x)")
    database.close()
    expect(refused(() => opened("full", () => undefined))).toBe(`${paths.data} is a SQLite database of another program: name another directory with --data-dir`)
  })

  test("a file that is no database", () => {
    writeFileSync(paths.data, "x".repeat(5000))
    expect(refused(() => opened("full", () => undefined))).toContain(`${paths.data} is damaged`)
  })

  test("a file that was cut off", () => {
    appended(200)
    truncateSync(paths.data, Math.floor(statSync(paths.data).size / 2 / 4096) * 4096)
    expect(refused(() => opened("full", () => undefined))).toContain(`${paths.data} is damaged`)
  })

  test("a directory that is a file, and one that cannot be made", () => {
    writeFileSync(join(directory, "file"), "")
    expect(refused(() => makeDirectory(dataPaths(join(directory, "file"))))).toContain("name another with --data-dir")
    expect(refused(() => makeDirectory(dataPaths(join(directory, "file", "below"))))).toContain("name another with --data-dir")
  })

  test("a data file that is a link to another directory's", () => {
    appended(1)
    const other = freshDirectory()
    symlinkSync(paths.data, dataPaths(other.directory).data)
    expect(refused(() => openForWriting(dataPaths(other.directory), { durability: "full", token }))).toContain("is a link")
    other.remove()
  })

  test("a directory that somebody holds; when it is let go of, the next may have it", () => {
    mkdirSync(directory, { recursive: true })
    const lock = DirectoryLock.take(paths)
    expect(refused(() => DirectoryLock.take(paths))).toBe(
      `process ${process.pid} holds the data directory ${directory}: end it first, or name another directory with --data-dir`,
    )
    lock.release(paths)
    DirectoryLock.take(paths).release(paths)
  })

  test("L5 a log that broke off is not opened before its checkpoint, which another reader may keep from happening", () => {
    const log = new InlineLog(directory, token)
    ask(log, { type: "append", at: start, parts: [part(ada, [event(1)])] })
    const reader = new Database(paths.data, { readonly: true })
    reader.exec("BEGIN")
    reader.prepare("SELECT 1 FROM log").get()
    ask(log, { type: "append", at: start, parts: [part(ada, [event(2)])] })
    log.opened.database.close()
    const afterBreak = () => openForWriting(paths, { durability: "full", token, afterBreak: true, busyMs: 10 })
    expect(refused(afterBreak)).toContain("could not be synced, because another program reads it")
    const data = openForWriting(paths, { durability: "full", token, busyMs: 10 })
    data.database.close()
    data.commitsFile.close()
    reader.close()
    log.close()
    expect(appended(0).head).toMatchObject({ position: 2 })
  })
})

test("what others may not read, they cannot: the files are their owner's", () => {
  appended(1)
  const log = new InlineLog(directory, token)
  const openToOthers = (name: string): boolean => (statSync(join(directory, name)).mode & 0o077) !== 0
  expect(["tidemark.db", "tidemark.db-wal", "commits"].filter(openToOthers)).toEqual([])
  log.close()
})

test("damage among the sessions is found at the start, and leaves the file as it was", () => {
  appended(1)
  const root = opened("full", ({ database }) => Number(database.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'sessions'").pluck().get()))
  const bytes = readFileSync(paths.data)
  bytes.fill(0x5a, (root - 1) * 4096, root * 4096)
  writeFileSync(paths.data, bytes)
  expect(refused(() => opened("full", () => undefined))).toContain(`${paths.data} is damaged`)
  expect(readFileSync(paths.data).equals(bytes)).toBe(true)
})

test("positions go on where a session stood, whatever is opened in between", () => {
  const head = appended(3)
  expect(pointOf(head.head)).not.toEqual(origin)
  expect(appended(1).head.position).toBe(4)
})
