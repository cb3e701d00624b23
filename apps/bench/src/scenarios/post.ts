// Publishing: 64 connections that each send the next request when the last one was answered. What was acknowledged is read
// back and checked. Beside Tidemark on each log stand a raw handler that keeps the body in memory, and the bare SQLite
// driver in a process without HTTP: one commit an event, or one a batch.

import { join } from "node:path"
import { outputOf, ownProgram } from "../machine/child.ts"
import type { Metric } from "../report/results.ts"
import type { Figures } from "../report/statistics.ts"
import { Rig, type Needs } from "../rig.ts"
import type { Scenario, Stage, Subject } from "../scenario.ts"
import type { Column } from "../servers/columns.ts"
import type { Sizes } from "../sizes.ts"

const metrics: readonly Metric[] = [
  { name: "eventsPerSecond", label: "events", unit: "/s", compared: false },
  { name: "cpuUs", label: "server CPU per request", unit: "µs", compared: false },
]

const logs: readonly { readonly name: string; readonly label: string; readonly needs: Needs }[] = [
  { name: "memory", label: "Tidemark, memory", needs: { log: "memory" } },
  { name: "full", label: "Tidemark, SQLite full", needs: { log: "sqlite", durability: "full" } },
  { name: "normal", label: "Tidemark, SQLite normal", needs: { log: "sqlite", durability: "normal" } },
]

export function posts(tidemark: Column, plain: Column, { post, everyColumn }: Sizes): readonly Scenario[] {
  const measured = logs.filter(({ name }) => everyColumn || name !== "normal")
  const ours = (batch: number): Subject[] =>
    measured.map(({ name, label, needs }) => ({ name, label, run: (stage) => requests(stage, tidemark, needs, batch) }))
  const bare = (batch: number): Subject[] =>
    (["full", "normal"] as const).map((level) => ({
      name: `bare-${level}`,
      label: `bare driver, ${level}`,
      run: (stage) => bareDriver(stage, level, batch),
    }))
  const raw: Subject = { name: plain.name, label: "raw handler", run: (stage) => requests(stage, plain, { ringEvents: 10_000_000 }, 1) }
  return [
    {
      name: "post",
      title: `POST, one event a request, ${post.connections} connections`,
      metrics,
      subjects: [...ours(1), raw, ...bare(1)],
      connections: post.connections,
      inQuick: true,
    },
    {
      name: "post-batch",
      title: `POST, batches of ${post.batch}, ${post.connections} connections`,
      metrics,
      subjects: [...ours(post.batch), ...bare(post.batch)],
      connections: post.connections,
      inQuick: true,
    },
  ]
}

function requests(stage: Stage, column: Column, needs: Needs, batch: number): Promise<Figures> {
  const { connections, ms, warmUpMs } = stage.sizes.post
  return Rig.with(stage, column, needs, async (rig) => {
    await rig.openPublishers(["bench"], connections)
    const warm = await rig.publisher.call("publish", { ms: warmUpMs, batch })
    let published = warm
    const cpuUs = await rig.cpuUsOf(async () => {
      published = await rig.publisher.call("publish", { ms, batch })
    })
    rig.published(warm.events + published.events)
    await rig.openReaders(1)
    await rig.reach()
    await rig.check()
    return { eventsPerSecond: (published.events * 1000) / published.tookMs, cpuUs: cpuUs / published.requests }
  })
}

async function bareDriver({ sizes, pins, directory }: Stage, level: "full" | "normal", batch: number): Promise<Figures> {
  const words = ["append", join(directory, "bare.db"), level, String(batch), String(sizes.post.ms)]
  return JSON.parse(await outputOf([ownProgram("servers/bare-sqlite"), ...words], { cpus: pins.server }))
}
