import { expect, test } from "vitest"
import { help, readOptions } from "./options.ts"

const unsaid = { json: undefined, picture: undefined, from: undefined, peers: undefined, data: undefined, profile: undefined, plant: undefined }
const nothing = { ...unsaid, scenarios: [], columns: [] }

test("without flags every scenario is run three times, quickly once", () => {
  expect(readOptions([])).toEqual({ type: "bench", options: { ...nothing, quick: false, runs: 3 } })
  expect(readOptions(["--quick"])).toEqual({ type: "bench", options: { ...nothing, quick: true, runs: 1 } })
})

test("flags are given with a space or a sign between, and some more than once", () => {
  expect(readOptions(["--scenario", "post", "--scenario=kernel", "--column=tidemark", "--runs=5", "--json", "-"])).toEqual({
    type: "bench",
    options: { ...nothing, quick: false, runs: 5, scenarios: ["post", "kernel"], columns: ["tidemark"], json: "-" },
  })
})

test("results that were measured before are shown without measuring", () => {
  expect(readOptions(["--picture", "a.svg", "--from", "b.json"])).toMatchObject({ options: { picture: "a.svg", from: "b.json" } })
})

test.each([
  [["--quik"], "--quik is no flag of the bench: see --help"],
  [["post"], "post is no flag of the bench: see --help"],
  [["--quick=yes"], "--quick=yes is no flag of the bench: see --help"],
  [["--json"], "--json needs a value: see --help"],
  [["--json="], "--json needs a value: see --help"],
  [["--json", "a", "--json", "b"], "--json is given twice; give it once"],
  [["--runs", "0"], "--runs is a whole number from 1 to 1000, not 0"],
  [["--runs", "2.5"], "--runs is a whole number from 1 to 1000, not 2.5"],
  [["--plant", "lose"], "--plant is one of skip, duplicate, swap, alter, not lose"],
  [["--from", "a.json", "--quick"], "--from shows what was measured before: leave out the flags that say what to measure"],
])("%j is refused, with what to do", (words, because) => {
  expect(readOptions(words)).toEqual({ type: "refused", because })
})

test("help names every flag, and asking for it needs nothing else to be right", () => {
  expect(readOptions(["--runs", "0", "--help"])).toEqual({ type: "help" })
  expect(readOptions(["--list"])).toEqual({ type: "list" })
  const flags = ["quick", "scenario", "column", "runs", "json", "picture", "from", "peers", "data", "profile", "plant", "list", "help"]
  expect(flags.filter((flag) => !help.includes(`\n  --${flag} `))).toEqual([])
})
