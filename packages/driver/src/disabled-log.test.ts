// A log that keeps no entries: what this process did not fold before a session left memory, nobody can fold later.

import { DisabledLiveReplayStore, instant } from "@tidemark/kernel"
import { expect, test } from "vitest"
import { MemoryLog } from "./memory-log.ts"
import { jobs, World } from "./world.testing.ts"

function disabled(): World {
  let tokens = 0
  const limits = { memoryLogEvents: 60, memoryLogBytes: 1_000_000, keyAgeMs: 1_000, keysPerSession: 100, keysPerProducer: 64, sessionsPerWorkspace: 100 }
  const store = new DisabledLiveReplayStore({ events: 16, bytes: 1_000_000, ageMs: 900_000 })
  return new World(new MemoryLog({ limits, token: () => `t${++tokens}`, keepsEntries: false }), {}, store)
}

test("L10 a session that left memory comes back with its view, and appends to it are folded into that view", () => {
  const world = disabled()
  world.publish(1, 3)
  world.now = instant(200_000)
  world.driver.handleTimeout(world.now)
  world.run()
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
