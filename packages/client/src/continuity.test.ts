import { expect, test } from "vitest"
import type { LiveReplayGap, LiveReplayGapReason, ObservationJson } from "@tidemark/kernel"
import { Continuity, type Start } from "./continuity.ts"

// Plain data in the shape of the wire; brands are made by the decoder, which is not under test here.
const gap = (reason: LiveReplayGapReason, requested = "c1"): LiveReplayGap =>
  JSON.parse(JSON.stringify({ session: "s", reason, requested, latest: "c9", earliest: 5, head: 9, revision: 0, missed: 3 }))
const observation = (position: number, epoch = "g.i"): ObservationJson => JSON.parse(JSON.stringify({ session: "s", epoch, position }))

function connected(start: Start, filtered = false): Continuity {
  const continuity = new Continuity(filtered)
  continuity.handleConnection(start)
  continuity.handleHello("g.i")
  return continuity
}

test("from the start, the first event is at 1 and each next one right after it", () => {
  const continuity = connected("start")
  expect(continuity.handleEvent(2)).toEqual({ wrong: "event 2 came after 0: what lies between was skipped without a gap" })
  expect(continuity.handleEvent(1)).toBe("moves")
  expect(continuity.handleEvent(1)).toEqual({ wrong: "event 1 came after 1: it was given before" })
  expect(continuity.handleEvent(3)).toEqual({ wrong: "event 3 came after 1: what lies between was skipped without a gap" })
  expect(continuity.handleEvent(2)).toBe("moves")
})

test("from a cursor that nobody here has read, the first event may be anywhere and binds the next", () => {
  const continuity = connected("cursor")
  expect(continuity.handleEvent(41)).toBe("moves")
  expect(continuity.handleEvent(43)).toHaveProperty("wrong")
  expect(continuity.handleEvent(42)).toBe("moves")
})

test("a filter may skip, never repeat", () => {
  const continuity = connected("start", true)
  expect(continuity.handleEvent(7)).toBe("moves")
  expect(continuity.handleEvent(12)).toBe("moves")
  expect(continuity.handleEvent(12)).toHaveProperty("wrong")
  expect(continuity.handleCaughtUp(40)).toBe("moves")
  expect(continuity.handleEvent(40)).toHaveProperty("wrong")
})

test("the next connection goes on where the cursor moved last, not where the stream was", () => {
  const continuity = connected("start")
  expect(continuity.handleEvent(1)).toBe("moves")
  expect(continuity.handleGap(gap("trimmed"), true)).toBe("stands")
  continuity.handleConnection("cursor")
  continuity.handleHello("g.i")
  expect(continuity.handleEvent(3)).toHaveProperty("wrong")
  expect(continuity.handleEvent(2)).toBe("moves")
})

test("a log of another epoch is said with a gap before anything else", () => {
  const continuity = connected("start")
  expect(continuity.handleEvent(1)).toBe("moves")
  continuity.handleConnection("cursor")
  continuity.handleHello("g.other")
  const wrong = "came where a gap was due: the log is another one than before"
  expect(continuity.handleEvent(2)).toEqual({ wrong: `event 2 ${wrong}` })
  expect(continuity.handleCaughtUp(1)).toEqual({ wrong: `caught_up ${wrong}` })
  expect(continuity.handleClosed(true)).toEqual({ wrong: `closed ${wrong}` })
  expect(continuity.handleGap(gap("epoch"), true)).toBe("stands")
  expect(continuity.handleObservation(observation(0, "g.other"))).toBe("moves")
  expect(continuity.handleEvent(1)).toBe("moves")
})

test("a gap that promises an observation gives it before anything else", () => {
  const continuity = connected("cursor")
  expect(continuity.handleGap(gap("trimmed"), true)).toBe("stands")
  expect(continuity.handleEvent(9)).toEqual({ wrong: "event 9 came where the observation was due" })
  expect(continuity.handleGap(gap("trimmed", "c2"), true)).toEqual({ wrong: "a second gap came at one cursor" })
  expect(continuity.handleHeartbeat(true)).toBe("stands")
  expect(continuity.handleObservation(observation(8))).toBe("moves")
  expect(continuity.handleEvent(9)).toBe("moves")
})

test("an observation comes when it was asked for or after a gap, and never behind what was given", () => {
  const asked = connected("observation")
  expect(asked.handleEvent(1)).toHaveProperty("wrong")
  expect(asked.handleObservation(observation(4))).toBe("moves")
  expect(asked.handleObservation(observation(5))).toEqual({ wrong: "an observation came that nothing announced" })
  expect(asked.handleGap(gap("lagged"), true)).toBe("stands")
  expect(asked.handleObservation(observation(3))).toEqual({ wrong: "an observation of position 3 came after 4" })
})

test("after `epoch`, `ahead`, `diverged` and `unknown_log` positions begin anew", () => {
  for (const reason of ["epoch", "ahead", "diverged", "unknown_log"] as const) {
    const continuity = connected("start")
    expect(continuity.handleEvent(1)).toBe("moves")
    expect(continuity.handleGap(gap(reason), true)).toBe("stands")
    expect(continuity.handleObservation(observation(0))).toBe("moves")
  }
})

test("without an observation reading goes on later, and a second gap is one at another cursor", () => {
  const continuity = connected("cursor")
  expect(continuity.handleEvent(4)).toBe("moves")
  expect(continuity.handleGap(gap("hole", "c4"), false)).toBe("stands")
  expect(continuity.handleGap(gap("hole", "c4"), false)).toEqual({ wrong: "a second gap came at one cursor" })
  expect(continuity.handleGap(gap("hole", "c5"), false)).toBe("stands")
  expect(continuity.handleEvent(4)).toHaveProperty("wrong")
  expect(continuity.handleEvent(7)).toBe("moves")
  expect(continuity.handleEvent(9)).toHaveProperty("wrong")
})

test("caught_up is where the events ended, or one further at the close, which alone may follow", () => {
  const continuity = connected("start")
  expect(continuity.handleEvent(1)).toBe("moves")
  expect(continuity.handleCaughtUp(0)).toHaveProperty("wrong")
  expect(continuity.handleCaughtUp(3)).toEqual({ wrong: "caught_up says position 3 after 1" })
  expect(continuity.handleCaughtUp(1)).toBe("moves")
  expect(continuity.handleCaughtUp(2)).toBe("stands")
  expect(continuity.handleEvent(3)).toEqual({ wrong: "event 3 came where the close was due" })
  expect(continuity.handleClosed(true)).toBe("moves")
})

test("a heartbeat's cursor counts where a filter or a gap hides what it passed, and nowhere else", () => {
  const dense = connected("start")
  expect(dense.handleHeartbeat(true)).toBe("stands")
  const filtered = connected("start", true)
  expect(filtered.handleHeartbeat(true)).toBe("moves")
  expect(filtered.handleHeartbeat(false)).toBe("stands")
  const holed = connected("start")
  expect(holed.handleGap(gap("hole"), false)).toBe("stands")
  expect(holed.gapOpen).toBe(true)
  expect(holed.handleHeartbeat(true)).toBe("moves")
  expect(holed.gapOpen).toBe(false)
})

test("the end of a deleted session moves nothing", () => {
  expect(connected("observation").handleClosed(false)).toBe("stands")
})
