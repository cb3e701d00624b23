// Whatever a kernel is told of a session while it is recorded, a fresh kernel that is told the capsule answers the same. The
// session has slow readers, filtered ones, some with old, forged and foreign cursors; its log trims, loses its end and is
// made anew; and another session of the same kernel, of which the capsule knows nothing, goes on beside it.

import fc from "fast-check"
import { expect, test } from "vitest"
import { replayCapsule } from "./capsule.ts"
import { FedLog, keyed } from "./capsule.testing.ts"
import { cursorText } from "./cursor.ts"
import { everything, parseFilter } from "./filter.ts"
import { epoch, instant, mark, position, revision, sessionName, type ReaderId } from "./ids.ts"
import { config } from "./kernel.testing.ts"
import { logModel } from "./models/log.ts"
import type { Place, ReaderStart, ReadOutcome } from "./outcomes.ts"
import { RecordingKernel } from "./recording-kernel.ts"

const ops = [
  ...["append", "append", "append", "commit", "hole", "install", "install", "fill", "fill", "head", "trim", "lose", "anew", "delete"],
  ...["subscribe", "subscribe", "subscribe", "read", "read", "read", "read", "read", "history", "history", "stale", "leave", "wake"],
  ...["poll", "poll", "wait", "observe", "describe", "explain", "resume", "unload", "reopen", "break"],
] as const

interface Step {
  readonly op: (typeof ops)[number]
  readonly a: number
  readonly b: number
  readonly other: boolean
}

const steps = fc.array(
  fc.record({ op: fc.constantFrom(...ops), a: fc.nat(40), b: fc.nat(40), other: fc.nat(4).map((n) => n === 0) }),
  { minLength: 30, maxLength: 160, size: "max" },
)

interface Reading {
  readonly id: ReaderId
  behind: Place | undefined
}

/** One session in the kernel, with its log and its readers. */
class Fed {
  readonly log: FedLog
  readonly #kernel: RecordingKernel
  readonly #budget = { events: 3, bytes: 2_000 }
  readers: Reading[] = []

  constructor(kernel: RecordingKernel, name: string) {
    this.#kernel = kernel
    this.log = new FedLog(sessionName("default", name))
  }

  /** As a driver would, but that it breaks the contract where `break` says so. */
  step(ms: number, { op, a, b }: Step): void {
    const [kernel, log, now] = [this.#kernel, this.log, instant(ms)]
    const { session } = log
    const reader = this.readers[a % Math.max(1, this.readers.length)]
    switch (op) {
      case "append":
      case "commit":
        return log.append(op === "commit", "x".repeat(b))
      case "hole":
        return log.hole()
      case "install":
        return void kernel.handleAppended(now, session, log.epoch, log.after(a, 4))
      case "fill":
        return this.#fill(ms)
      case "head":
        return void kernel.handleHead(now, session, log.head)
      case "trim":
        return log.trim(a)
      case "lose":
        return log.lose(a % 4)
      case "anew":
        return log.anew()
      case "delete":
        return kernel.deleteSession(now, session)
      case "subscribe":
        return this.#subscribe(ms, a, b)
      case "read":
        if (reader !== undefined) this.#note(reader, kernel.read(now, reader.id, this.#budget))
        return
      case "history":
        if (reader?.behind !== undefined) this.#note(reader, kernel.handleHistory(now, reader.id, log.page(reader.behind, 1 + (b % 5))))
        return
      case "stale":
        if (reader !== undefined) kernel.handleHistory(now, reader.id, log.page({ position: position(b), point: undefined }, 3))
        return
      case "leave":
        if (reader === undefined) return
        kernel.unsubscribe(reader.id)
        this.readers = this.readers.filter((each) => each !== reader)
        return
      case "wake":
        return reader === undefined ? undefined : kernel.wake(reader.id)
      case "poll":
        for (let count = 0; count < b; count++) kernel.pollReady()
        return
      case "wait":
        return kernel.handleTimeout(now)
      case "observe":
        kernel.observe(now, session)?.json()
        return
      case "describe":
        kernel.describe(session)
        if (reader !== undefined) kernel.cursorOf(reader.id)
        return
      case "explain":
        if (this.#isFilled) kernel.explain(now, session, this.#cursor(a, b), { proof: log.head, retentionEvents: 100 })
        return
      case "resume":
        if (this.#isFilled) kernel.resume(now, session, this.#cursor(a, b), this.#budget, log.head)
        return
      case "unload":
        return void kernel.unloadSession(now, session)
      case "reopen":
        return this.#reopen(ms, a % 3)
      case "break":
        if (kernel.standing(session) !== undefined) expect(() => kernel.subscribe(now, session, { type: "now" }, everyEvent)).toThrow("proof")
    }
  }

  get #isFilled(): boolean {
    const standing = this.#kernel.standing(this.log.session)
    return standing?.epoch === this.log.epoch && standing.point.position >= this.log.entries.length
  }

  #fill(ms: number): void {
    const standing = this.#kernel.standing(this.log.session)
    if (standing === undefined || standing.epoch !== this.log.epoch) return this.#reopen(ms, 0)
    this.#kernel.handleAppended(instant(ms), this.log.session, this.log.epoch, this.log.after(standing.point.position, 100))
  }

  #reopen(ms: number, how: number): void {
    const lost = ([undefined, "ahead", "diverged"] as const)[how]
    this.#kernel.openSession(instant(ms), this.log.session, this.log.origin(), lost)
  }

  #subscribe(ms: number, a: number, b: number): void {
    if (!this.#isFilled) return
    const starts: readonly ReaderStart[] = [
      { type: "cursor", cursor: this.#cursor(a, b) },
      { type: "cursor", cursor: this.log.cursor(a) },
      { type: "observation" },
      { type: "start" },
      { type: "now" },
      { type: "tail", events: a },
    ]
    const start = starts[b % starts.length] ?? { type: "now" as const }
    const recovery = (["events", "auto", "rest"] as const)[a % 3] ?? "events"
    const filter = b % 2 === 0 ? everything : (parseFilter(["a.*", "c"]) ?? everything)
    const outcome = this.#kernel.subscribe(instant(ms), this.log.session, start, { filter, recovery }, this.log.head)
    if (outcome.type === "subscribed") this.readers.push({ id: outcome.reader, behind: undefined })
  }

  #cursor(a: number, b: number): string {
    const { session } = this.log
    const point = { position: position(a + 1), revision: revision(0), mark: mark(12_345) }
    switch (b % 6) {
      case 0:
        return cursorText(session, this.log.epoch, point)
      case 1:
        return cursorText(session, epoch("gen", "other"), point)
      case 2:
        return cursorText(sessionName("default", "elsewhere"), this.log.epoch, point)
      case 3:
        return this.log.cursor(a).replace(/.$/, "!")
      case 4:
        return `7${this.log.cursor(a).slice(1)}`
      default:
        return this.log.cursor(a)
    }
  }

  #note(reader: Reading, outcome: ReadOutcome | undefined): void {
    reader.behind = outcome?.type === "behind" ? outcome.after : undefined
  }
}

const everyEvent = { filter: everything, recovery: "events" } as const

const numRuns = Number(process.env["TIDEMARK_RUNS"] ?? 200)

/** Gives the calls with their outcomes that came up. */
function examine(parameters: fc.Parameters<[readonly Step[], number, boolean]>): ReadonlySet<string> {
  const seen = new Set<string>()
  fc.assert(
    fc.property(steps, fc.nat(30), fc.boolean(), (list, beginAt, all) => {
      const kernel = new RecordingKernel({ ...config, windowAgeMs: 1_000, readersPerSession: 4 })
      const [fed, other] = [new Fed(kernel, "recorded"), new Fed(kernel, "beside")]
      const lines: string[] = []
      let now = 0
      const begin = () => {
        for (const { id } of fed.readers) kernel.unsubscribe(id)
        fed.readers = []
        expect(kernel.beginRecording(instant(now), fed.log.session, { ...keyed, all }, (line) => lines.push(line))).toEqual({ type: "recording" })
      }
      for (const [index, step] of list.entries()) {
        if (index === beginAt) begin()
        if (step.op === "wait") now += [1, 400, 1_100][step.a % 3] ?? 1
        const of = step.other ? other : fed
        of.step(now, step)
      }
      if (beginAt >= list.length) begin()
      kernel.endRecording(fed.log.session, "the test is over")
      const capsule = lines.map((line) => `${line}\n`).join("")
      expect(replayCapsule(capsule, [logModel])).toEqual({ type: "same", calls: lines.length - 2, end: "the test is over" })
      expect(capsule).not.toContain("hunter")
      for (const line of lines.slice(1, -1)) {
        const { call, outcome } = JSON.parse(line)
        seen.add(`${call}: ${String(outcome).replace(/^\d+ /, "").replace(/[ :,].*/, "")}`)
      }
    }),
    parameters,
  )
  return seen
}

test("whatever is told to a kernel that records, a fresh one that is told the capsule answers the same", () => {
  examine({ numRuns })
})

test("every kind of call comes up, and what was asked for is what the capsule gives again", () => {
  const seen = examine({ numRuns: 300, seed: 7 })
  const rare = ["gap", "events", "behind", "observation", "idle"].map((outcome) => `read: ${outcome}`)
  const others = ["handleHistory: events", "subscribe: reader", "subscribe: rejected", "subscribe: threw", "pollReady: reader", "handleTimeout: done"]
  const opening = ["openSession: opened", "openSession: ignored", "unloadSession: unloaded", "unloadSession: in_use"]
  expect([...rare, ...others, ...opening].filter((each) => !seen.has(each))).toEqual([])
})
