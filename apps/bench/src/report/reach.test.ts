import { describe, expect, test } from "vitest"
import { judged, reaches } from "./reach.ts"
import { results, scenario, valid } from "./results.testing.ts"

const columns = (of: Readonly<Record<string, Readonly<Record<string, number>>>>) =>
  Object.fromEntries(Object.entries(of).map(([name, figures]) => [name, [valid(figures)]]))

function judge(name: string, of: Readonly<Record<string, Readonly<Record<string, number>>>>) {
  return judged(results([scenario(name, columns(of))])).map(({ measured, met }) => `${measured} ${met ? "met" : "not met"}`)
}

describe("a reach", () => {
  test("is met on its line, and not beyond it", () => {
    expect(judge("saturated-5000", { tidemark: { cpuUs: 0.4 }, coalescing: { cpuUs: 0.5 } })).toEqual(["0.80× met"])
    expect(judge("saturated-5000", { tidemark: { cpuUs: 0.41 }, coalescing: { cpuUs: 0.5 } })).toEqual(["0.82× not met"])
  })

  test("in rates is met from its line on", () => {
    const rate = (eventsPerSecond: number) => ({ eventsPerSecond })
    expect(judge("post", { full: rate(600), memory: rate(1000), "bare-full": rate(300) })).toEqual(["0.60× met", "2.00× met"])
    expect(judge("post", { full: rate(500), memory: rate(1000), "bare-full": rate(300) })).toEqual(["0.50× not met", "1.67× not met"])
  })

  test("of a difference counts the difference", () => {
    expect(judge("idle-5000", { tidemark: { rssKiB: 20 }, plain: { rssKiB: 17 } })).toEqual(["20.0 KiB, raw + 3.00 KiB met"])
    expect(judge("idle-5000", { tidemark: { rssKiB: 22 }, plain: { rssKiB: 17 } })).toEqual(["22.0 KiB, raw + 5.00 KiB not met"])
  })

  test("is not judged where one of its figures is missing", () => {
    expect(judge("saturated-5000", { tidemark: { cpuUs: 0.4 }, plain: { cpuUs: 4 } })).toEqual([])
  })

  test("is never judged by a quick run", () => {
    const quick = results([scenario("saturated-5000", columns({ tidemark: { cpuUs: 0.4 }, coalescing: { cpuUs: 0.5 } }))], true)
    expect(judged(quick)).toEqual([])
  })
})

test("every row of the issue's table has its judge", () => {
  expect(new Set(reaches.map(({ scenario: name }) => name))).toEqual(
    new Set(
      ["saturated-1000", "saturated-5000", "one-at-a-time", "sessions-1000", "latency-1000", "storm-1000", "idle-5000", "stalled-50"].concat(
        ["post", "post-batch", "kernel", "replay-in-process"],
      ),
    ),
  )
})
