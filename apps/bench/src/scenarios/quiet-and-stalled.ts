// A session at an easy pace: how long an event takes to a thousand readers, with and without fifty more that asked for the
// stream and never read a byte of it; and what a connection costs on which nothing happens at all.

import type { Metric } from "../report/results.ts"
import type { Figures } from "../report/statistics.ts"
import { Rig } from "../rig.ts"
import type { Scenario, Stage } from "../scenario.ts"
import type { Column } from "../servers/columns.ts"
import type { Sizes } from "../sizes.ts"
import { count, deliveryMetrics, measured, subject } from "./fan-out.ts"

/** More than one, so that a slow acknowledgement does not hold back the next event. */
const publishers = 8

const stalledMetrics: readonly Metric[] = [
  { name: "p99Ms", label: "the others' latency p99", unit: "ms", compared: true },
  { name: "p99WithoutMs", label: "the same without them", unit: "ms", compared: false },
  { name: "heldKiB", label: "held for each of them", unit: "KiB", compared: true },
]

const idleMetrics: readonly Metric[] = [
  { name: "rssKiB", label: "RSS per connection", unit: "KiB", compared: true },
  { name: "heldKiB", label: "heap and buffers per connection", unit: "KiB", compared: true },
]

export function quietAndStalled(columns: readonly Column[], resuming: readonly Column[], sizes: Sizes): readonly Scenario[] {
  const { latency, idle, stalled } = sizes
  return [
    {
      name: "latency-1000",
      title: `1 session → ${count(latency.readers)} readers, ${latency.perSecond} events/s`,
      metrics: deliveryMetrics,
      subjects: columns.map((column) => subject(column, (stage) => latencies(stage, column))),
      connections: latency.readers + publishers,
      inQuick: true,
    },
    {
      name: "idle-5000",
      title: `${count(idle.readers)} idle connections, after a forced collection and ${idle.restMs / 1000} s`,
      metrics: idleMetrics,
      subjects: columns.map((column) => subject(column, (stage) => idleConnections(stage, column))),
      connections: idle.readers,
      inQuick: true,
    },
    {
      name: "stalled-50",
      title: `1 session → ${count(stalled.readers)} readers, ${stalled.perSecond} events/s, and ${stalled.stalled} more that never read`,
      metrics: stalledMetrics,
      subjects: resuming.map((column) => subject(column, (stage) => stalledReaders(stage, column))),
      connections: stalled.readers + stalled.stalled + publishers,
      inQuick: true,
    },
  ]
}

function latencies(stage: Stage, column: Column): Promise<Figures> {
  const { readers, events, warmUp, perSecond } = stage.sizes.latency
  return Rig.with(stage, column, {}, async (rig) => {
    await rig.openPublishers(["bench"], publishers)
    await rig.openReaders(readers)
    await rig.deliverPaced(perSecond, warmUp)
    return measured(rig, events * readers, () => rig.deliverPaced(perSecond, events))
  })
}

function idleConnections(stage: Stage, column: Column): Promise<Figures> {
  const { readers, restMs } = stage.sizes.idle
  return Rig.with(stage, column, {}, async (rig) => {
    await rig.openPublishers(["bench"], 1)
    const before = await rig.server.collected()
    await rig.openReaders(readers)
    await rig.server.collected()
    await rest(restMs)
    const after = await rig.server.collected()
    await rig.check()
    const perConnection = (bytes: number): number => bytes / readers / 1024
    return { rssKiB: perConnection(after.rssBytes - before.rssBytes), heldKiB: perConnection(after.usedBytes - before.usedBytes) }
  })
}

interface Quiet {
  readonly p99Ms: number
  readonly usedBytes: number
}

/** Both halves are the same but for the stalled readers, so that what they cost is the difference. */
async function stalledReaders(stage: Stage, column: Column): Promise<Figures> {
  const without = await beside(stage, column, 0)
  const beside50 = await beside(stage, column, stage.sizes.stalled.stalled)
  return {
    p99Ms: beside50.p99Ms,
    p99WithoutMs: without.p99Ms,
    heldKiB: (beside50.usedBytes - without.usedBytes) / stage.sizes.stalled.stalled / 1024,
  }
}

function beside(stage: Stage, column: Column, stalled: number): Promise<Quiet> {
  const { readers, events, warmUp, perSecond, fill } = stage.sizes.stalled
  return Rig.with(stage, column, {}, async (rig) => {
    await rig.openPublishers(["bench"], publishers)
    // What the system holds for them is filled up first, or nothing would ever be late for them.
    await rig.readers.call("stall", rig.asked(stalled, { type: "start" }))
    await rig.publisher.call("publish", { events: fill, batch: 1 })
    rig.published(fill)
    await rig.openReaders(readers, { type: "now", position: fill })
    await rig.deliverPaced(perSecond, warmUp)
    const { p99Ms = Number.NaN } = await measured(rig, events * readers, () => rig.deliverPaced(perSecond, events))
    const { usedBytes } = await rig.server.collected()
    return { p99Ms, usedBytes }
  })
}

function rest(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
