// The connection as laws: what goes in, and the literal text that goes out.

import {
  ContractViolation,
  cursorText,
  epoch,
  everything,
  instant,
  jsonText,
  Kernel,
  logModel,
  mark,
  origin,
  position,
  revision,
  seal,
  sessionName,
  SessionObservation,
  timestamp,
} from "@tidemark/kernel"
import type { Batch, Entry, EventEntry, LiveReplayGap, Point, ReadOutcome } from "@tidemark/kernel"
import { describe, expect, test } from "vitest"
import { ServerConnection, type ConnectionSettings } from "./server-connection.ts"
import { encodeBatch, encodeObservation } from "./sse-encoder.ts"

const session = sessionName("default", "deps")
const life = epoch("g", "i")
const at = (ms: number) => instant(ms)

const settings: ConnectionSettings = { session, heartbeatMs: 15_000, maxAgeMs: 600_000, retryMs: 2_137, quietEntriesMax: 8, finite: false }

const hello = { session: "deps", epoch: life, head: 3, earliest: 1, revision: 0, model: "log", modelVersion: 1 }

const helloText =
  'event: hello\ndata: {"session":"deps","epoch":"g.i","head":3,"earliest":1,"revision":0,"model":"log","modelVersion":1,' +
  '"heartbeatMs":15000,"maxAgeMs":600000}\n\n'

/** Entries 1, 2, 3, … of one log. */
const log: Entry[] = []
for (let after: Point = origin; log.length < 20; ) {
  const entry = seal(after, timestamp(0), { type: "event", kind: "line", data: jsonText(log.length + 1), commit: false })
  log.push(entry)
  after = entry
}

const isEvent = (entry: Entry): entry is EventEntry => entry.type === "event"
const pointAt = (place: number): Point => (place === 0 ? origin : (log[place - 1] ?? origin))
const cursorAt = (place: number) => cursorText(session, life, pointAt(place))
const event = (place: number) =>
  `data: {"position":${place},"revision":0,"kind":"line","at":"1970-01-01T00:00:00.000Z","data":${place}}\nid: ${cursorAt(place)}\n\n`

/** Entries after `from` up to `to`, of which the filter passes those in `shown`. */
function events(from: number, to: number, upToDate: boolean, shown = log.slice(from, to)): ReadOutcome & { type: "events" } {
  const batch: Batch = { session, epoch: life, after: pointAt(from), events: shown.filter(isEvent), through: pointAt(to) }
  return { type: "events", batch, upToDate }
}

const idle = (upToDate: boolean) => ({ type: "idle", upToDate }) as const

function observationAt(place: number): SessionObservation {
  return new SessionObservation({ session, epoch: life, point: pointAt(place), fold: logModel.initial, closed: null, viewFailed: false })
}

const observationText = (place: number) =>
  `event: observation\ndata: {"session":"deps","epoch":"g.i","revision":0,"position":${place},"cursor":"${cursorAt(place)}",` +
  `"view":null,"provisional":{"events":[],"omitted":0},"closed":null}\nid: ${cursorAt(place)}\n\n`

const gap: LiveReplayGap = {
  session: "deps",
  reason: "trimmed",
  requested: cursorAt(1),
  latest: cursorAt(9),
  earliest: 6,
  head: 9,
  revision: 0,
  missed: 8,
}

const gapText =
  `event: gap\ndata: {"session":"deps","reason":"trimmed","requested":"${cursorAt(1)}","latest":"${cursorAt(9)}",` +
  '"earliest":6,"head":9,"revision":0,"missed":8}\n\n'

const caughtUp = (place: number) => `event: caught_up\ndata: {"position":${place}}\nid: ${cursorAt(place)}\n\n`
const heartbeat = (place: number) => `event: heartbeat\ndata: {}\nid: ${cursorAt(place)}\n\n`
const bareHeartbeat = "event: heartbeat\ndata: {}\n\n"
const end = "[end]"

/** All that is to be written now. */
function written(connection: ServerConnection): string {
  let text = ""
  for (let output = connection.pollOutput(); output !== undefined; output = connection.pollOutput()) {
    switch (output.type) {
      case "text":
        text += output.text
        break
      case "batch":
        text += encodeBatch(output.batch)
        break
      case "observation":
        text += encodeObservation(output.observation)
        break
      case "end":
        text += end
    }
  }
  return text
}

/** After hello at 0, with all of it written. */
function opened(changed: Partial<ConnectionSettings> = {}): ServerConnection {
  const connection = new ServerConnection(at(0), { ...settings, ...changed })
  connection.handleHello(at(0), hello)
  written(connection)
  return connection
}

/** Caught up at 3 at 0. */
function live(changed: Partial<ConnectionSettings> = {}): ServerConnection {
  const connection = opened(changed)
  connection.handleRead(at(0), idle(true), cursorAt(3))
  expect(written(connection)).toBe(caughtUp(3))
  return connection
}

describe("the beginning", () => {
  test("retry and a comment are there before anything is known, so that headers leave", () => {
    expect(written(new ServerConnection(at(0), settings))).toBe("retry: 2137\n: tidemark\n\n")
  })

  test("hello carries the connection's own times and no id, and a fresh reader is read at once", () => {
    const connection = new ServerConnection(at(0), settings)
    written(connection)
    expect(connection.wantsRead).toBe(false)
    connection.handleHello(at(0), hello)
    expect(written(connection)).toBe(helloText)
    expect(connection.wantsRead).toBe(true)
  })

  test("a connection that waits for its session says that it lives, without an id, and greets it later", () => {
    const connection = new ServerConnection(at(0), settings)
    written(connection)
    connection.handleTimeout(at(15_000))
    expect(written(connection)).toBe(bareHeartbeat)
    connection.handleHello(at(20_000), hello)
    expect(written(connection)).toBe(helloText)
    expect(connection.pollTimeout()).toBe(35_000)
  })

  test("hello twice, a read before it, and settings that are not whole are bugs of the caller", () => {
    expect(() => opened().handleHello(at(0), hello)).toThrow(ContractViolation)
    expect(() => new ServerConnection(at(0), settings).handleRead(at(0), idle(true), cursorAt(3))).toThrow(ContractViolation)
    expect(() => new ServerConnection(at(0), { ...settings, retryMs: 2_137.5 })).toThrow(ContractViolation)
    expect(() => new ServerConnection(at(0), { ...settings, maxAgeMs: 0 })).toThrow(ContractViolation)
  })
})

describe("reading", () => {
  test("events are handed on as the shared batch itself, and reading goes on until it is up to date", () => {
    const connection = opened()
    const outcome = events(0, 2, false)
    connection.handleRead(at(0), outcome, undefined)
    expect(connection.wantsRead).toBe(true)
    const output = connection.pollOutput()
    expect(output?.type === "batch" && output.batch === outcome.batch).toBe(true)
    connection.handleRead(at(0), events(2, 3, true), undefined)
    expect(connection.wantsRead).toBe(false)
    expect(written(connection)).toBe(event(3) + caughtUp(3))
  })

  test("caught_up is said once, with the first read that is up to date", () => {
    const connection = opened()
    connection.handleRead(at(0), idle(false), cursorAt(3))
    expect(written(connection)).toBe("")
    connection.handleRead(at(0), idle(true), cursorAt(3))
    expect(written(connection)).toBe(caughtUp(3))
    connection.handleRead(at(0), idle(true), cursorAt(3))
    connection.handleRead(at(0), events(3, 4, true), undefined)
    connection.handleRead(at(0), idle(true), cursorAt(4))
    expect(written(connection)).toBe(event(4))
  })

  test("caught_up stands at what was looked at, not at what was shown", () => {
    const connection = opened()
    connection.handleRead(at(0), events(0, 3, true, log.slice(0, 1)), undefined)
    expect(written(connection)).toBe(event(1) + caughtUp(3))
  })

  test("an observation carries its cursor, and reading goes on from it", () => {
    const connection = opened()
    connection.handleRead(at(0), { type: "observation", observation: observationAt(3) }, undefined)
    expect(connection.wantsRead).toBe(true)
    connection.handleRead(at(0), idle(true), undefined)
    expect(written(connection)).toBe(observationText(3) + caughtUp(3))
  })

  test("a gap carries no id, and its observation follows with one", () => {
    const connection = opened()
    connection.handleRead(at(0), { type: "gap", gap, observation: observationAt(9) }, undefined)
    expect(connection.wantsRead).toBe(true)
    connection.handleRead(at(0), idle(true), cursorAt(9))
    expect(written(connection)).toBe(gapText + observationText(9) + caughtUp(9))
  })

  test("after a gap without an observation the next id is that of what is readable", () => {
    const connection = opened()
    connection.handleRead(at(0), { type: "gap", gap }, cursorAt(5))
    expect(connection.wantsRead).toBe(true)
    expect(written(connection)).toBe(gapText)
    connection.handleTimeout(at(15_000))
    expect(written(connection)).toBe(heartbeat(5))
    connection.handleRead(at(15_000), events(5, 6, true), undefined)
    expect(written(connection)).toBe(event(6) + caughtUp(6))
  })

  test("a gap in a live stream is said, and caught_up is not said again", () => {
    const connection = live()
    connection.handleRead(at(0), { type: "gap", gap, observation: observationAt(9) }, undefined)
    connection.handleRead(at(0), idle(true), cursorAt(9))
    expect(written(connection)).toBe(gapText + observationText(9))
  })

  test("a log that cannot be asked writes nothing, is not asked again at once, and the place stands", () => {
    const connection = opened()
    connection.handleRead(at(0), events(0, 3, false), undefined)
    expect(connection.wantsRead).toBe(true)
    expect(written(connection)).toBe(event(1) + event(2) + event(3))
    connection.handleRead(at(0), { type: "failed", retryAt: at(500) }, undefined)
    expect(connection.wantsRead).toBe(false)
    expect(written(connection)).toBe("")
    connection.handleTimeout(at(15_000))
    expect(written(connection)).toBe(heartbeat(3))
  })
})

describe("silence", () => {
  test("a heartbeat with the cursor comes so long after the last output, again and again", () => {
    const connection = live()
    expect(connection.pollTimeout()).toBe(15_000)
    connection.handleRead(at(10_000), events(3, 4, true), undefined)
    expect(written(connection)).toBe(event(4))
    connection.handleTimeout(at(24_999))
    expect(written(connection)).toBe("")
    connection.handleTimeout(at(25_000))
    expect(written(connection)).toBe(heartbeat(4))
    connection.handleTimeout(at(40_000))
    expect(written(connection)).toBe(heartbeat(4))
    expect(connection.pollTimeout()).toBe(55_000)
  })

  test("a heartbeat before the first read has no id: nobody has said where the reader stands", () => {
    const connection = opened()
    connection.handleTimeout(at(15_000))
    expect(written(connection)).toBe(bareHeartbeat)
  })

  test("what a filter hides is silence, and the heartbeat's cursor moves past it", () => {
    const connection = live()
    connection.handleRead(at(10_000), events(3, 7, true, []), undefined)
    expect(written(connection)).toBe("")
    expect(connection.pollTimeout()).toBe(15_000)
    connection.handleTimeout(at(15_000))
    expect(written(connection)).toBe(heartbeat(7))
  })

  test("a quarter of the window unseen since the last id sends the cursor at once", () => {
    const connection = live()
    connection.handleRead(at(0), events(3, 7, true, []), undefined)
    connection.handleRead(at(0), events(7, 10, true, []), undefined)
    expect(written(connection)).toBe("")
    connection.handleRead(at(0), events(10, 11, true, []), undefined)
    expect(written(connection)).toBe(heartbeat(11))
    connection.handleRead(at(0), events(11, 18, true, []), undefined)
    expect(written(connection)).toBe("")
  })

  test("entries unseen are counted from the last event shown, in replay and behind it in one batch too", () => {
    const connection = opened()
    connection.handleRead(at(0), events(0, 8, false, log.slice(0, 1)), undefined)
    expect(written(connection)).toBe(event(1))
    connection.handleRead(at(0), events(8, 19, false, log.slice(10, 11)), undefined)
    expect(written(connection)).toBe(event(11) + heartbeat(19))
  })

  test("entries unseen are counted from caught_up, which has an id", () => {
    const connection = opened()
    connection.handleRead(at(0), events(0, 6, true, []), undefined)
    expect(written(connection)).toBe(caughtUp(6))
    connection.handleRead(at(0), events(6, 13, true, []), undefined)
    expect(written(connection)).toBe("")
    connection.handleRead(at(0), events(13, 14, true, []), undefined)
    expect(written(connection)).toBe(heartbeat(14))
  })

  test("entries unseen are counted from where reading goes on after a gap", () => {
    for (const found of [{ type: "gap", gap } as const, { type: "gap", gap, observation: observationAt(5) } as const]) {
      const connection = live()
      connection.handleRead(at(0), found, cursorAt(5))
      written(connection)
      connection.handleRead(at(0), events(5, 12, true, []), undefined)
      expect(written(connection)).toBe("")
      connection.handleRead(at(0), events(12, 13, true, []), undefined)
      expect(written(connection)).toBe(heartbeat(13))
    }
  })

  test("a read that does not say where the reader stands does not make it forgotten", () => {
    const connection = live()
    connection.handleRead(at(0), idle(true), undefined)
    connection.handleTimeout(at(15_000))
    expect(written(connection)).toBe(heartbeat(3))
  })

  test("entries unseen are counted from where a reader began", () => {
    const connection = opened()
    connection.handleRead(at(0), events(10, 17, false, []), undefined)
    expect(written(connection)).toBe("")
    connection.handleRead(at(0), events(17, 18, false, []), undefined)
    expect(written(connection)).toBe(heartbeat(18))
  })

  test("heartbeats do not pile up behind output that nobody fetches", () => {
    const connection = live()
    connection.handleRead(at(0), events(3, 4, true), undefined)
    connection.handleTimeout(at(15_000))
    connection.handleTimeout(at(30_000))
    expect(connection.pollTimeout()).toBe(45_000)
    expect(written(connection)).toBe(event(4))
    connection.handleTimeout(at(45_000))
    expect(written(connection)).toBe(heartbeat(4))
  })
})

describe("the end", () => {
  test("a close is said with the cursor at it, then the end, and nothing after", () => {
    const connection = live()
    connection.handleRead(at(0), { type: "ended", reason: "done", cursor: cursorAt(4) }, undefined)
    expect(written(connection)).toBe(`event: closed\ndata: {"reason":"done"}\nid: ${cursorAt(4)}\n\n${end}`)
    expect(connection.wantsRead).toBe(false)
    expect(connection.pollTimeout()).toBe(undefined)
    connection.handleRead(at(1), events(3, 4, true), undefined)
    connection.handleHello(at(1), hello)
    connection.handleDrain("drain")
    connection.handleTimeout(at(700_000))
    expect(written(connection)).toBe("")
  })

  test("closed comes after caught_up, also for a reader that was never told it was up to date", () => {
    const connection = opened()
    connection.handleRead(at(0), { type: "ended", reason: "done", cursor: cursorAt(4) }, undefined)
    expect(written(connection)).toBe(`${caughtUp(4)}event: closed\ndata: {"reason":"done"}\nid: ${cursorAt(4)}\n\n${end}`)
  })

  test("a deleted session is closed without an id and without caught_up: there is no place to come back to", () => {
    const connection = opened()
    connection.handleRead(at(0), { type: "ended", reason: "deleted" }, undefined)
    expect(written(connection)).toBe(`event: closed\ndata: {"reason":"deleted"}\n\n${end}`)
  })

  test("at its age, and not before, a connection says when to come back and ends", () => {
    const connection = live()
    connection.handleTimeout(at(599_999))
    expect(written(connection)).toBe(heartbeat(3))
    expect(connection.pollTimeout()).toBe(600_000)
    connection.handleTimeout(at(600_000))
    expect(written(connection)).toBe(`event: reconnect\ndata: {"afterMs":2137,"reason":"max_age"}\n\n${end}`)
    expect(connection.pollTimeout()).toBe(undefined)
  })

  test("a heartbeat that is due with the end is left out", () => {
    const connection = live()
    connection.handleTimeout(at(615_000))
    expect(written(connection)).toBe(`event: reconnect\ndata: {"afterMs":2137,"reason":"max_age"}\n\n${end}`)
  })

  test("a drain ends a connection that still waits for its session, too", () => {
    const connection = new ServerConnection(at(0), settings)
    connection.handleDrain("drain")
    connection.handleDrain("again")
    expect(written(connection)).toBe(`retry: 2137\n: tidemark\n\nevent: reconnect\ndata: {"afterMs":2137,"reason":"drain"}\n\n${end}`)
  })

  test("a drain leaves what was already to be written before it", () => {
    const connection = live()
    connection.handleRead(at(0), events(3, 4, false), undefined)
    connection.handleDrain("drain")
    expect(written(connection)).toBe(`${event(4)}event: reconnect\ndata: {"afterMs":2137,"reason":"drain"}\n\n${end}`)
    expect(connection.wantsRead).toBe(false)
  })
})

describe("a finite stream", () => {
  test("ends once it is caught up and one more read says that there is no close", () => {
    const connection = opened({ finite: true })
    connection.handleRead(at(0), events(0, 2, false), undefined)
    connection.handleRead(at(0), events(2, 3, true), undefined)
    expect(written(connection)).toBe(event(1) + event(2) + event(3) + caughtUp(3))
    expect(connection.wantsRead).toBe(true)
    connection.handleRead(at(0), idle(true), cursorAt(3))
    expect(written(connection)).toBe(end)
  })

  test("of a closed session says closed after caught_up", () => {
    const connection = opened({ finite: true })
    connection.handleRead(at(0), idle(true), cursorAt(3))
    expect(connection.wantsRead).toBe(true)
    connection.handleRead(at(0), { type: "ended", reason: "done", cursor: cursorAt(4) }, undefined)
    expect(written(connection)).toBe(`${caughtUp(3)}event: closed\ndata: {"reason":"done"}\nid: ${cursorAt(4)}\n\n${end}`)
  })

  test("leaves what came after caught_up to the next one", () => {
    const connection = opened({ finite: true })
    connection.handleRead(at(0), events(0, 3, true), undefined)
    connection.handleRead(at(0), events(3, 4, true), undefined)
    expect(written(connection)).toBe(event(1) + event(2) + event(3) + caughtUp(3) + end)
  })

  test("that cannot be answered yet waits", () => {
    const connection = opened({ finite: true })
    connection.handleRead(at(0), { type: "failed", retryAt: at(500) }, undefined)
    connection.handleRead(at(500), idle(false), cursorAt(3))
    expect(written(connection)).toBe("")
    expect(connection.wantsRead).toBe(false)
  })
})

test("on a kernel: replay, live, close, in one stream without a seam", () => {
  const window = { windowEvents: 100, windowBytes: 1e6, windowAgeMs: 1e6 }
  const kernel = new Kernel({ models: [logModel], ...window, readersPerSession: 1, recoverEvents: 100, encodesPerSecond: 2, retryMs: 500 })
  const budget = { events: 2, bytes: 1e6 }
  const publish = (n: number) => kernel.record(at(0), timestamp(0), session, { kind: "line", data: jsonText(n) })
  kernel.createSession(at(0), session, { epoch: life, model: "log" })
  for (const n of [1, 2, 3]) publish(n)
  const subscribed = kernel.subscribe(at(0), session, { type: "start" }, { filter: everything, recovery: "rest" })
  if (subscribed.type !== "subscribed") throw new Error(subscribed.type)
  const { reader } = subscribed
  const connection = opened()
  const readOn = () => {
    while (connection.wantsRead || kernel.pollReady() !== undefined) {
      const outcome = kernel.read(at(0), reader, budget)
      if (outcome.type === "behind") throw new Error(outcome.type)
      connection.handleRead(at(0), outcome, outcome.type === "ended" ? undefined : kernel.cursorOf(reader))
    }
    return written(connection)
  }
  expect(readOn()).toBe(event(1) + event(2) + event(3) + caughtUp(3))
  publish(4)
  publish(5)
  expect(readOn()).toBe(event(4) + event(5))
  const closed = kernel.close(at(0), timestamp(0), session, "done")
  expect(readOn()).toBe(`event: closed\ndata: {"reason":"done"}\nid: ${closed}\n\n${end}`)
})

test("a place is named as it was given, whatever revision and mark it has", () => {
  const point: Point = { position: position(7), revision: revision(2), mark: mark(5) }
  const connection = opened()
  connection.handleRead(at(0), idle(true), cursorText(session, life, point))
  expect(written(connection)).toBe(`event: caught_up\ndata: {"position":7}\nid: ${cursorText(session, life, point)}\n\n`)
})
