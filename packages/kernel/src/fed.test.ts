// A fed session: an outside log assigned the positions, and the kernel is told.

import { describe, expect, test } from "vitest"
import { cursorText } from "./cursor.ts"
import { seal, type Draft, type Entry, type SessionEvent } from "./entry.ts"
import { everything } from "./filter.ts"
import type { Head } from "./head.ts"
import { epoch, instant, mark, origin, position, sessionName, timestamp, type Epoch, type Point } from "./ids.ts"
import { jsonText } from "./json.ts"
import { budget, config } from "./kernel.testing.ts"
import { Kernel } from "./machine.ts"
import { defineModel, type SessionModel, type Shown } from "./model.ts"
import type { SessionOrigin } from "./origin.ts"
import type { ReaderStart } from "./outcomes.ts"

const name = sessionName("default", "fed")
const e1 = epoch("gen", "one")
const e2 = epoch("gen", "two")
const t0 = instant(0)

/** What a log would have recorded: `count` events, `salt` telling one history from another. */
function entries(count: number, salt = "", special: ReadonlyMap<number, Draft> = new Map()): readonly Entry[] {
  const list: Entry[] = []
  for (let n = 1; n <= count; n++) {
    const draft = special.get(n) ?? { type: "event", kind: "line", data: jsonText(`${salt}${n}`), commit: false }
    list.push(seal(list.at(-1) ?? origin, timestamp(0), draft))
  }
  return list
}

function opened(all: readonly Entry[], extra: Partial<SessionOrigin> = {}, parts: Partial<typeof config> = {}): Kernel {
  const kernel = new Kernel({ ...config, ...parts })
  const base = { point: origin, shown: undefined, closed: null }
  expect(kernel.openSession(t0, name, { epoch: e1, model: "log", modelVersion: 1, floor: origin, base, entries: all, ...extra }).type).toBe("opened")
  return kernel
}

const head = (at: Point, floor: Point = origin, of: Epoch = e1): Head => ({ epoch: of, head: at, floor, closed: null })
const last = (all: readonly Entry[]): Point => all.at(-1) ?? origin

function reader(kernel: Kernel, start: ReaderStart, proof: Head, recovery: "events" | "rest" = "events") {
  const outcome = kernel.subscribe(t0, name, start, { filter: everything, recovery }, proof)
  if (outcome.type !== "subscribed") throw new Error(outcome.type)
  return outcome.reader
}

/** Events as their positions, a gap as its reason and what is missed, everything else by name. */
function given(outcome: ReturnType<Kernel["read"]> | undefined) {
  if (outcome?.type === "events") return outcome.batch.events.map((event) => event.position)
  if (outcome?.type === "gap") return `gap ${outcome.gap.reason} ${outcome.gap.missed}`
  return outcome?.type
}

describe("facts from the log", () => {
  test("entries are installed in a row; what is known is passed over, what is early names what is missing", () => {
    const all = entries(6)
    const kernel = opened(all.slice(0, 2))
    expect(kernel.handleAppended(t0, name, e1, all.slice(0, 2))).toEqual({ type: "current" })
    expect(kernel.handleAppended(t0, name, e1, all.slice(4))).toEqual({ type: "missing", after: all[1] })
    expect(kernel.handleAppended(t0, name, e1, all.slice(1, 4))).toEqual({ type: "installed" })
    expect(kernel.handleHead(t0, name, head(last(all)))).toEqual({ type: "missing", after: all[3] })
    expect(kernel.handleAppended(t0, name, e1, all.slice(4))).toEqual({ type: "installed" })
    expect(kernel.handleHead(t0, name, head(last(all)))).toEqual({ type: "current" })
    expect(kernel.handleAppended(t0, name, e2, all)).toEqual({ type: "other_epoch" })
    expect(kernel.handleAppended(t0, sessionName("default", "none"), e1, all)).toEqual({ type: "unknown_session" })
  })

  test("an open from before an append does not move the kernel back", () => {
    const all = entries(4)
    const kernel = opened(all)
    const base = { point: origin, shown: undefined, closed: null }
    const older = { epoch: e1, model: "log", modelVersion: 1, floor: origin, base, entries: all.slice(0, 2) }
    expect(kernel.openSession(t0, name, older)).toEqual({ type: "ignored" })
    expect(kernel.describe(name)?.point.position).toBe(4)
  })

  test("L10 a view restored from a snapshot is the view that was folded", () => {
    const all = entries(5, "", new Map([[2, { type: "event", kind: "committed", data: jsonText({ a: 1 }), commit: true }]]))
    const whole = opened(all).observe(t0, name)?.json()
    const snapshot = opened(all.slice(0, 3)).observe(t0, name)?.json()
    if (snapshot === undefined) throw new Error("there is a session")
    const base = { point: last(all.slice(0, 3)), shown: { view: snapshot.view, provisional: snapshot.provisional }, closed: null }
    const restored = opened(all.slice(3), { base }).observe(t0, name)?.json()
    expect(JSON.parse(JSON.stringify(restored))).toEqual(JSON.parse(JSON.stringify(whole)))
  })

  test("a session whose view no model can read does not open", () => {
    const kernel = new Kernel(config)
    const origins = { epoch: e1, modelVersion: 1, floor: origin, entries: [] }
    const base = { point: origin, shown: undefined, closed: null }
    const because = 'session default/fed is of the model "none", and this process has no model of that name: start it with that model'
    expect(kernel.openSession(t0, name, { ...origins, model: "none", base })).toEqual({ type: "unreadable", because })
    const odd = { point: last(entries(1)), shown: { view: 1, provisional: 2 }, closed: null }
    expect(kernel.openSession(t0, name, { ...origins, model: "log", base: odd }).type).toBe("unreadable")
    expect(kernel.openSession(t0, name, { ...origins, model: "log", modelVersion: 0, base: odd }).type).toBe("unreadable")
    expect(kernel.stats().sessions).toBe(0)
  })
})

describe("a snapshot of another version of the model", () => {
  const apply = ({ view }: Shown, { data }: SessionEvent): Shown => ({ view: [view, data], provisional: null })
  const counted = { name: "count", version: 2, viewBytesMax: 1_000, initial: { view: 0, provisional: null }, apply }
  const migrate = (from: number, { view }: Shown): Shown | undefined => (from === 1 ? { view: { once: view }, provisional: null } : undefined)
  const all = entries(3)

  function open(modelVersion: number, model: SessionModel): unknown {
    const kernel = new Kernel({ ...config, models: [model] })
    const base = { point: last(all.slice(0, 2)), shown: { view: "two", provisional: null }, closed: null }
    const from = { epoch: e1, model: "count", modelVersion, floor: origin, base, entries: all.slice(2) }
    const opened = kernel.openSession(t0, name, from)
    return opened.type === "unreadable" ? opened.because : kernel.observe(t0, name)?.json().view
  }

  test("L10 is migrated where the model can, and nothing is guessed where it cannot", () => {
    const model = defineModel({ ...counted, migrate })
    expect([2, 1].map((version) => open(version, model))).toEqual([["two", "3"], [{ once: "two" }, "3"]])
    const why = (version: number, because: string) =>
      `session default/fed: its view was saved by version ${version} of the model "count", version 2 ${because}, and the events it was made of are ` +
      `not here to be folded again: let version 2 migrate from version ${version}, or start a release that has version ${version}`
    expect(open(0, model)).toBe(why(0, "cannot migrate it"))
    expect(open(1, defineModel(counted))).toBe(why(1, "has no migrate"))
    const forgetful: SessionModel = { ...model, restore: () => undefined }
    const mend = "and that very version cannot restore it: mend the model, or delete the session"
    expect(open(2, forgetful)).toBe(`session default/fed: its view was saved by version 2 of the model "count", ${mend}`)
  })
})

describe("the door", () => {
  test("L6 a door without proof, or with one the kernel was not filled up to, breaks the contract", () => {
    const all = entries(3)
    const kernel = opened(all.slice(0, 2))
    const options = { filter: everything, recovery: "events" } as const
    expect(() => kernel.subscribe(t0, name, { type: "now" }, options)).toThrow("proof")
    expect(() => kernel.subscribe(t0, name, { type: "now" }, options, head(last(all)))).toThrow("filled up to the proof")
    expect(() => kernel.subscribe(t0, name, { type: "now" }, options, head(origin, origin, e2))).toThrow("epoch")
  })

  test("L9 a cursor behind the log's floor is trimmed; one behind the window only is read from history", () => {
    const all = entries(20)
    const kernel = opened(all)
    const floor = all[4] ?? origin
    const proof = head(last(all), floor)
    const behind = reader(kernel, { type: "cursor", cursor: cursorText(name, e1, all[5] ?? origin) }, proof)
    expect(kernel.read(t0, behind, budget)).toMatchObject({ type: "behind", epoch: e1, after: { position: 6 } })
    const trimmed = reader(kernel, { type: "cursor", cursor: cursorText(name, e1, all[3] ?? origin) }, proof)
    expect(given(kernel.read(t0, trimmed, budget))).toBe("gap trimmed 16")
    const atFloor = reader(kernel, { type: "cursor", cursor: cursorText(name, e1, { ...floor, mark: mark(7) }) }, proof)
    expect(given(kernel.read(t0, atFloor, budget))).toBe("gap diverged null")
  })
})

describe("history", () => {
  const all = entries(20)
  const proof = head(last(all))

  test("L8 L13 a reader behind the window crosses from history into it without a seam", () => {
    const kernel = opened(all)
    const slow = reader(kernel, { type: "start" }, proof)
    expect(kernel.read(t0, slow, budget)).toMatchObject({ type: "behind", after: { position: 0 } })
    const page = { type: "page", after: origin, entries: all.slice(0, 13), head: proof } as const
    expect(given(kernel.handleHistory(t0, slow, page))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13])
    expect(given(kernel.read(t0, slow, budget))).toEqual([14, 15, 16, 17, 18, 19, 20])
    expect(given(kernel.read(t0, slow, budget))).toBe("idle")
  })

  test("a page that is not about where the reader stands is stale, and changes nothing", () => {
    const kernel = opened(all)
    const slow = reader(kernel, { type: "start" }, proof)
    expect(kernel.handleHistory(t0, slow, { type: "page", after: last(all.slice(0, 2)), entries: all.slice(2, 4), head: proof })).toBe(undefined)
    expect(kernel.handleHistory(t0, slow, { type: "page", after: origin, entries: all.slice(0, 4), head: { ...proof, epoch: e2 } })).toBe(undefined)
    expect(kernel.read(t0, slow, budget)).toMatchObject({ type: "behind", after: { position: 0 } })
  })

  test("L7 history that holds another entry at the cursor is diverged, and the same reader goes on from the observation", () => {
    const kernel = opened(all)
    const forged = reader(kernel, { type: "cursor", cursor: cursorText(name, e1, { ...last(all.slice(0, 3)), mark: mark(9) }) }, proof)
    expect(given(kernel.read(t0, forged, budget))).toBe("behind")
    const page = { type: "page", after: last(all.slice(0, 3)), entries: all.slice(3, 6), head: proof } as const
    expect(given(kernel.handleHistory(t0, forged, page))).toBe("gap diverged null")
    expect(given(kernel.read(t0, forged, budget))).toBe("idle")
  })

  test("L7 recover=auto says diverged before budget: a place is vouched for before anybody counts how far behind it is", () => {
    const kernel = opened(all)
    const auto = (cursor: string) => {
      const outcome = kernel.subscribe(t0, name, { type: "cursor", cursor }, { filter: everything, recovery: "auto" }, proof)
      if (outcome.type !== "subscribed") throw new Error(outcome.type)
      return outcome.reader
    }
    const third = last(all.slice(0, 3))
    const page = { type: "page", after: third, entries: all.slice(3, 6), head: proof } as const
    const [forged, true_] = [auto(cursorText(name, e1, { ...third, mark: mark(9) })), auto(cursorText(name, e1, third))]
    for (const one of [forged, true_]) expect(given(kernel.read(t0, one, budget))).toBe("behind")
    expect(given(kernel.handleHistory(t0, forged, page))).toBe("gap diverged null")
    expect(given(kernel.handleHistory(t0, true_, page))).toBe("gap budget 17")
  })

  test("history trimmed under a reader that was let in is trimmed at its first page, and lagged later", () => {
    const kernel = opened(all)
    const trimmedProof = head(last(all), last(all.slice(0, 8)))
    const cursor = cursorText(name, e1, last(all.slice(0, 3)))
    const fresh = reader(kernel, { type: "cursor", cursor }, proof)
    const later = reader(kernel, { type: "cursor", cursor }, proof)
    for (const one of [fresh, later]) expect(given(kernel.read(t0, one, budget))).toBe("behind")
    expect(given(kernel.handleHistory(t0, later, { type: "page", after: last(all.slice(0, 3)), entries: all.slice(3, 5), head: proof }))).toEqual([4, 5])
    expect(given(kernel.handleHistory(t0, fresh, { type: "unreadable", after: position(3), reason: "trimmed", head: trimmedProof }))).toBe("gap trimmed 17")
    expect(given(kernel.read(t0, later, budget))).toBe("gap lagged 15")
  })

  test("L6 a page without entries, and one of a place that is not the reader's any more, prove nothing", () => {
    const kernel = opened(all)
    const slow = reader(kernel, { type: "start" }, proof)
    expect(kernel.handleHistory(t0, slow, { type: "page", after: origin, entries: [], head: proof })).toBe(undefined)
    expect(kernel.read(t0, slow, budget)).toMatchObject({ type: "behind", after: { position: 0 } })
  })

  test("L7 what a reader was given by a log that holds something else now is diverged, inside of the window and at the head", () => {
    const other = entries(22, "other")
    for (const to of [22, 20]) {
      const kernel = opened(all.slice(0, 16))
      const quick = reader(kernel, { type: "start" }, head(last(all.slice(0, 16))), "rest")
      expect(given(kernel.handleHistory(t0, quick, { type: "page", after: origin, entries: all, head: proof }))).toHaveLength(20)
      const shown = { view: null, provisional: { events: [], omitted: 18 } }
      const base = { point: last(other.slice(0, 18)), shown, closed: null }
      const from = { epoch: e1, model: "log", modelVersion: 1, floor: origin, base, entries: other.slice(18, to) }
      expect(kernel.openSession(t0, name, from)).toEqual({ type: "opened" })
      expect(given(kernel.read(t0, quick, budget))).toBe("gap diverged null")
    }
  })

  test("L1 a floor that an old answer names brings nothing back", () => {
    const kernel = opened(all)
    kernel.handleHead(t0, name, head(last(all), last(all.slice(0, 5))))
    kernel.handleHead(t0, name, head(last(all), last(all.slice(0, 2))))
    expect(kernel.describe(name)?.earliest).toBe(6)
  })

  test("a page may know of entries the kernel was not told of: the reader waits, it is not ahead", () => {
    const kernel = opened(all.slice(0, 18))
    const quick = reader(kernel, { type: "cursor", cursor: cursorText(name, e1, last(all.slice(0, 3))) }, head(last(all.slice(0, 18))))
    expect(given(kernel.read(t0, quick, budget))).toBe("behind")
    expect(given(kernel.handleHistory(t0, quick, { type: "page", after: last(all.slice(0, 3)), entries: all.slice(3), head: proof }))).toHaveLength(17)
    expect(kernel.read(t0, quick, budget)).toEqual({ type: "idle", upToDate: false })
    kernel.handleAppended(t0, name, e1, all.slice(18))
    expect(kernel.pollReady()).toBe(quick)
    expect(kernel.read(t0, quick, budget)).toEqual({ type: "idle", upToDate: true })
  })

  test("L9 a hole in the log is a gap with what it stands for; with rest reading goes on right after it", () => {
    const holed = entries(6, "", new Map([[3, { type: "hole", count: 4, reason: "disk" }]]))
    const kernel = opened(holed)
    const folding = reader(kernel, { type: "cursor", cursor: cursorText(name, e1, last(holed.slice(0, 1))) }, head(last(holed)))
    expect(given(kernel.read(t0, folding, budget))).toEqual([2])
    expect(given(kernel.read(t0, folding, budget))).toBe("gap hole 7")
    expect(given(kernel.read(t0, folding, budget))).toBe("idle")
    const rest = reader(kernel, { type: "start" }, head(last(holed)), "rest")
    expect(given(kernel.read(t0, rest, budget))).toEqual([1, 2])
    expect(given(kernel.read(t0, rest, budget))).toBe("gap hole 4")
    expect(given(kernel.read(t0, rest, budget))).toEqual([4, 5, 6])
  })
})

describe("observations for readers behind a hole", () => {
  test("L9 a cut from before what was lost is no answer to it: the reader waits for the next one", () => {
    const holed = entries(5, "", new Map([[2, { type: "hole", reason: "disk" }], [3, { type: "hole", reason: "disk" }]]))
    const kernel = opened(holed.slice(0, 2))
    const proof = head(last(holed.slice(0, 2)))
    const first = reader(kernel, { type: "observation" }, proof)
    expect(kernel.read(t0, first, budget)).toMatchObject({ type: "observation", observation: { point: { position: 2 } } })
    kernel.handleAppended(t0, name, e1, holed.slice(2))
    expect(kernel.read(t0, first, budget)).toEqual({ type: "idle", upToDate: false })
    kernel.handleTimeout(instant(500))
    expect(kernel.pollReady()).toBe(first)
    const gap = kernel.read(instant(500), first, budget)
    expect(gap).toMatchObject({ type: "gap", gap: { reason: "hole", missed: null }, observation: { point: { position: 5 } } })
    expect(given(kernel.read(instant(500), first, budget))).toBe("idle")
  })
})

describe("another epoch", () => {
  test("L2 a reader that is owed a gap names no place in the history that it was not told of", () => {
    const all = entries(5)
    const kernel = opened(all)
    const one = reader(kernel, { type: "now" }, head(last(all)))
    kernel.read(t0, one, budget)
    const base = { point: origin, shown: undefined, closed: null }
    kernel.openSession(t0, name, { epoch: e2, model: "log", modelVersion: 1, floor: origin, base, entries: entries(9, "new") })
    expect(kernel.cursorOf(one)).toBe(undefined)
    kernel.read(t0, one, budget)
    expect(kernel.cursorOf(one)).toBe(cursorText(name, e2, last(entries(9, "new"))))
  })

  test("L6 nobody is up to date before the kernel is where the log was when the session was opened anew", () => {
    const all = entries(5)
    const kernel = opened(all)
    const one = reader(kernel, { type: "start" }, head(last(all)), "rest")
    const fresh = entries(4, "new")
    const base = { point: origin, shown: undefined, closed: null }
    const from = { epoch: e2, model: "log", modelVersion: 1, floor: origin, base, entries: fresh.slice(0, 2), head: last(fresh) }
    kernel.openSession(t0, name, from)
    expect(given(kernel.read(t0, one, budget))).toBe("gap epoch null")
    expect(kernel.read(t0, one, budget)).toMatchObject({ type: "events", upToDate: false })
    expect(kernel.read(t0, one, budget)).toEqual({ type: "idle", upToDate: false })
    kernel.handleAppended(t0, name, e2, fresh)
    expect(kernel.pollReady()).toBe(one)
    expect(kernel.read(t0, one, budget)).toMatchObject({ type: "events", upToDate: true })
  })

  test("L2 L9 every connected reader gets gap epoch once, with the new observation, and reads on there", () => {
    const all = entries(5)
    const kernel = opened(all)
    const readers = [reader(kernel, { type: "now" }, head(last(all))), reader(kernel, { type: "start" }, head(last(all)), "rest")]
    for (const one of readers) kernel.read(t0, one, budget)
    const fresh = entries(2, "new")
    const base = { point: origin, shown: undefined, closed: null }
    expect(kernel.openSession(t0, name, { epoch: e2, model: "log", modelVersion: 1, floor: origin, base, entries: fresh }).type).toBe("opened")
    expect([kernel.pollReady(), kernel.pollReady(), kernel.pollReady()]).toEqual([...readers, undefined])
    const [now, rest] = readers
    if (now === undefined || rest === undefined) throw new Error("two readers")
    const gap = kernel.read(t0, now, budget)
    expect(gap).toMatchObject({ type: "gap", gap: { reason: "epoch", requested: cursorText(name, e1, last(all)), head: 2, missed: null } })
    expect(given(kernel.read(t0, now, budget))).toBe("idle")
    expect(given(kernel.read(t0, rest, budget))).toBe("gap epoch null")
    expect(given(kernel.read(t0, rest, budget))).toEqual([1, 2])
  })
})

describe("a log that begins anew", () => {
  test("L2 L9 readers of a log that holds nothing yet are woken all the same, and are given the empty observation", () => {
    const broken = { apply: () => { throw new Error("no") }, show: () => ({ view: null, provisional: null }) }
    const model = { name: "log", version: 1, viewBytesMax: 1, initial: broken, restore: () => broken }
    const all = entries(2)
    const kernel = opened(all, {}, { models: [model] })
    const waits = reader(kernel, { type: "now" }, head(last(all)))
    expect(given(kernel.read(t0, waits, budget))).toBe("idle")
    expect(kernel.observe(t0, name)?.viewFailed).toBe(true)
    const base = { point: origin, shown: undefined, closed: null }
    kernel.openSession(t0, name, { epoch: e2, model: "log", modelVersion: 1, floor: origin, base, entries: [] })
    expect(kernel.pollReady()).toBe(waits)
    const gap = kernel.read(t0, waits, budget)
    expect(gap).toMatchObject({ type: "gap", gap: { reason: "epoch", head: 0 }, observation: { point: { position: 0 }, viewFailed: false } })
  })
})

describe("a log that lost what the kernel has", () => {
  test("L7 L9 readers are told so and read on in what the log holds now, never a mixture of the two", () => {
    const all = entries(3)
    const kernel = opened(all)
    const one = reader(kernel, { type: "now" }, head(last(all)))
    expect(given(kernel.read(t0, one, budget))).toBe("idle")
    const other = [...all.slice(0, 1), ...entries(4, "other").slice(1)]
    const base = { point: origin, shown: undefined, closed: null }
    const from = { epoch: e1, model: "log", modelVersion: 1, floor: origin, base, entries: other }
    expect(kernel.handleAppended(t0, name, e1, other.slice(2))).toEqual({ type: "diverged" })
    expect(kernel.openSession(t0, name, from)).toEqual({ type: "opened" })
    expect(given(kernel.read(t0, one, budget))).toBe("gap diverged null")
    const observed: { provisional: { events: { data: string }[] } } = JSON.parse(JSON.stringify(kernel.observe(t0, name)))
    expect(observed.provisional.events.map((event) => event.data)).toEqual(["1", "other2", "other3", "other4"])
  })

  test("L7 L9 a log that is shorter than the kernel says so, and the kernel goes back with it", () => {
    const all = entries(3)
    const kernel = opened(all)
    const one = reader(kernel, { type: "now" }, head(last(all)))
    expect(given(kernel.read(t0, one, budget))).toBe("idle")
    const base = { point: origin, shown: undefined, closed: null }
    const from = { epoch: e1, model: "log", modelVersion: 1, floor: origin, base, entries: all.slice(0, 2) }
    expect(kernel.openSession(t0, name, from)).toEqual({ type: "ignored" })
    expect(kernel.openSession(t0, name, from, "ahead")).toEqual({ type: "opened" })
    expect(given(kernel.read(t0, one, budget))).toBe("gap ahead null")
    expect(kernel.describe(name)?.point.position).toBe(2)
  })
})

describe("leaving memory", () => {
  test("L17 a session without readers can be let go of, and nothing is left", () => {
    const all = entries(3)
    const kernel = opened(all)
    const one = reader(kernel, { type: "now" }, head(last(all)))
    expect(kernel.unloadSession(t0, name)).toBe("in_use")
    kernel.unsubscribe(one)
    expect(kernel.unloadSession(t0, name)).toBe("unloaded")
    expect(kernel.stats()).toMatchObject({ sessions: 0, readers: 0, readersReady: 0, windowEntries: 0, windowBytes: 0 })
    expect(kernel.pollTimeout()).toBe(undefined)
  })
})

describe("time", () => {
  test("L16 now never goes back", () => {
    const kernel = opened(entries(1))
    kernel.handleTimeout(instant(5))
    expect(() => kernel.handleTimeout(instant(4))).toThrow("went back")
  })

  test("what is older than the window's age leaves it, but for the last entry", () => {
    const kernel = opened(entries(3))
    expect(kernel.pollTimeout()).toBe(60_001)
    kernel.handleTimeout(instant(60_001))
    expect(kernel.stats().windowEntries).toBe(1)
    expect(kernel.pollTimeout()).toBe(undefined)
  })

  test("a window that let go by count lets go by age too: asked too early it waits, and is never asked too late", () => {
    const all = entries(5)
    const kernel = opened(all.slice(0, 1), {}, { windowEvents: 3, windowAgeMs: 1_000 })
    for (const [index, entry] of all.slice(1).entries()) kernel.handleAppended(instant(100 * index + 100), name, e1, [entry])
    const held: (readonly [number | undefined, number])[] = []
    for (let due = kernel.pollTimeout(); due !== undefined; due = kernel.pollTimeout()) {
      kernel.handleTimeout(due)
      held.push([due, kernel.stats().windowEntries])
    }
    expect(held).toEqual([
      [1_001, 3],
      [1_201, 2],
      [1_301, 1],
    ])
  })
})
