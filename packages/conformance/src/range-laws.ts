// Reads of a log: ranges, opening, snapshots, creation, deletion and lists. The central law is L6: an empty answer is
// proof, and what cannot be read says why; nothing here may guess, round or come back short without saying so.

import { mark, origin, parseEpoch, pointOf, position, sessionName, type Point } from "@tidemark/kernel"
import { expect, test } from "vitest"
import { ada, all, ask, bob, commit, dataOf, event, LogUser, only, place, plain, snapshotAt, told, type MakeLog } from "./log-under-test.ts"

export function rangeLaws(make: MakeLog): void {
  replayLaws(make)
  openLaws(make)
  snapshotLaws(make)
  sessionLaws(make)
}

function replayLaws(make: MakeLog): void {
  test("L6 replay is exclusive: the entries right after the place, up to the head", async () => {
    const log = await LogUser.of(make)
    const { epoch, entries, last } = await log.appendedEvents(ada, 5)
    const second = pointOf(entries[1] ?? origin)
    const page = only(await log.range(ada, epoch, place(second)), "page")
    expect(page.after).toEqual(second)
    expect(page.entries.map(told)).toEqual(entries.slice(2).map(told))
    expect(page.head).toEqual({ epoch, head: pointOf(last), floor: origin, closed: null })
  })

  test("L6 an empty page is proof: it comes at the head only, with that head", async () => {
    const log = await LogUser.of(make)
    const { epoch, last } = await log.appendedEvents(ada, 2)
    const proof = { type: "page", after: pointOf(last), entries: [], head: { head: pointOf(last) } }
    expect(await log.range(ada, epoch, place(last))).toMatchObject(proof)
    await log.appended(ada, [event("c")])
    expect(dataOf(await log.entriesAfter(ada, pointOf(last)))).toEqual(["c"])
  })

  test("L6 a session without entries is proven empty at the place before the first", async () => {
    const log = await LogUser.of(make)
    const { summary } = only(await log.create(ada), "created")
    const page = only(await log.range(ada, summary.head.epoch, place(origin)), "page")
    expect([page.after, page.entries, page.head.head]).toEqual([origin, [], origin])
  })

  test("L6 a page ends within its budget of events and bytes, and holds one entry whatever the budget", async () => {
    const log = await LogUser.of(make)
    const { entries } = await log.appendedEvents(ada, 5)
    const bytes = entries.slice(0, 3).reduce((sum, entry) => sum + entry.bytes, 0)
    const given = async (budget: { events: number; bytes: number }) => dataOf(await log.entriesAfter(ada, origin, budget))
    expect(await given({ events: 2, bytes: all.bytes })).toEqual([1, 2])
    expect(await given({ events: 9, bytes })).toEqual([1, 2, 3])
    expect(await given({ events: 9, bytes: bytes - 1 })).toEqual([1, 2])
    expect(await given({ events: 9, bytes: 0 })).toEqual([1])
    expect(await given({ events: 1, bytes: 0 })).toEqual([1])
  })

  test("L6 pages put together are the log: nothing twice, nothing missing", async () => {
    const log = await LogUser.of(make)
    const { epoch, entries } = await log.appendedEvents(ada, 10)
    const read: string[] = []
    for (let after: Point = origin; ; ) {
      const page = only(await log.range(ada, epoch, place(after), { events: 3, bytes: all.bytes }), "page")
      read.push(...page.entries.map((entry) => entry.text))
      after = pointOf(page.entries.at(-1) ?? page.after)
      if (page.entries.length === 0) break
    }
    expect(read).toEqual(entries.map((entry) => entry.text))
  })

  test("L7 a place of another epoch is unreadable as `epoch`, before its position is looked at", async () => {
    const log = await LogUser.of(make)
    const old = await log.appendedEvents(ada, 9)
    only(await log.delete(ada), "deleted")
    const { epoch, last } = await log.appendedEvents(ada, 2)
    const head = { epoch, head: pointOf(last), floor: origin, closed: null }
    expect(await log.range(ada, old.epoch, place(old.last))).toEqual({ type: "unreadable", reason: "epoch", head })
    expect(await log.range(ada, old.epoch, place(origin))).toEqual({ type: "unreadable", reason: "epoch", head })
    const forged = parseEpoch("forged.forged")
    if (forged === undefined) throw new Error("an epoch by its shape")
    expect(await log.range(ada, forged, place(last))).toEqual({ type: "unreadable", reason: "epoch", head })
  })

  test("L7 a place past the head is unreadable as `ahead`, never an empty page", async () => {
    const log = await LogUser.of(make)
    const { epoch, last } = await log.appendedEvents(ada, 2)
    const past = { ...pointOf(last), position: position(3) }
    expect(await log.range(ada, epoch, place(past))).toMatchObject({ type: "unreadable", reason: "ahead", head: { head: pointOf(last) } })
    expect(await log.range(ada, epoch, { position: position(3), point: undefined })).toMatchObject({ type: "unreadable", reason: "ahead" })
  })

  test("L7 a place where another entry stands is unreadable as `diverged`, the head included", async () => {
    const log = await LogUser.of(make)
    const { epoch, entries } = await log.appendedEvents(ada, 3)
    for (const entry of entries) {
      const forged = { ...pointOf(entry), mark: mark(entry.mark === 1 ? 2 : 1) }
      expect(await log.range(ada, epoch, place(forged))).toMatchObject({ type: "unreadable", reason: "diverged" })
      only(await log.range(ada, epoch, place(pointOf(entry))), "page")
    }
  })

  test("L7 a place behind the floor is unreadable as `trimmed`, whatever its mark", async () => {
    const log = await LogUser.of(make)
    const { epoch, entries, last } = await log.appendedEvents(ada, 12, { create: { ...plain, retention: { events: 4 } } })
    await log.save(ada, epoch, snapshotAt(last, 12))
    const { floor } = await log.head(ada)
    const behind = pointOf(entries[floor.position - 2] ?? origin)
    const trimmed = { type: "unreadable", reason: "trimmed", head: { floor, head: pointOf(last) } }
    expect(await log.range(ada, epoch, place(behind))).toMatchObject(trimmed)
    expect(await log.range(ada, epoch, place({ ...behind, mark: mark(1) }))).toMatchObject(trimmed)
    expect(await log.range(ada, epoch, { position: behind.position, point: undefined })).toMatchObject(trimmed)
  })

  test("L7 the floor itself can be read on from, and its mark is checked", async () => {
    const log = await LogUser.of(make)
    const { epoch, entries, last } = await log.appendedEvents(ada, 12, { create: { ...plain, retention: { events: 4 } } })
    await log.save(ada, epoch, snapshotAt(last, 12))
    const { floor } = await log.head(ada)
    expect(only(await log.range(ada, epoch, place(floor)), "page").entries.map(told)).toEqual(entries.slice(floor.position).map(told))
    const forged = { ...floor, mark: mark(floor.mark === 1 ? 2 : 1) }
    expect(await log.range(ada, epoch, place(forged))).toMatchObject({ type: "unreadable", reason: "diverged" })
  })

  test("a place asked by position alone is answered with the point that the log holds there", async () => {
    const log = await LogUser.of(make)
    const { epoch, entries } = await log.appended(ada, [event("a"), commit("v1"), event("b")])
    const page = only(await log.range(ada, epoch, { position: position(2), point: undefined }), "page")
    expect(page.after).toEqual(pointOf(entries[1] ?? origin))
    expect(dataOf(page.entries)).toEqual(["b"])
  })
}

function openLaws(make: MakeLog): void {
  test("opening gives settings, head, and the entries from the first on while no snapshot is saved", async () => {
    const log = await LogUser.of(make)
    const settings = { model: "log", retention: { events: 500, bytes: 1e6, ageMs: 1e9 }, metadata: { title: "Ada" } }
    const { epoch, entries, last } = await log.appended(ada, [event("a"), commit("v1"), event("b")], { create: settings })
    const opened = await log.open(ada)
    expect(opened.head).toEqual({ epoch, head: pointOf(last), floor: origin, closed: null })
    expect([opened.settings, opened.snapshot]).toEqual([settings, undefined])
    expect(opened.entries.map(told)).toEqual(entries.map(told))
  })

  test("opening gives the last snapshot and the entries after it, within the budget", async () => {
    const log = await LogUser.of(make)
    const { epoch, entries } = await log.appendedEvents(ada, 6)
    const second = pointOf(entries[1] ?? origin)
    await log.save(ada, epoch, snapshotAt(second, { folded: 2 }))
    const opened = await log.open(ada, { events: 3, bytes: all.bytes })
    expect(opened.snapshot).toEqual(snapshotAt(second, { folded: 2 }))
    expect(dataOf(opened.entries)).toEqual([3, 4, 5])
    expect(opened.head.head.position).toBe(6)
  })
}

function snapshotLaws(make: MakeLog): void {
  test("a snapshot older than the one that is kept is ignored; one at the same place replaces it", async () => {
    const log = await LogUser.of(make)
    const { epoch, entries } = await log.appendedEvents(ada, 3)
    const [first = origin, second = origin] = entries
    await log.save(ada, epoch, snapshotAt(pointOf(second), "second"))
    await log.save(ada, epoch, snapshotAt(pointOf(first), "first"))
    expect((await log.open(ada)).snapshot).toEqual(snapshotAt(pointOf(second), "second"))
    const refolded = { ...snapshotAt(pointOf(second), "refolded"), modelVersion: 2 }
    await log.save(ada, epoch, refolded)
    expect((await log.open(ada)).snapshot).toEqual(refolded)
  })

  test("a snapshot of another epoch, past the head or of another entry is ignored", async () => {
    const log = await LogUser.of(make)
    const old = await log.appendedEvents(ada, 3)
    only(await log.delete(ada), "deleted")
    const { epoch, last } = await log.appendedEvents(ada, 3)
    await log.save(ada, old.epoch, snapshotAt(pointOf(last), "old"))
    await log.save(ada, epoch, snapshotAt({ ...pointOf(last), position: position(4) }, "ahead"))
    await log.save(ada, epoch, snapshotAt({ ...pointOf(last), mark: mark(last.mark === 1 ? 2 : 1) }, "diverged"))
    expect((await log.open(ada)).snapshot).toBe(undefined)
  })
}

function sessionLaws(make: MakeLog): void {
  test("creating a session that is there changes nothing and says what is there", async () => {
    const log = await LogUser.of(make)
    const settings = { model: "log", retention: {}, metadata: { n: 1 } }
    const made = only(await log.create(ada, settings), "created")
    expect(made).toMatchObject({ created: true, summary: { session: ada, settings, head: { head: origin, floor: origin, closed: null } } })
    const { epoch, last } = await log.appended(ada, [event("a")])
    expect(epoch).toBe(made.summary.head.epoch)
    const head = { epoch, head: pointOf(last), floor: origin, closed: null }
    expect(await log.create(ada, plain)).toEqual({ type: "created", created: false, summary: { session: ada, settings, head } })
  })

  test("what is asked of a session that is not there is absent, and makes none", async () => {
    const log = await LogUser.of(make)
    const { epoch } = await log.appended(bob, [event("x")])
    expect(await ask(log.log, { type: "head", session: ada })).toEqual({ type: "absent" })
    expect(await ask(log.log, { type: "open", session: ada, budget: all })).toEqual({ type: "absent" })
    expect(await log.range(ada, epoch, place(origin))).toEqual({ type: "absent" })
    expect(await log.delete(ada)).toEqual({ type: "absent" })
    expect(await ask(log.log, { type: "save", session: ada, epoch, snapshot: snapshotAt(origin, null) })).toEqual({ type: "absent" })
    expect((await log.list("lab", undefined, 10)).sessions.map((summary) => summary.session)).toEqual([bob])
  })

  test("a workspace's sessions are listed in the order of their ids' characters, page by page, each once", async () => {
    const log = await LogUser.of(make)
    for (const id of ["b", "a", "Z", "a.b", "10", "9", "~"]) await log.create(sessionName("lab", id))
    await log.create(sessionName("mill", "aa"))
    const pages: string[][] = []
    let after: string | undefined
    do {
      const { sessions, next } = await log.list("lab", after, 3)
      pages.push(sessions.map((summary) => summary.session))
      after = next
    } while (after !== undefined)
    expect(pages).toEqual([["lab/10", "lab/9", "lab/Z"], ["lab/a", "lab/a.b", "lab/b"], ["lab/~"]])
  })

  test("a list goes on after an id whether that session is still there or not, and says when it is the last", async () => {
    const log = await LogUser.of(make)
    for (const id of ["a", "b", "c"]) await log.create(sessionName("lab", id))
    expect((await log.list("lab", undefined, 5)).sessions.length).toBe(3)
    only(await log.delete(sessionName("lab", "b")), "deleted")
    expect(await log.list("lab", "b", 1)).toMatchObject({ sessions: [{ session: "lab/c" }], next: undefined })
    expect(await log.list("lab", undefined, 1)).toMatchObject({ sessions: [{ session: "lab/a" }], next: "a" })
    expect(await log.list("lab", undefined, 2)).toMatchObject({ sessions: [{ session: "lab/a" }, { session: "lab/c" }], next: undefined })
    expect(await log.list("lab", "c", 5)).toEqual({ type: "listed", sessions: [], next: undefined })
    expect(await log.list("nowhere", undefined, 5)).toEqual({ type: "listed", sessions: [], next: undefined })
  })

  test("a summary tells the head and the settings of its session", async () => {
    const log = await LogUser.of(make)
    const settings = { model: "log", retention: { events: 9 }, metadata: ["x"] }
    const { epoch, last } = await log.appended(ada, [event("a"), commit("v1")], { create: settings })
    const { sessions } = await log.list("lab", undefined, 10)
    expect(sessions).toEqual([{ session: ada, settings, head: { epoch, head: pointOf(last), floor: origin, closed: null } }])
  })
}
