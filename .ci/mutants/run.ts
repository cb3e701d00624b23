// Breaks the code on purpose, mutant by mutant (`table.ts`), and runs the tests that must notice. Ends with exit code 0
// if every mutant was caught by a failing test, and every line it needs was there.
//
//   npm run mutants                     all of them
//   npm run mutants -- --law L4         those of one law
//   npm run mutants -- --in log-sqlite  those of files with this in their path
//   npm run mutants -- --list           what there is, without running it
//   npm run mutants -- --json           results as JSON on standard output
//   npm run mutants -- --by sim         what the simulator alone notices: kept runs, and seeds 1–150 (`--seeds 500`: more)
//
// `--by sim` is a report and no gate: much of what tests hold is about answers that a simulated world never asks for.

import { spawn } from "node:child_process"
import { existsSync, readFileSync, rmSync } from "node:fs"
import { join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import type { Mutant } from "./mutant.ts"
import { mutants } from "./table.ts"
import { broken } from "./break-line.ts"
import { WorkCopy } from "./work-copy.ts"

/** A mutant that loops is caught too: nothing unbroken takes this long. */
const runMs = 180_000

type Verdict =
  /** Tests failed; `killer` is the first. */
  | { readonly verdict: "caught"; readonly killer: Killer }
  /** Nobody noticed. */
  | { readonly verdict: "survived" }
  /** The line is not in the file, or more than once. */
  | { readonly verdict: "stale"; readonly because: string }
  /** The broken code did not load: that proves nothing. */
  | { readonly verdict: "invalid"; readonly because: string }

interface Killer {
  /** The test file; `null` where the run was ended because it took too long. */
  readonly file: string | null
  readonly test: string
  /** What it said, in its first line. */
  readonly said: string
}

/** A mutant, where it stands. */
interface Placed {
  readonly law: string
  readonly breaks: string
  readonly file: string
  /** From 1; `null` where the mutant is stale. */
  readonly line: number | null
  readonly stands: string
  readonly instead: string
  readonly tests: readonly string[]
}

type Result = Placed & { readonly seconds: number } & Verdict

/** What is copied into the work copy as a test of the simulator, and what of the code a simulated world runs. */
const campaign = ".ci/mutants/campaign.ts"
const campaignTest = "packages/sim/src/campaign-of-mutants.test.ts"
const simulated = /^packages\/(kernel|protocol|driver|client)\//

const root = fileURLToPath(new URL("../../..", import.meta.url))
const flag = { type: "boolean" } as const
const text = { type: "string" } as const
const { values } = parseArgs({ options: { law: text, in: text, by: text, seeds: text, list: flag, json: flag } })
const bySim = values.by === "sim"
const chosen = mutants.filter(({ law, file }) => (values.law ?? law) === law && file.includes(values.in ?? "") && (!bySim || simulated.test(file)))

if (values.by !== undefined && values.by !== "sim") {
  console.error("--by is followed by sim, or left out: then each mutant's own tests are run.")
  process.exitCode = 2
} else if (values.seeds !== undefined && !(bySim && /^[1-9]\d{0,5}$/.test(values.seeds))) {
  console.error("--seeds is followed by how many seeds are run, from 1 to 999999, and goes with --by sim.")
  process.exitCode = 2
} else if (chosen.length === 0) {
  console.error("There is no such mutant.")
  process.exitCode = 2
} else if (values.list === true) {
  const listed = chosen.map((mutant) => placed(mutant, existsSync(join(root, mutant.file)) ? readFileSync(join(root, mutant.file), "utf8") : ""))
  console.log(values.json === true ? JSON.stringify(listed, undefined, 2) : listed.map(describe).join("\n"))
} else {
  process.exitCode = await run()
}

async function run(): Promise<number> {
  const copy = new WorkCopy(root)
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => {
      copy.remove()
      process.exit(1)
    })
  }
  try {
    if (bySim) copy.write(campaignTest, copy.read(campaign))
    const before = await runTests(copy, [...new Set(chosen.flatMap(testsOf))])
    if (before.verdict !== "survived") {
      console.error(`The tests fail before anything is broken: ${JSON.stringify(before)}`)
      return 2
    }
    const results: Result[] = []
    for (const mutant of chosen) {
      const startedAt = performance.now()
      const verdict = await tryOne(copy, mutant)
      const seconds = Math.round((performance.now() - startedAt) / 100) / 10
      const result = { ...placed(mutant, existsSync(join(copy.folder, mutant.file)) ? copy.read(mutant.file) : ""), seconds, ...verdict }
      results.push(result)
      if (values.json !== true) console.log(report(result))
    }
    const caught = results.filter(({ verdict }) => verdict === "caught").length
    if (values.json === true) console.log(JSON.stringify(results, undefined, 2))
    else console.log(`${caught} of ${results.length} mutants caught${bySim ? " by simulation alone" : ""}`)
    return caught === results.length || (bySim && results.every(({ verdict }) => verdict === "caught" || verdict === "survived")) ? 0 : 1
  } finally {
    copy.remove()
  }
}

function testsOf(mutant: Mutant): readonly string[] {
  return bySim ? [campaignTest] : mutant.tests
}

function placed({ law, breaks, file, line: stands, instead, tests }: Mutant, source: string): Placed {
  const outcome = broken(source, stands, instead)
  return { law, breaks, file, line: outcome.type === "broken" ? outcome.line : null, stands, instead, tests }
}

async function tryOne(copy: WorkCopy, mutant: Mutant): Promise<Verdict> {
  const missing = [mutant.file, ...mutant.tests].find((path) => !existsSync(join(copy.folder, path)))
  if (missing !== undefined) return { verdict: "stale", because: `${missing} is not there` }
  const whole = copy.read(mutant.file)
  const outcome = broken(whole, mutant.line, mutant.instead)
  if (outcome.type === "stale") return { verdict: "stale", because: outcome.because }
  copy.write(mutant.file, outcome.text)
  try {
    return await runTests(copy, testsOf(mutant))
  } finally {
    copy.write(mutant.file, whole)
  }
}

interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly message?: string
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string; readonly failureMessages?: readonly string[] }[]
  }[]
}

async function runTests(copy: WorkCopy, tests: readonly string[]): Promise<Verdict> {
  const file = join(copy.folder, "report.json")
  rmSync(file, { force: true })
  const vitest = join(copy.folder, "node_modules/vitest/vitest.mjs")
  const ended = await spawned([vitest, "run", "--bail=1", "--reporter=json", `--outputFile.json=${file}`, ...tests], copy.folder)
  if (ended === "late") return { verdict: "caught", killer: { file: null, test: `no end within ${runMs / 1_000} s`, said: "" } }
  if (!existsSync(file)) return { verdict: "invalid", because: "vitest wrote no report" }
  const { testResults }: Report = JSON.parse(readFileSync(file, "utf8"))
  for (const { name, assertionResults } of testResults) {
    const failed = assertionResults.find(({ status }) => status === "failed")
    if (failed === undefined) continue
    const said = failed.failureMessages?.[0]?.split("\n")[0]?.replace(/^(Assertion)?Error: /, "") ?? ""
    return { verdict: "caught", killer: { file: relative(copy.folder, name), test: failed.fullName, said } }
  }
  const unloaded = testResults.find(({ status }) => status === "failed")
  if (unloaded !== undefined) return { verdict: "invalid", because: unloaded.message ?? `${unloaded.name} did not load` }
  if (testResults.length === 0) return { verdict: "invalid", because: "no test was run" }
  return ended === 0 ? { verdict: "survived" } : { verdict: "invalid", because: `vitest ended with ${ended} and no failed test` }
}

/** The exit code, or `late` after ending the whole process group. */
function spawned(args: readonly string[], cwd: string): Promise<number | "late"> {
  return new Promise((resolve) => {
    const env = { ...process.env, CI: "true", TIDEMARK_SEEDS: values.seeds ?? "150" }
    const child = spawn(process.execPath, args, { cwd, detached: true, stdio: "ignore", env })
    let late = false
    const timer = setTimeout(() => {
      late = true
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL")
    }, runMs)
    child.once("close", (code) => {
      clearTimeout(timer)
      resolve(late ? "late" : (code ?? -1))
    })
  })
}

function describe({ law, breaks, file, line }: Placed): string {
  return `${law.padEnd(4)} ${breaks} (${file}${line === null ? "" : `:${line}`})`
}

function report(result: Result): string {
  const word = result.verdict === "caught" ? "caught  " : result.verdict.toUpperCase().padEnd(8)
  const said = result.verdict === "caught" && bySim ? `\n         ${result.killer.said}` : ""
  const detail = result.verdict === "caught" ? `\n         by: ${result.killer.test}${said}` : ""
  const because = result.verdict === "stale" || result.verdict === "invalid" ? `\n         because: ${result.because}` : ""
  return `${word} ${describe(result)} ${result.seconds} s${detail}${because}`
}
