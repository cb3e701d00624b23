// Group commit: what arrives while the log is busy goes into its next request, in the order it came, so that the group
// grows with the load and a quiet log answers at once. A part stands or falls alone; a request that fails takes all of
// its parts with it, and says whether their outcome is known.

import { cursorText, idOf, timestamp, utf8Bytes, type Epoch, type Instant, type Point, type SessionName, type Timestamp } from "@tidemark/kernel"
import type { Call } from "./call.ts"
import type { OpenSession } from "./open-session.ts"
import type { AppendCallOutcome, LogFailed, Receipt } from "./outcomes.ts"
import { failure, type RequestDesk } from "./request-desk.ts"
import type { AppendOutcome, AppendPart, Durability, LogAnswer } from "./session-log.ts"

export interface AppendQueueConfig {
  /** One group: at most this many drafts, and bytes of their data; a single part may be more. */
  readonly groupDraftsMax: number
  readonly groupBytesMax: number
  /** Waiting behind a busy log; beyond it an append fails as `busy`, without effect. */
  readonly waitingDraftsMax: number
  readonly waitingBytesMax: number
}

/** What follows from the log's answer, for the session and for the publisher. */
export interface AppendConsequences {
  appended(now: Instant, session: OpenSession, outcome: Extract<AppendOutcome, { type: "appended" }>, part: AppendPart): void
  /** No entries came of it: what was only held for this need not be any longer. */
  refused(session: OpenSession): void
  /** The log can hold no more of this session for now: a snapshot would let it let go of something. */
  full(now: Instant, session: OpenSession): void
  /** It may have happened: nobody here knows what the log holds now. */
  unknown(now: Instant, session: OpenSession): void
  settle(call: Call<AppendCallOutcome>, outcome: AppendCallOutcome): void
}

interface Pending {
  readonly session: OpenSession
  readonly part: AppendPart
  readonly at: Timestamp
  readonly bytes: number
  readonly call: Call<AppendCallOutcome>
}

export class AppendQueue {
  readonly #config: AppendQueueConfig
  readonly #inFlightMax: number
  readonly #desk: RequestDesk
  readonly #consequences: AppendConsequences
  #waiting: Pending[] = []
  #drafts = 0
  #bytes = 0
  /** Groups under way: a few. */
  readonly #flying: (readonly Pending[])[] = []

  constructor(
    config: AppendQueueConfig,
    inFlightMax: number,
    desk: RequestDesk,
    consequences: AppendConsequences,
  ) {
    this.#config = config
    this.#inFlightMax = inFlightMax
    this.#desk = desk
    this.#consequences = consequences
  }

  /** Drafts that wait for the log. */
  get drafts(): number {
    return this.#drafts
  }

  add(session: OpenSession, part: AppendPart, at: Timestamp, call: Call<AppendCallOutcome>): void {
    let bytes = 0
    for (const draft of part.drafts) if (draft.type === "event") bytes += utf8Bytes(draft.data)
    const { waitingDraftsMax, waitingBytesMax } = this.#config
    const full = this.#drafts + part.drafts.length > waitingDraftsMax || this.#bytes + bytes > waitingBytesMax
    if (full && this.#waiting.length > 0) {
      const detail = `${this.#drafts} entries wait for the log; nothing of this append was stored`
      this.#consequences.settle(call, { type: "failed", effect: "none", reason: "busy", detail })
      return
    }
    session.appends += 1
    this.#drafts += part.drafts.length
    this.#bytes += bytes
    this.#waiting.push({ session, part, at, bytes, call })
  }

  /** Puts the next group on the desk, where the log may take one. */
  submitDue(): void {
    if (this.#waiting.length > 0 && this.#flying.length < this.#inFlightMax) this.#submit(this.#nextGroup())
  }

  /** The session that `call` appends to, until its outcome is known. Looks at all that waits: for what is rare. */
  sessionOf(call: Call<unknown>): OpenSession | undefined {
    for (const group of [this.#waiting, ...this.#flying]) {
      const pending = group.find((each) => each.call === call)
      if (pending !== undefined) return pending.session
    }
    return undefined
  }

  #nextGroup(): readonly Pending[] {
    let drafts = 0
    let bytes = 0
    let parts = 0
    for (const pending of this.#waiting) {
      drafts += pending.part.drafts.length
      bytes += pending.bytes
      if (parts > 0 && (drafts > this.#config.groupDraftsMax || bytes > this.#config.groupBytesMax)) break
      parts += 1
    }
    const group = this.#waiting.splice(0, parts)
    for (const pending of group) {
      this.#drafts -= pending.part.drafts.length
      this.#bytes -= pending.bytes
    }
    return group
  }

  #submit(group: readonly Pending[]): void {
    this.#flying.push(group)
    const parts: AppendPart[] = []
    let at = timestamp(0)
    for (const pending of group) {
      parts.push(pending.part)
      if (pending.at > at) at = pending.at
    }
    this.#desk.ask({ type: "append", at, parts }, (now, answer) => {
      this.#flying.splice(this.#flying.indexOf(group), 1)
      for (let index = 0; index < group.length; index++) {
        const pending = group[index]
        if (pending !== undefined) this.#settle(now, pending, answer, index)
      }
    })
  }

  /** `index`: the part's, in the group that was answered. */
  #settle(now: Instant, { session, part, call }: Pending, answer: LogAnswer, index: number): void {
    session.appends -= 1
    const outcome = answer.type === "appended" ? answer.outcomes[index] : undefined
    if (answer.type !== "appended" || outcome === undefined) {
      // Only a log that says so has done nothing; one that answers besides the point may have done anything.
      const failed: LogFailed = answer.type === "failed" ? answer : { ...failure(answer), effect: "unknown" }
      if (failed.effect === "unknown") this.#consequences.unknown(now, session)
      this.#consequences.refused(session)
      return this.#consequences.settle(call, failed)
    }
    if (outcome.type === "appended") this.#consequences.appended(now, session, outcome, part)
    else if (outcome.type === "storage_full") this.#consequences.full(now, session)
    else this.#consequences.refused(session)
    this.#consequences.settle(call, answered(session.name, outcome, answer.durability))
  }
}

function answered(session: SessionName, outcome: AppendOutcome, durability: Durability): AppendCallOutcome {
  switch (outcome.type) {
    case "appended":
    case "repeated": {
      const receipt = receiptOf(session, outcome.epoch, outcome.first, outcome.last, durability)
      return { type: "appended", receipt, repeated: outcome.type === "repeated" }
    }
    case "closed":
      return {
        type: "closed",
        closed: outcome.closed,
        receipt: receiptOf(session, outcome.epoch, outcome.at.position, outcome.at, durability),
      }
    case "expectation_failed": {
      const { position, revision } = outcome.actual
      return {
        type: "expectation_failed",
        actual: { epoch: outcome.epoch, position, revision, cursor: cursorText(session, outcome.epoch, outcome.actual) },
      }
    }
    case "absent":
      return { type: "unknown_session" }
    case "storage_full":
      return { type: "failed", effect: "none", reason: "storage_full", detail: outcome.detail }
    case "conflict":
    case "key_expired":
    case "full":
      return outcome
  }
}

function receiptOf(session: SessionName, epoch: Epoch, first: number, last: Point, durability: Durability): Receipt {
  return {
    session: idOf(session),
    epoch,
    first,
    last: last.position,
    revision: last.revision,
    cursor: cursorText(session, epoch, last),
    durability,
  }
}
