// L11: cut the connection anywhere, as often as you like; what the client ends with is what one that was never cut ends
// with. The server here is a model of its own: a list, a floor and an epoch.

import fc from "fast-check"
import { instant } from "@tidemark/kernel"
import { expect, test } from "vitest"
import { ReplayClient, replayTiming, type ConnectRequest, type ReplayItem, type ReplaySettings } from "./replay-client.ts"
import { caughtUp, closed, event, gap, hello, observation } from "./wire-text.testing.ts"

class World {
  epoch = 0
  lines: string[] = []
  floor = 0
  closed = false

  loseLog(): void {
    this.epoch += 1
    this.lines = []
    this.floor = 0
  }
}

/** What one connection would be sent, from what the world is when it is asked. */
class Reader {
  readonly #world: World
  readonly #rest: boolean
  readonly #filtered: boolean
  #epoch: number
  #position: number
  #wantsObservation = false
  #begun = false
  #caughtUp = false
  ended = false

  constructor(world: World, request: ConnectRequest, rest: boolean, filtered: boolean) {
    this.#world = world
    this.#filtered = filtered
    const [epoch, position] = request.cursor?.slice(1).split("-").map(Number) ?? []
    this.#rest = rest || request.from === "start"
    this.#epoch = epoch ?? world.epoch
    this.#position = position ?? 0
    this.#wantsObservation = request.from === "observation"
  }

  pump(): string {
    if (this.ended) return ""
    const world = this.#world
    const { epoch, lines, floor } = world
    const id = (position: number) => `c${epoch}-${position}`
    const head = lines.length + (world.closed ? 1 : 0)
    let text = ""
    if (!this.#begun) text += `retry: 700\n\n: hi\n\n${hello({ epoch: `g.${epoch}`, head })}`
    this.#begun = true
    const reason = this.#epoch !== epoch ? "epoch" : this.#position < floor ? "trimmed" : undefined
    if (reason !== undefined) {
      text += gap(reason, `c${this.#epoch}-${this.#position}`)
      this.#epoch = epoch
      this.#position = floor
      this.#wantsObservation = !this.#rest
    }
    if (this.#wantsObservation) {
      this.#wantsObservation = false
      this.#position = lines.length
      text += observation(lines.length, { epoch: `g.${epoch}`, cursor: id(lines.length), view: lines })
    }
    for (let position = this.#position + 1; position <= lines.length; position += 1) {
      this.#position = position
      if (!this.#filtered || position % 3 !== 0) text += event(position, lines[position - 1], id(position))
    }
    if (!this.#caughtUp) text += caughtUp(this.#position, id(this.#position))
    this.#caughtUp = true
    if (world.closed) {
      text += closed(id(head))
      this.ended = true
    }
    return text
  }
}

/** A client, its consumer and the connection between it and the world. */
class Run {
  readonly world = new World()
  readonly client: ReplayClient
  readonly items: ReplayItem[] = []
  readonly #settings: ReplaySettings
  #ms = 0
  #reader: Reader | undefined
  #bytes = new Uint8Array(0)

  constructor(settings: Partial<ReplaySettings> = {}) {
    this.#settings = {
      session: "s",
      cursor: undefined,
      from: "start",
      recover: "events",
      filtered: false,
      waits: false,
      folds: false,
      follow: true,
      timing: replayTiming,
      ...settings,
    }
    this.client = new ReplayClient(instant(0), this.#settings)
  }

  /** Lets at most `bytes` through to the client. */
  deliver(bytes: number): void {
    this.#settle()
    if (this.#reader === undefined) return
    this.#bytes = new Uint8Array([...this.#bytes, ...new TextEncoder().encode(this.#reader.pump())])
    this.client.handleBytes(instant(this.#ms), this.#bytes.slice(0, bytes))
    this.#bytes = this.#bytes.slice(bytes)
    this.#settle()
    if (this.#reader?.ended === true && this.#bytes.length === 0) this.cut()
  }

  cut(): void {
    if (this.#reader === undefined) return
    this.#reader = undefined
    this.#bytes = new Uint8Array(0)
    this.client.handleEnd(instant(this.#ms), "cut")
  }

  finish(): void {
    this.world.closed = true
    for (let turn = 0; turn < 10 && this.client.ended === undefined; turn += 1) this.deliver(1e9)
  }

  /** The lines that the consumer holds in the end. */
  state(): unknown[] {
    let state: unknown[] = []
    for (const item of this.items) {
      if (item.type === "observation" && Array.isArray(item.observation.view)) state = [...item.observation.view]
      if (item.type === "event") state.push(item.event.data)
    }
    return state
  }

  /** Positions in the order they were given; a gap or observation is `null`: whatever follows may begin anew. */
  positions(): (number | null)[] {
    return this.items.flatMap((item) => {
      if (item.type === "event") return [item.event.position]
      return item.type === "gap" || item.type === "observation" ? [null] : []
    })
  }

  #settle(): void {
    this.#take()
    if (!this.client.connectionWanted) this.#reader = undefined
    if (this.#reader === undefined) {
      this.#ms = Math.max(this.#ms, this.client.pollTimeout() ?? 0)
      const request = this.client.pollConnect(instant(this.#ms), 0.5)
      if (request === undefined) return
      const { recover, filtered } = this.#settings
      this.#reader = new Reader(this.world, request, recover === "rest", filtered)
      this.client.handleResponse(instant(this.#ms), { status: 200, eventStream: true, retryAfterMs: undefined, problem: undefined })
    }
    this.#take()
  }

  #take(): void {
    for (let item = this.client.pollItem(instant(this.#ms)); item !== undefined; item = this.client.pollItem(instant(this.#ms))) {
      this.items.push(item)
      this.client.handleTaken(instant(this.#ms))
    }
  }
}

const bytesOf = (world: World, request: ConnectRequest) => new TextEncoder().encode(new Reader(world, request, false, false).pump()).length

const lines = ["eins", "zwei — 2", "three \u{1f30a}", "vier\nline", "five"]

test("cut at every byte of the first connection, the client ends with what it would have had", () => {
  const whole = new Run()
  whole.world.lines = [...lines]
  whole.finish()
  expect(whole.state()).toEqual(lines)
  for (let bytes = 0; bytes <= bytesOf(whole.world, { from: "start" }); bytes += 1) {
    const run = new Run()
    run.world.lines = [...lines]
    run.deliver(bytes)
    run.cut()
    run.finish()
    expect(run.positions(), `cut after ${bytes} bytes`).toEqual([1, 2, 3, 4, 5])
    expect(run.state(), `cut after ${bytes} bytes`).toEqual(lines)
    expect(run.client.ended).toEqual({ failure: undefined })
  }
})

test("cut at every byte of a recovery over a gap, the client ends with what the log is now", () => {
  const lost = new World()
  lost.loseLog()
  lost.lines = [...lines]
  for (let bytes = 0; bytes <= bytesOf(lost, { cursor: "c0-2" }); bytes += 1) {
    const run = new Run()
    run.world.lines = ["a", "b"]
    run.deliver(1e9)
    run.cut()
    run.world.loseLog()
    run.world.lines = [...lines]
    run.deliver(bytes)
    run.cut()
    run.finish()
    expect(run.state(), `cut after ${bytes} bytes`).toEqual(lines)
    expect(run.items.some((item) => item.type === "gap" && item.gap.reason === "epoch")).toBe(true)
  }
})

type Step = { readonly do: "append" | "deliver" | "trim"; readonly n: number } | { readonly do: "cut" | "lose" }

const bytes = fc.oneof(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 2_000 }))
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("append" as const), n: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("deliver" as const), n: bytes }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("cut" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("trim" as const), n: fc.integer({ min: 0, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("lose" as const) }) },
)

function play(run: Run, steps: readonly Step[]): void {
  let made = 0
  for (const { do: what, ...rest } of steps) {
    const n = "n" in rest ? rest.n : 0
    if (what === "append") for (let i = 0; i < n; i += 1) run.world.lines.push(`line ${(made += 1)}`)
    else if (what === "deliver") run.deliver(n)
    else if (what === "cut") run.cut()
    else if (what === "trim") run.world.floor = Math.max(run.world.floor, run.world.lines.length - n)
    else run.world.loseLog()
  }
  run.finish()
}

test("whatever is cut, trimmed or lost in between, a client that follows observations ends with the log", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.constantFrom("observation" as const, "start" as const), (steps, from) => {
      const run = new Run({ from, folds: true })
      play(run, steps)
      expect(run.client.ended).toEqual({ failure: undefined })
      expect(run.state()).toEqual(run.world.lines)
    }),
    { numRuns: 300 },
  )
})

test("whatever is cut, trimmed or lost in between, no event is given twice and none is skipped without a gap", () => {
  const recoveries = fc.constantFrom("events" as const, "rest" as const)
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), recoveries, fc.boolean(), (steps, recover, filtered) => {
      const run = new Run({ recover, filtered })
      play(run, steps)
      expect(run.client.ended).toEqual({ failure: undefined })
      let last: number | null = 0
      for (const position of run.positions()) {
        if (position !== null && last !== null && !filtered) expect(position).toBe(last + 1)
        if (position !== null && last !== null && filtered) expect(position).toBeGreaterThan(last)
        last = position
      }
      expect(run.items.filter((item) => item.type === "status" && item.because?.includes("violation") === true)).toEqual([])
    }),
    { numRuns: 300 },
  )
})
