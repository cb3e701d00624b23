// Streams from outside: replay and live are one reader without a seam (L8), cuts lose nothing (L11), slow readers neither
// lose nor slow anybody (L13, L14), and a filter never strands its reader (L15).

import { parseCursor, sessionName } from "@tidemark/kernel"
import { expect, test } from "vitest"
import { dataOf, typesOf, type ServerUnderTest } from "./server-under-test.ts"

export function streamLaws(server: ServerUnderTest): void {
  const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, n) => n + 1)

  test("a stream says hello first, replays, and says when it has caught up", async () => {
    const session = server.fresh()
    await session.publish(1, 2)
    const stream = await session.subscribe("from=start")
    const frames = await stream.until("caught_up")
    expect([stream.status, stream.headers["content-type"]]).toEqual([200, "text/event-stream; charset=utf-8"])
    expect(stream.headers["cache-control"]).toBe("no-cache, no-transform")
    expect(stream.headers["content-encoding"]).toBe(undefined)
    expect(typesOf(frames)).toEqual(["hello", "event", "event", "caught_up"])
    expect(frames[0]).toMatchObject({ data: { session: session.id, head: 2, earliest: 1, revision: 0, model: "log" } })
    expect(frames.at(-1)).toMatchObject({ data: { position: 2 } })
    stream.cut()
  })

  test("without a cursor a stream begins with the observation; with from, where it says", async () => {
    const session = server.fresh()
    await session.publish(1, 2, 3)
    const begin = async (query: string): Promise<unknown> => {
      const stream = await session.subscribe(query)
      const frames = await stream.until("caught_up")
      stream.cut()
      return [typesOf(frames).slice(1, -1), dataOf(frames)]
    }
    expect(await begin("")).toEqual([["observation"], []])
    expect(await begin("from=observation")).toEqual([["observation"], []])
    expect(await begin("from=now")).toEqual([[], []])
    expect(await begin("from=tail:2")).toEqual([["event", "event"], [2, 3]])
    expect(await begin("from=tail:50")).toEqual([["event", "event", "event"], [1, 2, 3]])
    expect(await begin("from=start")).toEqual([["event", "event", "event"], [1, 2, 3]])
  })

  test("L8 replay to live has no seam: each event once, in order, while a publisher goes on", async () => {
    const session = server.fresh()
    await session.publish(1)
    const publishing = (async () => {
      for (let n = 2; n <= 400; n += 3) await session.publish(n, n + 1, n + 2)
    })()
    const streams = await Promise.all(Array.from({ length: 5 }, () => session.subscribe("from=start")))
    for (const stream of streams) {
      const events = await stream.events(400)
      expect(events.map(({ data }) => data)).toEqual(upTo(400))
      expect(events.map(({ position }) => position)).toEqual(upTo(400))
      stream.cut()
    }
    await publishing
  })

  test("L11 cut anywhere and resumed from the last id, a reader ends with what an uncut one has", async () => {
    const session = server.fresh()
    await session.publish(0)
    const publishing = (async () => {
      for (let n = 1; n <= 60; n++) await session.publish(n)
    })()
    const taken: unknown[] = []
    let last: Record<string, string> = {}
    for (let cut = 1; taken.length < 61; cut++) {
      const stream = await session.subscribe("from=start", last)
      for (let frames = 0; frames < (cut % 7) + 2 && taken.length < 61; frames++) {
        const frame = await stream.next()
        if (frame?.type === "event") taken.push(frame.data.data)
        if (frame !== undefined && "id" in frame && frame.id !== undefined) last = { "last-event-id": frame.id }
      }
      stream.cut()
    }
    await publishing
    expect(taken).toEqual([0, ...upTo(60)])
  })

  test("L13 L14 a reader that does not read loses nothing and slows nobody", async () => {
    const session = server.fresh()
    await session.publish(0)
    const slow = await session.subscribe("from=now")
    const quick = await session.subscribe("from=now")
    await quick.until("caught_up")
    const filler = "x".repeat(2000)
    for (let n = 0; n < 60; n++) await session.publish(...upTo(50).map((m) => `${50 * n + m}${filler}`))
    const numbers = (events: readonly { data: unknown }[]) => events.map(({ data }) => Number(String(data).replaceAll("x", "")))
    expect(numbers(await quick.events(3000))).toEqual(upTo(3000))
    expect(numbers(await slow.events(3000))).toEqual(upTo(3000))
    quick.cut()
    slow.cut()
  })

  test("L15 a filter shows what it lets through, and moves the cursor past what it hides", async () => {
    const session = server.fresh()
    await session.post("events", [{ kind: "other" }, { kind: "turn.text", data: 1 }, { kind: "other" }, { kind: "turn.usage", data: 2 }])
    const stream = await session.subscribe("from=start&kinds=turn.*")
    const replayed = await stream.until("caught_up")
    expect(dataOf(replayed)).toEqual([1, 2])
    const hidden = Array.from({ length: 500 }, () => ({ kind: "other" }))
    for (let n = 0; n < 20; n++) await session.post("events", hidden)
    let seen = 4
    while (seen < 5000) {
      const heartbeat = (await stream.until("heartbeat")).at(-1)
      const parsed = parseCursor(sessionName("default", session.id), heartbeat?.type === "heartbeat" ? String(heartbeat.id) : "")
      expect(parsed.type).toBe("cursor")
      if (parsed.type === "cursor") seen = parsed.cursor.point.position
    }
    stream.cut()
    expect(seen).toBeGreaterThanOrEqual(5000)
  })

  test("a stream on a session that is not there yet waits for it, and says hello when it is", async () => {
    const session = server.fresh()
    expect((await session.subscribe("from=start")).status).toBe(404)
    const stream = await session.subscribe("from=start&missing=wait")
    expect(stream.status).toBe(200)
    await session.publish(1)
    const frames = await stream.until("caught_up")
    expect(typesOf(frames)).toEqual(["hello", "event", "caught_up"])
    stream.cut()
  })

  test("HEAD answers a stream's headers and opens nothing", async () => {
    const session = server.fresh()
    await session.publish(1)
    const { status, headers, text } = await server.call("HEAD", `${session.path}/subscribe`)
    expect([status, headers["content-type"], text]).toEqual([200, "text/event-stream; charset=utf-8", ""])
    expect((await session.get("")).json?.["readers"]).toBe(0)
    expect((await server.call("HEAD", `${server.fresh().path}/subscribe`)).status).toBe(404)
  })

  test("a resume over a stream is finite: what is there, caught_up, the end", async () => {
    const session = server.fresh()
    const { cursor } = await session.publish(1)
    await session.publish(2, 3)
    const all = await (await session.resumeStream(`cursor=${cursor}`)).rest()
    const page = await (await session.resumeStream(`cursor=${cursor}&limit=1`)).rest()
    expect([typesOf(all), dataOf(all)]).toEqual([["hello", "event", "event", "caught_up"], [2, 3]])
    expect([typesOf(page), dataOf(page)]).toEqual([["hello", "event"], [2]])
  })

  test("a resume over a stream of a closed session ends with closed, after caught_up", async () => {
    const session = server.fresh()
    const { cursor } = await session.publish(1)
    await session.publish(2)
    await session.post("close", { reason: "finished" })
    const frames = await (await session.resumeStream(`cursor=${cursor}&limit=1`)).rest()
    expect(typesOf(frames)).toEqual(["hello", "event", "caught_up", "closed"])
  })

  test("L17 readers that left are not counted, whichever way they left", async () => {
    const session = server.fresh()
    await session.publish(1)
    const streams = await Promise.all(Array.from({ length: 20 }, () => session.subscribe("from=now")))
    for (const stream of streams) await stream.until("caught_up")
    expect((await session.get("")).json?.["readers"]).toBe(20)
    for (const stream of streams) stream.cut()
    const readers = async (): Promise<unknown> => (await session.get("")).json?.["readers"]
    while ((await readers()) !== 0);
    expect(await readers()).toBe(0)
  })

  test("nothing a publisher says becomes a frame of the server", async () => {
    const session = server.fresh()
    const forged = [
      { kind: "gap", data: { reason: "epoch" } },
      { kind: "closed\u2028", data: "\r\nevent: gap\r\ndata: {}\r\nid: 1\r\n\r\n" },
      { kind: "event: closed", data: { text: "\n\n: \u0000\u2028\u2029" } },
    ]
    await session.post("events", forged)
    const stream = await session.subscribe("from=start")
    const frames = await stream.until("caught_up")
    expect(typesOf(frames)).toEqual(["hello", "event", "event", "event", "caught_up"])
    expect(dataOf(frames)).toEqual(forged.map(({ data }) => data))
    stream.cut()
  })
}
