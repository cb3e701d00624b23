import fc from "fast-check"
import { expect, test } from "vitest"
import { LineSplitter } from "./line-splitter.ts"

const bytes = (text: string): Uint8Array => Buffer.from(text, "utf8")

/** Everything that comes out when `input` arrives in these pieces. */
function split(pieces: readonly Uint8Array[], lineBytesMax = 100) {
  const splitter = new LineSplitter(lineBytesMax)
  const splits = [...pieces.map((piece) => splitter.push(piece)), splitter.end()]
  return { lines: splits.flatMap((one) => one.lines), refused: splits.at(-1)?.refused }
}

test("a line ends at LF, and a CR before it stays in the line", () => {
  expect(split([bytes("one\r\ntwo\n\rthree\n")]).lines).toEqual(["one\r", "two", "\rthree"])
})

test("an empty line is a line, and no input is no line", () => {
  expect(split([bytes("\n\na\n")]).lines).toEqual(["", "", "a"])
  expect(split([]).lines).toEqual([])
  expect(split([bytes("")]).lines).toEqual([])
})

test("a last line without its line end is a line all the same", () => {
  expect(split([bytes("one\ntw"), bytes("o")]).lines).toEqual(["one", "two"])
})

test("a character that is cut between two chunks comes out whole", () => {
  const snow = bytes("☃\n")
  expect(split([snow.subarray(0, 1), snow.subarray(1, 2), snow.subarray(2)]).lines).toEqual(["☃"])
})

test("a byte order mark, NUL and U+2028 are data", () => {
  expect(split([bytes("\ufeffa\u0000b\u2028c\n")]).lines).toEqual(["\ufeffa\u0000b\u2028c"])
})

test("the first line that is not UTF-8 is named, the lines before it stand and nothing comes after it", () => {
  const splitter = new LineSplitter(100)
  const bad = Buffer.concat([bytes("one\ntwo\n"), Buffer.from([0xff, 0x0a]), bytes("four\n")])
  expect(splitter.push(bad)).toEqual({ lines: ["one", "two"], first: 1, refused: { line: 3, because: "it is not UTF-8" } })
  expect(splitter.push(bytes("five\n")).lines).toEqual([])
})

test("half a character at the end of the input is refused, not replaced", () => {
  expect(split([bytes("one\n"), Buffer.from([0xe2, 0x98])])).toEqual({
    lines: ["one"],
    refused: { line: 2, because: "it is not UTF-8" },
  })
})

test("a line that is too long is refused before it has ended", () => {
  const splitter = new LineSplitter(5)
  expect(splitter.push(bytes("12345\n1234")).refused).toBe(undefined)
  expect(splitter.push(bytes("56"))).toEqual({ lines: [], first: 2, refused: { line: 2, because: "it is longer than 5 bytes" } })
})

test("a line that is too long is refused when it comes whole, and those before it stand", () => {
  expect(split([bytes("12345\n123456\n1\n")], 5)).toEqual({
    lines: ["12345"],
    refused: { line: 2, because: "it is longer than 5 bytes" },
  })
})

test("lines are numbered on over chunks", () => {
  const splitter = new LineSplitter(100)
  expect(splitter.push(bytes("a\nb\nc")).first).toBe(1)
  expect(splitter.push(bytes("\nd\n")).first).toBe(3)
})

test("however the bytes are cut, the lines are those of the whole text", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "\n", "\r", "é", "☃", "😀") })
  fc.assert(
    fc.property(text, fc.array(fc.nat({ max: 40 }), { maxLength: 8 }), (whole, cuts) => {
      const all = bytes(whole)
      const at = [0, ...cuts.map((cut) => Math.min(cut, all.length)).sort((a, b) => a - b), all.length]
      const pieces = at.slice(1).map((to, i) => all.subarray(at[i], to))
      const lines = whole.split("\n")
      expect(split(pieces, 1000).lines).toEqual(lines.at(-1) === "" ? lines.slice(0, -1) : lines)
    }),
  )
})
