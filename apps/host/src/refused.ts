// The one way a route says no: a problem of the protocol's table, with the status it has there. Refusals are values in the
// error channel; whoever writes the answer turns them into bytes.

import * as Data from "effect/Data"
import * as Either from "effect/Either"
import { problem, type Problem, type ProblemName } from "@tidemark/protocol"
import type { AppendCallOutcome, LogFailed } from "@tidemark/driver"
import type { CursorRejection } from "@tidemark/kernel"
import type { Headers } from "./answer.ts"

export class Refused extends Data.TaggedError("Refused")<{
  readonly name: ProblemName
  readonly problem: Problem
  readonly headers: Headers
  /** A bug of ours, for the log: what the client is told does not show it. */
  readonly fault?: unknown
}> {}

/** `detail` says what to do. */
export function refused(name: ProblemName, detail: string, extra: Extra = {}, headers: Headers = {}): Refused {
  return new Refused({ name, problem: problem(name, detail, extra), headers })
}

/** The same where an `Either` is wanted. */
export function refuse(name: ProblemName, detail: string, extra?: Extra, headers?: Headers): Either.Either<never, Refused> {
  return Either.left(refused(name, detail, extra, headers))
}

/** What was thrown where nothing should be. */
export function faultOfOurs(thrown: unknown): Refused {
  const detail = "This is a fault of the host, and its log says more. Repeating may help."
  return new Refused({ name: "internal", problem: problem("internal", detail), headers: {}, fault: thrown ?? "nothing" })
}

/** Further members of the problem. */
type Extra = Readonly<Record<string, unknown>>

/** `what` begins the sentence: `The body`, `Line 7`. */
export function badJson(what: string, { at, reason }: { readonly at: number; readonly reason: string }): Refused {
  return refused("bad-json", `${what} is refused at character ${at + 1}: ${reason}`)
}

/** Come back: a refusal that time alone mends. A native `EventSource` would take it for final, so streams say it in band. */
export function isTemporary(refusal: Refused): boolean {
  const { status } = refusal.problem
  return status === 429 || status === 503
}

export function retryLater(name: "too-many-requests" | "limit-reached" | "shutting-down", detail: string, afterMs = 1000): Refused {
  return refused(name, detail, {}, { "retry-after": String(Math.max(1, Math.ceil(afterMs / 1000))) })
}

export function unknownSession(id: string): Refused {
  return refused("unknown-session", `There is no session ${JSON.stringify(id)} here: publish to it first, or check its name.`)
}

export function rejectedCursor(reason: CursorRejection): Refused {
  return refused(`cursor-${reason}`, cursorDetails[reason])
}

const cursorDetails: Record<CursorRejection, string> = {
  malformed: "The cursor was cut, changed or is none: send one exactly as this server gave it, or none at all to start anew.",
  "unsupported-version": "The cursor was given by another release: start anew without one.",
  "wrong-session": "The cursor was given for another session: send it there, or none at all to start this one.",
}

export function workspaceFull(limit: number): Refused {
  return retryLater("limit-reached", `The workspace holds ${limit} sessions, as many as it may: delete some.`)
}

/** A question the log could not answer; asking again does no harm. */
export function logFailed({ reason, detail }: LogFailed): Refused {
  const retry = { "retry-after": "1" }
  switch (reason) {
    case "storage_full":
      return refused("storage-full", `Nothing was recorded: ${detail}.`)
    case "busy":
      return refused("unavailable", `Nothing was recorded: too much waits for the log (${detail}). Repeat it in a moment.`, {}, retry)
    case "unavailable":
      return refused("unavailable", `The log cannot be reached (${detail}). Repeat it in a moment.`, {}, retry)
    case "view_failed":
      return refused("unavailable", `The log answers, but the session's view cannot be made: ${detail}.`, {}, retry)
  }
}

function outcomeUnknown({ detail }: LogFailed): Refused {
  const advice = "Repeat it under the same Idempotency-Key to find out; without a key, repeating may record it twice."
  return refused("outcome-unknown", `Nobody knows whether it was recorded (${detail}). ${advice}`, {}, { "retry-after": "1" })
}

/** A change of the session `id` that was not made, or that nobody can tell of; made twice, it is made once. */
export function unchanged(id: string, outcome: Unanswered): Refused {
  if (outcome.type !== "failed" || outcome.effect === "none") return unanswered(id, outcome)
  const detail = `Nobody knows whether it was done (${outcome.detail}). Repeat it: what was done already stays as it is.`
  return refused("outcome-unknown", detail, {}, { "retry-after": "1" })
}

/** What most questions can be answered with instead of what was asked for. */
type Unanswered =
  | { readonly type: "rejected"; readonly reason: CursorRejection }
  | { readonly type: "unknown_session" }
  | LogFailed

/** A question about the session `id` that has no answer. */
export function unanswered(id: string, outcome: Unanswered): Refused {
  switch (outcome.type) {
    case "rejected":
      return rejectedCursor(outcome.reason)
    case "unknown_session":
      return unknownSession(id)
    case "failed":
      return logFailed(outcome)
  }
}

/** An append that did not happen, or that nobody can tell of. */
export function appendRefused(id: string, outcome: Exclude<AppendCallOutcome, { type: "appended" }>): Refused {
  switch (outcome.type) {
    case "conflict": {
      const detail = "This Idempotency-Key was used with other content: use a new key for new content."
      return refused("key-conflict", detail, outcome.highest === undefined ? {} : { highest: outcome.highest })
    }
    case "key_expired": {
      const { highest } = outcome
      const detail = `The producer has sent up to ${highest}, and this number's result is not known any more: go on after it.`
      return refused("key-expired", detail, { highest })
    }
    case "unknown_session":
      return unknownSession(id)
    case "closed":
      return refused("session-closed", "The session is closed and takes no more events: publish to another one.", {
        closed: outcome.closed,
      })
    case "expectation_failed":
      return refused("expectation-failed", "The session is elsewhere, see `actual`: observe it again and decide anew.", {
        actual: outcome.actual,
      })
    case "full":
      return workspaceFull(outcome.limit)
    case "failed":
      return outcome.effect === "unknown" ? outcomeUnknown(outcome) : logFailed(outcome)
  }
}
