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
  /** The snapshot in the log is of another version of the model: a new one is due as soon as the kernel reaches the head. */
  owesSnapshot = false

  constructor(name: SessionName, now: Instant) {
    this.name = name
    this.usedAt = now
    this.savedAt = now
  }
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
