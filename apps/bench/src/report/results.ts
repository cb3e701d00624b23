// What a bench run gives, as data: enough for the table, the picture and whoever wants to draw another one. Figures are
// kept for each run; medians are of the valid runs only, and a run in which one delivery was wrong is not valid.

import type { Machine } from "../machine/machine.ts"
import { medianFigures, type Figures } from "./statistics.ts"

export type Unit = "ns" | "µs" | "ms" | "s" | "/s" | "KiB" | "MiB" | "×"

export interface Metric {
  /** Its key in figures. */
  readonly name: string
  readonly label: string
  readonly unit: Unit
  /** Shown as a ratio to Tidemark beside every other column. */
  readonly compared: boolean
}

export interface RunResult {
  readonly valid: boolean
  /** Why it is not. */
  readonly because: readonly string[]
  readonly figures: Figures
}

export interface ColumnResult {
  readonly name: string
  readonly label: string
  readonly runs: readonly RunResult[]
  readonly medians: Figures
}

export interface ScenarioResult {
  readonly name: string
  readonly title: string
  readonly metrics: readonly Metric[]
  readonly columns: readonly ColumnResult[]
}

export interface Results {
  readonly version: 1
  readonly release: string
  readonly measuredAt: string
  readonly machine: Machine
  /** Small numbers: the figures mean nothing. */
  readonly quick: boolean
  readonly runs: number
  /** Peers that were not found, and scenarios that could not be run, in words. */
  readonly missing: readonly string[]
  readonly scenarios: readonly ScenarioResult[]
}

export function columnResult(name: string, label: string, runs: readonly RunResult[]): ColumnResult {
  return { name, label, runs, medians: medianFigures(runs.filter(({ valid }) => valid).map(({ figures }) => figures)) }
}

/** One line for each run that was not valid. */
export function invalidRuns({ scenarios }: Pick<Results, "scenarios">): string[] {
  return scenarios.flatMap((scenario) =>
    scenario.columns.flatMap((column) =>
      column.runs.flatMap(({ valid, because }, i) => (valid ? [] : [`${scenario.name}, ${column.label}, run ${i + 1}: ${because.join("; ")}`])),
    ),
  )
}

/** A figure's median; `undefined` where it was not measured. */
export function figure({ scenarios }: Pick<Results, "scenarios">, scenario: string, column: string, metric: string): number | undefined {
  return scenarios.find(({ name }) => name === scenario)?.columns.find(({ name }) => name === column)?.medians[metric]
}
