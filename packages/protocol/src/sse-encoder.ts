// Frames as text. A frame's `id` is its last line (clients in wide use take an id when they read its line, so one that
// came first would be kept although the rest of its frame was cut off), and nothing a publisher says ever becomes a field:
// data has its line breaks turned into further `data:` lines, and an event name or id that could end its line is a bug of
// the caller, never sent.

import { contract, cursorsOf } from "@tidemark/kernel"
import type { Batch, Closed, CursorText, LiveReplayGap, SessionObservation } from "@tidemark/kernel"
import type { CaughtUp, Frame, Hello, Reconnect } from "./wire.ts"

/** The headers of every event stream. Never compress one: a compressor holds frames back. */
export const sseHeaders = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
} as const

/** One frame. */
export interface SseFrame {
  /** Left out: the default type, `message` to a receiver. */
  readonly event?: string
  /** CR, LF and CRLF in it all arrive as LF: the format has no other way. */
  readonly data: string
  /** Where the receiver stands after this frame; left out: where it stood. */
  readonly id?: string
}

/**
 * One frame's text, ended by an empty line.
 *
 * Throws `ContractViolation` for an `event` or `id` that is empty or holds CR, LF or NUL (a receiver ignores an id with
 * NUL, and forgets its place over an empty one), and for half a surrogate pair, which would arrive as something else.
 */
export function encodeFrame(frame: SseFrame): string {
  const event = frame.event === undefined ? "" : `event: ${fieldValue(frame.event)}\n`
  const id = frame.id === undefined ? "" : `id: ${fieldValue(frame.id)}\n`
  contract(!loneSurrogate.test(frame.data), "data with half a surrogate pair cannot be sent as UTF-8")
  return `${event}${lines("data: ", frame.data)}${id}\n`
}

/** The frames of a batch's events, each with its cursor; empty when the filter hid them all. Encode once, share the bytes. */
export function encodeBatch(batch: Batch): string {
  let text = ""
  const cursorAt = cursorsOf(batch.session, batch.epoch)
  for (const entry of batch.events) {
    // Neither needs `encodeFrame`'s checks again: a cursor is made of letters, digits, dots and hyphens, and what was
    // sealed has whole characters only. They would cost a quarter of the frame.
    text += `${lines("data: ", entry.text)}id: ${cursorAt(entry)}\n\n`
  }
  return text
}

/** The frame of a cut, with its cursor. Encode once, share the bytes. */
export function encodeObservation(observation: SessionObservation): string {
  return namedFrame("observation", observation.json(), observation.cursor)
}

/** What every stream begins with, so that headers leave at once. `retryMs`: when a browser comes back, whole milliseconds. */
export function primeFrame(retryMs: number): string {
  return `${retryLine(retryMs)}${lines(": ", "tidemark")}\n`
}

/** Tells a browser when to come back; whole milliseconds from 0. */
export function retryFrame(ms: number): string {
  return `${retryLine(ms)}\n`
}

/** A sign of life that no receiver dispatches. */
export function commentFrame(text: string): string {
  return `${lines(": ", text)}\n`
}

export function helloFrame(hello: Hello): string {
  return namedFrame("hello", hello, undefined)
}

/** Carries no id: the cursor moves with the observation, or with the next event. */
export function gapFrame(gap: LiveReplayGap): string {
  return namedFrame("gap", gap, undefined)
}

export function caughtUpFrame(caughtUp: CaughtUp, cursor: CursorText): string {
  return namedFrame("caught_up", caughtUp, cursor)
}

/** `cursor` where the reader stands, if that is known. */
export function heartbeatFrame(cursor: CursorText | undefined): string {
  return namedFrame("heartbeat", {}, cursor)
}

export function reconnectFrame(reconnect: Reconnect): string {
  return namedFrame("reconnect", reconnect, undefined)
}

/** `cursor` at the close entry; without one when the session was deleted. */
export function closedFrame(closed: Closed, cursor: CursorText | undefined): string {
  return namedFrame("closed", closed, cursor)
}

function namedFrame(event: Exclude<Frame["type"], "event">, data: object, id: CursorText | undefined): string {
  return encodeFrame({ event, data: JSON.stringify(data), ...(id === undefined ? {} : { id }) })
}

function retryLine(ms: number): string {
  contract(Number.isSafeInteger(ms) && ms >= 0, () => `retry is whole milliseconds, not ${ms}: a receiver ignores anything but digits`)
  return `retry: ${ms}\n`
}

/** `text` with `start` before each of its lines, and LF after each. */
function lines(start: string, text: string): string {
  if (!text.includes("\n") && !text.includes("\r")) return `${start}${text}\n`
  return text.split(/\r\n|\r|\n/).map((line) => `${start}${line}\n`).join("")
}

function fieldValue(text: string): string {
  contract(text !== "" && !endsField.test(text), () => `an event name or id is not empty and holds no CR, LF or NUL: ${JSON.stringify(text)}`)
  contract(!loneSurrogate.test(text), "an event name or id with half a surrogate pair cannot be sent as UTF-8")
  return text
}

const endsField = /[\r\n\0]/

/** With the `u` flag a whole pair is one character, so that this finds halves only. */
const loneSurrogate = /[\ud800-\udfff]/u
