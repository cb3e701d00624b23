// What the driver answers to calls. `failed` is on every call: the log could not be asked; nothing else is known then.

import type {
  Closed,
  CursorRejection,
  CursorText,
  Draft,
  Entry,
  Epoch,
  Explanation,
  Head,
  LiveReplayGap,
  ReaderId,
  SessionName,
  SessionObservation,
} from "@tidemark/kernel"
import type { IdempotencyKey } from "./idempotency-key.ts"
import type { Durability, Expectation, SessionSettings } from "./session-log.ts"

/** It could not be done; `effect: "unknown"`: repeat under the same key to find out. */
export interface LogFailed {
  readonly type: "failed"
  readonly effect: "none" | "unknown"
  /** `view_failed`: the log is well, but the session's view cannot be made of what it holds; `detail` says what would help. */
  readonly reason: "unavailable" | "storage_full" | "busy" | "view_failed"
  readonly detail: string
}

export interface AppendRequest {
  readonly session: SessionName
  /** At least one. */
  readonly drafts: readonly Draft[]
  readonly key?: IdempotencyKey | undefined
  readonly expect?: Expectation | undefined
  /** Makes a session that is not there; without it the answer is `unknown_session`. */
  readonly create?: SessionSettings | undefined
}

/** What a publisher gets, as it is sent. */
export interface Receipt {
  readonly session: string
  readonly epoch: Epoch
  readonly first: number
  readonly last: number
  readonly revision: number
  readonly cursor: CursorText
  readonly durability: Durability
}

/** Where the session is, for a publisher who believed otherwise. */
export interface ActualHead {
  readonly epoch: Epoch
  readonly position: number
  readonly revision: number
  readonly cursor: CursorText
}

export type AppendCallOutcome =
  | { readonly type: "appended"; readonly receipt: Receipt; readonly repeated: boolean }
  | { readonly type: "conflict"; readonly highest: number | undefined }
  | { readonly type: "key_expired"; readonly highest: number }
  | { readonly type: "unknown_session" }
  | { readonly type: "closed"; readonly closed: Closed; readonly receipt: Receipt }
  | { readonly type: "expectation_failed"; readonly actual: ActualHead }
  | { readonly type: "full"; readonly limit: number }
  | LogFailed

/** A session as `GET /v1/sessions/{id}` shows it. */
export interface SessionInfo {
  readonly session: string
  readonly epoch: Epoch
  readonly head: number
  /** The first position the log still holds; `head + 1` when it holds none. */
  readonly earliest: number
  readonly revision: number
  readonly model: string
  readonly modelVersion: number
  readonly retention: SessionSettings["retention"]
  readonly metadata: SessionSettings["metadata"]
  readonly readers: number
  readonly closed: Closed | null
}

export type DescribeOutcome = { readonly type: "session"; readonly info: SessionInfo } | { readonly type: "unknown_session" } | LogFailed

export type CreateOutcome =
  | { readonly type: "created"; readonly info: SessionInfo }
  /** It was there, with these very settings. */
  | { readonly type: "existed"; readonly info: SessionInfo }
  /** It was there, with others. */
  | { readonly type: "settings_conflict"; readonly info: SessionInfo }
  | { readonly type: "full"; readonly limit: number }
  | LogFailed

export type DeleteOutcome = { readonly type: "deleted" } | { readonly type: "unknown_session" } | LogFailed

/** `info`: as the log has it after the trim. */
export type TrimOutcome = { readonly type: "trimmed"; readonly info: SessionInfo } | { readonly type: "unknown_session" } | LogFailed

export type ListOutcome = { readonly type: "listed"; readonly sessions: readonly SessionInfo[]; readonly next: string | null } | LogFailed

export type ObserveOutcome = { readonly type: "observed"; readonly observation: SessionObservation } | { readonly type: "unknown_session" } | LogFailed

export type SubscribeCallOutcome =
  | { readonly type: "subscribed"; readonly reader: ReaderId; readonly hello: SessionInfo }
  | { readonly type: "rejected"; readonly reason: CursorRejection }
  | { readonly type: "unknown_session" }
  | { readonly type: "refused"; readonly limit: number }
  | LogFailed

/** One page of a resume, as it is sent over JSON. */
export type ResumeCallOutcome =
  | {
      readonly type: "replayed"
      /** The events' sealed texts, in order. */
      readonly entries: readonly Entry[]
      readonly cursor: CursorText
      readonly upToDate: boolean
      readonly closed: Closed | null
    }
  | { readonly type: "gap"; readonly gap: LiveReplayGap; readonly observation: SessionObservation }
  | { readonly type: "rejected"; readonly reason: CursorRejection }
  | { readonly type: "unknown_session" }
  | LogFailed

/** A page of `GET …/events`. */
export type QueryOutcome =
  | {
      readonly type: "page"
      readonly epoch: Epoch
      readonly events: readonly Entry[]
      /** `since` of the next page: the last entry looked at; null when that is the head. */
      readonly next: number | null
      /** Entries after `since` that nobody can be given: trimmed, or in holes of known count. */
      readonly missed: number
    }
  | { readonly type: "rejected"; readonly reason: CursorRejection }
  /** `since` is ahead of the head, or a cursor of another epoch, ahead or diverged; or `epoch` is another than now. */
  | { readonly type: "conflict"; readonly reason: "epoch" | "ahead" | "diverged"; readonly head: Head }
  | { readonly type: "unknown_session" }
  | LogFailed

export type ExplainOutcome =
  | { readonly type: "explained"; readonly explanation: Explanation }
  | { readonly type: "rejected"; readonly reason: CursorRejection }
  | { readonly type: "unknown_session" }
  | LogFailed
