// A log outlives the model that its snapshots were made with. What a session is opened from when the model has another
// version by then: its events where they are all held, else what `migrate` makes of the snapshot, else nothing.

import { cursorText, defineModel, everything, origin, sessionName, timestamp, type SessionModel, type Shown } from "@tidemark/kernel"
import { describe, expect, test } from "vitest"
import type { LogAnswer, LogRequest } from "./session-log.ts"
import { inWords, WatchedLog } from "./watched-log.testing.ts"
import { jobs, line, World } from "./world.testing.ts"

/** Version 1 counts events, version 2 keeps what they said: nobody can make one from the other. */
const counts = version(1, (view) => Number(view ?? 0) + 1)
const keeps = version(2, (view, data) => [...(Array.isArray(view) ? view : []), data])
const migrates: SessionModel = { ...keeps, migrate: (from, { view }) => (from === 1 ? { view: [`${view} before`], provisional: null } : undefined) }

function version(number: number, next: (view: Shown["view"], data: Shown["view"]) => Shown["view"]): SessionModel {
  const shown = (view: Shown["view"]): Shown => ({ view, provisional: null })
  const definition = { name: "log", version: number, viewBytesMax: 1e6, initial: shown(null) }
  return defineModel({ ...definition, apply: ({ view }, { data }) => shown(next(view, data)) })
}

const process = (log: WatchedLog, model: SessionModel) => new World(log, {}, undefined, [model])
const upTo = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)
const texts = (from: number, to: number) => upTo(from, to).map(String)

/** A log that a process with version 1 filled, and in which it saved a snapshot at 50. */
function filled(log = new WatchedLog(true)): WatchedLog {
  process(log, counts).publish(1, 55)
  expect(inWords(log.asked()).filter((asked) => asked === "save")).toEqual(["save"])
  return log
}

function snapshotIn(log: WatchedLog, session = jobs): unknown {
  const answers: LogAnswer[] = []
  const request: LogRequest = { type: "open", session, budget: { events: 1, bytes: 1 } }
  log.submit(request, (answer) => answers.push(answer))
  const [answer] = answers
  return answer?.type === "opened" && [answer.snapshot?.point.position, answer.snapshot?.modelVersion, answer.snapshot?.shown.view]
}

describe("with all events held", () => {
  test("L10 the view is what the new version folds of them, however many pages they are", () => {
    const log = filled()
    expect(snapshotIn(log)).toEqual([50, 1, 50])
    const world = process(log, keeps)
    expect(world.observe()).toMatchObject({ position: 55, view: texts(1, 55) })
    expect(world.settle(world.driver.describe(world.now, jobs))).toMatchObject({ info: { head: 55, earliest: 1, modelVersion: 2 } })
  })

  test("the new version's snapshot is saved at once, so that the next open reads no more than it needs", () => {
    const log = filled()
    const first = process(log, keeps)
    log.asked()
    first.observe()
    expect(inWords(log.asked())).toEqual(["open", ...[0, 8, 16, 24, 32, 40, 48].map((after) => `range after ${after}`), "save"])
    expect(snapshotIn(log)).toEqual([55, 2, texts(1, 55)])
    log.asked()
    const second = process(log, keeps)
    expect(second.observe()).toEqual(first.observe())
    expect(inWords(log.asked())).toEqual(["open"])
  })

  test("`migrate` is not asked: what it would guess is known", () => {
    expect(process(filled(), migrates).observe()).toMatchObject({ position: 55, view: texts(1, 55) })
  })

  test("it is so for an older version too: whoever goes back to it folds anew", () => {
    const log = filled()
    process(log, keeps).observe()
    expect(process(log, counts).observe()).toMatchObject({ position: 55, view: 55 })
    expect(snapshotIn(log)).toEqual([55, 1, 55])
  })

  test("L8 cursors go on as if nothing had been, and what is appended meanwhile comes after it", () => {
    const log = filled()
    const { epoch } = process(log, counts).observe()
    const world = process(log, keeps)
    world.holding = true
    const subscribing = world.driver.subscribe(world.now, jobs, { type: "cursor", cursor: cursorText(jobs, epoch, origin) }, options)
    const appending = world.append([line("56")])
    world.run()
    while (subscribing.outcome === undefined) world.answerHeld(0, "it is")
    world.release()
    expect([subscribing.outcome.type, appending.outcome?.type]).toEqual(["subscribed", "appended"])
    const reader = subscribing.outcome.type === "subscribed" ? subscribing.outcome.reader : world.subscribe({ type: "now" })
    expect(world.readAll(reader)).toEqual([...upTo(1, 56), "up to date"])
    expect(world.observe()).toMatchObject({ position: 56, view: texts(1, 56) })
  })

  test("L8 L13 a reader that is connected while another process, of another version, saves and trims sees nothing of it", () => {
    const log = new WatchedLog(false)
    const [here, there] = [process(log, keeps), process(log, counts)]
    there.publish(1, 60)
    const reader = here.subscribe({ type: "start" })
    expect(here.readAll(reader)).toEqual([...upTo(1, 60), "up to date"])
    there.publish(61, 66)
    here.driver.handleWake(here.now, jobs)
    expect([here.observe().view, here.readAll(reader)]).toEqual([texts(1, 66), [...upTo(61, 66), "up to date"]])
    there.settle(there.driver.trim(there.now, timestamp(1_000), jobs, { events: 0 }))
    there.publish(67, 67)
    here.driver.handleWake(here.now, jobs)
    expect([here.observe().view, here.readAll(reader)]).toEqual([texts(1, 67), [67, "up to date"]])
  })

  test("L17 a session with nothing in it, and one that was closed, come back as they were", () => {
    const log = new WatchedLog(true)
    const before = process(log, counts)
    before.publish(1, 2)
    before.settle(before.append([{ type: "close", reason: "done" }]))
    before.settle(before.driver.trim(before.now, timestamp(1_000), jobs, { events: 3, bytes: 1e6 }))
    expect(snapshotIn(log)).toEqual([3, 1, 2])
    const world = process(log, keeps)
    expect(world.observe()).toMatchObject({ position: 3, view: texts(1, 2), closed: { reason: "done" } })
    expect(snapshotIn(log)).toEqual([3, 2, texts(1, 2)])
    world.wait(60_001)
    expect(world.driver.stats()).toEqual({ sessions: 0, callsWaiting: 0, draftsWaiting: 0, requestsInFlight: 0, pagesHeld: 0 })
  })

  test("a view that the new version cannot fold is saved nowhere, and no ground to trim on", () => {
    const log = filled()
    const broken = version(2, () => { throw new Error("no") })
    const world = process(log, broken)
    expect(world.observe()).toMatchObject({ position: 55, view: null, view_failed: true })
    expect(snapshotIn(log)).toEqual([50, 1, 50])
    expect(world.settle(world.driver.trim(world.now, timestamp(1_000), jobs, { events: 10 }))).toMatchObject({ type: "failed", reason: "view_failed" })
    expect(world.settle(world.driver.describe(world.now, jobs))).toMatchObject({ info: { earliest: 1 } })
  })
})

describe("with events trimmed", () => {
  function trimmed(): WatchedLog {
    const log = filled()
    const before = process(log, counts)
    before.settle(before.driver.trim(before.now, timestamp(1_000), jobs, { events: 3 }))
    before.publish(56, 70)
    log.asked()
    return log
  }

  test("L10 the snapshot is migrated, what came after it is folded, and the outcome is saved at once", () => {
    const log = trimmed()
    expect(snapshotIn(log)).toEqual([55, 1, 55])
    const world = process(log, migrates)
    expect(world.observe()).toMatchObject({ position: 70, view: ["55 before", ...texts(56, 70)] })
    expect(snapshotIn(log)).toEqual([70, 2, ["55 before", ...texts(56, 70)]])
    log.asked()
    expect(process(log, migrates).observe()).toEqual(world.observe())
    expect(inWords(log.asked())).toEqual(["open"])
  })

  test("events that are let go of while they are folded anew: the snapshot is migrated after all", () => {
    const log = new WatchedLog(false)
    filled(log)
    const [here, there] = [process(log, migrates), process(log, counts)]
    here.holding = true
    const call = here.driver.observe(here.now, jobs)
    here.run()
    here.answerHeld(0, "it is")
    here.answerHeld(0, "it is")
    there.settle(there.driver.trim(there.now, timestamp(1_000), jobs, { events: 2 }))
    here.release()
    expect(call.outcome?.type === "observed" && call.outcome.observation.json()).toMatchObject({ position: 55, view: ["55 before"] })
    expect(snapshotIn(log)).toEqual([55, 2, ["55 before"]])
  })

  test("what no version can make is a failure that names session, model and versions, and other sessions go on", () => {
    const other = sessionName("default", "other")
    const log = trimmed()
    process(log, counts).publish(1, 3, other)
    const world = process(log, keeps)
    const failed = {
      type: "failed",
      effect: "none",
      reason: "view_failed",
      detail:
        'session default/jobs: its view was saved by version 1 of the model "log", version 2 has no migrate, and the events it was made of ' +
        "are not here to be folded again: let version 2 migrate from version 1, or start a release that has version 1",
    }
    expect(world.settle(world.driver.observe(world.now, jobs))).toEqual(failed)
    expect(world.settle(world.driver.subscribe(world.now, jobs, { type: "now" }, options))).toEqual(failed)
    expect(world.settle(world.driver.trim(world.now, timestamp(1_000), jobs, { events: 1 }))).toEqual(failed)
    expect(world.observe(other)).toMatchObject({ position: 3, view: texts(1, 3) })
    world.wait(60_001)
    expect(world.driver.stats()).toEqual({ sessions: 0, callsWaiting: 0, draftsWaiting: 0, requestsInFlight: 0, pagesHeld: 0 })
    expect(snapshotIn(log)).toEqual([55, 1, 55])
    expect(process(log, counts).observe()).toMatchObject({ position: 70, view: 70 })
  })
})

const options = { filter: everything, recovery: "events" } as const
