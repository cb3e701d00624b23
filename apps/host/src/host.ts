// The host, put together: log, driver, engine, routes, server. Everything with a lifetime is acquired in the scope and let
// go of in reverse: first the server drains, with the engine still answering, then the engine stops.

import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import { DisabledLiveReplayStore, logModel, RecordingKernel, type AppendFailure, type KernelConfig } from "@tidemark/kernel"
import { Driver, type DriverConfig, type SessionLog } from "@tidemark/driver"
import type { DataRefused } from "@tidemark/log-sqlite"
import { mounts } from "./api.ts"
import { systemChance, systemClock, type Chance, type Clock } from "./clock.ts"
import type { HostConfig } from "./config.ts"
import { Engine, type EngineParts } from "./engine.ts"
import { hostRoutes } from "./host-routes.ts"
import type { HostParts } from "./host-parts.ts"
import { listen, type ListenFailed } from "./http-server.ts"
import type { Limits } from "./limits.ts"
import { Meter } from "./meter.ts"
import { OpenStreams } from "./open-streams.ts"
import { openLog } from "./open-log.ts"
import { Rates } from "./rates.ts"
import { Recordings } from "./recordings.ts"
import { mount, Router } from "./router.ts"
import { listRoutes, sessionRoutes } from "./session-routes.ts"
import { defaultSettings } from "./session-settings.ts"
import { recordingRoutes } from "./recording-routes.ts"
import { streamRoutes } from "./stream-routes.ts"

export interface HostOptions {
  readonly config: HostConfig
  readonly version: string
  /** A bug of ours surfaced where nobody could be answered; the host must be ended. */
  readonly fatal: (error: unknown) => void
  readonly clock?: Clock
  readonly chance?: Chance
  /** Instead of the one that `config.log` names. */
  readonly log?: SessionLog
  /** Rates count loopback too: for tests, which have no other address. */
  readonly countsLoopback?: boolean
}

export interface RunningHost {
  readonly port: number
  /** With the port that was chosen. */
  readonly url: string
  readonly parts: HostParts
}

/** Runs until the scope closes, which takes no longer than the drain limit. */
export function runHost(options: HostOptions): Effect.Effect<RunningHost, DataRefused | ListenFailed, Scope.Scope> {
  const { config, version, clock = systemClock, chance = systemChance } = options
  const { limits, host } = config
  return Effect.gen(function* () {
    const log = options.log ?? (yield* openLog({ config, models, clock, chance, fatal: options.fatal }))
    const runSync = Runtime.runSync(yield* Effect.runtime<never>())
    const report = (where: string, fault: unknown): void => runSync(Effect.logError(where, fault))
    const kernel = makeKernel(limits, log)
    const engine = yield* Effect.acquireRelease(
      Effect.sync(() => makeEngine(options, kernel, log, clock, (failure) => report(appendFailed(failure), failure.error))),
      (engine) => Effect.sync(() => engine.close()),
    )
    const meter = new Meter()
    const streams = new OpenStreams(engine, meter, limits, chance)
    const rates = new Rates(limits, options.countsLoopback)
    const recordings = new Recordings(engine, kernel, streams, limits, chance)
    const parts: HostParts = { config, engine, meter, streams, rates, recordings, newSession: defaultSettings(limits), report, version }
    const port = yield* listen(parts, new Router(allRoutes(parts)))
    return { port, url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`, parts }
  })
}

function allRoutes(parts: HostParts) {
  const ofSession = [...sessionRoutes(parts), ...streamRoutes(parts), ...recordingRoutes(parts)]
  const ofList = listRoutes(parts)
  const mounted = mounts.flatMap(({ collection, session }) => [...mount(session, ofSession), ...mount(collection, ofList)])
  return [...mounted, ...hostRoutes(parts)]
}

function appendFailed({ type, session, position }: AppendFailure): string {
  const said = type === "view_failed" ? "the model threw on an event; the view is that of the others" : "the window refused an entry"
  return `${session} at position ${position}: ${said}`
}

function makeKernel(limits: Limits, log: SessionLog): RecordingKernel {
  const store = log.keepsEntries ? {} : { liveReplayStore: new DisabledLiveReplayStore(windowLimits(limits)) }
  return new RecordingKernel(kernelConfig(limits), store)
}

function makeEngine({ config, fatal }: HostOptions, kernel: RecordingKernel, log: SessionLog, clock: Clock, report: EngineParts["report"]): Engine {
  const { limits } = config
  const driver = new Driver(driverConfig(config), kernel, log)
  return new Engine({ driver, log, clock, logTimeoutMs: limits["log-timeout"], flushPauseMs: limits["flush-pause"], report, fatal })
}

function windowLimits(limits: Limits) {
  return { events: limits["window-events"], bytes: limits["window-bytes"], ageMs: limits["window-age"] }
}

const models = [logModel]

function kernelConfig(limits: Limits): KernelConfig {
  return {
    models,
    windowEvents: limits["window-events"],
    windowBytes: limits["window-bytes"],
    windowAgeMs: limits["window-age"],
    readersPerSession: limits["readers-per-session"],
    recoverEvents: limits["recover-events"],
    encodesPerSecond: limits["encodes-per-second"],
    retryMs: retryLogMs,
  }
}

/** How long after a failure the log is asked again. */
const retryLogMs = 1000

/** A snapshot is saved often enough that opening a session folds a window at most, and rarely enough to cost nothing. */
function driverConfig({ log, limits }: HostConfig): DriverConfig {
  // The memory log lets go of nothing that no snapshot covers: one is due before its bound is.
  const kept = log === "memory" ? { events: limits["memory-log-events"], bytes: limits["memory-log-bytes"] } : { events: Infinity, bytes: Infinity }
  return {
    sessionsInMemoryMax: limits["sessions-in-memory"],
    sessionIdleMs: 60_000,
    snapshotEvents: Math.max(1, Math.min(limits["window-events"], Math.floor(kept.events / 2))),
    snapshotBytes: Math.max(1, Math.min(limits["window-bytes"], Math.floor(kept.bytes / 2))),
    groupDraftsMax: 1024,
    groupBytesMax: limits["body-bytes"],
    waitingDraftsMax: 65_536,
    waitingBytesMax: 16 * limits["body-bytes"],
    logEventsMax: kept.events,
    pageEvents: 1000,
    pageBytes: 1024 * 1024,
    retryMs: retryLogMs,
    positionCheckMs: 40_000,
  }
}
