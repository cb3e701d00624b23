// The example as a program of its own, with clients it has never heard of.

import { once } from "node:events"
import { connect as connectTcp } from "node:net"
import { fileURLToPath } from "node:url"
import { append, connect } from "@tidemark/client"
import { EventSource } from "eventsource"
import { afterAll, describe, expect, test } from "vitest"
import { FaultProxy } from "./fault-proxy.testing.ts"
import { start } from "./host-process.ts"

const server = await start([fileURLToPath(new URL("../dist/plain-node.js", import.meta.url))], { PORT: "0" })
afterAll(() => server.stop())

const lines = (count: number, from = 1) => Array.from({ length: count }, (_, i) => ({ kind: "line", data: `line ${from + i} ☃` }))

async function problemOf(path: string, init?: RequestInit): Promise<string> {
  const answer = await fetch(`${server.url}${path}`, init)
  const problem: { readonly type: string; readonly status: number } = JSON.parse(await answer.text())
  expect(problem.status).toBe(answer.status)
  return `${answer.status} ${problem.type.split("/").at(-1)}`
}

const json = (body: string, key?: string): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json", ...(key === undefined ? {} : { "idempotency-key": key }) },
  body,
})

test("our client reads live over a connection that is cut again and again, each event once, in order", async () => {
  const proxy = await FaultProxy.start(server.url, { seed: 11, bytesMax: 8000 })
  await append({ url: server.url, session: "ours" }, lines(10))
  const read: unknown[] = []
  for await (const item of connect({ url: proxy.url, session: "ours", from: "start", timing: { backoffMinMs: 5, backoffMaxMs: 10 } })) {
    if (item.type !== "event") continue
    read.push(item.event.data)
    if (read.length === 10) proxy.cutting = true
    if (read.length % 10 === 0 && read.length < 100) await append({ url: server.url, session: "ours" }, lines(10, read.length + 1))
    if (read.length === 100) break
  }
  expect(read).toEqual(lines(100).map(({ data }) => data))
  expect(proxy.cuts).toBeGreaterThanOrEqual(2)
  await proxy.stop()
})

test("an EventSource that stops goes on elsewhere from its last id", async () => {
  const read = (from: string, until: number): Promise<{ readonly data: readonly unknown[]; readonly id: string }> =>
    new Promise((resolve) => {
      const data: unknown[] = []
      const source = new EventSource(`${server.url}/v1/sessions/elsewhere/subscribe?${from}`)
      source.onmessage = (message) => {
        if (data.length === until) return // what came in one piece with the last one is given all the same
        data.push(JSON.parse(message.data).data)
        if (data.length < until) return
        source.close()
        resolve({ data, id: message.lastEventId })
      }
    })
  await append({ url: server.url, session: "elsewhere" }, lines(5))
  const first = await read("from=start", 2)
  const second = await read(`cursor=${first.id}`, 3)
  expect([...first.data, ...second.data]).toEqual(lines(5).map(({ data }) => data))
})

test("a repeated append is answered with the first receipt and stored once", async () => {
  const body = JSON.stringify(lines(2))
  const answers = await Promise.all([1, 2, 3].map(async () => (await fetch(`${server.url}/v1/sessions/once/events`, json(body, "@ada:2"))).text()))
  const [receipt]: { readonly first: number; readonly last: number }[] = answers.map((text) => JSON.parse(text))
  expect([receipt?.first, receipt?.last, new Set(answers).size]).toEqual([1, 2, 1])
  expect(await problemOf("/v1/sessions/once/events", json('{"kind":"other"}', "@ada:2"))).toBe("409 key-conflict")
  expect(await problemOf("/v1/sessions/once/events", json(body, "@ada:1"))).toBe("409 key-expired")
})

test("a new reader without a cursor is given the observation", async () => {
  await append({ url: server.url, session: "seen" }, lines(1))
  for await (const item of connect({ url: server.url, session: "seen", follow: false })) {
    if (item.type === "observation") expect(item.observation.position).toBe(1)
    else expect(["status", "caught_up"]).toContain(item.type)
  }
})

test("a client that takes nothing for a while is given everything afterwards", async () => {
  const at = { url: server.url, session: "slow" }
  const large = Array.from({ length: 30 }, (_, i) => ({ kind: "line", data: `${i} ${"x".repeat(100_000)}` }))
  const positions: number[] = []
  await append(at, lines(1))
  for await (const item of connect({ ...at, from: "start" })) {
    if (item.type !== "event") continue
    positions.push(item.event.position)
    if (positions.length === 1) for (let batch = 0; batch < 6; batch++) await append(at, large)
    if (positions.length === 181) break
  }
  expect(positions).toEqual(Array.from({ length: 181 }, (_, i) => i + 1))
})

test("a client that leaves within its request takes nobody with it", async () => {
  const { hostname, port } = new URL(server.url)
  const socket = connectTcp(Number(port), hostname)
  socket.write('POST /v1/sessions/half/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"kind"')
  socket.end()
  socket.resume()
  await once(socket, "close")
  expect(await problemOf("/v1/sessions/half/subscribe")).toBe("404 unknown-session")
})

describe("bad input gets a problem that says what to do", () => {
  test.for([
    ["a session nobody wrote to", "404 unknown-session", "/v1/sessions/nobody/subscribe", {}],
    ["a cursor that is none", "400 cursor-malformed", "/v1/sessions/nobody/subscribe?cursor=1.x", {}],
    ["a place to begin that is none", "400 bad-request", "/v1/sessions/nobody/subscribe?from=middle", {}],
    ["a name that is none", "400 bad-id", "/v1/sessions/a%20b/subscribe", {}],
    ["a route that is none", "404 not-found", "/v1/sessions", {}],
    ["a path that is no URL by itself", "404 not-found", "//", {}],
    ["the wrong method", "405 method-not-allowed", "/v1/sessions/a/events", {}],
    ["what is not called JSON", "415 unsupported-media-type", "/v1/sessions/a/events", { method: "POST", body: "{}" }],
    ["what is no JSON", "400 bad-json", "/v1/sessions/a/events", json("{")],
    ["numbers that would not come back as they are", "400 bad-json", "/v1/sessions/a/events", json('{"kind":"n","data":9007199254740993}')],
    ["bytes that are not UTF-8", "400 bad-utf8", "/v1/sessions/a/events", { ...json(""), body: new Uint8Array([0x22, 0xff, 0x22]) }],
    ["a draft without kind", "400 bad-request", "/v1/sessions/a/events", json('[{"kind":"good"},{"data":1}]')],
    ["an empty batch", "400 bad-request", "/v1/sessions/a/events", json("[]")],
    ["a key that is none", "400 bad-key", "/v1/sessions/a/events", json('{"kind":"n"}', "@ada")],
    ["too much", "413 too-large", "/v1/sessions/a/events", json(`{"kind":"n","data":"${"x".repeat(4 * 1024 * 1024)}"}`)],
  ] as const)("%s", async ([, wanted, path, init]) => {
    expect(await problemOf(path, init)).toBe(wanted)
  })

  test("and nothing of it is stored", async () => {
    expect(await problemOf("/v1/sessions/a/subscribe")).toBe("404 unknown-session")
  })
})
