// A campaign on this machine: its seeds, its threads, its budget, and what is said while it goes on. Everything that is
// printed at the end is made of the sums alone; the real clock is read here, for the budget and the pace.

import { randomInt } from "node:crypto"
import { availableParallelism } from "node:os"
import { failureText } from "../campaign/report-words.ts"
import { commandOf, progressText, reportJson, reportText, Totals, type Ending, type Seeds } from "../campaign/report.ts"
import { CampaignPool } from "./campaign-pool.ts"
import { seedMost, type CampaignOptions } from "./options.ts"

/** The exit code. */
export async function runCampaign({ asked, from, workers, budgetMs, demandCoverage, json }: CampaignOptions): Promise<number> {
  const totals = new Totals()
  const threads = Math.min(asked, workers ?? availableParallelism())
  const progress = new Progress(totals, asked)
  let drawn = 0
  let wasInterrupted = false
  const pool = new CampaignPool({
    workers: threads,
    draw: () => {
      if (drawn === asked) return undefined
      drawn += 1
      return from === "fresh" ? randomInt(seedMost + 1) : from + drawn - 1
    },
    ran: (seed, run) => {
      totals.add(seed, run)
      if (run.failure !== undefined) progress.say(`${failureText(run.failure)}\n  ${commandOf(seed)}`)
    },
  })
  const stop = (because: string): void => {
    progress.say(`${because}: no further run is started`)
    pool.stop()
  }
  const budget = budgetMs === undefined ? undefined : setTimeout(() => stop(`the budget of ${budgetMs / 1_000} s is spent`), budgetMs)
  const interrupted = (): void => {
    process.once("SIGINT", () => process.exit(interruptedCode))
    wasInterrupted = true
    stop("interrupted")
  }
  process.once("SIGINT", interrupted)
  try {
    await pool.run()
  } finally {
    clearTimeout(budget)
    process.removeAllListeners("SIGINT")
    progress.end()
  }
  // Whoever interrupts during the last runs interrupts nothing.
  const ending = { interrupted: wasInterrupted && totals.runs < asked }
  return show(from === "fresh" ? { fresh: true, asked } : { from, asked }, totals, ending, { demandCoverage, json })
}

/** As a shell would report it. */
const interruptedCode = 130

function show(seeds: Seeds, totals: Totals, ending: Ending, { demandCoverage, json }: Pick<CampaignOptions, "demandCoverage" | "json">): number {
  process.stdout.write(json ? reportJson(seeds, totals, ending) : reportText(seeds, totals, ending))
  if (ending.interrupted) return totals.failed > 0 ? 1 : interruptedCode
  const missing = demandCoverage ? totals.coverage.missing() : []
  if (missing.length > 0) process.stderr.write(`sim: coverage was demanded, and these were never met: ${missing.join(", ")}\n`)
  if (totals.runs === 0) process.stderr.write("sim: not one run was made\n")
  return totals.failed > 0 || missing.length > 0 || totals.runs === 0 ? 1 : 0
}

/** A line that rewrites itself on a terminal; elsewhere a line now and then. */
class Progress {
  readonly #totals: Totals
  readonly #asked: number
  readonly #startedAt = performance.now()
  readonly #isTerminal = process.stderr.isTTY === true
  readonly #timer: NodeJS.Timeout

  constructor(totals: Totals, asked: number) {
    this.#totals = totals
    this.#asked = asked
    const [before, after, everyMs] = this.#isTerminal ? [rewritten, "", 200] : ["", "\n", 5_000]
    this.#timer = setInterval(() => process.stderr.write(`${before}${this.#line()}${after}`), everyMs)
  }

  /** Something that stays. */
  say(text: string): void {
    process.stderr.write(this.#isTerminal ? `${rewritten}${text}\n${this.#line()}` : `${text}\n`)
  }

  end(): void {
    clearInterval(this.#timer)
    process.stderr.write(`${this.#isTerminal ? rewritten : ""}${this.#line()}\n`)
  }

  #line(): string {
    return progressText(this.#totals, { asked: this.#asked, elapsedMs: performance.now() - this.#startedAt })
  }
}

/** The cursor back to the line's start, and the line cleared. */
const rewritten = "\r\u001B[2K"
