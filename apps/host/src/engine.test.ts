// The driver's contract, kept: whatever the log does, whoever calls from within whom.

import { everything, jsonText, Kernel, later, logModel, sessionName, type ReaderId } from "@tidemark/kernel"
import { Driver, MemoryLog, type AppendCallOutcome, type LogFailed, type SessionLog, type SubscribeCallOutcome } from "@tidemark/driver"
import { afterEach, expect, test } from "vitest"
import { systemClock } from "./clock.ts"
import { Engine, type Ask } from "./engine.ts"

const session = sessionName("default", "s")
const bounds = { memoryLogEvents: 1000, memoryLogBytes: 1e6, keyAgeMs: 1000, keysPerSession: 10, keysPerProducer: 10 }
const memory = new MemoryLog({ limits: { ...bounds, sessionsPerWorkspace: 10 }, token: () => "t" })
const engines: Engine[] = []

afterEach(() => {
  for (const engine of engines.splice(0)) engine.close()
  memory.submit({ type: "delete", session }, () => {})
})

function engineOver(log: SessionLog, logTimeoutMs = 1000): Engine {
  const window = { windowEvents: 100, windowBytes: 1e6, windowAgeMs: 1e6 }
  const kernel = new Kernel({ models: [logModel], ...window, readersPerSession: 10, recoverEvents: 10, encodesPerSecond: 2, retryMs: 10 })
  const sessions = { sessionsInMemoryMax: 10, sessionIdleMs: 1e6, snapshotEvents: 100, snapshotBytes: 1e6 }
  const appends = { groupDraftsMax: 10, groupBytesMax: 1e6, waitingDraftsMax: 100, waitingBytesMax: 1e6 }
  const driver = new Driver({ ...sessions, ...appends, pageEvents: 10, pageBytes: 1e6, retryMs: 10 }, kernel, log)
  const fatal = (error: unknown): never => {
    throw error
  }
  const engine = new Engine({ driver, log, clock: systemClock, logTimeoutMs, flushPauseMs: 4, report: fatal, fatal })
  engines.push(engine)
  return engine
}

const append = (n: number): Ask<AppendCallOutcome> => {
  const drafts = [{ type: "event", kind: "n", data: jsonText(n), commit: false }] as const
  const create = { model: "log", retention: {}, metadata: null }
  return (driver, now, at) => driver.append(now, at, { session, drafts, create })
}

function asked<Outcome>(engine: Engine, ask: Ask<Outcome>): Promise<Outcome | LogFailed> {
  return new Promise((resolve) => {
    engine.ask<Outcome>(ask, resolve)
  })
}

function listen(engine: Engine, reader: ReaderId, onReady: () => void): void {
  engine.addReader(reader, { onReady })
}

async function reader(engine: Engine): Promise<ReaderId> {
  const subscribe: Ask<SubscribeCallOutcome> = (driver, now) =>
    driver.subscribe(now, session, { type: "now" }, { filter: everything, recovery: "events" })
  const outcome = await asked<SubscribeCallOutcome>(engine, subscribe)
  if (outcome.type !== "subscribed") throw new Error(outcome.type)
  return outcome.reader
}

test("a waiter that asks again from within its answer is answered too, in order", async () => {
  const engine = engineOver(memory)
  const firsts: unknown[] = []
  await new Promise<void>((resolve) => {
    const next = (n: number) => (outcome: AppendCallOutcome): void => {
      firsts.push(outcome.type === "appended" ? outcome.receipt.first : outcome.type)
      if (n < 5) engine.ask<AppendCallOutcome>(append(n), next(n + 1))
      else resolve()
    }
    engine.ask<AppendCallOutcome>(append(0), next(1))
  })
  expect(firsts).toEqual([1, 2, 3, 4, 5])
})

test("what is asked in one round of the event loop is one group for the log", async () => {
  const groups: number[] = []
  const watched: SessionLog = {
    sole: true,
    keepsEntries: true,
    appendsInFlightMax: 1,
    durability: "memory",
    submit(request, answer) {
      if (request.type === "append") groups.push(request.parts.length)
      memory.submit(request, answer)
    },
  }
  const engine = engineOver(watched)
  await Promise.all([0, 1, 2].map((n) => asked(engine, append(n))))
  expect(groups).toEqual([3])
})

test("what arrives in one round makes its reader ready once, and is read in one read", async () => {
  const engine = engineOver(memory)
  await asked(engine, append(0))
  const id = await reader(engine)
  const reads: number[] = []
  const done = new Promise<void>((resolve) => {
    listen(engine, id, () => {
      const outcome = engine.read(id, { events: 100, bytes: 1e6 })
      reads.push(outcome.type === "events" ? outcome.batch.events.length : 0)
      resolve()
    })
  })
  expect(engine.read(id, { events: 100, bytes: 1e6 }).type).toBe("idle")
  for (let n = 1; n <= 7; n++) engine.ask(append(n), () => {})
  await done
  expect(reads).toEqual([7])
})

test("under load a reader is read at a pace, and one that became ready while the others were read is not forgotten", async () => {
  const engine = engineOver(memory)
  await asked(engine, append(0))
  const [ada, bob] = [await reader(engine), await reader(engine)]
  const budget = { events: 100, bytes: 1e6 }
  const read: string[] = []
  let resolve: () => void = () => {}
  const done = new Promise<void>((settle) => {
    resolve = settle
  })
  const given = (id: ReaderId): number => {
    const outcome = engine.read(id, budget)
    return outcome.type === "events" ? outcome.batch.events.length : 0
  }
  for (const id of [ada, bob]) given(id)
  listen(engine, ada, () => {
    read.push(`ada ${given(ada)}`)
    // The first flush gave two, so that the next one is paced; what it leads to becomes due in the timer's own step.
    if (read.length === 1) engine.ask(append(3), () => {})
    else if (read.length === 3) engine.ask(append(4), () => {})
  })
  listen(engine, bob, () => {
    read.push(`bob ${given(bob)}`)
    if (read.length >= 6) resolve()
  })
  for (const n of [1, 2]) engine.ask(append(n), () => {})
  await done
  expect(read).toEqual(["ada 2", "bob 2", "ada 1", "bob 1", "ada 1", "bob 1"])
})

test("a reader that stops before its end is read on in a later step", async () => {
  const engine = engineOver(memory)
  await asked(engine, append(0))
  const id = await reader(engine)
  engine.read(id, { events: 1, bytes: 1 })
  const positions: number[] = []
  await new Promise<void>((resolve) => {
    listen(engine, id, () => {
      const outcome = engine.read(id, { events: 1, bytes: 1e6 })
      if (outcome.type === "events") positions.push(...outcome.batch.events.map(({ position }) => position))
      if (outcome.type === "events" && outcome.upToDate) resolve()
      else engine.readOnLater(id)
    })
    for (const n of [1, 2, 3]) engine.ask(append(n), () => {})
  })
  expect(positions).toEqual([2, 3, 4])
})

test("a reader that was removed is told nothing any more", async () => {
  const engine = engineOver(memory)
  await asked(engine, append(0))
  const [gone, there] = [await reader(engine), await reader(engine)]
  const told: string[] = []
  for (const id of [gone, there]) engine.read(id, { events: 1, bytes: 1 })
  const done = new Promise<void>((resolve) => {
    listen(engine, gone, () => told.push("gone"))
    listen(engine, there, () => {
      told.push("there")
      resolve()
    })
  })
  engine.ask(append(1), () => {})
  engine.removeReader(gone)
  await done
  expect(told).toEqual(["there"])
  expect(engine.stats().kernel.readers).toBe(1)
})

test("a call that the log never answers is given up, and its late answer surprises nobody", async () => {
  const held: (() => void)[] = []
  const silent: SessionLog = {
    sole: true,
    keepsEntries: true,
    appendsInFlightMax: 1,
    durability: "memory",
    submit: (request, answer) => void held.push(() => memory.submit(request, answer)),
  }
  const engine = engineOver(silent, 20)
  const answers: unknown[] = []
  await new Promise<void>((resolve) => {
    engine.ask(append(0), (outcome) => {
      answers.push(outcome.type === "failed" ? [outcome.effect, outcome.reason] : outcome.type)
      resolve()
    })
  })
  for (const answer of held) answer()
  expect(answers).toEqual([["unknown", "unavailable"]])
  expect(engine.logFailures).toBe(1)
})

test("a call that is taken back is not answered, and a patient one is not given up", async () => {
  const engine = engineOver(memory, 20)
  const answers: string[] = []
  const waiting: Ask<SubscribeCallOutcome> = (driver, now) =>
    driver.subscribe(now, session, { type: "start" }, { filter: everything, recovery: "rest", missing: "wait" })
  const takeBack = engine.ask(waiting, () => answers.push("taken back"), { patient: true })
  const patient = new Promise<void>((resolve) => {
    engine.ask(waiting, (outcome) => resolve(void answers.push(outcome.type)), { patient: true })
  })
  const impatient = await new Promise<string>((resolve) => {
    engine.ask(waiting, (outcome) => resolve(outcome.type))
  })
  takeBack()
  engine.ask(append(0), () => {})
  await patient
  expect([impatient, answers]).toEqual(["failed", ["subscribed"]])
  expect(engine.stats().kernel.readers).toBe(1)
})

test("what is scheduled is called once, at its time, and what is taken back never", async () => {
  const engine = engineOver(memory)
  const called: string[] = []
  const never = (): void => void called.push("never")
  const at = (ms: number) => later(systemClock.now(), ms)
  engine.schedule(never, at(5))
  await new Promise<void>((resolve) => {
    engine.schedule(() => called.push("first"), at(1))
    engine.schedule(() => {
      called.push("second")
      resolve()
    }, at(15))
    engine.schedule(never, undefined)
  })
  expect(called).toEqual(["first", "second"])
})
