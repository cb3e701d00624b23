import { describe, expect, test } from "vitest"
import { parseCpuList, parseCpuUs, parseRssBytes } from "./proc.ts"

describe("CPU time", () => {
  const rest = "S 1 4242 4242 0 -1 4194304 901 0 0 0 731 269 7 5 20 0 11 0 12345 1 2"

  test("is user and system time, in microseconds, without what children used", () => {
    expect(parseCpuUs(`4242 (node) ${rest}`)).toBe(10_000_000)
  })

  test("is found behind a name that holds parentheses and spaces", () => {
    expect(parseCpuUs(`4242 (a) b (c) 9 9) ${rest}`)).toBe(10_000_000)
  })
})

test("the resident size is in bytes, and is no number where it is not said", () => {
  expect(parseRssBytes("Name:\tnode\nVmRSS:\t   51200 kB\nThreads:\t11\n")).toBe(52_428_800)
  expect(parseRssBytes("Name:\tzombie\n")).toBeNaN()
})

test("a list of CPUs is ranges and single ones", () => {
  expect(parseCpuList("0-2,5,8-9")).toEqual([0, 1, 2, 5, 8, 9])
  expect(parseCpuList("3\n")).toEqual([3])
})
