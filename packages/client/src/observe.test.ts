// The whole client on real sockets, against a small host of the test's own: a log, and what to do to each connection.

import type { IncomingMessage, ServerResponse } from "node:http"
import { defineModel, type SessionModel } from "@tidemark/kernel"
import { expect, test } from "vitest"
import { memoryCursor, storedCursor } from "./cursor-storage.ts"
import type { ClientItem } from "./folding.ts"
import { localHost, problem } from "./local-host.testing.ts"
import { connect, type ConnectOptions } from "./observe.ts"
import { caughtUp, closed, event, gap, hello as helloFrame, observation } from "./wire-text.testing.ts"

const timing = { backoffMinMs: 1, backoffMaxMs: 4 }

type Handle = (request: IncomingMessage, response: ServerResponse, query: URLSearchParams) => void

/** A host that hands each request, in order, to the next of `handlers`; the last one takes the rest. */
async function host(...handlers: readonly Handle[]) {
  const requests: { readonly url: string; readonly headers: IncomingMessage["headers"] }[] = []
  const url = await localHost((request, response) => {
    const handle = handlers[Math.min(requests.length, handlers.length - 1)]
    requests.push({ url: request.url ?? "", headers: request.headers })
    handle?.(request, response, new URL(request.url ?? "", "http://x").searchParams)
  })
  return { url, requests }
}

const hello = (fields: object = {}) => `retry: 1\n\n${helloFrame({ model: "tally", ...fields })}`

const streamHeaders = { "content-type": "text/event-stream; charset=utf-8" }
const stream = (...frames: readonly string[]): Handle => (_, response) => {
  response.writeHead(200, streamHeaders)
  response.write(frames.join(""))
}
const answer = (status: number, body?: object, headers: Record<string, string> = {}): Handle => (_, response) => {
  response.writeHead(status, { "content-type": "application/problem+json", ...headers })
  response.end(body === undefined ? undefined : JSON.stringify(body))
}

/** A session of `count` events, then the close; each connection is destroyed after as many bytes as `cuts` says next. */
function log(count: number, cuts: readonly number[]): Handle {
  let connections = 0
  return (_, response, query) => {
    const after = Number(query.get("cursor")?.slice(1) ?? 0)
    const rest = Array.from({ length: Math.max(0, count - after) }, (__, n) => event(after + n + 1)).join("")
    const bytes = new TextEncoder().encode(`${hello()}${rest}${caughtUp(Math.max(after, count))}${closed(`c${count + 1}`)}`)
    const cut = cuts[connections]
    connections += 1
    response.writeHead(200, streamHeaders)
    if (cut === undefined) response.end(bytes)
    else response.write(bytes.slice(0, cut), () => response.destroy())
  }
}

async function all(options: ConnectOptions): Promise<ClientItem[]> {
  const items: ClientItem[] = []
  for await (const item of connect(options)) items.push(item)
  return items
}

const positions = (items: readonly ClientItem[]) => items.flatMap((item) => (item.type === "event" ? [item.event.position] : []))

test("over connections that are destroyed anywhere, every event is given once and in order", async () => {
  const cuts = Array.from({ length: 40 }, (_, n) => (n * 977) % 3_000)
  const { url, requests } = await host(log(300, cuts))
  const items = await all({ url, session: "s", from: "start", timing })
  expect(positions(items)).toEqual(Array.from({ length: 300 }, (_, n) => n + 1))
  expect(items.at(-1)).toEqual({ type: "closed", closed: { reason: "done" }, cursor: "c301" })
  expect(requests.length).toBeGreaterThan(10)
})

test("characters cut in the middle arrive whole", async () => {
  const { url } = await host((_, response) => {
    response.writeHead(200, streamHeaders)
    const bytes = new TextEncoder().encode(`${hello()}${event(1)}${caughtUp(1)}`)
    const one = (at: number): void => {
      if (at < bytes.length) response.write(bytes.slice(at, at + 1), () => one(at + 1))
    }
    response.socket?.setNoDelay(true)
    one(0)
  })
  const items = await all({ url, session: "s", from: "start", follow: false, timing })
  expect(items.find((item) => item.type === "event")).toMatchObject({ event: { data: "line 1 \u{1f30a}" } })
})

test("the request says what was asked for, and that a refusal may be a status", async () => {
  const { url, requests } = await host(stream(hello({ session: "a:b" }), caughtUp(0)))
  const asked = { from: "tail:5", kinds: ["turn.*", "line"], recover: "rest", missing: "wait" } as const
  const headers = { authorization: "Bearer t" }
  await all({ url: `${url}/base/`, workspace: "w", session: "a:b", ...asked, headers, follow: false, timing })
  expect(requests[0]?.url.split("?")).toEqual([
    "/base/v1/workspaces/w/sessions/a:b/subscribe",
    "from=tail%3A5&kinds=turn.*%2Cline&recover=rest&missing=wait&refuse=status",
  ])
  expect(requests[0]?.headers).toMatchObject({ accept: "text/event-stream", authorization: "Bearer t" })
})

test("leaving the loop ends the connection", async () => {
  let gone: () => void = () => undefined
  const left = new Promise<void>((resolve) => (gone = resolve))
  const { url } = await host((request, response, query) => {
    request.on("close", gone)
    stream(hello(), event(1), event(2))(request, response, query)
  })
  for await (const item of connect({ url, session: "s", from: "start", timing })) if (item.type === "event") break
  await left
})

test("an iterator that is returned while it waits for a quiet session ends at once", async () => {
  const { url } = await host(stream(hello()))
  const items = connect({ url, session: "s", from: "start", timing })[Symbol.asyncIterator]()
  expect(await items.next()).toMatchObject({ value: { status: "connecting" } })
  const waiting = items.next()
  await items.return?.()
  expect(await waiting).toEqual({ done: true, value: undefined })
})

test("an abort ends the iteration after the item that was taken, and its cursor is saved", async () => {
  const { url } = await host(stream(hello(), event(1), event(2), event(3)))
  const stop = new AbortController()
  const storage = memoryCursor()
  const given: number[] = []
  for await (const item of connect({ url, session: "s", from: "start", storage, signal: stop.signal, timing })) {
    if (item.type !== "event") continue
    given.push(item.event.position)
    if (item.event.position === 2) stop.abort()
  }
  expect(given).toEqual([1, 2])
  expect(storage.load()).toBe("c2")
})

test("an abort ends a client that waits to connect again", async () => {
  const { url } = await host(answer(503))
  const stop = new AbortController()
  for await (const item of connect({ url, session: "s", signal: stop.signal, timing: { backoffMinMs: 60_000 } })) {
    if (item.type === "status" && item.status === "reconnecting") setImmediate(() => stop.abort())
  }
  expect(stop.signal.aborted).toBe(true)
})

test("a cursor is saved when its item was taken, in order; the item that was left is not", async () => {
  const { url, requests } = await host(stream(hello(), event(1), event(2), event(3)), stream(hello(), event(3), caughtUp(3)))
  const kept = new Map<string, string>()
  const saves: string[] = []
  const storage = storedCursor("key", {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, cursor) => {
      saves.push(cursor)
      kept.set(key, cursor)
    },
  })
  for await (const item of connect({ url, session: "s", from: "start", storage, timing })) {
    if (item.type === "event" && item.event.position === 3) break
  }
  expect(saves).toEqual(["c1", "c2"])
  expect(positions(await all({ url, session: "s", storage, follow: false, timing }))).toEqual([3])
  expect(requests[1]?.url).toBe("/v1/sessions/s/subscribe?cursor=c2&refuse=status")
  expect(saves).toEqual(["c1", "c2", "c3"])
})

test("a storage that fails ends the iteration with its error", async () => {
  const { url } = await host(stream(hello(), event(1), event(2)))
  const storage = {
    load: () => undefined,
    save: () => {
      throw new Error("disk full")
    },
  }
  await expect(all({ url, session: "s", from: "start", storage, timing })).rejects.toThrow("disk full")
})

test("a consumer that stops taking stops the stream, and gets everything in the end", async () => {
  const count = 400
  const data = "x".repeat(100_000)
  let sent = 0
  const { url } = await host((_, response) => {
    response.writeHead(200, streamHeaders)
    response.write(hello())
    const more = (): void => {
      while (sent < count) {
        sent += 1
        if (!response.write(event(sent, data))) return void response.once("drain", more)
      }
      response.end(caughtUp(count))
    }
    more()
  })
  let largest = 0
  const given: number[] = []
  for await (const item of connect({ url, session: "s", from: "start", follow: false, timing })) {
    if (item.type !== "event") continue
    given.push(item.event.position)
    if (item.event.position !== 1) continue
    for (let quiet = 0, before = -1; quiet < 20; quiet = sent === before ? quiet + 1 : 0) {
      before = sent
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    largest = sent
  }
  expect(largest).toBeLessThan(300) // of 40 MB, what fits into sockets and the platform's own buffers
  expect(given).toEqual(Array.from({ length: count }, (_, n) => n + 1))
})

test("what arrives while the consumer is busy is given later, whole and in order", async () => {
  let arrive: (text: string) => void = () => undefined
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      arrive = (text) => controller.enqueue(new TextEncoder().encode(text))
    },
  })
  const given: string[] = []
  const options: ConnectOptions = {
    url: "http://h",
    session: "s",
    from: "start",
    missing: "wait",
    follow: false,
    timing: { ...timing, waitingMs: 1 },
    fetch: () => Promise.resolve(new Response(body, { headers: streamHeaders })),
  }
  for await (const item of connect(options)) {
    given.push(item.type === "status" ? item.status : item.type)
    if (item.type !== "status" || item.status !== "waiting") continue
    for (const text of [hello(), event(1), event(2), caughtUp(2)]) {
      arrive(text)
      await new Promise(setImmediate)
    }
  }
  expect(given).toEqual(["connecting", "waiting", "event", "event", "caught_up"])
})

test("a host that is away, busy or silent is tried again until it is there", async () => {
  const { url, requests } = await host(
    (request) => request.socket.destroy(),
    answer(503, undefined, { "retry-after": "0" }),
    answer(429, problem(429, "too-many-requests", "Slow down.")),
    stream(hello({ heartbeatMs: 10 })), // and then nothing for three heartbeats
    (_, response) => response.writeHead(200, streamHeaders).end(), // an empty stream
    stream(hello(), event(1), caughtUp(1)),
  )
  const items = await all({ url, session: "s", from: "start", follow: false, timing })
  const reasons = items.flatMap((item) => (item.type === "status" && item.because !== undefined ? [item.because] : []))
  expect(reasons).toEqual([
    expect.stringMatching(/^fetch failed: /),
    "the server answered 503 and did not say why",
    "Slow down.",
    "nothing was heard for 30 ms",
    "the stream ended",
  ])
  expect(positions(items)).toEqual([1])
  expect(requests.length).toBe(6)
})

test("what cannot be mended is thrown with what the problem says", async () => {
  const { url } = await host(answer(404, problem(404, "unknown-session", "Create it first.")))
  const thrown = { name: "ClientError", code: "unknown-session", status: 404, message: "Create it first." }
  await expect(all({ url, session: "s", timing })).rejects.toMatchObject(thrown)
})

test("a page that is no Tidemark is said to be none", async () => {
  const { url } = await host((_, response) => response.writeHead(200, { "content-type": "text/html" }).end("<p>hi"))
  await expect(all({ url, session: "s", timing })).rejects.toMatchObject({ code: "not-tidemark" })
})

test("204 is closed", async () => {
  const { url } = await host((_, response) => response.writeHead(204).end())
  const items = await all({ url, session: "s", cursor: "c9", timing })
  expect(items.at(-1)).toEqual({ type: "closed", closed: { reason: "" }, cursor: "c9" })
})

/** Adds up. */
const tally: SessionModel = defineModel({
  name: "tally",
  version: 1,
  viewBytesMax: 100,
  initial: { view: 0, provisional: null },
  apply: ({ view }, { data }) => ({ view: Number(view) + Number(data), provisional: null }),
})

test("with a model each item carries the state, over gaps and cuts", async () => {
  const { url, requests } = await host(
    (_, response) => {
      response.writeHead(200, streamHeaders)
      response.write(`${hello()}${event(1, 10)}${event(2, 20)}${event(3, 40).slice(0, 30)}`, () => response.destroy())
    },
    stream(hello(), gap("trimmed"), observation(8, { view: 100 }), event(9, 5), caughtUp(9)),
  )
  const items = await all({ url, session: "s", from: "start", model: tally, follow: false, timing })
  const states = items.flatMap((item) => (item.type === "status" ? [] : [[item.type, item.state?.view]]))
  expect(states).toEqual([["event", 10], ["event", 30], ["gap", undefined], ["observation", 100], ["event", 105], ["caught_up", 105]])
  expect(requests[1]?.url).toBe("/v1/sessions/s/subscribe?cursor=c2&refuse=status")
})

test("a cursor with the state that belongs to it is gone on from", async () => {
  const { url } = await host(stream(hello(), event(3, 40), caughtUp(3)))
  const items = await all({ url, session: "s", cursor: "c2", state: { view: 30, provisional: null }, model: tally, follow: false, timing })
  expect(items.find((item) => item.type === "event")?.state).toEqual({ view: 70, provisional: null })
})

test("a server that folds with another model is refused", async () => {
  const { url } = await host(stream(hello(), observation(1)))
  await expect(all({ url, session: "s", model: { ...tally, name: "other" }, timing })).rejects.toMatchObject({ code: "model-mismatch" })
})

test.each<[string, Partial<ConnectOptions>]>([
  ['url: "nowhere" is no http address', { url: "nowhere" }],
  ['url: "ftp://h" is no http address', { url: "ftp://h" }],
  ["url: give the host's address without user", { url: "http://user:secret@h" }],
  ["url: give the host's address without user", { url: "http://h/?x=1" }],
  ['session: ".." is no name', { session: ".." }],
  ['session: "a/b" is no name', { session: "a/b" }],
  ['workspace: "" is no name', { workspace: "" }],
  ["headers: a name or value cannot be sent", { headers: { authorization: "a\nb" } }],
  ["kinds: give 1–64 names", { kinds: [] }],
  ["kinds: give 1–64 names", { kinds: ["a,b"] }],
  ["from: write the number of events", { from: `tail:${-1}` }],
  ["model: cannot fold what a filter hides", { model: tally, kinds: ["line"] }],
  ["model: cannot fold over a gap without an observation", { model: tally, recover: "rest" }],
  ["model: a stored cursor has no state", { model: tally, storage: memoryCursor() }],
  ["model: pass the `state` that belongs to the cursor", { model: tally, cursor: "c1" }],
  ["model: begin at an observation", { model: tally, from: "now" }],
  ["model: begin at an observation", { model: tally, from: "tail:5" }],
  ["state: goes with a `model`", { state: { view: 0, provisional: null } }],
])("%s: refused before anything is sent", (message, options) => {
  const thrown = expect.objectContaining({ code: "bad-options", message: expect.stringContaining(message) })
  expect(() => connect({ url: "http://127.0.0.1:9", session: "s", ...options })).toThrow(thrown)
})
