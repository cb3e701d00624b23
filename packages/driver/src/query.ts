// `GET …/events`: a page of a session's events as a question about the past, with no reader and no gap. What is missing is
// counted; what does not compare is a conflict.

import { position as asPosition, type Filter, type Head, type Place, type SessionCursor } from "@tidemark/kernel"
import type { QueryOutcome } from "./outcomes.ts"
import type { LogAnswer } from "./session-log.ts"

/** Where a query begins. */
export type QuerySince =
  /** After this position; `epoch`, where given, must be the session's. */
  | { readonly type: "position"; readonly position: number; readonly epoch: string | undefined }
  | { readonly type: "cursor"; readonly cursor: string; readonly epoch: string | undefined }

type Start = { readonly type: "from"; readonly place: Place; readonly missed: number } | Extract<QueryOutcome, { type: "conflict" }>

/** The place to read after, once the log's head is known; what was trimmed before it is `missed`. */
export function queryStart(proof: Head, since: QuerySince, cursor: SessionCursor | undefined): Start {
  if (since.epoch !== undefined && since.epoch !== proof.epoch) return { type: "conflict", reason: "epoch", head: proof }
  if (cursor !== undefined && cursor.epoch !== proof.epoch) return { type: "conflict", reason: "epoch", head: proof }
  const wanted = cursor?.point.position ?? (since.type === "position" ? since.position : 0)
  if (wanted > proof.head.position) return { type: "conflict", reason: "ahead", head: proof }
  const floor = proof.floor.position
  if (wanted < floor) return { type: "from", place: { position: proof.floor.position, point: proof.floor }, missed: floor - wanted }
  return { type: "from", place: { position: asPosition(wanted), point: cursor?.point }, missed: 0 }
}

/** The events of a page that a filter passes, up to `limit` of them. */
export function pageOf(
  page: Extract<LogAnswer, { type: "page" }>,
  from: Place,
  trimmed: number,
  filter: Filter,
  limit: number,
): Extract<QueryOutcome, { type: "page" }> {
  const events = []
  let missed = trimmed
  let looked: number = from.position
  for (const entry of page.entries) {
    if (entry.type === "event" && filter.passes(entry.kind)) {
      if (events.length === limit) break
      events.push(entry)
    }
    if (entry.type === "hole") missed += entry.count ?? 1
    looked = entry.position
  }
  // Nothing but the close follows: a page that ends there is the last one.
  const atEnd = looked === page.head.head.position
  return { type: "page", epoch: page.head.epoch, events, next: atEnd ? null : looked, missed }
}
