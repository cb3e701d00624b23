// Cursors from outside: replay is exclusive and an empty answer a proof (L6); a cursor is checked in its order, and what
// cannot be proven is a gap in band (L7, L9). Cursors are forged with the kernel's own text, because a place that never was
// cannot be asked for otherwise.

import { cursorText, mark, parseCursor, position, revision, sessionName } from "@tidemark/kernel"
import type { CursorText, ObservationJson, Point } from "@tidemark/kernel"
import type { ReceiptAnswer } from "@tidemark/protocol"
import { describe, expect, test } from "vitest"
import { dataOf, typesOf, type Answered, type ServerUnderTest, type SessionUnderTest } from "./server-under-test.ts"

export function cursorLaws(server: ServerUnderTest): void {
  proofLaws(server)
  rejectionLaws(server)
  gapLaws(server)
}

function proofLaws(server: ServerUnderTest): void {
  test("L6 replay gives the events after the cursor, and none at it", async () => {
    const session = server.fresh()
    const { cursor } = await session.publish(1, 2)
    await session.publish(3, 4)
    const { json } = await session.get(`resume?cursor=${cursor}`)
    const events: readonly { data: unknown }[] = Object(json?.["events"])
    expect([json?.["type"], events.map(({ data }) => data), json?.["upToDate"]]).toEqual(["replayed", [3, 4], true])
  })

  test("L6 what was acknowledged is in every answer to a request that came after", async () => {
    const session = server.fresh()
    const { cursor } = await session.publish(0)
    for (let n = 1; n <= 20; n++) {
      const receipt = await session.publish(n)
      const { json } = await session.get(`resume?cursor=${cursor}`)
      expect([json?.["cursor"], json?.["upToDate"]]).toEqual([receipt.cursor, true])
    }
  })

  test("L6 an empty answer says that it is up to date, and where", async () => {
    const session = server.fresh()
    const { cursor } = await session.publish(1)
    const { json } = await session.get(`resume?cursor=${cursor}`)
    expect(json).toEqual({ type: "replayed", events: [], cursor, upToDate: true, closed: null })
  })

  test("L6 pages follow one another without a seam, and only the last is up to date", async () => {
    const session = server.fresh()
    let { cursor }: { cursor: unknown } = await session.publish(0)
    await session.publish(1, 2, 3, 4, 5)
    const pages: unknown[] = []
    for (let upToDate: unknown = false; upToDate === false; ) {
      const { json } = await session.get(`resume?cursor=${cursor}&limit=2`)
      const events: readonly { data: unknown }[] = Object(json?.["events"])
      pages.push([events.map(({ data }) => data), json?.["upToDate"]])
      upToDate = json?.["upToDate"]
      cursor = json?.["cursor"]
    }
    expect(pages).toEqual([[[1, 2], false], [[3, 4], false], [[5], true]])
  })

  test("a resume that may wait is answered by the next event", async () => {
    const session = server.fresh()
    const { cursor } = await session.publish(1)
    const waiting = session.get(`resume?cursor=${cursor}&wait=20`)
    const open = async (): Promise<number> => Number((await session.get("")).json?.["readers"])
    while ((await open()) === 0);
    await session.publish(2)
    const { json } = await waiting
    const events: readonly { data: unknown }[] = Object(json?.["events"])
    expect(events.map(({ data }) => data)).toEqual([2])
  })

  test("a query counts positions, hides what its kinds hide, and says where the next page begins", async () => {
    const session = server.fresh()
    await session.post("events", [{ kind: "a" }, { kind: "b.x" }, { kind: "a" }, { kind: "b.y" }, { kind: "c" }])
    const first = await session.get("events?kinds=b.*&limit=1")
    const second = await session.get(`events?kinds=b.*&limit=1&since=${first.json?.["next"]}`)
    const kinds = [first, second].map(({ json }) => Object(json?.["events"]).map(({ kind }: { kind: string }) => kind))
    expect(kinds).toEqual([["b.x"], ["b.y"]])
    const last = await session.get("events?since=5")
    expect([last.json?.["events"], last.json?.["next"], last.json?.["missed"]]).toEqual([[], null, 0])
  })

  test("a query for a place that is not in this log is a conflict", async () => {
    const session = server.fresh()
    const { cursor } = await session.publish(1)
    const [ahead, epoch] = [await session.get("events?since=2"), await session.get("events?epoch=a.b")]
    expect([ahead, epoch].map(({ status, problem, json }) => [status, problem, json?.["reason"]])).toEqual([
      [409, "since-conflict", "ahead"],
      [409, "since-conflict", "epoch"],
    ])
    expect((await session.get(`events?since=${cursor}`)).status).toBe(200)
  })
}

function rejectionLaws(server: ServerUnderTest): void {
  const doors: readonly [string, (session: SessionUnderTest, cursor: string) => Promise<Answered>][] = [
    ["resume", (session, cursor) => session.get(`resume?cursor=${cursor}`)],
    ["resume as a stream", (session, cursor) => session.get(`resume?cursor=${cursor}`, { accept: "text/event-stream" })],
    ["explain", (session, cursor) => session.get(`explain?cursor=${cursor}`)],
    ["events", (session, cursor) => session.get(`events?since=${cursor}`)],
    ["subscribe by query", (session, cursor) => session.get(`subscribe?cursor=${cursor}`, { accept: "text/event-stream" })],
    ["subscribe by header", (session, cursor) => session.get("subscribe", { "last-event-id": cursor, accept: "text/event-stream" })],
    ["subscribe that waits", (session, cursor) => session.get(`subscribe?missing=wait&cursor=${cursor}`, { accept: "text/event-stream" })],
    ["If-Match", (session, cursor) => session.post("events", { kind: "n" }, { "if-match": `"${cursor}"` })],
  ]

  describe.each(doors)("at the door %s", (_door, present) => {
    test("L7 a cursor that was cut, changed or never was is malformed, session or no session", async () => {
      const session = server.fresh()
      const { cursor } = await session.publish(1)
      const last = cursor.at(-1) === "0" ? "1" : "0"
      for (const bad of [cursor.slice(0, -1), cursor.slice(0, -1) + last, cursor + cursor, "1.", "nonsense", "9".repeat(200)]) {
        const outcomes = [await present(session, bad), await present(server.fresh(), bad)]
        expect(outcomes.map(({ status, problem }) => [status, problem])).toEqual([[400, "cursor-malformed"], [400, "cursor-malformed"]])
      }
    })

    test("L7 a cursor of another version is unsupported before anything else is looked at", async () => {
      const { status, problem } = await present(server.fresh(), "7.from.the-future")
      expect([status, problem]).toEqual([400, "cursor-unsupported-version"])
    })

    test("L7 a cursor of another session is rejected, session or no session", async () => {
      const { cursor } = await server.fresh().publish(1)
      const session = server.fresh()
      await session.publish(1)
      const outcomes = [await present(session, cursor), await present(server.fresh(), cursor)]
      expect(outcomes.map(({ status, problem }) => [status, problem])).toEqual([
        [400, "cursor-wrong-session"],
        [400, "cursor-wrong-session"],
      ])
    })
  })
}

interface GapCase {
  readonly session: SessionUnderTest
  readonly cursor: string
  readonly reason: string
  /** The position of the cursor, where what is missed can be counted from it. */
  readonly countedFrom?: number
}

function gapLaws(server: ServerUnderTest): void {
  const cases: readonly [string, () => Promise<GapCase>][] = [
    [
      "of an earlier epoch",
      async () => {
        const session = server.fresh()
        const { cursor } = await session.publish(1)
        await server.call("DELETE", session.path)
        await session.publish(1, 2)
        return { session, cursor, reason: "epoch" }
      },
    ],
    [
      "ahead of the head",
      async () => {
        const session = server.fresh()
        const receipt = await session.publish(1)
        return { session, cursor: forged(session, receipt, { ...pointOf(session, receipt), position: position(9) }), reason: "ahead" }
      },
    ],
    [
      "at which another entry stands",
      async () => {
        const session = server.fresh()
        const receipt = await session.publish(1)
        await session.publish(2)
        const point = pointOf(session, receipt)
        const other = mark(point.mark === 0 ? 1 : point.mark - 1)
        return { session, cursor: forged(session, receipt, { ...point, mark: other }), reason: "diverged" }
      },
    ],
    [
      "behind what the log still holds",
      async () => {
        const session = server.fresh()
        await server.call("PUT", session.path, { body: { retention: { events: 5 } } })
        const { cursor } = await session.publish(0)
        for (let n = 1; n <= 30; n++) {
          await session.commit(n)
          await session.publish(...Array.from({ length: 200 }, () => n))
        }
        return { session, cursor, reason: "trimmed", countedFrom: 1 }
      },
    ],
  ]

  describe.each(cases)("a cursor %s", (_place, make) => {
    test("L7 L9 resumes as a gap with its reason and the observation that replaces what is missing", async () => {
      const { session, cursor, reason, countedFrom } = await make()
      const { status, json } = await session.get(`resume?cursor=${cursor}`)
      const observation: ObservationJson = Object(json?.["observation"])
      const missed = countedFrom === undefined ? null : observation.position - countedFrom
      expect([status, json?.["type"]]).toEqual([200, "gap"])
      expect(json?.["gap"]).toMatchObject({ session: session.id, reason, requested: cursor, missed })
      const next = await session.get(`resume?cursor=${observation.cursor}&limit=1000`)
      expect(next.json?.["type"]).toBe("replayed")
    })

    test("L9 streams as a gap, its observation and what follows, and the gap is said once", async () => {
      const { session, cursor, reason } = await make()
      const { json: head } = await session.get("")
      const stream = await session.subscribe("", { "last-event-id": cursor })
      const frames = await stream.until("caught_up")
      await session.publish("live")
      const live = await stream.events(1)
      stream.cut()
      const [hello, gap, observation, ...following] = frames
      expect(typesOf(frames.slice(0, 3))).toEqual(["hello", "gap", "observation"])
      expect([hello, gap]).toMatchObject([{ data: { head: head?.["head"] } }, { data: { reason, requested: cursor } }])
      const from = observation?.type === "observation" ? observation.data.position : Number.NaN
      expect(following.filter(({ type }) => type !== "event").map(({ type }) => type)).toEqual(["caught_up"])
      expect(from + following.length - 1).toBe(head?.["head"])
      expect(live.map(({ data }) => data)).toEqual(["live"])
    })

    test("L7 is explained as the gap it would be", async () => {
      const { session, cursor, reason } = await make()
      const { json } = await session.get(`explain?cursor=${cursor}`)
      expect([json?.["outcome"], json?.["reason"]]).toEqual(["gap", reason])
    })
  })

  test("L9 a reader that asked for the rest gets no observation, and goes on with what is readable", async () => {
    const session = server.fresh()
    const { cursor } = await session.publish(1)
    await server.call("DELETE", session.path)
    await session.publish(1, 2)
    const stream = await session.subscribe("recover=rest", { "last-event-id": cursor })
    const frames = await stream.until("caught_up")
    expect(typesOf(frames)).toEqual(["hello", "gap", "event", "event", "caught_up"])
    expect(dataOf(frames)).toEqual([1, 2])
    stream.cut()
  })

  test("L7 the header counts, then lastEventId, then cursor, and what is not chosen is not looked at", async () => {
    const session = server.fresh()
    const [one, two, three] = [await session.publish(1), await session.publish(2), await session.publish(3)]
    const first = async (query: string, headers = {}): Promise<unknown> => {
      const stream = await session.subscribe(query, headers)
      const frames = await stream.until("caught_up")
      stream.cut()
      return dataOf(frames)
    }
    expect(await first(`cursor=nonsense&lastEventId=nonsense`, { "last-event-id": two.cursor })).toEqual([3])
    expect(await first(`cursor=nonsense&lastEventId=${one.cursor}`, { "last-event-id": "" })).toEqual([2, 3])
    expect(await first(`cursor=${three.cursor}&lastEventId=`)).toEqual([])
  })
}

function pointOf(session: SessionUnderTest, { cursor }: ReceiptAnswer): Point {
  const parsed = parseCursor(sessionName("default", session.id), cursor)
  return parsed.type === "cursor" ? parsed.cursor.point : { position: position(0), revision: revision(0), mark: mark(0) }
}

function forged(session: SessionUnderTest, { epoch }: ReceiptAnswer, point: Point): CursorText {
  return cursorText(sessionName("default", session.id), epoch, point)
}
