import { expect, test } from "vitest"
import { judged } from "./reach.ts"
import { invalid, results, scenario, valid } from "./results.testing.ts"
import { renderTable } from "./table.ts"

const saturated = scenario("saturated-5000", {
  tidemark: [valid({ cpuUs: 0.4, p99Ms: 12.34 })],
  coalescing: [valid({ cpuUs: 0.5, p99Ms: 10 })],
  plain: [invalid("reader 3: lost")],
})

test("a table holds each figure with its unit, what of it Tidemark needs, and whether it reached its line", () => {
  const table = renderTable(results([saturated]), judged(results([saturated])))
  expect(table.split("\n")).toEqual([
    "Tidemark 0.1.0 · A <fast> CPU, 2 cores, 8 GiB · Linux 6.1 · Node v20.0.0 · SQLite on ext4",
    "server on core 0, load on core 1 · load before the first run 0.1 · medians of 3 interleaved runs",
    "In parentheses: Tidemark's figure as a multiple of that column's.",
    "",
    "the title of saturated-5000",
    "                        tidemark        coalescing         plain",
    "  CPU per delivery       0.40 µs   0.50 µs (0.80×)             –",
    "  latency p99            12.3 ms           10.0 ms             –",
    "  INVALID            0 of 1 runs       0 of 1 runs   1 of 1 runs",
    "",
    "Reach: 1 of 1 met",
    "  work                        measured                                      reach",
    "  saturated, 1 → 5,000: CPU      0.80×   at most 0.8× the loop that writes a tick   met",
    "",
  ])
})

test("a quick run says that its figures mean nothing", () => {
  const quick = results([saturated], true)
  expect(renderTable(quick, judged(quick))).toContain("A quick run: every delivery was checked, and the figures mean nothing.\n")
})
