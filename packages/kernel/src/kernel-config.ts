// What the kernel is told when it is made, and what it tells of itself: limits in, figures out.

import type { LiveReplayGapReason } from "./gap.ts"
import type { Epoch, Point } from "./ids.ts"
import type { SessionModel } from "./model.ts"
import type { Closed } from "./observation.ts"

/** Every limit is explicit: the defaults of a process stand in its configuration, not here. */
export interface KernelConfig {
  /** Sessions name one of these; a name is in it once. */
  readonly models: readonly SessionModel[]
  readonly windowEvents: number
  readonly windowBytes: number
  readonly windowAgeMs: number
  readonly readersPerSession: number
  /** `recover=auto`: further behind than this many entries is gap `budget`. */
  readonly recoverEvents: number
  /** Observations made for readers, per session: at most this many a second. */
  readonly encodesPerSecond: number
  /** A live replay store that threw is read again after this many milliseconds. */
  readonly retryMs: number
}

/** How far a session is. */
export interface SessionStanding {
  readonly epoch: Epoch
  readonly point: Point
  readonly closed: Closed | null
  /** The kernel is its log. */
  readonly own: boolean
  /** Where its log begins, as far as the kernel was told. */
  readonly logFloor: Point
  readonly viewFailed: boolean
}

/** What a caller may want to know of a session without reading it. */
export interface SessionState extends Pick<SessionStanding, "epoch" | "point" | "closed"> {
  readonly earliest: number
  readonly model: string
  readonly modelVersion: number
  readonly readers: number
}

export interface KernelStats {
  readonly sessions: number
  readonly readers: number
  readonly readersReady: number
  readonly windowEntries: number
  readonly windowBytes: number
  /** Gaps said since the start, by reason. */
  readonly gaps: Readonly<Record<LiveReplayGapReason, number>>
  readonly appendsFailed: number
  readonly viewsFailed: number
}
