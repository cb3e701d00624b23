// What is remembered is the last so many things, each by identity.

import { expect, test } from "vitest"
import { Recent } from "./recent.ts"

test("the last ones are remembered, and the one before them is not", () => {
  const recent = new Recent<object, string>(2)
  const [one, two, three] = [{}, {}, {}]
  recent.set(one, "one")
  recent.set(two, "two")
  expect([recent.get(one), recent.get(two), recent.get(three)]).toEqual(["one", "two", undefined])
  recent.set(three, "three")
  expect([recent.get(one), recent.get(two), recent.get(three)]).toEqual([undefined, "two", "three"])
})

test("what looks the same is not the same", () => {
  const recent = new Recent<object, string>(2)
  recent.set({}, "another")
  expect(recent.get({})).toBe(undefined)
})
