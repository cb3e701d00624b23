// The examples of docs/PROTOCOL.md are real: their cursors parse, for the session they are of, and their events are what
// a log would have sealed. Somebody writes a client against these lines.

import { cursorText, epoch, jsonText, origin, parseCursor, seal, sessionName, timestamp, type Draft, type Point } from "@tidemark/kernel"
import { expect, test } from "vitest"
import { read } from "./repository.ts"

const protocol = read("docs/PROTOCOL.md")
const session = sessionName("default", "turn-7")
const lifetime = epoch("k3n7Qx2m", "Zp81Lw0c")

test("every cursor is one, of that session", () => {
  const cursors = [...protocol.matchAll(/\b\d+\.hxx4zwmmo\.[A-Za-z0-9._-]+/g)].map(([text]) => text)
  expect(cursors.length).toBeGreaterThan(5)
  expect(cursors.filter((text) => parseCursor(session, text).type !== "cursor")).toEqual([])
})

test("the events are those of one log, with their cursors", () => {
  const at = Date.parse("2026-11-21T08:30:00.000Z")
  const drafts: readonly Draft[] = [
    { type: "event", kind: "turn.text", data: jsonText({ text: "Hello" }), commit: false },
    { type: "event", kind: "turn.text", data: jsonText({ text: ", world" }), commit: false },
    { type: "event", kind: "committed", data: jsonText({ text: "Hello, world" }), commit: true },
  ]
  const shown: string[] = []
  let point: Point = origin
  for (const [i, draft] of drafts.entries()) {
    const entry = seal(point, timestamp(at + 120 * i), draft)
    shown.push(`data: ${entry.text}\nid: ${cursorText(session, lifetime, entry)}\n\n`)
    point = entry
  }
  const [first = "", ...streamed] = shown
  expect(protocol).toContain(first.slice("data: ".length, first.indexOf("\n")))
  expect(streamed.filter((frame) => !protocol.includes(frame))).toEqual([])
})
