// What a log lets go of, and what of it stays: the retention that a session is made with, which a log may apply late, and
// the trim that somebody orders, which it may not. Part of `describeSessionLog`.

import { origin, pointOf, type Entry } from "@tidemark/kernel"
import { expect, test } from "vitest"
import { ada, afterStart, ask, bob, close, commit, dataOf, event, LogUser, only, place, plain } from "./log-under-test.ts"
import { snapshotAt, start, told, type MakeLog } from "./log-under-test.ts"

export function retentionLaws(make: MakeLog): void {
  const brief = { ...plain, retention: { events: 4 } }

  test("L1 a trimmed session keeps epoch, next position and the mark at its floor", async () => {
    const log = await LogUser.of(make)
    const { epoch, entries, last } = await log.appendedEvents(ada, 12, { create: brief })
    await log.save(ada, epoch, snapshotAt(last, 12))
    const trimmed = await log.head(ada)
    expect(trimmed).toMatchObject({ epoch, head: pointOf(last) })
    expect(trimmed.floor.position).toBeGreaterThan(0)
    expect(trimmed.floor).toEqual(pointOf(entries[trimmed.floor.position - 1] ?? origin))
    const next = await log.appended(ada, [event(13)])
    expect([next.epoch, next.first]).toEqual([epoch, 13])
    expect(next.floor.position).toBeGreaterThanOrEqual(trimmed.floor.position)
  })

  test("what the retention promises to keep is kept: so many of the latest entries at least", async () => {
    const log = await LogUser.of(make)
    const { epoch, last, entries } = await log.appendedEvents(ada, 12, { create: brief })
    await log.save(ada, epoch, snapshotAt(last, 12))
    const { floor } = await log.head(ada)
    expect(floor.position).toBeLessThanOrEqual(8)
    expect((await log.entriesAfter(ada, floor)).map(told)).toEqual(entries.slice(floor.position).map(told))
  })

  test("trimming never passes the last saved snapshot: every view can still be folded", async () => {
    const log = await LogUser.of(make)
    const { epoch, entries } = await log.appendedEvents(ada, 12, { create: brief })
    await log.under.trim?.()
    expect((await log.head(ada)).floor).toEqual(origin)
    const fifth: Entry | undefined = entries[4]
    await log.save(ada, epoch, snapshotAt(fifth ?? origin, 5))
    await log.appended(ada, [event(13)])
    await log.under.trim?.()
    expect((await log.head(ada)).floor.position).toBeLessThanOrEqual(5)
    const opened = await log.open(ada)
    expect(opened.snapshot?.point.position).toBe(5)
    expect(dataOf(opened.entries)).toEqual([6, 7, 8, 9, 10, 11, 12, 13])
  })

  test("retention by age goes by the entries' own time", async () => {
    const log = await LogUser.of(make)
    const create = { ...plain, retention: { ageMs: 1000 } }
    await log.appended(ada, [event("old")], { create }, start)
    const { epoch, last } = await log.appended(ada, [event("young")], {}, afterStart(900))
    await log.save(ada, epoch, snapshotAt(last, null))
    await log.appended(ada, [event("now")], {}, afterStart(1800))
    await log.under.trim?.()
    expect((await log.head(ada)).floor.position).toBe(1)
    expect(dataOf((await log.open(ada)).entries)).toEqual(["now"])
  })

  test("a snapshot at the place of the one before takes its place: a later version of the model may show it otherwise", async () => {
    const log = await LogUser.of(make)
    const { epoch, last } = await log.appendedEvents(ada, 3)
    await log.save(ada, epoch, snapshotAt(last, "old"))
    const again = { ...snapshotAt(last, "new"), modelVersion: 2 }
    await log.save(ada, epoch, again)
    expect((await log.open(ada)).snapshot).toEqual(again)
  })

  trimLaws(make)
}

/** A trim is an order to be carried out now; where the retention may be late, a trim is exact. */
function trimLaws(make: MakeLog): void {
  test("L1 a trim to nothing keeps epoch, next position and the mark at the floor", async () => {
    const log = await LogUser.of(make)
    const { epoch, last } = await log.appended(ada, [event(1), commit("v1"), event(3)])
    await log.save(ada, epoch, snapshotAt(last, "v1"))
    const head = { epoch, head: pointOf(last), floor: pointOf(last), closed: null }
    expect(await log.trim(ada, epoch, { events: 0 })).toEqual({ type: "trimmed", head })
    expect(await log.head(ada)).toEqual(head)
    expect((await log.open(ada)).snapshot).toEqual(snapshotAt(pointOf(last), "v1"))
    expect(await log.entriesAfter(ada, last)).toEqual([])
    const next = await log.appended(ada, [commit("v2")])
    expect([next.epoch, next.first, next.last.revision, next.floor]).toEqual([epoch, 4, 2, pointOf(last)])
    expect(dataOf(await log.entriesAfter(ada, last))).toEqual(["v2"])
  })

  test("a trim keeps exactly as many of the latest entries as it says, and the floor is the point of the last one let go", async () => {
    const log = await LogUser.of(make)
    const { epoch, entries, last } = await log.appendedEvents(ada, 12)
    await log.save(ada, epoch, snapshotAt(last, 12))
    for (const [keep, gone] of [[12, 0], [7, 5], [8, 5], [1, 11]] as const) {
      const { floor } = await log.trimmed(ada, epoch, { events: keep })
      expect([keep, floor]).toEqual([keep, pointOf(entries[gone - 1] ?? origin)])
      expect((await log.entriesAfter(ada, floor)).map(told)).toEqual(entries.slice(gone).map(told))
    }
  })

  test("a trim by bytes counts the texts as UTF-8, and keeps as many of the latest entries as fit", async () => {
    const log = await LogUser.of(make)
    const { epoch, entries, last } = await log.appended(ada, ["one", "zwölf", "☃😀", "four"].map(event))
    await log.save(ada, epoch, snapshotAt(last, null))
    const latest = (count: number) => entries.slice(-count).reduce((sum, entry) => sum + Buffer.byteLength(entry.text), 0)
    expect((await log.trimmed(ada, epoch, { bytes: latest(3) })).floor).toEqual(pointOf(entries[0] ?? origin))
    expect((await log.trimmed(ada, epoch, { bytes: latest(3) - 1 })).floor).toEqual(pointOf(entries[1] ?? origin))
    expect((await log.trimmed(ada, epoch, { bytes: 0 })).floor).toEqual(pointOf(last))
  })

  test("a trim by age counts from its own time: what is older goes, what is as old as that stays", async () => {
    const log = await LogUser.of(make)
    const { epoch } = await log.appended(ada, [event("a"), event("b")], {}, start)
    await log.appended(ada, [event("c")], {}, afterStart(500))
    const { last } = await log.appended(ada, [event("d")], {}, afterStart(5000))
    await log.save(ada, epoch, snapshotAt(last, null))
    expect((await log.trimmed(ada, epoch, { ageMs: 1000 }, afterStart(1000))).floor).toEqual(origin)
    expect((await log.trimmed(ada, epoch, { ageMs: 1000 }, afterStart(1001))).floor.position).toBe(2)
    expect((await log.trimmed(ada, epoch, { ageMs: 0 }, afterStart(5000))).floor.position).toBe(3)
    expect((await log.trimmed(ada, epoch, { ageMs: 0 }, afterStart(5001))).floor.position).toBe(4)
  })

  test("of several bounds each is kept to, and one that is left out does not exist", async () => {
    const log = await LogUser.of(make)
    const { epoch, last, entries } = await log.appendedEvents(ada, 6)
    await log.save(ada, epoch, snapshotAt(last, 6))
    expect((await log.trimmed(ada, epoch, {}, afterStart(1e9))).floor).toEqual(origin)
    expect((await log.trimmed(ada, epoch, { events: 4, bytes: 1e6, ageMs: 1e6 })).floor.position).toBe(2)
    const bytes = Buffer.byteLength(entries[5]?.text ?? "")
    expect((await log.trimmed(ada, epoch, { events: 3, bytes })).floor.position).toBe(5)
  })

  test("a trim never passes the last saved snapshot, and without one nothing goes", async () => {
    const log = await LogUser.of(make)
    const { epoch, entries } = await log.appendedEvents(ada, 6)
    const nothing = { events: 0, bytes: 0, ageMs: 0 }
    expect((await log.trimmed(ada, epoch, nothing, afterStart(1e9))).floor).toEqual(origin)
    const fourth = entries[3] ?? origin
    await log.save(ada, epoch, snapshotAt(fourth, 4))
    await log.appended(ada, [event(7)])
    expect((await log.trimmed(ada, epoch, nothing, afterStart(1e9))).floor).toEqual(pointOf(fourth))
    const opened = await log.open(ada)
    expect([opened.snapshot?.point.position, dataOf(opened.entries)]).toEqual([4, [5, 6, 7]])
  })

  test("L7 what a trim let go of is trimmed to whoever asks for it, and the floor itself can be read from", async () => {
    const log = await LogUser.of(make)
    const { epoch, entries, last } = await log.appendedEvents(ada, 6)
    await log.save(ada, epoch, snapshotAt(last, 6))
    const head = await log.trimmed(ada, epoch, { events: 2 })
    const [third, fourth] = entries.slice(2)
    expect(await log.range(ada, epoch, place(third ?? origin))).toEqual({ type: "unreadable", reason: "trimmed", head })
    expect(dataOf(await log.entriesAfter(ada, fourth ?? origin))).toEqual([5, 6])
  })

  test("L2 a trim meant for another epoch lets go of nothing and says where the session is", async () => {
    const log = await LogUser.of(make)
    const { epoch } = await log.appendedEvents(bob, 1)
    const { epoch: own, last } = await log.appendedEvents(ada, 3)
    await log.save(ada, own, snapshotAt(last, 3))
    const head = { epoch: own, head: pointOf(last), floor: origin, closed: null }
    expect(await log.trim(ada, epoch, { events: 0 })).toEqual({ type: "unreadable", reason: "epoch", head })
    expect((await log.entriesAfter(ada, origin)).length).toBe(3)
    only(await log.delete(bob), "deleted")
    only(await log.trim(bob, epoch, { events: 0 }), "absent")
    only(await ask(log.log, { type: "head", session: bob }), "absent")
  })

  test("L4 a trim takes neither keys nor the close: what was done stays done", async () => {
    const log = await LogUser.of(make)
    const { epoch, first, last } = await log.appended(ada, [event("a")], { key: "k" })
    const closed = await log.appended(ada, [close("done")], { key: "@ada:1" })
    await log.save(ada, epoch, snapshotAt(closed.last, null))
    const head = { epoch, head: pointOf(closed.last), floor: pointOf(closed.last), closed: { reason: "done" } }
    expect(await log.trimmed(ada, epoch, { events: 0 })).toEqual(head)
    expect(await log.append(ada, [event("a")], { key: "k" })).toEqual({ type: "repeated", epoch, first, last: pointOf(last) })
    expect((await log.append(ada, [close("done")], { key: "@ada:1" })).type).toBe("repeated")
    expect((await log.append(ada, [event("late")])).type).toBe("closed")
  })

  test("a trim is of one session: others keep what they have", async () => {
    const log = await LogUser.of(make)
    const { epoch, last } = await log.appendedEvents(ada, 3)
    const other = await log.appendedEvents(bob, 3)
    await log.save(ada, epoch, snapshotAt(last, 3))
    await log.save(bob, other.epoch, snapshotAt(other.last, 3))
    await log.trimmed(ada, epoch, { events: 0 }, afterStart(1e9))
    expect((await log.entriesAfter(bob, origin)).length).toBe(3)
  })
}
