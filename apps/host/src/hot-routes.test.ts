// The hot path says what the routes say: the same request is answered alike on it and past it, to the byte but for what names
// the session. An `Origin` that is the host's own changes nothing, and keeps a request off the hot path.

import type { Timestamp } from "@tidemark/kernel"
import { afterAll, describe, expect, test } from "vitest"
import { systemClock } from "./clock.ts"
import { startHost } from "./host-under-test.testing.ts"
import { rawExchange, RawSocket, requestText } from "./raw-socket.testing.ts"

const host = await startHost({ limits: { "body-bytes": 5000, "event-bytes": 1000, "json-depth": 8 }, allowedHosts: ["proxy.example"] })
const listed = await startHost({ corsOrigins: ["https://page.example"] })

afterAll(async () => {
  for (const each of [host, listed]) {
    await each.stop()
    expect(each.fatal).toEqual([])
  }
})

type Headers = Readonly<Record<string, string>>
type Sent = readonly [what: string, status: number, body: string, headers?: Headers]

const ndjson = { "Content-Type": "application/x-ndjson" }

const requests: readonly Sent[] = [
  ["one event", 200, '{"kind":"n","data":{"a":1}}'],
  ["data with space and escapes", 200, ' { "kind" : "n\\u0041" , "data" : [ 1.0 , "\\ud83d\\ude00" ] } '],
  ["no data", 200, '{"kind":"n"}'],
  ["a batch", 200, '[{"kind":"n","data":1},{"kind":"m","data":2}]'],
  ["lines", 200, '{"kind":"n","data":1}\n\n{"kind":"m"}\n', ndjson],
  ["media type with a charset", 200, '{"kind":"n"}', { "Content-Type": "application/json; charset=UTF-8" }],
  ["under a key", 200, '{"kind":"n"}', { "Idempotency-Key": "k" }],
  ["under a producer's number", 200, '{"kind":"n"}', { "Idempotency-Key": "@p:1" }],
  ["by a name that is allowed", 200, '{"kind":"n"}', { Host: "proxy.example" }],
  ["an empty batch", 400, "[]"],
  ["no event", 400, "7"],
  ["a bad entry behind a good one", 400, '[{"kind":"n"},{"data":1}]'],
  ["a bad line", 400, '{"kind":"n"}\nno', ndjson],
  ["a list as a line", 400, '[{"kind":"n"}]', ndjson],
  ["a kind that is none", 400, '{"kind":5}'],
  ["a control character in the kind", 400, '{"kind":"a\\u0007"}'],
  ["an unknown field", 400, '{"kind":"n","date":1}'],
  ["a key twice", 400, '{"kind":"n","data":{"a":1,"a":2}}'],
  ["half a surrogate pair", 400, '{"kind":"n","data":"\\ud800"}'],
  ["a number beyond doubles", 400, '{"kind":"n","data":1e400}'],
  ["too deep", 400, `{"kind":"n","data":${"[".repeat(9)}${"]".repeat(9)}}`],
  ["cut JSON", 400, '{"kind":"n"'],
  ["bytes that are no UTF-8", 400, '{"kind":"\xff"}'],
  ["data that is too large", 413, `{"kind":"n","data":"${"x".repeat(1000)}"}`],
  ["a body that is too large", 413, `[${"1,".repeat(3000)}1]`],
  ["no media type that is known", 415, '{"kind":"n"}', { "Content-Type": "text/plain" }],
  ["another charset", 415, '{"kind":"n"}', { "Content-Type": "application/json; charset=latin1" }],
  ["compressed", 415, '{"kind":"n"}', { "Content-Encoding": "gzip" }],
  ["coded", 415, "", { "Transfer-Encoding": "gzip, chunked" }],
  ["a key of the host's own", 400, '{"kind":"n"}', { "Idempotency-Key": "_k" }],
  ["a key that is none", 400, '{"kind":"n"}', { "Idempotency-Key": "@p" }],
  ["If-Match that is no ETag", 400, '{"kind":"n"}', { "If-Match": "*" }],
  ["If-Match with a cut cursor", 400, '{"kind":"n"}', { "If-Match": '"1.a.b"' }],
  ["by another name", 403, '{"kind":"n"}', { Host: "evil.example" }],
  ["by no name", 400, '{"kind":"n"}', { Host: "" }],
  ["by two names", 400, '{"kind":"n"}', { HOST: "localhost" }],
  ["from a foreign page", 403, '{"kind":"n"}', { Origin: "https://evil.example" }],
]

/** Status, headers and body, without what differs from one moment and one session to the next. */
function comparable(answer: string, session: string): string {
  return answer
    .replaceAll(session, "SESSION")
    .replace(/^date:.*\r\n/gim, "")
    .replace(/"epoch":"[^"]*"/g, '"epoch":"E"')
    .replace(/"(cursor|at)":"[^"]*"/g, '"$1":"C"')
    .replace(/^id: .*$/gm, "id: C")
    .replace(/retry: \d+|"(afterMs|maxAgeMs)":\d+/g, "ms")
    .replace(/^content-length: \d+/gim, "content-length: N")
    .replace(/^[0-9a-f]+\r$/gm, "chunk")
}

const statusOf = (answer: string): string => answer.slice(9, 12)

const past: Headers = { Origin: "http://localhost" }

/** The answers on the hot path and past it. */
async function both(port: number, made: (session: string, headers: Headers) => string): Promise<readonly string[]> {
  const answers = []
  for (const [session, headers] of [["hot-0", {}], ["cold-0", past]] as const) {
    answers.push(comparable(await rawExchange(port, Buffer.from(made(session, { ...headers, Connection: "close" }), "latin1")), session))
  }
  return answers
}

describe("publishing is answered alike on the hot path and past it", () => {
  test.each(requests.map(([what, status, body, headers]) => ({ what, status, body, headers })))("$what: $status", async ({ status, body, headers }) => {
    const [hot = "", cold = ""] = await both(host.port, (session, extra) => {
      const origin = extra["Origin"] === undefined ? {} : { Origin: `http://${headers?.["Host"] ?? "localhost"}` }
      return requestText("POST", `/v1/sessions/${session}/events`, { ...extra, ...origin, ...headers }, body)
    })
    expect(hot).toBe(cold)
    expect(hot.slice(0, 12)).toBe(`HTTP/1.1 ${status}`)
  })

  test.each(["/v1/sessions/a%2fb/events", "/v1/sessions/../events", "/v1/sessions//events", "/v1/workspaces/w!/sessions/s/events"])("%s", async (path) => {
    const [hot = "", cold = ""] = await both(host.port, (_session, extra) => requestText("POST", path, extra, '{"kind":"n"}'))
    expect(hot).toBe(cold)
    expect(hot).toMatch(/^HTTP\/1\.1 4/)
  })

  test("with listed origins every answer says that it varies with them", async () => {
    const [hot = "", cold = ""] = await both(listed.port, (session, extra) =>
      requestText("POST", `/v1/sessions/${session}/events`, extra, '{"kind":"n"}'),
    )
    expect(hot).toBe(cold)
    expect(hot).toMatch(/^HTTP\/1\.1 200 [^]*\r\nvary: Origin\r\n/)
  })
})

describe("what is asked of every request is asked on the hot path", () => {
  const sent = (port: number, headers: Headers = {}): Promise<string> =>
    rawExchange(port, requestText("POST", "/v1/sessions/s/events", { Connection: "close", ...headers }, '{"kind":"n"}'))
  test("rates: of requests and of bytes, and a foreign name takes nothing of them", async () => {
    const slow = await startHost({ limits: { "requests-per-second": 2 }, parts: { countsLoopback: true } })
    for (let i = 0; i < 10; i++) expect(statusOf(await sent(slow.port, { Host: "evil.example" }))).toBe("403")
    const statuses = []
    for (let i = 0; i < 5; i++) statuses.push(statusOf(await sent(slow.port)))
    expect(statuses).toEqual(["200", "200", "200", "200", "429"])
    await slow.stop()
  })

  test("rates: of streams", async () => {
    const slow = await startHost({ limits: { "connects-per-second": 1 }, parts: { countsLoopback: true } })
    await sent(slow.port)
    const statuses = []
    for (let i = 0; i < 3; i++) {
      const socket = (await RawSocket.open(slow.port)).send(requestText("GET", "/v1/sessions/s/subscribe"))
      statuses.push(statusOf(await socket.until("\r\n\r\n")))
      socket.socket.destroy()
    }
    expect(statuses).toEqual(["200", "200", "429"])
    await slow.stop()
  })

  test("a key is one key however the same content is spelled", async () => {
    const under = async (body: string): Promise<string> => {
      const headers = { "Idempotency-Key": "spelled", Connection: "close" }
      const answer = await rawExchange(host.port, requestText("POST", "/v1/sessions/spelled/events", headers, body))
      return answer.slice(answer.indexOf("{"))
    }
    const first = await under('{"kind":"n","data":{"a":1.0,"b":"\\u0041"}}')
    expect(await under('{"data":{"b":"A","a":1},"kind":"n"}')).toBe(first)
    expect(await under('{"data":{"b":"B","a":1},"kind":"n"}')).toContain("key-conflict")
  })

  test("many targets in a row, again and again, and one that is too long to be remembered", async () => {
    const [before, after] = [await RawSocket.open(host.port), await RawSocket.open(host.port)]
    for (const socket of [before, after]) {
      for (let i = 0; i < 200; i++) socket.send(requestText("POST", `/v1/sessions/many-${i}/events`, {}, '{"kind":"n"}'))
      socket.send(requestText("POST", `/v1/sessions/long/events?${"x".repeat(2000)}`, { Connection: "close" }, '{"kind":"n"}'))
      const answers = await socket.rest()
      expect([answers.split("HTTP/1.1 200 OK").length - 1, answers.split("HTTP/1.1 400").length - 1]).toEqual([200, 1])
    }
  })
})

describe("a fault of ours", () => {
  test.each([
    ["publishing, on the hot path", "POST", "/v1/sessions/s/events", {}],
    ["publishing, past it", "POST", "/v1/sessions/s/events", past],
    ["subscribing, on the hot path", "GET", "/v1/sessions/s/subscribe", {}],
    ["subscribing, past it", "GET", "/v1/sessions/s/subscribe", past],
  ])("%s, is answered 500, told to the operator, and ends nothing", async (_what, method, path, headers) => {
    let isBroken = false
    const wall = (): Timestamp => {
      if (isBroken) throw new TypeError("what nobody may see")
      return systemClock.wall()
    }
    const faulty = await startHost({ parts: { clock: { now: systemClock.now, wall } } })
    const sent = (its: string, extra: Headers = {}): Promise<string> =>
      rawExchange(faulty.port, requestText(its, path, { Connection: "close", ...extra }, its === "POST" ? '{"kind":"n"}' : ""))
    await rawExchange(faulty.port, requestText("POST", "/v1/sessions/s/events", { Connection: "close" }, '{"kind":"n"}'))
    isBroken = true
    const answer = await sent(method, headers)
    isBroken = false
    expect(statusOf(answer)).toBe("500")
    expect(answer).not.toContain("what nobody may see")
    expect(faulty.said.filter((line) => line.includes("a request failed"))).toHaveLength(1)
    expect(statusOf(await sent(method === "GET" ? "HEAD" : method))).toBe("200")
    await faulty.stop()
    expect(faulty.fatal).toEqual([])
  })
})

describe("subscribing is answered alike on the hot path and past it", () => {
  test.each([
    ["a cursor that is none", "?cursor=nonsense", 400],
    ["no session", "", 404],
    ["an unknown parameter", "?form=start", 400],
    ["a parameter twice", "?from=now&from=now", 400],
    ["a start that is none", "?from=yesterday", 400],
    ["kinds that are none", "?kinds=,", 400],
  ])("%s", async (_what, query, status) => {
    const [hot = "", cold = ""] = await both(host.port, (session, extra) =>
      requestText("GET", `/v1/sessions/none-${session}/subscribe${query}`, { Accept: "text/event-stream", ...extra }),
    )
    expect(hot).toBe(cold)
    expect(hot.slice(0, 12)).toBe(`HTTP/1.1 ${status}`)
  })

  test.each(["?cursor=CURSOR", "?from=start", "?from=tail:1&kinds=second", "?recover=auto&missing=wait&refuse=status&lastEventId=CURSOR"])(
    "a closed session to its end, with %s",
    async (query) => {
      for (const session of ["ended-hot-0", "ended-cold-0"]) {
        const post = (path: string, body: string): Promise<string> =>
          rawExchange(host.port, requestText("POST", `/v1/sessions/${session}/${path}`, { Connection: "close" }, body))
        const [, cursor = ""] = /"cursor":"([^"]+)"/.exec(await post("events", '{"kind":"first"}')) ?? []
        if (cursor === "") continue
        cursors.set(session, cursor)
        await post("events", '{"kind":"second","data":"x"}')
        await post("close", '{"reason":"over"}')
      }
      const [hot = "", cold = ""] = await both(host.port, (session, extra) => {
        const asked = query.replace("CURSOR", cursors.get(`ended-${session}`) ?? "")
        return requestText("GET", `/v1/sessions/ended-${session}/subscribe${asked}`, { Accept: "text/event-stream", ...extra })
      })
      expect(hot).toBe(cold)
      expect(hot).toContain('"kind":"second"')
      expect(hot).toContain('{"reason":"over"}')
    },
  )
})

/** Of the first event of each closed session. */
const cursors = new Map<string, string>()
