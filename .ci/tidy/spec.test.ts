// docs/SPEC.md and the code say the same, in both directions: a law that is claimed names the file that keeps it, the
// mutants that break it, the faults that the simulator puts it to the test with, and the tests that prove it, and a test
// that calls itself by a law is named there. `npm run spec` brings the lists up to date.

import { describe, expect, test } from "vitest"
import { beyondLaws, keptRuns, kinds, simulated } from "../gate/simulated.ts"
import { foundBeyond, holdsName, lawTests, parseSpec, withLists } from "../gate/spec.ts"
import { mutants } from "../mutants/table.ts"
import { exists, files, read, root, sources } from "./repository.ts"

/** Scope, runs and presence come later. */
const notClaimed = [18, 19, 20]

describe("docs/SPEC.md", () => {
  const laws = parseSpec(read("docs/SPEC.md"))
  const claimed = laws.filter((law) => law.claimed)

  test("states every law once, in order", () => {
    expect(laws.map(({ number }) => number)).toEqual(Array.from({ length: 21 }, (_, i) => i + 1))
  })

  test("claims every law but those whose subject is not there yet", () => {
    expect(laws.filter((law) => !law.claimed).map(({ number }) => number)).toEqual(notClaimed)
  })

  test("names for every law it claims the file that keeps it", () => {
    const homeless = claimed.filter(({ keptBy }) => keptBy.length === 0 || !keptBy.every(exists))
    expect(homeless.map(({ number, keptBy }) => `L${number}: ${keptBy.join(", ")}`)).toEqual([])
  })

  test("names the mutants of every law it claims, and no others", () => {
    const named = claimed.flatMap(({ number, brokenBy }) => brokenBy.map((breaks) => `L${number} ${breaks}`))
    expect(named.toSorted()).toEqual(mutants.map(({ law, breaks }) => `${law} ${breaks}`).toSorted())
  })

  test("names for every law it claims the faults that the simulator has for it, and no others", () => {
    const had = claimed.map(({ number }) => ({ number, simulatedWith: simulated(number, []).simulatedWith }))
    expect(claimed.map(({ number, simulatedWith }) => ({ number, simulatedWith }))).toEqual(had)
    expect(had.filter(({ simulatedWith }) => simulatedWith.length === 0).map(({ number }) => `L${number}: no fault`)).toEqual([])
  })

  test("has a law for every fault of the simulator, and one that it claims", () => {
    const names = new Set(claimed.map(({ number }) => `L${number}`))
    const lawless = kinds.filter(({ laws }) => laws.length === 0 || !laws.every((law) => names.has(law)))
    expect(lawless.map(({ name, laws }) => `${name}: ${laws.join(", ")}`)).toEqual([])
  })

  test("names what every run that is kept has found, and nothing else", () => {
    const runs = keptRuns(root, files)
    const named = claimed.flatMap(({ number, foundBySimulation }) => foundBySimulation.map((found) => `L${number} ${found}`))
    const ofLaws = runs.filter(({ law }) => law !== "liveness" && law !== "crash")
    expect(named.toSorted()).toEqual(ofLaws.map(({ law, found }) => `${law} ${found}`).toSorted())
    expect(foundBeyond(read("docs/SPEC.md")).toSorted()).toEqual(beyondLaws(runs).toSorted())
  })

  test("names for every law it claims a test that is there under that name", () => {
    const missing = claimed.flatMap(({ number, provedBy }) => {
      if (provedBy.length === 0) return [`L${number}: no test`]
      const absent = provedBy.filter(({ path, name }) => !exists(path) || !holdsName(read(path), name))
      return absent.map(({ path, name }) => `L${number}: ${path}: ${name}`)
    })
    expect(missing).toEqual([])
  })

  test("lists every test that calls itself by a law", () => {
    const listed = new Set(laws.flatMap(({ number, provedBy }) => provedBy.map(({ path, name }) => `L${number} ${path}: ${name}`)))
    const called = sources.filter((path) => !path.startsWith(".ci/")).flatMap((path) => lawTests(path, read(path)))
    expect(called.map(({ law, proof }) => `L${law} ${proof.path}: ${proof.name}`).filter((each) => !listed.has(each))).toEqual([])
  })
})

describe("reading SPEC", () => {
  const spec = `# Laws

## L1 · dense
Text.

Kept by

- \`a.ts\`: why, over
  two lines
- \`b.ts\`

Broken by

- a place is used twice
- a place is left out

Simulated with

- \`cut\`: a connection is cut

Found by simulation

- a cut took an event

Proved by

- \`a.test.ts\`
  - L1 old
  - by hand

## L2 · later

Not claimed yet: later.

## When all is well again

Text.

Found by simulation

- nobody came further
`

  test("a law is its number, its files and its tests", () => {
    expect(parseSpec(spec)).toEqual([
      {
        number: 1,
        claimed: true,
        keptBy: ["a.ts", "b.ts"],
        brokenBy: ["a place is used twice", "a place is left out"],
        simulatedWith: ["`cut`: a connection is cut"],
        foundBySimulation: ["a cut took an event"],
        provedBy: [
          { path: "a.test.ts", name: "L1 old" },
          { path: "a.test.ts", name: "by hand" },
        ],
      },
      { number: 2, claimed: false, keptBy: [], brokenBy: [], simulatedWith: [], foundBySimulation: [], provedBy: [] },
    ])
  })

  test("a test names one law or several, in any quotes, and in a choice of names too", () => {
    const source = ["test(\"L1 a \\\"b\\\"\", f)", "test(`L8 L11 c`, f)", 'test(x ? "L2 d" : "L3 e", f)', 'test("no law L4", f)'].join("\n")
    expect(lawTests("x.ts", source).map(({ law, proof }) => `${law} ${proof.name}`)).toEqual([
      '1 L1 a "b"',
      "8 L8 L11 c",
      "11 L8 L11 c",
      "2 L2 d",
      "3 L3 e",
    ])
  })

  test("writing the lists that are there changes nothing", () => {
    expect(withLists(spec, (law) => law, ["nobody came further"])).toBe(spec)
    const lists = { brokenBy: ["all is lost"], simulatedWith: ["`x`: y"], foundBySimulation: [], provedBy: [{ path: "c.ts", name: "L1 new" }] }
    const proofs = "Proved by\n\n- `c.ts`\n  - L1 new\n\n## L2 · later"
    const broken = "- `b.ts`\n\nBroken by\n\n- all is lost\n\nSimulated with\n\n- `x`: y\n\n"
    const nothing = withLists(spec, () => lists, [])
    expect(nothing).toContain(`${broken}${proofs}`)
    expect(nothing.endsWith("## When all is well again\n\nText.\n")).toBe(true)
    const found = withLists(nothing, () => ({ ...lists, foundBySimulation: ["one was lost"] }), ["it threw"])
    expect(found).toContain(`${broken}Found by simulation\n\n- one was lost\n\n${proofs}`)
    expect(foundBeyond(found)).toEqual(["it threw"])
  })
})
