// The driver bound to a memory log in one loop, the way every host binds it; answers can be held back, reordered or lost,
// so that a log that is not in this process can be played. For the tests of this package.

import {
  everything,
  instant,
  jsonText,
  Kernel,
  later,
  logModel,
  sessionName,
  timestamp,
  type Draft,
  type Instant,
  type LiveReplayStore,
  type ObservationJson,
  type ReaderId,
} from "@tidemark/kernel"
import type { Call } from "./call.ts"
import { Driver, type DriverConfig } from "./machine.ts"
import { MemoryLog } from "./memory-log.ts"
import type { AppendCallOutcome, AppendRequest, SubscribeCallOutcome } from "./outcomes.ts"
import type { LogAnswer, SessionLog } from "./session-log.ts"

const config: DriverConfig = {
  sessionsInMemoryMax: 10,
  sessionIdleMs: 60_000,
  snapshotEvents: 50,
  snapshotBytes: 100_000,
  pageEvents: 8,
  pageBytes: 10_000,
  retryMs: 100,
  groupDraftsMax: 100,
  groupBytesMax: 100_000,
  waitingDraftsMax: 1_000,
  waitingBytesMax: 1_000_000,
}

export const jobs = sessionName("default", "jobs")
export const budget = { events: 8, bytes: 65_536 }
export const settings = { model: "log", retention: {}, metadata: null }
export const line = (data: string) => ({ type: "event" as const, kind: "line", data: jsonText(data), commit: false })

/** A process: kernel and driver over a log that may outlive it. */
export class World {
  now: Instant = instant(0)
  readonly driver: Driver
  /** Answers of a log that is not in this process: held back until they are let through. */
  readonly held: { readonly id: number; readonly answer: LogAnswer }[] = []
  holding = false
  readonly log: SessionLog

  constructor(log: SessionLog = memoryLog(), parts: Partial<DriverConfig> = {}, store?: LiveReplayStore, models = [logModel]) {
    this.log = log
    const limits = {
      models,
      windowEvents: 16,
      windowBytes: 1_000_000,
      windowAgeMs: 900_000,
      readersPerSession: 100,
      recoverEvents: 20,
      encodesPerSecond: 2,
      retryMs: 100,
    }
    const kernel = new Kernel(limits, store === undefined ? {} : { liveReplayStore: store })
    this.driver = new Driver({ ...config, ...parts }, kernel, log)
  }

  run(): void {
    let requests = 0
    for (let next = this.driver.pollRequest(); next !== undefined; next = this.driver.pollRequest()) {
      requests += 1
      if (requests > 500) throw new Error(`the driver spins: ${JSON.stringify(next.request)}`)
      const { id, request } = next
      this.log.submit(request, (answer) => {
        if (this.holding) this.held.push({ id, answer })
        else this.driver.handleAnswer(this.now, id, answer)
      })
    }
  }

  /** Answers one request that was held back: as the log did, as failed, or as an append nobody knows the outcome of. */
  answerHeld(which: number, as: "it is" | "failed" | "lost"): void {
    const [held] = this.held.splice(which % Math.max(1, this.held.length), 1)
    if (held === undefined) return
    const { id, answer } = held
    const effect = answer.type === "appended" ? "unknown" : "none"
    if (as === "it is") this.driver.handleAnswer(this.now, id, answer)
    else this.driver.handleAnswer(this.now, id, { type: "failed", effect, reason: "unavailable", detail: as })
    this.run()
  }

  release(): void {
    this.holding = false
    for (const { id, answer } of this.held.splice(0)) this.driver.handleAnswer(this.now, id, answer)
    this.run()
  }

  settle<Outcome>(call: Call<Outcome>): Outcome {
    this.run()
    if (call.outcome === undefined) throw new Error("the call has not settled")
    return call.outcome
  }

  /** Lets `ms` pass, and does what is due then. */
  wait(ms: number): void {
    this.now = later(this.now, ms)
    this.driver.handleTimeout(this.now)
    this.run()
  }

  /** Asks; the log hears of it with the next `run` or `settle`. */
  append(drafts: readonly Draft[], parts: Partial<AppendRequest> = {}): Call<AppendCallOutcome> {
    return this.driver.append(this.now, timestamp(1_000), { session: jobs, drafts, create: settings, ...parts })
  }

  publish(from: number, to: number, session = jobs): void {
    for (let n = from; n <= to; n++) {
      const outcome = this.settle(this.append([line(`${n}`)], { session }))
      if (outcome.type !== "appended") throw new Error(`not appended: ${outcome.type}`)
    }
  }

  /** The observation as it is sent. */
  observe(session = jobs): ObservationJson {
    const outcome = this.settle(this.driver.observe(this.now, session))
    if (outcome.type !== "observed") throw new Error(`not observed: ${outcome.type}`)
    return JSON.parse(JSON.stringify(outcome.observation))
  }

  subscribe(start: Parameters<Driver["subscribe"]>[2]): ReaderId {
    return readerOf(this.settle(this.driver.subscribe(this.now, jobs, start, { filter: everything, recovery: "events" })))
  }

  /** Reads until there is nothing more; events as `position`, all else by name. */
  readAll(reader: ReaderId): readonly (number | string)[] {
    const seen: (number | string)[] = []
    for (let turns = 0; turns < 1_000; turns++) {
      const outcome = this.driver.read(this.now, reader, budget)
      this.run()
      switch (outcome.type) {
        case "events":
          seen.push(...outcome.batch.events.map((event) => event.position))
          break
        case "gap":
          seen.push(`gap ${outcome.gap.reason}`)
          break
        case "observation":
          seen.push(`observation ${outcome.observation.point.position}`)
          break
        case "ended":
          return [...seen, `ended ${outcome.reason}`]
        case "failed":
          return [...seen, "failed"]
        case "idle":
          if (outcome.upToDate) return [...seen, "up to date"]
          if (this.driver.pollReady() === undefined) return [...seen, "waiting"]
      }
    }
    throw new Error("the reader spins")
  }
}

export function readerOf(outcome: SubscribeCallOutcome): ReaderId {
  if (outcome.type !== "subscribed") throw new Error(`not subscribed: ${outcome.type}`)
  return outcome.reader
}

export function memoryLog(prefix = "t"): SessionLog {
  let tokens = 0
  return new MemoryLog({
    limits: { memoryLogEvents: 60, memoryLogBytes: 1_000_000, keyAgeMs: 86_400_000, keysPerSession: 100, keysPerProducer: 64, sessionsPerWorkspace: 100 },
    token: () => `${prefix}${++tokens}`,
  })
}
