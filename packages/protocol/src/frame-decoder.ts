// Blocks to frames: where what a server sent becomes a precise type, once. A name this release does not know is passed
// over; a known one that lacks what a client relies on is `malformed`, never half a frame, because a client that took it
// would commit a cursor for something it does not have. Fields nobody knows are left where they are.

import { cursorBytesMax, parseEpoch } from "@tidemark/kernel"
import type { Closed, CursorText, Epoch, Json, LiveReplayGap, LiveReplayGapReason, ObservationJson, SessionEvent } from "@tidemark/kernel"
import type { SseBlock } from "./sse-decoder.ts"
import type { CaughtUp, Frame, Hello, Reconnect } from "./wire.ts"

export type FrameOutcome =
  | { readonly type: "frame"; readonly frame: Frame }
  /** Of a name this release does not know: go on. Its id, if it has one, does not count. */
  | { readonly type: "ignored" }
  /** Not what a frame of this name is. Commit nothing and end the connection: what follows cannot be trusted either. */
  | { readonly type: "malformed"; readonly reason: string }

/** Never throws, whatever was received. */
export function decodeFrame(block: SseBlock): FrameOutcome {
  const cursor = isCursorText(block.id) ? block.id : undefined
  const frame = frameOf(block.event, parse(block.data), cursor)
  if (frame === undefined) return { type: "ignored" }
  if (cursor !== block.id) return malformed(block, "its id is not a cursor")
  return typeof frame === "string" ? malformed(block, frame) : { type: "frame", frame }
}

/** The frame, or what is wrong with it; `undefined` for a name nobody knows. */
function frameOf(name: string, data: Data, id: CursorText | undefined): Frame | string | undefined {
  switch (name) {
    case "message":
      if (!isSessionEvent(data)) return "its data is not an event"
      return id === undefined ? hasNoId : { type: "event", data, id }
    case "hello":
      if (!isHello(data)) return "its data is not that of a hello"
      return id === undefined ? { type: "hello", data } : movesNobody
    case "observation":
      if (!isObservation(data)) return "its data is not an observation"
      return data.cursor === id ? { type: "observation", data, id } : "its id is not the cursor of the observation"
    case "gap":
      if (!isGap(data)) return "its data is not a gap"
      return id === undefined ? { type: "gap", data } : movesNobody
    case "caught_up":
      if (!isCaughtUp(data)) return "its data has no position"
      return id === undefined ? hasNoId : { type: "caught_up", data, id }
    case "heartbeat":
      return { type: "heartbeat", id }
    case "reconnect":
      if (!isReconnect(data)) return "its data does not say when and why"
      return id === undefined ? { type: "reconnect", data } : movesNobody
    case "closed":
      return isClosed(data) ? { type: "closed", data, id } : "its data has no reason"
    default:
      return undefined
  }
}

const hasNoId = "it has no id"
const movesNobody = "it has an id, and a frame of this name moves nobody"

function malformed(block: SseBlock, reason: string): FrameOutcome {
  return { type: "malformed", reason: `The frame ${JSON.stringify(block.event)} cannot be used: ${reason}.` }
}

/** `undefined` for what is no JSON. */
function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

type Data = Json | undefined

/** Whether `value` is an object that can be asked for the fields of a `Shape`; each may be missing, or anything. */
function isObject<Shape>(value: unknown): value is { readonly [name in keyof Shape]?: Data } {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

function isSessionEvent(data: unknown): data is SessionEvent {
  return (
    isObject<SessionEvent>(data) &&
    isCount(data.position) &&
    data.position > 0 &&
    isCount(data.revision) &&
    data.revision <= data.position &&
    typeof data.kind === "string" &&
    typeof data.at === "string" &&
    data.data !== undefined &&
    (data.commit === undefined || data.commit === true)
  )
}

function isHello(data: unknown): data is Hello {
  return (
    isObject<Hello>(data) &&
    typeof data.session === "string" &&
    isEpoch(data.epoch) &&
    isCount(data.head) &&
    isCount(data.earliest) &&
    isCount(data.revision) &&
    typeof data.model === "string" &&
    isCount(data.modelVersion) &&
    isCount(data.heartbeatMs) &&
    data.heartbeatMs > 0 &&
    isCount(data.maxAgeMs)
  )
}

function isObservation(data: unknown): data is ObservationJson {
  return (
    isObject<ObservationJson>(data) &&
    typeof data.session === "string" &&
    isEpoch(data.epoch) &&
    isCount(data.revision) &&
    isCount(data.position) &&
    isCursorText(data.cursor) &&
    data.view !== undefined &&
    data.provisional !== undefined &&
    (data.closed === null || isClosed(data.closed)) &&
    (data.view_failed === undefined || data.view_failed === true)
  )
}

function isGap(data: unknown): data is LiveReplayGap {
  return (
    isObject<LiveReplayGap>(data) &&
    typeof data.session === "string" &&
    isGapReason(data.reason) &&
    (data.requested === null || isCursorText(data.requested)) &&
    isCursorText(data.latest) &&
    isCount(data.earliest) &&
    isCount(data.head) &&
    isCount(data.revision) &&
    (data.missed === null || isCount(data.missed))
  )
}

function isCaughtUp(data: unknown): data is CaughtUp {
  return isObject<CaughtUp>(data) && isCount(data.position)
}

function isReconnect(data: unknown): data is Reconnect {
  return isObject<Reconnect>(data) && isCount(data.afterMs) && typeof data.reason === "string"
}

function isClosed(data: unknown): data is Closed {
  return isObject<Closed>(data) && typeof data.reason === "string"
}

/** The whole set: a reason from elsewhere is no reason a client could act on. */
const gapReasons: Record<LiveReplayGapReason, true> = {
  trimmed: true,
  lagged: true,
  epoch: true,
  ahead: true,
  diverged: true,
  hole: true,
  unknown_log: true,
  budget: true,
}

function isGapReason(value: Data): value is LiveReplayGapReason {
  return typeof value === "string" && Object.hasOwn(gapReasons, value)
}

function isEpoch(value: Data): value is Epoch {
  return typeof value === "string" && parseEpoch(value) !== undefined
}

/** What every cursor of every version looks like; what it says is the server's business. */
function isCursorText(value: Data): value is CursorText {
  return typeof value === "string" && value.length <= cursorBytesMax && /^[A-Za-z0-9._-]+$/.test(value)
}

/** A position, a revision, a number of something: whole, from 0, exact. */
function isCount(value: Data): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}
