import { expect, test } from "vitest"
import { columnResult, figure, invalidRuns } from "./results.ts"
import { invalid, results, scenario, valid } from "./results.testing.ts"

test("a run that is not valid has no part in a median", () => {
  const wrong = { ...invalid("1 deliveries were wrong"), figures: { cpuUs: 0.001 } }
  expect(columnResult("a", "A", [valid({ cpuUs: 3 }), wrong, valid({ cpuUs: 5 })]).medians).toEqual({ cpuUs: 4 })
})

test("every run that is not valid is named with the reason", () => {
  const one = scenario("saturated-1000", { tidemark: [valid({}), invalid("reader 3: lost")], plain: [valid({})] })
  expect(invalidRuns(results([one]))).toEqual(["saturated-1000, tidemark, run 2: reader 3: lost"])
})

test("a figure that was not measured is not there", () => {
  const measured = results([scenario("one", { tidemark: [valid({ cpuUs: 2 })] })])
  expect(figure(measured, "one", "tidemark", "cpuUs")).toBe(2)
  expect(figure(measured, "one", "plain", "cpuUs")).toBe(undefined)
  expect(figure(measured, "two", "tidemark", "cpuUs")).toBe(undefined)
})
