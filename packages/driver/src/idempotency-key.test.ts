import fc from "fast-check"
import { expect, test } from "vitest"
import { parseIdempotencyKey } from "./idempotency-key.ts"

test("a text without @ is only a key, whatever it looks like inside", () => {
  expect(parseIdempotencyKey("order-42")).toEqual({ type: "key", text: "order-42" })
  expect(parseIdempotencyKey("ada:7")).toEqual({ type: "key", text: "ada:7" })
  expect(parseIdempotencyKey("a@b:1")).toEqual({ type: "key", text: "a@b:1" })
  expect(parseIdempotencyKey("_leave/c/9")).toEqual({ type: "key", text: "_leave/c/9" })
  expect(parseIdempotencyKey("!")).toEqual({ type: "key", text: "!" })
})

test("@<producer>:<n> is the n-th batch of a producer, from 0", () => {
  expect(parseIdempotencyKey("@ada:0")).toEqual({ type: "producer", producer: "ada", n: 0 })
  expect(parseIdempotencyKey("@npm-ls:5000")).toEqual({ type: "producer", producer: "npm-ls", n: 5000 })
  expect(parseIdempotencyKey("@~:1")).toEqual({ type: "producer", producer: "~", n: 1 })
})

test("a producer's name may hold colons and @: the number stands after the last colon", () => {
  expect(parseIdempotencyKey("@a:b:3")).toEqual({ type: "producer", producer: "a:b", n: 3 })
  expect(parseIdempotencyKey("@a:3:4")).toEqual({ type: "producer", producer: "a:3", n: 4 })
  expect(parseIdempotencyKey("@@:1")).toEqual({ type: "producer", producer: "@", n: 1 })
  expect(parseIdempotencyKey("@::1")).toEqual({ type: "producer", producer: ":", n: 1 })
})

test("@<producer>:<after>-<n> says what the batch follows, too", () => {
  expect(parseIdempotencyKey("@ada:0-1")).toEqual({ type: "producer", producer: "ada", n: 1, after: 0 })
  expect(parseIdempotencyKey("@a:1-2:40-62")).toEqual({ type: "producer", producer: "a:1-2", n: 62, after: 40 })
  expect(parseIdempotencyKey("@a-b:7")).toEqual({ type: "producer", producer: "a-b", n: 7 })
})

test.each(["@ada:1-1", "@ada:2-1", "@ada:-1", "@ada:1-", "@ada:1-2-3", "@ada:01-2", "@ada:0-0"])("a batch follows a lower number: %s", (text) => {
  expect(parseIdempotencyKey(text)).toBe(undefined)
})

const uncounted = ["@", "@ada", "@ada:", "@:1", "@ada:01", "@ada:00", "@ada:-1", "@ada:+1", "@ada:1.5", "@ada:1e3", "@ada:0x1", "@ada:one"]
test.each(uncounted)("what begins with @ and counts nothing is no key: %s", (text) => {
  expect(parseIdempotencyKey(text)).toBe(undefined)
})

test("a number that cannot be counted exactly is no key", () => {
  expect(parseIdempotencyKey("@ada:9007199254740991")).toEqual({ type: "producer", producer: "ada", n: 9007199254740991 })
  expect(parseIdempotencyKey("@ada:9007199254740992")).toBe(undefined)
  expect(parseIdempotencyKey("@ada:99999999999999999999999999")).toBe(undefined)
})

test("a key has 1 to 200 characters, all of them visible ASCII", () => {
  expect(parseIdempotencyKey("")).toBe(undefined)
  expect(parseIdempotencyKey("k".repeat(200))).toEqual({ type: "key", text: "k".repeat(200) })
  expect(parseIdempotencyKey("k".repeat(201))).toBe(undefined)
  expect(parseIdempotencyKey(`@${"p".repeat(197)}:1`)).toEqual({ type: "producer", producer: "p".repeat(197), n: 1 })
  expect(parseIdempotencyKey(`@${"p".repeat(198)}:1`)).toBe(undefined)
  const odd = [" ", "a b", "@ada:1 ", "a\tb", "a\n", "\na", "a\u0000", "a\u007f", "ä", "\ud83c\udf0a"]
  for (const text of odd) expect(parseIdempotencyKey(text)).toBe(undefined)
})

test("a key that was read says what was written: no two texts are one key", () => {
  const text = fc.stringMatching(/^[@-C:0-2]{0,8}$/)
  fc.assert(
    fc.property(text, (written) => {
      const key = parseIdempotencyKey(written)
      const read = key?.type === "producer" ? `@${key.producer}:${key.n}` : key?.text
      return read === undefined ? written === "" || written.startsWith("@") : read === written
    }),
  )
})
