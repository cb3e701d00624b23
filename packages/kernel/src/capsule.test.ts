// What a capsule is and what becomes of it: recorded here of a session with secrets, read as anybody would read a file that
// came by mail.

import { describe, expect, test } from "vitest"
import { replayCapsule } from "./capsule.ts"
import { FedLog, keyed, secretOf } from "./capsule.testing.ts"
import { pointOf } from "./entry.ts"
import { everything } from "./filter.ts"
import { epoch, instant, sessionName, timestamp, type ReaderId } from "./ids.ts"
import { jsonText } from "./json.ts"
import { DisabledLiveReplayStore } from "./live-replay-store.ts"
import { config } from "./kernel.testing.ts"
import { defineModel } from "./model.ts"
import { logModel } from "./models/log.ts"
import { RecordingKernel } from "./recording-kernel.ts"
import type { SecretOptions } from "./secrets.ts"

const name = sessionName("default", "incident")
const budget = { events: 10, bytes: 100_000 }
const everyEvent = { filter: everything, recovery: "events" } as const

interface Recorded {
  readonly kernel: RecordingKernel
  readonly log: FedLog
  readonly lines: string[]
  readonly capsule: () => string
}

/** A session of three events, recorded from here on; `end` is what is left to do. */
function recording(secrets: SecretOptions = keyed): Recorded {
  const kernel = new RecordingKernel({ ...config, windowAgeMs: Infinity })
  const log = new FedLog(name)
  for (const commit of [false, true, false]) log.append(commit)
  kernel.openSession(instant(1), name, log.origin())
  const lines: string[] = []
  expect(kernel.beginRecording(instant(2), name, secrets, (line) => lines.push(line))).toEqual({ type: "recording" })
  return { kernel, log, lines, capsule: () => lines.map((line) => `${line}\n`).join("") }
}

function reader({ kernel, log }: Pick<Recorded, "kernel" | "log">, now: number): ReaderId {
  const outcome = kernel.subscribe(instant(now), name, { type: "observation" }, everyEvent, log.head)
  if (outcome.type !== "subscribed") throw new Error(outcome.type)
  return outcome.reader
}

/** Opening, a reader, its observation, an append, the poll, its read: six calls. */
function incident(secrets: SecretOptions = keyed): Recorded {
  const recorded = recording(secrets)
  const { kernel, log } = recorded
  const id = reader(recorded, 10)
  kernel.read(instant(11), id, budget)
  kernel.read(instant(11), id, budget)
  log.append()
  kernel.handleAppended(instant(12), name, log.epoch, log.after(3, 1))
  kernel.pollReady()
  kernel.read(instant(13), id, budget)
  kernel.endRecording(name, "enough")
  return recorded
}

const altered = (lines: readonly string[], line: number, change: (text: string) => string): string =>
  lines.map((text, at) => `${at === line - 1 ? change(text) : text}\n`).join("")

const deep = "[".repeat(20_000) + "]".repeat(20_000)
const replaced = (from: string | RegExp, to: string) => (text: string): string => text.replace(from, to)

describe("recording", () => {
  test("a capsule is a header, the opening, a line for each call, and the end", () => {
    const { lines } = incident()
    const values = lines.map((line) => JSON.parse(line))
    expect(values[0]).toEqual({
      capsule: 1,
      session: "default/incident",
      kernel: { windowEvents: 8, windowBytes: 10_000, windowAgeMs: null, readersPerSession: 10, recoverEvents: 5, encodesPerSecond: 2, retryMs: 100 },
      keepsLog: true,
      models: [{ name: "log", version: 1 }],
    })
    expect(values.slice(1, -1).map(({ n, call, outcome }) => `${n} ${call}: ${outcome}`)).toEqual([
      "1 openSession: opened",
      "2 subscribe: reader 1",
      "3 read: observation at 3",
      "4 read: idle, up to date",
      "5 handleAppended: installed",
      "6 pollReady: reader 1",
      "7 read: 1 event, through 4, up to date",
    ])
    expect(values.at(-1)).toMatchObject({ end: "enough", calls: 7 })
  })

  test("the driver does not notice: the session stands where it stood and shows what it showed", () => {
    const kernel = new RecordingKernel(config)
    const log = new FedLog(name)
    for (let n = 0; n < 12; n++) log.append(n === 4)
    log.trim(10)
    kernel.openSession(instant(1), name, { ...log.origin(), floor: log.floor })
    const standing = () => {
      const state = kernel.describe(name)
      return [{ ...state, point: state && pointOf(state.point) }, JSON.stringify(kernel.observe(instant(2), name))]
    }
    const before = standing()
    expect(kernel.beginRecording(instant(2), name, keyed, () => {}).type).toBe("recording")
    expect(standing()).toEqual(before)
    expect(kernel.stats()).toMatchObject({ sessions: 1, windowEntries: 0, windowBytes: 0 })
    log.append()
    expect(kernel.handleAppended(instant(3), name, log.epoch, log.after(12, 1))).toEqual({ type: "installed" })
  })

  test("a session that has readers is not recorded until they are gone", () => {
    const kernel = new RecordingKernel(config)
    const log = new FedLog(name)
    log.append()
    kernel.openSession(instant(1), name, log.origin())
    const id = reader({ kernel, log }, 1)
    const lines: string[] = []
    const begin = () => kernel.beginRecording(instant(2), name, keyed, (line) => lines.push(line))
    expect(begin()).toEqual({ type: "in_use", readers: 1 })
    expect(lines).toEqual([])
    kernel.unsubscribe(id)
    expect(begin()).toEqual({ type: "recording" })
    expect(begin()).toEqual({ type: "recorded_already" })
  })

  test("a session that is not in memory begins with its next opening", () => {
    const kernel = new RecordingKernel(config)
    const log = new FedLog(name)
    log.append()
    const lines: string[] = []
    kernel.beginRecording(instant(1), name, keyed, (line) => lines.push(line))
    kernel.openSession(instant(5), name, log.origin())
    kernel.endRecording(name, "enough")
    expect(JSON.parse(lines[1] ?? "")).toMatchObject({ n: 1, call: "openSession", now: 5, outcome: "opened" })
    expect(replayCapsule(lines.join("\n"), [logModel])).toEqual({ type: "same", calls: 1, end: "enough" })
  })

  test("what cannot be told in full is refused: a session of the kernel's own, and one with a view that failed", () => {
    const broken = defineModel({
      ...{ name: "broken", version: 1, viewBytesMax: 100, initial: { view: null, provisional: null } },
      apply: () => {
        throw new Error("no")
      },
    })
    const kernel = new RecordingKernel({ ...config, models: [logModel, broken] })
    kernel.createSession(instant(1), name, { epoch: epoch("gen", "own"), model: "log" })
    expect(kernel.beginRecording(instant(1), name, keyed, () => {})).toEqual({ type: "refused", because: "the kernel is its log" })
    const log = new FedLog(sessionName("default", "failed"))
    log.append()
    kernel.openSession(instant(1), log.session, { ...log.origin(), model: "broken" })
    const because = "its model could not fold an event, so that its view does not tell what it is"
    expect(kernel.beginRecording(instant(1), log.session, keyed, () => {})).toEqual({ type: "refused", because })
  })

  test("a session that the kernel begins to log itself ends its recording", () => {
    const kernel = new RecordingKernel(config)
    const lines: string[] = []
    kernel.beginRecording(instant(1), name, keyed, (line) => lines.push(line))
    kernel.createSession(instant(1), name, { epoch: epoch("gen", "own"), model: "log" })
    kernel.commit(instant(2), timestamp(1), name, { data: jsonText({ password: "hunter" }) })
    expect(lines.length).toBe(2)
    expect(JSON.parse(lines[1] ?? "")).toMatchObject({ end: "the kernel is its log from here on", calls: 0 })
  })

  test("what is due is written once before the next call, however often it was asked for", () => {
    const { kernel, lines } = recording()
    for (let now = 3; now < 100; now++) kernel.handleTimeout(instant(now))
    kernel.describe(name)
    kernel.handleTimeout(instant(100))
    kernel.endRecording(name, "enough")
    const calls = lines.slice(1, -1).map((line) => JSON.parse(line))
    expect(calls.map(({ call, now }) => [call, now])).toEqual([["openSession", 2], ["handleTimeout", 99], ["describe", undefined], ["handleTimeout", 100]])
  })

  test("a call that throws is written with what it threw, and still throws", () => {
    const { kernel, lines } = recording()
    expect(() => kernel.subscribe(instant(3), name, { type: "now" }, everyEvent)).toThrow("wants the log's head as proof")
    expect(JSON.parse(lines[2] ?? "")).toMatchObject({ call: "subscribe", outcome: "threw: a fed session's door wants the log's head as proof" })
    expect(replayCapsule(lines.join("\n"), [logModel])).toEqual({ type: "same", calls: 2, end: undefined })
  })

  test("whoever takes the lines may end the recording with any of them", () => {
    const kernel = new RecordingKernel(config)
    const log = new FedLog(name)
    log.append()
    kernel.openSession(instant(1), name, log.origin())
    const lines: string[] = []
    kernel.beginRecording(instant(2), name, keyed, (line) => {
      lines.push(line)
      if (lines.length === 3) kernel.endRecording(name, "full")
    })
    expect(kernel.describe(name)?.point.position).toBe(1)
    expect(kernel.observe(instant(3), name)?.point.position).toBe(1)
    expect(replayCapsule(lines.join("\n"), [logModel])).toEqual({ type: "same", calls: 2, end: "full" })
  })

  test("a session that keeps no log is replayed as one that keeps none", () => {
    const store = new DisabledLiveReplayStore({ events: 8, bytes: 10_000, ageMs: 60_000 })
    const kernel = new RecordingKernel(config, { liveReplayStore: store })
    const log = new FedLog(name)
    for (let n = 0; n < 3; n++) log.append()
    kernel.openSession(instant(1), name, log.origin())
    const lines: string[] = []
    kernel.beginRecording(instant(1), name, keyed, (line) => lines.push(line))
    const outcome = kernel.resume(instant(2), name, log.cursor(1), budget, log.head)
    expect(outcome).toMatchObject({ type: "gap", gap: { reason: "unknown_log" } })
    expect(replayCapsule(lines.join("\n"), [logModel])).toMatchObject({ type: "same", calls: 4 })
  })
})

describe("secrets", () => {
  test("none of them stands anywhere in a capsule, and what is beside them does", () => {
    const text = incident().capsule()
    const written = JSON.stringify(secretOf(4)).slice(1, -1)
    expect([text.includes("hunter"), text.includes(written), text.includes(JSON.stringify(written).slice(1, -1))]).toEqual([false, false, false])
    expect([text.includes("4000014"), text.includes(String(3_000_010.5)), text.includes('\\"n\\":4')]).toEqual([false, false, true])
  })

  test("no mark of the log stands in a capsule, and no cursor that holds one: a short secret could be found by trying", () => {
    const { log, lines, kernel } = recording()
    kernel.resume(instant(3), name, log.cursor(1), budget, log.head)
    kernel.explain(instant(3), name, log.cursor(2), { proof: log.head })
    kernel.resume(instant(3), name, log.cursor(2).slice(0, -1), budget, log.head)
    const text = lines.join("\n")
    const marks = log.entries.flatMap(({ mark }) => [String(mark), mark.toString(36)])
    expect(marks.filter((mark) => text.includes(mark))).toEqual([])
    expect(replayCapsule(text, [logModel])).toMatchObject({ type: "same" })
  })

  test("names that are given, and all of the data, are hashed in events, views and provisional parts alike", () => {
    const named = incident({ ...keyed, names: ["n"] })
    expect([named.capsule().includes('\\"n\\":4'), replayCapsule(named.capsule(), [logModel]).type]).toEqual([false, "same"])
    const all = incident({ ...keyed, all: true })
    expect([all.capsule().includes('\\"n\\":4'), replayCapsule(all.capsule(), [logModel]).type]).toEqual([false, "same"])
  })

  test("another key gives another capsule of the same length", () => {
    const one = incident().capsule()
    const two = incident({ hash: (text) => keyed.hash(`another ${text}`) }).capsule()
    expect(one === two).toBe(false)
    const lengths = (capsule: string) => capsule.split("\n").map((line) => line.replace(/"mark":\d+/g, "").length)
    expect(lengths(two)).toEqual(lengths(one))
  })
})

describe("replaying", () => {
  test("a capsule in a test is three lines", () => {
    const capsule = incident().capsule()
    const outcome = replayCapsule(capsule, [logModel])
    expect(outcome).toEqual({ type: "same", calls: 7, end: "enough" })
  })

  test("a capsule that was cut is the same as far as it goes, and says that it has no end", () => {
    const { lines } = incident()
    const capsule = lines.join("\n")
    expect(replayCapsule(lines.slice(0, 4).join("\n"), [logModel])).toEqual({ type: "same", calls: 3, end: undefined })
    expect(replayCapsule(capsule.slice(0, -30), [logModel])).toEqual({ type: "same", calls: 7, end: undefined })
    expect(replayCapsule(lines[0] ?? "", [logModel])).toEqual({ type: "same", calls: 0, end: undefined })
  })

  test.each([
    ["its outcome", 8, replaced("1 event", "2 events"), "2 events, through 4, up to date", "1 event, through 4, up to date"],
    ["what it was told", 8, replaced('"bytes":100000', '"bytes":100001'), / \([0-9a-f]{32}\)$/, / \([0-9a-f]{32}\)$/],
    ["its time", 4, replaced('"now":11', '"now":9'), "observation at 3", "threw: now went back from 10 to 9"],
    ["its hash", 8, replaced(/"hash":"./, '"hash":"x'), / \(x[0-9a-f]{31}\)$/, / \([0-9a-f]{32}\)$/],
    ["an entry", 6, replaced('\\"n\\":4', '\\"n\\":5'), / \([0-9a-f]{32}\)$/, / \([0-9a-f]{32}\)$/],
  ])("a call that was altered in %s differs at that line", (_what, line, change, recorded, replayed) => {
    const outcome = replayCapsule(altered(incident().lines, line, change), [logModel])
    expect(outcome).toMatchObject({ type: "differs", call: line - 1, line })
    if (outcome.type !== "differs") return
    expect(outcome.recorded).toMatch(recorded)
    expect(outcome.replayed).toMatch(replayed)
  })

  test.each([
    ["no JSON", 3, () => "{", "it is no JSON"],
    ["an empty line", 3, () => "", "it is empty"],
    ["no object", 3, () => "7", "the line is no object"],
    ["another format", 1, replaced('"capsule":1', '"capsule":2'), "this is no capsule of version 1, the only one there is"],
    ["no session", 1, replaced("default/incident", "incident"), "session is no name of one"],
    ["a limit that cannot be", 1, replaced('"readersPerSession":10', '"readersPerSession":0'), "limits are positive"],
    ["a limit left out", 1, replaced('"retryMs":100', '"x":1'), "kernel.retryMs is no number"],
    ["no models", 1, replaced(/"models":.*/, '"models":[]}'), "models names none"],
    ["a line in the place of another", 3, replaced('"n":2', '"n":3'), "this is the place of call 2"],
    ["an unknown call", 3, replaced('"subscribe"', '"listen"'), 'there is no call "listen"'],
    ["a reader nobody made", 4, replaced('"reader":1', '"reader":2'), "no line before this one made reader 2"],
    ["a time that is none", 4, replaced('"now":11', '"now":"11"'), "now is no number"],
    ["a budget that is none", 4, replaced('"budget":{', '"budget":3,"x":{'), "budget is no object"],
    ["an entry that is none", 6, replaced('\\"position\\"', '\\"place\\"'), "entries[0] is no entry of a log"],
    ["a mark that is none", 6, replaced(/"mark":\d+/, '"mark":-1'), "entries[0] is no entry of a log"],
    ["a place that is none", 2, replaced('"position":3', '"position":-3'), "from.base.point.position is no whole number from 0"],
    ["a filter that is none", 3, replaced('"filter":"*"', '"filter":"a b"'), '"a b" is no filter of kinds'],
    ["no hash", 4, replaced(/,"hash":".*"/, ""), "hash is no text"],
    ["something behind the hash", 4, replaced(/}$/, ',"more":1}'), "its last field is not the hash"],
    ["an end that counts in brackets", 9, replaced('"calls":7', `"calls":${deep}`), "the end counts no calls, and 7 are there"],
    ["an end that counts wrong", 9, replaced('"calls":7', '"calls":8'), "the end counts 8 calls, and 7 are there"],
    ["an end of another capsule", 9, replaced(/"hash":"./, '"hash":"x'), "the hash at the end is not that of the lines above it"],
  ])("%s is malformed, with the line where it stands", (_what, line, change, because) => {
    expect(replayCapsule(altered(incident().lines, line, change), [logModel])).toEqual({ type: "malformed", line, because })
  })

  test("nothing at all, and something behind the end, are malformed", () => {
    expect(replayCapsule("", [logModel])).toEqual({ type: "malformed", line: 1, because: "it is empty" })
    const more = `${incident().capsule()}{}\n`
    expect(replayCapsule(more, [logModel])).toEqual({ type: "malformed", line: 10, because: "something stands behind the end" })
  })

  test("a model that folds otherwise than it did, under the same name and version, differs at the first observation", () => {
    const { kernel, log, lines } = recording()
    log.append()
    kernel.handleAppended(instant(3), name, log.epoch, log.after(3, 1))
    kernel.observe(instant(4), name)
    const deaf = defineModel({ name: "log", version: 1, viewBytesMax: 100, initial: { view: null, provisional: null }, apply: (state) => state })
    expect(replayCapsule(lines.join("\n"), [logModel])).toMatchObject({ type: "same", calls: 3 })
    expect(replayCapsule(lines.join("\n"), [deaf])).toMatchObject({ type: "differs", call: 3, line: 4, name: "observe" })
  })

  test("a model that nobody has, or in another version, is named", () => {
    const capsule = incident().capsule()
    const other = defineModel({ name: "log", version: 2, viewBytesMax: 100, initial: { view: null, provisional: null }, apply: (state) => state })
    expect(replayCapsule(capsule, [])).toEqual({ type: "unknown_model", name: "log", version: 1 })
    expect(replayCapsule(capsule, [other])).toEqual({ type: "unknown_model", name: "log", version: 1 })
  })
})
