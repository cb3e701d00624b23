// Brings the lists in docs/SPEC.md up to date: every mutant stands under the law it breaks, every test that calls itself by
// a law under that one; tests that are gone leave, and what was listed by hand stays as long as it is there. The prose and
// `Kept by` are nobody's but ours.
//
//   npm run spec

import { execFileSync } from "node:child_process"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { mutants } from "../mutants/table.ts"
import { holdsName, lawTests, withLists } from "./spec.ts"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const spec = join(root, "docs/SPEC.md")
const read = (path: string) => readFileSync(join(root, path), "utf8")

const sources = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "packages/*.ts", "apps/*.ts"], { cwd: root })
  .toString("utf8")
  .split("\n")
  .filter((path) => path !== "" && existsSync(join(root, path)))
const called = sources.flatMap((path) => lawTests(path, read(path)))

const before = readFileSync(spec, "utf8")
const after = withLists(before, ({ number, provedBy }) => {
  const byHand = provedBy.filter(({ path, name }) => !/^L\d/.test(name) && existsSync(join(root, path)) && holdsName(read(path), name))
  return {
    brokenBy: mutants.filter(({ law }) => law === `L${number}`).map(({ breaks }) => breaks),
    provedBy: [...called.filter(({ law }) => law === number).map(({ proof }) => proof), ...byHand],
  }
})
if (after !== before) writeFileSync(spec, after)
console.log(after === before ? "docs/SPEC.md was up to date" : "docs/SPEC.md is up to date now")
