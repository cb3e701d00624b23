// The laws of the kernel's window, as tests that any store runs: `describeLiveReplayStore("ours", make, …)`. The
// store is asked only what it must know of itself; what stands behind it is another contract (`session-log-laws.ts`).

import { epoch, instant, jsonText, mark, origin, pointOf, position, seal, sessionName, timestamp } from "@tidemark/kernel"
import type { Entry, Instant, LiveReplayStore, Point, ReadBudget, SessionCursor, SessionName, WindowLimits } from "@tidemark/kernel"
import { describe, expect, test } from "vitest"

export interface LiveReplayStoreTraits {
  /** False: the store opens its door at the head only, and what is behind it is gap `unknown_log`. */
  readonly keepsLog: boolean
}

/** Gives a fresh, empty store with these bounds. */
export type MakeStore = (limits: WindowLimits) => LiveReplayStore
type ReplayAnswer = ReturnType<LiveReplayStore["replayAfter"]>

/** Registers the laws as one suite; `make` is called in each test. */
export function describeLiveReplayStore(name: string, make: MakeStore, traits: LiveReplayStoreTraits): void {
  describe(`live replay store: ${name}`, () => {
    describe("the door", () => {
      doorLaws(make, traits)
    })
    describe("reading on", () => {
      sliceLaws(make)
    })
    describe("bounds", () => {
      boundLaws(make, traits)
    })
    describe("sessions", () => {
      sessionLaws(make, traits)
    })
  })
}

const session = sessionName("lab", "ada")
const generation = epoch("log", "one")
const wide: WindowLimits = { events: 1000, bytes: 1e6, ageMs: 1e6 }
const all: ReadBudget = { events: 1000, bytes: 1e6 }
const now = instant(1000)

function doorLaws(make: MakeStore, { keepsLog }: LiveReplayStoreTraits): void {
  test("the store says whether it keeps a log", () => {
    expect(make(wide).keepsLog).toBe(keepsLog)
  })

  test("L6 a cursor at the head is proven up to date by an empty answer", () => {
    const { store, entries } = opened(make(wide), 3)
    expect(store.replayAfter(now, session, at(entries, 3), all)).toEqual({ type: "replayed", entries: [], upToDate: true })
  })

  test("L6 in a session without entries the place before the first is the head", () => {
    const { store } = opened(make(wide), 0)
    expect(store.replayAfter(now, session, cursor(origin), all)).toEqual({ type: "replayed", entries: [], upToDate: true })
  })

  test.runIf(keepsLog)("L6 replay is exclusive: the entries after the cursor, in order, up to the head", () => {
    const { store, entries } = opened(make(wide), 4)
    const answers = [0, 1, 3].map((place) => positions(store.replayAfter(now, session, at(entries, place), all)))
    expect(answers).toEqual([[1, 2, 3, 4], [2, 3, 4], [4]])
  })

  test.runIf(!keepsLog)("L7 where no log is kept, a cursor behind the head is gap `unknown_log`", () => {
    const { store, entries } = opened(make(wide), 4)
    const answers = [0, 1, 3].map((place) => positions(store.replayAfter(now, session, at(entries, place), all)))
    expect(answers).toEqual(["unknown_log", "unknown_log", "unknown_log"])
  })

  test("L7 a cursor of another epoch is gap `epoch`, wherever it stands", () => {
    const { store, entries } = opened(make(wide), 2)
    const other = epoch("log", "two")
    for (const point of [origin, pointOf(entries[1] ?? origin), past(2)]) {
      expect(store.replayAfter(now, session, { ...cursor(point), epoch: other }, all)).toEqual({ type: "gap", reason: "epoch" })
    }
  })

  test("L7 a cursor past the head is gap `ahead`, never an empty answer", () => {
    const { store } = opened(make(wide), 2)
    expect(store.replayAfter(now, session, cursor(past(2)), all)).toEqual({ type: "gap", reason: "ahead" })
    expect(store.replayAfter(now, session, cursor(past(2000)), all)).toEqual({ type: "gap", reason: "ahead" })
  })

  test("L7 a cursor at the head where another entry stands is gap `diverged`", () => {
    const { store, entries } = opened(make(wide), 2)
    expect(store.replayAfter(now, session, forged(at(entries, 2)), all)).toEqual({ type: "gap", reason: "diverged" })
  })

  test("L7 a cursor behind what is held is `behind`, or `unknown_log` where no log is kept, whatever its mark", () => {
    const { store, entries } = opened(make({ ...wide, events: 2 }), 5)
    for (const place of [0, 1, 2]) {
      expect(store.replayAfter(now, session, at(entries, place), all)).toEqual(behind({ keepsLog }))
      expect(store.replayAfter(now, session, forged(at(entries, place)), all)).toEqual(behind({ keepsLog }))
    }
  })

  test.runIf(keepsLog)("L7 a cursor inside the window or at its floor where another entry stands is gap `diverged`", () => {
    const { store, entries } = opened(make({ ...wide, events: 3 }), 5)
    const answers = [2, 3, 4, 5].map((place) => store.replayAfter(now, session, forged(at(entries, place)), all))
    expect(answers).toEqual(Array.from({ length: 4 }, () => ({ type: "gap", reason: "diverged" })))
  })

  test.runIf(keepsLog)("L6 a cursor at the floor of the window is answered with all that is held", () => {
    const { store, entries } = opened(make({ ...wide, events: 2 }), 5)
    expect(positions(store.replayAfter(now, session, at(entries, 3), all))).toEqual([4, 5])
  })

  test.runIf(keepsLog)("L6 an answer ends within the budget, holds one entry at least, and is up to date only with the last", () => {
    const { store, entries } = opened(make(wide), 4)
    const bytes = bytesOf(entries.slice(0, 3))
    const answers = [
      { events: 3, bytes: all.bytes },
      { events: 4, bytes: all.bytes },
      { events: 9, bytes },
      { events: 9, bytes: bytes - 1 },
      { events: 9, bytes: 0 },
    ].map((budget) => store.replayAfter(now, session, at(entries, 0), budget))
    expect(answers.map(positions)).toEqual([[1, 2, 3], [1, 2, 3, 4], [1, 2, 3], [1, 2], [1]])
    expect(answers.map((answer) => answer.type === "replayed" && answer.upToDate)).toEqual([false, true, false, false, false])
  })
}

function sliceLaws(make: MakeStore): void {
  test("L8 a connected reader reads on from any point of the window and from its floor, whether a log is kept or not", () => {
    const { store, entries } = opened(make({ ...wide, events: 3 }), 5)
    const read = [2, 3, 4, 5].map((place) => store.slice(session, at(entries, place).point, all)?.map((entry): number => entry.position))
    expect(read).toEqual([[3, 4, 5], [4, 5], [5], []])
  })

  test("L8 what is appended later follows what was read", () => {
    const { store, entries } = opened(make(wide), 2)
    const more = filled(store, entries, 2)
    expect(store.slice(session, at(entries, 2).point, all)?.map((entry) => entry.text)).toEqual(more.slice(2).map((entry) => entry.text))
  })

  test("L8 what is behind the window, past its head, or has another mark is no place to read on from", () => {
    const { store, entries } = opened(make({ ...wide, events: 3 }), 5)
    const points = [at(entries, 0).point, at(entries, 1).point, past(5), forged(at(entries, 3)).point, forged(at(entries, 2)).point]
    expect(points.map((point) => store.slice(session, point, all))).toEqual([undefined, undefined, undefined, undefined, undefined])
  })

  test("a slice ends within the budget and holds one entry whatever the budget", () => {
    const { store, entries } = opened(make(wide), 4)
    const bytes = bytesOf(entries.slice(0, 2))
    const budgets = [{ events: 3, bytes: all.bytes }, { events: 9, bytes }, { events: 9, bytes: bytes - 1 }, { events: 1, bytes: 0 }]
    expect(budgets.map((budget) => store.slice(session, origin, budget)?.length)).toEqual([3, 2, 1, 1])
  })

  test("a position is found inside the window and at its floor, and nowhere else", () => {
    const { store, entries } = opened(make({ ...wide, events: 3 }), 5)
    const found = [1, 2, 4, 5, 6].map((place) => store.pointAt(session, position(place)))
    const held = [2, 4, 5].map((place) => at(entries, place).point)
    expect(found.map((point) => point && pointOf(point))).toEqual([undefined, ...held, undefined])
  })
}

function boundLaws(make: MakeStore, traits: LiveReplayStoreTraits): void {
  test("L17 a window holds so many entries and no more; its floor is the point before the first of them", () => {
    const { store, entries } = opened(make({ ...wide, events: 3 }), 8)
    store.trim(now, session)
    expect(edges(store)).toEqual([pointOf(entries[4] ?? origin), pointOf(entries[7] ?? origin)])
    expect(store.window(session)).toMatchObject({ entries: 3, bytes: bytesOf(entries.slice(5)) })
  })

  test("L17 a window holds so many bytes and no more", () => {
    const entries = sealed(origin, 6)
    const bytes = bytesOf(entries.slice(2))
    const exact = opened(make({ ...wide, bytes }), 6)
    const less = opened(make({ ...wide, bytes: bytes - 1 }), 6)
    exact.store.trim(now, session)
    less.store.trim(now, session)
    expect([exact, less].map(({ store }): number => store.window(session).floor.position)).toEqual([2, 3])
  })

  test("L17 the last entry stays, however large and however old", () => {
    const { store, entries } = opened(make({ events: 1, bytes: 1, ageMs: 1 }), 3)
    store.trim(instant(1e9), session)
    expect(edges(store)).toEqual([pointOf(entries[1] ?? origin), pointOf(entries[2] ?? origin)])
    expect(store.slice(session, at(entries, 2).point, all)?.length).toBe(1)
  })

  test("L17 entries leave when they are too old, and not before", () => {
    const { store } = opened(make({ ...wide, ageMs: 500 }), 0)
    const first = filled(store, [], 1, instant(1000))
    filled(store, filled(store, first, 1, instant(1300)), 1, instant(1400))
    const floors = [1499, 1501, 1799, 1801].map((ms): number => {
      store.trim(instant(ms), session)
      return store.window(session).floor.position
    })
    expect(floors).toEqual([0, 1, 1, 2])
  })

  test("a store says when its next entry will be too old: trimming then lets go of one, and a millisecond before of none", () => {
    const { store } = opened(make({ ...wide, ageMs: 500 }), 0)
    filled(store, filled(store, [], 1, instant(1000)), 2, instant(1300))
    const due = store.expiresAt(session) ?? instant(0)
    store.trim(instant(due - 1), session)
    const before = store.window(session).floor.position
    store.trim(due, session)
    expect([before, store.window(session).floor.position]).toEqual([0, 1])
  })

  test("nothing is due while only the last entry is held, which stays, or none", () => {
    const empty = opened(make({ ...wide, ageMs: 500 }), 0)
    const one = opened(make({ ...wide, ageMs: 500 }), 1)
    expect([empty, one].map(({ store }) => store.expiresAt(session))).toEqual([undefined, undefined])
  })

  test("L1 a floor only moves up, and positions go on densely after it", () => {
    const { store } = opened(make({ events: 2, bytes: 1e6, ageMs: 100 }), 0)
    let entries: readonly Entry[] = []
    const floors: number[] = []
    for (let round = 0; round < 5; round++) {
      entries = filled(store, entries, 3, instant(1000 + 1000 * round))
      store.trim(instant(1900 + 1000 * round), session)
      floors.push(store.window(session).floor.position)
    }
    expect(floors).toEqual([...floors].sort((a, b) => a - b))
    expect(new Set(floors).size).toBe(5)
    expect(store.window(session).head.position).toBe(15)
  })

  test("L13 a reader that stays at the head never falls behind, however small the window", () => {
    const { store } = opened(make({ events: 1, bytes: 1, ageMs: 1 }), 0)
    let entries: readonly Entry[] = []
    const read: string[] = []
    for (let round = 0; round < 4; round++) {
      const before = pointOf(entries.at(-1) ?? origin)
      entries = filled(store, entries, 1, instant(1000 * (round + 1)))
      read.push(...(store.slice(session, before, all) ?? []).map((entry) => entry.text))
    }
    expect(read).toEqual(entries.map((entry) => entry.text))
  })

  test("L1 a window that opens above the beginning has its floor there, with that mark", () => {
    const [, second = origin, ...rest] = sealed(origin, 4)
    const store = make(wide)
    store.open(session, generation, pointOf(second))
    for (const entry of rest) store.append(now, session, entry)
    expect(edges(store)).toEqual([pointOf(second), pointOf(rest[1] ?? origin)])
    expect(store.replayAfter(now, session, cursor(origin), all)).toEqual(behind(traits))
    expect(store.slice(session, pointOf(second), all)?.length).toBe(2)
  })
}

function sessionLaws(make: MakeStore, traits: LiveReplayStoreTraits): void {
  test("sessions of one id in two workspaces share nothing", () => {
    const { store } = opened(make(wide), 3)
    const other = sessionName("mill", "ada")
    store.open(other, epoch("log", "other"), origin)
    expect([store.window(other).head.position, store.window(session).head.position]).toEqual([0, 3])
    store.drop(other)
    expect(edges(store)[1].position).toBe(3)
  })

  test("L1 a session opened again under another epoch begins at its new floor, with nothing of the old", () => {
    const { store, entries } = opened(make(wide), 3)
    store.drop(session)
    store.open(session, epoch("log", "two"), origin)
    expect(edges(store)).toEqual([origin, origin])
    expect(store.slice(session, origin, all)).toEqual([])
    expect(store.replayAfter(now, session, at(entries, 3), all)).toEqual({ type: "gap", reason: "epoch" })
  })

  test("L8 opening a session that is open resets its window to the new floor", () => {
    const { store, entries } = opened(make(wide), 3)
    const fifth = sealed(origin, 5).at(-1) ?? origin
    store.open(session, generation, pointOf(fifth))
    expect(edges(store)).toEqual([pointOf(fifth), pointOf(fifth)])
    expect(store.replayAfter(now, session, at(entries, 3), all)).toEqual(behind(traits))
  })

  test("L6 a session that is not open is an error, never an empty answer or a gap", () => {
    const { store, entries } = opened(make(wide), 1)
    store.drop(session)
    const [entry] = sealed(origin, 1)
    if (entry === undefined) throw new Error("sealed above")
    expect(fails(() => store.replayAfter(now, session, at(entries, 1), all))).toBe(true)
    expect(fails(() => store.slice(session, origin, all))).toBe(true)
    expect(fails(() => store.window(session))).toBe(true)
    expect(fails(() => store.append(now, session, entry))).toBe(true)
  })

  test("an entry that does not follow the head is an error, and changes nothing", () => {
    const { store, entries } = opened(make(wide), 2)
    const [, , , fourth] = sealed(origin, 4)
    for (const entry of [fourth, entries[1]]) {
      if (entry === undefined) throw new Error("sealed above")
      expect(fails(() => store.append(now, session, entry))).toBe(true)
    }
    expect(edges(store)[1].position).toBe(2)
  })
}

/** Entries right after a point, all of one size. */
function sealed(after: Point, count: number): readonly Entry[] {
  const entries: Entry[] = []
  for (let before = after; entries.length < count; before = entries.at(-1) ?? after) {
    entries.push(seal(before, timestamp(0), { type: "event", kind: "line", data: jsonText(1000 + entries.length), commit: false }))
  }
  return entries
}

/** The store with its session open at the beginning, and `count` entries in it. */
function opened(store: LiveReplayStore, count: number): { store: LiveReplayStore; entries: readonly Entry[] } {
  store.open(session, generation, origin)
  return { store, entries: filled(store, [], count) }
}

/** All entries, once `count` more were appended after `entries`. */
function filled(store: LiveReplayStore, entries: readonly Entry[], count: number, when: Instant = now): readonly Entry[] {
  const more = sealed(entries.at(-1) ?? origin, count)
  for (const entry of more) store.append(when, session, entry)
  return [...entries, ...more]
}

function cursor(point: Point, of: SessionName = session): SessionCursor {
  return { session: of, epoch: generation, point: pointOf(point) }
}

/** A right cursor at a position from 0. */
function at(entries: readonly Entry[], place: number): SessionCursor {
  return cursor(entries[place - 1] ?? origin)
}

function forged(right: SessionCursor): SessionCursor {
  return cursor({ ...right.point, mark: mark(right.point.mark === 1 ? 2 : 1) })
}

function past(place: number): Point {
  return { ...origin, position: position(place + 1), mark: mark(7) }
}

/** The door's answer to a cursor behind what is held. */
function behind({ keepsLog }: LiveReplayStoreTraits): ReplayAnswer {
  return keepsLog ? { type: "behind" } : { type: "gap", reason: "unknown_log" }
}

function positions(answer: ReplayAnswer): number[] | string {
  if (answer.type === "replayed") return answer.entries.map((entry) => entry.position)
  return answer.type === "gap" ? answer.reason : answer.type
}

function edges(store: LiveReplayStore): readonly [Point, Point] {
  const { floor, head } = store.window(session)
  return [pointOf(floor), pointOf(head)]
}

function fails(act: () => unknown): boolean {
  try {
    act()
    return false
  } catch {
    return true
  }
}

function bytesOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, entry) => sum + entry.bytes, 0)
}
