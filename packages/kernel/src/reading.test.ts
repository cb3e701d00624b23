// What a reader of an own session is told: the laws of cursor, gap and readers, one test each.

import { describe, expect, test } from "vitest"
import { cursorText } from "./cursor.ts"
import { parseFilter } from "./filter.ts"
import { epoch, instant, mark, origin, position, revision, sessionName, timestamp } from "./ids.ts"
import { jsonText } from "./json.ts"
import { budget, first, session, start, t0 } from "./kernel.testing.ts"
import { DisabledLiveReplayStore, InMemoryLiveReplayStore, type LiveReplayStore } from "./live-replay-store.ts"

const at = (n: number, m: number, r = 0) => ({ position: position(n), revision: revision(r), mark: mark(m) })

describe("replay", () => {
  test("L6 replay is exclusive: the events after the cursor, and an empty answer is proof", () => {
    const { kernel, record } = start()
    const afterOne = record("one")
    const afterTwo = record("two")
    const replayed = kernel.resume(t0, session, afterOne, budget)
    expect(replayed).toMatchObject({ type: "replayed", upToDate: true, cursor: afterTwo, closed: null })
    expect(replayed.type === "replayed" && replayed.batch.events.map((entry) => entry.event().data)).toEqual(["two"])
    const nothing = kernel.resume(t0, session, afterTwo, budget)
    expect(nothing).toMatchObject({ type: "replayed", upToDate: true, cursor: afterTwo })
    expect(nothing.type === "replayed" && nothing.batch.events.length).toBe(0)
  })

  test("L6 a batch is up to date when it ends at the head, or right before the close, and never sooner", () => {
    const { kernel, record, subscribe } = start()
    for (const data of [1, 2, 3]) record(data)
    const reader = subscribe({ type: "start" })
    const one = { events: 1, bytes: 65_536 }
    const upToDate = () => {
      const outcome = kernel.read(t0, reader, one)
      return outcome.type === "events" || outcome.type === "idle" ? [outcome.type, outcome.upToDate] : outcome.type
    }
    expect([upToDate(), upToDate()]).toEqual([["events", false], ["events", false]])
    kernel.close(t0, timestamp(1_000), session, "done")
    expect([upToDate(), upToDate()]).toEqual([["events", true], "ended"])
  })

  test("L8 replay to live has no seam: the same reader reads on, and nothing comes twice", () => {
    const { kernel, record, subscribe, read } = start()
    const afterOne = record("one")
    record("two")
    const reader = subscribe({ type: "cursor", cursor: afterOne })
    expect(read(reader)).toEqual(["two"])
    expect(kernel.pollReady()).toBe(undefined)
    record("three")
    expect(kernel.pollReady()).toBe(reader)
    expect(read(reader)).toEqual(["three"])
    expect(read(reader)).toBe("up to date")
  })

  test("L12 a reader that is woken twice before it reads is ready once", () => {
    const { kernel, record, subscribe, read } = start()
    const reader = subscribe({ type: "now" })
    expect(read(reader)).toBe("up to date")
    record("one")
    record("two")
    expect(kernel.pollReady()).toBe(reader)
    expect(kernel.pollReady()).toBe(undefined)
    expect(read(reader)).toEqual(["one", "two"])
  })

  test("L12 waking a reader that is ready, or one that is gone, changes nothing", () => {
    const { kernel, record, subscribe, read } = start()
    const [stays, leaves] = [subscribe({ type: "now" }), subscribe({ type: "now" })]
    for (const reader of [stays, leaves]) expect(read(reader)).toBe("up to date")
    record("one")
    for (const reader of [stays, stays, leaves]) kernel.wake(reader)
    kernel.unsubscribe(leaves)
    kernel.wake(leaves)
    expect([kernel.pollReady(), kernel.pollReady()]).toEqual([stays, undefined])
    expect(kernel.stats()).toMatchObject({ readers: 1, readersReady: 0 })
  })

  test("L14 a reader that does not read is no reason for another to wait", () => {
    const { kernel, record, subscribe, read } = start()
    const [slow, quick] = [subscribe({ type: "now" }), subscribe({ type: "now" })]
    expect(read(quick)).toBe("up to date")
    for (let n = 1; n <= 20; n++) {
      record(n)
      expect([kernel.pollReady(), kernel.pollReady()]).toEqual([quick, undefined])
      expect([read(quick), read(quick)]).toEqual([[n], "up to date"])
    }
    expect(read(slow)).toBe("gap lagged, 20 missed, at 20")
  })

  test("L12 readers at one place, with one filter, share one batch", () => {
    const { kernel, record, subscribe } = start()
    record("one")
    const readers = [subscribe({ type: "start" }), subscribe({ type: "start" })]
    const [a, b] = readers.map((reader) => kernel.read(t0, reader, { ...budget }))
    expect(a?.type === "events" && b?.type === "events" && a.batch === b.batch).toBe(true)
  })

  test("L21 a late resume of a closed session gets its content, is told that it is up to date, and then the end", () => {
    const { kernel, record, subscribe, read } = start()
    record("one")
    const closed = kernel.close(t0, timestamp(1_000), session, "done")
    const late = subscribe({ type: "start" })
    expect(read(late)).toEqual(["one"])
    expect(kernel.pollReady()).toBe(late)
    expect(kernel.read(t0, late, budget)).toEqual({ type: "ended", reason: "done", cursor: closed })
    const before = cursorText(session, first, origin)
    const all = { type: "replayed", cursor: closed, upToDate: true, closed: { reason: "done" } }
    expect([before, closed].map((cursor) => kernel.resume(t0, session, cursor, budget))).toMatchObject([all, all])
    const later = subscribe({ type: "tail", events: 0 })
    expect([read(later), kernel.pollReady() === later, read(later)]).toEqual(["up to date", true, "ended: done"])
  })

  test("deleting a session ends its readers without a cursor, and a successor of the name is another session", () => {
    const { kernel, record, subscribe, read } = start()
    const cursor = record("one")
    const reader = subscribe({ type: "now" })
    expect(read(reader)).toBe("up to date")
    kernel.deleteSession(t0, session)
    expect(kernel.pollReady()).toBe(reader)
    expect(kernel.read(t0, reader, budget)).toEqual({ type: "ended", reason: "deleted" })
    kernel.createSession(t0, session, { epoch: epoch("gen", "two"), model: "log" })
    expect(kernel.read(t0, reader, budget)).toEqual({ type: "ended", reason: "deleted" })
    expect(kernel.resume(t0, session, cursor, budget)).toMatchObject({ type: "gap", gap: { reason: "epoch", missed: null } })
    kernel.unsubscribe(reader)
    expect(kernel.stats()).toMatchObject({ sessions: 1, readers: 0, readersReady: 0 })
  })
})

describe("gaps", () => {
  test("L7 a cursor ahead of the head is a gap, never an empty answer", () => {
    const { kernel, record, read, subscribe } = start()
    record("one")
    const ahead = cursorText(session, first, at(2, 5))
    expect(kernel.resume(t0, session, ahead, budget)).toMatchObject({
      type: "gap",
      gap: { session: "turn-1", reason: "ahead", requested: ahead, earliest: 1, head: 1, revision: 0, missed: null },
    })
    const reader = subscribe({ type: "cursor", cursor: ahead })
    expect(read(reader)).toBe("gap ahead, null missed, at 1")
    expect(read(reader)).toBe("up to date")
  })

  test("L7 the epoch is checked before the position, and the position before the mark", () => {
    const { kernel, record } = start()
    record("one")
    const reason = (cursor: string) => {
      const outcome = kernel.resume(t0, session, cursor, budget)
      return outcome.type === "gap" ? outcome.gap.reason : outcome.type
    }
    expect(reason(cursorText(session, epoch("gen", "two"), at(9, 5)))).toBe("epoch")
    expect(reason(cursorText(session, first, at(9, 5)))).toBe("ahead")
    expect(reason(cursorText(session, first, at(1, 5)))).toBe("diverged")
  })

  test("L9 a gap names the cursor as it came, also one of another epoch", () => {
    const { kernel, record } = start()
    record("one")
    const cursor = cursorText(session, epoch("gen", "two"), at(1, 5))
    expect(kernel.resume(t0, session, cursor, budget)).toMatchObject({ type: "gap", gap: { reason: "epoch", requested: cursor } })
  })

  test("L9 a cursor behind the window of an own session is trimmed, and says how many are missed", () => {
    const { kernel, record, subscribe, read } = start()
    const cursor = record(1)
    for (let n = 2; n <= 12; n++) record(n)
    const outcome = kernel.resume(t0, session, cursor, budget)
    expect(outcome).toMatchObject({ type: "gap", gap: { reason: "trimmed", earliest: 5, head: 12, missed: 11 } })
    const reader = subscribe({ type: "cursor", cursor })
    expect(read(reader)).toBe("gap trimmed, 11 missed, at 12")
    record(13)
    expect(read(reader)).toEqual([13])
  })

  test("L13 a connected reader that falls off the window is told lagged, once, and reads on", () => {
    const { record, subscribe, read } = start()
    const reader = subscribe({ type: "now" })
    for (let n = 1; n <= 12; n++) record(n)
    expect(read(reader)).toBe("gap lagged, 12 missed, at 12")
    expect(read(reader)).toBe("up to date")
  })

  test("L9 with rest there is no observation: reading goes on with what is still held", () => {
    const { record, subscribe, read } = start()
    for (let n = 1; n <= 12; n++) record(n)
    const reader = subscribe({ type: "start" })
    expect(read(reader)).toBe("gap trimmed, 4 missed")
    expect(read(reader)).toEqual([5, 6, 7, 8, 9, 10, 11, 12])
  })

  test("the beginning of a tail is no gap", () => {
    const { record, subscribe, read } = start()
    for (let n = 1; n <= 12; n++) record(n)
    expect(read(subscribe({ type: "tail", events: 3 }))).toEqual([10, 11, 12])
    expect(read(subscribe({ type: "tail", events: 100 }))).toEqual([5, 6, 7, 8, 9, 10, 11, 12])
  })

  test("recover=auto says budget beyond its budget, and not again until the reader was up to date", () => {
    const { record, subscribe, read } = start({ windowEvents: 100 })
    const reader = subscribe({ type: "now" }, { recovery: "auto" })
    for (let n = 1; n <= 6; n++) record(n)
    expect(read(reader)).toBe("gap budget, 6 missed, at 6")
    for (let n = 7; n <= 12; n++) record(n)
    expect(read(reader)).toEqual([7, 8, 9, 10, 11, 12])
    for (let n = 13; n <= 18; n++) record(n)
    expect(read(reader, instant(600))).toBe("gap budget, 6 missed, at 18")
  })

  test("the observation of a gap budget leaves no more than the budget to read", () => {
    const { kernel, record, subscribe, read } = start({ windowEvents: 100 })
    record(1)
    kernel.observe(t0, session)
    const reader = subscribe({ type: "now" }, { recovery: "auto" })
    for (let n = 2; n <= 20; n++) record(n)
    expect(read(reader)).toBe("gap budget, 19 missed, at 20")
  })

  test("a session that keeps no log feeds its connected readers, and gaps every cursor that is not at the head", () => {
    const { kernel, record, subscribe, read } = start({}, new DisabledLiveReplayStore({ events: 8, bytes: 10_000, ageMs: 60_000 }))
    const reader = subscribe({ type: "now" })
    const one = record(1)
    const two = record(2)
    expect(read(reader)).toEqual([1, 2])
    expect(kernel.resume(t0, session, two, budget)).toMatchObject({ type: "replayed", upToDate: true })
    expect(kernel.resume(t0, session, one, budget)).toMatchObject({ type: "gap", gap: { reason: "unknown_log", missed: null } })
    for (let n = 3; n <= 12; n++) record(n)
    expect(read(reader, instant(500))).toBe("gap unknown_log, null missed, at 12")
  })
})

describe("observations", () => {
  test("L10 an observation is cut in one step: view, provisional part, revision and cursor are of one position", () => {
    const { kernel, record, commit } = start()
    record("draft")
    commit({ settled: true })
    const cursor = record("live")
    expect(JSON.parse(JSON.stringify(kernel.observe(t0, session)))).toEqual({
      session: "turn-1",
      epoch: "gen.one",
      revision: 1,
      position: 3,
      cursor,
      view: { settled: true },
      provisional: {
        events: [{ position: 3, revision: 1, kind: "line", at: "1970-01-01T00:00:01.000Z", data: "live" }],
        omitted: 0,
      },
      closed: null,
    })
  })

  test("L16 `at` is what the caller says, and never earlier than the entry before", () => {
    const { kernel } = start()
    const at = [2_000, 1_000, 2_001].map((ms) => {
      kernel.record(t0, timestamp(ms), session, { kind: "line", data: jsonText(ms) })
      return kernel.observe(t0, session)?.json().provisional
    })
    expect(at.at(-1)).toMatchObject({
      events: [{ at: "1970-01-01T00:00:02.000Z" }, { at: "1970-01-01T00:00:02.000Z" }, { at: "1970-01-01T00:00:02.001Z" }],
    })
  })

  test("L10 an observation keeps what it showed when the session goes on", () => {
    const { kernel, record } = start()
    record("one")
    const then = kernel.observe(t0, session)
    record("two")
    expect(then?.json().provisional).toMatchObject({ events: [{ data: "one" }], omitted: 0 })
    expect(kernel.observe(t0, session)?.json().provisional).toMatchObject({ events: [{ data: "one" }, { data: "two" }] })
  })

  test("a storm shares one observation: another is made for readers at most every half second, and they wait for it", () => {
    const { kernel, record, subscribe, read } = start({ windowEvents: 2 })
    record(1)
    expect(read(subscribe({ type: "observation" }))).toBe("observation at 1")
    record(2)
    expect(read(subscribe({ type: "observation" }))).toBe("observation at 1")
    const waiting = subscribe({ type: "observation" })
    for (let n = 3; n <= 6; n++) record(n)
    expect(read(waiting)).toBe("waiting")
    expect(kernel.pollTimeout()).toBe(500)
    kernel.handleTimeout(instant(500))
    expect(kernel.pollReady()).toBe(waiting)
    expect(read(waiting, instant(500))).toBe("observation at 6")
  })

  test("L17 a reader that leaves while it waits for an observation takes its deadline along", () => {
    const { kernel, record, subscribe, read } = start({ windowEvents: 2, windowAgeMs: Infinity })
    record(1)
    expect(read(subscribe({ type: "observation" }))).toBe("observation at 1")
    for (let n = 2; n <= 6; n++) record(n)
    const waiting = [subscribe({ type: "observation" }), subscribe({ type: "observation" })]
    for (const reader of waiting) expect(read(reader)).toBe("waiting")
    const [stays, leaves] = waiting
    if (stays === undefined || leaves === undefined) throw new Error("two readers")
    kernel.unsubscribe(leaves)
    expect(kernel.pollTimeout()).toBe(500)
    kernel.unsubscribe(stays)
    expect(kernel.pollTimeout()).toBe(undefined)
  })

  test("a model that throws marks the view as failed, and events flow on", () => {
    const broken = { apply: () => { throw new Error("no") }, show: () => ({ view: null, provisional: null }) }
    const model = { name: "log", version: 1, viewBytesMax: 1, initial: broken, restore: () => broken }
    const { kernel, record, subscribe, read } = start({ models: [model] })
    const reader = subscribe({ type: "now" })
    record("one")
    expect(read(reader)).toEqual(["one"])
    expect(kernel.observe(t0, session)?.json()).toMatchObject({ position: 1, view_failed: true })
    expect(kernel.stats().viewsFailed).toBe(1)
    expect(kernel.pollFailure()).toMatchObject({ type: "view_failed", position: 1 })
  })
})

describe("filters", () => {
  test("L15 readers at one place are given what their own filters pass, whoever reads first", () => {
    const { record, subscribe, read } = start()
    const [odd, even] = ["odd", "even"].map((kind) => parseFilter([kind]))
    if (odd === undefined || even === undefined) throw new Error("two filters")
    for (let n = 1; n <= 6; n++) record(n, n % 2 === 0 ? "even" : "odd")
    const readers = [{ filter: odd }, { filter: even }, {}].map((options) => subscribe({ type: "start" }, options))
    expect(readers.map((reader) => read(reader))).toEqual([[1, 3, 5], [2, 4, 6], [1, 2, 3, 4, 5, 6]])
  })

  test("L15 a filtered reader's place moves past what its filter hides", () => {
    const { kernel, record, subscribe, read } = start()
    const filter = parseFilter(["turn.*"])
    if (filter === undefined) throw new Error("a filter")
    const reader = subscribe({ type: "now" }, { filter })
    record("hidden", "log.line")
    record("seen", "turn.text")
    const cursor = record("hidden", "turn")
    expect(read(reader)).toEqual(["seen"])
    expect(kernel.cursorOf(reader)).toBe(cursor)
    for (let n = 0; n < 20; n++) {
      const head = record("hidden", "log.line")
      expect(read(reader)).toEqual([])
      expect(kernel.cursorOf(reader)).toBe(head)
    }
  })
})

describe("a store that fails", () => {
  /** Throws in every method while `down`; forwards otherwise. */
  class FlakyStore implements LiveReplayStore {
    readonly keepsLog = true
    down = false
    readonly #inner = new InMemoryLiveReplayStore({ events: 8, bytes: 10_000, ageMs: 60_000 })

    get #store(): InMemoryLiveReplayStore {
      if (this.down) throw new Error("the store is down")
      return this.#inner
    }

    open: LiveReplayStore["open"] = (...given) => this.#store.open(...given)
    drop: LiveReplayStore["drop"] = (...given) => this.#store.drop(...given)
    append: LiveReplayStore["append"] = (...given) => this.#store.append(...given)
    trim: LiveReplayStore["trim"] = (...given) => this.#store.trim(...given)
    window: LiveReplayStore["window"] = (...given) => this.#store.window(...given)
    expiresAt: LiveReplayStore["expiresAt"] = (...given) => this.#store.expiresAt(...given)
    replayAfter: LiveReplayStore["replayAfter"] = (...given) => this.#store.replayAfter(...given)
    slice: LiveReplayStore["slice"] = (...given) => this.#store.slice(...given)
    pointAt: LiveReplayStore["pointAt"] = (...given) => this.#store.pointAt(...given)
  }

  test("L7 rejected cursors never touch the store: resume and subscribe, malformed, of another version, of another session", () => {
    const store = new FlakyStore()
    const { kernel, record } = start({}, store)
    const own = record("one")
    store.down = true
    const foreign = cursorText(sessionName("default", "other"), first, at(1, 5))
    const filter = parseFilter(["*"])
    if (filter === undefined) throw new Error("a filter")
    const subscribe = (cursor: string) => kernel.subscribe(t0, session, { type: "cursor", cursor }, { filter, recovery: "events" })
    for (const ask of [subscribe, (cursor: string) => kernel.resume(t0, session, cursor, budget)]) {
      expect(ask("nonsense")).toEqual({ type: "rejected", reason: "malformed" })
      expect(ask(own.slice(0, -1))).toEqual({ type: "rejected", reason: "malformed" })
      expect(ask(`2${own.slice(1)}`)).toEqual({ type: "rejected", reason: "unsupported-version" })
      expect(ask(foreign)).toEqual({ type: "rejected", reason: "wrong-session" })
      // The store is asked for a good one, and its failure is an error: not a gap, not an empty answer (L6).
      expect(ask(own)).toMatchObject({ type: "store_failed" })
    }
  })

  test("a failing append still installs the observation, and readers behind it get gap hole", () => {
    const store = new FlakyStore()
    const { kernel, record, subscribe, read } = start({}, store)
    const reader = subscribe({ type: "now" })
    const before = record("one")
    expect(read(reader)).toEqual(["one"])
    store.down = true
    const lost = record("two")
    expect(kernel.observe(t0, session)?.json()).toMatchObject({ position: 2, provisional: { events: [{ data: "one" }, { data: "two" }] } })
    expect(kernel.stats().appendsFailed).toBe(1)
    expect(kernel.pollFailure()).toMatchObject({ type: "append_failed", session, position: 2 })
    store.down = false
    record("three")
    expect(read(reader)).toBe("gap hole, 1 missed, at 2")
    expect(read(reader)).toEqual(["three"])
    expect(kernel.resume(t0, session, before, budget)).toMatchObject({ type: "gap", gap: { reason: "hole" } })
    expect(kernel.resume(t0, session, lost, budget)).toMatchObject({ type: "replayed", upToDate: true })
  })

  test("with rest an open hole has no end yet: the reader waits, and goes on after it", () => {
    const store = new FlakyStore()
    const { kernel, record, subscribe, read } = start({}, store)
    const reader = subscribe({ type: "now" }, { recovery: "rest" })
    store.down = true
    record("lost")
    expect(read(reader)).toBe("waiting")
    store.down = false
    record("two")
    expect(kernel.pollReady()).toBe(reader)
    expect(read(reader)).toBe("gap hole, 1 missed")
    expect(read(reader)).toEqual(["two"])
  })

  test("L6 explaining a cursor over a store that fails is an error, never a gap", () => {
    const store = new FlakyStore()
    const { kernel, record } = start({}, store)
    const cursor = record("one")
    store.down = true
    expect(kernel.explain(t0, session, cursor)).toMatchObject({ type: "store_failed", error: { message: "the store is down" } })
    expect(kernel.explain(t0, session, "nonsense")).toEqual({ type: "rejected", reason: "malformed" })
  })

  test("L17 what a store that fails cannot drop or trim neither keeps a session nor stops the clock", () => {
    const store = new FlakyStore()
    const { kernel, record, subscribe, read } = start({}, store)
    const reader = subscribe({ type: "now" })
    for (const data of [1, 2, 3]) record(data)
    expect(read(reader)).toEqual([1, 2, 3])
    expect(read(reader)).toBe("up to date")
    store.down = true
    kernel.handleTimeout(instant(60_001))
    expect([kernel.pollTimeout(), kernel.stats().windowEntries]).toEqual([undefined, 0])
    store.down = false
    expect(kernel.stats().windowEntries).toBe(3)
    record(4, "line", instant(60_001))
    expect([kernel.stats().windowEntries, kernel.pollReady(), read(reader, instant(60_001))]).toEqual([1, reader, [4]])
    store.down = true
    kernel.deleteSession(instant(60_001), session)
    expect([kernel.pollReady(), read(reader, instant(60_001)), kernel.stats().sessions]).toEqual([reader, "ended: deleted", 0])
  })

  test("L6 a store that fails when it is read is an error with a time to come back, and nothing is lost", () => {
    const store = new FlakyStore()
    const { kernel, record, subscribe, read } = start({}, store)
    const reader = subscribe({ type: "now" })
    record("one")
    store.down = true
    expect(kernel.read(t0, reader, budget)).toEqual({ type: "failed", retryAt: 100 })
    expect(kernel.pollTimeout()).toBe(100)
    store.down = false
    kernel.handleTimeout(instant(100))
    expect(kernel.pollReady()).toBe(reader)
    expect(read(reader, instant(100))).toEqual(["one"])
  })

  test("L17 a reader that leaves while it waits for the store takes its deadline along", () => {
    const store = new FlakyStore()
    const { kernel, record, subscribe } = start({}, store)
    const reader = subscribe({ type: "now" })
    record("one")
    store.down = true
    expect(kernel.read(t0, reader, budget)).toEqual({ type: "failed", retryAt: 100 })
    kernel.unsubscribe(reader)
    expect(kernel.pollTimeout()).toBe(undefined)
  })
})
