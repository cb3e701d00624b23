// The machine between kernel, log and connections: requests for the log out, its answers in; calls in, outcomes out. It
// knows no socket, timer, promise or log in particular: the host, the simulator and a plain Node program bind the same one.
//
// The contract, on top of the kernel's (`machine.ts` of @tidemark/kernel):
//
// 1. After one or more calls, answers or timeouts: submit all of `pollRequest()`, settle all of `pollSettled()`, read the
//    readers of `pollReady()`, each to `undefined`, and arm one timer from `pollTimeout()`.
// 2. An answer is handed in exactly once, whenever it comes, in any order.
// 3. A reader is read again only when what it was given was handed on (the socket drained), or when it was polled ready.

import { contract, earlier, parseCursor, type Filter, type Instant, type Kernel, type ReadBudget, type ReaderId } from "@tidemark/kernel"
import type { ReaderStart, Recovery, SessionName, Timed, Timestamp } from "@tidemark/kernel"
import { AppendQueue, type AppendQueueConfig } from "./append-queue.ts"
import { Call } from "./call.ts"
import { CallDesk } from "./call-desk.ts"
import { contentOf } from "./content.ts"
import { OpenSessions, type OpenSessionsConfig } from "./open-sessions.ts"
import type {
  AppendCallOutcome,
  AppendRequest,
  CreateOutcome,
  DeleteOutcome,
  DescribeOutcome,
  ExplainOutcome,
  ListOutcome,
  ObserveOutcome,
  QueryOutcome,
  ResumeCallOutcome,
  SubscribeCallOutcome,
  TrimOutcome,
} from "./outcomes.ts"
import type { QuerySince } from "./query.ts"
import { ReadingCalls } from "./reading-calls.ts"
import { Readers, type DriverReadOutcome } from "./readers.ts"
import { failure, RequestDesk, storeFailed, type NumberedRequest } from "./request-desk.ts"
import { sessionInfo } from "./session-info.ts"
import type { LogAnswer, Retention, SessionLog, SessionSettings } from "./session-log.ts"
import { Trimming } from "./trimming.ts"

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

export class Driver implements Timed {
  readonly kernel: Kernel
  readonly #desk = new RequestDesk()
  readonly #sessions: OpenSessions
  readonly #appends: AppendQueue
  readonly #calls: CallDesk
  readonly #readers: Readers
  readonly #reading: ReadingCalls
  readonly #trimming: Trimming
  /** A log that keeps no entries cannot tell later what this process did not fold: sessions are opened before appends. */
  readonly #opensFirst: boolean
  /** What ends the wait of a call that waits for a session to be made. */
  readonly #waits = new Map<Call<unknown>, () => void>()
  /** Readers of calls that have settled and were not polled yet. */
  readonly #madeBy = new Map<Call<unknown>, ReaderId>()

  constructor(config: DriverConfig, kernel: Kernel, log: LogTraits) {
    this.kernel = kernel
    this.#opensFirst = !log.keepsEntries
    this.#sessions = new OpenSessions(config, kernel, this.#desk, log)
    this.#calls = new CallDesk(this.#desk, this.#sessions)
    this.#appends = new AppendQueue(config, log.appendsInFlightMax, this.#desk, {
      appended: (now, session, outcome, part) => this.#sessions.appended(now, session, outcome, part.create),
      refused: (session) => this.#sessions.release(session),
      full: (now, session) => this.#sessions.makeRoom(now, session),
      unknown: (now, session) => this.#sessions.doubt(now, session),
      settle: (call, outcome) => this.#calls.settle(call, outcome),
    })
    this.#readers = new Readers(kernel, this.#desk, this.#sessions, config.retryMs)
    this.#reading = new ReadingCalls(kernel, this.#calls, this.#readers, config.logEventsMax ?? Infinity)
    this.#trimming = new Trimming(kernel, this.#desk, this.#sessions, this.#calls)
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
        if (door.type === "failed") this.#calls.settle(call, door)
        else this.#appends.add(this.#sessions.use(then, request.session), part, at, call)
      })
    }
    return call
  }

  create(now: Instant, at: Timestamp, session: SessionName, settings: SessionSettings): Call<CreateOutcome> {
    const call = new Call<CreateOutcome>()
    const held = this.#sessions.use(now, session)
    this.#desk.ask({ type: "create", session, settings, at }, (then, answer) => {
      if ((answer.type === "created" && answer.created) || isUnknown(answer)) {
        this.#sessions.doubt(then, held)
        this.#sessions.created(then, session)
      }
      this.#sessions.release(held)
      if (answer.type === "full") return this.#calls.settle(call, answer)
      if (answer.type !== "created") return this.#calls.settle(call, failure(answer))
      const info = sessionInfo(this.kernel, session, answer.summary.head, answer.summary.settings)
      if (answer.created) return this.#calls.settle(call, { type: "created", info })
      const same = contentOf(answer.summary.settings) === contentOf(settings)
      this.#calls.settle(call, { type: same ? "existed" : "settings_conflict", info })
    })
    return call
  }

  /** Its readers end with `deleted`. */
  delete(now: Instant, session: SessionName): Call<DeleteOutcome> {
    const call = new Call<DeleteOutcome>()
    const held = this.#sessions.use(now, session)
    const epoch = held.head?.epoch
    this.#desk.ask({ type: "delete", session }, (then, answer) => {
      if (isUnknown(answer)) this.#sessions.doubt(then, held)
      if (answer.type !== "deleted" && answer.type !== "absent") return this.#calls.settle(call, failure(answer))
      this.#sessions.deleted(then, held, epoch)
      this.#calls.settle(call, answer.type === "deleted" ? answer : { type: "unknown_session" })
    })
    return call
  }

  list(_now: Instant, workspace: string, after: string | undefined, limit: number): Call<ListOutcome> {
    const call = new Call<ListOutcome>()
    this.#desk.ask({ type: "list", workspace, after, limit }, (_then, answer) => {
      if (answer.type !== "listed") return this.#calls.settle(call, failure(answer))
      const sessions = answer.sessions.map((summary) => sessionInfo(this.kernel, summary.session, summary.head, summary.settings))
      this.#calls.settle(call, { type: "listed", sessions, next: answer.next ?? null })
    })
    return call
  }

  describe(now: Instant, session: SessionName): Call<DescribeOutcome> {
    return this.#calls.atDoor<DescribeOutcome>(now, session, (_then, door, call) => {
      const info = this.#sessions.info(door.session)
      this.#calls.settle(call, info === undefined ? { type: "unknown_session" } : { type: "session", info })
    }, true)
  }

  /** Never older than its request. */
  observe(now: Instant, session: SessionName): Call<ObserveOutcome> {
    return this.#calls.atDoor<ObserveOutcome>(now, session, (then, _door, call) => {
      const observation = this.kernel.observe(then, session)
      this.#calls.settle(call, observation === undefined ? { type: "unknown_session" } : { type: "observed", observation })
    })
  }

  /** A page of at most `budget`; `gap` carries the observation. */
  resume(now: Instant, session: SessionName, cursor: string, budget: ReadBudget): Call<ResumeCallOutcome> {
    return this.#reading.resume(now, session, cursor, budget)
  }

  explain(now: Instant, session: SessionName, cursor: string): Call<ExplainOutcome> {
    return this.#reading.explain(now, session, cursor)
  }

  /** Entries after `since`, as many as `limit` of those that `filter` passes; 0 asks only whether there are any. */
  query(now: Instant, session: SessionName, since: QuerySince, filter: Filter, limit: ReadBudget): Call<QueryOutcome> {
    return this.#reading.query(now, session, since, filter, limit)
  }

  /**
   * Lets go of the oldest entries beyond `keep`, after saving a snapshot where none covers them. Entries that arrive
   * meanwhile stay. Readers that have not read what goes are told so; those within the window read on.
   */
  trim(now: Instant, at: Timestamp, session: SessionName, keep: Retention): Call<TrimOutcome> {
    return this.#trimming.trim(now, at, session, keep)
  }

  /** A standing reader, which is read at once; or, with `missing: "wait"`, as soon as the session is made. */
  subscribe(now: Instant, session: SessionName, start: ReaderStart, options: SubscribeOptions): Call<SubscribeCallOutcome> {
    const parsed = start.type === "cursor" ? parseCursor(session, start.cursor) : undefined
    if (parsed?.type === "rejected") return this.#calls.settled<SubscribeCallOutcome>(parsed)
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
    const call = this.#calls.poll()
    if (call !== undefined) this.#madeBy.delete(call)
    return call
  }

  /** As the kernel's `read`, with history fetched: a reader behind the window is idle until its page is there. */
  read(now: Instant, reader: ReaderId, budget: ReadBudget): DriverReadOutcome {
    return this.#readers.read(now, reader, budget)
  }

  unsubscribe(reader: ReaderId): void {
    this.#readers.unsubscribe(reader)
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

  /** The log was opened anew, and may not hold what it held: it is asked about every session in memory. */
  handleReopened(now: Instant): void {
    this.#sessions.reopened(now)
  }

  handleTimeout(now: Instant): void {
    this.kernel.handleTimeout(now)
    this.#readers.handleTimeout(now)
    this.#sessions.handleTimeout(now)
  }

  pollTimeout(): Instant | undefined {
    return earlier(this.kernel.pollTimeout(), earlier(this.#readers.pollTimeout(), this.#sessions.pollTimeout()))
  }

  stats(): DriverStats {
    return {
      sessions: this.#sessions.size,
      callsWaiting: this.#sessions.waiting,
      draftsWaiting: this.#appends.drafts,
      requestsInFlight: this.#desk.inFlight,
      pagesHeld: this.#readers.pagesHeld,
    }
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
      if (door.type !== "open") return this.#calls.settle(call, door)
      if (call.abandoned) return this.#calls.settle(call, { type: "unknown_session" })
      const subscribed = this.kernel.subscribe(then, session, start, { filter: options.filter, recovery: options.recovery }, door.proof)
      if (subscribed.type === "store_failed") return this.#calls.settle(call, storeFailed)
      if (subscribed.type !== "subscribed") return this.#calls.settle(call, subscribed)
      const hello = this.#sessions.info(door.session)
      contract(hello !== undefined, "a session whose door opened can be described")
      this.#readers.add(subscribed.reader, door.session)
      this.#madeBy.set(call, subscribed.reader)
      this.#calls.settle(call, { type: "subscribed", reader: subscribed.reader, hello })
    })
  }
}

/** It may have been done: whoever asked is told so, and the log is asked what holds now. */
function isUnknown(answer: LogAnswer): boolean {
  return answer.type === "failed" && answer.effect === "unknown"
}
