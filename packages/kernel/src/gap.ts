// Gaps: the explicit answer where events between a cursor and now cannot be given. The set of reasons is closed, and
// each has one meaning; a reader that gets one knows what is missing and from where reading goes on.

import type { CursorText } from "./ids.ts"

/** Why. A closed set, one meaning each. */
export type LiveReplayGapReason =
  /** The cursor is behind what the log still holds. */
  | "trimmed"
  /** The same, but the reader was connected and too slow. */
  | "lagged"
  /** The cursor is of another lifetime of the log. */
  | "epoch"
  /** The cursor is past the head of the same epoch. */
  | "ahead"
  /** Another entry stands at the cursor's position: the marks differ. */
  | "diverged"
  /** The log says that something could not be recorded here. */
  | "hole"
  /** The session keeps no log. */
  | "unknown_log"
  /** The reader asked for `recover=auto` and is further behind than its budget. */
  | "budget"

/** A gap as it is sent. Positions are of the epoch that `latest` names. */
export interface LiveReplayGap {
  /** The session's id, without its workspace. */
  readonly session: string
  readonly reason: LiveReplayGapReason
  /** The cursor the reader had; null where it had none that can be named. */
  readonly requested: CursorText | null
  /** Where the log is now. */
  readonly latest: CursorText
  /** The first position the log still holds; `head + 1` when it holds none. */
  readonly earliest: number
  readonly head: number
  readonly revision: number
  /** Entries after the cursor that this reader will not be given; null where nobody can know. */
  readonly missed: number | null
}
