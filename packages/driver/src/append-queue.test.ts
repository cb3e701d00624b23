// What becomes of appends: their order, their groups, their keys, and what a publisher is told when nobody knows.

import { jsonText, sessionName, timestamp, type Json } from "@tidemark/kernel"
import { describe, expect, test } from "vitest"
import type { Call } from "./call.ts"
import type { IdempotencyKey } from "./idempotency-key.ts"
import type { AppendCallOutcome } from "./outcomes.ts"
import { inWords, WatchedLog } from "./watched-log.testing.ts"
import { jobs, line, settings, World } from "./world.testing.ts"

const inOrder = (...lines: readonly string[]) => lines.map(line)

/** Where an append's drafts stand; for any other outcome its name. */
function places({ outcome }: Call<AppendCallOutcome>): string {
  if (outcome?.type !== "appended") return outcome?.type ?? "under way"
  return `${outcome.receipt.first}–${outcome.receipt.last}${outcome.repeated ? " again" : ""}`
}

describe("group commit", () => {
  test("L1 what arrives while the log is busy goes into its next request, in the order it came", () => {
    const log = new WatchedLog(true)
    const world = new World(log)
    world.holding = true
    const first = world.append(inOrder("1"))
    world.run()
    const session = sessionName("default", "other")
    const rest = [world.append(inOrder("2")), world.append(inOrder("3", "4"), { session }), world.append(inOrder("5"))]
    world.run()
    expect(inWords(log.asked())).toEqual(["append 1"])
    world.release()
    expect(inWords(log.asked())).toEqual(["append 1+2+1"])
    expect([first, ...rest].map(places)).toEqual(["1–1", "2–2", "1–2", "3–3"])
  })

  test("L16 a group is stamped with the latest time of its parts", () => {
    const world = new World()
    const at = (ms: number) => world.driver.append(world.now, timestamp(ms), { session: jobs, drafts: inOrder("x"), create: settings })
    at(2_000)
    at(1_000)
    world.run()
    expect(world.observe().provisional).toMatchObject({ events: [{ at: "1970-01-01T00:00:02.000Z" }, { at: "1970-01-01T00:00:02.000Z" }] })
  })

  test("L17 a group holds so many drafts and no more, but a part is never divided", () => {
    const log = new WatchedLog(true)
    const world = new World(log, { groupDraftsMax: 3 })
    const calls = [1, 1, 1, 1, 2, 5, 1].map((count) => world.append(inOrder(...Array.from({ length: count }, () => "x"))))
    world.run()
    expect(inWords(log.asked())).toEqual(["append 1+1+1", "append 1+2", "append 5", "append 1"])
    expect(calls.map(places)).toEqual(["1–1", "2–2", "3–3", "4–4", "5–6", "7–11", "12–12"])
  })

  test("L17 what waits behind a busy log is bounded: beyond it an append is refused as busy, and nothing of it is stored", () => {
    const world = new World(new WatchedLog(true), { waitingDraftsMax: 3 })
    world.holding = true
    const underWay = world.append(inOrder("1"))
    world.run()
    const calls = [world.append(inOrder("2", "3")), world.append(inOrder("lost", "lost")), world.append(inOrder("4"))]
    expect(calls[1]?.outcome).toEqual({
      type: "failed",
      effect: "none",
      reason: "busy",
      detail: "2 entries wait for the log; nothing of this append was stored",
    })
    world.release()
    expect([underWay, ...calls].map(places)).toEqual(["1–1", "2–3", "failed", "4–4"])
    expect(world.driver.stats()).toMatchObject({ draftsWaiting: 0, requestsInFlight: 0 })
  })
})

describe("durability", () => {
  test("L5 nobody is given an entry, nor told that it is recorded, before the log has answered", () => {
    const world = new World()
    world.publish(1, 1)
    const reader = world.subscribe({ type: "now" })
    expect(world.readAll(reader)).toEqual(["up to date"])
    world.holding = true
    const call = world.append(inOrder("2"))
    world.run()
    expect([places(call), world.readAll(reader)]).toEqual(["under way", ["up to date"]])
    world.release()
    expect([places(call), world.readAll(reader)]).toEqual(["2–2", [2, "up to date"]])
  })

  test("L5 L6 an append whose outcome nobody knows is called that, and even a sole log is asked before the next door opens", () => {
    const log = new WatchedLog(true)
    const world = new World(log)
    world.publish(1, 1)
    const reader = world.subscribe({ type: "now" })
    expect(world.readAll(reader)).toEqual(["up to date"])
    world.holding = true
    const call = world.append(inOrder("2"))
    world.run()
    log.asked()
    world.answerHeld(0, "lost")
    expect(call.outcome).toEqual({ type: "failed", effect: "unknown", reason: "unavailable", detail: "lost" })
    const door = world.driver.observe(world.now, jobs)
    world.run()
    expect([inWords(log.asked()), door.outcome]).toEqual([["head"], undefined])
    world.release()
    expect(world.observe().position).toBe(2)
    expect(world.readAll(reader)).toEqual([2, "up to date"])
  })

  test("L5 L6 as long as the log has not said what became of it, nothing is said of this process's memory", () => {
    const log = new WatchedLog(true)
    const world = new World(log)
    world.publish(1, 1)
    world.holding = true
    world.append(inOrder("2"))
    world.run()
    log.away = true
    world.answerHeld(0, "lost")
    world.release()
    const door = world.driver.observe(world.now, jobs)
    world.run()
    expect(door.outcome).toMatchObject({ type: "failed", effect: "none", reason: "unavailable" })
    log.away = false
    expect(world.observe().position).toBe(2)
  })

  test("an append that the log refused to take is no doubt: nothing of it happened", () => {
    const log = new WatchedLog(true)
    const world = new World(log)
    world.publish(1, 1)
    log.away = true
    const call = world.append(inOrder("2"))
    world.run()
    expect(call.outcome).toMatchObject({ type: "failed", effect: "none" })
    log.asked()
    expect([world.observe().position, inWords(log.asked())]).toEqual([1, []])
  })
})

describe("keys", () => {
  const key = { type: "key", text: "k" } as const
  const send = (world: World, data: Json, by: IdempotencyKey) => {
    const call = world.append([{ type: "event", kind: "line", data: jsonText(data), commit: false }], { key: by })
    world.run()
    return call
  }

  test("L4 after an unknown outcome the same append under its key is answered with the first result", () => {
    const world = new World()
    world.publish(1, 1)
    world.holding = true
    send(world, "two", key)
    world.answerHeld(0, "lost")
    world.release()
    expect([places(send(world, "two", key)), world.observe().position]).toEqual(["2–2 again", 2])
  })

  test("L4 content is what was said, not how it was spelled: the order of an object's keys does not count", () => {
    const world = new World()
    expect(places(send(world, { a: 1, b: [{ c: 2, d: 3 }] }, key))).toBe("1–1")
    expect(places(send(world, { b: [{ d: 3, c: 2 }], a: 1 }, key))).toBe("1–1 again")
    expect(send(world, { a: 1, b: [{ c: 2, d: 4 }] }, key).outcome).toEqual({ type: "conflict", highest: undefined })
    expect(send(world, { a: 1, b: [{ c: 2 }, { d: 3 }] }, key).outcome).toEqual({ type: "conflict", highest: undefined })
  })

  test("L4 a commit, an event and a close of the same words are different content", () => {
    const world = new World()
    const drafts = [
      { type: "event", kind: "done", data: jsonText("x"), commit: false },
      { type: "event", kind: "done", data: jsonText("x"), commit: true },
      { type: "close", reason: "done" },
    ] as const
    const calls = drafts.map((draft) => world.append([draft], { key }))
    world.run()
    expect(calls.map(places)).toEqual(["1–1", "conflict", "conflict"])
  })

  test("L4 a producer's number that is no longer known is expired with its highest, and other content under a known one a conflict", () => {
    const world = new World()
    const producer = (n: number) => ({ type: "producer", producer: "ada", n }) as const
    expect([1, 3].map((n) => places(send(world, n, producer(n))))).toEqual(["1–1", "2–2"])
    expect(send(world, 2, producer(2)).outcome).toEqual({ type: "key_expired", highest: 3 })
    expect(send(world, "other", producer(3)).outcome).toEqual({ type: "conflict", highest: 3 })
    expect(world.observe().position).toBe(2)
  })

  test("L4 what was expected and is not so is answered with what is so, and with the cursor there", () => {
    const world = new World()
    world.publish(1, 2)
    const { epoch, cursor } = world.observe()
    const call = world.append(inOrder("3"), { expect: { revision: 4 } })
    world.run()
    expect(call.outcome).toEqual({ type: "expectation_failed", actual: { epoch, position: 2, revision: 0, cursor } })
  })

  test("L21 after the close nothing is appended, and the answer says where the close stands", () => {
    const world = new World()
    world.publish(1, 1)
    const closing = world.append([{ type: "close", reason: "done" }], { key })
    world.run()
    const late = world.append(inOrder("late"))
    world.run()
    expect(late.outcome).toMatchObject({ type: "closed", closed: { reason: "done" }, receipt: { first: 2, last: 2 } })
    const again = world.append([{ type: "close", reason: "done" }], { key })
    world.run()
    expect([closing, again].map(places)).toEqual(["2–2", "2–2 again"])
  })
})
