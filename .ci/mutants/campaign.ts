// What `npm run mutants -- --by sim` runs for every mutant: the runs that are kept because they once found something, and a
// small campaign with seeds that never change. It is copied into the work copy as a test of the simulator, from where it
// looks for them; here nobody runs it.

import { readdirSync, readFileSync } from "node:fs"
import { planOf, runPlan, type Plan } from "@tidemark/sim"
import { describe, test } from "vitest"

const folder = new URL("../seeds/", import.meta.url)
const kept = readdirSync(folder).filter((name) => name.endsWith(".json"))
const seeds = Array.from({ length: Number(process.env["TIDEMARK_SEEDS"] ?? 150) }, (_, i) => i + 1)

describe("of the simulator", () => {
  test.each(kept)("kept run %s", (name) => {
    const { plan }: { plan: Plan } = JSON.parse(readFileSync(new URL(name, folder), "utf8"))
    holds(plan)
  })

  test.each(seeds)("seed %d", (seed) => holds(planOf(seed)))
})

function holds(plan: Plan): void {
  const { failure } = runPlan(plan)
  if (failure === undefined) return
  throw new Error(failure.message.startsWith(`${failure.law}: `) ? failure.message : `${failure.law}: ${failure.message}`)
}
