import { instant } from "@tidemark/kernel"
import { expect, test } from "vitest"
import { ReplayClient, replayTiming, type ReplayItem, type ReplaySettings, type StreamResponse } from "./replay-client.ts"
import { caughtUp, closed, event, gap, heartbeat, hello, observation, reconnect } from "./wire-text.testing.ts"

const defaults: ReplaySettings = {
  session: "s",
  cursor: undefined,
  from: "start",
  recover: "events",
  filtered: false,
  waits: false,
  folds: false,
  follow: true,
  timing: replayTiming,
}

/** A client with a clock that moves only when told to, and the least chance unless told otherwise. */
class Bench {
  readonly client: ReplayClient
  ms = 0

  constructor(settings: Partial<ReplaySettings> = {}) {
    this.client = new ReplayClient(instant(0), { ...defaults, ...settings })
  }

  get now() {
    return instant(this.ms)
  }

  open(chance = 0) {
    const request = this.client.pollConnect(this.now, chance)
    this.client.handleResponse(this.now, ok)
    return request
  }

  send(...frames: readonly string[]) {
    this.client.handleBytes(this.now, new TextEncoder().encode(frames.join("")))
  }

  /** Everything there is, each taken at once. */
  take(): ReplayItem[] {
    const items: ReplayItem[] = []
    for (let item = this.client.pollItem(this.now); item !== undefined; item = this.client.pollItem(this.now)) {
      items.push(item)
      this.client.handleTaken(this.now)
    }
    return items
  }

  /** The items, each as one word. */
  words(): string[] {
    return this.take().map((item) => {
      if (item.type === "event") return `event ${item.event.position}`
      if (item.type === "observation") return `observation ${item.observation.position}`
      if (item.type === "gap") return `gap ${item.gap.reason}`
      return item.type === "status" ? item.status : item.type
    })
  }
}

const ok: StreamResponse = { status: 200, eventStream: true, retryAfterMs: undefined, problem: undefined }
const refusal = (status: number, problem?: { type: string; detail: string }, retryAfterMs?: number): StreamResponse => ({
  status,
  eventStream: false,
  retryAfterMs,
  problem: problem === undefined ? undefined : { title: "", status, ...problem },
})

test("a client connects, replays, catches up and is live", () => {
  const bench = new Bench()
  expect(bench.words()).toEqual(["connecting"])
  expect(bench.open()).toEqual({ from: "start" })
  bench.send("retry: 2000\n\n: tidemark\n\n", hello(), event(1), event(2), caughtUp(2), event(3))
  expect(bench.words()).toEqual(["event 1", "event 2", "caught_up", "live", "event 3"])
  expect(bench.client.cursor).toBe("c3")
})

test("a cursor counts when its item was taken, and not before", () => {
  const bench = new Bench({ cursor: "c0" })
  bench.take()
  bench.open()
  bench.send(hello(), event(1))
  expect(bench.client.pollItem(bench.now)).toMatchObject({ type: "event", cursor: "c1" })
  expect(bench.client.cursor).toBe("c0")
  bench.client.handleTaken(bench.now)
  expect(bench.client.cursor).toBe("c1")
})

test("an item that was given is not asked for again, even if the connection ends before it was taken", () => {
  const bench = new Bench()
  bench.take()
  bench.open()
  bench.send(hello(), event(1))
  bench.client.pollItem(bench.now)
  bench.client.handleEnd(bench.now, "the stream ended")
  bench.ms = 500
  expect(bench.open()).toEqual({ cursor: "c1" })
})

test("what was received and not yet given is asked for again", () => {
  const bench = new Bench()
  bench.take()
  bench.open()
  bench.send(hello(), event(1), event(2))
  bench.client.pollItem(bench.now)
  bench.client.handleTaken(bench.now)
  bench.client.handleEnd(bench.now, "the stream ended")
  expect(bench.words()).toEqual(["reconnecting"])
  bench.ms = 500
  expect(bench.open()).toEqual({ cursor: "c1" })
  bench.send(hello(), event(2))
  expect(bench.words()).toEqual(["event 2"])
})

test("a stream that ends inside a block gives nothing of it, and nothing is lost", () => {
  const bench = new Bench()
  bench.take()
  bench.open()
  bench.send(hello(), event(1), event(2).slice(0, -1))
  expect(bench.words()).toEqual(["event 1"])
  bench.client.handleEnd(bench.now, "the stream ended")
  bench.take()
  bench.ms = 500
  expect(bench.open()).toEqual({ cursor: "c1" })
})

test("frames, fields and comments that nobody knows are passed over", () => {
  const bench = new Bench()
  bench.take()
  bench.open()
  bench.send(": hi\n", "event: beacon\ndata: {}\nid: c77\n\n", hello(), "colour: blue\n", event(1), "id: c99\n\n", caughtUp(1))
  expect(bench.words()).toEqual(["event 1", "caught_up", "live"])
  expect(bench.client.cursor).toBe("c1")
})

test.each([
  ["a duplicate", [event(1), event(1)], "event 1 came after 1: it was given before"],
  ["a hole that nobody announced", [event(1), event(3)], "event 3 came after 1: what lies between was skipped without a gap"],
  ["a head that was not given", [event(1), caughtUp(5)], "caught_up says position 5 after 1"],
  ["an observation that nobody asked for", [event(1), observation(9)], "an observation came that nothing announced"],
  ["an event that is none", [event(1), "data: {}\nid: c2\n\n"], 'The frame "message" cannot be used: its data is not an event.'],
])("%s is never given: the client says so and comes back to the last good cursor", (_, frames, wrong) => {
  const bench = new Bench()
  bench.take()
  bench.open()
  bench.send(hello(), ...frames, event(2))
  expect(bench.take()).toMatchObject([
    { type: "event", cursor: "c1" },
    { type: "status", status: "reconnecting", attempt: 1, retryInMs: 500, because: `protocol violation: ${wrong}`, cursor: "c1" },
  ])
  expect(bench.client.connectionWanted).toBe(false)
  bench.ms = 500
  expect(bench.open()).toEqual({ cursor: "c1" })
})

test("nothing counts before hello, nor a hello of another session", () => {
  const bench = new Bench()
  bench.take()
  bench.open()
  bench.send(event(1))
  expect(bench.take()).toMatchObject([{ because: "protocol violation: event came before hello" }])
  bench.ms = 500
  bench.open()
  bench.send(hello({ session: "other" }))
  expect(bench.take()).toMatchObject([{ because: 'protocol violation: hello is of session "other"' }])
})

test("a frame over 16 MiB is refused, what came before it is given", () => {
  const bench = new Bench()
  bench.take()
  bench.open()
  bench.send(hello(), event(1), `data: ${"x".repeat(16 * 2 ** 20)}`)
  expect(bench.take()).toMatchObject([{ cursor: "c1" }, { because: "a frame is longer than 16777216 bytes" }])
})

test("positions are checked over connections too: a resume that skips is refused", () => {
  const bench = new Bench()
  bench.take()
  bench.open()
  bench.send(hello(), event(1))
  bench.take()
  bench.client.handleEnd(bench.now, "the stream ended")
  bench.take()
  bench.ms = 500
  bench.open()
  bench.send(hello(), event(3))
  expect(bench.words()).toEqual(["reconnecting"])
  expect(bench.client.cursor).toBe("c1")
})

test("a gap moves no cursor, its observation does", () => {
  const bench = new Bench({ cursor: "c2" })
  bench.take()
  bench.open()
  bench.send(hello({ epoch: "g.j" }), gap("epoch"))
  expect(bench.take()).toMatchObject([{ type: "gap", gap: { reason: "epoch", missed: null }, cursor: "c2" }])
  expect(bench.client.cursor).toBe("c2")
  bench.send(observation(8, { epoch: "g.j" }), event(9), caughtUp(9))
  expect(bench.words()).toEqual(["observation 8", "event 9", "caught_up", "live"])
  expect(bench.client.cursor).toBe("c9")
})

test("two gaps at one cursor back off and say so, on one connection or over many", () => {
  const bench = new Bench({ cursor: "c2" })
  bench.take()
  bench.open()
  bench.send(hello(), gap("trimmed"), gap("trimmed"))
  expect(bench.take()).toMatchObject([
    { type: "gap" },
    { status: "reconnecting", attempt: 1, because: "protocol violation: a second gap came at one cursor; nothing came after the gap" },
  ])
  for (const [attempt, retryInMs] of [[2, 2_000], [3, 4_000], [4, 8_000]] as const) {
    bench.ms += 20_000
    expect(bench.open(0.9999999)).toEqual({ cursor: "c2" })
    bench.send(hello(), gap("trimmed"))
    bench.ms += 15_000 // alive for long, and still without the observation
    bench.send(heartbeat())
    expect(bench.words()).toEqual(["gap trimmed"])
    bench.client.handleEnd(bench.now, "the stream ended")
    expect(bench.take()).toMatchObject([{ attempt, retryInMs, because: "the stream ended; nothing came after the gap" }])
  }
})

test("with `rest` no observation follows a gap, and two holes in a row are two gaps", () => {
  const bench = new Bench({ cursor: "c2", recover: "rest" })
  bench.take()
  bench.open()
  bench.send(hello(), gap("hole", "c2"), gap("hole", "c3"), event(5), caughtUp(5))
  expect(bench.words()).toEqual(["gap hole", "gap hole", "event 5", "caught_up", "live"])
})

test("`start` reads with `rest`: what was trimmed is a gap, then the rest", () => {
  const bench = new Bench()
  bench.take()
  bench.open()
  bench.send(hello(), gap("trimmed", "c0"), event(5))
  expect(bench.words()).toEqual(["gap trimmed", "event 5"])
})

test("a client that folds and got a gap without an observation comes again for one, at once and once", () => {
  const bench = new Bench({ folds: true })
  bench.take()
  bench.open()
  bench.send(hello(), gap("trimmed", "c0"), event(5))
  expect(bench.words()).toEqual(["gap trimmed"])
  expect(bench.client.connectionWanted).toBe(false)
  expect(bench.open()).toEqual({ from: "observation" })
  bench.send(hello(), observation(8))
  expect(bench.words()).toEqual(["observation 8"])
})

test("a client that folds and has a cursor comes again with it", () => {
  const bench = new Bench({ folds: true })
  bench.take()
  bench.open()
  bench.send(hello(), event(1), gap("hole", "c1"))
  expect(bench.words()).toEqual(["event 1", "gap hole"])
  expect(bench.open()).toEqual({ cursor: "c1" })
})

test("a heartbeat moves the cursor past what a filter hides, without an item", () => {
  const bench = new Bench({ filtered: true })
  bench.take()
  bench.open()
  bench.send(hello(), event(3), heartbeat("c8"))
  expect(bench.words()).toEqual(["event 3"])
  expect(bench.client.cursor).toBe("c8")
})

test("a heartbeat without a filter moves nothing: an event it passed would be lost", () => {
  const bench = new Bench()
  bench.take()
  bench.open()
  bench.send(hello(), event(1), heartbeat("c8"))
  expect(bench.words()).toEqual(["event 1"])
  expect(bench.client.cursor).toBe("c1")
})

test("reading ends on closed, and the cursor stands at the close", () => {
  const bench = new Bench()
  bench.take()
  bench.open()
  bench.send(hello(), event(1), caughtUp(1), closed("c2"))
  expect(bench.take().at(-1)).toEqual({ type: "closed", closed: { reason: "done" }, cursor: "c2" })
  expect(bench.client.ended).toEqual({ failure: undefined })
  expect(bench.client.connectionWanted).toBe(false)
  expect(bench.client.pollTimeout()).toBe(undefined)
})

test("a session that was deleted is closed, and the cursor stays where it was", () => {
  const bench = new Bench()
  bench.take()
  bench.open()
  bench.send(hello(), event(1), closed())
  bench.take()
  expect(bench.client.ended).toEqual({ failure: undefined })
  expect(bench.client.cursor).toBe("c1")
})

test("204 is closed: the cursor stands at the close already", () => {
  const bench = new Bench({ cursor: "c2" })
  bench.take()
  bench.client.pollConnect(bench.now, 0)
  bench.client.handleResponse(bench.now, refusal(204))
  expect(bench.take()).toEqual([{ type: "closed", closed: { reason: "" }, cursor: "c2" }])
  expect(bench.client.ended).toEqual({ failure: undefined })
})

test("the end of the stream right behind closed changes nothing", () => {
  const bench = new Bench()
  bench.take()
  bench.open()
  bench.send(hello(), closed("c1"))
  bench.client.pollItem(bench.now)
  bench.client.handleEnd(bench.now, "the stream ended")
  bench.client.handleTaken(bench.now)
  expect(bench.take()).toEqual([])
  expect(bench.client.pollConnect(instant(60_000), 0)).toBe(undefined)
})

test("without follow it ends once caught-up was taken", () => {
  const bench = new Bench({ follow: false })
  bench.take()
  bench.open()
  bench.send(hello(), event(1), caughtUp(1), event(2))
  expect(bench.words()).toEqual(["event 1", "caught_up"])
  expect(bench.client.ended).toEqual({ failure: undefined })
  expect(bench.client.cursor).toBe("c1")
})

test.each([
  [400, "cursor-malformed"],
  [400, "cursor-wrong-session"],
  [400, "cursor-unsupported-version"],
  [401, "unauthorised"],
  [403, "forbidden-host"],
  [404, "unknown-session"],
  [405, "method-not-allowed"],
  [410, "gone"],
])("%i %s ends it, with what the problem says", (status, name) => {
  const bench = new Bench()
  bench.take()
  bench.client.pollConnect(bench.now, 0)
  bench.client.handleResponse(bench.now, refusal(status, { type: `https://tidemark.dev/problems/${name}`, detail: "Do this." }))
  expect(bench.take()).toEqual([])
  expect(bench.client.ended?.failure).toMatchObject({ name: "ClientError", code: name, status, message: "Do this." })
  expect(bench.client.pollConnect(instant(60_000), 0)).toBe(undefined)
})

test.each([408, 425, 429, 500, 502, 503, 504, 507])("%i is tried again", (status) => {
  const bench = new Bench()
  bench.take()
  bench.client.pollConnect(bench.now, 0)
  bench.client.handleResponse(bench.now, refusal(status))
  expect(bench.take()).toEqual([
    { type: "status", status: "reconnecting", attempt: 1, retryInMs: 500, because: `the server answered ${status} and did not say why` },
  ])
})

test("404 is waited for where that was asked", () => {
  const bench = new Bench({ waits: true })
  bench.take()
  bench.client.pollConnect(bench.now, 0)
  bench.client.handleResponse(bench.now, refusal(404))
  expect(bench.words()).toEqual(["reconnecting"])
})

test("something else than an event stream ends a client that never had one, and is tried again by one that had", () => {
  const never = new Bench()
  never.take()
  never.client.pollConnect(never.now, 0)
  never.client.handleResponse(never.now, refusal(200))
  const message = "the answer (200) is no event stream; check the address"
  expect(never.client.ended?.failure).toMatchObject({ code: "not-tidemark", message })
  const had = new Bench()
  had.take()
  had.open()
  had.client.handleEnd(had.now, "the stream ended")
  had.take()
  had.ms = 500
  had.client.pollConnect(had.now, 0)
  had.client.handleResponse(had.now, refusal(200))
  expect(had.take()).toMatchObject([{ attempt: 2, because: "the answer (200) is no event stream" }])
})

test("waits grow with failures in a row and begin anew after 10 s of health and a frame", () => {
  const bench = new Bench()
  bench.take()
  const fail = (aliveMs: number, ...frames: string[]) => {
    bench.ms += 60_000
    bench.open(0.9999999)
    bench.send(...frames)
    bench.take()
    bench.ms += aliveMs
    bench.send(": alive\n")
    bench.client.handleEnd(bench.now, "the stream ended")
    return bench.take().map((item) => item.type === "status" && [item.attempt, item.retryInMs])
  }
  expect(fail(0)).toEqual([[1, 1_000]])
  expect(fail(9_999, hello())).toEqual([[2, 2_000]])
  expect(fail(10_000)).toEqual([[3, 4_000]])
  expect(fail(10_000, hello())).toEqual([[1, 1_000]])
})

test("`retry:` raises the least wait, for the connections after it too", () => {
  const bench = new Bench()
  bench.take()
  bench.open()
  bench.send("retry: 2137\n\n")
  bench.take()
  bench.client.handleEnd(bench.now, "the stream ended")
  expect(bench.take()).toMatchObject([{ retryInMs: 2_137 }])
  bench.ms += 2_137
  bench.client.pollConnect(bench.now, 0)
  bench.client.handleEnd(bench.now, "fetch failed")
  const [failed] = bench.take()
  expect(failed).toMatchObject({ retryInMs: 2_137, because: "fetch failed" })
  expect(failed).not.toHaveProperty("asked")
})

test("`reconnect` says when to come back after a good connection, and cannot make a bad one spin", () => {
  const bench = new Bench()
  bench.take()
  bench.open()
  bench.send(hello(), reconnect(120))
  bench.take()
  bench.client.handleEnd(bench.now, "the stream ended")
  expect(bench.take()).toMatchObject([{ retryInMs: 120, because: "drain (the stream ended)", asked: "drain" }])
  bench.ms += 120
  bench.open()
  bench.send(hello(), reconnect(0))
  bench.take()
  bench.client.handleEnd(bench.now, "the stream ended")
  expect(bench.take()).toMatchObject([{ attempt: 2, retryInMs: 500 }])
})

test("`Retry-After` is honoured, up to five minutes", () => {
  const bench = new Bench()
  bench.take()
  bench.client.pollConnect(bench.now, 0)
  bench.client.handleResponse(bench.now, refusal(503, undefined, 7_000))
  expect(bench.take()).toMatchObject([{ retryInMs: 7_000 }])
  bench.ms = 7_000
  bench.client.pollConnect(bench.now, 0)
  bench.client.handleResponse(bench.now, refusal(429, undefined, 9e9))
  expect(bench.take()).toMatchObject([{ retryInMs: 300_000 }])
})

test("silence ends a connection: 45 s before hello, three heartbeats after", () => {
  const bench = new Bench()
  bench.take()
  bench.open()
  expect(bench.client.pollTimeout()).toBe(45_000)
  bench.send(hello({ heartbeatMs: 1_000 }))
  bench.take()
  expect(bench.client.pollTimeout()).toBe(3_000)
  bench.ms = 2_000
  bench.send(heartbeat())
  bench.take()
  expect(bench.client.pollTimeout()).toBe(5_000)
  bench.client.handleTimeout(instant(4_999))
  expect(bench.client.connectionWanted).toBe(true)
  bench.ms = 5_000
  bench.client.handleTimeout(bench.now)
  expect(bench.take()).toMatchObject([{ status: "reconnecting", because: "nothing was heard for 3000 ms" }])
  expect(bench.client.pollTimeout()).toBe(5_500)
})

test("a host that takes the connection and never answers is given up too", () => {
  const bench = new Bench()
  bench.take()
  bench.client.pollConnect(bench.now, 0)
  bench.ms = 45_000
  bench.client.handleTimeout(bench.now)
  expect(bench.take()).toMatchObject([{ because: "nothing was heard for 45000 ms" }])
})

test("a consumer that takes its time is no silence", () => {
  const bench = new Bench()
  bench.take()
  bench.open()
  bench.send(hello(), event(1))
  bench.client.pollItem(bench.now)
  expect(bench.client.pollTimeout()).toBe(undefined)
  bench.ms = 3_600_000
  bench.client.handleTimeout(bench.now)
  bench.client.handleTaken(bench.now)
  expect(bench.client.connectionWanted).toBe(true)
  expect(bench.client.pollTimeout()).toBe(3_645_000)
})

test("waiting for a session is said half a second after the answer, once per connection", () => {
  const bench = new Bench({ waits: true })
  bench.take()
  bench.open()
  expect(bench.client.pollTimeout()).toBe(500)
  bench.ms = 500
  bench.client.handleTimeout(bench.now)
  bench.client.handleTimeout(bench.now)
  expect(bench.words()).toEqual(["waiting"])
  expect(bench.client.pollTimeout()).toBe(45_500)
  bench.send(heartbeat(), hello(), caughtUp(0))
  expect(bench.words()).toEqual(["caught_up", "live"])
})

test("a session that is there is not waited for", () => {
  const bench = new Bench({ waits: true })
  bench.take()
  bench.open()
  bench.send(hello())
  bench.take()
  bench.ms = 500
  bench.client.handleTimeout(bench.now)
  expect(bench.words()).toEqual([])
})

test("the same calls give the same answers", () => {
  const run = () => {
    const bench = new Bench({ cursor: "c2" })
    const items = bench.take()
    bench.open(0.3)
    bench.send(hello(), gap("trimmed"), observation(8), event(9))
    items.push(...bench.take())
    bench.ms = 17
    bench.client.handleEnd(bench.now, "reset")
    items.push(...bench.take())
    return JSON.stringify([items, bench.client.pollTimeout(), bench.client.cursor])
  }
  expect(run()).toBe(run())
})
