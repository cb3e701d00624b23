// One event to many: saturated (8 publishers, none of which ever pauses), one event at a time (each is with every reader
// before the next is sent), and the other way round, many sessions with one reader each.

import type { Metric } from "../report/results.ts"
import type { Figures } from "../report/statistics.ts"
import { Rig, type Needs } from "../rig.ts"
import type { Scenario, Stage, Subject } from "../scenario.ts"
import type { Column } from "../servers/columns.ts"
import type { FanOutSize, Sizes } from "../sizes.ts"

const publishers = 8

export const deliveryMetrics: readonly Metric[] = [
  { name: "cpuUs", label: "server CPU per delivery", unit: "µs", compared: true },
  { name: "p50Ms", label: "latency p50", unit: "ms", compared: false },
  { name: "p99Ms", label: "latency p99", unit: "ms", compared: true },
  { name: "perSecond", label: "deliveries", unit: "/s", compared: false },
]

type SizeName = "saturated100" | "saturated1000" | "saturated5000" | "oneAtATime"

export interface FanOutColumns {
  readonly tidemark: Column
  readonly direct: Column
  readonly saturable: readonly Column[]
  readonly all: readonly Column[]
}

export function fanOut({ tidemark, direct, saturable, all }: FanOutColumns, sizes: Sizes): readonly Scenario[] {
  const saturatedOf = (name: string, size: SizeName, inQuick: boolean): Scenario => ({
    name,
    title: `1 session → ${count(sizes[size].readers)} readers, ${publishers} publishers without pause`,
    metrics: deliveryMetrics,
    subjects: [
      ...saturable.map((column) => subject(column, (stage) => saturated(stage, column, stage.sizes[size], {}))),
      // What the pause costs in latency, and saves.
      { name: "unpaced", label: "Tidemark, no pause", run: (stage) => saturated(stage, tidemark, stage.sizes[size], { flushPauseMs: 0 }) },
    ],
    connections: sizes[size].readers + publishers,
    inQuick,
  })
  return [
    saturatedOf("saturated-100", "saturated100", false),
    saturatedOf("saturated-1000", "saturated1000", true),
    saturatedOf("saturated-5000", "saturated5000", false),
    {
      name: "one-at-a-time",
      title: `1 session → ${count(sizes.oneAtATime.readers)} readers, one event at a time`,
      metrics: deliveryMetrics,
      subjects: [...all, direct].map((column) => subject(column, (stage) => oneAtATime(stage, column))),
      connections: sizes.oneAtATime.readers + publishers,
      inQuick: true,
    },
    {
      name: "sessions-1000",
      title: `${count(sizes.sessions.readers)} sessions → 1 reader each, ${publishers} publishers without pause, publishing included`,
      metrics: deliveryMetrics,
      subjects: all.map((column) => subject(column, (stage) => manySessions(stage, column))),
      connections: sizes.sessions.readers + publishers,
      inQuick: true,
    },
  ]
}

export function subject({ name, label }: Column, run: (stage: Stage) => Promise<Figures>): Subject {
  return { name, label, run }
}

export function count(number: number): string {
  return number.toLocaleString("en-US")
}

/** At least a few, however slow it is. */
export function shareOf(events: number, { share }: Column): number {
  return Math.max(Math.min(events, 24), Math.round(events * share))
}

function saturated(stage: Stage, column: Column, size: FanOutSize, needs: Needs): Promise<Figures> {
  return Rig.with(stage, column, needs, async (rig) => {
    await rig.openPublishers(["bench"], publishers)
    await rig.openReaders(size.readers)
    await rig.deliver(shareOf(size.warmUp, column))
    const events = shareOf(size.events, column)
    return measured(rig, events * size.readers, () => rig.deliver(events))
  })
}

function oneAtATime(stage: Stage, column: Column): Promise<Figures> {
  const size = stage.sizes.oneAtATime
  return Rig.with(stage, column, {}, async (rig) => {
    await rig.openPublishers(["bench"], 1)
    await rig.openReaders(size.readers)
    const oneByOne = async (events: number): Promise<void> => {
      for (let i = 0; i < events; i++) await rig.deliver(1)
    }
    await oneByOne(shareOf(size.warmUp, column))
    const events = shareOf(size.events, column)
    return measured(rig, events * size.readers, () => oneByOne(events))
  })
}

function manySessions(stage: Stage, column: Column): Promise<Figures> {
  const size = stage.sizes.sessions
  const sessions = Array.from({ length: size.readers }, (_, i) => `bench-${i}`)
  return Rig.with(stage, column, {}, async (rig) => {
    await rig.openPublishers(sessions, publishers)
    await rig.openReaders(size.readers)
    await rig.deliver(size.warmUp)
    return measured(rig, size.events * size.readers, () => rig.deliver(size.events))
  })
}

/** CPU and latency of `work`, which makes so many deliveries; all of them checked. */
export async function measured(rig: Rig, deliveries: number, work: () => Promise<unknown>): Promise<Figures> {
  await rig.readers.call("measure", null)
  const began = performance.now()
  const cpuUs = await rig.cpuUsOf(work)
  const seconds = (performance.now() - began) / 1000
  const { p50Us, p99Us } = await rig.latencies()
  await rig.check()
  return { cpuUs: cpuUs / deliveries, p50Ms: p50Us / 1000, p99Ms: p99Us / 1000, perSecond: deliveries / seconds }
}
