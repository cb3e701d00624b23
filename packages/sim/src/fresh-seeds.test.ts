// Seeds that nobody has run: each run of the tests tries others, and names the one that fails with the command that runs it
// again. TIDEMARK_SIM_SEEDS says how many. What a seed gives is the same however often it is asked (L16).

import { randomInt } from "node:crypto"
import { expect, test } from "vitest"
import { planOf, type Plan } from "./campaign/plan.ts"
import { Totals } from "./campaign/report.ts"
import { runPlan } from "./campaign/run.ts"

const wanted = process.env["TIDEMARK_SIM_SEEDS"] ?? "100"
if (!/^[1-9]\d{0,6}$/.test(wanted)) throw new Error(`TIDEMARK_SIM_SEEDS is how many fresh seeds are run, from 1 to 9999999, not ${wanted}`)
const freshSeeds = Array.from({ length: Number(wanted) }, () => randomInt(2 ** 31))

/** Long enough for any number: there is no clock that says what is too slow here. */
const timeout = 60_000 + 1_000 * freshSeeds.length

test(`${wanted} fresh seeds break no law`, { timeout }, () => {
  const totals = new Totals()
  for (const seed of freshSeeds) totals.add(seed, runPlan(planOf(seed)))
  expect(totals.failures).toEqual([])
})

function traceOf(plan: Plan): string {
  const lines: string[] = []
  runPlan(plan, (line) => lines.push(line))
  return lines.join("\n")
}

const twice = [1, 2, 3, 5, 8, 13, 21, 34, ...freshSeeds.slice(0, 8)]

test.each(twice)("seed %i gives the same plan and the same trace, byte for byte (L16)", { timeout }, (seed) => {
  const plan = planOf(seed)
  expect(planOf(seed)).toEqual(plan)
  const trace = traceOf(plan)
  expect(trace).toContain("heal")
  expect(traceOf(plan)).toBe(trace)
  // As a promoted seed is kept.
  expect(traceOf(JSON.parse(JSON.stringify(plan)))).toBe(trace)
})
