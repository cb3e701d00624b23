// The kernel: sessions, the window behind each, and the readers on them. A state machine in the manner of quinn-proto:
// facts and commands go in through methods, readiness and deadlines come out of `poll…`, and nothing here does IO, reads
// a clock, draws chance or knows a promise.
//
// THE CONTRACT
//
// 1. `now` never goes back.
// 2. After one or more mutations, drain `pollReady()` to `undefined` and re-arm one timer from `pollTimeout()`.
// 3. Readiness is a hint and reading is always legal. A fresh reader is read once without waiting; one that was given
//    entries without `upToDate`, a gap or an observation is read again without waiting.
// 4. A gap is returned once; reading goes on from the observation in it, with `rest` from what is still readable.
// 5. `pollFailure()` says what could not be kept or folded, and is worth a line in a log; nothing else depends on it.
//
// Bad input from outside is a variant of the outcome. Breaking the contract throws `ContractViolation`.
//
// A session is *own* (`createSession`, `commit`, `record`, `close`: the kernel is the log) or *fed* (`openSession`,
// `handleAppended`, `handleHead`, `handleHistory`: an outside log assigned the positions). A fed session's doors want a
// proof: the log's head, asked for after the request came, up to which the kernel was filled (L6).

import { contract, earlier, type Timed } from "./contract.ts"
import { cursorText, parseCursor } from "./cursor.ts"
import { Deadlines } from "./deadlines.ts"
import { door, earliest, enter, StoreThrew } from "./door.ts"
import { seal, type Draft, type Entry } from "./entry.ts"
import { explain } from "./explain.ts"
import { everything } from "./filter.ts"
import type { Head } from "./head.ts"
import { origin, timestamp, type CursorText, type Epoch, type Instant, type JsonText } from "./ids.ts"
import type { Point, ReaderId, SessionName, Timestamp } from "./ids.ts"
import type { KernelConfig, KernelStats, SessionStanding, SessionState } from "./kernel-config.ts"
import { InMemoryLiveReplayStore, type LiveReplayStore } from "./live-replay-store.ts"
import type { SessionModel } from "./model.ts"
import type { SessionObservation } from "./observation.ts"
import { foldOf, whyNoModel, whyUnreadable, type OpenOutcome, type SessionOrigin } from "./origin.ts"
import type {
  ExplainOptions,
  ExplainOutcome,
  HandleOutcome,
  HistoryPage,
  ReadBudget,
  ReaderOptions,
  ReaderStart,
  ReadOutcome,
  ResumeOutcome,
  SubscribeOutcome,
} from "./outcomes.ts"
import type { Reader } from "./reader-table.ts"
import { Reading } from "./reading.ts"
import { resumed } from "./resume.ts"
import { Session, type AppendFailure } from "./session.ts"

/** Failures kept for `pollFailure`; further ones are counted only. */
const failuresMax = 64

export class Kernel implements Timed {
  readonly #config: KernelConfig
  readonly #models: ReadonlyMap<string, SessionModel>
  readonly #store: LiveReplayStore
  readonly #sessions = new Map<SessionName, Session>()
  readonly #reading: Reading
  /** When windows let go of entries by age. */
  readonly #ages = new Deadlines<Session>()
  readonly #failures: AppendFailure[] = []
  #appendsFailed = 0
  #viewsFailed = 0
  #now: Instant | undefined

  constructor(config: KernelConfig, parts: { readonly liveReplayStore?: LiveReplayStore } = {}) {
    contract(config.readersPerSession >= 1 && config.recoverEvents >= 0 && config.encodesPerSecond > 0, "limits are positive")
    this.#config = config
    this.#models = new Map(config.models.map((model) => [model.name, model]))
    contract(this.#models.size === config.models.length && config.models.length > 0, "models have names of their own")
    const limits = { events: config.windowEvents, bytes: config.windowBytes, ageMs: config.windowAgeMs }
    this.#store = parts.liveReplayStore ?? new InMemoryLiveReplayStore(limits)
    this.#reading = new Reading(config, this.#store.keepsLog)
  }

  /** Makes an own session. `epoch` must be fresh: it is drawn by the caller, where chance is. */
  createSession(now: Instant, name: SessionName, settings: { readonly epoch: Epoch; readonly model: string }): SessionObservation {
    this.#tick(now)
    contract(!this.#sessions.has(name), () => `session ${name} exists`)
    const model = this.#model(settings.model)
    contract(model !== undefined, () => `no model is called ${settings.model}`)
    const base = { epoch: settings.epoch, point: origin, fold: model.initial, floor: origin, closed: null }
    const session = new Session(name, model, true, base, this.#store, this.#ages)
    this.#sessions.set(name, session)
    return session.cut()
  }

  /** Settles the view: revision + 1. The answer is cut right after it. */
  commit(now: Instant, at: Timestamp, name: SessionName, change: { readonly kind?: string; readonly data: JsonText }): SessionObservation {
    this.#record(now, at, name, { type: "event", kind: change.kind ?? "committed", data: change.data, commit: true })
    return this.#own(name).cut()
  }

  /** Live detail between commits: the revision stands. */
  record(now: Instant, at: Timestamp, name: SessionName, draft: { readonly kind: string; readonly data: JsonText }): CursorText {
    return this.#record(now, at, name, { type: "event", kind: draft.kind, data: draft.data, commit: false })
  }

  /** The last entry. Closing twice breaks the contract; whoever repeats requests remembers the first answer. */
  close(now: Instant, at: Timestamp, name: SessionName, reason: string): CursorText {
    return this.#record(now, at, name, { type: "close", reason })
  }

  /** Readers end with `deleted` and without a cursor. A session made later under the name is another one. */
  deleteSession(now: Instant, name: SessionName): void {
    this.#tick(now)
    const session = this.#sessions.get(name)
    if (session === undefined) return
    session.deleted = true
    this.#sessions.delete(name)
    session.leave()
    this.#reading.sessionLeft(session)
  }

  /**
   * Takes a fed session in, or on to another epoch: then its readers get gap `epoch` and read on. `lost`: the log has said
   * that in this very epoch it does not hold the kernel's head; its readers get that gap, and the kernel starts over.
   */
  openSession(now: Instant, name: SessionName, from: SessionOrigin, lost?: "ahead" | "diverged"): OpenOutcome {
    this.#tick(now)
    const model = this.#model(from.model)
    if (model === undefined) return { type: "unreadable", because: whyNoModel(name, from) }
    const held = this.#sessions.get(name)
    contract(held === undefined || !held.own, () => `session ${name} is its own log`)
    const head: Point = from.entries.at(-1) ?? from.base.point
    const parted = held !== undefined && held.epoch === from.epoch && held.contradicts([from.base.point, ...from.entries]) ? "diverged" : lost
    if (held !== undefined && held.epoch === from.epoch && parted === undefined) {
      if (head.position <= held.point.position) return { type: "ignored" }
      if (from.base.point.position <= held.point.position) {
        this.#installAll(now, held, from.entries)
        return { type: "opened" }
      }
    }
    const fold = foldOf(model, from)
    if (fold === undefined) return { type: "unreadable", because: whyUnreadable(name, model, from) }
    const base = { epoch: from.epoch, point: from.base.point, fold, floor: from.floor, closed: from.base.closed, opensTo: (from.head ?? head).position }
    if (held === undefined) {
      const session = new Session(name, model, false, base, this.#store, this.#ages)
      this.#sessions.set(name, session)
      this.#installAll(now, session, from.entries)
      return { type: "opened" }
    }
    if (held.epoch !== from.epoch) this.#reading.historyChanged(held)
    else if (parted !== undefined) this.#reading.historyCut(held, from.head ?? head)
    held.rebase(base)
    this.#installAll(now, held, from.entries)
    this.#reading.wakeAll(held)
    return { type: "opened" }
  }

  /** Entries that the log made durable, in a row. What is known already is passed over. */
  handleAppended(now: Instant, name: SessionName, epoch: Epoch, entries: readonly Entry[]): HandleOutcome {
    this.#tick(now)
    const session = this.#sessions.get(name)
    if (session === undefined) return { type: "unknown_session" }
    contract(!session.own, () => `session ${name} is its own log`)
    if (session.epoch !== epoch) return { type: "other_epoch" }
    const first = entries[0]
    if (first === undefined) return { type: "current" }
    if (first.position > session.point.position + 1) return { type: "missing", after: session.point }
    if (session.contradicts(entries)) return { type: "diverged" }
    return this.#installAll(now, session, entries) ? { type: "installed" } : { type: "current" }
  }

  /** What the log says of itself: does the kernel know all of it? */
  handleHead(now: Instant, name: SessionName, head: Head): HandleOutcome {
    this.#tick(now)
    const session = this.#sessions.get(name)
    if (session === undefined) return { type: "unknown_session" }
    if (session.epoch !== head.epoch) return { type: "other_epoch" }
    session.raiseFloor(head.floor)
    return head.head.position > session.point.position ? { type: "missing", after: session.point } : { type: "current" }
  }

  /** A page of history for a reader whose `read` said `behind`; `undefined` when it is not about where it stands now. */
  handleHistory(now: Instant, id: ReaderId, page: HistoryPage): ReadOutcome | undefined {
    this.#tick(now)
    const reader = this.#reading.table.get(id)
    return reader === undefined ? undefined : this.#reading.history(now, reader, page)
  }

  /** Lets go of a fed session nobody reads. */
  unloadSession(now: Instant, name: SessionName): "unloaded" | "in_use" {
    this.#tick(now)
    const session = this.#sessions.get(name)
    if (session === undefined) return "unloaded"
    contract(!session.own, () => `session ${name} is its own log`)
    if (session.readers > 0) return "in_use"
    this.#sessions.delete(name)
    session.leave()
    return "unloaded"
  }

  /** View, provisional part and cursor at the head, cut in one step. */
  observe(now: Instant, name: SessionName): SessionObservation | undefined {
    this.#tick(now)
    return this.#sessions.get(name)?.cut()
  }

  /** Where the session stands now. It goes on with the session: read it, and keep none of it but what it names. */
  standing(name: SessionName): SessionStanding | undefined {
    return this.#sessions.get(name)
  }

  describe(name: SessionName): SessionState | undefined {
    const session = this.#sessions.get(name)
    if (session === undefined) return undefined
    return {
      epoch: session.epoch,
      point: session.point,
      earliest: earliest(session),
      closed: session.closed,
      model: session.model.name,
      modelVersion: session.model.version,
      readers: session.readers,
    }
  }

  /** A finite subscribe, read, unsubscribe. */
  resume(now: Instant, name: SessionName, cursor: string, budget: ReadBudget, proof?: Head): ResumeOutcome {
    const options: ReaderOptions = { filter: everything, recovery: "events", finite: true }
    const subscribed = this.subscribe(now, name, { type: "cursor", cursor }, options, proof)
    contract(subscribed.type !== "refused", "a finite reader is not counted against the limit")
    if (subscribed.type !== "subscribed") return subscribed
    const outcome = this.resumed(subscribed.reader, this.read(now, subscribed.reader, budget))
    this.unsubscribe(subscribed.reader)
    return outcome
  }

  /** What a finite reader's first outcome means as the answer to a resume. */
  resumed(id: ReaderId, outcome: ReadOutcome): ResumeOutcome {
    return resumed(this.#reader(id).session, outcome)
  }

  /**
   * What `resume` would do, why, and until when. A place behind the window is only known to the log: the first answer is
   * then `behind`, and the second call brings the page.
   */
  explain(now: Instant, name: SessionName, cursor: string, asked: ExplainOptions = {}): ExplainOutcome {
    this.#tick(now)
    const parsed = parseCursor(name, cursor)
    if (parsed.type === "rejected") return parsed
    const session = this.#sessions.get(name)
    if (session === undefined) return { type: "unknown_session" }
    contract(session.own || asked.proof !== undefined || asked.history !== undefined, "a fed session's door wants the log's head as proof")
    if (asked.proof !== undefined) this.#prove(session, asked.proof)
    try {
      const place = parsed.cursor.point
      const verdict = door(now, session, parsed.cursor)
      const behind = verdict.type === "open" && verdict.behind
      if (behind && asked.history === undefined) return { type: "behind", epoch: session.epoch, after: { position: place.position, point: place } }
      const found = behind && asked.history?.type === "unreadable" ? asked.history.reason : null
      const reason = verdict.type === "gap" ? verdict.reason : found
      return { type: "explained", explanation: explain(session, earliest(session), parsed.cursor, reason, asked.retentionEvents) }
    } catch (error) {
      return storeFailed(error)
    }
  }

  /** The version of a model this kernel folds with. */
  modelVersion(model: string): number | undefined {
    return this.#model(model)?.version
  }

  subscribe(now: Instant, name: SessionName, start: ReaderStart, options: ReaderOptions, proof?: Head): SubscribeOutcome {
    this.#tick(now)
    const parsed = start.type === "cursor" ? parseCursor(name, start.cursor) : undefined
    if (parsed?.type === "rejected") return parsed
    const session = this.#sessions.get(name)
    if (session === undefined) return { type: "unknown_session" }
    contract(session.own || proof !== undefined, "a fed session's door wants the log's head as proof")
    if (proof !== undefined) this.#prove(session, proof)
    if (!options.finite && session.readers >= this.#config.readersPerSession) {
      return { type: "refused", limit: this.#config.readersPerSession }
    }
    try {
      const entrance = enter(now, session, start, parsed?.cursor)
      const recovery = entrance.takesRest ? "rest" : options.recovery
      return { type: "subscribed", reader: this.#reading.add(session, { ...options, recovery }, entrance, parsed?.cursor).id }
    } catch (error) {
      return storeFailed(error)
    }
  }

  read(now: Instant, id: ReaderId, budget: ReadBudget): ReadOutcome {
    this.#tick(now)
    contract(budget.events >= 1 && budget.bytes >= 1, "a budget lets at least one event through")
    return this.#reading.read(now, this.#reader(id), budget)
  }

  /** Where the reader stands, as text; `undefined` while that is not known (a tail before its first page), or deleted. */
  cursorOf(id: ReaderId): CursorText | undefined {
    return this.#reading.cursorOf(this.#reader(id))
  }

  /** Makes the reader ready: what it waits for outside of the kernel has come. Waking twice, or for nothing, is harmless. */
  wake(id: ReaderId): void {
    const reader = this.#reading.table.get(id)
    if (reader !== undefined) this.#reading.table.wake(reader)
  }

  unsubscribe(id: ReaderId): void {
    this.#reading.remove(id)
  }

  /** Readers that became ready, each once, in the order they did. */
  pollReady(): ReaderId | undefined {
    return this.#reading.table.pollReady()
  }

  /** What went wrong in appends that were installed all the same: to be logged. */
  pollFailure(): AppendFailure | undefined {
    return this.#failures.shift()
  }

  handleTimeout(now: Instant): void {
    this.#tick(now)
    for (let session = this.#ages.take(now); session !== undefined; session = this.#ages.take(now)) session.trim(now)
    this.#reading.handleTimeout(now)
  }

  pollTimeout(): Instant | undefined {
    return earlier(this.#ages.next(), this.#reading.nextDue())
  }

  stats(): KernelStats {
    let windowEntries = 0
    let windowBytes = 0
    for (const session of this.#sessions.values()) {
      const { entries, bytes } = session.held
      windowEntries += entries
      windowBytes += bytes
    }
    return {
      sessions: this.#sessions.size,
      readers: this.#reading.table.size,
      readersReady: this.#reading.table.ready,
      windowEntries,
      windowBytes,
      gaps: { ...this.#reading.gaps },
      appendsFailed: this.#appendsFailed,
      viewsFailed: this.#viewsFailed,
    }
  }

  #record(now: Instant, at: Timestamp, name: SessionName, draft: Draft): CursorText {
    this.#tick(now)
    const session = this.#own(name)
    contract(session.closed === null, () => `session ${name} is closed`)
    session.lastAt = timestamp(Math.max(at, session.lastAt))
    this.#install(now, session, seal(session.point, session.lastAt, draft))
    this.#reading.table.wakeSession(session)
    return cursorText(session.name, session.epoch, session.point)
  }

  /** Installs what is new of `entries`; whether anything was. */
  #installAll(now: Instant, session: Session, entries: readonly Entry[]): boolean {
    const before = session.point.position
    for (const entry of entries) {
      if (entry.position > session.point.position) this.#install(now, session, entry)
    }
    const installed = session.point.position > before
    if (installed) this.#reading.table.wakeSession(session)
    return installed
  }

  #install(now: Instant, session: Session, entry: Entry): void {
    contract(entry.position === session.point.position + 1, () => `entry ${entry.position} does not follow ${session.point.position}`)
    const failure = session.install(now, entry)
    if (failure === undefined) return
    if (failure.type === "append_failed") this.#appendsFailed += 1
    else this.#viewsFailed += 1
    if (this.#failures.length < failuresMax) this.#failures.push(failure)
  }

  #prove(session: Session, proof: Head): void {
    contract(proof.epoch === session.epoch, "the proof is of the epoch the kernel has")
    contract(proof.head.position <= session.point.position, "the kernel is filled up to the proof before the door is asked")
    session.raiseFloor(proof.floor)
  }

  #own(name: SessionName): Session {
    const session = this.#sessions.get(name)
    contract(session !== undefined, () => `session ${name} does not exist`)
    contract(session.own, () => `session ${name} is fed by a log: append there`)
    return session
  }

  #reader(id: ReaderId): Reader {
    const reader = this.#reading.table.get(id)
    contract(reader !== undefined, () => `no reader ${id}`)
    return reader
  }

  #model(name: string): SessionModel | undefined {
    return this.#models.get(name)
  }

  #tick(now: Instant): void {
    contract(this.#now === undefined || now >= this.#now, () => `now went back from ${this.#now} to ${now}`)
    this.#now = now
  }
}

function storeFailed(error: unknown): { readonly type: "store_failed"; readonly error: unknown } {
  if (error instanceof StoreThrew) return { type: "store_failed", error: error.cause }
  throw error
}
