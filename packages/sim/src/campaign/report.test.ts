import { expect, test } from "vitest"
import { Coverage } from "./coverage.ts"
import { progressText, reportJson, reportText, Totals } from "./report.ts"
import type { RunResult } from "./run.ts"

function run(steps: number, failure?: RunResult["failure"]): RunResult {
  const coverage = new Coverage()
  coverage.fault("cut")
  coverage.gap("epoch")
  coverage.outcome("read", { type: "idle" })
  return { steps, simulatedMs: 3_600_000, events: 2, coverage, failure }
}

function campaign(): Totals {
  const totals = new Totals()
  totals.add(4, run(1_000))
  totals.add(5, run(2_500, { law: "L8", message: "L8: event 7 came twice", stack: "" }))
  totals.add(6, run(10))
  return totals
}

test("a report sums what was run, and says of each failure how to see it again", () => {
  const text = reportText({ from: 4, asked: 3 }, campaign())
  expect(text).toContain("3 runs, seeds 4 to 6: 1 failed\n3,510 steps, 3 hours of simulated time, 6 events\n")
  expect(text).toContain("faults     cut 3, half-open 0, ")
  expect(text).toContain("gaps       trimmed 0, lagged 0, epoch 3, ")
  expect(text).toContain("read       events 0, gap 0, observation 0, idle 3, failed 0, ended 0\n")
  expect(text).toContain("never      faults/half-open, ")
  expect(text.endsWith("\n\nseed 5: L8: event 7 came twice\n  npm run sim -- --seed 5\n")).toBe(true)
})

test("a campaign that was ended says how far it came", () => {
  expect(reportText({ from: 4, asked: 2_000 }, campaign())).toContain("3 of 2,000 runs, seeds 4 to 6: 1 failed\n")
  expect(reportText({ fresh: true, asked: 3 }, campaign())).toContain("3 runs, fresh seeds: 1 failed\n")
  expect(reportText({ from: 4, asked: 9 }, new Totals())).toContain("0 of 9 runs: every law held\n")
})

test("a campaign that was interrupted says so first", () => {
  const seeds = { from: 4, asked: 2_000 }
  expect(reportText(seeds, campaign(), { interrupted: true })).toMatch(/^interrupted after 3 of 2,000 runs, seeds 4 to 6: 1 failed\n/)
  expect(reportText(seeds, new Totals(), { interrupted: true })).toMatch(/^interrupted after 0 of 2,000 runs: every law held so far\n/)
  expect(JSON.parse(reportJson(seeds, campaign(), { interrupted: true }))).toMatchObject({ interrupted: true, runs: 3 })
  expect(JSON.parse(reportJson(seeds, campaign()))).toMatchObject({ interrupted: false, runs: 3 })
})

test.each([
  [59_940, "59.9 s"],
  [119_000, "119.0 s"],
  [120_000, "2 minutes"],
  [7_199_000, "120 minutes"],
  [7_200_000, "2 hours"],
])("%i ms of simulated time are %s", (simulatedMs, words) => {
  const totals = new Totals()
  totals.add(1, { ...run(1), simulatedMs })
  expect(reportText({ from: 1, asked: 1 }, totals)).toContain(`1 steps, ${words} of simulated time, 2 events\n`)
})

test("no line of a report is longer than a terminal of 120 columns", () => {
  const long = reportText({ from: 4, asked: 3 }, campaign()).split("\n").filter((line) => line.length > 120)
  expect(long).toEqual([])
})

test("JSON says the same in one object", () => {
  expect(JSON.parse(reportJson({ from: 4, asked: 3 }, campaign()))).toMatchObject({
    seeds: { from: 4, asked: 3 },
    runs: 3,
    steps: 3_510,
    simulatedMs: 10_800_000,
    events: 6,
    faults: { cut: 3, crash: 0 },
    gaps: { epoch: 3, trimmed: 0 },
    outcomes: { read: { idle: 3, events: 0 } },
    failed: 1,
    failures: [{ seed: 5, law: "L8", message: "L8: event 7 came twice", command: "npm run sim -- --seed 5" }],
  })
})

test("a thousand failures are told, and the rest are counted", () => {
  const totals = new Totals()
  for (let seed = 1; seed <= 1_002; seed++) totals.add(seed, run(1, { law: "crash", message: "no", stack: "" }))
  expect([totals.failed, totals.failures.length]).toEqual([1_002, 1_000])
  expect(reportText({ from: 1, asked: 1_002 }, totals)).toContain("seed 1000: crash: no\n  npm run sim -- --seed 1000\n… and 2 more\n")
})

test("progress says how far, how fast and how well", () => {
  expect(progressText(campaign(), { asked: 2_000, elapsedMs: 500 })).toBe("3 of 2,000 runs in 0.5 s: 6 runs and 7,020 steps a second, 1 failure")
  expect(progressText(new Totals(), { asked: 5, elapsedMs: 0 })).toBe("0 of 5 runs in 0.0 s: 0 runs and 0 steps a second, no failure")
})
