// What the writer does besides the laws: groups of requests in one transaction, a full disk, a commit whose outcome nobody
// knows, and the work that waits until nobody does.

import { origin, pointOf, sessionName, timestamp } from "@tidemark/kernel"
import type { LogAnswer } from "@tidemark/driver"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { append, ask, event, part, plain, start } from "./asking.testing.ts"
import { freshDirectory, InlineLog, testLimits } from "./inline-log.testing.ts"
import type { WriterParts } from "./log-writer.ts"
import { LogBroken } from "./transactions.ts"

const ada = sessionName("lab", "ada")
const bob = sessionName("lab", "bob")
let directory = ""
let remove = (): void => undefined
let log: InlineLog
let drawn = 0

const open = (instead: Partial<WriterParts> = {}) => (log = new InlineLog(directory, () => `t${drawn++}`, instead))
const count = (table: string, of = log): unknown => of.opened.database.prepare(`SELECT count(*) FROM ${table}`).pluck().get()
const pragma = (text: string): unknown => log.opened.database.pragma(text, { simple: true })

beforeEach(() => {
  ;({ directory, remove } = freshDirectory())
  drawn = 0
  open()
})
afterEach(() => {
  log.close()
  remove()
})

test("all requests of a group are one transaction, each with its own answer", () => {
  const commits = () => log.opened.database.prepare("SELECT commits FROM log").pluck().get()
  const group = log.writer.answer([
    { type: "create", session: ada, settings: plain, at: start },
    { type: "append", at: start, parts: [part(ada, [event(1)]), part(bob, [event(2)])] },
    { type: "delete", session: ada },
    { type: "append", at: start, parts: [part(ada, [event(3)])] },
  ])
  expect(group.map((answer) => answer.type)).toEqual(["created", "appended", "deleted", "appended"])
  expect(commits()).toBe(1)
  log.writer.answer([{ type: "delete", session: sessionName("lab", "nobody") }])
  expect(commits()).toBe(1)
})

describe("a full disk", () => {
  const isFull = { type: "failed", effect: "none", reason: "storage_full" }

  test("L17 below the free space that is kept, nothing is recorded, and everything else goes on", () => {
    log.close()
    let free = 2000
    open({ free: () => free, limits: { ...testLimits, diskFree: 1000 } })
    const { epoch, last } = append(log, ada, [event(1)])
    free = 999
    const refused = ask(log, { type: "append", at: start, parts: [part(ada, [event(2)])] })
    expect(refused).toMatchObject({ ...isFull, detail: expect.stringContaining("disk-free keeps") })
    expect(ask(log, { type: "create", session: bob, settings: plain, at: start })).toMatchObject(isFull)
    expect(ask(log, { type: "head", session: ada })).toMatchObject({ head: { head: pointOf(last) } })
    const snapshot = { point: last, modelVersion: 1, shown: { view: 1, provisional: null } }
    expect(ask(log, { type: "save", session: ada, epoch, snapshot }).type).toBe("saved")
    expect(ask(log, { type: "trim", session: ada, epoch, keep: { events: 0 }, at: start })).toMatchObject({ head: { floor: { position: 1 } } })
    free = 1000
    expect(append(log, ada, [event(2)]).first).toBe(2)
    free = 999
    expect(ask(log, { type: "delete", session: ada })).toEqual({ type: "deleted" })
  })

  test("L17 what was trimmed and deleted is room again, before the file shrinks", () => {
    log.close()
    open({ free: () => 0, limits: { ...testLimits, diskFree: 0 } })
    append(log, ada, Array.from({ length: 100 }, () => event("x".repeat(3000))))
    log.close()
    open({ free: () => 0, limits: { ...testLimits, diskFree: 100_000 } })
    const another = { type: "append", at: start, parts: [part(bob, [event(1)])] } as const
    expect(ask(log, another)).toMatchObject(isFull)
    ask(log, { type: "delete", session: ada })
    log.tidy(start)
    expect(ask(log, another)).toMatchObject({ type: "appended" })
  })

  test("L5 a group that does not fit is taken back whole, and the same is recorded once there is room", () => {
    append(log, ada, [event(1)])
    pragma(`max_page_count = ${String(pragma("page_count"))}`)
    const group = { type: "append", at: start, parts: [part(ada, [event("a")]), part(bob, [event("x".repeat(50_000))])] } as const
    expect(ask(log, group)).toMatchObject({ ...isFull, detail: expect.stringContaining("free some space") })
    expect([count("entries"), count("sessions"), log.opened.database.inTransaction]).toEqual([1, 1, false])
    expect(ask(log, { type: "head", session: bob })).toEqual({ type: "absent" })
    pragma("max_page_count = 1073741823")
    expect(ask(log, group)).toMatchObject({ type: "appended", outcomes: [{ first: 2 }, { first: 1 }] })
  })
})

describe("what nobody knows", () => {
  /** The database as the writer has it, which answers one statement with an error of SQLite's instead. */
  function failingAt(statement: string, code: string): void {
    const { database } = log.opened
    const exec = database.exec.bind(database)
    database.exec = (sql: string) => {
      if (sql === statement) throw Object.assign(new Error("disk I/O error"), { code })
      return exec(sql)
    }
  }

  const answerOf = (): LogAnswer | LogBroken => {
    try {
      return ask(log, { type: "append", at: start, parts: [part(ada, [event(1)])] })
    } catch (error) {
      if (error instanceof LogBroken) return error
      throw error
    }
  }

  test("L5 a commit whose sync failed may have happened: the writer breaks off", () => {
    failingAt("COMMIT", "SQLITE_IOERR_FSYNC")
    expect(answerOf()).toMatchObject({ effect: "unknown", damaged: false })
  })

  test("L5 a failure before the commit has no effect, and breaks off too: what the connection holds is not known", () => {
    failingAt("BEGIN IMMEDIATE", "SQLITE_IOERR_READ")
    expect(answerOf()).toMatchObject({ effect: "none", damaged: false })
  })

  test("a damaged file is told from a failing disk", () => {
    append(log, ada, [event(1)])
    log.opened.database.exec("DELETE FROM entries")
    const { epoch } = headOf()
    const after = { position: origin.position, point: origin }
    expect(() => ask(log, { type: "range", session: ada, epoch, after, budget: { events: 9, bytes: 999 } })).toThrow("entry 1 of lab/ada is missing")
  })

  function headOf() {
    const answer = ask(log, { type: "head", session: ada })
    if (answer.type !== "head") throw new Error(answer.type)
    return answer.head
  }
})

describe("what can wait", () => {
  /** Appends `events` and saves a snapshot at the last of them. */
  function saved(name: typeof ada, events: number) {
    const { epoch, last } = append(log, name, Array.from({ length: events }, (_, n) => event(n)))
    ask(log, { type: "save", session: name, epoch, snapshot: { point: last, modelVersion: 1, shown: { view: events, provisional: null } } })
    return epoch
  }

  test("L17 a floor moves at once, and the rows behind it go in small steps", () => {
    const epoch = saved(ada, 2000)
    expect(ask(log, { type: "trim", session: ada, epoch, keep: { events: 10 }, at: start })).toMatchObject({ head: { floor: { position: 1990 } } })
    expect(count("entries")).toBe(2000)
    const left: unknown[] = []
    while (log.writer.maintain()) left.push(count("entries"))
    expect(left.length).toBeGreaterThan(2)
    expect(count("entries")).toBe(10)
  })

  test("L17 what a crash left behind the floor is found again", () => {
    const epoch = saved(ada, 2000)
    ask(log, { type: "trim", session: ada, epoch, keep: { events: 10 }, at: start })
    log.close()
    open()
    log.tidy(start)
    expect(count("entries")).toBe(10)
  })

  test("L17 of a deleted session nothing stays, however much there was, and a session made again loses nothing to it", () => {
    saved(ada, 1500)
    ask(log, { type: "append", at: start, parts: [{ ...part(ada, [event("k")]), key: { type: "key", text: "k" }, contentHash: "h" }] })
    ask(log, { type: "append", at: start, parts: [{ ...part(ada, [event("p")]), key: { type: "producer", producer: "p", n: 1 }, contentHash: "h" }] })
    ask(log, { type: "delete", session: ada })
    append(log, ada, [event("again")])
    log.close()
    open()
    log.tidy(start)
    expect(["entries", "keys", "producers", "results", "snapshots", "doomed"].map((table) => count(table))).toEqual([1, 0, 0, 0, 0, 0])
  })

  test("L17 in sessions that nobody touches, what is too old goes: entries, keys and producers", () => {
    const settings = { ...plain, retention: { ageMs: 1000 } }
    const { epoch, last } = append(log, ada, [event(1)], settings)
    ask(log, { type: "save", session: ada, epoch, snapshot: { point: last, modelVersion: 1, shown: { view: 1, provisional: null } } })
    ask(log, { type: "append", at: start, parts: [{ ...part(ada, [event("k")]), key: { type: "key", text: "k" }, contentHash: "h" }] })
    ask(log, { type: "append", at: start, parts: [{ ...part(bob, [event("p")]), key: { type: "producer", producer: "p", n: 1 }, contentHash: "h" }] })
    log.tidy(timestamp(start + testLimits.keyAgeMs))
    expect(["keys", "producers", "results"].map((table) => count(table))).toEqual([1, 1, 1])
    log.tidy(timestamp(start + testLimits.keyAgeMs + 1))
    expect(["keys", "producers", "results"].map((table) => count(table))).toEqual([0, 0, 0])
    expect(ask(log, { type: "head", session: ada })).toMatchObject({ head: { floor: { position: 1 } } })
  })

  test("the write-ahead log is moved into the data file when it has grown, and is used again from its beginning", () => {
    const size = () => log.opened.database.prepare<[], { log: number; checkpointed: number }>("PRAGMA wal_checkpoint(NOOP)").get()
    for (let n = 0; n < 40; n++) append(log, ada, Array.from({ length: 40 }, () => event("x".repeat(3000))))
    expect(size()?.checkpointed).toBe(0)
    log.writer.maintain()
    expect(size()?.checkpointed).toBe(size()?.log)
    append(log, ada, [event("small")])
    expect(size()?.log).toBeLessThan(100)
  })
})
