// One simulated run: the real kernel, driver, protocol and client machines over fake clock, network and log, with the
// faults of a plan, and every law judged as it goes. First safety: whatever happens, nothing wrong is ever given. Then
// liveness: everything is healed, and within bounded time every client is at the head with the state of one that was never
// cut, every publisher is done, and nothing is left in memory.

import { DisabledLiveReplayStore, logModel, sessionName, type KernelConfig, type SessionModel, type SessionName } from "@tidemark/kernel"
import type { DriverConfig, LogRequest, Receipt, SessionSettings } from "@tidemark/driver"
import { Chance } from "../chance.ts"
import { FakeClient } from "../fake-client.ts"
import { FakeDisk, isChange } from "../fake-disk.ts"
import { FakeHost, type FakeHostSettings } from "../fake-host.ts"
import { FakeLog } from "../fake-log.ts"
import type { NetworkSettings } from "../fake-network.ts"
import { FakePublisher } from "../fake-publisher.ts"
import { Schedule } from "../schedule.ts"
import { Capsules } from "./capsules.ts"
import { Coverage } from "./coverage.ts"
import type { FaultName } from "./faults.ts"
import { placeOf } from "./gap-reasons.ts"
import type { Plan, ReaderPlan } from "./plan.ts"
import { ReaderChecker } from "./reader-checker.ts"
import { Record, type Lifetime, type TrueEntry } from "./record.ts"
import { Violation } from "./violation.ts"

/** A client of the world, and what is known about it. */
export interface Watched {
  readonly plan: ReaderPlan
  readonly client: FakeClient
  readonly checker: ReaderChecker
  /** Cursors it has had, the oldest first; some of them. */
  readonly cursors: string[]
  /** It came with a cursor that was made up. */
  forged: boolean
}

export const newSession: SessionSettings = { model: "log", retention: {}, metadata: null }
/** Made with a bound of its own, which the log applies with every append that a snapshot covers. */
const bounded: SessionSettings = { ...newSession, retention: { events: 24 } }
/** Small, so that a short run reaches all of them. */
const recoverEvents = 12
const windowEvents = 16
const readBytes = 2_000

/** No run of a plan takes nearly as many. */
const stepsMost = 1_000_000

/** A model of this version: the same fold under another number. */
export function modelOf(version: number): SessionModel {
  return { ...logModel, version, migrate: (_from, shown) => shown }
}

export class World {
  readonly plan: Plan
  readonly schedule = new Schedule()
  readonly coverage = new Coverage()
  readonly record: Record
  readonly disk: FakeDisk
  readonly hosts: readonly FakeHost[]
  readonly readers: readonly Watched[]
  readonly publishers: readonly FakePublisher[]
  readonly sessions: readonly SessionName[]
  /** What happens outside of the machines: kept apart, so that faults do not shift what the parts draw. */
  readonly chance: Chance
  readonly network: NetworkSettings
  /** The time of day is so far from the world's own time. */
  wallOffset = 1_000_000
  losesWakes = false
  /** Of the largest observation that was given to a reader, with what frames it. */
  observationBytes = 2_000
  /** Sessions that were not given their last event yet. */
  lastsDue = 0
  /** Entries that somebody was told are recorded. */
  readonly receipts: TrueEntry[] = []
  version = 1
  #number = 0
  readonly #capsules: Capsules | undefined
  readonly #trace: ((line: string) => void) | undefined

  constructor(plan: Plan, trace?: (line: string) => void) {
    this.plan = plan
    this.#trace = trace
    this.chance = Chance.fork(plan.seed, "world")
    this.sessions = Array.from({ length: plan.sessions }, (_, i) => sessionName("default", `s${i}`))
    const windowBytes = this.has("stalled-reader") ? 2_000 : 20_000
    this.network = { latencyMs: [1, Math.max(1, plan.latencyMs)], splits: plan.splits, windowBytes, keepAliveMs: 60_000 }
    this.#capsules = plan.records ? new Capsules(this.session(0), () => this.schedule.now) : undefined
    this.record = new Record(() => this.schedule.steps, numberOf)
    this.disk = new FakeDisk({ limits: this.#logLimits(), keepsEntries: !this.has("no-history") })
    this.disk.watch({
      applied: (request, answer) => {
        this.say(() => `log    ${request.type}${"session" in request ? ` ${request.session}` : ""} → ${describe(answer)}`)
        this.record.applied(request, answer)
        if (plan.nodes > 1 && isChange(request) && request.type !== "save") this.#wakeAll(sessionsOf(request))
      },
      restored: (kept, generation) => {
        this.say(() => `log    restored to ${kept} changes${generation === undefined ? "" : `, generation ${generation}`}`)
        this.record.restored(kept, generation)
      },
    })
    this.hosts = Array.from({ length: plan.nodes }, (_, i) => this.#host(i))
    this.readers = plan.readers.map((reader, i) => this.#reader(reader, i))
    this.publishers = plan.publishers.map((publisher, i) => {
      const session = this.session(publisher.session)
      const batch = { lines: publisher.lines, bytes: 10_000 }
      const options = { session, producer: `p${i}`, create: this.settingsOf(publisher.session), batch }
      return new FakePublisher(this.schedule, Chance.fork(plan.seed, `publisher ${i}`), this.network, () => this.anyHost(publisher.node), options)
    })
  }

  has(name: FaultName): boolean {
    return this.plan.faults.includes(name)
  }

  /** Whether it has happened, and not only might have. */
  met(name: FaultName): boolean {
    return (this.coverage.faults[name] ?? 0) > 0
  }

  say(line: () => string): void {
    this.#trace?.(`${String(this.schedule.now).padStart(8)} ${line()}`)
  }

  session(index: number): SessionName {
    const session = this.sessions[index % this.sessions.length]
    if (session === undefined) throw new Error("a world has a session")
    return session
  }

  host(index: number): FakeHost {
    const host = this.hosts[index % this.hosts.length]
    if (host === undefined) throw new Error("a world has a host")
    return host
  }

  /** What a session is made with, by whoever makes it. */
  settingsOf(index: number): SessionSettings {
    return this.has("trim") && index % 2 === 1 ? bounded : newSession
  }

  /** The node that a request reaches: mostly the one it is for, at times another. */
  anyHost(index: number): FakeHost {
    return this.host(this.hosts.length > 1 && this.chance.flip(0.3) ? index + 1 : index)
  }

  /** Data that no other event has. */
  nextNumber(): number {
    this.#number += 1
    return this.#number
  }

  kernelConfig(): KernelConfig {
    const limits = { windowEvents, windowBytes: 4_000, windowAgeMs: 900_000, recoverEvents, encodesPerSecond: 2, retryMs: 100 }
    return { models: [modelOf(this.version)], readersPerSession: this.has("full-log") ? 2 : 100, ...limits }
  }

  /** Where the log is, as far as a question that is asked now must know: a sole log's user knows what was acknowledged. */
  headOf(session: SessionName): { readonly lifetime: Lifetime | undefined; readonly head: number } {
    const lifetime = this.record.current.get(session)
    const head = this.plan.nodes > 1 ? lifetime?.entries.length : lifetime?.acknowledged
    return { lifetime, head: Math.min(head ?? 0, lifetime?.entries.length ?? 0) }
  }

  acknowledged({ epoch, last }: Receipt): void {
    const lifetime = this.record.lifetimes.get(epoch)
    if (lifetime === undefined) return
    lifetime.acknowledged = Math.max(lifetime.acknowledged, last)
    const entry = lifetime.entries[last - 1]
    // Where a tail was lost, its last answers may still have been on their way.
    if (entry === undefined && lifetime.cuts.length > 0) return
    if (entry === undefined) throw new Violation("L5", `entry ${last} of ${lifetime.session} was acknowledged, and is not there`)
    this.receipts.push(entry)
  }

  /** The outcome of an append is unknown: from now on the log itself is asked, and says what is there. */
  unsure(session: SessionName): void {
    const lifetime = this.record.current.get(session)
    if (lifetime !== undefined) lifetime.acknowledged = lifetime.entries.length
  }

  /** Lets the next thing happen; false: nothing is left to happen before `until`. */
  step(until: number): boolean {
    const happened = this.schedule.step(until)
    if (happened && this.schedule.steps % 64 === 0) this.checkMemory()
    if (this.schedule.steps > stepsMost) throw new Violation("liveness", `the world is not still after ${stepsMost} steps`)
    return happened
  }

  runFor(ms: number): void {
    const until = this.schedule.now + ms
    while (this.step(until));
    this.schedule.run(Math.max(0, until - this.schedule.now))
  }

  /** What waits for slow clients is bounded by their number, and by nothing that was published (L12), and not for long (L14). */
  checkMemory(): void {
    for (const [i, host] of this.hosts.entries()) {
      const most = host.streams * (this.network.windowBytes + readBytes + this.observationBytes)
      if (host.bufferedBytes > most) throw new Violation("L12", `host ${i} holds ${host.bufferedBytes} bytes for ${host.streams} streams`)
      // What is overdue, as it all is after a sleep, is done first.
      const isLate = (this.schedule.nextAt ?? Infinity) <= this.schedule.now
      if (!isLate && host.stuckForMs > host.times.writeDeadlineMs) {
        throw new Violation("L14", `host ${i} keeps a client that has taken nothing for ${host.stuckForMs} ms`)
      }
      const stats = host.stats()
      if (stats === undefined) continue
      const { windowEntries, sessions } = stats.kernel
      if (windowEntries > sessions * (windowEvents + 1)) throw new Violation("L17", `host ${i} holds ${windowEntries} entries for ${sessions} sessions`)
    }
  }

  /** A host is about to be killed, or the run is over. */
  endLife(host: number): void {
    this.#capsules?.check(host % this.hosts.length)
  }

  #logLimits() {
    const full = this.has("full-log")
    return {
      memoryLogEvents: full ? 20 : this.has("trim") ? 40 : 10_000,
      memoryLogBytes: 10_000_000,
      keyAgeMs: 1e12,
      keysPerSession: 100_000,
      keysPerProducer: 16,
      sessionsPerWorkspace: full ? Math.max(1, this.plan.sessions - 1) : 1_000,
    }
  }

  #driverConfig(): DriverConfig {
    const [full, idle] = [this.has("full-log"), this.has("idle")]
    return {
      sessionsInMemoryMax: idle ? 2 : 10,
      sessionIdleMs: idle ? 1_000 : 60_000,
      snapshotEvents: full ? 1_000 : this.has("trim") ? 20 : 50,
      snapshotBytes: 100_000,
      pageEvents: 8,
      pageBytes: 10_000,
      retryMs: 100,
      positionCheckMs: 40_000,
      groupDraftsMax: 100,
      groupBytesMax: 100_000,
      waitingDraftsMax: full ? 40 : 1_000,
      waitingBytesMax: 1_000_000,
    }
  }

  #host(index: number): FakeHost {
    const { seed, nodes, logDelayMs } = this.plan
    const chance = Chance.fork(seed, `host ${index}`)
    const log = new FakeLog(this.schedule, chance, this.disk, { sole: nodes === 1, durability: "local", delayMs: [Math.min(1, logDelayMs), logDelayMs] })
    const times = { heartbeatMs: 15_000, maxAgeMs: 600_000, retryMs: 2_000, writeDeadlineMs: 30_000 }
    const stream = { ...times, quietEntriesMax: windowEvents / 4, budget: { events: 8, bytes: readBytes } }
    const settings: FakeHostSettings = { kernel: this.kernelConfig(), driver: this.#driverConfig(), stream, logTimeoutMs: 5_000 }
    const store = this.has("no-history") ? () => new DisabledLiveReplayStore({ events: windowEvents, bytes: 4_000, ageMs: 900_000 }) : undefined
    const capsules = this.#capsules
    const recording: Partial<FakeHostSettings> = capsules === undefined ? {} : { makeKernel: (config, parts) => capsules.kernelOf(index, config, parts) }
    const whole: FakeHostSettings = { ...settings, ...recording, ...(store === undefined ? {} : { store }) }
    return new FakeHost(this.schedule, chance, log, whole, () => this.schedule.now + this.wallOffset, {
      read: (_reader, outcome) => {
        this.coverage.outcome("read", outcome)
        if ("observation" in outcome) this.observationBytes = Math.max(this.observationBytes, 2_000 + JSON.stringify(outcome.observation).length * 2)
      },
      answered: (request, outcome) => {
        this.say(() => `host ${index} ${request.type} → ${describe(outcome)}`)
        this.coverage.outcome(request.type === "publish" ? "append" : "subscribe", outcome)
        if (outcome.type === "appended") this.acknowledged(outcome.receipt)
        if (outcome.type === "failed" && outcome.effect === "unknown") this.unsure(request.session)
      },
    })
  }

  #reader(plan: ReaderPlan, index: number): Watched {
    const options = {
      session: this.session(plan.session),
      from: plan.from,
      recover: plan.recover,
      waits: plan.waits,
      takesMs: plan.takesMs,
      ...(plan.filtered ? { kinds: ["odd", "committed"] } : {}),
      ...(plan.folds ? { model: modelOf(1) } : {}),
    }
    const checker = new ReaderChecker(this, options, recoverEvents, (reason) => this.coverage.gap(reason))
    const cursors: string[] = []
    const client = new FakeClient(this.schedule, Chance.fork(this.plan.seed, `reader ${index}`), this.network, () => this.anyHost(plan.node), options, {
      connecting: (_client, request) => {
        this.say(() => `client ${index} connects ${request.cursor === undefined ? request.from : `at ${placeOf(options.session, request.cursor)}`}`)
        checker.connecting(request)
      },
      item: (given, item) => {
        this.say(() => `client ${index} ${describe(item)}`)
        checker.item(given, item)
        if (item.cursor !== undefined && this.chance.flip(0.1)) cursors.push(item.cursor)
        given.items.length = 0
      },
      taken: () => checker.taken(),
    })
    return { plan, client, checker, cursors, forged: false }
  }

  #wakeAll(sessions: readonly SessionName[]): void {
    if (this.losesWakes) return
    const times = this.has("wake-again") && this.chance.flip(0.5) ? 2 : 1
    for (const session of new Set(sessions)) {
      for (const host of this.hosts) {
        for (let i = 0; i < times; i++) {
          const late = this.has("wake-again") ? this.chance.skewed(3_000) : this.chance.skewed(20)
          this.schedule.after(late, () => host.tell((driver, now) => driver.handleWake(now, session)))
        }
      }
    }
  }
}

/** The number in an event's data, wherever it stands; `undefined` for holes and closes. */
export function numberOf(text: string): number | undefined {
  const found = /"n":(\d+)/.exec(text)?.[1]
  return found === undefined ? undefined : Number(found)
}

function sessionsOf(request: LogRequest): readonly SessionName[] {
  if (request.type === "append") return request.parts.map((part) => part.session)
  return "session" in request ? [request.session] : []
}

/** One line of what is given, without what only fills it. */
function describe(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing"
  return text.length > 240 ? `${text.slice(0, 240)}…` : text
}
