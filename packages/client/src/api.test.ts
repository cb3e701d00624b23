import { expect, test } from "vitest"
import { append, appendLines, close, commit, createSession, deleteSession, trim } from "./api.ts"
import { explain, getSession, listSessions, observe, queryEvents, resume } from "./api.ts"
import { bodyOf, localHost, problem } from "./local-host.testing.ts"

/** Answers everything alike and keeps what was asked. */
async function host(status = 200, body = '{"ok":true}') {
  const asked: string[] = []
  const headers: Record<string, unknown>[] = []
  const url = await localHost(async (request, response) => {
    const text = await bodyOf(request)
    asked.push(`${request.method} ${request.url}${text === "" ? "" : ` ${text}`}`)
    headers.push(request.headers)
    response.writeHead(status).end(body)
  })
  return { at: { url, session: "s" }, asked, headers }
}

test("each call is one request, as the design writes it", async () => {
  const { at, asked } = await host()
  await createSession(at)
  await createSession(at, { model: "log", retention: { events: 5 } })
  await getSession({ ...at, workspace: "w" })
  await listSessions(at, { limit: 2, after: "a" })
  await append(at, [{ kind: "a", data: 1 }], { create: false })
  await appendLines(at, ['{"kind":"a","data":1.0}', '{"kind":"b"}'], { create: false })
  await commit(at, { view: { a: 1 } }, { expectRevision: 3 })
  await close(at, "done")
  await close(at)
  await trim({ ...at, workspace: "w" }, { events: 0, ageMs: 1000 })
  await observe(at)
  await resume(at, { cursor: "c1", limit: 5, wait: 3 })
  await explain(at, "c1")
  await queryEvents(at, { since: 4, kinds: ["a", "b.*"], epoch: "g.i" })
  expect(asked).toEqual([
    "PUT /v1/sessions/s {}",
    'PUT /v1/sessions/s {"model":"log","retention":{"events":5}}',
    "GET /v1/workspaces/w/sessions/s",
    "GET /v1/sessions?limit=2&after=a",
    'POST /v1/sessions/s/events?create=false [{"kind":"a","data":1}]',
    'POST /v1/sessions/s/events?create=false {"kind":"a","data":1.0}\n{"kind":"b"}\n',
    'POST /v1/sessions/s/commit?expectRevision=3 {"view":{"a":1}}',
    'POST /v1/sessions/s/close {"reason":"done"}',
    "POST /v1/sessions/s/close {}",
    'POST /v1/workspaces/w/sessions/s/trim {"events":0,"ageMs":1000}',
    "GET /v1/sessions/s/observation",
    "GET /v1/sessions/s/resume?cursor=c1&limit=5&wait=3",
    "GET /v1/sessions/s/explain?cursor=c1",
    "GET /v1/sessions/s/events?since=4&kinds=a%2Cb.*&epoch=g.i",
  ])
})

test("keys, expectations and the caller's headers travel as headers", async () => {
  const { at, headers } = await host()
  await commit({ ...at, headers: { authorization: "Bearer t" } }, { view: 1 }, { key: "k1", ifMatch: "c5" })
  expect(headers[0]).toMatchObject({ "content-type": "application/json", "idempotency-key": "k1", "if-match": '"c5"' })
  expect(headers[0]).toMatchObject({ authorization: "Bearer t" })
})

test("what a body is, is said: lines of JSON are NDJSON, all else is JSON", async () => {
  const { at, headers } = await host()
  await append(at, [{ kind: "a", data: 1 }])
  await appendLines(at, ['{"kind":"a"}'], { key: "@p:1" })
  const lines = { "content-type": "application/x-ndjson", "idempotency-key": "@p:1" }
  expect(headers).toMatchObject([{ "content-type": "application/json" }, lines])
})

test("whether a session was made, or had been there, is the status", async () => {
  const made = await host(201, '{"session":"s"}')
  const found = await host(200, '{"session":"s"}')
  expect(await createSession(made.at)).toEqual({ session: "s", created: true })
  expect(await createSession(found.at)).toEqual({ session: "s", created: false })
})

test("the answer is what the host said", async () => {
  const { at } = await host(200, '{"session":"s","view":[1]}')
  expect(await observe(at)).toEqual({ session: "s", view: [1] })
})

test("a deleted session has no answer", async () => {
  const { at, asked } = await host(204, "")
  expect(await deleteSession(at)).toBe(undefined)
  expect(asked).toEqual(["DELETE /v1/sessions/s"])
})

test("a problem is thrown with its name, status, sentence and extras", async () => {
  const said = problem(412, "expectation-failed", "Read again.", { actual: { position: 9 } })
  const { at } = await host(412, JSON.stringify(said))
  const thrown = { name: "ClientError", code: "expectation-failed", status: 412, message: "Read again.", problem: said }
  await expect(commit(at, { view: 1 })).rejects.toMatchObject(thrown)
})

test("an error without a problem still says the status", async () => {
  const { at } = await host(502, "<html>")
  await expect(observe(at)).rejects.toMatchObject({ code: "http-502", status: 502, message: "the server answered 502 and did not say why" })
})

test("a problem over 64 KiB is not read to its end", async () => {
  const { at } = await host(500, JSON.stringify({ type: "x", detail: "y".repeat(100_000) }))
  await expect(observe(at)).rejects.toMatchObject({ code: "http-500" })
})

test("an answer that is no JSON is no Tidemark's", async () => {
  const { at } = await host(200, "<html>")
  await expect(observe(at)).rejects.toMatchObject({ code: "not-tidemark" })
})

test("nobody there is said so", async () => {
  await expect(observe({ url: "http://127.0.0.1:1", session: "s" })).rejects.toMatchObject({ code: "unreachable" })
})

test("an abort is the caller's own", async () => {
  const { at } = await host()
  await expect(observe({ ...at, signal: AbortSignal.abort() })).rejects.toMatchObject({ name: "AbortError" })
})
