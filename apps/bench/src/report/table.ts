// Results as text: a block for each scenario with what every server needed, then what is to be reached and whether it was.

import type { Judgement } from "./reach.ts"
import type { ColumnResult, Metric, Results, ScenarioResult } from "./results.ts"
import { ratio } from "./statistics.ts"
import { amount, times } from "./wording.ts"

export function renderTable(results: Results, judgements: readonly Judgement[]): string {
  const blocks = [heading(results), ...results.scenarios.map(renderScenario)]
  if (judgements.length > 0) blocks.push(renderReach(judgements))
  if (results.quick) blocks.push("A quick run: every delivery was checked, and the figures mean nothing.\n")
  return blocks.join("\n")
}

function heading({ release, machine, runs, missing }: Results): string {
  const { cpu, cores, memoryGiB, kernel, node, filesystem, load, pinning } = machine
  const lines = [
    `Tidemark ${release} · ${cpu}, ${cores} cores, ${memoryGiB} GiB · Linux ${kernel} · Node ${node} · SQLite on ${filesystem}`,
    `${pinning} · load before the first run ${load} · medians of ${runs} interleaved run${runs === 1 ? "" : "s"}`,
    "In parentheses: Tidemark's figure as a multiple of that column's.",
    ...missing,
  ]
  return `${lines.join("\n")}\n`
}

function renderScenario({ title, metrics, columns }: ScenarioResult): string {
  const ours = columns.find(({ name }) => name === "tidemark")
  const shown = metrics.filter(({ name }) => columns.some(({ medians }) => medians[name] !== undefined))
  const rows = shown.map((metric) => [metric.label, ...columns.map((column) => cell(metric, column, ours))])
  const invalid = columns.map(({ runs }) => runs.filter(({ valid }) => !valid).length)
  if (invalid.some((count) => count > 0)) rows.push(["INVALID", ...columns.map(({ runs }, i) => `${invalid[i] ?? 0} of ${runs.length} runs`)])
  return `${title}\n${aligned([["", ...columns.map(({ label }) => label)], ...rows])}`
}

function cell({ name, unit, compared }: Metric, column: ColumnResult, ours: ColumnResult | undefined): string {
  const value = column.medians[name]
  const of = compared && ours !== undefined && ours !== column ? ratio(ours.medians[name], value) : undefined
  // Of what is nothing, or less than nothing for noise, nothing is a multiple.
  return `${amount(value, unit)}${of === undefined || of < 0 ? "" : ` (${times(of)})`}`
}

function renderReach(judgements: readonly Judgement[]): string {
  const rows = judgements.map(({ work, reach, measured, met }) => [work, measured, reach, met ? "met" : "not met"])
  const met = judgements.filter((each) => each.met).length
  return `Reach: ${met} of ${judgements.length} met\n${aligned([["work", "measured", "reach", ""], ...rows])}`
}

/** The first column to the left, the others to the right. */
function aligned(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>((most, row) => row.map((text, i) => Math.max(most[i] ?? 0, text.length)), [])
  const line = (row: readonly string[]): string => row.map((text, i) => (i === 0 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0))).join("   ")
  return rows.map((row) => `  ${line(row).trimEnd()}\n`).join("")
}
