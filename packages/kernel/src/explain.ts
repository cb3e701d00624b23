// The recovery planner's words: what resume would do with a cursor, why, and how long it may still be used.

import { unreachable } from "./contract.ts"
import type { SessionCursor } from "./cursor.ts"
import type { LiveReplayGapReason } from "./gap.ts"
import { idOf } from "./ids.ts"
import type { Explanation } from "./outcomes.ts"
import type { Session } from "./session.ts"

/** `reason` is the verdict on the cursor: null when it opens. `retentionEvents`: how many entries the log keeps. */
export function explain(
  session: Session,
  earliest: number,
  cursor: SessionCursor,
  reason: LiveReplayGapReason | null,
  retentionEvents: number | undefined,
): Explanation {
  const { position, revision } = cursor.point
  const behind = session.point.position - position
  return {
    session: idOf(session.name),
    outcome: reason === null ? "replayed" : "gap",
    reason,
    entries: reason === null ? behind : 0,
    missed: missed(reason, behind),
    cursor: { epoch: cursor.epoch, position, revision },
    epoch: session.epoch,
    earliest,
    head: session.point.position,
    revision: session.point.revision,
    entriesLeft: reason === null && retentionEvents !== undefined ? Math.max(0, retentionEvents - behind) : null,
    because: because(session, earliest, position, reason),
  }
}

function missed(reason: LiveReplayGapReason | null, behind: number): number | null {
  switch (reason) {
    case null:
      return 0
    case "trimmed":
    case "lagged":
    case "hole":
    case "budget":
      return behind
    case "epoch":
    case "ahead":
    case "diverged":
    case "unknown_log":
      return null
    default:
      return unreachable(reason)
  }
}

function because(session: Session, earliest: number, position: number, reason: LiveReplayGapReason | null): string {
  const head = session.point.position
  switch (reason) {
    case null:
      if (position === head) return `The cursor stands at the head, position ${head}: there is nothing to send.`
      return `Positions ${position + 1} to ${head} are held and will be sent.`
    case "trimmed":
    case "lagged":
      return `Position ${position + 1} is wanted, and the log holds nothing before ${earliest}.`
    case "epoch":
      return `The cursor is of another lifetime of this log; the one now is ${session.epoch}.`
    case "ahead":
      return `The cursor is at position ${position}, past the head at ${head}: the log has lost what the cursor saw.`
    case "diverged":
      return `Another entry stands at position ${position} than the one the cursor saw.`
    case "hole":
      return `Entries after position ${position} could not be recorded.`
    case "unknown_log":
      return "This session keeps no log: only a cursor at the head can be resumed."
    case "budget":
      return `The cursor is ${head - position} entries behind, more than the recovery budget.`
    default:
      return unreachable(reason)
  }
}
