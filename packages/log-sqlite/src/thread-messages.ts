// What the process and the log's two threads say to each other, as plain data.

import type { Timestamp } from "@tidemark/kernel"
import type { SentAnswer, SentRequest } from "./crossing.ts"
import type { DurabilityLevel } from "./data-file.ts"
import type { ReadRequest } from "./log-reader.ts"
import type { SqliteLogLimits } from "./log-writer.ts"

export type ThreadRole = "writer" | "reader"

/** What a thread is started with. */
export interface ThreadStart {
  readonly role: ThreadRole
  readonly directory: string
  readonly durability: DurabilityLevel
  readonly limits: SqliteLogLimits
  /** Opened because the log broke off. */
  readonly afterBreak: boolean
}

export type ToThread =
  | { readonly type: "request"; readonly id: number; readonly request: SentRequest | ReadRequest }
  /** Look for what has become too old. */
  | { readonly type: "sweep"; readonly at: Timestamp }
  /** Finish what was asked, close the file, end. */
  | { readonly type: "close" }

export type FromThread =
  | { readonly type: "ready"; readonly notices: readonly string[] }
  /** A `DataRefused`: the thread has closed everything and ends. */
  | { readonly type: "refused"; readonly message: string }
  | { readonly type: "answers"; readonly answers: readonly (readonly [id: number, answer: SentAnswer])[] }
  /** Something could not be read, and only that. */
  | { readonly type: "unreadable"; readonly id: number; readonly detail: string; readonly damaged: boolean }
  /** A `LogBroken`: the thread has closed everything and ends. What it was asked and has not answered had this effect. */
  | { readonly type: "broken"; readonly detail: string; readonly effect: "none" | "unknown"; readonly damaged: boolean }
