// Entries: what a session's log is made of. An entry is sealed once, by the log that assigns its position, into the
// JSON text that is stored, marked and sent; nobody downstream encodes it again. The event behind it is parsed from the
// text where it is asked for, so that a window of ten thousand events holds ten thousand strings and no trees.

import { contract } from "./contract.ts"
import { markAndBytes } from "./hash.ts"
import { position, revision, type JsonText, type Mark, type Point, type Position, type Revision, type Timestamp } from "./ids.ts"
import { utf8Bytes, type Json } from "./json.ts"

/** An event as everybody outside sees it, and as a model folds it. */
export interface SessionEvent {
  readonly position: number
  /** The revision in force once this event is applied. */
  readonly revision: number
  readonly kind: string
  /** RFC 3339 with milliseconds; never earlier than the entry before it. */
  readonly at: string
  readonly data: Json
  /** Present on a commit: this event settled the view. */
  readonly commit?: true
}

/** What somebody wants recorded, before the log gave it a place. Whether it commits is the caller's word, never `kind`'s. */
export type Draft =
  | { readonly type: "event"; readonly kind: string; readonly data: JsonText; readonly commit: boolean }
  /** `count` entries (left out: nobody knows how many) could not be recorded. */
  | { readonly type: "hole"; readonly count?: number; readonly reason: string }
  | { readonly type: "close"; readonly reason: string }

export type Entry = EventEntry | HoleEntry | CloseEntry

/** What a fold needs of an event, on a server that holds entries and on a client that holds what it received. */
export interface FoldableEvent {
  readonly kind: string
  readonly committed: boolean
  /** Of the event's JSON text, in UTF-8. */
  readonly bytes: number
  /** May parse on every call: keep the result, or do without it. */
  event(): SessionEvent
}

/** What every entry is: a point, and the text that is sent. */
abstract class Sealed implements Point {
  readonly position: Position
  readonly revision: Revision
  readonly mark: Mark
  readonly text: string
  /** Of `text`, in UTF-8: what windows and budgets count. */
  readonly bytes: number

  constructor(at: Point, text: string, bytes: number) {
    this.position = at.position
    this.revision = at.revision
    this.mark = at.mark
    this.text = text
    this.bytes = bytes
  }
}

export class EventEntry extends Sealed implements FoldableEvent {
  readonly type = "event"
  readonly kind: string
  readonly committed: boolean

  constructor(at: Point, text: string, bytes: number, kind: string, committed: boolean) {
    super(at, text, bytes)
    this.kind = kind
    this.committed = committed
  }

  event(): SessionEvent {
    return JSON.parse(this.text)
  }
}

export class HoleEntry extends Sealed {
  readonly type = "hole"
  readonly count: number | undefined
  readonly reason: string

  constructor(at: Point, text: string, bytes: number, count: number | undefined, reason: string) {
    super(at, text, bytes)
    this.count = count
    this.reason = reason
  }
}

export class CloseEntry extends Sealed {
  readonly type = "close"
  readonly reason: string

  constructor(at: Point, text: string, bytes: number, reason: string) {
    super(at, text, bytes)
    this.reason = reason
  }
}

/** RFC 3339 in UTC with milliseconds: `2026-11-21T08:30:00.000Z`. All but the milliseconds is made once a second. */
export function formatTimestamp(at: Timestamp): string {
  const second = Math.floor(at / 1_000)
  if (second !== latest.second) {
    // oxlint-disable-next-line no-restricted-globals -- a conversion, not a clock
    latest = { second, text: new Date(second * 1_000).toISOString().slice(0, -4) }
  }
  return `${latest.text}${String(at - second * 1_000).padStart(3, "0")}Z`
}

/** The second that was formatted last, up to its point; nothing but speed depends on it: 400 ns, a fifth of sealing. */
let latest = { second: -1, text: "" }

/**
 * Gives `draft` the place right after `after`: position + 1, revision + 1 for a commit, the text, and the mark over it.
 * `at` must already be `max(wall clock, last at of the session)` (L16); this function reads no clock.
 */
export function seal(after: Point, at: Timestamp, draft: Draft): Entry {
  const next = position(after.position + 1)
  const inForce = draft.type === "event" && draft.commit ? revision(after.revision + 1) : after.revision
  const text = sealedText(next, inForce, at, draft)
  const { mark, bytes } = markAndBytes(after.mark, text)
  const point: Point = { position: next, revision: inForce, mark }
  switch (draft.type) {
    case "event":
      return new EventEntry(point, text, bytes, draft.kind, draft.commit)
    case "hole":
      return new HoleEntry(point, text, bytes, draft.count, draft.reason)
    case "close":
      return new CloseEntry(point, text, bytes, draft.reason)
  }
}

function sealedText(next: Position, inForce: Revision, at: Timestamp, draft: Draft): string {
  const head = `{"position":${next},"revision":${inForce},`
  const time = `"at":"${formatTimestamp(at)}",`
  switch (draft.type) {
    case "event":
      return `${head}"kind":${JSON.stringify(draft.kind)},${time}"data":${draft.data}${draft.commit ? ',"commit":true}' : "}"}`
    case "hole":
      return `${head}${time}"hole":${JSON.stringify({ count: draft.count, reason: draft.reason })}}`
    case "close":
      return `${head}${time}"closed":${JSON.stringify({ reason: draft.reason })}}`
  }
}

/**
 * How every sealed text begins, up to what tells the shapes apart; what follows `"data":` need not be looked at. Sticky, and
 * without a way to backtrack: each part ends where the next one must begin.
 */
const sealedStart = /\{"position":([0-9]+),"revision":([0-9]+),(?:"kind":("(?:[^"\\]|\\.)*"),)?"at":"[^"]*","(data|hole|closed)":/y

/** The entry whose text a log stored, with the mark it stored beside it. The text must be one that `seal` made. */
export function unseal(text: string, mark: Mark): Entry {
  sealedStart.lastIndex = 0
  const [, at, inForce, kind = '""', shape] = sealedStart.exec(text) ?? []
  contract(at !== undefined && inForce !== undefined, "a stored text is one that was sealed")
  const point: Point = { position: position(Number(at)), revision: revision(Number(inForce)), mark }
  if (shape === "data") {
    // A commit says so last, and no JSON value ends with these letters outside of an object of its own.
    const committed = text.endsWith(',"commit":true}')
    return new EventEntry(point, text, utf8Bytes(text), kind.includes("\\") ? JSON.parse(kind) : kind.slice(1, -1), committed)
  }
  const { hole, closed }: MarkerShape = JSON.parse(text)
  if (hole !== undefined) return new HoleEntry(point, text, utf8Bytes(text), hole.count, hole.reason)
  return new CloseEntry(point, text, utf8Bytes(text), closed?.reason ?? "")
}

interface MarkerShape {
  readonly hole?: { readonly count?: number; readonly reason: string }
  readonly closed?: { readonly reason: string }
}

/** The point an entry stands at, without the entry: what outlives it in a floor or a cursor. */
export function pointOf(point: Point): Point {
  return { position: point.position, revision: point.revision, mark: point.mark }
}

/** An event that arrived as JSON, ready to be folded. */
export function foldable(event: SessionEvent): FoldableEvent {
  return { kind: event.kind, committed: event.commit === true, bytes: utf8Bytes(JSON.stringify(event)), event: () => event }
}
