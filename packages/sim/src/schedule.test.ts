import { expect, test } from "vitest"
import { Chance } from "./chance.ts"
import { Schedule } from "./schedule.ts"

test("what is due earlier happens earlier, and what is due at the same time in the order it was asked for", () => {
  const schedule = new Schedule()
  const happened: string[] = []
  for (const [ms, name] of [[5, "e"], [1, "a"], [3, "c"], [3, "d"], [1, "b"]] as const) {
    schedule.after(ms, () => happened.push(`${name}${schedule.now}`))
  }
  schedule.run(10)
  expect(happened).toEqual(["a1", "b1", "c3", "d3", "e5"])
  expect(schedule.now).toBe(10)
})

test("a thousand things in any order happen in theirs", () => {
  const schedule = new Schedule()
  const chance = new Chance(7)
  const asked = Array.from({ length: 1_000 }, (_, order) => ({ ms: chance.below(50), order }))
  const happened: { readonly ms: number; readonly order: number }[] = []
  for (const each of asked) schedule.after(each.ms, () => happened.push(each))
  schedule.run(50)
  expect(happened).toEqual(asked.toSorted((a, b) => a.ms - b.ms || a.order - b.order))
})

test("what is asked for while something happens comes after all that was asked for before it", () => {
  const schedule = new Schedule()
  const happened: string[] = []
  schedule.after(0, () => {
    happened.push("first")
    schedule.after(0, () => happened.push("third"))
  })
  schedule.after(0, () => happened.push("second"))
  schedule.run(0)
  expect(happened).toEqual(["first", "second", "third"])
})

test("what was cancelled is passed over, also when it stood next", () => {
  const schedule = new Schedule()
  const happened: string[] = []
  const first = schedule.after(1, () => happened.push("first"))
  schedule.after(2, () => happened.push("second"))
  first.cancelled = true
  expect(schedule.nextAt).toBe(2)
  expect(schedule.step()).toBe(true)
  expect(happened).toEqual(["second"])
  expect(schedule.step()).toBe(false)
  expect(schedule.steps).toBe(1)
})

test("nothing happens before its time", () => {
  const schedule = new Schedule()
  const happened: number[] = []
  schedule.after(5, () => happened.push(schedule.now))
  expect(schedule.step(4)).toBe(false)
  schedule.run(4)
  expect(happened).toEqual([])
  schedule.run(1)
  expect(happened).toEqual([5])
})

test("after a sleep everything that was due is late, in its order, and the clock does not go back", () => {
  const schedule = new Schedule()
  const happened: string[] = []
  schedule.after(2, () => happened.push(`b at ${schedule.now}`))
  schedule.after(1, () => happened.push(`a at ${schedule.now}`))
  schedule.sleep(100)
  expect(happened).toEqual([])
  schedule.run(0)
  expect(happened).toEqual(["a at 100", "b at 100"])
})

test("the same seed draws the same, another name or seed something else", () => {
  const draws = (chance: Chance) => Array.from({ length: 5 }, () => chance.below(1_000))
  expect(draws(new Chance(1))).toEqual([518, 677, 826, 759, 704])
  expect(draws(Chance.fork(1, "a"))).toEqual(draws(Chance.fork(1, "a")))
  expect(draws(Chance.fork(1, "a"))).not.toEqual(draws(Chance.fork(1, "b")))
  expect(draws(Chance.fork(1, "a"))).not.toEqual(draws(Chance.fork(2, "a")))
})
