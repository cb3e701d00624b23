// One object that an application's test makes: hosts, a log, clients and publishers in virtual time, from a seed. Nothing
// here is awaited: what a method asks for has happened, in the world's own time, when it returns, and the same calls give
// the same run, step by step.
//
// The one thing to know: time passes only while one of `runFor`, `runUntil`, `runUntilCaughtUp` or a call to a host runs, and
// never within a callback (`onItem`): there the world is in the middle of a step.

import { ClientError, type ClientItem } from "@tidemark/client"
import type { AppendCallOutcome, Call, Driver, Expectation, LogFailed, Receipt, Retention, SessionSettings } from "@tidemark/driver"
import { parseIdempotencyKey } from "@tidemark/driver"
import { idOf, jsonText, logModel, parseCursor, sessionName } from "@tidemark/kernel"
import type { Closed, Instant, Json, ObservationJson, SessionEvent, SessionModel, SessionName, Timestamp } from "@tidemark/kernel"
import { Chance } from "./chance.ts"
import { FakeClient, type FakeClientOptions } from "./fake-client.ts"
import { FakeDisk, isChange } from "./fake-disk.ts"
import { FakeHost } from "./fake-host.ts"
import { FakeLog } from "./fake-log.ts"
import { FakePublisher, type FakePublisherOptions } from "./fake-publisher.ts"
import { diskLimits, hostSettings, settingsWith, type FakeSettings } from "./fake-settings.ts"
import { describeAnswer, describeItem, Trace } from "./trace.ts"
import { Schedule } from "./schedule.ts"

export interface FakeWorldOptions {
  /** Whole number or text; the same seed gives the same run. */
  readonly seed?: number | string
  /** What sessions may be folded with; the first is what they are made with, and what clients fold with. Default: `logModel`. */
  readonly models?: readonly SessionModel[]
  /** Hosts on one log. */
  readonly hosts?: number
  readonly workspace?: string
  /** Unix milliseconds of the world's time 0. */
  readonly startsAt?: number
  /** Limits and times that are not those of `fakeSettings`. */
  readonly settings?: Partial<FakeSettings>
  /** Given each line of what happens. */
  readonly onTrace?: (line: string) => void
}

export interface WorldClientOptions extends Omit<FakeClientOptions, "session"> {
  /** Its id. */
  readonly session: string
  /** False: items carry no state. */
  readonly folds?: boolean
  /** The host that it reaches. */
  readonly host?: number
  /** The application's own code, in place of `for await (const item of connect(…))`. */
  readonly onItem?: (item: ClientItem) => void
}

export interface WorldPublisherOptions extends Omit<FakePublisherOptions, "session"> {
  readonly session: string
  readonly host?: number
}

/** An event to be recorded; with `commit` it settles the view. */
export interface WorldDraft {
  readonly kind: string
  readonly data: Json
  readonly commit?: boolean
}

export interface WorldPublishOptions {
  /** Idempotency key: the same key with the same drafts is recorded once. */
  readonly key?: string
  readonly expect?: Expectation
  readonly host?: number
}

/** A Thursday: 2026-01-01T00:00:00.000Z. */
const newYear = 1_767_225_600_000
/** A world that takes so many steps at once is going round in circles. */
const stepsMost = 1_000_000

export class FakeWorld {
  readonly schedule = new Schedule()
  readonly settings: FakeSettings
  readonly disk: FakeDisk
  readonly hosts: readonly FakeHost[]
  readonly clients: FakeClient[] = []
  readonly publishers: FakePublisher[] = []
  /** The time of day is so far from where `startsAt` and the clock have it: set it to make the wall clock jump. */
  wallOffset = 0
  readonly #seed: number | string
  readonly #models: readonly SessionModel[]
  readonly #workspace: string
  readonly #trace: Trace
  #running = false

  constructor(options: FakeWorldOptions = {}) {
    const { seed = 1, models = [logModel], hosts = 1, workspace = "default", startsAt = newYear, settings = {}, onTrace } = options
    if (!Number.isSafeInteger(hosts) || hosts < 1) throw new Error(`a world has 1 host or more, not ${hosts}`)
    if (models.length === 0) throw new Error("models: name at least one, or leave it out for the log model")
    this.#seed = seed
    this.#models = models
    this.#workspace = workspace
    this.settings = settingsWith(settings)
    this.#trace = new Trace(() => this.schedule.now, onTrace)
    this.disk = new FakeDisk({ limits: diskLimits(this.settings) })
    const { logDelayMs, durability } = this.settings
    this.hosts = Array.from({ length: hosts }, (_, i) => {
      const chance = Chance.fork(seed, `host ${i}`)
      const log = new FakeLog(this.schedule, chance, this.disk, { sole: hosts === 1, durability, delayMs: logDelayMs })
      return new FakeHost(this.schedule, chance, log, hostSettings(this.settings, models), () => startsAt + this.schedule.now + this.wallOffset, {
        answered: (request, outcome) => this.#trace.say(`host ${i}`, `${request.type} ${describeAnswer(outcome)}`),
      })
    })
    this.#watchDisk()
  }

  /** Milliseconds since the world began. */
  get now(): number {
    return this.schedule.now
  }

  /** What happened last, the newest line at the end. */
  get trace(): readonly string[] {
    return this.#trace.lines
  }

  host(index = 0): FakeHost {
    const host = this.hosts[index]
    if (host === undefined) throw new Error(`there is no host ${index}: this world has ${this.hosts.length}, counted from 0`)
    return host
  }

  /** A reader, on its way as soon as time passes. */
  client(options: WorldClientOptions): FakeClient {
    const { session, folds = true, model = this.#models[0], host = 0, onItem, ...rest } = options
    const index = this.clients.length
    const watcher = {
      connecting: (): void => this.#trace.say(`client ${index}`, "connects"),
      item: (_client: FakeClient, item: ClientItem): void => {
        this.#trace.say(`client ${index}`, describeItem(item))
        onItem?.(item)
      },
    }
    const settings = { ...rest, session: this.#name(session), ...(folds && model !== undefined ? { model } : {}) }
    const chance = Chance.fork(this.#seed, `client ${index}`)
    const client = new FakeClient(this.schedule, chance, this.#network(), () => this.host(host), settings, watcher)
    this.clients.push(client)
    return client
  }

  /** A publisher with the client's own machine: batches, keys, repeats. It makes the session if it is not there. */
  publisher({ session, host = 0, ...rest }: WorldPublisherOptions): FakePublisher {
    const chance = Chance.fork(this.#seed, `publisher ${this.publishers.length}`)
    const options = { create: this.#newSession(), ...rest, session: this.#name(session) }
    const publisher = new FakePublisher(this.schedule, chance, this.#network(), () => this.host(host), options)
    this.publishers.push(publisher)
    return publisher
  }

  /** Records events and returns when they are acknowledged; makes the session if it is not there. Throws when they are refused. */
  publish(session: string, drafts: readonly WorldDraft[], options: WorldPublishOptions = {}): Receipt {
    const outcome = this.append(session, drafts, options)
    if (outcome.type === "appended") return outcome.receipt
    throw new Error(`publishing to ${session} was answered ${JSON.stringify(outcome)}; use append() where that is expected`)
  }

  /** As `publish`, with whatever the outcome is. */
  append(session: string, drafts: readonly WorldDraft[], options: WorldPublishOptions = {}): AppendCallOutcome {
    return this.call<AppendCallOutcome>(this.#appending(session, drafts, options), options.host)
  }

  /** As `append`, without waiting: `then` is called with the outcome while time passes, unless the host dies before. */
  send(session: string, drafts: readonly WorldDraft[], then: (outcome: AppendCallOutcome) => void = () => {}, options: WorldPublishOptions = {}): void {
    this.#up(options.host).ask<AppendCallOutcome>(this.#appending(session, drafts, options), then)
  }

  create(session: string, settings: Partial<SessionSettings> = {}): void {
    const outcome = this.call((driver, now, at) => driver.create(now, at, this.#name(session), { ...this.#newSession(), ...settings }))
    if (outcome.type !== "created" && outcome.type !== "existed") throw new Error(`creating ${session} was answered ${outcome.type}`)
  }

  /** The end of the session: readers get the reason. */
  close(session: string, reason: string): void {
    const drafts = [{ type: "close", reason }] as const
    const outcome = this.call((driver, now, at) => driver.append(now, at, { session: this.#name(session), drafts }))
    if (outcome.type !== "appended") throw new Error(`closing ${session} was answered ${outcome.type}`)
  }

  delete(session: string): void {
    const outcome = this.call((driver, now) => driver.delete(now, this.#name(session)))
    if (outcome.type !== "deleted") throw new Error(`deleting ${session} was answered ${outcome.type}`)
  }

  /** The log lets go of all but what `keep` says. The host may still hold more in memory, and give it. */
  trim(session: string, keep: Retention): void {
    const outcome = this.call((driver, now, at) => driver.trim(now, at, this.#name(session), keep))
    if (outcome.type !== "trimmed") throw new Error(`trimming ${session} was answered ${outcome.type}`)
  }

  /** What the host shows now. */
  observe(session: string): ObservationJson {
    const outcome = this.call((driver, now) => driver.observe(now, this.#name(session)))
    if (outcome.type !== "observed") throw new Error(`observing ${session} was answered ${outcome.type}`)
    return outcome.observation.json()
  }

  /** What the log holds, in order; asked of the disk itself, at no cost of time. */
  recorded(session: string): readonly SessionEvent[] {
    return this.disk.entriesOf(this.#name(session)).flatMap((entry) => (entry.type === "event" ? [entry.event()] : []))
  }

  closed(session: string): Closed | undefined {
    return this.disk.headOf(this.#name(session))?.closed ?? undefined
  }

  /** Asks a host's driver anything, and runs the world until it has answered. */
  call<Outcome>(begin: (driver: Driver, now: Instant, at: Timestamp) => Call<Outcome>, host = 0): Outcome | LogFailed {
    const answers: (Outcome | LogFailed)[] = []
    this.#up(host).ask(begin, (outcome) => answers.push(outcome))
    this.runUntil(() => answers.length > 0, { withinMs: 2 * this.settings.logTimeoutMs })
    const [answer] = answers
    if (answer === undefined) throw new Error("the host gave no answer")
    return answer
  }

  /** The process is gone, in the middle of whatever it did. Nothing is lost that the log has done (see `lose`). */
  crash(host = 0): void {
    this.#trace.say("world", `host ${host} is killed`)
    this.#up(host).kill()
  }

  /** A new process on what the log holds. */
  restart(host = 0): void {
    if (this.host(host).isUp) throw new Error(`host ${host} is up: crash(${host}) comes first`)
    this.#trace.say("world", `host ${host} is started`)
    this.host(host).start()
  }

  /**
   * With the crash went the log's last changes: what was `unsynced` (nobody had been told of it), or so many changes,
   * acknowledged or not (an append is one, a snapshot and a trim too). `noticed`: the log can tell, and says so by a new epoch.
   */
  lose(tail: "unsynced" | number, { noticed = false }: { readonly noticed?: boolean } = {}): void {
    const up = this.hosts.findIndex((host) => host.isUp)
    if (up !== -1) throw new Error(`host ${up} is up, and would know better: crash(${up}) comes first`)
    const kept = tail === "unsynced" ? Math.max(...this.hosts.map(({ log }) => log.synced)) : this.disk.length - tail
    this.disk.restore(Math.min(Math.max(0, kept), this.disk.length), noticed)
  }

  /** Lets so much time pass. */
  runFor(ms: number): void {
    const until = this.schedule.now + ms
    this.#run(() => {
      for (let steps = 0; this.schedule.step(until); steps++) this.#checkSteps(steps)
      this.schedule.run(Math.max(0, until - this.schedule.now))
    })
  }

  /** Lets time pass until `condition` holds, looking after each step; throws when it does not within `withinMs`. */
  runUntil(condition: () => boolean, { withinMs = 60_000 }: { readonly withinMs?: number } = {}): void {
    const until = this.schedule.now + withinMs
    this.#run(() => {
      for (let steps = 0; !condition(); steps++) {
        this.#checkSteps(steps)
        if (!this.schedule.step(until)) throw new Error(this.#trace.told(`this did not come true within ${withinMs} ms of the world: ${condition}`))
      }
    })
  }

  /**
   * Lets time pass until every client that reads has all that the log holds of its session, and every publisher was told so.
   * Throws when one of them has ended with a failure, unless it was closed.
   */
  runUntilCaughtUp(options: { readonly withinMs?: number } = {}): void {
    const areDone = () => this.publishers.every((each) => each.isClosed || each.stored === each.input.length)
    this.runUntil(() => {
      this.#checkFailures()
      return this.clients.every((client) => this.#hasAll(client)) && areDone()
    }, options)
  }

  #checkFailures(): void {
    for (const [i, client] of this.clients.entries()) {
      const failure = client.isClosed ? undefined : client.ended?.failure
      if (failure === undefined) continue
      const said = `client ${i}, of the session ${JSON.stringify(idOf(client.options.session))}, has ended with a failure: ${failure.message}`
      const isMissing = failure instanceof ClientError && failure.code === "unknown-session"
      const needs = isMissing ? "A client needs its session first (create() or publish()), or `waits: true`. " : ""
      throw new Error(this.#trace.told(`${said}. ${needs}One that is meant to fail is closed (close()) before this is called`))
    }
    for (const [i, publisher] of this.publishers.entries()) {
      const failure = publisher.isClosed ? undefined : publisher.ended?.failure
      if (failure !== undefined) throw new Error(this.#trace.told(`publisher ${i} has ended with a failure: ${failure.message}`))
    }
  }

  #hasAll(client: FakeClient): boolean {
    if (client.isOver || !client.takes) return true
    const { session } = client.options
    const at = client.cursor === undefined ? undefined : parseCursor(session, client.cursor)
    const head = this.disk.headOf(session)
    return at?.type === "cursor" && head !== undefined && at.cursor.epoch === head.epoch && at.cursor.point.mark === head.head.mark && client.isLive
  }

  #appending(session: string, drafts: readonly WorldDraft[], { key, expect }: WorldPublishOptions) {
    const parsed = key === undefined ? undefined : parseIdempotencyKey(key)
    if (key !== undefined && parsed === undefined) throw new Error(`key: use 1–200 visible ASCII characters, not ${JSON.stringify(key)}`)
    if (drafts.length === 0) throw new Error("publish at least one event")
    const sealed = drafts.map(({ kind, data, commit = false }) => ({ type: "event", kind, data: jsonText(data), commit }) as const)
    const request = { session: this.#name(session), drafts: sealed, key: parsed, expect, create: this.#newSession() }
    return (driver: Driver, now: Instant, at: Timestamp) => driver.append(now, at, request)
  }

  #newSession(): SessionSettings {
    return { model: this.#models[0]?.name ?? logModel.name, retention: {}, metadata: null }
  }

  #name(session: string): SessionName {
    return sessionName(this.#workspace, session)
  }

  #network() {
    const { latencyMs, splits, socketBytes, keepAliveMs } = this.settings
    return { latencyMs, splits, windowBytes: socketBytes, keepAliveMs }
  }

  #up(index = 0): FakeHost {
    const host = this.host(index)
    if (!host.isUp) throw new Error(`host ${index} is down: restart(${index}) comes first`)
    return host
  }

  #run(run: () => void): void {
    if (this.#running) throw new Error("time does not pass within a callback: use send(), or do it after the run")
    this.#running = true
    try {
      run()
    } finally {
      this.#running = false
    }
  }

  #checkSteps(steps: number): void {
    if (steps < stepsMost) return
    throw new Error(this.#trace.told(`the world took ${stepsMost} steps and is at ${this.schedule.now} ms: something goes round in circles`))
  }

  #watchDisk(): void {
    this.disk.watch({
      applied: (request, answer) => {
        const changed = request.type === "append" ? request.parts.map((part) => part.session) : "session" in request ? [request.session] : []
        this.#trace.say("log", `${request.type} ${changed.join(" ")} ${describeAnswer(answer)}`)
        if (this.hosts.length === 1 || !isChange(request)) return
        // What one host wrote the others hear of, as from a log that notifies.
        for (const host of this.hosts) {
          for (const session of changed) this.schedule.after(this.settings.latencyMs[0], () => host.tell((driver, now) => driver.handleWake(now, session)))
        }
      },
      restored: (kept, generation) => this.#trace.say("log", `is what its first ${kept} changes made${generation === undefined ? "" : ", and says so"}`),
    })
  }
}
