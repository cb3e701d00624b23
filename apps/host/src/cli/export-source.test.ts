import { describe, expect, test } from "vitest"
import { checkedEnd } from "./export-source.ts"

const event = (position: number) => ({ position, revision: 0, kind: "n", at: "x", data: null })
const page = (positions: readonly number[], next: number | null, missed = 0) => ({ events: positions.map(event), next, missed })

describe("a page of an export", () => {
  test("ends where it says, or at the head", () => {
    expect(checkedEnd(0, page([1, 2, 3], 3), 9)).toBe(3)
    expect(checkedEnd(3, page([4, 5], null), 5)).toBe(5)
    expect(checkedEnd(0, page([], null), 0)).toBe(0)
  })

  test("may go on after what it began with: entries that came meanwhile", () => {
    expect(checkedEnd(3, page([4, 5, 6], null), 4)).toBe(6)
  })

  test("may lack what it says is missing, at its beginning, within, and at its end", () => {
    expect(checkedEnd(0, page([4, 5], 5, 3), 9)).toBe(5)
    expect(checkedEnd(0, page([1, 3], 4, 2), 9)).toBe(4)
    expect(checkedEnd(0, page([], null, 7), 7)).toBe(7)
    expect(checkedEnd(0, page([1, 3], 3, 40), 9)).toBe(3)
  })

  const wrong: readonly (readonly [what: string, since: number, page: ReturnType<typeof page>, last: number])[] = [
    ["skips a position", 0, page([1, 3], 3), 9],
    ["begins too late", 2, page([4], 4), 9],
    ["ends before the head", 0, page([1, 2], null), 3],
    ["says that less is missing than is", 0, page([4], 4, 2), 9],
    ["gives a position again", 2, page([2, 3], 3), 9],
    ["goes back", 0, page([1, 3, 2], 3, 5), 9],
    ["leads nowhere", 4, page([], 4), 9],
    ["leads back", 0, page([1, 2], 1), 9],
  ]
  test.each(wrong)("that %s is not relied on", (_what, since, wrongPage, last) => {
    expect(() => checkedEnd(since, wrongPage, last)).toThrow("the host's answer cannot be relied on")
  })
})
