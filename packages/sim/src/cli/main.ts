// `npm run sim`. Exit codes: 0 every law held, 1 something failed, 2 the command line cannot be followed, 130 interrupted.
// What goes to standard output is made of the seed alone; figures of the real clock, and progress, go to standard error.

import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { setImmediate } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { planOf, type Plan } from "../campaign/plan.ts"
import { outcomeText, planSummary, planText } from "../campaign/report-plan.ts"
import { count, grouped } from "../campaign/report-words.ts"
import { commandOf, reportJson, Totals } from "../campaign/report.ts"
import { runPlan, type RunResult } from "../campaign/run.ts"
import { shrinking } from "../campaign/shrink.ts"
import { runCampaign } from "./campaign.ts"
import { help, readOptions, type PlanSource, type Promotion } from "./options.ts"
import { promotedText, readPlanFile } from "./plan-file.ts"

/** Beside the sources, wherever it is run from. */
const seedsFolder = fileURLToPath(new URL("../../seeds/", import.meta.url))

class Refused extends Error {
  override readonly name = "Refused"
}

async function main(words: readonly string[]): Promise<number> {
  const outcome = readOptions(words)
  switch (outcome.type) {
    case "help":
      process.stdout.write(help)
      return 0
    case "refused":
      throw new Refused(outcome.because)
    case "campaign":
      return runCampaign(outcome.options)
    case "run":
      return runOne(outcome.source, outcome)
    case "shrink":
      return shrink(outcome.source, outcome)
  }
}

function runOne(source: PlanSource, { quiet, json }: { readonly quiet: boolean; readonly json: boolean }): number {
  const { plan, found } = planFrom(source)
  const again = source.type === "seed" ? commandOf(source.seed) : `npm run sim -- --plan ${source.path}`
  const startedAt = performance.now()
  const run = json ? runPlan(plan) : show({ plan, found }, quiet, again)
  say(`${grouped(run.steps)} steps in ${(performance.now() - startedAt).toFixed(0)} ms`)
  if (json) {
    const totals = new Totals()
    totals.add(plan.seed, run, again)
    process.stdout.write(reportJson({ from: plan.seed, asked: 1 }, totals))
  }
  if (run.failure !== undefined) say(run.failure.stack)
  return run.failure === undefined ? 0 : 1
}

/** The plan, the trace and the outcome; the trace as it comes, so that a run that hangs has said how far it got. */
function show({ plan, found }: FoundPlan, quiet: boolean, again: string | undefined): RunResult {
  process.stdout.write(planSummary(plan, found))
  const lines: string[] = []
  const flush = (): void => void process.stdout.write(lines.splice(0).join(""))
  const run = runPlan(plan, quiet ? undefined : (line) => {
    if (lines.push(`${line}\n`) >= linesAtOnce) flush()
  })
  flush()
  process.stdout.write(outcomeText(run, again))
  return run
}

const linesAtOnce = 200

async function shrink(source: PlanSource, { quiet, promote }: { readonly quiet: boolean; readonly promote: Promotion | undefined }): Promise<number> {
  const file = promote === undefined ? undefined : `${seedsFolder}${promote.name}.json`
  if (file !== undefined && existsSync(file)) throw new Refused(`${file} is there already: choose another name`)
  const { plan } = planFrom(source)
  const law = runPlan(plan).failure?.law
  if (law === undefined) throw new Refused("this plan breaks no law: there is nothing to shrink")
  const smallest = await smallestOf(plan, law)
  process.stdout.write(`${planText(smallest)}\n`)
  show({ plan: smallest, found: undefined }, quiet, undefined)
  if (promote !== undefined && file !== undefined) {
    mkdirSync(seedsFolder, { recursive: true })
    writeFileSync(file, promotedText({ found: promote.found, law, plan: smallest }), { flag: "wx" })
    say(`kept as ${file}`)
  }
  return 1
}

async function smallestOf(plan: Plan, law: string): Promise<Plan> {
  let interrupted = false
  const interrupt = (): void => void (interrupted = true)
  process.once("SIGINT", interrupt)
  let smallest = plan
  let said = performance.now()
  let tries = 0
  for (const step of shrinking(plan, (smaller) => runPlan(smaller).failure?.law === law)) {
    ;({ plan: smallest, tries } = step)
    if (performance.now() - said > 1_000) {
      say(shrinkText(smallest, tries))
      said = performance.now()
      // Lets a signal in: a run keeps everything else waiting.
      await setImmediate()
    }
    if (interrupted) break
  }
  process.removeListener("SIGINT", interrupt)
  say(`${law}: ${shrinkText(smallest, tries)}${interrupted ? ", interrupted" : ""}`)
  return smallest
}

function shrinkText({ actions, readers, publishers, faults }: Plan, tries: number): string {
  const parts = [count(actions.length, "action"), count(readers.length, "reader"), count(publishers.length, "publisher")]
  return `${parts.join(", ")}, ${count(faults.length, "kind of fault", "kinds of fault")} after ${grouped(tries)} tries`
}

interface FoundPlan {
  readonly plan: Plan
  /** Of a promoted seed. */
  readonly found: string | undefined
}

function planFrom(source: PlanSource): FoundPlan {
  if (source.type === "seed") return { plan: planOf(source.seed), found: undefined }
  const { path } = source
  const outcome = readPlanFile(textOf(path))
  if (outcome.type === "refused") throw new Refused(`${path} holds no plan: ${outcome.because}`)
  return { plan: outcome.plan, found: outcome.type === "promoted" ? outcome.found : undefined }
}

function textOf(path: string): string {
  if (!existsSync(path)) throw new Refused(`${path} is not there: name a file with a plan in it`)
  try {
    if (!statSync(path).isDirectory()) return readFileSync(path, "utf8")
  } catch (error) {
    throw new Refused(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
  throw new Refused(`${path} is a folder: name a file with a plan in it`)
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

// Whoever reads may have read enough.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error
  process.exit(process.exitCode ?? 0)
})

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof Refused)) throw error
  say(`sim: ${error.message}`)
  process.exitCode = 2
}
