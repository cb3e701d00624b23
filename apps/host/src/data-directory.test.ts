// Data directories that are not as a host left them: cut short, overwritten, somebody else's, held, put back from a
// backup. Whatever it is, the host says so, with the file's name and what to do, or answers 503; it never gives other data
// than was recorded, and never dies of it.

import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { call, get, storedEvents } from "./host-client.testing.ts"
import { startHost, type HostUnderTest } from "./host-under-test.testing.ts"
import { killAll, Served } from "./served.testing.ts"
import { randomFrom, testSeed } from "./waiting.testing.ts"

const sessions = ["ada", "bob", "cyd"]
/** The first commit; what came before it is in no snapshot any more. */
const settledAt = 51
/** The last entry of each session, a commit too. */
const headAt = 301

/** Short ones and, now and then, one that takes several pages. */
function dataAt(session: string, position: number): string {
  if (position === settledAt) return `an early view of ${session}`
  if (position === headAt) return `the view of ${session}`
  return `${session} ${position} ${"☃".repeat(position % 10 === 0 ? 4000 : 200)}`
}

let folder = ""
/** A directory that a host has filled and closed; never touched again. */
let filled = ""

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tidemark-data-"))
  filled = join(folder, "filled")
  const host = await startOn(filled)
  for (const session of sessions) {
    for (let position = 1; position <= headAt; ) {
      if (position === settledAt || position === headAt) {
        await call("POST", `${host.url}/v1/sessions/${session}/commit`, { body: { view: dataAt(session, position) } })
        position += 1
        continue
      }
      const until = Math.min(position + 50, position < settledAt ? settledAt : headAt)
      const positions = Array.from({ length: until - position }, (_, i) => position + i)
      await publish(host, session, positions.map((at) => ({ kind: "n", data: dataAt(session, at) })))
      position = until
    }
  }
  await host.stop()
})
afterAll(async () => {
  await killAll()
  rmSync(folder, { recursive: true, force: true })
})

function freshCopy(): string {
  const copy = mkdtempSync(join(folder, "copy-"))
  cpSync(filled, copy, { recursive: true })
  return copy
}

function startOn(dataDir: string): Promise<HostUnderTest> {
  return startHost({ log: "sqlite", dataDir, limits: { "window-events": 64 } })
}

async function publish({ url }: { readonly url: string }, session: string, body: unknown): Promise<string> {
  const { status, body: receipt } = await call("POST", `${url}/v1/sessions/${session}/events`, { body })
  expect(status).toBe(200)
  return String(receipt["cursor"])
}

function overwrite(path: string, at: number, bytes: Uint8Array): void {
  const all = readFileSync(path)
  all.set(bytes, at)
  writeFileSync(path, all)
}

/** Wherever it stands: a page may hold a text a second time, in what it no longer counts as its own. */
function overwriteAll(path: string, was: string, is: string): void {
  const all = readFileSync(path)
  for (let at = all.indexOf(was); at !== -1; at = all.indexOf(was, at + 1)) all.set(Buffer.from(is), at)
  writeFileSync(path, all)
}

function bigEndian(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}

function cutToHalf(path: string): void {
  truncateSync(path, Math.floor(statSync(path).size / 2))
}

describe.concurrent("refused at the start, with exit code 6, the file's name and what to do", () => {
  const isDamaged = /^tidemark: \S+tidemark\.db is damaged .*: nothing was changed\. See what is left with `tidemark doctor .*put a backup in its place\n$/
  const isForeign = /tidemark\.db is a SQLite database of another program: name another directory with --data-dir\n$/
  const isNewer = /tidemark\.db has schema 99, and this release knows \d+ at most: use the release that wrote it, or a later one\n$/
  // Where SQLite's header says which program a file is of, and which version of its tables it holds.
  const applicationAt = 68
  const versionAt = 60

  test.each([
    ["cut to half", cutToHalf, isDamaged],
    ["cut within its header", (path: string) => truncateSync(path, 50), isDamaged],
    ["with another header", (path: string) => overwrite(path, 0, Buffer.from("not what it was, at all")), isDamaged],
    ["of another program", (path: string) => overwrite(path, applicationAt, bigEndian(1)), isForeign],
    ["of a later release", (path: string) => overwrite(path, versionAt, bigEndian(99)), isNewer],
  ])("a data file %s", async (_what, harm, sentence) => {
    const copy = freshCopy()
    const path = join(copy, "tidemark.db")
    harm(path)
    const before = readFileSync(path)
    const refused = await new Served({ directory: copy }).ended
    expect(refused).toMatchObject({ code: 6, stdout: "" })
    expect(refused.stderr).toMatch(sentence)
    expect(refused.stderr).toContain(path)
    expect(readFileSync(path).equals(before)).toBe(true)
  })

  test.each([
    ["is a file", () => join(filled, "tidemark.db"), /cannot be made: .*; name another with --data-dir\n$/],
    ["is below a file", () => join(filled, "tidemark.db", "below"), /cannot be made: .*; name another with --data-dir\n$/],
    ["cannot be written", () => "/proc/self", /cannot be written: .*; check who may write there\n$/],
  ])("a data directory that %s", async (_what, path, sentence) => {
    const refused = await new Served({ directory: path() }).ended
    expect(refused).toMatchObject({ code: 6, stdout: "" })
    expect(refused.stderr).toMatch(sentence)
    expect(refused.stderr).toContain(`tidemark: the data directory ${path()} `)
  })
})

test("one process at a time: the second is told who holds the directory, and kill -9 of the first lets go of it", async () => {
  const directory = freshCopy()
  const first = await Served.listening({ directory })
  const second = await new Served({ directory }).ended
  const holds = `tidemark: process ${first.pid} holds the data directory ${directory}: end it first, or name another directory with --data-dir\n`
  expect(second).toMatchObject({ code: 6, stdout: "", stderr: holds })
  await first.kill()
  const third = await Served.listening({ directory })
  expect((await storedEvents(`${third.url}/v1/sessions/ada`)).length).toBe(headAt)
})

describe("damage that shows only in use", () => {
  /** Checks that each session gives what was recorded, or a 503; the details of those. */
  async function readAll({ url }: { readonly url: string }): Promise<readonly string[]> {
    const unread: string[] = []
    const read = async (path: string): Promise<Readonly<Record<string, unknown>> | undefined> => {
      const { status, body } = await call("GET", `${url}/v1/sessions/${path}`)
      if (status === 200) return body
      expect(status).toBe(503)
      unread.push(String(body["detail"]))
      return undefined
    }
    for (const session of sessions) {
      for (let since = 0; since < headAt; ) {
        const page = await read(`${session}/events?since=${since}&limit=50`)
        if (page === undefined) break
        for (const event of [page["events"]].flat()) {
          since += 1
          expect(event).toMatchObject({ position: since, data: dataAt(session, since) })
        }
      }
      const observed = await read(`${session}/observation`)
      if (observed !== undefined) expect(observed).toMatchObject({ position: headAt, view: dataAt(session, headAt) })
    }
    return unread
  }

  async function readsRight(host: HostUnderTest, context: string): Promise<void> {
    const unread = await readAll(host).catch((error: unknown) => {
      throw new Error(`${context}: ${String(error)}`, { cause: error })
    })
    if (!unread.some((detail) => detail.includes("the log cannot be read there"))) return
    expect((await call("POST", `${host.url}/v1/sessions/new/events`, { body: { kind: "n" } })).status, context).toBe(503)
  }

  async function writesOrRefuses({ url }: HostUnderTest, context: string): Promise<void> {
    for (const session of sessions) {
      const { status } = await call("POST", `${url}/v1/sessions/${session}/events`, { body: { kind: "n" }, key: "@again:1" })
      expect([200, 503], context).toContain(status)
    }
    expect([204, 503], context).toContain((await call("DELETE", `${url}/v1/sessions/bob`)).status)
    expect([200, 201, 503], context).toContain((await call("PUT", `${url}/v1/sessions/bob`, { body: {} })).status)
  }

  test("a part that is gone is 503, and nothing more is written; what can be read is read, and the operator is told", async () => {
    const directory = freshCopy()
    const data = join(directory, "tidemark.db")
    const pageBytes = 4096
    const page = Math.floor(readFileSync(data).indexOf("bob 151 ") / pageBytes) * pageBytes
    overwrite(data, page, new Uint8Array(16).fill(0x5a))
    const served = await Served.listening({ directory })
    const bob = await call("GET", `${served.url}/v1/sessions/bob/events`)
    expect(bob).toMatchObject({ status: 503, mediaType: "application/problem+json", body: { type: "https://tidemark.dev/problems/unavailable" } })
    const said = await served.says(/the data file in .* is damaged .*: nothing more is written to it; end the host and run `tidemark doctor --data-dir .*`/)
    const write = await call("POST", `${served.url}/v1/sessions/cyd/events`, { body: { kind: "n" } })
    expect(write).toMatchObject({ status: 503 })
    expect(write.body["detail"]).toContain(said)
    expect((await storedEvents(`${served.url}/v1/sessions/cyd`)).length).toBe(headAt)
    expect(await served.stop()).toMatchObject({ code: 0 })
  })

  test.each([
    ["in its place", '{"position":7,', '{"position":8,'],
    ["in its shape", '{"position":7,', '{"xosition":7,'],
    ["in its data", "bob 7 ", "bob 8 "],
    ["beyond JSON", "bob 7 ", 'bob"7 '],
  ])("an entry that is not what was recorded, %s, is 503 and never given", async (_where, was, is) => {
    const directory = freshCopy()
    const data = join(directory, "tidemark.db")
    overwriteAll(data, was, is)
    const host = await startOn(directory)
    expect((await readAll(host)).length).toBeGreaterThan(0)
    expect((await call("POST", `${host.url}/v1/sessions/new/events`, { body: { kind: "n" } })).status).toBe(503)
    await host.stop()
    expect(host.fatal).toEqual([])
  })

  test("a view that is no JSON any more is 503", async () => {
    const directory = freshCopy()
    const data = join(directory, "tidemark.db")
    overwriteAll(data, '"the view of bob"', '"the view"')
    const host = await startOn(directory)
    expect((await call("GET", `${host.url}/v1/sessions/bob/observation`)).status).toBe(503)
    expect((await call("GET", `${host.url}/v1/sessions/ada/observation`)).status).toBe(200)
    await host.stop()
    expect(host.fatal).toEqual([])
  })

  test("wherever bytes are overwritten, the host refuses, or answers 503, or gives what was recorded", async () => {
    const directory = freshCopy()
    const data = join(directory, "tidemark.db")
    const seed = testSeed()
    const random = randomFrom(seed)
    for (let round = 0; round < 8; round++) {
      rmSync(directory, { recursive: true })
      cpSync(filled, directory, { recursive: true })
      const length = [64, 512, 4096, 40_000][round % 4] ?? 0
      const at = Math.floor(random() * (statSync(data).size - length))
      overwrite(data, at, Uint8Array.from({ length }, () => Math.floor(random() * 256)))
      const context = `seed ${seed}, round ${round}: ${length} bytes at ${at}`
      const host = await startOn(directory).catch((error: unknown) => String(error))
      if (typeof host === "string") {
        expect(host, context).toMatch(/tidemark\.db (is damaged|is a SQLite database of another program|has schema|has sessions and no log row)/)
        continue
      }
      if (round % 2 === 0) await readsRight(host, context)
      else await writesOrRefuses(host, context)
      await host.stop()
      expect(host.fatal, context).toEqual([])
    }
  })
})

describe("put back from a backup, or cut short", () => {
  async function resumed({ url }: HostUnderTest, session: string, cursor: string): Promise<unknown> {
    const { type, gap, events, observation } = await get(`${url}/v1/sessions/${session}/resume?cursor=${cursor}`)
    if (type !== "gap") return events
    const { reason }: { reason?: string } = Object(gap)
    const { position }: { position?: number } = Object(observation)
    return { reason, position }
  }

  /** What a reader who stays connected is told until it is up to date. */
  async function firstFrames({ url }: HostUnderTest, session: string, cursor: string): Promise<string> {
    const answer = await fetch(`${url}/v1/sessions/${session}/resume?cursor=${cursor}`, { headers: { accept: "text/event-stream" } })
    const events = [...(await answer.text()).matchAll(/^event: (\w+)$/gm)].map(([, event]) => event)
    return events.join(" ")
  }

  test("L2 the data file alone: every cursor from before is gap epoch with an observation, and what the backup holds is there", async () => {
    const directory = freshCopy()
    const data = join(directory, "tidemark.db")
    const backup = join(directory, "backup")
    let host = await startOn(directory)
    const early = await publish(host, "ada", { kind: "n", data: "early" })
    const { epoch } = await get(`${host.url}/v1/sessions/ada`)
    await host.stop()
    copyFileSync(data, backup)
    host = await startOn(directory)
    const late = await publish(host, "ada", { kind: "n", data: "late" })
    const untouched = await get(`${host.url}/v1/sessions/bob/observation`)
    await host.stop()
    copyFileSync(backup, data)

    host = await startOn(directory)
    const held = headAt + 1
    for (const cursor of [early, late]) {
      expect(await resumed(host, "ada", cursor)).toEqual({ reason: "epoch", position: held })
      expect(await firstFrames(host, "ada", cursor)).toBe("hello gap observation caught_up")
    }
    expect(await resumed(host, "bob", String(untouched["cursor"]))).toEqual({ reason: "epoch", position: headAt })
    const after = await get(`${host.url}/v1/sessions/ada`)
    expect(after).toMatchObject({ head: held, earliest: 1 })
    expect(after["epoch"]).not.toBe(epoch)
    expect(host.said.join("\n")).toMatch(/^WARN \S+tidemark\.db is older than what was written here last .*: every cursor gets gap `epoch` from now on$/)
    expect((await storedEvents(`${host.url}/v1/sessions/ada`)).at(-1)).toContain('"data":"early"')
    const next = await publish(host, "ada", { kind: "n", data: "next" })
    await host.stop()

    host = await startOn(directory)
    expect((await get(`${host.url}/v1/sessions/ada`))["epoch"]).toBe(after["epoch"])
    expect(await resumed(host, "ada", next)).toEqual([])
    await host.stop()
  })

  test("L2 a write-ahead log that was harmed after a kill -9: what it held is missing, and every cursor is gap epoch", async () => {
    const directory = freshCopy()
    const served = await Served.listening({ directory })
    const early = await publish(served, "ada", { kind: "n", data: "early" })
    for (let n = 0; n < 20; n++) await publish(served, "ada", { kind: "n", data: "lost" })
    const { epoch, head: before } = await get(`${served.url}/v1/sessions/ada`)
    await served.kill()
    const flip = (path: string): void => overwrite(path, Math.floor(statSync(path).size / 2), Buffer.from("flip"))
    for (const harm of [cutToHalf, flip, (path: string) => rmSync(path)]) {
      const harmed = mkdtempSync(join(folder, "harmed-"))
      cpSync(directory, harmed, { recursive: true })
      harm(join(harmed, "tidemark.db-wal"))
      const host = await startOn(harmed)
      const { epoch: next, head } = await get(`${host.url}/v1/sessions/ada`)
      expect(next).not.toBe(epoch)
      expect(head).toBeLessThan(Number(before))
      expect(await resumed(host, "ada", early)).toEqual({ reason: "epoch", position: head })
      expect((await storedEvents(`${host.url}/v1/sessions/ada`)).length).toBe(head)
      await host.stop()
    }
  })

  test("L2 the data file alone, under the write-ahead log that a kill -9 left: the two are never mixed", async () => {
    const directory = freshCopy()
    const served = await Served.listening({ directory })
    const { epoch } = await get(`${served.url}/v1/sessions/ada`)
    // Enough for some of it to have been moved into the data file, which the backup then lacks.
    let cursor = ""
    for (let n = 0; n < 25; n++) cursor = await publish(served, "ada", { kind: "n", data: "x".repeat(200_000) })
    await served.kill()
    copyFileSync(join(filled, "tidemark.db"), join(directory, "tidemark.db"))
    const host = await startOn(directory)
    const after = await get(`${host.url}/v1/sessions/ada`)
    expect(after["head"]).toBe(headAt)
    expect(after["epoch"]).not.toBe(epoch)
    expect((await storedEvents(`${host.url}/v1/sessions/ada`)).length).toBe(headAt)
    expect(await resumed(host, "ada", cursor)).toEqual({ reason: "epoch", position: headAt })
    await host.stop()
    expect(host.fatal).toEqual([])
  })

  test("L7 the directory as a whole: cursors beyond it are gap ahead, and diverged once other events stand there", async () => {
    const directory = freshCopy()
    const backup = join(folder, "backup")
    let host = await startOn(directory)
    const early = await publish(host, "ada", { kind: "n", data: "early" })
    const { epoch } = await get(`${host.url}/v1/sessions/ada`)
    await host.stop()
    cpSync(directory, backup, { recursive: true })
    host = await startOn(directory)
    await publish(host, "ada", { kind: "n", data: "lost" })
    const lost = await publish(host, "ada", { kind: "n", data: "lost too" })
    await host.stop()
    rmSync(directory, { recursive: true })
    cpSync(backup, directory, { recursive: true })

    host = await startOn(directory)
    const held = headAt + 1
    expect((await get(`${host.url}/v1/sessions/ada`))["epoch"]).toBe(epoch)
    expect(await resumed(host, "ada", early)).toEqual([])
    expect(await resumed(host, "ada", lost)).toEqual({ reason: "ahead", position: held })
    expect(await firstFrames(host, "ada", lost)).toBe("hello gap observation caught_up")
    for (const other of ["another", "another still", "and one more"]) await publish(host, "ada", { kind: "n", data: other })
    expect(await resumed(host, "ada", lost)).toEqual({ reason: "diverged", position: held + 3 })
    expect(await firstFrames(host, "ada", lost)).toBe("hello gap observation caught_up")
    await host.stop()
  })
})
