// The log port: what a durable log is asked and what it answers. Requests and answers are data, so that a log may run in
// this process, in a worker or on another machine, and answer late, out of order, or never.
//
// A log is where an entry gets its place: it assigns position, revision, `at`, seals the text and the mark, and makes all
// of it durable in one step, before it answers. Everything else (windows, views, readers) is derived from what it says.
// A backend proves itself with `describeSessionLog` of @tidemark/conformance.

import type { Closed, Draft, Entry, Epoch, Head, Json, Mark, Place, Point, Position, SessionName, Shown, Timestamp } from "@tidemark/kernel"
import type { IdempotencyKey } from "./idempotency-key.ts"

/** How far an acknowledged append is safe. */
export type Durability =
  /** On another machine's disk too. */
  | "replicated"
  /** Synced to this machine's disk: survives a power cut. */
  | "local"
  /** Handed to the operating system: survives the process. */
  | "written"
  /** In this process's memory. */
  | "memory"

/** What a session keeps of its history; a bound left out does not exist. */
export interface Retention {
  readonly events?: number
  readonly bytes?: number
  readonly ageMs?: number
}

/** Fixed when the session is made. */
export interface SessionSettings {
  readonly model: string
  readonly retention: Retention
  readonly metadata: Json
}

/** What the publisher believes; anything else is `expectation_failed`. */
export interface Expectation {
  /** The epoch the expectation is about; another one fails it. */
  readonly epoch?: Epoch
  readonly position?: Position
  /** Of the entry at the head: the same position with another entry is another place. */
  readonly mark?: Mark
  readonly revision?: number
}

/** One publisher's append: all of its drafts get places, in order and in a row, or none does. */
export interface AppendPart {
  readonly session: SessionName
  /** At least one. */
  readonly drafts: readonly Draft[]
  readonly key: IdempotencyKey | undefined
  /** Of the parsed drafts: tells a repetition from a conflict. Present with `key`. */
  readonly contentHash: string | undefined
  readonly expect: Expectation | undefined
  /** Makes a session that is not there; `undefined` answers `absent` instead. */
  readonly create: SessionSettings | undefined
}

/** What a repeated key is answered with: the first result. */
export interface Appended {
  readonly epoch: Epoch
  readonly first: Position
  readonly last: Point
}

/**
 * The answer to one part. Checks come in this order: key (L4: before every other), absent, closed, expectation, limit.
 */
export type AppendOutcome =
  | (Appended & {
      readonly type: "appended"
      readonly entries: readonly Entry[]
      /** The log's floor after it: the point before the first entry it still holds. */
      readonly floor: Point
      /** The session did not exist before. */
      readonly created: boolean
    })
  | (Appended & { readonly type: "repeated" })
  /** Same key, other content. `highest` for a producer's key. */
  | { readonly type: "conflict"; readonly highest: number | undefined }
  /** A producer's number that is neither above its highest nor among its last remembered ones, or that follows a lower one. */
  | { readonly type: "key_expired"; readonly highest: number }
  /** Not there, and not to be made; or the expectation can hold of no session that is made now. */
  | { readonly type: "absent" }
  | { readonly type: "closed"; readonly closed: Closed; readonly at: Point; readonly epoch: Epoch }
  | { readonly type: "expectation_failed"; readonly epoch: Epoch; readonly actual: Point }
  /** The workspace holds as many sessions as it may. */
  | { readonly type: "full"; readonly limit: number }
  /** This session can hold no more for now; others can. `detail` says what to do. */
  | { readonly type: "storage_full"; readonly detail: string }

/** A fold as saved: what the view was at `point`. */
export interface Snapshot {
  readonly point: Point
  readonly modelVersion: number
  readonly shown: Shown
}

export interface SessionSummary {
  readonly session: SessionName
  readonly head: Head
  readonly settings: SessionSettings
}

export type LogRequest =
  /** Group commit: parts of many publishers and sessions, in order; each part stands or falls alone. */
  | { readonly type: "append"; readonly at: Timestamp; readonly parts: readonly AppendPart[] }
  | { readonly type: "head"; readonly session: SessionName }
  /** All that is needed to have the session in memory: head, settings, last snapshot, and entries after it. */
  | { readonly type: "open"; readonly session: SessionName; readonly budget: RangeBudget }
  /** Entries right after a place. */
  | { readonly type: "range"; readonly session: SessionName; readonly epoch: Epoch; readonly after: Place; readonly budget: RangeBudget }
  /** Makes the session, or says what is there. */
  | { readonly type: "create"; readonly session: SessionName; readonly settings: SessionSettings; readonly at: Timestamp }
  | { readonly type: "delete"; readonly session: SessionName }
  /** Sessions of a workspace in the order of their ids, after `after`. */
  | { readonly type: "list"; readonly workspace: string; readonly after: string | undefined; readonly limit: number }
  /** Keeps a snapshot; an older one, or one of another epoch, is ignored. */
  | { readonly type: "save"; readonly session: SessionName; readonly epoch: Epoch; readonly snapshot: Snapshot }
  /** Lets go, now, of the entries beyond `keep`, oldest first, but of none after the last saved snapshot. Ages count from `at`. */
  | { readonly type: "trim"; readonly session: SessionName; readonly epoch: Epoch; readonly keep: Retention; readonly at: Timestamp }

/** At least one entry is given where there is one. */
export interface RangeBudget {
  readonly events: number
  readonly bytes: number
}

export type LogAnswer =
  /** One outcome per part, in order. */
  | { readonly type: "appended"; readonly outcomes: readonly AppendOutcome[]; readonly durability: Durability }
  | { readonly type: "head"; readonly head: Head }
  | {
      readonly type: "opened"
      readonly head: Head
      readonly settings: SessionSettings
      readonly snapshot: Snapshot | undefined
      /** After the snapshot, or after the floor where there is none; may end before the head. */
      readonly entries: readonly Entry[]
    }
  /** `after` is the asked place with what the log holds there; `entries` may be empty only at the head. */
  | { readonly type: "page"; readonly after: Point; readonly entries: readonly Entry[]; readonly head: Head }
  /** Why there is no page: the place is behind the floor, of another epoch, past the head, or another entry stands there. */
  | { readonly type: "unreadable"; readonly reason: "trimmed" | "epoch" | "ahead" | "diverged"; readonly head: Head }
  | { readonly type: "created"; readonly created: boolean; readonly summary: SessionSummary }
  | { readonly type: "full"; readonly limit: number }
  | { readonly type: "deleted" }
  | { readonly type: "listed"; readonly sessions: readonly SessionSummary[]; readonly next: string | undefined }
  /** `head` after it: what the snapshot lets go of may be gone. */
  | { readonly type: "saved"; readonly head: Head }
  /** `head` after it; a `trim` of another epoch is `unreadable`. */
  | { readonly type: "trimmed"; readonly head: Head }
  | { readonly type: "absent" }
  /** The log could not do it. `effect: "unknown"` for what changes the log and may or may not have happened. */
  | { readonly type: "failed"; readonly effect: "none" | "unknown"; readonly reason: "unavailable" | "storage_full"; readonly detail: string }

/** A durable log. */
export interface SessionLog {
  /** Nobody else writes to it: what it acknowledged to this process is its head. */
  readonly sole: boolean
  /** False: positions, keys and snapshots as ever, but no entry can be read back (`--log disabled`). */
  readonly keepsEntries: boolean
  /** How many appends may be under way at once; other requests are not counted. */
  readonly appendsInFlightMax: number
  /** What `append` answers when all is well. */
  readonly durability: Durability
  /**
   * Calls `listener` whenever the log was opened anew, so that what this process knows of it may not hold any more. Left
   * out where that cannot be.
   */
  whenReopened?(listener: () => void): void
  /** Calls `answer` exactly once, during the call or later. */
  submit(request: LogRequest, answer: (answer: LogAnswer) => void): void
}
