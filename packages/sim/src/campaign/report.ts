// What a campaign came to: sums over its runs, and every failure with the command that makes it again. Runs are added in
// the order of their seeds, whoever ran them, so that a campaign gives the same report on one core and on many; no figure
// of the real clock is in it.

import { callNames, Coverage } from "./coverage.ts"
import { count, failureText, grouped, roughly, seconds } from "./report-words.ts"
import type { RunResult } from "./run.ts"

export interface FoundFailure {
  readonly seed: number
  readonly law: string
  readonly message: string
  /** What a person types to see it again. */
  readonly command: string
}

/** Which seeds there were to be run; how many of them were is the sum's. */
export type Seeds = { readonly from: number; readonly asked: number } | { readonly fresh: true; readonly asked: number }

/** So many failures are told one by one; beyond them there is one cause, or a broken simulator. */
const failuresMost = 1_000

export class Totals {
  readonly coverage = new Coverage()
  /** The first of them, in the order of the seeds. */
  readonly failures: FoundFailure[] = []
  runs = 0
  steps = 0
  simulatedMs = 0
  events = 0
  failed = 0

  add(seed: number, run: RunResult, command = commandOf(seed)): void {
    this.runs += 1
    this.steps += run.steps
    this.simulatedMs += run.simulatedMs
    this.events += run.events
    this.coverage.add(run.coverage)
    if (run.failure === undefined) return
    this.failed += 1
    const { law, message } = run.failure
    if (this.failures.length < failuresMost) this.failures.push({ seed, law, message, command })
  }
}

export function commandOf(seed: number): string {
  return `npm run sim -- --seed ${seed}`
}

/** How a campaign ended. */
export interface Ending {
  /** Somebody ended it before its last run. */
  readonly interrupted: boolean
}

/** One JSON object, the same for the same seeds. */
export function reportJson(seeds: Seeds, totals: Totals, { interrupted }: Ending = { interrupted: false }): string {
  const { runs, steps, simulatedMs, events, coverage, failed, failures } = totals
  const { faults, gaps, outcomes } = coverage
  const sums = { runs, steps, simulatedMs, events, faults, gaps, outcomes, missing: coverage.missing(), failed, failures }
  return `${JSON.stringify({ seeds, interrupted, ...sums }, undefined, 1)}\n`
}

export function reportText(seeds: Seeds, totals: Totals, { interrupted }: Ending = { interrupted: false }): string {
  const { runs, steps, simulatedMs, events, coverage, failed, failures } = totals
  const asked = runs === seeds.asked ? "" : ` of ${grouped(seeds.asked)}`
  const which = runs === 0 ? "" : "fresh" in seeds ? ", fresh seeds" : `, seeds ${seeds.from} to ${seeds.from + runs - 1}`
  const held = interrupted ? "every law held so far" : "every law held"
  const groups = [["faults", coverage.faults] as const, ["gaps", coverage.gaps] as const, ...callNames.map((call) => [call, coverage.outcomes[call]] as const)]
  const missing = coverage.missing()
  const lines = [
    `${interrupted ? "interrupted after " : ""}${grouped(runs)}${asked} runs${which}: ${failed === 0 ? held : `${grouped(failed)} failed`}`,
    `${grouped(steps)} steps, ${roughly(simulatedMs)} of simulated time, ${count(events, "event")}`,
    "",
    ...groups.map(([name, counts]) => countsText(name, counts)),
    ...(missing.length === 0 ? ["nothing stayed at zero"] : [wrapped("never", missing)]),
  ]
  if (failed > 0) lines.push("", ...failures.flatMap((failure) => [`seed ${failure.seed}: ${failureText(failure)}`, `  ${failure.command}`]))
  if (failed > failures.length) lines.push(`… and ${grouped(failed - failures.length)} more`)
  return lines.map((line) => `${line}\n`).join("")
}

function countsText(name: string, counts: { readonly [name: string]: number }): string {
  return wrapped(name, Object.entries(counts).map(([each, times]) => `${each} ${grouped(times)}`))
}

const columns = 118
const margin = 11

/** A name, and items beside it on as many lines as they need. */
function wrapped(name: string, items: readonly string[]): string {
  const rows = [""]
  for (const [i, item] of items.entries()) {
    const piece = i === items.length - 1 ? item : `${item}, `
    const row = rows.at(-1) ?? ""
    if (row !== "" && margin + row.length + piece.trimEnd().length > columns) rows.push(piece)
    else rows[rows.length - 1] = row + piece
  }
  return rows.map((row, i) => `${(i === 0 ? name : "").padEnd(margin)}${row.trimEnd()}`).join("\n")
}

export interface Pace {
  readonly asked: number
  readonly elapsedMs: number
}

/** What is said while it runs. */
export function progressText({ runs, steps, failed }: Totals, { asked, elapsedMs }: Pace): string {
  const each = (sum: number): string => grouped(Math.round((sum * 1_000) / Math.max(1, elapsedMs)))
  const failures = failed === 0 ? "no failure" : count(failed, "failure")
  return `${grouped(runs)} of ${grouped(asked)} runs in ${seconds(elapsedMs)}: ${each(runs)} runs and ${each(steps)} steps a second, ${failures}`
}
