import { expect, test } from "vitest"
import { help, readOptions } from "./options.ts"

const usual = { asked: 200, from: 1, workers: undefined, budgetMs: undefined, demandCoverage: false, json: false }

test("one run is of a seed or of a file", () => {
  expect(readOptions(["--seed", "7"])).toEqual({ type: "run", source: { type: "seed", seed: 7 }, quiet: false, json: false })
  expect(readOptions(["--seed=0", "--quiet", "--json"])).toEqual({ type: "run", source: { type: "seed", seed: 0 }, quiet: true, json: true })
  expect(readOptions(["--plan", "a.json"])).toEqual({ type: "run", source: { type: "file", path: "a.json" }, quiet: false, json: false })
})

test("a campaign is of seeds in a row, or of fresh ones", () => {
  expect(readOptions(["--seeds", "200"])).toEqual({ type: "campaign", options: usual })
  const flags = ["--from=0", "--workers", "2", "--budget", "10m", "--demand-coverage", "--json"]
  expect(readOptions(["--seeds", "200", ...flags])).toEqual({
    type: "campaign",
    options: { asked: 200, from: 0, workers: 2, budgetMs: 600_000, demandCoverage: true, json: true },
  })
  expect(readOptions(["--fresh", "--seeds", "200"])).toEqual({ type: "campaign", options: { ...usual, from: "fresh" } })
})

test("what is shrunk may be kept, with what was wrong", () => {
  const shrink = { type: "shrink", source: { type: "seed", seed: 7 }, quiet: false }
  expect(readOptions(["--seed", "7", "--shrink"])).toEqual({ ...shrink, promote: undefined })
  expect(readOptions(["--shrink", "--seed", "7", "--promote", "a-name-2", "--found", "It was wrong."])).toEqual({
    ...shrink,
    promote: { name: "a-name-2", found: "It was wrong." },
  })
})

test.each([
  [["--sed", "7"], "--sed is no flag of the simulator: see --help"],
  [["7"], "7 is no flag of the simulator: see --help"],
  [["--quiet=yes"], "--quiet=yes is no flag of the simulator: see --help"],
  [["--seed"], "--seed needs a value: see --help"],
  [["--seed="], "--seed needs a value: see --help"],
  [["--seed", "1", "--seed", "2"], "--seed is given twice; give it once"],
  [["--quiet"], "say what to run: --seed N, --seeds N or --plan FILE"],
  [["--seed", "1", "--seeds", "2"], "--seed and --seeds exclude each other"],
  [["--seed", "1", "--plan", "a"], "--seed and --plan exclude each other"],
  [["--seed", "-1"], "--seed is a whole number from 0 to 2147483647, not -1"],
  [["--seed", "1e3"], "--seed is a whole number from 0 to 2147483647, not 1e3"],
  [["--seed", "2147483648"], "--seed is a whole number from 0 to 2147483647, not 2147483648"],
  [["--seeds", "0"], "--seeds is a whole number from 1 to 100000000, not 0"],
  [["--seeds", "2", "--from", "x"], "--from is a whole number from 0 to 2147483647, not x"],
  [["--seeds", "2", "--from", "2147483647"], "the last seed would be 2147483648, and 2147483647 is the last there is"],
  [["--seeds", "2", "--from", "1", "--fresh"], "--from and --fresh exclude each other: seeds in a row, or drawn anew"],
  [["--seeds", "2", "--workers", "0"], "--workers is a whole number from 1 to 256, not 0"],
  [["--seeds", "2", "--budget", "60"], "--budget is a time up to a week, as 60s, 10m or 2h, not 60"],
  [["--seeds", "2", "--budget", "0s"], "--budget is a time up to a week, as 60s, 10m or 2h, not 0s"],
  [["--seeds", "2", "--budget", "169h"], "--budget is a time up to a week, as 60s, 10m or 2h, not 169h"],
  [["--seeds", "2", "--quiet"], "--quiet does not go with --seeds: see --help"],
  [["--seeds", "2", "--shrink"], "--shrink does not go with --seeds: see --help"],
  [["--seed", "2", "--fresh"], "--fresh does not go with --seed: see --help"],
  [["--seed", "2", "--shrink", "--json"], "--json does not go with --shrink: see --help"],
  [["--seed", "2", "--promote", "a", "--found", "b"], "--promote does not go with --seed: see --help"],
  [["--seed", "2", "--shrink", "--promote", "a"], "--promote NAME and --found SENTENCE go together: a plan is kept with what was wrong"],
  [["--seed", "2", "--shrink", "--found", "a"], "--promote NAME and --found SENTENCE go together: a plan is kept with what was wrong"],
  [
    ["--seed", "2", "--shrink", "--promote", "../a", "--found", "b"],
    "--promote names a file: up to 80 lower-case letters and digits, with hyphens between words, not ../a",
  ],
])("%j is refused, with what to do", (words, because) => {
  expect(readOptions(words)).toEqual({ type: "refused", because })
})

test("help names every flag, and asking for it needs nothing else to be right", () => {
  expect(readOptions([])).toEqual({ type: "help" })
  expect(readOptions(["--seeds", "0", "--help"])).toEqual({ type: "help" })
  const named = [...help.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, name]) => name)
  expect(named).toEqual(["from", "fresh", "workers", "budget", "demand-coverage", "plan", "shrink", "promote", "found", "quiet", "json", "help"])
})
