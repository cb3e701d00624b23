// The command line of the bench: read once into one value, every mistake refused with a sentence that says what to do. Pure.

import { faultKinds, parseFault, type FaultKind } from "./servers/fault.ts"

export interface BenchOptions {
  readonly quick: boolean
  /** Of each scenario and subject. */
  readonly runs: number
  /** Names; empty: all. */
  readonly scenarios: readonly string[]
  /** Names; empty: all. */
  readonly columns: readonly string[]
  /** A file, or `-` for standard output instead of the table. */
  readonly json: string | undefined
  readonly picture: string | undefined
  /** Results to draw or show instead of measuring anything. */
  readonly from: string | undefined
  /** A folder with peers in its `node_modules`. */
  readonly peers: string | undefined
  /** Where SQLite's files of the runs are made. */
  readonly data: string | undefined
  readonly plant: FaultKind | undefined
  /** A folder for the servers' CPU profiles. */
  readonly profile: string | undefined
}

export type OptionsOutcome =
  | { readonly type: "bench"; readonly options: BenchOptions }
  | { readonly type: "list" }
  | { readonly type: "help" }
  | { readonly type: "refused"; readonly because: string }

export const help = `npm run bench -- [flags]      every scenario; a table on standard output, progress on standard error

  --quick            small numbers: every delivery is checked, the figures mean nothing; half a minute
  --scenario NAME    only this one; may be repeated
  --column NAME      only this server (tidemark, plain, coalescing, …); may be repeated
  --runs N           runs of each, interleaved (3; with --quick 1)
  --json FILE        the results as JSON as well; - for standard output instead of the table
  --picture FILE     the results as an SVG
  --from FILE        measure nothing: show, or with --picture draw, the results in this JSON file
  --peers DIR        look for better-sse in the node_modules of this folder too
  --data DIR         where SQLite's files are made (the system's temporary folder)
  --profile DIR      a CPU profile of every Node server in this folder, and on standard error where its time went
  --plant KIND       plant a fault in the raw loops (${faultKinds.join(", ")}): the runs must come out invalid
  --list             the names of the scenarios
  --help             this

What is measured: the CPU time of the server's process (/proc), per delivery or request, from after the warm-up until the
last delivery arrived. Server and load are different processes, on different cores where taskset is there. Every delivery
is checked for order, loss and duplicates against what its publisher was acknowledged: one that is wrong makes its run
invalid and the exit code 1. Columns for an Effect stream per subscriber, better-sse, and nginx with Nchan (on the PATH,
or named by NGINX_PROGRAM and NCHAN_MODULE) appear where those are found installed. All of it takes half an hour on a
quiet machine, and figures of a busy one say little. Needs Linux, and a hard limit (\`ulimit -Hn\`) of 5,108 for the largest scenarios,
which are left out, with a word, where it is not.
`

type Valued = "scenario" | "column" | "runs" | "json" | "picture" | "from" | "peers" | "data" | "profile" | "plant"

const valued: ReadonlySet<string> = new Set<Valued>([
  ...(["scenario", "column", "runs", "json", "picture", "from", "peers", "data", "profile", "plant"] as const),
])
const plain: ReadonlySet<string> = new Set(["quick", "list", "help"])
const repeatable: ReadonlySet<string> = new Set<Valued>(["scenario", "column"])

export function readOptions(words: readonly string[]): OptionsOutcome {
  const given = new Map<string, string[]>()
  for (let i = 0; i < words.length; i++) {
    const [, name = "", inline] = /^--([a-z]+)(?:=(.*))?$/s.exec(words[i] ?? "") ?? []
    if (plain.has(name) && inline === undefined) {
      given.set(name, [])
      continue
    }
    if (!valued.has(name)) return refused(`${words[i]} is no flag of the bench: see --help`)
    const value = inline ?? words[(i += 1)]
    if (value === undefined || value === "") return refused(`--${name} needs a value: see --help`)
    if (given.has(name) && !repeatable.has(name)) return refused(`--${name} is given twice; give it once`)
    given.set(name, [...(given.get(name) ?? []), value])
  }
  if (given.has("help")) return { type: "help" }
  if (given.has("list")) return { type: "list" }
  return checked(given)
}

function checked(given: ReadonlyMap<string, readonly string[]>): OptionsOutcome {
  const one = (name: Valued): string | undefined => given.get(name)?.[0]
  const quick = given.has("quick")
  const runs = Number(one("runs") ?? (quick ? 1 : 3))
  if (!Number.isInteger(runs) || runs < 1 || runs > 1000) return refused(`--runs is a whole number from 1 to 1000, not ${one("runs")}`)
  const planted = one("plant")
  const plant = planted === undefined ? undefined : parseFault(planted)
  if (planted !== undefined && plant === undefined) return refused(`--plant is one of ${faultKinds.join(", ")}, not ${planted}`)
  const options: BenchOptions = {
    quick,
    runs,
    scenarios: given.get("scenario") ?? [],
    columns: given.get("column") ?? [],
    json: one("json"),
    picture: one("picture"),
    from: one("from"),
    peers: one("peers"),
    data: one("data"),
    plant,
    profile: one("profile"),
  }
  const measuring = [plant, options.profile, ...options.scenarios, ...options.columns].some((each) => each !== undefined)
  if (options.from !== undefined && (quick || measuring)) {
    return refused("--from shows what was measured before: leave out the flags that say what to measure")
  }
  return { type: "bench", options }
}

function refused(because: string): OptionsOutcome {
  return { type: "refused", because }
}
