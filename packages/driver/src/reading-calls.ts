// Questions about what a session holds, each answered once: a page after a cursor, why a cursor would get what it gets, a
// page for tools. None of them leaves a reader behind.

import { everything, parseCursor, type Filter, type Head, type Instant, type Kernel } from "@tidemark/kernel"
import type { ReadBudget, ReaderId, ReaderStart, SessionName } from "@tidemark/kernel"
import type { Call } from "./call.ts"
import type { CallDesk } from "./call-desk.ts"
import type { ExplainOutcome, QueryOutcome, ResumeCallOutcome } from "./outcomes.ts"
import { pageOf, queryStart, type QuerySince } from "./query.ts"
import type { Readers } from "./readers.ts"
import { movedAway, notRead, storeFailed } from "./request-desk.ts"

export class ReadingCalls {
  readonly #kernel: Kernel
  readonly #calls: CallDesk
  readonly #readers: Readers
  readonly #logEventsMax: number

  /** `logEventsMax`: entries the log keeps of any session; `Infinity` where it has no such bound. */
  constructor(kernel: Kernel, calls: CallDesk, readers: Readers, logEventsMax: number) {
    this.#kernel = kernel
    this.#calls = calls
    this.#readers = readers
    this.#logEventsMax = logEventsMax
  }

  /** A page of at most `budget`; `gap` carries the observation. */
  resume(now: Instant, session: SessionName, cursor: string, budget: ReadBudget): Call<ResumeCallOutcome> {
    const parsed = parseCursor(session, cursor)
    if (parsed.type === "rejected") return this.#calls.settled<ResumeCallOutcome>(parsed)
    return this.#calls.atDoor<ResumeCallOutcome>(now, session, (then, door, call) => {
      const start: ReaderStart = { type: "cursor", cursor }
      const options = { filter: everything, recovery: "events", finite: true } as const
      const subscribed = this.#kernel.subscribe(then, session, start, options, door.proof)
      if (subscribed.type === "rejected" || subscribed.type === "unknown_session") return this.#calls.settle(call, subscribed)
      if (subscribed.type !== "subscribed") return this.#calls.settle(call, storeFailed)
      this.#readers.add(subscribed.reader, door.session)
      this.#resumeStep(then, subscribed.reader, budget, call)
    })
  }

  explain(now: Instant, session: SessionName, cursor: string): Call<ExplainOutcome> {
    const parsed = parseCursor(session, cursor)
    if (parsed.type === "rejected") return this.#calls.settled<ExplainOutcome>(parsed)
    return this.#calls.atDoor<ExplainOutcome>(now, session, (then, { session: held, proof }, call) => {
      const retentionEvents = Math.min(held.settings?.retention.events ?? Infinity, this.#logEventsMax)
      const asked = Number.isFinite(retentionEvents) ? { retentionEvents } : {}
      const first = this.#kernel.explain(then, session, cursor, { ...asked, proof })
      if (first.type !== "behind") return this.#calls.settle(call, first.type === "store_failed" ? storeFailed : first)
      this.#calls.range(held, first.epoch, first.after, { events: 1, bytes: 1 }, call, (later, answer) => {
        const history =
          answer.type === "page"
            ? { type: "page" as const, after: answer.after, entries: answer.entries, head: answer.head }
            : { type: "unreadable" as const, after: first.after.position, reason: answer.reason, head: answer.head }
        // Without the proof: it is of a moment that has passed, and the session may be another one by now.
        const second = this.#kernel.explain(later, session, cursor, { ...asked, history })
        if (second.type === "store_failed") return this.#calls.settle(call, storeFailed)
        // It may have left memory, or become another one, while the log was asked.
        this.#calls.settle(call, second.type === "behind" || second.type === "unknown_session" ? movedAway : second)
      })
    }, true)
  }

  /** Entries after `since`, as many as `limit` of those that `filter` passes; 0 asks only whether there are any. */
  query(now: Instant, session: SessionName, since: QuerySince, filter: Filter, limit: ReadBudget): Call<QueryOutcome> {
    const parsed = since.type === "cursor" ? parseCursor(session, since.cursor) : undefined
    if (parsed?.type === "rejected") return this.#calls.settled<QueryOutcome>(parsed)
    return this.#calls.atDoor<QueryOutcome>(now, session, (_then, { session: held, proof }, call) => {
      const page = (head: Head): void => {
        const start = queryStart(head, since, parsed?.cursor)
        if (start.type !== "from") return this.#calls.settle(call, start)
        const { place, missed } = start
        const budget = { events: queryEntriesMax, bytes: Math.max(1, limit.bytes) }
        this.#calls.range(held, head.epoch, place, budget, call, (_later, answer) => {
          if (answer.type === "page") return this.#calls.settle(call, pageOf(answer, place, missed, filter, limit.events))
          // The floor moved since: from there on, with more missed.
          if (answer.reason === "trimmed" && answer.head.epoch === head.epoch && answer.head.floor.position > place.position) return page(answer.head)
          this.#calls.settle(call, { type: "conflict", reason: answer.reason === "trimmed" ? "epoch" : answer.reason, head: answer.head })
        })
      }
      page(proof)
    })
  }

  #resumeStep(now: Instant, reader: ReaderId, budget: ReadBudget, call: Call<ResumeCallOutcome>): void {
    const outcome = this.#readers.read(now, reader, budget)
    if (outcome.type === "idle" && !outcome.upToDate && this.#readers.waitsForPage(reader)) {
      return this.#readers.whenReady(reader, (then) => this.#resumeStep(then, reader, budget, call))
    }
    if (outcome.type === "failed") this.#calls.settle(call, notRead)
    else {
      const resumed = this.#kernel.resumed(reader, outcome)
      switch (resumed.type) {
        case "replayed":
          this.#calls.settle(call, { ...resumed, entries: resumed.batch.events })
          break
        case "behind":
        case "store_failed":
          this.#calls.settle(call, storeFailed)
          break
        default:
          this.#calls.settle(call, resumed)
      }
    }
    this.#readers.unsubscribe(reader)
  }
}

/** Entries one query looks at, shown or hidden. */
const queryEntriesMax = 1_000
