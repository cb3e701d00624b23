// Frames against vectors/frames.json, in both directions, and against anything else.

import { readFileSync } from "node:fs"
import { unreachable } from "@tidemark/kernel"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { decodeFrame } from "./frame-decoder.ts"
import { SseDecoder, type SseBlock } from "./sse-decoder.ts"
import { caughtUpFrame, closedFrame, encodeFrame, gapFrame, heartbeatFrame, helloFrame, reconnectFrame } from "./sse-encoder.ts"
import type { Frame } from "./wire.ts"

interface Vector {
  readonly name: string
  readonly stream: string
}

interface Vectors {
  readonly frames: readonly (Vector & { readonly frame: Frame })[]
  readonly understood: readonly (Vector & { readonly frame: Frame })[]
  readonly ignored: readonly Vector[]
  readonly malformed: readonly Vector[]
}

const vectors: Vectors = JSON.parse(readFileSync(new URL("../vectors/frames.json", import.meta.url), "utf8"))

/** The only block of a stream. */
function blockOf(stream: string): SseBlock {
  const decoder = new SseDecoder({ lineBytesMax: 10_000, blockBytesMax: 10_000 })
  decoder.push(new TextEncoder().encode(stream))
  const item = decoder.pollItem()
  if (item?.type !== "event" || decoder.pollItem() !== undefined) throw new Error("one block was expected")
  return item.block
}

function encode(frame: Frame): string {
  switch (frame.type) {
    case "hello":
      return helloFrame(frame.data)
    case "event":
      return encodeFrame({ data: JSON.stringify(frame.data), id: frame.id })
    case "observation":
      return encodeFrame({ event: "observation", data: JSON.stringify(frame.data), id: frame.id })
    case "gap":
      return gapFrame(frame.data)
    case "caught_up":
      return caughtUpFrame(frame.data, frame.id)
    case "heartbeat":
      return heartbeatFrame(frame.id)
    case "reconnect":
      return reconnectFrame(frame.data)
    case "closed":
      return closedFrame(frame.data, frame.id)
    default:
      return unreachable(frame)
  }
}

describe("a frame is read as it was written", () => {
  test.each(vectors.frames)("$name", ({ stream, frame }) => {
    expect(encode(frame)).toBe(stream)
    expect(decodeFrame(blockOf(stream))).toEqual({ type: "frame", frame })
  })
})

describe("a frame that a server to come may send is understood", () => {
  test.each(vectors.understood)("$name", ({ stream, frame }) => {
    expect(decodeFrame(blockOf(stream))).toEqual({ type: "frame", frame })
  })
})

describe("what this release does not know is passed over", () => {
  test.each(vectors.ignored)("$name", ({ stream }) => {
    expect(decodeFrame(blockOf(stream))).toEqual({ type: "ignored" })
  })
})

describe("a known frame that a client could not rely on is malformed", () => {
  test.each(vectors.malformed)("$name", ({ stream }) => {
    expect(decodeFrame(blockOf(stream)).type).toBe("malformed")
  })
})

test("a malformed frame says which it is and what is wrong", () => {
  expect(decodeFrame(blockOf("event: caught_up\ndata: {}\nid: 1.a\n\n"))).toEqual({
    type: "malformed",
    reason: 'The frame "caught_up" cannot be used: its data has no position.',
  })
})

test("an id of an earlier block is never taken for a frame's own", () => {
  const block = { event: "heartbeat", data: "{}", id: undefined, lastEventId: "1.a" }
  expect(decodeFrame(block)).toEqual({ type: "frame", frame: { type: "heartbeat", id: undefined } })
})

test("no block makes it throw", () => {
  const names = ["message", "hello", "observation", "gap", "caught_up", "heartbeat", "reconnect", "closed", "__proto__"]
  const name = fc.oneof(fc.constantFrom(...names), fc.string())
  const data = fc.oneof(fc.json(), fc.string(), fc.constantFrom(...vectors.frames.map(({ stream }) => blockOf(stream).data)))
  const id = fc.oneof(fc.constantFrom(undefined, "1.a"), fc.string())
  fc.assert(
    fc.property(name, data, id, (event, text, own) => {
      const outcome = decodeFrame({ event, data: text, id: own, lastEventId: "" })
      expect(["frame", "ignored", "malformed"]).toContain(outcome.type)
    }),
  )
})
