// Brings the lists in docs/SPEC.md up to date: every mutant stands under the law it breaks, every fault of the simulator
// under those it puts to the test, every run that is kept under the one it broke, every test that calls itself by a law
// under that one; tests that are gone leave, and what was listed by hand stays as long as it is there. The prose and
// `Kept by` are nobody's but ours.
//
//   npm run spec

import { execFileSync } from "node:child_process"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { mutants } from "../mutants/table.ts"
import { beyondLaws, keptRuns, simulated } from "./simulated.ts"
import { holdsName, lawTests, withLists, type Law, type Lists } from "./spec.ts"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const spec = join(root, "docs/SPEC.md")
const read = (path: string) => readFileSync(join(root, path), "utf8")

function files(...patterns: readonly string[]): string[] {
  const listed = execFileSync("git", ["ls-files", "-co", "--exclude-standard", ...patterns], { cwd: root })
  return listed.toString("utf8").split("\n").filter((path) => path !== "" && existsSync(join(root, path)))
}

const sources = files("packages/*.ts", "apps/*.ts")
const runs = keptRuns(root, files("packages/sim/*.json").sort())
const called = sources.flatMap((path) => lawTests(path, read(path)))

const before = readFileSync(spec, "utf8")
const lists = ({ number, provedBy }: Law): Lists => {
  const byHand = provedBy.filter(({ path, name }) => !/^L\d/.test(name) && existsSync(join(root, path)) && holdsName(read(path), name))
  return {
    ...simulated(number, runs),
    brokenBy: mutants.filter(({ law }) => law === `L${number}`).map(({ breaks }) => breaks),
    provedBy: [...called.filter(({ law }) => law === number).map(({ proof }) => proof), ...byHand],
  }
}
const after = withLists(before, lists, beyondLaws(runs))
if (after !== before) writeFileSync(spec, after)
console.log(after === before ? "docs/SPEC.md was up to date" : "docs/SPEC.md is up to date now")
