// The commands that work on a data directory: what they read and write there, beside a host and without one, and what they
// refuse.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import { startHost, tidemark, type RunningHost } from "./spawned.testing.ts"

let folder = ""
let directory = ""
let host: RunningHost | undefined
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tidemark-directory-"))
  directory = join(folder, "data")
})
afterEach(async () => {
  await host?.stop()
  host = undefined
  rmSync(folder, { recursive: true, force: true })
})

const inDirectory = (words: readonly string[], input = "") => tidemark([...words, "--data-dir", directory], input).ended
const serve = async () => (host = await startHost(["--log", "sqlite", "--data-dir", directory]))
const whole = [
  '{"kind":"line","data":{"n":1}}',
  '{"hole":{"count":3,"reason":"lost"}}',
  '{"kind":"committed","data":["view"],"commit":true}',
  '{"closed":{"reason":"done"}}',
]
/** Lines without what an import gives anew. */
const content = (text: string) =>
  text.trim().split("\n").map((line) => {
    const { position: _position, revision: _revision, at: _at, ...rest } = JSON.parse(line)
    return rest
  })

test("a session goes from a file into a directory and back, holes included, and a host serves it from there", async () => {
  const imported = await inDirectory(["import", "trip"], `${whole.join("\n")}\n`)
  expect([imported.code, imported.stderr]).toEqual([0, "tidemark: 4 entries imported into trip, which is at position 4\n"])
  const exported = await inDirectory(["export", "trip"])
  expect([exported.code, exported.stderr]).toEqual([0, "tidemark: 3 entries of trip exported; it is closed: done\n"])
  expect(content(exported.stdout)).toEqual(whole.map((line) => JSON.parse(line)))
  const { url } = await serve()
  const observed = await tidemark(["observe", "trip", "--url", url]).ended
  expect(JSON.parse(observed.stdout)).toMatchObject({ position: 4, revision: 1, view: ["view"], closed: { reason: "done" } })
})

test("an export reads beside a host; an import and a new epoch are refused while it holds the directory", async () => {
  const { url } = await serve()
  await tidemark(["publish", "live", "--url", url], "one\ntwo\n").ended
  const exported = await inDirectory(["export", "live"])
  expect([exported.code, content(exported.stdout).map(({ data }) => data)]).toEqual([0, ["one", "two"]])
  const examined = await inDirectory(["doctor"])
  expect([examined.code, examined.stdout]).toEqual([0, expect.stringMatching(/1 session, 2 entries .*\n.*\nheld by process \d+\nall is well\n$/)])
  for (const words of [["import", "other"], ["doctor", "--new-epoch"]]) {
    const refused = await inDirectory(words, "")
    expect([refused.code, refused.stderr]).toEqual([6, expect.stringMatching(/^tidemark: process \d+ holds the data directory .*: end it first/)])
  }
})

test("a session that is there, an input that is none, and a name that is none leave a directory as it was", async () => {
  await inDirectory(["import", "trip"], `${whole.join("\n")}\n`)
  const again = await inDirectory(["import", "trip"], `${whole.join("\n")}\n`)
  expect([again.code, again.stderr]).toEqual([5, expect.stringContaining("is there already")])
  const broken = await inDirectory(["import", "broken"], '{"kind":"line","data":1}\n{"kind":\n')
  expect([broken.code, broken.stderr]).toEqual([6, expect.stringContaining("line 2 cannot be imported")])
  expect((await inDirectory(["export", "broken"])).code).toBe(4)
  expect((await inDirectory(["export", "a b"])).code).toBe(2)
  const { stdout } = await inDirectory(["doctor", "--json"])
  expect(JSON.parse(stdout)).toMatchObject({ sessions: 1, entries: 4, problems: [] })
})

test("after a new epoch every cursor from before gets gap `epoch` with an observation", async () => {
  const { url } = await serve()
  await tidemark(["publish", "live", "--url", url], "one\ntwo\n").ended
  const { cursor }: { cursor: string } = JSON.parse((await tidemark(["observe", "live", "--url", url]).ended).stdout)
  await host?.stop()
  const begun = await inDirectory(["doctor", "--new-epoch"])
  expect([begun.code, begun.stdout]).toEqual([0, expect.stringMatching(/^generation \S+ begins for 1 session: cursors from before get gap `epoch`\n$/)])
  const again = await serve()
  const resumed = await fetch(`${again.url}/v1/sessions/live/resume?cursor=${cursor}`)
  expect(await resumed.json()).toMatchObject({ type: "gap", gap: { reason: "epoch" }, observation: { position: 2 } })
})

test("the doctor says what is wrong with a directory, and leaves its files as they were", async () => {
  const missing = await inDirectory(["doctor"])
  const said = `tidemark: there is no data file ${join(directory, "tidemark.db")}: name the directory of a Tidemark host with --data-dir\n`
  expect([missing.code, missing.stderr]).toEqual([6, said])
  await inDirectory(["import", "trip"], `${whole.join("\n")}\n`)
  const data = join(directory, "tidemark.db")
  const bytes = readFileSync(data)
  const changed = bytes.toString("latin1").replace('"reason":"lost"', '"reason":"LOST"')
  writeFileSync(data, changed, "latin1")
  const found = await inDirectory(["doctor"])
  expect([found.code, found.stdout]).toEqual([6, expect.stringContaining("entry 2 is not what was recorded: its mark does not fit its text")])
  expect(readFileSync(data).toString("latin1")).toBe(changed)
})
