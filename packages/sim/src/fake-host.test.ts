import { expect, test } from "vitest"
import { FakeWorld } from "./fake-world.ts"

const tea = [{ kind: "added", data: "tea" }]
const milk = [{ kind: "added", data: "milk" }]

test("a host that is killed answers nobody, and its clients hear of it", () => {
  const world = new FakeWorld()
  world.publish("cart", tea)
  const client = world.client({ session: "cart" })
  world.runUntilCaughtUp()
  const answers: string[] = []
  world.send("cart", milk, ({ type }) => answers.push(type))
  world.crash()
  world.runFor(60_000)
  expect(world.host().isUp).toBe(false)
  expect(world.host().stats()).toBe(undefined)
  expect(answers).toEqual([])
  expect(client.isLive).toBe(false)
})

test("a host that is started again goes on where its log is, in the same epoch", () => {
  const world = new FakeWorld()
  const first = world.publish("cart", tea)
  world.crash()
  world.restart()
  const second = world.publish("cart", milk)
  expect([second.first, second.epoch]).toEqual([2, first.epoch])
})

test("what a killed process had asked of the log takes no effect afterwards, and is not answered to the next one", () => {
  const world = new FakeWorld({ settings: { logDelayMs: [50, 50] } })
  world.publish("cart", tea)
  world.send("cart", milk)
  world.runFor(10)
  world.crash()
  world.restart()
  world.runFor(10_000)
  expect(world.recorded("cart").map(({ data }) => data)).toEqual(["tea"])
})

test("a log that does not answer in time is given up: the outcome is unknown, and what it did is there", () => {
  const world = new FakeWorld()
  world.create("cart")
  world.host().log.failNext("late")
  expect(world.append("cart", tea)).toMatchObject({ type: "failed", effect: "unknown" })
  expect(world.recorded("cart").map(({ data }) => data)).toEqual(["tea"])
})

test("a client that takes nothing is closed at the write deadline, and slows nobody", () => {
  const world = new FakeWorld({ settings: { socketBytes: 500, writeDeadlineMs: 5_000 } })
  world.create("cart")
  const [slow, quick] = [world.client({ session: "cart" }), world.client({ session: "cart" })]
  world.runUntilCaughtUp()
  slow.stall()
  for (let i = 0; i < 20; i++) world.publish("cart", tea)
  world.runUntil(() => quick.items.filter(({ type }) => type === "event").length === 20, { withinMs: 1_000 })
  expect(world.host().streams).toBe(2)
  world.runUntil(() => world.host().streams === 1, { withinMs: 6_000 })
  slow.resume()
  world.runUntilCaughtUp()
  expect(slow.items.filter(({ type }) => type === "event").length).toBe(20)
})

test("when everybody has left and everything is deleted, nothing stays in memory", () => {
  const world = new FakeWorld()
  world.publish("cart", tea)
  const client = world.client({ session: "cart" })
  world.runUntilCaughtUp()
  client.close()
  world.delete("cart")
  world.runFor(600_000)
  const stats = world.host().stats()
  expect(stats?.kernel).toMatchObject({ sessions: 0, readers: 0, readersReady: 0, windowEntries: 0, windowBytes: 0 })
  expect(stats?.driver).toEqual({ sessions: 0, callsWaiting: 0, draftsWaiting: 0, requestsInFlight: 0, pagesHeld: 0 })
  expect(world.disk.stats()).toEqual({ workspaces: 0, sessions: 0, entries: 0, bytes: 0, keys: 0 })
})
