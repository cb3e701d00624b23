// The standard campaign: the same seeds every time, so that a failure in CI is a failure everywhere. All of them on one
// thread; `npm run sim -- --seeds N` runs more, on every core.

import { expect, test } from "vitest"
import { planOf } from "./campaign/plan.ts"
import { Totals } from "./campaign/report.ts"
import { runPlan } from "./campaign/run.ts"

test("the standard campaign breaks no law, and meets every kind of fault, every gap reason and every outcome", { timeout: 180_000 }, () => {
  const totals = new Totals()
  for (let seed = 1; seed <= 500; seed++) totals.add(seed, runPlan(planOf(seed)))
  expect(totals.failures).toEqual([])
  expect(totals.coverage.missing()).toEqual([])
})
