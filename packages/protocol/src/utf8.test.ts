// UTF-8 against the platform's own decoder.

import fc from "fast-check"
import { expect, test } from "vitest"
import { decodeUtf8 } from "./utf8.ts"

const standard = new TextDecoder("utf-8", { ignoreBOM: true })

/** Bytes that sequences begin with, go on with and break at, so that most runs are nearly right. */
const byte = fc.oneof(
  fc.constantFrom(0x41, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xef, 0xf0, 0xf1, 0xf4, 0xf5, 0xff),
  fc.integer({ min: 0, max: 255 }),
)

test("any bytes decode as the Encoding Standard's decoder decodes them", () => {
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 40 }), (bytes) => {
      expect(decodeUtf8(Uint8Array.from(bytes), 0, bytes.length)).toBe(standard.decode(Uint8Array.from(bytes)))
    }),
    { numRuns: 5_000 },
  )
})

test("long texts are decoded whole, wherever characters fall", () => {
  const text = `${"x".repeat(1_023)}😀${"é".repeat(2_000)}€`
  const bytes = new TextEncoder().encode(text)
  expect(decodeUtf8(bytes, 0, bytes.length)).toBe(text)
})

test("only the bytes asked for are read", () => {
  const bytes = Uint8Array.from([0xe2, 0x82, 0xac, 0xe2, 0x82, 0xac])
  expect(decodeUtf8(bytes, 0, 3)).toBe("€")
  expect(decodeUtf8(bytes, 0, 5)).toBe("€\ufffd")
  expect(decodeUtf8(bytes, 1, 2)).toBe("\ufffd")
  expect(decodeUtf8(bytes, 3, 3)).toBe("")
})
