// Every limit and time of a fake world, in one flat table: what a host's configuration would say, and how far away network
// and log are. The values are the host's own defaults, except that network and log are a few milliseconds away. A world
// overrides by name: `new FakeWorld({ settings: { windowEvents: 4 } })`.

import type { DriverConfig, MemoryLogLimits } from "@tidemark/driver"
import type { KernelConfig, SessionModel } from "@tidemark/kernel"
import type { FakeHostSettings } from "./fake-host.ts"
import type { FakeLogSettings } from "./fake-log.ts"
import type { NetworkSettings } from "./fake-network.ts"
import type { StreamTimes } from "./fake-stream.ts"

type OfKernel = Omit<KernelConfig, "models">
type OfNetwork = Omit<NetworkSettings, "windowBytes">
type OfLog = Omit<FakeLogSettings, "sole" | "delayMs">
type OfStreams = Omit<StreamTimes, "retryMs" | "budget">

/** Milliseconds, entries and bytes; each name is explained where it comes from. */
export interface FakeSettings extends OfKernel, DriverConfig, MemoryLogLimits, OfNetwork, OfLog, OfStreams {
  /** Bytes that the server may write before the client takes some: what the sockets between them hold. */
  readonly socketBytes: number
  /** Milliseconds until a host finds out by itself that a client went silent for ever. */
  readonly keepAliveMs: number
  /** From a request to its effect in the log, and from there to its answer: between the two. 0 and 0: a log in the process. */
  readonly logDelayMs: readonly [number, number]
  /** A call that the log has not answered for so long is given up, its outcome unknown. */
  readonly logTimeoutMs: number
  /** What clients are told about coming back, give or take half. */
  readonly comeBackMs: number
  /** At most so much of one read. */
  readonly readEvents: number
  readonly readBytes: number
}

const KiB = 2 ** 10
const MiB = 2 ** 20

const networkAndLog = {
  latencyMs: [1, 5],
  splits: 0,
  socketBytes: 64 * KiB,
  keepAliveMs: 60_000,
  logDelayMs: [1, 3],
  logTimeoutMs: 5_000,
  durability: "local",
  memoryLogEvents: 100_000,
  memoryLogBytes: 64 * MiB,
  keyAgeMs: 86_400_000,
  keysPerSession: 10_000,
  keysPerProducer: 64,
  sessionsPerWorkspace: 100_000,
} as const

const sessions = {
  windowEvents: 2_048,
  windowBytes: 4 * MiB,
  windowAgeMs: 900_000,
  recoverEvents: 1_000,
  encodesPerSecond: 2,
  readersPerSession: 10_000,
  sessionsInMemoryMax: 10_000,
  sessionIdleMs: 60_000,
  snapshotEvents: 2_048,
  snapshotBytes: 4 * MiB,
  pageEvents: 1_000,
  pageBytes: MiB,
  retryMs: 100,
  positionCheckMs: 15_000,
  groupDraftsMax: 1_024,
  groupBytesMax: 4 * MiB,
  waitingDraftsMax: 65_536,
  waitingBytesMax: 64 * MiB,
}

const streams = {
  heartbeatMs: 15_000,
  maxAgeMs: 600_000,
  writeDeadlineMs: 30_000,
  quietEntriesMax: 512,
  comeBackMs: 2_000,
  readEvents: 64,
  readBytes: 64 * KiB,
}

export const fakeSettings: FakeSettings = { ...networkAndLog, ...sessions, ...streams }

/** The defaults and what a world says otherwise; a name that nobody knows, as JavaScript lets one write it, is refused. */
export function settingsWith(changes: Partial<FakeSettings>): FakeSettings {
  for (const name of Object.keys(changes)) {
    if (!Object.hasOwn(fakeSettings, name)) throw new Error(`settings: there is no ${JSON.stringify(name)}. ${offer(name)}`)
  }
  return { ...fakeSettings, ...changes }
}

/** The names that have a word of `unknown`, or else all. */
function offer(unknown: string): string {
  const names = Object.keys(fakeSettings)
  const wordsOf = (name: string) => name.split(/(?=[A-Z])/).map((word) => word.toLowerCase())
  const near = names.filter((name) => wordsOf(name).some((word) => word.length > 3 && unknown.toLowerCase().includes(word)))
  return near.length > 0 ? `Near it are: ${near.join(", ")}` : `There are: ${names.join(", ")}`
}

/** The part that a log takes: it refuses to be told of anything else. */
export function diskLimits(settings: FakeSettings): MemoryLogLimits {
  const { memoryLogEvents, memoryLogBytes, keyAgeMs, keysPerSession, keysPerProducer, sessionsPerWorkspace } = settings
  return { memoryLogEvents, memoryLogBytes, keyAgeMs, keysPerSession, keysPerProducer, sessionsPerWorkspace }
}

/** The part that a host takes. */
export function hostSettings(settings: FakeSettings, models: readonly SessionModel[]): FakeHostSettings {
  const { comeBackMs, readEvents, readBytes, logTimeoutMs } = settings
  return {
    kernel: { ...settings, models },
    driver: settings,
    stream: { ...settings, retryMs: comeBackMs, budget: { events: readEvents, bytes: readBytes } },
    logTimeoutMs,
  }
}
