// `npm run bench`. Exit codes: 0 when every run was valid, 1 when one was not, 2 when the command line cannot be followed.

import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, resolve } from "node:path"
import { runAll } from "./bench.ts"
import { canMeasure, machine, pinning, pinSelf } from "./machine/machine.ts"
import { help, readOptions, type BenchOptions } from "./options.ts"
import { renderPicture } from "./report/picture.ts"
import { judged } from "./report/reach.ts"
import { invalidRuns, type Results } from "./report/results.ts"
import { renderTable } from "./report/table.ts"
import type { Scenario } from "./scenario.ts"
import { scenarioList } from "./scenario-list.ts"
import { findColumns, type Column } from "./servers/columns.ts"
import { fullSizes, quickSizes } from "./sizes.ts"

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

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
    case "list":
      for (const { name, title } of scenarioList(findColumns(undefined).columns, fullSizes)) process.stdout.write(`${name.padEnd(20)}${title}\n`)
      return 0
    case "bench":
      return show(outcome.options, outcome.options.from === undefined ? await measure(outcome.options) : readResults(outcome.options.from))
  }
}

async function measure(options: BenchOptions): Promise<Results> {
  for (const file of [options.json, options.picture]) mustBeWritable(file)
  if (!canMeasure()) throw new Refused("CPU time and memory of the servers are read from /proc: run the bench on Linux")
  const { quick, runs, plant, profile } = options
  const sizes = quick ? quickSizes : fullSizes
  const found = findColumns(options.peers)
  const scenarios = chosen(options, scenarioList(found.columns, sizes), found.columns)
  const pins = pinning()
  const data = options.data ?? tmpdir()
  if (!existsSync(data)) throw new Refused(`--data ${data} is not there: make that folder, or name another`)
  const described = machine(data, pins)
  pinSelf(pins)
  const inMemory = described.filesystem === "tmpfs" ? ["SQLite's files are on a tmpfs, where a sync costs nothing: name a folder on a disk with --data"] : []
  const remarks = [...found.missing, ...inMemory]
  for (const sentence of [pins.words, ...remarks]) say(sentence)
  const plan = { scenarios, runs, sizes, pins, data, fault: plant, profiles: profile === undefined ? undefined : resolve(profile), progress: say }
  const { scenarios: results, missing } = await runAll(plan)
  const { version: release }: { version: string } = createRequire(import.meta.url)("tidemark/package.json")
  return {
    version: 1,
    release,
    measuredAt: new Date().toISOString(),
    machine: described,
    quick,
    runs,
    missing: [...remarks, ...missing],
    scenarios: results,
  }
}

/** Before half an hour has gone, not after it. */
function mustBeWritable(file: string | undefined): void {
  if (file === undefined || file === "-") return
  const folder = dirname(resolve(file))
  if (!existsSync(folder)) throw new Refused(`${file} cannot be written: make the folder ${folder}, or name another file`)
}

/** What was asked for, in the order of the list. */
function chosen({ scenarios, columns, quick }: BenchOptions, all: readonly Scenario[], found: readonly Column[]): Scenario[] {
  const names = all.map(({ name }) => name)
  const subjects = new Set([...found.map(({ name }) => name), ...all.flatMap((each) => each.subjects.map(({ name }) => name))])
  for (const name of scenarios) if (!names.includes(name)) throw new Refused(`there is no scenario ${name}: see --list`)
  for (const name of columns) if (!subjects.has(name)) throw new Refused(`there is no column ${name}: it is one of ${[...subjects].join(", ")}`)
  const wanted = scenarios.length === 0 ? all.filter(({ inQuick }) => inQuick || !quick) : all.filter(({ name }) => scenarios.includes(name))
  if (columns.length === 0) return wanted
  const narrowed = wanted
    .map((scenario) => ({ ...scenario, subjects: scenario.subjects.filter(({ name }) => columns.includes(name)) }))
    .filter((scenario) => scenario.subjects.length > 0)
  if (narrowed.length === 0) {
    const there = [...new Set(wanted.flatMap((each) => each.subjects.map(({ name }) => name)))].join(", ")
    throw new Refused(`none of these scenarios has a column ${columns.join(" or ")}: theirs are ${there}`)
  }
  return narrowed
}

function readResults(file: string): Results {
  const none = new Refused(`${file} does not hold results of this bench: name a file that --json wrote`)
  if (!existsSync(file)) throw new Refused(`${file} is not there: name a file that --json wrote`)
  try {
    const results: Results = JSON.parse(readFileSync(file, "utf8"))
    // Everything that is shown is looked at here, so that what is no results is refused and not half shown.
    if (results.version === 1) renderTable(results, judged(results))
    else throw none
    return results
  } catch {
    throw none
  }
}

function show(options: BenchOptions, results: Results): number {
  const judgements = judged(results)
  const json = `${JSON.stringify({ ...results, reach: judgements }, undefined, 1)}\n`
  if (options.json === "-") process.stdout.write(json)
  else process.stdout.write(renderTable(results, judgements))
  if (options.json !== undefined && options.json !== "-") writeFileSync(options.json, json)
  if (options.picture !== undefined) writePicture(options.picture, results)
  const invalid = invalidRuns(results)
  for (const line of invalid) say(`invalid: ${line}`)
  return invalid.length === 0 ? 0 : 1
}

function writePicture(file: string, results: Results): void {
  if (results.quick) throw new Refused("a quick run's figures mean nothing, and no picture is drawn of them: run without --quick")
  const picture = renderPicture(results)
  const drawn = "saturated-1000, saturated-5000, one-at-a-time, sessions-1000"
  if (picture === undefined) throw new Refused(`these results hold nothing that the picture shows: run one of ${drawn}`)
  writeFileSync(file, picture)
}

process.setMaxListeners(0)
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(130))

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof Refused)) throw error
  say(`bench: ${error.message}`)
  process.exitCode = 2
}
