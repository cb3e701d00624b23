// What a trim by hand lets go of, what it keeps, and what it tells whom.

import { cursorText, DisabledLiveReplayStore, everything, origin, timestamp } from "@tidemark/kernel"
import { describe, expect, test } from "vitest"
import { MemoryLog } from "./memory-log.ts"
import { inWords, WatchedLog } from "./watched-log.testing.ts"
import { budget, jobs, line, World } from "./world.testing.ts"
import type { Retention } from "./session-log.ts"

const trim = (world: World, keep: Retention, ms = 1_000) => world.driver.trim(world.now, timestamp(ms), jobs, keep)
const trimmed = (world: World, keep: Retention, ms?: number) => world.settle(trim(world, keep, ms))
const upTo = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

describe("a trim", () => {
  test("saves the view, lets go of the rest, and answers with what the session is then", () => {
    const log = new WatchedLog(true)
    const world = new World(log)
    world.publish(1, 12)
    log.asked()
    expect(trimmed(world, { events: 5 })).toMatchObject({ type: "trimmed", info: { session: "jobs", head: 12, earliest: 8, closed: null } })
    expect(inWords(log.asked())).toEqual(["head", "save", "trim"])
    expect(world.settle(world.driver.describe(world.now, jobs))).toMatchObject({ info: { head: 12, earliest: 8 } })
  })

  test("L10 to nothing leaves the view as it was, also when the session comes back", () => {
    const world = new World()
    world.publish(1, 3)
    world.settle(world.append([{ ...line("all"), commit: true }, line("5")]))
    const before = world.observe()
    expect(trimmed(world, { events: 0 })).toMatchObject({ type: "trimmed", info: { head: 5, earliest: 6, revision: 1 } })
    world.wait(60_001)
    expect(world.driver.kernel.stats().sessions).toBe(0)
    expect(world.observe()).toEqual(before)
    world.publish(6, 6)
    expect(world.observe()).toMatchObject({ position: 6, revision: 1, view: "all" })
  })

  test("by bytes or age goes by what the log knows of them", () => {
    const world = new World()
    world.publish(1, 6)
    expect(trimmed(world, { bytes: 0, events: 3 })).toMatchObject({ info: { head: 6, earliest: 7 } })
    world.publish(7, 9)
    expect(trimmed(world, { ageMs: 500 }, 1_500)).toMatchObject({ info: { head: 9, earliest: 7 } })
    expect(trimmed(world, { ageMs: 500 }, 1_501)).toMatchObject({ info: { head: 9, earliest: 10 } })
  })

  test("with nothing to do saves nothing and changes nothing", () => {
    const log = new WatchedLog(true)
    const world = new World(log)
    world.publish(1, 6)
    log.asked()
    expect(trimmed(world, { events: 6 })).toMatchObject({ type: "trimmed", info: { head: 6, earliest: 1 } })
    expect(inWords(log.asked())).toEqual(["head", "trim"])
    trimmed(world, { events: 2 })
    log.asked()
    expect(trimmed(world, { events: 2 })).toMatchObject({ type: "trimmed", info: { head: 6, earliest: 5 } })
    expect(trimmed(world, { events: 1 })).toMatchObject({ type: "trimmed", info: { head: 6, earliest: 6 } })
    expect(inWords(log.asked())).toEqual(["head", "trim", "head", "trim"])
  })

  test("L17 trims at one time share the snapshot they wait for, and nothing of them stays", () => {
    const log = new WatchedLog(true)
    const world = new World(log)
    world.publish(1, 6)
    world.holding = true
    const calls = [trim(world, { events: 4 }), trim(world, { events: 1 }), trim(world, { ageMs: 1e6 })]
    world.run()
    world.answerHeld(0, "it is")
    expect(inWords(log.asked()).filter((asked) => asked === "save")).toEqual(["save"])
    world.release()
    expect(calls.map(({ outcome }) => outcome?.type === "trimmed" && outcome.info.earliest)).toEqual([3, 6, 6])
    world.wait(60_001)
    expect(world.driver.stats()).toEqual({ sessions: 0, callsWaiting: 0, draftsWaiting: 0, requestsInFlight: 0, pagesHeld: 0 })
  })

  test("of a session that keeps no entries says so", () => {
    let tokens = 0
    const limits = { memoryLogEvents: 60, memoryLogBytes: 1_000_000, keyAgeMs: 1_000, keysPerSession: 9, keysPerProducer: 9, sessionsPerWorkspace: 9 }
    const store = new DisabledLiveReplayStore({ events: 16, bytes: 1_000_000, ageMs: 900_000 })
    const world = new World(new MemoryLog({ limits, token: () => `t${++tokens}`, keepsEntries: false }), {}, store)
    world.publish(1, 3)
    expect(trimmed(world, { events: 1 })).toMatchObject({ type: "trimmed", info: { head: 3, earliest: 4 } })
  })
})

describe("readers of a trimmed session", () => {
  test("L9 L13 that were too slow are told lagged, once; a cursor from before is trimmed; whoever stands in the window reads on", () => {
    const world = new World()
    world.publish(1, 40)
    const { epoch } = world.observe()
    const [slow, inWindow] = [world.subscribe({ type: "start" }), world.subscribe({ type: "tail", events: 5 })]
    world.driver.read(world.now, slow, budget)
    world.run()
    expect(world.driver.read(world.now, slow, budget)).toMatchObject({ type: "events", batch: { through: { position: 8 } } })
    trimmed(world, { events: 10 })
    expect(world.driver.read(world.now, slow, budget)).toMatchObject({ type: "gap", gap: { reason: "lagged", earliest: 31, head: 40, missed: 22 } })
    expect(world.readAll(slow)).toEqual([...upTo(31, 40), "up to date"])
    expect(world.readAll(inWindow)).toEqual([...upTo(36, 40), "up to date"])
    const old = world.settle(world.driver.resume(world.now, jobs, cursorText(jobs, epoch, origin), budget))
    expect(old).toMatchObject({ type: "gap", gap: { reason: "trimmed", earliest: 31, missed: 40 } })
  })

  test("L9 whose page was asked for before the trim, and answered after it, are told so", () => {
    const log = new WatchedLog(false)
    const [here, there] = [new World(log), new World(log)]
    there.publish(1, 40)
    const reader = here.subscribe({ type: "start" })
    expect(here.driver.read(here.now, reader, budget)).toEqual({ type: "idle", upToDate: false })
    trimmed(there, { events: 1 })
    here.run()
    expect(here.driver.pollReady()).toBe(reader)
    expect(here.driver.read(here.now, reader, budget)).toMatchObject({ type: "gap", gap: { reason: "trimmed", earliest: 40, missed: 39 } })
    expect(here.readAll(reader)).toEqual([40, "up to date"])
  })

  test("what was trimmed between a query's head and its page is missed", () => {
    const log = new WatchedLog(false)
    const [here, there] = [new World(log), new World(log)]
    there.publish(1, 9)
    here.observe()
    here.holding = true
    const call = here.driver.query(here.now, jobs, { type: "position", position: 0, epoch: undefined }, everything, budget)
    here.run()
    here.holding = false
    const [head] = here.held.splice(0)
    if (head === undefined) throw new Error("the log was asked for its head")
    trimmed(there, { events: 2 })
    here.driver.handleAnswer(here.now, head.id, head.answer)
    here.run()
    expect(call.outcome).toMatchObject({ type: "page", missed: 7, next: null, events: [{ position: 8 }, { position: 9 }] })
  })
})

describe("what happens while a trim is under way", () => {
  /** A trim whose door has opened: the save has reached the log, and its answer is held back. */
  function saving(log = new WatchedLog(true)) {
    const world = new World(log)
    world.publish(1, 6)
    world.holding = true
    const call = trim(world, { events: 0 })
    world.run()
    world.answerHeld(0, "it is")
    expect(inWords(log.asked()).slice(-2)).toEqual(["head", "save"])
    return { world, call, log }
  }

  test("entries that arrive between the snapshot and the trim stay", () => {
    const { world, call } = saving()
    const arrived = world.append([line("7"), line("8")])
    world.run()
    world.release()
    expect([arrived.outcome?.type, call.outcome]).toMatchObject(["appended", { type: "trimmed", info: { head: 8, earliest: 7 } }])
  })

  test("L2 a session that was made again in between keeps what it has, and the trim is to be asked for again", () => {
    const log = new WatchedLog(false)
    const { world, call } = saving(log)
    const there = new World(log)
    there.settle(there.driver.delete(there.now, jobs))
    there.publish(1, 4)
    world.release()
    const detail = "the log changed while it was read; ask again"
    expect(call.outcome).toEqual({ type: "failed", effect: "none", reason: "unavailable", detail })
    expect(there.settle(there.driver.describe(there.now, jobs))).toMatchObject({ info: { head: 4, earliest: 1 } })
    expect(trimmed(world, { events: 3 })).toMatchObject({ type: "trimmed", info: { head: 4, earliest: 2 } })
  })

  test("L2 a session that was made again before its snapshot was asked for is not saved under the name of the old one", () => {
    const log = new WatchedLog(false)
    const [here, there] = [new World(log), new World(log)]
    there.publish(1, 6)
    here.observe()
    here.holding = true
    const call = trim(here, { events: 0 })
    here.run()
    there.settle(there.driver.delete(there.now, jobs))
    there.publish(1, 4)
    here.release()
    expect(call.outcome?.type).toBe("failed")
    expect(there.settle(there.driver.describe(there.now, jobs))).toMatchObject({ info: { head: 4, earliest: 1 } })
    expect(here.observe()).toEqual(there.observe())
  })

  test("a session that was deleted in between is unknown, and the one that has its name by then is left alone", () => {
    const deleting = () => {
      const { world, call } = saving()
      const deleted = world.driver.delete(world.now, jobs)
      world.run()
      return { world, call, deleted }
    }
    const one = deleting()
    one.world.release()
    expect([one.deleted.outcome?.type, one.call.outcome]).toEqual(["deleted", { type: "unknown_session" }])
    const other = deleting()
    const made = other.world.append([line("new")])
    other.world.run()
    other.world.release()
    expect([other.deleted.outcome?.type, made.outcome?.type, other.call.outcome?.type]).toEqual(["deleted", "appended", "failed"])
    expect(other.world.readAll(other.world.subscribe({ type: "start" }))).toEqual([1, "up to date"])
  })

  test("a log that fails at the snapshot, or at the trim, is a failure, and the same trim works later", () => {
    for (const step of ["save", "trim"]) {
      const { world, call } = saving()
      if (step === "trim") world.answerHeld(0, "it is")
      world.answerHeld(0, "failed")
      expect(call.outcome).toEqual({ type: "failed", effect: "none", reason: "unavailable", detail: "failed" })
      world.release()
      expect(trimmed(world, { events: 1 })).toMatchObject({ type: "trimmed", info: { earliest: step === "trim" ? 7 : 6 } })
    }
  })
})

test("a session that is not there is unknown", () => {
  const world = new World()
  expect(trimmed(world, { events: 1 })).toEqual({ type: "unknown_session" })
  expect(world.driver.stats().sessions).toBe(0)
})

test("L10 a view that could not be folded is no ground to trim on", () => {
  const log = new WatchedLog(true)
  const broken = { apply: () => { throw new Error("no") }, show: () => ({ view: null, provisional: null }) }
  const world = new World(log, {}, undefined, [{ name: "log", version: 1, viewBytesMax: 1, initial: broken, restore: () => broken }])
  world.publish(1, 3)
  log.asked()
  expect(trimmed(world, { events: 1 })).toEqual({
    type: "failed",
    effect: "none",
    reason: "view_failed",
    detail:
      "the model could not fold an event of default/jobs, so its view cannot be saved, and nothing may be let go of that no saved view " +
      "covers: mend the model, then restart",
  })
  expect(inWords(log.asked())).toEqual(["head"])
  expect(trimmed(world, { events: 3 })).toMatchObject({ type: "trimmed", info: { earliest: 1 } })
})
