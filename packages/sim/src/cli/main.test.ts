// The command line as a person and a script meet it: the built program in a process of its own.

import { execFile, spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, expect, test } from "vitest"
import { planOf } from "../campaign/plan.ts"
import { promotedText } from "./plan-file.ts"

const program = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url))
let folder = ""
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), "tidemark-sim-"))))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function sim(...words: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...words], { maxBuffer: 100_000_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr })
    })
  })
}

test("a seed gives the same bytes on standard output every time, and its trace is left out when that is asked", async () => {
  const [first, again, quiet] = await Promise.all([sim("--seed", "3"), sim("--seed", "3"), sim("--seed", "3", "--quiet")])
  expect([first.code, again.stdout === first.stdout]).toEqual([0, true])
  expect(first.stdout).toMatch(/^seed 3: [^]*—— {5}heal[^]*\nevery law held: [\d,]+ steps, [\d.]+ s of simulated time, \d+ events?\n$/)
  expect(quiet.stdout).not.toContain("heal")
  expect(first.stderr).toMatch(/^[\d,]+ steps in \d+ ms\n$/)
})

test("a campaign gives the same report with any number of workers", async () => {
  const words = ["--seeds", "24", "--from", "7"]
  const [one, three, text] = await Promise.all([sim(...words, "--workers", "1", "--json"), sim(...words, "--workers", "3", "--json"), sim(...words)])
  expect([one.code, three.stdout === one.stdout]).toEqual([0, true])
  expect(JSON.parse(one.stdout)).toMatchObject({ seeds: { from: 7, asked: 24 }, runs: 24, failed: 0, failures: [] })
  expect(text.stdout).toMatch(/^24 runs, seeds 7 to 30: every law held\n/)
  expect(one.stderr).toMatch(/24 of 24 runs in [\d.]+ s: [\d,]+ runs and [\d,]+ steps a second, no failure\n$/)
})

test("a budget ends a campaign of fresh seeds, which says how many it ran", async () => {
  const { code, stdout, stderr } = await sim("--seeds", "1000000", "--fresh", "--budget", "1s", "--workers", "1")
  // A fresh seed that fails is named there.
  expect([code, stderr.includes("the budget of 1 s is spent: no further run is started\n")], stderr).toEqual([0, true])
  expect(stdout).toMatch(/^[\d,]+ of 1,000,000 runs, fresh seeds: every law held\n/)
})

test("coverage that is demanded and missing is a failure that names what was never met", async () => {
  const { code, stderr } = await sim("--seeds", "1", "--demand-coverage")
  expect(code).toBe(1)
  expect(stderr).toMatch(/sim: coverage was demanded, and these were never met: [a-z]+\/\S+, .+\n$/)
})

test("a plan in a file runs as its seed does, and what is no plan is not run", async () => {
  const [right, flood] = [join(folder, "plan.json"), join(folder, "wrong.json")]
  writeFileSync(right, JSON.stringify(planOf(4)))
  writeFileSync(flood, JSON.stringify({ ...planOf(4), faults: ["flood"] }))
  const [seed, file, wrong, away] = await Promise.all([sim("--seed", "4"), ...[right, flood, "nowhere.json"].map((path) => sim("--plan", path))])
  expect(file?.stdout).toBe(seed.stdout)
  expect([wrong?.code, wrong?.stderr]).toEqual([2, `sim: ${flood} holds no plan: faults[0] is a kind of fault, and "flood" is none\n`])
  expect([away?.code, away?.stderr]).toEqual([2, "sim: nowhere.json is not there: name a file with a plan in it\n"])
  const aFolder = await sim("--plan", folder)
  expect([aFolder.code, aFolder.stdout, aFolder.stderr]).toEqual([2, "", `sim: ${folder} is a folder: name a file with a plan in it\n`])
})

test("a promoted seed is shown with what was found with it, and is the same run", async () => {
  const path = join(folder, "promoted.json")
  writeFileSync(path, promotedText({ found: "A reader was forgotten.", law: "L8", plan: planOf(4) }))
  const [seed, promoted] = await Promise.all([sim("--seed", "4", "--quiet"), sim("--plan", path, "--quiet")])
  expect(promoted.stdout).toContain("\n  found        A reader was forgotten.\n  faults ")
  expect(promoted.stdout.replace(/  found .*\n/, "")).toBe(seed.stdout)
})

test("a law that is broken is exit code 1, and the plan shrinks to what breaks it", async () => {
  // An answer that is on its way for a day: nobody is at the head when the world has long been well.
  const actions = [{ at: 1, do: "create", node: 0, session: 0 }, { at: 2, do: "publish", publisher: 0, lines: 40 }]
  const slow = { ...planOf(4, 12), nodes: 1, faults: [], latencyMs: 86_400_000, actions }
  writeFileSync(join(folder, "slow.json"), JSON.stringify(slow))
  const words = ["--plan", join(folder, "slow.json")]
  const [run, json, shrunk] = await Promise.all([sim(...words, "--quiet"), sim(...words, "--json"), sim(...words, "--shrink", "--quiet")])
  expect([run.code, json.code, shrunk.code]).toEqual([1, 1, 1])
  expect(run.stdout).toMatch(new RegExp(`\nliveness: .*\n.*\n  again    npm run sim -- --plan \\S+\n  smaller  npm run sim -- --plan \\S+ --shrink\n$`))
  expect(JSON.parse(json.stdout)).toMatchObject({ runs: 1, failed: 1, failures: [{ seed: 4, law: "liveness" }] })
  const smallest = JSON.parse(shrunk.stdout.slice(0, shrunk.stdout.indexOf("\n}\n") + 2))
  expect(smallest).toMatchObject({ seed: 4, sessions: 1, splits: 0 })
  expect(smallest.readers.length + smallest.publishers.length).toBe(1)
  expect(smallest.latencyMs).toBeLessThan(86_400_000)
  expect(shrunk.stdout).toMatch(/\nliveness: /)
})

test("an interrupt ends a campaign with the report of what it has, and exit code 130", async () => {
  const child = spawn(process.execPath, [program, "--seeds", "1000000", "--workers", "1", "--json"], { stdio: ["ignore", "pipe", "pipe"] })
  const [out, err]: [Buffer[], Buffer[]] = [[], []]
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk))
  child.stderr.on("data", (chunk: Buffer) => {
    // The first line of progress: there is something to report by then.
    if (err.push(chunk) === 1) child.kill("SIGINT")
  })
  const code = await new Promise((resolve) => child.once("close", resolve))
  const { runs, seeds, interrupted } = JSON.parse(Buffer.concat(out).toString("utf8"))
  expect([code, seeds, runs > 0, interrupted]).toEqual([130, { from: 1, asked: 1_000_000 }, true, true])
  expect(Buffer.concat(err).toString("utf8")).toContain("interrupted: no further run is started\n")
})

test("help is no failure, and what cannot be followed is exit code 2", async () => {
  const [help, wrong, nothing] = await Promise.all([sim(), sim("--seed", "x"), sim("--seed", "3", "--shrink")])
  expect([help.code, help.stdout.startsWith("npm run sim -- --seed N")]).toEqual([0, true])
  expect([wrong.code, wrong.stdout, wrong.stderr]).toEqual([2, "", "sim: --seed is a whole number from 0 to 2147483647, not x\n"])
  expect([nothing.code, nothing.stdout, nothing.stderr]).toEqual([2, "", "sim: this plan breaks no law: there is nothing to shrink\n"])
})
