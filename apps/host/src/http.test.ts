// What holds for every route alike: who may ask, what comes with every answer, and how limits are said.

import { request } from "node:http"
import { afterAll, describe, expect, test } from "vitest"
import { startHost } from "./host-under-test.testing.ts"
import { rawExchange, RawSocket, requestText } from "./raw-socket.testing.ts"

const host = await startHost({
  limits: { "readers-per-session": 2, "body-bytes": 100_000, "event-bytes": 50_000, "header-bytes": 4096, retry: 1000 },
  allowedHosts: ["proxy.example"],
  corsOrigins: ["https://page.example"],
})

afterAll(async () => {
  await host.stop()
  expect(host.fatal).toEqual([])
})

interface Got {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

function call(method: string, path: string, headers: Record<string, string> = {}, body?: string, port = host.port): Promise<Got> {
  return new Promise((resolve, reject) => {
    const sent = request({ method, path, headers, port, host: "127.0.0.1" }, (response) => {
      const chunks: Buffer[] = []
      response.on("data", (chunk: Buffer) => chunks.push(chunk))
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString() })
      })
    })
    sent.on("error", reject)
    sent.end(body)
  })
}

const problemOf = ({ text }: Got): unknown => JSON.parse(text).type.split("/").at(-1)
const json = { "content-type": "application/json" }

async function publish(id: string): Promise<void> {
  expect((await call("POST", `/v1/sessions/${id}/events`, json, '{"kind":"n"}')).status).toBe(200)
}

describe("who may ask", () => {
  test("a name that is not this host's is refused, on loopback too", async () => {
    const got = await call("GET", "/v1/sessions", { host: "evil.example" })
    expect([got.status, problemOf(got)]).toEqual([403, "forbidden-host"])
    expect((await call("GET", "/v1/sessions", { host: "proxy.example" })).status).toBe(200)
  })

  test("a page of another origin is refused before anything is done", async () => {
    const got = await call("POST", "/v1/sessions/foreign/events", { ...json, origin: "https://evil.example" }, '{"kind":"n"}')
    expect([got.status, problemOf(got), got.headers["access-control-allow-origin"]]).toEqual([403, "forbidden-origin", undefined])
    expect((await call("GET", "/v1/sessions/foreign")).status).toBe(404)
  })

  test("a page of this host, or a listed one, is let in; the listed one is told so whatever the status", async () => {
    expect((await call("GET", "/healthz", { origin: `http://127.0.0.1:${host.port}` })).status).toBe(200)
    const got = await call("GET", "/v1/sessions/nobody", { origin: "https://page.example" })
    expect([got.status, got.headers["access-control-allow-origin"], got.headers["vary"]]).toEqual([404, "https://page.example", "Origin"])
    expect(got.headers["access-control-expose-headers"]).toBe("ETag, Retry-After")
    expect(got.headers["access-control-allow-credentials"]).toBe(undefined)
  })

  test("a preflight says what may be sent", async () => {
    const asked = { origin: "https://page.example", "access-control-request-method": "POST" }
    const got = await call("OPTIONS", "/v1/sessions/a/events", asked)
    expect([got.status, got.headers["access-control-allow-origin"]]).toEqual([204, "https://page.example"])
    expect(got.headers["access-control-allow-methods"]).toBe("GET, HEAD, POST, PUT, DELETE")
    expect(got.headers["access-control-allow-headers"]).toBe("Content-Type, Last-Event-ID, Idempotency-Key, If-Match, Authorization")
    expect((await call("OPTIONS", "/v1/sessions/a/events", { ...asked, origin: "https://evil.example" })).status).toBe(403)
  })

  test("a request without Host, or with two, is refused", async () => {
    const without = await rawExchange(host.port, "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n")
    const twice = await rawExchange(host.port, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\nConnection: close\r\n\r\n")
    expect([without.slice(0, 12), twice.slice(0, 12)]).toEqual(["HTTP/1.1 400", "HTTP/1.1 400"])
  })

  test("a target that names another host in its own words is judged by Host", async () => {
    const got = await rawExchange(host.port, `GET http://evil.example/healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n`)
    expect(got.slice(0, 12)).toBe("HTTP/1.1 403")
  })
})

describe("what comes with an answer", () => {
  test("every answer carries the security headers", async () => {
    for (const path of ["/healthz", "/nonsense", "/v1/sessions/nobody"]) {
      const { headers } = await call("GET", path)
      expect([headers["x-content-type-options"], headers["content-security-policy"], headers["cache-control"]]).toEqual([
        "nosniff",
        "default-src 'none'; frame-ancestors 'none'",
        "no-store",
      ])
    }
  })

  test("HEAD answers what GET would, without a body", async () => {
    await publish("headed")
    for (const path of ["/healthz", "/v1/sessions/headed", "/v1/sessions/headed/events", "/v1/sessions/headed/observation", "/nonsense"]) {
      const [get, head] = [await call("GET", path), await call("HEAD", path)]
      expect([head.status, head.text, head.headers["content-length"]]).toEqual([get.status, "", get.headers["content-length"]])
    }
  })

  test("HEAD of a subscription at the close entry is answered 204, as GET is", async () => {
    await publish("ended")
    const receipt = JSON.parse((await call("POST", "/v1/sessions/ended/close", json, "{}")).text)
    const path = `/v1/sessions/ended/subscribe?cursor=${receipt.cursor}`
    expect([(await call("GET", path)).status, (await call("HEAD", path)).status]).toEqual([204, 204])
    expect((await call("HEAD", "/v1/sessions/ended/subscribe")).status).toBe(200)
  })

  test("a parameter with choices is refused in a sentence that lists them", async () => {
    const wrong = {
      "subscribe?recover=maybe": "The parameter recover is events, auto or rest.",
      "subscribe?missing=": "The parameter missing is wait.",
      "subscribe?refuse=429": "The parameter refuse is status.",
      "subscribe?from=tail:0": "The parameter from is observation, start, now or tail:N with N from 1.",
    }
    for (const [path, detail] of Object.entries(wrong)) {
      const got = await call("GET", `/v1/sessions/a/${path}`)
      expect([got.status, JSON.parse(got.text).detail]).toEqual([400, detail])
    }
    const created = await call("POST", "/v1/sessions/a/events?create=no", json, '{"kind":"n"}')
    expect([created.status, JSON.parse(created.text).detail]).toEqual([400, "The parameter create is true or false."])
  })

  test("OPTIONS says which methods a route takes", async () => {
    expect((await call("OPTIONS", "/v1/sessions/a/commit")).headers["allow"]).toBe("OPTIONS, POST")
    expect((await call("OPTIONS", "/v1/sessions/a")).headers["allow"]).toBe("DELETE, GET, HEAD, OPTIONS, PUT")
  })

  test("health, stats, metrics and the description are there", async () => {
    expect((await call("GET", "/healthz")).text).toBe('{"status":"ok"}')
    expect(JSON.parse((await call("GET", "/v1/stats")).text)).toMatchObject({ version: "test", host: { streams: 0 } })
    const metrics = await call("GET", "/metrics")
    expect(metrics.headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8")
    expect(metrics.text).toMatch(/^# HELP tidemark_connections .+\n# TYPE tidemark_connections gauge\ntidemark_connections [1-9]/)
    expect(metrics.text).toMatch(/\ntidemark_refused_total\{type="forbidden-host"\} [1-9]/)
    const document = JSON.parse((await call("GET", "/openapi.json")).text)
    expect(Object.keys(document.paths)).toContain("/v1/workspaces/{workspace}/sessions/{id}/subscribe")
    expect(document.paths["/v1/sessions/{id}/events"].post.responses.default.content).toHaveProperty(["application/problem+json"])
  })
})

describe("limits", () => {
  test("a body that says it is too large is answered 413 without being read", async () => {
    const client = await RawSocket.open(host.port)
    client.send(requestText("POST", "/v1/sessions/a/events", { "Content-Length": "999999999" }, "{"))
    const got = await client.until("\r\n\r\n{")
    expect(got).toMatch(/^HTTP\/1\.1 413 .*\r\nconnection: close\r\n/is)
    expect(await client.rest()).toContain("/too-large")
  })

  test("a body that turns out too large is answered 413 while it is sent, and the answer is not lost", async () => {
    const client = await RawSocket.open(host.port)
    client.send(requestText("POST", "/v1/sessions/a/events", { "Content-Type": "application/json", "Transfer-Encoding": "chunked" }))
    for (let chunk = 0; chunk < 40; chunk++) client.send(`2710\r\n${"x".repeat(10_000)}\r\n`)
    expect(await client.until("}")).toMatch(/^HTTP\/1\.1 413 /)
    client.send("0\r\n\r\n")
    await client.rest()
    expect((await call("GET", "/v1/sessions/a")).status).toBe(404)
  })

  test("a transfer coding other than chunked is refused and the connection closed, never read as it stands", async () => {
    const body = 'c\r\n{"kind":"n"}\r\n0\r\n\r\n'
    for (const coding of ["gzip, chunked", "identity, Chunked"]) {
      const headers = { "Content-Type": "application/json", "Transfer-Encoding": coding }
      const got = await rawExchange(host.port, requestText("POST", "/v1/sessions/coded/events", headers) + body)
      expect(got, coding).toMatch(/^HTTP\/1\.1 415 .*\r\nconnection: close\r\n.*\/unsupported-media-type/is)
    }
    const chunked = { "Content-Type": "application/json", "Transfer-Encoding": "Chunked", Connection: "close" }
    const taken = await rawExchange(host.port, requestText("POST", "/v1/sessions/c/events", chunked) + body)
    expect(taken).toMatch(/^HTTP\/1\.1 200 /)
    expect((await call("GET", "/v1/sessions/coded")).status).toBe(404)
  })

  test("a client that waits for 100-continue is told 413 instead, or goes on", async () => {
    const refused = await RawSocket.open(host.port)
    const waiting = { "Content-Type": "application/json", Expect: "100-continue" }
    refused.send(requestText("POST", "/v1/sessions/c/events", { ...waiting, "Content-Length": "999999" }))
    expect(await refused.rest()).toMatch(/^HTTP\/1\.1 413 /)
    const taken = await RawSocket.open(host.port)
    taken.send(requestText("POST", "/v1/sessions/c/events", { ...waiting, "Content-Length": "12" }))
    await taken.until("HTTP/1.1 100 Continue\r\n\r\n")
    expect(await taken.send('{"kind":"n"}').until("cursor")).toContain("HTTP/1.1 200 OK")
    taken.socket.destroy()
  })

  test("headers that are too large are 431, however they are made", async () => {
    const one = await rawExchange(host.port, `GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(8000)}\r\n\r\n`)
    const many = await rawExchange(host.port, `GET /healthz HTTP/1.1\r\nHost: localhost\r\n${"a: b\r\n".repeat(4000)}\r\n`)
    for (const got of [one, many]) expect(got).toMatch(/^HTTP\/1\.1 431 .*application\/problem\+json.*\/header-too-large/s)
  })

  test("no header is dropped without a word", async () => {
    const headers = Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`x-${n}`, "v"]))
    const got = await call("POST", "/v1/sessions/a/events", { ...headers, ...json, "idempotency-key": "_bad" }, '{"kind":"n"}')
    expect(problemOf(got)).toBe("bad-key")
  })

  test("a stream too many is refused for now: in band to who would take a status for final, else 429", async () => {
    await publish("full")
    const open = await Promise.all([RawSocket.open(host.port), RawSocket.open(host.port)])
    for (const client of open) {
      await client.send("GET /v1/sessions/full/subscribe HTTP/1.1\r\nHost: localhost\r\n\r\n").until("caught_up")
    }
    const native = await call("GET", "/v1/sessions/full/subscribe", { accept: "text/event-stream" })
    const status = await call("GET", "/v1/sessions/full/subscribe?refuse=status", { accept: "text/event-stream" })
    const plain = await call("GET", "/v1/sessions/full/subscribe")
    expect([native.status, native.headers["content-type"]]).toEqual([200, "text/event-stream; charset=utf-8"])
    expect(native.text).toMatch(/^retry: (\d+)\n.*event: reconnect\ndata: \{"afterMs":\1,"reason":"limit-reached"\}\n\n$/s)
    expect([status, plain].map((got) => [got.status, problemOf(got), got.headers["retry-after"]])).toEqual([
      [429, "limit-reached", "1"],
      [429, "limit-reached", "1"],
    ])
    for (const client of open) client.socket.destroy()
  })
})

test("more connections than there may be are answered 429 and closed", async () => {
  const small = await startHost({ limits: { connections: 2 } })
  const held = await Promise.all([RawSocket.open(small.port), RawSocket.open(small.port)])
  for (const client of held) await client.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").until("ok")
  const got = await rawExchange(small.port, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
  expect(got).toMatch(/^HTTP\/1\.1 429 .*connection: close.*\/limit-reached/is)
  for (const client of held) client.socket.destroy()
  await small.stop()
})

describe("a log that does not answer", () => {
  test("a change is outcome-unknown, a question is unavailable, and a stream is asked to come back", async () => {
    const log = { sole: true, keepsEntries: true, appendsInFlightMax: 1, durability: "memory" as const, submit: () => {} }
    const silent = await startHost({ limits: { "log-timeout": 60 }, parts: { log } })
    const append = await call("POST", "/v1/sessions/a/events", json, '{"kind":"n"}', silent.port)
    const creation = await call("PUT", "/v1/sessions/a", json, "{}", silent.port)
    const deletion = await call("DELETE", "/v1/sessions/a", {}, undefined, silent.port)
    const question = await call("GET", "/v1/sessions/a/observation", {}, undefined, silent.port)
    const stream = await call("GET", "/v1/sessions/a/subscribe", { accept: "text/event-stream" }, undefined, silent.port)
    expect([append, creation, deletion, question].map((got) => [got.status, problemOf(got), got.headers["retry-after"]])).toEqual([
      ...[[503, "outcome-unknown", "1"], [503, "outcome-unknown", "1"], [503, "outcome-unknown", "1"]],
      [503, "unavailable", "1"],
    ])
    expect([stream.status, stream.text.includes('"reason":"unavailable"')]).toEqual([200, true])
    expect((await call("GET", "/healthz", {}, undefined, silent.port)).status).toBe(200)
    await silent.stop()
  })
})

describe("rates", () => {
  test("requests, bytes and streams above their rate are refused with a time to wait, and take nothing", async () => {
    const limits = { "requests-per-second": 10, "publish-bytes-per-second": 1024, "connects-per-second": 1 }
    const slow = await startHost({ limits, parts: { countsLoopback: true } })
    const at = (method: string, path: string, headers = {}, body?: string) => call(method, path, headers, body, slow.port)
    const filler = JSON.stringify({ kind: "n", data: "x".repeat(2000) })
    const bytes = [await at("POST", "/v1/sessions/a/events", json, filler), await at("POST", "/v1/sessions/a/events", json, filler)]
    expect(bytes.map((got) => [got.status, got.text.includes("/too-many-requests")])).toEqual([[200, false], [429, true]])
    const connects: Got[] = []
    const { cursor } = JSON.parse((await at("GET", "/v1/sessions/a/observation")).text)
    for (let n = 0; n < 3; n++) connects.push(await at("GET", `/v1/sessions/a/resume?cursor=${cursor}`, { accept: "text/event-stream" }))
    expect(connects.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(connects.map(({ text }) => text.includes('"reason":"too-many-requests"'))).toEqual([false, false, true])
    const rest = await Promise.all(Array.from({ length: 30 }, () => at("GET", "/healthz")))
    const refused = rest.filter(({ status }) => status === 429)
    expect(refused.length).toBeGreaterThan(10)
    expect(refused.map(({ headers }) => headers["retry-after"])).toEqual(refused.map(() => "1"))
    await slow.stop()
  })
})

describe("a log that keeps nothing", () => {
  test("readers that are there get what comes; whoever was away is told that nobody can know", async () => {
    const disabled = await startHost({ log: "disabled" })
    const url = `${disabled.url}/v1/sessions/d`
    const publishOne = async (data: number): Promise<{ cursor: string }> =>
      Object(JSON.parse((await call("POST", "/v1/sessions/d/events", json, JSON.stringify({ kind: "n", data }), disabled.port)).text))
    const { cursor } = await publishOne(1)
    const client = await RawSocket.open(disabled.port)
    await client.send("GET /v1/sessions/d/subscribe?from=now HTTP/1.1\r\nHost: localhost\r\n\r\n").until("caught_up")
    await publishOne(2)
    await publishOne(3)
    expect(await client.until('"data":3}')).toContain('"data":2}')
    client.socket.destroy()
    const away = Object(await (await fetch(`${url}/resume?cursor=${cursor}`)).json())
    expect([away.type, away.gap?.reason, away.gap?.missed]).toEqual(["gap", "unknown_log", null])
    const atHead = Object(await (await fetch(`${url}/resume?cursor=${away.observation?.cursor}`)).json())
    expect([atHead.type, atHead.upToDate]).toEqual(["replayed", true])
    await disabled.stop()
  })
})
