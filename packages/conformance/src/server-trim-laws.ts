// Trimming over HTTP: what goes is said, what stays is exact, and whoever asks for what went is told how much that is. What
// goes out of the log may still be in memory for readers; no law says for how long.

import { randomUUID } from "node:crypto"
import { expect, test } from "vitest"
import type { Answered, ServerUnderTest, SessionUnderTest } from "./server-under-test.ts"

export function trimLaws(server: ServerUnderTest): void {
  const eventsOf = async (session: SessionUnderTest, query = "") => {
    const { json } = await session.get(`events${query}`)
    return [json?.["events"], json?.["next"], json?.["missed"]]
  }

  test("a trim keeps as many of the latest entries as it says, and answers with the session", async () => {
    const session = server.fresh()
    const { epoch } = await session.publish(1, 2, 3, 4, 5)
    const trimmed = await session.post("trim", { events: 2 })
    expect([trimmed.status, trimmed.json]).toMatchObject([200, { session: session.id, epoch, head: 5, earliest: 4, revision: 0, closed: null }])
    expect(trimmed.text).toBe((await session.get("")).text)
    expect(await eventsOf(session)).toMatchObject([[{ position: 4, data: 4 }, { position: 5, data: 5 }], null, 3])
    expect(await eventsOf(session, "?since=2")).toMatchObject([[{ position: 4 }, { position: 5 }], null, 1])
  })

  test("L1 L10 a session trimmed to nothing keeps its view, and goes on at the next position in the same epoch", async () => {
    const session = server.fresh()
    const { epoch } = await session.publish(1)
    await session.commit({ total: 1 })
    await session.publish(2)
    const before = await session.get("observation")
    expect((await session.post("trim", { events: 0 })).json).toMatchObject({ head: 3, earliest: 4, revision: 1 })
    expect((await session.get("observation")).text).toBe(before.text)
    const next = await session.publish(3)
    expect([next.epoch, next.first, next.revision]).toEqual([epoch, 4, 1])
    expect(await eventsOf(session)).toMatchObject([[{ position: 4, data: 3 }], null, 3])
  })

  test("of several bounds each is kept to, and a trim with nothing to do does nothing", async () => {
    const session = server.fresh()
    await session.publish(1, 2, 3)
    expect((await session.post("trim", { events: 3, bytes: 1e9, ageMs: 1e9 })).json).toMatchObject({ head: 3, earliest: 1 })
    expect((await session.post("trim", { events: 2, bytes: 0 })).json).toMatchObject({ head: 3, earliest: 4 })
    expect((await session.post("trim", { events: 2 })).json).toMatchObject({ head: 3, earliest: 4 })
  })

  test("L4 a trim takes neither keys nor the close", async () => {
    const session = server.fresh()
    const key = { "idempotency-key": "k" }
    const first = await session.post("events", { kind: "n" }, key)
    await session.post("close", { reason: "done" })
    expect((await session.post("trim", { events: 0 })).json).toMatchObject({ head: 2, earliest: 3, closed: { reason: "done" } })
    expect((await session.post("events", { kind: "n" }, key)).text).toBe(first.text)
    expect((await session.post("events", { kind: "n" })).problem).toBe("session-closed")
  })

  test("a trim is of the session in its workspace, and makes none", async () => {
    const session = server.fresh()
    const elsewhere = `/v1/workspaces/${randomUUID()}/sessions/${session.id}`
    await session.publish(1, 2)
    expect((await server.call("POST", `${elsewhere}/trim`, { body: { events: 0 } })).problem).toBe("unknown-session")
    expect((await server.call("GET", elsewhere)).problem).toBe("unknown-session")
    const named = await server.call("POST", `/v1/workspaces/default/sessions/${session.id}/trim`, { body: { events: 1 } })
    expect(named.json).toMatchObject({ head: 2, earliest: 2 })
  })

  const wrong: readonly (readonly [what: string, body: unknown, problem: string])[] = [
    ["nothing to keep", {}, "bad-request"],
    ["no object", [1], "bad-request"],
    ["a field nobody knows", { events: 1, count: 1 }, "unknown-field"],
    ["fewer than none", { events: -1 }, "bad-request"],
    ["a fraction", { ageMs: 1.5 }, "bad-request"],
    ["a text", { bytes: "1" }, "bad-request"],
    ["null", { events: null }, "bad-request"],
    ["no body", undefined, "bad-json"],
  ]
  test.each(wrong)("a trim that says %s is refused, and nothing goes", async (_what, body, problem) => {
    const session = server.fresh()
    await session.publish(1, 2)
    const sent: Answered = await server.call("POST", `${session.path}/trim`, body === undefined ? {} : { body })
    expect([sent.status, sent.problem]).toEqual([400, problem])
    expect(await session.stored()).toEqual([1, 2])
  })

  test("only a POST trims", async () => {
    const session = server.fresh()
    await session.publish(1)
    const got = await session.get("trim")
    expect([got.status, got.headers["allow"]]).toEqual([405, "OPTIONS, POST"])
  })
}
