// The end of a host: readers are asked to come back, what is under way is answered, nothing hangs, and it is over within
// the drain limit whatever clients do.

import { MemoryLog, type SessionLog } from "@tidemark/driver"
import { expect, test } from "vitest"
import { startHost, type HostUnderTest } from "./host-under-test.testing.ts"
import { RawSocket, requestText } from "./raw-socket.testing.ts"

const json = { "content-type": "application/json" }

async function publish({ url }: HostUnderTest, id: string, data: unknown = null): Promise<Response> {
  return fetch(`${url}/v1/sessions/${id}/events`, { method: "POST", headers: json, body: JSON.stringify({ kind: "n", data }) })
}

async function jsonOf(url: string) {
  return Object(await (await fetch(url)).json())
}

async function subscribed({ port }: HostUnderTest, id: string): Promise<RawSocket> {
  const client = await RawSocket.open(port)
  await client.send(`GET /v1/sessions/${id}/subscribe HTTP/1.1\r\nHost: localhost\r\n\r\n`).until("caught_up")
  return client
}

test("a thousand streams are asked to come back, each at a time of its own, and end", async () => {
  const host = await startHost({ limits: { drain: 20_000 } })
  await publish(host, "many")
  const clients: RawSocket[] = []
  for (let group = 0; group < 20; group++) clients.push(...(await Promise.all(Array.from({ length: 50 }, () => subscribed(host, "many")))))
  await host.stop()
  const ends = await Promise.all(clients.map((client) => client.rest()))
  const waits = ends.map((end) => /event: reconnect\ndata: \{"afterMs":(\d+),"reason":"drain"\}\n\n\r\n0\r\n\r\n$/.exec(end)?.[1])
  expect(waits.filter((wait) => wait === undefined)).toEqual([])
  expect(new Set(waits).size).toBeGreaterThan(100)
  expect([host.parts.meter.streams, host.parts.meter.connections, host.fatal]).toEqual([0, 0, []])
}, 120_000)

test("a stream that waits for its session, and a long poll, end too", async () => {
  const host = await startHost()
  await publish(host, "polled")
  const { cursor } = await jsonOf(`${host.url}/v1/sessions/polled/observation`)
  const waiting = await RawSocket.open(host.port)
  await waiting.send("GET /v1/sessions/never/subscribe?missing=wait HTTP/1.1\r\nHost: localhost\r\n\r\n").until("tidemark")
  const polling = fetch(`${host.url}/v1/sessions/polled/resume?cursor=${cursor}&wait=25`)
  while ((await jsonOf(`${host.url}/v1/sessions/polled`)).readers === 0);
  await host.stop()
  expect(await waiting.rest()).toContain('"reason":"drain"')
  expect(await (await polling).json()).toMatchObject({ type: "replayed", events: [], upToDate: true })
})

test("a connection that never sent a byte is not waited for", async () => {
  const host = await startHost({ limits: { drain: 600_000, "header-time": 600_000, "request-time": 600_000 } })
  const silent = await RawSocket.open(host.port)
  while (host.parts.meter.connections === 0) await publish(host, "any")
  await host.stop()
  expect(await silent.rest()).toBe("")
}, 15_000)

test("an append that is under way is answered, and what comes after it is told to come back", async () => {
  const late = new LateLog()
  const host = await startHost({ parts: { log: late } })
  const append = publish(host, "late", "under way")
  const other = await RawSocket.open(host.port)
  await other.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").until("ok")
  await late.asked
  const stopping = host.stop()
  other.send(requestText("POST", "/v1/sessions/late/events", {}, '{"kind":"n"}'))
  const refused = await other.rest()
  late.answerAll()
  await stopping
  expect(await (await append).json()).toMatchObject({ first: 1, last: 1 })
  expect(refused).not.toContain("durability")
})

test("a client that takes nothing cannot hold the end up beyond the drain limit", async () => {
  const host = await startHost({ limits: { drain: 400 } })
  await publish(host, "held")
  const stalled = await subscribed(host, "held")
  stalled.socket.pause()
  for (let n = 0; n < 40; n++) await publish(host, "held", "x".repeat(200_000))
  const halfSent = (await RawSocket.open(host.port)).send("GET /healthz HT")
  const silent = await RawSocket.open(host.port)
  const began = performance.now()
  await host.stop()
  expect(performance.now() - began).toBeLessThan(2000)
  for (const client of [stalled, halfSent, silent]) client.socket.destroy()
  expect(host.fatal).toEqual([])
})

test("nothing listens any more", async () => {
  const host = await startHost()
  await host.stop()
  await expect(RawSocket.open(host.port)).rejects.toMatchObject({ code: "ECONNREFUSED" })
})

test("a port that is taken refuses the start, and says what to do", async () => {
  const host = await startHost()
  await expect(startHost({ port: host.port })).rejects.toThrow(`127.0.0.1:${host.port} already: end it, or choose another port with --port`)
  await host.stop()
})

const bounds = { memoryLogEvents: 1000, memoryLogBytes: 1e6, keyAgeMs: 1000, keysPerSession: 10, keysPerProducer: 10 }

/** A memory log that answers when it is told to. */
class LateLog implements SessionLog {
  readonly sole = true
  readonly keepsEntries = true
  readonly appendsInFlightMax = 1
  readonly durability = "memory"
  readonly asked: Promise<void>
  readonly #memory = new MemoryLog({ limits: { ...bounds, sessionsPerWorkspace: 10 }, token: () => "t" })
  readonly #held: (() => void)[] = []
  #ask: () => void = () => {}

  constructor() {
    this.asked = new Promise((resolve) => {
      this.#ask = resolve
    })
  }

  submit(...[request, answer]: Parameters<SessionLog["submit"]>): void {
    this.#held.push(() => this.#memory.submit(request, answer))
    this.#ask()
  }

  answerAll(): void {
    for (const answer of this.#held.splice(0)) answer()
  }
}
