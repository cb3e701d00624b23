// Publishing on real sockets, against a small host of the test's own that keeps L4 for producers.

import type { IncomingMessage } from "node:http"
import { expect, test } from "vitest"
import { bodyOf, localHost, problem } from "../local-host.testing.ts"
import type { PublishEvent } from "../publisher.ts"
import { publish, type PublishDraft, type PublishOptions } from "./publish.ts"

const timing = { backoffMinMs: 1, backoffMaxMs: 4, lingerMs: 2 }

type Trouble = "none" | "no request" | "no answer" | "busy"

interface Recorded {
  readonly log: string[]
  readonly keys: string[]
  readonly headers: IncomingMessage["headers"][]
  readonly url: string
}

async function host(trouble: (request: number) => Trouble = () => "none"): Promise<Recorded> {
  const log: string[] = []
  const keys: string[] = []
  const headers: IncomingMessage["headers"][] = []
  const results = new Map<string, string>()
  const highest = new Map<string, number>()
  const url = await localHost(async (request, response) => {
    const body = await bodyOf(request)
    const key = String(request.headers["idempotency-key"])
    const what = trouble(keys.length)
    keys.push(key)
    headers.push(request.headers)
    if (what === "no request") return void request.socket.destroy()
    if (what === "busy") return void response.writeHead(503, { "retry-after": "0" }).end()
    const [, producer = "", n = ""] = /^@(.+):(?:\d+-)?(\d+)$/.exec(key) ?? []
    let result = results.get(key)
    if (result === undefined && Number(n) <= (highest.get(producer) ?? 0)) {
      return void response.writeHead(409).end(JSON.stringify(problem(409, "key-expired", "", { highest: highest.get(producer) ?? 0 })))
    }
    if (result === undefined) {
      const first = log.length + 1
      log.push(...body.trimEnd().split("\n"))
      highest.set(producer, Number(n))
      const last = log.length
      result = JSON.stringify({ session: "s", epoch: "g.i", first, last, revision: 0, cursor: `c${last}`, durability: "memory" })
      results.set(key, result)
    }
    if (what === "no answer") return void request.socket.destroy()
    response.writeHead(200, { "content-type": "application/json" }).end(result)
  })
  return { log, keys, headers, url }
}

const line = (n: number): PublishDraft => ({ kind: "line", data: `line ${n} \u{1f30a}` })
const drafts = (count: number): PublishDraft[] => Array.from({ length: count }, (_, n) => line(n + 1))
const texts = (count: number) => drafts(count).map((draft) => JSON.stringify(draft))

async function* slowly<Value>(values: readonly Value[]): AsyncGenerator<Value> {
  for (const value of values) {
    await new Promise(setImmediate)
    yield value
  }
}

test("every draft is stored once and in order, whatever happens to requests and answers", async () => {
  const troubles: readonly Trouble[] = ["no answer", "none", "busy", "no request", "none", "no answer", "no answer"]
  const { url, log, keys } = await host((n) => troubles[n % troubles.length] ?? "none")
  const events: PublishEvent[] = []
  const onEvent = (event: PublishEvent) => events.push(event)
  const summary = await publish({ url, session: "s", drafts: slowly(drafts(200)), batch: { lines: 16 }, onEvent, timing })
  expect(log).toEqual(texts(200))
  expect(summary).toMatchObject({ lines: 200, receipt: { last: 200, cursor: "c200" } })
  expect(keys.length).toBeGreaterThan(20)
  expect(events.filter((event) => event.type === "retrying").length).toBeGreaterThan(5)
  expect(events.at(-1)).toMatchObject({ type: "stored", lines: 200 })
})

test("a batch is NDJSON under the producer's key, with the caller's headers", async () => {
  const { url, keys, headers } = await host()
  await publish({ url, session: "s", drafts: drafts(3), producer: "npm-ls", headers: { authorization: "Bearer t" }, timing })
  expect(keys).toEqual(["@npm-ls:0", "@npm-ls:0-3"])
  expect(headers[1]).toMatchObject({ "content-type": "application/x-ndjson", authorization: "Bearer t" })
})

test("a named producer that runs again stores nothing twice, and goes on where it was stopped", async () => {
  const { url, log } = await host()
  const events: PublishEvent[] = []
  const options = { url, session: "s", producer: "p", batch: { lines: 4 }, onEvent: (event: PublishEvent) => events.push(event), timing }
  const run = (count: number) => publish({ ...options, drafts: slowly(drafts(count)) })
  await run(6)
  expect(await run(6)).toEqual({ lines: 6 })
  expect(log).toEqual(texts(6))
  expect((await run(9)).lines).toBe(9)
  expect(log).toEqual(texts(9))
  expect(events.filter((event) => event.type === "continued")).toEqual([
    { type: "continued", after: 0 },
    { type: "continued", after: 6 },
    { type: "continued", after: 6 },
  ])
})

test("publishers without a name do not meet", async () => {
  const { url, log } = await host()
  await publish({ url, session: "s", drafts: drafts(2), timing })
  await publish({ url, session: "s", drafts: drafts(2), timing })
  expect(log).toEqual([...texts(2), ...texts(2)])
})

test("a draft given as text is sent as it stands", async () => {
  const { url, log } = await host()
  await publish({ url, session: "s", drafts: ['{ "kind":"n", "data":9007199254740993 }'], timing })
  expect(log).toEqual(['{ "kind":"n", "data":9007199254740993 }'])
})

test("an input that fails is stored up to where it failed, then its error is thrown", async () => {
  const { url, log } = await host()
  async function* failing() {
    yield* drafts(3)
    throw new Error("line 4 is not UTF-8")
  }
  await expect(publish({ url, session: "s", drafts: failing(), timing })).rejects.toThrow("line 4 is not UTF-8")
  expect(log).toEqual(texts(3))
})

test("a draft that JSON cannot carry, or text over two lines, stops it there", async () => {
  const { url, log } = await host()
  const run = (last: PublishDraft | string) => publish({ url, session: "s", drafts: [line(1), last], timing })
  await expect(run({ kind: "line", data: "\ud800" })).rejects.toThrow("half a surrogate pair")
  await expect(run('{"kind":\n"line"}')).rejects.toThrow("one line of JSON")
  expect(log).toEqual([...texts(1), ...texts(1)])
})

test("a host that does not answer holds the input back", async () => {
  const { url } = await host(() => "busy")
  let asked = 0
  function* endless() {
    for (;;) {
      asked += 1
      yield { kind: "line", data: asked }
    }
  }
  const stop = new AbortController()
  let retries = 0
  const onEvent = () => {
    retries += 1
    if (retries === 50) stop.abort(new Error("enough"))
  }
  const running = publish({ url, session: "s", drafts: endless(), batch: { lines: 10 }, onEvent, signal: stop.signal, timing })
  await expect(running).rejects.toThrow("enough")
  expect(asked).toBeLessThan(60)
})

test("an abort lets go of the input", async () => {
  const { url } = await host()
  let released = false
  async function* source() {
    try {
      for (;;) yield* slowly(drafts(10))
    } finally {
      released = true
    }
  }
  const stop = new AbortController()
  const running = publish({ url, session: "s", drafts: source(), onEvent: () => stop.abort(), signal: stop.signal, timing })
  await expect(running).rejects.toMatchObject({ name: "AbortError" })
  await new Promise(setImmediate)
  expect(released).toBe(true)
})

test("what cannot be mended is thrown, and the input is let go of", async () => {
  const url = await localHost((request, response) => {
    request.resume()
    response.writeHead(413).end(JSON.stringify(problem(413, "too-large", "Cut it.")))
  })
  const thrown = { code: "too-large", status: 413, message: "lines 1–2 (sent as 1–2) not stored: Cut it." }
  await expect(publish({ url, session: "s", drafts: drafts(2), timing })).rejects.toMatchObject(thrown)
})

test.each<[string, Partial<PublishOptions>]>([
  ["url: ", { url: "nowhere" }],
  ["session: ", { session: ".." }],
  ["producer: ", { producer: "a b" }],
  ["headers: ", { headers: { a: "a\nb" } }],
])("%s that cannot be sent is refused before anything is sent", async (message, options) => {
  await expect(publish({ url: "http://127.0.0.1:9", session: "s", drafts: [], ...options })).rejects.toThrow(message)
})
