// What a server says to what it cannot take: the status, the problem's name, and a sentence; and of a batch with one bad
// entry, nothing is stored. Requests are sent as they stand, so that nothing mends them on the way.

import { expect, test } from "vitest"
import type { Answered, ServerUnderTest, SessionUnderTest } from "./server-under-test.ts"

/** What is wrong, how it is sent, and the status and problem that it gets. */
type BadRequest = readonly [what: string, send: (session: SessionUnderTest) => Promise<Answered>, status: number, problem: string]

const json = "application/json"
const mediaType = "unsupported-media-type"
const events = (bytes: string | Uint8Array, type = json) => {
  return ({ server, path }: SessionUnderTest): Promise<Answered> =>
    server.call("POST", `${path}/events`, { raw: { bytes, ...(type === "" ? {} : { mediaType: type }) } })
}
const get = (path: string) => (session: SessionUnderTest) => session.server.call("GET", path)
const at = (route: string) => (session: SessionUnderTest) => session.get(route)
const post = (route: string, body: unknown, headers = {}) => (session: SessionUnderTest) => session.post(route, body, headers)
const put = (route: string, body: unknown) => (session: SessionUnderTest) => session.server.call("PUT", session.path + route, { body })

const badRequests: readonly BadRequest[] = [
  ["JSON that ends early", events('{"kind":"n"'), 400, "bad-json"],
  ["no body", events(""), 400, "bad-json"],
  ["two JSON values", events('{"kind":"n"} {"kind":"n"}'), 400, "bad-json"],
  ["a key given twice", events('{"kind":"n","kind":"m"}'), 400, "bad-json"],
  ["an integer that would be rounded", events('{"kind":"n","data":9007199254740993}'), 400, "bad-json"],
  ["a number that is not finite", events('{"kind":"n","data":1e400}'), 400, "bad-json"],
  ["half a surrogate pair", events('{"kind":"n","data":"\\ud800"}'), 400, "bad-json"],
  ["half a surrogate pair in a key", events('{"kind":"n","data":{"\\udc00":1}}'), 400, "bad-json"],
  ["nesting without end", events(`${"[".repeat(5000)}${"]".repeat(5000)}`), 400, "bad-json"],
  ["a byte order mark", events('\ufeff{"kind":"n"}'), 400, "bad-json"],
  ["bytes that are not UTF-8", events(Buffer.from('{"kind":"n","data":"\xff"}', "latin1")), 400, "bad-utf8"],
  ["an overlong UTF-8 form", events(Buffer.from([0x22, 0xc0, 0x80, 0x22])), 400, "bad-utf8"],
  ["a draft that is no object", events('"n"'), 400, "bad-request"],
  ["a draft without a kind", events('{"data":1}'), 400, "bad-kind"],
  ["an empty kind", events('{"kind":""}'), 400, "bad-kind"],
  ["a kind of 129 characters", events(JSON.stringify({ kind: "k".repeat(129) })), 400, "bad-kind"],
  ["a kind with a line break", events('{"kind":"a\\nb"}'), 400, "bad-kind"],
  ["a kind that is no text", events('{"kind":1}'), 400, "bad-kind"],
  ["a field nobody knows", events('{"kind":"n","payload":1}'), 400, "unknown-field"],
  ["a commit flag from outside", events('{"kind":"n","commit":true}'), 400, "unknown-field"],
  ["an empty batch", events("[]"), 400, "empty-batch"],
  ["an empty batch of lines", events("\n \n", "application/x-ndjson"), 400, "empty-batch"],
  ["one bad entry in an array", events('[{"kind":"n"},{"kind":"n"},{"kind":7}]'), 400, "bad-kind"],
  ["one bad line", events('{"kind":"n"}\nnonsense\n{"kind":"n"}', "application/x-ndjson"), 400, "bad-json"],
  ["text/plain, which a foreign page may post", events('{"kind":"n"}', "text/plain"), 415, mediaType],
  ["a form", events("kind=n", "application/x-www-form-urlencoded"), 415, mediaType],
  ["no content type", events('{"kind":"n"}', ""), 415, mediaType],
  ["another character set", events('{"kind":"n"}', `${json}; charset=latin1`), 415, mediaType],
  ["a compressed body", post("events", { kind: "n" }, { "content-encoding": "gzip" }), 415, mediaType],
  ["an event that is too large", events(JSON.stringify({ kind: "n", data: "x".repeat(300_000) })), 413, "too-large"],
  ["a body that is too large", events(`[${'{"kind":"n"},'.repeat(400_000)}{"kind":"n"}]`), 413, "too-large"],
  ["a view that is too large", post("commit", { view: "x".repeat(1_100_000) }), 413, "too-large"],
  ["a commit without a view", post("commit", {}), 400, "bad-request"],
  ["a commit with a field nobody knows", post("commit", { view: 1, data: 1 }), 400, "unknown-field"],
  ["a commit with a bad kind", post("commit", { view: 1, kind: "" }), 400, "bad-kind"],
  ["an unknown parameter", post("events?creat=false", { kind: "n" }), 400, "unknown-parameter"],
  ["a parameter that is no number", post("events?expectRevision=-1", { kind: "n" }), 400, "bad-request"],
  ["a parameter given twice", post("events?create=true&create=false", { kind: "n" }), 400, "bad-request"],
  ["an If-Match that is no ETag", post("events", { kind: "n" }, { "if-match": "*" }), 400, "bad-request"],
  ["a model nobody knows", put("", { model: "nonsense" }), 400, "bad-request"],
  ["a retention below 1", put("", { retention: { events: 0 } }), 400, "bad-request"],
  ["a retention nobody knows", put("", { retention: { days: 1 } }), 400, "unknown-field"],
  ["a method the route does not take", put("/events", {}), 405, "method-not-allowed"],
  ["a method nobody takes", ({ server, path }) => server.call("PATCH", path), 405, "method-not-allowed"],
  ["an unknown session", at("observation"), 404, "unknown-session"],
  ["an unknown session's stream", at("subscribe"), 404, "unknown-session"],
  ["an unknown route", at("nonsense"), 404, "not-found"],
  ["a trailing slash", at("events/"), 404, "not-found"],
  ["a resume without a cursor", at("resume"), 400, "bad-request"],
  ["a limit below 0", at("events?limit=-1"), 400, "bad-request"],
  ["a limit that is no number", at("events?limit=1e3"), 400, "bad-request"],
  ["a place to begin that is none", at("subscribe?from=yesterday"), 400, "bad-request"],
  ["a tail of none", at("subscribe?from=tail:0"), 400, "bad-request"],
  ["kinds that are none", at("subscribe?kinds=,"), 400, "bad-request"],
  ["a way to recover that is none", at("subscribe?recover=please"), 400, "bad-request"],
  ["a query that is not percent-encoded UTF-8", at("subscribe?kinds=%ff"), 400, "bad-request"],
  ["the id .", get("/v1/sessions/."), 400, "bad-id"],
  ["the id ..", get("/v1/sessions/../events"), 400, "bad-id"],
  ["the id %2e%2e", get("/v1/sessions/%2e%2e/events"), 400, "bad-id"],
  ["a slash in the id", get("/v1/sessions/a%2fb/events"), 400, "bad-id"],
  ["a way out of the id", get("/v1/sessions/..%2f..%2fetc"), 400, "bad-id"],
  ["NUL in the id", get("/v1/sessions/a%00b"), 400, "bad-id"],
  ["an id that is not UTF-8", get("/v1/sessions/%ff"), 400, "bad-id"],
  ["an empty id", get("/v1/sessions//events"), 400, "bad-id"],
  ["an id of 129 characters", get(`/v1/sessions/${"a".repeat(129)}`), 400, "bad-id"],
  ["a space in the id", get("/v1/sessions/a%20b"), 400, "bad-id"],
  ["a bad workspace", get("/v1/workspaces/%2e%2e/sessions/a"), 400, "bad-id"],
]

export function badInputLaws(server: ServerUnderTest): void {
  test.each(badRequests)("%s is refused, and nothing is stored", async (_what, send, status, problem) => {
    const session = server.fresh()
    const answer = await send(session)
    expect([answer.status, answer.problem], answer.text).toEqual([status, problem])
    expect(answer.headers["content-type"]).toBe("application/problem+json")
    expect(answer.json).toMatchObject({ status, title: expect.stringMatching(/\w/), detail: expect.stringMatching(/\w.*\.$/s) })
    expect((await session.get("")).status).toBe(404)
  })

  test("a wrong method is told which ones there are", async () => {
    const session = server.fresh()
    const { headers } = await server.call("DELETE", `${session.path}/events`)
    expect(headers.allow).toBe("GET, HEAD, OPTIONS, POST")
  })

  test("names that are keys of every object are names like others", async () => {
    for (const id of ["__proto__", "constructor", "toString"]) {
      const path = `/v1/sessions/${id}`
      await server.call("DELETE", path)
      const bytes = '{"kind":"__proto__","data":{"__proto__":{"admin":true}}}'
      await server.call("POST", `${path}/events`, { raw: { bytes, mediaType: json } })
      const { text } = await server.call("GET", `${path}/events`)
      expect(text).toContain('"kind":"__proto__"')
      expect(text).toContain('"data":{"__proto__":{"admin":true}}')
      await server.call("DELETE", path)
    }
  })

  test("what can be sent comes back as it was", async () => {
    const session = server.fresh()
    const texts = ["\u0000\u001f\u007f\u2028\u2029", "🌊 한국어 \ufeff", "\r\n\r\n", "</script>"]
    const values = [...texts, { "": [[], {}, null] }, 9007199254740991, -0.5, 1e-300]
    await session.publish(...values)
    expect(await session.stored()).toEqual(values)
    const stream = await session.subscribe("from=start")
    expect((await stream.events(values.length)).map(({ data }) => data)).toEqual(values)
    stream.cut()
  })

  test("the page a client may ask for is clamped, not refused", async () => {
    const session = server.fresh()
    const { cursor } = await session.publish(1)
    expect((await session.get(`resume?cursor=${cursor}&limit=999999`)).status).toBe(200)
    expect((await session.get("events?limit=999999")).status).toBe(200)
  })

  test("a limit of 0 asks only whether there is more", async () => {
    const session = server.fresh()
    await session.publish(1)
    const [more, none] = [await session.get("events?limit=0"), await session.get("events?limit=0&since=1")]
    expect([more.json?.["events"], more.json?.["next"], none.json?.["next"]]).toEqual([[], 0, null])
  })
}
