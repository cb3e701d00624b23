// One thread of a campaign: gets a seed, runs it, gives back what came of it. A run never throws; what does is a fault of the
// simulator, and is told as a failure of that seed too, so that it is found by its seed.

import { parentPort } from "node:worker_threads"
import { planOf } from "../campaign/plan.ts"
import { runPlan, type RunResult } from "../campaign/run.ts"
import { failedRun } from "./campaign-pool.ts"

function run(seed: number): RunResult {
  try {
    return runPlan(planOf(seed))
  } catch (error) {
    return failedRun("crash", error instanceof Error ? error.message : String(error))
  }
}

parentPort?.on("message", (seed: number) => parentPort?.postMessage(run(seed)))
