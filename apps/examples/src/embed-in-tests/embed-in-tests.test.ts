// How an application is tested with fake IO: its own model and page, a real host, log and clients in virtual time. The
// connection is cut at a chosen event, the host is killed at a chosen moment, history is trimmed past a client that
// sleeps, and each time the test reads what is on the screen. Nothing waits: the minutes below pass in milliseconds.

import type { ClientItem } from "@tidemark/client"
import { FakeWorld, Schedule } from "@tidemark/sim"
import { describe, expect, test } from "vitest"
import { Auction } from "./auction.ts"
import { CartPage } from "./cart-page.ts"
import { cartModel } from "./cart.ts"

/** A world with one cart, and a page that shows it. */
function shop(settings = {}) {
  const world = new FakeWorld({ models: [cartModel], settings })
  world.create("cart")
  const page = new CartPage()
  const client = world.client({ session: "cart", onItem: (item) => page.handle(item) })
  const add = (...skus: readonly string[]) => world.publish("cart", skus.map((sku) => ({ kind: "added", data: { sku } })))
  world.runUntilCaughtUp()
  return { world, client, page, add }
}

const isEvent = (position: number) => (item: ClientItem) => item.type === "event" && item.event.position === position

describe("what somebody sends", () => {
  test("is no count: the cart stays as it is, on the page and in the observation", () => {
    const { world, page, add } = shop()
    add("tea")
    for (const count of ["abc", "2", {}, [], null, true, 1e308, 100, 1.5, 0, -1]) world.publish("cart", [{ kind: "added", data: { sku: "tea", count } }])
    for (const data of [null, "tea", { sku: 7 }, {}]) world.publish("cart", [{ kind: "added", data }])
    world.runUntilCaughtUp()
    expect(page.text).toBe("1 × tea")
    expect(world.observe("cart").view).toEqual([{ sku: "tea", count: 1 }])
  })

  test("adds up to 99 of a thing, and not more", () => {
    const { world, page } = shop()
    for (const count of [2, 96, 99]) world.publish("cart", [{ kind: "added", data: { sku: "tea", count } }])
    world.runUntilCaughtUp()
    expect(page.text).toBe("99 × tea")
  })

  test("stands in the order in which it was first put in, also for who joins later, whatever it is called", () => {
    const { world, page, add } = shop()
    add("tea", "42", "milk", "7", "__proto__", "tea")
    world.runUntilCaughtUp()
    expect(page.text).toBe("2 × tea, 1 × 42, 1 × milk, 1 × 7, 1 × __proto__")
    const late = new CartPage()
    world.client({ session: "cart", onItem: (item) => late.handle(item) })
    world.runUntilCaughtUp()
    expect(late.text).toBe(page.text)
  })
})

describe("a connection that is cut", () => {
  test("before an event has arrived whole: the page shows what came before it, says so, and then shows all of it once", () => {
    const { world, client, page, add } = shop()
    client.cutBefore(isEvent(2))
    add("tea", "milk", "milk")
    world.runFor(100)
    expect(page.text).toBe("1 × tea\nConnection lost, trying again …")
    world.runUntilCaughtUp()
    expect(page.text).toBe("1 × tea, 2 × milk")
    expect(client.connects).toBe(2)
  })

  test("right after an event was shown: it is not shown again", () => {
    const { world, client, page, add } = shop()
    client.cutAfter(isEvent(2))
    add("tea", "milk", "milk")
    world.runFor(100)
    expect(page.text).toBe("1 × tea, 1 × milk\nConnection lost, trying again …")
    world.runUntilCaughtUp()
    expect(page.text).toBe("1 × tea, 2 × milk")
  })

  test("at any event, before or after it: the page ends the same", () => {
    const endings = [1, 2, 3, 4].flatMap((position) =>
      (["cutBefore", "cutAfter"] as const).map((cut) => {
        const { world, client, page, add } = shop()
        client[cut](isEvent(position))
        add("tea", "milk")
        add("milk", "salt")
        world.runUntilCaughtUp()
        return `${client.connects} connections: ${page.text}`
      }),
    )
    expect(new Set(endings)).toEqual(new Set(["2 connections: 1 × tea, 2 × milk, 1 × salt"]))
  })

  test("while nobody hears of it: the page believes that it is live until three heartbeats are missing", () => {
    const { world, client, page, add } = shop()
    client.cut("silent")
    add("tea")
    world.runFor(30_000)
    expect(page.text).toBe("Your cart is empty.")
    world.runFor(16_000)
    expect(page.text).toBe("Your cart is empty.\nConnection lost, trying again …")
    world.runUntilCaughtUp()
    expect(page.text).toBe("1 × tea")
  })
})

describe("a host that is killed", () => {
  test("when the log has the event and nobody was told: the event is there, and sent again under its key it is there once", () => {
    const { world, page } = shop()
    const tea = [{ kind: "added", data: { sku: "tea" } }]
    const answers: string[] = []
    world.send("cart", tea, ({ type }) => answers.push(type), { key: "click-1" })
    world.runUntil(() => world.recorded("cart").length === 1)
    world.crash()
    world.runFor(1_000)
    expect(answers).toEqual([])
    expect(page.text).toBe("Your cart is empty.\nConnection lost, trying again …")
    world.restart()
    world.publish("cart", tea, { key: "click-1" })
    world.runUntilCaughtUp()
    expect(page.text).toBe("1 × tea")
    expect(world.recorded("cart").length).toBe(1)
  })

  test("with the machine, and what nobody had been told of is gone: what was shown stays true", () => {
    const { world, page, add } = shop()
    add("tea")
    world.runUntilCaughtUp()
    world.send("cart", [{ kind: "added", data: { sku: "milk" } }])
    world.runUntil(() => world.recorded("cart").length === 2)
    world.crash()
    world.lose("unsynced")
    world.restart()
    world.runUntilCaughtUp()
    expect(page.text).toBe("1 × tea")
    expect(world.recorded("cart").map(({ kind, data }) => ({ kind, data }))).toEqual([{ kind: "added", data: { sku: "tea" } }])
  })

  test("and comes back on an older backup: the page says so, and shows the cart of the backup", () => {
    const { world, page, add } = shop()
    add("tea")
    add("milk")
    world.runUntilCaughtUp()
    world.crash()
    world.lose(1, { noticed: true })
    world.restart()
    world.runUntilCaughtUp()
    expect(page.text).toBe("1 × tea\nThis cart was restored from a backup.")
  })
})

describe("a client that sleeps", () => {
  test("while history is kept: it is given what it missed, event by event", () => {
    const { world, client, page, add } = shop()
    add("tea")
    world.runUntilCaughtUp()
    client.sleep()
    add("milk")
    world.runFor(3_600_000)
    expect(page.text).toBe("1 × tea")
    client.wake()
    world.runUntilCaughtUp()
    expect(page.text).toBe("1 × tea, 1 × milk")
    expect(client.items.filter(({ type }) => type === "gap")).toEqual([])
  })

  test("while history is trimmed past its place: a gap says so, and the cart is the right one", () => {
    const { world, client, page, add } = shop({ windowEvents: 1 })
    add("tea")
    world.runUntilCaughtUp()
    client.sleep()
    add("milk", "milk", "salt")
    world.publish("cart", [{ kind: "removed", data: { sku: "tea" } }])
    world.trim("cart", { events: 1 })
    client.wake()
    world.runUntilCaughtUp()
    const gaps = client.items.flatMap((item) => (item.type === "gap" ? [{ reason: item.gap.reason, missed: item.gap.missed }] : []))
    expect(gaps).toEqual([{ reason: "trimmed", missed: 4 }])
    expect(page.text).toBe("2 × milk, 1 × salt\nYour cart has changed while you were away.")
  })
})

test("a log that is away refuses what is published, and the page goes on as if nothing had happened", () => {
  const { world, page, add } = shop()
  add("tea")
  world.host().log.isAway = true
  expect(world.append("cart", [{ kind: "added", data: { sku: "milk" } }])).toMatchObject({ type: "failed", effect: "none" })
  world.host().log.isAway = false
  add("salt")
  world.runUntilCaughtUp()
  expect(page.text).toBe("1 × tea, 1 × salt")
})

test("a shop of two hosts: what one records the other's readers see, over a crash of either", () => {
  const world = new FakeWorld({ models: [cartModel], hosts: 2 })
  world.create("cart")
  const pages = [new CartPage(), new CartPage()]
  for (const [host, page] of pages.entries()) world.client({ session: "cart", host, onItem: (item) => page.handle(item) })
  world.publish("cart", [{ kind: "added", data: { sku: "tea" } }], { host: 0 })
  world.runUntilCaughtUp()
  world.crash(0)
  world.publish("cart", [{ kind: "added", data: { sku: "milk" } }], { host: 1 })
  world.restart(0)
  world.runUntilCaughtUp()
  expect(pages.map(({ text }) => text)).toEqual(["1 × tea, 1 × milk", "1 × tea, 1 × milk"])
})

test("an auction that embeds the kernel is tested with a clock alone", () => {
  const clock = new Schedule()
  const auction = new Auction(clock)
  const shown: string[] = []
  const leave = auction.watch((line) => shown.push(line))
  auction.bid("ada", 10)
  clock.run(9_999)
  auction.bid("bob", 12)
  const cursor = leave()
  clock.run(9_999)
  expect(shown).toEqual(['{"name":"ada","amount":10}', '{"name":"bob","amount":12}'])
  auction.watch((line) => shown.push(line), cursor)
  clock.run(1)
  expect(shown.at(-1)).toBe("sold to bob for 12")
  expect(clock.now).toBe(19_999)
})
