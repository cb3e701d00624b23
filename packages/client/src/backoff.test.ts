import { expect, test } from "vitest"
import { backoffLimits, backoffMs } from "./backoff.ts"

const bounds = (failures: number, floorMs = 0) => [0, 0.9999999].map((chance) => backoffMs(backoffLimits, failures, chance, floorMs))

test("the wait is drawn from a range that doubles with every failure in a row, from 500 ms up to 20 s", () => {
  expect(bounds(1)).toEqual([500, 1_000])
  expect(bounds(2)).toEqual([500, 2_000])
  expect(bounds(5)).toEqual([500, 16_000])
  expect(bounds(6)).toEqual([500, 20_000])
  expect(bounds(5_000)).toEqual([500, 20_000])
  expect(backoffMs(backoffLimits, 2, 0.5)).toBe(1_250)
})

test("a server that asks for more is given more, up to five minutes", () => {
  expect(bounds(1, 2_137)).toEqual([2_137, 2_137])
  expect(bounds(4, 2_137)).toEqual([2_137, 8_000])
  expect(bounds(6, 60_000)).toEqual([60_000, 60_000])
  expect(bounds(1, Number.MAX_SAFE_INTEGER)).toEqual([300_000, 300_000])
})
