import { instant } from "@tidemark/kernel"
import { expect, test } from "vitest"
import { TokenBuckets } from "./token-buckets.ts"

test("a burst goes through, and what is more is told how long to wait", () => {
  const buckets = new TokenBuckets(10, 20)
  const waits = Array.from({ length: 22 }, () => buckets.take(instant(0), "a", 1))
  expect(waits).toEqual([...Array.from({ length: 20 }, () => 0), 100, 100])
  expect(buckets.take(instant(50), "a", 1)).toBe(50)
  expect(buckets.take(instant(100), "a", 1)).toBe(0)
})

test("callers do not share a bucket", () => {
  const buckets = new TokenBuckets(1, 1)
  expect([buckets.take(instant(0), "a", 1), buckets.take(instant(0), "a", 1), buckets.take(instant(0), "b", 1)]).toEqual([0, 1000, 0])
})

test("more than the burst is taken from a full bucket, which then owes the rest", () => {
  const buckets = new TokenBuckets(10, 20)
  expect(buckets.take(instant(0), "a", 50)).toBe(0)
  expect(buckets.take(instant(0), "a", 1)).toBe(3100)
  expect(buckets.take(instant(3100), "a", 1)).toBe(0)
})

test("nothing grows with the number of those who left", () => {
  const buckets = new TokenBuckets(1, 1)
  for (let caller = 0; caller < 10_000; caller++) buckets.take(instant(10 * caller), String(caller), 1)
  expect(buckets.size).toBeLessThan(1200)
})
