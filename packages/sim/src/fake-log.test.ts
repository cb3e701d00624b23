// The fake log keeps the laws of a session log, and fails only as it was told to. To the laws it answers at once: the
// schedule runs until it has.

import { describeSessionLog } from "@tidemark/conformance"
import type { LogAnswer, LogRequest, SessionLog } from "@tidemark/driver"
import { jsonText, sessionName, timestamp } from "@tidemark/kernel"
import { describe, expect, test } from "vitest"
import { Chance } from "./chance.ts"
import { FakeDisk } from "./fake-disk.ts"
import { FakeLog } from "./fake-log.ts"
import { diskLimits, fakeSettings } from "./fake-settings.ts"
import { Schedule } from "./schedule.ts"

const limits = { keyAgeMs: 60_000, keysPerSession: 20, keysPerProducer: 8, sessionsPerWorkspace: 12 }

function answering(log: FakeLog, schedule: Schedule): SessionLog {
  const { sole, keepsEntries, appendsInFlightMax, durability } = log
  return {
    ...{ sole, keepsEntries, appendsInFlightMax, durability },
    submit(request, answer) {
      const answers: LogAnswer[] = []
      log.submit(request, (given) => {
        answers.push(given)
        answer(given)
      })
      while (answers.length === 0 && schedule.step());
    },
  }
}

describeSessionLog("FakeLog", () => {
  const schedule = new Schedule()
  const disk = new FakeDisk({ limits: { ...limits, memoryLogEvents: 10_000, memoryLogBytes: 2 ** 24 } })
  const open = () => new FakeLog(schedule, new Chance(1), disk, { sole: true, durability: "local", delayMs: [1, 20] })
  let log = open()
  const reopen = () => {
    log.crash()
    disk.restore(disk.length, false)
    log = open()
    return answering(log, schedule)
  }
  return { log: answering(log, schedule), limits, reopen, trim: () => undefined }
})

const ada = sessionName("lab", "ada")

/** An append of one event, and what became of it. */
function setUp(delayMs: readonly [number, number] = [1, 1]) {
  const schedule = new Schedule()
  const disk = new FakeDisk({ limits: diskLimits(fakeSettings) })
  const log = new FakeLog(schedule, new Chance(1), disk, { sole: true, durability: "local", delayMs })
  const answers: { readonly at: number; readonly answer: LogAnswer }[] = []
  const ask = (request: LogRequest) => log.submit(request, (answer) => answers.push({ at: schedule.now, answer }))
  const append = () => {
    const drafts = [{ type: "event", kind: "said", data: jsonText("tea"), commit: false }] as const
    const create = { model: "log", retention: {}, metadata: null }
    ask({ type: "append", at: timestamp(0), parts: [{ session: ada, drafts, key: undefined, contentHash: undefined, expect: undefined, create }] })
  }
  const recorded = () => disk.entriesOf(ada).length
  return { schedule, disk, log, answers, ask, append, recorded }
}

describe("a change that fails", () => {
  test("before it took effect has none, and is answered as failed", () => {
    const { schedule, log, answers, append, recorded } = setUp()
    log.failNext("before")
    append()
    schedule.run(100)
    expect(recorded()).toBe(0)
    expect(answers.map(({ answer }) => answer.type)).toEqual(["failed"])
    append()
    schedule.run(100)
    expect(recorded()).toBe(1)
  })

  test("after it took effect is answered as unknown", () => {
    const { schedule, log, answers, append, recorded } = setUp()
    log.failNext("after")
    append()
    schedule.run(100)
    expect(recorded()).toBe(1)
    expect(answers.map(({ answer }) => answer)).toMatchObject([{ type: "failed", effect: "unknown" }])
  })

  test("late takes effect in time, and is answered when nobody waits any more", () => {
    const { schedule, log, answers, append, recorded } = setUp()
    log.failNext("late")
    append()
    schedule.run(5_000)
    expect([recorded(), answers.length]).toEqual([1, 0])
    schedule.run(5_000)
    expect(answers).toMatchObject([{ at: 8_002, answer: { type: "appended" } }])
  })

  test("is healed: what has not hit a change yet never does", () => {
    const { schedule, log, answers, append } = setUp()
    log.failNext("before")
    log.isAway = true
    log.heal()
    append()
    schedule.run(100)
    expect(answers).toMatchObject([{ answer: { type: "appended", durability: "local" } }])
  })
})

test("a log that is away carries nothing out and says so", () => {
  const { schedule, log, answers, ask, append, recorded } = setUp()
  log.isAway = true
  append()
  ask({ type: "head", session: ada })
  schedule.run(100)
  expect(recorded()).toBe(0)
  expect(answers.map(({ answer }) => answer)).toMatchObject([{ type: "failed", effect: "none" }, { type: "failed", effect: "none" }])
})

test("changes take effect in the order in which they were asked for, whatever the delays", () => {
  const { schedule, disk, answers, ask, append } = setUp([0, 50])
  for (let i = 0; i < 10; i++) {
    append()
    ask({ type: "delete", session: ada })
  }
  schedule.run(10_000)
  expect(answers.length).toBe(20)
  expect(answers.filter(({ answer }) => answer.type === "absent")).toEqual([])
  expect(disk.length).toBe(20)
})

test("what was answered is synced, what was only done is not: a crash keeps the one and never answers the other", () => {
  const { schedule, disk, log, answers, append } = setUp([1, 1])
  append()
  schedule.run(2)
  append()
  schedule.run(1)
  expect([disk.length, log.synced, answers.length]).toEqual([2, 1, 1])
  log.crash()
  schedule.run(1_000)
  expect([disk.length, log.synced, answers.length]).toEqual([2, 1, 1])
})

test("what had not taken effect before a crash never does", () => {
  const { schedule, disk, log, append } = setUp([5, 5])
  append()
  schedule.run(4)
  log.crash()
  schedule.run(1_000)
  expect(disk.length).toBe(0)
})

test("a log that was opened anew under its user says so, and that what was under way is unknown", () => {
  const { schedule, log, answers, append } = setUp()
  const told: string[] = []
  log.whenReopened(() => told.push("reopened"))
  append()
  schedule.run(1)
  log.reopened()
  schedule.run(100)
  expect(told).toEqual(["reopened"])
  expect(answers.map(({ answer }) => answer)).toMatchObject([{ type: "failed", effect: "unknown" }])
})
