// What is measured without a load beside it: one reader that replays a session from disk, and the pieces by themselves, each
// in a fresh process on the server's core.

import { join } from "node:path"
import { outputOf, ownProgram } from "../machine/child.ts"
import type { Metric } from "../report/results.ts"
import type { Figures } from "../report/statistics.ts"
import { Rig } from "../rig.ts"
import type { Scenario, Stage } from "../scenario.ts"
import type { Column } from "../servers/columns.ts"
import type { Sizes } from "../sizes.ts"
import { count } from "./fan-out.ts"

const replayMetrics: readonly Metric[] = [
  { name: "perSecond", label: "events", unit: "/s", compared: false },
  { name: "cpuUs", label: "server CPU per event", unit: "µs", compared: false },
]

const kernelMetrics: readonly Metric[] = [
  { name: "sealNs", label: "sealing an event: JSON once, mark", unit: "ns", compared: false },
  { name: "installNs", label: "window and fold of a sealed entry", unit: "ns", compared: false },
  { name: "installOneNs", label: "the same, one entry a call", unit: "ns", compared: false },
  { name: "handOneNs", label: "hand-over in batches of 16, to one reader", unit: "ns", compared: false },
  { name: "handManyNs", label: "hand-over in batches of 16, to each of 1,000", unit: "ns", compared: false },
]

const insideMetrics: readonly Metric[] = [
  { name: "driverPerSecond", label: "through the SQLite log, the driver and the kernel", unit: "/s", compared: false },
  { name: "logPerSecond", label: "through the SQLite log alone", unit: "/s", compared: false },
]

export function inside(tidemark: Column, { replay, micro }: Sizes): readonly Scenario[] {
  const { name, label } = tidemark
  return [
    {
      name: "replay-10000",
      title: `${count(replay.events)} events replayed from disk to one reader, after a restart`,
      metrics: replayMetrics,
      subjects: [
        { name, label, run: (stage) => replayed(stage, tidemark) },
        { name: "bare-full", label: "bare driver", run: bareReplay },
      ],
      connections: 1,
      inQuick: true,
    },
    {
      name: "kernel",
      title: "The kernel, per event",
      metrics: kernelMetrics,
      subjects: [{ name, label, run: (stage) => program(stage, "micro/kernel-micro") }],
      connections: 0,
      inQuick: true,
    },
    {
      name: "replay-in-process",
      title: `${count(micro.replayed)} events replayed from disk inside the process`,
      metrics: insideMetrics,
      subjects: [{ name, label, run: (stage) => program(stage, "micro/replay-micro", stage.directory) }],
      connections: 0,
      inQuick: true,
    },
  ]
}

/** A small window, so that what is replayed has to be read from the file. */
function replayed(stage: Stage, column: Column): Promise<Figures> {
  const { events, batch } = stage.sizes.replay
  return Rig.with(stage, column, { log: "sqlite", durability: "normal", windowEvents: 64 }, async (rig) => {
    await rig.openPublishers(["bench"], 8)
    await rig.publisher.call("publish", { events, batch })
    rig.published(events)
    await rig.restart()
    let ms = 0
    const cpuUs = await rig.cpuUsOf(async () => {
      const goal = { position: events, timeoutMs: stage.sizes.stepMsMax }
      ms = await rig.readers.call("storm", { open: rig.asked(1, { type: "start" }), goal })
    })
    await rig.check()
    return { perSecond: (events * 1000) / ms, cpuUs: cpuUs / events }
  })
}

async function bareReplay({ sizes, pins, directory }: Stage): Promise<Figures> {
  const words = ["read", join(directory, "bare.db"), String(sizes.replay.events)]
  return JSON.parse(await outputOf([ownProgram("servers/bare-sqlite"), ...words], { cpus: pins.server }))
}

async function program({ sizes, pins }: Stage, name: string, ...words: readonly string[]): Promise<Figures> {
  const { rounds, events, replayed } = sizes.micro
  const given = [ownProgram(name), String(rounds), String(name === "micro/kernel-micro" ? events : replayed), ...words]
  return JSON.parse(await outputOf(given, { cpus: pins.server }))
}
