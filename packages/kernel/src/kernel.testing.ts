// A kernel that is its own log, and short ways to use it: for the tests of this package.

import { everything } from "./filter.ts"
import { epoch, instant, sessionName, timestamp, type ReaderId } from "./ids.ts"
import { jsonText, type Json } from "./json.ts"
import type { KernelConfig } from "./kernel-config.ts"
import type { LiveReplayStore } from "./live-replay-store.ts"
import { Kernel } from "./machine.ts"
import { logModel } from "./models/log.ts"
import type { ReaderOptions, ReaderStart } from "./outcomes.ts"

export const session = sessionName("default", "turn-1")
export const first = epoch("gen", "one")
export const budget = { events: 64, bytes: 65_536 }
export const t0 = instant(0)

export const config: KernelConfig = {
  models: [logModel],
  windowEvents: 8,
  windowBytes: 10_000,
  windowAgeMs: 60_000,
  readersPerSession: 10,
  recoverEvents: 5,
  encodesPerSecond: 2,
  retryMs: 100,
}

/** A kernel with one own session, and `record`, `commit`, `subscribe` without what every test repeats. */
export function start(parts: Partial<KernelConfig> = {}, store?: LiveReplayStore) {
  const kernel = new Kernel({ ...config, ...parts }, store === undefined ? {} : { liveReplayStore: store })
  kernel.createSession(t0, session, { epoch: first, model: "log" })
  return {
    kernel,
    record: (data: Json, kind = "line", now = t0) => kernel.record(now, timestamp(1_000), session, { kind, data: jsonText(data) }),
    commit: (data: Json, now = t0) => kernel.commit(now, timestamp(1_000), session, { data: jsonText(data) }),
    subscribe(from: ReaderStart, options: Partial<ReaderOptions> = {}): ReaderId {
      const outcome = kernel.subscribe(t0, session, from, { filter: everything, recovery: "events", ...options })
      if (outcome.type !== "subscribed") throw new Error(`not subscribed: ${outcome.type}`)
      return outcome.reader
    },
    /** Reads once at `now`; events as their data, everything else by name. */
    read(reader: ReaderId, now = t0): readonly Json[] | string {
      const outcome = kernel.read(now, reader, budget)
      switch (outcome.type) {
        case "events":
          return outcome.batch.events.map((entry) => entry.event().data)
        case "gap": {
          const at = outcome.observation === undefined ? "" : `, at ${outcome.observation.point.position}`
          return `gap ${outcome.gap.reason}, ${outcome.gap.missed} missed${at}`
        }
        case "observation":
          return `observation at ${outcome.observation.point.position}`
        case "idle":
          return outcome.upToDate ? "up to date" : "waiting"
        case "ended":
          return `ended: ${outcome.reason}`
        case "behind":
        case "failed":
          return outcome.type
      }
    },
  }
}
