// Frames against vectors/sse-encode.json: each as literal text, and as what a receiver makes of it.

import { readFileSync } from "node:fs"
import {
  ContractViolation,
  cursorText,
  epoch,
  jsonText,
  mark,
  origin,
  position,
  revision,
  seal,
  sessionName,
  timestamp,
} from "@tidemark/kernel"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { SseDecoder, type SseItem } from "./sse-decoder.ts"
import { commentFrame, encodeBatch, encodeFrame, primeFrame, retryFrame, sseHeaders, type SseFrame } from "./sse-encoder.ts"

interface Vectors {
  readonly vectors: readonly (Written & { readonly stream: string; readonly items: readonly SseItem[] })[]
  readonly refused: readonly Written[]
}

interface Written {
  readonly name: string
  readonly frame: SseFrame
}

const { vectors, refused }: Vectors = JSON.parse(readFileSync(new URL("../vectors/sse-encode.json", import.meta.url), "utf8"))

function decode(text: string): SseItem[] {
  const decoder = new SseDecoder({ lineBytesMax: 10_000, blockBytesMax: 10_000 })
  expect(decoder.push(new TextEncoder().encode(text))).toBe("ok")
  const items: SseItem[] = []
  for (let item = decoder.pollItem(); item !== undefined; item = decoder.pollItem()) items.push(item)
  return items
}

describe("a frame is written so that it is read as it was meant", () => {
  test.each(vectors)("$name", ({ frame, stream, items }) => {
    expect(encodeFrame(frame)).toBe(stream)
    expect(decode(stream)).toEqual(items)
  })
})

describe("what would become another field, or another text, is never written", () => {
  test.each(refused)("$name", ({ frame }) => {
    expect(() => encodeFrame(frame)).toThrow(ContractViolation)
  })
})

test("whatever the data says, one frame is one block with that data and that id", () => {
  const signs = ["a", "\n", "\r", "\r\n", ":", " ", "\0", "\u2028", "\ufeff", "é", "😀"]
  const fields = ["data: ", "id: 9", "event: gap", "retry: 1"]
  const data = fc.array(fc.constantFrom(...signs, ...fields)).map((pieces) => pieces.join(""))
  fc.assert(
    fc.property(data, (text) => {
      const received = text.replaceAll("\r\n", "\n").replaceAll("\r", "\n")
      expect(decode(encodeFrame({ event: "note", data: text, id: "1.a" }))).toEqual([
        { type: "event", block: { event: "note", data: received, id: "1.a", lastEventId: "1.a" } },
      ])
    }),
  )
})

describe("a batch", () => {
  const session = sessionName("default", "deps")
  const life = epoch("g", "i")
  const first = seal(origin, timestamp(1_000), { type: "event", kind: "line", data: jsonText("a\nb\u2028"), commit: false })
  const second = seal(first, timestamp(2_000), { type: "event", kind: "gap", data: jsonText({}), commit: true })

  test("is the frames of its events: the sealed text, of the default type, then the cursor", () => {
    const events = [first, second].filter((entry) => entry.type === "event")
    expect(encodeBatch({ session, epoch: life, after: origin, events, through: second })).toBe(
      'data: {"position":1,"revision":0,"kind":"line","at":"1970-01-01T00:00:01.000Z","data":"a\\nb\u2028"}\n' +
        `id: ${cursorText(session, life, first)}\n\n` +
        'data: {"position":2,"revision":1,"kind":"gap","at":"1970-01-01T00:00:02.000Z","data":{},"commit":true}\n' +
        `id: ${cursorText(session, life, second)}\n\n`,
    )
  })

  test("whose events are all hidden is no text", () => {
    const through = { position: position(9), revision: revision(0), mark: mark(9) }
    expect(encodeBatch({ session, epoch: life, after: origin, events: [], through })).toBe("")
  })
})

test("a stream begins with its retry and a comment", () => {
  expect(primeFrame(2_137)).toBe("retry: 2137\n: tidemark\n\n")
})

test("a retry that is not whole milliseconds is never written: a receiver would ignore it", () => {
  expect(retryFrame(0)).toBe("retry: 0\n\n")
  expect(() => retryFrame(1.5)).toThrow(ContractViolation)
  expect(() => retryFrame(-1)).toThrow(ContractViolation)
  expect(() => retryFrame(1e21)).toThrow(ContractViolation)
  expect(() => retryFrame(Number.NaN)).toThrow(ContractViolation)
})

test("a comment stays a comment over its line breaks", () => {
  expect(commentFrame("a\ndata: b\r\n")).toBe(": a\n: data: b\n: \n\n")
})

test("proxies are told neither to keep, to change nor to hold back a stream", () => {
  expect(sseHeaders).toEqual({
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
  })
})
