// What the kernel answers. Every outcome a caller can get is a variant here; a switch over `type` is complete when the
// compiler says so. Bad input is a variant too; only a broken contract throws.

import type { CursorRejection } from "./cursor.ts"
import type { Entry, EventEntry } from "./entry.ts"
import type { Filter } from "./filter.ts"
import type { LiveReplayGap, LiveReplayGapReason } from "./gap.ts"
import type { Head } from "./head.ts"
import type { CursorText, Epoch, Instant, Point, Position, ReaderId, SessionName } from "./ids.ts"
import type { Closed, SessionObservation } from "./observation.ts"

/** A run of entries right after `after`, shared by every reader that stood there with the same filter. */
export interface Batch {
  readonly session: SessionName
  readonly epoch: Epoch
  readonly after: Point
  /** What the filter let through, in order; may be empty when it hid everything. */
  readonly events: readonly EventEntry[]
  /** The last entry looked at: where the reader stands now. */
  readonly through: Point
}

/** At least one entry is given whatever the budget, so that reading always gets on. */
export interface ReadBudget {
  readonly events: number
  readonly bytes: number
}

export type ReadOutcome =
  /** In order, right after the reader's place; `upToDate` when `through` is the head. */
  | { readonly type: "events"; readonly batch: Batch; readonly upToDate: boolean }
  /** Said once; reading goes on from the observation's cursor, with `recover=rest` (no observation) from what is readable. */
  | { readonly type: "gap"; readonly gap: LiveReplayGap; readonly observation?: SessionObservation }
  /** The reader asked to start with one. */
  | { readonly type: "observation"; readonly observation: SessionObservation }
  /** The window no longer holds what comes next: ask the log for what follows `after` and hand it to `handleHistory`. */
  | { readonly type: "behind"; readonly epoch: Epoch; readonly after: Place }
  /** Nothing to give now; the reader becomes ready when there is. */
  | { readonly type: "idle"; readonly upToDate: boolean }
  /** The log could not be asked; the reader becomes ready at `retryAt`. Its place stands. */
  | { readonly type: "failed"; readonly retryAt: Instant }
  /** Nothing will ever follow: the close entry was reached (`cursor` is at it), or the session was deleted (no cursor). */
  | { readonly type: "ended"; readonly reason: string; readonly cursor?: CursorText }

/** What the log said when it was asked for the entries after a reader's place. */
export type HistoryPage =
  /** `after` is the asked place with what the log holds there. */
  | { readonly type: "page"; readonly after: Point; readonly entries: readonly Entry[]; readonly head: Head }
  | { readonly type: "unreadable"; readonly after: Position; readonly reason: "trimmed" | "ahead" | "diverged"; readonly head: Head }

/** A position whose point may not be known yet: `tail:N` counts back from the head before the log was asked. */
export interface Place {
  readonly position: Position
  /** What the log must hold at `position`, or the answer is `diverged`. */
  readonly point: Point | undefined
}

/** Where a new reader begins. */
export type ReaderStart =
  | { readonly type: "cursor"; readonly cursor: string }
  | { readonly type: "observation" }
  | { readonly type: "start" }
  | { readonly type: "now" }
  | { readonly type: "tail"; readonly events: number }

/** What a reader does about a gap: all that the log holds; an observation beyond a budget; or go on with what is readable. */
export type Recovery = "events" | "auto" | "rest"

export interface ReaderOptions {
  readonly filter: Filter
  readonly recovery: Recovery
  /** The reader lives for one answer: an observation it needs is made at once, whatever the rate of encoding allows. */
  readonly finite?: boolean
}

export type SubscribeOutcome =
  | { readonly type: "subscribed"; readonly reader: ReaderId }
  | { readonly type: "rejected"; readonly reason: CursorRejection }
  | { readonly type: "unknown_session" }
  /** The session has `limit` readers. */
  | { readonly type: "refused"; readonly limit: number }
  /** The live replay store threw; nothing is known of the cursor. */
  | { readonly type: "store_failed"; readonly error: unknown }

export type ResumeOutcome =
  | {
      readonly type: "replayed"
      readonly batch: Batch
      readonly cursor: CursorText
      readonly upToDate: boolean
      readonly closed: Closed | null
    }
  | { readonly type: "gap"; readonly gap: LiveReplayGap; readonly observation: SessionObservation }
  | { readonly type: "rejected"; readonly reason: CursorRejection }
  /** The window cannot answer: the log behind it can, by the range after this place. */
  | { readonly type: "behind"; readonly epoch: Epoch; readonly after: Place }
  | { readonly type: "unknown_session" }
  | { readonly type: "store_failed"; readonly error: unknown }

/** What `resume` would do with a cursor, why, and until when; as it is sent. */
export interface Explanation {
  /** The session's id, without its workspace. */
  readonly session: string
  readonly outcome: "replayed" | "gap"
  readonly reason: LiveReplayGapReason | null
  /** Entries after the cursor that would be given, when replayed. */
  readonly entries: number
  /** As in the gap; 0 when replayed. */
  readonly missed: number | null
  /** What the cursor says. */
  readonly cursor: { readonly epoch: Epoch; readonly position: number; readonly revision: number }
  /** What the log says. */
  readonly epoch: Epoch
  readonly earliest: number
  readonly head: number
  readonly revision: number
  /** Entries that may still be recorded before this cursor falls off the history; null: no bound by count, or lost already. */
  readonly entriesLeft: number | null
  /** One sentence for a person. */
  readonly because: string
}

/** What became of a fact from the log. */
export type HandleOutcome =
  | { readonly type: "installed" }
  | { readonly type: "current" }
  | { readonly type: "other_epoch" }
  | { readonly type: "unknown_session" }
  /** In this very epoch the log holds other entries than the kernel has: open the session again. */
  | { readonly type: "diverged" }
  /** Entries right after this point are wanted first. */
  | { readonly type: "missing"; readonly after: Point }

/** What an explanation may need from outside. */
export interface ExplainOptions {
  readonly proof?: Head
  /** What the log said of the cursor's place, when the first answer was `behind`. */
  readonly history?: HistoryPage
  /** How many entries the log keeps; left out: no bound by count. */
  readonly retentionEvents?: number
}

export type ExplainOutcome =
  | { readonly type: "explained"; readonly explanation: Explanation }
  | { readonly type: "rejected"; readonly reason: CursorRejection }
  | { readonly type: "behind"; readonly epoch: Epoch; readonly after: Place }
  | { readonly type: "unknown_session" }
  | { readonly type: "store_failed"; readonly error: unknown }
