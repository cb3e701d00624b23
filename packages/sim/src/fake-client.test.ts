import type { ClientItem } from "@tidemark/client"
import { describe, expect, test } from "vitest"
import type { FakeClient } from "./fake-client.ts"
import { FakeWorld, type WorldClientOptions } from "./fake-world.ts"

/** A world with a reader from the start, and `count` events for it. */
function reading(count: number, options: Partial<WorldClientOptions> = {}, settings = {}) {
  const world = new FakeWorld({ settings })
  world.create("log")
  const client = world.client({ session: "log", from: "start", ...options })
  world.runUntilCaughtUp()
  if (count > 0) publish(world, 1, count)
  return { world, client }
}

function publish(world: FakeWorld, from: number, to: number): void {
  world.publish("log", Array.from({ length: to - from + 1 }, (_, i) => ({ kind: "said", data: from + i })))
}

function given(client: FakeClient): readonly number[] {
  return client.items.flatMap((item) => (item.type === "event" ? [Number(item.event.data)] : []))
}

const isEvent = (n: number) => (item: ClientItem) => item.type === "event" && item.event.data === n

describe("a cut at a chosen item", () => {
  test("before it: what came before is given, the item is not, and comes once when the connection is back", () => {
    for (const kind of ["both", "client", "server", "silent"] as const) {
      const { world, client } = reading(0)
      client.cutBefore(isEvent(3), kind)
      publish(world, 1, 5)
      world.runFor(20)
      expect([kind, given(client)]).toEqual([kind, [1, 2]])
      world.runUntilCaughtUp()
      expect([kind, given(client), client.connects]).toEqual([kind, [1, 2, 3, 4, 5], 2])
    }
  })

  test("after it: the item is given, what had arrived behind it is not, and comes once", () => {
    const { world, client } = reading(0)
    client.cutAfter(isEvent(3))
    publish(world, 1, 5)
    world.runFor(20)
    expect(given(client)).toEqual([1, 2, 3])
    world.runUntilCaughtUp()
    expect(given(client)).toEqual([1, 2, 3, 4, 5])
  })

  test("is the same however the bytes are split, and hits items of every type", () => {
    for (const type of ["observation", "caught_up", "event", "closed"] as const) {
      for (const splits of [0, 0.5, 0.95]) {
        const world = new FakeWorld({ settings: { splits, latencyMs: [1, 3] } })
        publish(world, 1, 3)
        const client = world.client({ session: "log" })
        const before: number[] = []
        client.cutBefore((item) => {
          if (item.type === type) before.push(client.items.filter((each) => each.type === type).length)
          return item.type === type
        })
        world.runFor(50)
        publish(world, 4, 4)
        world.close("log", "done")
        world.runUntil(() => client.isOver)
        expect([type, splits, before, client.connects]).toEqual([type, splits, [0], 2])
        expect(client.items.at(-1)).toMatchObject({ type: "closed", closed: { reason: "done" } })
      }
    }
  })

  test("that never comes cuts nothing", () => {
    const { world, client } = reading(0)
    client.cutBefore(isEvent(9))
    client.cutAfter(isEvent(9))
    publish(world, 1, 5)
    world.runUntilCaughtUp()
    expect([given(client), client.connects]).toEqual([[1, 2, 3, 4, 5], 1])
  })

  test("asked for within a callback happens at that very item", () => {
    const world = new FakeWorld()
    publish(world, 1, 5)
    const client = world.client({ session: "log", from: "start", onItem: (item) => (isEvent(2)(item) ? client.cut() : undefined) })
    world.runFor(20)
    expect(given(client)).toEqual([1, 2])
    world.runUntilCaughtUp()
    expect(given(client)).toEqual([1, 2, 3, 4, 5])
  })
})

test("a client that sleeps does nothing and hears nothing; awake, it finds its connection dead and comes back", () => {
  const { world, client } = reading(2)
  world.runUntilCaughtUp()
  client.sleep()
  publish(world, 3, 4)
  world.runFor(3_600_000)
  expect([given(client), client.connects]).toEqual([[1, 2], 1])
  client.wake()
  expect(client.items.at(-1)).toMatchObject({ type: "status", status: "reconnecting", because: "nothing was heard for 45000 ms" })
  expect(client.connects).toBe(1)
  world.runUntilCaughtUp()
  expect([given(client), client.connects]).toEqual([[1, 2, 3, 4], 2])
})

test("a half-open connection is silent until the watchdog gives it up", () => {
  const { world, client } = reading(0)
  client.cut("silent")
  publish(world, 1, 1)
  world.runFor(44_000)
  expect([client.isLive, given(client)]).toEqual([true, []])
  world.runFor(2_000)
  expect(client.isLive).toBe(false)
  world.runUntilCaughtUp()
  expect(given(client)).toEqual([1])
})

test("a client that is stalled is given nothing, and goes on where it was", () => {
  const { world, client } = reading(0)
  client.stall()
  publish(world, 1, 3)
  world.runFor(1_000)
  expect([client.takes, given(client)]).toEqual([false, []])
  client.resume()
  world.runUntilCaughtUp()
  expect([given(client), client.connects]).toEqual([[1, 2, 3], 1])
})

test("a user who takes his time is given one item after the other", () => {
  const { world, client } = reading(3, { takesMs: 1_000 })
  world.runUntilCaughtUp()
  expect(given(client)).toEqual([1, 2, 3])
  expect(world.now).toBeGreaterThan(3_000)
})

test("a client starts over with a cursor that it kept, or with nothing", () => {
  const { world, client } = reading(2)
  world.runUntilCaughtUp()
  const kept = client.cursor
  publish(world, 3, 4)
  world.runUntilCaughtUp()
  client.restart(kept)
  world.runUntilCaughtUp()
  client.restart()
  expect(client.shown).toBe(undefined)
  world.runUntilCaughtUp()
  expect(given(client)).toEqual([1, 2, 3, 4, 3, 4, 1, 2, 3, 4])
})

test("what is shown is the state of the last item", () => {
  const { world, client } = reading(0)
  world.publish("log", [{ kind: "settled", data: { n: 7 }, commit: true }])
  world.runUntilCaughtUp()
  expect(client.shown).toEqual({ view: { n: 7 }, provisional: { events: [], omitted: 0 } })
})

test("a client that was closed is given nothing more, also when it is closed within a callback", () => {
  const world = new FakeWorld()
  publish(world, 1, 5)
  const client = world.client({ session: "log", from: "start", onItem: (item) => (isEvent(2)(item) ? client.close() : undefined) })
  world.runFor(60_000)
  expect([given(client), client.isClosed, client.connects]).toEqual([[1, 2], true, 1])
})

test("a client that falls asleep within a callback is given nothing more until it wakes", () => {
  const world = new FakeWorld()
  publish(world, 1, 5)
  const client = world.client({ session: "log", from: "start", onItem: (item) => (isEvent(2)(item) ? client.sleep() : undefined) })
  world.runFor(60_000)
  expect(given(client)).toEqual([1, 2])
  client.wake()
  world.runUntilCaughtUp()
  expect(given(client)).toEqual([1, 2, 3, 4, 5])
})

test("a session that is not there ends a client, unless it waits", () => {
  const world = new FakeWorld()
  const [hasty, patient] = [world.client({ session: "log" }), world.client({ session: "log", waits: true })]
  world.runFor(1_000)
  expect(hasty.ended?.failure?.message).toContain("there is no such session")
  expect(patient.items.at(-1)).toMatchObject({ type: "status", status: "waiting" })
  publish(world, 1, 1)
  hasty.close()
  world.runUntilCaughtUp()
  expect(patient.isLive).toBe(true)
})
