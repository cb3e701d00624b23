// What the simulator says of each law: the kinds of fault that put it to the test (packages/sim/src/campaign/faults.ts), and
// the runs that are kept because they once found something (packages/sim/seeds: `{ "found", "law", "plan" }`).

import { readFileSync } from "node:fs"
import { faultKinds } from "@tidemark/sim"
import { faultLine, type Law } from "./spec.ts"

/** A run that is kept. */
export interface KeptRun {
  readonly path: string
  /** What was wrong, as a sentence. */
  readonly found: string
  /** `L1` … `L21`; `liveness` or `crash` where none of them was broken. */
  readonly law: string
}

interface Kind {
  readonly name: string
  readonly does: string
  readonly laws: readonly string[]
}

export const kinds: readonly Kind[] = Object.entries(faultKinds).map(([name, kind]) => ({ name, ...kind }))

/** `folder`: of the repository; of `paths`, those that are kept runs. */
export function keptRuns(folder: string, paths: readonly string[]): KeptRun[] {
  return paths
    .filter((path) => /^packages\/sim\/seeds\/[^/]+\.json$/.test(path))
    .map((path) => {
      const { found, law }: { found?: unknown; law?: unknown } = JSON.parse(readFileSync(`${folder}/${path}`, "utf8"))
      if (typeof found !== "string" || found === "" || found.includes("\n") || typeof law !== "string") {
        throw new Error(`${path} does not say what it found: it needs "found", a sentence on one line, and "law"`)
      }
      return { path, found, law }
    })
}

/** What was found where no law was broken. */
export function beyondLaws(runs: readonly KeptRun[]): string[] {
  return runs.filter(({ law }) => law === "liveness" || law === "crash").map(({ found }) => found)
}

export function simulated(number: number, runs: readonly KeptRun[]): Pick<Law, "simulatedWith" | "foundBySimulation"> {
  const law = `L${number}`
  return {
    simulatedWith: kinds.filter(({ laws }) => laws.includes(law)).map(({ name, does }) => faultLine(name, does)),
    foundBySimulation: runs.filter((run) => run.law === law).map(({ found }) => found),
  }
}
