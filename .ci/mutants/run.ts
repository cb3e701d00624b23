// Breaks the code on purpose, mutant by mutant (`table.ts`), and runs the tests that must notice. Ends with exit code 0
// if every mutant was caught by a failing test, and every line it needs was there.
//
//   npm run mutants                     all of them
//   npm run mutants -- --law L4         those of one law
//   npm run mutants -- --in log-sqlite  those of files with this in their path
//   npm run mutants -- --list           what there is, without running it
//   npm run mutants -- --json           results as JSON on standard output

import { spawn } from "node:child_process"
import { existsSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import type { Mutant } from "./mutant.ts"
import { mutants } from "./table.ts"
import { broken } from "./break-line.ts"
import { WorkCopy } from "./work-copy.ts"

/** A mutant that loops is caught too: nothing unbroken takes this long. */
const runMs = 180_000

type Verdict =
  /** Tests failed; `by` names the first. */
  | { readonly verdict: "caught"; readonly by: string }
  /** Nobody noticed. */
  | { readonly verdict: "survived" }
  /** The line is not in the file, or more than once. */
  | { readonly verdict: "stale"; readonly because: string }
  /** The broken code did not load: that proves nothing. */
  | { readonly verdict: "invalid"; readonly because: string }

type Result = Verdict & { readonly mutant: Mutant; readonly seconds: number }

const { values } = parseArgs({ options: { law: { type: "string" }, in: { type: "string" }, list: { type: "boolean" }, json: { type: "boolean" } } })
const chosen = mutants.filter(({ law, file }) => (values.law ?? law) === law && file.includes(values.in ?? ""))

if (chosen.length === 0) {
  console.error("There is no such mutant.")
  process.exitCode = 2
} else if (values.list === true) {
  console.log(values.json === true ? JSON.stringify(chosen, undefined, 2) : chosen.map(describe).join("\n"))
} else {
  process.exitCode = await run()
}

async function run(): Promise<number> {
  const copy = new WorkCopy(fileURLToPath(new URL("../../..", import.meta.url)))
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => {
      copy.remove()
      process.exit(1)
    })
  }
  try {
    const tests = [...new Set(chosen.flatMap((mutant) => mutant.tests))]
    const before = await runTests(copy, tests)
    if (before.verdict !== "survived") {
      console.error(`The tests fail before anything is broken: ${JSON.stringify(before)}`)
      return 2
    }
    const results: Result[] = []
    for (const mutant of chosen) {
      const startedAt = performance.now()
      const result = { ...(await tryOne(copy, mutant)), mutant, seconds: Math.round((performance.now() - startedAt) / 100) / 10 }
      results.push(result)
      if (values.json !== true) console.log(report(result))
    }
    const caught = results.filter(({ verdict }) => verdict === "caught").length
    if (values.json === true) console.log(JSON.stringify(results, undefined, 2))
    else console.log(`${caught} of ${results.length} mutants caught`)
    return caught === results.length ? 0 : 1
  } finally {
    copy.remove()
  }
}

async function tryOne(copy: WorkCopy, mutant: Mutant): Promise<Verdict> {
  const missing = [mutant.file, ...mutant.tests].find((path) => !existsSync(join(copy.folder, path)))
  if (missing !== undefined) return { verdict: "stale", because: `${missing} is not there` }
  const whole = copy.read(mutant.file)
  const outcome = broken(whole, mutant.line, mutant.instead)
  if (outcome.type === "stale") return { verdict: "stale", because: outcome.because }
  copy.write(mutant.file, outcome.text)
  try {
    return await runTests(copy, mutant.tests)
  } finally {
    copy.write(mutant.file, whole)
  }
}

interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly message?: string
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[]
  }[]
}

async function runTests(copy: WorkCopy, tests: readonly string[]): Promise<Verdict> {
  const file = join(copy.folder, "report.json")
  rmSync(file, { force: true })
  const vitest = join(copy.folder, "node_modules/vitest/vitest.mjs")
  const ended = await spawned([vitest, "run", "--bail=1", "--reporter=json", `--outputFile.json=${file}`, ...tests], copy.folder)
  if (ended === "late") return { verdict: "caught", by: `no end within ${runMs / 1_000} s` }
  if (!existsSync(file)) return { verdict: "invalid", because: "vitest wrote no report" }
  const { testResults }: Report = JSON.parse(readFileSync(file, "utf8"))
  const failed = testResults.flatMap(({ assertionResults }) => assertionResults.filter(({ status }) => status === "failed"))[0]
  if (failed !== undefined) return { verdict: "caught", by: failed.fullName }
  const unloaded = testResults.find(({ status }) => status === "failed")
  if (unloaded !== undefined) return { verdict: "invalid", because: unloaded.message ?? `${unloaded.name} did not load` }
  if (testResults.length === 0) return { verdict: "invalid", because: "no test was run" }
  return ended === 0 ? { verdict: "survived" } : { verdict: "invalid", because: `vitest ended with ${ended} and no failed test` }
}

/** The exit code, or `late` after ending the whole process group. */
function spawned(args: readonly string[], cwd: string): Promise<number | "late"> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd, detached: true, stdio: "ignore", env: { ...process.env, CI: "true" } })
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

function describe({ law, breaks, file }: Mutant): string {
  return `${law.padEnd(4)} ${breaks} (${file})`
}

function report(result: Result): string {
  const word = result.verdict === "caught" ? "caught  " : result.verdict.toUpperCase().padEnd(8)
  const detail = result.verdict === "caught" ? `\n         by: ${result.by}` : ""
  const because = result.verdict === "stale" || result.verdict === "invalid" ? `\n         because: ${result.because}` : ""
  return `${word} ${describe(result.mutant)} ${result.seconds} s${detail}${because}`
}
