// A deploy, a proxy that restarts, a tunnel: a thousand readers are cut off at once, and all of them come back a thousand
// events behind while the session goes on.

import type { Metric } from "../report/results.ts"
import type { Figures } from "../report/statistics.ts"
import { Rig } from "../rig.ts"
import type { Scenario, Stage } from "../scenario.ts"
import type { Column } from "../servers/columns.ts"
import type { Server } from "../servers/server.ts"
import type { Sizes } from "../sizes.ts"
import { count, subject } from "./fan-out.ts"

const metrics: readonly Metric[] = [
  { name: "seconds", label: "until the last one is up to date", unit: "s", compared: true },
  { name: "cpuSeconds", label: "server CPU", unit: "s", compared: true },
  { name: "cpuUs", label: "server CPU per replayed event", unit: "µs", compared: true },
  { name: "rssGrowthMiB", label: "RSS grows at most by", unit: "MiB", compared: false },
]

export function storms(resuming: readonly Column[], { storm }: Sizes): readonly Scenario[] {
  return [
    {
      name: "storm-1000",
      title: `A storm: ${count(storm.readers)} readers resume ${count(storm.behind)} events back while the session goes on`,
      metrics,
      subjects: resuming.map((column) => subject(column, (stage) => resumeStorm(stage, column))),
      connections: 2 * storm.readers,
      inQuick: true,
    },
  ]
}

interface Stormed {
  readonly ms: number
  readonly cpuUs: number
}

function resumeStorm(stage: Stage, column: Column): Promise<Figures> {
  const { readers, behind, perSecond } = stage.sizes.storm
  const timeoutMs = stage.sizes.stepMsMax
  return Rig.with(stage, column, {}, async (rig) => {
    await rig.openPublishers(["bench"], 8)
    await rig.openReaders(readers)
    await rig.deliver(20)
    const { position, cursor } = await rig.publisher.call("last", null)
    await rig.deliver(behind)
    const before = rig.server.rssBytes
    const memory = new PeakRss(rig.server)
    const goal = { position: rig.position, timeoutMs }
    const storm = async (): Promise<Stormed> => {
      await rig.readers.call("cut", { reset: false })
      let ms = 0
      const cpuUs = await rig.cpuUsOf(async () => {
        ms = await rig.readers.call("storm", { open: rig.asked(readers, { type: "after", position, cursor }), goal })
      })
      await rig.publisher.call("stopPace", null)
      return { ms, cpuUs }
    }
    const paced = rig.publisher.call("pace", { perSecond, events: Number.MAX_SAFE_INTEGER })
    const [{ ms, cpuUs }] = await Promise.all([storm(), paced]).finally(() => memory.stop())
    const last = await rig.publisher.call("last", null)
    rig.published(last.position - rig.position)
    await rig.reach()
    await rig.check()
    return { seconds: ms / 1000, cpuSeconds: cpuUs / 1e6, cpuUs: cpuUs / (readers * behind), rssGrowthMiB: (memory.peak - before) / 1024 ** 2 }
  })
}

const lookMs = 25

class PeakRss {
  readonly #server: Server
  readonly #timer: NodeJS.Timeout
  peak = 0

  constructor(server: Server) {
    this.#server = server
    this.#timer = setInterval(() => this.#look(), lookMs)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    if (!this.#server.isThere) return this.stop()
    this.peak = Math.max(this.peak, this.#server.rssBytes)
  }
}
