// The table of mutants fits the code as it is: every line that a mutant would break is there, once, and every test that
// must notice exists. Whether they do notice is `npm run mutants`' affair, which takes its time.

import { describe, expect, test } from "vitest"
import { broken } from "../mutants/break-line.ts"
import { mutants } from "../mutants/table.ts"
import { parseSpec } from "../gate/spec.ts"
import { exists, read } from "./repository.ts"

/** Laws that are claimed and that nobody has broken yet. Only ever gets shorter. */
const unbroken: readonly number[] = []

describe("mutants", () => {
  test("each finds its line once, and tests that could notice", () => {
    const stale = mutants.flatMap(({ law, breaks, file, line, instead, tests }) => {
      const missing = [file, ...tests].filter((path) => !exists(path))
      if (missing.length > 0) return [`${law} ${breaks}: ${missing.join(", ")}`]
      const outcome = broken(read(file), line, instead)
      return outcome.type === "stale" ? [`${law} ${breaks}: ${outcome.because}`] : []
    })
    expect(stale).toEqual([])
  })

  test("each breaks a law that is claimed", () => {
    const claimed = new Set(parseSpec(read("docs/SPEC.md")).flatMap(({ number, claimed: is }) => (is ? [`L${number}`] : [])))
    expect(mutants.filter(({ law }) => !claimed.has(law)).map(({ law }) => law)).toEqual([])
  })

  test("each law that is claimed is broken, but for a list that only gets shorter", () => {
    const claimed = parseSpec(read("docs/SPEC.md")).filter((law) => law.claimed)
    expect(claimed.map(({ number }) => number).filter((number) => !mutants.some(({ law }) => law === `L${number}`))).toEqual(unbroken)
  })
})

describe("breaking a line", () => {
  test("replaces it where it stands, with its indentation", () => {
    expect(broken("a\n  b\nc\n", "b", "B")).toEqual({ type: "broken", line: 2, text: "a\n  B\nc\n" })
  })

  test("a line that is gone, or is there twice, or would stay the same, is stale", () => {
    expect(broken("a\nc\n", "b", "B").type).toBe("stale")
    expect(broken("b\n b\n", "b", "B").type).toBe("stale")
    expect(broken("b\n", "b", " b").type).toBe("stale")
  })
})
