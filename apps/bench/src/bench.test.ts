// The bench as a user runs it, in small: what is right comes out valid, and each fault that is planted in a raw loop, one
// event for one reader, makes the run invalid and the exit code 1. Runs what was built (`npm test` builds first).

import { spawnSync } from "node:child_process"
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { ownProgram } from "./machine/child.ts"
import type { Results } from "./report/results.ts"
import { faultKinds } from "./servers/fault.ts"

const timeoutMs = 170_000

function bench(...words: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [ownProgram("main"), ...words], { encoding: "utf8", timeout: timeoutMs })
  return { status, stdout, stderr }
}

function quickly(...words: readonly string[]) {
  const { status, stdout, stderr } = bench("--quick", "--json", "-", ...words)
  const results: Results = JSON.parse(stdout)
  const runs = results.scenarios.flatMap(({ columns }) => columns.flatMap((column) => column.runs.map((run) => ({ column: column.name, ...run }))))
  return { status, stderr, results, runs }
}

describe("a run in which every delivery is right", () => {
  test("is valid, and has figures of each server", () => {
    const { status, runs } = quickly("--scenario", "saturated-1000", "--column", "tidemark", "--column", "coalescing")
    expect(runs.map(({ column, valid, because }) => ({ column, valid, because }))).toEqual([
      { column: "tidemark", valid: true, because: [] },
      { column: "coalescing", valid: true, because: [] },
    ])
    expect(runs.map(({ figures }) => Object.keys(figures))).toEqual([
      ["cpuUs", "p50Ms", "p99Ms", "perSecond"],
      ["cpuUs", "p50Ms", "p99Ms", "perSecond"],
    ])
    expect(status).toBe(0)
  })

  test("leaves nothing behind", () => {
    const data = mkdtempSync(join(tmpdir(), "tidemark-bench-test-"))
    expect(quickly("--scenario", "replay-10000", "--data", data).status).toBe(0)
    expect(readdirSync(data)).toEqual([])
    rmSync(data, { recursive: true })
  })
})

describe("a planted fault makes a run invalid", () => {
  const said = {
    skip: /^1 deliveries were wrong: reader \d+: after position 16 came 18: 1 lost, or late$/,
    duplicate: /^1 deliveries were wrong: reader \d+: after position 17 came 17: twice, or out of order$/,
    swap: /^2 deliveries were wrong: reader \d+: after position 16 came 18: .*; reader \d+: after position 18 came 17: twice, or out of order$/,
    // The first reader to be given a position is believed until the acknowledgements are read: then all others were wrong.
    alter: /^\d+ deliveries were wrong: .*at position 17 /s,
  } as const

  test.each(faultKinds)("%s", (kind) => {
    const { status, stderr, runs } = quickly("--scenario", "saturated-1000", "--column", "plain", "--column", "coalescing", "--plant", kind)
    expect(runs.map(({ column, valid, figures }) => ({ column, valid, figures }))).toEqual([
      { column: "plain", valid: false, figures: {} },
      { column: "coalescing", valid: false, figures: {} },
    ])
    for (const { because } of runs) expect(because.join()).toMatch(said[kind])
    expect(stderr).toContain("invalid: saturated-1000, raw, write an event, run 1: ")
    expect(status).toBe(1)
  })
})

describe("the command line", () => {
  test("that cannot be followed is refused with 2 and a sentence", () => {
    expect(bench("--scenario", "none")).toEqual({ status: 2, stdout: "", stderr: "bench: there is no scenario none: see --list\n" })
    expect(bench("--runs", "no").status).toBe(2)
  })

  test("lists every scenario that a reach is about, and helps", () => {
    const { status, stdout } = bench("--list")
    expect(stdout.split("\n").map((line) => line.split(" ")[0])).toEqual([
      ...["saturated-100", "saturated-1000", "saturated-5000", "one-at-a-time", "sessions-1000", "latency-1000", "idle-5000", "stalled-50"],
      ...["storm-1000", "post", "post-batch", "replay-10000", "kernel", "replay-in-process", ""],
    ])
    expect(status).toBe(0)
    expect(bench("--help")).toMatchObject({ status: 0, stdout: expect.stringContaining("--plant KIND") })
  })
})
