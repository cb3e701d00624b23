// A session that keeps little keeps no more for long: the log lets go of what a snapshot covers, so snapshots follow.

import { timestamp } from "@tidemark/kernel"
import { expect, test } from "vitest"
import { jobs, line, settings, World } from "./world.testing.ts"

test("L17 a retention of a few events is kept to as they come, and the view is whole", () => {
  const world = new World()
  for (let n = 1; n <= 30; n++) {
    const create = { ...settings, retention: { events: 4 } }
    world.settle(world.driver.append(world.now, timestamp(1_000), { session: jobs, drafts: [line(`${n}`)], create }))
  }
  const described = world.settle(world.driver.describe(world.now, jobs))
  expect(described).toMatchObject({ type: "session", info: { head: 30, earliest: 27 } })
  const observed = world.settle(world.driver.observe(world.now, jobs))
  expect(observed.type === "observed" && JSON.parse(JSON.stringify(observed.observation)).provisional.events.length).toBe(30)
})
