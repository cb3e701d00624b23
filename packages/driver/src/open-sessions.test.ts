// When a door opens, and what stays true when answers come late, sessions are deleted and made again, or leave memory.

import { everything, sessionName, timestamp, type Json } from "@tidemark/kernel"
import { describe, expect, test } from "vitest"
import { inWords, WatchedLog } from "./watched-log.testing.ts"
import { budget, jobs, line, readerOf, settings, World } from "./world.testing.ts"

const named = (id: string) => sessionName("default", id)

/** What the log model shows of a session: positions of the events since the last commit, and the view. */
function shown(world: World, session = jobs): { readonly view: Json; readonly since: readonly number[] } {
  const said: { view: Json; provisional: { events: { position: number }[] } } = JSON.parse(JSON.stringify(world.observe(session)))
  return { view: said.view, since: said.provisional.events.map((event) => event.position) }
}

describe("a door", () => {
  test("L6 of a sole log that nobody doubts asks nothing once the session is open", () => {
    const log = new WatchedLog(true)
    const world = new World(log)
    world.publish(1, 1)
    world.wait(120_000)
    log.asked()
    expect([world.observe().position, world.observe().position, inWords(log.asked())]).toEqual([1, 1, ["open"]])
  })

  test("L6 of a log that others write to opens on what it said after the request came, and on nothing older", () => {
    const log = new WatchedLog(false)
    const [here, there] = [new World(log), new World(log)]
    there.publish(1, 1)
    here.holding = true
    const first = here.driver.observe(here.now, jobs)
    here.run()
    there.publish(2, 2)
    const second = here.driver.observe(here.now, jobs)
    here.release()
    expect([first.outcome, second.outcome]).toMatchObject([{ observation: { point: { position: 1 } } }, { observation: { point: { position: 2 } } }])
  })

  test("L6 is not there for who asked before the session was made, and open to who asked after, whatever answer comes first", () => {
    const log = new WatchedLog(false)
    const [here, there] = [new World(log), new World(log)]
    here.holding = true
    const before = here.driver.observe(here.now, jobs)
    here.run()
    there.publish(1, 1)
    const after = here.driver.observe(here.now, jobs)
    here.release()
    expect([before.outcome?.type, after.outcome?.type]).toEqual(["unknown_session", "observed"])
  })

  test("L6 behind a log that fails is a failure, and the next one is answered", () => {
    const log = new WatchedLog(true)
    const world = new World(log)
    world.publish(1, 1)
    world.wait(120_000)
    log.away = true
    const call = world.driver.observe(world.now, jobs)
    world.run()
    expect(call.outcome).toEqual({ type: "failed", effect: "none", reason: "unavailable", detail: "away" })
    log.away = false
    expect(world.observe().position).toBe(1)
  })

  test("L6 opened before an append and answered after it does not move the session back", () => {
    const world = new World(new WatchedLog(true))
    world.publish(1, 3)
    world.wait(120_000)
    world.holding = true
    const early = world.driver.observe(world.now, jobs)
    world.run()
    const call = world.append([line("4")])
    world.run()
    world.answerHeld(1, "it is")
    expect([call.outcome?.type, early.outcome]).toEqual(["appended", undefined])
    world.release()
    expect(early.outcome?.type === "observed" && early.outcome.observation.point.position).toBe(4)
  })
})

describe("what others do to the log", () => {
  test("L8 reaches a reader here, in order, once somebody says that there is more", () => {
    const log = new WatchedLog(false)
    const [here, there] = [new World(log), new World(log)]
    there.publish(1, 1)
    const reader = here.subscribe({ type: "start" })
    expect(here.readAll(reader)).toEqual([1, "up to date"])
    there.publish(2, 12)
    here.driver.handleWake(here.now, jobs)
    here.run()
    expect(here.readAll(reader)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, "up to date"])
  })

  test("L8 reaches a reader although the log failed when it was asked: it is asked again by itself", () => {
    const log = new WatchedLog(false)
    const [here, there] = [new World(log), new World(log)]
    there.publish(1, 1)
    const reader = here.subscribe({ type: "now" })
    expect(here.readAll(reader)).toEqual(["up to date"])
    there.publish(2, 2)
    log.away = true
    here.driver.handleWake(here.now, jobs)
    here.run()
    expect(here.driver.pollTimeout()).toBe(100)
    log.away = false
    here.wait(100)
    expect([here.driver.pollReady(), here.readAll(reader)]).toEqual([reader, [2, "up to date"]])
  })

  test("L8 is not missed when it is said while the log is being asked: for the session, and for its head", () => {
    for (const isOpen of [false, true]) {
      const log = new WatchedLog(false)
      const [here, there] = [new World(log), new World(log)]
      there.publish(1, 1)
      if (isOpen) here.observe()
      here.holding = true
      const call = here.driver.observe(here.now, jobs)
      here.run()
      there.publish(2, 2)
      here.driver.handleWake(here.now, jobs)
      here.release()
      expect(call.outcome?.type).toBe("observed")
      expect(here.driver.kernel.describe(jobs)?.point.position).toBe(2)
    }
  })

  test("L8 L13 is opened anew where the log has let go of what this process did not follow, and its readers are told lagged", () => {
    const log = new WatchedLog(false)
    const [here, there] = [new World(log), new World(log)]
    there.publish(1, 5)
    const reader = here.subscribe({ type: "now" })
    expect(here.readAll(reader)).toEqual(["up to date"])
    there.publish(6, 130)
    here.driver.handleWake(here.now, jobs)
    here.run()
    const outcome = here.driver.read(here.now, reader, budget)
    expect(outcome).toMatchObject({ type: "gap", gap: { reason: "lagged", earliest: 71, head: 130, missed: 125 } })
    expect(here.readAll(reader)).toEqual(["up to date"])
    expect(here.observe()).toEqual(there.observe())
  })

  test("L8 reaches a reader here although nobody says so: all is asked for from time to time", () => {
    const log = new WatchedLog(false)
    const [here, there] = [new World(log, { positionCheckMs: 20_000 }), new World(log)]
    there.publish(1, 1)
    const reader = here.subscribe({ type: "observation" })
    expect(here.readAll(reader)).toEqual(["observation 1", "up to date"])
    there.publish(2, 3)
    here.wait(19_000)
    expect(here.readAll(reader)).toEqual(["up to date"])
    here.wait(1_000)
    expect(here.readAll(reader)).toEqual([2, 3, "up to date"])
    there.publish(4, 4)
    here.wait(20_000)
    expect(here.readAll(reader)).toEqual([4, "up to date"])
  })

  test("L8 makes a session that a reader here waits for, and nobody says so: it is looked for from time to time", () => {
    const log = new WatchedLog(false)
    const [here, there] = [new World(log, { positionCheckMs: 40_000 }), new World(log)]
    const waiting = here.driver.subscribe(here.now, jobs, { type: "observation" }, { filter: everything, recovery: "events", missing: "wait" })
    here.run()
    there.publish(1, 1)
    here.wait(39_000)
    expect(waiting.outcome).toBe(undefined)
    here.wait(1_000)
    expect(waiting.outcome?.type).toBe("subscribed")
  })

  test("L2 L9 a session made again by another process is gap `epoch` to readers here, once, and they read on in it", () => {
    const log = new WatchedLog(false)
    const [here, there] = [new World(log), new World(log)]
    there.publish(1, 3)
    const reader = here.subscribe({ type: "start" })
    expect(here.readAll(reader)).toEqual([1, 2, 3, "up to date"])
    there.settle(there.driver.delete(there.now, jobs))
    there.publish(1, 2)
    here.driver.handleWake(here.now, jobs)
    here.run()
    expect(here.readAll(reader)).toEqual(["gap epoch", 1, 2, "up to date"])
  })

  test("L21 a session that another process deleted ends its readers here", () => {
    const log = new WatchedLog(false)
    const [here, there] = [new World(log), new World(log)]
    there.publish(1, 1)
    const reader = here.subscribe({ type: "start" })
    expect(here.readAll(reader)).toEqual([1, "up to date"])
    there.settle(there.driver.delete(there.now, jobs))
    here.driver.handleWake(here.now, jobs)
    here.run()
    expect(here.readAll(reader)).toEqual(["ended deleted"])
    expect(here.driver.stats().sessions).toBe(0)
  })
})

describe("a name is not an identity", () => {
  test("L1 readers of a deleted session end, and its late answers touch nothing of the one made after it", () => {
    const world = new World(new WatchedLog(true))
    world.publish(1, 40)
    const { epoch } = world.observe()
    const slow = world.subscribe({ type: "start" })
    world.holding = true
    expect(world.readAll(slow)).toEqual(["waiting"])
    const deleted = world.driver.delete(world.now, jobs)
    const made = world.append([line("new")])
    world.run()
    world.answerHeld(1, "it is")
    world.answerHeld(1, "it is")
    expect([deleted.outcome?.type, made.outcome?.type]).toEqual(["deleted", "appended"])
    world.release()
    expect(world.readAll(slow)).toEqual(["ended deleted"])
    const now = world.observe()
    expect([now.position, now.epoch === epoch]).toEqual([1, false])
  })

  test("L1 L2 an answer that was asked for a deleted session does not bring it back over the one made after it", () => {
    const log = new WatchedLog(false)
    const [here, there] = [new World(log), new World(log)]
    there.publish(1, 5)
    here.holding = true
    const early = here.driver.observe(here.now, jobs)
    here.run()
    const deleted = here.driver.delete(here.now, jobs)
    here.run()
    there.publish(1, 2)
    here.answerHeld(1, "it is")
    here.answerHeld(1, "it is")
    expect([deleted.outcome?.type, early.outcome?.type === "observed" && early.outcome.observation.point.position]).toEqual(["deleted", 2])
    const subscribing = here.driver.subscribe(here.now, jobs, { type: "now" }, { filter: everything, recovery: "events" })
    here.run()
    here.answerHeld(1, "it is")
    const reader = readerOf(here.settle(subscribing))
    here.release()
    expect(here.readAll(reader)).toEqual(["up to date"])
    expect(here.observe().epoch).toBe(there.observe().epoch)
  })

  test("L6 L8 an append that waited while its session was deleted and made again reaches the readers of that one", () => {
    const world = new World(new WatchedLog(true))
    world.publish(1, 1)
    world.holding = true
    const underWay = world.append([line("before")])
    world.run()
    const waiting = world.append([line("after")])
    const deleted = world.driver.delete(world.now, jobs)
    const created = world.driver.create(world.now, timestamp(1_000), jobs, settings)
    world.run()
    world.answerHeld(1, "it is")
    world.answerHeld(1, "it is")
    expect([deleted.outcome?.type, created.outcome?.type]).toEqual(["deleted", "created"])
    const subscribing = world.driver.subscribe(world.now, jobs, { type: "start" }, { filter: everything, recovery: "events" })
    world.run()
    world.answerHeld(1, "it is")
    const reader = readerOf(world.settle(subscribing))
    expect(world.readAll(reader)).toEqual(["up to date"])
    world.release()
    expect([underWay.outcome?.type, waiting.outcome?.type]).toEqual(["appended", "appended"])
    expect(world.readAll(reader)).toEqual([1, "up to date"])
  })

  test("L2 L21 a save of the one before, answered late, does not move the session back to its epoch", () => {
    const log = new WatchedLog(true)
    const [here, there] = [new World(log, { snapshotEvents: 2 }), new World(log)]
    here.publish(1, 1)
    here.holding = true
    here.append([line("2")])
    here.run()
    here.answerHeld(0, "it is")
    const deletion = here.driver.delete(here.now, jobs)
    here.run()
    there.settle(there.driver.delete(there.now, jobs))
    there.publish(3, 4)
    here.driver.handleWake(here.now, jobs)
    here.run()
    for (let times = 0; times < 6 && here.held.length > 2; times++) here.answerHeld(2, "it is")
    const reader = here.subscribe({ type: "now" })
    here.release()
    expect(deletion.outcome?.type).toBe("deleted")
    expect(here.readAll(reader)).toEqual(["up to date"])
    expect(here.settle(here.driver.describe(here.now, jobs))).toMatchObject({ type: "session", info: { head: 2, epoch: "t1.t3" } })
  })

  test("L21 a deletion whose answer is late does not end the readers of the session made after it", () => {
    const log = new WatchedLog(false)
    const [here, there] = [new World(log), new World(log)]
    there.publish(1, 1)
    here.observe()
    here.holding = true
    const deleting = here.driver.delete(here.now, jobs)
    here.run()
    there.publish(1, 2)
    here.holding = false
    const reader = here.subscribe({ type: "start" })
    expect(here.readAll(reader)).toEqual([1, 2, "up to date"])
    here.release()
    expect(deleting.outcome).toEqual({ type: "deleted" })
    expect(here.readAll(reader)).toEqual(["up to date"])
    expect(here.observe().position).toBe(2)
  })
})

describe("memory", () => {
  test("L10 L17 a session that nobody uses leaves memory, and comes back as it was", () => {
    const world = new World()
    world.publish(1, 3)
    world.settle(world.append([{ ...line("all"), commit: true }]))
    world.publish(5, 30)
    const before = world.observe()
    world.wait(60_001)
    expect([world.driver.stats().sessions, world.driver.kernel.stats().sessions]).toEqual([0, 0])
    expect(world.observe()).toEqual(before)
    expect(shown(world).since).toEqual(Array.from({ length: 26 }, (_, i) => i + 5))
  })

  test("L17 a session with a reader stays, however quiet it is", () => {
    const world = new World()
    world.publish(1, 1)
    const reader = world.subscribe({ type: "now" })
    world.wait(200_000)
    expect(world.driver.stats().sessions).toBe(1)
    world.driver.unsubscribe(reader)
    world.wait(60_001)
    expect(world.driver.stats()).toEqual({ sessions: 0, callsWaiting: 0, draftsWaiting: 0, requestsInFlight: 0, pagesHeld: 0 })
    expect(world.driver.pollTimeout()).toBe(undefined)
  })

  test("L17 a session that is used stays, and leaves when it was not used for that long", () => {
    const world = new World()
    world.publish(1, 1)
    world.wait(40_000)
    world.observe()
    world.wait(40_000)
    expect(world.driver.kernel.stats().sessions).toBe(1)
    world.wait(20_001)
    expect(world.driver.kernel.stats().sessions).toBe(0)
  })

  test("L17 a session with an append under way stays, and nothing of it is forgotten with its memory kept", () => {
    const world = new World()
    world.holding = true
    const call = world.append([line("1")])
    world.run()
    world.wait(200_000)
    expect(world.driver.stats()).toMatchObject({ sessions: 1, requestsInFlight: 1 })
    const observing = world.driver.observe(world.now, jobs)
    world.run()
    world.answerHeld(1, "failed")
    world.release()
    expect([call.outcome?.type, observing.outcome?.type, world.driver.kernel.stats().sessions]).toEqual(["appended", "failed", 1])
    world.holding = true
    world.append([line("2")])
    world.run()
    world.wait(200_000)
    expect(world.driver.kernel.stats().sessions).toBe(1)
    world.release()
    world.wait(200_000)
    expect([world.driver.stats().sessions, world.driver.kernel.stats().sessions]).toEqual([0, 0])
  })

  test("L17 of more sessions than may be in memory the ones unused for longest leave, but none that is read", () => {
    const world = new World(undefined, { sessionsInMemoryMax: 3 })
    world.publish(1, 1, named("read"))
    readerOf(world.settle(world.driver.subscribe(world.now, named("read"), { type: "now" }, { filter: everything, recovery: "events" })))
    const there = () => ["read", "a", "b", "c", "d"].filter((id) => world.driver.kernel.describe(named(id)) !== undefined)
    for (const id of ["a", "b"]) world.publish(1, 1, named(id))
    world.observe(named("a"))
    world.publish(1, 1, named("c"))
    expect(there()).toEqual(["read", "a", "c"])
    world.publish(1, 1, named("d"))
    expect(there()).toEqual(["read", "c", "d"])
    expect(["a", "b", "c", "d"].map((id) => world.observe(named(id)).position)).toEqual([1, 1, 1, 1])
    expect([world.driver.stats().sessions, world.driver.kernel.stats().sessions]).toEqual([3, 3])
  })

  test("L17 a session used twice in a row, or back after it was forgotten, is the one used last all the same", () => {
    const world = new World(undefined, { sessionsInMemoryMax: 2 })
    const there = () => ["a", "b", "c"].filter((id) => world.driver.kernel.describe(named(id)) !== undefined)
    for (const id of ["a", "a", "b", "a", "c"]) world.publish(1, 1, named(id))
    expect(there()).toEqual(["a", "c"])
    world.wait(60_001)
    expect(there()).toEqual([])
    for (const id of ["c", "b", "c", "a"]) world.publish(1, 1, named(id))
    expect(there()).toEqual(["a", "c"])
  })

  test("L17 sessions that one group makes do not outnumber what may be in memory, and none is forgotten with its memory kept", () => {
    const world = new World(undefined, { sessionsInMemoryMax: 2 })
    for (const id of ["a", "b", "c", "d", "e"]) world.append([line(id)], { session: named(id) })
    world.run()
    expect([world.driver.stats().sessions, world.driver.kernel.stats().sessions]).toEqual([2, 2])
    world.wait(60_001)
    expect([world.driver.stats().sessions, world.driver.kernel.stats().sessions]).toEqual([0, 0])
  })

  test("a long way to the head is saved at its end, and not on the way", () => {
    const log = new WatchedLog(true)
    new World(log, { snapshotEvents: 1000 }).publish(1, 60)
    log.asked()
    expect(new World(log, { snapshotEvents: 10 }).observe().position).toBe(60)
    expect(inWords(log.asked())).toEqual(["open", ...[8, 16, 24, 32, 40, 48, 56].map((after) => `range after ${after}`), "save"])
  })

  test("L10 a snapshot is saved every so many entries, and what it covers need not be there when the session comes back", () => {
    const log = new WatchedLog(true)
    const world = new World(log)
    world.publish(1, 20)
    world.settle(world.append([{ ...line("all"), commit: true }]))
    world.publish(22, 130)
    expect(log.asked().filter(({ type }) => type === "save").length).toBe(2)
    const before = world.observe()
    const described = world.settle(world.driver.describe(world.now, jobs))
    expect(described.type === "session" && [described.info.head, described.info.earliest]).toEqual([130, 71])
    world.wait(60_001)
    expect(world.observe()).toEqual(before)
    expect(shown(world).view).toBe("all")
  })

  test("L17 of a session one snapshot is under way at a time", () => {
    const log = new WatchedLog(true)
    const world = new World(log, { snapshotEvents: 10 })
    world.publish(1, 9)
    world.holding = true
    const batch = () => world.append(Array.from({ length: 10 }, () => line("x")))
    for (let times = 1; times <= 3; times++) {
      batch()
      world.run()
      world.answerHeld(world.held.length - 1, "it is")
    }
    const saves = () => log.asked().filter(({ type }) => type === "save").length
    expect(saves()).toBe(1)
    world.release()
    expect(saves()).toBe(1)
  })

  test("L17 a snapshot that could not be saved is saved before long, although nobody appends meanwhile", () => {
    const log = new WatchedLog(true)
    const world = new World(log, { snapshotEvents: 10 })
    world.publish(1, 9)
    world.holding = true
    world.append([line("10")])
    world.run()
    world.answerHeld(0, "it is")
    world.answerHeld(0, "failed")
    world.holding = false
    log.asked()
    world.wait(99)
    expect(log.asked()).toEqual([])
    world.wait(1)
    expect(inWords(log.asked())).toEqual(["save"])
    world.wait(1_000)
    expect(log.asked()).toEqual([])
  })

  test("L17 a full session that nobody reads is opened to be saved, and takes appends again", () => {
    const log = new WatchedLog(true)
    const before = new World(log, { snapshotEvents: 1_000, groupDraftsMax: 200 })
    before.settle(before.append(Array.from({ length: 120 }, () => line("x"))))
    const world = new World(log, { snapshotEvents: 50, pageEvents: 200 })
    expect(world.settle(world.append([line("one too many")]))).toMatchObject({ type: "failed", effect: "none", reason: "storage_full" })
    world.run()
    world.publish(121, 121)
    expect(world.observe().position).toBe(121)
  })

  test("L17 a full session is saved although that was not due, and takes appends again", () => {
    const world = new World(undefined, { snapshotEvents: 1_000, groupDraftsMax: 200 })
    world.settle(world.append(Array.from({ length: 120 }, () => line("x"))))
    expect(world.settle(world.append([line("one too many")]))).toMatchObject({ type: "failed", effect: "none", reason: "storage_full" })
    world.publish(121, 121)
    expect(world.observe().position).toBe(121)
  })

  test("L21 a save of a session that is not there is a reason to look, and not to save again", () => {
    const log = new WatchedLog(false)
    const [here, there] = [new World(log, { snapshotEvents: 5 }), new World(log)]
    here.publish(1, 4)
    const reader = here.subscribe({ type: "now" })
    here.readAll(reader)
    here.holding = true
    here.append([line("5"), line("6")])
    here.run()
    there.settle(there.driver.delete(there.now, jobs))
    here.release()
    log.asked()
    here.wait(60_000)
    expect(inWords(log.asked()).filter((asked) => asked === "save")).toEqual([])
    expect(here.readAll(reader).at(-1)).toBe("ended deleted")
  })

  test("L17 a log that was full until a snapshot was saved takes appends again, however late that save was answered", () => {
    const world = new World(undefined, { snapshotEvents: 50, groupDraftsMax: 200 })
    world.publish(1, 49)
    world.holding = true
    world.append([line("50")])
    world.run()
    world.answerHeld(0, "it is")
    world.append(Array.from({ length: 120 }, () => line("x")))
    world.run()
    world.answerHeld(1, "it is")
    const refused = world.append([line("one too many")])
    world.run()
    world.answerHeld(1, "it is")
    expect(refused.outcome).toMatchObject({ type: "failed", effect: "none", reason: "storage_full" })
    world.release()
    world.publish(171, 171)
    expect(world.observe().position).toBe(171)
  })

  test("L17 of many sessions that become idle together a few are saved at a time, and all of them leave", () => {
    const log = new WatchedLog(true)
    const world = new World(log, { sessionsInMemoryMax: 100 })
    for (let n = 1; n <= 40; n++) world.publish(1, 1, named(`s${n}`))
    const saves = () => log.asked().filter(({ type }) => type === "save").length
    log.asked()
    world.holding = true
    world.wait(60_001)
    expect([saves(), world.driver.stats().sessions]).toEqual([16, 24])
    world.release()
    world.wait(101)
    world.wait(101)
    expect([saves(), world.driver.stats().sessions]).toEqual([24, 0])
  })

  test("L10 a view that could not be folded is never saved: what it is made of stays in the log", () => {
    const log = new WatchedLog(true)
    const broken = { apply: () => { throw new Error("no") }, show: () => ({ view: null, provisional: null }) }
    const world = new World(log, {}, undefined, [{ name: "log", version: 1, viewBytesMax: 1, initial: broken, restore: () => broken }])
    world.publish(1, 100)
    expect(log.asked().filter(({ type }) => type === "save")).toEqual([])
    expect(world.readAll(world.subscribe({ type: "start" })).length).toBe(101)
  })

  test("L21 a closed session that comes back from a snapshot of its close is closed", () => {
    const world = new World()
    world.publish(1, 2)
    world.settle(world.append([{ type: "close", reason: "done" }]))
    world.wait(60_001)
    expect(world.driver.kernel.stats().sessions).toBe(0)
    expect(world.observe()).toMatchObject({ position: 3, closed: { reason: "done" } })
    expect(world.readAll(world.subscribe({ type: "now" }))).toEqual(["ended done"])
  })
})

test("L8 who waits for a session finds it where the append that made it failed after it was done", () => {
  const world = new World()
  const waiting = world.driver.subscribe(world.now, jobs, { type: "observation" }, { filter: everything, recovery: "events", missing: "wait" })
  world.run()
  world.holding = true
  world.append([line("1")])
  world.run()
  world.holding = false
  world.answerHeld(0, "lost")
  world.run()
  expect(waiting.outcome?.type).toBe("subscribed")
  expect(world.readAll(readerOf(waiting.outcome ?? { type: "unknown_session" }))).toEqual(["observation 1", "up to date"])
})
