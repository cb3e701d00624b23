// The laws of a running server, over HTTP and nothing else: `describeServer({ baseUrl })` in a vitest file proves one,
// ours or another's, on whatever log it runs. What the server must hold for it: no authentication in the way, the default
// limits or more, and a log that keeps entries. Streams have their own file, and so has bad input.

import { randomUUID } from "node:crypto"
import { logModel, foldable, type SessionEvent } from "@tidemark/kernel"
import { describe, expect, test } from "vitest"
import { badInputLaws } from "./server-bad-input-laws.ts"
import { cursorLaws } from "./server-cursor-laws.ts"
import { streamLaws } from "./server-stream-laws.ts"
import { trimLaws } from "./server-trim-laws.ts"
import { receiptOf, ServerUnderTest } from "./server-under-test.ts"

export interface ServerOptions {
  /** Where it listens: `http://127.0.0.1:4477`. */
  readonly baseUrl: string
}

/** Registers the laws as one suite. */
export function describeServer({ baseUrl }: ServerOptions): void {
  const server = new ServerUnderTest(baseUrl)
  describe(`server: ${baseUrl}`, () => {
    describe("positions and revisions", () => {
      placeLaws(server)
    })
    describe("idempotency and expectations", () => {
      keyLaws(server)
      expectationLaws(server)
    })
    describe("observations", () => {
      observationLaws(server)
    })
    describe("cursors and gaps", () => {
      cursorLaws(server)
    })
    describe("streams", () => {
      streamLaws(server)
    })
    describe("the end of a session", () => {
      closeLaws(server)
    })
    describe("trimming", () => {
      trimLaws(server)
    })
    describe("bad input", () => {
      badInputLaws(server)
    })
  })
}

function placeLaws(server: ServerUnderTest): void {
  test("L1 positions are dense from 1, over single drafts, arrays and lines", async () => {
    const session = server.fresh()
    const one = receiptOf(await session.post("events", { kind: "n", data: 1 }))
    const two = await session.publish(2, 3)
    const lines = { bytes: '{"kind":"n","data":4}\n\n{"kind":"n","data":5}\r\n', mediaType: "application/x-ndjson" }
    const three = receiptOf(await server.call("POST", `${session.path}/events`, { raw: lines }))
    expect([one, two, three].map(({ first, last }) => [first, last])).toEqual([[1, 1], [2, 3], [4, 5]])
    expect(await session.stored()).toEqual([1, 2, 3, 4, 5])
  })

  test("L1 publishers at the same time get places of their own", async () => {
    const session = server.fresh()
    const receipts = await Promise.all(Array.from({ length: 40 }, (_, n) => session.publish(n, n)))
    expect(receipts.map(({ first }) => first).sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, n) => 2 * n + 1))
  })

  test("L1 a session that is deleted and made again is in another epoch, from position 1", async () => {
    const session = server.fresh()
    const before = await session.publish(1, 2)
    expect((await server.call("DELETE", session.path)).status).toBe(204)
    expect((await session.get("")).problem).toBe("unknown-session")
    const after = await session.publish(3)
    expect([after.first, after.epoch === before.epoch]).toEqual([1, false])
  })

  test("L3 a commit is revision + 1, and every event carries the revision in force once it is applied", async () => {
    const session = server.fresh()
    await session.publish(1)
    const commit = await session.commit({ total: 1 })
    await session.publish(2)
    const { json } = await session.get("events")
    const events: readonly SessionEvent[] = Object(json?.["events"])
    expect(commit.revision).toBe(1)
    expect(events.map(({ revision, commit }) => [revision, commit])).toEqual([[0, undefined], [1, true], [1, undefined]])
  })

  test("L3 whether an event commits is the route's word, never its kind's", async () => {
    const session = server.fresh()
    const receipt = receiptOf(await session.post("events", { kind: "committed", data: { forged: true } }))
    const { json } = await session.get("observation")
    expect([receipt.revision, json?.["revision"], json?.["view"]]).toEqual([0, 0, null])
  })

  test("L17 two workspaces may use one name and never learn of it", async () => {
    const session = server.fresh()
    await session.publish("ours")
    const elsewhere = `/v1/workspaces/${randomUUID()}/sessions/${session.id}`
    server.deleteLater(elsewhere)
    expect((await server.call("GET", elsewhere)).problem).toBe("unknown-session")
    await server.call("POST", `${elsewhere}/events`, { body: { kind: "n", data: "theirs" } })
    expect(await session.stored()).toEqual(["ours"])
    const named = await server.call("GET", `/v1/workspaces/default/sessions/${session.id}/events`)
    expect(named.text).toBe((await session.get("events")).text)
  })
}

function keyLaws(server: ServerUnderTest): void {
  const under = (key: string) => ({ "idempotency-key": key })

  test("L4 the same key and content give the first receipt again, and nothing is appended", async () => {
    const session = server.fresh()
    const first = await session.post("events", { kind: "n", data: { a: 1, b: 2 } }, under("k1"))
    const again = await session.post("events", { data: { b: 2, a: 1 }, kind: "n" }, under("k1"))
    expect([again.status, again.text]).toEqual([200, first.text])
    expect(await session.stored()).toEqual([{ a: 1, b: 2 }])
  })

  test("L4 the same key with other content is a conflict, and nothing is appended", async () => {
    const session = server.fresh()
    await session.post("events", { kind: "n", data: 1 }, under("k1"))
    const other = await session.post("events", { kind: "n", data: 2 }, under("k1"))
    expect([other.status, other.problem]).toEqual([409, "key-conflict"])
    expect(await session.stored()).toEqual([1])
  })

  test("L4 of a producer, a number above its highest is appended and a remembered one gives its result again", async () => {
    const session = server.fresh()
    const first = await session.post("events", { kind: "n", data: 1 }, under("@ada:1"))
    const third = await session.post("events", { kind: "n", data: 3 }, under("@ada:3"))
    const again = await session.post("events", { kind: "n", data: 1 }, under("@ada:1"))
    expect([receiptOf(third).first, again.text]).toEqual([2, first.text])
  })

  test("L4 a producer's number that was never appended and is not above its highest is key-expired, with the highest", async () => {
    const session = server.fresh()
    await session.post("events", { kind: "n", data: 3 }, under("@ada:3"))
    const skipped = await session.post("events", { kind: "n", data: 2 }, under("@ada:2"))
    const asked = await session.post("events", { kind: "n", data: 0 }, under("@ada:0"))
    expect([skipped, asked].map(({ status, problem, json }) => [status, problem, json?.["highest"]])).toEqual([
      [409, "key-expired", 3],
      [409, "key-expired", 3],
    ])
    expect(await session.stored()).toEqual([3])
  })

  test("L4 number 0 is never appended, not even by a producer nobody knows", async () => {
    const session = server.fresh()
    await session.publish("there")
    const asked = await session.post("events", { kind: "n", data: 0 }, under("@ada:0"))
    expect([asked.status, asked.problem, asked.json?.["highest"]]).toEqual([409, "key-expired", 0])
  })

  test("L4 a key comes before every other check: closed, and what was expected", async () => {
    const session = server.fresh()
    const first = await session.post("events?expectRevision=0", { kind: "n", data: 1 }, under("k1"))
    await session.commit({})
    await session.post("close", {})
    const again = await session.post("events?expectRevision=0", { kind: "n", data: 1 }, under("k1"))
    expect([again.status, again.text]).toEqual([200, first.text])
  })

  test.each([["_leave/x/1"], ["k".repeat(201)], ["white space"], ["@ada:01"], ["@:1"], ["@ada"]])("the key %j is refused", async (key) => {
    const session = server.fresh()
    const answer = await session.post("events", { kind: "n", data: 1 }, under(key))
    expect([answer.status, answer.problem]).toEqual([400, "bad-key"])
    expect((await session.get("")).status).toBe(404)
  })
}

function expectationLaws(server: ServerUnderTest): void {
  test("L4 an append that expects an observation's place works there and nowhere else", async () => {
    const session = server.fresh()
    await session.publish(1)
    const { headers } = await session.get("observation")
    const match = { "if-match": headers.etag ?? "" }
    expect((await session.post("events", { kind: "n", data: 2 }, match)).status).toBe(200)
    const late = await session.post("events", { kind: "n", data: 3 }, match)
    expect([late.status, late.problem]).toEqual([412, "expectation-failed"])
    expect(late.json?.["actual"]).toMatchObject({ position: 2, revision: 0 })
    expect(await session.stored()).toEqual([1, 2])
  })

  test("L4 an expected revision that is not the actual one is refused, with the actual", async () => {
    const session = server.fresh()
    await session.commit("one")
    const late = await session.post("commit?expectRevision=0", { view: "two" })
    expect([late.status, late.problem]).toEqual([412, "expectation-failed"])
    expect(late.json?.["actual"]).toMatchObject({ position: 1, revision: 1 })
    expect((await session.post("commit?expectRevision=1", { view: "two" })).status).toBe(200)
  })

  test("L4 an expectation about an earlier epoch fails, whatever the positions say", async () => {
    const session = server.fresh()
    await session.publish(1)
    const { headers } = await session.get("observation")
    await server.call("DELETE", session.path)
    await session.publish(1)
    const late = await session.post("events", { kind: "n", data: 2 }, { "if-match": headers.etag ?? "" })
    expect([late.status, late.problem]).toEqual([412, "expectation-failed"])
  })

  test("create=false makes nothing", async () => {
    const session = server.fresh()
    const answer = await session.post("events?create=false", { kind: "n" })
    expect([answer.status, answer.problem]).toEqual([404, "unknown-session"])
    expect((await session.get("")).status).toBe(404)
  })

  test("PUT makes a session once: the same settings are 200, others 409", async () => {
    const session = server.fresh()
    const put = async (body: unknown) => (await server.call("PUT", session.path, { body })).status
    const statuses = [await put({ metadata: { a: 1, b: 2 } }), await put({ metadata: { b: 2, a: 1 } }), await put({ metadata: 2 })]
    expect(statuses).toEqual([201, 200, 409])
  })
}

function observationLaws(server: ServerUnderTest): void {
  test("L10 observation(a) + events (a, b] = observation(b)", async () => {
    const session = server.fresh()
    await session.commit({ total: 0 })
    await session.publish(1, 2)
    const a = await session.get("observation")
    await session.publish(3)
    await session.commit({ total: 6 })
    await session.publish(4)
    const resumed = await session.get(`resume?cursor=${a.json?.["cursor"]}`)
    const b = await session.get("observation")
    const events: readonly SessionEvent[] = Object(resumed.json?.["events"])
    const { view, provisional } = Object(a.json)
    const fold = events.reduce((sum, event) => sum.apply(foldable(event)), logModel.restore({ view, provisional }) ?? logModel.initial)
    expect(fold.show()).toEqual({ view: b.json?.["view"], provisional: b.json?.["provisional"] })
    expect(resumed.json?.["cursor"]).toBe(b.json?.["cursor"])
  })

  test("L10 the observation of all events is the fold of all events", async () => {
    const session = server.fresh()
    await session.publish(1)
    await session.commit({ settled: true })
    await session.publish(2)
    const all = await session.get("events")
    const events: readonly SessionEvent[] = Object(all.json?.["events"])
    const fold = events.reduce((sum, event) => sum.apply(foldable(event)), logModel.initial)
    const { json } = await session.get("observation")
    expect({ view: json?.["view"], provisional: json?.["provisional"] }).toEqual(fold.show())
  })

  test("an observation's ETag is its cursor in quotes, and answers If-None-Match", async () => {
    const session = server.fresh()
    await session.publish(1)
    const { headers, json } = await session.get("observation")
    expect(headers.etag).toBe(`"${json?.["cursor"]}"`)
    expect((await session.get("observation", { "if-none-match": headers.etag ?? "" })).status).toBe(304)
  })
}

function closeLaws(server: ServerUnderTest): void {
  test("L21 closing twice gives the first answer; later appends are refused", async () => {
    const session = server.fresh()
    await session.publish(1)
    const first = await session.post("close", { reason: "finished" })
    const again = await session.post("close", { reason: "finished" })
    expect([receiptOf(first).last, again.text]).toEqual([2, first.text])
    const late = await session.post("events", { kind: "n", data: 2 })
    expect([late.status, late.problem]).toEqual([409, "session-closed"])
  })

  test("L21 closing what is not there makes nothing", async () => {
    const session = server.fresh()
    expect((await session.post("close", {})).problem).toBe("unknown-session")
    expect((await session.get("")).status).toBe(404)
  })

  test("L21 a late resume of a closed session gets its content, then closed", async () => {
    const session = server.fresh()
    const { cursor } = await session.publish(1)
    await session.publish(2)
    await session.post("close", { reason: "finished" })
    const { json } = await session.get(`resume?cursor=${cursor}`)
    const events: readonly SessionEvent[] = Object(json?.["events"])
    expect([events.map(({ data }) => data), json?.["upToDate"], json?.["closed"]]).toEqual([[2], true, { reason: "finished" }])
  })

  test("L21 a late stream of a closed session gives its content, caught_up, closed and the end", async () => {
    const session = server.fresh()
    await session.publish(1)
    await session.post("close", { reason: "finished" })
    const frames = await (await session.subscribe("from=start")).rest()
    expect(frames.map(({ type }) => type)).toEqual(["hello", "event", "caught_up", "closed"])
    expect(frames.at(-1)).toMatchObject({ data: { reason: "finished" } })
  })

  test("L21 204 is said to a cursor at the close entry, and to no other", async () => {
    const session = server.fresh()
    const { cursor } = await session.publish(1)
    const { cursor: end } = receiptOf(await session.post("close", {}))
    const atEnd = await session.subscribe("", { "last-event-id": end })
    const before = await session.subscribe("", { "last-event-id": cursor })
    expect([atEnd.status, before.status]).toEqual([204, 200])
    expect((await before.rest()).map(({ type }) => type)).toEqual(["hello", "caught_up", "closed"])
  })

  test("L21 an open reader gets the close, and the end", async () => {
    const session = server.fresh()
    await session.publish(1)
    const stream = await session.subscribe("from=now")
    await stream.until("caught_up")
    await session.post("close", { reason: "finished" })
    expect(await stream.rest()).toMatchObject([{ type: "closed", data: { reason: "finished" } }])
  })

  test("an open reader of a deleted session gets closed without an id, and the end", async () => {
    const session = server.fresh()
    await session.publish(1)
    const stream = await session.subscribe("from=now")
    await stream.until("caught_up")
    await server.call("DELETE", session.path)
    expect(await stream.rest()).toEqual([{ type: "closed", data: { reason: "deleted" }, id: undefined }])
  })
}
