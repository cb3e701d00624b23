// When a reader is read: at once while each event gets through on its own, and at a pace once they do not.

import { later, type Instant } from "@tidemark/kernel"
import { afterEach, expect, test } from "vitest"
import { systemClock } from "./clock.ts"
import { ReadyReaders } from "./ready-readers.ts"

const made: ReadyReaders<string>[] = []

afterEach(() => {
  for (const readers of made.splice(0)) readers.close()
})

const noon = systemClock.now()

/** Flushes end at `endedAt`, and leave their readers under load or not. `paced` resolves when a pause is over. */
function readers(load: boolean, endedAt: Instant = noon, pauseMs = 4) {
  const read: string[] = []
  let stepped: () => void = () => {}
  const paced = new Promise<void>((resolve) => {
    stepped = resolve
  })
  const ready = new ReadyReaders<string>(
    pauseMs,
    (listed) => {
      for (const each of listed) {
        if (each.gone) continue
        each.reads.onReady()
        each.isPaced = load
      }
      return endedAt
    },
    (flush) => {
      flush()
      stepped()
    },
  )
  made.push(ready)
  ready.add("ada", { onReady: () => read.push("ada") })
  ready.add("bob", { onReady: () => read.push("bob") })
  return { ready, read, paced }
}

test("a reader that is listed twice is read once", () => {
  const { ready, read } = readers(false)
  ready.list(noon, "ada")
  ready.list(noon, "ada")
  expect(ready.someAreDue).toBe(true)
  ready.flushDue()
  ready.flushDue()
  expect(read).toEqual(["ada"])
})

test("a reader that is not under load is read at once, however soon after", () => {
  const { ready, read } = readers(false)
  for (let i = 0; i < 3; i++) {
    ready.list(noon, "ada")
    ready.flushDue()
  }
  expect(read).toEqual(["ada", "ada", "ada"])
})

test("under load a reader is read again when the pause is over, and others do not wait for it", async () => {
  const { ready, read, paced } = readers(true)
  ready.list(noon, "ada")
  ready.flushDue()
  ready.list(noon, "ada")
  ready.list(noon, "bob")
  ready.flushDue()
  expect(read).toEqual(["ada", "bob"])
  await paced
  expect(read).toEqual(["ada", "bob", "ada"])
})

test("after the pause there is none, and with a pause of 0 there never is", () => {
  const { ready, read } = readers(true)
  ready.list(noon, "ada")
  ready.flushDue()
  ready.list(later(noon, 4), "ada")
  ready.flushDue()
  expect(read).toEqual(["ada", "ada"])
  const unpaced = readers(true, later(noon, 50), 0)
  for (const name of ["ada", "ada"]) {
    unpaced.ready.list(noon, name)
    unpaced.ready.flushDue()
  }
  expect(unpaced.read).toEqual(["ada", "ada"])
})

test("the pause begins at the end of a flush, however long that took", async () => {
  const { ready, read, paced } = readers(true, later(noon, 50))
  ready.list(noon, "ada")
  ready.flushDue()
  ready.list(later(noon, 52), "ada")
  ready.flushDue()
  expect(read).toEqual(["ada"])
  await paced
  expect(read).toEqual(["ada", "ada"])
})

test("who was removed is not read, in whatever list it was", async () => {
  const { ready, read, paced } = readers(true)
  for (const reader of ["ada", "bob"]) ready.list(noon, reader)
  ready.remove("ada")
  ready.flushDue()
  ready.list(noon, "bob")
  ready.add("ada", { onReady: () => read.push("a new ada") })
  ready.list(noon, "ada")
  ready.flushDue()
  ready.remove("bob")
  await paced
  expect(read).toEqual(["bob", "a new ada"])
})
