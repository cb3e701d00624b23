// The command line of the simulator: read once into one value, every mistake refused with a sentence that says what to do. Pure.

/** Where the plan of one run comes from. */
export type PlanSource = { readonly type: "seed"; readonly seed: number } | { readonly type: "file"; readonly path: string }

export interface CampaignOptions {
  readonly asked: number
  /** The first seed; `fresh`: each is drawn anew. */
  readonly from: number | "fresh"
  /** `undefined`: one a core. */
  readonly workers: number | undefined
  readonly budgetMs: number | undefined
  readonly demandCoverage: boolean
  readonly json: boolean
}

export type OptionsOutcome =
  | { readonly type: "run"; readonly source: PlanSource; readonly quiet: boolean; readonly json: boolean }
  | { readonly type: "shrink"; readonly source: PlanSource; readonly quiet: boolean; readonly promote: Promotion | undefined }
  | { readonly type: "campaign"; readonly options: CampaignOptions }
  | { readonly type: "help" }
  | { readonly type: "refused"; readonly because: string }

export interface Promotion {
  /** Of the file, without its ending. */
  readonly name: string
  /** What was wrong, as one sentence. */
  readonly found: string
}

export const help = `npm run sim -- --seed N       one run: its plan, its trace, and what came of it
npm run sim -- --seeds N      a campaign: the runs of N seeds, on every core

  --from S           the campaign's first seed (1)
  --fresh            seeds drawn anew instead; each that fails is named
  --workers N        threads (one a core); the report is the same with any number of them
  --budget TIME      start no further run after this time: 60s, 10m, 2h
  --demand-coverage  fail when a kind of fault, a gap reason or an outcome was never met
  --plan FILE        one run of the plan in this file: a promoted seed, or a plan alone
  --shrink           with --seed or --plan: the smallest plan found that breaks the same law
  --promote NAME     with --shrink: keep that plan as packages/sim/seeds/NAME.json, where npm test runs it from then on
  --found SENTENCE   with --promote: what was wrong
  --quiet            without the trace
  --json             one JSON object on standard output instead; take it with npm run --silent sim
  --help             this

A run is the real kernel, driver, protocol and client over a clock, a network and a log that are made up, with the faults of
its plan, and every law judged at every step. Its plan comes from its seed, and so does everything in it: the same seed gives
the same trace, byte for byte, on every machine. Figures of the real clock go to standard error, with the progress. Ctrl-C
ends a campaign, or a shrinking, with what it has; a second one ends a campaign at once. Exit codes: 0 every law held, 1 one
did not or coverage was demanded and is missing, 2 the command line cannot be followed, 130 a campaign was interrupted and
every law had held until then ("interrupted" in the JSON).
`

type Valued = "seed" | "seeds" | "from" | "workers" | "budget" | "plan" | "promote" | "found"
type Plain = "fresh" | "demand-coverage" | "shrink" | "quiet" | "json" | "help"
type Flag = Valued | Plain

const valued: ReadonlySet<string> = new Set<Valued>(["seed", "seeds", "from", "workers", "budget", "plan", "promote", "found"])
const plain: ReadonlySet<string> = new Set<Plain>(["fresh", "demand-coverage", "shrink", "quiet", "json", "help"])

export const seedMost = 2 ** 31 - 1
const runsMost = 100_000_000
const workersMost = 256
const budgetMsMost = 7 * 86_400_000

export function readOptions(words: readonly string[]): OptionsOutcome {
  const given = new Map<string, string>()
  for (let i = 0; i < words.length; i++) {
    const [, name = "", inline] = /^--([a-z-]+)(?:=(.*))?$/s.exec(words[i] ?? "") ?? []
    if (given.has(name)) return refused(`--${name} is given twice; give it once`)
    if (plain.has(name) && inline === undefined) {
      given.set(name, "")
      continue
    }
    if (!valued.has(name)) return refused(`${words[i]} is no flag of the simulator: see --help`)
    const value = inline ?? words[(i += 1)]
    if (value === undefined || value === "") return refused(`--${name} needs a value: see --help`)
    given.set(name, value)
  }
  if (given.size === 0 || given.has("help")) return { type: "help" }
  return checked(given)
}

function checked(given: ReadonlyMap<string, string>): OptionsOutcome {
  const sources = (["seed", "seeds", "plan"] as const).filter((name) => given.has(name))
  const [source, other] = sources
  if (source === undefined) return refused("say what to run: --seed N, --seeds N or --plan FILE")
  if (other !== undefined) return refused(`--${source} and --${other} exclude each other`)
  const meant = source === "seeds" ? ofCampaigns : given.has("shrink") ? ofShrinking : ofRuns
  const stray = [...given.keys()].find((name) => !meant.has(name))
  if (stray !== undefined) return refused(`--${stray} does not go with ${given.has("shrink") && source !== "seeds" ? "--shrink" : `--${source}`}: see --help`)
  return source === "seeds" ? campaign(given) : one(given)
}

const ofRuns: ReadonlySet<string> = new Set<Flag>(["seed", "plan", "quiet", "json"])
const ofShrinking: ReadonlySet<string> = new Set<Flag>(["seed", "plan", "quiet", "shrink", "promote", "found"])
const ofCampaigns: ReadonlySet<string> = new Set<Flag>(["seeds", "from", "fresh", "workers", "budget", "demand-coverage", "json"])

function one(given: ReadonlyMap<string, string>): OptionsOutcome {
  const path = given.get("plan")
  const seed = whole(given.get("seed"), 0, seedMost)
  if (path === undefined && seed === undefined) return refused(`--seed is a whole number from 0 to ${seedMost}, not ${given.get("seed")}`)
  const source: PlanSource = path === undefined ? { type: "seed", seed: seed ?? 0 } : { type: "file", path }
  const quiet = given.has("quiet")
  if (!given.has("shrink")) return { type: "run", source, quiet, json: given.has("json") }
  const [name, found] = [given.get("promote"), given.get("found")]
  if (name === undefined && found === undefined) return { type: "shrink", source, quiet, promote: undefined }
  if (name === undefined || found === undefined) return refused("--promote NAME and --found SENTENCE go together: a plan is kept with what was wrong")
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) || name.length > 80) {
    return refused(`--promote names a file: up to 80 lower-case letters and digits, with hyphens between words, not ${name}`)
  }
  return { type: "shrink", source, quiet, promote: { name, found } }
}

function campaign(given: ReadonlyMap<string, string>): OptionsOutcome {
  const [seedsText, fromText, workersText, budgetText] = [given.get("seeds"), given.get("from"), given.get("workers"), given.get("budget")]
  const asked = whole(seedsText, 1, runsMost)
  if (asked === undefined) return refused(`--seeds is a whole number from 1 to ${runsMost}, not ${seedsText}`)
  const fresh = given.has("fresh")
  if (fresh && fromText !== undefined) return refused("--from and --fresh exclude each other: seeds in a row, or drawn anew")
  const from = fromText === undefined ? 1 : whole(fromText, 0, seedMost)
  if (from === undefined) return refused(`--from is a whole number from 0 to ${seedMost}, not ${fromText}`)
  if (from + asked - 1 > seedMost) return refused(`the last seed would be ${from + asked - 1}, and ${seedMost} is the last there is`)
  const workers = workersText === undefined ? undefined : whole(workersText, 1, workersMost)
  if (workersText !== undefined && workers === undefined) return refused(`--workers is a whole number from 1 to ${workersMost}, not ${workersText}`)
  const budgetMs = budgetText === undefined ? undefined : duration(budgetText)
  if (budgetText !== undefined && budgetMs === undefined) return refused(`--budget is a time up to a week, as 60s, 10m or 2h, not ${budgetText}`)
  const options = { asked, from: fresh ? ("fresh" as const) : from, workers, budgetMs, demandCoverage: given.has("demand-coverage"), json: given.has("json") }
  return { type: "campaign", options }
}

function whole(text: string | undefined, least: number, most: number): number | undefined {
  if (text === undefined || !/^\d{1,15}$/.test(text)) return undefined
  const number = Number(text)
  return number >= least && number <= most ? number : undefined
}

const units: ReadonlyMap<string, number> = new Map([["s", 1_000], ["m", 60_000], ["h", 3_600_000]])

function duration(text: string): number | undefined {
  const [, number, unit = ""] = /^(\d{1,9})([smh])$/.exec(text) ?? []
  const ms = Number(number) * (units.get(unit) ?? 0)
  return ms > 0 && ms <= budgetMsMost ? ms : undefined
}

function refused(because: string): OptionsOutcome {
  return { type: "refused", because }
}
