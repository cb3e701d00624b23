import { epoch as makeEpoch, jsonText, origin, position, sessionName, timestamp } from "@tidemark/kernel"
import type { Draft, Head, Point, SessionName, Timestamp } from "@tidemark/kernel"
import { describe, expect, test } from "vitest"
import { parseIdempotencyKey } from "./idempotency-key.ts"
import { MemoryLog, type MemoryLogLimits } from "./memory-log.ts"
import type { AppendOutcome, AppendPart, LogAnswer, LogRequest, SessionSettings } from "./session-log.ts"

const limits: MemoryLogLimits = {
  memoryLogEvents: 100,
  memoryLogBytes: 1e6,
  keyAgeMs: 1000,
  keysPerSession: 10,
  keysPerProducer: 4,
  sessionsPerWorkspace: 100,
}
const ada = sessionName("lab", "ada")
const bob = sessionName("lab", "bob")
const plain: SessionSettings = { model: "log", retention: {}, metadata: null }
const budget = { events: 1e6, bytes: 1e9 }

test("a request is answered before submit returns", () => {
  const answers: string[] = []
  memoryLog().submit({ type: "head", session: ada }, (answer) => answers.push(answer.type))
  expect(answers).toEqual(["absent"])
})

test("an answer may ask the next question: the first request is done by then", () => {
  const log = memoryLog()
  const heads: unknown[] = []
  log.submit({ type: "append", at: at(0), parts: [part(ada, 1)] }, () => {
    log.submit({ type: "head", session: ada }, (answer) => heads.push(answer.type === "head" && answer.head.head.position))
  })
  expect(heads).toEqual([1])
})

test("L16 the same requests and tokens give the same answers, byte for byte", () => {
  const run = () => {
    const log = memoryLog()
    const before = [append(log, ada, 3), append(log, bob, 2, { at: 5 }), save(log, ada, 2), range(log, ada)]
    return JSON.stringify([...before, ask(log, { type: "delete", session: ada }), append(log, ada, 1)])
  }
  expect(run()).toBe(run())
})

test("L1 the generation is drawn once for the log, the incarnation where a session is made", () => {
  const tokens = ["gen", "one", "two", "three"]
  const log = memoryLog({}, () => tokens.shift() ?? "none")
  const epochs = [append(log, ada, 1), append(log, bob, 1)].map((outcome) => outcome.type === "appended" && outcome.epoch)
  ask(log, { type: "delete", session: ada })
  ask(log, { type: "create", session: ada, settings: plain, at: at(0) })
  expect([...epochs, headOf(log, ada).epoch]).toEqual(["gen.one", "gen.two", "gen.three"])
  expect(tokens).toEqual([])
})

test("a limit that cannot work is refused when the log is made", () => {
  const unworkable = [{ memoryLogEvents: 0 }, { memoryLogBytes: Number.NaN }, { keyAgeMs: -1 }, { keysPerSession: 2.5 }]
  for (const wrong of unworkable) expect(() => memoryLog(wrong)).toThrow(/is a whole number from [01], not/)
})

describe("what a caller gets wrong is thrown before anything is appended", () => {
  const wrong: [string, Partial<AppendPart>, string][] = [
    ["an append without drafts", { drafts: [] }, "an append has at least one draft"],
    ["something after a close", { drafts: [{ type: "close", reason: "done" }, line] }, "nothing follows a close"],
    ["a key without a content hash", { key: { type: "key", text: "k" } }, "a key and a content hash come together"],
    ["a content hash without a key", { contentHash: "h" }, "a key and a content hash come together"],
  ]
  test.each(wrong)("%s", (_name, change, message) => {
    const log = memoryLog()
    const parts = [part(ada, 1), { ...part(bob, 1), ...change }]
    expect(() => ask(log, { type: "append", at: at(0), parts })).toThrow(message)
    expect(log.stats()).toEqual({ workspaces: 0, sessions: 0, entries: 0, bytes: 0, keys: 0 })
  })
})

describe("memory", () => {
  test("L17 behind the last snapshot a session holds so many entries and no more", () => {
    const log = memoryLog({ memoryLogEvents: 5 })
    append(log, ada, 4)
    save(log, ada, 4)
    for (let n = 5; n <= 12; n++) append(log, ada, 1)
    expect(headOf(log, ada).floor.position).toBe(4)
    save(log, ada, 12)
    expect(headOf(log, ada).floor.position).toBe(7)
    append(log, ada, 1)
    save(log, ada, 13)
    expect([headOf(log, ada).floor.position, log.stats().entries]).toEqual([8, 5])
  })

  test("L17 behind the last snapshot a session holds so many bytes and no more", () => {
    const log = memoryLog()
    append(log, ada, 3)
    const { bytes } = log.stats()
    const tight = memoryLog({ memoryLogBytes: bytes })
    append(tight, ada, 6)
    save(tight, ada, 6)
    expect([headOf(tight, ada).floor.position, tight.stats()]).toMatchObject([3, { entries: 3, bytes }])
    const tighter = memoryLog({ memoryLogBytes: bytes - 1 })
    append(tighter, ada, 5)
    save(tighter, ada, 5)
    expect(headOf(tighter, ada).floor.position).toBe(3)
  })

  test("a session's own retention holds where it is narrower than the log's limits, and only there", () => {
    const log = memoryLog({ memoryLogEvents: 5 })
    append(log, ada, 8, { create: { ...plain, retention: { events: 3 } } })
    append(log, bob, 8, { create: { ...plain, retention: { events: 50 } } })
    save(log, ada, 8)
    save(log, bob, 8)
    expect([headOf(log, ada).floor.position, headOf(log, bob).floor.position]).toEqual([5, 3])
  })

  test("L1 epoch, revision, mark and next position survive when nothing is held any more", () => {
    const log = memoryLog()
    const kept = append(log, ada, 6, { create: { ...plain, retention: { events: 0 } } })
    save(log, ada, 6)
    const { epoch, head, floor } = headOf(log, ada)
    expect([log.stats().entries, floor]).toEqual([0, head])
    expect(range(log, ada, head)).toMatchObject({ type: "page", entries: [], after: head })
    expect(append(log, ada, 1)).toMatchObject({ type: "appended", epoch, first: 7 })
    expect(kept).toMatchObject({ type: "appended", epoch, last: head })
  })

  test("without a snapshot nothing is trimmed, and beyond twice the limit an append is `storage_full`, until one is saved", () => {
    const log = memoryLog({ memoryLogEvents: 5 })
    append(log, ada, 9)
    append(log, ada, 2)
    expect(headOf(log, ada)).toMatchObject({ head: { position: 11 }, floor: origin })
    const refused = append(log, ada, 1)
    expect(refused).toMatchObject({ type: "storage_full" })
    expect(refused.type === "storage_full" && refused.detail).toMatch(/no snapshot was saved for 10 entries .* save one, or raise/)
    expect(headOf(log, ada).head.position).toBe(11)
    save(log, ada, 2)
    expect(append(log, ada, 1)).toMatchObject({ type: "appended", first: 12 })
    expect(append(log, ada, 1)).toMatchObject({ type: "storage_full" })
  })

  test("bytes that no snapshot covers are bounded too, and a session that is full stops no other one", () => {
    const log = memoryLog({ memoryLogBytes: 200 })
    append(log, ada, 5)
    const answer = ask(log, { type: "append", at: at(0), parts: [part(ada, 1), part(bob, 1)] })
    expect(answer.type === "appended" && answer.outcomes.map((outcome) => outcome.type)).toEqual(["storage_full", "appended"])
  })

  test("L4 a session that is full repeats its results, and says conflict, closed and expectation first", () => {
    const log = memoryLog({ memoryLogEvents: 1 })
    append(log, ada, 2, { key: "k" })
    expect(append(log, ada, 2, { key: "k" })).toMatchObject({ type: "repeated", first: 1 })
    expect(append(log, ada, 2, { key: "k", content: "other" }).type).toBe("conflict")
    expect(append(log, ada, 1, { key: "@ada:0" }).type).toBe("key_expired")
    expect(append(log, ada, 1, { expect: { revision: 9 } }).type).toBe("expectation_failed")
    expect(append(log, ada, 1).type).toBe("storage_full")
  })

  test("L17 what a trim lets go of is not held any more, and room it makes is room", () => {
    const log = memoryLog({ memoryLogEvents: 10 })
    append(log, ada, 9)
    save(log, ada, 9)
    const { epoch } = headOf(log, ada)
    expect(ask(log, { type: "trim", session: ada, epoch, keep: { events: 2 }, at: at(0) }).type).toBe("trimmed")
    expect([log.stats().entries, headOf(log, ada).floor.position]).toEqual([2, 7])
    append(log, ada, 8)
    expect([log.stats().entries, headOf(log, ada).floor.position]).toEqual([10, 7])
  })

  test("an entry larger than the whole limit is taken when what came before is in a snapshot", () => {
    const log = memoryLog({ memoryLogBytes: 10 })
    for (let n = 1; n <= 3; n++) {
      expect(append(log, ada, 1)).toMatchObject({ type: "appended", first: n })
      save(log, ada, n)
    }
    expect(headOf(log, ada).floor.position).toBe(3)
  })

  test("an entry that fills the memory alone is held until a snapshot covers it", () => {
    const log = memoryLog({ memoryLogBytes: 10 })
    append(log, ada, 1)
    expect(range(log, ada)).toMatchObject({ type: "page", entries: [{ position: 1 }] })
  })
})

describe("L17 nothing grows with the dead", () => {
  test("a silent session's keys are forgotten while others are appended to", () => {
    const log = memoryLog()
    append(log, ada, 1, { key: "k" })
    append(log, ada, 1, { key: "@p:1" })
    append(log, bob, 1)
    expect(log.stats().keys).toBe(2)
    append(log, bob, 1, { at: 1001 })
    expect(log.stats().keys).toBe(0)
  })

  test("a silent session's old entries leave while others are appended to", () => {
    const log = memoryLog()
    append(log, ada, 3, { create: { ...plain, retention: { ageMs: 500 } } })
    save(log, ada, 2)
    append(log, bob, 1, { at: 400 })
    expect(headOf(log, ada).floor.position).toBe(0)
    append(log, bob, 1, { at: 501 })
    expect(headOf(log, ada).floor.position).toBe(2)
  })

  test("every silent session gets its turn, however many there are", () => {
    const log = memoryLog()
    for (let n = 0; n < 50; n++) append(log, sessionName("lab", `s${n}`), 1, { key: "k" })
    for (let n = 0; n < 51; n++) append(log, bob, 1, { at: 2000 })
    expect(log.stats().keys).toBe(0)
  })

  test("a session remembers as many producers as keys; the longest silent one is forgotten first", () => {
    const log = memoryLog({ keysPerSession: 3 })
    for (const key of ["@a:1", "@b:1", "@c:1", "@a:2", "@d:1"]) append(log, ada, 1, { key })
    const highest = ["@a:0", "@b:0", "@c:0", "@d:0"].map((key) => append(log, ada, 1, { key }))
    expect(highest.map((outcome) => outcome.type === "key_expired" && outcome.highest)).toEqual([2, 0, 1, 1])
    expect(log.stats().keys).toBe(3)
  })

  test("ten thousand appends under keys of all kinds leave no more than the limits say", () => {
    const log = memoryLog()
    for (let n = 1; n <= 10_000; n++) {
      append(log, ada, 1, { key: n % 2 === 0 ? `k${n}` : `@p${n % 50}:${n}` })
      if (n % 50 === 0) save(log, ada, n)
    }
    expect(log.stats()).toMatchObject({ sessions: 1, entries: 100, keys: 20 })
  })

  test("when every session is deleted, the log holds nothing", () => {
    const log = memoryLog()
    append(log, ada, 5, { key: "k" })
    append(log, bob, 5, { key: "@p:1" })
    ask(log, { type: "delete", session: ada })
    ask(log, { type: "delete", session: bob })
    append(log, sessionName("lab", "gone"), 1, { create: undefined })
    expect(log.stats()).toEqual({ workspaces: 0, sessions: 0, entries: 0, bytes: 0, keys: 0 })
  })
})

describe("a log that keeps no entries (`--log disabled`)", () => {
  const disabled = () => new MemoryLog({ limits, token: () => "t", keepsEntries: false })

  test("the floor is always at the head, and positions, revisions and marks go on as ever", () => {
    const log = disabled()
    const first = append(log, ada, 3)
    const second = append(log, ada, 2)
    const { head, floor } = headOf(log, ada)
    expect([first, second]).toMatchObject([
      { type: "appended", first: 1, entries: [{ position: 1 }, { position: 2 }, { position: 3 }], floor: { position: 3 } },
      { type: "appended", first: 4, floor: { position: 5 } },
    ])
    expect([floor, log.stats().entries]).toEqual([head, 0])
    expect(second).toMatchObject({ last: head })
  })

  test("only the head can be read on from; an earlier place is trimmed, a later one ahead", () => {
    const log = disabled()
    append(log, ada, 3)
    const { head } = headOf(log, ada)
    expect(range(log, ada, head)).toMatchObject({ type: "page", entries: [] })
    expect(range(log, ada)).toMatchObject({ type: "unreadable", reason: "trimmed" })
    expect(range(log, ada, { ...head, position: position(4) })).toMatchObject({ type: "unreadable", reason: "ahead" })
  })

  test("keys and snapshots are kept, and it is never full", () => {
    const log = disabled()
    append(log, ada, 5, { key: "k" })
    const { epoch, head } = headOf(log, ada)
    ask(log, { type: "save", session: ada, epoch, snapshot: { point: head, modelVersion: 1, shown: { view: "v", provisional: null } } })
    for (let n = 0; n < 300; n++) append(log, ada, 1)
    expect(append(log, ada, 5, { key: "k" })).toMatchObject({ type: "repeated", first: 1, last: head })
    const opened = ask(log, { type: "open", session: ada, budget })
    expect(opened).toMatchObject({ type: "opened", snapshot: { point: head, shown: { view: "v" } }, entries: [] })
    expect(headOf(log, ada).head.position).toBe(305)
  })

  test("a trim has nothing to do and answers with the head; one of another epoch is told so", () => {
    const log = disabled()
    append(log, ada, 3)
    const head = headOf(log, ada)
    expect(head.floor).toEqual(head.head)
    expect(ask(log, { type: "trim", session: ada, epoch: head.epoch, keep: { events: 1 }, at: at(0) })).toEqual({ type: "trimmed", head })
    const foreign = ask(log, { type: "trim", session: ada, epoch: makeEpoch("nobody", "knows"), keep: { events: 1 }, at: at(0) })
    expect(foreign).toEqual({ type: "unreadable", reason: "epoch", head })
  })
})

const line: Draft = { type: "event", kind: "line", data: jsonText("text"), commit: false }

interface Options {
  readonly key?: string
  readonly content?: string
  readonly expect?: AppendPart["expect"]
  readonly create?: SessionSettings | undefined
  readonly at?: number
}

function memoryLog(change: Partial<MemoryLogLimits> = {}, token?: () => string): MemoryLog {
  let drawn = 0
  return new MemoryLog({ limits: { ...limits, ...change }, token: token ?? (() => `t${drawn++}`) })
}

function at(ms: number): Timestamp {
  return timestamp(1_234_567_890_000 + ms)
}

function ask(log: MemoryLog, request: LogRequest): LogAnswer {
  const answers: LogAnswer[] = []
  log.submit(request, (answer) => answers.push(answer))
  const [answer] = answers
  if (answer === undefined) throw new Error("answers before it returns")
  return answer
}

function part(session: SessionName, count: number, options: Options = {}): AppendPart {
  const key = options.key === undefined ? undefined : parseIdempotencyKey(options.key)
  return {
    session,
    drafts: Array.from({ length: count }, () => line),
    key,
    contentHash: key === undefined ? undefined : (options.content ?? `${count} lines`),
    expect: options.expect,
    create: "create" in options ? options.create : plain,
  }
}

function append(log: MemoryLog, session: SessionName, count: number, options: Options = {}): AppendOutcome {
  const answer = ask(log, { type: "append", at: at(options.at ?? 0), parts: [part(session, count, options)] })
  const outcome = answer.type === "appended" ? answer.outcomes[0] : undefined
  if (outcome === undefined) throw new Error(`an append answered ${answer.type}`)
  return outcome
}

function headOf(log: MemoryLog, session: SessionName): Head {
  const answer = ask(log, { type: "head", session })
  if (answer.type !== "head") throw new Error(`${session} is ${answer.type}`)
  return answer.head
}

function range(log: MemoryLog, session: SessionName, after: Point = origin): LogAnswer {
  return ask(log, { type: "range", session, epoch: headOf(log, session).epoch, after: { position: after.position, point: after }, budget })
}

function save(log: MemoryLog, session: SessionName, place: number): LogAnswer {
  const { epoch } = headOf(log, session)
  const here = ask(log, { type: "range", session, epoch, after: { position: position(place), point: undefined }, budget })
  if (here.type !== "page") throw new Error(`no entry is held at ${place}`)
  const snapshot = { point: here.after, modelVersion: 1, shown: { view: null, provisional: null } }
  return ask(log, { type: "save", session, epoch, snapshot })
}
