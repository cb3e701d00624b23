// What late, lost and wrong answers must not do: undo a deletion, hide an append, leave a reader behind.

import { everything, timestamp } from "@tidemark/kernel"
import { expect, test } from "vitest"
import { WatchedLog } from "./watched-log.testing.ts"
import { jobs, line, settings, World } from "./world.testing.ts"
import type { LogAnswer, LogRequest } from "./session-log.ts"

test("L6 a deletion that is answered late ends the session made known meanwhile under its name", () => {
  const log = new WatchedLog(true)
  const world = new World(log)
  world.publish(1, 2)
  world.wait(120_000)
  world.holding = true
  const deleted = world.driver.delete(world.now, jobs)
  world.run()
  // A look at the session fails, and what was known of it is forgotten; the next look finds it as the log had it.
  const looked = world.driver.observe(world.now, jobs)
  world.run()
  world.answerHeld(1, "failed")
  expect(looked.outcome?.type).toBe("failed")
  world.release()
  expect(deleted.outcome?.type).toBe("deleted")
  expect(world.settle(world.driver.observe(world.now, jobs))).toEqual({ type: "unknown_session" })
})

test("L5 a log that answers an append besides the point may have done it: the outcome is unknown", () => {
  class Confused extends WatchedLog {
    override submit(request: LogRequest, answer: (answer: LogAnswer) => void): void {
      super.submit(request, (given) => answer(given.type === "appended" ? { ...given, outcomes: [] } : given))
    }
  }
  const world = new World(new Confused(true))
  const outcome = world.settle(world.append([line("1")], { create: settings }))
  expect(outcome).toMatchObject({ type: "failed", effect: "unknown" })
})

test("L6 a deletion that may have happened leaves no session behind that the log does not have", () => {
  const world = new World()
  world.publish(1, 2)
  const reader = world.subscribe({ type: "now" })
  world.readAll(reader)
  world.holding = true
  const call = world.driver.delete(world.now, jobs)
  world.run()
  const [held] = world.held.splice(0)
  world.holding = false
  world.driver.handleAnswer(world.now, held?.id ?? 0, { type: "failed", effect: "unknown", reason: "unavailable", detail: "lost" })
  expect(world.settle(call)).toMatchObject({ type: "failed", effect: "unknown" })
  expect(world.settle(world.driver.observe(world.now, jobs))).toEqual({ type: "unknown_session" })
  expect(world.driver.kernel.stats().sessions).toBe(0)
})

test("L6 a creation that may have happened is found by who waited for it", () => {
  const world = new World()
  const waiting = world.driver.subscribe(world.now, jobs, { type: "now" }, { filter: everything, recovery: "events", missing: "wait" })
  world.run()
  world.holding = true
  world.driver.create(world.now, timestamp(1_000), jobs, settings)
  world.run()
  const [held] = world.held.splice(0)
  world.holding = false
  world.driver.handleAnswer(world.now, held?.id ?? 0, { type: "failed", effect: "unknown", reason: "unavailable", detail: "lost" })
  expect(world.settle(waiting)).toMatchObject({ type: "subscribed" })
})

test("L7 a log that was opened anew is asked about every session, and what it does not hold any more is a gap", () => {
  const log = new WatchedLog(true)
  const world = new World(log)
  world.publish(1, 3)
  const reader = world.subscribe({ type: "now" })
  world.readAll(reader)
  log.replace()
  const other = new World(log)
  other.publish(1, 1)
  expect(world.observe().position).toBe(3)
  world.driver.handleReopened(world.now)
  world.run()
  expect(world.observe().position).toBe(1)
  expect(world.readAll(reader)[0]).toBe("gap epoch")
})

test("L17 a call that is abandoned after it settled leaves no reader behind", () => {
  const world = new World()
  world.publish(1, 1)
  const call = world.driver.subscribe(world.now, jobs, { type: "now" }, { filter: everything, recovery: "events" })
  world.run()
  expect(call.outcome?.type).toBe("subscribed")
  world.driver.abandon(world.now, call)
  expect(world.driver.kernel.stats().readers).toBe(0)
})

test("L5 an append that nobody waits for any more is found by its readers all the same", () => {
  const world = new World()
  world.publish(1, 1)
  const reader = world.subscribe({ type: "now" })
  expect(world.readAll(reader)).toEqual(["up to date"])
  world.holding = true
  const call = world.append([line("2")])
  world.run()
  world.driver.abandon(world.now, call)
  world.run()
  world.answerHeld(0, "lost")
  world.release()
  expect(world.readAll(reader)).toEqual([2, "up to date"])
})

test("L17 what is refused for a session that is not there leaves nothing of it behind", () => {
  const world = new World()
  const close = { session: jobs, drafts: [{ type: "close", reason: "done" }] } as const
  expect(world.settle(world.driver.append(world.now, timestamp(1_000), close))).toEqual({ type: "unknown_session" })
  expect(world.settle(world.append([line("1")], { create: settings, expect: { revision: 9 } }))).toEqual({ type: "unknown_session" })
  const key = { type: "producer", producer: "p", n: 0 } as const
  expect(world.settle(world.append([line("1")], { create: settings, key }))).toEqual({ type: "key_expired", highest: 0 })
  const log = new WatchedLog(true)
  log.away = true
  const without = new World(log)
  expect(without.settle(without.append([line("1")], { create: settings })).type).toBe("failed")
  expect(without.settle(without.driver.create(without.now, timestamp(1_000), jobs, settings)).type).toBe("failed")
  expect([world.driver.stats().sessions, without.driver.stats().sessions]).toEqual([0, 0])
})
