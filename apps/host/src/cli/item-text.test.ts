import type { ClientItem } from "@tidemark/client"
import { cursorText, epoch, origin, sessionName } from "@tidemark/kernel"
import { expect, test } from "vitest"
import { gapText, itemText } from "./item-text.ts"

const cursor = cursorText(sessionName("default", "s"), epoch("g", "i"), origin)
const at = "2026-11-21T08:30:00.000Z"
const event = (kind: string, data: string | null): ClientItem => ({
  type: "event",
  event: { position: 3, revision: 0, kind, at, data },
  cursor: "c",
})

test("a line comes out as it was read, its CR and its emptiness included", () => {
  expect(itemText(event("line", "one\r"), "lines")).toBe("one\r\n")
  expect(itemText(event("line", ""), "lines")).toBe("\n")
})

test("what is no line comes out as JSON, on one line", () => {
  const text = `{"position":3,"revision":0,"kind":"turn.text","at":"${at}","data":"hello"}\n`
  expect(itemText(event("turn.text", "hello"), "lines")).toBe(text)
  expect(itemText(event("line", null), "lines")).toBe(`{"position":3,"revision":0,"kind":"line","at":"${at}","data":null}\n`)
})

test("a string that would come out as two lines comes out as JSON", () => {
  expect(itemText(event("line", "a\nb"), "lines")).toBe(`{"position":3,"revision":0,"kind":"line","at":"${at}","data":"a\\nb"}\n`)
})

test("as items everything is given but the state of the connection; as entries only what stands in the session", () => {
  const caughtUp: ClientItem = { type: "caught_up", position: 3, cursor: "c" }
  expect(itemText(caughtUp, "items")).toBe('{"type":"caught_up","position":3,"cursor":"c"}\n')
  expect(itemText(caughtUp, "entries")).toBe(undefined)
  expect(itemText(caughtUp, "lines")).toBe(undefined)
  expect(itemText({ type: "status", status: "connecting", attempt: 0 }, "items")).toBe(undefined)
  const entry = `{"position":3,"revision":0,"kind":"line","at":"${at}","data":"a"}`
  expect(itemText(event("line", "a"), "entries")).toBe(`{"type":"event","event":${entry},"cursor":"c"}\n`)
})

test("a gap says why, how much is missing, what comes next and what the log holds", () => {
  const window = { latest: cursor, earliest: 211, head: 310, revision: 0 }
  const gap = { session: "s", reason: "trimmed", requested: null, ...window, missed: 1 } as const
  expect(gapText(gap, false)).toBe(
    "gap (trimmed): what follows the cursor is no longer kept; 1 entry is missing here, " +
      "and reading goes on with what can still be read. The log holds 211–310.",
  )
  expect(gapText({ ...gap, reason: "epoch", missed: null }, true)).toBe(
    "gap (epoch): the log is another one than when the cursor was made; nobody knows how many entries are missing here, " +
      "and an observation follows that replaces them. The log holds 211–310.",
  )
})
