// What is to be reached, as a table: which work, how it is measured, and where the line is. A row is judged from medians
// alone; where one of the figures it needs was not measured, it is not judged, and a quick run is judged never.

import { figure, type Results } from "./results.ts"
import { ratio } from "./statistics.ts"
import { amount, times } from "./wording.ts"

export interface Judgement {
  readonly work: string
  readonly reach: string
  /** In words; with the figures it comes from. */
  readonly measured: string
  readonly met: boolean
}

type Find = (scenario: string, column: string, metric: string) => number | undefined

interface Measured {
  readonly words: string
  readonly met: boolean
}

interface Reach {
  readonly scenario: string
  readonly work: string
  readonly reach: string
  judge(find: Find): Measured | undefined
}

/** Tidemark's figure is at most so many times the other column's. */
function atMost(scenario: string, work: string, metric: string, most: number, column: "plain" | "coalescing", reach: string): Reach {
  return { scenario, work, reach, judge: (find) => compared(find(scenario, "tidemark", metric), find(scenario, column, metric), most) }
}

function compared(ours: number | undefined, theirs: number | undefined, most: number): Measured | undefined {
  const times_ = ratio(ours, theirs)
  return times_ === undefined ? undefined : { words: times(times_), met: times_ <= most }
}

/** A column's figure is at least so many times another one's. */
function atLeast(scenario: string, work: string, column: string, least: number, other: string, reach: string): Reach {
  return {
    scenario,
    work,
    reach,
    judge(find) {
      const of = ratio(find(scenario, column, "eventsPerSecond"), find(scenario, other, "eventsPerSecond"))
      return of === undefined ? undefined : { words: times(of), met: of >= least }
    },
  }
}

/** A figure of Tidemark's own is below a line. */
function below(scenario: string, work: string, metric: string, most: number, reach: string): Reach {
  return {
    scenario,
    work,
    reach,
    judge(find) {
      const ours = find(scenario, "tidemark", metric)
      return ours === undefined ? undefined : { words: amount(ours, "ns"), met: ours < most }
    },
  }
}

const tick = "the loop that writes a tick"
const plain = "the loop that writes an event"

export const reaches: readonly Reach[] = [
  atMost("saturated-1000", "saturated, 1 → 1,000: CPU", "cpuUs", 0.8, "coalescing", `at most 0.8× ${tick}`),
  atMost("saturated-5000", "saturated, 1 → 5,000: CPU", "cpuUs", 0.8, "coalescing", `at most 0.8× ${tick}`),
  {
    scenario: "saturated-1000",
    work: "saturated, 1 → 1,000: p99",
    reach: "at most 5 ms more than without its pause",
    judge(find) {
      const [ours, theirs] = [find("saturated-1000", "tidemark", "p99Ms"), find("saturated-1000", "unpaced", "p99Ms")]
      if (ours === undefined || theirs === undefined) return undefined
      return { words: `${amount(ours, "ms")} beside ${amount(theirs, "ms")}`, met: ours <= theirs + 5 }
    },
  },
  atMost("one-at-a-time", "one event at a time, 1 → 1,000: CPU", "cpuUs", 0.75, "plain", `at most 0.75× ${plain}`),
  atMost("sessions-1000", "1,000 sessions × 1 reader, publish included: CPU", "cpuUs", 1.1, "plain", `within 1.1× ${plain}`),
  atMost("latency-1000", "20/s to 1,000: p99", "p99Ms", 1, "plain", `no worse than ${plain}`),
  atMost("storm-1000", "storm: time", "seconds", 1, "plain", `no longer than ${plain}`),
  atMost("storm-1000", "storm: CPU", "cpuSeconds", 0.65, "plain", `at most 0.65× ${plain}`),
  {
    scenario: "storm-1000",
    work: "storm: RSS",
    reach: "grows by at most 20 MB",
    judge(find) {
      const grown = find("storm-1000", "tidemark", "rssGrowthMiB")
      return grown === undefined ? undefined : { words: amount(grown, "MiB"), met: grown * 1024 * 1024 <= 20e6 }
    },
  },
  {
    scenario: "idle-5000",
    work: "idle connection: RSS",
    reach: "raw + 4 KB",
    judge(find) {
      const [ours, theirs] = [find("idle-5000", "tidemark", "rssKiB"), find("idle-5000", "plain", "rssKiB")]
      if (ours === undefined || theirs === undefined) return undefined
      return { words: `${amount(ours, "KiB")}, raw + ${amount(ours - theirs, "KiB")}`, met: ours - theirs <= 4 }
    },
  },
  {
    scenario: "stalled-50",
    work: "50 stalled readers: the others' p99",
    reach: "within 1.2× of without them",
    judge: (find) => compared(find("stalled-50", "tidemark", "p99Ms"), find("stalled-50", "tidemark", "p99WithoutMs"), 1.2),
  },
  {
    scenario: "stalled-50",
    work: "50 stalled readers: memory of each",
    reach: "at most 64 KiB",
    judge(find) {
      const held = find("stalled-50", "tidemark", "heldKiB")
      return held === undefined ? undefined : { words: amount(held, "KiB"), met: held <= 64 }
    },
  },
  {
    scenario: "post",
    work: "POST, memory log, 64 connections: CPU",
    reach: "within 1.6× of the raw handler",
    judge: (find) => compared(find("post", "memory", "cpuUs"), find("post", "plain", "cpuUs"), 1.6),
  },
  atLeast("post", "POST, SQLite full, single: rate", "full", 0.6, "memory", "at least 0.6× the memory log"),
  atLeast("post", "POST, SQLite full, single: rate", "full", 2, "bare-full", "at least 2× one commit an event with the bare driver"),
  atLeast("post-batch", "POST, SQLite full, batches of 100: rate", "full", 1 / 3, "bare-full", "at least a third of the bare driver, batched"),
  below("kernel", "sealing an event", "sealNs", 2000, "under 2 µs"),
  below("kernel", "window and fold of a sealed entry", "installNs", 150, "under 150 ns"),
  below("kernel", "hand-over in batches of 16, to one reader", "handOneNs", 30, "under 30 ns an event"),
  below("kernel", "hand-over in batches of 16, to each of 1,000", "handManyNs", 10, "under 10 ns an event"),
  {
    scenario: "replay-in-process",
    work: "replay from disk inside the process",
    reach: "at least 300,000 events/s",
    judge(find) {
      const rate = find("replay-in-process", "tidemark", "driverPerSecond")
      return rate === undefined ? undefined : { words: amount(rate, "/s"), met: rate >= 300_000 }
    },
  },
]

/** Rows of scenarios that were run, in the order of the table. */
export function judged(results: Results): Judgement[] {
  if (results.quick) return []
  const find: Find = (scenario, column, metric) => figure(results, scenario, column, metric)
  return reaches.flatMap(({ work, reach, judge }) => {
    const measured = judge(find)
    return measured === undefined ? [] : [{ work, reach, measured: measured.words, met: measured.met }]
  })
}
