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
  type SessionName,
} from "@tidemark/kernel"
import { AbsentSessions } from "./absent-sessions.ts"
import { beginning, originOf, type Beginning } from "./beginning.ts"
import { OpenSession, wentBack, type DoorHandler, type Waiter } from "./open-session.ts"
import type { LogFailed, SessionInfo } from "./outcomes.ts"
import { failure, type RequestDesk } from "./request-desk.ts"
import { sessionInfo } from "./session-info.ts"
import type { AppendOutcome, LogAnswer, SessionSettings } from "./session-log.ts"
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
  /**
   * A shared log is asked about every session in memory, and every one that is waited for, at least this often, whatever
   * others have said: a wake-up that was lost costs this much time and nothing else. Left out: never.
   */
  readonly positionCheckMs?: number
}

export class OpenSessions {
  readonly #config: OpenSessionsConfig
  readonly #kernel: Kernel
  readonly #desk: RequestDesk
  readonly #log: { readonly sole: boolean; readonly keepsEntries: boolean }
  readonly #snapshots: Snapshots
  /** In the order of their last use. */
  readonly #sessions = new Map<SessionName, OpenSession>()
  /** The one used last, which therefore stands last in `#sessions` if it is there. */
  #latest: OpenSession | undefined
  readonly #idle = new Deadlines<OpenSession>()
  /** Sessions that are behind a log which failed to answer. */
  readonly #retries = new Deadlines<OpenSession>()
  readonly #absent = new AbsentSessions()
  /** When a shared log is asked about everything next. */
  #checkAt: Instant | undefined

  constructor(config: OpenSessionsConfig, kernel: Kernel, desk: RequestDesk, log: { readonly sole: boolean; readonly keepsEntries: boolean }) {
    this.#config = config
    this.#kernel = kernel
    this.#desk = desk
    this.#log = log
    this.#snapshots = new Snapshots(config, kernel, desk, log.keepsEntries, {
      saved: (now, session, head) => this.learned(now, session, head),
      failed: (now, session) => this.#retries.set(session, later(now, config.retryMs)),
      absent: (now, session) => this.doubt(now, session),
    })
  }

  get size(): number {
    return this.#sessions.size
  }

  get waiting(): number {
    let waiting = 0
    for (const session of this.#sessions.values()) waiting += session.waiters.length
    return waiting + this.#absent.size
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
    this.#checkLater(now)
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
    return this.#absent.wait(name, then)
  }

  /** The log made a session of this name, whoever asked for it. */
  created(now: Instant, name: SessionName): void {
    this.#absent.tell(now, name)
  }

  /** What the log did with a part that was submitted for `session`. */
  appended(now: Instant, session: OpenSession, outcome: Extract<AppendOutcome, { type: "appended" }>, settings: SessionSettings | undefined): void {
    if (session.gone) this.doubt(now, session)
    else this.#take(now, session, outcome, settings)
    this.created(now, session.name)
  }

  /** A request for it is over: where nothing else is known of the session, nothing of it stays (L17). */
  release(session: OpenSession): void {
    if (!session.loaded && !session.asking && session.head === undefined) this.#forget(session)
  }

  /** A session that is in memory is saved when that is due; one that nobody reads is opened for it. */
  makeRoom(now: Instant, session: OpenSession): void {
    if (session.loaded && session.sinceSnapshot.events > 0) this.#snapshots.save(now, session)
    if (session.loaded || session.gone) return this.release(session)
    this.door(now, session.name, () => this.release(session))
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
    if (session === undefined) this.created(now, name)
    else this.doubt(now, session)
  }

  // Even a sole log is asked for its head before the next door, and at once, for the readers who are past theirs. Who waits
  // for a session to be made has it looked for: what nobody knows the outcome of may have made it.
  doubt(now: Instant, session: OpenSession): void {
    this.created(now, session.name)
    // What was asked for a session that is gone may have been done to the one made after it.
    const here = session.gone ? this.#sessions.get(session.name) : session
    if (here === undefined) return
    here.doubts += 1
    if (here.loaded) this.#advance(now, here)
  }

  /** The log was opened anew: whether it still holds the kernel's place is asked before anything is put after it. */
  reopened(now: Instant): void {
    for (const session of this.#sessions.values()) session.breaks += 1
    this.#doubtAll(now)
  }

  /** An answer about something else said where the log is: of another epoch it may be late, and the log is asked. */
  learned(now: Instant, session: OpenSession, head: Head): void {
    if (session.gone || !session.loaded) return
    if (session.head?.epoch !== head.epoch) return this.doubt(now, session)
    this.#learn(now, session, head)
    this.#advance(now, session)
  }

  /** A page said that the log is of another epoch than the kernel, or that the kernel's place is gone. */
  reopen(_now: Instant, session: OpenSession): void {
    if (session.gone || session.asking) return
    this.#open(session)
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
    if (this.#checkAt !== undefined && now >= this.#checkAt) this.#checkAll(now)
    for (let session = this.#retries.take(now); session !== undefined; session = this.#retries.take(now)) this.#advance(now, session)
    for (let session = this.#idle.take(now); session !== undefined; session = this.#idle.take(now)) {
      const idleAt = later(session.usedAt, this.#config.sessionIdleMs)
      if (idleAt > now) this.#idle.set(session, idleAt)
      else if (!this.#unload(now, session)) this.#idle.set(session, later(now, this.#snapshots.isBusy ? this.#config.retryMs : this.#config.sessionIdleMs))
    }
  }

  pollTimeout(): Instant | undefined {
    return earlier(this.#checkAt, earlier(this.#idle.next(), this.#retries.next()))
  }

  #doubtAll(now: Instant): void {
    for (const session of [...this.#sessions.values()]) this.doubt(now, session)
    this.#absent.tellAll(now)
  }

  #checkLater(now: Instant): void {
    const { positionCheckMs } = this.#config
    if (!this.#log.sole && positionCheckMs !== undefined) this.#checkAt ??= later(now, positionCheckMs)
  }

  #checkAll(now: Instant): void {
    this.#checkAt = undefined
    this.#doubtAll(now)
    if (this.#sessions.size > 0) this.#checkLater(now)
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
      session.loaded = this.#load(now, session, { epoch: outcome.epoch, floor: outcome.floor, entries: outcome.entries }) === undefined
    }
    if (session.head !== undefined && session.head.epoch !== outcome.epoch) return this.doubt(now, session)
    this.#learn(now, session, { epoch: outcome.epoch, head: outcome.last, floor: outcome.floor })
    if (session.loaded && !session.isBroken && this.#follows(session, outcome.entries)) this.#install(now, session, outcome.epoch, outcome.entries)
    this.#advance(now, session)
    // Last, because it may be this one that goes.
    if (made) this.#letOthersGo(now)
  }

  /**
   * Whether what was appended may be put into the kernel as it is. Only a log's only user knows that what it follows is what
   * the kernel has; of a shared log that is read, unless it begins with what the kernel holds, which tells by its marks.
   */
  #follows(session: OpenSession, [first]: readonly Entry[]): boolean {
    const at = this.#kernel.standing(session.name)?.point.position ?? 0
    return this.#log.sole || (first?.position ?? 0) <= at
  }

  /** One step towards what is waited for: open, fill, ask for the head, or let the waiters in. */
  #advance(now: Instant, session: OpenSession): void {
    if (session.asking || session.gone) return
    if (!session.loaded) {
      if (session.waiters.length > 0 || session.head !== undefined) this.#open(session)
      return
    }
    const state = this.#kernel.standing(session.name)
    if (state === undefined || session.head === undefined || state.epoch !== session.head.epoch) return this.#open(session)
    if (session.isBroken || state.point.position < session.head.head.position) return this.#fill(session, state.epoch, state.point)
    if (session.owesSnapshot) {
      session.owesSnapshot = false
      this.#snapshots.save(now, session)
    }
    const unsure = session.doubts > session.settledDoubts
    const trusted = this.#log.sole && !unsure
    if (session.waiters.length > 0) this.#letIn(now, session, { ...session.head, closed: state.closed }, trusted)
    if ((session.waiters.length > 0 || unsure) && !session.asking && !session.gone) this.#askHead(session)
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
  #open(session: OpenSession, lost?: "ahead" | "diverged"): void {
    const budget = { events: this.#config.pageEvents, bytes: this.#config.pageBytes }
    const { doubts, breaks, loaded: wasLoaded } = session
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
      session.settledBreaks = breaks
      session.settings = answer.settings
      if (lost === undefined) this.#learn(now, session, answer.head)
      else {
        session.losses += 1
        session.head = answer.head
      }
      const unreadable = this.#load(now, session, beginning(session, this.#kernel.modelVersion(answer.settings.model), answer), lost)
      if (unreadable !== undefined) return this.#fail(now, session, { type: "failed", effect: "none", reason: "view_failed", detail: unreadable })
      session.loaded = true
      this.#letOthersGo(now)
      this.#advance(now, session)
    })
  }

  #askHead(session: OpenSession): void {
    const { doubts, head: known } = session
    this.#ask(session, { type: "head", session: session.name }, (now, answer) => {
      if (answer.type === "absent") return this.#absentNow(now, session)
      if (answer.type !== "head") return this.#fail(now, session, failure(answer))
      session.settledDoubts = doubts
      if (wentBack(known, answer.head)) return this.#open(session, "ahead")
      this.#learn(now, session, answer.head)
      this.#advance(now, session)
    })
  }

  #fill(session: OpenSession, epoch: Epoch, after: Point): void {
    const { breaks, head: known } = session
    const budget = { events: this.#config.pageEvents, bytes: this.#config.pageBytes }
    const place = { position: after.position, point: after }
    this.#ask(session, { type: "range", session: session.name, epoch, after: place, budget }, (now, answer) => {
      if (answer.type === "absent") return this.#absentNow(now, session)
      if (answer.type === "unreadable") {
        const { reason } = answer
        return this.#open(session, reason === "ahead" || reason === "diverged" ? reason : undefined)
      }
      if (answer.type !== "page") return this.#fail(now, session, failure(answer))
      const { head, entries } = answer
      if (wentBack(known, head)) return this.#open(session, "ahead")
      session.settledBreaks = breaks
      this.#learn(now, session, head)
      this.#install(now, session, head.epoch, entries)
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
    const opened = this.#kernel.openSession(now, session.name, originOf(session, from), lost)
    this.#snapshots.count(now, session, from.entries)
    return opened.type === "unreadable" ? opened.because : undefined
  }

  #install(now: Instant, session: OpenSession, epoch: Epoch, entries: readonly Entry[]): void {
    const handled = this.#kernel.handleAppended(now, session.name, epoch, entries)
    if (handled.type === "installed") this.#snapshots.count(now, session, entries)
    if (handled.type !== "diverged") return
    if (session.asking) session.breaks += 1
    else this.#open(session, "diverged")
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
    if (session.loaded) this.#leave(now, session)
    else this.#forget(session)
    // Nothing of it is here: whoever came since is asked for anew, and what is being appended to it stays its own.
    if (!session.gone) this.#advance(now, session)
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

  #unload(now: Instant, session: OpenSession): boolean {
    if (session.waiters.length > 0 || session.asking || session.appends > 0) return false
    if (session.loaded) {
      if (!this.#snapshots.saveLast(now, session)) return false
      if (this.#kernel.unloadSession(now, session.name) === "in_use") return false
      this.#retries.set(session, undefined)
      session.loaded = false
    }
    session.head = undefined
    this.#forget(session)
    return true
  }
}
