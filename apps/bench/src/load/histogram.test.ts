import * as fc from "fast-check"
import { expect, test } from "vitest"
import { Histogram } from "./histogram.ts"

function of(values: readonly number[]): Histogram {
  const histogram = new Histogram()
  for (const value of values) histogram.record(value)
  return histogram
}

test("small values are counted one by one", () => {
  const histogram = of([5, 1, 3, 2, 4])
  expect([0.2, 0.5, 0.99, 1].map((share) => histogram.percentile(share))).toEqual([1, 3, 5, 5])
})

test("nothing recorded has no latency, and what was cleared is not recorded", () => {
  const histogram = of([10, 20])
  histogram.clear()
  expect([histogram.count, histogram.max, histogram.percentile(0.99)]).toEqual([0, 0, 0])
})

test("what went back in time, as clocks of two processes may, counts as none at all", () => {
  expect(of([-3]).percentile(1)).toBe(0)
})

test("a percentile is never below the true one, and above it by 1.6 % at most", () => {
  const values = fc.array(fc.integer({ min: 0, max: 2 ** 40 }), { minLength: 1, maxLength: 200 })
  fc.assert(
    fc.property(values, fc.double({ min: 0.01, max: 1, noNaN: true }), (recorded, share) => {
      const exact = recorded.toSorted((a, b) => a - b)[Math.max(1, Math.ceil(share * recorded.length)) - 1] ?? 0
      const found = of(recorded).percentile(share)
      expect(found).toBeGreaterThanOrEqual(exact)
      expect(found).toBeLessThanOrEqual(exact * (1 + 1 / 64) + 1)
    }),
  )
})
