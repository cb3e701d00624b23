import { defineModel, logModel } from "@tidemark/kernel"
import { describe, expect, test } from "vitest"
import { FakeWorld } from "./fake-world.ts"

const tea = [{ kind: "added", data: "tea" }]

const counter = defineModel({
  name: "counter",
  version: 1,
  viewBytesMax: 100,
  initial: { view: 0, provisional: null },
  apply: ({ view }, event) => ({ view: Number(view) + Number(event.data), provisional: null }),
})

/** Everything that happened in a world of some size, line by line. */
function storyOf(seed: number): readonly string[] {
  const lines: string[] = []
  const world = new FakeWorld({ seed, settings: { latencyMs: [1, 100], splits: 0.5 }, onTrace: (line) => lines.push(line) })
  world.create("cart")
  const clients = [world.client({ session: "cart" }), world.client({ session: "cart", takesMs: 20 })]
  const publisher = world.publisher({ session: "cart", producer: "p" })
  for (let n = 0; n < 20; n++) publisher.publish(JSON.stringify({ kind: "said", data: n }))
  world.runFor(60)
  for (const client of clients) client.cut()
  world.crash()
  world.lose("unsynced")
  world.restart()
  world.runUntilCaughtUp()
  return lines
}

test("the same seed gives the same run, to the last line, and another seed another", () => {
  const story = storyOf(1)
  expect(story.length).toBeGreaterThan(40)
  expect(storyOf(1)).toEqual(story)
  expect(storyOf(2)).not.toEqual(story)
})

test("sessions are made with the first model, and clients fold with it", () => {
  const world = new FakeWorld({ models: [counter] })
  world.publish("sum", [{ kind: "plus", data: 2 }])
  const [client, plain] = [world.client({ session: "sum" }), world.client({ session: "sum", folds: false })]
  world.publish("sum", [{ kind: "plus", data: 3 }])
  world.runUntilCaughtUp()
  expect([client.shown, plain.shown]).toEqual([{ view: 5, provisional: null }, undefined])
  expect(world.observe("sum")).toMatchObject({ position: 2, view: 5 })
})

test("publishing is acknowledged when it returns, and under a key it is recorded once", () => {
  const world = new FakeWorld({ startsAt: 1_000_000_000_000 })
  expect(world.publish("cart", tea, { key: "k" })).toMatchObject({ session: "cart", first: 1, last: 1, durability: "local" })
  expect(world.append("cart", tea, { key: "k" })).toMatchObject({ type: "appended", repeated: true })
  expect(world.append("cart", [{ kind: "added", data: "milk" }], { key: "k" })).toMatchObject({ type: "conflict" })
  expect(world.recorded("cart")).toEqual([{ position: 1, revision: 0, kind: "added", at: "2001-09-09T01:46:40.000Z", data: "tea" }])
})

test("the time of day jumps where the world says so, and stamps never go back", () => {
  const world = new FakeWorld({ startsAt: 1_000_000_000_000 })
  world.publish("cart", tea)
  world.wallOffset = -60_000
  world.publish("cart", tea)
  world.wallOffset = 60_000
  world.publish("cart", tea)
  const times = world.recorded("cart").map(({ at }) => at.slice("2001-09-09T".length, "2001-09-09T01:46:40".length))
  expect(times).toEqual(["01:46:40", "01:46:40", "01:47:40"])
})

test("a session ends for everybody, is deleted, and is made anew in another epoch", () => {
  const world = new FakeWorld()
  const { epoch } = world.publish("cart", tea)
  const client = world.client({ session: "cart" })
  world.close("cart", "paid")
  world.runUntil(() => client.isOver)
  expect(world.closed("cart")).toEqual({ reason: "paid" })
  expect(world.append("cart", tea)).toMatchObject({ type: "closed" })
  world.delete("cart")
  expect(world.recorded("cart")).toEqual([])
  expect(world.publish("cart", tea).epoch).not.toBe(epoch)
})

describe("what was acknowledged and is lost all the same", () => {
  test("without notice: a client that had it is told by its mark", () => {
    const world = new FakeWorld()
    world.publish("cart", tea)
    const client = world.client({ session: "cart" })
    world.publish("cart", [{ kind: "added", data: "milk" }])
    world.runUntilCaughtUp()
    world.crash()
    world.lose(1)
    world.restart()
    world.publish("cart", [{ kind: "added", data: "salt" }])
    world.runUntilCaughtUp()
    expect(client.items.flatMap((item) => (item.type === "gap" ? [item.gap.reason] : []))).toEqual(["diverged"])
    expect(client.shown).toMatchObject({ provisional: { events: [{ data: "tea" }, { data: "salt" }] } })
  })

  test("with notice: by the epoch", () => {
    const world = new FakeWorld()
    world.publish("cart", tea)
    const client = world.client({ session: "cart" })
    world.runUntilCaughtUp()
    world.crash()
    world.lose(0, { noticed: true })
    world.restart()
    world.runUntilCaughtUp()
    expect(client.items.flatMap((item) => (item.type === "gap" ? [item.gap.reason] : []))).toEqual(["epoch"])
  })
})

describe("what makes no sense is refused with what to do instead", () => {
  test("waiting for what never comes true says so, with what happened last", () => {
    const world = new FakeWorld()
    world.publish("cart", tea)
    const waiting = () => world.runUntil(() => world.recorded("cart").length === 2, { withinMs: 500 })
    expect(waiting).toThrow("this did not come true within 500 ms of the world: () => world.recorded(\"cart\").length === 2")
    expect(waiting).toThrow(/what happened last:\n +\d+ ms {2}log +append default\/cart → appended 1–1/)
  })

  test("a world that goes round in circles is stopped", () => {
    const world = new FakeWorld()
    const again = (): void => void world.schedule.after(0, again)
    again()
    expect(() => world.runFor(1)).toThrow("the world took 1000000 steps and is at 0 ms: something goes round in circles")
  })

  test("time within a callback", () => {
    const world = new FakeWorld()
    world.publish("cart", tea)
    world.client({ session: "cart", onItem: () => world.runFor(1) })
    expect(() => world.runFor(100)).toThrow("time does not pass within a callback: use send(), or do it after the run")
  })

  test("a host that is down, up, or not there", () => {
    const world = new FakeWorld()
    expect(() => world.restart()).toThrow("host 0 is up: crash(0) comes first")
    expect(() => world.lose("unsynced")).toThrow("host 0 is up, and would know better: crash(0) comes first")
    world.crash()
    expect(() => world.crash()).toThrow("host 0 is down: restart(0) comes first")
    expect(() => world.publish("cart", tea)).toThrow("host 0 is down: restart(0) comes first")
    expect(() => world.host(1)).toThrow("there is no host 1: this world has 1, counted from 0")
  })

  test("catching up with a client whose session is not there, unless it waits or was closed", () => {
    const world = new FakeWorld()
    const hasty = world.client({ session: "cart" })
    const patient = world.client({ session: "cart", waits: true })
    const said = /^client 0, of the session "cart", has ended with a failure: .*there is no such session.*A client needs its session first.*`waits: true`/
    expect(() => world.runUntilCaughtUp()).toThrow(said)
    world.publish("cart", tea)
    expect(() => world.runUntilCaughtUp()).toThrow(said)
    hasty.close()
    world.runUntilCaughtUp()
    expect([hasty.ended?.failure?.message, patient.isLive]).toEqual(["there is no such session", true])
  })

  test("catching up with a client that has another model, and with a publisher that cannot go on", () => {
    const world = new FakeWorld({ models: [counter] })
    world.publish("sum", [{ kind: "plus", data: 1 }])
    const client = world.client({ session: "sum", model: logModel })
    expect(() => world.runUntilCaughtUp()).toThrow(/^client 0, of the session "sum", has ended with a failure: .* not "log"; pass that one\. One that/)
    client.close()
    world.close("sum", "done")
    world.publisher({ session: "sum", producer: "p" }).publish('{"kind":"plus","data":1}')
    expect(() => world.runUntilCaughtUp()).toThrow(/^publisher 0 has ended with a failure: .*closed/)
  })

  test("settings that nobody knows, with those that have a word in common, or all", () => {
    const typed = (settings: object) => () => new FakeWorld({ settings })
    expect(typed({ windowEvent: 4 })).toThrow('settings: there is no "windowEvent". Near it are: windowEvents, windowBytes, windowAgeMs')
    expect(typed({ toString: 4 })).toThrow(/^settings: there is no "toString"\. There are: latencyMs, splits, .*, readBytes$/)
  })

  test("settings and drafts that cannot be", () => {
    expect(() => new FakeWorld({ hosts: 0 })).toThrow("a world has 1 host or more, not 0")
    expect(() => new FakeWorld({ models: [] })).toThrow("models: name at least one, or leave it out for the log model")
    const world = new FakeWorld()
    expect(() => world.publish("cart", [])).toThrow("publish at least one event")
    expect(() => world.publish("cart", tea, { key: "" })).toThrow('key: use 1–200 visible ASCII characters, not ""')
    expect(() => world.publish("no/name", tea)).toThrow('not a session name: ["default","no/name"]')
  })

  test("publishing that is refused, where nobody expected it", () => {
    const world = new FakeWorld()
    world.publish("cart", tea)
    world.close("cart", "paid")
    expect(() => world.publish("cart", tea)).toThrow(/^publishing to cart was answered .*"closed".*; use append\(\) where that is expected$/)
    expect(() => world.trim("nothing", { events: 1 })).toThrow("trimming nothing was answered unknown_session")
  })
})
