// The shapes that travel, shared by server and client. Frames first, then what JSON calls answer. A receiver ignores
// frames and fields it does not know; a server refuses fields it does not know.

import type { Closed, CursorText, Epoch, LiveReplayGap, ObservationJson, SessionEvent } from "@tidemark/kernel"

/** The first frame of a stream, once the session is there. Carries no id: it moves nothing. */
export interface Hello {
  readonly session: string
  readonly epoch: Epoch
  readonly head: number
  readonly earliest: number
  readonly revision: number
  readonly model: string
  readonly modelVersion: number
  readonly heartbeatMs: number
  readonly maxAgeMs: number
}

export interface CaughtUp {
  readonly position: number
}

/** Sent before the server ends a connection that the client should open again. */
export interface Reconnect {
  readonly afterMs: number
  readonly reason: string
}

/** A frame as it was received; `id` is the cursor it moves the reader to, where it does. */
export type Frame =
  | { readonly type: "hello"; readonly data: Hello }
  | { readonly type: "observation"; readonly data: ObservationJson; readonly id: CursorText }
  | { readonly type: "event"; readonly data: SessionEvent; readonly id: CursorText }
  | { readonly type: "gap"; readonly data: LiveReplayGap }
  | { readonly type: "caught_up"; readonly data: CaughtUp; readonly id: CursorText }
  | { readonly type: "heartbeat"; readonly id: CursorText | undefined }
  | { readonly type: "reconnect"; readonly data: Reconnect }
  | { readonly type: "closed"; readonly data: Closed; readonly id: CursorText | undefined }

/** RFC 9457, with what this server adds. */
export interface Problem {
  /** Stable: `https://tidemark.dev/problems/<name>`; see docs/PROTOCOL.md. */
  readonly type: string
  readonly title: string
  readonly status: number
  /** A sentence that says what to do. */
  readonly detail: string
  readonly [extra: string]: unknown
}

/** `GET …/resume` over JSON. */
export type ResumeAnswer =
  | {
      readonly type: "replayed"
      readonly events: readonly SessionEvent[]
      readonly cursor: CursorText
      readonly upToDate: boolean
      readonly closed: Closed | null
    }
  | { readonly type: "gap"; readonly gap: LiveReplayGap; readonly observation: ObservationJson }

/** What a publisher is answered. */
export interface ReceiptAnswer {
  readonly session: string
  readonly epoch: Epoch
  readonly first: number
  readonly last: number
  readonly revision: number
  readonly cursor: CursorText
  readonly durability: "replicated" | "local" | "written" | "memory"
}
