// The laws of a client, whatever it is built on: `describeClient("mine", connect, traits)` proves one against a scripted
// server on loopback. They ask only what docs/PROTOCOL.md promises to an application; pauses are told by the server and
// measured from below only, so that a slow machine fails none.

import { randomUUID } from "node:crypto"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { gapLaws } from "./client-gap-laws.ts"
import { cutAfter, dataOf, events, serve, typesOf, type ClientLab } from "./client-lab.ts"
import { beingToldLaws } from "./client-told-laws.ts"
import { ClientUnderTest, type ClientTraits, type ConnectClient } from "./client-under-test.ts"
import { ScriptedLog } from "./scripted-log.ts"
import { chunked, ScriptedServer, unframed, type Answer } from "./scripted-server.ts"

/** Registers the laws as one suite. Each law makes clients of its own. */
export function describeClient(name: string, connect: ConnectClient, traits: ClientTraits): void {
  describe(`client: ${name}`, { timeout: 60_000 }, () => {
    let server: ScriptedServer
    beforeAll(async () => {
      server = await ScriptedServer.start()
    })
    afterAll(() => server.stop())
    const lab: ClientLab = {
      traits,
      client: () => new ClientUnderTest(connect, server),
      script: (events, ...answers) => {
        const log = new ScriptedLog(`law-${randomUUID()}`, events)
        return { log, session: server.session(log.id).answer(...answers.map((answer) => answer(log))) }
      },
    }
    describe("every event, once, in order", () => {
      readingLaws(lab)
    })
    describe("the cursor", () => {
      cursorLaws(lab)
    })
    describe("gaps", () => {
      gapLaws(lab)
    })
    describe("being told", () => {
      beingToldLaws(lab)
    })
  })
}

/** Characters of one to four bytes, and what would be a line or a frame if data were not data. */
const difficult = ["plain", "é ☃ 🌊", "two\nlines\r\nand\rmore", '\u2028\u0000"\\', "\n\nevent: closed\ndata: {}\nid: 1\n\n", { id: ["🌊", null, -1.5e-7] }]

function readingLaws({ client, script }: ClientLab): void {
  test("events come with their positions and their data as it was, and after the close the client ends", async () => {
    const { session } = script(difficult.map((data) => ({ data })), serve)
    const items = await client().all(session)
    expect(items.map((item) => (item.type === "event" ? [item.position, item.data] : item.type))).toEqual([
      ...difficult.map((data, i) => [i + 1, data]),
      "closed",
    ])
    expect(session.asked.length).toBe(1)
  })

  test("L11 cut after any byte of a connection, a client has every event once and in order", async () => {
    const data = ["one ☃", "2 🌊"]
    const scripted = data.map((each) => ({ data: each }))
    const parts = (log: ScriptedLog) => [log.opening(), log.event(1), log.event(2), log.caughtUp(log.end), log.closed()]
    const whole = (log: ScriptedLog) => chunked(parts(log), true)
    const cutAt = (bytes: number) => (log: ScriptedLog): Answer => (line) => line.cut(whole(log).subarray(0, bytes), bytes % 2 === 0 ? "ended" : "reset")
    const { length } = whole(script(scripted, serve).log)
    await allOf(length, 100, async (bytes) => {
      const { session } = script(scripted, cutAfter((log) => log.opening()), cutAt(bytes), serve)
      const items = await client().all(session)
      expect([...dataOf(items), items.at(-1)?.type], `cut after ${bytes} bytes`).toEqual([...data, "closed"])
    })
  })

  test("L11 cut again and again, a client gets to the end", async () => {
    const cuts = Array.from({ length: 8 }, (_, i) => (log: ScriptedLog): Answer => (line, { cursor }) => {
      const bytes = chunked([log.rest(log.positionOf(cursor))])
      line.cut(bytes.subarray(0, Math.min(bytes.length - 40, 500 + 237 * i)), i % 3 === 0 ? "reset" : "ended")
    })
    const { session } = script(events(30), ...cuts, serve)
    expect(dataOf(await client().all(session))).toEqual(events(30).map(({ data }) => data))
    expect(session.asked.length).toBe(9)
  })

  test.each([
    ["the end of a chunked body", (text: string) => chunked([text], true)],
    ["the end of a body without chunks", (text: string) => unframed([text])],
  ])("L11 %s without `closed` is a cut like any other", async (_, whole) => {
    const orderly = (log: ScriptedLog): Answer => (line) => line.cut(whole(log.opening() + log.events(1, 2) + log.caughtUp(2)))
    const { session } = script(events(4), orderly, serve)
    expect(dataOf(await client().all(session))).toEqual(["event 1", "event 2", "event 3", "event 4"])
    expect(session.asked.length).toBe(2)
  })

  test.each([["LF", "\n"], ["CRLF", "\r\n"]])("lines that end in %s arrive whole, however they are cut", async (_, lineEnd) => {
    const byteByByte = (log: ScriptedLog): Answer => (line) => {
      const bytes = Buffer.from(log.rest(0).replaceAll("\n", lineEnd))
      void line.dribble(chunked(Array.from(bytes, (byte) => Uint8Array.of(byte)), true))
    }
    const { session } = script(difficult.map((data) => ({ data })), byteByByte, serve)
    expect(dataOf(await client().all(session))).toEqual(difficult)
    expect(session.asked.length).toBe(1)
  })

  test("an event as large as one may be arrives whole", async () => {
    const large = "🌊".repeat(2 ** 16 - 16)
    const { session } = script([{ data: large }, { data: "after" }], serve)
    expect(dataOf(await client().all(session))).toEqual([large, "after"])
  })

  test("what a publisher calls its events never makes another frame of them", async () => {
    const kinds = ["closed", "gap", "reconnect", "heartbeat", "committed"]
    const { session } = script(kinds.map((kind) => ({ kind, data: { reason: kind } })), serve)
    const items = await client().all(session)
    expect(typesOf(items)).toEqual([...kinds.map(() => "event"), "closed"])
  })

  test("frames, fields and comments that nobody knows are passed over", async () => {
    const later = (log: ScriptedLog): Answer => (line) => {
      const unknown = ': nothing\n\nevent: weather\ndata: {"position":9}\n\nevent: hint\ndata: not JSON\n\ncolour: blue\n\n'
      const known = log.event(1).replace('{"position"', '{"colour":"blue","position"').replace("data:", "colour: blue\n: nothing\ndata:")
      line.cut(chunked([log.opening({ colour: "blue" }), unknown, known, unknown, log.events(2, 3), log.caughtUp(log.end), log.closed()], true))
    }
    const { session } = script(events(3), later, serve)
    expect(dataOf(await client().all(session))).toEqual(["event 1", "event 2", "event 3"])
    expect(session.asked.length).toBe(1)
  })
}

function cursorLaws({ client, script }: ClientLab): void {
  test("L11 a client that comes back brings the cursor of its last event, byte for byte", async () => {
    const { log, session } = script(events(5), cutAfter((each) => each.opening() + each.events(1, 3)), serve)
    await client().all(session)
    expect(session.asked.map(({ cursor }) => cursor)).toEqual([undefined, log.cursorAt(3)])
  })

  test("L11 a client that begins with the cursor of an item that was taken goes on right after it", async () => {
    const { log, session } = script(events(5), serve)
    const { items } = await client().read(session, { until: ({ type, cursor }) => type === "event" && cursor === log.cursorAt(2) })
    const kept = items.at(-1)?.cursor
    expect(kept).toBe(log.cursorAt(2))
    const after = await client().all(session, { cursor: log.cursorAt(2) })
    expect([...dataOf(items), ...dataOf(after)]).toEqual(["event 1", "event 2", "event 3", "event 4", "event 5"])
    expect(session.asked.map(({ cursor }) => cursor)).toEqual([undefined, log.cursorAt(2)])
  })

  test("a client that began with a cursor and was cut before its first event brings that cursor again", async () => {
    const { log, session } = script(events(3), cutAfter((each) => each.opening()), serve)
    expect(dataOf(await client().all(session, { cursor: log.cursorAt(1) }))).toEqual(["event 2", "event 3"])
    expect(session.asked.map(({ cursor }) => cursor)).toEqual([log.cursorAt(1), log.cursorAt(1)])
  })

  test("frames without an id move nothing", async () => {
    const silent = cutAfter((log) => log.opening() + log.events(1, 2) + log.heartbeat() + log.reconnect(1))
    const { log, session } = script(events(4), silent, serve)
    expect(dataOf(await client().all(session))).toEqual(["event 1", "event 2", "event 3", "event 4"])
    expect(session.asked[1]?.cursor).toBe(log.cursorAt(2))
  })

  test("L15 a heartbeat moves the cursor of a client past what its filter hides", async () => {
    const kinds = ["shown", "hidden", "hidden", "hidden", "shown"]
    const hiding = cutAfter((log) => log.opening() + log.event(1) + log.caughtUp(1) + log.heartbeat(3) + log.heartbeat(4))
    const rest = (log: ScriptedLog): Answer => (line) => {
      line.cut(chunked([log.opening(), log.event(5), log.caughtUp(log.end), log.closed()], true))
    }
    const { log, session } = script(kinds.map((kind, i) => ({ kind, data: i + 1 })), hiding, rest)
    expect(dataOf(await client().all(session, { kinds: ["shown"] }))).toEqual([1, 5])
    expect(session.asked.map(({ cursor }) => cursor)).toEqual([undefined, log.cursorAt(4)])
    expect(session.asked.map(({ query }) => query.get("kinds"))).toEqual(["shown", "shown"])
  })
}

/** `work` for each number from 0 to below `count`, so many of them at a time. */
async function allOf(count: number, atOnce: number, work: (n: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}
