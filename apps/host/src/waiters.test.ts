// A list that is left in any order, and each member told once.

import fc from "fast-check"
import { instant } from "@tidemark/kernel"
import { Call } from "@tidemark/driver"
import { expect, test } from "vitest"
import { Waiter, Waiters } from "./waiters.ts"

function waiterOf(waiters: Waiters, at: number, told: unknown[] = []) {
  const waiter = new Waiter(new Call<string>(), waiters, instant(at), (outcome) => told.push(outcome))
  waiters.add(waiter)
  return waiter
}

test("the oldest is the first that was added and has not left, whoever left in between", () => {
  const steps = fc.array(fc.oneof(fc.constant("add" as const), fc.nat(20)), { maxLength: 60 })
  fc.assert(
    fc.property(steps, (taken) => {
      const waiters = new Waiters()
      const model: ReturnType<typeof waiterOf>[] = []
      for (const step of taken) {
        if (step === "add") model.push(waiterOf(waiters, model.length))
        else for (const waiter of model.splice(step, 1)) expect(waiters.remove(waiter)).toBe(true)
        expect(waiters.oldest).toBe(model[0])
      }
    }),
  )
})

test("a waiter is told what its call settled with, or that it failed, and never both", () => {
  const waiters = new Waiters()
  const told: unknown[] = []
  const [settled, failed] = [waiterOf(waiters, 1, told), waiterOf(waiters, 2, told)]
  const failure = { type: "failed", effect: "unknown", reason: "unavailable", detail: "late" } as const
  settled.settled()
  settled.call.settle("done")
  settled.settled()
  settled.fail(failure)
  failed.fail(failure)
  failed.call.settle("too late")
  failed.settled()
  expect(told).toEqual(["done", failure])
  expect(waiters.oldest).toBe(undefined)
})
