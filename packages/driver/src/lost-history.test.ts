// A log that goes back within its epoch, as one does that lost its tail in a failover, and grows anew: whoever stands on
// what is gone is told so before anything else, and whoever stands on what is still there has lost nothing.

import { everything, type ReaderId } from "@tidemark/kernel"
import { describe, expect, test } from "vitest"
import { inWords, WatchedLog } from "./watched-log.testing.ts"
import { budget, jobs, line, readerOf, settings, World } from "./world.testing.ts"

/** Two processes over a log of which this one knows 1–5, with a reader at its head and one at 2. */
function followed(): { readonly log: WatchedLog; readonly here: World; readonly there: World; readonly atHead: ReaderId; readonly behind: ReaderId } {
  const log = new WatchedLog(false)
  const [here, there] = [new World(log), new World(log)]
  there.publish(1, 2)
  const [atHead, behind] = [here.subscribe({ type: "observation" }), here.subscribe({ type: "observation" })]
  expect([here.readAll(atHead), here.readAll(behind)]).toEqual([["observation 2", "up to date"], ["observation 2", "up to date"]])
  there.publish(3, 5)
  here.driver.handleWake(here.now, jobs)
  here.run()
  expect(here.readAll(atHead)).toEqual([3, 4, 5, "up to date"])
  return { log, here, there, atHead, behind }
}

/** The log lost all, and grew anew: with `from`–`to` as they were before, and others after them. */
function regrown(log: WatchedLog, to: number, others: number): World {
  log.goBack()
  const again = new World(log)
  again.publish(1, to)
  if (others > 0) again.publish(100, 99 + others)
  return again
}

describe("a log that was opened anew", () => {
  test("L7 L13 readers past its head are told ahead; one on what it still holds reads on without a gap", () => {
    const { log, here, atHead, behind } = followed()
    regrown(log, 3, 0)
    here.driver.handleReopened(here.now)
    here.run()
    here.wait(1_000)
    expect([here.readAll(atHead), here.readAll(behind)]).toEqual([["gap ahead", "up to date"], [3, "up to date"]])
  })

  test("L7 L13 grown beyond what it was, readers on what is gone are told diverged; one on what it still holds reads on", () => {
    const { log, here, atHead, behind } = followed()
    regrown(log, 3, 4)
    here.driver.handleReopened(here.now)
    here.run()
    here.wait(1_000)
    expect([here.readAll(atHead), here.readAll(behind)]).toEqual([["gap diverged", "up to date"], [3, 4, 5, 6, 7, "up to date"]])
  })

  test("L8 what this process appends next is put after its place only once the log has vouched for that place", () => {
    const { log, here, atHead } = followed()
    regrown(log, 3, 2)
    here.driver.handleReopened(here.now)
    here.publish(6, 6)
    here.wait(1_000)
    expect(here.readAll(atHead)).toEqual(["gap diverged", "up to date"])
  })

  test("L8 so it is for a log's only user, when a backup was put in place under it", () => {
    const log = new WatchedLog(true)
    const here = new World(log)
    here.publish(1, 5)
    const reader = here.subscribe({ type: "now" })
    here.readAll(reader)
    regrown(log, 3, 2)
    here.holding = true
    here.driver.handleReopened(here.now)
    here.append([line("6")])
    here.run()
    here.answerHeld(1, "it is")
    expect(here.readAll(reader)).toEqual(["up to date"])
    here.release()
    here.wait(1_000)
    expect(here.readAll(reader)).toEqual(["gap diverged", "up to date"])
  })

  test("what failed to be asked is asked again, and nothing is put after the place before", () => {
    const { log, here, atHead } = followed()
    regrown(log, 3, 2)
    log.away = true
    here.driver.handleReopened(here.now)
    here.run()
    log.away = false
    here.publish(6, 6)
    here.wait(1_000)
    expect(here.readAll(atHead)).toEqual(["gap diverged", "up to date"])
  })

  test("who waits for a session has it looked for: the log may hold it now", () => {
    const log = new WatchedLog(true)
    const here = new World(log)
    const waiting = here.driver.subscribe(here.now, jobs, { type: "observation" }, { filter: everything, recovery: "events", missing: "wait" })
    here.run()
    new World(log).publish(1, 2)
    here.driver.handleReopened(here.now)
    here.run()
    expect(waiting.outcome?.type).toBe("subscribed")
  })
})

describe("a log that went back without a word", () => {
  test("L7 a head lower than the one known when it was asked for is a log that went back", () => {
    const { log, here, atHead } = followed()
    regrown(log, 3, 0)
    here.driver.handleWake(here.now, jobs)
    here.run()
    here.wait(1_000)
    expect(here.readAll(atHead)).toEqual(["gap ahead", "up to date"])
  })

  test("L7 another entry at the very head is a log that went back", () => {
    const { log, here, atHead } = followed()
    regrown(log, 3, 2)
    here.driver.handleWake(here.now, jobs)
    here.run()
    here.wait(1_000)
    expect(here.readAll(atHead)).toEqual(["gap diverged", "up to date"])
  })

  test("L6 a head from before an append, answered after it, is not", () => {
    const { log, here, atHead } = followed()
    log.asked()
    here.holding = true
    here.driver.handleWake(here.now, jobs)
    here.run()
    const call = here.append([line("6")], { create: settings })
    here.run()
    here.answerHeld(1, "it is")
    here.release()
    expect(call.outcome?.type).toBe("appended")
    expect(inWords(log.asked())).toEqual(["head", "append 1", "range after 5"])
    expect(here.readAll(atHead)).toEqual([6, "up to date"])
  })

  test("L8 an append that contradicts what is known is not forgotten because the log is being asked something", () => {
    const { log, here, atHead } = followed()
    here.holding = true
    here.driver.handleWake(here.now, jobs)
    here.run()
    regrown(log, 2, 1)
    const call = here.append([line("mine")])
    here.run()
    here.answerHeld(1, "it is")
    here.release()
    here.wait(1_000)
    expect(call.outcome?.type).toBe("appended")
    expect(here.readAll(atHead)).toEqual(["gap ahead", "up to date"])
  })

  test("L8 what this process appends next is not put after what the log has lost, although no position tells", () => {
    const { log, here, atHead } = followed()
    regrown(log, 3, 2)
    here.publish(6, 6)
    here.driver.handleWake(here.now, jobs)
    here.run()
    here.wait(1_000)
    expect(here.readAll(atHead)).toEqual(["gap diverged", "up to date"])
  })

  test("L6 the end of a log that goes back while a session is being opened is where its readers are up to date", () => {
    const log = new WatchedLog(false)
    new World(log).publish(1, 20)
    const here = new World(log)
    here.holding = true
    const call = here.driver.subscribe(here.now, jobs, { type: "observation" }, { filter: everything, recovery: "events" })
    here.run()
    log.goBack()
    new World(log).publish(1, 10)
    here.release()
    here.wait(5_000)
    expect(here.readAll(readerOf(call.outcome ?? { type: "unknown_session" }))).toEqual(["observation 10", "up to date"])
    expect(here.settle(here.driver.resume(here.now, jobs, here.observe().cursor, budget)).type).toBe("replayed")
  })

  test("L8 a page of history that was asked for before is not given after it", () => {
    const log = new WatchedLog(false)
    const there = new World(log)
    there.publish(1, 5)
    const here = new World(log)
    const slow = here.subscribe({ type: "observation" })
    here.readAll(slow)
    there.publish(6, 30)
    here.driver.handleWake(here.now, jobs)
    here.run()
    there.publish(31, 32)
    const wide = { events: 100, bytes: 1_000_000 }
    here.driver.read(here.now, slow, wide)
    here.holding = true
    here.run()
    log.goBack()
    new World(log).publish(1, 30)
    here.release()
    expect(here.driver.read(here.now, slow, wide)).toEqual({ type: "idle", upToDate: false })
    here.run()
    expect(here.driver.read(here.now, slow, wide)).toMatchObject({ type: "events", batch: { through: { position: 30 } } })
    expect(here.driver.read(here.now, slow, wide)).toEqual({ type: "idle", upToDate: true })
  })
})
