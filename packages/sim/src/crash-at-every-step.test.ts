// A short fixed plan, and the host killed at every step of its schedule: on a disk that keeps everything, and on one that
// loses what nobody had been told of. The campaign's own checkers judge every item that a client is given; in the end all
// are at the head, and what was published is there, once and in order.

import { expect, test } from "vitest"
import { World } from "./campaign/world.ts"
import type { Plan } from "./campaign/plan.ts"

const reader = { session: 0, node: 0, recover: "events", filtered: false, waits: true, takesMs: 0 } as const
const plan: Plan = {
  seed: 1,
  faults: [],
  nodes: 1,
  sessions: 1,
  readers: [
    { ...reader, from: "start", folds: true },
    { ...reader, from: "observation", folds: true },
    { ...reader, from: "start", folds: false, filtered: true, takesMs: 3 },
  ],
  publishers: [{ session: 0, node: 0, lines: 2 }],
  latencyMs: 2,
  logDelayMs: 3,
  records: false,
  splits: 0,
  actions: [],
}
const lines = [1, 2, 3, 4, 5]

interface Crash {
  readonly step: number
  readonly tail: "kept" | "unsynced"
}

/** Runs the plan with a crash, and gives back how many steps it took to publish everything, and what is recorded then. */
function run(crash?: Crash) {
  const world = new World(plan)
  const [host, publisher] = [world.host(0), world.publishers[0]]
  if (publisher === undefined) throw new Error("the plan has a publisher")
  for (const n of lines) publisher.publish(JSON.stringify({ kind: n % 2 === 1 ? "odd" : "even", data: { n } }))
  publisher.endInput()
  const isDone = () => publisher.ended !== undefined && world.readers.every(({ checker, client }) => checker.isAtHead(client))
  const until = 100_000
  for (;;) {
    if (crash?.step === world.schedule.steps) {
      const { synced } = host.log
      host.kill()
      if (crash.tail === "unsynced") world.disk.restore(Math.min(synced, world.disk.length), false)
      world.schedule.after(50, () => host.start())
    }
    if ((isDone() && host.isUp && world.schedule.steps > (crash?.step ?? 0)) || !world.step(until)) break
  }
  const lifetime = world.record.current.get(world.session(0))
  const recorded = lifetime?.entries.map(({ text }) => Number(JSON.parse(text).data.n))
  const ends = world.readers.map(({ checker, client }) => checker.isAtHead(client))
  return { steps: world.schedule.steps, recorded, failure: publisher.ended?.failure, ends, lifetimes: world.record.lifetimes.size }
}

test("nobody crashes: everything is recorded and given", () => {
  const { steps, recorded, failure, ends } = run()
  expect([recorded, failure, ends]).toEqual([lines, undefined, [true, true, true]])
  expect(steps).toBeGreaterThan(50)
})

test("L1 L4 L5 L11 the host is killed at any step, and what the log did stays: every law holds, nothing twice, nothing missing", () => {
  const { steps } = run()
  for (let step = 0; step < steps; step++) {
    const { recorded, failure, ends, lifetimes } = run({ step, tail: "kept" })
    expect([step, recorded, failure, ends, lifetimes]).toEqual([step, lines, undefined, [true, true, true], 1])
  }
})

test("L2 L4 L5 L11 the host is killed at any step, and what nobody was told of goes with it: every law holds, nothing twice, nothing missing", () => {
  const { steps } = run()
  const lifetimes = new Set<number>()
  for (let step = 0; step < steps; step++) {
    const after = run({ step, tail: "unsynced" })
    expect([step, after.recorded, after.failure, after.ends]).toEqual([step, lines, undefined, [true, true, true]])
    lifetimes.add(after.lifetimes)
  }
  // A session whose creation was lost is made again, and its first epoch was never shown to anybody.
  expect([...lifetimes].toSorted()).toEqual([1, 2])
})
