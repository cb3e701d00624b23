// Event streams against vectors/sse-decode.json, whole and however cut, and against the standard's rules written as they
// stand there, over the whole text.

import { readFileSync } from "node:fs"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { SseDecoder, type SseDecoderLimits, type SseItem } from "./sse-decoder.ts"

type Vector = ({ readonly stream: string } | { readonly hex: string }) & {
  readonly name: string
  readonly items: readonly SseItem[]
  readonly limits?: SseDecoderLimits
  readonly end?: "too_long"
}

const { vectors }: { readonly vectors: readonly Vector[] } = JSON.parse(
  readFileSync(new URL("../vectors/sse-decode.json", import.meta.url), "utf8"),
)

const roomy: SseDecoderLimits = { lineBytesMax: 10_000, blockBytesMax: 10_000 }

function bytesOf(vector: Vector): Uint8Array {
  return "hex" in vector ? Uint8Array.from(Buffer.from(vector.hex, "hex")) : new TextEncoder().encode(vector.stream)
}

interface Decoded {
  readonly items: readonly SseItem[]
  readonly end: "ok" | "too_long"
}

function decode(chunks: readonly Uint8Array[], limits = roomy): Decoded {
  const decoder = new SseDecoder(limits)
  const items: SseItem[] = []
  let end: Decoded["end"] = "ok"
  for (const chunk of chunks) {
    end = decoder.push(chunk)
    for (let item = decoder.pollItem(); item !== undefined; item = decoder.pollItem()) items.push(item)
  }
  return { items, end }
}

describe.each(vectors)("$name", (vector) => {
  const bytes = bytesOf(vector)
  const expected: Decoded = { items: vector.items, end: vector.end ?? "ok" }

  test("in one piece", () => {
    expect(decode([bytes], vector.limits)).toEqual(expected)
  })

  test("byte by byte, with empty chunks between", () => {
    const chunks = [...bytes].flatMap((byte) => [Uint8Array.of(byte), new Uint8Array(0)])
    expect(decode(chunks, vector.limits)).toEqual(expected)
  })

  test("cut at every byte", () => {
    for (let at = 0; at <= bytes.length; at++) {
      expect(decode([bytes.subarray(0, at), bytes.subarray(at)], vector.limits), `cut at ${at}`).toEqual(expected)
    }
  })
})

test("any stream, however cut, gives what the standard's rules give for its whole text", () => {
  const names = ["data", "event", "id", "retry", "data: x\n", "id: 1\n"]
  const signs = [":", ": ", "\n", "\n", "\r", "\r\n", "\n\n", " ", "\0", "7", "a", "é", "😀", "\ufeff"]
  const broken = [[0xef], [0xbb], [0xbf], [0xc3], [0xf0, 0x9f], [0x80], [0xff]]
  const piece = fc.constantFrom(
    ...[...names, ...signs].map((text) => new TextEncoder().encode(text)),
    ...broken.map((bytes) => Uint8Array.from(bytes)),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), fc.infiniteStream(fc.integer({ min: 1, max: 9 })), (pieces, sizes) => {
      const bytes = Uint8Array.from(pieces.flatMap((each) => [...each]))
      const chunks: Uint8Array[] = []
      for (let at = 0; at < bytes.length; ) {
        const size = sizes.next().value
        chunks.push(bytes.subarray(at, at + size))
        at += size
      }
      expect(decode(chunks)).toEqual({ items: interpret(new TextDecoder().decode(bytes)), end: "ok" })
    }),
    { numRuns: 3_000 },
  )
})

/** The standard's rules, over the whole text at once. */
function interpret(text: string): SseItem[] {
  const lines = text.split(/\r\n|\r|\n/)
  lines.pop() // what follows the last line end is no line yet
  const items: SseItem[] = []
  let lastEventId = ""
  let block: { event: string; data: string[]; id: string | undefined } = { event: "", data: [], id: undefined }
  for (const line of lines) {
    const [, name, value = ""] = /^([^:]*)(?:: ?([^]*))?$/.exec(line) ?? []
    if (line === "") {
      const { event, data, id } = block
      if (data.length > 0) items.push({ type: "event", block: { event: event || "message", data: data.join("\n"), id, lastEventId } })
      else if (id !== undefined) items.push({ type: "id", id })
      block = { event: "", data: [], id: undefined }
    } else if (line.startsWith(":")) items.push({ type: "comment", text: value })
    else if (name === "data") block.data.push(value)
    else if (name === "event") block.event = value
    else if (name === "id" && !value.includes("\0")) block.id = lastEventId = value
    else if (name === "retry" && /^\d+$/.test(value)) items.push({ type: "retry", ms: Math.min(Number(value), 2 ** 53 - 1) })
  }
  return items
}

test("a stream that was too long stays so, and nothing is read of what follows", () => {
  const decoder = new SseDecoder({ lineBytesMax: 4, blockBytesMax: 4 })
  const encoder = new TextEncoder()
  expect(decoder.push(encoder.encode(": a\n"))).toBe("ok")
  expect(decoder.push(encoder.encode("aaaaa"))).toBe("too_long")
  expect(decoder.push(encoder.encode("\n\n: b\n"))).toBe("too_long")
  expect(decoder.pollItem()).toEqual({ type: "comment", text: "a" })
  expect(decoder.pollItem()).toBe(undefined)
})

test("a chunk may be written over once it was pushed", () => {
  const decoder = new SseDecoder(roomy)
  const buffer = new TextEncoder().encode("data: ab")
  decoder.push(buffer)
  buffer.set(new TextEncoder().encode("cd\n\n"))
  decoder.push(buffer.subarray(0, 4))
  expect(decoder.pollItem()).toEqual({ type: "event", block: { event: "message", data: "abcd", id: undefined, lastEventId: "" } })
})

test("items wait in order until they are polled", () => {
  const decoder = new SseDecoder(roomy)
  decoder.push(new TextEncoder().encode(": 1\n: 2\n"))
  expect(decoder.pollItem()).toEqual({ type: "comment", text: "1" })
  decoder.push(new TextEncoder().encode(": 3\n"))
  expect(decoder.pollItem()).toEqual({ type: "comment", text: "2" })
  expect(decoder.pollItem()).toEqual({ type: "comment", text: "3" })
  expect(decoder.pollItem()).toBe(undefined)
  expect(decoder.pollItem()).toBe(undefined)
})
