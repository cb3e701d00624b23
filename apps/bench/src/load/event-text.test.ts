import { expect, test } from "vitest"
import { endAfterTilde, eventBytes, eventText, partsOf, readDigits, tokenName, tokenOf, writeDigits } from "./event-text.ts"

test("an event is 200 bytes of JSON, with one tilde in it", () => {
  const text = eventText(tokenOf(12, 3, 456), 7_000_001)
  expect(Buffer.byteLength(text)).toBe(eventBytes)
  expect(JSON.parse(text)).toEqual({ e: expect.stringMatching(/^~0012030000456 0000007000001 x+$/) })
  expect(text.indexOf("~") + endAfterTilde).toBe(eventBytes)
})

test("a token names session, publisher and number, up to the most of each", () => {
  expect(partsOf(tokenOf(9999, 99, 9_999_999))).toEqual({ session: 9999, publisher: 99, n: 9_999_999 })
  expect(partsOf(tokenOf(0, 0, 0))).toEqual({ session: 0, publisher: 0, n: 0 })
  expect(tokenName(tokenOf(1, 2, 3))).toBe("event 3 of publisher 2 in session 1")
})

test("what no token can name is refused", () => {
  expect(() => tokenOf(10_000, 0, 0)).toThrow(RangeError)
  expect(() => tokenOf(0, 100, 0)).toThrow(RangeError)
  expect(() => tokenOf(0, 0, 10_000_000)).toThrow(RangeError)
})

test("digits are written with leading zeros and read again", () => {
  const bytes = Buffer.from("................")
  writeDigits(bytes, 2, 13, 9_007_199_254)
  expect(bytes.toString()).toBe("..0009007199254.")
  expect(readDigits(bytes, 2, 13)).toBe(9_007_199_254)
})
