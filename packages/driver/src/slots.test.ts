// A slot is used again and again, and every use has its own number.

import fc from "fast-check"
import { expect, test } from "vitest"
import { Slots } from "./slots.ts"

test("what was put is taken once, by its id, and by no other", () => {
  const slots = new Slots<string>()
  const first = slots.put("first")
  expect(slots.take(first)).toBe("first")
  const second = slots.put("second")
  expect([slots.take(first), slots.take(second + 1), slots.size]).toEqual([undefined, undefined, 1])
  expect([slots.take(second), slots.take(second), slots.size]).toEqual(["second", undefined, 0])
})

test("in any order, slots are what a map from ids would be", () => {
  const steps = fc.array(fc.oneof(fc.constant("put" as const), fc.nat(30)), { maxLength: 100 })
  fc.assert(
    fc.property(steps, (taken) => {
      const slots = new Slots<{ readonly n: number }>()
      const model = new Map<number, { readonly n: number }>()
      const given: number[] = []
      for (const [n, step] of taken.entries()) {
        if (step === "put") {
          const id = slots.put({ n })
          expect(given).not.toContain(id)
          given.push(id)
          model.set(id, { n })
        } else {
          const id = given[step] ?? step
          expect(slots.take(id)).toEqual(model.get(id))
          model.delete(id)
        }
        expect(slots.size).toBe(model.size)
      }
      expect(slots.takeAll().length).toBe(model.size)
      expect(slots.size).toBe(0)
    }),
  )
})
