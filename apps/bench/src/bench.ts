// Runs scenarios: each of a scenario's subjects once, then all of them again, so that whatever else the machine does meets
// all of them alike; and the other way round every other time. A run that fails is a result, and the bench goes on.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { openFilesMax, type Pinning } from "./machine/machine.ts"
import { hottest } from "./report/profile.ts"
import { columnResult, type RunResult, type ScenarioResult } from "./report/results.ts"
import type { Scenario, Stage, Subject } from "./scenario.ts"
import type { FaultKind } from "./servers/fault.ts"
import type { Sizes } from "./sizes.ts"

export interface BenchPlan {
  readonly scenarios: readonly Scenario[]
  readonly runs: number
  readonly sizes: Sizes
  readonly pins: Pinning
  /** Where folders for the runs are made. */
  readonly data: string
  readonly fault: FaultKind | undefined
  /** Where servers leave CPU profiles of themselves, in a folder for each run. */
  readonly profiles: string | undefined
  readonly progress: (line: string) => void
}

/** Of every profile in a folder, in lines. */
function timeSpent(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder).flatMap((file) => [`${join(folder, file)}:`, ...hottest(JSON.parse(readFileSync(join(folder, file), "utf8")), hottestMax)])
}

const hottestMax = 20

/** Beside the connections: what Node and the bench have open themselves. */
const otherFiles = 100

export async function runAll(plan: BenchPlan): Promise<{ readonly scenarios: readonly ScenarioResult[]; readonly missing: readonly string[] }> {
  const scenarios: ScenarioResult[] = []
  const missing: string[] = []
  for (const scenario of plan.scenarios) {
    const wanted = scenario.connections + otherFiles
    if (wanted > openFilesMax()) {
      missing.push(`${scenario.name} is left out: it needs ${wanted} open files in a process, and ulimit -n -H says ${openFilesMax()}`)
      continue
    }
    scenarios.push(await runScenario(plan, scenario))
  }
  return { scenarios, missing }
}

async function runScenario(plan: BenchPlan, { name, title, metrics, subjects }: Scenario): Promise<ScenarioResult> {
  const results = new Map<Subject, RunResult[]>(subjects.map((subject) => [subject, []]))
  for (let run = 0; run < plan.runs; run++) {
    for (const subject of run % 2 === 0 ? subjects : subjects.toReversed()) {
      plan.progress(`${name}, run ${run + 1} of ${plan.runs}: ${subject.label}`)
      const profiles = plan.profiles === undefined ? undefined : join(plan.profiles, `${name}-${subject.name}-${run + 1}`)
      const result = await runOne(plan, subject, profiles)
      results.get(subject)?.push(result)
      if (profiles !== undefined) for (const line of timeSpent(profiles)) plan.progress(`  ${line}`)
      for (const because of result.because) plan.progress(`  INVALID: ${because}`)
    }
  }
  return { name, title, metrics, columns: subjects.map((subject) => columnResult(subject.name, subject.label, results.get(subject) ?? [])) }
}

async function runOne({ sizes, pins, data, fault }: BenchPlan, subject: Subject, profiles: string | undefined): Promise<RunResult> {
  const directory = mkdtempSync(join(data, "tidemark-bench-"))
  const stage: Stage = { sizes, pins, directory, fault, profiles }
  const remove = (): void => rmSync(directory, { recursive: true, force: true })
  // Whoever ends the bench in the middle of a run finds nothing of it.
  process.once("exit", remove)
  try {
    return { valid: true, because: [], figures: await subject.run(stage) }
  } catch (error) {
    return { valid: false, because: [error instanceof Error ? error.message : String(error)], figures: {} }
  } finally {
    process.off("exit", remove)
    remove()
  }
}
