// Readers behind the window: what is asked of the log for them, how often, and what they are told when it cannot answer.

import { cursorText, everything, mark, parseCursor } from "@tidemark/kernel"
import { describe, expect, test } from "vitest"
import { inWords, WatchedLog } from "./watched-log.testing.ts"
import { budget, jobs, line, readerOf, World } from "./world.testing.ts"

const upTo = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

describe("history", () => {
  test("L12 readers at one place share one range, however many there are, and no page outlives them", () => {
    const log = new WatchedLog(true)
    const world = new World(log)
    world.publish(1, 40)
    const readers = [1, 2, 3].map(() => world.subscribe({ type: "start" }))
    log.asked()
    world.holding = true
    expect(readers.map((reader) => world.readAll(reader))).toEqual([["waiting"], ["waiting"], ["waiting"]])
    expect(inWords(log.asked())).toEqual(["range after 0"])
    world.release()
    expect([world.driver.pollReady(), world.driver.pollReady(), world.driver.pollReady()]).toEqual(readers)
    const [first, second, third] = readers.map((reader) => world.driver.read(world.now, reader, budget))
    expect(first?.type === "events" && first.batch.events.map((event) => event.position)).toEqual(upTo(1, 8))
    expect(first?.type === "events" && second?.type === "events" && first.batch === second.batch).toBe(true)
    expect(third?.type).toBe("events")
    expect(world.driver.stats().pagesHeld).toBe(0)
  })

  test("L8 L13 a reader that stopped goes on from where it was: out of history, then out of the window, then live", () => {
    const world = new World()
    world.publish(1, 5)
    const slow = world.subscribe({ type: "start" })
    expect(world.readAll(slow)).toEqual([1, 2, 3, 4, 5, "up to date"])
    world.publish(6, 50)
    expect(world.readAll(slow)).toEqual([...upTo(6, 50), "up to date"])
    world.publish(51, 51)
    expect([world.driver.pollReady(), world.readAll(slow)]).toEqual([slow, [51, "up to date"]])
  })

  test("L13 a connected reader is told lagged only when the log itself has let go of what it needs, and once", () => {
    const world = new World()
    world.publish(1, 1)
    const slow = world.subscribe({ type: "now" })
    expect(world.readAll(slow)).toEqual(["up to date"])
    world.publish(2, 130)
    const outcome = world.driver.read(world.now, slow, budget)
    expect(outcome).toMatchObject({ type: "gap", gap: { reason: "lagged", earliest: 71, head: 130, missed: 129 } })
    expect(outcome).toMatchObject({ observation: { point: { position: 130 } } })
    expect(world.readAll(slow)).toEqual(["up to date"])
  })

  test("L14 a reader that waits for history does not hold up one that reads live", () => {
    const world = new World()
    world.publish(1, 40)
    const [slow, quick] = [world.subscribe({ type: "start" }), world.subscribe({ type: "now" })]
    expect(world.readAll(quick)).toEqual(["up to date"])
    world.holding = true
    expect(world.readAll(slow)).toEqual(["waiting"])
    const call = world.append([line("41")])
    world.run()
    world.answerHeld(1, "it is")
    expect([call.outcome?.type, world.readAll(quick)]).toEqual(["appended", [41, "up to date"]])
    world.release()
    expect(world.readAll(slow)).toEqual([...upTo(1, 41), "up to date"])
  })

  test("L17 a reader that leaves while its page is under way leaves nothing behind", () => {
    const world = new World()
    world.publish(1, 40)
    const reader = world.subscribe({ type: "start" })
    world.holding = true
    expect(world.readAll(reader)).toEqual(["waiting"])
    expect(world.driver.stats().pagesHeld).toBe(1)
    world.driver.unsubscribe(reader)
    expect(world.driver.stats().pagesHeld).toBe(0)
    world.release()
    expect(world.driver.pollReady()).toBe(undefined)
    expect([world.driver.stats().requestsInFlight, world.driver.kernel.stats().readers]).toEqual([0, 0])
  })
})

describe("a log that cannot answer", () => {
  test("L6 is a failure with a time to come back; then the reader is woken, and nothing is lost", () => {
    const log = new WatchedLog(true)
    const world = new World(log)
    world.publish(1, 40)
    const reader = world.subscribe({ type: "start" })
    log.away = true
    expect(world.driver.read(world.now, reader, budget)).toEqual({ type: "idle", upToDate: false })
    world.run()
    expect(world.driver.pollReady()).toBe(reader)
    expect(world.driver.read(world.now, reader, budget)).toEqual({ type: "failed", retryAt: 100 })
    expect(world.driver.read(world.now, reader, budget)).toEqual({ type: "failed", retryAt: 100 })
    expect(inWords(log.asked()).filter((asked) => asked === "range after 0")).toEqual(["range after 0"])
    log.away = false
    world.wait(99)
    expect(world.driver.pollReady()).toBe(undefined)
    world.wait(1)
    expect([world.driver.pollReady(), world.readAll(reader)]).toEqual([reader, [...upTo(1, 40), "up to date"]])
  })

  test("L6 that is still away is asked again no sooner than it was told, and once for all who wait", () => {
    const log = new WatchedLog(true)
    const world = new World(log)
    world.publish(1, 40)
    const readers = [world.subscribe({ type: "start" }), world.subscribe({ type: "start" })]
    log.away = true
    for (const from of [0, 100]) {
      world.wait(from)
      log.asked()
      world.holding = true
      for (const reader of readers) expect(world.readAll(reader)).toEqual(["waiting"])
      world.release()
      for (const reader of readers) expect(world.readAll(reader)).toEqual(["failed"])
      expect(inWords(log.asked())).toEqual(["range after 0"])
    }
  })
})

describe("a reader that leaves while the log is away", () => {
  test("L17 takes its deadline along", () => {
    const log = new WatchedLog(true)
    const world = new World(log)
    world.publish(1, 40)
    const reader = world.subscribe({ type: "start" })
    log.away = true
    expect([world.readAll(reader), world.driver.pollTimeout()]).toEqual([["failed"], 100])
    world.driver.unsubscribe(reader)
    expect([world.driver.pollTimeout(), world.driver.stats().pagesHeld]).toEqual([60_000, 0])
  })
})

describe("history that is not this reader's", () => {
  test("L7 a cursor with another entry's mark is diverged although only the log can tell, and reading goes on from the observation", () => {
    const world = new World()
    world.publish(1, 40)
    const own = parseCursor(jobs, world.observe().cursor)
    if (own.type !== "cursor") throw new Error("a cursor of ours")
    const { epoch, point } = own.cursor
    const forged = cursorText(jobs, epoch, { position: point.position, revision: point.revision, mark: mark(7) })
    expect(world.readAll(world.subscribe({ type: "cursor", cursor: forged }))).toEqual(["gap diverged", "up to date"])
    world.publish(41, 80)
    expect(world.readAll(world.subscribe({ type: "cursor", cursor: forged }))).toEqual(["gap diverged", "up to date"])
  })

  test("L2 L9 a log that is of another epoch when the page is asked for is gap `epoch`, never the other log's entries", () => {
    const log = new WatchedLog(false)
    const [here, there] = [new World(log), new World(log)]
    there.publish(1, 40)
    const call = here.driver.subscribe(here.now, jobs, { type: "start" }, { filter: everything, recovery: "events" })
    const reader = readerOf(here.settle(call))
    there.settle(there.driver.delete(there.now, jobs))
    there.publish(1, 30)
    expect(here.readAll(reader)).toEqual(["gap epoch", ...upTo(1, 30), "up to date"])
  })
})
