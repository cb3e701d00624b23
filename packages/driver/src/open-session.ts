// One session as this process knows it: what the log last said of it, how sure that is, and who waits for its door.
// `OpenSessions` changes it (`appends` is the append queue's count); others hold it, because its name may come to mean
// another session.

import type { Epoch, Head, Instant, Position, SessionName } from "@tidemark/kernel"
import type { LogFailed } from "./outcomes.ts"
import type { LogAnswer, SessionSettings } from "./session-log.ts"

export class OpenSession {
  readonly name: SessionName
  settings: SessionSettings | undefined
  /** The latest the log has said of itself; `undefined` until it was asked. */
  head: Head | undefined
  /** The kernel has it. */
  loaded = false
  /** An open, head or fill request is under way: one at a time. */
  asking = false
  /** Counts what made this process unsure of the log: an append with an unknown outcome, a wake-up. */
  doubts = 0
  /** Doubts that the log has answered since. */
  settledDoubts = 0
  /** Counts what made the kernel's place unsure: a log that was opened anew, or that contradicted the kernel. */
  breaks = 0
  /** Breaks after which the log has vouched for the kernel's place, or the kernel was given another. */
  settledBreaks = 0
  /** How often the log has lost entries of this epoch. */
  losses = 0
  /** Deleted: whoever still holds this has yesterday's session. */
  gone = false
  /** Appends waiting or under way; a session with any stays in memory. */
  appends = 0
  usedAt: Instant
  readonly waiters: Waiter[] = []
  sinceSnapshot = { events: 0, bytes: 0 }
  /** When the last save was asked for. */
  savedAt: Instant
  saving = false
  /** The last snapshot that the log is known to hold, where it is one that this process's model would restore. */
  saved: { readonly epoch: Epoch; readonly position: Position } | undefined
  /** Told what the log answers to the save under way. */
  readonly whenSaved: ((now: Instant, answer: LogAnswer) => void)[] = []
  /**
   * The snapshot in the log is of another version of the model, or the last save failed: a new one is due as soon as the
   * kernel reaches the head.
   */
  owesSnapshot = false

  constructor(name: SessionName, now: Instant) {
    this.name = name
    this.usedAt = now
    this.savedAt = now
  }

  /** Another number than when a page was asked for: the page is of what the log was then. */
  get turns(): number {
    return this.losses + this.breaks
  }

  /** The log was opened anew, or contradicted the kernel, and has not been asked since whether it holds the kernel's place. */
  get isBroken(): boolean {
    return this.breaks > this.settledBreaks
  }
}

/** Asked after it had said `known`, the log does not reach as far, or holds another entry there. */
export function wentBack(known: Head | undefined, said: Head): boolean {
  if (known === undefined || known.epoch !== said.epoch) return false
  const { head } = known
  return said.head.position < head.position || (said.head.position === head.position && said.head.mark !== head.mark)
}

/** What a door opens with. */
export type Door =
  | { readonly type: "open"; readonly session: OpenSession; readonly proof: Head }
  | { readonly type: "unknown_session" }
  | LogFailed

export type DoorHandler = (now: Instant, door: Door) => void

export interface Waiter {
  readonly enter: DoorHandler
  /** The log was asked after this one came. */
  asked: boolean
  /** Wants the log's own word even of a sole one: its floor moves without one. */
  readonly skeptical: boolean
}
