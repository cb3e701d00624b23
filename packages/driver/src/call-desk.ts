// Calls in, outcomes out: what every call ends in, and the two things that calls wait for, the door of a session and a page
// of its log. Whatever is not an answer to the question itself (no such session, a log that failed) settles the call here.

import type { Epoch, Head, Instant, Place, ReadBudget, SessionName } from "@tidemark/kernel"
import { Call } from "./call.ts"
import type { Door, OpenSession } from "./open-session.ts"
import type { OpenSessions } from "./open-sessions.ts"
import type { LogFailed } from "./outcomes.ts"
import { failure, movedAway, type RequestDesk } from "./request-desk.ts"
import type { LogAnswer } from "./session-log.ts"

/** What a question about a session may be answered with instead. */
export type NoAnswer = { readonly type: "unknown_session" } | LogFailed

/** A page, or why this epoch has none at the asked place. */
export type RangeAnswer =
  | Extract<LogAnswer, { readonly type: "page" }>
  | (Extract<LogAnswer, { readonly type: "unreadable" }> & { readonly reason: "trimmed" | "ahead" | "diverged" })

export interface AtDoor {
  readonly session: OpenSession
  readonly proof: Head
}

export class CallDesk {
  readonly #desk: RequestDesk
  readonly #sessions: OpenSessions
  readonly #settled: Call<unknown>[] = []

  constructor(desk: RequestDesk, sessions: OpenSessions) {
    this.#desk = desk
    this.#sessions = sessions
  }

  settle<Outcome>(call: Call<Outcome>, outcome: Outcome): void {
    call.settle(outcome)
    this.#settled.push(call)
  }

  /** A call whose outcome is known before anybody is asked. */
  settled<Outcome>(outcome: Outcome): Call<Outcome> {
    const call = new Call<Outcome>()
    this.settle(call, outcome)
    return call
  }

  poll(): Call<unknown> | undefined {
    return this.#settled.shift()
  }

  /** Calls `then` when the door of `session` is open; `skeptical`: on the log's own word. */
  atDoor<Outcome>(
    now: Instant,
    session: SessionName,
    then: (now: Instant, door: AtDoor, call: Call<Outcome | NoAnswer>) => void,
    skeptical = false,
  ): Call<Outcome | NoAnswer> {
    const call = new Call<Outcome | NoAnswer>()
    const enter = (later: Instant, door: Door) => (door.type === "open" ? then(later, door, call) : this.settle(call, door))
    this.#sessions.door(now, session, enter, skeptical)
    return call
  }

  /** Asks the log for what follows a place; whatever is neither a page nor a reason settles the call. */
  range<Outcome>(
    session: OpenSession,
    epoch: Epoch,
    after: Place,
    budget: ReadBudget,
    call: Call<Outcome | NoAnswer>,
    then: (now: Instant, answer: RangeAnswer) => void,
  ): void {
    this.#desk.ask({ type: "range", session: session.name, epoch, after, budget }, (now, answer) => {
      if (answer.type === "page" || answer.type === "unreadable") this.#sessions.learned(now, session, answer.head)
      if (answer.type === "page") return then(now, answer)
      if (answer.type === "absent") return this.settle(call, { type: "unknown_session" })
      if (answer.type !== "unreadable") return this.settle(call, failure(answer))
      const { reason } = answer
      if (reason === "epoch") return this.settle(call, movedAway)
      then(now, { ...answer, reason })
    })
  }
}
