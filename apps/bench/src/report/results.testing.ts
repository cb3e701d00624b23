// Results to show and to draw: three servers, figures that are easy to follow with the eye.

import { columnResult, type ColumnResult, type Results, type RunResult, type ScenarioResult } from "./results.ts"
import type { Figures } from "./statistics.ts"

export function valid(figures: Figures): RunResult {
  return { valid: true, because: [], figures }
}

export function invalid(because: string): RunResult {
  return { valid: false, because: [because], figures: {} }
}

/** By column, what each of its runs gave. */
export function scenario(name: string, runs: Readonly<Record<string, readonly RunResult[]>>): ScenarioResult {
  const columns: ColumnResult[] = Object.entries(runs).map(([column, each]) => columnResult(column, column, each))
  const metrics = [
    { name: "cpuUs", label: "CPU per delivery", unit: "µs", compared: true },
    { name: "p99Ms", label: "latency p99", unit: "ms", compared: false },
  ] as const
  return { name, title: `the title of ${name}`, metrics, columns }
}

export function results(scenarios: readonly ScenarioResult[], quick = false): Results {
  const machine = {
    cpu: "A <fast> CPU",
    cores: 2,
    memoryGiB: 8,
    kernel: "6.1",
    node: "v20.0.0",
    filesystem: "ext4",
    load: 0.1,
    pinning: "server on core 0, load on core 1",
  }
  return { version: 1, release: "0.1.0", measuredAt: "2026-01-01T00:00:00.000Z", machine, quick, runs: 3, missing: [], scenarios }
}
