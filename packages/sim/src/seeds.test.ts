// Plans that broke a law once (`packages/sim/seeds`): each is run again and breaks none. `npm run sim -- --seed N --shrink
// --promote NAME --found "…"` adds one.

import { existsSync, readdirSync, readFileSync } from "node:fs"
import { describe, expect, test } from "vitest"
import { runPlan } from "./campaign/run.ts"
import { readPlanFile } from "./cli/plan-file.ts"

const folder = new URL("../seeds/", import.meta.url)

const files = (existsSync(folder) ? readdirSync(folder) : []).toSorted().map((name) => {
  const outcome = readPlanFile(readFileSync(new URL(name, folder), "utf8"))
  return { name, outcome }
})

test("every file there is a promoted seed, and no two say the same", () => {
  const wrong = files.flatMap(({ name, outcome }) => {
    if (!/^[a-z0-9-]+\.json$/.test(name)) return [`${name}: a promoted seed is called words-with-hyphens.json`]
    if (outcome.type === "refused") return [`${name}: ${outcome.because}`]
    return outcome.type === "plan" ? [`${name}: it is a plan alone, and does not say what was wrong`] : []
  })
  expect(wrong).toEqual([])
  const found = files.flatMap(({ outcome }) => (outcome.type === "promoted" ? [outcome.found] : []))
  expect(found.filter((sentence, i) => found.indexOf(sentence) !== i)).toEqual([])
})

describe("what was found does not come back", () => {
  for (const { name, outcome } of files) {
    if (outcome.type !== "promoted") continue
    test(`${outcome.found} (${outcome.law}, ${name})`, () => {
      expect(runPlan(outcome.plan).failure).toBe(undefined)
    })
  }
  test("a plan that does nothing breaks no law", () => {
    const nobody = { readers: [], publishers: [], faults: [], actions: [] }
    expect(runPlan({ seed: 1, nodes: 1, sessions: 1, latencyMs: 1, logDelayMs: 0, splits: 0, records: false, ...nobody }).failure).toBe(undefined)
  })
})
