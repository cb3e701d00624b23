// Cursors: "everything up to position p of session s in epoch e, at revision r, with mark m", as opaque text.
//
// The text is canonical: parsing one and writing it again gives the same bytes, or it is malformed. It is not signed; a
// check over the whole turns accidents (a cut, a typo, two cursors pasted together) into `malformed`. Fields stand in
// this order, separated by dots: version, tag of the session's name, generation, incarnation, revision, position, mark,
// check; numbers in base 36. A release reads every version ever written.

import { hash48, hash64 } from "./hash.ts"
import { brandCursorText, mark, parseEpoch, position, revision } from "./ids.ts"
import type { CursorText, Epoch, Point, SessionName } from "./ids.ts"

/** A cursor, parsed: a place in one epoch of one session. */
export interface SessionCursor {
  readonly session: SessionName
  readonly epoch: Epoch
  readonly point: Point
}

/** Why a text is not a cursor of this session; each has its own problem type, `cursor-<reason>`. */
export type CursorRejection = "malformed" | "unsupported-version" | "wrong-session"

export type CursorOutcome =
  | { readonly type: "cursor"; readonly cursor: SessionCursor }
  | { readonly type: "rejected"; readonly reason: CursorRejection }

/** Bytes (all ASCII). Longer, and a browser's cross-origin reconnect with `Last-Event-ID` would be preflighted. */
export const cursorBytesMax = 128

const version = "1"

/** The text that names `point` in `epoch` of `session`. */
export function cursorText(session: SessionName, epoch: Epoch, point: Point): CursorText {
  return cursorsOf(session, epoch)(point)
}

/** The same for many points of one epoch: what they have in common is made once. */
export function cursorsOf(session: SessionName, epoch: Epoch): (point: Point) => CursorText {
  const common = `${version}.${nameTag(session)}.${epoch}`
  return ({ revision, position, mark }) => {
    const body = `${common}.${base36(revision)}.${base36(position)}.${base36(mark)}`
    return brandCursorText(`${body}.${check(body)}`)
  }
}

/**
 * Reads a cursor that was presented for `session`. The order is a law (L7): shape, version, session; nothing here asks
 * a store, and the rest (epoch, position, mark) is asked of one only when this says `cursor`.
 */
export function parseCursor(session: SessionName, text: string): CursorOutcome {
  if (text.length > cursorBytesMax) return malformed
  const written = /^(\d{1,4})\.[A-Za-z0-9._-]+$/.exec(text)?.[1]
  if (written === undefined) return malformed
  if (written !== version) return /^[1-9]/.test(written) ? { type: "rejected", reason: "unsupported-version" } : malformed
  const [, tag, generation, incarnation, revisionText, positionText, markText, checkText, ...rest] = text.split(".")
  if (checkText === undefined || rest.length > 0) return malformed
  if (check(text.slice(0, text.length - checkText.length - 1)) !== checkText) return malformed
  const epoch = parseEpoch(`${generation}.${incarnation}`)
  const revisionAt = parseNumber(revisionText)
  const positionAt = parseNumber(positionText)
  const markAt = parseNumber(markText)
  if (epoch === undefined || revisionAt === undefined || positionAt === undefined || markAt === undefined) return malformed
  if (markAt >= 2 ** 48 || revisionAt > positionAt || (positionAt === 0 && markAt !== 0)) return malformed
  if (tag !== nameTag(session)) return { type: "rejected", reason: "wrong-session" }
  const point: Point = { position: position(positionAt), revision: revision(revisionAt), mark: mark(markAt) }
  return { type: "cursor", cursor: { session, epoch, point } }
}

const malformed: CursorOutcome = { type: "rejected", reason: "malformed" }

/** Canonical base 36 only, so that one place has one text. */
function parseNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^(0|[1-9a-z][0-9a-z]{0,10})$/.test(text)) return undefined
  const value = Number.parseInt(text, 36)
  return Number.isSafeInteger(value) ? value : undefined
}

/** 48 bits of the session's name: tells sessions apart without telling their names to whoever holds the cursor. */
function nameTag(session: SessionName): string {
  return base36(hash48(session, 0x7469, 0x6465))
}

function check(body: string): string {
  return base36(hash64(body, 0x6d61, 0x726b).low)
}

/**
 * `value.toString(36)` of a whole number from 0. Written in groups of five digits, because the engine writes numbers beyond
 * 2^31 digit by digit as doubles: 60 ns instead of 200 for a mark.
 */
export function base36(value: number): string {
  if (value < group) return value.toString(36)
  const before = Math.floor(value / group)
  // With a digit in front, so that the group keeps its zeros.
  return base36(before) + (value - before * group + group).toString(36).slice(1)
}

const group = 36 ** 5
