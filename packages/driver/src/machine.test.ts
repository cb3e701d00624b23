// Laws of the driver's calls, each in a world of one kernel, one driver and one log.

import { cursorText, everything, mark, origin, parseCursor, parseFilter, position, sessionName, timestamp } from "@tidemark/kernel"
import { describe, expect, test } from "vitest"
import type { QueryOutcome } from "./outcomes.ts"
import { inWords, WatchedLog } from "./watched-log.testing.ts"
import { budget, jobs, line, readerOf, settings, World } from "./world.testing.ts"

const at = timestamp(1_000)
const upTo = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)
const nothing = { sessions: 0, callsWaiting: 0, draftsWaiting: 0, requestsInFlight: 0, pagesHeld: 0 }

describe("subscribe", () => {
  test("L8 a reader from the start of a long session crosses from history into the window without a seam", () => {
    const world = new World()
    world.publish(1, 40)
    const reader = world.subscribe({ type: "start" })
    expect(world.readAll(reader)).toEqual([...upTo(1, 40), "up to date"])
  })

  test("a session that is not there is unknown, and asking for it makes none", () => {
    const world = new World()
    const call = world.driver.subscribe(world.now, jobs, { type: "start" }, { filter: everything, recovery: "events" })
    expect(world.settle(call)).toEqual({ type: "unknown_session" })
    expect(world.driver.stats()).toEqual(nothing)
  })

  test("L17 a session has so many readers and no more, and one that leaves makes room", () => {
    const world = new World()
    world.publish(1, 1)
    const readers = Array.from({ length: 100 }, () => world.subscribe({ type: "now" }))
    const ask = () => world.settle(world.driver.subscribe(world.now, jobs, { type: "now" }, { filter: everything, recovery: "events" }))
    expect(ask()).toEqual({ type: "refused", limit: 100 })
    world.driver.unsubscribe(readers[7] ?? world.subscribe({ type: "now" }))
    expect([ask().type, ask().type]).toEqual(["subscribed", "refused"])
  })

  test("L7 a cursor that cannot be one of this session is rejected before the log is asked anything", () => {
    const log = new WatchedLog(false)
    const world = new World(log)
    world.publish(1, 1)
    const foreign = cursorText(sessionName("default", "other"), world.observe().epoch, origin)
    log.asked()
    const { driver, now } = world
    const calls = ["nonsense", foreign, `9${foreign.slice(1)}`].flatMap((cursor) => [
      driver.subscribe(now, jobs, { type: "cursor", cursor }, { filter: everything, recovery: "events" }),
      driver.resume(now, jobs, cursor, budget),
      driver.explain(now, jobs, cursor),
      driver.query(now, jobs, { type: "cursor", cursor, epoch: undefined }, everything, budget),
    ])
    const reasons = calls.map(({ outcome }) => (outcome?.type === "rejected" ? outcome.reason : outcome?.type))
    expect([...new Set(reasons.slice(0, 4)), ...new Set(reasons.slice(4, 8)), ...new Set(reasons.slice(8))]).toEqual([
      "malformed",
      "wrong-session",
      "unsupported-version",
    ])
    world.run()
    expect(inWords(log.asked())).toEqual([])
  })
})

describe("a subscribe that nobody waits for any more", () => {
  test("L17 makes no reader", () => {
    const world = new World(new WatchedLog(false))
    world.publish(1, 1)
    world.holding = true
    const call = world.driver.subscribe(world.now, jobs, { type: "start" }, { filter: everything, recovery: "events" })
    world.run()
    world.driver.abandon(world.now, call)
    world.release()
    expect([call.outcome?.type, world.driver.kernel.stats().readers]).toEqual(["unknown_session", 0])
  })
})

describe("a session that is waited for", () => {
  const options = { filter: everything, recovery: "events", missing: "wait" } as const
  const waiting = (world: World) => world.driver.subscribe(world.now, jobs, { type: "start" }, options)

  test("opens to its reader when it is made, by an append or on its own", () => {
    const publish = (world: World) => world.publish(1, 1)
    const create = (world: World) => void world.settle(world.driver.create(world.now, at, jobs, settings))
    for (const make of [publish, create]) {
      const world = new World()
      const call = waiting(world)
      world.run()
      expect([call.outcome, world.driver.stats().callsWaiting]).toEqual([undefined, 1])
      make(world)
      const reader = readerOf(world.settle(call))
      world.publish(2, 2)
      expect(world.readAll(reader).at(-1)).toBe("up to date")
      expect(world.driver.stats().callsWaiting).toBe(0)
    }
  })

  test("opens although it was made while the log was being asked for it", () => {
    const world = new World()
    world.holding = true
    const call = waiting(world)
    world.run()
    const made = world.driver.create(world.now, at, jobs, settings)
    world.run()
    world.answerHeld(1, "it is")
    world.release()
    expect([made.outcome?.type, call.outcome?.type]).toEqual(["created", "subscribed"])
  })

  test("opens when another process made it and somebody says so", () => {
    const log = new WatchedLog(false)
    const [here, there] = [new World(log), new World(log)]
    const call = waiting(here)
    here.run()
    there.publish(1, 2)
    here.driver.handleWake(here.now, jobs)
    expect(here.readAll(readerOf(here.settle(call)))).toEqual([1, 2, "up to date"])
  })

  test("L17 and that nobody waits for any more leaves nothing behind, whenever they left", () => {
    const world = new World()
    const early = waiting(world)
    world.driver.abandon(world.now, early)
    world.run()
    const late = waiting(world)
    world.run()
    world.driver.abandon(world.now, late)
    world.run()
    expect(world.driver.stats()).toEqual(nothing)
    world.holding = true
    world.publish(0, -1)
    const between = waiting(world)
    world.run()
    world.driver.abandon(world.now, between)
    const made = world.append([line("1")])
    world.release()
    expect([made.outcome?.type, world.driver.kernel.stats().readers]).toEqual(["appended", 0])
    world.wait(60_001)
    expect(world.driver.stats()).toEqual(nothing)
  })
})

describe("resume", () => {
  test("L6 pages of as many events as were asked for lead out of history into the window, and only the last is up to date", () => {
    const world = new World()
    world.publish(1, 20)
    const { epoch, cursor: head } = world.observe()
    const pages: (readonly number[])[] = []
    let cursor = cursorText(jobs, epoch, origin)
    for (let more = true; more;) {
      const outcome = world.settle(world.driver.resume(world.now, jobs, cursor, { events: 6, bytes: 65_536 }))
      if (outcome.type !== "replayed") throw new Error(outcome.type)
      pages.push(outcome.entries.map((entry) => entry.position))
      cursor = outcome.cursor
      more = !outcome.upToDate
    }
    expect([pages, cursor]).toEqual([[upTo(1, 6), upTo(7, 12), upTo(13, 18), upTo(19, 20)], head])
    expect([world.driver.kernel.stats().readers, world.driver.stats().pagesHeld]).toEqual([0, 0])
  })

  test("L9 what cannot be given is a gap with the observation at once, however many ask", () => {
    const world = new World()
    world.publish(1, 130)
    const { epoch } = world.observe()
    const resumed = () => {
      const outcome = world.settle(world.driver.resume(world.now, jobs, cursorText(jobs, epoch, origin), budget))
      return outcome.type === "gap" ? [outcome.gap.reason, outcome.gap.missed, outcome.observation.point.position] : outcome.type
    }
    expect([resumed(), resumed()]).toEqual([["trimmed", 130, 130], ["trimmed", 130, 130]])
    world.publish(131, 148)
    expect(resumed()).toEqual(["trimmed", 148, 148])
    world.publish(149, 170)
    expect(resumed()).toEqual(["trimmed", 170, 170])
  })

  test("L21 of a session deleted while its page is under way is unknown", () => {
    const world = new World()
    world.publish(1, 40)
    const cursor = cursorText(jobs, world.observe().epoch, origin)
    world.holding = true
    const call = world.driver.resume(world.now, jobs, cursor, budget)
    world.run()
    const deleted = world.driver.delete(world.now, jobs)
    world.run()
    world.answerHeld(1, "it is")
    expect([deleted.outcome?.type, call.outcome]).toEqual(["deleted", undefined])
    world.release()
    expect(call.outcome).toEqual({ type: "unknown_session" })
  })
})

describe("query", () => {
  const even = parseFilter(["even"]) ?? everything
  const seen = (outcome: QueryOutcome) => {
    if (outcome.type === "page") return [outcome.events.map((event) => event.position), outcome.next, outcome.missed]
    return outcome.type === "conflict" ? outcome.reason : outcome.type
  }

  function filled() {
    const world = new World()
    for (let n = 1; n <= 12; n++) world.settle(world.append([{ ...line(`${n}`), kind: n % 2 === 0 ? "even" : "odd" }]))
    const query = (since: number | string, limit = 100, filter = everything, epoch?: string) => {
      const from = typeof since === "string" ? ({ type: "cursor", cursor: since, epoch } as const) : ({ type: "position", position: since, epoch } as const)
      return seen(world.settle(world.driver.query(world.now, jobs, from, filter, { events: limit, bytes: 65_536 })))
    }
    return { world, query }
  }

  test("L6 a page says where the next begins, and null at the head; hidden entries are looked at too", () => {
    const { query } = filled()
    expect(query(0)).toEqual([upTo(1, 12), null, 0])
    expect(query(10, 1)).toEqual([[11], 11, 0])
    expect(query(12)).toEqual([[], null, 0])
    expect(query(0, 2, even)).toEqual([[2, 4], 5, 0])
    expect(query(5, 100, even)).toEqual([[6, 8, 10, 12], null, 0])
    expect([query(11, 0), query(12, 0)]).toEqual([[[], 11, 0], [[], null, 0]])
  })

  test("a hole counts in what is missed and is no event; a close is neither", () => {
    const { world, query } = filled()
    world.settle(world.append([{ type: "hole", count: 3, reason: "disk" }, line("14"), { type: "close", reason: "done" }]))
    expect(query(11)).toEqual([[12, 14], null, 3])
  })

  test("what was trimmed is missed, and reading begins at what is left", () => {
    const world = new World()
    world.publish(1, 130)
    const since = { type: "position", position: 5, epoch: undefined } as const
    const outcome = world.settle(world.driver.query(world.now, jobs, since, everything, { events: 2, bytes: 65_536 }))
    expect(seen(outcome)).toEqual([[71, 72], 72, 65])
  })

  test("L2 a log that changed between its head and its page is a failure to be asked again, never the other log's entries", () => {
    const log = new WatchedLog(false)
    const [here, there] = [new World(log), new World(log)]
    there.publish(1, 3)
    here.observe()
    here.holding = true
    const call = here.driver.query(here.now, jobs, { type: "position", position: 0, epoch: undefined }, everything, budget)
    here.run()
    const [head] = here.held.splice(0)
    if (head === undefined) throw new Error("the log was asked for its head")
    here.driver.handleAnswer(here.now, head.id, head.answer)
    there.settle(there.driver.delete(there.now, jobs))
    there.publish(1, 2)
    here.release()
    const detail = "the log changed while it was read; ask again"
    expect(call.outcome).toEqual({ type: "failed", effect: "none", reason: "unavailable", detail })
  })

  test("L7 a place that is not in this log is a conflict, with its reason", () => {
    const { world, query } = filled()
    const { epoch, cursor } = world.observe()
    const parsed = parseCursor(jobs, cursor)
    if (parsed.type !== "cursor") throw new Error("a cursor of ours")
    const { point } = parsed.cursor
    expect(query(13)).toBe("ahead")
    expect([query(3, 100, everything, "another.epoch"), query(11, 100, everything, epoch)]).toEqual(["epoch", [[12], null, 0]])
    expect(query(cursorText(jobs, epoch, { ...point, mark: mark(7) }))).toBe("diverged")
    expect(query(cursorText(jobs, epoch, { ...point, position: position(13) }))).toBe("ahead")
    world.settle(world.driver.delete(world.now, jobs))
    world.publish(1, 20)
    expect(query(cursor)).toBe("epoch")
  })
})

describe("explain", () => {
  const explained = (world: World, cursor: string) => {
    const outcome = world.settle(world.driver.explain(world.now, jobs, cursor))
    return outcome.type === "explained" ? outcome.explanation : outcome
  }

  test("L7 says what resume would do, for a place in the window, behind it, and behind the log", () => {
    const world = new World()
    world.publish(1, 71)
    const { epoch, cursor: at71 } = world.observe()
    world.publish(72, 80)
    expect(explained(world, at71)).toMatchObject({ outcome: "replayed", reason: null, entries: 9, missed: 0, earliest: 21, head: 80 })
    world.publish(81, 130)
    expect(explained(world, at71)).toMatchObject({ outcome: "replayed", reason: null, entries: 59, earliest: 71, head: 130 })
    expect(explained(world, cursorText(jobs, epoch, origin))).toMatchObject({ outcome: "gap", reason: "trimmed", missed: 130 })
    const forged = cursorText(jobs, epoch, { position: position(90), revision: origin.revision, mark: mark(7) })
    expect(explained(world, forged)).toMatchObject({ outcome: "gap", reason: "diverged", missed: null })
  })

  test("says how many entries may still come before the cursor falls off", () => {
    const world = new World()
    world.settle(world.append([line("1")], { create: { ...settings, retention: { events: 50 } } }))
    const { cursor } = world.observe()
    world.publish(2, 11)
    expect(explained(world, cursor)).toMatchObject({ entries: 10, entriesLeft: 40 })
  })

  test("says so too where the bound is the log's own and not the session's", () => {
    const world = new World(undefined, { logEventsMax: 30 })
    world.publish(1, 1)
    const { cursor } = world.observe()
    world.publish(2, 11)
    expect(explained(world, cursor)).toMatchObject({ entries: 10, entriesLeft: 20 })
  })

  test("names the floor of now where entries were let go of while the log was asked", () => {
    const log = new WatchedLog(false)
    const [here, there] = [new World(log), new World(log)]
    there.publish(1, 40)
    const cursor = cursorText(jobs, here.observe().epoch, origin)
    here.holding = true
    const call = here.driver.explain(here.now, jobs, cursor)
    here.run()
    const [head] = here.held.splice(0)
    if (head === undefined) throw new Error("the log was asked for its head")
    here.driver.handleAnswer(here.now, head.id, head.answer)
    there.publish(41, 130)
    here.release()
    expect(call.outcome).toMatchObject({
      type: "explained",
      explanation: { reason: "trimmed", earliest: 71, because: "Position 1 is wanted, and the log holds nothing before 71." },
    })
  })

  test("L2 a cursor whose session was made again while the log was asked is explained as what it is now", () => {
    const world = new World()
    world.publish(1, 40)
    const cursor = cursorText(jobs, world.observe().epoch, origin)
    world.holding = true
    const call = world.driver.explain(world.now, jobs, cursor)
    world.run()
    world.answerHeld(0, "it is")
    const deleted = world.driver.delete(world.now, jobs)
    world.run()
    world.answerHeld(1, "it is")
    const made = world.append([line("new")])
    world.run()
    world.answerHeld(1, "it is")
    expect([deleted.outcome?.type, made.outcome?.type, call.outcome]).toEqual(["deleted", "appended", undefined])
    world.release()
    expect(call.outcome).toMatchObject({ type: "explained", explanation: { outcome: "gap", reason: "epoch", head: 1 } })
  })
})

describe("sessions as things", () => {
  test("L17 making one is answered with what is there; the same settings are no conflict, however they are spelled", () => {
    const world = new World()
    const create = (metadata: { readonly [key: string]: number }) => {
      const outcome = world.settle(world.driver.create(world.now, at, jobs, { ...settings, metadata }))
      return outcome.type === "failed" || outcome.type === "full" ? outcome.type : [outcome.type, outcome.info.metadata, outcome.info.head]
    }
    expect(create({ a: 1, b: 2 })).toEqual(["created", { a: 1, b: 2 }, 0])
    world.publish(1, 1)
    expect(create({ b: 2, a: 1 })).toEqual(["existed", { a: 1, b: 2 }, 1])
    expect(create({ a: 2, b: 2 })).toEqual(["settings_conflict", { a: 1, b: 2 }, 1])
  })

  test("a workspace's sessions are listed page by page; deleting one that is not there says so", () => {
    const world = new World()
    for (const id of ["b", "a", "c"]) world.publish(1, 2, sessionName("default", id))
    world.publish(1, 1, sessionName("other", "d"))
    const list = (after: string | undefined) => {
      const outcome = world.settle(world.driver.list(world.now, "default", after, 2))
      return outcome.type === "listed" ? [outcome.sessions.map(({ session, head }) => `${session} ${head}`), outcome.next] : outcome.type
    }
    expect([list(undefined), list("b")]).toEqual([[["a 2", "b 2"], "b"], [["c 2"], null]])
    const b = sessionName("default", "b")
    expect(world.settle(world.driver.delete(world.now, b))).toEqual({ type: "deleted" })
    expect(world.settle(world.driver.delete(world.now, b))).toEqual({ type: "unknown_session" })
    expect(list(undefined)).toEqual([["a 2", "c 2"], null])
  })

  test("a description is the log's word of now, also of a floor that has moved without one", () => {
    const log = new WatchedLog(true)
    const world = new World(log)
    world.publish(1, 2)
    const reader = world.subscribe({ type: "now" })
    log.asked()
    const outcome = world.settle(world.driver.describe(world.now, jobs))
    expect(outcome).toMatchObject({
      type: "session",
      info: { session: "jobs", head: 2, earliest: 1, revision: 0, model: "log", modelVersion: 1, metadata: null, readers: 1, closed: null },
    })
    expect(inWords(log.asked())).toEqual(["head"])
    world.driver.unsubscribe(reader)
  })
})
