// A page is the same however its rows are fetched: compared with the entries themselves, cut one by one.

import { origin, pointOf, sessionName, type Entry } from "@tidemark/kernel"
import type { RangeBudget } from "@tidemark/driver"
import fc from "fast-check"
import { afterAll, beforeAll, expect, test } from "vitest"
import { append, ask, event } from "./asking.testing.ts"
import { freshDirectory, InlineLog } from "./inline-log.testing.ts"

const ada = sessionName("lab", "ada")
let log: InlineLog
let remove = (): void => undefined
let entries: readonly Entry[] = []

beforeAll(() => {
  const fresh = freshDirectory()
  remove = fresh.remove
  let drawn = 0
  log = new InlineLog(fresh.directory, () => `t${drawn++}`)
  // Long and short ones, so that no page is as long as the average says.
  const lengths = Array.from({ length: 237 }, (_, n) => (n % 50 < 3 ? 5000 : (n * 37) % 90))
  entries = [lengths.slice(0, 1), lengths.slice(1, 10), lengths.slice(10, 20), lengths.slice(20, 41), lengths.slice(41)].flatMap((some) => [
    ...append(
      log,
      ada,
      some.map((length) => event("é".repeat(length))),
    ).entries,
  ])
})
afterAll(() => {
  log.close()
  remove()
})

test("appends of 1, 9, 10, 21 and 196 entries are stored in one row", () => {
  expect(entries.map((entry) => entry.position)).toEqual(Array.from({ length: 237 }, (_, n) => n + 1))
  expect(pageAfter(0, { events: 1000, bytes: 10_000_000 })).toEqual(entries.map((entry) => entry.text))
})

test("a page holds what fits of what follows, and at least one, whatever the lengths are", () => {
  fc.assert(
    fc.property(fc.nat(237), fc.integer({ min: 1, max: 300 }), fc.oneof(fc.nat(2000), fc.nat(100_000)), (after, events, bytes) => {
      expect(pageAfter(after, { events, bytes })).toEqual(cut(after, { events, bytes }))
    }),
    { numRuns: 300 },
  )
})

function pageAfter(after: number, budget: RangeBudget): readonly string[] {
  const point = after === 0 ? origin : pointOf(entries[after - 1] ?? origin)
  const head = ask(log, { type: "head", session: ada })
  if (head.type !== "head") throw new Error(head.type)
  const answer = ask(log, { type: "range", session: ada, epoch: head.head.epoch, after: { position: point.position, point }, budget })
  if (answer.type !== "page") throw new Error(JSON.stringify(answer))
  return answer.entries.map((entry) => entry.text)
}

function cut(after: number, budget: RangeBudget): readonly string[] {
  const page: string[] = []
  let left = budget.bytes
  for (const { text } of entries.slice(after, after + budget.events)) {
    left -= new TextEncoder().encode(text).length
    if (page.length > 0 && left < 0) break
    page.push(text)
  }
  return page
}
