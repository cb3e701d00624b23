// The laws of a durable log, as tests that any implementation of the port runs: `describeSessionLog("ours", make)`. A law
// may ask only what the port promises, never what one backend happens to do: a bug found in a backend becomes a law here
// before it is fixed there. Keys have their own file (`idempotency-laws.ts`), and so have reads (`range-laws.ts`) and what a
// log lets go of (`retention-laws.ts`).

import { jsonText, origin, pointOf, position, sessionName, type Draft, type Entry } from "@tidemark/kernel"
import type { LogAnswer, LogRequest } from "@tidemark/driver"
import { describe, expect, test } from "vitest"
import { idempotencyLaws } from "./idempotency-laws.ts"
import { ada, afterStart, all, ask, bob, close, commit, dataOf, event, LogUser, only, part, place, plain } from "./log-under-test.ts"
import { snapshotAt, start, told, type MakeLog } from "./log-under-test.ts"
import { rangeLaws } from "./range-laws.ts"
import { retentionLaws } from "./retention-laws.ts"

/** Registers the laws as one suite. `make` is called once for each test and gives a fresh, empty log. */
export function describeSessionLog(name: string, make: MakeLog): void {
  describe(`session log: ${name}`, () => {
    describe("positions and epochs", () => {
      placeLaws(make)
    })
    describe("appending", () => {
      appendLaws(make)
    })
    describe("idempotency keys", () => {
      idempotencyLaws(make)
    })
    describe("reading", () => {
      rangeLaws(make)
    })
    describe("retention", () => {
      retentionLaws(make)
    })
    describe("restarts", () => {
      restartLaws(make)
    })
  })
}

function placeLaws(make: MakeLog): void {
  test("L1 positions are dense integers from 1, over batches, parts and requests", async () => {
    const log = await LogUser.of(make)
    const first = await log.appendedEvents(ada, 3)
    const outcomes = await log.group([part(ada, [event("b")]), part(bob, [event("other")]), part(ada, [event("c"), event("d")])])
    expect([first.first, first.last.position, first.floor]).toEqual([1, 3, origin])
    expect(outcomes.map((outcome) => only(outcome, "appended").first)).toEqual([4, 1, 5])
    expect((await log.entriesAfter(ada, origin)).map((entry) => entry.position)).toEqual([1, 2, 3, 4, 5, 6])
  })

  test("L1 appends that are under way together get places of their own", async () => {
    const log = await LogUser.of(make)
    await log.create(ada)
    const together = Math.min(log.log.appendsInFlightMax, 4)
    const writers = Array.from({ length: together }, (_, writer) => log.appended(ada, [event([writer, 1]), event([writer, 2])]))
    const first = (await Promise.all(writers)).map((outcome): number => outcome.first).sort((a, b) => a - b)
    expect(first).toEqual([1, 3, 5, 7].slice(0, together))
    expect((await log.entriesAfter(ada, origin)).length).toBe(2 * together)
  })

  test("L1 eight writers of 200 events each get 1,600 places", async () => {
    const log = await LogUser.of(make)
    for (let round = 0; round < 40; round++) {
      const eventsOf = (writer: number) => Array.from({ length: 5 }, (_, i) => event([writer, 5 * round + i]))
      await log.group(Array.from({ length: 8 }, (_, writer) => part(ada, eventsOf(writer))))
    }
    const entries = await log.entriesAfter(ada, origin)
    expect(entries.map((entry): number => entry.position)).toEqual(Array.from({ length: 1600 }, (_, i) => i + 1))
    const writerSeven = dataOf(entries).filter((data) => Array.isArray(data) && data[0] === 7)
    expect(writerSeven).toEqual(Array.from({ length: 200 }, (_, i) => [7, i]))
  })

  test("L1 a session that is deleted and made again has another epoch and begins at 1", async () => {
    const log = await LogUser.of(make)
    const before = await log.appended(ada, [event("old"), close("done")])
    only(await log.delete(ada), "deleted")
    only(await ask(log.log, { type: "head", session: ada }), "absent")
    const after = await log.appended(ada, [event("new")])
    expect(after.epoch).not.toBe(before.epoch)
    expect([after.created, after.first]).toEqual([true, 1])
    expect(await log.head(ada)).toMatchObject({ epoch: after.epoch, head: pointOf(after.last), floor: origin, closed: null })
    expect(dataOf(await log.entriesAfter(ada, origin))).toEqual(["new"])
  })

  test("L1 every session has an epoch of its own, within one generation of the log", async () => {
    const log = await LogUser.of(make)
    const epochs = [await log.appended(ada, [event(1)]), await log.appended(bob, [event(1)])].map((outcome) => outcome.epoch.split("."))
    expect(epochs[0]?.[0]).toBe(epochs[1]?.[0])
    expect(epochs[0]?.[1]).not.toBe(epochs[1]?.[1])
  })

  test("L3 a commit raises the revision by one, all else leaves it, and every entry carries the one in force", async () => {
    const log = await LogUser.of(make)
    const hole: Draft = { type: "hole", count: 3, reason: "lost" }
    const { entries, last } = await log.appended(ada, [event("a"), commit("v1"), event("b"), hole, commit("v2")])
    expect(entries.map((entry): number => entry.revision)).toEqual([0, 1, 1, 1, 2])
    expect(last.revision).toBe(2)
    const closed = await log.appended(ada, [close("done")])
    expect(closed.last.revision).toBe(2)
    expect((await log.head(ada)).head.revision).toBe(2)
  })

  test("L3 whether a draft commits is the caller's word, never its kind", async () => {
    const log = await LogUser.of(make)
    const data = jsonText("any")
    const forged: Draft = { type: "event", kind: "committed", data, commit: false }
    const settled: Draft = { type: "event", kind: "line", data, commit: true }
    const { entries } = await log.appended(ada, [forged, settled])
    expect(entries.map((entry): number => entry.revision)).toEqual([0, 1])
    expect(entries.map((entry) => entry.type === "event" && entry.committed)).toEqual([false, true])
  })

  test("L16 `at` is the request's, and never earlier than the entry before", async () => {
    const log = await LogUser.of(make)
    await log.appended(ada, [event("a")], {}, afterStart(500))
    await log.appended(ada, [event("b")], {}, start)
    await log.appended(ada, [event("c")], {}, afterStart(501))
    const stamps = (await log.entriesAfter(ada, origin)).map(atOf)
    expect(stamps).toEqual(["2009-02-13T23:31:30.500Z", "2009-02-13T23:31:30.500Z", "2009-02-13T23:31:30.501Z"])
  })

  test("an entry's text says its position, revision, kind, time and data, and stays byte for byte what was answered", async () => {
    const log = await LogUser.of(make)
    const data = { text: "line\u2028break \"quoted\" \ud83c\udf0a \u0000", nested: [{ ["__proto__"]: 1 }], n: -1.5e-7 }
    const { entries } = await log.appended(ada, [event(data), commit(null), { type: "hole", reason: "full" }, close("done")])
    const read = await log.entriesAfter(ada, origin)
    expect(read.map(told)).toEqual(entries.map(told))
    expect(read.map((entry): unknown => JSON.parse(entry.text))).toEqual([
      { position: 1, revision: 0, kind: "line", at: "2009-02-13T23:31:30.000Z", data },
      { position: 2, revision: 1, kind: "committed", at: "2009-02-13T23:31:30.000Z", data: null, commit: true },
      { position: 3, revision: 1, at: "2009-02-13T23:31:30.000Z", hole: { reason: "full" } },
      { position: 4, revision: 1, at: "2009-02-13T23:31:30.000Z", closed: { reason: "done" } },
    ])
  })

  test("a mark depends on the entry, on the time it was stamped with, and on everything before it", async () => {
    const log = await LogUser.of(make)
    const fork = [event("same"), event("same")]
    const one = await log.appended(ada, [event("x"), ...fork])
    const other = await log.appended(bob, [event("y"), ...fork])
    const late = await log.appended(sessionName("lab", "late"), [event("x"), ...fork], {}, afterStart(1))
    const again = await log.appended(sessionName("lab", "again"), [event("x"), ...fork])
    const marks = [one, other, late].flatMap((outcome) => outcome.entries.map((entry): number => entry.mark))
    expect(new Set(marks).size).toBe(9)
    expect(again.entries.map(told)).toEqual(one.entries.map(told))
    expect((await log.head(ada)).head).toEqual(pointOf(one.last))
  })
}

function appendLaws(make: MakeLog): void {
  test("every request is answered exactly once", async () => {
    const log = await LogUser.of(make)
    const { epoch, last } = await log.appendedEvents(ada, 1)
    const requests: LogRequest[] = [
      { type: "append", at: start, parts: [part(ada, [event("a")])] },
      { type: "head", session: ada },
      { type: "open", session: ada, budget: all },
      { type: "range", session: ada, epoch, after: place(last), budget: all },
      { type: "create", session: ada, settings: plain, at: start },
      { type: "list", workspace: "lab", after: undefined, limit: 10 },
      { type: "save", session: ada, epoch, snapshot: snapshotAt(last, null) },
      { type: "trim", session: ada, epoch, keep: { events: 1 }, at: start },
      { type: "delete", session: ada },
      { type: "head", session: ada },
    ]
    const answers: LogAnswer["type"][][] = []
    for (const request of requests) {
      const given: LogAnswer["type"][] = []
      answers.push(given)
      await new Promise<void>((resolve) =>
        log.log.submit(request, (answer) => {
          given.push(answer.type)
          resolve()
        }),
      )
    }
    const types = ["appended", "head", "opened", "page", "created", "listed", "saved", "trimmed", "deleted", "absent"]
    expect(answers).toEqual(types.map((type) => [type]))
  })

  test("an append says how far it is durable: as far as the log promised", async () => {
    const log = await LogUser.of(make)
    const answer = only(await ask(log.log, { type: "append", at: start, parts: [part(ada, [event("a")])] }), "appended")
    expect(answer.durability).toBe(log.log.durability)
  })

  test("L4 a session that is not there is made on request, else it is absent and stays so", async () => {
    const log = await LogUser.of(make)
    expect(await log.append(ada, [event("a")], { create: false })).toEqual({ type: "absent" })
    only(await ask(log.log, { type: "head", session: ada }), "absent")
    const settings = { model: "log", retention: { events: 500 }, metadata: { title: "Ada" } }
    expect((await log.appended(ada, [event("a")], { create: settings })).created).toBe(true)
    expect((await log.appended(ada, [event("b")], { create: plain })).created).toBe(false)
    expect((await log.open(ada)).settings).toEqual(settings)
  })

  test("L4 an expectation that does not hold appends nothing and is answered with the actual epoch and place", async () => {
    const log = await LogUser.of(make)
    const { epoch, last } = await log.appended(ada, [event("a"), commit("v1")])
    const other = await log.appended(bob, [event("x"), event("y"), event("z")])
    const failed = { type: "expectation_failed", epoch, actual: pointOf(last) }
    expect(await log.append(ada, [event("b")], { expect: { epoch: other.epoch } })).toEqual(failed)
    expect(await log.append(ada, [event("b")], { expect: { position: other.last.position } })).toEqual(failed)
    expect(await log.append(ada, [event("b")], { expect: { position: last.position, mark: other.last.mark } })).toEqual(failed)
    expect(await log.append(ada, [event("b")], { expect: { revision: 0 } })).toEqual(failed)
    expect(await log.append(ada, [event("b")], { expect: { epoch: other.epoch, position: last.position, revision: 1 } })).toEqual(failed)
    expect((await log.head(ada)).head).toEqual(pointOf(last))
  })

  test("L4 an expectation that holds does not hinder, whichever of its parts are given", async () => {
    const log = await LogUser.of(make)
    const { epoch } = await log.appended(ada, [commit("v1")])
    const second = await log.appended(ada, [event("b")], { expect: { epoch } })
    const third = await log.appended(ada, [event("c")], { expect: { position: second.last.position } })
    const fourth = await log.appended(ada, [event("d")], { expect: { revision: 1 } })
    const fifth = await log.appended(ada, [event("e")], { expect: { epoch, position: fourth.last.position, revision: 1 } })
    expect([third.first, fourth.first, fifth.first]).toEqual([3, 4, 5])
  })

  test("L4 of a session that is about to be made, only the place before the first entry may be expected", async () => {
    const log = await LogUser.of(make)
    const { epoch } = await log.appended(bob, [event("x")])
    expect(await log.append(ada, [event("a")], { expect: { position: position(1) } })).toEqual({ type: "absent" })
    expect(await log.append(ada, [event("a")], { expect: { revision: 1 } })).toEqual({ type: "absent" })
    expect(await log.append(ada, [event("a")], { expect: { epoch } })).toEqual({ type: "absent" })
    only(await ask(log.log, { type: "head", session: ada }), "absent")
    expect((await log.appended(ada, [event("a")], { expect: { position: origin.position, revision: 0 } })).first).toBe(1)
  })

  test("L4 closed comes before the expectation, and says where the close stands", async () => {
    const log = await LogUser.of(make)
    const { epoch, last } = await log.appended(ada, [event("a"), close("done")])
    const closed = { type: "closed", closed: { reason: "done" }, at: pointOf(last), epoch }
    expect(await log.append(ada, [event("late")], { expect: { position: origin.position } })).toEqual(closed)
    expect(await log.append(ada, [close("again")])).toEqual(closed)
    expect(await log.head(ada)).toMatchObject({ head: pointOf(last), closed: { reason: "done" } })
  })

  test("each part of a request stands or falls alone, in order", async () => {
    const log = await LogUser.of(make)
    const outcomes = await log.group([
      part(ada, [event("a")]),
      part(bob, [event("x")], { create: false }),
      part(ada, [event("b"), event("c")], { expect: { revision: 7 } }),
      part(ada, [event("d")], { expect: { revision: 0 } }),
      part(bob, [event("y")]),
      part(ada, [close("done")]),
      part(ada, [event("late")]),
    ])
    const types = outcomes.map((outcome) => outcome.type)
    expect(types).toEqual(["appended", "absent", "expectation_failed", "appended", "appended", "appended", "closed"])
    expect(dataOf(await log.entriesAfter(ada, origin))).toEqual(["a", "d"])
    expect(dataOf(await log.entriesAfter(bob, origin))).toEqual(["y"])
  })

  test("two workspaces may use one id and never learn of it", async () => {
    const log = await LogUser.of(make)
    const theirs = sessionName("mill", "ada")
    await log.appended(ada, [event("ours")], { key: "k" })
    const other = await log.appended(theirs, [event("theirs")], { key: "k", content: "another" })
    expect([other.created, other.first]).toEqual([true, 1])
    only(await log.delete(ada), "deleted")
    expect(dataOf(await log.entriesAfter(theirs, origin))).toEqual(["theirs"])
    expect((await log.list("lab", undefined, 10)).sessions).toEqual([])
  })

  test("L17 a workspace holds so many sessions and no more; those there go on, and a deletion makes room", async () => {
    const log = await LogUser.of(make)
    const limit = log.under.limits.sessionsPerWorkspace
    const names = Array.from({ length: limit + 1 }, (_, i) => sessionName("lab", `s${i}`))
    const [first = ada, ...others] = names
    const beyond = others.pop() ?? ada
    await log.group([first, ...others].map((session) => part(session, [event("a")])))
    expect(await log.append(beyond, [event("a")])).toEqual({ type: "full", limit })
    expect(await log.create(beyond)).toEqual({ type: "full", limit })
    expect((await log.appended(first, [event("b")])).first).toBe(2)
    expect((await log.appended(sessionName("mill", "other"), [event("a")])).created).toBe(true)
    only(await log.delete(first), "deleted")
    expect((await log.appended(beyond, [event("a")])).created).toBe(true)
  })
}

function restartLaws(make: MakeLog): void {
  test("L5 what was acknowledged is there after a restart: entries, marks, settings, snapshot, close", async (context) => {
    const log = await LogUser.of(make)
    context.skip(log.under.reopen === undefined, "nothing of this log outlives the process")
    const settings = { model: "log", retention: { events: 500 }, metadata: { title: "Ada" } }
    const { epoch, entries, last } = await log.appended(ada, [event("a"), commit("v1"), event("b"), close("done")], { create: settings })
    await log.save(ada, epoch, snapshotAt(entries[1] ?? origin, "v1"))
    await log.reopen()
    const opened = await log.open(ada)
    expect(opened.head).toEqual({ epoch, head: pointOf(last), floor: origin, closed: { reason: "done" } })
    expect(opened.settings).toEqual(settings)
    expect(opened.snapshot).toEqual(snapshotAt(pointOf(entries[1] ?? origin), "v1"))
    expect(opened.entries.map(told)).toEqual(entries.slice(2).map(told))
  })

  test("L2 a restart keeps the epoch and goes on with the next position, revision and time", async (context) => {
    const log = await LogUser.of(make)
    context.skip(log.under.reopen === undefined, "nothing of this log outlives the process")
    const before = await log.appended(ada, [event("a"), commit("v1")], {}, afterStart(500))
    await log.reopen()
    const after = await log.appended(ada, [commit("v2")], {}, start)
    expect([after.epoch, after.first, after.last.revision, after.created]).toEqual([before.epoch, 3, 2, false])
    expect((await log.entriesAfter(ada, pointOf(before.last))).map(atOf)).toEqual(["2009-02-13T23:31:30.500Z"])
  })

  test("L1 a session deleted before a restart and made again after it has another epoch", async (context) => {
    const log = await LogUser.of(make)
    context.skip(log.under.reopen === undefined, "nothing of this log outlives the process")
    const before = await log.appended(ada, [event("a")])
    only(await log.delete(ada), "deleted")
    await log.reopen()
    only(await ask(log.log, { type: "head", session: ada }), "absent")
    expect((await log.appended(ada, [event("a")])).epoch).not.toBe(before.epoch)
  })

  test("L1 a trimmed session keeps its floor, and the mark there, over a restart", async (context) => {
    const log = await LogUser.of(make)
    context.skip(log.under.reopen === undefined, "nothing of this log outlives the process")
    const { epoch, last } = await log.appendedEvents(ada, 12, { create: { ...plain, retention: { events: 4 } } })
    await log.save(ada, epoch, snapshotAt(last, 12))
    const { floor } = await log.head(ada)
    await log.reopen()
    expect(await log.head(ada)).toEqual({ epoch, head: pointOf(last), floor, closed: null })
    only(await log.range(ada, epoch, place(floor)), "page")
  })

  test("L1 a session trimmed to nothing goes on after a restart where it stood", async (context) => {
    const log = await LogUser.of(make)
    context.skip(log.under.reopen === undefined, "nothing of this log outlives the process")
    const { epoch, last } = await log.appendedEvents(ada, 3)
    await log.save(ada, epoch, snapshotAt(last, 3))
    await log.trimmed(ada, epoch, { events: 0 })
    await log.reopen()
    expect(await log.head(ada)).toEqual({ epoch, head: pointOf(last), floor: pointOf(last), closed: null })
    expect((await log.open(ada)).snapshot).toEqual(snapshotAt(pointOf(last), 3))
    const next = await log.appended(ada, [event(4)])
    expect([next.epoch, next.first, dataOf(await log.entriesAfter(ada, last))]).toEqual([epoch, 4, [4]])
  })

  test("L4 keys are remembered over a restart", async (context) => {
    const log = await LogUser.of(make)
    context.skip(log.under.reopen === undefined, "nothing of this log outlives the process")
    const { epoch, first, last } = await log.appended(ada, [event("a")], { key: "k" })
    await log.appended(ada, [event("b")], { key: "@ada:5" })
    await log.reopen()
    expect(await log.append(ada, [event("a")], { key: "k" })).toEqual({ type: "repeated", epoch, first, last: pointOf(last) })
    expect(await log.append(ada, [event("b")], { key: "@ada:4" })).toEqual({ type: "key_expired", highest: 5 })
  })
}

function atOf(entry: Entry): unknown {
  const { at }: { at?: unknown } = JSON.parse(entry.text)
  return at
}
