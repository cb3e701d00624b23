import { afterEach, beforeEach, expect, test, vi } from "vitest"
import { Delivery, type WriteBatch } from "./delivery.ts"

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A place to write to that takes a batch when it is told to. */
class Slow {
  readonly batches: (readonly [string, string | undefined])[] = []
  #take: (() => void)[] = []

  readonly write: WriteBatch = (text, cursor) => {
    this.batches.push([text, cursor])
    return new Promise((resolve) => this.#take.push(resolve))
  }

  async take(): Promise<void> {
    this.#take.shift()?.()
    await vi.advanceTimersByTimeAsync(0)
  }
}

const settings = { gatherMs: 20, gatherMax: 10 }

function deliver(write: WriteBatch) {
  const seen = { failed: 0 }
  return { seen, delivery: new Delivery(write, settings, () => (seen.failed += 1)) }
}

test("items that come together are written together, with the cursor of the last one", async () => {
  const slow = new Slow()
  const { delivery } = deliver(slow.write)
  expect(delivery.append("a\n", "1")).toBe(undefined)
  expect(delivery.append("b\n", "2")).toBe(undefined)
  await vi.advanceTimersByTimeAsync(20)
  expect(slow.batches).toEqual([["a\nb\n", "2"]])
})

test("while a write is under way the next items gather, and are written after it", async () => {
  const slow = new Slow()
  const { delivery } = deliver(slow.write)
  delivery.append("a\n", "1")
  await vi.advanceTimersByTimeAsync(20)
  delivery.append("b\n", "2")
  await vi.advanceTimersByTimeAsync(20)
  delivery.append("c\n", "3")
  await vi.advanceTimersByTimeAsync(20)
  expect(slow.batches).toEqual([["a\n", "1"]])
  await slow.take()
  expect(slow.batches).toEqual([["a\n", "1"], ["b\nc\n", "3"]])
})

test("once enough has gathered, the caller waits until it is written", async () => {
  const slow = new Slow()
  const { delivery } = deliver(slow.write)
  let waited = false
  void delivery.append("0123456789\n", "1")?.then(() => (waited = true))
  await vi.advanceTimersByTimeAsync(0)
  expect([slow.batches.length, waited]).toEqual([1, false])
  await slow.take()
  expect(waited).toBe(true)
})

test("a cursor that moved without text is kept, and one that did not move is not written again", async () => {
  const slow = new Slow()
  const { delivery } = deliver(slow.write)
  delivery.append(undefined, "1")
  delivery.append(undefined, undefined)
  await vi.advanceTimersByTimeAsync(20)
  await slow.take()
  delivery.append(undefined, "1")
  await vi.advanceTimersByTimeAsync(20)
  expect(slow.batches).toEqual([["", "1"]])
})

test("the end writes what has gathered, without waiting for more", async () => {
  const slow = new Slow()
  const { delivery } = deliver(slow.write)
  delivery.append("a\n", "1")
  const end = delivery.end()
  await vi.advanceTimersByTimeAsync(0)
  expect(slow.batches).toEqual([["a\n", "1"]])
  await slow.take()
  await end
})

test("a write that fails is the last, is told once, and comes out of the end", async () => {
  let writes = 0
  const { seen, delivery } = deliver(async () => {
    writes += 1
    throw new Error("no space")
  })
  delivery.append("a\n", "1")
  await vi.advanceTimersByTimeAsync(20)
  delivery.append("b\n", "2")
  await vi.advanceTimersByTimeAsync(20)
  await expect(delivery.end()).rejects.toThrow("no space")
  expect([writes, seen.failed]).toEqual([1, 1])
})
