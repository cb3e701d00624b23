import fc from "fast-check"
import { instant } from "@tidemark/kernel"
import { expect, test } from "vitest"
import { problem } from "./local-host.testing.ts"
import { batchLimits, Publisher, publisherTiming } from "./publisher.ts"
import type { PublishAnswer, PublisherSettings, PublishEvent, PublishRequest } from "./publisher.ts"

const at = instant
const make = (settings: Partial<PublisherSettings> = {}) =>
  new Publisher({ producer: "p", continues: false, batch: batchLimits, timing: publisherTiming, ...settings })
const give = (publisher: Publisher, from: number, to: number, ms = 0) => {
  for (let n = from; n <= to; n += 1) publisher.handleLine(at(ms), `{"n":${n}}`)
}
const stored = (first: number, last: number): PublishAnswer => ({
  type: "stored",
  receipt: JSON.parse(JSON.stringify({ session: "s", epoch: "g.i", first, last, revision: 0, cursor: `c${last}`, durability: "local" })),
})
const refused = (status: number, name?: string, extra: Record<string, unknown> = {}): PublishAnswer => ({
  type: "refused",
  status,
  retryAfterMs: undefined,
  problem: name === undefined ? undefined : problem(status, name, "Do this.", extra),
})
const events = (publisher: Publisher): PublishEvent[] => {
  const all: PublishEvent[] = []
  for (let event = publisher.pollEvent(); event !== undefined; event = publisher.pollEvent()) all.push(event)
  return all
}

test("a batch goes out 50 ms after its first line, under the number of its last", () => {
  const publisher = make()
  give(publisher, 1, 1, 100)
  give(publisher, 2, 3, 140)
  expect(publisher.pollTimeout()).toBe(150)
  expect(publisher.pollRequest(at(149), 0)).toBe(undefined)
  expect(publisher.pollRequest(at(150), 0)).toEqual({ key: "@p:0-3", body: '{"n":1}\n{"n":2}\n{"n":3}\n' })
})

test("a full batch goes out at once, by lines or by bytes, and never over either", () => {
  const byLines = make({ batch: { lines: 2, bytes: 1_000 } })
  give(byLines, 1, 3)
  expect(byLines.pollRequest(at(0), 0)).toEqual({ key: "@p:0-2", body: '{"n":1}\n{"n":2}\n' })
  const byBytes = make({ batch: { lines: 100, bytes: 20 } })
  give(byBytes, 1, 3)
  expect(byBytes.pollRequest(at(0), 0)).toEqual({ key: "@p:0-2", body: '{"n":1}\n{"n":2}\n' })
})

test("a line over the bytes of a batch goes alone", () => {
  const publisher = make({ batch: { lines: 100, bytes: 5 } })
  give(publisher, 1, 2)
  expect(publisher.pollRequest(at(0), 0)).toEqual({ key: "@p:0-1", body: '{"n":1}\n' })
})

test("bytes are those of UTF-8", () => {
  const publisher = make({ batch: { lines: 100, bytes: 12 } })
  publisher.handleLine(at(0), '"\u{1f30a}"')
  publisher.handleLine(at(0), '"ü"')
  expect(publisher.pollRequest(at(0), 0)).toEqual({ key: "@p:0-2", body: '"\u{1f30a}"\n"ü"\n' })
})

test("one request is in flight; the next batch waits for its answer and counts on", () => {
  const publisher = make({ batch: { lines: 2, bytes: 1_000 } })
  give(publisher, 1, 4)
  publisher.pollRequest(at(0), 0)
  expect(publisher.pollRequest(at(500), 0)).toBe(undefined)
  publisher.handleAnswer(at(500), stored(11, 12))
  expect(events(publisher)).toMatchObject([{ type: "stored", lines: 2, receipt: { last: 12 } }])
  expect(publisher.pollRequest(at(500), 0)).toEqual({ key: "@p:2-4", body: '{"n":3}\n{"n":4}\n' })
})

test("the end of the input sends what waits, and all stored is the end", () => {
  const publisher = make()
  give(publisher, 1, 1)
  publisher.handleInputEnd(at(1))
  expect(publisher.pollRequest(at(1), 0)).toEqual({ key: "@p:0-1", body: '{"n":1}\n' })
  expect(publisher.ended).toBe(undefined)
  publisher.handleAnswer(at(2), stored(1, 1))
  expect(publisher.ended).toEqual({ failure: undefined })
  expect(publisher.pollTimeout()).toBe(undefined)
})

test("an empty input is stored at once, without a request", () => {
  const publisher = make({ continues: true })
  publisher.handleInputEnd(at(0))
  expect(publisher.pollRequest(at(0), 0)).toBe(undefined)
  expect(publisher.ended).toEqual({ failure: undefined })
})

test("input is wanted while little waits", () => {
  const publisher = make({ batch: { lines: 2, bytes: 1_000 } })
  give(publisher, 1, 7)
  expect(publisher.wantsInput).toBe(true)
  give(publisher, 8, 8)
  expect(publisher.wantsInput).toBe(false)
  publisher.pollRequest(at(0), 0)
  expect(publisher.wantsInput).toBe(true)
  const bytes = make({ batch: { lines: 100, bytes: 2 } })
  give(bytes, 1, 1)
  expect(bytes.wantsInput).toBe(false)
})

test.each([
  ["a lost connection", (publisher: Publisher) => publisher.handleFailure(at(10), "fetch failed"), "fetch failed"],
  ["503", (publisher: Publisher) => publisher.handleAnswer(at(10), refused(503)), "the server answered 503 and did not say why"],
  ["429", (publisher: Publisher) => publisher.handleAnswer(at(10), refused(429, "too-many-requests")), "Do this."],
  ["an unknown outcome", (publisher: Publisher) => publisher.handleAnswer(at(10), refused(503, "outcome-unknown")), "Do this."],
])("after %s the very same batch is sent again under its key", (_, fail, because) => {
  const publisher = make({ batch: { lines: 2, bytes: 1_000 } })
  give(publisher, 1, 3)
  const first = publisher.pollRequest(at(0), 0.5)
  fail(publisher)
  expect(events(publisher)).toEqual([{ type: "retrying", attempt: 1, retryInMs: 750, because }])
  expect(publisher.requestWanted).toBe(false)
  expect(publisher.pollTimeout()).toBe(760)
  expect(publisher.pollRequest(at(759), 0)).toBe(undefined)
  expect(publisher.pollRequest(at(760), 0)).toEqual(first)
  publisher.handleAnswer(at(770), stored(1, 2))
  expect(events(publisher)).toMatchObject([{ type: "stored", lines: 2 }])
})

test("a request that nobody answers is given up after 45 s and repeated", () => {
  const publisher = make({ batch: { lines: 1, bytes: 1_000 } })
  give(publisher, 1, 1)
  const first = publisher.pollRequest(at(0), 0)
  expect(publisher.pollTimeout()).toBe(45_000)
  publisher.handleTimeout(at(44_999))
  expect(publisher.requestWanted).toBe(true)
  publisher.handleTimeout(at(45_000))
  expect(publisher.requestWanted).toBe(false)
  expect(publisher.pollRequest(at(45_500), 0)).toEqual(first)
})

test("`Retry-After` is honoured, and failures in a row wait longer", () => {
  const publisher = make({ batch: { lines: 1, bytes: 1_000 } })
  give(publisher, 1, 1)
  publisher.pollRequest(at(0), 0)
  publisher.handleAnswer(at(0), { type: "refused", status: 429, retryAfterMs: 3_000, problem: undefined })
  expect(publisher.pollTimeout()).toBe(3_000)
  publisher.pollRequest(at(3_000), 0.9999999)
  publisher.handleFailure(at(3_000), "reset")
  expect(events(publisher)).toMatchObject([{ attempt: 1, retryInMs: 3_000 }, { attempt: 2, retryInMs: 2_000 }])
})

test("a named producer asks for its highest line with a key that is never appended, and goes on after it", () => {
  const publisher = make({ producer: "npm-ls", continues: true })
  give(publisher, 1, 5)
  expect(publisher.pollRequest(at(0), 0)).toEqual({ key: "@npm-ls:0", body: '{"n":1}\n' })
  publisher.handleAnswer(at(1), refused(409, "key-expired", { highest: 3 }))
  expect(events(publisher)).toEqual([{ type: "continued", after: 3 }])
  publisher.handleInputEnd(at(1))
  expect(publisher.pollRequest(at(1), 0)).toEqual({ key: "@npm-ls:3-5", body: '{"n":4}\n{"n":5}\n' })
})

test("a request of an earlier run that was recorded after the question is passed over, whole or in part", () => {
  for (const [highest, key, body] of [[4, "@p:4-5", '{"n":5}\n'], [5, "@p:5-6", '{"n":6}\n']] as const) {
    const publisher = make({ continues: true, batch: { lines: 2, bytes: 1_000 } })
    give(publisher, 1, 6)
    publisher.pollRequest(at(0), 0)
    publisher.handleAnswer(at(1), refused(409, "key-expired", { highest: 2 }))
    expect(publisher.pollRequest(at(1), 0)).toEqual({ key: "@p:2-4", body: '{"n":3}\n{"n":4}\n' })
    publisher.handleAnswer(at(2), refused(409, "key-expired", { highest }))
    expect(events(publisher)).toEqual([{ type: "continued", after: 2 }, { type: "continued", after: highest }])
    publisher.handleInputEnd(at(2))
    const next = publisher.pollRequest(at(2), 0)
    expect(next === undefined ? next : [next.key, next.body.startsWith(body)]).toEqual([highest === 4 ? "@p:4-6" : key, true])
  }
})

test("once this run has stored something, a number beyond its own is another publisher's", () => {
  const publisher = make({ continues: true, batch: { lines: 1, bytes: 1_000 } })
  give(publisher, 1, 3)
  publisher.pollRequest(at(0), 0)
  publisher.handleAnswer(at(1), refused(409, "key-expired", { highest: 0 }))
  publisher.pollRequest(at(1), 0)
  publisher.handleAnswer(at(2), stored(1, 1))
  publisher.pollRequest(at(2), 0)
  publisher.handleAnswer(at(3), refused(409, "key-expired", { highest: 3 }))
  expect(publisher.ended?.failure).toMatchObject({ code: "producer-in-use" })
})

test("lines that were stored before are passed over as they come", () => {
  const publisher = make({ continues: true })
  give(publisher, 1, 1)
  publisher.pollRequest(at(0), 0)
  publisher.handleAnswer(at(1), refused(409, "key-expired", { highest: 3 }))
  give(publisher, 2, 3)
  expect(publisher.pollTimeout()).toBe(undefined)
  give(publisher, 4, 4, 10)
  expect(publisher.pollRequest(at(60), 0)).toEqual({ key: "@p:3-4", body: '{"n":4}\n' })
})

test("all stored before: nothing is sent again", () => {
  const publisher = make({ continues: true })
  give(publisher, 1, 3)
  publisher.handleInputEnd(at(0))
  publisher.pollRequest(at(0), 0)
  publisher.handleAnswer(at(1), refused(409, "key-expired", { highest: 3 }))
  expect(publisher.pollRequest(at(1), 0)).toBe(undefined)
  expect(publisher.ended).toEqual({ failure: undefined })
})

test("an input shorter than what was stored is not the same input", () => {
  const publisher = make({ continues: true })
  give(publisher, 1, 2)
  publisher.handleInputEnd(at(0))
  publisher.pollRequest(at(0), 0)
  publisher.handleAnswer(at(1), refused(409, "key-expired", { highest: 3 }))
  expect(publisher.ended?.failure).toMatchObject({ code: "input-changed" })
  expect(publisher.ended?.failure?.message).toContain('producer "p" has stored 3 lines before and the input has only 2')
})

test("a number that is too old for a batch of ours is somebody else's doing, on a repetition too", () => {
  const publisher = make({ batch: { lines: 1, bytes: 1_000 } })
  give(publisher, 1, 1)
  publisher.pollRequest(at(0), 0)
  publisher.handleFailure(at(0), "reset")
  publisher.pollRequest(at(500), 0)
  publisher.handleAnswer(at(501), refused(409, "key-expired", { highest: 90 }))
  expect(publisher.ended?.failure).toMatchObject({ code: "producer-in-use", status: 409 })
  expect(publisher.ended?.failure?.message).toMatch(/^producer "p" has stored line 90 while this run was at line 1: another publisher uses/)
})

test("other content under a key is not the same input", () => {
  const publisher = make({ batch: { lines: 1, bytes: 1_000 } })
  give(publisher, 1, 1)
  publisher.pollRequest(at(0), 0)
  publisher.handleAnswer(at(0), refused(409, "key-conflict", { highest: 1 }))
  expect(publisher.ended?.failure).toMatchObject({ code: "input-changed", status: 409 })
})

test.each([
  [400, "bad-json"],
  [401, "unauthorised"],
  [404, "unknown-session"],
  [409, "session-closed"],
  [413, "too-large"],
])("%i %s ends it and says which lines", (status, name) => {
  const publisher = make({ batch: { lines: 2, bytes: 1_000 } })
  give(publisher, 1, 4)
  publisher.pollRequest(at(0), 0)
  publisher.handleAnswer(at(0), stored(1, 2))
  publisher.pollRequest(at(0), 0)
  publisher.handleAnswer(at(0), refused(status, name))
  expect(publisher.ended?.failure).toMatchObject({ code: name, status, message: "lines 3–4 (sent as 1–2) not stored: Do this." })
  expect(publisher.wantsInput).toBe(false)
  expect(publisher.pollRequest(at(60_000), 0)).toBe(undefined)
})

test.each([
  ["stores the question", true, stored(1, 1)],
  ["does not say which line is the highest", true, refused(409, "key-expired")],
  ["answers with another number of lines than were sent", false, stored(1, 7)],
  ["answers with 200 and no receipt", false, refused(200)],
])("a server that %s is not one of ours", (_, continues, answer) => {
  const publisher = make({ continues, batch: { lines: 1, bytes: 1_000 } })
  give(publisher, 1, 1)
  publisher.pollRequest(at(0), 0)
  publisher.handleAnswer(at(0), answer)
  expect(publisher.ended?.failure).toMatchObject({ code: "not-tidemark" })
})

test("a producer's name leaves room for its number in the key", () => {
  expect(() => make({ producer: "x".repeat(165) })).not.toThrow()
  for (const producer of ["", "a b", "naïve", "x".repeat(166)]) {
    expect(() => make({ producer })).toThrow("producer: use 1–165 visible ASCII characters")
  }
})

/** L4 as the design says it, written as simply as can be: what a host does with a producer's batches. */
class Host {
  readonly log: string[] = []
  readonly #results = new Map<number, { body: string; first: number; last: number }>()
  #highest = 0

  handle(request: PublishRequest): PublishAnswer {
    const [, after = Infinity, n = 0] = /:(?:(\d+)-)?(\d+)$/.exec(request.key)?.map((digits) => (digits === undefined ? undefined : Number(digits))) ?? []
    const known = this.#results.get(n)
    if (known !== undefined && known.body === request.body) return stored(known.first, known.last)
    if (known !== undefined) return refused(409, "key-conflict", { highest: this.#highest })
    if (n <= this.#highest || after < this.#highest) return refused(409, "key-expired", { highest: this.#highest })
    const first = this.log.length + 1
    this.log.push(...request.body.trimEnd().split("\n"))
    this.#highest = n
    this.#results.set(n, { body: request.body, first, last: this.log.length })
    return stored(first, this.log.length)
  }
}

/** `overtaken`: killed, and its request arrives after its successor's next one. */
type Fate = "answered" | "answer lost" | "request lost" | "killed before" | "killed after" | "overtaken"

test("whatever request or answer is lost and whenever the publisher is killed, every line is stored once and in order", () => {
  const fate = fc.constantFrom<Fate>("answered", "answered", "answer lost", "request lost", "killed before", "killed after", "overtaken")
  const turns = fc.array(fc.record({ fate, lines: fc.integer({ min: 1, max: 7 }) }), { maxLength: 30 })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), turns, (count, fates) => {
      const input = Array.from({ length: count }, (_, n) => `{"n":${n + 1}}`)
      const host = new Host()
      const late: PublishRequest[] = []
      let ms = 0
      const start = () => {
        const publisher = make({ continues: true, batch: { lines: 1 + (ms % 5), bytes: 1_000 } })
        return { publisher, given: 0 }
      }
      let run = start()
      for (let turn = 0; run.publisher.ended === undefined; turn += 1) {
        const { fate: what, lines } = fates[turn] ?? { fate: "answered", lines: 7 }
        for (let n = 0; n < lines && run.publisher.wantsInput && run.given < count; n += 1) {
          run.publisher.handleLine(at(ms), input[run.given] ?? "")
          run.given += 1
        }
        if (run.given === count && run.publisher.wantsInput) run.publisher.handleInputEnd(at(ms))
        ms = Math.max(ms, run.publisher.pollTimeout() ?? ms)
        const request = run.publisher.pollRequest(at(ms), 0.5)
        if (request !== undefined) {
          if (what === "overtaken") late.push(request)
          else if (what !== "request lost" && what !== "killed before") {
            const answer = host.handle(request)
            if (what === "answered") run.publisher.handleAnswer(at(ms), answer)
            for (const overtaken of late.splice(0, 1)) host.handle(overtaken)
          }
          if (what === "answer lost" || what === "request lost") run.publisher.handleFailure(at(ms), "reset")
          if (what === "killed before" || what === "killed after" || what === "overtaken") run = start()
        }
        ms += 1
      }
      expect(run.publisher.ended).toEqual({ failure: undefined })
      expect(host.log).toEqual(input)
    }),
    { numRuns: 500 },
  )
})
