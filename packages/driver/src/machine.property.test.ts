// Random worlds: two processes over one log, whose answers are held back, reordered, failed or lost; sessions deleted and
// made again; readers that stop, come back with old cursors and with forged ones. What every client was given is
// compared with the log's own record, which is kept at the port and knows nothing of kernel or driver.

import { cursorText, everything, instant, jsonText, mark, parseCursor, parseFilter, position, revision, timestamp } from "@tidemark/kernel"
import type { Entry, Epoch, Filter, LiveReplayGap, ReaderId } from "@tidemark/kernel"
import fc from "fast-check"
import { expect, test } from "vitest"
import type { Call } from "./call.ts"
import type { SubscribeCallOutcome } from "./outcomes.ts"
import type { LogAnswer, LogRequest, SessionLog } from "./session-log.ts"
import { budget, jobs, memoryLog, settings, World } from "./world.testing.ts"

/** What the log did, told by the log: every entry of every epoch. */
class Record implements SessionLog {
  readonly sole: boolean
  readonly keepsEntries = true
  readonly appendsInFlightMax = 1
  readonly durability = "memory"
  readonly epochs = new Map<Epoch, Entry[]>()
  current: Epoch | undefined
  readonly #log = memoryLog()

  constructor(sole: boolean) {
    this.sole = sole
  }

  submit(request: LogRequest, answer: (answer: LogAnswer) => void): void {
    this.#log.submit(request, (given) => {
      if (request.type === "delete") this.current = undefined
      if (given.type === "created" && given.created) this.#made(given.summary.head.epoch)
      if (given.type === "appended") {
        for (const outcome of given.outcomes) {
          if (outcome.type !== "appended") continue
          if (outcome.created) this.#made(outcome.epoch)
          this.epochs.get(outcome.epoch)?.push(...outcome.entries)
        }
      }
      answer(given)
    })
  }

  #made(epoch: Epoch): void {
    this.current = epoch
    this.epochs.set(epoch, [])
  }
}

/** Folds by the book: the view is the last commit's data, the provisional part all that came after it. */
function foldByTheBook(entries: readonly Entry[]): { readonly view: unknown; readonly positions: readonly number[] } {
  let view: unknown = null
  let positions: number[] = []
  for (const entry of entries) {
    if (entry.type !== "event") continue
    if (entry.committed) {
      view = JSON.parse(entry.text).data
      positions = []
    } else positions.push(entry.position)
  }
  return { view, positions }
}

/** How each client reads: what it starts with, what it wants to see, what it does about a gap. */
const manners = [
  { start: { type: "observation" }, kinds: undefined, recovery: "events" },
  { start: { type: "observation" }, kinds: undefined, recovery: "auto" },
  { start: { type: "start" }, kinds: undefined, recovery: "rest" },
  { start: { type: "tail", events: 5 }, kinds: ["even"], recovery: "rest" },
  { start: { type: "observation" }, kinds: ["odd", "committed.*"], recovery: "events" },
] as const

class Client {
  reader: ReaderId | undefined
  pending: Call<SubscribeCallOutcome> | undefined
  cursor: string | undefined
  epoch: Epoch | undefined
  position = 0
  gaps: LiveReplayGap[] = []
  /** Nobody has told yet where reading goes on: at the start, and after a gap with `rest`. */
  loose = true
  ended = false
  readonly world: World
  readonly record: Record
  readonly manner: (typeof manners)[number]
  readonly filter: Filter

  constructor(world: World, record: Record, manner: (typeof manners)[number]) {
    this.world = world
    this.record = record
    this.manner = manner
    this.filter = (manner.kinds === undefined ? undefined : parseFilter(manner.kinds)) ?? everything
  }

  forget(): void {
    this.disconnect()
    this.cursor = undefined
    this.epoch = undefined
    this.loose = true
  }

  connect(): void {
    if (this.reader !== undefined || this.pending !== undefined) return
    const start = this.cursor === undefined ? this.manner.start : ({ type: "cursor", cursor: this.cursor } as const)
    if (this.cursor === undefined) this.loose = true
    this.ended = false
    this.gaps = []
    this.pending = this.world.driver.subscribe(this.world.now, jobs, start, { filter: this.filter, recovery: this.manner.recovery })
  }

  disconnect(): void {
    if (this.pending !== undefined) this.world.driver.abandon(this.world.now, this.pending)
    if (this.pending?.outcome?.type === "subscribed") this.world.driver.unsubscribe(this.pending.outcome.reader)
    this.pending = undefined
    if (this.reader !== undefined) this.world.driver.unsubscribe(this.reader)
    this.reader = undefined
  }

  epochOf(cursor: string): Epoch {
    const parsed = parseCursor(jobs, cursor)
    if (parsed.type !== "cursor") throw new Error("the kernel gave a cursor it cannot read")
    return parsed.cursor.epoch
  }

  /** Reads once; whether there may be more. */
  step(): boolean {
    const outcome = this.pending?.outcome
    if (outcome !== undefined) {
      this.pending = undefined
      if (outcome.type === "subscribed") this.reader = outcome.reader
    }
    if (this.reader === undefined) return false
    const read = this.world.driver.read(this.world.now, this.reader, budget)
    switch (read.type) {
      case "events": {
        this.gaps = []
        const { epoch, after, through } = read.batch
        const truth = this.record.epochs.get(epoch) ?? []
        if (this.loose) {
          if (this.epoch === epoch) expect(after.position).toBeGreaterThanOrEqual(this.position)
        } else expect([epoch, after.position]).toEqual([this.epoch, this.position])
        // Exactly what the log recorded there, as far as the filter lets it through; holes and the close are no events.
        const stretch = truth.slice(after.position, through.position)
        expect(stretch.map((entry) => entry.type)).toEqual(stretch.map(() => "event"))
        const wanted = stretch.filter((entry) => entry.type === "event" && this.filter.passes(entry.kind))
        expect(read.batch.events.map((event) => event.text)).toEqual(wanted.map((entry) => entry.text))
        expect(through.position).toBeGreaterThan(after.position)
        this.loose = false
        this.epoch = epoch
        this.position = through.position
        this.cursor = cursorText(jobs, epoch, through)
        return true
      }
      case "gap":
      case "observation": {
        if (read.type === "gap") {
          this.gaps.push(read.gap)
          // Two gaps at one cursor, on one connection, with nothing in between: the first one led nowhere.
          expect(this.gaps.filter((gap) => gap.requested === read.gap.requested)).toEqual([read.gap])
        }
        const { observation } = read
        if (observation === undefined) {
          expect(this.manner.recovery).toBe("rest")
          if (read.type !== "gap") throw new Error("an observation without an observation")
          this.loose = true
          if (this.epoch === undefined || read.gap.reason === "epoch") this.position = 0
          if (read.gap.reason !== "hole") this.epoch = undefined
          this.cursor = this.world.driver.kernel.cursorOf(this.reader)
          return true
        }
        const truth = this.record.epochs.get(observation.epoch)?.slice(0, observation.point.position)
        const shown: { view: unknown; provisional: { events: { position: number }[] } } = JSON.parse(JSON.stringify(observation))
        expect({ view: shown.view, positions: shown.provisional.events.map((event) => event.position) }).toEqual(foldByTheBook(truth ?? []))
        expect(observation.point.mark).toBe(truth?.at(-1)?.mark ?? 0)
        if (read.type === "gap" && read.gap.reason !== "epoch" && observation.epoch === this.epoch) {
          expect(observation.point.position).toBeGreaterThanOrEqual(this.position)
        }
        this.loose = false
        this.epoch = observation.epoch
        this.position = observation.point.position
        this.cursor = observation.cursor
        return true
      }
      case "ended":
        this.disconnect()
        if (read.cursor === undefined) {
          // What it was reading is gone, whatever was made under the name since.
          expect(this.epoch === undefined || this.epoch !== this.record.current).toBe(true)
          this.forget()
          return false
        }
        // The close is the last entry, and everything before it was given.
        expect(this.record.epochs.get(this.epochOf(read.cursor))?.at(-1)?.type).toBe("close")
        this.cursor = read.cursor
        this.ended = true
        return false
      case "failed":
        return false
      case "idle":
        if (read.upToDate) {
          const truth = this.epoch === undefined ? undefined : this.record.epochs.get(this.epoch)
          expect(truth === undefined || this.position <= truth.length).toBe(true)
        }
        return false
    }
  }
}

type Op =
  | { readonly type: "publish"; readonly node: number; readonly count: number; readonly commit: boolean }
  | { readonly type: "delete" | "create" | "close" | "hole"; readonly node: number }
  | { readonly type: "trim"; readonly node: number; readonly events: number }
  | { readonly type: "connect" | "disconnect" | "forget"; readonly client: number }
  | { readonly type: "read"; readonly client: number; readonly times: number }
  | { readonly type: "hold" | "release" | "wake"; readonly node: number }
  /** One of the answers that are held back: let it through out of turn, fail it, or lose what it said. */
  | { readonly type: "answer"; readonly node: number; readonly which: number; readonly as: "it is" | "failed" | "lost" }
  | { readonly type: "wait"; readonly ms: number }
  | { readonly type: "forge"; readonly client: number; readonly position: number }

const node = fc.nat(1)
const comings = fc.constantFrom("connect", "connect", "connect", "disconnect", "forget")
const answers = fc.constantFrom("it is", "failed", "lost")
const client = fc.nat(manners.length - 1)
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant("publish" as const), node, count: fc.integer({ min: 1, max: 30 }), commit: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom("delete", "create", "hole", "hole", "close"), node }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("trim" as const), node, events: fc.constantFrom(0, 3, 20) }) },
  { weight: 4, arbitrary: fc.record({ type: comings, client }) },
  { weight: 12, arbitrary: fc.record({ type: fc.constant("read" as const), client, times: fc.nat(6) }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constantFrom("hold" as const, "release" as const, "release" as const, "wake" as const), node }) },
  {
    weight: 5,
    arbitrary: fc.record({ type: fc.constant("answer" as const), node, which: fc.nat(3), as: answers }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("wait" as const), ms: fc.constantFrom(1, 150, 600, 70_000) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("forge" as const), client, position: fc.nat(80) }) },
)

/** More of them by hand: TIDEMARK_RUNS=10000. fast-check prints seed and path of a failure. */
const numRuns = Number(process.env["TIDEMARK_RUNS"] ?? 250)

const history = fc.array(op, { minLength: 40, maxLength: 200, size: "max" })

function the<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error("there is one")
  return value
}

function play(ops: readonly Op[], sole: boolean): void {
  const record = new Record(sole)
  const worlds = sole ? [new World(record)] : [new World(record), new World(record)]
  const world = (index: number) => the(worlds[index % worlds.length])
  const clients = manners.map((manner, index) => new Client(world(index), record, manner))
  let now = 0
  const runAll = () => {
    for (const each of worlds) {
      each.now = instant(now)
      each.run()
      each.driver.handleTimeout(each.now)
      each.run()
      while (each.driver.pollSettled() !== undefined);
      while (each.driver.pollReady() !== undefined);
    }
  }
  for (const step of ops) {
    switch (step.type) {
      case "publish": {
        const drafts = Array.from({ length: step.count }, (_, index) => ({
          type: "event" as const,
          kind: step.commit && index === 0 ? "committed.all" : index % 2 === 0 ? "even" : "odd",
          data: jsonText(index),
          commit: step.commit && index === 0,
        }))
        const { driver } = world(step.node)
        driver.append(instant(now), timestamp(now), { session: jobs, drafts, create: settings })
        break
      }
      case "delete":
        world(step.node).driver.delete(instant(now), jobs)
        break
      case "create":
        world(step.node).driver.create(instant(now), timestamp(now), jobs, settings)
        break
      case "trim":
        world(step.node).driver.trim(instant(now), timestamp(now), jobs, { events: step.events })
        break
      case "close":
      case "hole": {
        const draft = step.type === "close" ? ({ type: "close", reason: "done" } as const) : ({ type: "hole", count: 3, reason: "lost" } as const)
        world(step.node).driver.append(instant(now), timestamp(now), { session: jobs, drafts: [draft] })
        break
      }
      case "connect":
        clients[step.client]?.connect()
        break
      case "disconnect":
        clients[step.client]?.disconnect()
        break
      case "forget": {
        clients[step.client]?.forget()
        break
      }
      case "read":
        for (let times = 0; times <= step.times && clients[step.client]?.step(); times++) runAll()
        break
      case "hold":
        world(step.node).holding = true
        break
      case "release":
        world(step.node).release()
        break
      case "wake":
        world(step.node).driver.handleWake(instant(now), jobs)
        break
      case "answer":
        world(step.node).answerHeld(step.which, step.as)
        break
      case "wait":
        now += step.ms
        break
      case "forge": {
        const victim = clients[step.client]
        if (victim?.reader === undefined && victim?.pending === undefined && record.current !== undefined && victim !== undefined) {
          const point = record.epochs.get(record.current)?.[step.position]
          const forged = { position: position(step.position + 1), revision: revision(0), mark: mark(point?.mark === 7 ? 8 : 7) }
          victim.cursor = cursorText(jobs, record.current, forged)
          victim.connect()
          victim.cursor = undefined
          victim.epoch = undefined
          victim.loose = true
        }
        break
      }
    }
    runAll()
  }
  // Heal everything: then every client reaches the head, in bounded time.
  for (const each of worlds) each.release()
  const last = world(0)
  const drafts = [{ type: "event", kind: "even", data: jsonText("last"), commit: false }] as const
  last.driver.append(instant(now), timestamp(now), { session: jobs, drafts, create: settings })
  runAll()
  for (const each of clients) each.connect()
  for (let turn = 0; turn < 60; turn++) {
    now += 200
    if (!sole) for (const each of worlds) each.driver.handleWake(instant(now), jobs)
    runAll()
    for (const each of clients) {
      if (!each.ended) each.connect()
      runAll()
      for (let steps = 0; each.step(); steps++) {
        if (steps > 200) throw new Error("a reader spins")
        runAll()
      }
    }
  }
  const truth = record.current === undefined ? [] : (record.epochs.get(record.current) ?? [])
  const closed = truth.at(-1)?.type === "close"
  for (const each of clients) {
    // A client that goes on with the rest may stand where it was told of no place: then its cursor is at the head.
    const stands = each.loose ? each.cursor : each.position
    const head = each.loose || each.ended ? (each.ended ? stands : cursorText(jobs, the(record.current), the(truth.at(-1)))) : truth.length
    expect([each.ended, stands]).toEqual([closed, head])
  }
  for (const each of clients) each.disconnect()
  now += 1_000_000
  runAll()
  now += 1_000_000
  runAll()
  for (const each of worlds) {
    expect(each.driver.stats()).toEqual({ sessions: 0, callsWaiting: 0, draftsWaiting: 0, requestsInFlight: 0, pagesHeld: 0 })
    expect(each.driver.kernel.stats()).toMatchObject({ sessions: 0, readers: 0, readersReady: 0, windowEntries: 0, windowBytes: 0 })
  }
}

test("L8 L9 L11 L17 a sole log, whatever is held, failed or lost: every client is given exactly what was recorded, or a gap", () => {
  fc.assert(fc.property(history, (ops) => play(ops, true)), { numRuns })
})

test("L8 L9 L11 L17 two processes over one log: every client is given exactly what was recorded, or a gap", () => {
  fc.assert(fc.property(history, (ops) => play(ops, false)), { numRuns })
})
