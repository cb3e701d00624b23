// What clients do to sockets: stop reading, half-close, reset, send garbage, at every moment. Nobody else notices, nothing
// is left behind, and the process goes on.

import { afterAll, describe, expect, test } from "vitest"
import { startHost } from "./host-under-test.testing.ts"
import { rawExchange, RawSocket, requestText } from "./raw-socket.testing.ts"

const host = await startHost({
  limits: { "write-deadline": 300, "max-age": 60_000, heartbeat: 200, "header-time": 400, "request-time": 800 },
})
const { meter } = host.parts

afterAll(async () => {
  await host.stop()
  expect(host.fatal).toEqual([])
})

const get = (path: string, more = ""): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`
const subscribe = (id: string): string => get(`/v1/sessions/${id}/subscribe?from=start`)

async function publish(id: string, data: unknown = null, count = 1, url = host.url): Promise<void> {
  const body = JSON.stringify(Array.from({ length: count }, () => ({ kind: "n", data })))
  const headers = { "content-type": "application/json" }
  const response = await fetch(`${url}/v1/sessions/${id}/events`, { method: "POST", headers, body })
  expect(response.status).toBe(200)
}

async function jsonOf(path: string) {
  return Object(await (await fetch(host.url + path)).json())
}

async function info(id: string): Promise<{ readonly readers: number; readonly head: number }> {
  return jsonOf(`/v1/sessions/${id}`)
}

/** Asks the host until it is so: there is nothing else to wait for. */
async function eventually(isSo: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await isSo()));
}

const gone = (id: string) => eventually(async () => (await info(id)).readers === 0)

describe("a client that stops reading", () => {
  test("is closed at the write deadline, and its cursor still works", async () => {
    await publish("stalled")
    const client = await RawSocket.open(host.port)
    await client.send(subscribe("stalled")).until("caught_up")
    const [cursor] = client.received.match(/(?<=id: )[A-Za-z0-9._-]+(?=\n\n\r\n[0-9a-f]+\r\nevent: caught_up)/) ?? []
    client.socket.pause()
    const before = meter.stalled
    for (let n = 0; n < 40; n++) await publish("stalled", "x".repeat(200_000))
    await eventually(() => fetch(`${host.url}/healthz`).then(() => meter.stalled > before))
    await gone("stalled")
    client.socket.destroy()
    const resumed = await jsonOf(`/v1/sessions/stalled/resume?cursor=${cursor}`)
    expect([resumed.type, resumed.events[0].position]).toEqual(["replayed", 2])
  })

  test("and half-closes is closed at once, which nothing but the socket's end tells", async () => {
    await publish("halfway")
    const client = await RawSocket.open(host.port)
    await client.send(subscribe("halfway")).until("caught_up")
    client.socket.pause()
    for (let n = 0; n < 40; n++) await publish("halfway", "x".repeat(200_000))
    client.socket.end()
    await gone("halfway")
    client.socket.destroy()
  })
})

describe("a client that leaves", () => {
  test.each([
    ["closes", (client: RawSocket) => client.socket.destroy()],
    ["half-closes", (client: RawSocket) => client.socket.end()],
    ["resets", (client: RawSocket) => client.socket.resetAndDestroy()],
  ])("a stream's client that %s leaves no reader", async (_how, leave) => {
    const id = `left-${_how}`
    await publish(id)
    const client = await RawSocket.open(host.port)
    await client.send(subscribe(id)).until("caught_up")
    expect((await info(id)).readers).toBe(1)
    leave(client)
    await gone(id)
  })

  test("a reset at any moment of a stream leaves nothing", async () => {
    await publish("reset", "x".repeat(1000), 200)
    const request = subscribe("reset")
    const clients = await Promise.all(Array.from({ length: request.length }, () => RawSocket.open(host.port)))
    for (const [at, client] of clients.entries()) {
      client.send(request.slice(0, at + 1))
      if (at % 3 === 0) client.socket.resetAndDestroy()
      else setImmediate(() => client.socket.resetAndDestroy())
    }
    await gone("reset")
    await eventually(() => fetch(`${host.url}/healthz`).then(() => meter.streams === 0))
  })

  test("a reset while it is told of events leaves nothing", async () => {
    await publish("busy")
    const clients = await Promise.all(Array.from({ length: 50 }, () => RawSocket.open(host.port)))
    await Promise.all(clients.map((client) => client.send(subscribe("busy")).until("caught_up")))
    const publishing = Promise.all(Array.from({ length: 20 }, () => publish("busy", "x".repeat(10_000))))
    for (const client of clients) client.socket.resetAndDestroy()
    await publishing
    await gone("busy")
  })

  test("a publisher that dies mid-batch leaves none of it", async () => {
    await publish("dies")
    const body = JSON.stringify(Array.from({ length: 100 }, () => ({ kind: "n", data: "x".repeat(100) })))
    const request = requestText("POST", "/v1/sessions/dies/events", {}, body)
    for (const unsent of [body.length, body.length - 1, body.length >> 1, 1]) {
      const client = await RawSocket.open(host.port)
      client.send(request.slice(0, -unsent))
      client.socket.resetAndDestroy()
    }
    await publish("dies")
    expect((await info("dies")).head).toBe(2)
  })

  test("a client that waits for a session and leaves is waited for no more", async () => {
    const clients = await Promise.all(Array.from({ length: 10 }, () => RawSocket.open(host.port)))
    for (const client of clients) await client.send(get("/v1/sessions/never/subscribe?missing=wait")).until("tidemark")
    expect(meter.streams).toBe(10)
    await clients[0]?.until("heartbeat")
    for (const client of clients) client.socket.destroy()
    await eventually(() => fetch(`${host.url}/healthz`).then(() => meter.streams === 0))
    await publish("never")
    expect((await info("never")).readers).toBe(0)
  })

  test("a long poll whose client leaves is taken back", async () => {
    await publish("polled")
    const { cursor } = await jsonOf("/v1/sessions/polled/observation")
    const client = await RawSocket.open(host.port)
    client.send(get(`/v1/sessions/polled/resume?cursor=${cursor}&wait=25`))
    await eventually(async () => (await info("polled")).readers === 1)
    client.socket.destroy()
    await gone("polled")
  })
})

describe("what is no HTTP", () => {
  const post = (headers: Record<string, string>, body?: string): string => requestText("POST", "/v1/sessions/s/events", headers, body)
  const garbage: readonly (readonly [string, string | Uint8Array])[] = [
    ["noise", Uint8Array.from({ length: 512 }, (_, n) => (n * 7919) % 256)],
    ["TLS", Uint8Array.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc])],
    ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ["no version", "GET /\r\n\r\n"],
    ["a bad method", "G@T / HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    ["two lengths", post({ "content-length": "6" }, "abcde")],
    ["a length and chunks", post({ "Transfer-Encoding": "chunked" }, "0\r\n\r\n")],
    ["chunks twice", post({ "Transfer-Encoding": "chunked, chunked" }) + "0\r\n\r\n"],
    ["a chunk that is none", post({ "Content-Type": "application/json", "Transfer-Encoding": "chunked" }) + "zz\r\n"],
    ["a header with NUL", "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: a\u0000b\r\n\r\n"],
    ["a folded header", "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b: c\r\n\r\n"],
    ["a bare LF", "GET /healthz HTTP/1.1\nHost: localhost\n\n"],
    ["CONNECT", "CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    ["an upgrade", "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close, Upgrade\r\nUpgrade: websocket\r\n\r\n"],
  ]

  test.each(garbage)("%s is refused or closed, and the process goes on", async (_name, bytes) => {
    const client = await RawSocket.open(host.port)
    const got = await client.send(bytes).rest()
    client.socket.destroy()
    expect(got === "" || /^HTTP\/1\.1 [2-5][0-9][0-9] /.test(got)).toBe(true)
    expect((await fetch(`${host.url}/healthz`)).status).toBe(200)
    expect((await fetch(`${host.url}/v1/sessions/s`)).status).toBe(404)
  })

  test("what cannot be parsed is answered as a problem", async () => {
    const got = await rawExchange(host.port, "nonsense\r\n\r\n")
    expect(got).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n.*application\/problem\+json.*\/bad-request"/s)
  })

  test("garbage on an open stream ends that stream, and writes nothing into it", async () => {
    await publish("garbled")
    const client = await RawSocket.open(host.port)
    await client.send(subscribe("garbled")).until("caught_up")
    const got = await client.send("\u0000\u0001nonsense\r\n\r\n").rest()
    expect(got.match(/HTTP\/1\.1/g)).toEqual(["HTTP/1.1"])
    await gone("garbled")
  })

  test("requests behind a stream are never answered into it", async () => {
    await publish("piped")
    const client = await RawSocket.open(host.port)
    client.send(subscribe("piped") + get("/healthz") + subscribe("piped") + get("/nonsense"))
    await client.until("caught_up")
    await publish("piped", "second")
    const got = await client.until("second")
    expect(got.match(/HTTP\/1\.1/g)).toEqual(["HTTP/1.1"])
    client.socket.destroy()
    await gone("piped")
  })

  test("L17 requests that wait their turn leave nothing when their client does", async () => {
    const waiting = get("/v1/sessions/nobody/subscribe?missing=wait")
    const clients = await Promise.all(Array.from({ length: 10 }, () => RawSocket.open(host.port)))
    for (const client of clients) await client.send(waiting + waiting + waiting).until("tidemark")
    for (const client of clients) client.socket.destroy()
    await eventually(() => fetch(`${host.url}/healthz`).then(() => meter.streams === 0))
    await eventually(async () => (await jsonOf("/v1/stats")).driver.callsWaiting === 0)
  })

  test("what is sent behind a stream on its connection is no request: nothing is appended and nobody waits for an answer", async () => {
    await publish("behind")
    const client = await RawSocket.open(host.port)
    await client.send(subscribe("behind")).until("caught_up")
    client.send(requestText("POST", "/v1/sessions/behind/events", { "content-type": "application/json" }, '{"kind":"n"}'))
    await publish("behind", "after")
    await client.until("after")
    client.socket.destroy()
    await gone("behind")
    expect((await info("behind")).head).toBe(2)
  })

  test("a storm of pipelined requests that are cut at any moment does not end the process", async () => {
    const kinds = [
      (id: string) => requestText("POST", `/v1/sessions/${id}/events`, { "content-type": "application/json" }, '{"kind":"n"}'),
      (id: string) => get(`/v1/sessions/${id}/subscribe?missing=wait`),
      (id: string) => get(`/v1/sessions/${id}/resume?cursor=x`, "Accept: text/event-stream\r\n"),
    ]
    let seed = 20_261_121
    const below = (limit: number): number => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 1) % limit
    for (let round = 0; round < 20; round++) {
      const storm = Array.from({ length: 20 }, async () => {
        const text = Array.from({ length: 1 + below(3) }, () => kinds[below(kinds.length)]?.(`storm${below(5)}`)).join("")
        const client = await RawSocket.open(host.port)
        client.send(below(2) === 0 ? text : text.slice(0, below(text.length)))
        if (below(2) === 0) client.socket.resetAndDestroy()
        else client.socket.end().destroySoon()
      })
      await Promise.all(storm)
    }
    expect((await fetch(`${host.url}/healthz`)).status).toBe(200)
    await eventually(() => fetch(`${host.url}/healthz`).then(() => meter.streams === 0))
  })

  test("requests behind requests are answered in their order", async () => {
    const got = await rawExchange(host.port, get("/healthz") + get("/nonsense") + get("/healthz", "Connection: close\r\n"))
    expect(got.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 404", "HTTP/1.1 200"])
  })

  test("headers and bodies that never end are cut off in time, with a sentence", async () => {
    const [headers, body] = await Promise.all([
      rawExchange(host.port, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: "),
      rawExchange(host.port, post({ "Content-Length": "9" }, "{")),
    ])
    for (const got of [headers, body]) expect(got).toMatch(/^HTTP\/1\.1 400 .*limits header-time and request-time/s)
  })
})

describe("a stream that lives long", () => {
  test("is told in its silence where it stands", async () => {
    await publish("quiet")
    const client = await RawSocket.open(host.port)
    const got = await client.send(subscribe("quiet")).until("event: heartbeat\ndata: {}\nid: 1.")
    expect(got.indexOf("caught_up")).toBeLessThan(got.indexOf("event: heartbeat"))
    client.socket.destroy()
  })

  test("ends at its greatest age with reconnect, and the end of its body", async () => {
    const young = await startHost({ limits: { "max-age": 150, heartbeat: 100 } })
    await publish("old", null, 1, young.url)
    const got = await rawExchange(young.port, subscribe("old"))
    expect(got).toMatch(/event: reconnect\ndata: \{"afterMs":\d+,"reason":"max_age"\}\n\n\r\n0\r\n\r\n$/)
    await young.stop()
  })

  test("over HTTP/1.0 is bytes as they are, until the end", async () => {
    const young = await startHost({ limits: { "max-age": 150, heartbeat: 100 } })
    await publish("old", null, 1, young.url)
    const got = await rawExchange(young.port, "GET /v1/sessions/old/subscribe?from=start HTTP/1.0\r\nHost: localhost\r\n\r\n")
    expect(got).not.toContain("transfer-encoding")
    expect(got).toMatch(/\r\n\r\nretry: \d+\n: tidemark\n\nevent: hello\n.*"reason":"max_age"\}\n\n$/s)
    await young.stop()
  })
})
