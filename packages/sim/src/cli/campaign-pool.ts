// The runs of a campaign on worker threads: each gets one seed at a time, and results are told in the order in which the
// seeds were drawn, whichever thread was faster, so that a report does not depend on the number of threads. Once it is
// stopped no further seed is drawn; those that were are run to their end, so that what is told has no holes.

import { Worker } from "node:worker_threads"
import { Coverage } from "../campaign/coverage.ts"
import type { RunResult } from "../campaign/run.ts"

export interface CampaignRuns {
  readonly workers: number
  /** The next seed; `undefined`: there is none left. */
  readonly draw: () => number | undefined
  readonly ran: (seed: number, run: RunResult) => void
}

/** A run takes a twentieth of a second, and some seconds when it never comes to rest: after this it hangs within one step. */
const runMsMost = 120_000

export class CampaignPool {
  readonly #runs: CampaignRuns
  #drawn = 0
  #told = 0
  readonly #early = new Map<number, { readonly seed: number; readonly run: RunResult }>()
  #stopped = false
  #live = 0
  #end: () => void = () => {}

  constructor(runs: CampaignRuns) {
    this.#runs = runs
  }

  /** Until every seed that was drawn is told. */
  async run(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#end = resolve
      this.#live = this.#runs.workers
      for (let i = 0; i < this.#runs.workers; i++) this.#start()
    })
  }

  stop(): void {
    this.#stopped = true
  }

  /** A thread, with a seed; one that hangs or ends is replaced, and its seed has failed. */
  #start(): void {
    const worker = new Worker(new URL("./campaign-worker.js", import.meta.url))
    let settle: ((run: RunResult) => void) | undefined
    const give = (): void => {
      const seed = this.#stopped ? undefined : this.#runs.draw()
      if (seed === undefined) return this.#leave(worker)
      const index = this.#drawn++
      const deadline = setTimeout(() => replace("hang", `the run did not end within ${runMsMost / 1_000} s`), runMsMost)
      settle = (run) => {
        clearTimeout(deadline)
        settle = undefined
        this.#tell(index, seed, run)
      }
      worker.postMessage(seed)
    }
    const replace = (law: string, message: string): void => {
      if (settle === undefined) return
      settle(failedRun(law, message))
      void worker.terminate()
      this.#start()
    }
    worker.on("message", (run: RunResult) => {
      if (settle === undefined) return
      settle({ ...run, coverage: Object.assign(new Coverage(), run.coverage) })
      give()
    })
    worker.on("error", (error) => replace("crash", `its thread ended: ${error.message}`))
    worker.on("exit", (code) => replace("crash", `its thread ended with code ${code}`))
    give()
  }

  #leave(worker: Worker): void {
    void worker.terminate()
    this.#live -= 1
    if (this.#live === 0) this.#end()
  }

  #tell(index: number, seed: number, run: RunResult): void {
    this.#early.set(index, { seed, run })
    for (let next = this.#early.get(this.#told); next !== undefined; next = this.#early.get(this.#told)) {
      this.#early.delete(this.#told)
      this.#told += 1
      this.#runs.ran(next.seed, next.run)
    }
  }
}

/** What is told of a seed whose run gave no result. */
export function failedRun(law: string, message: string): RunResult {
  return { steps: 0, simulatedMs: 0, events: 0, coverage: new Coverage(), failure: { law, message, stack: "" } }
}
