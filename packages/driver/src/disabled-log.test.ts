// A log that keeps no entries: what this process did not fold before a session left memory, nobody can fold later.

import { defineModel, DisabledLiveReplayStore, instant, logModel } from "@tidemark/kernel"
import { expect, test } from "vitest"
import { MemoryLog } from "./memory-log.ts"
import { jobs, World } from "./world.testing.ts"

const shownAs = { name: "log", version: 1, viewBytesMax: 1_000, initial: { view: null, provisional: null } }

function disabled(models = [logModel]): World {
  let tokens = 0
  const limits = { memoryLogEvents: 60, memoryLogBytes: 1_000_000, keyAgeMs: 1_000, keysPerSession: 100, keysPerProducer: 64, sessionsPerWorkspace: 100 }
  const store = new DisabledLiveReplayStore({ events: 16, bytes: 1_000_000, ageMs: 900_000 })
  return new World(new MemoryLog({ limits, token: () => `t${++tokens}`, keepsEntries: false }), {}, store, models)
}

/** Nobody does anything until then. */
function idle(world: World, until: number): void {
  world.now = instant(until)
  world.driver.handleTimeout(world.now)
  world.run()
}

test("L10 a session whose view could not be saved stays in memory, where it is the only one", () => {
  const world = disabled()
  world.publish(1, 3)
  world.holding = true
  idle(world, 200_000)
  world.answerHeld(0, "failed")
  world.holding = false
  expect(world.driver.kernel.stats().sessions).toBe(1)
  idle(world, 400_000)
  idle(world, 600_000)
  expect(world.driver.kernel.stats().sessions).toBe(0)
  const observed = world.settle(world.driver.observe(world.now, jobs))
  expect(observed.type === "observed" ? observed.observation.point.position : observed).toBe(3)
})

test("L10 a log that lacks what comes after the last saved view is said to, and not folded from the middle", () => {
  const world = disabled()
  world.publish(1, 3)
  const other = new World(world.log, {}, new DisabledLiveReplayStore({ events: 16, bytes: 1_000_000, ageMs: 900_000 }))
  const outcome = other.settle(other.driver.observe(other.now, jobs))
  expect(outcome.type === "failed" ? [outcome.reason, outcome.detail] : outcome).toEqual([
    "view_failed",
    "session default/jobs: its last saved view is of position 0, and its log begins after 3: what lies between is gone; delete the session",
  ])
})

test("L10 a session that left memory comes back with its view, and appends to it are folded into that view", () => {
  const world = disabled()
  world.publish(1, 3)
  idle(world, 200_000)
  idle(world, 400_000)
  expect(world.driver.kernel.stats().sessions).toBe(0)
  world.publish(4, 5)
  const observed = world.settle(world.driver.observe(world.now, jobs))
  const events = observed.type === "observed" ? JSON.parse(JSON.stringify(observed.observation)).provisional.events : []
  expect(events.map((event: { data: string }) => event.data)).toEqual(["1", "2", "3", "4", "5"])
})

test("a connected reader is fed from the window; what is behind the head cannot be resumed", () => {
  const world = disabled()
  world.publish(1, 2)
  const reader = world.subscribe({ type: "now" })
  expect(world.readAll(reader)).toEqual(["up to date"])
  world.publish(3, 4)
  expect(world.readAll(reader)).toEqual([3, 4, "up to date"])
  expect(world.readAll(world.subscribe({ type: "start" }))).toEqual(["gap unknown_log", "up to date"])
})

test("L17 a session whose view cannot be folded leaves memory all the same", () => {
  const broken = defineModel({ ...shownAs, apply: () => { throw new Error("the model cannot") } })
  const world = disabled([broken])
  world.publish(1, 3)
  idle(world, 200_000)
  expect(world.driver.kernel.stats().sessions).toBe(0)
})
