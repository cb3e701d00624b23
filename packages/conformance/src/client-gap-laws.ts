// Gaps, from the client's side (L9): what is missing is said before what lies behind it, and reading goes on from the
// observation. Part of `describeClient`.

import type { LiveReplayGapReason } from "@tidemark/kernel"
import { expect, test } from "vitest"
import { cutAfter, dataOf, events, serve, typesOf, type ClientLab } from "./client-lab.ts"
import { ScriptedLog } from "./scripted-log.ts"
import { chunked, type Answer } from "./scripted-server.ts"

/** After these, positions go on from those before; after the others they may begin anew. */
const sameLifetime: readonly LiveReplayGapReason[] = ["trimmed", "lagged", "hole", "budget"]
const another: readonly LiveReplayGapReason[] = ["epoch", "ahead", "diverged", "unknown_log"]

export function gapLaws({ client, script, traits }: ClientLab): void {
  const first = cutAfter((log) => log.opening() + log.events(1, 2))
  /** A gap, what comes instead of it, and the rest. */
  const over = (log: ScriptedLog, reason: LiveReplayGapReason, old = log): string[] => {
    const instead = [log.opening(), log.gap(reason, old.cursorAt(2)), log.observation(5, "as of 5")]
    return [...instead, log.events(6, 6), log.caughtUp(log.end), log.closed()]
  }
  const told = traits.observes ? ["event", "event", "gap", "observation", "event", "closed"] : ["event", "event", "gap", "event", "closed"]

  test.each(sameLifetime)("L9 a gap `%s` is given before what follows it, and reading goes on from its observation", async (reason) => {
    const { session } = script(events(6), first, (log) => (line) => line.cut(chunked(over(log, reason), true)), serve)
    const items = await client().all(session)
    expect(typesOf(items)).toEqual(told)
    expect(dataOf(items)).toEqual(["event 1", "event 2", "event 6"])
    expect(items[2]).toMatchObject({ type: "gap", reason })
    expect(session.asked.length).toBe(2)
  })

  test.each(another)("L2 L9 after a gap `%s` the session is another one, whatever its positions", async (reason) => {
    const { log: old, session } = script(events(9))
    const reborn = new ScriptedLog(old.id, events(6), "second")
    const before: Answer = (line) => line.cut(chunked([old.opening(), old.events(1, 9)]))
    session.answer(before, (line) => line.cut(chunked(over(reborn, reason, old), true)), serve(reborn))
    const items = await client().all(session)
    expect(typesOf(items.slice(9))).toEqual(told.slice(2))
    expect(dataOf(items.slice(9))).toEqual(["event 6"])
    expect(items[9]).toMatchObject({ type: "gap", reason })
    expect(session.asked.map(({ cursor }) => cursor)).toEqual([undefined, old.cursorAt(9)])
  })

  test("L9 a gap moves no cursor: cut before its observation, the client asks with its old one, and is told again", async () => {
    const between = cutAfter((log) => log.opening() + log.gap("trimmed", log.cursorAt(2)))
    const { log, session } = script(events(6), first, between, (each) => (line) => line.cut(chunked(over(each, "trimmed"), true)), serve)
    const items = await client().all(session)
    expect(session.asked.map(({ cursor }) => cursor)).toEqual([undefined, log.cursorAt(2), log.cursorAt(2)])
    expect(dataOf(items)).toEqual(["event 1", "event 2", "event 6"])
    expect(typesOf(items.slice(-told.length + 2))).toEqual(told.slice(2))
  })

  test("L9 cut behind the observation, the client goes on from there", async () => {
    const behind = cutAfter((log) => log.opening() + log.gap("trimmed", log.cursorAt(2)) + log.observation(5, "as of 5"))
    const { log, session } = script(events(6), first, behind, serve)
    const items = await client().all(session)
    expect(session.asked.map(({ cursor }) => cursor)).toEqual([undefined, log.cursorAt(2), log.cursorAt(5)])
    expect([typesOf(items), dataOf(items)]).toEqual([told, ["event 1", "event 2", "event 6"]])
  })

  test("L9 a start whose first entries are gone is told so before the first that is left", async () => {
    const late = (log: ScriptedLog): Answer => (line) => {
      const gap = log.gap("trimmed", null, 3, 4)
      line.cut(chunked([log.opening({ earliest: 4 }), gap, log.events(4, 5), log.caughtUp(log.end), log.closed()], true))
    }
    const { session } = script(events(5), late, serve)
    const items = await client().all(session)
    expect(typesOf(items)).toEqual(["gap", "event", "event", "closed"])
    expect(dataOf(items)).toEqual(["event 4", "event 5"])
  })

  test.runIf(traits.observes)("an observation comes with its position and its view, and brings the cursor to go on from", async () => {
    const { log, session } = script(events(6), first, (each) => (line) => line.cut(chunked(over(each, "trimmed"), true)), serve)
    const items = await client().all(session)
    expect(items[3]).toMatchObject({ type: "observation", position: 5, view: "as of 5", cursor: log.cursorAt(5) })
  })
}
