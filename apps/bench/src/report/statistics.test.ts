import { expect, test } from "vitest"
import { median, medianFigures, ratio } from "./statistics.ts"

test("a median is the middle one, or the mean of the middle two, whatever their order", () => {
  expect(median([9, 1, 5])).toBe(5)
  expect(median([10, 1, 100, 2])).toBe(6)
  expect(median([7])).toBe(7)
})

test("nothing has no median", () => {
  expect(median([])).toBe(undefined)
})

test("a ratio to nothing, or of nothing, is none", () => {
  expect(ratio(3, 4)).toBe(0.75)
  expect(ratio(undefined, 4)).toBe(undefined)
  expect(ratio(3, undefined)).toBe(undefined)
  expect(ratio(3, 0)).toBe(undefined)
})

test("each figure has its own median, of the runs that have it", () => {
  expect(medianFigures([{ a: 1, b: 10 }, { a: 3 }, { a: 2, b: 30 }])).toEqual({ a: 2, b: 20 })
})
