import { expect, test } from "vitest"
import { Coverage } from "./coverage.ts"
import type { Plan } from "./plan.ts"
import { outcomeText, planSummary, planText } from "./report-plan.ts"

const plan: Plan = {
  seed: 7,
  faults: ["cut", "chunks"],
  nodes: 2,
  sessions: 1,
  readers: [{ session: 0, node: 1, from: "tail:7", recover: "auto", filtered: true, folds: false, waits: true, takesMs: 30 }],
  publishers: [{ session: 0, node: 0, lines: 20 }],
  latencyMs: 400,
  logDelayMs: 3,
  splits: 0.2,
  records: true,
  actions: [
    { at: 5, do: "storm" },
    { at: 1_250, do: "sleep", ms: 9 },
  ],
}

test("the summary of a plan says who takes part and what may happen", () => {
  expect(planSummary(plan)).toBe(`seed 7: 2 nodes, 1 session, 1 reader, 1 publisher, 2 actions in 1.3 s
  faults       cut, chunks
  delays       network up to 400 ms, log up to 3 ms
  chunks       cut apart 0.2 of the time
  capsules     session 0 is recorded
  reader 0     session 0 at node 1, from tail:7, recover auto, filtered, waits, 30 ms an item
  publisher 0  session 0 at node 0, batches of 20
`)
})

test("the summary of a promoted seed says what was found with it", () => {
  expect(planSummary(plan, "A reader was forgotten.").split("\n").slice(1, 3)).toEqual(["  found        A reader was forgotten.", "  faults       cut, chunks"])
})

test("a plan in a file has an action a line, and is the same plan", () => {
  expect(planText(plan)).toContain('\n  "actions": [\n    {"at":5,"do":"storm"},\n    {"at":1250,"do":"sleep","ms":9}\n  ]\n}')
  expect(JSON.parse(planText(plan, "  "))).toEqual(plan)
  expect(JSON.parse(planText({ ...plan, readers: [], actions: [] }))).toEqual({ ...plan, readers: [], actions: [] })
})

test("the outcome of a run is that every law held, or which did not and how to see it again", () => {
  const result = { steps: 12_345, simulatedMs: 1_500, events: 1, coverage: new Coverage() }
  expect(outcomeText({ ...result, failure: undefined }, "again")).toBe("every law held: 12,345 steps, 1.5 s of simulated time, 1 event\n")
  expect(outcomeText({ ...result, failure: { law: "crash", message: "no such thing", stack: "" } }, "npm run sim -- --seed 7")).toBe(`crash: no such thing
12,345 steps, 1.5 s of simulated time, 1 event
  again    npm run sim -- --seed 7
  smaller  npm run sim -- --seed 7 --shrink
`)
  expect(outcomeText({ ...result, failure: { law: "L8", message: "L8: twice", stack: "" } }, undefined)).toBe(
    "L8: twice\n12,345 steps, 1.5 s of simulated time, 1 event\n",
  )
})
