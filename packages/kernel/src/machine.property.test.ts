// An own session against a model written otherwise: plain arrays that are scanned. Random appends, commits, trims by
// count and age, reads, cuts, cursors kept for long, forged and foreign ones.

import fc from "fast-check"
import { expect, test } from "vitest"
import { cursorText } from "./cursor.ts"
import { everything, parseFilter, type Filter } from "./filter.ts"
import { epoch, instant, mark, position, revision, sessionName, timestamp, type CursorText, type ReaderId } from "./ids.ts"
import { jsonText } from "./json.ts"
import { budget, config, first, session } from "./kernel.testing.ts"
import { Kernel } from "./machine.ts"
import type { ReadOutcome, Recovery } from "./outcomes.ts"

/** What should be: every entry since the beginning, and when it was installed. */
interface Truth {
  readonly entries: { readonly data: string; readonly kind: string; readonly commit: boolean; readonly at: number; readonly cursor: CursorText }[]
}

const windowEvents = 8
const windowAgeMs = 1_000

/** Entries still in the window: the newest eight no older than a second, and the last one whatever its age. */
function floorOf({ entries }: Truth, now: number): number {
  const young = entries.findIndex((entry) => now - entry.at <= windowAgeMs)
  const byAge = young === -1 ? entries.length - 1 : young
  return Math.max(0, Math.min(entries.length - 1, Math.max(entries.length - windowEvents, byAge)))
}

function shown({ entries }: Truth, upTo: number) {
  const past = entries.slice(0, upTo)
  const settled = past.findLastIndex((entry) => entry.commit)
  const provisional = past.slice(settled + 1).map((entry) => entry.data)
  return { view: past[settled]?.data ?? null, provisional, revision: past.filter((entry) => entry.commit).length }
}

type Op =
  | { readonly type: "append"; readonly kind: "a.x" | "b"; readonly commit: boolean }
  | { readonly type: "wait"; readonly ms: number }
  | { readonly type: "subscribe"; readonly recovery: Recovery; readonly filtered: boolean; readonly from: number }
  | { readonly type: "read" | "leave"; readonly reader: number }
  | { readonly type: "resume"; readonly from: number }
  | { readonly type: "forge"; readonly position: number; readonly how: "mark" | "epoch" | "session" | "text" }
  | { readonly type: "observe" }

const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constant("append" as const), kind: fc.constantFrom("a.x" as const, "b" as const), commit: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("wait" as const), ms: fc.constantFrom(1, 400, 1_500) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("subscribe" as const),
      recovery: fc.constantFrom("events" as const, "auto" as const, "rest" as const),
      filtered: fc.boolean(),
      from: fc.integer({ min: -1, max: 60 }),
    }),
  },
  { weight: 8, arbitrary: fc.record({ type: fc.constantFrom("read" as const, "read" as const, "read" as const, "leave" as const), reader: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("resume" as const), from: fc.nat(60) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("forge" as const), position: fc.nat(70), how: fc.constantFrom("mark", "epoch", "session", "text") }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("observe" as const) }) },
)

interface Held {
  readonly id: ReaderId
  readonly filter: Filter
  readonly recovery: Recovery
  /** Entries it was given or told it will not be given. */
  place: number
  waits: boolean
}

const tested = parseFilter(["a.*"]) ?? everything

test("L1 L3 L6 L7 L8 L9 L10 L13 L15 whatever is appended, read, resumed or forged, readers are given what the model says", () => {
  fc.assert(
    fc.property(fc.array(op, { minLength: 20, maxLength: 200, size: "max" }), (ops) => {
      const kernel = new Kernel({ ...config, windowEvents, windowAgeMs })
      let now = 0
      kernel.createSession(instant(now), session, { epoch: first, model: "log" })
      const truth: Truth = { entries: [] }
      const readers: Held[] = []
      const beginning = cursorText(session, first, { position: position(0), revision: revision(0), mark: mark(0) })
      const cursorAt = (place: number) => (place === 0 ? beginning : truth.entries[place - 1]?.cursor)

      const checkObservation = (observation: { json(): { position: number; revision: number; view: unknown; provisional: unknown } } | undefined) => {
        if (observation === undefined) throw new Error("there is an observation")
        const said: { position: number; revision: number; view: unknown; provisional: { events: { data: string }[] } } = JSON.parse(JSON.stringify(observation))
        const expected = shown(truth, said.position)
        expect({ view: said.view, provisional: said.provisional.events.map((event) => event.data), revision: said.revision }).toEqual(expected)
        return said.position
      }

      const checkRead = (reader: Held, outcome: ReadOutcome) => {
        const head = truth.entries.length
        const floor = floorOf(truth, now)
        if (outcome.type === "events") {
          expect(reader.place).toBeGreaterThanOrEqual(floor)
          const { batch } = outcome
          const stretch = truth.entries.slice(reader.place, batch.through.position)
          expect(batch.after.position).toBe(reader.place)
          const wanted = stretch.filter((entry) => reader.filter.passes(entry.kind))
          expect(batch.events.map((event) => event.event().data)).toEqual(wanted.map((entry) => entry.data))
          expect(batch.through.revision).toBe(shown(truth, batch.through.position).revision)
          expect(outcome.upToDate).toBe(batch.through.position === head)
          reader.place = batch.through.position
        } else if (outcome.type === "gap") {
          const { gap, observation } = outcome
          expect(gap).toMatchObject({ head, earliest: floor + 1, latest: cursorAt(head), revision: shown(truth, head).revision })
          if (gap.reason === "budget") expect(head - reader.place).toBeGreaterThan(config.recoverEvents)
          else expect(reader.place).toBeLessThan(floor)
          const to = observation === undefined ? floor : checkObservation(observation)
          expect(observation === undefined).toBe(reader.recovery === "rest")
          expect(gap.missed).toBe(to - reader.place)
          expect(to).toBeGreaterThan(reader.place)
          reader.place = to
        } else {
          expect(outcome.type).toBe("idle")
          if (outcome.type === "idle" && outcome.upToDate) expect(reader.place).toBe(head)
          else expect(reader.waits || reader.place < floor || reader.recovery === "auto").toBe(true)
        }
        reader.waits = outcome.type === "idle"
        expect(kernel.cursorOf(reader.id)).toBe(cursorAt(reader.place))
      }

      for (const step of ops) {
        kernel.handleTimeout(instant(now))
        switch (step.type) {
          case "append": {
            const data = `e${truth.entries.length + 1}`
            const drafted = { kind: step.kind, data: jsonText(data) }
            const at = timestamp(1_000)
            const cursor = step.commit ? kernel.commit(instant(now), at, session, drafted).cursor : kernel.record(instant(now), at, session, drafted)
            truth.entries.push({ data, kind: step.kind, commit: step.commit, at: now, cursor })
            break
          }
          case "wait":
            now += step.ms
            break
          case "subscribe": {
            const cursor = cursorAt(step.from)
            const filter = step.filtered ? tested : everything
            const start = cursor === undefined ? ({ type: "now" } as const) : ({ type: "cursor", cursor } as const)
            const outcome = kernel.subscribe(instant(now), session, start, { filter, recovery: step.recovery })
            if (outcome.type === "refused") {
              expect(readers.length).toBe(config.readersPerSession)
              break
            }
            if (outcome.type !== "subscribed") throw new Error(outcome.type)
            const place = cursor === undefined ? truth.entries.length : step.from
            readers.push({ id: outcome.reader, filter, recovery: step.recovery, place, waits: false })
            break
          }
          case "read": {
            const reader = readers[step.reader]
            if (reader !== undefined) checkRead(reader, kernel.read(instant(now), reader.id, budget))
            break
          }
          case "leave": {
            const [reader] = readers.splice(step.reader, 1)
            if (reader !== undefined) kernel.unsubscribe(reader.id)
            break
          }
          case "resume": {
            const cursor = cursorAt(step.from)
            if (cursor === undefined) break
            const outcome = kernel.resume(instant(now), session, cursor, budget)
            if (step.from < floorOf(truth, now)) {
              expect(outcome).toMatchObject({ type: "gap", gap: { reason: "trimmed", requested: cursor } })
              if (outcome.type === "gap") checkObservation(outcome.observation)
            } else {
              const head = cursorAt(truth.entries.length)
              expect(outcome).toMatchObject({ type: "replayed", upToDate: true, cursor: head, closed: null })
              const data = outcome.type === "replayed" ? outcome.batch.events.map((event) => event.event().data) : []
              expect(data).toEqual(truth.entries.slice(step.from).map((entry) => entry.data))
            }
            break
          }
          case "forge": {
            const point = { position: position(step.position + 1), revision: revision(0), mark: mark(12_345) }
            const of = step.how === "session" ? sessionName("default", "other") : session
            const text = cursorText(of, step.how === "epoch" ? epoch("gen", "other") : first, point)
            const outcome = kernel.resume(instant(now), session, step.how === "text" ? text.replace(/.$/, "!") : text, budget)
            const head = truth.entries.length
            const reason = step.how === "epoch" ? "epoch" : point.position > head ? "ahead" : point.position < floorOf(truth, now) ? "trimmed" : "diverged"
            if (step.how === "session") expect(outcome).toEqual({ type: "rejected", reason: "wrong-session" })
            else if (step.how === "text") expect(outcome).toEqual({ type: "rejected", reason: "malformed" })
            else expect(outcome).toMatchObject({ type: "gap", gap: { reason } })
            break
          }
          case "observe":
            expect(checkObservation(kernel.observe(instant(now), session))).toBe(truth.entries.length)
        }
      }
      // A reader that is woken is ready once, and one that has something to read is never asleep.
      now += 600
      kernel.handleTimeout(instant(now))
      const ready = new Set<ReaderId>()
      for (let id = kernel.pollReady(); id !== undefined; id = kernel.pollReady()) {
        expect(ready.has(id)).toBe(false)
        ready.add(id)
      }
      for (const reader of readers) {
        if (reader.waits && reader.place < truth.entries.length) expect(ready.has(reader.id)).toBe(true)
        kernel.unsubscribe(reader.id)
      }
      kernel.deleteSession(instant(now), session)
      expect(kernel.stats()).toMatchObject({ sessions: 0, readers: 0, readersReady: 0, windowEntries: 0, windowBytes: 0 })
      expect(kernel.pollTimeout()).toBe(undefined)
    }),
    { numRuns: Number(process.env["TIDEMARK_RUNS"] ?? 300) },
  )
})
