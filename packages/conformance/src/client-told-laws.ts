// What a server tells a client about coming back, and what the client makes of it: now, later, or never again. Part of
// `describeClient`. Pauses are measured from below only, and with a tenth of them to spare.

import { primeFrame, reconnectFrame, type ProblemName } from "@tidemark/protocol"
import { expect, test } from "vitest"
import { cutAfter, dataOf, events, serve, typesOf, type ClientLab } from "./client-lab.ts"
import type { ScriptedLog } from "./scripted-log.ts"
import { chunked, type Answer, type ScriptedSession } from "./scripted-server.ts"

export function beingToldLaws({ client, script, traits }: ClientLab): void {
  test("a client that is told when to come back comes no sooner, and goes on where it was", async () => {
    const later = (log: ScriptedLog): Answer => (line) => {
      line.cut(chunked([log.opening({}, 300), log.events(1, 2), log.reconnect(300)], true))
    }
    const { session } = script(events(4), later, serve)
    expect(dataOf(await client().all(session))).toEqual(["event 1", "event 2", "event 3", "event 4"])
    expect(pause(session)).toBeGreaterThanOrEqual(270)
  })

  test("the pause of a `retry` holds for a connection that ends without a word", async () => {
    const { session } = script(events(2), cutAfter((log) => log.opening({}, 300)), serve)
    expect(dataOf(await client().all(session))).toEqual(["event 1", "event 2"])
    expect(pause(session)).toBeGreaterThanOrEqual(270)
  })

  test("a refusal for now (503, 429) is come back from, no sooner than it says", async () => {
    // To who asked for a status it is one; to others it is said in a stream, because a browser would never come back.
    const busy = (name: ProblemName) => (): Answer => (line, { query }) => {
      if (query.get("refuse") === "status") line.refuse(name, { "retry-after": "1" })
      else line.cut(chunked([primeFrame(1000), reconnectFrame({ afterMs: 1000, reason: name })], true))
    }
    const refusedAs = async (name: ProblemName): Promise<void> => {
      const { session } = script(events(2), busy(name), serve)
      expect(dataOf(await client().all(session)), name).toEqual(["event 1", "event 2"])
      expect(pause(session), name).toBeGreaterThanOrEqual(900)
    }
    await Promise.all([refusedAs("unavailable"), refusedAs("too-many-requests")])
  })

  test("204 is the end: the session was closed where the cursor is", async () => {
    const { log, session } = script(events(2), serve)
    expect(typesOf(await client().all(session, { cursor: log.cursorAt(log.end) }))).toEqual(["closed"])
    expect(session.asked.length).toBe(1)
  })

  test("`closed` without an id is the end too: the session was deleted", async () => {
    const deleted = (log: ScriptedLog): Answer => (line) => {
      line.cut(chunked([log.opening(), log.events(1, 2), log.caughtUp(2), log.closed().replace(/^id: .*\n/m, "")], true))
    }
    const { session } = script(events(3), deleted, serve)
    expect(typesOf(await client().all(session))).toEqual(["event", "event", "closed"])
    expect(session.asked.length).toBe(1)
  })

  test.each<ProblemName>(["cursor-malformed", "bad-request", "forbidden-origin", "unknown-session"])(
    "what coming back cannot mend (`%s`) ends with an error, after one request",
    async (name) => {
      const { session } = script(events(1), () => (line) => line.refuse(name))
      const { items, failure } = await client().read(session)
      expect([items, failure === undefined]).toEqual([[], false])
      expect(session.asked.length).toBe(1)
    },
  )

  test("a refusal after events is an end with an error as well, and takes none of them back", async () => {
    const { session } = script(events(3), cutAfter((log) => log.opening() + log.events(1, 2)), () => (line) => line.refuse("unknown-session"))
    const { items, failure } = await client().read(session)
    expect([...dataOf(items), failure === undefined]).toEqual(["event 1", "event 2", false])
    expect(session.asked.length).toBe(2)
  })

  test("a client that is stopped lets go of its connection", async () => {
    const open = (log: ScriptedLog): Answer => (line) => line.send(chunked([log.opening(), log.events(1, 1), log.caughtUp(1)]))
    const { session } = script(events(2), open)
    const { items } = await client().read(session, { until: ({ type }) => type === "event" })
    expect(dataOf(items)).toEqual(["event 1"])
    await session.lines[0]?.over
    expect(session.asked.length).toBe(1)
  })

  test.runIf(traits.watches)("a connection on which nothing is heard for three heartbeats is given up, and gone on from", async () => {
    // A machine that stands still may be silent for as long before event 2 is read: then the client asks for it again.
    const silent = (log: ScriptedLog): Answer => (line, asked) => {
      if (log.positionOf(asked.cursor) >= 2) serve(log)(line, asked)
      else line.send(chunked([log.opening({ heartbeatMs: 100 }), log.events(log.positionOf(asked.cursor) + 1, 2)]))
    }
    const { log, session } = script(events(4), silent)
    expect(dataOf(await client().all(session))).toEqual(["event 1", "event 2", "event 3", "event 4"])
    expect([session.asked[0]?.cursor, session.asked.at(-1)?.cursor]).toEqual([undefined, log.cursorAt(2)])
    await session.lines[0]?.over
  })
}

/** Between the first connection and the second, in milliseconds. */
function pause({ asked: [first, second] }: ScriptedSession): number {
  return (second?.at ?? 0) - (first?.at ?? 0)
}
