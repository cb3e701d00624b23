// The doctor finds what is wrong, says so of what is there, and changes nothing; a new epoch is the one thing it writes.

import { readFileSync, rmSync } from "node:fs"
import { jsonText, sessionName } from "@tidemark/kernel"
import Database from "better-sqlite3"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { append, ask, event, start } from "./asking.testing.ts"
import { CommitsFile, dataPaths, DirectoryLock } from "./data-directory.ts"
import { beginNewEpoch, examine } from "./doctor.ts"
import { freshDirectory, InlineLog } from "./inline-log.testing.ts"
import { DataRefused } from "./faults.ts"

const ada = sessionName("lab", "ada")
const bob = sessionName("mill", "bob")
let directory = ""
let remove = (): void => undefined
let drawn = 0
const token = (): string => `t${drawn++}`

beforeEach(() => {
  drawn = 0
  ;({ directory, remove } = freshDirectory())
  const log = new InlineLog(directory, token)
  const { entries, epoch } = append(log, ada, [event("a"), { type: "event", kind: "committed", data: jsonText({ n: 1 }), commit: true }, event("☃")])
  const point = entries[1]
  if (point === undefined) throw new Error("three entries")
  ask(log, { type: "save", session: ada, epoch, snapshot: { point, modelVersion: 1, shown: { view: { n: 1 }, provisional: null } } })
  append(log, bob, [event("x")])
  log.close()
})
afterEach(() => remove())

/** Changes the data file behind everybody's back. */
function tamper(sql: string): void {
  const database = new Database(dataPaths(directory).data)
  database.exec(sql)
  database.close()
}

test("a sound directory is counted, and nothing is found", () => {
  const { data } = dataPaths(directory)
  const before = readFileSync(data)
  expect(examine(directory)).toMatchObject({ data, schema: 1, sessions: 2, entries: 4, commits: 3, holder: undefined, problems: [] })
  expect(readFileSync(data).equals(before)).toBe(true)
})

test("it reads beside a host that writes, and says who that is", () => {
  const lock = DirectoryLock.take(dataPaths(directory))
  const log = new InlineLog(directory, token)
  append(log, ada, [event("b")])
  expect(examine(directory)).toMatchObject({ entries: 5, holder: process.pid, problems: [] })
  log.close()
  lock.release(dataPaths(directory))
})

describe("what is wrong is said", () => {
  test.each([
    ["an entry that is gone", "DELETE FROM entries WHERE position = 2", "session lab/ada: entry 2 is missing"],
    ["the last entry gone", "DELETE FROM entries WHERE position = 3", "session lab/ada: its entries end at 2, and its head is at 3"],
    ["a text that was changed", "UPDATE entries SET text = replace(text, '☃', 'X') WHERE position = 3", "entry 3 is not what was recorded"],
    ["a head of another entry", "UPDATE sessions SET mark = mark + 1 WHERE id = 'bob'", "session mill/bob: the mark of its last entry is not that of its head"],
    ["a snapshot that is gone", "DELETE FROM snapshots", "session lab/ada: its snapshot is not the one that its row names"],
    ["a snapshot that was changed", "UPDATE snapshots SET shown = '{}'", "session lab/ada: its snapshot is not what was saved"],
    ["a floor past the snapshot", "UPDATE sessions SET floor_position = 1, floor_mark = mark WHERE id = 'bob'", "trimmed past its snapshot"],
    ["keys that do not count", "UPDATE sessions SET keys = 7 WHERE id = 'bob'", "it has 0 keys and 0 producers, and counts 7 and 0"],
    ["workspaces that do not count", "DELETE FROM workspaces", "the number of sessions in a workspace is not what the log counts"],
    ["a number that was never given", "UPDATE log SET sessions_made = 1", "its number 2 is above the highest"],
  ])("%s", (_name, sql, said) => {
    tamper(sql)
    expect(examine(directory).problems.join("\n")).toContain(said)
  })

  test("a counter that is ahead of the data file", () => {
    const file = new CommitsFile(dataPaths(directory))
    file.write({ generation: "t0", commits: 99, moved: 0 })
    file.close()
    expect(examine(directory).problems).toEqual([expect.stringContaining("counts 99 commits of generation t0, the data file 3 of t0")])
  })

  test("a directory that holds no data file", () => {
    rmSync(dataPaths(directory).data)
    expect(() => examine(directory)).toThrow(DataRefused)
  })
})

describe("a new epoch", () => {
  test("L2 makes every epoch another one, and the next start has nothing to add", () => {
    const { generation, sessions } = beginNewEpoch(directory, () => "again")
    expect([generation, sessions]).toEqual(["again", 2])
    const log = new InlineLog(directory, token)
    expect(log.opened.notices).toEqual([])
    expect(ask(log, { type: "head", session: ada })).toMatchObject({ head: { epoch: "again.t1", head: { position: 3 } } })
    expect(ask(log, { type: "append", at: start, parts: [] })).toMatchObject({ type: "appended" })
    log.close()
    expect(examine(directory).problems).toEqual([])
  })

  test("is refused while somebody holds the directory, and where there is none to change", () => {
    const lock = DirectoryLock.take(dataPaths(directory))
    expect(() => beginNewEpoch(directory, token)).toThrow(`process ${process.pid} holds the data directory`)
    lock.release(dataPaths(directory))
    expect(() => beginNewEpoch(`${directory}/nowhere`, token)).toThrow(DataRefused)
  })
})
