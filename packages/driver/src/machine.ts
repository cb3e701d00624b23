// The machine between kernel, log and connections: requests for the log out, its answers in; calls in, outcomes out. It
// knows no socket, timer, promise or log in particular: the host, the simulator and a plain Node program bind the same one.
//
// The contract, on top of the kernel's (`machine.ts` of @tidemark/kernel):
//
// 1. After one or more calls, answers or timeouts: submit all of `pollRequest()`, settle all of `pollSettled()`, read the
//    readers of `pollReady()`, each to `undefined`, and arm one timer from `pollTimeout()`.
// 2. An answer is handed in exactly once, whenever it comes, in any order.
// 3. A reader is read again only when what it was given was handed on (the socket drained), or when it was polled ready.

import {
  contract,
  earlier,
  everything,
  parseCursor,
  type Epoch,
  type Filter,
  type Head,
  type Instant,
  type Kernel,
  type Place,
  type ReadBudget,
  type ReaderId,
  type ReaderStart,
  type ReadOutcome,
  type Recovery,
  type SessionName,
  type Timed,
  type Timestamp,
} from "@tidemark/kernel"
import { AppendQueue, type AppendQueueConfig } from "./append-queue.ts"
import { Call } from "./call.ts"
import { contentOf } from "./content.ts"
import { History } from "./history.ts"
import type { Door, OpenSession } from "./open-session.ts"
import { OpenSessions, type OpenSessionsConfig } from "./open-sessions.ts"
import type {
  AppendCallOutcome,
  AppendRequest,
  CreateOutcome,
  DeleteOutcome,
  DescribeOutcome,
  ExplainOutcome,
  ListOutcome,
  LogFailed,
  ObserveOutcome,
  QueryOutcome,
  ResumeCallOutcome,
  SubscribeCallOutcome,
} from "./outcomes.ts"
import { pageOf, queryStart, type QuerySince } from "./query.ts"
import { failure, movedAway, notRead, RequestDesk, storeFailed, type NumberedRequest } from "./request-desk.ts"
import { sessionInfo } from "./session-info.ts"
import type { LogAnswer, SessionLog, SessionSettings } from "./session-log.ts"

/** What the driver must know of its log. */
export type LogTraits = Pick<SessionLog, "sole" | "keepsEntries" | "appendsInFlightMax">

export interface DriverConfig extends OpenSessionsConfig, AppendQueueConfig {
  /** Entries the log keeps of any session, whatever its own retention says; left out: it has no such bound. */
  readonly logEventsMax?: number
}

export interface SubscribeOptions {
  readonly filter: Filter
  readonly recovery: Recovery
  /** `wait`: a session that is not there is waited for, and the call settles when it is made. */
  readonly missing?: "wait"
}

export interface DriverStats {
  /** In memory, or about to be. */
  readonly sessions: number
  readonly callsWaiting: number
  readonly draftsWaiting: number
  readonly requestsInFlight: number
  readonly pagesHeld: number
}

/** A page, or why this epoch has none at the asked place. */
type RangeAnswer =
  | Extract<LogAnswer, { readonly type: "page" }>
  | (Extract<LogAnswer, { readonly type: "unreadable" }> & { readonly reason: "trimmed" | "ahead" | "diverged" })

/** `read`'s outcome, with history fetched. */
export type DriverReadOutcome = Exclude<ReadOutcome, { readonly type: "behind" }>

export class Driver implements Timed {
  readonly kernel: Kernel
  readonly #desk = new RequestDesk()
  readonly #sessions: OpenSessions
  readonly #appends: AppendQueue
  readonly #history: History
  /** A log that keeps no entries cannot tell later what this process did not fold: sessions are opened before appends. */
  readonly #opensFirst: boolean
  readonly #logEventsMax: number
  readonly #settled: Call<unknown>[] = []
  /** What ends the wait of a call that waits for a session to be made. */
  readonly #waits = new Map<Call<unknown>, () => void>()
  /** Readers of calls that have settled and were not polled yet. */
  readonly #madeBy = new Map<Call<unknown>, ReaderId>()
  /** The session each reader was given for; a reader outlives neither. */
  readonly #readers = new Map<ReaderId, OpenSession>()
  /** Finite readers, and how to go on with them when their page is there. */
  readonly #finite = new Map<ReaderId, (now: Instant) => void>()

  constructor(config: DriverConfig, kernel: Kernel, log: LogTraits) {
    this.kernel = kernel
    this.#opensFirst = !log.keepsEntries
    this.#logEventsMax = config.logEventsMax ?? Infinity
    this.#sessions = new OpenSessions(config, kernel, this.#desk, log.sole)
    this.#appends = new AppendQueue(config, log.appendsInFlightMax, this.#desk, {
      appended: (now, session, outcome, part) => this.#sessions.appended(now, session, outcome, part.create),
      refused: (session) => this.#sessions.release(session),
      unknown: (now, session) => this.#sessions.doubt(now, session),
      settle: (call, outcome) => this.#settle(call, outcome),
    })
    this.#history = new History(this.#desk, config.retryMs, {
      wake: (now, reader) => this.#wake(now, reader),
      learned: (now, session, head) => this.#sessions.learned(now, session, head),
      reopen: (now, session) => this.#sessions.reopen(now, session),
    })
  }

  /** Durable once the call settles with `appended`; readers are given it no earlier (L5). */
  append(now: Instant, at: Timestamp, request: AppendRequest): Call<AppendCallOutcome> {
    contract(request.drafts.length > 0, "an append has at least one draft")
    const call = new Call<AppendCallOutcome>()
    const part = {
      session: request.session,
      drafts: request.drafts,
      key: request.key,
      contentHash: request.key === undefined ? undefined : contentOf(request.drafts),
      expect: request.expect,
      create: request.create,
    }
    const held = this.#sessions.use(now, request.session)
    if (held.loaded || !this.#opensFirst) this.#appends.add(held, part, at, call)
    else {
      this.#sessions.door(now, request.session, (then, door) => {
        if (door.type === "failed") this.#settle(call, door)
        else this.#appends.add(this.#sessions.use(then, request.session), part, at, call)
      })
    }
    return call
  }

  create(now: Instant, at: Timestamp, session: SessionName, settings: SessionSettings): Call<CreateOutcome> {
    const call = new Call<CreateOutcome>()
    const held = this.#sessions.use(now, session)
    this.#desk.ask({ type: "create", session, settings, at }, (then, answer) => {
      if (answer.type === "created" && answer.created) {
        this.#sessions.doubt(then, held)
        this.#sessions.created(then, session)
      }
      this.#sessions.release(held)
      if (answer.type === "full") return this.#settle(call, answer)
      if (answer.type !== "created") return this.#settle(call, failure(answer))
      const info = sessionInfo(this.kernel, session, answer.summary.head, answer.summary.settings)
      if (answer.created) return this.#settle(call, { type: "created", info })
      const same = contentOf(answer.summary.settings) === contentOf(settings)
      this.#settle(call, { type: same ? "existed" : "settings_conflict", info })
    })
    return call
  }

  /** Its readers end with `deleted`. */
  delete(now: Instant, session: SessionName): Call<DeleteOutcome> {
    const call = new Call<DeleteOutcome>()
    const held = this.#sessions.use(now, session)
    const epoch = held.head?.epoch
    this.#desk.ask({ type: "delete", session }, (then, answer) => {
      if (answer.type !== "deleted" && answer.type !== "absent") return this.#settle(call, failure(answer))
      this.#sessions.deleted(then, held, epoch)
      this.#settle(call, answer.type === "deleted" ? answer : { type: "unknown_session" })
    })
    return call
  }

  list(_now: Instant, workspace: string, after: string | undefined, limit: number): Call<ListOutcome> {
    const call = new Call<ListOutcome>()
    this.#desk.ask({ type: "list", workspace, after, limit }, (_then, answer) => {
      if (answer.type !== "listed") return this.#settle(call, failure(answer))
      const sessions = answer.sessions.map((summary) => sessionInfo(this.kernel, summary.session, summary.head, summary.settings))
      this.#settle(call, { type: "listed", sessions, next: answer.next ?? null })
    })
    return call
  }

  describe(now: Instant, session: SessionName): Call<DescribeOutcome> {
    return this.#atDoor<DescribeOutcome>(now, session, (_then, door, call) => {
      const info = this.#sessions.info(door.session)
      this.#settle(call, info === undefined ? { type: "unknown_session" } : { type: "session", info })
    }, true)
  }

  /** Never older than its request. */
  observe(now: Instant, session: SessionName): Call<ObserveOutcome> {
    return this.#atDoor<ObserveOutcome>(now, session, (then, _door, call) => {
      const observation = this.kernel.observe(then, session)
      this.#settle(call, observation === undefined ? { type: "unknown_session" } : { type: "observed", observation })
    })
  }

  /** A page of at most `budget`; `gap` carries the observation. */
  resume(now: Instant, session: SessionName, cursor: string, budget: ReadBudget): Call<ResumeCallOutcome> {
    const parsed = parseCursor(session, cursor)
    if (parsed.type === "rejected") return this.#refuse<ResumeCallOutcome>(parsed)
    return this.#atDoor<ResumeCallOutcome>(now, session, (then, door, call) => {
      const start: ReaderStart = { type: "cursor", cursor }
      const options = { filter: everything, recovery: "events", finite: true } as const
      const subscribed = this.kernel.subscribe(then, session, start, options, door.proof)
      if (subscribed.type === "rejected" || subscribed.type === "unknown_session") return this.#settle(call, subscribed)
      if (subscribed.type !== "subscribed") return this.#settle(call, storeFailed)
      this.#readers.set(subscribed.reader, door.session)
      this.#resumeStep(then, subscribed.reader, budget, call)
    })
  }

  explain(now: Instant, session: SessionName, cursor: string): Call<ExplainOutcome> {
    const parsed = parseCursor(session, cursor)
    if (parsed.type === "rejected") return this.#refuse<ExplainOutcome>(parsed)
    return this.#atDoor<ExplainOutcome>(now, session, (then, { session: held, proof }, call) => {
      const retentionEvents = Math.min(held.settings?.retention.events ?? Infinity, this.#logEventsMax)
      const asked = Number.isFinite(retentionEvents) ? { retentionEvents } : {}
      const first = this.kernel.explain(then, session, cursor, { ...asked, proof })
      if (first.type !== "behind") return this.#settle(call, first.type === "store_failed" ? storeFailed : first)
      this.#range(held, first.epoch, first.after, { events: 1, bytes: 1 }, call, (later, answer) => {
        const history =
          answer.type === "page"
            ? { type: "page" as const, after: answer.after, entries: answer.entries, head: answer.head }
            : { type: "unreadable" as const, after: first.after.position, reason: answer.reason, head: answer.head }
        // Without the proof: it is of a moment that has passed, and the session may be another one by now.
        const second = this.kernel.explain(later, session, cursor, { ...asked, history })
        if (second.type === "store_failed") return this.#settle(call, storeFailed)
        // It may have left memory, or become another one, while the log was asked.
        this.#settle(call, second.type === "behind" || second.type === "unknown_session" ? movedAway : second)
      })
    }, true)
  }

  /** Entries after `since`, as many as `limit` of those that `filter` passes; 0 asks only whether there are any. */
  query(now: Instant, session: SessionName, since: QuerySince, filter: Filter, limit: ReadBudget): Call<QueryOutcome> {
    const parsed = since.type === "cursor" ? parseCursor(session, since.cursor) : undefined
    if (parsed?.type === "rejected") return this.#refuse<QueryOutcome>(parsed)
    return this.#atDoor<QueryOutcome>(now, session, (_then, { session: held, proof }, call) => {
      const page = (head: Head): void => {
        const start = queryStart(head, since, parsed?.cursor)
        if (start.type !== "from") return this.#settle(call, start)
        const { place, missed } = start
        const budget = { events: queryEntriesMax, bytes: Math.max(1, limit.bytes) }
        this.#range(held, head.epoch, place, budget, call, (_later, answer) => {
          if (answer.type === "page") return this.#settle(call, pageOf(answer, place, missed, filter, limit.events))
          // The floor moved since: from there on, with more missed.
          if (answer.reason === "trimmed" && answer.head.epoch === head.epoch && answer.head.floor.position > place.position) return page(answer.head)
          this.#settle(call, { type: "conflict", reason: answer.reason === "trimmed" ? "epoch" : answer.reason, head: answer.head })
        })
      }
      page(proof)
    })
  }

  /** A standing reader, which is read at once; or, with `missing: "wait"`, as soon as the session is made. */
  subscribe(now: Instant, session: SessionName, start: ReaderStart, options: SubscribeOptions): Call<SubscribeCallOutcome> {
    const parsed = start.type === "cursor" ? parseCursor(session, start.cursor) : undefined
    if (parsed?.type === "rejected") return this.#refuse<SubscribeCallOutcome>(parsed)
    const call = new Call<SubscribeCallOutcome>()
    this.#trySubscribe(now, session, start, options, call)
    return call
  }

  /** Nobody waits for `call` any more: a reader it makes, or has made, is removed. An append is not undone, and is doubted. */
  abandon(now: Instant, call: Call<unknown>): void {
    call.abandoned = true
    this.#waits.get(call)?.()
    this.#waits.delete(call)
    const reader = this.#madeBy.get(call)
    if (reader !== undefined) this.unsubscribe(reader)
    this.#madeBy.delete(call)
    // Whoever gave up waiting for an append knows no outcome, and neither does anybody here.
    const session = this.#appends.sessionOf(call)
    if (session !== undefined) this.#sessions.doubt(now, session)
  }

  /** A call whose outcome is there; each once, in the order they settled. */
  pollSettled(): Call<unknown> | undefined {
    const call = this.#settled.shift()
    if (call !== undefined) this.#madeBy.delete(call)
    return call
  }

  /** As the kernel's `read`, with history fetched: a reader behind the window is idle until its page is there. */
  read(now: Instant, reader: ReaderId, budget: ReadBudget): DriverReadOutcome {
    const page = this.#history.take(now, reader)
    if (page?.type === "waiting") return { type: "idle", upToDate: false }
    if (page?.type === "failed") return page
    const given = page === undefined ? undefined : this.kernel.handleHistory(now, reader, page)
    const outcome = given ?? this.kernel.read(now, reader, budget)
    if (outcome.type !== "behind") return outcome
    const session = this.#readers.get(reader)
    contract(session !== undefined, "a reader of the driver's belongs to a session")
    this.#history.want(session, outcome.epoch, outcome.after, budget, reader)
    return { type: "idle", upToDate: false }
  }

  unsubscribe(reader: ReaderId): void {
    this.#readers.delete(reader)
    this.#finite.delete(reader)
    this.#history.leave(reader)
    this.kernel.unsubscribe(reader)
  }

  pollReady(): ReaderId | undefined {
    return this.kernel.pollReady()
  }

  pollRequest(): NumberedRequest | undefined {
    this.#appends.submitDue()
    return this.#desk.poll()
  }

  handleAnswer(now: Instant, id: number, answer: LogAnswer): void {
    this.#desk.handle(now, id, answer)
  }

  /** Somebody says that the log knows more of this session. Only ever wakes: what is true is asked of the log. */
  handleWake(now: Instant, session: SessionName): void {
    this.#sessions.lookAgain(now, session)
  }

  handleTimeout(now: Instant): void {
    this.kernel.handleTimeout(now)
    this.#history.handleTimeout(now)
    this.#sessions.handleTimeout(now)
  }

  pollTimeout(): Instant | undefined {
    return earlier(this.kernel.pollTimeout(), earlier(this.#history.pollTimeout(), this.#sessions.pollTimeout()))
  }

  stats(): DriverStats {
    return {
      sessions: this.#sessions.size,
      callsWaiting: this.#sessions.waiting,
      draftsWaiting: this.#appends.drafts,
      requestsInFlight: this.#desk.inFlight,
      pagesHeld: this.#history.size,
    }
  }

  #atDoor<Outcome>(
    now: Instant,
    session: SessionName,
    then: (now: Instant, door: Extract<Door, { type: "open" }>, call: Call<Outcome | { readonly type: "unknown_session" } | LogFailed>) => void,
    skeptical = false,
  ): Call<Outcome | { readonly type: "unknown_session" } | LogFailed> {
    const call = new Call<Outcome | { readonly type: "unknown_session" } | LogFailed>()
    const enter = (later: Instant, door: Door) => (door.type === "open" ? then(later, door, call) : this.#settle(call, door))
    this.#sessions.door(now, session, enter, skeptical)
    return call
  }

  #trySubscribe(now: Instant, session: SessionName, start: ReaderStart, options: SubscribeOptions, call: Call<SubscribeCallOutcome>): void {
    this.#sessions.door(now, session, (then, door) => {
      if (door.type === "unknown_session" && options.missing === "wait" && !call.abandoned) {
        this.#waits.set(call, this.#sessions.whenCreated(session, (made) => {
          this.#waits.delete(call)
          this.#trySubscribe(made, session, start, options, call)
        }))
        return
      }
      if (door.type !== "open") return this.#settle(call, door)
      if (call.abandoned) return this.#settle(call, { type: "unknown_session" })
      const subscribed = this.kernel.subscribe(then, session, start, { filter: options.filter, recovery: options.recovery }, door.proof)
      if (subscribed.type === "store_failed") return this.#settle(call, storeFailed)
      if (subscribed.type !== "subscribed") return this.#settle(call, subscribed)
      const hello = this.#sessions.info(door.session)
      contract(hello !== undefined, "a session whose door opened can be described")
      this.#readers.set(subscribed.reader, door.session)
      this.#madeBy.set(call, subscribed.reader)
      this.#settle(call, { type: "subscribed", reader: subscribed.reader, hello })
    })
  }

  #resumeStep(now: Instant, reader: ReaderId, budget: ReadBudget, call: Call<ResumeCallOutcome>): void {
    const outcome = this.read(now, reader, budget)
    if (outcome.type === "idle" && !outcome.upToDate) {
      this.#finite.set(reader, (then) => this.#resumeStep(then, reader, budget, call))
      return
    }
    if (outcome.type === "failed") this.#settle(call, notRead)
    else {
      const resumed = this.kernel.resumed(reader, outcome)
      switch (resumed.type) {
        case "replayed":
          this.#settle(call, { ...resumed, entries: resumed.batch.events })
          break
        case "behind":
        case "store_failed":
          this.#settle(call, storeFailed)
          break
        default:
          this.#settle(call, resumed)
      }
    }
    this.unsubscribe(reader)
  }

  #wake(now: Instant, reader: ReaderId): void {
    const goOn = this.#finite.get(reader)
    this.#finite.delete(reader)
    if (goOn === undefined) this.kernel.wake(reader)
    else goOn(now)
  }

  /** Asks the log for what follows a place; whatever is neither a page nor a reason settles the call. */
  #range<Outcome>(
    session: OpenSession,
    epoch: Epoch,
    after: Place,
    budget: ReadBudget,
    call: Call<Outcome | { readonly type: "unknown_session" } | LogFailed>,
    then: (now: Instant, answer: RangeAnswer) => void,
  ): void {
    this.#desk.ask({ type: "range", session: session.name, epoch, after, budget }, (now, answer) => {
      if (answer.type === "page" || answer.type === "unreadable") this.#sessions.learned(now, session, answer.head)
      if (answer.type === "page") return then(now, answer)
      if (answer.type === "absent") return this.#settle(call, { type: "unknown_session" })
      if (answer.type !== "unreadable") return this.#settle(call, failure(answer))
      const { reason } = answer
      if (reason === "epoch") return this.#settle(call, movedAway)
      then(now, { ...answer, reason })
    })
  }

  #refuse<Outcome>(outcome: Outcome): Call<Outcome> {
    const call = new Call<Outcome>()
    this.#settle(call, outcome)
    return call
  }

  #settle<Outcome>(call: Call<Outcome>, outcome: Outcome): void {
    call.settle(outcome)
    this.#settled.push(call)
  }
}

/** Entries one query looks at, shown or hidden. */
const queryEntriesMax = 1_000
