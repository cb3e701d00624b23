// The sessions this process has in memory, or is about to. One known head per session and one rule: fill while the
// kernel is behind it. A door (whatever needs proof) opens once the log was asked after the request came and the kernel
// reached what it said; a sole log whose every outcome is known is its own proof (L6).
//
// A name is not an identity: a session deleted and made again is another `OpenSession`, and an answer that was asked for
// the old one finds `gone` set and touches nothing.

import {
  Deadlines,
  earlier,
  later,
  origin,
  type Entry,
  type Epoch,
  type Head,
  type Instant,
  type Kernel,
  type Point,
  type SessionOrigin,
  type SessionName,
} from "@tidemark/kernel"
import { OpenSession, type DoorHandler, type Waiter } from "./open-session.ts"
import type { LogFailed, SessionInfo } from "./outcomes.ts"
import { failure, type RequestDesk } from "./request-desk.ts"
import { sessionInfo } from "./session-info.ts"
import type { AppendOutcome, LogAnswer, SessionSettings, Snapshot } from "./session-log.ts"
import { Snapshots, type Reached, type SnapshotsConfig } from "./snapshots.ts"

export interface OpenSessionsConfig extends SnapshotsConfig {
  /** Sessions held in memory; beyond it the one idle for longest leaves. */
  readonly sessionsInMemoryMax: number
  /** A session without reader, call or append for this many milliseconds leaves memory. */
  readonly sessionIdleMs: number
  /** One page read from the log. */
  readonly pageEvents: number
  readonly pageBytes: number
  /** After the log failed, it is asked again after this many milliseconds. */
  readonly retryMs: number
}

export class OpenSessions {
  readonly #config: OpenSessionsConfig
  readonly #kernel: Kernel
  readonly #desk: RequestDesk
  readonly #sole: boolean
  readonly #snapshots: Snapshots
  /** In the order of their last use. */
  readonly #sessions = new Map<SessionName, OpenSession>()
  /** The one used last, which therefore stands last in `#sessions` if it is there. */
  #latest: OpenSession | undefined
  readonly #idle = new Deadlines<OpenSession>()
  /** Sessions that are behind a log which failed to answer. */
  readonly #retries = new Deadlines<OpenSession>()
  /** Readers that wait for a session which is not there yet. */
  readonly #absent = new Map<SessionName, Set<(now: Instant) => void>>()

  constructor(config: OpenSessionsConfig, kernel: Kernel, desk: RequestDesk, sole: boolean) {
    this.#config = config
    this.#kernel = kernel
    this.#desk = desk
    this.#sole = sole
    this.#snapshots = new Snapshots(config, kernel, desk, (now, session, head) => this.#learn(now, session, head))
  }

  get size(): number {
    return this.#sessions.size
  }

  get waiting(): number {
    let waiting = 0
    for (const session of this.#sessions.values()) waiting += session.waiters.length
    for (const handlers of this.#absent.values()) waiting += handlers.size
    return waiting
  }

  /** The session under this name now, in memory or about to be; marks it as used. */
  use(now: Instant, name: SessionName): OpenSession {
    const session = this.#sessions.get(name) ?? new OpenSession(name, now)
    if (session !== this.#latest) {
      // Deleting first moves it to the end: the map's order is the order of last use.
      this.#sessions.delete(name)
      this.#sessions.set(name, session)
      this.#latest = session
    }
    session.usedAt = now
    if (this.#idle.deadlineOf(session) === undefined) this.#idle.set(session, later(now, this.#config.sessionIdleMs))
    return session
  }

  /** Calls `then` once the kernel holds all that the log had when it was asked, after this moment. */
  door(now: Instant, name: SessionName, then: DoorHandler, skeptical = false): void {
    const session = this.use(now, name)
    session.waiters.push({ enter: then, asked: false, skeptical })
    this.#advance(now, session)
  }

  /** Calls `then` when a session of this name is made here; the answer takes the wait back. */
  whenCreated(name: SessionName, then: (now: Instant) => void): () => void {
    const handlers = this.#absent.get(name) ?? new Set()
    this.#absent.set(name, handlers.add(then))
    return () => {
      handlers.delete(then)
      if (handlers.size === 0 && this.#absent.get(name) === handlers) this.#absent.delete(name)
    }
  }

  /** The log made a session of this name, whoever asked for it. */
  created(now: Instant, name: SessionName): void {
    const handlers = this.#absent.get(name)
    this.#absent.delete(name)
    for (const then of handlers ?? []) then(now)
  }

  /** What the log did with a part that was submitted for `session`. */
  appended(now: Instant, session: OpenSession, outcome: Extract<AppendOutcome, { type: "appended" }>, settings: SessionSettings | undefined): void {
    if (session.gone) this.doubt(now, session)
    else this.#take(now, session, outcome, settings)
    if (outcome.created) this.created(now, session.name)
  }

  /** A request for it is over: where nothing else is known of the session, nothing of it stays (L17). */
  release(session: OpenSession): void {
    if (!session.loaded && !session.asking && session.head === undefined) this.#forget(session)
  }

  /** The log deleted what it had under this name; when it was asked to, this process knew that to be of `epoch`. */
  deleted(now: Instant, session: OpenSession, epoch: Epoch | undefined): void {
    // Another one may have been made since: the log is asked whether what is here now is still there.
    if (session.gone || (session.loaded && session.head?.epoch !== epoch)) this.doubt(now, session)
    else this.#leave(now, session)
  }

  /** The log may know more than this process was told (a tail, another node, a wake-up): look. */
  lookAgain(now: Instant, name: SessionName): void {
    const session = this.#sessions.get(name)
    if (session !== undefined) this.doubt(now, session)
    this.created(now, name)
  }

  /** Even a sole log is asked for its head before the next door, and at once, for the readers who are past theirs. */
  doubt(now: Instant, session: OpenSession): void {
    // What was asked for a session that is gone may have been done to the one made after it.
    const here = session.gone ? this.#sessions.get(session.name) : session
    if (here === undefined) return
    here.doubts += 1
    if (here.loaded) this.#advance(now, here)
  }

  /** What was known of any session may have been another log. */
  doubtAll(now: Instant): void {
    for (const session of [...this.#sessions.values()]) this.doubt(now, session)
  }

  /** An answer about something else said where the log is. */
  learned(now: Instant, session: OpenSession, head: Head): void {
    if (session.gone || !session.loaded) return
    this.#learn(now, session, head)
    this.#advance(now, session)
  }

  /** A page said that the log is of another epoch than the kernel, or that the kernel's place is gone. */
  reopen(now: Instant, session: OpenSession): void {
    if (session.gone || session.asking) return
    this.#open(now, session)
  }

  /** Calls `then` once the log holds a snapshot at or after `through`, a position of this epoch that the kernel has reached. */
  reach(now: Instant, session: OpenSession, epoch: Epoch, through: number, then: (now: Instant, reached: Reached) => void): void {
    this.#snapshots.reach(now, session, epoch, through, then)
  }

  info(session: OpenSession): SessionInfo | undefined {
    const { name, head, settings } = session
    const state = this.#kernel.describe(name)
    if (state === undefined || head === undefined || settings === undefined) return undefined
    return sessionInfo(this.#kernel, name, { ...head, head: state.point, closed: state.closed }, settings)
  }

  handleTimeout(now: Instant): void {
    for (let session = this.#retries.take(now); session !== undefined; session = this.#retries.take(now)) this.#advance(now, session)
    for (let session = this.#idle.take(now); session !== undefined; session = this.#idle.take(now)) {
      const idleAt = later(session.usedAt, this.#config.sessionIdleMs)
      if (idleAt > now) this.#idle.set(session, idleAt)
      else if (!this.#unload(now, session)) this.#idle.set(session, later(now, this.#snapshots.isBusy ? this.#config.retryMs : this.#config.sessionIdleMs))
    }
  }

  pollTimeout(): Instant | undefined {
    return earlier(this.#idle.next(), this.#retries.next())
  }

  #leave(now: Instant, session: OpenSession): void {
    session.gone = true
    this.#idle.set(session, undefined)
    this.#retries.set(session, undefined)
    if (this.#sessions.get(session.name) === session) this.#sessions.delete(session.name)
    if (session.loaded) this.#kernel.deleteSession(now, session.name)
    // Whoever waits came before or after the deletion, nobody can tell: the log is asked again, for the name.
    for (const waiter of session.waiters.splice(0)) this.door(now, session.name, waiter.enter, waiter.skeptical)
  }

  #take(
    now: Instant,
    session: OpenSession,
    outcome: { readonly epoch: Epoch; readonly entries: readonly Entry[]; readonly last: Point; readonly floor: Point; readonly created: boolean },
    settings: SessionSettings | undefined,
  ): void {
    const made = outcome.created && settings !== undefined && !session.loaded
    if (made) {
      session.settings = settings
      session.head = { epoch: outcome.epoch, head: origin, floor: origin, closed: null }
      session.loaded = this.#load(now, session, { epoch: outcome.epoch, floor: outcome.floor, entries: [] }) === undefined
    }
    this.#learn(now, session, { epoch: outcome.epoch, head: outcome.last, floor: outcome.floor })
    if (session.loaded) this.#install(now, session, outcome.epoch, outcome.entries)
    this.#advance(now, session)
    // Last, because it may be this one that goes.
    if (made) this.#letOthersGo(now)
  }

  /** One step towards what is waited for: open, fill, ask for the head, or let the waiters in. */
  #advance(now: Instant, session: OpenSession): void {
    if (session.asking || session.gone) return
    if (!session.loaded) {
      if (session.waiters.length > 0 || session.head !== undefined) this.#open(now, session)
      return
    }
    const state = this.#kernel.standing(session.name)
    if (state === undefined || session.head === undefined || state.epoch !== session.head.epoch) return this.#open(now, session)
    if (state.point.position < session.head.head.position) return this.#fill(now, session, state.epoch, state.point)
    if (session.owesSnapshot) {
      session.owesSnapshot = false
      this.#snapshots.save(now, session)
    }
    const unsure = session.doubts > session.settledDoubts
    const trusted = this.#sole && !unsure
    if (session.waiters.length > 0) this.#letIn(now, session, { ...session.head, closed: state.closed }, trusted)
    if ((session.waiters.length > 0 || unsure) && !session.asking && !session.gone) this.#askHead(now, session)
  }

  /** `trusted`: nothing but this process's own word is needed. */
  #letIn(now: Instant, session: OpenSession, proof: Head, trusted: boolean): void {
    const opens = (waiter: Waiter) => waiter.asked || (trusted && !waiter.skeptical)
    const ready = session.waiters.filter(opens)
    const rest = session.waiters.filter((waiter) => !opens(waiter))
    session.waiters.splice(0, session.waiters.length, ...rest)
    for (const waiter of ready) waiter.enter(now, { type: "open", session, proof })
  }

  /** `lost`: the log has said that it does not hold what the kernel has, in this very epoch. */
  #open(_now: Instant, session: OpenSession, lost?: "ahead" | "diverged"): void {
    const budget = { events: this.#config.pageEvents, bytes: this.#config.pageBytes }
    const { doubts, loaded: wasLoaded } = session
    this.#ask(session, { type: "open", session: session.name, budget }, (now, answer) => {
      if (answer.type === "absent") {
        if (session.doubts === doubts && (wasLoaded || !session.loaded)) return this.#absentNow(now, session)
        // It was made since, or may have been: this answer is old, and proves nothing to whoever waits.
        session.doubts += 1
        for (const waiter of session.waiters) waiter.asked = false
        return this.#advance(now, session)
      }
      if (answer.type !== "opened") return this.#fail(now, session, failure(answer))
      session.settledDoubts = doubts
      session.settings = answer.settings
      if (lost === undefined) this.#learn(now, session, answer.head)
      else session.head = answer.head
      const unreadable = this.#load(now, session, this.#beginning(session, answer), lost)
      if (unreadable !== undefined) return this.#fail(now, session, { type: "failed", effect: "none", reason: "view_failed", detail: unreadable })
      session.loaded = true
      this.#letOthersGo(now)
      this.#advance(now, session)
    })
  }

  /** Where the fold begins: a snapshot of another version of the model is passed over while all that it was made of is held. */
  #beginning(session: OpenSession, { head, settings, snapshot, entries }: Extract<LogAnswer, { type: "opened" }>): Beginning {
    const { epoch, floor } = head
    const version = this.#kernel.modelVersion(settings.model)
    session.owesSnapshot = snapshot !== undefined && version !== undefined && snapshot.modelVersion !== version
    session.saved = snapshot === undefined || session.owesSnapshot ? undefined : { epoch, position: snapshot.point.position }
    return session.owesSnapshot && floor.position === 0 ? { epoch, floor, entries: [] } : { epoch, floor, snapshot, entries }
  }

  #askHead(_now: Instant, session: OpenSession): void {
    const { doubts } = session
    this.#ask(session, { type: "head", session: session.name }, (now, answer) => {
      if (answer.type === "absent") return this.#absentNow(now, session)
      if (answer.type !== "head") return this.#fail(now, session, failure(answer))
      session.settledDoubts = doubts
      this.#learn(now, session, answer.head)
      this.#advance(now, session)
    })
  }

  #fill(_now: Instant, session: OpenSession, epoch: Epoch, after: Point): void {
    const budget = { events: this.#config.pageEvents, bytes: this.#config.pageBytes }
    const place = { position: after.position, point: after }
    this.#ask(session, { type: "range", session: session.name, epoch, after: place, budget }, (now, answer) => {
      if (answer.type === "absent") return this.#absentNow(now, session)
      if (answer.type === "unreadable") {
        const { reason } = answer
        return this.#open(now, session, reason === "ahead" || reason === "diverged" ? reason : undefined)
      }
      if (answer.type !== "page") return this.#fail(now, session, failure(answer))
      this.#learn(now, session, answer.head)
      this.#install(now, session, answer.head.epoch, answer.entries)
      if (answer.entries.length === 0 && session.head?.epoch === epoch) session.head = { ...session.head, head: answer.head.head }
      this.#advance(now, session)
    })
  }

  /** Every waiter of now is asked for by this request; those that come later are not. */
  #ask(session: OpenSession, request: Parameters<RequestDesk["ask"]>[0], then: (now: Instant, answer: LogAnswer) => void): void {
    session.asking = true
    const proves = request.type !== "range"
    if (proves) for (const waiter of session.waiters) waiter.asked = true
    this.#desk.ask(request, (now, answer) => {
      session.asking = false
      if (!session.gone) then(now, answer)
    })
  }

  #load(now: Instant, session: OpenSession, from: Beginning, lost?: "ahead" | "diverged"): string | undefined {
    const { snapshot, epoch, floor, entries } = from
    const closed = snapshot !== undefined && snapshot.point.position === session.head?.head.position ? session.head.closed : null
    const origins: SessionOrigin = {
      epoch,
      model: session.settings?.model ?? "",
      modelVersion: snapshot?.modelVersion ?? 0,
      floor,
      base: { point: snapshot?.point ?? origin, shown: snapshot?.shown, closed },
      entries,
    }
    const opened = this.#kernel.openSession(now, session.name, origins, lost)
    this.#snapshots.count(now, session, entries)
    return opened.type === "unreadable" ? opened.because : undefined
  }

  #install(now: Instant, session: OpenSession, epoch: Epoch, entries: readonly Entry[]): void {
    const handled = this.#kernel.handleAppended(now, session.name, epoch, entries)
    if (handled.type === "installed") this.#snapshots.count(now, session, entries)
    if (handled.type === "diverged" && !session.asking) this.#open(now, session, "diverged")
  }

  #learn(now: Instant, session: OpenSession, said: Pick<Head, "epoch" | "head" | "floor"> & { readonly closed?: Head["closed"] }): void {
    const known = session.head
    const closed = said.closed ?? null
    if (known === undefined || known.epoch !== said.epoch) {
      session.head = { epoch: said.epoch, head: said.head, floor: said.floor, closed }
      return
    }
    session.head = {
      epoch: said.epoch,
      head: said.head.position > known.head.position ? said.head : known.head,
      floor: said.floor.position > known.floor.position ? said.floor : known.floor,
      closed: closed ?? known.closed,
    }
    this.#kernel.handleHead(now, session.name, session.head)
  }

  #absentNow(now: Instant, session: OpenSession): void {
    const waiters = session.waiters.splice(0)
    const proven = waiters.filter((waiter) => waiter.asked)
    session.waiters.push(...waiters.filter((waiter) => !waiter.asked))
    session.head = undefined
    if (session.loaded || session.waiters.length > 0) this.#leave(now, session)
    else this.#forget(session)
    for (const waiter of proven) waiter.enter(now, { type: "unknown_session" })
  }

  #fail(now: Instant, session: OpenSession, failed: LogFailed): void {
    const waiters = session.waiters.splice(0)
    for (const waiter of waiters) waiter.enter(now, failed)
    // Nobody may ask again, and its readers must not wait for ever for what the log is known to hold.
    if (session.loaded) this.#retries.set(session, later(now, this.#config.retryMs))
    else this.#forget(session)
  }

  /** Nothing is known of it and nobody waits: nothing is left behind (L17). */
  #forget(session: OpenSession): void {
    if (session.appends > 0 || session.waiters.length > 0 || session.loaded) return
    // A create or delete under way may still hold it: what that did was done to whatever has the name then.
    session.gone = true
    this.#idle.set(session, undefined)
    if (this.#sessions.get(session.name) === session) this.#sessions.delete(session.name)
  }

  #letOthersGo(now: Instant): void {
    let looks = 0
    for (const session of this.#sessions.values()) {
      looks += 1
      if (this.#sessions.size <= this.#config.sessionsInMemoryMax || looks > 32) return
      this.#unload(now, session)
    }
  }

  /** The log has all of it; whatever is not in its last snapshot is folded again at the next open. */
  #unload(now: Instant, session: OpenSession): boolean {
    if (session.waiters.length > 0 || session.asking || session.appends > 0) return false
    if (session.loaded) {
      if (session.sinceSnapshot.events > 0 && this.#snapshots.isBusy) return false
      if (session.sinceSnapshot.events > 0) this.#snapshots.save(now, session)
      if (this.#kernel.unloadSession(now, session.name) === "in_use") return false
      this.#retries.set(session, undefined)
      session.loaded = false
    }
    session.head = undefined
    this.#forget(session)
    return true
  }
}

/** What the log holds of a session, from where its fold begins. */
interface Beginning {
  readonly epoch: Epoch
  readonly floor: Point
  readonly snapshot?: Snapshot | undefined
  readonly entries: readonly Entry[]
}
